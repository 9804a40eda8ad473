"""Our own pages in a real browser, in both languages, on a phone and on a desk: `var/shots/web-*.png`.

Every page of a whole life (visitor, leaver, newcomer, member, HR) is looked at without any script, in light
and dark, and checked for who cannot see it well or has no mouse.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Locator, Page, Request, Route, async_playwright

from adapters.playground.cast import read_cast
from bot import logs
from bot.clock import Clock
from bot.conversation import t
from bot.playground import HR_EMAIL, playing
from bot.seeding import seed
from tests.e2e import access
from tests.e2e.browser import find_browser, launch_flags
from tests.pages import links
from tests.world import COMPANY, Somebody, World, csv_file, free_port, tokyo

SHOTS = Path("var/shots")
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
TONGUES = {"ja": "ja-JP", "en": "en-US"}
START, LAST_DAY = "2026-03-16", "2026-04-17"


@dataclass
class Tour:
    """Somebody who looks at one page after the other."""

    world: World
    page: Page
    locale: str
    sizes: tuple[str, ...] = tuple(SIZES)
    wrong: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def words(self, key: str, **data: str) -> str:
        """A sentence of the catalogue in the language of this tour."""
        return self.world.ground.app.core.texts.plain(t(key, **data), self.locale)

    async def look(self, name: str) -> None:
        """Check the page that is open in its sizes and both schemes, and leave pictures."""
        await self.page.wait_for_load_state()
        told = await access.shape(self.page, self.locale)
        for size in self.sizes:
            width, height = SIZES[size]
            await self.page.set_viewport_size({"width": width, "height": height})
            for scheme in ("dark", "light"):
                await self.page.emulate_media(color_scheme=scheme)
                told += [f"{size}, {scheme}: {one}" for one in await access.sight(self.page)]
                mark = "-dark" if scheme == "dark" else ""
                if not mark or size == "phone":
                    file = SHOTS / f"web-{self.locale}-{len(self.seen) + 1:02}-{name}-{size}{mark}.png"
                    await self.page.screenshot(path=file, full_page=True)
        told += [f"on paper: {one}" for one in await access.printed(self.page)]
        self.seen.append(name)
        self.wrong += [f"{name}: {one}" for one in dict.fromkeys(told)]

    async def opens(self, path: str) -> None:
        """Type or click an address."""
        await self.page.goto(path)

    async def presses(self, key: str, nth: int = 0, **data: str) -> None:
        """Press the button, or follow the link, that says so."""
        label = re.compile(f"^{re.escape(self.words(key, **data))}$")
        await self.clicks(self.page.locator("button, a").filter(has_text=label).nth(nth))

    async def clicks(self, what: Locator) -> None:
        """Press something that leads to another page."""
        async with self.page.expect_navigation():
            await what.click()

    async def submits(self, **values: str) -> None:
        """Fill in the form and send it."""
        for name, value in values.items():
            await self.page.fill(f"[name={name}]", value)
        await self.clicks(self.page.locator("form.ask .primary"))

    async def mailed(self, address: str, key: str) -> str:
        """Where a button of the newest mail leads."""
        await self.world.settle()
        mail = self.world.mails(address)[-1]
        return dict(links(mail.html, "/alumni/"))[self.words(key)]

    async def signs_in(self, address: str) -> None:
        """By a mailed link."""
        await self.opens("/alumni")
        await self.presses("signin.ask_button")
        await self.submits(email=address)
        await self.opens(await self.mailed(address, "signin.mail.button"))


@contextmanager
def watched(context: BrowserContext, base: str) -> Iterator[None]:
    """No request to anybody else, nothing that the content policy stops, no error on the console."""
    foreign: list[str] = []
    told: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith((f"{base}/", "data:", "about:")):
            foreign.append(request.url)

    context.on("request", asked)
    context.on("console", lambda line: told.append(line.text))
    context.on("weberror", lambda error: told.append(str(error.error)))
    yield
    # Browsers report every answer of 400 and above as an error; ours are pages that say what is wrong.
    told = [line for line in told if not re.search(r"status of 4(04|10|22|03)", line)]
    assert not foreign + told


@asynccontextmanager
async def touring(
    folder: Path, locale: str, sizes: tuple[str, ...] = tuple(SIZES), *, scripts: bool = False
) -> AsyncIterator[Tour]:
    logs.set_up("ERROR")
    SHOTS.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nobody waits for this test
    port, clock = free_port(), Clock(tokyo(START))
    async with playing(folder, port, clock, locale=locale) as ground, async_playwright() as tools:
        await seed(ground, read_cast())
        await ground.listen()
        world = World(ground)
        user = ground.slack.workspace(COMPANY).addresses[HR_EMAIL]
        await world.slack.changes(COMPANY, user, locale=TONGUES[locale])
        world.hr = Somebody(world, "佐藤 美咲", HR_EMAIL, user)
        await world.settle()
        base = f"http://127.0.0.1:{port}"
        browser = await tools.chromium.launch(executable_path=str(find_browser()), args=launch_flags())
        context = await browser.new_context(
            base_url=base, locale=TONGUES[locale], java_script_enabled=scripts
        )
        with watched(context, base):
            yield Tour(world, await context.new_page(), locale, sizes)
            await browser.close()


async def a_visitor(tour: Tour) -> None:
    await tour.opens("/alumni")
    await tour.look("front")
    await tour.presses("signin.ask_button")
    await tour.look("new-link")
    await tour.submits(email="shigeru@")
    await tour.look("new-link-wrong")
    await tour.submits(email="nobody@example.org")
    await tour.look("new-link-sent")


async def a_leaver(tour: Tour) -> Somebody:
    name = {"ja": "山﨑 茂", "en": "Daniel Okafor"}[tour.locale]
    row = {"部署": "倉庫事業部", "言語": {"ja": "日本語", "en": "英語"}[tour.locale]}
    one = tour.world.employee(name, LAST_DAY, account=False)
    await tour.world.feed_says(one.leaves(**row))
    await tour.world.on(str(date.fromisoformat(LAST_DAY) - timedelta(days=30)), at="09:00")
    await tour.opens(await tour.mailed(one.company_email, "welcome.say_no"))
    await tour.look("no")
    await tour.opens(await tour.mailed(one.company_email, "welcome.say_yes"))
    await tour.look("yes")
    await tour.page.check("[name=reach][value=mail]")
    await tour.submits(personal_email=one.company_email)
    await tour.look("yes-wrong")
    await tour.submits(personal_email=one.home_email)
    await tour.look("code-sent")
    await tour.world.settle()
    await tour.presses("welcome.to_prove")
    await tour.submits(code=one.proof_code())
    await tour.look("thanks")
    await tour.presses("welcome.see_answer")
    await tour.look("answer")
    return one


async def a_newcomer(tour: Tour, one: Somebody) -> None:
    await tour.world.on(LAST_DAY, at="18:00")
    await tour.opens(await tour.mailed(one.home_email, "invitation.pages"))
    await tour.look("invitation")
    await tour.clicks(tour.page.locator("main .primary"))
    await tour.look("inside")
    await tour.world.on(str(date.fromisoformat(LAST_DAY) + timedelta(days=1)))


async def a_member(tour: Tour, one: Somebody) -> None:
    await tour.signs_in(one.home_email)
    await tour.look("sign-in")
    await tour.presses("web.enter_button")
    await tour.look("home")
    await tour.presses("profile.button")
    await tour.look("profile")
    await tour.submits(name="", about="あ" * 501, employer="青空ロジ株式会社")
    await tour.look("profile-wrong")
    await tour.submits(name=one.name, about="")
    await tour.look("profile-kept")
    await tour.presses("web.home")
    await tour.presses("find.button")
    await tour.page.fill("[type=search]", "髙橋")
    await tour.presses("web.seek")
    await tour.look("found")
    await tour.page.locator("[type=radio]").first.check()
    await tour.submits()
    await tour.look("person")
    await tour.presses("web.home")
    await tour.presses("privacy.button")
    await tour.look("privacy")
    await tour.presses("privacy.see_button")
    await tour.look("held")
    await tour.opens("/alumni/export")
    await tour.look("export")
    await tour.presses("web.sign_out")


async def asked_again(tour: Tour, one: Somebody) -> None:
    await tour.world.on(str(date.fromisoformat(LAST_DAY) + timedelta(days=40)), at="19:00")
    await tour.opens(await tour.mailed(one.home_email, "checkin.same"))
    await tour.look("checkin")
    await tour.clicks(tour.page.locator("main .primary"))
    await tour.look("checkin-answered")
    old = tour.world.mails(one.company_email)[0]
    await tour.opens(dict(links(old.html, "/alumni/"))[tour.words("welcome.say_yes")])
    await tour.look("expired")


async def standing_still(route: Route) -> None:
    """A page that looks again by itself stays as it is while it is looked at."""
    answer = await route.fetch()
    await route.fulfill(
        response=answer, body=re.sub(r'<meta http-equiv="refresh".*>', "", await answer.text())
    )


async def hr(tour: Tour) -> None:
    await tour.signs_in(HR_EMAIL)
    await tour.presses("web.enter_button")
    await tour.look("hr-home")
    await tour.presses("web.desk")
    await tour.look("desk")
    await tour.presses("web.upload_button")
    await tour.look("desk-no-file")
    people = [tour.world.employee(name, "2026-07-31") for name in ("小野寺 海斗", "Park Jiyoung")]
    rows = [*(one.leaves() for one in people), {"社員番号": "X1", "氏名": "名無し"}]
    await tour.presses("web.to_desk")
    file = {"name": "leavers.csv", "mimeType": "text/csv", "buffer": csv_file(*rows)}
    await tour.page.set_input_files("[type=file]", file)  # type: ignore[arg-type]
    await tour.presses("web.upload_button")
    await tour.look("difference")
    await tour.page.route("**/applied/*", standing_still)
    await tour.presses("web.apply")
    await tour.look("applying")
    await tour.page.unroute("**/applied/*")
    await tour.page.reload()
    await tour.world.settle()
    await tour.page.get_by_role("heading", name=tour.words("intake.title")).wait_for()  # by itself
    await tour.look("applied")
    await tour.page.fill("form.say [name=words]", "leavers")
    await tour.clicks(tour.page.locator("form.say button"))
    await tour.look("leavers")
    await tour.clicks(tour.page.locator(".entry button").first)
    await tour.look("leaver")


@pytest.mark.long
@pytest.mark.parametrize(
    ("locale", "sizes"),
    [
        ("ja", ("phone",)),
        pytest.param("ja", ("desk",), marks=pytest.mark.long),
        pytest.param("en", ("phone", "desk"), marks=pytest.mark.long),
    ],
)
async def test_every_page_can_be_read_and_used_by_everybody(
    tmp_path: Path, locale: str, sizes: tuple[str, ...]
) -> None:
    async with touring(tmp_path, locale, sizes) as tour:
        await a_visitor(tour)
        one = await a_leaver(tour)
        await a_newcomer(tour, one)
        await a_member(tour, one)
        await asked_again(tour, one)
        await hr(tour)
    assert not tour.wrong, "\n".join(tour.wrong)
    assert len(tour.seen) >= 28


async def focused(page: Page) -> tuple[str, str]:
    """Where the keyboard is: the element's id, and its words."""
    here: tuple[str, str] = await page.evaluate(
        "() => [document.activeElement.id, document.activeElement.innerText.trim()]"
    )
    return here


async def tabs_to(tour: Tour, words: str) -> None:
    """Press the tab key until the focus is there; by an id, or by what stands on it."""
    for _ in range(60):
        await tour.page.keyboard.press("Tab")
        if words in await focused(tour.page):
            return
    raise AssertionError(f"the tab key never reaches {words}")


async def enters(tour: Tour) -> None:
    """Press the enter key on something that leads to another page."""
    async with tour.page.expect_navigation():
        await tour.page.keyboard.press("Enter")


async def test_a_keyboard_is_enough(tmp_path: Path) -> None:
    async with touring(tmp_path, "ja", scripts=True) as tour:
        page, keys = tour.page, tour.page.keyboard
        await tour.opens("/alumni")
        assert not await access.walk(page)
        await page.reload()
        await keys.press("Tab")
        assert (await focused(page))[1] == tour.words("web.skip")
        await keys.press("Enter")
        assert (await focused(page))[0] == "main"
        await tabs_to(tour, tour.words("signin.ask_button"))
        await enters(tour)
        await tabs_to(tour, "f-email")
        await keys.type("saori.takahashi@example.com")
        await enters(tour)
        await tour.opens(await tour.mailed("saori.takahashi@example.com", "signin.mail.button"))
        assert not await access.walk(page)
        await page.reload()
        await tabs_to(tour, tour.words("web.enter_button"))
        await enters(tour)
        await tabs_to(tour, tour.words("profile.button"))
        await enters(tour)
        assert not await access.walk(page)
        await page.focus("#f-name")
        await keys.press("ControlOrMeta+A")
        await keys.press("Delete")
        await enters(tour)
        assert tour.words("common.form_errors") in (await focused(page))[1]  # read out at once, and then:
        await keys.press("Tab")
        await keys.press("Enter")
        assert (await focused(page))[0] == "f-name"
        await keys.type("髙橋 沙織")
        await enters(tour)
        assert await page.title() == "あなたのプロフィール · みなとアルムナイ"
