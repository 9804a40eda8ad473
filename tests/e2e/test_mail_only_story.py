"""The mission on the playground by mail and our own pages alone: 山﨑 茂 never had a chat account.

Pictures of every step are left in `var/shots/story-mail-*.png`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.at_the_page import Desk, opened

WHO, HOME = "山﨑 茂", "shigeru@example.jp"
ASKED, LAST_DAY, NEXT_DAY, LATER = "2026-03-19", "2026-04-18", "2026-04-19", "2026-06-02"


@asynccontextmanager
async def the_page_behind(desk: Desk, button: str) -> AsyncIterator[Page]:
    """Press a button of the newest mail as a mail program shows it; its page opens beside the playground."""
    await desk.page.get_by_test_id("tab-mail").click()
    mail = desk.page.get_by_test_id("mail").first
    await mail.get_by_test_id("mail-as-html").click()
    letter = mail.frame_locator("[data-testid=mail-html]")
    async with beside(desk, letter.get_by_role("link", name=button, exact=True)) as page:
        yield page


@asynccontextmanager
async def beside(desk: Desk, link: Locator) -> AsyncIterator[Page]:
    """What opens in a tab of its own, which is closed again."""
    async with desk.page.context.expect_page() as opening:
        await link.click()
    page = await opening.value
    await page.wait_for_load_state()
    yield page
    await page.close()


async def presses(page: Page, label: str) -> None:
    """Press what says so; another page comes."""
    async with page.expect_navigation():
        await (
            page.locator("main").locator("button, a").filter(has_text=re.compile(f"^{label}$")).first.click()
        )


async def reads(page: Page, title: str) -> None:
    """The page's heading."""
    await expect(page.locator("h1")).to_contain_text(title)


async def arrives(desk: Desk, words: str) -> str:
    """The newest mail says so."""
    await expect(desk.page.get_by_test_id("mail").first).to_contain_text(words, timeout=20_000)
    return await desk.newest_mail()


async def signs_in(desk: Desk) -> None:
    """By the public page and the mail that it sends; the session stays in this browser."""
    async with beside(desk, desk.page.get_by_test_id("page-front")) as page:
        await presses(page, "新しいリンクを受け取る")
        await page.fill("[name=email]", HOME)
        await presses(page, "リンクを送る")
        await reads(page, "メールをご確認ください")
    await arrives(desk, "ログイン用のリンク")
    async with the_page_behind(desk, "ログインのページを開く") as page:
        await presses(page, "ログインする")
        await reads(page, "みなとアルムナイへようこそ")


@pytest.mark.long
async def test_the_mission_by_mail_and_pages_alone(tmp_path: Path) -> None:
    async with opened(tmp_path, "story-mail") as desk:
        await desk.act_as(WHO)
        await expect(desk.page.get_by_role("tab")).to_have_count(1)  # the mailbox is all that there is
        await desk.travels(ASKED, "09:00")
        await arrives(desk, "みなとアルムナイからのおたずね")
        async with the_page_behind(desk, "はい") as page:
            await desk.shoot("the-question")
            await page.fill("[name=personal_email]", HOME)
            await page.check("[name=reach][value=mail]")
            await desk.shoot("yes-by-mail-only", page)
            await presses(page, "同意して送信")
            await reads(page, "確認コードをメールでお送りしました")
            code = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", await arrives(desk, "確認コード"))
            assert code
            await desk.shoot("the-code-in-the-mailbox")
            await presses(page, "コードを入力する")
            await page.fill("[name=code]", code[0])
            await page.locator("form.ask .primary").click()
            await reads(page, "準備ができました")
            await desk.shoot("proven", page)

        await desk.travels(LAST_DAY, "18:00")
        await arrives(desk, "招待")
        async with the_page_behind(desk, "メールとページだけで参加する") as page:
            await desk.shoot("the-invitation")
            await presses(page, "メールとページだけで参加する")
            await reads(page, "おかえりなさい")
            await desk.shoot("welcome-back", page)

        await desk.travels(NEXT_DAY, "09:00")
        await signs_in(desk)
        async with beside(desk, desk.page.get_by_test_id("page-front")) as page:
            await page.wait_for_url("**/alumni/home")  # who is in is led there from the public page
            await presses(page, "プロフィール")
            await page.fill("[name=employer]", "青空ロジ株式会社")
            await presses(page, "この内容で確定")
            await reads(page, "あなたのプロフィール")
            await page.fill("form.say [name=words]", "find 髙橋")
            await page.locator("form.say button").click()
            await reads(page, "髙橋")
            await desk.shoot("found-on-the-page", page)

        await desk.travels(LATER, "10:00")
        await arrives(desk, "いまも青空ロジ株式会社でご活躍でしょうか")
        async with the_page_behind(desk, "変わりありません") as page:
            await desk.shoot("the-checkin")
            await presses(page, "変わりありません")
            await reads(page, "ありがとうございます")
            await desk.shoot("answered", page)


@pytest.mark.long
async def test_hrs_desk_is_found_from_the_playground(tmp_path: Path) -> None:
    async with opened(tmp_path, "story-desk") as desk:
        await desk.act_as("佐藤 美咲")
        async with beside(desk, desk.page.get_by_test_id("page-desk")) as page:
            await reads(page, "人事の担当者だけ")
            await presses(page, "ここから進む")
            await presses(page, "新しいリンクを受け取る")
            await page.fill("[name=email]", "hr@minato.example.jp")
            await presses(page, "リンクを送る")
            await desk.page.get_by_test_id("tab-mail").click()
            await arrives(desk, "ログイン用のリンク")
        async with the_page_behind(desk, "ログインのページを開く") as page:
            await presses(page, "ログインする")
        async with beside(desk, desk.page.get_by_test_id("page-desk")) as page:
            await reads(page, "退職予定者のファイル")
            await desk.shoot("hr-desk", page)
