"""Events that were acknowledged but whose effect is missing (a crash in between, a bug) are driven again."""

from __future__ import annotations

import structlog

from bot.commands import undelivered as cards
from bot.dispatch import Dispatcher
from bot.post import to_staff
from bot.wire import load_event
from storage import inbox
from storage.columns import InvalidTag
from storage.engine import Database, Tx, now
from storage.inbox import Waiting

log = structlog.get_logger()


async def redrive(database: Database, dispatcher: Dispatcher) -> bool:
    """One batch of unfinished events; whether there were any."""
    rows = await database.run(inbox.unfinished)
    for waiting in rows:
        try:
            event, side = load_event(waiting.opened(database.vault))
        except (InvalidTag, LookupError, ValueError) as unreadable:  # the others do not wait for it
            log.error("event_unreadable", error=type(unreadable).__name__, **_known(waiting))
            continue
        await dispatcher.drive(event, side)
    for lost in await database.run(_given_up) if rows else ():
        log.error("event_given_up", **_known(lost))
    return bool(rows)


def _given_up(tx: Tx) -> list[Waiting]:
    """What was tried for long enough; who runs the network is told, at most once a day."""
    lost = inbox.give_up(tx)
    if lost:
        to_staff(tx, "undelivered.unheard", cards.unheard(), f"{now(tx):%Y%m%d}")
    return lost


def _known(waiting: Waiting) -> dict[str, str | int]:
    """What may be logged of an event, and finds its row."""
    platform, _, event_id = waiting.key
    return {"platform": platform, "event_id": event_id, "tries": waiting.tries}
