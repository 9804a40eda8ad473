"""Asks Microsoft itself about one of our bots, and the way from outside to our door: `okaeri doctor --live`.

Nothing is changed by it: nobody gets the app, nobody is invited.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from adapters.teams.connector import Connector, Spot, Unreachable
from adapters.teams.graph import PERMISSIONS, Forbidden, Graph
from adapters.teams.keys import Keys
from adapters.teams.seats import Seat
from adapters.teams.tokens import Tokens
from bot.errors import Retry, Undeliverable

_PATIENCE = aiohttp.ClientTimeout(total=10, connect=5)
_NOBODY = "00000000-0000-0000-0000-000000000000"
_UNSIGNED = {"type": "message", "id": "doctor"}  # our own door refuses it with 401


@dataclass(frozen=True, slots=True)
class Wires:
    """Where login server and Graph are; `now` tells wire seconds."""

    login_url: str
    graph_url: str
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Patient:
    """One bot with its ways to Microsoft."""

    seat: Seat
    tokens: Tokens
    graph: Graph
    connector: Connector


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """One HTTP session for all questions."""
    async with aiohttp.ClientSession(timeout=_PATIENCE) as opened:
        yield opened


def patient(outside: aiohttp.ClientSession, seat: Seat, wires: Wires) -> Patient:
    """A bot as the house would have it."""
    tokens = Tokens(outside, wires.login_url, seat, wires.now)
    graph, connector = Graph(outside, wires.graph_url, tokens, seat), Connector(outside, tokens, seat)
    return Patient(seat, tokens, graph, connector)


async def keys(outside: aiohttp.ClientSession, url: str, now: Callable[[], float]) -> int:
    """How many signing keys are published; 0 when they cannot be had."""
    return await Keys(outside, url, now).count()


@dataclass(frozen=True, slots=True)
class Rights:
    """Which application permissions lack consent; whether our app is in the catalogue, `None` if we may not
    look; the object id behind the address that was asked for, "" if there is none; whether the team of the
    alumni is there, `None` if none is named or we may not look."""

    missing: tuple[str, ...]
    catalogued: bool | None
    owner: str
    team: bool | None


async def rights(one: Patient, email: str, team: str = "") -> Rights:
    """What Graph lets us do: each permission is tried by a question that changes nothing. Raises `Retry`.

    `User.Invite.All` cannot be tried so.
    """
    missing: list[str] = []
    owner, catalogued, there = "", None, None
    try:
        found = await one.graph.with_mail(email)
        owner = str(found[0]["id"]) if len(found) == 1 else ""
    except Forbidden:
        missing.append(PERMISSIONS["read_users"])
    try:
        catalogued = await one.graph.catalogued()
    except Forbidden:
        missing.append(PERMISSIONS["read_catalogue"])
    try:
        await one.graph.installed(owner or _NOBODY)
    except Forbidden:
        missing.append(PERMISSIONS["install"])
    except Undeliverable:
        pass  # nobody of that id; what was asked is whether we may ask
    if team:
        try:
            there = await one.graph.has_team(team)
        except Forbidden:
            missing.append(PERMISSIONS["join"])
    return Rights(tuple(missing), catalogued, owner, there)


async def in_channel(one: Patient, spot: Spot) -> str:
    """ "" when the bot is in a channel, else Teams' word why not. Raises `Retry`.

    A channel whose roster says that nobody of some id is in it is one that we are in.
    """
    try:
        await one.connector.member(spot, _NOBODY)
    except Unreachable as said:
        return "" if said.reason.startswith("MemberNotFound") else said.reason
    except Undeliverable as said:
        return said.reason
    return ""


async def on_roster(one: Patient, spot: Spot, user: str) -> str:
    """ "" when the roster of somebody's own chat tells of them, else Teams' word why not."""
    try:
        await one.connector.member(spot, user)
    except (Retry, Undeliverable) as said:
        return said.reason
    return ""


async def hindrance(outside: aiohttp.ClientSession, base_url: str) -> tuple[str, str]:
    """The address that does not answer as ours would, and what came instead; ("", "") when it does."""
    url = base_url.rstrip("/") + "/api/messages"
    try:
        async with outside.post(url, json=_UNSIGNED, allow_redirects=False) as answer:
            return ("", "") if answer.status == 401 else (url, f"HTTP {answer.status}")
    except (aiohttp.ClientError, TimeoutError) as refused:
        return url, type(refused).__name__
