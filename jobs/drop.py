"""The folder that HR's export writes into: what has come to rest is taken, and not left lying around.

Nobody says when a file is complete, and names come again. So a file is first put aside under a name of ours,
which no export writes to: whoever can do that has it, and what cannot be put aside is not taken. Once taken
it is named after what was read of it, and goes when it still looks so much later; else it is taken again.
A process that dies leaves nothing but those names, and the next one goes on from them.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import structlog

from bot.errors import FeedRejected

log = structlog.get_logger()
ENDINGS = (".csv", ".tsv", ".txt")
RESTS, UNENDED = 3, 30
"""In how many looks a file is the same before it is taken; one that is empty, or whose last line has no end,
may be cut in the middle of a day (`2026-03-3`), and waits longer."""
LONGER = 10
"""So many times as many looks it is the same before it is removed."""
_MOST = 360
_OURS = re.compile(r"\.okaeri-[0-9a-f]{16}(-\d+-\d+)?\.\w+")


class Taker(Protocol):
    """What becomes of a file; `key` tells it from any other."""

    async def handle(self, data: bytes, name: str, key: str) -> bool:
        """Take it; false when it is to be tried again later."""
        ...

    async def reject(self, data: bytes, why: FeedRejected, key: str) -> None:
        """Tell that it is not taken."""
        ...

    async def hindered(self, key: str) -> None:
        """Tell that something keeps us from it."""
        ...


class Mark(NamedTuple):
    """By what a change of a file is seen."""

    node: int
    size: int
    written: int
    """Nanoseconds."""

    @classmethod
    def of(cls, info: os.stat_result) -> Mark:
        """From what the system says."""
        return cls(info.st_ino, info.st_size, info.st_mtime_ns)

    def __str__(self) -> str:
        """What stays the same under another name and in another process."""
        return f"{self.size}-{self.written}"


@dataclass(slots=True)
class _Seen:
    """In how many looks a file was the same, how often it could not be taken, whether that was told."""

    mark: Mark
    looks: int = 0
    failures: int = 0
    told: bool = False

    def rested(self, path: Path, times: int = 1) -> bool:
        """Whether it has been the same for long enough. Raises `OSError` when it cannot be read."""
        times <<= self.failures
        if self.looks < min(_MOST, RESTS * times):
            return False
        return self.looks >= min(_MOST, (RESTS if _ended(path) else UNENDED) * times)


@dataclass(slots=True)
class DropFolder:
    """A folder that HR's export writes into; polled, because such folders are often network shares."""

    folder: Path
    importer: Taker
    max_bytes: int = 20_000_000
    _seen: dict[Path, _Seen] = field(default_factory=dict)

    async def poll(self) -> bool:
        """Take every file that has come to rest; whether there was one, or one that soon will."""
        found = await asyncio.to_thread(self._look)
        known = {path: self._seen.get(path) for path in found}
        self._seen = {
            path: seen if seen and seen.mark == found[path] else _Seen(found[path])
            for path, seen in known.items()
        }
        busy = False
        for path, seen in sorted(self._seen.items(), key=_order):
            seen.looks += 1
            if _as_taken(path, seen.mark):
                await self._clear_away(path, seen)
            else:
                busy = await self._goes(path, seen) or busy
        return busy

    def _look(self) -> dict[Path, Mark]:
        found: dict[Path, Mark] = {}
        for path in self.folder.iterdir():
            hidden = path.name.startswith((".", "~")) and not _OURS.fullmatch(path.name)
            if path.suffix.lower() in ENDINGS and not hidden and (mark := _mark(path)):
                found[path] = mark
        return found

    async def _goes(self, path: Path, seen: _Seen) -> bool:
        """Take a file if it has come to rest; whether it was taken or soon will be."""
        try:
            if not await asyncio.to_thread(seen.rested, path):
                return not seen.failures
            aside = await asyncio.to_thread(self._put_aside, path, seen)
            data = await asyncio.to_thread(self._read, aside, seen.mark) if aside else None
        except FileNotFoundError:  # another process has it
            return False
        except OSError as trouble:
            return await self._hindered(seen, trouble)
        if aside and data is not None:
            return await self._taken(aside, seen, data)
        return True

    def _put_aside(self, path: Path, seen: _Seen) -> Path | None:
        """Where it lies from now on; `None` when it is not what has rested."""
        if _mark(path) != seen.mark:
            return None
        if _OURS.fullmatch(path.name):
            return path
        aside = self.folder / f".okaeri-{secrets.token_hex(8)}{path.suffix}"
        path.rename(aside)
        self._seen[aside] = self._seen.pop(path)
        return aside

    def _read(self, path: Path, mark: Mark) -> bytes | None:
        """Its content, at most one byte more than is taken; `None` when it changed meanwhile."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            before = Mark.of(os.fstat(descriptor))
            data = file.read(self.max_bytes + 1)
            return data if before == Mark.of(os.fstat(descriptor)) == mark else None

    async def _taken(self, path: Path, seen: _Seen, data: bytes) -> bool:
        if len(data) > self.max_bytes:
            why = FeedRejected("feed.too_large", megabytes=self.max_bytes // 1_000_000)
            await self.importer.reject(data, why, str(seen.mark))
        elif not await self.importer.handle(data, path.name, str(seen.mark)):
            seen.looks, seen.failures = 0, seen.failures + 1
            return False
        with suppress(FileNotFoundError):  # two that both believe to lead
            await asyncio.to_thread(path.rename, _name_as_taken(path, seen.mark))
        return True

    async def _hindered(self, seen: _Seen, trouble: OSError) -> bool:
        """An export may still write it, or somebody look at it; after a while HR is told."""
        if seen.looks >= UNENDED and not seen.told:
            log.warning("feed_hindered", error=type(trouble).__name__)
            await self.importer.hindered(str(seen.mark))
            seen.told = True
        return not seen.told

    async def _clear_away(self, path: Path, seen: _Seen) -> None:
        try:
            if await asyncio.to_thread(seen.rested, path, LONGER):
                await asyncio.to_thread(_remove, path, seen.mark)
        except OSError as trouble:
            if not seen.told:
                log.warning("feed_not_removed", error=type(trouble).__name__)
            seen.told = True


def _order(found: tuple[Path, _Seen]) -> tuple[bool, int, str]:
    """What was begun comes first, then what was written first: of two files about one person the later one
    holds."""
    path, seen = found
    return not _OURS.fullmatch(path.name), seen.mark.written, path.name


def _mark(path: Path) -> Mark | None:
    """`None` for what is gone, or no plain file."""
    with suppress(FileNotFoundError):
        info = path.lstat()
        return Mark.of(info) if stat.S_ISREG(info.st_mode) else None
    return None


def _ended(path: Path) -> bool:
    """Whether the last line has its end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read(1) in (b"\n", b"\r")


def _as_taken(path: Path, mark: Mark) -> bool:
    """Whether a file was taken, and is what it was then."""
    ours = _OURS.fullmatch(path.name)
    return ours is not None and ours[1] == f"-{mark}"


def _name_as_taken(path: Path, mark: Mark) -> Path:
    return path.with_name(f"{path.name[: len('.okaeri-') + 16]}-{mark}{path.suffix}")


def _remove(path: Path, mark: Mark) -> None:
    if _mark(path) == mark:
        path.unlink(missing_ok=True)
