"""Somebody at the playground's page, with a mouse and a keyboard, for the stories that are played there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Error, Page, Request, async_playwright, expect

from bot import logs
from bot.backstage import SLACK_ALONE, House, staged
from bot.clock import Clock
from bot.conversation import Platform
from tests.e2e.browser import find_browser, launch_flags
from tests.world import free_port, tokyo

SHOTS = Path("var/shots")
START = "2026-03-16"


class Desk:
    """One person at the page."""

    def __init__(self, page: Page, story: str) -> None:
        self.page, self._story, self._count = page, story, 0

    async def shoot(self, what: str, page: Page | None = None) -> None:
        """Leave a picture, of the playground or of a page that was opened beside it."""
        self._count += 1
        file = SHOTS / f"{self._story}-{self._count:02}-{what}.png"
        try:
            await (page or self.page).screenshot(path=file)
        except Error:  # a browser with too much to do takes none now and then
            await (page or self.page).screenshot(path=file)

    async def act_as(self, name: str) -> None:
        """Choose whom to be."""
        await self.page.locator(f'[data-testid=person][data-name="{name}"]').click()
        await expect(self.page.get_by_test_id("acting-as")).to_contain_text(name)

    async def quiet(self) -> None:
        """Wait until the house has done what is due."""
        await expect(self.page.locator("#busy")).to_be_hidden(timeout=60_000)

    async def says(self, words: str) -> None:
        """Type into the conversation."""
        await self.page.get_by_test_id("says").fill(words)
        await self.page.get_by_test_id("send").click()

    async def presses(self, label: str) -> None:
        """Press the newest button with this label."""
        await self.page.get_by_test_id("press").filter(has_text=re.compile(f"^{label}$")).last.click()

    async def fills(self, **values: str) -> None:
        """Type into the fields of the open dialog."""
        for name, value in values.items():
            field = self.page.locator(f"[data-testid=field][data-block={name}]")
            await field.locator("input, textarea").first.fill(value)

    async def submits(self, title: str = "") -> None:
        """Send the open dialog; the next one is called so, or none is left."""
        await self.page.get_by_test_id("modal-submit").click()
        if title:
            await self.sees(title, "modal-title")
        else:
            await expect(self.page.get_by_test_id("modal")).to_have_count(0)

    async def closes(self) -> None:
        """Close the open dialog; the page behind it takes no words before it is gone."""
        await self.page.get_by_test_id("modal-x").click()
        await expect(self.page.get_by_test_id("modal")).to_have_count(0)

    async def travels(self, day: str, at: str) -> None:
        """Move the clock."""
        await self.page.get_by_test_id("travel-date").fill(day)
        await self.page.get_by_test_id("travel-time").fill(at)
        await self.page.get_by_test_id("travel-go").click()
        await self.quiet()

    async def sees(self, words: str, where: str = "stage") -> None:
        """The words are there."""
        await expect(self.page.get_by_test_id(where)).to_contain_text(words, timeout=15_000)

    async def newest_mail(self) -> str:
        """The text of the newest mail."""
        await self.page.get_by_test_id("tab-mail").click()
        mail = self.page.get_by_test_id("mail").first
        await expect(mail).to_be_visible(timeout=20_000)
        if await mail.get_attribute("open") is None:
            await mail.locator("summary").click()
        return await mail.inner_text()


@asynccontextmanager
async def opened(folder: Path, story: str, house: House = SLACK_ALONE) -> AsyncIterator[Desk]:
    """The playground on a fixed day, its sweeps running; nothing may be asked of another host."""
    logs.set_up("ERROR")
    SHOTS.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nobody waits for this test
    port = free_port()
    home = f"http://{'localhost' if house.platform is Platform.TEAMS else '127.0.0.1'}:{port}/"
    foreign: list[str] = []

    def watch(request: Request) -> None:
        if not request.url.startswith((home, "data:", "about:")):
            foreign.append(request.url)

    async with staged(folder, port, None, Clock(tokyo(START)), house) as stage, async_playwright() as tools:
        stage.ground.app.start()
        browser = await tools.chromium.launch(executable_path=str(find_browser()), args=launch_flags())
        context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="ja-JP")
        context.on("request", watch)
        page = await context.new_page()
        await page.goto(f"{home}?lang=ja")
        await page.wait_for_selector("body[data-ready]")
        yield Desk(page, story)
        await browser.close()
    assert not foreign
