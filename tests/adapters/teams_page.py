"""The playground's page on a real port where people chat in Teams: a local Teams, a bot, cardboard."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web

from adapters.playground.backstage import CastMember, Said, Side
from adapters.playground.local_teams import LocalTeams
from adapters.playground.mailbox import Mailbox
from adapters.playground.page import Page, add_page
from adapters.playground.page_teams import Home, Menu, TeamsChat
from tests.adapters.page_world import TOKEN, Cardboard
from tests.adapters.teams_bot import BOT, GUESTS, OTHER, TENANT, Bot, card, fetch, form, registered, served

__all__ = ["TOKEN", "Teams", "playing"]
MENU = Menu((("find", "People"), ("join", "Your code")), (("find", "People"),), "Find someone")


@dataclass
class Houses(Cardboard):
    """A backstage over two tenants."""

    sides: Mapping[Side, str] = field(default_factory=lambda: {"company": TENANT, "alumni": GUESTS})

    @property
    def teams(self) -> Mapping[Side, str]:
        return self.sides


@dataclass
class Teams:
    """What a test holds in its hands; `where` is what the browser's address would say."""

    local: LocalTeams
    bot: Bot
    backstage: Houses
    http: ClientSession
    url: str
    where: dict[str, str] = field(default_factory=lambda: {"as": "aiko", "tab": "company", "lang": "ja"})

    @property
    def aiko(self) -> str:
        return self.backstage.people[0].company_user or ""

    @property
    def ryo(self) -> str:
        return self.backstage.people[1].alumni_user or ""

    async def parts(self, **query: str) -> dict[str, str]:
        headers = {"X-Okaeri-Token": TOKEN}
        asked = self.http.get(f"{self.url}/playground/scene", params=self.where | query, headers=headers)
        async with asked as answer:
            found: dict[str, str] = (await answer.json())["parts"]
            return found

    async def does(self, name: str, **body: Any) -> dict[str, Any]:
        headers = {"X-Okaeri-Token": TOKEN, "Origin": self.url}
        url = f"{self.url}/playground/{name}"
        async with self.http.post(url, params=self.where, headers=headers, json=body) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def opens(self, *fields: dict[str, Any]) -> str:
        """A dialog with these fields is open; its id as the page has it."""
        await self.bot.shows(self.aiko, card(actions=[fetch()]))
        self.bot.body = form(*fields)
        assert (await self.does("presses", ts=await self.newest(), action=await self.button()))["ok"]
        return re.findall(r'data-view="(\d+)"', (await self.parts())["dialog"])[0]

    async def newest(self) -> str:
        return re.findall(r'data-ts="(\d+)"', (await self.parts())["stage"])[-1]

    async def button(self, part: str = "stage") -> str:
        """The newest button as the page would send it back."""
        drawn = re.findall(r'data-press data-action="([^"]*)"', (await self.parts())[part])[-1]
        return str(drawn).replace("&#34;", '"').replace("&quot;", '"')


@asynccontextmanager
async def playing() -> AsyncIterator[Teams]:
    """髙橋 愛子 of the company, and 佐藤 亮, an alumnus in a team with the bot."""
    local, app, backstage = LocalTeams(time.time), web.Application(), Houses()
    async with served(local) as bot, ClientSession() as http:
        registered(local, "alumni", OTHER, f"http://127.0.0.1:{_port(local)}", GUESTS)
        aiko = local.add_person(TENANT, name="髙橋 愛子", mail="aiko@example.co.jp")
        ryo = local.add_person(GUESTS, name="佐藤 <亮>", mail="ryo@example.jp", guest=True)
        local.has_app(aiko)
        team = local.add_team(GUESTS, "アルムナイ", [ryo])
        team.apps.add(OTHER)
        local.add_channel(team.id, "求人")
        backstage.people = [
            CastMember(
                "aiko", "髙橋 愛子", Said("営業", "Sales"), "leaver", aiko, None, ("aiko@example.co.jp",)
            ),
            CastMember("ryo", "佐藤 <亮>", Said("", ""), "alumnus", None, ryo, ("ryo@example.jp",)),
        ]
        homes = {side: Home(side, "Okaeri", {"ja": MENU, "en": MENU}) for side in ("company", "alumni")}
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            port = door.getsockname()[1]
            chat = TeamsChat(local, backstage.teams, homes)  # type: ignore[arg-type]
            add_page(app, Page(chat, Mailbox(time.time), backstage, port, TOKEN, "http://127.0.0.1:9"))
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.SockSite(runner, door).start()
            try:
                yield Teams(local, bot, backstage, http, f"http://127.0.0.1:{port}")
            finally:
                await runner.cleanup()


def _port(local: LocalTeams) -> str:
    return re.findall(r":(\d+)/", local.urls(BOT)["login"])[0]
