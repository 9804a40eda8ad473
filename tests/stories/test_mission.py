"""The mission as one story, from HR's file to the answered check-in, over signed HTTP."""

from __future__ import annotations

from bot.conversation import Side
from storage.leavers import Stage
from tests.world import World


async def test_from_a_file_of_leavers_to_an_answered_check_in(world: World) -> None:
    aiko = world.employee("髙橋 愛子", last_day="2026-03-31")
    await world.feed_says(aiko.leaves(フリガナ="タカハシ アイコ"))
    assert "髙橋 愛子" in world.hr.sees()

    await world.on("2026-03-17", at="09:00")
    assert aiko.stage is Stage.ASKED
    await aiko.says_yes("aiko@example.jp")
    await aiko.proves_the_address("aiko@example.jp")
    assert aiko.stage is Stage.CONSENTED

    await world.on("2026-03-31", at="17:59")
    assert "welcome.invitation" not in world.mailbox("aiko@example.jp")
    await world.on("2026-03-31", at="18:00")
    assert aiko.stage is Stage.ENROLLED
    assert "welcome.invitation" in world.mailbox("aiko@example.jp")

    await world.on("2026-04-01")
    await aiko.joins("aiko@example.jp")
    assert aiko.stage is Stage.JOINED
    assert "おかえりなさい、髙橋 愛子さん" in aiko.sees()
    await aiko.presses(
        "profile.edit", employer="青空ロジ株式会社", shown=["kana", "employer"], listed=["yes"]
    )

    assert "青空ロジ株式会社" in await aiko.types("/alumni find 高橋")
    assert "髙橋 愛子" in await aiko.types("/alumni 探す たかはし")
    assert "髙橋 愛子" in await aiko.types("/alumni find takahashi")

    await world.on("2026-05-08", at="10:00")
    assert "青空ロジ株式会社" in aiko.sees(Side.ALUMNI)
    await aiko.presses("checkin.same")
    assert aiko.person.confirmed_on.isoformat() == "2026-05-08"
