"""Skills on a profile: typed by their owner, seen and found only if shown, gone with everything else."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.visibility import CHOOSABLE
from storage.people import Skill
from tests.journeys import a_member, who_was_enrolled
from tests.stories.test_the_answer import erased
from tests.world import Somebody, World

SKILLS = "Python, 経理、C++"
WHOLE = SKILLS.replace(" ", "")


def joined(somebody: Somebody) -> str:
    """What they see, without spaces and line ends."""
    return "".join(somebody.sees().split())


async def two_members(world: World) -> tuple[Somebody, Somebody]:
    aiko = await who_was_enrolled(world)
    jiro = await a_member(world, "山﨑 次郎", last_day="2026-04-30")
    await aiko.joins()
    return aiko, jiro


def words(world: World, person_id: str) -> set[str]:
    """What openings can be matched with."""
    query = select(Skill.word).where(Skill.person_id == person_id)
    return set(world.reads(lambda tx: tx.scalars(query).all()))


async def test_shown_skills_are_seen_and_found(world: World) -> None:
    aiko, jiro = await two_members(world)
    await aiko.presses("profile.edit", skills=SKILLS, shown=["skills"], listed=["yes"])
    assert f"{WHOLE}（非公開）" not in joined(aiko)
    assert WHOLE in joined(aiko)
    for query in ("python", "Ｐｙｔｈｏｎ", "経理"):
        assert "髙橋 愛子" in await jiro.types(f"/alumni find {query}"), query
    await jiro.presses("find.show")
    assert SKILLS in jiro.sees()
    assert words(world, aiko.person.id) == {"python", "経理", "c++"}


@pytest.mark.long
async def test_hidden_skills_are_neither_seen_nor_found_but_match(world: World) -> None:
    aiko, jiro = await two_members(world)
    everything_else = [field for field in CHOOSABLE if field != "skills"]
    await aiko.presses("profile.edit", skills=SKILLS, shown=everything_else, listed=["yes"])
    assert f"{WHOLE}（非公開）" in joined(aiko)
    assert "髙橋" not in await jiro.types("/alumni find Python")
    assert "髙橋" in await jiro.types("/alumni find 高橋")
    await jiro.presses("find.show")
    assert "経理、" not in jiro.sees()
    assert "髙橋" in await world.hr.types("/alumni find Python")
    assert words(world, aiko.person.id) == {"python", "経理", "c++"}


@pytest.mark.long
async def test_the_form_says_how_and_shows_no_more_than_its_owner_ticks(world: World) -> None:
    aiko, _ = await two_members(world)
    await aiko.presses("profile.edit")
    form = aiko.modal()
    assert form is not None
    assert "コンマで区切ってください" in str(form.blocks)
    assert "合う求人を探すために使います" in str(form.blocks)
    await aiko.fills(skills=SKILLS, listed=["yes"])
    assert "skills" not in aiko.person.shown
    await aiko.types("/alumni privacy")
    assert SKILLS in aiko.sees()
    assert "スキルの索引" in aiko.sees()


@pytest.mark.long
async def test_changed_skills_are_found_and_former_ones_are_not(world: World) -> None:
    aiko, jiro = await two_members(world)
    await aiko.presses("profile.edit", skills=SKILLS, shown=["skills"], listed=["yes"])
    await aiko.types("/alumni profile")
    await aiko.presses("profile.edit", skills="通関士")
    assert "髙橋" in await jiro.types("/alumni find 通関士")
    assert "髙橋" not in await jiro.types("/alumni find Python")
    assert words(world, aiko.person.id) == {"通関士"}
    await aiko.types("/alumni profile")
    await aiko.presses("profile.edit", skills="")
    assert "髙橋" not in await jiro.types("/alumni find 通関士")
    assert words(world, aiko.person.id) == set()


@pytest.mark.long
async def test_whatever_is_typed_is_shown_as_typed_and_matches_only_as_words(world: World) -> None:
    aiko, jiro = await two_members(world)
    typed = "😀,,、・ <!channel>, --- *太字*"
    await aiko.presses("profile.edit", skills=typed, shown=["skills"], listed=["yes"])
    assert "髙橋" in await jiro.types("/alumni find channel")
    await jiro.presses("find.show")
    assert typed in jiro.sees()
    assert words(world, aiko.person.id) == {"<!channel>", "*太字*"}


@pytest.mark.long
async def test_who_leaves_takes_them_along(world: World) -> None:
    aiko, jiro = await two_members(world)
    await aiko.presses("profile.edit", skills=SKILLS, shown=["skills"], listed=["yes"])
    person = aiko.person.id
    await aiko.types("/alumni stop")
    await aiko.presses("stop.leave", sure=["yes"])
    assert erased(world, person)
    assert words(world, person) == set()
    assert "髙橋" not in await jiro.types("/alumni find Python")
    assert "髙橋" not in await world.hr.types("/alumni find Python")
