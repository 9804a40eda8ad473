"""What the platforms know about accounts: who of the staff has which, and the language and standing of all
others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from bot.conversation import Address, Platform, Side
from bot.errors import Away, Retry, Trouble, Undeliverable
from bot.ports import Messenger
from jobs import lanes
from storage import accounts, pace
from storage.engine import Database, now

FRESH = timedelta(days=30)
ANEW = timedelta(hours=1)
"""So long an account rests about which a platform gave no answer, while it answers about others."""
PATIENCE = 5.0
"""Seconds that a search by e-mail waits for its place; a lane closed for longer is left to the next sweep."""


async def find_staff(database: Database, chats: Mapping[Side, Messenger], factor: float = 1.0) -> bool:
    """Look up the company accounts of staff and managers named by e-mail; whether one was found.

    `factor` 0 is for a platform that does not mind how often it is asked.
    """
    chat = chats.get(Side.COMPANY)
    if chat is None:
        return False
    wanted = await database.run(accounts.unfound, reads=True)
    found = False
    for email in wanted:
        search = lanes.search(Side.COMPANY, factor)
        while full := await _taken(database, search):
            if full.seconds > PATIENCE:
                return found
            await asyncio.sleep(full.seconds)
        try:
            address = await chat.find(Side.COMPANY, email)
        except Away as away:
            await _closed(database, search, away)
            return found
        except Trouble:
            continue
        await database.run(lambda tx, e=email, a=address: accounts.staff_found(tx, e, a))  # type: ignore[misc]
        found = True
    return found


async def look(database: Database, chats: Mapping[Side, Messenger], factor: float = 1.0) -> bool:
    """Ask the platforms about accounts never looked at, or not for a month; whether any answered.

    `factor` 0 is for a platform that does not mind how often it is asked.
    """
    rows = await database.run(lambda tx: accounts.unlooked(tx, now(tx) - FRESH, lanes.LOOKS), reads=True)
    answered, silent = False, set[tuple[Platform, str]]()
    for side, address in rows:
        chat = chats.get(side)
        place = (address.platform, address.workspace)
        if chat is None or place in silent:
            continue
        describing = lanes.describing(side, factor)
        if await _taken(database, describing):
            silent.add(place)
            continue
        try:
            looks = await chat.look(address)
        except Undeliverable as unknown:
            if unknown.reason == "no_app":
                await _put_off(database, address, FRESH)
            else:
                await database.run(lambda tx, a=address: accounts.gone(tx, a))  # type: ignore[misc]
            continue
        except Away as away:
            await _closed(database, describing, away)
            silent.add(place)
            continue
        except Retry as later:  # without a time: nobody may ask about this one
            await _put_off(database, address, ANEW if later.after else FRESH)
            continue
        except Trouble:
            await _put_off(database, address, ANEW)
            continue
        await database.run(
            lambda tx, a=address, k=looks: accounts.looked(tx, a, k.standing, k.locale, k.zone)  # type: ignore[misc]
        )
        answered = True
    return answered


async def _put_off(database: Database, address: Address, pause: timedelta) -> None:
    """Not asked about again before `pause` is over."""
    await database.run(lambda tx: accounts.put_off(tx, address, now(tx) - FRESH + pause))


async def _closed(database: Database, place: pace.Place, away: Away) -> None:
    """Nobody asks a platform before the time that it named."""
    await database.run(lambda tx: pace.park(tx, place.key, away.after))


async def _taken(database: Database, place: pace.Place) -> pace.Full | None:
    """A place in a lane, or that it has none now."""
    return await database.run(lambda tx: pace.Lanes(tx, [place.key]).take([place]))
