"""What is kept no longer than it is needed: handled ids, delivered rows, sealed files."""

from __future__ import annotations

from datetime import timedelta

from bot import erasing
from storage import (
    accounts,
    addresses,
    checkins,
    codes,
    feeds,
    inbox,
    journal,
    outbox,
    pace,
    returns,
    sessions,
    uploads,
)
from storage.engine import Database, Tx, now
from storage.erasures import Why


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
        sessions.sweep(tx, at)
        uploads.sweep(tx, at)
        pace.sweep(tx)
        lapse(tx)

    await database.run(sweep)
    await database.write_back()
    return False


def lapse(tx: Tx) -> None:
    """What people began and nobody finished: requests of visitors, and addresses that were never proven."""
    for request in returns.expired(tx):
        erasing.visitor(tx, request, Why.SILENT)
    for change in addresses.expired(tx):
        for kind in ("address.proof", "address.approval"):
            outbox.cancel_kind(tx, change.person_id, kind)
        addresses.drop(tx, change)
