"""Living by mail and pages alone: asked, consented, proven, invited, joined, checked in; no chat anywhere."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from bot.commands import checkin, decisions, invitation
from bot.conversation import Platform, Side
from storage import accounts
from storage.accounts import Account
from storage.checkins import Checkin, State
from storage.consents import Consent, Decision
from storage.leavers import Stage
from tests.journeys import who_was_asked, who_was_enrolled
from tests.reader import Reader, press, reading, said
from tests.world import Somebody, World, world_in

JOIN = "メールとページだけで参加する"
NUDGE = "checkin.nudge"


@pytest.fixture
async def reader(world: World) -> AsyncIterator[Reader]:
    async with reading(world) as one:
        yield one


async def who_said_yes_by_mail(reader: Reader, **row: str) -> Somebody:
    """Not in the company's chat: asked by company mail, answered on its pages, the private mailbox proven."""
    world = reader.world
    aiko = world.employee("髙橋 愛子", "2026-03-31", account=False)
    await world.feed_says(aiko.leaves(**row))
    await world.on("2026-03-01", at="09:00")
    await reader.follows(aiko.company_email, "はい")
    await reader.sends(personal_email=aiko.home_email, reach=["mail"])
    await reader.presses("コードを入力する")
    await reader.sends(code=aiko.proof_code())
    assert "準備ができました" in reader.words
    return aiko


async def a_mail_member(reader: Reader, **row: str) -> Somebody:
    """Joined on the morning after the last day, without any account."""
    aiko = await who_said_yes_by_mail(reader, **row)
    await reader.world.on("2026-04-01", at="09:00")
    await reader.follows(aiko.home_email, JOIN)
    assert aiko.stage is Stage.JOINED
    return aiko


def all_of(world: World, kind: type) -> list:
    return world.reads(lambda tx: list(tx.query(kind).all()))


async def test_the_whole_way_without_a_chat(world: World, reader: Reader) -> None:
    aiko = await who_said_yes_by_mail(reader)
    (consent,) = all_of(world, Consent)
    assert (consent.decision, consent.channel, consent.locale) == (Decision.GIVEN, "web", "ja")
    assert aiko.person.mail_only
    await world.on("2026-03-31", at="18:00")
    assert aiko.stage is Stage.ENROLLED
    invitation = world.mails(aiko.home_email)[-1]
    assert "Slack" not in invitation.text
    assert not re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-", invitation.text)
    await reader.follows(aiko.home_email, JOIN)
    assert "おかえりなさい、髙橋 愛子さん" in reader.words
    assert "名簿は" in reader.words  # from tomorrow on
    assert aiko.stage is Stage.JOINED
    await world.on("2026-05-07", at="10:00")
    assert [kind for kind, _ in aiko.letters][-1] == NUDGE
    await reader.follows(aiko.home_email, "変わりありません")
    assert aiko.person.confirmed_on == date(2026, 5, 7)
    (row,) = all_of(world, Checkin)
    assert (row.state, row.answer) == (State.ANSWERED, "same")
    await world.on("2026-08-01")
    assert [kind for kind, _ in aiko.letters].count(NUDGE) == 1
    assert not [a for a in all_of(world, Account) if a.person_id]


@pytest.mark.long
async def test_a_change_leads_to_the_profile(world: World, reader: Reader) -> None:
    aiko = await a_mail_member(reader)
    await world.on("2026-05-07", at="10:00")
    await reader.enters(aiko.home_email)
    (row,) = all_of(world, Checkin)
    who = accounts.web_person(aiko.person.id, Side.ALUMNI)
    answer = await press(world, who, checkin.change(checkin=row.id))
    assert "profile.edit" in str(answer.reply)
    await reader.browser.open("/alumni/home")
    await reader.presses("プロフィールを変える" if "プロフィールを変える" in reader.words else "プロフィール")
    await reader.sends(employer="ひかり銀行", listed=["yes"])
    assert aiko.person.employer == "ひかり銀行"
    assert aiko.person.listed


@pytest.mark.long
async def test_no_is_said_by_mail_too_and_nothing_follows(world: World, reader: Reader) -> None:
    aiko = world.employee("髙橋 愛子", "2026-03-31", account=False)
    await world.feed_says(aiko.leaves())
    await world.on("2026-03-01", at="09:00")
    await reader.follows(aiko.company_email, "いいえ")
    assert aiko.stage is Stage.DECLINED
    sent = len(world.mails())
    await world.on("2027-01-01")
    assert [m for m in world.mails()[sent:] if aiko.company_email in m.to or aiko.home_email in m.to] == []


@pytest.mark.long
async def test_later_is_one_mail_and_a_consent_given_on_its_page(world: World, reader: Reader) -> None:
    aiko = world.employee("髙橋 愛子", "2026-03-31", account=False)
    await world.feed_says(aiko.leaves())
    await world.on("2026-03-01", at="09:00")
    await reader.follows(aiko.company_email, "あとで")
    await reader.sends(personal_email=aiko.home_email)
    await reader.presses("コードを入力する")
    await reader.sends(code=aiko.proof_code())
    await world.on("2026-06-30", at="10:00")
    assert world.mailbox(aiko.home_email)[-1] == "welcome.later_mail"
    await reader.follows(aiko.home_email, JOIN)
    assert aiko.stage is Stage.LATER
    await reader.sends(consent=[])
    assert reader.browser.errors()
    assert aiko.stage is Stage.LATER
    await reader.sends(consent=["yes"])
    assert "おかえりなさい" in reader.words
    assert aiko.stage is Stage.JOINED
    assert [c.decision for c in all_of(world, Consent)] == [Decision.LATER, Decision.GIVEN]
    await world.on("2027-06-30")
    assert aiko.stage is Stage.JOINED  # what was to be erased is kept


@pytest.mark.long
async def test_pressed_twice_is_pressed_once(world: World, reader: Reader) -> None:
    aiko = await a_mail_member(reader)
    await reader.follows(aiko.home_email, JOIN)
    assert "おかえりなさい" in reader.words
    assert len(all_of(world, Checkin)) == 1


@pytest.mark.long
async def test_opening_the_link_joins_nobody(world: World, reader: Reader) -> None:
    aiko = await who_was_enrolled(world)
    await reader.browser.open(reader.way(aiko.home_email, JOIN))
    await world.settle()
    assert aiko.stage is Stage.ENROLLED


@pytest.mark.long
async def test_nobody_joins_for_somebody_else(world: World, reader: Reader) -> None:
    aiko = await who_was_enrolled(world)
    jiro = await who_was_enrolled(world, "山﨑 次郎", last_day="2026-04-30")
    bound = reader.claim(aiko.home_email, JOIN)
    for who in (accounts.web_person(jiro.person.id, Side.ALUMNI), accounts.visitor("ja")):
        await press(world, who, bound)
    await press(world, accounts.web_person(aiko.person.id, Side.COMPANY), bound)
    assert aiko.stage is Stage.ENROLLED


@pytest.mark.long
async def test_before_the_last_day_nobody_joins(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.says_yes(reach="mail")
    await aiko.proves_the_address()
    who = accounts.web_person(aiko.person.id, Side.ALUMNI)
    for action in (invitation.come_in, invitation.agree):
        await press(world, who, action(leaver=aiko.row.id))
    assert aiko.stage is Stage.CONSENTED


@pytest.mark.long
async def test_who_joined_by_mail_joins_the_chat_later_with_the_code(world: World, reader: Reader) -> None:
    aiko = await who_was_enrolled(world)
    code = aiko.joining_code
    await reader.follows(aiko.home_email, JOIN)
    assert aiko.stage is Stage.JOINED
    await world.on("2026-04-02")
    await aiko.joins(email="else@home.example.jp")
    assert "おかえりなさい" in await aiko.types(f"/alumni join {code}")
    assert "おかえりなさい" not in await aiko.types(f"/alumni join {code}")
    await world.on("2026-05-07", at="10:00")
    assert "お元気ですか" in aiko.sees(Side.ALUMNI)
    assert len(all_of(world, Checkin)) == 1


@pytest.mark.long
async def test_an_unproven_mailbox_gets_no_way_in_until_hr_vouches(world: World, reader: Reader) -> None:
    aiko = await who_was_asked(world)
    await aiko.says_yes(reach="mail")
    await world.on("2026-03-31", at="18:01")
    mail = world.mails(aiko.home_email)[-1]
    assert JOIN not in mail.text
    assert "このメールに返信" in mail.text
    await world.hr.types(f"/alumni leavers {aiko.person.name}", Side.COMPANY)
    await world.hr.presses("leavers.show", Side.COMPANY, of=aiko)
    await world.hr.presses("mailbox.vouch", Side.COMPANY, of=aiko, sure=["yes"])
    await world.settle()
    await reader.follows(aiko.home_email, JOIN)
    assert aiko.stage is Stage.JOINED


@pytest.mark.long
async def test_without_an_invitation_link_the_mail_goes_all_the_same(tmp_path: Path) -> None:
    async with world_in(tmp_path, alumni_invite_url="") as world, reading(world) as reader:
        aiko = await who_was_enrolled(world)
        mail = world.mails(aiko.home_email)[-1]
        assert "Slack" not in mail.text
        await reader.follows(aiko.home_email, JOIN)
        assert aiko.stage is Stage.JOINED


@pytest.mark.long
async def test_hr_decides_by_mail(world: World, reader: Reader) -> None:
    hr = world.reads(lambda tx: accounts.web_staff(tx, accounts.staff(tx)[0]))
    assert hr.platform is Platform.WEB
    aiko = world.employee("髙橋 愛子", "2026-03-31", account=False)
    await world.feed_says(aiko.leaves(退職区分="解雇"))
    assert aiko.stage is Stage.HELD
    answer = await press(world, hr, decisions.go(leaver=aiko.row.id))
    assert "髙橋 愛子" in said(answer, world)
    assert aiko.stage is not Stage.HELD
