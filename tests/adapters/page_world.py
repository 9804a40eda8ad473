"""The playground's page on a real port: a local Slack, a Bolt app behind it, a backstage of cardboard."""

import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from aiohttp import ClientResponse, ClientSession, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.playground.backstage import CastMember, Due, Example, Said, Side, Stage
from adapters.playground.local_slack import LocalSlack
from adapters.playground.mailbox import Mailbox
from adapters.playground.page import Page, add_page
from adapters.playground.page_slack import SlackChat
from tests.adapters.wire_app import ALUMNI, COMPANY, local_app, manifest

TOKEN = "token-of-this-start"


@dataclass
class Cardboard:
    """A backstage that only writes down what it was asked."""

    people: list[CastMember] = field(default_factory=list)
    due: list[Due] = field(default_factory=list)
    at: datetime = datetime(2026, 3, 16, 0, 0, tzinfo=UTC)
    travels: list[datetime] = field(default_factory=list)
    dropped: list[tuple[str, bytes]] = field(default_factory=list)
    made: list[tuple[str, str]] = field(default_factory=list)
    settled: int = 0
    zone: str = "Asia/Tokyo"

    @property
    def teams(self) -> Mapping[Side, str]:
        return {"company": COMPANY, "alumni": ALUMNI}

    def cast(self) -> list[CastMember]:
        return self.people

    def now(self) -> datetime:
        return self.at

    def calendar_at(self, wire: float) -> datetime:
        return self.at

    async def travel(self, to: datetime | None, *, by: timedelta | None = None) -> None:
        self.at = to or self.at + (by or timedelta())
        self.travels.append(self.at)

    async def next_due(self) -> list[Due]:
        return self.due

    async def settle(self) -> None:
        self.settled += 1

    async def drop(self, filename: str, data: bytes) -> None:
        if not data:
            raise ValueError("empty")
        self.dropped.append((filename, data))

    def example(self) -> Example | None:
        return Example("見本.csv", b"example")

    async def leavers(self) -> list[Stage]:
        return [
            Stage("髙橋 愛子", "2026-03-31", Said("保留", "Held"), Said("区分が不明", "type unknown"), "held")
        ]

    async def account_made(self, email: str, alumni_user: str) -> None:
        self.made.append((email, alumni_user))
        found = [replace(one, alumni_user=alumni_user) if email in one.emails else one for one in self.people]
        self.people[:] = found


@dataclass
class PageWorld:
    """What a test holds in its hands; `where` is what the browser's address would say."""

    slack: LocalSlack
    mailbox: Mailbox
    backstage: Cardboard
    bolt: AsyncApp
    client: AsyncWebClient
    http: ClientSession
    url: str
    where: dict[str, str] = field(default_factory=lambda: {"as": "aiko", "tab": "company", "lang": "ja"})

    @property
    def aiko(self) -> str:
        return self.backstage.people[0].company_user or ""

    async def get(self, path: str, **query: str) -> ClientResponse:
        headers = {"X-Okaeri-Token": TOKEN}
        return await self.http.get(self.url + path, params=self.where | query, headers=headers)

    async def parts(self, **query: str) -> dict[str, str]:
        async with await self.get("/playground/scene", **query) as answer:
            found: dict[str, str] = (await answer.json())["parts"]
            return found

    async def post(self, name: str, body: Any = None, **headers: str) -> ClientResponse:
        given = {"X-Okaeri-Token": TOKEN, "Origin": self.url} | headers
        more = {"data": BytesIO(body)} if isinstance(body, bytes) else {"json": body or {}}
        return await self.http.post(f"{self.url}/playground/{name}", params=self.where, headers=given, **more)

    async def does(self, name: str, body: Any = None, **headers: str) -> dict[str, Any]:
        async with await self.post(name, body, **headers) as answer:
            assert answer.status == 200
            found: dict[str, Any] = await answer.json()
            return found


@asynccontextmanager
async def page_world() -> AsyncIterator[PageWorld]:
    """A leaver called 髙橋 愛子 with a company account and two addresses, and HR."""
    slack = LocalSlack(time.time, retry_delays=(), patience=0.4)
    mailbox, backstage, app = Mailbox(time.time), Cardboard(), web.Application()
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        slack.add_workspace(
            COMPANY, "Example 株式会社", local_app("COMPANY", url, "/slack/events", manifest())
        )
        slack.add_workspace(ALUMNI, "Example Alumni", local_app("ALUMNI", url, "/alumni", manifest()))
        user = slack.add_person(COMPANY, name="髙橋 愛子", email="takahashi@example.co.jp")
        mails = ("takahashi@example.co.jp", "aiko@example.jp")
        backstage.people = [
            CastMember("aiko", "髙橋 愛子", Said("営業部", "Sales"), "leaver", user, None, mails, "たかはし"),
            CastMember("hr", "<b>佐藤</b>", Said("人事部", "HR"), "hr", None, None, ("sato@example.co.jp",)),
        ]
        async with ClientSession() as http:
            client = AsyncWebClient("xoxb-COMPANY", base_url=f"{url}/local-slack/api/", session=http)
            bolt = AsyncApp(signing_secret="secret-COMPANY", token="xoxb-COMPANY", client=client)

            async def events(request: web.Request) -> web.Response:
                return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

            async def alumni(request: web.Request) -> web.Response:
                return web.Response()

            app.router.add_post("/slack/events", events)
            app.router.add_post("/alumni", alumni)
            add_page(app, Page(SlackChat(slack, backstage.teams), mailbox, backstage, port, TOKEN))
            app.add_subapp("/local-slack/", slack.web_api())
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.SockSite(runner, door).start()
            try:
                yield PageWorld(slack, mailbox, backstage, bolt, client, http, url)
            finally:
                await slack.close()
                await runner.cleanup()
