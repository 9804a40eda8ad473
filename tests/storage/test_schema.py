"""What the migrations make is what the tables say, on SQLite for real and on PostgreSQL as SQL."""

from __future__ import annotations

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, create_mock_engine, inspect, text

from storage import schema
from storage.sqlite import sqlite_engine

MIGRATIONS = Path(schema.__file__).parent / "migrations"
OWN = {"alembic_version", "search_fts"}  # made by the migrations alone


def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/okaeri.db"


def config(**options: str) -> Config:
    made = Config(output_buffer=io.StringIO())
    made.set_main_option("script_location", str(MIGRATIONS))
    for name, value in options.items():
        made.set_main_option(name, value)
    return made


def statements(engine: Engine) -> dict[str, str]:
    """Every table and index with its CREATE statement, in one spelling."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).all()
    return {
        f"{kind} {name}": re.sub(r"[\s\"]+", " ", sql).replace("( ", "(").strip()
        for kind, name, sql in rows
        if not any(name.startswith(own) for own in OWN) and kind != "trigger"
    }


def lines(sql: str) -> set[str]:
    """The columns and constraints of a CREATE statement, in any order."""
    return {part.strip(" )") for part in re.split(r", (?=[a-z_]+ [A-Z]|CONSTRAINT)", sql)}


def told(things: list[Any]) -> list[str]:
    """As words: a condition is an object of its own each time."""
    return sorted(json.dumps(one, default=str, sort_keys=True) for one in things)


def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    schema.upgrade(url(tmp_path))
    migrated, declared = sqlite_engine(url(tmp_path)), create_engine("sqlite://")
    with declared.begin() as connection:
        schema.metadata().create_all(connection)
        ours, wanted = statements(migrated), statements(declared)
        assert ours.keys() == wanted.keys()
        for name, sql in wanted.items():
            assert lines(ours[name]) == lines(sql), name
        for table in schema.metadata().tables:
            for look in (
                "get_columns",
                "get_indexes",
                "get_foreign_keys",
                "get_check_constraints",
                "get_unique_constraints",
            ):
                here, there = (getattr(inspect(place), look)(table) for place in (migrated, connection))
                assert told(here) == told(there), f"{table} {look}"
    migrated.dispose()
    declared.dispose()


def test_every_enumeration_is_checked_by_the_database(tmp_path: Path) -> None:
    schema.upgrade(url(tmp_path))
    engine = sqlite_engine(url(tmp_path))
    checks = {(table, check["name"]) for table in schema.metadata().tables
              for check in inspect(engine).get_check_constraints(table)}  # fmt: skip
    assert ("leavers", "ck_leavers_stage_known") in checks
    assert ("outbox", "ck_outbox_status_known") in checks
    engine.dispose()


def test_alembic_itself_sees_no_difference(tmp_path: Path) -> None:
    schema.upgrade(url(tmp_path))
    engine = sqlite_engine(url(tmp_path))
    made = config()
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE search_fts")  # no table of ours, and no query of ours
        made.attributes["connection"] = connection
        command.check(made)
    engine.dispose()


def test_upgrading_twice_is_upgrading_once(tmp_path: Path) -> None:
    assert schema.revision(url(tmp_path)) is None
    schema.upgrade(url(tmp_path))
    engine = sqlite_engine(url(tmp_path))
    before = statements(engine)
    first = schema.revision(url(tmp_path))
    schema.upgrade(url(tmp_path))
    assert schema.revision(url(tmp_path)) == first == _head()
    assert statements(engine) == before
    engine.dispose()


def _head() -> str:
    names = sorted(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    return names[-1].partition("_")[0]


def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as starts:
        assert list(starts.map(schema.upgrade, [url(tmp_path)] * 4)) == [None] * 4
    assert schema.revision(url(tmp_path)) == _head()


def test_a_new_file_is_opened_by_many_at_once(tmp_path: Path) -> None:
    """SQLite lets nobody wait for who turns the file to WAL: one in five hundred was refused."""
    with ThreadPoolExecutor(8) as many:
        for number in range(60):
            place = f"sqlite:///{tmp_path}/{number}.db"
            modes = many.map(partial(_mode_of, place), range(8))
            assert set(modes) == {"wal"}


def _mode_of(place: str, _: int) -> str:
    engine = sqlite_engine(place)
    with engine.connect() as connection:
        found = connection.execute(text("PRAGMA journal_mode")).scalar_one()
    engine.dispose()
    return str(found)


def test_a_row_that_points_nowhere_stops_the_upgrade(tmp_path: Path) -> None:
    schema.upgrade(url(tmp_path))
    engine = sqlite_engine(url(tmp_path), foreign_keys=False)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO person_keys (person_id, wrapped) VALUES ('p_nobody', x'00')"))
    engine.dispose()
    with pytest.raises(RuntimeError, match="1 rows point nowhere"):
        schema.upgrade(url(tmp_path))


def test_down_and_up_again(tmp_path: Path) -> None:
    schema.upgrade(url(tmp_path))
    engine = sqlite_engine(url(tmp_path), foreign_keys=False)
    before = statements(engine)
    made = config()
    with engine.connect() as connection:
        made.attributes["connection"] = connection
        command.downgrade(made, "base")
    with engine.connect() as connection:
        left = (
            connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        )
    assert set(left) <= {"alembic_version", "sqlite_sequence"}
    assert schema.revision(url(tmp_path)) is None
    schema.upgrade(url(tmp_path))
    assert statements(engine) == before
    engine.dispose()


def test_what_waits_in_the_outbox_survives_another_route(tmp_path: Path) -> None:
    schema.upgrade(url(tmp_path))
    engine = sqlite_engine(url(tmp_path), foreign_keys=False)
    made = config()
    row = (
        "INSERT INTO outbox (dedup, kind, purpose, route, delivery, payload, status, next_try, attempts,"
        " ambiguous, went_by, remote, reason, leaver_id) VALUES ('{0}', 'k', 'asking', '{0}', '{0}', x'01',"
        " 'pending', 1.5, 2, 1, 'w', 'r', 'why', 7)"
    )
    with engine.begin() as connection:
        for route in ("staff", "channel"):
            connection.exec_driver_sql(row.format(route))
        before = connection.exec_driver_sql("SELECT * FROM outbox WHERE route = 'staff'").all()
    for move, target in ((command.downgrade, "0005"), (command.upgrade, "head")):
        with engine.connect() as connection:
            made.attributes["connection"] = connection
            move(made, target)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM outbox").all() == before
    engine.dispose()


def test_the_tables_can_be_made_on_postgresql() -> None:
    made: list[str] = []
    engine = create_mock_engine(
        "postgresql+asyncpg://", lambda sql, *_, **__: made.append(str(sql.compile(dialect=engine.dialect)))
    )
    schema.metadata().create_all(engine, checkfirst=False)
    tables = [sql for sql in made if sql.lstrip().startswith("CREATE TABLE")]
    assert len(tables) == len(schema.metadata().tables)
    assert "TIMESTAMP WITH TIME ZONE" in "".join(made)
    assert not [sql for sql in made if len(re.findall(r'CONSTRAINT "?(\w{64,})', sql))]


def test_the_migrations_can_be_written_for_postgresql() -> None:
    up, down = config(dialect="postgresql"), config(dialect="postgresql")
    command.upgrade(up, "head", sql=True)
    sql = up.output_buffer.getvalue()  # type: ignore[union-attr]
    for table in schema.metadata().tables:
        assert f"CREATE TABLE {table} (" in sql
    assert "fts5" not in sql
    assert "route IN ('company_chat'," in sql
    assert "'channel')" in sql
    assert "outbox_anew" not in sql
    command.downgrade(down, f"{_head()}:base", sql=True)
    assert "DROP TABLE people" in down.output_buffer.getvalue()  # type: ignore[union-attr]
