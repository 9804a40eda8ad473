"""The local Teams on a port of its own beside a story world, so that a house has Slack and Teams at once."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.http import Server
from adapters.playground.local_teams import LocalTeams
from bot.clock import Clock
from bot.conversation import Address, Platform, Side
from bot.playground import HOST
from bot.visibility import CHOOSABLE
from storage import accounts, consents, people, search
from storage.consents import Decision, Said
from storage.engine import Tx, now
from tests.adapters.teams_street import APPS, SECRET, TENANTS, teams_settings
from tests.world import World, free_port

__all__ = ["TENANTS", "Beside", "a_member", "teams_beside"]
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Beside:
    """The other side of Teams' wire; it has no bots before it knows where the house is."""

    local: LocalTeams

    def moves_to(self, port: int) -> None:
        """Both bots answer at the house on this port."""
        for side in Side:
            endpoint = f"http://{HOST}:{port}/api/messages"
            self.local.register_app(side.value, APPS[side], SECRET, (TENANTS[side], endpoint))


@asynccontextmanager
async def teams_beside() -> AsyncIterator[tuple[Beside, dict[str, Any]]]:
    """Two tenants with nobody in them, and the settings with which a house finds them."""
    port, server, app = free_port(), Server(), web.Application()
    local = LocalTeams(Clock().wire, base_url=f"http://{HOST}:{port}/local-teams")
    for side in Side:
        local.add_tenant(TENANTS[side], side.value, f"{side.value}.example.jp")
    app.add_subapp("/local-teams/", local.application())
    await server.listen(app, HOST, port)
    try:
        yield Beside(local), teams_settings(port)
    finally:
        await local.close()
        await server.close()


def a_member(world: World, teams: LocalTeams, name: str, locale: str = "ja", **profile: str) -> str:
    """An alumnus who joined long ago, listed, with an account in Teams; its object id."""
    mail, spoken = f"w{next(_numbers)}@home.example.jp", {"ja": "ja-JP", "en": "en-US"}[locale]
    user = teams.add_person(TENANTS[Side.ALUMNI], name=name, mail=mail, locale=spoken)
    teams.has_app(user, Side.ALUMNI.value)

    def enter(tx: Tx) -> None:
        person = people.add(tx, name, locale=locale, member_from=now(tx), **profile)
        accounts.tie(tx, Address(Platform.TEAMS, TENANTS[Side.ALUMNI], user), Side.ALUMNI, person, "code")
        consents.record(tx, person.id, Decision.GIVEN, Said(locale, "teams"))
        people.confirm(person, now(tx).date(), {}, CHOOSABLE, listed=True)
        search.index(tx, person)

    world.writes(enter)
    return user
