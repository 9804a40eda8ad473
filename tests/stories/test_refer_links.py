"""What the links of a candidate do, and who of the company may read and answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands import candidate, introduced, refer
from bot.conversation import Side
from bot.playground import HR_EMAIL
from storage import openings, people, referrals
from storage.consents import Consent, Purpose
from storage.journal import Line
from storage.referrals import Stand
from tests.journeys import a_member
from tests.offered import DEPUTY, MANAGER, OTHER, Company, company_in
from tests.pages import hidden
from tests.reader import VISITOR, Reader, press, reading, said, send
from tests.referred import (
    KEIKO,
    MAIL,
    NO,
    YES,
    all_of,
    referral,
    staff,
    web,
    who_agreed,
    who_referred,
)
from tests.stories.test_the_answer import erased


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path) as made:
        yield made


@pytest.fixture
async def reader(company: Company) -> AsyncIterator[Reader]:
    async with reading(company.world) as one:
        yield one


async def test_links_used_twice_or_altered_do_nothing(company: Company, reader: Reader) -> None:
    world = company.world
    await who_agreed(company, reader)
    await reader.browser.open(reader.way(MAIL, YES))
    assert "同意はすでにいただいています" in reader.words
    way = reader.way(MAIL, YES)
    await reader.browser.open(f"{way[:-1]}{'A' if way[-1] != 'A' else 'B'}")
    assert "変わっています" in reader.words
    found = referral(world)
    for secret in ("", "0" * 32):
        for bound in (
            candidate.agree(referral=found.id, secret=secret, under="openings-1"),
            candidate.decline(referral=found.id, secret=secret),
            candidate.leave(referral=found.id + 7, secret=secret),
        ):
            outcome = await press(world, VISITOR, bound)
            assert "期限が切れているか" in said(outcome, world)
            await send(world, VISITOR, bound, me=("yes",))
    assert referral(world).stand is Stand.AGREED
    assert len(world.delivered("introduced.new")) == 2


@pytest.mark.long
async def test_a_no_after_the_yes_is_a_no(company: Company, reader: Reader) -> None:
    await who_agreed(company, reader)
    person_id = referral(company.world).person_id
    await reader.follows(MAIL, NO)
    assert erased(company.world, person_id)
    assert len(company.world.delivered("introduced.left")) == 2


@pytest.mark.long
async def test_consent_holds_for_the_words_that_were_read(company: Company, reader: Reader) -> None:
    world = company.world
    await who_referred(company)
    await reader.browser.open(reader.way(MAIL, YES))
    world.ground.app.core.database.carries["wordings"] = {Purpose.OPENINGS: "openings-2"}
    await reader.sends(me=["yes"])
    assert "新しい文をお読みのうえ" in reader.words
    assert referral(world).stand is Stand.ASKED
    await reader.presses("新しい文を読む")
    await reader.sends(me=["yes"])
    consent = all_of(world, Consent)[-1]
    assert (consent.person_id, consent.wording) == (referral(world).person_id, "openings-2")


@pytest.mark.long
async def test_a_candidate_for_a_closed_opening_is_told(company: Company, reader: Reader) -> None:
    world = company.world
    _, row = await who_referred(company)
    world.writes(lambda tx: openings.close(tx, openings.get(tx, row.id)))
    await reader.browser.open(reader.way(MAIL, YES))
    assert "その後終了しました" in reader.words
    await reader.follows(MAIL, NO)
    assert referral(world).stand is Stand.OVER


@pytest.mark.long
async def test_a_candidate_is_nobody_else(company: Company, reader: Reader) -> None:
    world = company.world
    aiko, _ = await who_agreed(company, reader)
    found = referral(world)
    person = world.reads(lambda tx: people.one(tx, found.person_id))
    assert not people.is_member(person, world.ground.clock.now())
    assert person.private_email_proven_at is None
    before = len(world.mails(MAIL))
    await reader.browser.open("/alumni")
    await reader.presses("新しいリンクを受け取る")
    await reader.sends(email=MAIL)
    assert len(world.mails(MAIL)) == before
    assert "見つかりません" in await aiko.types("/alumni find 田中")
    assert "見つかりません" in await world.hr.types("/alumni find 田中", Side.COMPANY)
    assert "田中" not in "".join(f"{one.what}{one.detail}{one.subject}" for one in all_of(world, Line))


@pytest.mark.long
async def test_nobody_else_reads_or_answers(company: Company, reader: Reader) -> None:
    """Only the readers of the opening: no other HR, no manager, no member, no visitor, not the referrer."""
    world = company.world
    aiko, row = await who_agreed(company, reader)
    jiro = await a_member(world, "山﨑 次郎", "2026-04-30")
    found = referral(world)
    for who in (staff(world, OTHER), staff(world, MANAGER), web(aiko), web(jiro), VISITOR):
        for bound in (
            introduced.look(referral=found.id), introduced.waiting(opening=row.id),
            introduced.export(opening=row.id), introduced.answer(referral=found.id, was="waiting"),
        ):  # fmt: skip
            outcome = await press(world, who, bound)
            assert outcome.form is None
            assert "恵子" not in str(outcome)
        await send(world, who, introduced.answer(referral=found.id, was="waiting"), step="closed")
    for who, bound in (
        (web(jiro), refer.own(referral=found.id)),
        (web(jiro), refer.withdraw(referral=found.id)),
    ):
        assert "見つかりません" in said(await press(world, who, bound), world)
    assert "恵子" not in str(await press(world, web(aiko), refer.own(referral=found.id)))
    now = referral(world)
    assert (now.stand, now.step) == (Stand.AGREED, found.step)


@pytest.mark.long
async def test_two_readers_answer_at_once(company: Company, reader: Reader) -> None:
    world = company.world
    await who_agreed(company, reader)
    for one in (world.hr, company.deputy):
        await one.presses("introduced.look", Side.COMPANY)
        await one.presses("introduced.answer", Side.COMPANY)
    await world.hr.fills(Side.COMPANY, step="talk", note="")
    await company.deputy.fills(Side.COMPANY, step="closed", note="")
    await world.settle()
    assert "先に記録しました" in company.deputy.sees(Side.COMPANY)
    assert referral(world).step.value == "talk"


@pytest.mark.long
async def test_two_readers_note_the_same_step_at_once(company: Company, reader: Reader) -> None:
    """The step stays what it was; what the first wrote down beside it is not lost."""
    world = company.world
    await who_agreed(company, reader)
    await world.hr.presses("introduced.look", Side.COMPANY)
    await world.hr.presses("introduced.answer", Side.COMPANY, step="talk", note="")
    for one in (world.hr, company.deputy):
        await one.presses("introduced.look", Side.COMPANY)
        await one.presses("introduced.answer", Side.COMPANY)
    await world.hr.fills(Side.COMPANY, step="talk", note="3日の午後で")
    await company.deputy.fills(Side.COMPANY, step="talk", note="")
    assert "先に記録しました" in company.deputy.sees(Side.COMPANY)
    row = referral(world)
    assert world.reads(lambda tx: referrals.note_of(tx, row)) == "3日の午後で"


@pytest.mark.long
async def test_candidates_as_a_file_once(company: Company, reader: Reader) -> None:
    world = company.world
    _, row = await who_agreed(company, reader)
    outcome = await press(world, staff(world, HR_EMAIL), introduced.export(opening=row.id))
    token = str(outcome.reply).partition("/alumni/download/")[2].partition("'")[0]
    fetched = await world.ground.app.core.dispatcher.fetch(token)
    assert fetched.file is not None
    text = fetched.file.data.decode("utf-8-sig")
    assert KEIKO in text
    assert MAIL in text
    assert (await world.ground.app.core.dispatcher.fetch(token)).file is None


@pytest.mark.long
async def test_the_deputy_answers_on_the_pages(company: Company, reader: Reader) -> None:
    world = company.world
    await who_agreed(company, reader)
    async with reading(world) as hr:
        await hr.enters(DEPUTY)
        say = next(
            form for form in hr.browser.page.all("form") if "say" in form.attrs.get("class", "").split()
        )
        await hr.browser.send(say.attrs["action"], **hidden(say), words="openings mine")
        await hr.presses("ご紹介のあった方（1人）")
        assert KEIKO in hr.words
        await hr.presses("内容を見る")
        assert MAIL in hr.words
        await hr.presses("次の対応を記録する")
        assert "あたたかい言葉" in hr.words
        await hr.sends(step=["contacted"], note="")
        assert "記録しました" in hr.words
    assert "ご連絡をお送りしました" in world.mails(MAIL)[-1].text
    assert referral(world).stepped_by == DEPUTY
