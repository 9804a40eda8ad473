"""I used to work here: the page tells nobody anything, the mailbox confirms, HR decides, and nothing stays of
who is not let in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from bot.commands import returning
from bot.conversation import Side
from bot.visibility import Audience
from storage import accounts, consents, erasures, leavers, people, returns, search
from storage.consents import Consent, Decision
from storage.journal import Line
from storage.leavers import Leaver, Stage
from storage.people import Person
from storage.returns import ReturnRequest
from tests.journeys import a_member, who_was_asked, who_was_enrolled
from tests.reader import VISITOR, Reader, press, reading, said, send
from tests.world import World

MAIL = "keiko@home.example.jp"
CONFIRM = "申し込みを確認する"
JOIN = "メールとページだけで参加する"
KNOWN = {"employee_number": "X100", "last_day": "2019-09-30", "sure": ["yes"]}


@pytest.fixture
async def reader(world: World) -> AsyncIterator[Reader]:
    async with reading(world) as one:
        yield one


def all_of(world: World, kind: type) -> list:
    return world.reads(lambda tx: list(tx.query(kind).all()))


async def asks(reader: Reader, email: str = MAIL, **form: object) -> str:
    """Fill in the form of the public page; what the page answers."""
    await reader.browser.open("/alumni")
    await reader.presses("以前ここで働いていました")
    await reader.sends(**{"name": "田中 恵子", "personal_email": email, "agree": ["yes"], **form})
    return reader.words


async def who_confirmed(reader: Reader, email: str = MAIL) -> ReturnRequest:
    """Asked, and confirmed by the mail."""
    await asks(reader, email, kana="タナカ ケイコ", story="2019年まで経理部")
    await reader.follows(email, CONFIRM)
    (row,) = all_of(reader.world, ReturnRequest)
    assert row.confirmed_at is not None
    return row


async def hr_looks(world: World) -> str:
    """HR opens the newest request."""
    await world.hr.presses("returning.look", Side.COMPANY)
    return world.hr.sees(Side.COMPANY)


async def test_by_the_page_by_mail_and_by_hr(world: World, reader: Reader) -> None:
    await asks(reader, kana="タナカ ケイコ", story="2019年まで経理部")
    mail = world.mails(MAIL)[-1]
    assert "田中" not in mail.text + mail.headers["To"]
    assert "経理" not in mail.text
    await reader.browser.open(reader.way(MAIL, CONFIRM))
    await world.settle()
    assert all_of(world, ReturnRequest)[0].confirmed_at is None  # opening a link does nothing
    await reader.presses(CONFIRM)
    assert "確認できました" in reader.words
    assert "経理" not in world.hr.sees(Side.COMPANY)
    assert "2019年まで経理部" in await hr_looks(world)
    assert MAIL in world.hr.sees(Side.COMPANY)
    await world.hr.presses("returning.approve", Side.COMPANY, **KNOWN)
    await world.settle()
    (leaver,) = all_of(world, Leaver)
    assert (leaver.stage, leaver.employee_number, leaver.source) == (Stage.JOINED, "X100", "page")
    person = world.reads(lambda tx: people.one(tx, leaver.person_id))
    assert (person.name, person.kana, person.listed) == ("田中 恵子", "タナカ ケイコ", False)
    assert person.private_email_proven_at is not None
    (consent,) = all_of(world, Consent)
    assert (consent.decision, consent.channel, consent.locale) == (Decision.GIVEN, "web", "ja")
    assert all_of(world, ReturnRequest) == []
    assert world.mailbox(MAIL)[-1] == "returning.welcome"
    await reader.enters(MAIL)
    assert reader.browser.url.endswith("/alumni/home")
    await world.on("2026-03-10", at="12:00")
    assert world.mailbox(MAIL)[-1] == "checkin.nudge"


async def test_a_visitor_is_nobody(world: World, reader: Reader) -> None:
    await who_confirmed(reader)
    (person,) = [p for p in all_of(world, Person) if p.name == "田中 恵子"]
    assert not people.is_member(person, world.ground.clock.now())
    for audience in (Audience.HR, Audience.ALUMNI):
        assert not world.reads(lambda tx, a=audience: search.find(tx, "田中", a).hits)
    assert world.reads(leavers.counts) == {}
    assert world.reads(lambda tx: people.by_proven_email(tx, MAIL)) is None
    assert "見つかりません" in await world.hr.types("/alumni find 田中", Side.COMPANY)
    before = len(world.mails(MAIL))
    await reader.browser.open("/alumni")
    await reader.presses("新しいリンクを受け取る")
    await reader.sends(email=MAIL)
    assert len(world.mails(MAIL)) == before


@pytest.mark.long
async def test_the_page_says_the_same_to_everybody(world: World, reader: Reader) -> None:
    aiko = await a_member(world)
    jiro = await who_was_enrolled(world, "山﨑 次郎", last_day="2026-04-30")
    answers = {await asks(reader, email) for email in (MAIL, aiko.home_email, jiro.home_email.upper())}
    assert len(answers) == 1
    assert world.mailbox(aiko.home_email)[-1] == "returning.hint"
    assert "新しいリンクを受け取る" in world.mails(aiko.home_email)[-1].text
    await reader.follows(jiro.home_email, JOIN)
    assert jiro.stage is Stage.JOINED
    assert len(all_of(world, ReturnRequest)) == 1


@pytest.mark.long
async def test_declined_politely_and_erased(world: World, reader: Reader) -> None:
    row = await who_confirmed(reader)
    await hr_looks(world)
    await world.hr.presses("returning.decline", Side.COMPANY)
    await world.settle()
    assert world.mailbox(MAIL)[-1] == "returning.declined"
    assert world.mails(MAIL)[-1].headers["To"] == MAIL
    assert all_of(world, ReturnRequest) == []
    person = world.reads(lambda tx: people.one(tx, row.person_id))
    assert (person.name, person.private_email, person.private_email_blind) == ("", None, None)
    assert row.person_id in world.reads(erasures.ids)
    assert "returning.approve" not in str(await press(world, VISITOR, returning.look(request=row.id)))
    hr = world.reads(lambda tx: accounts.web_staff(tx, accounts.staff(tx)[0]))
    assert "対応が済んで" in said(await press(world, hr, returning.approve(request=row.id)), world)
    await asks(reader)
    assert world.mailbox(MAIL)[-1] == "returning.confirm"  # they may ask again


@pytest.mark.long
async def test_unconfirmed_and_undecided_are_erased_in_time(world: World, reader: Reader) -> None:
    await asks(reader)
    await world.on("2026-02-05", at="12:00")
    assert all_of(world, ReturnRequest) == []
    await reader.follows(MAIL, CONFIRM)
    assert "期限が切れています" in reader.words
    row = await who_confirmed(reader)
    await world.on("2026-05-05")
    assert all_of(world, ReturnRequest)[0].id == row.id
    await world.on("2026-05-08")
    assert all_of(world, ReturnRequest) == []
    assert not [p for p in all_of(world, Person) if p.left_at is None]
    assert len(world.mails(MAIL)) == 2


async def test_a_link_works_once_and_a_forged_one_never(world: World, reader: Reader) -> None:
    await asks(reader)
    row = all_of(world, ReturnRequest)[0]
    for code in ("", "7777-7777-7777-7777"):
        assert "期限が切れています" in said(
            await press(world, VISITOR, returning.confirm(request=row.id, code=code)), world
        )
    await reader.follows(MAIL, CONFIRM)
    await reader.follows(MAIL, CONFIRM)
    assert "使用済み" in reader.words
    assert len(world.delivered("returning.request")) == 1


@pytest.mark.long
async def test_only_hr_decides(world: World, reader: Reader) -> None:
    row = await who_confirmed(reader)
    aiko = await a_member(world)
    for who in (VISITOR, accounts.web_person(aiko.person.id, Side.ALUMNI)):
        for bound in (returning.look(request=row.id), returning.decline(request=row.id), returning.waiting()):
            assert "田中" not in str(await press(world, who, bound))
        await send(world, who, returning.approve(request=row.id), **{**KNOWN, "sure": ("yes",)})
    assert all_of(world, ReturnRequest)[0].confirmed_at is not None


async def test_without_consent_nothing_is_kept(world: World, reader: Reader) -> None:
    await asks(reader, agree=[])
    assert reader.browser.errors()
    assert all_of(world, Person) == []


@pytest.mark.long
async def test_three_mails_a_day_to_one_address_and_sixty_an_hour_to_all(world: World) -> None:
    form = {"name": "x", "agree": ("yes",)}
    for _ in range(5):
        await send(world, VISITOR, returning.ask(), personal_email=MAIL, **form)
    assert len(world.mails(MAIL)) == 3
    for number in range(70):
        await send(world, VISITOR, returning.ask(), personal_email=f"v{number}@home.example.jp", **form)
    assert len(world.mails()) == returning.MAILS_AN_HOUR
    await world.on("2026-02-03", at="10:00")
    await send(world, VISITOR, returning.ask(), personal_email=MAIL, **form)
    assert len(world.mails(MAIL)) == 4


@pytest.mark.long
async def test_who_refused_comes_back_and_the_mark_is_lifted(world: World, reader: Reader) -> None:
    aiko = await who_was_asked(world)
    await aiko.presses("welcome.no")
    await world.on("2026-05-01", at="09:00")
    assert aiko.stage is Stage.DECLINED
    assert world.reads(lambda tx: leavers.suppressed(tx, "", aiko.number)) == date(2026, 3, 31)
    await who_confirmed(reader, aiko.home_email)
    await hr_looks(world)
    await world.hr.presses(
        "returning.approve", Side.COMPANY,
        employee_number=aiko.number, last_day="2026-03-31", sure=["yes"],
    )  # fmt: skip
    await world.settle()
    assert aiko.stage is Stage.JOINED
    assert world.reads(lambda tx: leavers.suppressed(tx, "", aiko.number)) is None
    assert "suppression.lifted" in [line.what for line in all_of(world, Line)]
    await world.feed_says(aiko.leaves())
    assert aiko.stage is Stage.JOINED
    assert aiko.person.name == "田中 恵子"


@pytest.mark.long
async def test_who_said_nothing_is_claimed_by_hr(world: World, reader: Reader) -> None:
    aiko = await who_was_asked(world)
    await world.on("2026-04-10", at="09:00")
    assert aiko.stage is Stage.UNANSWERED
    row = await who_confirmed(reader)
    await hr_looks(world)
    await world.hr.presses(
        "returning.approve", Side.COMPANY,
        employee_number=aiko.number, last_day="2026-03-31", sure=["yes"],
    )  # fmt: skip
    await world.settle()
    assert aiko.stage is Stage.JOINED
    assert aiko.person.name == "髙橋 愛子"
    assert world.reads(lambda tx: people.private_email(tx, people.one(tx, aiko.person.id))) == MAIL
    assert world.reads(lambda tx: consents.decision(tx, aiko.person.id)) is Decision.GIVEN
    assert world.reads(lambda tx: people.one(tx, row.person_id)).left_at is not None
    await world.on("2026-12-01")
    assert aiko.stage is Stage.JOINED


@pytest.mark.long
async def test_later_with_a_proven_mailbox_comes_in_without_hr(world: World, reader: Reader) -> None:
    aiko = await who_was_asked(world)
    await aiko.presses("welcome.later", personal_email=aiko.home_email)
    await world.settle()
    await aiko.proves_the_address()
    await asks(reader, aiko.home_email)
    assert world.mailbox(aiko.home_email) == ["welcome.proof"]  # still an employee: asked in the chat
    await world.on("2026-04-10", at="09:00")
    await asks(reader, aiko.home_email)
    await reader.follows(aiko.home_email, CONFIRM)
    assert aiko.stage is Stage.JOINED
    assert "おかえりなさい" in reader.words
    assert world.mailbox(aiko.home_email)[-1] == "returning.welcome"
    assert world.delivered("returning.request") == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "day", "why"),
    [("E0001", "2026-01-30", "まだ退職の手続きの途中"), ("X100", "2026-02-02", "昨日までの日付")],
    ids=["on the way out", "not over"],
)
async def test_hr_lets_nobody_in_too_early(
    world: World, reader: Reader, number: str, day: str, why: str
) -> None:
    aiko = world.employee("髙橋 愛子", "2026-03-31")
    await world.feed_says(aiko.leaves())
    assert aiko.number == "E0001"
    await who_confirmed(reader)
    await hr_looks(world)
    await world.hr.presses(
        "returning.approve", Side.COMPANY, employee_number=number, last_day=day, sure=["yes"]
    )
    view = world.hr.modal(Side.COMPANY)
    assert why in world.hr.sees(Side.COMPANY) + str(view.errors if view else "")
    assert len(all_of(world, ReturnRequest)) == 1
    assert aiko.stage is Stage.ANNOUNCED


@pytest.mark.long
async def test_a_slip_in_the_number_lets_nobody_be_somebody_else(world: World, reader: Reader) -> None:
    aiko = await a_member(world)
    await who_confirmed(reader)
    await hr_looks(world)
    await world.hr.presses("returning.approve", Side.COMPANY, **{**KNOWN, "employee_number": aiko.number})
    assert "退職日が異なります" in world.hr.sees(Side.COMPANY)
    assert world.reads(lambda tx: people.private_email(tx, people.one(tx, aiko.person.id))) == aiko.home_email


@pytest.mark.long
async def test_a_member_who_lost_every_mailbox_is_let_in_again_by_hr(world: World, reader: Reader) -> None:
    aiko = await who_was_enrolled(world)
    await reader.follows(aiko.home_email, JOIN)
    await world.on("2027-01-10", at="09:00")
    async with reading(world) as old:
        await old.enters(aiko.home_email)
        await who_confirmed(reader)
        await hr_looks(world)
        await world.hr.presses(
            "returning.approve", Side.COMPANY,
            employee_number=aiko.number, last_day="2026-03-31", sure=["yes"],
        )  # fmt: skip
        await world.settle()
        await old.browser.open("/alumni/home")
        assert not old.browser.url.endswith("/home")  # whoever reads the old mailbox is out
    await reader.enters(MAIL)
    assert reader.browser.url.endswith("/home")
    assert aiko.stage is Stage.JOINED


async def test_hr_finds_who_waits(world: World, reader: Reader) -> None:
    await world.hr.opens_home(Side.COMPANY)
    await who_confirmed(reader)
    assert "公開ページからの申し込み" in await world.hr.opens_home(Side.COMPANY)
    await world.hr.presses("returning.waiting", Side.COMPANY)
    assert "田中 恵子" in world.hr.sees(Side.COMPANY)
    assert world.reads(lambda tx: len(returns.undecided(tx))) == 1
