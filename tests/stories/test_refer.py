"""An alumnus refers somebody: the candidate decides, the company reads and answers, all are thanked.

In Slack, on our pages and by mail. Who says no, or nothing, is erased, and nobody learns which it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands import introduced, refer
from bot.conversation import Side
from storage import erasures, openings
from storage.consents import Consent, Decision, Purpose
from storage.erasures import Why
from storage.journal import Line
from storage.referrals import Referral, Stand
from tests.journeys import who_was_enrolled
from tests.offered import DEPUTY, Company, company_in
from tests.reader import Reader, press, reading
from tests.referred import (
    BACK,
    FORM,
    KEIKO,
    MAIL,
    NO,
    WHY,
    YES,
    all_of,
    referral,
    staff,
    web,
    who_agreed,
    who_referred,
)
from tests.stories.test_the_answer import erased

JOIN = "メールとページだけで参加する"


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path) as made:
        yield made


@pytest.fixture
async def reader(company: Company) -> AsyncIterator[Reader]:
    async with reading(company.world) as one:
        yield one


async def test_refer_consent_answer_thanks(
    company: Company, reader: Reader, capfd: pytest.CaptureFixture[str]
) -> None:
    world = company.world
    aiko, _ = await who_referred(company)
    mail = world.mails(MAIL)[-1]
    assert "髙橋 愛子さん" in mail.text
    assert "営業企画" in mail.text
    assert WHY not in mail.text + mail.html  # of what was typed only the referrer's name leaves the house
    assert KEIKO not in mail.text + mail.headers["To"] + mail.headers["Subject"]
    assert world.delivered("introduced.new") == []

    await reader.browser.open(reader.way(MAIL, YES))
    await world.settle()
    assert referral(world).stand is Stand.ASKED  # opening a link does nothing
    for words in (KEIKO, MAIL, WHY, "以前の同僚", "佐藤 美咲 · 木村 健", "180日"):
        assert words in reader.words, words
    await reader.sends()
    assert reader.browser.errors()
    assert referral(world).stand is Stand.ASKED
    await reader.sends(me=["yes"])
    assert "お伝えしました" in reader.words
    found = referral(world)
    assert found.stand is Stand.AGREED
    (consent,) = world.reads(lambda tx: tx.query(Consent).filter_by(person_id=found.person_id).all())
    assert (consent.purpose, consent.decision, consent.channel, consent.wording) == (
        Purpose.OPENINGS, Decision.GIVEN, "web", "openings-1",
    )  # fmt: skip
    assert world.mailbox(MAIL) == ["refer.ask", "candidate.agreed"]
    assert "4月8日" in world.mails(MAIL)[-1].text  # five business days later

    assert len(world.delivered("introduced.new")) == 2  # its owner and her deputy
    assert KEIKO not in world.hr.sees(Side.COMPANY) + company.deputy.sees(Side.COMPANY)
    assert "ご紹介" not in company.other.sees(Side.COMPANY) + company.manager.sees(Side.COMPANY)
    await world.hr.presses("introduced.look", Side.COMPANY)
    for words in (KEIKO, MAIL, WHY, "以前の同僚", "髙橋 愛子"):
        assert words in world.hr.sees(Side.COMPANY), words
    assert "会社にお伝えしました" in await aiko.types("/refer")

    await world.hr.presses("introduced.answer", Side.COMPANY, step="talk", note="来週お電話")
    await world.settle()
    assert "お話の場を設けます" in world.mails(MAIL)[-1].text
    assert "来週" not in world.mails(MAIL)[-1].text
    await world.hr.presses("introduced.look", Side.COMPANY)
    assert "来週お電話" in world.hr.sees(Side.COMPANY)
    await world.hr.presses("introduced.answer", Side.COMPANY, step="closed", note="")
    await world.settle()
    assert "またのご縁" in world.mails(MAIL)[-1].text
    assert "ご紹介ありがとうございました" in aiko.sees()
    assert aiko.sees().count("は、終了しました") == 1
    assert "終了しました。ありがとうございました" in await aiko.types("/alumni 紹介")
    never = ("不採用", "お見送り", "見送", "残念", "reject")
    everything = aiko.sees() + "".join(one.text + one.html for one in world.mails(MAIL))
    assert not [word for word in never if word in everything]
    told = "".join(capfd.readouterr()) + str([vars(line) for line in all_of(world, Line)])
    assert not [word for word in (KEIKO, MAIL, WHY, "髙橋") if word in told]


@pytest.mark.long
async def test_on_our_pages_and_by_mail_alone(company: Company, reader: Reader) -> None:
    world, row = company.world, company.opening()
    aiko = await who_was_enrolled(world)
    await reader.follows(aiko.home_email, JOIN)
    await world.on("2026-04-01")
    await reader.enters(aiko.home_email)
    await reader.presses("人を紹介する")
    assert "営業企画" in reader.words
    await reader.presses("人を紹介する")
    assert "職業安定法" in reader.words
    assert "ご紹介者として 髙橋 愛子 さん" in reader.words
    await reader.sends(**{**FORM, "language": ["english"], "relation": ["friend"]})
    assert "ご紹介ありがとうございます" in reader.words
    async with reading(world) as keiko:
        keiko.browser.language = "en"
        await keiko.browser.open(keiko.way(MAIL, "Yes, tell them about me"))
        assert "I am the person named above" in keiko.words
        await keiko.sends(me=["yes"])
        assert "Thank you. We have passed it on" in keiko.words
        assert world.mails(MAIL)[-1].text.count("Take it back") == 1
        deputy = await press(world, staff(world, DEPUTY), introduced.look(referral=referral(world).id))
        assert KEIKO in str(deputy)
        await keiko.follows(MAIL, "Take it back and erase everything")
        assert "everything about you is erased" in keiko.words
    assert referral(world).person_id is None
    assert world.mailbox(aiko.home_email)[-1] == "refer.over"
    await reader.browser.open("/alumni/home")
    await reader.presses("人を紹介する")
    assert "終了しました。ありがとうございました" in reader.words
    assert row.id == referral(world).opening_id


@pytest.mark.long
async def test_no_erases_everything_and_looks_like_silence(company: Company, reader: Reader) -> None:
    world = company.world
    aiko, row = await who_referred(company)
    person_id = referral(world).person_id
    await reader.browser.open(reader.way(MAIL, NO))
    await world.settle()
    assert referral(world).person_id == person_id
    await reader.presses(NO)
    assert "いま消去しました" in reader.words
    found = referral(world)
    assert (found.stand, found.person_id, found.why, found.relation) == (Stand.OVER, None, None, "")
    assert erased(world, person_id)
    assert [one.why for one in all_of(world, erasures.Erasure)] == [Why.REFUSED]
    await world.ground.app.core.database.write_back()
    disk = world.disk()
    for words in (KEIKO, MAIL, WHY):
        assert words.encode() not in disk, words
    assert "ご本人にうかがっています" in await aiko.types("/refer")
    assert world.delivered("introduced.new") == []
    await world.on("2026-04-16")
    assert "終了しました。ありがとうございました" in await aiko.types("/refer")
    assert len(world.delivered("refer.over")) == 1
    assert world.mailbox(MAIL) == ["refer.ask"]
    assert row.id == found.opening_id


@pytest.mark.long
async def test_no_answer_in_fourteen_days_is_a_no(company: Company, reader: Reader) -> None:
    world = company.world
    aiko, _ = await who_referred(company)
    person_id = referral(world).person_id
    await world.on("2026-04-15", at="08:00")
    assert not erased(world, person_id)
    await world.on("2026-04-15", at="10:00")
    assert erased(world, person_id)
    assert all_of(world, erasures.Erasure)[-1].why is Why.SILENT
    assert world.mailbox(MAIL) == ["refer.ask"]  # nobody reminds them
    assert "ご紹介ありがとうございました" in aiko.sees()
    for label in (YES, NO):
        await reader.follows(MAIL, label)
        assert "期限が切れているか" in reader.words
    assert world.delivered("introduced.new") == []


@pytest.mark.long
async def test_taken_back_by_the_referrer_while_asked(company: Company, reader: Reader) -> None:
    world = company.world
    aiko, _ = await who_referred(company)
    person_id = referral(world).person_id
    await aiko.types("/refer")
    await aiko.presses("refer.own")
    assert KEIKO not in aiko.sees()
    await aiko.presses("refer.withdraw")
    await world.settle()
    assert erased(world, person_id)
    await reader.browser.open(reader.way(MAIL, YES))
    assert "取り下げられています" in reader.words
    await aiko.types("/refer")
    assert "終了しました。ありがとうございました" in aiko.sees()
    await press(world, web(aiko), refer.withdraw(referral=referral(world).id))
    assert world.delivered("refer.over") == []


@pytest.mark.long
async def test_taken_back_by_the_candidate_after_a_yes(company: Company, reader: Reader) -> None:
    world = company.world
    aiko, _ = await who_agreed(company, reader)
    person_id = referral(world).person_id
    await world.hr.presses("introduced.look", Side.COMPANY)
    await world.hr.presses("introduced.answer", Side.COMPANY, step="contacted", note="x")
    await world.settle()
    await reader.follows(MAIL, BACK)  # of the newest mail
    assert "すべて消去しました" in reader.words
    assert erased(world, person_id)
    assert len(world.delivered("introduced.left")) == 2
    assert "手元の控えも消してください" in company.deputy.sees(Side.COMPANY)
    assert "ご紹介ありがとうございました" in aiko.sees()
    await world.hr.presses("introduced.look", Side.COMPANY)
    assert "見つからないか" in world.hr.sees(Side.COMPANY)
    await reader.follows(MAIL, BACK, 0)
    assert "期限が切れているか" in reader.words


@pytest.mark.long
async def test_silence_of_the_company_is_told(company: Company, reader: Reader) -> None:
    world = company.world
    await who_agreed(company, reader)
    await world.on("2026-04-08", at="20:00")
    assert world.delivered("candidate.late") == []
    await world.on("2026-04-09", at="10:00")
    assert len(world.delivered("introduced.late")) == 2
    assert "申し訳ありません" in world.mails(MAIL)[-1].text
    assert KEIKO not in company.deputy.sees(Side.COMPANY)
    await company.deputy.presses("introduced.look", Side.COMPANY)
    assert KEIKO in company.deputy.sees(Side.COMPANY)
    await world.on("2026-04-20")
    assert len(world.delivered("candidate.late")) == 1


@pytest.mark.long
async def test_who_referred_is_forgotten_with_the_referrer(company: Company, reader: Reader) -> None:
    world = company.world
    aiko, _ = await who_agreed(company, reader)
    await aiko.types("/alumni privacy")
    await aiko.presses("privacy.erase", sure=["yes"])
    await world.settle()
    assert referral(world).referrer_id is None
    await world.hr.presses("introduced.look", Side.COMPANY)
    assert "髙橋" not in world.hr.sees(Side.COMPANY).rpartition(MAIL)[2]
    await world.hr.presses("introduced.answer", Side.COMPANY, step="closed", note="")
    await world.settle()
    assert "またのご縁" in world.mails(MAIL)[-1].text
    assert world.delivered("refer.over") == []


@pytest.mark.long
async def test_half_a_year_after_the_opening_closed_nothing_is_left(company: Company, reader: Reader) -> None:
    world = company.world
    _, row = await who_agreed(company, reader)
    person_id = referral(world).person_id
    world.writes(lambda tx: openings.close(tx, openings.get(tx, row.id)))
    await world.on("2026-09-20")
    assert not erased(world, person_id)
    await world.on("2026-10-05")
    assert erased(world, person_id)
    assert all_of(world, Referral) == []
