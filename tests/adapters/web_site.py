"""Our own pages in a running house, with as many browsers before them as a test needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from sqlalchemy import func, select
from yarl import URL

from adapters.web.links import Links
from bot.conversation import Address, Bound, Side
from bot.playground import HR_EMAIL
from bot.visibility import CHOOSABLE
from bot.wire import dump_bound
from storage import accounts, checkins, consents, leavers, people, search, sessions
from storage.checkins import Checkin
from storage.consents import Decision, Said
from storage.engine import Tx, now
from storage.leavers import Leaver, Stage
from tests.pages import Browser, hidden
from tests.world import World, world_in

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HALF_AN_HOUR = timedelta(minutes=30)
PAGES = (
    "/alumni",
    "/alumni/home",
    "/alumni/desk",
    "/alumni/export",
    "/alumni/export/json",
    "/alumni/style.css",
)
POSTS = ("/alumni/say", "/alumni/act", "/alumni/sign-out", "/alumni/desk", "/alumni/desk/apply")


@dataclass
class Site:
    """The pages of one house."""

    world: World
    stack: AsyncExitStack
    _members: int = 0

    @property
    def base(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.world.ground.port}"

    @property
    def links(self) -> Links:
        """The house's own way of making links."""
        core = self.world.ground.app.core
        return Links(core.database.vault, core.settings.base_url, core.clock.now)

    async def browser(self, language: str = "ja") -> Browser:
        """A browser without cookies."""
        jar = aiohttp.CookieJar(unsafe=True)
        http = await self.stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        return Browser(http, self.base, language)

    # --- people ------------------------------------------------------------------------------------

    def member(self, name: str = "髙橋 愛子", locale: str = "ja", **fields: str) -> str:
        """Somebody who joined long ago, by mail and pages: the person's id."""
        self._members += 1
        number = self._members
        found: str = self.world.writes(lambda tx: _member(tx, number, name, locale, fields))
        return found

    def email(self, person: str) -> str:
        """The private address of a person."""
        found = self.world.reads(lambda tx: people.private_email(tx, people.one(tx, person)))
        return str(found)

    def hr(self) -> Address:
        """Who HR is on our own pages."""

        def look(tx: Tx) -> Address:
            member = accounts.staff_by_email(tx, HR_EMAIL)
            assert member is not None
            return accounts.web_staff(tx, member)

        found: Address = self.world.reads(look)
        return found

    def entrance(self, who: str | Address, lasts: timedelta = HALF_AN_HOUR) -> str:
        """The page of a new sign-in link."""
        person = who if isinstance(who, str) else None
        address = accounts.web_person(who, Side.ALUMNI) if isinstance(who, str) else who
        token = self.world.writes(lambda tx: sessions.link(tx, address, person, lasts))
        return f"/alumni/enter/{token}"

    async def signed_in(self, who: str | Address, language: str = "ja") -> Browser:
        """A browser of somebody, at their home page."""
        browser = await self.browser(language)
        await browser.send(self.entrance(who))
        assert browser.url.endswith("/alumni/home"), browser.words
        return browser

    def path(self, who: str | Address, action: str, lasts: timedelta = HALF_AN_HOUR, **args: Any) -> str:
        """A mailed link of somebody to one action."""
        address = accounts.web_person(who, Side.ALUMNI) if isinstance(who, str) else who
        bound = Bound(action, tuple(args.items()))
        return self.links.path(self.links.claim(address, bound, "はい", lasts))

    def question(self, person: str) -> tuple[int, str]:
        """An open check-in, and the page behind "still the same" in its mail."""
        checkin = self.world.writes(lambda tx: _asked(tx, person)).id
        return checkin, self.path(person, "checkin.same", checkin=checkin)

    # --- what is kept ------------------------------------------------------------------------------

    def answer(self, checkin: int) -> str:
        """What was answered to a check-in."""
        return str(self.world.reads(lambda tx: tx.get(Checkin, checkin)).answer)

    def count(self, table: type) -> int:
        """How many rows a table has."""
        return int(self.world.reads(lambda tx: tx.scalar(select(func.count()).select_from(table))))

    # --- what they send ----------------------------------------------------------------------------

    def bound(self, action: str, args: Mapping[str, Any]) -> str:
        """An action as a button carries it."""
        return dump_bound(Bound(action, tuple(args.items())))

    async def acts(self, browser: Browser, action: str, **more: Any) -> Browser:
        """Send an action from a page of the browser's own session; `args` and `fields` if it needs any."""
        bound = self.bound(action, more.get("args", {}))
        sent = {"stamp": stamp_of(browser), "bound": bound, **more.get("fields", {})}
        return await browser.send("/alumni/act", **sent)

    async def raw(self, method: str, path: str, data: Any = None, **more: Any) -> Raw:
        """A request of nobody's browser; `headers` and `cookies` as given."""
        async with (
            aiohttp.ClientSession(cookies=more.get("cookies")) as http,
            http.request(
                method,
                URL(f"{self.base}{path}", encoded=True),
                data=_form(data),
                allow_redirects=False,
                headers=(FORM if isinstance(data, dict) else {}) | (more.get("headers") or {}),
            ) as answer,
        ):
            return Raw(answer.status, await answer.text(errors="replace"), dict(answer.headers))

    def rows(self) -> Mapping[str, Any]:
        """Everything that is kept but how often the clock ran."""
        return self.world.tables()


def _form(data: Any) -> Any:
    if isinstance(data, dict):
        data = urlencode(data, errors="surrogatepass").encode()
    return BytesIO(data) if isinstance(data, bytes) else data


@dataclass(frozen=True)
class Raw:
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]


def stamp_of(browser: Browser) -> str:
    """What every form of a session carries."""
    return next(f["stamp"] for f in map(hidden, browser.page.all("form")) if "stamp" in f)


def cookie_of(browser: Browser) -> str:
    """The session's token."""
    return next(cookie.value for cookie in browser.http.cookie_jar)


def _asked(tx: Tx, person: str) -> Checkin:
    """An open check-in of somebody."""
    row = checkins.plan(tx, person, now(tx) + timedelta(days=14))
    assert row is not None
    checkins.step(tx, row, checkins.State.ASKED)
    return row


def _member(tx: Tx, number: int, name: str, locale: str, fields: Mapping[str, str]) -> str:
    person = people.add(tx, name, locale=locale, member_from=now(tx) - timedelta(days=40), mail_only=True)
    people.set_private_email(tx, person, f"m{number}@home.example.jp")
    people.prove(tx, person)
    leaver = Leaver(
        person_id=person.id, entity="", employee_number=f"M{number}", stint=1, source="csv", notice="",
        last_day=now(tx).date() - timedelta(days=40), leaving_type="resignation", stage=Stage.JOINED,
        enrol_at=now(tx) - timedelta(days=40),
    )  # fmt: skip
    leavers.add(tx, leaver)
    tx.flush()
    consents.record(tx, person.id, Decision.GIVEN, Said(locale, "web"))
    people.confirm(person, now(tx).date(), dict(fields), CHOOSABLE, listed=True)
    search.index(tx, person)
    return person.id


@asynccontextmanager
async def site_in(folder: Path, **settings: Any) -> AsyncIterator[Site]:
    """A house with pages; `settings` as `world_in` takes them."""
    async with world_in(folder, **settings) as world, AsyncExitStack() as stack:
        yield Site(world, stack)


__all__ = ["PAGES", "POSTS", "Raw", "Site", "cookie_of", "site_in", "stamp_of"]
