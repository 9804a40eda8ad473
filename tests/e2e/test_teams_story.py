"""The playground where people chat in Teams, with a mouse and a keyboard: the mission, and an opening.

Pictures of every step are left in `var/shots/teams-*.png`.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from bot.backstage import House
from bot.conversation import Platform
from tests.e2e import access
from tests.e2e.at_the_page import Desk, opened
from tests.e2e.test_page_story import last_day_of

TEAMS = House(Platform.TEAMS)
TITLE = "営業企画 *太字* <script>"
PHONE, DESK = (390, 844), (1440, 900)


@pytest.mark.long
async def test_the_mission_in_teams(tmp_path: Path) -> None:
    async with opened(tmp_path, "teams", TEAMS) as desk:
        page = desk.page
        await desk.act_as("佐藤 美咲")
        await desk.says("leavers")
        await desk.sees("これからの退職予定")
        await desk.sees("髙橋 愛子")
        await desk.shoot("hr-sees-who-leaves")

        await desk.act_as("髙橋 愛子")
        await desk.sees("まだアプリが入っていません")
        await page.get_by_test_id("travel-next").click()
        await desk.quiet()
        await desk.sees("みなとアルムナイからのおたずね")
        await expect(page.get_by_test_id("no-app")).to_have_count(0)
        await desk.shoot("the-question")
        await desk.presses("はい")
        await desk.fills(personal_email="<b>だめ</b> ＠")
        await page.get_by_test_id("modal-submit").click()
        await desk.sees("メールアドレスの形ではない", "field-error")
        await expect(page.locator("[data-block=personal_email] input")).to_have_value("<b>だめ</b> ＠")
        await desk.shoot("the-error-beside-the-field")
        await desk.fills(personal_email="aiko.t@example.jp")
        await desk.submits("確認コードをメールでお送りしました")
        await desk.closes()
        code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", await desk.newest_mail())
        assert code
        await page.get_by_test_id("tab-company").click()
        await desk.presses("コードを入力する")
        await desk.fills(code=code[0])
        await desk.submits("準備ができました")
        await desk.closes()

        last_day = await last_day_of(page, "髙橋 愛子")
        await desk.travels(last_day.isoformat(), "18:00")
        await _comes_as_a_guest(desk)
        await desk.travels((last_day + timedelta(days=1)).isoformat(), "09:00")
        await desk.sees("おかえりなさい、髙橋 愛子さん")
        await desk.shoot("welcome-back")
        await page.get_by_test_id("tab-company").click()
        await desk.sees("このアカウントは無効になっています")
        await page.get_by_test_id("tab-alumni").click()
        await desk.presses("プロフィールを確認する")
        await desk.fills(employer="青空ロジ株式会社")
        await desk.submits("あなたのプロフィール")
        await desk.sees("名簿に掲載されています", "modal")
        await desk.closes()
        await desk.says("find 髙橋")
        await desk.sees("青空ロジ株式会社")

        await desk.travels((last_day + timedelta(days=45)).isoformat(), "10:00")
        await desk.sees("いまも青空ロジ株式会社でご活躍でしょうか")
        await desk.presses("変わりありません")
        await desk.sees("確認済みにしました")
        await desk.shoot("nudged-and-answered")


async def _chooses(page: Page, name: str, label: str) -> None:
    """Take one of the choices of a field, however it is drawn."""
    field = page.locator(f"[data-testid=field][data-block={name}]")
    if await field.locator("select").count():
        await field.locator("select").select_option(label=label)
    else:
        await field.get_by_label(label, exact=True).check()


async def _finds(page: Page, name: str, words: str) -> None:
    """Type into a search field and take the first that is offered."""
    field = page.locator(f"[data-testid=field][data-block={name}]")
    await field.get_by_test_id("search-field").fill(words)
    await field.get_by_test_id("search-option").first.click()


async def _comes_as_a_guest(desk: Desk) -> None:
    """The invitation by Microsoft Graph, accepted, and the code of the mail typed into the chat."""
    mail = await desk.newest_mail()
    code = re.search(r"(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}", mail)
    assert code, mail
    await desk.shoot("the-invitation")
    async with desk.page.context.expect_page() as opening:
        await desk.page.get_by_test_id("mail").first.get_by_role("link", name="local-teams").first.click()
    joining = await opening.value
    await desk.shoot("as-a-guest", joining)
    await joining.get_by_test_id("redeem-do").click()
    await expect(joining.get_by_test_id("tab-alumni")).to_be_visible()
    await joining.close()
    await desk.page.get_by_test_id("tab-alumni").click()
    await desk.says(f"join {code[0]}")
    await desk.sees("おかえりなさい")


@pytest.mark.long
async def test_an_opening_in_the_channel_and_everybody_can_use_the_page(tmp_path: Path) -> None:
    async with opened(tmp_path, "teams-opening", House(Platform.TEAMS, "http://127.0.0.1:1")) as desk:
        page = desk.page
        await _publishes(desk)
        await desk.act_as("髙橋 沙織")
        await page.get_by_test_id("room-channel").click()
        await desk.sees(TITLE)
        await desk.shoot("in-the-channel")
        await desk.presses("関心を伝える")
        await desk.sees("あなたとおかえりのチャットにお送りしました")
        await page.get_by_test_id("room-messages").click()
        await desk.presses("入力画面を開く")
        await desk.sees("内密に伝えます", "modal")
        await page.get_by_test_id("modal-submit").click()
        await expect(page.get_by_test_id("field-error")).to_have_text(
            "よろしければ、チェックを入れてください。"
        )
        await _chooses(page, "agree", "上の説明を読み、同意します")
        await desk.submits(TITLE)
        await desk.sees("あなただけが知っています", "modal")
        await desk.shoot("a-raised-hand")
        await desk.closes()

        await desk.act_as("佐藤 美咲")
        await page.get_by_test_id("travel-hour").click()
        await desk.quiet()
        assert "髙橋 沙織" not in await page.get_by_test_id("stage").inner_text()
        await desk.act_as("村田 淳")
        await desk.presses("内容を見る")
        await desk.presses("開いて見る")
        await desk.sees("髙橋 沙織", "modal")
        await desk.shoot("read-by-who-may-know")
        await desk.closes()
        for language in ("ja", "en"):
            await _everybody_can_use_it(desk, language)
        await _the_tab(desk)


async def _publishes(desk: Desk) -> None:
    """HR writes an opening: a search field, mistakes told beside their fields, what was typed still there."""
    page = desk.page
    await desk.act_as("佐藤 美咲")
    await desk.says("post")
    await desk.presses("求人を書く")
    await desk.fills(what=TITLE, closes_on="2026-12-31")
    await _chooses(page, "employment", "正社員")
    await _chooses(page, "remote", "一部リモート可")
    await _finds(page, "owner", "jun")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("field-error")).to_have_count(2)
    await expect(page.get_by_test_id("search-field").first).to_have_value("jun.murata@minato.example.jp")
    await desk.shoot("two-mistakes")
    await desk.fills(closes_on="2026-04-30", owner_name="村田 淳")
    await desk.submits("求人 1")
    await desk.presses("公開する")
    await desk.sees("公開中です", "modal")
    await desk.closes()
    await page.get_by_test_id("settle").click()
    await desk.quiet()


async def _everybody_can_use_it(desk: Desk, language: str) -> None:
    """In both languages, on a phone and on a desk."""
    await _in_language(desk.page, language)
    await desk.act_as("渡邊 健")
    await desk.page.get_by_test_id("press").first.click()
    await desk.page.get_by_test_id("modal-submit").click()
    await expect(desk.page.get_by_test_id("field-error")).to_be_visible()
    await _is_for_everybody(desk, language, "dialog")
    await desk.closes()
    await desk.act_as("髙橋 沙織")
    await _looks_somebody_up(desk)
    await _is_for_everybody(desk, language, "find")


async def _the_tab(desk: Desk) -> None:
    """It leads to the one page of ours that Teams may frame."""
    await desk.page.get_by_test_id("room-portal").click()
    async with desk.page.context.expect_page() as opening:
        await desk.page.get_by_test_id("portal-open").click()
    tab = await opening.value
    await expect(tab.locator("main a")).not_to_have_count(0)
    await desk.shoot("the-tab", tab)


async def _in_language(page: Page, language: str) -> None:
    async with page.expect_navigation():
        await page.get_by_test_id(f"language-{language}").click()
    await page.wait_for_selector("body[data-ready]")


async def _looks_somebody_up(desk: Desk) -> None:
    """In the channel, by the bot's name and by the message extension."""
    page = desk.page
    await page.get_by_test_id("room-channel").click()
    await expect(page.get_by_test_id("named")).to_be_visible()
    await desk.says("find 田中")
    await expect(page.get_by_test_id("message").last).to_contain_text(re.compile("チャット|chat"))
    await page.get_by_test_id("finder").click()
    await page.get_by_test_id("finds").fill("たなか ひろ")
    await page.get_by_test_id("search-option").filter(has_text="田中 裕子").first.click()
    await desk.sees("港町の企業誘致")


async def _is_for_everybody(desk: Desk, language: str, what: str) -> None:
    """Words, names, headings, contrast; on a phone also room for thumbs, and no scrolling sideways."""
    told = []
    for width, height in (PHONE, DESK):
        await desk.page.set_viewport_size({"width": width, "height": height})
        await desk.shoot(f"{what}-{language}-{width}")
        told += await access.shape(desk.page, language)
        seen = await access.sight(desk.page)
        told += [one for one in seen if width == PHONE[0] or " px: " not in one]
    # what is closed has no size, and an error's way back to its field is the focus, not a list of links
    assert not [one for one in told if not one.startswith(("0 x 0 px", "an error without its field"))]
    wrong = await desk.page.locator("[aria-invalid=true]").count()
    assert wrong == await desk.page.get_by_test_id("field-error").count()
