"""One way into the database: `Database.run(fn)`, the only commit in the product.

A transaction is a plain function from a `Tx`; on SQLite it runs in a worker thread (writers one after the
other in a thread of their own, which is the write lock of the process), so nothing inside it can await.
SQLite as measured: WAL, foreign keys, `synchronous=FULL`, `BEGIN IMMEDIATE` for writers; erased bytes are
zeroed;
the file is read through memory (a search takes a third less time), by turns (`storage.readers`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session

from bot.clock import Clock
from bot.errors import ConfigError
from storage.columns import Vault
from storage.readers import Readers

Tx = Session
_AFTER = "after_commit"
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "mmap_size=268435456")
T = TypeVar("T")


class Database:
    """The database of one deployment."""

    def __init__(self, url: str, vault: Vault, clock: Clock) -> None:
        self.url = url
        self.vault = vault
        self.clock = clock
        self._reading = sqlite_engine(url)
        self._writing = self._reading.execution_options(writes=True)
        self._readers = Readers()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="okaeri-write")
        self.unwiped = Event()
        """Whether something was deleted that is to be off the disk within seconds (`wipe`)."""
        self.carries: dict[str, Any] = {"vault": vault, "clock": clock, "unwiped": self.unwiped}
        """What every transaction has beside it, as `tx.info`."""

    async def run(self, fn: Callable[[Tx], T], *, reads: bool = False) -> T:
        """Run `fn` in one transaction and return its value; any exception rolls everything back.

        With `reads=True` nothing may be written: the transaction is rolled back in any case.
        """
        if reads:
            return await self._readers.ask(partial(self.run_now, fn, reads))
        return await asyncio.get_running_loop().run_in_executor(self._writer, self.run_now, fn)

    def run_now(self, fn: Callable[[Tx], T], reads: bool = False) -> T:
        """The same, in the calling thread: for the command line and the start."""
        engine = self._reading if reads else self._writing
        with Session(engine, expire_on_commit=False, autoflush=not reads) as tx:
            tx.info.update(self.carries)
            value = fn(tx)
            if not reads:
                tx.commit()
                for done in tx.info.get(_AFTER, ()):
                    done()
            return value  # closing rolls a reader back and, unlike `rollback`, leaves alone what was loaded

    async def write_back(self) -> bool:
        """Bring the log into the file and empty it, so that erased words are on the disk no longer than
        this; false when somebody still read from it."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._checkpoint)

    def _checkpoint(self) -> bool:
        self.unwiped.clear()
        connection = self._reading.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, *_ = cursor.fetchone() or (0,)
            if busy:
                self.unwiped.set()
            return not busy
        finally:
            connection.close()

    def close(self) -> None:
        """Wait for what runs, then let the files go."""
        self._writer.shutdown()
        self._readers.close()
        self._reading.dispose()


def sqlite_engine(url: str, *, foreign_keys: bool = True) -> Engine:
    """An engine as measured best for SQLite. Raises `ConfigError` for another database or folder."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise ConfigError(
            [f"OKAERI_DATABASE_URL: {parsed.get_backend_name()!r}; right: sqlite:///var/okaeri.db"]
        )
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        parsed, connect_args={"timeout": 10, "check_same_thread": False}, json_deserializer=orjson.loads
    )

    def connected(connection: DBAPIConnection, _: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, f"foreign_keys={'ON' if foreign_keys else 'OFF'}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Any) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def file_of(url: str) -> Path | None:
    """The file in which a database lies; `None` for one in memory or on a server."""
    parsed = make_url(url)
    in_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(str(parsed.database)) if in_file else None


def after_commit(tx: Tx, do: Callable[[], object]) -> None:
    """Have something done once what this transaction wrote is there for all; never when it is rolled back."""
    tx.info.setdefault(_AFTER, []).append(do)


def wipe(tx: Tx) -> None:
    """What this transaction deletes is to leave the disk too, the log included, within ten seconds."""
    unwiped: Event | None = tx.info.get("unwiped")
    if unwiped is not None:
        after_commit(tx, unwiped.set)


def vault_of(tx: Tx) -> Vault:
    """The vault of the database that this transaction belongs to."""
    vault: Vault = tx.info["vault"]
    return vault


def now(tx: Tx) -> datetime:
    """Calendar time."""
    clock: Clock = tx.info["clock"]
    return clock.now()


def today(tx: Tx) -> date:
    """The calendar day where the company is (UTC where nobody said where that is)."""
    return now(tx).astimezone(ZoneInfo(tx.info.get("zone", "UTC"))).date()


def wire(tx: Tx) -> float:
    """Real seconds, for leases and pace."""
    clock: Clock = tx.info["clock"]
    return clock.wire()


def healthy(tx: Tx) -> bool:
    """Whether the database answers."""
    return bool(tx.scalar(text("SELECT 1")) == 1)
