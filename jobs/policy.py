"""HR's decisions by the clock: every process follows the newest version; HR is warned of an expiring link."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.commands import policy as cards
from bot.policy import Policy
from bot.post import to_staff
from bot.rulebook import Rulebook
from storage.engine import Database, Tx, now

WARNED = timedelta(days=7)
"""So long before the invitation link's last day."""
_LATE = timedelta(days=30)


async def follow(rulebook: Rulebook) -> bool:
    """Take over what was saved by another process; whether there was anything."""
    return await asyncio.to_thread(rulebook.refresh)


async def warn(database: Database, policy: Policy) -> bool:
    """Tell HR once that the invitation link is about to end; never counts as work still to be done."""
    await database.run(lambda tx: warn_hr(tx, policy))
    return False


def warn_hr(tx: Tx, policy: Policy) -> None:
    """A card to everybody who runs the network, from a week before the last day on, each once a link.

    Not for a link that ended long ago: the outbox remembers what it sent for 90 days only.
    """
    last, today = policy.invitation_expires, policy.day(now(tx))
    if policy.invitation_url and last is not None and last - WARNED <= today <= last + _LATE:
        to_staff(tx, "policy.link_expires", cards.link_expires(policy, last), f"{last:%Y%m%d}")
