"""Check-ins by the clock: asked in a respectful hour, nudged once, then silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date

import pytest

from jobs import checkins as job
from storage import checkins, consents, people
from storage.checkins import Checkin, State
from storage.consents import Decision, Said
from storage.engine import Tx
from storage.people import Person
from tests.desk import POLICY, Desk, tokyo

SAID = Said("ja", "slack")
DUE = tokyo("2026-03-03", "10:00")


async def sweep(desk: Desk) -> bool:
    return await job.sweep(desk.database, POLICY)


def alumnus(desk: Desk, **values: str) -> str:
    def make(tx: Tx) -> str:
        person = people.add(tx, "田中 愛子", member_from=DUE, **values)
        consents.record(tx, person.id, Decision.GIVEN, SAID)
        checkins.plan(tx, person.id, DUE)
        return person.id

    return desk.does(make)


def row(desk: Desk) -> Checkin:
    return desk.sees(lambda tx: tx.query(Checkin).order_by(Checkin.id.desc()).first())


def changes(desk: Desk, person_id: str, change: Callable[[Person], None]) -> None:
    desk.does(lambda tx: change(people.one(tx, person_id)))


async def test_one_question_one_nudge_then_rest(desk: Desk) -> None:
    alumnus(desk)
    desk.clock.travel(tokyo("2026-03-03", "09:59"))
    assert not await sweep(desk)
    desk.clock.travel(DUE)
    assert await sweep(desk)
    assert not await sweep(desk)
    assert (row(desk).state, row(desk).due_at) == (State.ASKED, tokyo("2026-03-10", "10:00"))
    desk.clock.travel(tokyo("2026-03-10", "10:00"))
    assert await sweep(desk)
    assert not await sweep(desk)
    assert row(desk).state is State.NUDGED
    desk.clock.travel(tokyo("2026-03-17", "10:00"))
    assert await sweep(desk)
    assert row(desk).state is State.RESTING
    desk.clock.travel(tokyo("2027-03-17", "10:00"))
    assert not await sweep(desk)
    assert len(desk.letters("checkin.nudge")) == 2


async def test_two_replicas_ask_once(desk: Desk) -> None:
    alumnus(desk)
    desk.clock.travel(DUE)
    other = desk.again()
    try:
        await asyncio.gather(*(job.sweep(d.database, POLICY) for d in (desk, other) for _ in range(4)))
    finally:
        other.database.close()
    assert len(desk.letters("checkin.nudge")) == 1
    assert row(desk).state is State.ASKED


async def test_an_outage_of_weeks_makes_one_question(desk: Desk) -> None:
    alumnus(desk)
    desk.clock.travel(tokyo("2026-04-21", "11:00"))
    while await sweep(desk):
        pass
    assert len(desk.letters("checkin.nudge")) == 1


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (("2026-03-03", "18:00"), ("2026-03-04", "10:00")),
        (("2026-03-07", "12:00"), ("2026-03-09", "10:00")),  # a Saturday
        (("2026-03-20", "12:00"), ("2026-03-23", "10:00")),  # 春分の日
    ],
)
async def test_outside_the_window_it_waits(desk: Desk, at: tuple[str, str], opens: tuple[str, str]) -> None:
    alumnus(desk)
    desk.clock.travel(tokyo(*at))
    await sweep(desk)
    assert desk.letters() == []
    assert (row(desk).state, row(desk).due_at) == (State.PLANNED, tokyo(*opens))
    desk.clock.travel(tokyo(*opens))
    await sweep(desk)
    assert len(desk.letters()) == 1


async def test_the_window_is_the_readers_own(desk: Desk) -> None:
    alumnus(desk, zone="Europe/Berlin")
    desk.clock.travel(tokyo("2026-03-03", "12:00"))
    await sweep(desk)
    assert row(desk).due_at == tokyo("2026-03-03", "18:00")


async def test_an_unknown_zone_keeps_nobody_from_being_asked(desk: Desk) -> None:
    """Who lives nowhere that this machine knows is asked at the company's hour, and holds up nobody."""
    alumnus(desk, zone="Etc/Unknown")
    alumnus(desk)
    desk.clock.travel(DUE)
    assert await sweep(desk)
    assert len(desk.letters("checkin.nudge")) == 2


async def test_a_pause_is_waited_for(desk: Desk) -> None:
    person_id = alumnus(desk)
    changes(desk, person_id, lambda p: setattr(p, "paused_until", date(2026, 6, 3)))
    desk.clock.travel(tokyo("2026-03-03", "12:00"))
    await sweep(desk)
    assert row(desk).due_at == tokyo("2026-06-03", "12:00")
    desk.clock.travel(tokyo("2026-06-03", "12:00"))
    await sweep(desk)
    assert len(desk.letters("checkin.nudge")) == 1


@pytest.mark.parametrize("why", ["withdrawn", "erased"])
async def test_without_a_consent_it_stops_without_a_word(desk: Desk, why: str) -> None:
    person_id = alumnus(desk)
    desk.does(lambda tx: consents.record(tx, person_id, Decision.WITHDRAWN, SAID))
    if why == "erased":
        desk.does(lambda tx: people.erase(tx, person_id))
    desk.clock.travel(DUE)
    assert await sweep(desk)
    assert row(desk).state is State.STOPPED
    assert desk.letters() == []


async def test_an_answer_ends_it_and_later_leaves_one_nudge(desk: Desk) -> None:
    alumnus(desk)
    desk.clock.travel(DUE)
    await sweep(desk)
    desk.does(lambda tx: checkins.postpone(tx, tx.get_one(Checkin, 1)))
    desk.clock.travel(tokyo("2026-03-10", "10:00"))
    await sweep(desk)
    assert len(desk.letters()) == 2
    desk.does(lambda tx: checkins.answer(tx, tx.get_one(Checkin, 1), "same"))
    desk.clock.travel(tokyo("2026-12-01", "10:00"))
    assert not await sweep(desk)
    assert len(desk.letters()) == 2
