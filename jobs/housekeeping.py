"""What is kept no longer than it is needed: handled ids, delivered rows, sealed files."""

from __future__ import annotations

from datetime import timedelta

from storage import accounts, checkins, codes, feeds, inbox, journal, outbox
from storage.engine import Database, Tx, now


async def tidy(database: Database, keep_files_days: int) -> bool:
    """One round; never counts as work that keeps the house from being quiet."""

    def sweep(tx: Tx) -> None:
        at = now(tx)
        inbox.sweep(tx, at - timedelta(days=7))
        outbox.sweep(tx, at - timedelta(days=90))
        feeds.forget(tx, at - timedelta(days=keep_files_days))
        codes.sweep(tx, at)
        feeds.sweep(tx, at - timedelta(days=365))
        journal.sweep(tx, at - timedelta(days=3 * 365))
        checkins.sweep(tx, at - timedelta(days=3 * 365))
        accounts.sweep(tx, at - timedelta(days=90))

    await database.run(sweep)
    await database.write_back()
    return False
