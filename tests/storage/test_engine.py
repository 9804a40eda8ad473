"""Transactions: nothing lost among tasks and processes, readers never wait, nothing private in the clear."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from bot.errors import ConfigError
from bot.notices import take_notice
from jobs.erasures import Erasures
from storage import codes, inbox, people
from storage.engine import Among, Tx, on_server, wipe
from storage.people import Person
from storage.sqlite import Embedded, sqlite_engine
from tests.desk import POLICY, VAULT, Desk, notice
from tests.storage.writer import count_up

ROOT = Path(__file__).parents[2]


def counter(desk: Desk) -> str:
    return desk.does(lambda tx: people.add(tx, "counter").id)


def value(desk: Desk, person_id: str) -> int:
    return int(desk.sees(lambda tx: people.one(tx, person_id)).about)


async def test_twenty_tasks_of_fifty_steps_lose_nothing(desk: Desk) -> None:
    person_id = counter(desk)

    async def task() -> None:
        for _ in range(50):
            await desk.database.run(lambda tx: count_up(tx, person_id))

    await asyncio.gather(*(task() for _ in range(20)))
    assert value(desk, person_id) == 1000


def test_three_processes_lose_nothing(desk: Desk) -> None:
    person_id = counter(desk)
    ring = ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in VAULT.ring.items())
    command = [sys.executable, "-m", "tests.storage.writer", desk.database.url, ring, person_id, "60"]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert value(desk, person_id) == 180


def test_a_file_tells_that_somebody_wrote(desk_in_file: Desk) -> None:
    """Whoever it was, in this process or another; looking, or writing nothing, is no change."""
    database, seen = desk_in_file.database, [desk_in_file.database.version()]
    person_id = counter(desk_in_file)
    seen.append(database.version())
    desk_in_file.sees(lambda tx: people.one(tx, person_id))
    seen.append(database.version())
    engine = sqlite_engine(database.url)
    with engine.execution_options(writes=True).connect() as another:
        another.execute(text("UPDATE people SET about = '1'"))
        another.commit()
    engine.dispose()
    seen.append(database.version())
    assert [a == b for a, b in pairwise(seen)] == [False, True, False]


async def test_a_reader_reads_while_a_writer_writes(desk_in_file: Desk) -> None:
    person_id = counter(desk_in_file)
    wrote, go_on = threading.Event(), threading.Event()

    def write(tx: Tx) -> None:
        count_up(tx, person_id)
        tx.flush()
        wrote.set()
        assert go_on.wait(10)

    writing = asyncio.create_task(desk_in_file.database.run(write))
    await asyncio.to_thread(wrote.wait, 10)
    seen = await desk_in_file.database.run(lambda tx: people.one(tx, person_id).about, reads=True)
    go_on.set()
    await writing
    assert (seen, value(desk_in_file, person_id)) == ("", 1)


async def test_any_exception_takes_everything_back(desk: Desk) -> None:
    person_id = counter(desk)

    def fail(tx: Tx) -> None:
        count_up(tx, person_id)
        tx.flush()
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await desk.database.run(fail)
    assert desk.sees(lambda tx: people.one(tx, person_id)).about == ""
    await desk.database.run(lambda tx: count_up(tx, person_id))
    assert value(desk, person_id) == 1


async def test_a_reading_transaction_leaves_nothing_behind(desk_in_file: Desk) -> None:
    desk = desk_in_file  # a server refuses the write itself
    person_id = counter(desk)

    def read(tx: Tx) -> people.Person:
        count_up(tx, person_id)
        tx.flush()
        return people.one(tx, person_id)

    assert (await desk.database.run(read, reads=True)).name == "counter"
    assert desk.sees(lambda tx: people.one(tx, person_id)).about == ""


def test_the_pragmas_are_as_measured(desk_in_file: Desk) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "cache_size")
    with desk_in_file.transaction() as tx:
        found = {name: tx.scalar(text(f"PRAGMA {name}")) for name in names}
    as_measured = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    assert found == as_measured | {"cache_size": -16000}


def test_a_row_cannot_point_nowhere(desk: Desk) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        desk.does(lambda tx: codes.make(tx, "p_nobody", codes.Use.JOIN, b"", timedelta(hours=1)))


def test_another_database_is_named_with_what_would_be_right() -> None:
    with pytest.raises(ConfigError, match=r"OKAERI_DATABASE_URL.*right: sqlite:///"):
        on_server("mysql://localhost/okaeri")


def test_a_folder_is_made_and_a_closed_database_is_closed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/deep/okaeri.db"
    engine = sqlite_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    engine.dispose()
    assert (tmp_path / "new/deep").is_dir()


async def test_the_log_is_written_back_beside_readers_and_writers(desk_in_file: Desk) -> None:
    person_id = counter(desk_in_file)
    log = desk_in_file.file.with_name("okaeri.db-wal")
    assert log.stat().st_size > 0
    await desk_in_file.database.write_back()
    assert log.stat().st_size == 0
    steps = [desk_in_file.database.run(lambda tx: count_up(tx, person_id)) for _ in range(20)]
    await asyncio.gather(*steps, *(desk_in_file.database.write_back() for _ in range(5)))
    assert value(desk_in_file, person_id) == 20


async def test_who_copies_the_file_for_long_keeps_no_writer_waiting(desk_in_file: Desk) -> None:
    """A backup beside a running house (`VACUUM INTO`) reads for minutes; Slack waits for three seconds."""
    database, person_id = desk_in_file.database, counter(desk_in_file)
    with closing(sqlite3.connect(desk_in_file.file, isolation_level=None)) as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT count(*) FROM people").fetchone()
        desk_in_file.does(lambda tx: count_up(tx, person_id))
        writing_back = asyncio.create_task(database.write_back())
        await asyncio.sleep(0)  # it stands in line before the writer
        await asyncio.wait_for(database.run(lambda tx: count_up(tx, person_id)), 3)
        assert not await writing_back
        assert database.unwiped.is_set(), "tried again"
    assert await database.write_back()
    assert not database.unwiped.is_set()
    assert desk_in_file.file.with_name("okaeri.db-wal").stat().st_size == 0


async def test_who_writes_the_log_back_has_patience_with_writers_again(desk_in_file: Desk) -> None:
    """The connection that was impatient goes back to those with which people read."""
    store = desk_in_file.database.store
    assert isinstance(store, Embedded)
    await desk_in_file.database.write_back()
    all_of_them = [store.reading.raw_connection() for _ in range(6)]
    found = {one.cursor().execute("PRAGMA busy_timeout").fetchone() for one in all_of_them}
    for one in all_of_them:
        one.close()
    assert found == {(10_000,)}


def test_nothing_private_lies_on_the_disk_in_the_clear(desk_in_file: Desk) -> None:
    secret = "aiko.private@example.jp"

    def live(tx: Tx) -> str:
        take_notice(tx, notice(personal_email=secret), POLICY)
        person = people.add(tx, "佐藤 健")
        people.set_private_email(tx, person, secret.upper())
        inbox.first(tx, ("slack", "T1", "Ev1"), f'{{"email": "{secret}"}}')
        return codes.make(tx, person.id, codes.Use.JOIN, b"", timedelta(days=1))

    code = desk_in_file.does(live)
    disk = desk_in_file.bytes()
    assert desk_in_file.file.with_name("okaeri.db-wal").stat().st_size > 0
    assert "田中 愛子".encode() in disk  # what is not sealed is there, so the search searches
    for clear in (secret, secret.upper(), "aiko.private", "private@", code, code.replace("-", "")):
        assert clear.encode() not in disk
        assert clear.encode("utf-16-le") not in disk
    for key in VAULT.ring.values():
        assert key not in disk
        assert base64.b64encode(key) not in disk


async def test_reads_answer_each_asker_whatever_becomes_of_the_others(desk: Desk) -> None:
    def told(number: int) -> int:
        if number % 5 == 0:
            raise LookupError(number)
        return number

    asked = [
        asyncio.ensure_future(desk.database.run(partial(lambda n, tx: told(n), number), reads=True))
        for number in range(40)
    ]
    await asyncio.sleep(0)
    asked[3].cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(answers[3], asyncio.CancelledError)
    for number, answer in enumerate(answers):
        if number % 5 == 0:
            assert isinstance(answer, LookupError)
            assert answer.args == (number,)
        elif number != 3:
            assert answer == number


async def test_a_read_that_lasts_holds_nobody_up(desk_in_file: Desk) -> None:
    """The slow one waits for the quick one, so it could never end if they stood in one line."""
    quick = threading.Event()
    slow = asyncio.ensure_future(desk_in_file.database.run(lambda tx: quick.wait(30), reads=True))
    for pause in (0.0, 0.2):  # asked while the turn is young, and when it has lasted
        await asyncio.sleep(pause)
        assert await desk_in_file.database.run(lambda tx: "quick", reads=True) == "quick"
    quick.set()
    assert await slow


async def test_what_is_wiped_is_owed_until_the_log_is_empty(desk_in_file: Desk) -> None:
    """Deleted rows leave the log too, soon; nothing is owed for what was rolled back."""
    database = desk_in_file.database
    await database.write_back()

    def fails(tx: Tx) -> None:
        wipe(tx)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        desk_in_file.does(fails)
    assert not database.unwiped.is_set()
    person_id = desk_in_file.does(lambda tx: people.add(tx, "鵜飼 蛍").id)

    def gone(tx: Tx) -> None:
        tx.execute(text("DELETE FROM person_keys"))
        tx.execute(text("DELETE FROM people"))
        wipe(tx)

    desk_in_file.does(gone)
    assert database.unwiped.is_set()
    assert "鵜飼 蛍".encode() in desk_in_file.bytes()
    await Erasures(database, None).keep()
    assert not database.unwiped.is_set()
    assert person_id.encode() not in desk_in_file.bytes()


def test_one_of_any_number_of_values(desk: Desk) -> None:
    """More than a statement has parameters, and none; a quote is a quote."""
    with desk.transaction() as tx:
        ids = [people.add(tx, name).id for name in ("佐藤", "O'Neil", 'a"b\\')]
        for column, wanted in ((Person.name, ["O'Neil", 'a"b\\', "nobody"]), (Person.id, [*ids[1:], ids[1]])):
            these = Among(column, select(Person.id).where)
            assert set(tx.scalars(*these(tx, wanted))) == set(ids[1:])
        assert len(people.some(tx, [f"p_{number}" for number in range(70_000)] + ids)) == 3
        assert people.some(tx, []) == {}
