"""An empty database of the newest schema for each test: a copy of a file, or of a template on a server.

`OKAERI_TEST_DATABASE=postgresql` puts everything on PostgreSQL that is not about the file itself.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import select, text
from sqlalchemy.orm import Session
from sqlalchemy.util.concurrency import greenlet_spawn, in_greenlet

from storage import schema
from storage.columns import Row
from storage.engine import Database, file_of
from storage.postgresql import Server
from storage.sqlite import Embedded
from storage.transactions import Tx
from tests.postgres import Postgres, postgres, wanted

T = TypeVar("T")


@cache
def empty_file() -> Path:
    """An empty database that is up to date: migrations are run once, not for every test."""
    path = Path(tempfile.mkdtemp(prefix="okaeri-tests-")) / "empty.db"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    schema.upgrade(f"sqlite:///{path}")
    return path


@contextmanager
def empty_database(folder: Path, *, on_server: bool | None = None) -> Iterator[str]:
    """The address of an empty database; without another word, of the kind that this run is about."""
    if on_server if on_server is not None else wanted():
        with on_postgresql() as url:
            yield url
        return
    shutil.copy(empty_file(), folder / "okaeri.db")
    yield f"sqlite:///{folder}/okaeri.db"


@contextmanager
def on_postgresql(*, migrated: bool = True) -> Iterator[str]:
    """The address of an empty database on the server of this run; it is removed in the end."""
    server = postgres()
    name = server.made(_template(server) if migrated else "template0")
    try:
        yield server.address(name)
    finally:
        server.drop(name)


@cache
def _template(server: Postgres) -> str:
    """A database that is up to date, made once a run: it is given its name when it is ready."""
    files = sorted((schema.MIGRATIONS / "versions").glob("[0-9]*.py"))
    name = f"okaeri_empty_{zlib.crc32(b''.join(path.read_bytes() for path in files)):08x}"
    with server.locked():
        if not server.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            raw = server.made()
            schema.upgrade(server.address(raw))
            server.sql(f'ALTER DATABASE "{raw}" RENAME TO "{name}"')
    return name


class _Savepoint:
    """A savepoint of a transaction that is held open."""

    def __init__(self, tx: Held, begin: Callable[[], Any]) -> None:
        self._tx, self._inner = tx, tx._step(begin)

    def __enter__(self) -> Self:
        self._tx._step(self._inner.__enter__)
        return self

    def __exit__(self, *error: object) -> Any:
        return self._tx._step(lambda: self._inner.__exit__(*error))

    def commit(self) -> None:
        self._tx._step(self._inner.commit)

    def rollback(self) -> None:
        self._tx._step(self._inner.rollback)


class Held(Session):
    """A transaction on a server that a test holds open: every step is taken in the database's own thread."""

    def __init__(self, server: Server) -> None:
        self._server = server
        super().__init__(server.ways.serializable.sync_engine, expire_on_commit=False)

    def _step(self, do: Callable[[], T]) -> T:
        return do() if in_greenlet() else self._server.submit(greenlet_spawn(do)).result()

    def _execute_internal(self, *args: Any, **kwargs: Any) -> Any:
        return self._step(lambda: super(Held, self)._execute_internal(*args, **kwargs))

    def _flush(self, *args: Any, **kwargs: Any) -> None:
        self._step(lambda: super(Held, self)._flush(*args, **kwargs))

    def begin_nested(self) -> Any:
        """A savepoint."""
        return self._step(super().begin_nested) if in_greenlet() else _Savepoint(self, super().begin_nested)

    def commit(self) -> None:
        """As of a session."""
        self._step(super().commit)

    def rollback(self) -> None:
        """As of a session."""
        self._step(super().rollback)

    def close(self) -> None:
        """As of a session."""
        self._step(super().close)


@contextmanager
def held(store: Any, carries: dict[str, Any]) -> Iterator[Tx]:
    """A transaction that is looked at from inside and then taken back."""
    session = Held(store) if isinstance(store, Server) else Session(store.writing, expire_on_commit=False)
    with session as tx:
        tx.info.update(carries)
        yield tx


def stored(database: Database) -> bytes:
    """Everything that lies on the disk, the log too; of a server, everything in the tables."""
    file = file_of(database.url)
    if file is not None:
        return b"".join(path.read_bytes() for path in sorted(file.parent.glob(f"{file.name}*")))

    def look(tx: Tx) -> list[Any]:
        return [row for table in Row.metadata.sorted_tables for row in tx.execute(select(table))]

    values = (value for row in database.run_now(look, True) for value in row)
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)


@contextmanager
def busy(database: Database) -> Iterator[Callable[[], None]]:
    """Another process writes and does not end; call to let it end."""
    other = Database(database.url, database.vault, database.clock)
    try:
        with held(other.store, other.carries) as tx:
            lock = f"LOCK TABLE {', '.join(sorted(Row.metadata.tables))} IN SHARE MODE"
            tx.execute(text("SELECT 1" if isinstance(other.store, Embedded) else lock))
            yield tx.rollback
    finally:
        other.close()


_LOOKING: dict[int, Tx] = {}


def ask(database: Database, fn: Callable[[Tx], T], reads: bool) -> T:
    """One transaction for a test, which waits for it; what is asked while another question is being put
    together is asked in the same transaction."""
    outer = _LOOKING.get(id(database))
    if outer is not None:
        return fn(outer)

    def noted(tx: Tx) -> T:
        _LOOKING[id(database)] = tx
        try:
            return fn(tx)
        finally:
            del _LOOKING[id(database)]

    return database.run_now(noted, reads)
