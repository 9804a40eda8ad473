"""Somebody without any chat: asked, proven, welcomed and asked how they are, by mails and our pages alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import func, select

from bot.cadence import months_after
from bot.playground import HR_EMAIL
from storage import checkins, consents, people
from storage.consents import Decision
from storage.leavers import Leaver, Stage
from storage.people import Person
from tests.pages import Browser, links
from tests.world import Somebody, World, world_in

END = "2026-03-31"
OTHER_HR = "suzuki@minato.example.jp"


@dataclass
class Reader:
    """Somebody with mailboxes and a browser."""

    world: World
    browser: Browser

    async def follows(self, address: str, label: str, nth: int = -1) -> Browser:
        """Open the link behind a button of the newest mail that has it (or of the nth)."""
        mails = [dict(links(mail.html, "/alumni/")) for mail in self.world.mails(address)]
        return await self.browser.open([mail for mail in mails if label in mail][nth][label])

    async def answers(self, address: str, label: str) -> Browser:
        """Open it, then press the page's own button."""
        await self.follows(address, label)
        return await self.browser.press(label)

    async def signs_in(self, address: str) -> Browser:
        """By a new link from the public page."""
        await self.browser.open("/alumni")
        await self.browser.press("新しいリンクを受け取る")
        await self.browser.submit(email=address)
        await self.world.settle()
        await self.follows(address, "ログインのページを開く")
        return await self.browser.press("ログインする")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Beside HR with a chat account there is one who lives by mail."""
    async with world_in(tmp_path, owners=f"{HR_EMAIL},{OTHER_HR}") as made:
        yield made


@pytest.fixture
async def readers(world: World) -> AsyncIterator[list[Reader]]:
    """Two browsers that know nothing of each other."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            jar = aiohttp.CookieJar(unsafe=True)
            http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
            made.append(Reader(world, Browser(http, f"http://127.0.0.1:{world.ground.port}")))
        yield made


async def who_was_asked(world: World, name: str = "髙橋 愛子") -> Somebody:
    """A leaver whom only mails reach, on the ask day."""
    somebody = world.employee(name, END, account=False)
    await world.feed_says(somebody.leaves())
    await world.on(str(date.fromisoformat(END) - timedelta(days=30)))
    assert somebody.stage is Stage.ASKED
    return somebody


async def says_yes(reader: Reader, somebody: Somebody) -> None:
    """Yes, with a private address, by mail only; and the code that was mailed there."""
    await reader.follows(somebody.company_email, "はい")
    await reader.browser.submit(personal_email=somebody.home_email, reach=["mail"])
    await reader.world.settle()
    await reader.browser.press("コードを入力する")
    await reader.browser.submit(code=somebody.proof_code())


def decisions(world: World, somebody: Somebody) -> list[Decision]:
    query = select(consents.Consent.decision).where(consents.Consent.person_id == somebody.row.person_id)
    return list(world.reads(lambda tx: tx.scalars(query.order_by(consents.Consent.id)).all()))


async def test_the_answer_behind_a_mail_names_no_whole_address(world: World, readers: list[Reader]) -> None:
    aiko = await who_was_asked(world)
    await says_yes(readers[0], aiko)
    await readers[0].browser.press("お返事を見る・変える")
    assert aiko.home_email not in readers[0].browser.html
    assert "e…@home.example.jp" in readers[0].browser.words


@pytest.mark.long
async def test_from_the_question_to_the_answered_checkin(world: World, readers: list[Reader]) -> None:
    aiko = await who_was_asked(world)
    reader, at_home = readers
    await says_yes(reader, aiko)
    assert aiko.stage is Stage.CONSENTED
    assert aiko.person.private_email_proven_at is not None
    assert len(reader.browser.http.cookie_jar) == 0
    await world.on(END, at="18:00")
    assert world.mailbox(aiko.home_email)[-1] == "welcome.invitation"
    await at_home.answers(aiko.home_email, "メールとページだけで参加する")
    assert aiko.stage is Stage.JOINED
    assert "愛子" in at_home.browser.words
    await world.on("2026-05-08")
    assert world.mailbox(aiko.home_email)[-1] == "checkin.nudge"
    await at_home.answers(aiko.home_email, "更新する")
    open_one = world.reads(lambda tx: tx.scalars(select(checkins.Checkin)).one())
    assert (open_one.state, open_one.answer) == (checkins.State.ANSWERED, "change")
    assert any(node.attrs["href"] == "/alumni" for _, node in at_home.browser.ways() if node.tag == "a")
    await at_home.signs_in(aiko.home_email)
    await at_home.browser.press("プロフィール")
    await at_home.browser.submit(employer="青空ロジ", listed=["yes"])
    assert aiko.person.employer == "青空ロジ"
    assert decisions(world, aiko) == [Decision.GIVEN]
    assert [kind for kind, _ in aiko.letters if kind == "checkin.nudge"] == ["checkin.nudge"]


@pytest.mark.long
async def test_the_company_mailbox_is_not_the_way_in(world: World, readers: list[Reader]) -> None:
    """Who inherits it reads an old mail: after the last day its links do nothing and show nobody."""
    aiko = await who_was_asked(world)
    await says_yes(readers[0], aiko)
    await world.on("2026-04-01")
    heir = readers[1]
    for label in ("はい", "あとで", "いいえ"):
        await heir.follows(aiko.company_email, label)
        for words in (aiko.home_email, "髙橋"):
            assert words not in heir.browser.html
        if label in dict(heir.browser.ways()):
            await heir.browser.press(label)
    assert decisions(world, aiko) == [Decision.GIVEN]
    assert aiko.stage is Stage.ENROLLED


@pytest.mark.long
async def test_the_company_mailbox_does_not_tell_the_private_address(
    world: World, readers: list[Reader]
) -> None:
    """Whoever reads the company's mails, or scans them, opens the link after the answer."""
    aiko = await who_was_asked(world)
    await says_yes(readers[0], aiko)
    for label in ("はい", "あとで", "いいえ"):
        await readers[1].follows(aiko.company_email, label)
        assert aiko.home_email not in readers[1].browser.html
        assert readers[1].browser.status == 200


@pytest.mark.long
async def test_no_by_mail_is_no(world: World, readers: list[Reader]) -> None:
    aiko = await who_was_asked(world)
    await readers[0].follows(aiko.company_email, "いいえ")
    assert aiko.stage is Stage.ASKED
    await readers[0].browser.press("いいえ")
    assert aiko.stage is Stage.DECLINED
    count = len(world.mails(aiko.company_email))
    await world.on("2026-07-10")
    assert len(world.mails(aiko.company_email)) == count
    assert world.mails(aiko.home_email) == []


@pytest.mark.long
async def test_later_is_one_mail_after_three_months(world: World, readers: list[Reader]) -> None:
    aiko = await who_was_asked(world)
    reader = readers[0]
    await reader.follows(aiko.company_email, "あとで")
    await reader.browser.submit(personal_email=aiko.home_email)
    await world.settle()
    await reader.browser.press("コードを入力する")
    await reader.browser.submit(code=aiko.proof_code())
    assert aiko.stage is Stage.LATER
    await world.on(str(months_after(date.fromisoformat(END), 3) + timedelta(days=3)))
    assert world.mailbox(aiko.home_email).count("welcome.later_mail") == 1
    at_home = readers[1]
    await at_home.follows(aiko.home_email, "メールとページだけで参加する")
    await at_home.browser.submit()
    assert at_home.browser.status == 422
    assert decisions(world, aiko) == [Decision.LATER]
    await at_home.browser.submit(consent=["yes"])
    assert aiko.stage is Stage.JOINED
    assert decisions(world, aiko) == [Decision.LATER, Decision.GIVEN]
    await at_home.signs_in(aiko.home_email)
    assert at_home.browser.url.endswith("/alumni/home")


@pytest.mark.long
async def test_who_refused_comes_back_by_the_public_page(world: World, readers: list[Reader]) -> None:
    aiko = await who_was_asked(world)
    await readers[0].answers(aiko.company_email, "いいえ")
    await world.on("2026-08-03")
    visitor, hr = readers
    await visitor.browser.open("/alumni")
    await visitor.browser.press("以前ここで働いていました")
    await visitor.browser.submit(name="髙橋 愛子", personal_email=aiko.home_email, agree=["yes"])
    await world.settle()
    mail = world.mails(aiko.home_email)[-1]
    assert world.kind(mail) == "returning.confirm"
    ((label, url),) = links(mail.html, "/alumni/do/")
    await visitor.browser.open(url)
    await visitor.browser.press(label)
    await world.settle()
    assert world.mailbox(OTHER_HR)[-1] == "returning.request"
    await hr.answers(OTHER_HR, "内容を見る")
    await hr.browser.press("参加を認める")
    await hr.browser.submit(employee_number=aiko.number, last_day=END, sure=["yes"])
    assert hr.browser.status == 200, hr.browser.errors()
    await world.settle()
    await visitor.signs_in(aiko.home_email)
    assert visitor.browser.url.endswith("/alumni/home")


@pytest.mark.long
@pytest.mark.parametrize(
    ("label", "stage"), [("進める", Stage.ANNOUNCED), ("保留", Stage.HELD), ("対象外にする", Stage.STRUCK)]
)
async def test_hr_decides_from_a_mail(world: World, readers: list[Reader], label: str, stage: Stage) -> None:
    aiko = world.employee("髙橋 愛子", END, account=False)
    await world.feed_says(aiko.leaves())
    hr = readers[0]
    await hr.follows(OTHER_HR, label)
    assert aiko.stage is Stage.ANNOUNCED
    if stage is Stage.STRUCK:
        await hr.browser.submit(sure=["yes"])
    else:
        await hr.browser.press(label)
    assert aiko.stage is stage
    assert len(hr.browser.http.cookie_jar) == 0
    assert (await hr.browser.open("/alumni/desk")).status == 403


@pytest.mark.long
async def test_an_answer_after_the_consent_was_withdrawn(world: World, readers: list[Reader]) -> None:
    """Withdrawn from the foot of the mail; the buttons of the old one take a new answer, until the day."""
    aiko = await who_was_asked(world)
    await says_yes(readers[0], aiko)
    question = world.mails(aiko.company_email)[-1]
    out = question.headers["List-Unsubscribe"].partition(">")[0].lstrip("<")
    async with (
        aiohttp.ClientSession() as program,
        program.post(out, data={"List-Unsubscribe": "One-Click"}) as heard,
    ):
        assert heard.status == 200
    assert aiko.stage is Stage.DECLINED
    count = len(world.mails(aiko.home_email))
    await world.on("2026-03-20")
    assert len(world.mails(aiko.home_email)) == count
    await says_yes(readers[1], aiko)
    assert aiko.stage is Stage.CONSENTED
    assert decisions(world, aiko)[-1] is Decision.GIVEN
    await world.on(END, at="18:00")
    assert world.mailbox(aiko.home_email)[-1] == "welcome.invitation"


@pytest.mark.long
async def test_a_withdrawal_after_joining_and_an_old_checkin(world: World, readers: list[Reader]) -> None:
    """The check-in of before is answered after the withdrawal: taken, and no new mail follows from it."""
    aiko = await who_was_asked(world)
    await says_yes(readers[0], aiko)
    await world.on(END, at="18:00")
    await readers[1].answers(aiko.home_email, "メールとページだけで参加する")
    await world.on("2026-05-08")
    out = world.mails(aiko.home_email)[-1].headers["List-Unsubscribe"].partition(">")[0].lstrip("<")
    async with aiohttp.ClientSession() as program, program.post(out) as heard:
        assert heard.status == 200
    assert decisions(world, aiko)[-1] is Decision.WITHDRAWN
    count = len(world.mails(aiko.home_email))
    await readers[1].answers(aiko.home_email, "変わりありません")
    assert readers[1].browser.status == 200
    await world.on("2026-07-01")
    assert len(world.mails(aiko.home_email)) == count
    assert decisions(world, aiko)[-1] is Decision.WITHDRAWN


@pytest.mark.long
async def test_who_was_erased_is_not_created_by_the_same_file(world: World, readers: list[Reader]) -> None:
    aiko = await who_was_asked(world)
    await says_yes(readers[0], aiko)
    await world.on(END, at="18:00")
    at_home = readers[1]
    await at_home.answers(aiko.home_email, "メールとページだけで参加する")
    person, row = aiko.row.person_id, aiko.leaves()
    await at_home.signs_in(aiko.home_email)
    await at_home.browser.press("プライバシー")
    await at_home.browser.press("退会して消去")
    await at_home.browser.submit(sure=["yes"])
    assert world.reads(lambda tx: people.get(tx, person)).name == ""
    leavers = world.reads(lambda tx: tx.scalar(select(func.count()).select_from(Leaver)))
    known = world.reads(lambda tx: tx.scalar(select(func.count()).select_from(Person)))
    count = len(world.mails())
    for _ in range(2):
        await world.feed_says(row)
        await world.on(str(world.ground.clock.now().date() + timedelta(days=40)))
    assert world.reads(lambda tx: tx.scalar(select(func.count()).select_from(Leaver))) == leavers
    assert world.reads(lambda tx: tx.scalar(select(func.count()).select_from(Person))) == known
    assert [m for m in world.mails()[count:] if "愛子" in m.text or aiko.home_email in m.headers["To"]] == []
