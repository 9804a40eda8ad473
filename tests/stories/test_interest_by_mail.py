"""Raising a hand without any chat: by mails and pages, on both sides; and signed in."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.playground import HR_EMAIL
from storage.answers import Step
from storage.journal import Line
from storage.openings import Opening
from tests.hands import later, raised, shown
from tests.offered import DEPUTY, Company, company_in
from tests.reader import Reader, reading
from tests.referred import all_of
from tests.world import Somebody

SUZUKI = "suzuki@minato.example.jp"
HAND, SEE = "関心を伝える", "内容を見る"


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    """Beside those with chat accounts there is an owner who lives by mail."""
    async with company_in(tmp_path, owners=f"{HR_EMAIL},{SUZUKI}") as made:
        yield made


@pytest.fixture
async def readers(company: Company) -> AsyncIterator[list[Reader]]:
    """Browsers that know nothing of each other."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(reading(company.world)) for _ in range(3)]


async def a_mail_member(reader: Reader) -> Somebody:
    """Joined on the morning after the last day, without any account."""
    world = reader.world
    aiko = world.employee("髙橋 愛子", "2026-03-31", account=False)
    await world.feed_says(aiko.leaves())
    await world.on("2026-03-01", at="09:00")
    await reader.follows(aiko.company_email, "はい")
    await reader.sends(personal_email=aiko.home_email, reach=["mail"])
    await reader.presses("コードを入力する")
    await reader.sends(code=aiko.proof_code())
    await world.on("2026-04-01", at="09:00")
    await reader.follows(aiko.home_email, "メールとページだけで参加する")
    return aiko


def suzukis(company: Company) -> Opening:
    return company.opening(owner=SUZUKI, owner_name="鈴木 一郎")


def boxes(reader: Reader) -> dict[str, str]:
    """label -> value of the boxes on the page."""
    inputs = [node for node in reader.browser.form.all("label") if list(node.all("input"))]
    return {node.words: next(node.all("input")).attrs["value"] for node in inputs}


async def test_the_whole_way_by_mail(company: Company, readers: list[Reader]) -> None:
    world, (reader, hr, _) = company.world, readers
    aiko, row = await a_mail_member(reader), suzukis(company)
    await shown(world, aiko, row)
    await reader.follows(aiko.home_email, HAND)
    assert "鈴木 一郎" in reader.words
    assert "木村 健" in reader.words
    await reader.sends(readers=[])
    assert "おひとりはお選びください" in reader.browser.errors()["readers"]
    assert reader.browser.status == 422
    await reader.sends(readers=[boxes(reader)["鈴木 一郎"]])
    assert "agree" in reader.browser.errors()
    assert raised(world) == []
    known = boxes(reader)
    agree = next(value for label, value in known.items() if "同意します" in label)
    await reader.sends(readers=[known["鈴木 一郎"]], agree=[agree])
    assert "あなただけが知っています" in reader.words
    await reader.presses("やめる")
    assert "どなたにも伝わっておらず" in reader.words
    assert raised(world) == []
    await reader.presses("もう一度伝える")
    await reader.sends(readers=[boxes(reader)["鈴木 一郎"]])
    await later(world, minutes=11)
    assert [one.readers for one in raised(world)] == [[SUZUKI]]
    for address in (DEPUTY, HR_EMAIL):
        assert "interest.came" not in world.mailbox(address)
    mail = world.mails(SUZUKI)[-1]
    assert world.kind(mail) == "interest.came"
    for words in ("愛子", "営業企画", aiko.home_email):
        assert words not in mail.text + mail.html + mail.subject
    await hr.follows(SUZUKI, SEE)
    assert "髙橋 愛子" in hr.words
    assert aiko.home_email in hr.words
    await hr.presses("お返事を記録する")
    assert "やわらかな言葉" in hr.words
    await hr.sends(step=["contacted"], note="電話します")
    assert "連絡済み（鈴木 一郎さん" in hr.words
    news = world.mails(aiko.home_email)[-1]
    assert world.kind(news) == "interest.news"
    assert "営業企画" not in news.text + news.subject
    await reader.follows(aiko.home_email, SEE)
    assert "ご連絡を差し上げました" in reader.words
    assert "電話します" not in reader.words
    await reader.presses("取り下げる")
    assert raised(world) == []
    await hr.follows(SUZUKI, SEE)
    assert "ご覧いただける関心表明はありません" in hr.words


@pytest.mark.long
async def test_silence_by_mail_reaches_the_deputy(company: Company, readers: list[Reader]) -> None:
    world, (reader, _, _) = company.world, readers
    aiko = await a_mail_member(reader)
    row = company.opening(deputy=SUZUKI, deputy_name="鈴木 一郎")
    await shown(world, aiko, row)
    await reader.follows(aiko.home_email, HAND)
    await reader.sends(readers=list(boxes(reader).values())[:2], agree=list(boxes(reader).values())[2:])
    await later(world, minutes=11)
    promised = raised(world)[0].answer_by
    assert promised is not None
    await world.on(str(promised), at="23:00")
    assert "interest.late" not in world.mailbox(SUZUKI)
    await later(world, days=1)
    assert world.mailbox(SUZUKI)[-1] == "interest.late"
    assert world.mailbox(aiko.home_email)[-1] == "interest.news"
    await reader.follows(aiko.home_email, SEE)
    assert "お返事できず、申し訳ありません" in reader.words


@pytest.mark.long
async def test_signed_in_on_both_sides(company: Company, readers: list[Reader]) -> None:
    world, (reader, hr, other) = company.world, readers
    aiko, row = await a_mail_member(reader), suzukis(company)
    await reader.enters(aiko.home_email)
    await reader.browser.send("/alumni/say", words=f"openings {row.id}", **hidden_of(reader))
    await reader.presses(HAND)
    known = boxes(reader)
    agree = next(value for label, value in known.items() if "同意します" in label)
    await reader.sends(readers=[known["鈴木 一郎"]], agree=[agree])
    await later(world, minutes=11)
    await hr.enters(SUZUKI)
    await hr.presses("関心表明への返事（1）")
    await hr.presses(SEE)
    await hr.presses("この求人の関心表明")
    await hr.presses("ファイルに書き出す")
    await hr.presses("ファイルを受け取る")
    lines = len(all_of(world, Line))
    file = await fetched(hr)
    assert len(all_of(world, Line)) == lines  # that there is such a file would tell of a raised hand
    rows = list(csv.reader(io.StringIO(file.decode("utf-8-sig"))))
    assert rows[1][0] == "髙橋 愛子"
    assert aiko.home_email in rows[1]
    await other.enters(DEPUTY)
    assert "関心表明" not in other.words
    assert raised(world)[0].step is Step.WAITING
    await reader.browser.open("/alumni/home")
    await reader.browser.send("/alumni/say", words="openings mine", **hidden_of(reader))
    await reader.presses(SEE)
    await reader.presses("取り下げる")
    assert raised(world) == []


def hidden_of(reader: Reader) -> dict[str, str]:
    """What a form of this session brings along."""
    saying = next(node for node in reader.browser.page.all("form") if "say" in node.attrs.get("action", ""))
    found = {n.attrs["name"]: n.attrs["value"] for n in saying.all("input") if n.attrs["type"] == "hidden"}
    return {name: value for name, value in found.items() if name != "words"}


async def fetched(reader: Reader) -> bytes:
    """The file behind the one button of a download's page."""
    (way,) = [node for node in reader.browser.page.all("form") if "download" in node.attrs["action"]]
    url = f"{reader.browser.base}{way.attrs['action']}"
    data = {n.attrs["name"]: n.attrs["value"] for n in way.all("input")}
    async with reader.browser.http.post(url, data=data, headers={"Origin": reader.browser.base}) as answer:
        assert answer.status == 200
        return await answer.read()
