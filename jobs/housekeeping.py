"""What is kept no longer than it is needed: handled ids, delivered rows, sealed files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot import erasing
from storage import (
    accounts,
    addresses,
    checkins,
    codes,
    downloads,
    feeds,
    given_up,
    inbox,
    interests,
    journal,
    openings,
    outbox,
    pace,
    queue,
    referrals,
    returns,
    sessions,
    uploads,
)
from storage.engine import Database, Tx, now, wire
from storage.erasures import Why
from storage.outdated import Outdated

AT_ONCE = 20
"""People who are erased in one transaction."""


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

    at = database.clock.now()
    await database.run(lambda tx: feeds.forget(tx, at - timedelta(days=keep_files_days)))
    for some in (lapse, part, queue.tidy):
        while await database.run(some):
            pass
    for old in _outdated(at, await database.run(wire, reads=True)):
        while await database.run(old.there, reads=True):
            await database.run(old.clear, guarded=True)
    await database.write_back()
    return False


def _outdated(at: datetime, on_wire: float) -> Iterator[Outdated]:
    """What is over at a moment, in an order in which nothing is left that points nowhere."""
    year = timedelta(days=365)
    yield inbox.outdated(at - inbox.KEPT)
    yield outbox.outdated(at - timedelta(days=90))
    yield given_up.outdated(at - timedelta(days=30))
    yield codes.outdated(at)
    yield feeds.outdated(at - year)
    yield journal.outdated(at - 3 * year)
    yield checkins.outdated(at - 3 * year)
    yield accounts.outdated(at - timedelta(days=90))
    yield from sessions.outdated(at)
    yield uploads.outdated(at)
    yield downloads.outdated(at)
    yield pace.outdated(on_wire)
    yield interests.outdated(openings.closed_before(at - timedelta(days=180)))
    yield from openings.outdated(at - 3 * year)


def lapse(tx: Tx) -> bool:
    """Some of what people began and nobody finished: requests of visitors, and addresses that were never
    proven; whether there was any."""
    requests, changes = returns.expired(tx, AT_ONCE), addresses.expired(tx, AT_ONCE)
    for request in requests:
        erasing.visitor(tx, request, Why.SILENT)
    for change in changes:
        for kind in ("address.proof", "address.approval"):
            outbox.cancel_kind(tx, change.person_id, kind)
        addresses.drop(tx, change)
    return bool(requests or changes)


def part(tx: Tx) -> bool:
    """Some candidates whose opening closed long ago, and marks of mailboxes that may be asked again; whether
    there were any."""
    over = referrals.outlived(tx, now(tx) - referrals.KEPT_FOR, AT_ONCE)
    for referral in over:
        erasing.candidate(tx, referral, Why.OWN)  # for as long as they had agreed to
        referrals.drop(tx, referral)
    return bool(over)
