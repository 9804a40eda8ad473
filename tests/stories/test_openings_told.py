"""Wishes, the consent beside them, and messages of what suits: in the chat, by mail and on the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.commands import privacy
from bot.commands import wishes as forms
from bot.conversation import Side
from bot.playground import HR_EMAIL
from storage import accounts, consents, interests, openings
from storage.consents import Decision, Purpose, Said
from tests.journeys import a_member, who_was_enrolled
from tests.offered import Company, company_in
from tests.reader import Reader, press, reading, said, send
from tests.wishing import three, wish, wishes_for
from tests.world import Somebody

NEWS = "openings.news"


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path) as made:
        yield made


def joined(words: str) -> str:
    return "".join(words.split())


# --- wishes ----------------------------------------------------------------------------------------------


async def test_wishes_are_kept_and_shown_again(company: Company) -> None:
    aiko = await a_member(company.world)
    form = {"keywords": "決算", "places": "大阪", "employments": ["side_job"], "remote": ["yes"]}
    assert await wishes_for(aiko, tell=False, **form) == {}
    assert "お知らせはお送りしません" in aiko.sees()
    row = wish(aiko)
    assert row is not None
    assert (row.keywords, row.places, row.employments, row.remote, row.tell) == (
        "決算", "大阪", ["side_job"], True, False,
    )  # fmt: skip
    assert not company.world.reads(lambda tx: consents.decision(tx, aiko.row.person_id, Purpose.OPENINGS))
    three(company)
    seen = await aiko.types("/jobs")
    assert "希望条件に「決算」とあるため" in seen
    assert seen.index("：経理") < seen.index("営業企画")


@pytest.mark.long
async def test_the_tick_is_a_consent_and_unticking_keeps_it(company: Company) -> None:
    world = company.world
    aiko = await a_member(world)
    await aiko.types("/alumni wishes")
    assert "からカムバックの求人をお知らせします" in joined(aiko.sees()).replace("、", "")
    await wishes_for(aiko)
    latest = world.reads(lambda tx: consents.latest(tx, aiko.row.person_id)[Purpose.OPENINGS])
    assert (latest.decision, latest.wording) == (Decision.GIVEN, "openings-1")
    await wishes_for(aiko, tell=False)
    row = wish(aiko)
    assert row is not None
    assert not row.tell
    assert world.reads(lambda tx: consents.allows(tx, aiko.row.person_id, Purpose.OPENINGS))
    company.opening(for_departments="営業")
    await world.on("2026-04-20", at="12:00")
    assert world.delivered(NEWS) == []


@pytest.mark.long
async def test_words_of_consent_that_changed_meanwhile_hold_nobody(company: Company) -> None:
    world = company.world
    aiko = await a_member(world)
    who = accounts.web_person(aiko.row.person_id, Side.ALUMNI)
    outcome = await send(world, who, forms.edit(), keywords="x", tell=("openings-0",))
    assert "説明の文が新しくなりました" in said(outcome, world)
    assert wish(aiko) is None
    assert not world.reads(lambda tx: consents.allows(tx, aiko.row.person_id, Purpose.OPENINGS))


# --- messages --------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_a_real_match_is_told_once(company: Company) -> None:
    world = company.world
    aiko = await a_member(world, skills="Python")
    await wishes_for(aiko)
    _, python, _ = three(company)
    await world.settle()
    assert world.delivered(NEWS)[0].status == "pending"  # it is nine in the morning
    await world.on("2026-04-01", at="10:00")
    assert "スキルに「Python」を挙げておられるため" in aiko.sees()
    assert "：経理" not in aiko.sees()
    row = wish(aiko)
    assert row is not None
    assert row.told == [python.id]
    await world.on("2026-05-20", at="12:00")
    assert len(world.delivered(NEWS)) == 1
    assert world.reads(lambda tx: openings.unmatched(tx, date(2026, 5, 20))) == []


@pytest.mark.long
async def test_the_see_button_and_the_way_out_of_a_message(company: Company) -> None:
    world = company.world
    aiko = await a_member(world, skills="Python")
    await wishes_for(aiko)
    company.opening("データ基盤", for_skills="Python")
    await world.on("2026-04-01", at="10:30")
    await aiko.presses("openings.show")
    assert "お客様への提案" in aiko.sees()
    await aiko.presses("wishes.edit", tell=[])
    row = wish(aiko)
    assert row is not None
    assert not row.tell


@pytest.mark.long
async def test_at_most_one_message_in_seven_days(company: Company) -> None:
    world = company.world
    aiko = await a_member(world, skills="Python, 英語")
    await wishes_for(aiko)
    company.opening("一つめ", for_skills="Python")
    await world.on("2026-04-01", at="12:00")
    for title in ("二つめ", "三つめ"):
        company.opening(title, for_skills="英語")
        await world.on("2026-04-02", at="12:00")
    await world.on("2026-04-07", at="12:00")
    assert len(world.delivered(NEWS)) == 1
    await world.on("2026-04-08", at="13:00")
    assert len(world.delivered(NEWS)) == 2
    news = aiko.sees().rpartition("あなたに合いそうな求人があります")[2]
    assert "二つめ" in news
    assert "三つめ" in news
    assert "一つめ" not in news


@pytest.mark.long
async def test_five_at_most_and_an_answered_one_not(company: Company) -> None:
    world = company.world
    aiko = await a_member(world, skills="Python")
    await wishes_for(aiko)
    rows = [company.opening(f"職種{number}", for_skills="Python") for number in range(7)]
    at = world.ground.clock.now()
    world.writes(lambda tx: interests.add(tx, rows[6].id, aiko.row.person_id, [HR_EMAIL], at + timedelta(1)))
    await world.on("2026-04-01", at="12:00")
    row = wish(aiko)
    assert row is not None
    assert row.told == [one.id for one in rows[1:6]]


@pytest.mark.long
async def test_a_hand_raised_after_withdrawing_brings_no_messages_back(company: Company) -> None:
    world = company.world
    aiko = await a_member(world, skills="Python")
    await wishes_for(aiko, keywords="決算")
    who = accounts.web_person(aiko.row.person_id, Side.ALUMNI)
    await press(world, who, privacy.withdraw(purpose="openings"))
    row = wish(aiko)
    assert row is not None
    assert (row.keywords, row.tell) == ("決算", False)
    said_so = Said("ja", "web")
    world.writes(
        lambda tx: consents.record(tx, aiko.row.person_id, Decision.GIVEN, said_so, Purpose.OPENINGS)
    )
    company.opening("データ基盤", for_skills="Python")
    await world.on("2026-04-02", at="12:00")
    assert world.delivered(NEWS) == []


@pytest.mark.long
@pytest.mark.parametrize(
    "silent",
    [
        "withdrawn",
        "no wish",
        *(pytest.param(a, marks=pytest.mark.long) for a in ("paused", "left", "another place")),
    ],
)
async def test_nobody_is_told_who_does_not_want_it(company: Company, silent: str) -> None:
    world = company.world
    aiko = await a_member(world, skills="Python", place="東京")
    if silent != "no wish":
        await wishes_for(aiko, places="福岡" if silent == "another place" else "")
    if silent == "withdrawn":
        await aiko.types("/alumni privacy")
        who = accounts.web_person(aiko.row.person_id, Side.ALUMNI)
        await press(world, who, privacy.withdraw(purpose="openings"))
    if silent == "paused":
        await aiko.types("/alumni stop")
        await aiko.presses("stop.pause", months="3")
    if silent == "left":
        await aiko.types("/alumni stop")
        await aiko.presses("stop.leave", sure=["yes"])
    company.opening("データ基盤", for_skills="Python")
    await world.on("2026-04-20", at="12:00")
    assert world.delivered(NEWS) == []


@pytest.mark.long
async def test_unticking_after_the_match_stops_the_message(company: Company) -> None:
    world = company.world
    aiko = await a_member(world, skills="Python")
    await wishes_for(aiko)
    company.opening("データ基盤", for_skills="Python")
    await world.settle()
    await wishes_for(aiko, tell=False)
    await world.on("2026-04-02", at="12:00")
    assert [row.status for row in world.delivered(NEWS)] == ["dropped"]


@pytest.mark.long
async def test_saving_a_ticked_box_is_no_consent_to_other_words(company: Company) -> None:
    world = company.world
    aiko = await a_member(world)
    await wishes_for(aiko)
    first = world.reads(lambda tx: consents.latest(tx, aiko.row.person_id)[Purpose.OPENINGS].id)
    world.ground.app.core.database.carries["wordings"] = {Purpose.OPENINGS: "openings-2"}
    assert await wishes_for(aiko, keywords="決算") == {}
    last = world.reads(lambda tx: consents.latest(tx, aiko.row.person_id)[Purpose.OPENINGS].id)
    assert last == first


@pytest.mark.long
async def test_a_pause_after_the_match_stops_the_message(company: Company) -> None:
    world = company.world
    aiko = await a_member(world, skills="Python")
    await wishes_for(aiko)
    company.opening("データ基盤", for_skills="Python")
    await world.settle()
    await aiko.types("/alumni stop")
    await aiko.presses("stop.pause", months="1")
    await world.on("2026-04-02", at="12:00")
    assert [row.status for row in world.delivered(NEWS)] == ["dropped"]


# --- by mail and on the pages ----------------------------------------------------------------------------


async def a_mail_member(reader: Reader) -> Somebody:
    """Joined without a chat."""
    aiko = await who_was_enrolled(reader.world)
    await reader.world.on("2026-04-01", at="09:00")
    await reader.follows(aiko.home_email, "メールとページだけで参加する")
    return aiko


@pytest.mark.long
async def test_the_whole_way_by_mail_and_pages(company: Company) -> None:
    world = company.world
    async with reading(world) as reader:
        aiko = await a_mail_member(reader)
        await reader.enters(aiko.home_email)
        await reader.browser.open("/alumni/home")
        await reader.presses("求人を見る")
        await reader.presses("希望条件")
        assert "カムバックの求人をお知らせします" in reader.words
        await reader.sends(keywords="決算", employments=["side_job"], tell=["openings-1"])
        assert "合う求人が出たらお知らせします" in reader.words
        three(company)
        await world.on("2026-04-01", at="10:00")
        mail = world.mails(aiko.home_email)[-1]
        assert world.kind(mail) == NEWS
        assert "希望条件に「決算」とあるため" in mail.text
        assert "List-Unsubscribe" in mail.headers
        async with reading(world) as stranger:  # the link alone leads to this opening
            await stranger.follows(aiko.home_email, "詳しく見る")
            assert "求人 3：経理" in stranger.words
        await reader.follows(aiko.home_email, "希望条件")
        await reader.sends(tell=[])
        row = wish(aiko)
        assert row is not None
        assert not row.tell
