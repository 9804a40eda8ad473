"""What is deleted on a server leaves its tables, although others still look at the moment before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from jobs.erasures import Erasures
from storage import journal, people
from storage.engine import Tx, wipe
from tests.desk import Desk

_SIZE = text("SELECT pg_relation_size('journal')")
"""A table without a row, dead or alive, is nothing once it was cleared away."""
_CLEARED = text("SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'journal'")


def gone(tx: Tx) -> None:
    """The newest line of the journal is deleted, and is to leave the disk."""
    tx.execute(text("DELETE FROM journal WHERE id = (SELECT max(id) FROM journal)"))
    wipe(tx)


@contextmanager
def looking(desk: Desk) -> Iterator[None]:
    """Somebody looks at this moment until the end, as `pg_dump` does; all the same at which table."""
    with desk.again().transaction() as tx:
        tx.execute(text("SELECT FROM leases"))
        yield


async def test_it_is_owed_until_nobody_looks_at_the_moment_before(desk_on_server: Desk) -> None:
    database = desk_on_server.database
    desk_on_server.does(lambda tx: journal.write(tx, "words"))
    with looking(desk_on_server):
        desk_on_server.does(gone)
        assert not await database.write_back()
        assert desk_on_server.sees(lambda tx: tx.scalar(_SIZE)) > 0
        assert database.unwiped.is_set()
    assert await database.write_back()
    assert desk_on_server.sees(lambda tx: tx.scalar(_SIZE)) == 0
    assert not database.unwiped.is_set()


def moment_since(desk: Desk) -> None:
    """Something was written since, and whoever began before that is over, in all databases of the server."""

    def writes(tx: Tx) -> int:
        people.add(tx, "鵜飼 蛍")
        return int(tx.scalar(text("SELECT txid_current()")) or 0)

    number, oldest = desk.does(writes), text("SELECT txid_snapshot_xmin(txid_current_snapshot())")
    for _ in range(1000):
        if desk.sees(lambda tx: tx.scalar(oldest) or 0) > number:
            return
        time.sleep(0.02)
    raise AssertionError("somebody is never over")


async def test_who_looks_at_a_moment_since_is_in_nobodys_way(desk_on_server: Desk) -> None:
    """Else a house in which there is always somebody would owe it for ever."""
    database = desk_on_server.database
    desk_on_server.does(lambda tx: journal.write(tx, "words"))
    with ExitStack() as later:
        with looking(desk_on_server):
            desk_on_server.does(gone)
            assert not await database.write_back()
            moment_since(desk_on_server)
            later.enter_context(looking(desk_on_server))
        assert await database.write_back()
    assert desk_on_server.sees(lambda tx: tx.scalar(_SIZE)) == 0


async def test_while_somebody_looks_the_server_is_asked_and_not_set_to_work(desk_on_server: Desk) -> None:
    """A backup takes hours and every ten seconds the house tries: it says so once, and what more is deleted
    is cleared away once."""
    database = desk_on_server.database
    sweep = Erasures(database, None)
    desk_on_server.does(lambda tx: [journal.write(tx, "words") for _ in range(2)])
    with looking(desk_on_server), capture_logs() as logged:
        for times in (1, 2):
            desk_on_server.does(gone)
            for _ in range(3):
                await sweep.keep()
            assert desk_on_server.sees(lambda tx: tx.scalar(_CLEARED)) == times
            assert database.unwiped.is_set()
    assert [line["event"] for line in logged].count("erased_still_read") == 2
    await sweep.keep()
    assert not database.unwiped.is_set()
    assert desk_on_server.sees(lambda tx: tx.scalar(_SIZE)) == 0


async def test_what_goes_wrong_loses_no_wish(desk_on_server: Desk) -> None:
    database = desk_on_server.database
    desk_on_server.does(lambda tx: journal.write(tx, "words"))
    desk_on_server.does(gone)
    desk_on_server.does(lambda tx: tx.execute(text("ALTER TABLE uploads RENAME TO elsewhere")))
    for _ in range(2):
        with pytest.raises(DBAPIError, match="uploads"):
            await database.write_back()
        assert database.unwiped.is_set()
    desk_on_server.does(lambda tx: tx.execute(text("ALTER TABLE elsewhere RENAME TO uploads")))
    assert await database.write_back()
    assert not database.unwiped.is_set()
