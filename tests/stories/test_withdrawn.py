"""A notice that is withdrawn stops everything, at whatever stage; one that comes back opens again."""

from __future__ import annotations

from typing import Any

import pytest

from bot.conversation import Side
from storage.leavers import Stage
from tests.journeys import a_leaver, who_said_yes, who_was_asked, who_was_enrolled
from tests.world import World


@pytest.mark.parametrize("journey", [a_leaver, who_was_asked, who_said_yes])
async def test_nothing_more_is_sent_and_the_private_address_is_gone(world: World, journey: Any) -> None:
    aiko = await journey(world, 個人メール="aiko@home.example.jp")
    before = aiko.letters
    await world.feed_says(aiko.leaves(状態="撤回"))
    assert aiko.stage is Stage.WITHDRAWN
    assert aiko.person.private_email is None
    await world.on("2026-07-01")
    assert aiko.letters == before
    assert aiko.stage is Stage.WITHDRAWN
    assert "髙橋" not in await world.hr.types("/alumni leavers")


async def test_who_is_held_or_silent_is_withdrawn_too(world: World) -> None:
    held = await a_leaver(world, 退職区分="解雇")
    silent = await a_leaver(world, "山﨑 次郎", last_day="2026-01-30")
    await world.feed_says(held.leaves(状態="撤回", 退職区分="解雇"), silent.leaves(状態="撤回"))
    assert held.stage is silent.stage is Stage.WITHDRAWN


@pytest.mark.long
async def test_an_old_button_does_nothing_any_more(world: World) -> None:
    aiko = await who_was_asked(world)
    await world.feed_says(aiko.leaves(状態="撤回"))
    await aiko.presses("welcome.no", Side.COMPANY)
    assert "受付は終わりました" in aiko.sees(Side.COMPANY)
    for word in ("go", "hold"):
        await world.hr.presses(f"decisions.{word}", of=aiko)
        assert "状況が変わっています" in world.hr.sees()
    assert aiko.stage is Stage.WITHDRAWN


@pytest.mark.long
async def test_a_notice_that_comes_back_is_asked_anew(world: World) -> None:
    aiko = await who_said_yes(world)
    await world.feed_says(aiko.leaves(状態="撤回"))
    await world.feed_says(aiko.leaves(退職日="2026-05-31"))
    assert aiko.stage is Stage.ANNOUNCED
    await world.on("2026-05-01", at="09:00")
    assert aiko.stage is Stage.ASKED
    assert aiko.letters[-1] == ("welcome.question", "05-01 09:00")
    await world.on("2026-05-31", at="18:00")
    assert aiko.stage is Stage.UNANSWERED  # the consent of before does not count


@pytest.mark.long
async def test_who_refused_is_not_asked_again_when_the_notice_comes_back(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.presses("welcome.no", Side.COMPANY)
    await world.feed_says(aiko.leaves(状態="撤回"))
    await world.feed_says(aiko.leaves())
    await world.on("2026-07-01")
    assert [kind for kind, _ in aiko.letters] == ["welcome.question"]


@pytest.mark.long
async def test_after_the_enrolment_a_withdrawal_is_a_question_to_hr(world: World) -> None:
    aiko = await who_was_enrolled(world)
    await world.feed_says(aiko.leaves(状態="撤回"))
    assert aiko.stage is Stage.ENROLLED
    assert "登録後に退職が取り消されました" in await world.hr.types("/alumni leavers")
