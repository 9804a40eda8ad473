"""On which day and hour a leaver is asked and enrolled; worlds begin on Monday, 2 February 2026, 9:00."""

from __future__ import annotations

import pytest

from storage.leavers import Stage
from tests.journeys import a_leaver, who_said_yes, who_was_asked
from tests.world import World, tokyo

QUESTION = "welcome.question"


async def test_five_weeks_of_paid_leave(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-03-31", works_until="2026-02-24")
    await world.on("2026-02-10", at="08:59")
    assert aiko.stage is Stage.ANNOUNCED
    await world.on("2026-02-10", at="09:00")
    assert aiko.letters == [(QUESTION, "02-10 09:00")]
    await world.on("2026-02-24", at="09:00")
    assert aiko.letters == [(QUESTION, "02-10 09:00"), (QUESTION, "02-24 09:00")]
    assert "今日が最終出社日" in aiko.sees()

    await aiko.says_yes()
    await aiko.proves_the_address()
    await world.on("2026-02-25")
    assert aiko.stage is Stage.CONSENTED
    await world.on("2026-03-31", at="17:59")
    assert aiko.stage is Stage.CONSENTED
    await world.on("2026-03-31", at="18:00")
    assert aiko.stage is Stage.ENROLLED
    await aiko.joins()
    assert "2026年4月1日" in aiko.sees()
    assert "退職日の翌日から" in await aiko.types("/alumni find 高橋")
    await world.on("2026-03-31", at="23:59")
    assert "退職日の翌日から" in await aiko.types("/alumni find 高橋")
    await world.on("2026-04-01", at="00:00")
    assert "見つかりませんでした" in await aiko.types("/alumni find 高橋")


async def test_without_a_last_working_day_thirty_days_before_and_on_the_last_day(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-03-31")
    await world.on("2026-03-31", at="10:00")
    assert aiko.letters == [(QUESTION, "03-01 09:00"), (QUESTION, "03-31 09:00")]


@pytest.mark.long
async def test_a_late_notice_is_asked_at_once(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-02-20", works_until="2026-02-06")
    assert aiko.letters == [(QUESTION, "02-02 09:00")]
    assert world.told_hr("decisions.notice") == ["02-02 09:00"]
    await world.on("2026-02-21")
    assert aiko.letters == [(QUESTION, "02-02 09:00"), (QUESTION, "02-06 09:00")]


@pytest.mark.long
async def test_a_notice_after_the_last_working_day_asks_once(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-03-02", works_until="2026-01-30")
    assert aiko.letters == [(QUESTION, "02-02 09:00")]
    assert "もう一度だけ" not in aiko.sees()
    await aiko.says_yes()
    await aiko.proves_the_address()
    await world.on("2026-03-02", at="18:00")
    assert aiko.stage is Stage.ENROLLED
    assert [kind for kind, _ in aiko.letters] == [QUESTION, "welcome.proof", "welcome.invitation"]


@pytest.mark.long
async def test_a_notice_after_the_last_day_is_a_silent_record(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-01-30")
    assert aiko.stage is Stage.UNANSWERED
    await world.on("2026-05-20")
    assert aiko.letters == []


@pytest.mark.long
async def test_a_date_that_moves_before_the_question_moves_the_question(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-03-31", works_until="2026-02-24")
    await world.feed_says(aiko.leaves(退職日="2026-04-30", 最終出社日="2026-03-24"))
    await world.on("2026-03-10", at="08:59")
    assert aiko.letters == []
    await world.on("2026-03-10", at="09:00")
    assert aiko.letters == [(QUESTION, "03-10 09:00")]
    assert aiko.row.enrol_at == tokyo("2026-04-30", "18:00")


@pytest.mark.long
async def test_a_date_that_moves_after_the_question_asks_again_only_on_the_new_last_working_day(
    world: World,
) -> None:
    aiko = await who_was_asked(world)
    await world.feed_says(aiko.leaves(退職日="2026-05-29"))
    await world.on("2026-05-29", at="10:00")
    assert [at for _, at in aiko.letters] == ["03-01 09:00", "05-29 09:00"]


@pytest.mark.long
async def test_a_date_that_moves_after_the_second_question_brings_no_third(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-03-31", works_until="2026-02-24")
    await world.on("2026-02-24", at="10:00")
    await world.feed_says(aiko.leaves(退職日="2026-04-30", 最終出社日="2026-03-31"))
    await world.on("2026-04-30", at="17:00")
    assert [at for _, at in aiko.letters] == ["02-10 09:00", "02-24 09:00"]


@pytest.mark.long
async def test_a_date_that_moves_after_the_consent_moves_the_enrolment(world: World) -> None:
    aiko = await who_said_yes(world)
    await world.feed_says(aiko.leaves(退職日="2026-04-15"))
    await world.on("2026-04-15", at="17:59")
    assert aiko.stage is Stage.CONSENTED
    await world.on("2026-04-15", at="18:00")
    assert aiko.stage is Stage.ENROLLED
    assert [kind for kind, _ in aiko.letters] == [QUESTION, "welcome.proof", "welcome.invitation"]


@pytest.mark.long
async def test_the_same_file_twice_changes_no_row(world: World) -> None:
    aiko = world.employee("髙橋 愛子", "2026-03-31", "2026-02-24")
    jiro = world.employee("山﨑 次郎", "2026-03-31")
    rows = (aiko.leaves(個人メール="aiko@home.example.jp"), jiro.leaves(退職区分="解雇"))
    await world.feed_says(*rows)
    before = world.tables()
    await world.feed_says(*rows)
    assert world.tables() == before
    await world.on("2026-02-12")
    before = world.tables()
    await world.feed_says(*rows)
    assert world.tables() == before
