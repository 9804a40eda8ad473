"""What is kept no longer than it is needed: handled ids, delivered rows, sealed files."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot import erasing
from storage import (
    accounts,
    addresses,
    checkins,
    codes,
    delivering,
    downloads,
    feeds,
    inbox,
    interests,
    journal,
    openings,
    outbox,
    pace,
    referrals,
    returns,
    sessions,
    uploads,
)
from storage.engine import Database, Tx, now
from storage.erasures import Why


class Housekeeping:
    """One round an hour, however often it is asked for."""

    def __init__(self, database: Database, keep_files_days: int) -> None:
        self._database, self._days = database, keep_files_days
        self._last: datetime | None = None

    async def tidy(self) -> bool:
        """A round, if one is due; never counts as work that keeps the house from being quiet."""
        at = self._database.clock.now()
        if self._last is None or at - self._last >= timedelta(hours=1) or at < self._last:
            await tidy(self._database, self._days)
            self._last = at
        return False


async def tidy(database: Database, keep_files_days: int) -> bool:
    """One round; never counts as work that keeps the house from being quiet."""

    def sweep(tx: Tx) -> None:
        at = now(tx)
        inbox.sweep(tx, at - timedelta(days=7))
        outbox.sweep(tx, at - timedelta(days=90))
        delivering.purge(tx, at - timedelta(days=30))
        feeds.forget(tx, at - timedelta(days=keep_files_days))
        codes.sweep(tx, at)
        feeds.sweep(tx, at - timedelta(days=365))
        journal.sweep(tx, at - timedelta(days=3 * 365))
        checkins.sweep(tx, at - timedelta(days=3 * 365))
        accounts.sweep(tx, at - timedelta(days=90))
        sessions.sweep(tx, at)
        uploads.sweep(tx, at)
        downloads.sweep(tx, at)
        pace.sweep(tx)
        lapse(tx)
        part(tx)
        interests.forget(tx, openings.closed_before(tx, at - timedelta(days=180)))
        openings.sweep(tx, at - timedelta(days=3 * 365))

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


def part(tx: Tx) -> None:
    """Candidates whose opening closed long ago, and marks of mailboxes that may be asked again."""
    for referral in referrals.outlived(tx, now(tx) - referrals.KEPT_FOR):
        erasing.candidate(tx, referral, Why.OWN)  # for as long as they had agreed to
        referrals.drop(tx, referral)
