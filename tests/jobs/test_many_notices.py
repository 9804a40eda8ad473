"""Many notices at once: HR gets one card about all of them, one each about few who wait for a decision."""

from __future__ import annotations

import asyncio

from bot.notices import take_notices
from bot.ports import LeavingType
from bot.wire import load_card
from jobs import enrolment
from storage import feeds, leavers, outbox, untold
from tests.desk import POLICY, Desk, notice
from tests.jobs.test_enrolment import sweep


def arrive(desk: Desk, count: int, held: int = 0) -> None:
    """Many notices of one file, of which some wait for a decision; it has been taken."""
    kinds = [LeavingType.DISMISSAL] * held + [LeavingType.RESIGNATION] * (count - held)
    many = [notice(f"M{n}", leaving_type=kind) for n, kind in enumerate(kinds)]
    desk.does(lambda tx: take_notices(tx, many, POLICY))


def figures(desk: Desk) -> list[tuple[int, int]]:
    """What the cards about many say: how many there are, and how many of them wait."""
    cards = [load_card(desk.sees(lambda tx, one=one: outbox.body(tx, one))["card"])
             for one in desk.letters("decisions.notices")]  # fmt: skip
    said = [dict(card.body[0].text.args) for card in cards]  # type: ignore[union-attr]
    return [(one["count"], one["held"]) for one in said]  # type: ignore[misc]


async def test_however_many_notices_there_are_hr_gets_one_card(desk: Desk) -> None:
    desk.staff()
    arrive(desk, 1_000, held=230)
    while await sweep(desk):
        desk.clock.passes(20)
    assert figures(desk) == [(1_000, 230)]
    assert desk.letters("decisions.notice") == []
    assert not desk.sees(leavers.untold)
    assert desk.sees(untold.count) == (0, 0, 0)


async def test_of_a_few_who_wait_for_a_decision_each_has_a_card_besides(desk: Desk) -> None:
    desk.staff()
    arrive(desk, 1_000, held=20)
    while await sweep(desk):
        desk.clock.passes(20)
    assert figures(desk) == [(1_000, 20)]
    assert len(desk.letters("decisions.notice")) == 20
    assert desk.sees(untold.count) == (0, 0, 0)


async def test_those_who_wait_for_a_decision_alone_need_no_card_about_many(desk: Desk) -> None:
    desk.staff()
    arrive(desk, 8, held=8)
    await sweep(desk)
    assert (figures(desk), len(desk.letters("decisions.notice"))) == ([], 8)


async def test_two_replicas_tell_of_many_once(desk: Desk) -> None:
    desk.staff()
    arrive(desk, 500, held=3)
    desks = (desk, desk.again())
    await asyncio.gather(*(enrolment.sweep(one.database, POLICY) for one in desks for _ in range(3)))
    assert (figures(desk), len(desk.letters("decisions.notice"))) == ([(500, 3)], 3)


async def test_of_a_file_that_is_being_taken_hr_is_told_when_it_has_come_to_its_end(desk: Desk) -> None:
    """Or when whoever took it has died, and nobody took it up again."""
    desk.staff()
    number = desk.does(lambda tx: feeds.begin(tx, ".csv", b"d" * 32))
    for part in (300, 600):
        arrive(desk, part)
        assert not await sweep(desk)
    desk.does(lambda tx: feeds.end(tx, number, 600, {}))
    assert await sweep(desk)
    assert figures(desk) == [(600, 0)]
    desk.does(lambda tx: feeds.begin(tx, ".csv", b"e" * 32))
    arrive(desk, 700)
    assert not await sweep(desk)
    desk.clock.passes(601)
    assert await sweep(desk)
    assert figures(desk) == [(600, 0), (100, 0)]
