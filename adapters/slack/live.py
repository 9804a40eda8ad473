"""Asks Slack itself about one of our apps, and the way from outside to our door: `okaeri doctor --live`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.messenger import reading
from bot.errors import Undeliverable

_PATIENCE = aiohttp.ClientTimeout(total=10, connect=5)
_DOORS = (("GET", "/healthz", 200), ("POST", "/slack/events", 401))  # unsigned, so our own door refuses it


@dataclass(frozen=True, slots=True)
class Token:
    """What a token is: its workspace, its app ("" where Slack does not say), its scopes.

    `ahead` is how many seconds our clock is ahead of Slack's; `None` when Slack's answer has no time.
    """

    team: str
    app: str
    is_bot: bool
    scopes: frozenset[str]
    ahead: float | None


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """One HTTP session for all questions."""
    async with aiohttp.ClientSession(timeout=_PATIENCE) as opened:
        yield opened


async def ask(client: AsyncWebClient, wire: Callable[[], float]) -> Token:
    """What Slack knows of a client's token; `wire` is real seconds. Raises `Retry` or `Undeliverable`.

    Source: auth.test; the header X-OAuth-Scopes; `profile.api_app_id` of the bot's own account in users.info.
    """
    answer = await reading(client.api_call("auth.test"))
    user, headers = str(answer.get("user_id") or ""), answer.headers
    scopes = frozenset(
        filter(None, (scope.strip() for scope in headers.get("X-OAuth-Scopes", "").split(",")))
    )
    return Token(
        team=str(answer.get("team_id") or ""),
        app=await _app_of(client, user),
        is_bot=bool(answer.get("bot_id")),
        scopes=scopes,
        ahead=_ahead(headers.get("Date", ""), wire()),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A channel as its workspace knows it; `member`: our bot is in it."""

    name: str
    member: bool
    archived: bool


async def place(client: AsyncWebClient, channel: str) -> Place:
    """What Slack knows of a public channel (scope `channels:read`). Raises `Retry` or `Undeliverable`.

    Source: `is_member` and `is_archived` in conversations.info.
    """
    found = (await reading(client.api_call("conversations.info", data={"channel": channel})))["channel"]
    return Place(str(found.get("name") or ""), bool(found.get("is_member")), bool(found.get("is_archived")))


async def hindrance(outside: aiohttp.ClientSession, base_url: str) -> tuple[str, str]:
    """The address that does not answer as ours would, and what came instead; ("", "") when both doors do."""
    for method, path, right in _DOORS:
        url = base_url.rstrip("/") + path
        try:
            async with outside.request(method, url, allow_redirects=False) as answer:
                if answer.status != right:
                    return url, f"HTTP {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as refused:
            return url, type(refused).__name__
    return "", ""


async def _app_of(client: AsyncWebClient, user: str) -> str:
    try:
        found = await reading(client.api_call("users.info", data={"user": user}))
    except Undeliverable:  # such as a scope that is missing, which its own finding tells
        return ""
    return str((found["user"].get("profile") or {}).get("api_app_id") or "")


def _ahead(date: str, wire: float) -> float | None:
    try:
        return wire - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
