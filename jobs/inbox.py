"""Events that were acknowledged but whose effect is missing (a crash in between) are driven again."""

from __future__ import annotations

from bot.dispatch import Dispatcher
from bot.wire import load_event
from storage import inbox
from storage.engine import Database


async def redrive(database: Database, dispatcher: Dispatcher) -> bool:
    """One batch of unfinished events; whether there were any."""
    rows = await database.run(inbox.unfinished)
    for _, payload in rows:
        event, side = load_event(payload)
        await dispatcher.drive(event, side)
    return bool(rows)
