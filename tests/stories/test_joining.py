"""The way in: by the code, or by an address that we proved and the platform confirms; by nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from bot.conversation import Side
from storage import codes
from storage.leavers import Stage
from tests.journeys import a_leaver, a_member, who_was_asked, who_was_enrolled
from tests.world import ALUMNI, Somebody, World


def comes_with_another_address(somebody: Somebody, **details: Any) -> None:
    """An account in the alumni workspace that nothing ties to them."""
    user = somebody.world.slack.add_person(ALUMNI, name="a.t", email="else@home.example.jp", **details)
    somebody.alumni_user = user


async def test_a_confirmed_address_that_we_proved_ties(world: World) -> None:
    aiko = await who_was_enrolled(world)
    await aiko.joins()
    assert aiko.stage is Stage.JOINED
    assert "おかえりなさい、髙橋 愛子さん" in aiko.sees()


@pytest.mark.long
@pytest.mark.parametrize(
    "details",
    [{"email_confirmed": False}, {"email": "else@home.example.jp"}, {"guest": True}],
    ids=["unconfirmed", "only the name", "guest"],
)
async def test_nothing_else_ties(world: World, details: dict[str, Any]) -> None:
    aiko = await who_was_enrolled(world)
    await aiko.joins(**details)
    assert aiko.stage is Stage.ENROLLED
    await world.on("2026-04-02")
    assert "髙橋" not in await aiko.types("/alumni find 高橋")
    assert "髙橋" not in await aiko.opens_home()


@pytest.mark.parametrize("code", ["0123-4567-89AB-CDEF"])
async def test_a_code_is_read_as_it_was_meant(code: str) -> None:
    wide = code.translate({n: n + 0xFEE0 for n in range(0x21, 0x7F)})
    letters = code.replace("0", "O").replace("1", "l")
    for typed in (code, code.lower(), wide, code.replace("-", " "), letters, letters.replace("l", "I")):
        assert codes.normal(typed) == code.replace("-", ""), typed


@pytest.mark.long
async def test_a_code_may_be_typed_small_and_wide(world: World) -> None:
    aiko = await who_was_enrolled(world)
    comes_with_another_address(aiko)
    wide = aiko.joining_code.lower().translate({n: n + 0xFEE0 for n in range(0x21, 0x7F)})
    assert "おかえりなさい" in await aiko.types(f"/alumni 参加 {wide}")
    assert aiko.stage is Stage.JOINED


@pytest.mark.long
async def test_a_code_works_once(world: World) -> None:
    aiko = await who_was_enrolled(world)
    code = aiko.joining_code
    comes_with_another_address(aiko)
    await aiko.types(f"/alumni join {code}")
    assert "済んでいます" in await aiko.types(f"/alumni join {code}")
    thief = Somebody(
        world, "x", alumni_user=world.slack.add_person(ALUMNI, name="x", email="x@home.example.jp")
    )
    assert "正しくない" in await thief.types(f"/alumni join {code}")


@pytest.mark.long
async def test_a_code_expires_and_the_invitation_is_renewed_twice_and_then_hr_is_told(world: World) -> None:
    aiko = await who_was_enrolled(world)
    first = aiko.joining_code
    await world.on("2026-04-30", at="17:59")
    assert world.mailbox(aiko.home_email).count("welcome.invitation") == 1
    await world.on("2026-04-30", at="18:01")
    assert world.mailbox(aiko.home_email).count("welcome.invitation") == 2
    comes_with_another_address(aiko)
    assert "正しくない" in await aiko.types(f"/alumni join {first}")
    await world.on("2026-12-31")
    assert world.mailbox(aiko.home_email).count("welcome.invitation") == 3
    assert "招待が期限切れです" in world.hr.sees()
    assert aiko.stage is Stage.ENROLLED
    await world.hr.decides("claim", aiko)
    await aiko.types(f"/alumni join {world.code_in(world.hr.sees())}")
    assert aiko.stage is Stage.JOINED


@pytest.mark.long
async def test_wrong_codes_lock_the_account(world: World) -> None:
    aiko = await who_was_enrolled(world)
    comes_with_another_address(aiko)
    for _ in range(5):
        assert "正しくない" in await aiko.types("/alumni join 7777-7777-7777-7777")
    assert "受け付けていません" in await aiko.types(f"/alumni join {aiko.joining_code}")
    assert aiko.stage is Stage.ENROLLED
    await world.on("2026-03-31", at="18:20")
    await aiko.types(f"/alumni join {aiko.joining_code}")
    assert aiko.stage is Stage.JOINED


@pytest.mark.long
async def test_wrong_codes_lock_the_code_whoever_types_them(world: World) -> None:
    aiko = await who_was_enrolled(world)
    comes_with_another_address(aiko)
    code = aiko.joining_code
    for number in range(5):
        user = world.slack.add_person(ALUMNI, name="x", email=f"x{number}@home.example.jp")
        assert "正しくない" in await Somebody(world, "x", alumni_user=user).types(
            f"/alumni join {code[:4]}-7777-7777-7777"
        )
    assert "正しくない" in await aiko.types(f"/alumni join {code}")
    await world.on("2026-03-31", at="18:20")
    await aiko.types(f"/alumni join {code}")
    assert aiko.stage is Stage.JOINED


@pytest.mark.long
async def test_a_tied_account_takes_nobody_elses_code(world: World) -> None:
    aiko = await a_member(world)
    jiro = await who_was_enrolled(world, "山﨑 次郎", last_day="2026-05-29")
    await aiko.types(f"/alumni join {jiro.joining_code}")
    assert jiro.stage is Stage.ENROLLED


@pytest.mark.long
async def test_a_code_typed_in_the_company_chat_does_nothing(world: World) -> None:
    aiko = await who_was_enrolled(world)
    assert "ここでは使えません" in await aiko.types(f"/alumni join {aiko.joining_code}", Side.COMPANY)
    assert aiko.stage is Stage.ENROLLED


@pytest.mark.long
async def test_before_the_enrolment_nobody_joins(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.says_yes()
    await aiko.proves_the_address()
    await aiko.joins()
    assert aiko.stage is Stage.CONSENTED
    assert "参加の手続き" in await aiko.types("/alumni find 高橋")


@pytest.mark.long
async def test_hr_ties_nobody_who_was_not_enrolled(world: World) -> None:
    aiko = await a_leaver(world)
    comes_with_another_address(aiko)
    await aiko.opens_home()
    await aiko.presses("join.plead", name="髙橋 愛子")
    await world.settle()
    assert "髙橋 愛子" in world.hr.sees()
    await world.hr.presses("join.tie")
    assert await world.hr.chooses("who", "高橋") == []


@pytest.mark.long
async def test_hr_ties_no_account_that_joined_meanwhile(world: World) -> None:
    aiko = await who_was_enrolled(world)
    jiro = await who_was_enrolled(world, "山﨑 次郎", last_day="2026-04-30")
    comes_with_another_address(jiro)
    await jiro.opens_home()
    await jiro.presses("join.plead", name="髙橋 愛子")
    await jiro.types(f"/alumni join {jiro.joining_code}")
    await world.settle()
    await world.hr.presses("join.tie")
    await world.hr.chooses("who", "高橋")
    await world.hr.fills(sure=["yes"])
    assert "すでに別の方" in world.hr.sees()
    assert aiko.stage is Stage.ENROLLED
    assert jiro.stage is Stage.JOINED


@pytest.mark.long
async def test_mail_only_gets_everything_by_mail(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.says_yes(reach="mail")
    await aiko.proves_the_address()
    await world.on("2026-04-01")
    await aiko.joins()
    await world.on("2026-05-07", at="11:00")
    assert world.mailbox(aiko.home_email)[-1] == "checkin.nudge"
    assert "お元気ですか" not in aiko.sees(Side.ALUMNI)
