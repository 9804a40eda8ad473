"""The journey of a leaver told in Teams: the stories of Slack with everybody in Teams, and what only Teams
has: channels where others read along, and accounts of other tenants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.conversation import Platform, Side
from bot.playground import BOTS, TEAMS_CHANNEL
from storage.leavers import Stage
from tests.journeys import a_member, who_was_asked
from tests.stories import test_mission
from tests.world import ALUMNI, COMPANY, Somebody, World, words_of, world_in

BOT = Side.ALUMNI.value
PROFILE = {"kana": "タカハシ アイコ", "employer": "青空ロジ株式会社", "shown": ["kana", "employer"]}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Everybody in Teams; HR has opened the app once, and nobody else has it."""
    async with world_in(tmp_path, platform=Platform.TEAMS) as made:
        await made.slack.adds_app(COMPANY, made.hr.company_user)
        yield made


async def test_from_a_file_of_leavers_to_an_answered_check_in(world: World) -> None:
    await test_mission.test_from_a_file_of_leavers_to_an_answered_check_in(world)


async def test_who_never_met_the_bot_gets_the_app_one_by_one(world: World) -> None:
    others = [world.employee("中島 健"), world.employee("小林 光")]
    aiko = await who_was_asked(world)
    assert "みなとアルムナイからのおたずね" in aiko.sees().replace("\n", "")
    assert world.ground.teams.has(aiko.company_user, Side.COMPANY.value)
    assert not any(world.ground.teams.has(one.company_user, Side.COMPANY.value) for one in others)
    await aiko.presses("welcome.no", Side.COMPANY)
    assert aiko.stage is Stage.DECLINED


@pytest.mark.long
async def test_every_verb_in_words_and_the_way_out(world: World) -> None:
    aiko = await a_member(world, **PROFILE)
    told = {
        "find 高橋": "青空ロジ", "探す たかはし": "青空ロジ", "/alumni find takahashi": "青空ロジ",
        "profile": "青空ロジ", "プロフィール": "青空ロジ", "privacy": "消去", "プライバシー": "消去",
        "停止": "退会する", "help": "find", "ヘルプ": "find", "openings": "求人", "stop": "退会する",
    }  # fmt: skip
    for words, seen in told.items():
        before = aiko.sees()
        await aiko.types(words)
        assert seen in aiko.sees().removeprefix(before), words
        world.ground.teams.closes(aiko.alumni_user)
    assert "/alumni" not in await aiko.types("help")
    await aiko.presses("stop.leave", sure=["yes"])
    assert aiko.stage is Stage.LEFT
    assert "参加の手続き" in await aiko.types("find 山崎")


async def in_a_channel(world: World, aiko: Somebody) -> None:
    """A member and somebody who has not joined ask where others read along."""
    anna = world.slack.add_person(ALUMNI, name="Anna Müller", email="anna@home.example.jp", locale="en-US")
    for user, words in ((aiko.alumni_user, "探す 高橋"), (anna, "find Takahashi")):
        assert (await world.ground.teams.mentions_bot(user, TEAMS_CHANNEL, words, BOT)).ok
        await world.answered()
    board = [words_of(one) for one in world.slack.channel_messages(ALUMNI, TEAMS_CHANNEL)]
    assert "あなたとおかえりのチャットにお送りしました" in board[0]
    assert "青空ロジ" not in "".join(board)
    assert "青空ロジ" in aiko.sees()
    theirs = "\n".join(words_of(one) for one in world.slack.messages(ALUMNI, anna))
    assert "Please join first" in theirs
    assert "青空ロジ" not in theirs


@pytest.mark.long
async def test_in_a_channel_and_to_strangers_nothing_is_told_of_anybody(world: World) -> None:
    teams, aiko = world.ground.teams, await a_member(world, **PROFILE)
    await in_a_channel(world, aiko)
    user = world.slack.add_person(ALUMNI, name="見知らぬ 人", email="x@home.example.jp")
    stranger = Somebody(world, "見知らぬ 人", alumni_user=user)
    for words in ("find 高橋", "探す 高橋", "openings", "profile", "privacy", "refer 1"):
        assert "参加の手続き" in await stranger.types(words), words
    assert await teams.asks_extension(user, "高橋", side=BOT) == []
    assert await teams.asks_extension(aiko.alumni_user, "高橋", side=BOT)
    asked = (await teams.says(aiko.alumni_user, "find 高橋", BOT)).activity
    await world.answered()
    elsewhere = {
        **asked,
        "id": "1",
        "channelData": {"tenant": {"id": "cccccccc-0000-4000-8000-000000000003"}},
    }
    before = stranger.sees(), aiko.sees()
    assert (await teams.sends(BOTS[Side.ALUMNI], elsewhere)).status == 403
    await world.answered()
    assert (stranger.sees(), aiko.sees()) == before
