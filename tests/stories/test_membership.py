"""What a member sees and shows, from midnight on; what everybody may do where they are; and the way out."""

from __future__ import annotations

import pytest

from bot.conversation import Side
from storage.checkins import Checkin, State
from storage.leavers import Stage
from storage.outbox import Delivery, Status
from tests.journeys import a_member, who_was_enrolled
from tests.stories.test_the_answer import erased
from tests.world import ALUMNI, Somebody, World


async def two_members(world: World) -> tuple[Somebody, Somebody]:
    """髙橋 and 山﨑, both joined; nobody has confirmed a profile."""
    aiko, jiro = await who_was_enrolled(world), await a_member(world, "山﨑 次郎", last_day="2026-04-30")
    await aiko.joins()
    return aiko, jiro


async def test_nothing_is_shown_before_the_owner_confirmed_it(world: World) -> None:
    aiko, jiro = await two_members(world)
    assert "髙橋" not in await jiro.types("/alumni find 高橋")
    await aiko.presses(
        "profile.edit", employer="青空ロジ株式会社", place="福岡", shown=["employer"], listed=["yes"]
    )
    hit = await jiro.types("/alumni find 高橋")
    assert "髙橋 愛子" in hit
    assert "青空ロジ株式会社" in hit
    await jiro.presses("find.show")
    assert "福岡" not in jiro.sees()
    assert "営業部" not in jiro.sees()
    assert "髙橋" not in await jiro.types("/alumni find 福岡")
    assert "髙橋" in await jiro.types("/alumni find 青空")
    await aiko.types("/alumni profile")
    await aiko.presses("profile.edit", listed=[])
    assert "髙橋" not in await jiro.types("/alumni find 青空")


@pytest.mark.long
async def test_the_profile_form_is_filled_in_and_shows_nothing_yet(world: World) -> None:
    aiko, _ = await two_members(world)
    await aiko.presses("profile.edit")
    form = aiko.modal()
    assert form is not None
    assert "営業部" in str(form.blocks)
    assert not aiko.person.listed
    assert aiko.person.shown == []


@pytest.mark.long
async def test_words_typed_to_the_bot_are_commands(world: World) -> None:
    aiko, jiro = await two_members(world)
    await aiko.presses("profile.edit", employer="青空ロジ株式会社", shown=["employer"], listed=["yes"])
    for words in ("探す 高橋", "「探す　高橋」", "FIND 青空"):
        assert "髙橋 愛子" in await jiro.types(words), words
    assert "できること" in await jiro.types("ヘルプ")
    assert "見つかりませんでした" in await jiro.types("こんにちは")


async def may(somebody: Somebody, side: Side) -> set[str]:
    """The verbs that help names, and that the home names too."""
    seen = await somebody.types("/alumni help", side), await somebody.opens_home(side)
    verbs = [{li.split(" ")[1] for li in words.split("\n") if li.startswith("/alumni ")} for words in seen]
    assert verbs[0] == verbs[1]
    return verbs[0]


@pytest.mark.long
async def test_help_and_home_list_exactly_what_may_be_done(world: World) -> None:
    aiko = await who_was_enrolled(world)
    stranger = Somebody(
        world, "x", alumni_user=world.slack.add_person(ALUMNI, name="x", email="x@home.example.jp")
    )
    await aiko.joins()
    assert await may(world.hr, Side.COMPANY) == {"find", "leavers", "openings", "policy", "post", "help"}
    assert await may(world.employee("中島 健"), Side.COMPANY) == {"help"}
    assert await may(stranger, Side.ALUMNI) == {"join", "help"}
    assert await may(aiko, Side.ALUMNI) == {"address", "profile", "privacy", "stop", "help"}
    await world.on("2026-04-01", at="00:00")
    member = {"address", "find", "openings", "profile", "privacy", "refer", "stop", "wishes", "help"}
    assert await may(aiko, Side.ALUMNI) == member
    for verb in ("find 高橋", "profile", "stop"):
        assert "参加の手続き" in await stranger.types(f"/alumni {verb}"), verb
        assert "ここでは使えません" in await aiko.types(f"/alumni {verb}", Side.COMPANY) or verb.startswith(
            "find"
        ), verb


async def test_a_guest_may_do_nothing(world: World) -> None:
    user = world.slack.add_person(ALUMNI, name="x", email="x@home.example.jp", guest=True)
    guest = Somebody(world, "x", alumni_user=user)
    await guest.types("/alumni help")
    await world.settle()
    for words in ("/alumni help", "/alumni find 高橋", "/alumni join 7777-7777-7777-7777"):
        assert "正式なメンバーだけ" in await guest.types(words), words


# --- the way out ------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_a_pause_hides_and_ends_by_itself(world: World) -> None:
    aiko, jiro = await two_members(world)
    await aiko.presses("profile.edit", listed=["yes"])
    await aiko.types("/alumni stop")
    await aiko.presses("stop.pause", months="1")
    assert "髙橋" not in await jiro.types("/alumni find 高橋")
    await world.on("2026-05-31")
    assert "髙橋" not in await jiro.types("/alumni find 高橋")
    await world.on("2026-06-01", at="09:30")
    assert "髙橋" in await jiro.types("/alumni find 高橋")


@pytest.mark.long
async def test_a_pause_ends_when_its_owner_says_so(world: World) -> None:
    aiko, jiro = await two_members(world)
    await aiko.presses("profile.edit", listed=["yes"])
    await aiko.types("/alumni 停止")
    await aiko.presses("stop.pause", months="12")
    await aiko.types("/alumni stop")
    await aiko.presses("stop.resume")
    assert "髙橋" in await jiro.types("/alumni find 高橋")


@pytest.mark.long
async def test_leaving_is_at_once_and_complete(world: World) -> None:
    aiko, jiro = await two_members(world)
    await aiko.presses("profile.edit", employer="青空ロジ株式会社", shown=["employer"], listed=["yes"])
    person, before = aiko.person.id, aiko.letters
    await aiko.types("/alumni stop")
    await aiko.presses("stop.leave", sure=["yes"])
    assert aiko.stage is Stage.LEFT
    assert erased(world, person)
    for query in ("高橋", "青空"):
        assert "髙橋" not in await jiro.types(f"/alumni find {query}")
        assert "髙橋" not in await world.hr.types(f"/alumni find {query}")
    assert world.reads(lambda tx: tx.query(Checkin).filter_by(person_id=person).one()).state is State.STOPPED
    waiting = world.reads(
        lambda tx: tx.query(Delivery).filter_by(person_id=person, status=Status.PENDING).count()
    )
    assert waiting == 0
    assert "参加の手続き" in await aiko.types("/alumni find 山崎")
    await world.feed_says(aiko.leaves(部署="総務部"))
    await world.on("2026-12-31")
    assert aiko.letters == before
    assert erased(world, person)
