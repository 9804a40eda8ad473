"""One way into the database: `Database.run(fn)`, the only commit in the product.

A transaction is a plain function from a `Tx`, so nothing inside it can await. It may be run more than once
(on PostgreSQL, when it met another one), so it has no effect outside of `tx`, but by `after_commit`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import date, datetime
from functools import cache
from threading import Lock
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

import orjson
from asyncpg import InterfaceError, PostgresError
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    String,
    any_,
    bindparam,
    column,
    func,
    insert,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bot.clock import Clock
from bot.errors import ConfigError
from storage import postgresql, sqlite
from storage.columns import Row, Vault
from storage.postgresql import Server
from storage.sqlite import Embedded, file_of
from storage.transactions import Tx, after_commit, at_server

__all__ = [
    "MOST",
    "Among",
    "Database",
    "Tx",
    "after_commit",
    "as_rows",
    "at_server",
    "file_of",
    "healthy",
    "insert_all",
    "insert_columns",
    "insert_new",
    "now",
    "on_connection",
    "on_server",
    "skipped",
    "today",
    "vault_of",
    "wipe",
    "wire",
]
T = TypeVar("T")
MOST = bindparam("most", type_=Integer)
"""How many rows at most, in a statement that is built once: what a sweep asks every few seconds costs a
third of one that is built each time."""
_AHEAD, _VALUES = "ahead", "values"
_SERVERS = frozenset({"postgres", "postgresql"})


class Unwiped:
    """Whether something was deleted that is to be off the disk within seconds. Such wishes are counted, so
    that a later one is not taken for done with those before it."""

    def __init__(self) -> None:
        self._line, self.newest, self._done = Lock(), 0, 0

    def set(self) -> None:
        """One more."""
        with self._line:
            self.newest += 1

    def is_set(self) -> bool:
        """Whether one is owed."""
        return self._done < self.newest

    def done(self, upto: int) -> None:
        """This one is off the disk, and all before it."""
        with self._line:
            self._done = max(self._done, upto)


class Database:
    """The database of one deployment."""

    def __init__(self, url: str, vault: Vault, clock: Clock) -> None:
        self.url = url
        self.vault = vault
        self.clock = clock
        self.unwiped = Unwiped()
        """What `wipe` asked for."""
        self.carries: dict[str, Any] = {"vault": vault, "clock": clock, "unwiped": self.unwiped}
        """What every transaction has beside it, as `tx.info`."""
        self.store = Server(url, self.carries) if on_server(url) else Embedded(url, self.carries)

    def in_loop(self) -> AbstractAsyncContextManager[None]:
        """A block in which `brief` transactions that this event loop asks for run in it."""
        return nullcontext() if isinstance(self.store, Embedded) else self.store.in_loop()

    async def run(
        self, fn: Callable[[Tx], T], *, reads: bool = False, guarded: bool = False, brief: bool = False
    ) -> T:
        """Run `fn` in one transaction and return its value; any exception rolls everything back.

        With `reads=True` nothing may be written: the transaction is rolled back in any case. `guarded=True`
        is for a writer that needs no other guard against others than its own (`UPDATE … WHERE` it is still
        as it was seen, a row lock, an upsert): on PostgreSQL it then waits for nobody else. `brief=True` is
        for one that works a few milliseconds between two questions to a server (`in_loop`).
        """
        return await self.store.run(fn, reads, guarded, brief)

    def run_now(self, fn: Callable[[Tx], T], reads: bool = False) -> T:
        """The same, while the calling thread waits: for the command line and the start."""
        return self.store.run_now(fn, reads)

    async def answers(self) -> bool:
        """Whether a question to the database is answered."""
        try:
            return await self.run(healthy, reads=True)
        except (SQLAlchemyError, PostgresError, InterfaceError, OSError):
            return False

    def version(self) -> int | None:
        """Another one once anybody has written; `None` on a server, which does not tell."""
        return None if isinstance(self.store, Server) else self.store.version()

    async def write_back(self) -> bool:
        """Have erased words off the disk (SQLite: the log emptied into the file; PostgreSQL: dead rows
        cleared away); false when somebody still reads them. Until it is done it stays owed (`unwiped`)."""
        if not self.unwiped.is_set():
            self.unwiped.set()
        upto = self.unwiped.newest
        if isinstance(self.store, Server):
            done = await self.store.write_back(sorted(Row.metadata.tables), upto)
        else:
            done = await self.store.write_back()
        if done:
            self.unwiped.done(upto)
        return done

    def close(self) -> None:
        """Wait for what runs, then let go."""
        self.store.close()


def on_server(url: str) -> bool:
    """Whether the database is a server that several processes share. Raises `ConfigError` for one that we do
    not know, and for an address that is none."""
    try:
        kind = make_url(url).get_backend_name()
    except (ArgumentError, ValueError):  # not repeated: it may hold a password
        kind = "not an address"
    if kind not in _SERVERS | {"sqlite"}:
        right = "sqlite:///var/okaeri.db or postgresql://user:password@host/okaeri"
        raise ConfigError([f"OKAERI_DATABASE_URL: {kind!r}; right: {right}"])
    return kind in _SERVERS


def on_connection(
    url: str, fn: Callable[[Connection], T], *, keeps: bool = False, foreign_keys: bool = True
) -> T:
    """What `fn` makes of an open connection; what it wrote is taken back, or with `keeps` stays.

    `foreign_keys=False` lets SQLite rebuild tables; a server needs none of it.
    """
    if on_server(url):
        return postgresql.on_connection(url, fn, keeps=keeps)
    return sqlite.on_connection(url, fn, keeps=keeps, foreign_keys=foreign_keys)


def wipe(tx: Tx) -> None:
    """What this transaction deletes is to leave the disk too, the log included, within ten seconds."""
    unwiped: Unwiped | None = tx.info.get("unwiped")
    if unwiped is not None:
        after_commit(tx, unwiped.set)


def insert_new(tx: Tx, table: Any) -> Any:
    """An INSERT that leaves alone what is there already, whatever the rule is that it would break."""
    if at_server(tx):
        return postgres_insert(table).on_conflict_do_nothing()
    return sqlite_insert(table).on_conflict_do_nothing()


class Among:
    """A statement about rows of which `column` holds one of some values, texts or numbers.

    `build` makes it of that condition, once for each kind of database. However many values there are, they
    are one parameter: no limit of a database is met.
    """

    def __init__(self, column: Any, build: Callable[[ColumnElement[bool]], Any]) -> None:
        self._column, self._built = column, cache(lambda server: build(self._one_of(server)))

    def _one_of(self, server: bool) -> ColumnElement[bool]:
        if server:
            told = bindparam(_VALUES, type_=ARRAY(self._column.type))
            return cast("ColumnElement[bool]", self._column == any_(told))
        rows = func.json_each(bindparam(_VALUES, type_=String)).table_valued("value")
        return cast("ColumnElement[bool]", self._column.in_(select(rows.c.value)))

    def __call__(self, tx: Tx, values: Collection[Any], **given: Any) -> tuple[Any, dict[str, Any]]:
        """The statement and its parameters, those of its own among them: for `tx.execute(*…)`."""
        server = at_server(tx)
        told = list(values) if server else orjson.dumps(list(values)).decode()
        return self._built(server), {_VALUES: told, **given}


def as_rows(types: Mapping[str, Any]) -> Any:
    """On a server, rows that are given as one list for each of these columns. A list is one parameter; else
    each value of each row would be named, cast and read by itself."""
    lists = (bindparam(name, type_=ARRAY(kind)) for name, kind in types.items())
    given = func.unnest(*lists).table_valued(*(column(name, kind) for name, kind in types.items()))
    return given.render_derived()


def insert_columns(table: Any, names: Sequence[str], fixed: Mapping[str, Any]) -> Any:
    """An INSERT of many rows on a server, given as lists (`as_rows`), and of what is the same in all."""
    given = as_rows({name: table.c[name].type for name in names})
    return postgres_insert(table).from_select([*names, *fixed], select(*given.c, *fixed.values()))


def insert_all(tx: Tx, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep many new rows, in their order and with one statement; a column that none names has its default."""
    if rows:
        tx.execute(insert(table), rows)


def skipped(page: int, size: int) -> int:
    """How many rows lie before a page; before one that nobody has, more than there ever are."""
    return max(0, min((page - 1) * size, 2**31 - 1))


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
    """Real seconds, for leases and pace; on a server by its clock, so that all replicas agree."""
    clock: Clock = tx.info["clock"]
    at = clock.wire()
    if not at_server(tx) or type(clock).wire is not Clock.wire:
        return at  # alone, or a clock that is set by hand
    if _AHEAD not in tx.info:
        with tx.no_autoflush:
            server = tx.scalar(text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS float8)"))
        tx.info[_AHEAD] = float(server or at) - clock.wire()
    return at + float(tx.info[_AHEAD])


def healthy(tx: Tx) -> bool:
    """Whether the database answers."""
    return bool(tx.scalar(text("SELECT 1")) == 1)
