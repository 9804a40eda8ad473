"""What is so only on PostgreSQL: writers that meet, a server that goes away, one schema, one clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, make_url, select, text
from sqlalchemy.exc import DBAPIError

from bot.clock import Clock
from bot.errors import ConfigError
from storage import journal, openings, people, postgresql, schema, search
from storage.condition import Condition, condition, keys_lost, place_of
from storage.engine import Database, Tx, after_commit, on_connection, wipe, wire
from storage.journal import Line
from storage.people import Person
from storage.postgresql import server_engine
from tests.databases import on_postgresql
from tests.desk import VAULT, Desk, HandClock
from tests.postgres import postgres

_COLUMNS = """SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name,
character_maximum_length FROM information_schema.columns WHERE table_schema = 'public'"""
_CONSTRAINTS = """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
CATALOGUE = (_COLUMNS, _CONSTRAINTS, _INDEXES)
OWN = ("alembic_version", "ix_search_docs_terms")  # made by the migrations alone


@pytest.fixture
def empty() -> Iterator[str]:
    """A database without any table."""
    with on_postgresql(migrated=False) as url:
        yield url


def catalogue(connection: Connection) -> set[tuple[object, ...]]:
    rows = (tuple(row) for query in CATALOGUE for row in connection.execute(text(query)))
    return {row for row in rows if not set(OWN) & set(map(str, row))}


def declared(connection: Connection) -> set[tuple[object, ...]]:
    schema.metadata().create_all(connection)
    return catalogue(connection)


def config(connection: Connection) -> Config:
    made = Config()
    made.set_main_option("script_location", str(schema.MIGRATIONS))
    made.attributes["connection"] = connection
    return made


# --- the schema -------------------------------------------------------------------------------------------


def test_the_migrated_schema_is_the_declared_one(empty: str) -> None:
    wanted = on_connection(empty, declared)  # taken back
    schema.upgrade(empty)
    found = on_connection(empty, catalogue)
    assert found - wanted == set()
    assert wanted - found == set()
    assert any("ck_leavers_stage_known" in map(str, row) for row in found)
    on_connection(empty, _alembic_sees_no_difference)


def _alembic_sees_no_difference(connection: Connection) -> None:
    connection.execute(text("DROP INDEX ix_search_docs_terms"))
    command.check(config(connection))


def test_down_and_up_again(empty: str) -> None:
    schema.upgrade(empty)
    before = on_connection(empty, catalogue)

    def down(connection: Connection) -> None:
        command.downgrade(config(connection), "base")

    on_connection(empty, down, keeps=True)
    assert schema.revision(empty) is None
    assert on_connection(empty, catalogue) == set()
    schema.upgrade(empty)
    assert on_connection(empty, catalogue) == before


def test_replicas_that_start_at_once_migrate_once(empty: str) -> None:
    with ThreadPoolExecutor(4) as starts:
        assert list(starts.map(schema.upgrade, [empty] * 4)) == [None] * 4
    assert schema.revision(empty) == schema.newest()


def test_a_migration_that_fails_leaves_nothing(empty: str) -> None:
    table = text("CREATE TABLE uploads (id INTEGER)")
    on_connection(empty, lambda connection: connection.execute(table), keeps=True)
    with pytest.raises(DBAPIError, match="already exists"):
        schema.upgrade(empty)
    assert schema.revision(empty) is None
    tables = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert on_connection(empty, lambda connection: connection.execute(tables).scalars().all()) == ["uploads"]


def test_whoever_asks_why_nothing_works_is_told(empty: str) -> None:
    assert condition(empty).state == "missing"
    assert place_of(empty.replace("@/", "@db.example.jp/")) == f"db.example.jp/{make_url(empty).database}"
    schema.upgrade(empty, "0009")
    assert condition(empty) == Condition("behind", "0009", schema.newest())
    schema.upgrade(empty)
    assert condition(empty).state == "ready"
    assert keys_lost(empty, VAULT) == (0, 0)
    nobody = condition(empty.replace("okaeri@", "nobody_here@"))
    assert (nobody.state, "nobody_here" in nobody.reason) == ("unusable", True)
    away = condition("postgresql://127.0.0.1:1/okaeri")
    assert (away.state, bool(away.reason)) == ("unusable", True)


# --- writers that meet ------------------------------------------------------------------------------------


async def test_two_who_look_and_then_write_do_not_both_see_nothing(desk_on_server: Desk) -> None:
    """Write skew: each would be right alone. One of them runs again and sees the other's line."""
    database, seen = desk_on_server.database, []
    both = asyncio.Barrier(2)

    async def one(name: str) -> None:
        await both.wait()
        await database.run(lambda tx: alone(tx, name))

    def alone(tx: Tx, name: str) -> None:
        lines = tx.scalar(select(func.count()).select_from(Line)) or 0
        tx.execute(text("SELECT pg_sleep(0.1)"))
        seen.append(lines)
        if not lines:
            journal.write(tx, name)

    await asyncio.gather(one("a"), one("b"))
    assert len(desk_on_server.sees(lambda tx: journal.about(tx, ""))) == 1
    assert max(seen) == 1, "who came second looked again"


async def test_what_runs_again_is_done_once_and_told_once(desk_on_server: Desk) -> None:
    database, ran, told = desk_on_server.database, [], []

    def meets(tx: Tx) -> str:
        ran.append(1)
        after_commit(tx, lambda: told.append(len(ran)))
        journal.write(tx, "met")
        if len(ran) < 4:
            tx.execute(text("DO $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = '40001'; END $$"))
        return "done"

    assert await database.run(meets) == "done"
    assert (len(ran), told) == (4, [4])
    assert len(desk_on_server.sees(lambda tx: journal.about(tx, ""))) == 1


async def test_who_keeps_the_error_to_itself_runs_again_all_the_same(desk_on_server: Desk) -> None:
    ran: list[int] = []

    def keeps_quiet(tx: Tx) -> str:
        ran.append(1)
        if len(ran) == 1:
            with pytest.raises(DBAPIError), tx.begin_nested():
                tx.execute(text("DO $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = '40P01'; END $$"))
        return "done"

    assert await desk_on_server.database.run(keeps_quiet) == "done"
    assert len(ran) == 2


async def test_it_ends_at_some_point(desk_on_server: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "TRIES", 3)
    ran: list[int] = []

    def always(tx: Tx) -> None:
        ran.append(1)
        tx.execute(text("DO $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = '40001'; END $$"))

    with pytest.raises(DBAPIError, match="met"):
        await desk_on_server.database.run(always)
    assert len(ran) == 3


async def test_a_hook_may_have_a_transaction_of_its_own(desk_on_server: Desk) -> None:
    database = desk_on_server.database

    def first(tx: Tx) -> None:
        after_commit(tx, lambda: database.run_now(lambda other: journal.write(other, "after")))

    await database.run(first)
    assert [line.what for line in desk_on_server.sees(lambda tx: journal.about(tx, ""))] == ["after"]
    with pytest.raises(RuntimeError, match="inside a transaction"):
        await database.run(lambda tx: database.run_now(lambda other: None))


async def test_levels(desk_on_server: Desk) -> None:
    """Writers serializable, those that guard themselves read committed, readers one moment and no word."""
    database, level = desk_on_server.database, text("SHOW transaction_isolation")
    assert await database.run(lambda tx: tx.scalar(level)) == "serializable"
    assert await database.run(lambda tx: tx.scalar(level), guarded=True) == "read committed"
    assert await database.run(lambda tx: tx.scalar(level), reads=True) == "repeatable read"
    with pytest.raises(DBAPIError, match="read-only"):
        await database.run(lambda tx: journal.write(tx, "x"), reads=True)


async def test_a_plan_for_an_empty_table_is_not_kept(desk_on_server: Desk) -> None:
    """Every statement is planned for what is there now, also one that was asked often before."""
    asked, plan = "SELECT id FROM people WHERE id = $1", text("SHOW plan_cache_mode")

    def plans(tx: Tx) -> tuple[int, int]:
        for _ in range(8):
            tx.connection().exec_driver_sql(asked, ("p_1",))
        counted = (
            "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE statement = $1"
        )
        generic, custom = tx.connection().exec_driver_sql(counted, (asked,)).one()
        return int(generic), int(custom)

    assert await desk_on_server.database.run(lambda tx: tx.scalar(plan)) == "force_custom_plan"
    assert await desk_on_server.database.run(plans) == (0, 8)


async def test_who_stops_waiting_stops_nothing(desk_on_server: Desk) -> None:
    going = asyncio.ensure_future(desk_on_server.database.run(_slow_line))
    await asyncio.sleep(0.05)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert await asyncio.to_thread(_arrives, desk_on_server)


def _arrives(desk: Desk) -> bool:
    desk.database.close()  # waits for what runs
    after = Database(desk.database.url, VAULT, desk.clock)
    try:
        return len(after.run_now(lambda tx: journal.about(tx, ""), True)) == 1
    finally:
        after.close()


def _slow_line(tx: Tx) -> None:
    tx.execute(text("SELECT pg_sleep(0.1)"))
    journal.write(tx, "slow")


# --- a server ---------------------------------------------------------------------------------------------


async def test_a_server_that_was_away_is_not_noticed(desk_on_server: Desk) -> None:
    database = desk_on_server.database
    await database.run(lambda tx: journal.write(tx, "before"))
    name = database.url.rpartition("/")[2].partition("?")[0]
    postgres().sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    await database.run(lambda tx: journal.write(tx, "since"))
    lines = await database.run(lambda tx: journal.about(tx, ""), reads=True)
    assert [line.what for line in lines] == ["before", "since"]


async def test_what_was_deleted_is_cleared_away(desk_on_server: Desk) -> None:
    database = desk_on_server.database
    person_id = desk_on_server.does(lambda tx: people.add(tx, "鵜飼 蛍").id)

    def gone(tx: Tx) -> None:
        people.erase(tx, person_id)
        wipe(tx)

    await database.run(gone)
    assert database.unwiped.is_set()
    size = text("SELECT pg_relation_size('person_keys')")
    assert await database.write_back()
    assert not database.unwiped.is_set()
    assert desk_on_server.sees(lambda tx: tx.scalar(size)) == 0


def test_leases_and_pace_go_by_the_servers_clock(desk_on_server: Desk) -> None:
    class Ahead(Clock):
        """A replica whose clock is an hour fast."""

    fast = Ahead()
    database = Database(desk_on_server.database.url, VAULT, fast)
    try:
        for clock, off in ((fast, 0.0), (HandClock(datetime(2026, 2, 2, tzinfo=UTC)), 1_000_000.0)):
            database.carries["clock"] = clock
            said = database.run_now(lambda tx: (wire(tx), wire(tx)))
            assert said[1] >= said[0]
            assert abs(said[0] - (off or time.time())) < 5
        database.carries["clock"] = fast
        asked = database.run_now(_statements_of_two_looks)
        assert asked == 1, "the server is asked once a transaction"
    finally:
        database.close()


def _statements_of_two_looks(tx: Tx) -> int:
    wire(tx)
    wire(tx)
    return len([name for name in tx.info if name == "ahead"])


def test_what_sqlite_takes_a_server_does_not_refuse(desk_on_server: Desk) -> None:
    long = "長" * 5000
    person_id = desk_on_server.does(lambda tx: people.add(tx, f"{long}\0", about="a\0b").id)
    person = desk_on_server.sees(lambda tx: people.one(tx, person_id))
    assert (person.name, person.about) == (long, "ab")
    assert desk_on_server.sees(lambda tx: openings.get(tx, 2**62)) is None
    assert desk_on_server.sees(lambda tx: openings.listed(tx, page=2**40)).rows == ()


def test_words_are_in_the_order_of_their_code_points(desk_on_server: Desk) -> None:
    names = ["b", "B", "a", "_", "ア", "あ", "髙", "é"]
    desk_on_server.does(lambda tx: [people.add(tx, name) for name in names])
    query = select(Person.name).order_by(Person.name)
    assert desk_on_server.sees(lambda tx: list(tx.scalars(query))) == sorted(names)


def test_numbers_are_never_used_again(desk_on_server: Desk) -> None:
    def made(tx: Tx) -> int:
        row = Line(at=datetime(2026, 2, 2, tzinfo=UTC), what="x")
        tx.add(row)
        tx.flush()
        tx.delete(row)
        return row.id

    assert desk_on_server.does(made) < desk_on_server.does(made)


def test_a_look_up_begins_at_the_index(desk_on_server: Desk) -> None:
    def plan(tx: Tx) -> str:
        tx.execute(text("SET LOCAL enable_seqscan = off"))
        rows = tx.execute(text(f"EXPLAIN SELECT id FROM search_docs WHERE {search._VECTOR} @@ 'ax'::tsquery"))
        return "\n".join(rows.scalars())

    assert "ix_search_docs_terms" in desk_on_server.sees(plan)


# --- addresses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_any_spelling_of_an_address_is_taken(scheme: str, desk_on_server: Desk) -> None:
    url = desk_on_server.database.url.replace("postgresql+asyncpg", scheme)
    assert schema.revision(url) == schema.newest()


async def test_behind_a_pooler_nothing_is_kept_between_transactions(desk_on_server: Desk) -> None:
    database = Database(f"{desk_on_server.database.url}&pooler=transaction&pool_size=2", VAULT, Clock())
    try:
        for _ in range(3):
            await database.run(lambda tx: journal.write(tx, "x"))
        kept = text("SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql")
        assert await database.run(lambda tx: tx.scalar(kept), reads=True) == 0
    finally:
        database.close()


@pytest.mark.parametrize(
    ("query", "told"), [("sslmood=on", r"\?sslmood=.*right: one of"), ("pool_size=1", "2 or more")]
)
def test_an_option_that_means_nothing_is_named(query: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        server_engine(f"postgresql://localhost/okaeri?{query}")
