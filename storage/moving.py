"""From the embedded database onto a server: everything or nothing, and never two that both hold the truth.

The file is marked before the server's transaction stands, and opens no house from then on; until it stands
the server holds nothing. Whoever was killed in between moves once more. A file that was moved is never moved
again.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Integer, Table, exists, func, insert, select, text

from bot.errors import ConfigError
from storage import schema
from storage.condition import place_of
from storage.engine import file_of, on_connection

_AT_ONCE = 2_000
"""Rows that are in memory at a time."""


def move(source: str, target: str, queue_url: str = "") -> dict[str, int]:
    """Everything that the file `source` holds, to the empty server `target`, past whose pooler `queue_url`
    leads; how many rows each table had.

    Raises `ConfigError` when one of them is not what it should be, or a newer release's, when the house still
    runs, or the file was moved before; the file is then as it was.
    """
    file = file_of(source)
    if file is None or not file.exists():
        raise ConfigError([f"OKAERI_DATABASE_URL: {place_of(source)}; right: the file that is to be moved"])
    schema.open_up(source, moves=True)
    _known(source)
    try:
        _make_ready(target, queue_url)
    except ConfigError as wrong:
        raise ConfigError([told.replace("OKAERI_DATABASE_URL", "--to") for told in wrong.mistakes]) from wrong
    before = schema.mark_of(source)
    schema.set_mark(source, schema.MOVING)
    with ExitStack() as undone:
        undone.callback(_look_again, source, before, target)
        _alone(file)
        counts = on_connection(source, lambda old: on_connection(target, partial(_copied, old), keeps=True))
        undone.pop_all()
    schema.set_mark(source, schema.MOVED)
    return counts


def _look_again(source: str, before: int, target: str) -> None:
    """What went wrong changed nothing, unless the commit stood and only the answer was lost."""
    schema.set_mark(source, before if on_connection(target, _holds_nothing) else schema.MOVED)


def _make_ready(target: str, queue_url: str) -> None:
    if not schema.leads_to_server(target):
        right = "postgresql://user:password@host/okaeri"
        raise ConfigError([f"--to: not the address of a server; right: {right}"])
    schema.open_up(target, queue_url)
    _known(target)
    if not on_connection(target, _holds_nothing):
        raise ConfigError([f"--to: something is in {place_of(target)} already; right: an empty database"])


def _known(url: str) -> None:
    """Raises `ConfigError` when a newer release has been there: what it added would be left behind."""
    found, ours = schema.revision(url), schema.newest()
    if found != ours:
        mistake = f"OKAERI_DATABASE_URL: {place_of(url)} is at revision {found}"
        right = "okaeri move of the release that was there last"
        raise ConfigError([f"{mistake}, and this release knows them up to {ours}; right: {right}"])


def _alone(file: Path) -> None:
    """Raises `ConfigError` when somebody else has the file open: only for the last one does SQLite give up
    its log (https://www.sqlite.org/wal.html, 5). The next who opens it has one again."""
    with closing(sqlite3.connect(file, timeout=0)) as connection, suppress(sqlite3.OperationalError):
        (mode,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
        if mode == "delete":
            return
    raise ConfigError([f"{file} is in use; right: stop the house first, then move"])


def _holds_nothing(connection: Connection) -> bool:
    tables = schema.metadata().tables.values()
    return not any(connection.scalar(select(exists().select_from(table))) for table in tables)


def _copied(old: Connection, new: Connection) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table in schema.metadata().sorted_tables:
        count = 0
        for rows in old.execution_options(yield_per=_AT_ONCE).execute(select(table)).mappings().partitions():
            new.execute(insert(table), [dict(row) for row in rows])
            count += len(rows)
        arrived = new.scalar(select(func.count()).select_from(table))
        if arrived != count:
            raise RuntimeError(f"{table.name}: {count} rows went, {arrived} arrived")
        _count_on(old, new, table)
        counts[table.name] = count
    return counts


def _count_on(old: Connection, new: Connection, table: Table) -> None:
    """Numbers go on after the last that was ever given, where the file remembers it."""
    own = table.autoincrement_column
    if own is None or not isinstance(own.type, Integer):
        return
    last: Any = new.scalar(select(func.max(own)))
    if table.dialect_options["sqlite"]["autoincrement"]:
        given = old.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
        last = max(last or 0, given.scalar() or 0)
    if last:
        sequence = select(func.setval(func.pg_get_serial_sequence(table.name, own.name), last))
        new.execute(sequence)
