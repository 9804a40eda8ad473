"""HR is told once a day that messages could not be delivered: so many, in one card, never one by one."""

from __future__ import annotations

from datetime import timedelta

from bot.commands import undelivered as cards
from bot.post import to_staff
from storage import accounts, given_up
from storage.engine import Database, Tx, now
from storage.outbox import Route

KIND = "undelivered.told"
ROUTES = tuple(route for route in cards.ROUTES if route is not Route.STAFF)
"""Not what was for HR itself: the card about it would meet the same fate."""
OWN_CARD = ("mailbox_refused", "no_private_address")
"""Reasons of which HR hears beside the leaver's name (`decisions.stuck`)."""
TOGETHER = timedelta(minutes=10)
"""So long it waits for others: what fails together is told together."""
REST = timedelta(days=1)


async def tell(database: Database) -> bool:
    """Tell HR if there is anything new; whether there was."""
    return await database.run(tell_hr)


def tell_hr(tx: Tx) -> bool:
    """A card to everybody who runs the network about what was given up since the last one."""
    new, at = given_up.untold(tx, KIND, ROUTES, OWN_CARD), now(tx)
    rested = new.told_at is None or at - new.told_at >= REST
    due = rested and new.since is not None and at - new.since >= TOGETHER
    if due:
        to_staff(tx, KIND, cards.told(new.count), f"{at:%Y%m%d%H%M}")
    return due and bool(accounts.staff(tx))
