"""The check-in: one question at +30 days, one more after seven, then rest; and what each answer does."""

from __future__ import annotations

from datetime import date

import pytest

from storage.checkins import Checkin, State
from tests.journeys import a_member
from tests.world import Somebody, World

NUDGE = "checkin.nudge"


def nudges(somebody: Somebody) -> list[str]:
    """When check-ins reached them."""
    return [at for kind, at in somebody.letters if kind == NUDGE]


def checkin(world: World, somebody: Somebody) -> Checkin:
    """Their only check-in."""
    found: Checkin = world.reads(lambda tx: tx.query(Checkin).filter_by(person_id=somebody.person.id).one())
    return found


async def test_thirty_days_after_joining_but_not_in_golden_week(world: World) -> None:
    aiko = await a_member(world)  # joined on 1 April; 1 May lies in the holidays, which end on 6 May
    await world.on("2026-05-07", at="09:59")
    assert nudges(aiko) == []
    await world.on("2026-05-07", at="10:00")
    assert nudges(aiko) == ["05-07 10:00"]


@pytest.mark.long
async def test_in_the_window_of_the_person(world: World) -> None:
    anna = world.employee("Anna Müller", "2026-03-31", locale="en-US")
    await world.feed_says(anna.leaves())
    await world.on("2026-03-01", at="09:00")
    await anna.says_yes()
    await anna.proves_the_address()
    await world.on("2026-04-01")
    await anna.joins(locale="en-US", zone="Europe/Berlin")
    await world.on("2026-05-10")
    assert nudges(anna) == ["05-07 17:00"]  # 10:00 in Berlin
    assert "Is your profile still right?" in anna.sees()


@pytest.mark.long
async def test_silence_is_respected(world: World) -> None:
    aiko = await a_member(world)
    await world.on("2027-03-31")
    assert nudges(aiko) == ["05-07 10:00", "05-14 10:00"]
    assert checkin(world, aiko).state is State.RESTING


@pytest.mark.long
async def test_nothing_changed(world: World) -> None:
    aiko = await a_member(world, employer="青空ロジ株式会社", shown=["employer"])
    await world.on("2026-05-08", at="12:00")
    assert "青空ロジ株式会社" in aiko.sees()
    await aiko.presses("checkin.same")
    assert aiko.person.confirmed_on == date(2026, 5, 8)
    await world.on("2026-08-01")
    assert len(nudges(aiko)) == 1
    assert checkin(world, aiko).answer == "same"


@pytest.mark.long
async def test_something_changed(world: World) -> None:
    aiko = await a_member(world, employer="青空ロジ株式会社", shown=["employer"])
    await world.on("2026-05-08", at="12:00")
    await aiko.presses("checkin.change")
    await aiko.presses("profile.edit", employer="ひかり銀行")
    assert aiko.person.employer == "ひかり銀行"
    assert aiko.person.confirmed_on == date(2026, 5, 8)
    await world.on("2026-08-01")
    assert len(nudges(aiko)) == 1


@pytest.mark.long
async def test_later_is_asked_once_more_and_not_a_third_time(world: World) -> None:
    aiko = await a_member(world)
    await world.on("2026-05-07", at="10:00")
    await aiko.presses("checkin.not_now")
    assert "あと一度だけ" in aiko.sees()
    await world.on("2026-05-14", at="10:01")
    await aiko.presses("checkin.not_now")
    assert aiko.sees().count("あと一度だけおたずねします") == 1  # no promise that is not kept
    await world.on("2027-01-01")
    assert nudges(aiko) == ["05-07 10:00", "05-14 10:00"]


@pytest.mark.long
async def test_stop_means_no_more(world: World) -> None:
    aiko = await a_member(world)
    await world.on("2026-05-07", at="10:00")
    await aiko.presses("checkin.stop")
    assert "退会する" in aiko.sees()
    assert "お休みする" in aiko.sees()
    await world.on("2027-01-01")
    assert nudges(aiko) == ["05-07 10:00"]


@pytest.mark.long
async def test_nothing_during_a_pause_and_the_question_afterwards(world: World) -> None:
    aiko = await a_member(world)
    await aiko.types("/alumni stop")
    await aiko.presses("stop.pause", months="3")  # until 1 July
    await world.on("2026-06-30", at="23:00")
    assert nudges(aiko) == []
    await world.on("2026-07-02")
    assert nudges(aiko) == ["07-01 10:00"]


@pytest.mark.long
async def test_a_pause_between_the_two_questions(world: World) -> None:
    aiko = await a_member(world)
    await world.on("2026-05-08")
    await aiko.types("/alumni stop")
    await aiko.presses("stop.pause", months="1")  # until 8 June
    await world.on("2026-06-05")
    assert nudges(aiko) == ["05-07 10:00"]
    await world.on("2026-06-09")
    assert nudges(aiko) == ["05-07 10:00", "06-08 10:00"]


@pytest.mark.long
async def test_nothing_after_leaving(world: World) -> None:
    aiko = await a_member(world)
    await world.on("2026-05-07", at="10:00")
    await aiko.types("/alumni stop")
    await aiko.presses("stop.leave", sure=["yes"])
    await aiko.presses("checkin.same")
    assert "終わっています" in aiko.sees() or "参加の手続き" in aiko.sees()
    await world.on("2027-01-01")
    assert nudges(aiko) == ["05-07 10:00"]
