"""Calls to a tenant's connector: post, edit, open a chat. By aiohttp, with our own token, never twice.

Source: Bot Connector REST API; platform-facts T4 (botbuilder's client blocks threads), T6 (what may be tried
again).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
from yarl import URL

from adapters.teams.seats import Seat
from adapters.teams.tokens import Tokens
from bot.errors import Ambiguous, Away, Retry, Trouble, Undeliverable

Json = Mapping[str, Any]
LATER = frozenset({408, 409, 412, 425, 429, 502, 504})
"""What may be sent again. Source: Microsoft, "Rate limits": 429, 412, 502 and 504, with growing pauses; RFC
9110 and 8470: 408, 409 and 425 say that nothing was done yet."""
_SOON = 30.0
_HR_MENDS = 300.0  # seconds: a wrong secret is somebody's to repair


class Spot(NamedTuple):
    """A conversation, and the connector that leads there (an allowed one)."""

    service_url: str
    conversation: str


class Unreachable(Undeliverable):
    """Not there, or not for us (403, 404): blocked, removed, no such chat. Source: platform-facts T6."""


class Connector:
    """One seat's way out. Every method may raise `Retry`, `Ambiguous`, `Undeliverable` with Teams' word."""

    def __init__(self, session: aiohttp.ClientSession, tokens: Tokens, seat: Seat) -> None:
        self._session, self._tokens, self._seat = session, tokens, seat

    async def post(self, spot: Spot, activity: Json) -> str:
        """Say something; the message's id. In a thread of a channel the conversation names the thread."""
        said = await self._call("POST", _path(spot, "activities"), self._signed(activity))
        return str(said.get("id") or "")

    async def edit(self, spot: Spot, message: str, activity: Json) -> None:
        """Put something else in the place of a message of ours; twice is as good as once."""
        content = self._signed(activity) | {"id": message}
        await self._call("PUT", _path(spot, "activities", message), content)

    async def open(self, service_url: str, user: str) -> str:
        """The chat with somebody, by their Entra object id; the same one every time.

        `Undeliverable` when our app is not installed for them (platform-facts T7).
        """
        wanted = {
            "isGroup": False,
            "bot": {"id": self._seat.bot},
            "members": [{"id": user}],
            "tenantId": self._seat.tenant,
            "channelData": {"tenant": {"id": self._seat.tenant}},
        }
        said = await self._repeatable("POST", _path(Spot(service_url, "")), wanted)
        if not said.get("id"):
            raise Undeliverable("no_conversation")
        return str(said["id"])

    async def member(self, spot: Spot, user: str) -> Json:
        """One member as the roster of a conversation tells it, by Entra object id."""
        return await self._repeatable("GET", _path(spot, "members", user))

    def _signed(self, activity: Json) -> dict[str, Any]:
        """Source: Bot Connector: an activity without `from` is refused."""
        return {**activity, "from": {"id": self._seat.bot}}

    async def _repeatable(self, method: str, url: URL, body: Json | None = None) -> Json:
        try:
            return await self._call(method, url, body)
        except Ambiguous as unsure:
            raise Retry(unsure.reason, _SOON) from unsure

    async def _call(self, method: str, url: URL, body: Json | None = None) -> Json:
        """A token that is not taken is asked for anew, once: a 401 says that nothing was done."""
        status, headers, said = await self._asked(method, url, body)
        if status == 401:
            self._tokens.refused()
            status, headers, said = await self._asked(method, url, body)
        if status >= 300:
            if status == 401:
                self._tokens.refused()
            raise _trouble(status, headers, said)
        return said

    async def _asked(self, method: str, url: URL, body: Json | None) -> tuple[int, Mapping[str, str], Json]:
        headers = await self._tokens.bearer()
        try:
            async with self._session.request(
                method, url, json=body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, answer.headers, await _json(answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as never_left:
            raise Away("unreachable", _SOON) from never_left
        except (aiohttp.ClientError, TimeoutError) as lost:
            raise Ambiguous("connection_lost") from lost


def _path(spot: Spot, *rest: str) -> URL:
    """Ids hold `:`, `;`, `@` and `/`, and come from outside: each is one quoted part of the path."""
    parts = ["v3", "conversations", *filter(None, [spot.conversation]), *rest]
    path = "/".join(quote(part, safe="") for part in parts)
    return URL(f"{spot.service_url.rstrip('/')}/{path}", encoded=True)


async def _json(answer: aiohttp.ClientResponse) -> Json:
    try:
        said = await answer.json(content_type=None)
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {}


def _trouble(status: int, headers: Mapping[str, str], said: Json) -> Trouble:
    """What a refusal means; Teams' own word, such as `MessageWritesBlocked` or `ConversationNotFound`."""
    error = said.get("error")
    word = str(error.get("code") or "") if isinstance(error, Mapping) else ""
    word = word[:64] or f"http_{status}"
    if status in LATER:
        wait = headers.get("Retry-After", "")
        kind = Away if status == 429 else Retry
        return kind(word, float(wait) if wait.isdigit() else _SOON)
    if status == 401:
        return Away(word, _HR_MENDS)
    if status in (403, 404):
        return Unreachable(word)
    return Ambiguous(word) if status >= 500 else Undeliverable(word)
