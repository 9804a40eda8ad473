"""Links to files: each fetched once, in time, and nothing kept from which one could be made."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.conversation import Actor, Address, Platform, Side
from jobs import housekeeping
from storage import downloads
from storage.downloads import LASTS, Download
from storage.engine import now
from tests.desk import Desk

SATO = Actor(Address(Platform.SLACK, "T0COMPANY", "U1"), Side.COMPANY)
ARGS = {"opening": 7, "who": "鈴木", "all": True, "page": None}


def offered(desk: Desk) -> str:
    return desk.does(lambda tx: downloads.offer(tx, SATO, "interest.export", ARGS))


def test_a_link_is_spent_once(desk: Desk) -> None:
    token = offered(desk)
    row = desk.does(lambda tx: downloads.spend(tx, token))
    assert row is not None
    assert (row.address, row.side, row.name, row.args) == (
        "slack:T0COMPANY:U1", Side.COMPANY, "interest.export", ARGS,
    )  # fmt: skip
    assert row.used_at == row.made_at == desk.clock.now()
    assert {name: type(value) for name, value in row.args.items()} == {n: type(v) for n, v in ARGS.items()}
    desk.clock.passes(1)
    assert desk.does(lambda tx: downloads.spend(tx, token)) is None
    found = desk.sees(lambda tx: downloads.find(tx, token))
    assert found is not None
    assert found.used_at == row.used_at
    assert not downloads.works(found, desk.clock.now())


@pytest.mark.parametrize(("late", "works"), [(timedelta(seconds=-1), True), (timedelta(0), False)])
def test_a_link_works_for_fifteen_minutes(desk: Desk, late: timedelta, works: bool) -> None:
    token = offered(desk)
    desk.clock.passes((LASTS + late).total_seconds())
    row = desk.sees(lambda tx: downloads.find(tx, token))
    assert row is not None
    assert downloads.works(row, desk.clock.now()) is works
    assert (desk.does(lambda tx: downloads.spend(tx, token)) is not None) is works


def test_what_was_never_made_is_nobodys(desk: Desk) -> None:
    token = offered(desk)
    for wrong in ("", token[:-1], token + "0", token.upper(), "0" * 40, "\ud800", "é"):
        assert desk.sees(lambda tx, wrong=wrong: downloads.find(tx, wrong)) is None
        assert desk.does(lambda tx, wrong=wrong: downloads.spend(tx, wrong)) is None
    assert desk.does(lambda tx: downloads.spend(tx, token)) is not None


def test_spending_is_taken_back_with_its_transaction(desk: Desk) -> None:
    token = offered(desk)
    with desk.transaction() as tx:
        assert downloads.spend(tx, token) is not None
        assert downloads.spend(tx, token) is None
    assert desk.does(lambda tx: downloads.spend(tx, token)) is not None


def test_the_link_itself_is_not_kept_and_each_is_another(desk: Desk) -> None:
    tokens = {offered(desk) for _ in range(5)}
    assert len(tokens) == 5
    assert not [token for token in tokens if token.encode() in desk.bytes()]
    assert all(len(token) == 40 for token in tokens)
    row = desk.sees(lambda tx: tx.scalars(select(Download)).first())
    assert repr(row.hash) not in repr(row)


def test_who_only_reads_cannot_offer_a_link_that_would_be_forgotten(desk: Desk) -> None:
    with pytest.raises(RuntimeError):
        desk.sees(lambda tx: downloads.offer(tx, SATO, "interest.export", {}))


async def test_old_links_are_forgotten_after_a_day(desk: Desk) -> None:
    token = offered(desk)
    desk.clock.passes((LASTS + timedelta(days=1)).total_seconds())
    await housekeeping.tidy(desk.database, 30)
    assert desk.sees(lambda tx: downloads.find(tx, token)) is not None
    desk.clock.passes(1)
    await housekeeping.tidy(desk.database, 30)
    assert desk.sees(lambda tx: downloads.find(tx, token)) is None


def test_a_day_is_enough_to_say_that_a_link_is_old(desk: Desk) -> None:
    token = offered(desk)
    desk.does(lambda tx: downloads.outdated(now(tx) + LASTS + timedelta(hours=23)).clear(tx))
    assert desk.sees(lambda tx: downloads.find(tx, token)) is not None
