"""The same on the web: HR without a chat decides how the network is run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage import policy
from tests.reader import Reader, reading
from tests.world import World


@pytest.fixture
async def hr(world: World) -> AsyncIterator[Reader]:
    """HR, signed in on our pages."""
    async with reading(world) as reader:
        await reader.browser.open("/alumni")
        await reader.browser.press("新しいリンクを受け取る")
        await reader.sends(email=world.hr.company_email)
        await reader.follows(world.hr.company_email, "ログインのページを開く")
        await reader.presses("ログインする")
        yield reader


async def test_names_on_the_pages(world: World, hr: Reader) -> None:
    await hr.presses("運営設定")
    await hr.presses("名称・窓口")
    await hr.sends(network="みなと会", logo_url="http://minato.example.jp/l.png")
    assert "https://" in hr.browser.errors()["logo_url"]
    assert hr.browser.typed()["network"] == "みなと会"
    await hr.sends(logo_url="")
    assert "みなと会" in hr.words
    assert "第1版" in hr.words.replace(" ", "")
    assert world.hr.company_email in hr.words  # who saved it
    assert world.reads(policy.newest).by.startswith("web:company:staff")


async def test_a_sentence_on_the_pages(world: World, hr: Reader) -> None:
    await hr.presses("運営設定")
    await hr.presses("文面")
    await hr.browser.seek("sentence", "ゆるやかに")
    await hr.sends(sentence=["welcome.opening"])
    assert "ご卒業のあとも" in hr.words  # the original stands above
    await hr.sends(japanese="{name}さん、{company}と、これからも。", english="{name}, stay with {company}?")
    assert "まだ保存されていません" in hr.words
    assert world.reads(policy.number) == 0
    await hr.presses("この文面で保存する")
    assert "保存しました" in hr.words
    said = world.ground.app.core.texts.said("welcome.opening")
    assert said["ja"] == "{name}さん、{company}と、これからも。"
    await hr.presses("運営設定")
    assert "1件" in hr.words.replace(" ", "")


@pytest.mark.long
async def test_the_link_and_the_way_back_on_the_pages(world: World, hr: Reader) -> None:
    await hr.presses("運営設定")
    await hr.presses("招待リンク")
    await hr.sends(url="https://join.slack.example/t/x", expires="2026-12-31")
    assert world.ground.app.core.policy.invitation_url == "https://join.slack.example/t/x"
    await hr.presses("日程・時刻")
    await hr.sends(enrol_at="17:00", enrol_on=["day_after"])
    assert "退職日の翌日" in hr.words
    await hr.presses("変更の履歴")
    await hr.browser.press("内容を見る", 1)
    await hr.presses("この版に戻す")
    assert world.ground.app.core.policy.enrol_on == "last_day"
    assert world.reads(policy.number) == 3
