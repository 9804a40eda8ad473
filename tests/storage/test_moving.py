"""From a file onto a server: everything arrives and goes on there, or nothing does."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, make_url, select
from sqlalchemy.exc import DBAPIError

from bot.errors import ConfigError
from bot.visibility import Audience
from storage import openings, people, schema, search
from storage.accounts import Account
from storage.condition import condition, place_of
from storage.engine import Database, Tx, on_connection
from storage.moving import move
from tests.databases import on_postgresql
from tests.desk import VAULT, Desk, notice
from tests.house.source import ROOT
from tests.postgres import postgres
from tests.storage.test_held import row_for, somebody

TABLES = schema.metadata().sorted_tables
Rows = dict[str, list[tuple[Any, ...]]]
DIES = """
import os, signal
from sqlalchemy import Engine, event

@event.listens_for(Engine, "before_execute")
def before(connection, clause, *_):
    if getattr(clause, "is_insert", False) and clause.table.name == "outbox":
        os.kill(os.getpid(), signal.SIGKILL)

from bot.__main__ import main
main()
"""


@pytest.fixture
def empty() -> Iterator[str]:
    """A database on a server without any table."""
    with on_postgresql(migrated=False) as url:
        yield url


another = empty


@pytest.fixture
def full(desk_in_file: Desk) -> Desk:
    """A house of which no table is empty; nobody has its file open."""
    leaver = somebody(desk_in_file)

    def fill(tx: Tx) -> None:
        person = people.one(tx, leaver.person_id)
        person.about = "改行\nと𠮷野家"
        person.kana = "ウカイ ホタル"
        for table in TABLES:
            if tx.execute(select(table).limit(1)).first() is None:
                row = row_for(table, leaver.person_id)
                if table.name == "teams_references":
                    row["address"] = tx.scalar(select(Account.address))
                tx.execute(insert(table).values(row))
        search.index(tx, person)

    desk_in_file.does(fill)
    assert not [name for name, found in rows(desk_in_file.database).items() if not found]
    desk_in_file.database.close()
    return desk_in_file


def rows(database: Database) -> Rows:
    """Every row of every table, by their keys."""

    def look(tx: Tx) -> Rows:
        return {
            table.name: [tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key))]
            for table in TABLES
        }

    return database.run_now(look, reads=True)


def rows_at(url: str, desk: Desk) -> Rows:
    with closing(Database(url, VAULT, desk.clock)) as database:
        return rows(database)


def moves(desk: Desk, url: str, *how: str) -> subprocess.CompletedProcess[str]:
    """Somebody types it."""
    told = {"OKAERI_DATABASE_URL": desk.database.url, "PATH": os.defpath}
    command = [sys.executable, *(how or ("-m", "bot")), "move", "--to", url]
    return subprocess.run(
        command, cwd=ROOT, env=told, capture_output=True, text=True, timeout=60, check=False
    )


# --- what arrives -----------------------------------------------------------------------------------------


@pytest.mark.long
def test_every_row_arrives_and_the_file_opens_no_house_any_more(full: Desk, empty: str, another: str) -> None:
    before = rows_at(full.database.url, full)
    done = moves(full, empty)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{sum(map(len, before.values()))} rows moved" in done.stdout
    assert "delete the file, but not the list of erasures" in done.stdout
    assert rows_at(empty, full) == before
    assert condition(empty).state == "ready"
    assert condition(full.database.url).state == "moved"
    with pytest.raises(ConfigError, match="was moved onto a server"):
        schema.open_up(full.database.url)
    for url in (empty, another):
        again = moves(full, url)
        assert again.returncode == 78
        assert "was moved onto a server; right: the address of that server" in again.stderr
    assert condition(another).state == "missing", "nobody is in two places"
    assert rows_at(full.database.url, full) == before, "the file itself keeps everything"


async def test_the_house_goes_on_there(desk_in_file: Desk, empty: str) -> None:
    desk_in_file.hears(
        notice("E1", name="髙橋 愛子", kana="タカハシ アイコ", personal_email="a@home.example.jp")
    )

    def gone(tx: Tx) -> int:
        row = openings.add(
            tx, "slack:T0:U0", title="x", closes_on=date(2026, 3, 1), owner="x", owner_name="x"
        )
        tx.delete(row)
        return row.id

    last = desk_in_file.does(gone)
    letters = [row.dedup for row in desk_in_file.letters()]
    leaver = desk_in_file.leaver("E1")
    desk_in_file.database.close()
    await asyncio.to_thread(move, desk_in_file.database.url, empty)
    with closing(
        Desk(Database(empty, VAULT, desk_in_file.clock), desk_in_file.clock, desk_in_file.file)
    ) as there:
        assert (
            there.sees(lambda tx: people.private_email(tx, people.one(tx, leaver.person_id)))
            == "a@home.example.jp"
        )
        found = there.sees(lambda tx: search.find(tx, "高橋", Audience.HR))
        assert [hit.name for hit in found.hits] == ["髙橋 愛子"]
        assert [row.dedup for row in there.letters()] == letters
        there.hears(notice("E2"))
        assert there.leaver("E2").id > leaver.id
        assert there.does(gone) > last, "a number that was given is not given again"


def test_what_a_server_cannot_keep_is_dropped_from_words(desk_in_file: Desk, empty: str) -> None:
    person = desk_in_file.does(lambda tx: people.add(tx, "田中\0 愛子").id)
    desk_in_file.database.close()
    move(desk_in_file.database.url, empty)
    with closing(Database(empty, VAULT, desk_in_file.clock)) as there:
        assert there.run_now(lambda tx: people.one(tx, person).name, reads=True) == "田中 愛子"


# --- what is refused --------------------------------------------------------------------------------------


def refused(desk: Desk, url: str, why: str) -> None:
    """It is told why, and a house may begin on the file as before."""
    with pytest.raises(ConfigError) as wrong:
        move(desk.database.url, url)
    assert why in wrong.value.mistakes[0]
    schema.open_up(desk.database.url)


def test_a_running_house_is_not_moved(desk_in_file: Desk, empty: str) -> None:
    desk_in_file.hears(notice("E1"))
    refused(desk_in_file, empty, "stop the house first")
    assert not any(rows_at(empty, desk_in_file).values())
    desk_in_file.hears(notice("E2"))
    desk_in_file.database.close()
    assert move(desk_in_file.database.url, empty)["leavers"] == 2


def test_a_server_that_holds_something_is_left_alone(full: Desk, desk_on_server: Desk) -> None:
    desk_on_server.hears(notice("E7"))
    before = rows(desk_on_server.database)
    refused(full, desk_on_server.database.url, "an empty database")
    assert rows(desk_on_server.database) == before


def test_only_a_file_and_only_onto_a_server(full: Desk, empty: str, tmp_path: Path) -> None:
    not_one = "--to: not the address of a server; right: postgresql://user:password@host/okaeri"
    refused(full, f"sqlite:///{tmp_path}/other.db", not_one)
    refused(full, "postgresql://127.0.0.1:1/okaeri", "--to: 127.0.0.1/okaeri cannot be opened")
    for rubbish in ("", "what is this?", "mysql://u:secret@host/x"):
        refused(full, rubbish, not_one)
    with pytest.raises(ConfigError, match="the file that is to be moved"):
        move(f"sqlite:///{tmp_path}/none.db", empty)
    with pytest.raises(ConfigError, match="the file that is to be moved"):
        move(empty, empty)
    assert not (tmp_path / "none.db").exists()


def newer(url: str) -> None:
    """A release after this one has been here: it added what this one knows nothing of."""

    def add(connection: Connection) -> None:
        for change in (
            "ALTER TABLE people ADD COLUMN pronouns VARCHAR DEFAULT 'they'",
            "CREATE TABLE novelties (id INTEGER PRIMARY KEY)",
            "UPDATE alembic_version SET version_num = '9999'",
        ):
            connection.exec_driver_sql(change)

    on_connection(url, add, keeps=True)


def test_what_a_newer_release_added_is_not_left_behind(desk_in_file: Desk, empty: str) -> None:
    desk_in_file.hears(notice("E1"))
    desk_in_file.database.close()
    newer(desk_in_file.database.url)
    mistake = f"OKAERI_DATABASE_URL: {desk_in_file.file} is at revision 9999"
    refused(desk_in_file, empty, mistake)
    assert condition(empty).state == "missing"


def test_a_server_that_a_newer_release_made_is_left_to_it(desk_in_file: Desk, empty: str) -> None:
    desk_in_file.hears(notice("E1"))
    desk_in_file.database.close()
    schema.upgrade(empty)
    newer(empty)
    refused(desk_in_file, empty, f"--to: {place_of(empty)} is at revision 9999")
    assert not any(rows_at(empty, desk_in_file).values())


# --- what goes wrong in the middle ------------------------------------------------------------------------


def hangs_up(url: str) -> None:
    """The server hangs up on everybody in this database."""
    name = make_url(url).database
    postgres().sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


@contextmanager
def on_engines(name: str, do: Callable[..., None]) -> Iterator[None]:
    """Something happens at a moment of every transaction."""
    event.listen(Engine, name, do)
    try:
        yield
    finally:
        event.remove(Engine, name, do)


def test_a_server_that_goes_away_in_the_middle(full: Desk, empty: str) -> None:
    def goes(_connection: Connection, clause: Any, *_: Any) -> None:
        if getattr(clause, "is_insert", False) and clause.table.name == "outbox":
            hangs_up(empty)

    with on_engines("before_execute", goes), pytest.raises(DBAPIError):
        move(full.database.url, empty)
    assert not any(rows_at(empty, full).values())
    schema.open_up(full.database.url)
    move(full.database.url, empty)
    assert rows_at(empty, full) == rows_at(full.database.url, full)


@pytest.mark.long
def test_who_is_killed_in_the_middle_moves_once_more(full: Desk, empty: str) -> None:
    assert moves(full, empty, "-c", DIES).returncode == -signal.SIGKILL
    assert not any(rows_at(empty, full).values())
    assert condition(full.database.url).state == "moving"
    with pytest.raises(ConfigError, match="was interrupted; right: okaeri move once more"):
        schema.open_up(full.database.url)
    assert moves(full, empty).returncode == 0
    assert rows_at(empty, full) == rows_at(full.database.url, full)


def test_a_server_whose_commit_stood_though_its_answer_was_lost(full: Desk, empty: str) -> None:
    def lost(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("COMMIT")
            hangs_up(empty)

    schema.upgrade(empty)
    with on_engines("commit", lost), pytest.raises(DBAPIError):
        move(full.database.url, empty)
    assert rows_at(empty, full) == rows_at(full.database.url, full)
    with pytest.raises(ConfigError, match="was moved onto a server"):
        schema.open_up(full.database.url)
