"""Rows that are left aside: which statements see them, when they are tried again; what comes from no row."""

from __future__ import annotations

import asyncio

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import exc as sql

from storage import leavers
from storage.aside import FEW, FIRST, LONGEST, Aside, Those, of_a_row
from tests.desk import Desk, notice


def test_a_statement_sees_all_rows_or_some_or_all_but_some(desk: Desk) -> None:
    for number in ("E1", "E2", "E3"):
        desk.hears(notice(number))
    one, two, three = (desk.leaver(number).id for number in ("E1", "E2", "E3"))

    def seen(those: Those) -> list[int]:
        return [row.id for row in desk.sees(lambda tx: leavers.untold(tx, those=those))]

    assert seen(Those()) == [one, two, three]
    assert seen(Those(only=(two, 4711))) == [two]
    assert seen(Those(only=())) == []
    assert seen(Those(but=(one, 4711))) == [two, three]
    assert seen(Those(but=range(5000))) == []
    assert [row.id for row in desk.sees(lambda tx: leavers.untold(tx, 1, Those(but=(one,))))] == [two]


def test_few_are_tried_again_who_waited_longest_first() -> None:
    aside = Aside()
    for number in range(3 * FEW):
        aside.put("test", number, float(-number), f"code {number}")
    assert aside.ripe("test", FIRST - 3 * FEW) == []
    assert aside.ripe("test", FIRST) == list(range(3 * FEW))[::-1][:FEW]
    assert aside.ripe("other", FIRST) == []
    assert aside.resting("test", FIRST - 1) == {0}
    assert aside.put("test", 7, 0.0, "another") == ("code 7", False)
    for _ in range(20):
        aside.put("test", 7, 0.0, "")
    assert 7 in aside.resting("test", LONGEST - 1)
    assert 7 not in aside.resting("test", LONGEST)


class Server(Exception):
    """An error of a server, with its class."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__()
        self.sqlstate = sqlstate


def from_server(sqlstate: str) -> sql.DBAPIError:
    return sql.DBAPIError("", {}, Server(sqlstate))


@pytest.mark.parametrize(
    "error",
    [KeyError("k0"), InvalidTag(), ValueError(), sql.IntegrityError("", {}, Server("23505")),
     from_server("P0001"), from_server("22021")],
    ids=repr,
)  # fmt: skip
def test_what_may_come_from_a_row(error: Exception) -> None:
    assert of_a_row(error)


@pytest.mark.parametrize(
    "error",
    [sql.OperationalError("", {}, Server("")), sql.ProgrammingError("", {}, Server("42P01")), OSError(),
     TimeoutError(), sql.TimeoutError(), asyncio.CancelledError(),
     *(from_server(state) for state in ("40001", "55P03", "57014", "53100", "08006", "XX000"))],
    ids=repr,
)  # fmt: skip
def test_what_comes_from_no_row(error: BaseException) -> None:
    assert not of_a_row(error)
    lost = sql.DBAPIError("", {}, Server("P0001"), connection_invalidated=True)
    assert not of_a_row(lost)
