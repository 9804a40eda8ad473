"""PostgreSQL over asyncpg: an event loop in a thread of its own, in which plain functions run as transactions
that wait for the server without holding anybody up. Brief ones may run in the loop of whoever asks.

Every writer is written as if it were alone, so writers are SERIALIZABLE and run again when they met another
one; readers see one moment and can write nothing. What guards itself (a claim by a guarded UPDATE) says so
and is READ COMMITTED. Source: PostgreSQL manual 13.2, 13.5.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import orjson
import structlog
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import NullPool
from sqlalchemy.util.concurrency import in_greenlet

from bot.errors import ConfigError
from storage.transactions import Tx, carried, commit

log = structlog.get_logger()
T = TypeVar("T")
_Waited = list[Callable[[], object]]
TRIES = 30
"""How often a writer that met others is run before its caller is told; over some seconds."""
MET = frozenset({"40001", "40P01"})
"""serialization_failure, deadlock_detected: nothing happened, and the same again may succeed."""
TAKEN = "23505"
"""unique_violation: mostly two who looked at the same moment and saw nothing; who looks again sees it."""
TAKEN_TRIES = 3
WRITERS = 4
"""Writers of one process at a time; more would only meet each other."""
POOL, NEAR = 10, 4
"""Connections of one process; and those beside them for brief transactions in the loop that asks."""
_LOCK, _IDLE, _ANSWER, _HELLO = 20, 15, 120, 10
"""Seconds: for a lock; for a function between two statements; for one statement; for a connection. Who waits
for a lock outlasts a process that stands still with it."""
_PLANS = {"jit": "off", "plan_cache_mode": "force_custom_plan"}
"""A plan that was made for empty tables must not be kept while they fill (measured: to look through a file
that is known took 0.6 s for 5,000 people and 14.5 s for 20,000; now 2.6 s). Source: PostgreSQL manual,
PREPARE."""
_MOMENTS = """SELECT now, now - coalesce((SELECT max(age(since)) FROM (
SELECT unnest(ARRAY[backend_xid, backend_xmin]) AS since FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database = current_database()
UNION ALL SELECT xmin FROM pg_replication_slots) AS looks), 0)
FROM (SELECT txid_snapshot_xmax(txid_current_snapshot()) AS now) AS here"""
"""The number of the next transaction; and the first whose dead rows are kept for somebody, of all who can
keep them: transactions, also prepared ones, and standby servers. Source: PostgreSQL manual 25.1.5."""
_OURS = {"pooler", "pool_size", "sslmode"}
_ASYNCPG = {"ssl", "host", "port", "passfile", "service", "servicefile", "target_session_attrs"}


@dataclass(slots=True)
class _Try:
    """What became of one attempt, also when the function kept an error of the database to itself."""

    guarded: bool
    met: str = ""
    committing: bool = False


@dataclass(slots=True)
class _Kept:
    """Up to which transaction a wish is that dead rows are cleared away; whether it was said that somebody
    keeps them."""

    wish: int
    upto: int
    told: bool = False


class _Ways:
    """What runs over the connections of one loop, by how it is kept apart from others."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.serializable = engine.execution_options(isolation_level="SERIALIZABLE", writes=True)
        self.guarded = engine.execution_options(isolation_level="READ COMMITTED", writes=True)
        self.reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@dataclass(frozen=True)
class _Here:
    """A loop in which brief transactions run, and those that do."""

    loop: asyncio.AbstractEventLoop
    ways: _Ways
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = self.loop.create_task(work)
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        return task


class Server:
    """The database of one process, on a server that others use too."""

    abreast = 3
    """How many writers get on side by side: what one has worked out here is written there meanwhile."""

    def __init__(self, url: str, carries: Mapping[str, Any]) -> None:
        self._carries, self._url = carries, url
        self.ways = _Ways(server_engine(url))
        self._here: _Here | None = None
        self._writers = asyncio.Semaphore(WRITERS)
        self._kept = _Kept(0, 0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="okaeri-postgresql", daemon=True)
        self._thread.start()

    @asynccontextmanager
    async def in_loop(self) -> AsyncIterator[None]:
        """Brief transactions that this loop asks for run in it, in the block.

        Two threads that share one interpreter wait for each other at every word to the server and back
        (measured: a third more messages a second are delivered without).
        """
        here = _Here(asyncio.get_running_loop(), _Ways(server_engine(self._url, most=NEAR)))
        self._here = here
        try:
            yield
        finally:
            self._here = None
            await asyncio.gather(*here.under_way, return_exceptions=True)
            await here.ways.engine.dispose()

    async def run(self, fn: Callable[[Tx], T], reads: bool, guarded: bool, brief: bool) -> T:
        """One transaction; whoever stops waiting for it does not stop it."""
        here = self._here if brief and (reads or guarded) else None
        if here is not None and here.loop is asyncio.get_running_loop():
            return await asyncio.shield(here.begin(self._run(here.ways, fn, reads, guarded)))
        going = self.submit(self._run(self.ways, fn, reads, guarded))
        return await asyncio.shield(asyncio.wrap_future(going))

    def run_now(self, fn: Callable[[Tx], T], reads: bool) -> T:
        """One transaction, for which the calling thread waits."""
        return self.submit(self._run(self.ways, fn, reads, guarded=False)).result()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have something done in the database's thread. Raises `RuntimeError` in it, and after `close`."""
        if threading.current_thread() is self._thread or in_greenlet() or self._loop.is_closed():
            work.close()
            raise RuntimeError("a transaction inside a transaction, or after the database was closed")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _run(self, ways: _Ways, fn: Callable[[Tx], T], reads: bool, guarded: bool) -> T:
        value, waited = await self._tried(ways, fn, reads, guarded)
        if waited:  # in a thread: it may want a transaction of its own
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, lambda: [done() for done in waited])
        return value

    async def _tried(
        self, ways: _Ways, fn: Callable[[Tx], T], reads: bool, guarded: bool
    ) -> tuple[T, _Waited]:
        engine = ways.reading if reads else ways.guarded if guarded else ways.serializable
        turn: AbstractAsyncContextManager[Any] = nullcontext() if reads or guarded else self._writers
        async with turn:
            for number in range(1, TRIES + 1):
                this = _Try(guarded)
                try:
                    return await self._once(engine, partial(self._whole, fn, this, reads), reads)
                except Exception as error:
                    if not _again(error, this, number):
                        raise
                    log.info("transaction_again", reason=this.met or _reason(error), tries=number)
                await asyncio.sleep(random.uniform(0, min(0.5, 0.002 * 2**number)))
        raise AssertionError  # the last try returns or raises

    def _whole(self, fn: Callable[[Tx], T], this: _Try, reads: bool, tx: Tx) -> tuple[T, _Waited]:
        tx.connection(execution_options={"try": this})
        value = carried(tx, fn, self._carries)
        if this.met:
            raise _Met(this.met)
        if reads:
            return value, []
        tx.flush()
        this.committing = True
        return value, commit(tx)

    @staticmethod
    async def _once(engine: AsyncEngine, work: Callable[[Tx], T], reads: bool) -> T:
        async with AsyncSession(engine, expire_on_commit=False, autoflush=not reads) as session:
            return await session.run_sync(work)

    async def write_back(self, tables: Iterable[str], wish: int) -> bool:
        """Have the server clear away what was deleted from these tables, outside any transaction; false while
        somebody looks at the moment before. The same `wish` again is the same moment."""
        return await asyncio.wrap_future(self.submit(self._vacuumed(tables, wish)))

    async def _vacuumed(self, tables: Iterable[str], wish: int) -> bool:
        engine = self.ways.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            now, oldest = map(int, (await connection.exec_driver_sql(_MOMENTS)).one())
            kept = self._kept if self._kept.wish == wish else _Kept(wish, now)
            if kept is self._kept and oldest < kept.upto:  # no more would go than the last time
                if not kept.told:
                    log.info("erased_still_read", since_transaction=oldest)
                    kept.told = True
                return False
            for table in tables:
                await connection.exec_driver_sql(f"VACUUM {table}")
            self._kept = kept
            return oldest >= kept.upto

    def close(self) -> None:
        """Wait for what runs, then hang up."""
        if self._loop.is_closed():
            return
        self.submit(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        await self.ways.engine.dispose()
        await self._loop.shutdown_default_executor()


class _Met(Exception):
    """A transaction that met another one, although its function went on."""


def _again(error: Exception, this: _Try, number: int) -> bool:
    """Whether a failed attempt changed nothing for sure, and may succeed."""
    if this.met or isinstance(error, _Met):
        return number < TRIES
    if isinstance(error, StaleDataError):  # a row changed meanwhile; of other levels the server tells itself
        return this.guarded and number < TRIES
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:  # the server went away; a commit that it did not answer may stand
        return not this.committing and number < TAKEN_TRIES
    return sqlstate(error) == TAKEN and number < TAKEN_TRIES


def _reason(error: Exception) -> str:
    if isinstance(error, StaleDataError):
        return "row_changed"
    return sqlstate(error) or "server_gone"


def sqlstate(error: BaseException) -> str:
    """By which number a server tells what went wrong; "" when it is no error of a server."""
    return str(getattr(getattr(error, "orig", None) or error, "sqlstate", "") or "")


def _noted(context: ExceptionContext) -> None:
    """Remember beside the attempt that it met another one: the function may keep the error to itself."""
    options = context.connection.get_execution_options() if context.connection is not None else {}
    state = sqlstate(context.original_exception)
    if state in MET and "try" in options:
        options["try"].met = state


def _without_nul(*told: Any) -> tuple[str, Any]:
    """U+0000 in typed words is dropped: PostgreSQL cannot keep it."""
    _connection, _cursor, statement, parameters, *_ = told
    return statement, _clean(parameters)


def _clean(given: Any) -> Any:
    if isinstance(given, str):
        return given.replace("\0", "") if "\0" in given else given
    if isinstance(given, list | tuple):  # texts in place: a call for each would cost more than all the rest
        return type(given)([
            (one.replace("\0", "") if "\0" in one else one) if isinstance(one, str)
            else _clean(one) if isinstance(one, list | tuple) else one
            for one in given
        ])  # fmt: skip
    return given


# --- addresses --------------------------------------------------------------------------------------------


def server_engine(url: str, *, pooled: bool = True, most: int = 0) -> AsyncEngine:
    """An engine for a server, of so many connections at `most`, else of as many as the address says.
    `?pooler=transaction`: PgBouncer stands before it, which keeps no statements.

    Raises `ConfigError` for an address with options that mean nothing here.
    """
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    options = {name: str(value) for name, value in parsed.query.items()}
    if unknown := sorted(options.keys() - _OURS - _ASYNCPG):
        right = ", ".join(sorted(_OURS | _ASYNCPG))
        raise ConfigError([f"OKAERI_DATABASE_URL: ?{unknown[0]}= is not known; right: one of {right}"])
    many = options.get("pool_size", str(POOL))
    if not many.isdigit() or int(many) < 2:
        raise ConfigError([f"OKAERI_DATABASE_URL: pool_size={many}; right: 2 or more"])
    size = {"pool_size": most or int(many), "max_overflow": 0} if pooled else {"poolclass": NullPool}
    engine = create_async_engine(
        _without(parsed, options), connect_args=_connect_args(options), json_deserializer=orjson.loads, **size
    )
    event.listen(engine.sync_engine, "handle_error", _noted)
    event.listen(engine.sync_engine, "before_cursor_execute", _without_nul, retval=True)
    return engine


def _without(parsed: URL, options: Mapping[str, str]) -> URL:
    """The address as asyncpg takes it: no options of ours, and libpq's `sslmode` by its other name."""
    kept = {name: value for name, value in options.items() if name not in _OURS}
    if "sslmode" in options:
        kept["ssl"] = options["sslmode"]
    return parsed.set(query=kept)


def _connect_args(options: Mapping[str, str]) -> dict[str, Any]:
    named = {"application_name": "okaeri"}
    common: dict[str, Any] = {"timeout": _HELLO, "command_timeout": _ANSWER}
    if options.get("pooler") == "transaction":
        none = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
        return common | none | {"server_settings": named, "prepared_statement_name_func": lambda: ""}
    waits = {"lock_timeout": f"{_LOCK}s", "idle_in_transaction_session_timeout": f"{_IDLE}s"}
    return common | {"server_settings": named | waits | _PLANS}


def on_connection(url: str, fn: Callable[[Connection], T], *, keeps: bool = False) -> T:
    """What `fn` makes of an open connection; what it wrote is taken back, or with `keeps` stays.

    In a thread of its own, so that it can be asked for beside a loop that runs.
    """

    async def go() -> T:
        engine = server_engine(url, pooled=False)
        try:
            async with engine.connect() as connection:
                value = await connection.run_sync(fn)
                if keeps:
                    await connection.commit()
                return value
        finally:
            await engine.dispose()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, go()).result()
