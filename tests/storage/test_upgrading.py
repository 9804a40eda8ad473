"""An upgrade: every row stays as it was, or nothing is changed at all; also beside processes of the release
before, which go on with their work."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Column, Connection, DateTime, MetaData, Table, inspect, make_url, select, text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from storage import schema
from storage.engine import on_connection
from tests.databases import on_postgresql
from tests.desk import Desk
from tests.postgres import _connect, postgres

_WAITS = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid"
              " FROM pg_database WHERE datname = current_database()))")  # fmt: skip


BEFORE = sorted(path.name[:4] for path in (schema.MIGRATIONS / "versions").glob("0*.py"))[-2]
"""The revision before the newest."""
LATER = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "{last}", None, None


def upgrade():
    with op.batch_alter_table("accounts", recreate="always") as accounts:
        accounts.add_column(sa.Column("pronouns", sa.String(20)))
    {more}
"""
Rows = dict[str, list[dict[str, Any]]]


@contextmanager
def fresh(folder: Path, kind: str) -> Iterator[str]:
    """A database without any table."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/okaeri.db"
        return
    with on_postgresql(migrated=False) as url:
        yield url


@pytest.fixture
def older() -> Iterator[str]:
    """A database of the release before 0011."""
    with on_postgresql(migrated=False) as url:
        schema.upgrade(url, "0010")
        yield url


def somebody_waits(url: str) -> bool:
    return bool(on_connection(url, lambda connection: connection.scalar(_WAITS)))


async def until_somebody_waits(url: str, going: asyncio.Task[None], *, waits: bool = True) -> None:
    while await asyncio.to_thread(somebody_waits, url) is not waits:
        assert not going.done(), going
        await asyncio.sleep(0.02)


# --- what is there ----------------------------------------------------------------------------------------


def tables(connection: Connection) -> list[Table]:
    """What is there now, as the database tells it: our own classes know only the newest."""
    found = MetaData()
    found.reflect(connection, only=lambda name, _: not name.startswith(("alembic_", "search_fts")))
    return found.sorted_tables


def fill(connection: Connection) -> None:
    """Two rows in every table, one with all that it can hold, one with what it must."""
    for table in tables(connection):
        checks = [check["sqltext"] for check in inspect(connection).get_check_constraints(table.name)]
        words = {re.findall(r"\w+", check)[0]: re.findall(r"'(\w+)'", check) for check in checks}
        for number in (0, 1):
            row = {c.name: value(c, number, words) for c in table.c if not (number and c.nullable)}
            connection.execute(table.insert().values(row))


def value(column: Column[Any], number: int, words: Mapping[str, Sequence[str]]) -> Any:
    """One that this column takes; where it takes only some words, one of those."""
    for key in column.foreign_keys:
        return value(key.column, number, {})
    kind = column.type
    if isinstance(kind, DateTime):
        return datetime(2026, 1, 1 + number, 9, 30, 15, 42, UTC if kind.timezone else None)
    if isinstance(kind, JSON):
        return {"言葉": number}
    if kind.python_type is str:
        text = f"{number}髙橋 {column.name}"[: getattr(kind, "length", None)]
        return words[column.name][number] if column.name in words else text
    plain = {int: 1 + number, bool: not number, float: number / 3, date: date(2026, 2, 1 + number)}
    return plain.get(kind.python_type, b"\0\xff%d" % number)


def rows(connection: Connection) -> Rows:
    def of(table: Table) -> list[dict[str, Any]]:
        found = connection.execute(select(table).order_by(*table.primary_key))
        return [dict(row) for row in found.mappings()]

    return {table.name: of(table) for table in tables(connection)}


def all_there(url: str, before: Rows) -> None:
    """What a column of before held it holds."""
    after = on_connection(url, rows)
    for name, found in before.items():
        assert [{column: row[column] for column in found[0]} for row in after[name]] == found, name


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("revision", ["0001", "0005", BEFORE])
def test_every_row_is_there_afterwards(tmp_path: Path, kind: str, revision: str) -> None:
    with fresh(tmp_path, kind) as url:
        schema.upgrade(url, revision)
        on_connection(url, fill, keeps=True)
        before = on_connection(url, rows)
        assert {len(found) for found in before.values()} == {2}
        schema.upgrade(url)
        assert schema.revision(url) == schema.newest()
        all_there(url, before)


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A release after this one: a migration makes the table of accounts anew, and does something more."""
    last = schema.newest()

    def write(more: str) -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(schema.MIGRATIONS, folder)
        (folder / "versions" / "9999_later.py").write_text(LATER.format(last=last, more=more))
        monkeypatch.setattr(schema, "MIGRATIONS", folder)

    return write


def test_a_table_that_is_made_anew_leaves_its_children_alone(
    desk_in_file: Desk, later: Callable[[str], None]
) -> None:
    """SQLite takes the rows of a table that is dropped as deleted, and what belongs to them along."""
    url = desk_in_file.database.url
    on_connection(url, fill, keeps=True)
    before = on_connection(url, rows)
    assert before["teams_references"], "gone with their accounts"
    later("pass")
    schema.upgrade(url)
    assert schema.revision(url) == "9999"
    all_there(url, before)
    assert "pronouns" in on_connection(url, rows)["accounts"][0]


def test_an_upgrade_after_which_a_row_points_nowhere_changes_nothing(
    desk_in_file: Desk, later: Callable[[str], None]
) -> None:
    url, last = desk_in_file.database.url, schema.newest()
    on_connection(url, fill, keeps=True)
    before = on_connection(url, rows)
    later("op.execute('DELETE FROM accounts')")
    with pytest.raises(RuntimeError, match="rows point nowhere after the migration"):
        schema.upgrade(url)
    assert schema.revision(url) == last
    assert on_connection(url, rows) == before


# --- beside the release before ----------------------------------------------------------------------------


@pytest.mark.long
async def test_an_upgrade_that_meets_a_transaction_crosswise_is_run_again(older: str) -> None:
    """The house asks who it is and then queues a message; 0011 changes the outbox and then the accounts."""
    old = await _connect(older)
    await old.execute("BEGIN")
    await old.fetch("SELECT address FROM accounts")
    with capture_logs() as logged:
        upgrading = asyncio.create_task(asyncio.to_thread(schema.open_up, older))
        await until_somebody_waits(older, upgrading)
        await old.fetch("SELECT id FROM outbox")
        await old.execute("COMMIT")
        await upgrading
    await old.close()
    assert schema.revision(older) == schema.newest()
    assert [(line["event"], line["reason"]) for line in logged] == [("upgrade_again", "40P01")]


async def test_an_upgrade_that_waited_too_long_for_a_table_is_run_again(older: str) -> None:
    pooled = f"{older}&pooler=transaction"  # where the time-outs are those of the role
    postgres().sql(f"ALTER DATABASE \"{make_url(older).database}\" SET lock_timeout = '300ms'")
    old = await _connect(older)
    await old.execute("BEGIN")
    await old.fetch("SELECT id FROM outbox")
    with capture_logs() as logged:
        upgrading = asyncio.create_task(asyncio.to_thread(schema.open_up, pooled, older))
        await until_somebody_waits(older, upgrading)
        await until_somebody_waits(older, upgrading, waits=False)
        await old.execute("COMMIT")
        await upgrading
    await old.close()
    assert schema.revision(older) == schema.newest()
    assert {line["reason"] for line in logged} == {"55P03"}


async def test_an_upgrade_for_which_no_table_is_ever_free_says_so(
    older: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_PAUSE", 0.01)
    postgres().sql(f"ALTER DATABASE \"{make_url(older).database}\" SET lock_timeout = '20ms'")
    old = await _connect(older)
    await old.execute("BEGIN")
    await old.fetch("SELECT id FROM outbox")
    with capture_logs() as logged, pytest.raises(DBAPIError, match="lock timeout"):
        await asyncio.to_thread(schema.open_up, f"{older}&pooler=transaction", older)
    await old.close()
    assert len(logged) == schema._TRIES - 1
    assert schema.revision(older) == "0010"
