"""What is over goes in parts, and who writes meanwhile waits for one of them at most."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import func, select

from jobs import housekeeping
from storage import journal
from storage.engine import Tx
from storage.journal import Line
from storage.outdated import PART
from tests.desk import Desk

OLD, YOUNG = 3 * PART + 1, 7
THREE_YEARS = timedelta(days=3 * 365)


def lines(tx: Tx, what: str) -> int:
    return tx.scalar(select(func.count()).select_from(Line).where(Line.what == what)) or 0


async def test_a_great_many_go_in_parts_and_who_writes_gets_in_between(desk: Desk) -> None:
    await desk.database.run(lambda tx: journal.write_all(tx, [("old", "", "")] * OLD))
    desk.clock.passes(THREE_YEARS.total_seconds())
    await desk.database.run(lambda tx: journal.write_all(tx, [("young", "", "")] * YOUNG))
    desk.clock.passes(1)
    left: list[int] = []

    def writes(tx: Tx) -> None:
        journal.write(tx, "between")
        left.append(lines(tx, "old"))

    tidying = asyncio.create_task(housekeeping.tidy(desk.database, 30))
    while not tidying.done():
        await desk.database.run(writes)
    assert {OLD - part * PART for part in (1, 2, 3)} & set(left), "who wrote saw only parts of it gone"
    assert {OLD - gone for gone in left} <= {0, PART, 2 * PART, 3 * PART, OLD}
    assert desk.sees(lambda tx: (lines(tx, "old"), lines(tx, "young"))) == (0, YOUNG)


async def test_nothing_that_is_over_is_left_for_the_next_hour(desk: Desk) -> None:
    assert not await housekeeping.tidy(desk.database, 30), "an empty house"
    await desk.database.run(lambda tx: journal.write_all(tx, [("old", "", "")] * OLD))
    desk.clock.passes(THREE_YEARS.total_seconds())
    await housekeeping.tidy(desk.database, 30)
    assert desk.sees(lambda tx: lines(tx, "old")) == OLD, "not over yet"
    desk.clock.passes(1)
    await housekeeping.tidy(desk.database, 30)
    assert desk.sees(lambda tx: lines(tx, "old")) == 0
