"""Files of leavers: read, acted on batch by batch, reported to HR, and not left lying around.

A file in the drop folder is taken when its size was the same in two polls; links, folders and hidden files
are not.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import structlog

from bot.commands import intake
from bot.errors import FeedError, FeedRejected
from bot.notices import UNHEARD, Heard, take_notices
from bot.policy import Policy
from bot.ports import FeedReading, LeaverNotice, LeaverSource
from bot.post import to_staff
from storage import feeds
from storage.engine import Database, Tx

log = structlog.get_logger()
BATCH = 500
"""Notices in one transaction: others who write wait for it, and a process that dies loses no more."""
ENDINGS = (".csv", ".tsv", ".txt")


@dataclass(frozen=True, slots=True)
class Result:
    """What a file changed (or, after a dry run, would change)."""

    counts: Counter[Heard]
    errors: Sequence[FeedError]
    rows: int
    changes: Sequence[tuple[Heard, LeaverNotice]] = ()
    """After a dry run: the first `intake.NAMED` whom it would change, for the page of who laid the file."""


class _DryRun(Exception):
    def __init__(self, heard: Sequence[Heard]) -> None:
        super().__init__("dry run")
        self.heard = heard


class Importer:
    """The one way of a file into the house, for the command line and the drop folder."""

    def __init__(self, database: Database, policy: Policy, source: LeaverSource, keep_days: int = 0) -> None:
        self._database, self._policy, self._source, self._keep_days = database, policy, source, keep_days

    async def take(self, data: bytes, name: str) -> Result:
        """Act on a file, batch by batch. Raises `FeedRejected` when it cannot be read at all."""
        reading = await asyncio.to_thread(self._source.read, data, name)
        counts: Counter[Heard] = Counter()
        async for batch in _batches(reading):
            heard = await self._database.run(partial(take_notices, notices=batch, policy=self._policy))
            counts.update(heard)
        await self._database.run(lambda tx: self._record(tx, data, name, reading, counts))
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

    def _record(self, tx: Tx, data: bytes, name: str, reading: FeedReading, counts: Counter[Heard]) -> None:
        digest = hashlib.sha256(data).digest()
        file = feeds.read_now(tx, Path(name).suffix, digest)
        file.rows = reading.rows
        errors = [[e.row, e.column, e.rule] for e in reading.errors[:1000]]
        file.outcome = {"counts": {h.value: n for h, n in counts.items()}, "errors": errors}
        feeds.keep(tx, file, data if self._keep_days > 0 else None)
        changed = reading.errors or any(heard not in UNHEARD for heard in counts)
        if changed:
            card = intake.report_card(counts, reading.errors)
            to_staff(tx, "intake.report", card, str(file.id))

    async def reject(self, data: bytes, why: FeedRejected) -> None:
        """HR learns why a dropped file was refused."""
        digest = hashlib.sha256(data).hexdigest()[:16]
        card = intake.rejected_card(why.text)
        at = self._database.clock.now()
        await self._database.run(
            lambda tx: to_staff(tx, "intake.rejected", card, f"{digest}:{at:%Y%m%d%H%M}")
        )


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


@dataclass(slots=True)
class DropFolder:
    """A folder that HR's export writes into; polled, because such folders are often network shares."""

    folder: Path
    importer: Importer
    max_bytes: int = 20_000_000
    _sizes: dict[Path, tuple[int, int]] = field(default_factory=dict)

    async def poll(self) -> bool:
        """Take every file that has come to rest; whether there was one or one is still growing."""
        sizes = await asyncio.to_thread(self._look)
        resting = [path for path, size in sizes.items() if self._sizes.get(path) == size]
        self._sizes = {path: size for path, size in sizes.items() if path not in resting}
        for path in resting:
            await self._take(path)
        return bool(sizes)

    def _look(self) -> dict[Path, tuple[int, int]]:
        found: dict[Path, tuple[int, int]] = {}
        for path in sorted(self.folder.iterdir()):
            try:
                info = path.lstat()
            except FileNotFoundError:
                continue
            plain = stat.S_ISREG(info.st_mode) and not path.name.startswith((".", "~"))
            if plain and path.suffix.lower() in ENDINGS:
                found[path] = (info.st_size, info.st_mtime_ns)
        return found

    async def _take(self, path: Path) -> None:
        data = b""
        try:
            data = await asyncio.to_thread(self._read, path)
            result = await self.importer.take(data, path.name)
            log.info("feed_taken", rows=result.rows, mistakes=len(result.errors))
        except FeedRejected as why:
            log.warning("feed_rejected", reason=why.text.key)
            await self.importer.reject(data, why)
        except OSError as trouble:  # gone, a link by now, or not ours to read; others do not wait
            log.warning("feed_unreadable", error=type(trouble).__name__)
            return
        await asyncio.to_thread(path.unlink, missing_ok=True)

    def _read(self, path: Path) -> bytes:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(self.max_bytes + 1)
        if len(data) > self.max_bytes:
            raise FeedRejected("feed.too_large", megabytes=self.max_bytes // 1_000_000)
        return data
