"""SQLite as measured: WAL, foreign keys, `synchronous=FULL`, `BEGIN IMMEDIATE` for writers; erased bytes are
zeroed.

Readers read the file through memory (a search takes a third less time), by turns (`storage.readers`). Writers
run one after the other in a thread of their own, which is the write lock of the process, and read it in the
plain way: no slower, and an import would else keep every page that it touched in the memory of the process.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection

from storage.readers import Readers
from storage.transactions import Tx, carried, commit

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "wal_autocheckpoint=4000",
           "cache_size=-16000")  # fmt: skip
"""The log is written back every 16 MB, not every 4: pages that many writers touch go into the file less often
(measured once each: 5 to 8 % more nudges a second among a million people, an import 8 % shorter). A
connection keeps 16 MB of pages, not 2: a batch of a sweep need not write out what it comes back to (measured:
a fifth less written, a third less time in the system)."""
_MAPPED = 256 * 1024**2
_BUSY = 10_000
"""Milliseconds that a writer waits for another process."""
_BRIEFLY = 100
"""Milliseconds that the log is kept for readers before it is emptied. No writer gets on meanwhile, and who
copies the file (`VACUUM INTO`) reads for minutes."""
_PATIENCE = 200
"""Tries, 50 ms apart: ten seconds, as long as a writer waits for another."""
T = TypeVar("T")


class Embedded:
    """The database of one process, in a file."""

    abreast = 1
    """How many writers get on side by side."""

    def __init__(self, url: str, carries: Mapping[str, Any]) -> None:
        self._carries = carries
        self.reading = sqlite_engine(url)
        self.writing = sqlite_engine(url, mapped=0).execution_options(writes=True)
        self._readers = Readers()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="okaeri-write")
        self._watch: PoolProxiedConnection | None = None

    async def run(self, fn: Callable[[Tx], T], reads: bool, guarded: bool, brief: bool) -> T:
        """One transaction in a thread; writers need no other guard than their line."""
        if reads:
            return await self._readers.ask(partial(self.run_now, fn, reads))
        return await asyncio.get_running_loop().run_in_executor(self._writer, self.run_now, fn, False)

    def run_now(self, fn: Callable[[Tx], T], reads: bool) -> T:
        """One transaction in the calling thread."""
        engine = self.reading if reads else self.writing
        with Session(engine, expire_on_commit=False, autoflush=not reads) as tx:
            value = carried(tx, fn, self._carries)
            for done in () if reads else commit(tx):
                done()
            return value  # closing rolls a reader back and, unlike `rollback`, leaves alone what was loaded

    def version(self) -> int:
        """Another one once anybody, in any process, has written; asked in the calling thread, without a wait
        (https://www.sqlite.org/pragma.html#pragma_data_version)."""
        if self._watch is None:
            self._watch = self.reading.raw_connection()
            self._watch.detach()
        cursor = self._watch.cursor()
        cursor.execute("PRAGMA data_version")
        (version,) = cursor.fetchone() or (0,)
        return int(version)

    async def write_back(self) -> bool:
        """Bring the log into the file and empty it; false when somebody still read from it."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._checkpoint)

    def _checkpoint(self) -> bool:
        connection = self.reading.raw_connection()
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout={_BRIEFLY}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, *_ = cursor.fetchone() or (0,)
            return not busy
        finally:
            cursor.execute(f"PRAGMA busy_timeout={_BUSY}")
            connection.close()

    def close(self) -> None:
        """Wait for what runs, then let the files go."""
        self._writer.shutdown()
        self._readers.close()
        if self._watch is not None:
            self._watch.close()
        self.writing.dispose()
        self.reading.dispose()


def sqlite_engine(url: str, *, foreign_keys: bool = True, mapped: int = _MAPPED) -> Engine:
    """An engine as measured best for SQLite; the folder of the file is made. `mapped`: how many bytes of it
    are read through memory."""
    parsed = make_url(url)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        parsed,
        connect_args={"timeout": _BUSY / 1000, "check_same_thread": False},
        json_deserializer=orjson.loads,
    )

    def connected(connection: DBAPIConnection, _: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, f"mmap_size={mapped}", f"foreign_keys={'ON' if foreign_keys else 'OFF'}"):
            _set(cursor, pragma)
        cursor.close()

    def begun(connection: Any) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _set(cursor: DBAPICursor, pragma: str) -> None:
    """Of several that open a new file at the same moment one turns it to WAL, and the time-out of the
    connection does not make the others wait for that (measured: of 3,200 six were refused at once). They ask
    again."""
    for tries in range(_PATIENCE):
        try:
            cursor.execute(f"PRAGMA {pragma}")
        except sqlite3.OperationalError as busy:
            if busy.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or tries + 1 == _PATIENCE:
                raise
            time.sleep(0.05)
        else:
            return


def on_connection(
    url: str, fn: Callable[[Connection], T], *, keeps: bool = False, foreign_keys: bool = True
) -> T:
    """What `fn` makes of an open connection; what it wrote is taken back, or with `keeps` stays."""
    engine = sqlite_engine(url, foreign_keys=foreign_keys).execution_options(writes=keeps)
    try:
        with engine.connect() as connection:
            value = fn(connection)
            if keeps:
                connection.commit()
            return value
    finally:
        engine.dispose()


def file_of(url: str) -> Path | None:
    """The file in which a database lies; `None` for one in memory or on a server."""
    parsed = make_url(url)
    in_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(str(parsed.database)) if in_file else None
