"""Files of leavers: acted on batch by batch, and reported to HR once, whoever dies in between.

What a batch changes is noted in its own transaction, so that a process that takes a file anew reports all of
it; the report goes in the transaction that ends the file.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import structlog

from bot.commands import intake
from bot.conversation import Card
from bot.dispatch import new_incident
from bot.errors import FeedError, FeedRejected
from bot.notices import UNHEARD, Heard, take_notices
from bot.policy import Policy
from bot.ports import FeedReading, LeaverNotice, LeaverSource
from bot.post import to_staff
from bot.wire import dump_card
from storage import feeds, journal
from storage.aside import of_a_row
from storage.engine import Database, Tx

log = structlog.get_logger()
BATCH = 500
"""Notices in one transaction: others who write wait for it, and a process that dies loses no more."""
_NOTED = 1_000
"""Mistakes of one file whose places are kept."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a file changed (or, after a dry run, would change)."""

    counts: Counter[Heard]
    errors: Sequence[FeedError]
    rows: int
    changes: Sequence[tuple[Heard, LeaverNotice]] = ()
    """After a dry run: the first `intake.NAMED` whom it would change, for the page of who laid the file."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file that is being taken: its number in the database, and whether HR looks at what becomes of it."""

    number: int
    data: bytes
    on_desk: bool = False


class _DryRun(Exception):
    def __init__(self, heard: Sequence[Heard]) -> None:
        super().__init__("dry run")
        self.heard = heard


class Importer:
    """The one way of a file into the house: from the command line, the drop folder and HR's desk."""

    def __init__(self, database: Database, policy: Policy, source: LeaverSource, keep_days: int = 0) -> None:
        self._database, self._policy, self._source, self._keep_days = database, policy, source, keep_days
        self.wake: Callable[[], None] = lambda: None
        """Has a file that HR applied taken at once."""

    async def take(self, data: bytes, name: str) -> Result:
        """Act on a file, batch by batch; what it changed in all, also before a process died in it. Raises
        `FeedRejected` when it cannot be read at all."""
        reading = await asyncio.to_thread(self._source.read, data, name)
        digest, ending = (await asyncio.to_thread(hashlib.sha256, data)).digest(), Path(name).suffix
        number = await self._database.run(lambda tx: feeds.begin(tx, ending, digest))
        return await self._taken(_File(number, data), reading)

    async def handle(self, data: bytes, name: str, key: str) -> bool:
        """The same with a dropped file, of which HR is told whatever becomes of it; false when a bug of ours
        is in the way. `key` tells the file from any other, also of the same content."""
        try:
            result = await self.take(data, name)
        except FeedRejected as why:
            await self.reject(data, why, key)
        except Exception as bug:  # the edge where a bug becomes an incident; the files behind it do not wait
            if not of_a_row(bug):
                raise
            code = _incident(bug)
            await self._database.run(lambda tx: _broke(tx, code, key))
            return False
        else:
            log.info("feed_taken", rows=result.rows, mistakes=len(result.errors))
        return True

    async def take_laid(self) -> bool:
        """Take the next file that HR applied on the desk; whether there was one."""
        laid = await self._database.run(feeds.waiting, reads=True)
        if laid is None:
            return False
        try:
            reading = await asyncio.to_thread(self._source.read, laid.data, laid.name)
            await self._taken(_File(laid.number, laid.data, on_desk=True), reading)
        except FeedRejected as why:
            card = intake.rejected_card(why.text)
            await self._database.run(lambda tx: _refuse(tx, laid.number, card))
        except Exception as bug:  # the edge where a bug becomes an incident; HR still has the file
            if not of_a_row(bug):
                raise
            code = _incident(bug)
            await self._database.run(lambda tx: _broke(tx, code, number=laid.number))
        return True

    async def _taken(self, file: _File, reading: FeedReading) -> Result:
        heard: Counter[Heard] = Counter()
        async for batch in _batches(reading):
            heard.update(await self._database.run(partial(self._act, number=file.number, batch=batch)))
        return await self._database.run(lambda tx: self._end(tx, file, reading, heard))

    def _act(self, tx: Tx, number: int, batch: Sequence[LeaverNotice]) -> Sequence[Heard]:
        heard = take_notices(tx, batch, self._policy)
        feeds.note(tx, number, Counter(one.value for one in heard if one not in UNHEARD))
        return heard

    def _end(self, tx: Tx, file: _File, reading: FeedReading, heard: Counter[Heard]) -> Result:
        changed = Counter({Heard(what): count for what, count in feeds.counts(tx, file.number).items()})
        rest = Counter({one: heard[one] for one in UNHEARD})
        rest[Heard.SAME] = heard.total() - changed.total() - heard[Heard.SUPPRESSED]
        counts, errors = changed + rest, [[e.row, e.column, e.rule] for e in reading.errors[:_NOTED]]
        new = bool(changed) or (bool(errors) and not feeds.told(tx, file.number, errors))
        outcome = {"counts": {one.value: count for one, count in counts.items()}, "errors": errors}
        card = intake.report_card(counts, reading.errors)
        shown = {"card": dump_card(card)} if file.on_desk else {}
        kept = file.data if self._keep_days > 0 else None
        if feeds.end(tx, file.number, reading.rows, outcome | shown, kept) and new:
            to_staff(tx, "intake.report", card, str(file.number))
        return Result(counts, reading.errors, reading.rows)

    async def try_out(self, data: bytes, name: str) -> Result:
        """The difference only: every batch is rolled back, nothing is sent."""
        reading = await asyncio.to_thread(self._source.read, data, name)
        counts: Counter[Heard] = Counter()
        changes: list[tuple[Heard, LeaverNotice]] = []
        async for batch in _batches(reading):
            heard = await self._pretended(batch)
            counts.update(heard)
            found = (pair for pair in zip(heard, batch, strict=True) if pair[0] not in UNHEARD)
            changes += islice(found, intake.NAMED - len(changes))
        return Result(counts, reading.errors, reading.rows, changes)

    async def _pretended(self, batch: Sequence[LeaverNotice]) -> Sequence[Heard]:
        def pretend(tx: Tx) -> None:
            raise _DryRun(take_notices(tx, batch, self._policy))

        try:
            await self._database.run(pretend)
        except _DryRun as ended:
            return ended.heard
        raise AssertionError("a dry run always ends with what was heard")

    async def reject(self, data: bytes, why: FeedRejected, key: str) -> None:
        """HR learns once why a dropped file was refused."""
        log.warning("feed_rejected", reason=why.text.key)
        which = f"{hashlib.sha256(data).hexdigest()[:16]}:{why.text.key}:{key}"
        card = intake.rejected_card(why.text)
        await self._database.run(lambda tx: to_staff(tx, "intake.rejected", card, which))

    async def hindered(self, key: str) -> None:
        """HR learns once that a file lies in the folder which cannot be taken out of it."""
        await self._database.run(lambda tx: to_staff(tx, "intake.hindered", intake.hindered_card(), key))


def _refuse(tx: Tx, number: int, card: Card) -> None:
    """Who applied a file sees why it was refused; everybody who runs the network is told."""
    if feeds.end(tx, number, 0, {"card": dump_card(card)}):
        to_staff(tx, "intake.rejected", card, str(number))


def _incident(bug: Exception) -> str:
    code = new_incident()
    log.error("incident", code=code, what="feed", error=type(bug).__name__, exc_info=bug)
    return code


def _broke(tx: Tx, code: str, key: str = "", number: int | None = None) -> None:
    journal.write(tx, "incident", detail=code)
    card = intake.broken_card(code, stays=number is None)
    if number is None:
        to_staff(tx, "intake.broken", card, key)
    else:
        _refuse(tx, number, card)


async def _batches(reading: FeedReading) -> AsyncIterator[Sequence[LeaverNotice]]:
    """`BATCH` notices each, read in a thread; what is said about one employee number is never torn apart."""
    batches = _grouped(reading.notices)
    while batch := await asyncio.to_thread(next, batches, ()):
        yield batch


def _grouped(notices: Iterable[LeaverNotice]) -> Iterator[Sequence[LeaverNotice]]:
    batch: list[LeaverNotice] = []
    for notice in notices:
        last = batch[-1] if len(batch) >= BATCH else notice
        if (last.entity, last.employee_number) != (notice.entity, notice.employee_number):
            yield batch
            batch = []
        batch.append(notice)
    yield batch
