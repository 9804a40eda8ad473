"""Raising a hand in confidence: seen, told, answered, kept silent about; in the chat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import leaving, offering
from bot.commands import answer
from bot.conversation import Side
from bot.playground import HR_EMAIL
from storage import accounts, consents, interests, openings
from storage.answers import Step
from storage.consents import Decision, Purpose, Said
from storage.interests import Interest
from tests.hands import choices, later, opens_the_form, raised, raises, shown
from tests.journeys import a_member
from tests.offered import DEPUTY, Company, company_in
from tests.world import ALUMNI, words_of

OWNER = HR_EMAIL


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path) as made:
        yield made


async def test_from_the_opening_to_the_answer(company: Company) -> None:
    world = company.world
    aiko = await a_member(world, employer="ひかり銀行")
    row = company.opening()
    words = await opens_the_form(world, aiko, row)
    for said in (
        "佐藤 美咲",
        "木村 健",
        "10分間",
        "いっさい表示されません",
        "求人 1：営業企画",
        "までにお返事",
    ):
        assert said in words
    assert await raises(world, aiko, row, "佐藤 美咲", "木村 健") == {}
    assert "あなただけが知っています" in aiko.sees()
    assert world.reads(lambda tx: consents.allows(tx, aiko.row.person_id, Purpose.OPENINGS))
    for one in (world.hr, company.deputy):
        assert "関心表明" not in one.sees(Side.COMPANY)
    await later(world, minutes=11)
    for one in (world.hr, company.deputy):
        assert "関心表明が届きました" in one.sees(Side.COMPANY)
        told = one.sees(Side.COMPANY).rpartition("関心表明が届きました")[2]
        assert "愛子" not in told
        assert "営業企画" not in told
        await one.presses("answer.read", Side.COMPANY)
        assert "髙橋 愛子" in one.sees(Side.COMPANY)
        assert "ひかり銀行" in one.sees(Side.COMPANY)
        assert aiko.home_email in one.sees(Side.COMPANY)
    assert "関心表明" not in company.other.sees(Side.COMPANY)
    await world.hr.presses("answer.step", Side.COMPANY, step="talk", note="3日の午後で")
    await world.settle()
    assert "面談の機会を設定（佐藤 美咲さん" in world.hr.sees(Side.COMPANY).replace("\n", "")
    await aiko.presses("interest.own")
    assert "お話しする機会を設けることになりました" in aiko.sees()
    assert "3日の午後で" not in aiko.sees()
    assert raised(world)[0].step is Step.TALK


@pytest.mark.long
async def test_an_excluded_deputy_learns_nothing(company: Company) -> None:
    world = company.world
    aiko, row = await a_member(world), company.opening()
    await raises(world, aiko, row, "佐藤 美咲")
    await later(world, minutes=11)
    assert "関心表明が届きました" in world.hr.sees(Side.COMPANY)
    assert "関心表明" not in company.deputy.sees(Side.COMPANY)
    assert raised(world)[0].readers == [OWNER]
    await later(world, days=14)
    assert "関心表明" not in company.deputy.sees(Side.COMPANY)
    assert "お返事をお待ちの方がいます" in world.hr.sees(Side.COMPANY)


@pytest.mark.long
async def test_silence_alerts_the_deputy_and_is_told(company: Company) -> None:
    world = company.world
    aiko, row = await a_member(world), company.opening()
    await raises(world, aiko, row, "佐藤 美咲", "木村 健")
    await later(world, minutes=11)
    promised = raised(world)[0].answer_by
    assert promised == world.reads(lambda tx: offering.answer_by(world.ground.app.core.policy,
                                                                 raised(world)[0].tells_at))  # fmt: skip
    await world.on(str(promised), at="20:00")
    assert "お返事をお待ちの方がいます" not in company.deputy.sees(Side.COMPANY)
    await later(world, days=1)
    assert "お返事をお待ちの方がいます" in company.deputy.sees(Side.COMPANY)
    assert "お返事をお待ちの方がいます" not in world.hr.sees(Side.COMPANY)
    news = words_of(world.slack.messages(ALUMNI, aiko.alumni_user)[-1])
    assert "求人についてのお知らせ" in news
    assert "営業企画" not in news
    await aiko.presses("interest.own")
    assert "お返事できず、申し訳ありません" in aiko.sees()
    await later(world, days=9)
    assert [d.kind for d in world.delivered("interest.late")] == ["interest.late"]


@pytest.mark.long
async def test_undo_within_ten_minutes(company: Company) -> None:
    world = company.world
    aiko, row = await a_member(world), company.opening()
    await raises(world, aiko, row, "佐藤 美咲", "木村 健")
    await aiko.presses("interest.take_back")
    assert "どなたにも伝わっておらず" in aiko.sees()
    await later(world, minutes=30)
    assert raised(world) == []
    assert "関心表明" not in world.hr.sees(Side.COMPANY)
    await aiko.presses("interest.hand")
    assert "agree" not in choices(aiko)
    assert await aiko.fills(None, readers=[choices(aiko)["readers"]["木村 健"]]) == {}
    assert [one.readers for one in raised(world)] == [[DEPUTY]]


@pytest.mark.long
async def test_pressing_twice_is_told_kindly(company: Company) -> None:
    world = company.world
    aiko, row = await a_member(world), company.opening()
    await raises(world, aiko, row, "佐藤 美咲")
    words = await opens_the_form(world, aiko, row)
    assert "すでに関心をお伝えいただいています" in words
    assert len(raised(world)) == 1


@pytest.mark.long
async def test_nobody_left_in_is_not_enough(company: Company) -> None:
    world = company.world
    aiko, row = await a_member(world), company.opening()
    errors = await raises(world, aiko, row)
    assert "おひとりはお選びください" in errors["readers"]
    assert raised(world) == []
    assert not world.reads(lambda tx: consents.allows(tx, aiko.row.person_id, Purpose.OPENINGS))


@pytest.mark.long
async def test_somebody_else_in_charge_while_the_form_was_open(company: Company) -> None:
    """Only who was shown by name may learn of it."""
    world = company.world
    aiko, row = await a_member(world), company.opening()
    await opens_the_form(world, aiko, row)
    boxes = choices(aiko)
    form = {"readers": list(boxes["readers"].values()), "agree": list(boxes["agree"].values())}
    other = {"deputy": company.other.company_email, "deputy_name": "森 由美"}
    world.writes(lambda tx: openings.edit(tx, openings.get(tx, row.id), row.version, **other))
    await aiko.fills(None, **form)
    assert "担当者が変わりました" in aiko.sees()
    assert raised(world) == []


@pytest.mark.long
async def test_a_closed_a_drafted_and_an_unknown_opening(company: Company) -> None:
    world = company.world
    aiko, row, other = await a_member(world), company.opening(), company.opening("経理")
    await shown(world, aiko, row)
    await opens_the_form(world, aiko, other)
    boxes = choices(aiko)
    form = {"readers": list(boxes["readers"].values()), "agree": list(boxes["agree"].values())}
    for one in (row, other):
        world.writes(lambda tx, one=one: openings.close(tx, openings.get(tx, one.id)))
    await aiko.fills(None, **form)
    assert "募集は終了しました" in aiko.sees()
    await aiko.presses("interest.hand")
    assert "募集は終了しました" in aiko.sees()
    assert raised(world) == []


@pytest.mark.long
async def test_readers_who_left_before_they_were_told(company: Company) -> None:
    """Nobody else learns of it; the person is told, and may raise the hand again for whoever is there."""
    world = company.world
    aiko, row = await a_member(world), company.opening()
    await raises(world, aiko, row, "木村 健")
    staff = [one for one in world.ground.app.core.settings.staff() if one[1] != DEPUTY]
    world.writes(lambda tx: accounts.set_staff(tx, staff))
    await later(world, minutes=11)
    assert raised(world)[0].readers == []
    assert "関心表明" not in world.hr.sees(Side.COMPANY)
    await aiko.presses("interest.own")
    assert "担当を離れました" in aiko.sees()
    await aiko.presses("interest.hand")
    assert list(choices(aiko)["readers"]) == ["佐藤 美咲"]
    assert await aiko.fills(None, readers=list(choices(aiko)["readers"].values())) == {}
    await later(world, minutes=11)
    assert [one.readers for one in raised(world)] == [[OWNER]]
    assert "関心表明が届きました" in world.hr.sees(Side.COMPANY)


@pytest.mark.long
async def test_an_opening_without_anybody_in_charge_is_told_to_owners(company: Company) -> None:
    world = company.world
    row = company.opening(owner=DEPUTY, owner_name="木村 健", deputy="", deputy_name="")
    staff = [one for one in world.ground.app.core.settings.staff() if one[1] != DEPUTY]
    world.writes(lambda tx: accounts.set_staff(tx, staff))
    await later(world, minutes=2)
    assert "担当者のいない求人があります" in world.hr.sees(Side.COMPANY)
    aiko = await a_member(world)
    assert "お返事できる担当者がいません" in await opens_the_form(world, aiko, row)


@pytest.mark.long
async def test_two_who_answer_at_once(company: Company) -> None:
    world = company.world
    aiko, row = await a_member(world), company.opening()
    await raises(world, aiko, row, "佐藤 美咲", "木村 健")
    await later(world, minutes=11)
    for one in (world.hr, company.deputy):
        await one.presses("answer.read", Side.COMPANY)
        await one.presses("answer.step", Side.COMPANY)
    await world.hr.fills(Side.COMPANY, step="contacted", note="メールしました")
    await company.deputy.fills(Side.COMPANY, step="closed", note="")
    assert "ほかの方が先に記録しました" in company.deputy.sees(Side.COMPANY)
    (kept,) = raised(world)
    assert (kept.step, kept.stepped_by) == (Step.CONTACTED, OWNER)
    assert world.reads(lambda tx: interests.note_of(tx, kept)) == "メールしました"


@pytest.mark.long
async def test_a_long_list_shows_who_waits_first_and_says_how_many_more(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, row = company.world, company.opening()
    aiko, hanako = await a_member(world), await a_member(world, "山本 花子", "2026-04-30")
    for one in (aiko, hanako):
        await raises(world, one, row, "佐藤 美咲")
    await later(world, minutes=11)
    (first, second) = raised(world)
    monkeypatch.setattr(answer, "SHOWN", 1)
    known = {aiko.row.person_id: "髙橋 愛子", hanako.row.person_id: "山本 花子"}
    world.writes(lambda tx: interests.step(tx, tx.get_one(Interest, first.id), Step.TALK, OWNER, ""))
    await world.hr.types(f"/alumni post {row.id}", Side.COMPANY)
    await world.hr.presses("answer.answers", Side.COMPANY)
    seen = str(world.hr.modal(Side.COMPANY))
    assert known[second.person_id] in seen
    assert known[first.person_id] not in seen
    assert "ほかに1名いらっしゃいます" in seen


@pytest.mark.long
@pytest.mark.parametrize(
    "purpose", [pytest.param(Purpose.OPENINGS, marks=pytest.mark.long), Purpose.STAY_IN_TOUCH]
)
async def test_a_withdrawn_consent_takes_every_hand_back(company: Company, purpose: Purpose) -> None:
    world = company.world
    aiko = await a_member(world)
    for title in ("営業企画", "経理"):
        await raises(world, aiko, company.opening(title), "佐藤 美咲")
    await later(world, minutes=11)
    assert len(raised(world)) == 2
    policy = world.ground.app.core.policy
    world.writes(lambda tx: leaving.withdraw(tx, aiko.row.person_id, purpose, Said("ja", "slack"), policy))
    assert raised(world) == []
    assert world.delivered("interest.came") == []
    await world.hr.presses("answer.read", Side.COMPANY)
    assert "ご覧いただける関心表明はありません" in world.hr.sees(Side.COMPANY)
    assert world.reads(lambda tx: consents.decision(tx, aiko.row.person_id, purpose)) is Decision.WITHDRAWN


@pytest.mark.long
async def test_leaving_takes_every_hand_back(company: Company) -> None:
    world = company.world
    aiko, row = await a_member(world), company.opening()
    await raises(world, aiko, row, "佐藤 美咲")
    await later(world, minutes=11)
    await aiko.types("/alumni stop")
    await aiko.presses("stop.leave", sure=["yes"])
    assert raised(world) == []
    assert world.delivered("interest.came") == []
    await world.hr.presses("answer.read", Side.COMPANY)
    assert "ご覧いただける関心表明はありません" in world.hr.sees(Side.COMPANY)
