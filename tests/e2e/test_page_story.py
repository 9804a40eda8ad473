"""The mission on the page, with a mouse and a keyboard: from HR's list to the answered check-in.

Pictures of every step are left in `var/shots/`.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.e2e.at_the_page import START, opened
from tests.e2e.browser import find_browser, renders_japanese

GLYPH = """character => {
  const draw = text => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 60, height: 60});
    const pen = canvas.getContext("2d");
    pen.font = "40px " + getComputedStyle(document.body).fontFamily;
    pen.fillText(text, 5, 45);
    return canvas.toDataURL();
  };
  return [draw(character), draw("\\u{10FFFF}"), draw(" ")];
}"""


@pytest.mark.long
async def test_the_mission_on_the_page(tmp_path: Path) -> None:
    assert renders_japanese(find_browser())
    async with opened(tmp_path, "story") as desk:
        page = desk.page
        drawn, missing, empty = await page.evaluate(GLYPH, "髙")
        assert drawn not in (missing, empty)

        await desk.act_as("佐藤 美咲")
        await desk.says("/alumni leavers")
        await desk.sees("これからの退職予定")
        await desk.sees("髙橋 愛子")
        await desk.shoot("hr-sees-who-leaves")

        await desk.act_as("髙橋 愛子")
        await page.get_by_test_id("travel-next").click()
        await desk.quiet()
        await desk.sees("みなとアルムナイからのおたずね")
        await desk.shoot("the-question")
        await desk.presses("はい")
        await page.locator("[data-testid=field][data-block=personal_email] input").fill("aiko.t@example.jp")
        await desk.shoot("yes-with-a-private-address")
        await page.get_by_test_id("modal-submit").click()
        await desk.sees("確認コードをメールでお送りしました", "modal-title")
        await desk.closes()
        mail = await desk.newest_mail()
        code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", mail)
        assert code, mail
        await desk.shoot("the-code-in-the-mailbox")
        await page.get_by_test_id("tab-company").click()
        await desk.presses("コードを入力する")
        await page.locator("[data-testid=field][data-block=code] input").fill(code[0])
        await page.get_by_test_id("modal-submit").click()
        await desk.sees("準備ができました", "modal-title")
        await desk.closes()

        last_day = await last_day_of(page, "髙橋 愛子")
        await desk.travels(last_day.isoformat(), "18:00")
        mail = await desk.newest_mail()
        assert "招待" in mail
        await desk.shoot("the-invitation")
        async with page.context.expect_page() as opening:
            await page.get_by_test_id("mail").first.get_by_role("link", name="Slack").first.click()
        joining = await opening.value
        await joining.get_by_test_id("join-name").fill("髙橋 愛子")
        await joining.get_by_test_id("join-do").click()
        await joining.wait_for_load_state()
        await joining.close()

        await desk.travels((last_day + timedelta(days=1)).isoformat(), "09:00")
        await page.get_by_test_id("tab-alumni").click()
        await desk.sees("おかえりなさい、髙橋 愛子さん")
        await desk.shoot("welcome-back")
        await desk.presses("プロフィールを確認する")
        await page.locator("[data-testid=field][data-block=employer] input").fill("青空ロジ株式会社")
        await desk.shoot("the-profile")
        await page.get_by_test_id("modal-submit").click()
        await desk.sees("名簿に掲載されています", "modal")
        await desk.closes()
        await desk.says("/alumni find 髙橋")
        await desk.sees("青空ロジ株式会社")
        await desk.shoot("found-with-a-slash-command")

        await desk.travels((last_day + timedelta(days=45)).isoformat(), "10:00")
        await desk.sees("いまも青空ロジ株式会社でご活躍でしょうか")
        await desk.shoot("nudged-thirty-days-later")
        await desk.presses("変わりありません")
        await desk.sees("確認済みにしました")
        await page.get_by_test_id("room-home").click()
        await desk.sees("みなとアルムナイへようこそ", "home")
        await desk.shoot("home")


async def last_day_of(page: Page, name: str) -> date:
    """A leaver's last day, as the page tells it."""
    text = await page.locator(f'[data-testid=leaver-stage][data-name="{name}"]').inner_text()
    found = re.search(r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})日", text)
    assert found, text
    return date(int(found[1] or START[:4]), int(found[2]), int(found[3]))
