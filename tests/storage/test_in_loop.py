"""Brief transactions on a server, in the loop that asks for them."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import text

from storage import journal
from storage.engine import Tx, after_commit
from tests.desk import Desk


async def test_what_is_brief_runs_in_the_loop_that_asks(desk_on_server: Desk) -> None:
    """In the block and there alone; writers that meet others stay in the database's own thread."""
    database, here = desk_on_server.database, threading.get_ident()

    def where(_: Tx) -> bool:
        return threading.get_ident() == here

    async def found() -> list[bool]:
        kinds: list[dict[str, bool]] = [{"reads": True}, {"guarded": True}, {}]
        return [await database.run(where, brief=True, **kind) for kind in kinds]

    assert await found() == [False] * 3
    async with database.in_loop():
        assert await found() == [True, True, False]
        assert await database.run(where, guarded=True) is False
        assert await asyncio.to_thread(asyncio.run, found()) == [False] * 3
        level = text("SHOW transaction_isolation")
        assert await database.run(lambda tx: tx.scalar(level), guarded=True, brief=True) == "read committed"
        with pytest.raises(RuntimeError, match="inside a transaction"):
            await database.run(lambda tx: database.run_now(lambda other: None), guarded=True, brief=True)
    assert await found() == [False] * 3


async def test_who_stops_waiting_stops_nothing_there_and_the_block_ends_after_it(
    desk_on_server: Desk,
) -> None:
    database = desk_on_server.database

    def slowly(tx: Tx) -> None:
        tx.execute(text("SELECT pg_sleep(0.3)"))
        journal.write(tx, "slowly")
        after_commit(tx, lambda: database.run_now(lambda other: journal.write(other, "after")))

    async with database.in_loop():
        asked = asyncio.create_task(database.run(slowly, guarded=True, brief=True))
        await asyncio.sleep(0.1)
        asked.cancel()
    assert [line.what for line in desk_on_server.sees(lambda tx: journal.about(tx, ""))] == [
        "slowly",
        "after",
    ]
