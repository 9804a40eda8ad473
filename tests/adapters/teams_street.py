"""A house with a bot in each of two tenants of the local Teams, on one port; signed requests over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from adapters.http import Server
from adapters.playground.local_teams import LocalTeams
from adapters.playground.teams_state import Delivery, Message
from bot.app import App, running
from bot.clock import Clock
from bot.conversation import Address, Platform, Side
from bot.playground import HOST, settings_for
from bot.visibility import CHOOSABLE
from storage import accounts, consents, people, search
from storage.consents import Decision, Said
from storage.engine import Tx, now
from tests.world import free_port

T = TypeVar("T")
TENANTS = {
    Side.COMPANY: "aaaaaaaa-0000-4000-8000-000000000001",
    Side.ALUMNI: "aaaaaaaa-0000-4000-8000-000000000002",
}
APPS = {
    Side.COMPANY: "bbbbbbbb-0000-4000-8000-000000000001",
    Side.ALUMNI: "bbbbbbbb-0000-4000-8000-000000000002",
}
SECRET = "s3cret-of-the-bot"
NO_SLACK = {
    f"slack_{side.value}_{name}": ""
    for side in Side
    for name in ("signing_secret", "app_id", "team_id", "bot_token")
}


@dataclass
class Street:
    """The house, and the local Teams before its door."""

    app: App
    teams: LocalTeams
    port: int
    numbers: list[int] = field(default_factory=lambda: [0])

    def alumnus(self, name: str, locale: str = "ja", *, side: Side = Side.ALUMNI, **profile: str) -> str:
        """Somebody who joined long ago, listed, whose account has had the app for long; their object id."""
        who = self.stranger(name, locale, side=side)
        address = Address(Platform.TEAMS, TENANTS[side], who)

        def enter(tx: Tx) -> None:
            person = people.add(tx, name, locale=locale, member_from=now(tx), **profile)
            accounts.tie(tx, address, side, person, "code")
            consents.record(tx, person.id, Decision.GIVEN, Said(locale, "web"))
            people.confirm(person, now(tx).date(), {}, CHOOSABLE, listed=True)
            search.index(tx, person)

        self.app.core.database.run_now(enter)
        return who

    def stranger(self, name: str, locale: str = "ja", *, side: Side = Side.ALUMNI) -> str:
        """An account that nobody knows; its object id."""
        self.numbers[0] += 1
        mail = f"t{self.numbers[0]}@home.example.jp"
        spoken = {"ja": "ja-JP", "en": "en-US"}[locale]
        who = self.teams.add_person(TENANTS[side], name=name, mail=mail, locale=spoken)
        self.teams.has_app(who, side.value)
        return who

    async def quiet(self) -> None:
        """Wait for everything under way on both sides of the wire."""
        for pause in (0.0, 0.01, 0.0):
            await asyncio.sleep(pause)
            await self.teams.settle()
            await self.app.drain()

    async def settled(self, delivery: Delivery) -> Delivery:
        """A delivery, once everything it led to is done."""
        await self.quiet()
        return delivery

    def reads(self, ask: Callable[[Tx], T]) -> T:
        """Look into the database."""
        return self.app.core.database.run_now(ask, reads=True)

    def seen(self, who: str, side: Side = Side.ALUMNI) -> str:
        """Every word in somebody's own chat with the bot."""
        return "\n".join(line for card in self.teams.cards(who, side.value) for line in lines(card))


def lines(node: Any) -> list[str]:
    """Every text of a card, as it is read."""
    if isinstance(node, list):
        return [line for one in node for line in lines(one)]
    if not isinstance(node, dict):
        return []
    own = [str(node[name]) for name in ("text", "title", "label") if isinstance(node.get(name), str)]
    return own + [line for value in node.values() for line in lines(value)]


def last(street: Street, who: str, side: Side = Side.ALUMNI) -> Message:
    """The newest message of the bot in somebody's own chat."""
    return [one for one in street.teams.chat(who, side.value) if one.by_bot][-1]


def alumni(who: str) -> Address:
    return Address(Platform.TEAMS, TENANTS[Side.ALUMNI], who)


def title_of(card: dict[str, Any], data: str) -> str:
    """The words on the button whose data hold this action."""
    for node in _objects(card):
        if str(node.get("type", "")).startswith("Action.") and data in str(node.get("data")):
            return str(node["title"])
    raise LookupError(data)


def _objects(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for one in node for found in _objects(one)]
    if not isinstance(node, dict):
        return []
    return [node] + [found for value in node.values() for found in _objects(value)]


async def says(street: Street, who: str, words: str, side: Side = Side.ALUMNI) -> Delivery:
    return await street.settled(await street.teams.says(who, words, side.value))


async def presses(street: Street, who: str, action: str, message: Message | None = None) -> Delivery:
    found = message or last(street, who)
    title = title_of(street.teams.card(who, found.id) or {}, action)
    return await street.settled(await street.teams.presses(who, found.id, title))


async def a_team(street: Street, *members: str) -> str:
    """A team of the alumni with the bot in it; its General channel."""
    team = street.teams.add_team(TENANTS[Side.ALUMNI], "アルムナイ", members)
    team.apps.add(APPS[Side.ALUMNI])
    await street.teams.adds_bot(members[0], team.id, Side.ALUMNI.value)
    await street.quiet()
    return str(team.id)


def teams_settings(port: int) -> dict[str, Any]:
    """Two bots, and everything of Microsoft's at the local Teams on a port."""
    base = f"http://{HOST}:{port}/local-teams"
    values: dict[str, Any] = {
        "teams_openid_metadata_url": f"{base}/login/v1/.well-known/openidconfiguration",
        "teams_login_url": f"{base}/login", "teams_graph_url": f"{base}/graph/v1.0",
        "teams_service_urls": f"http://{HOST}:{port}",
    }  # fmt: skip
    for side in Side:
        values |= {
            f"teams_{side.value}_app_id": APPS[side],
            f"teams_{side.value}_app_password": SECRET,
            f"teams_{side.value}_tenant_id": TENANTS[side],
        }
    return values


@asynccontextmanager
async def street_in(folder: Path, **changes: Any) -> AsyncIterator[Street]:
    """A street with nobody in it; `changes` are settings."""
    port, clock, server = free_port(), Clock(), Server()
    settings = settings_for(folder, port, 9, **NO_SLACK, **(teams_settings(port) | changes))
    teams = LocalTeams(clock.wire)
    for side in Side:
        teams.add_tenant(TENANTS[side], side.value, f"{side.value}.example.jp")
        endpoint = f"http://{HOST}:{port}/api/messages"
        teams.register_app(side.value, APPS[side], SECRET, (TENANTS[side], endpoint))
    async with running(settings, clock, pace=0.0) as app:
        app.web.add_subapp("/local-teams/", teams.application())
        await server.listen(app.web, HOST, port)
        try:
            yield Street(app, teams, port)
        finally:
            await teams.close()
            await server.close()
