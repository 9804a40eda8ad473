"""Events that were acknowledged but whose effect is missing (a crash in between) are driven again."""

from __future__ import annotations

import structlog

from bot.dispatch import Dispatcher
from bot.wire import load_event
from storage import inbox
from storage.engine import Database

log = structlog.get_logger()


async def redrive(database: Database, dispatcher: Dispatcher) -> bool:
    """One batch of unfinished events; whether there were any."""
    rows = await database.run(inbox.unfinished)
    for _, payload in rows:
        try:
            event, side = load_event(payload)
        except ValueError as unreadable:  # the others do not wait for it; it is forgotten with its tries
            log.error("event_unreadable", error=type(unreadable).__name__)
            continue
        await dispatcher.drive(event, side)
    return bool(rows)
