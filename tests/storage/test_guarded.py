"""Writers that guard themselves, on a server: what another changed under them is looked at once more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import date

import pytest
from sqlalchemy.orm.exc import StaleDataError

from storage import leavers, people, postgresql
from storage.engine import Tx
from storage.leavers import Leaver
from tests.desk import Desk


def leaver(desk: Desk) -> int:
    def made(tx: Tx) -> int:
        row = Leaver(
            person_id=people.add(tx, "鵜飼 蛍").id, entity="", employee_number="E1", stint=1, source="csv",
            notice="n", last_day=date(2026, 3, 31), leaving_type="voluntary",
        )  # fmt: skip
        return leavers.add(tx, row).id

    return desk.does(made)


class Marks:
    """A writer that marks a leaver, in whose way another one gets so many times; it counts its runs."""

    def __init__(self, desk: Desk, others: int) -> None:
        self.leaver, self.others, self.ran = leaver(desk), others, 0
        self._other = desk.again()

    def __call__(self, tx: Tx) -> str:
        """Mark, after the other one changed the row that was seen."""
        self.ran += 1
        row = self._row(tx)
        if self.ran <= self.others:
            with ThreadPoolExecutor(1) as meanwhile:
                meanwhile.submit(self._other.does, self._changes).result()
        row.stuck = "undelivered"
        return "done"

    def _changes(self, tx: Tx) -> None:
        self._row(tx).asks += 1

    def _row(self, tx: Tx) -> Leaver:
        row = leavers.get(tx, self.leaver)
        assert row is not None
        return row


@pytest.mark.parametrize("here", [False, True], ids=["its own loop", "the loop that asks"])
async def test_a_row_that_another_changed_meanwhile_is_looked_at_again(
    desk_on_server: Desk, here: bool
) -> None:
    """Where one waits for nobody the server has no word for it: no row is there that could be changed."""
    database, marks = desk_on_server.database, Marks(desk_on_server, others=3)
    async with database.in_loop() if here else nullcontext():
        assert await database.run(marks, guarded=True, brief=here) == "done"
    row = desk_on_server.leaver()
    assert (row.stuck, row.asks, marks.ran) == ("undelivered", 3, 4), "neither change is lost"


async def test_a_row_that_always_changes_is_told_in_the_end(
    desk_on_server: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "TRIES", 3)
    marks = Marks(desk_on_server, others=100)
    with pytest.raises(StaleDataError):
        await desk_on_server.database.run(marks, guarded=True)
    assert (marks.ran, desk_on_server.leaver().stuck) == (3, "")


async def test_who_brings_an_old_row_along_is_told_at_once(desk_on_server: Desk) -> None:
    """Of a writer that is kept apart from others the server tells; what is left is a row from elsewhere."""
    number, ran = leaver(desk_on_server), []
    stale = desk_on_server.sees(lambda tx: leavers.get(tx, number))
    desk_on_server.does(lambda tx: setattr(leavers.get(tx, number), "asks", 1))

    def brings(tx: Tx) -> None:
        ran.append(1)
        tx.add(stale)
        setattr(stale, "stuck", "undelivered")  # noqa: B010 - whoever it is

    with pytest.raises(StaleDataError):
        await desk_on_server.database.run(brings)
    assert len(ran) == 1
