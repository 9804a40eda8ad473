"""The door contract over our own pages: browsers and mailed links, two houses on one database."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select
from yarl import URL

from adapters.web.links import Links
from adapters.web.seats import visitor
from bot.conversation import Address, Bound, Platform, Side
from bot.visibility import CHOOSABLE
from storage import accounts, consents, leavers, people, search, sessions
from storage.consents import Decision, Said
from storage.engine import Tx, now
from storage.inbox import Received
from storage.journal import Line
from storage.leavers import Leaver, Stage
from tests.contract.door import CLAUSES, Clause, Seen, few_of
from tests.contract.outside import Outside
from tests.journeys import who_was_asked
from tests.knocks import Knocker, knocking
from tests.pages import Browser, hidden
from tests.world import World

KINDS = {"joined": "person.joined", "answered": "checkin.answered"}
FORGED = "0" * 40


@dataclass
class Reader:
    """Somebody before a page."""

    browser: Browser
    who: Address | None = None
    person_id: str | None = None
    stamp: str = ""
    told: Any = None

    @property
    def row(self) -> Leaver:
        """Their row as a leaver."""
        return self.told.row  # type: ignore[no-any-return]

    @property
    def stage(self) -> Stage:
        """Where they stand."""
        return self.told.stage  # type: ignore[no-any-return]

    @property
    def company_email(self) -> str:
        """Their address at the company."""
        return str(self.told.company_email)

    @property
    def home_email(self) -> str:
        """Their private address."""
        return str(self.told.home_email)


class _Markup(HTMLParser):
    """Everything on a page that a browser reads as markup: names, addresses, comments, declarations."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag, *(name for name, _ in attrs)]
        self.found += [v for name, v in attrs if v and name in ("href", "src", "action", "style", "class")]

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!{data}")

    def handle_decl(self, decl: str) -> None:
        self.found += [] if decl == "doctype html" else [f"<!{decl}>"]

    unknown_decl = handle_pi = handle_decl


@dataclass
class WebUnderTest:
    """`tests.contract.door.Door` over our own pages."""

    world: World
    knocker: Knocker
    stack: AsyncExitStack
    readers: list[Reader] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    outside: Outside = field(init=False)

    def __post_init__(self) -> None:
        self.outside = Outside(self.world)

    # --- people ------------------------------------------------------------------------------------

    async def _reader(self, who: Address | None, locale: str = "ja", person: str | None = None) -> Reader:
        jar = aiohttp.CookieJar(unsafe=True)
        http = await self.stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        reader = Reader(Browser(http, f"http://127.0.0.1:{self.knocker.ports[0]}", locale), who, person)
        if who is not None:
            await self._enter(reader)
            self.readers.append(reader)
        return reader

    async def _enter(self, reader: Reader) -> None:
        who, person, browser = reader.who, reader.person_id, reader.browser
        assert who is not None
        token = self.world.writes(lambda tx: sessions.link(tx, who, person, timedelta(minutes=30)))
        await browser.send(f"/alumni/enter/{token}")
        assert browser.url.endswith("/alumni/home"), browser.words
        reader.stamp = next(f["stamp"] for f in map(hidden, browser.page.all("form")) if "stamp" in f)

    async def member(self, name: str, locale: str = "ja") -> Reader:
        def enter(tx: Tx) -> str:
            person = people.add(tx, name, locale=locale, member_from=now(tx))
            consents.record(tx, person.id, Decision.GIVEN, Said(locale, "web"))
            people.confirm(person, now(tx).date(), {}, CHOOSABLE, listed=True)
            search.index(tx, person)
            return person.id

        person = self.world.writes(enter)
        return await self._reader(accounts.web_person(person, Side.ALUMNI), locale, person)

    async def newcomer(self, locale: str) -> Reader:
        return await self._reader(None, locale)

    def unknown(self, locale: str) -> str:
        return {"ja": "ログインし直して", "en": "Please sign in again"}[locale]

    async def outsider(self, locale: str) -> Reader:
        reader = await self._reader(None, locale)
        reader.who = visitor(locale)
        return reader

    async def leaver(self) -> Reader:
        somebody = await who_was_asked(self.world)
        await somebody.says_yes()
        for reader in self.readers:  # a month has passed
            await self._enter(reader)
        person = somebody.row.person_id
        reader = await self._reader(accounts.web_person(person, Side.COMPANY), "ja", person)
        reader.told = somebody
        return reader

    # --- what they do ------------------------------------------------------------------------------

    async def types(self, who: Reader, words: str) -> Seen:
        if who.who is not None and not who.stamp:
            return await self.claims(who, "help.show", {})
        return await self._seen(who, who.browser.send("/alumni/say", words=words, stamp=who.stamp))

    async def presses(self, who: Reader, action: str) -> Seen:
        for node in who.browser.page.all("form"):
            fields = hidden(node)
            if json.loads(fields.get("bound", "[0]"))[0] == action:
                return await self._seen(who, who.browser.send(node.attrs["action"], **fields))
        raise AssertionError(f"no button for {action}")

    async def submits(self, who: Reader, **values: Any) -> Seen:
        return await self._seen(who, who.browser.submit(**values))

    def fields(self, who: Reader) -> Mapping[str, Any]:
        return {
            name: value[0] if isinstance(value, list) and len(value) == 1 else value
            for name, value in who.browser.typed().items()
        }

    def errors(self, who: Reader) -> Mapping[str, str]:
        return who.browser.errors()

    async def claims(self, who: Reader, action: str, args: object) -> Seen:
        if who.stamp:
            sent = {"stamp": who.stamp, "bound": json.dumps([action, args])}
            return await self._seen(who, who.browser.send("/alumni/act", **sent))
        path = self._path(who.who or visitor(who.browser.language), Bound(action))
        return await self._seen(who, who.browser.send(path))

    def _path(self, who: Address, bound: Bound) -> str:
        links = Links(self.world.ground.app.core.database.vault, "", self.world.ground.clock.now)
        return links.path(links.claim(who, bound, ""))

    async def clicks(self, who: Reader, action: str, args: object, *, same: bool) -> None:
        """A page is a number of its own: pressed twice, the number comes twice."""
        sent = {"stamp": who.stamp, "bound": json.dumps([action, args]), "once": "1234567890"}
        cookies = {c.key: c.value for c in who.browser.http.cookie_jar}

        async def press(number: int) -> int:
            url = f"http://127.0.0.1:{self.knocker.ports[number % 2]}/alumni/act"
            async with aiohttp.ClientSession(cookies=cookies) as http, http.post(url, data=sent) as answer:
                return answer.status

        assert set(await asyncio.gather(*(press(n) for n in range(4)))) == {200}

    async def _seen(self, who: Reader, act: Awaitable[Browser]) -> Seen:
        began = time.monotonic()
        await act
        seconds = time.monotonic() - began
        if not self.outside.carrying:
            await self.world.answered()
        markup = _Markup()
        markup.feed(who.browser.html)
        self.shown += markup.found
        texts = [who.browser.words, *map(str, _values(who.browser))]
        return Seen(who.browser.status in (200, 422), seconds, "\n".join(texts))

    # --- what arrives ------------------------------------------------------------------------------

    async def knocks(self, how: str) -> int:
        member = await self.member("佐藤 健")
        stamp = member.stamp
        match how:
            case "unsigned":
                member.browser.http.cookie_jar.clear()
            case "forged":
                forged = {"okaeri": f"alumni.p_x.{FORGED}"}
                member.browser.http.cookie_jar.update_cookies(forged, URL(member.browser.base))
            case "stale":
                self.world.writes(lambda tx: tx.query(sessions.WebSession).update({"seen_at": _long_ago(tx)}))
            case "early":
                stamp = FORGED
            case _:
                stamp = (await self.member("田中 愛子")).stamp
        return (await member.browser.send("/alumni/say", words="profile", stamp=stamp)).status

    async def joins(self, times: int, *, at_once: bool) -> None:
        """The page of an invitation, its button pressed by several windows at once."""
        person, leaver = self.world.writes(_enrolled)
        links = Links(self.world.ground.app.core.database.vault, "", self.world.ground.clock.now)
        path = links.path(
            links.claim(accounts.web_person(person, Side.ALUMNI), Bound(JOIN, (("leaver", leaver),)), "")
        )
        knocks = [self._knock(path, number) for number in range(times)]
        heard = await asyncio.gather(*knocks) if at_once else [await knock for knock in knocks]
        assert set(heard) == {200}

    async def _knock(self, path: str, number: int) -> int:
        url = f"http://127.0.0.1:{self.knocker.ports[number % 2]}{path}"
        async with self.knocker.http.post(url, data={"once": f"window{number}"}) as answer:
            await answer.read()
            return answer.status

    async def the_bot_speaks(self) -> None:
        """A mail scanner opens every link of every mail that we sent."""
        reader = await self._reader(None)
        await self.leaver()
        for mail in self.world.mails():
            for url in re.findall(r"http://127\.0\.0\.1:\d+/alumni/\S+", mail.text):
                await reader.browser.open(url)

    async def slow(self, seconds: float) -> None:
        await self.outside.slow(seconds)

    async def quiet(self) -> None:
        await self.outside.quiet()

    # --- what is to be seen ------------------------------------------------------------------------

    def markup(self) -> Sequence[str]:
        return self.shown

    def effects(self, what: str) -> int:
        if what == "proof":
            return len(self.world.delivered("welcome.proof"))
        if what == "heard":
            ours = Received.platform == Platform.WEB.value
            query = select(func.count()).select_from(Received).where(ours)
        else:
            query = select(func.count()).select_from(Line).where(Line.what == KINDS[what])
        return int(self.world.reads(lambda tx: tx.scalar(query)))


JOIN = "invitation.come_in"


def _values(browser: Browser) -> list[Any]:
    """What stands in fields is read too."""
    forms = [node for node in browser.page.all("form") if "ask" in node.attrs.get("class", "")]
    return list(browser.typed().values()) if forms else []


def _long_ago(tx: Tx) -> Any:
    return now(tx) - sessions.RESTS - timedelta(minutes=1)


def _enrolled(tx: Tx) -> tuple[str, int]:
    person = people.add(tx, "髙橋 愛子", mail_only=True)
    people.set_private_email(tx, person, "aiko@home.example.jp")
    person.private_email_proven_at = now(tx)
    leaver = Leaver(
        person_id=person.id, entity="", employee_number="E9", stint=1, source="csv", notice="",
        last_day=now(tx).date(), leaving_type="resignation", stage=Stage.ENROLLED,
        enrol_at=now(tx) - timedelta(hours=1),
    )  # fmt: skip
    leavers.add(tx, leaver)
    tx.flush()
    consents.record(tx, person.id, Decision.GIVEN, Said("ja", "web"))
    return person.id, leaver.id


@pytest.fixture
async def door(world: World) -> AsyncIterator[WebUnderTest]:
    async with knocking(world, replicas=2) as knocker, AsyncExitStack() as stack:
        under_test = WebUnderTest(world, knocker, stack)
        yield under_test
        await under_test.quiet()


@pytest.mark.parametrize("clause", few_of(CLAUSES), ids=lambda clause: clause.__name__)
async def test_the_web_door_keeps_the_contract(clause: Clause, door: WebUnderTest) -> None:
    await clause(door)
