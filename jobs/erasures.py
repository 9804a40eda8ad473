"""The list of erasures outside the database: one line each, random ids only, so that a restored backup can be
brought in step before anything is sent. And the log of the database is emptied right after an erasure."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import structlog

from bot import erasing
from storage import erasures
from storage.engine import Database, Tx
from storage.erasures import Erasure, Told, Why

log = structlog.get_logger()


class Erasures:
    """Keeps file and table in step; `path` is `None` for a database that lies in no file."""

    def __init__(self, database: Database, path: Path | None) -> None:
        self._database, self._path = database, path
        self._written = 0

    def replay(self) -> int:
        """At the start, before any sweep: erase again whom the file names and the database still knows.

        How many that were. A line that cannot be read is passed over and reported. Raises `OSError` when the
        file is there and cannot be read: then nothing may be sent either.
        """
        listed = _read(self._path)
        again = self._database.run_now(lambda tx: _again(tx, listed))
        if again:
            self._database.unwiped.set()
            log.warning("erased_again", people=again)
        known = {told.person_id for told in listed}
        self._database.run_now(lambda tx: self._catch_up(tx, known), True)
        return again

    def _catch_up(self, tx: Tx, known: set[str]) -> None:
        """Where the file ends: everything after the last erasure that it knows is still to be written."""
        for row in erasures.after(tx, 0, limit=1_000_000):
            if row.person_id not in known:
                break
            self._written = row.id

    async def keep(self) -> bool:
        """Write what is not in the file yet, then bring erased words off the disk, and what was taken back;
        whether anybody was erased."""
        rows = await self._database.run(lambda tx: list(erasures.after(tx, self._written)), reads=True)
        if rows:
            self._database.unwiped.set()  # another process may have erased them
            if self._path is not None:
                await asyncio.to_thread(_append, self._path, rows)
            self._written = rows[-1].id
        if self._database.unwiped.is_set():
            await self._database.write_back()
        return bool(rows)


def _again(tx: Tx, listed: Iterable[Told]) -> int:
    known = erasures.ids(tx)
    return sum(erasing.again(tx, told) for told in listed if told.person_id not in known)


def _line(row: Erasure) -> str:
    return json.dumps(
        {
            "person": row.person_id,
            "why": row.why.value,
            "asked": row.asked_at.isoformat(),
            "done": row.done_at.isoformat(),
            "proof": row.proof.hex(),
        }
    )


def _append(path: Path, rows: Iterable[Erasure]) -> None:
    """One write, on the disk before this returns; a line torn by a crash gets an end of its own first."""
    words = "".join(f"{_line(row)}\n" for row in rows)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
        file.write((("\n" if torn else "") + words).encode())
        os.fsync(file.fileno())


def _read(path: Path | None) -> list[Told]:
    if path is None or not path.exists():
        return []
    found, unreadable = [], 0
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            found.append(_told(line))
        except (ValueError, KeyError, TypeError):
            unreadable += bool(line.strip())
    if unreadable:
        log.error("erasures_unreadable", lines=unreadable)
    return list({told.person_id: told for told in found}.values())


def _told(line: str) -> Told:
    said = json.loads(line)
    moments = [datetime.fromisoformat(said[name]) for name in ("asked", "done")]
    if any(at.tzinfo is None for at in moments):
        raise ValueError("a moment without a time zone")
    return Told(str(said["person"])[:40], Why(said["why"]), *moments)
