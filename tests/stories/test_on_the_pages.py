"""A member who never opens a chat: signs in by mail, looks people up, keeps the profile true, and leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.journeys import a_member, who_was_asked
from tests.pages import Browser, links
from tests.world import Somebody, World


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(http, f"http://127.0.0.1:{world.ground.port}")


def link_in(world: World, address: str, label: str) -> str:
    """Where a button of the newest mail to an address leads."""
    mail = world.mails(address)[-1]
    return dict(links(mail.html, "/alumni/"))[label]


async def signed_in(world: World, browser: Browser, somebody: Somebody) -> Browser:
    await browser.open("/alumni")
    await browser.press("新しいリンクを受け取る")
    await browser.submit(email=somebody.home_email)
    await world.settle()
    await browser.open(link_in(world, somebody.home_email, "ログインのページを開く"))
    return await browser.press("ログインする")


async def test_a_member_signs_in_by_mail_and_finds_people(world: World, browser: Browser) -> None:
    aiko = await a_member(world)
    await a_member(world, "山﨑 次郎", last_day="2026-04-30", employer="青空ロジ", shown=["employer"])
    await world.on("2026-05-01", at="09:00")
    await signed_in(world, browser, aiko)
    assert browser.status == 200, browser.words
    assert browser.url.endswith("/alumni/home")
    await browser.press("アルムナイを探す")
    await browser.seek("who", "山崎")
    assert "山﨑 次郎" in browser.words
    chosen = next(node.attrs["value"] for node in browser.form.all("input") if node.attrs["type"] == "radio")
    await browser.submit(who=[chosen])
    assert "青空ロジ" in browser.words


@pytest.mark.long
async def test_a_sign_in_link_works_once(world: World, browser: Browser) -> None:
    aiko = await a_member(world)
    await signed_in(world, browser, aiko)
    used = link_in(world, aiko.home_email, "ログインのページを開く")
    await browser.press("ログアウト")
    await browser.open(used)
    await browser.press("ログインする")
    assert browser.status == 410
    assert "このリンクは使えません" in browser.words


@pytest.mark.long
async def test_the_question_is_answered_on_a_page(world: World, browser: Browser) -> None:
    aiko = await who_was_asked(world)
    assert aiko
