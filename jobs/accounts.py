"""What the platforms know about accounts: who of the staff has which, and the language and standing of all
others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from bot.conversation import Platform, Side
from bot.errors import Retry, Trouble, Undeliverable
from bot.ports import Messenger
from jobs import lanes
from storage import accounts, pace
from storage.engine import Database, now

FRESH = timedelta(days=30)
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
        if await _taken(database, lanes.describing(side, factor)):
            silent.add(place)
            continue
        try:
            looks = await chat.look(address)
        except Undeliverable as unknown:
            mark = accounts.put_off if unknown.reason == "no_app" else accounts.gone
            await database.run(lambda tx, a=address, m=mark: m(tx, a))  # type: ignore[misc]
            continue
        except Retry as later:
            if later.after:  # a platform that is full or broken is not asked on in this sweep
                silent.add(place)
            else:
                await database.run(lambda tx, a=address: accounts.put_off(tx, a))  # type: ignore[misc]
            continue
        except Trouble:
            silent.add(place)
            continue
        await database.run(
            lambda tx, a=address, k=looks: accounts.looked(tx, a, k.standing, k.locale, k.zone)  # type: ignore[misc]
        )
        answered = True
    return answered


async def _taken(database: Database, place: pace.Place) -> pace.Full | None:
    """A place in a lane, or that it has none now."""
    return await database.run(lambda tx: pace.Lanes(tx, [place.key]).take([place]))
