"""What is kept no longer than it is needed: handled ids, delivered rows, sealed files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot import erasing
from jobs import apart
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
from storage.addresses import AddressChange
from storage.aside import Those
from storage.engine import Database, Tx, now, wire
from storage.erasures import Why
from storage.outdated import Outdated
from storage.referrals import Referral
from storage.returns import ReturnRequest

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
    for step in OVER:
        while await apart.bring_on(database, step):
            pass
    while await database.run(queue.tidy):
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


# --- what people began and nobody finished, and candidates who are kept no longer -------------------------


def _lapses(tx: Tx, request: ReturnRequest) -> None:
    erasing.visitor(tx, request, Why.SILENT)


def _is_dropped(tx: Tx, change: AddressChange) -> None:
    for kind in ("address.proof", "address.approval"):
        outbox.cancel_kind(tx, change.person_id, kind)
    addresses.drop(tx, change)


def _parts(tx: Tx, referral: Referral) -> None:
    erasing.candidate(tx, referral, Why.OWN)  # for as long as they had agreed to
    referrals.drop(tx, referral)


def _outlived(tx: Tx, those: Those) -> Sequence[Referral]:
    return referrals.outlived(tx, now(tx) - referrals.KEPT_FOR, AT_ONCE, those)


def _changes(tx: Tx, those: Those) -> Sequence[AddressChange]:
    return addresses.expired(tx, AT_ONCE, those)


OVER: tuple[apart.Step[Any], ...] = (
    apart.Step(
        "housekeeping.requests", lambda tx, those: returns.expired(tx, AT_ONCE, those), apart.each(_lapses)
    ),
    apart.Step("housekeeping.changes", _changes, apart.each(_is_dropped)),
    apart.Step("housekeeping.candidates", _outlived, apart.each(_parts)),
)
