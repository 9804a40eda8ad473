"""An opening that stands: true in the channel, renewed, closed with thanks; on the pages as in the chat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.playground import CHANNEL, HR_EMAIL
from storage import consents, interests
from storage.consents import Decision, Purpose, Said
from storage.openings import Opening, Phase
from tests.journeys import a_member
from tests.offered import Company, company_in
from tests.posting import CONDITIONS, FORM, again, board, newest, published
from tests.reader import reading
from tests.world import ALUMNI, Somebody, World


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path) as made:
        yield made


def interested(world: World, aiko: Somebody, row: Opening) -> None:
    """Somebody raised a hand, and agreed to hear of openings."""

    def raise_hand(tx: Any) -> None:
        consents.record(tx, aiko.row.person_id, Decision.GIVEN, Said("ja", "slack"), Purpose.OPENINGS)
        interests.add(tx, row.id, aiko.row.person_id, [HR_EMAIL], world.ground.clock.now())

    world.writes(raise_hand)


# --- the channel -------------------------------------------------------------------------------------------


async def test_a_change_edits_the_message_that_stands(company: Company) -> None:
    world, hr = company.world, company.world.hr
    row = await published(world)
    (before,) = board(world)
    await hr.types(f"/alumni post {row.id}")
    await hr.presses("draft.edit")
    assert not await hr.fills(place="大阪")
    await world.settle()
    (after,) = board(world)
    assert after.ts == before.ts
    assert "大阪" in str(after.blocks)
    assert "大阪" not in str(before.blocks) or after.edited
    await hr.types(f"/alumni post {row.id}")
    await hr.presses("standing.close", sure=["yes"])
    await world.settle()
    (over,) = board(world)
    assert "募集は終了しました" in str(over.blocks)
    assert "button" not in str(over.blocks)


@pytest.mark.long
async def test_a_deleted_message_is_posted_anew(company: Company) -> None:
    world, hr = company.world, company.world.hr
    row = await published(world)
    world.slack.deletes(ALUMNI, CHANNEL, board(world)[0].ts)
    await hr.types(f"/alumni post {row.id}")
    await hr.presses("draft.edit")
    assert not await hr.fills(place="大阪")
    await world.settle()
    (message,) = board(world)
    assert "大阪" in str(message.blocks)
    assert world.delivered("openings.stuck") == []


@pytest.mark.long
async def test_not_in_channel_is_told_with_the_fix(company: Company) -> None:
    world, hr = company.world, company.world.hr
    world.slack.kicks(ALUMNI, CHANNEL)
    row = await published(world)
    assert board(world) == []
    assert "/invite @Okaeri Alumni" in hr.sees()
    assert len(world.delivered("openings.stuck")) == 3  # each of HR once
    assert "/invite @Okaeri Alumni" in await hr.types(f"/alumni post {row.id}")
    await world.on("2026-02-10")
    assert len(world.delivered("openings.stuck")) == 3
    world.slack.invites(ALUMNI, CHANNEL)
    await hr.presses("standing.again")
    await world.settle()
    assert len(board(world)) == 1
    assert "掲載しています" in await hr.types(f"/alumni post {row.id}")


# --- the last day ------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_the_owner_is_warned_renews_and_it_closes_by_itself(company: Company) -> None:
    world, hr = company.world, company.world.hr
    row = await published(world, closes_on="2026-03-31")
    await world.on("2026-03-23", at="12:00")
    assert world.delivered("openings.ending") == []
    await world.on("2026-03-24", at="12:00")
    assert len(world.delivered("openings.ending")) == 1
    await hr.presses("standing.renew", closes_on="2026-04-10")
    await world.settle()
    assert again(world, row).closes_on == date(2026, 4, 10)
    assert "2026年4月10日" in str(board(world)[0].blocks)
    await world.on("2026-04-10", at="12:00")
    assert len(world.delivered("openings.ending")) == 2
    assert again(world, row).state is Phase.OPEN
    await world.on("2026-04-11", at="12:00")
    assert again(world, row).state is Phase.CLOSED
    assert "募集を終えました" in hr.sees()
    assert "募集は終了しました" in str(board(world)[0].blocks)


@pytest.mark.long
async def test_closing_thanks_who_came_in_neutral_words(company: Company) -> None:
    world = company.world
    aiko = await a_member(world)
    jiro = await a_member(world, "山﨑 次郎", last_day="2026-05-31")
    row = await published(world, closes_on="2026-07-31")
    interested(world, aiko, row)
    await world.on("2026-08-01", at="12:00")
    assert again(world, row).state is Phase.CLOSED
    thanks = world.delivered("interest.over")
    assert [one.person_id for one in thanks] == [aiko.row.person_id]
    assert "ありがとうございました" in aiko.sees()
    assert "営業企画" not in aiko.sees()
    assert "ありがとうございました" not in jiro.sees()


# --- on the pages ------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_hr_posts_on_the_pages(company: Company) -> None:
    world = company.world
    async with reading(world) as hr:
        await hr.enters(HR_EMAIL)
        await hr.presses("アルムナイ向けの求人")
        await hr.presses("求人を書く")
        await hr.sends(**{**FORM, "closes_on": "2027-01-01"})
        assert "まで" in hr.browser.errors()["closes_on"]
        assert hr.browser.typed()["what"] == "営業企画"
        await hr.sends(closes_on="2026-04-30")
        assert "5人未満" in hr.words
        await hr.presses("次へ：条件と対象")
        await hr.sends(**CONDITIONS)
        await hr.presses("公開する")
        assert "公開中です" in hr.words
    assert len(board(world)) == 1
    assert newest(world).state is Phase.OPEN
