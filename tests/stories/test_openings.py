"""Finding an opening: what suits first and why, filters, one of them, mine; and nothing written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.commands import openings as cards
from bot.conversation import Side
from bot.playground import HR_EMAIL
from storage import accounts, interests, openings
from storage.answers import Step
from storage.openings import Opening
from tests.journeys import a_member, who_was_enrolled
from tests.offered import Company, company_in
from tests.reader import press, reading, said
from tests.wishing import three
from tests.world import Somebody, World, words_of


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path) as made:
        yield made


def joined(words: str) -> str:
    return "".join(words.split())


# --- looking ---------------------------------------------------------------------------------------------


async def test_what_suits_comes_first_with_the_reason(company: Company) -> None:
    aiko = await a_member(company.world, skills="ｐｙｔｈｏｎ、英語")
    three(company)
    seen = await aiko.types("/jobs")
    assert "スキルに「ｐｙｔｈｏｎ」を挙げておられるため" in seen
    assert "営業部にいらしたため" in seen
    order = [seen.index(title) for title in ("データ基盤", "営業企画", "：経理")]
    assert order == sorted(order)
    assert "どこにも記録しません" in seen


NARROWED = {
    "/jobs": {"営業企画", "データ基盤", "経理"},
    "/alumni 求人": {"営業企画", "データ基盤", "経理"},
    "/alumni openings Python": {"データ基盤"},
    "/jobs ＰＹＴＨＯＮ 開発部": {"データ基盤"},
    "/jobs 決算": {"経理"},
    "/jobs 東京": {"営業企画"},
    "/alumni 求人 大阪": {"経理"},
    "/jobs 宇宙船": set(),
}


@pytest.mark.long
async def test_words_narrow_it_down(company: Company) -> None:
    aiko = await a_member(company.world)
    three(company)
    for typed, titles in NARROWED.items():
        seen = await aiko.types(typed)
        assert {title for title in NARROWED["/jobs"] if f"：{title}" in seen} == titles, typed
        assert ("条件に合う求人は" in seen) is (not titles), typed


@pytest.mark.long
async def test_the_form_narrows_it_down_and_remembers_itself(company: Company) -> None:
    aiko = await a_member(company.world)
    three(company)
    await aiko.types("/jobs")
    await aiko.presses("openings.narrow", employments=["side_job", "contract"], place="大阪府")
    seen = aiko.sees().rpartition("絞り込み：")[2]
    assert "大阪府·契約社員·副業" in joined(seen)
    assert "：経理" in seen
    assert "営業企画" not in seen
    await aiko.presses("openings.narrow", remote=["yes"], employments=[], place="")
    seen = aiko.sees().rpartition("絞り込み：")[2]
    assert "データ基盤" in seen
    assert "：経理" not in seen
    await aiko.presses("openings.turn")
    seen = aiko.sees().rpartition("募集中の求人")[2]
    assert "絞り込み" not in seen
    assert "：経理" in seen


@pytest.mark.long
async def test_pages_are_turned(company: Company) -> None:
    aiko = await a_member(company.world)
    for number in range(12):
        company.opening(f"職種{number:02}", department="")
    seen = await aiko.types("/jobs 職種")
    assert "1／3ページ" in joined(seen)
    assert "職種11" in seen
    assert "職種06" not in seen
    await aiko.presses("openings.turn", nth=-2)  # the last one shows all again
    for words in ("2／3ページ", "職種06", "絞り込み：職種"):
        assert words in joined(aiko.sees())


@pytest.mark.long
async def test_one_opening_with_what_can_be_done(company: Company) -> None:
    aiko = await a_member(company.world)
    row = company.opening()
    await aiko.types("/jobs")
    await aiko.presses("openings.show")
    for words in ("お客様への提案", "以前の勤続年数を通算します", "関心を伝える", "営業部にいらしたため"):
        assert words in aiko.sees()
    assert "お客様への提案" in await aiko.types(f"/jobs {row.id}")


@pytest.mark.long
async def test_forged_unknown_closed_and_draft(company: Company) -> None:
    world = company.world
    aiko, row = await a_member(world), company.opening()
    draft = world.writes(lambda tx: openings.add(tx, "o", title="秘密の計画", closes_on=date(2026, 12, 31),
                                                 owner=HR_EMAIL, owner_name="佐藤 美咲"))  # fmt: skip
    who = accounts.web_person(aiko.row.person_id, Side.ALUMNI)
    for number in (draft.id, 4711, 0, -3, 2**52):
        told = said(await press(world, who, cards.show(opening=number)), world)
        assert "見つかりませんでした" in told
        assert "秘密" not in told
    assert "見つかりませんでした" in await aiko.types(f"/jobs {'9' * 80}")
    assert "秘密の計画" not in await aiko.types("/jobs 秘密") + await aiko.types("/jobs")
    world.writes(lambda tx: openings.close(tx, tx.get(Opening, row.id)))
    seen = await aiko.types(f"/jobs {row.id}")
    assert "募集は終了しました" in seen
    assert "関心を伝える" not in seen
    assert "営業企画" not in await aiko.types("/jobs")


@pytest.mark.long
async def test_a_forged_filter_is_cut_to_what_there_is(company: Company) -> None:
    world = company.world
    aiko, _ = await a_member(world), company.opening()
    who = accounts.web_person(aiko.row.person_id, Side.ALUMNI)
    for kinds, page in (("regular,<!channel>", 10**9), ("", -5), (",,remote," * 50, 0)):
        outcome = await press(world, who, cards.turn(words="x" * 500, place="", kinds=kinds, page=page))
        assert outcome.reply is not None
        assert "<!channel>" not in str(outcome.reply)
    shown = await press(world, who, cards.turn(words="", place="", kinds="nonsense", page=99))
    assert "営業企画" in str(shown.reply)


@pytest.mark.long
async def test_looking_is_written_down_nowhere(company: Company) -> None:
    world = company.world
    aiko = await a_member(world, skills="Python")
    three(company)
    await aiko.opens_home()
    await world.settle()
    async with reading(world) as reader:
        await reader.enters(aiko.home_email)
        before = world.tables()
        for typed in ("/jobs Python 東京", "/jobs 2", "/alumni 求人 決算", "/alumni openings mine"):
            await aiko.types(typed)
        await aiko.types("/jobs")
        await aiko.presses("openings.show")
        await aiko.presses("openings.narrow", keywords="決算", employments=["side_job"])
        await aiko.presses("openings.turn")
        await reader.presses("求人を見る")
        await reader.presses("詳しく見る")
        await reader.browser.open("/alumni/home")
        await reader.presses("求人を見る")
        await reader.presses("絞り込む")
        await reader.sends(keywords="決算")
        assert "：経理" in reader.words
        assert _without_visits(world.tables()) == _without_visits(before)


def _without_visits(tables: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """A session knows when its cookie was last shown; not what for."""
    return {name: rows for name, rows in tables.items() if name != "web_sessions"}


@pytest.mark.long
async def test_who_is_no_member_yet_and_who_works_there(company: Company) -> None:
    world = company.world
    company.opening()
    aiko = await who_was_enrolled(world)
    await aiko.joins()
    assert "営業企画" not in await aiko.types("/jobs")
    assert "営業企画" not in await world.hr.types("/alumni openings", Side.COMPANY)


@pytest.mark.long
async def test_both_languages(company: Company) -> None:
    aiko = await a_member(company.world, skills="Python", language="english")
    three(company)
    for typed in ("/jobs", "/alumni openings", "/alumni jobs", "/alumni 求人"):
        who = accounts.web_person(aiko.row.person_id, Side.ALUMNI)
        assert await aiko.types(typed)
        told = await press(company.world, who, cards.browse())
        assert "because you listed Python" in _all(company.world, told)


def _all(world: World, outcome: Any) -> str:
    texts = world.ground.app.core.texts
    return " ".join(
        texts.plain(getattr(block, "detail", ""), outcome.actor.locale) for block in outcome.reply.card.body
    )


# --- mine ------------------------------------------------------------------------------------------------


def hand(company: Company, aiko: Somebody, row: Opening, *readers: str) -> interests.Interest:
    """A raised hand that its readers know of."""
    world = company.world

    def raised(tx: Any) -> interests.Interest:
        made = interests.add(tx, row.id, aiko.row.person_id, readers, world.ground.clock.now())
        interests.told(tx, made, date(2026, 4, 8))
        return made

    return world.writes(raised)


@pytest.mark.long
async def test_mine_in_kind_words(company: Company) -> None:
    world = company.world
    aiko = await a_member(world)
    first, second, third = three(company)
    assert "関心や、ご紹介はありません" in await aiko.types("/alumni openings mine") + aiko.sees()
    hand(company, aiko, first, HR_EMAIL)
    other = hand(company, aiko, second, HR_EMAIL)
    world.writes(
        lambda tx: interests.step(tx, tx.get(interests.Interest, other.id), Step.TALK, HR_EMAIL, "x")
    )
    soon = world.ground.clock.now() + timedelta(minutes=10)
    world.writes(lambda tx: interests.add(tx, third.id, aiko.row.person_id, [HR_EMAIL], soon))
    await aiko.types("/alumni 求人 自分")
    assert aiko.modal() is not None  # sensitive: in a dialog only
    seen = aiko.sees()
    for words in (
        "お返事は2026年4月8日(水)までに",
        "お話しする機会を",
        "あなただけが知っています",
        "内容を見る",
    ):
        assert words in seen
    assert "営業企画" in seen
    await aiko.presses("interest.own")
    assert "取り下げる" in aiko.sees()


@pytest.mark.long
async def test_who_waits_for_me_as_far_as_i_may_know(company: Company) -> None:
    world = company.world
    aiko = await a_member(world)
    row = company.opening()
    hand(company, aiko, row, HR_EMAIL)
    for one, told in ((world.hr, "お返事待ち：1名"), (company.deputy, "お返事待ち：0名")):
        await one.types("/alumni openings mine", Side.COMPANY)
        view = one.modal(Side.COMPANY)
        assert view is not None
        assert told in joined(words_of(view))
        assert "愛子" not in words_of(view)
    await company.other.types("/alumni openings mine", Side.COMPANY)
    assert "担当する求人はありません" in company.other.sees(Side.COMPANY)
    assert "営業企画" not in company.other.sees(Side.COMPANY)
    assert "担当者だけ" in await company.manager.types("/alumni openings mine", Side.COMPANY)


@pytest.mark.long
async def test_who_handed_an_opening_on_still_answers(company: Company) -> None:
    world = company.world
    aiko = await a_member(world)
    row = company.opening()
    hand(company, aiko, row, HR_EMAIL)

    def hands_on(tx: Any) -> None:
        found = tx.get(Opening, row.id)
        openings.edit(tx, found, found.version, owner="mori@minato.example.jp", owner_name="森 由美")

    world.writes(hands_on)
    await world.hr.types("/alumni openings mine", Side.COMPANY)
    assert "お返事待ち：1名" in joined(world.hr.sees(Side.COMPANY))
    await company.other.types("/alumni openings mine", Side.COMPANY)
    assert "お返事待ち：0名" in joined(company.other.sees(Side.COMPANY))
