"""A tiny Teams bot on a real HTTP server beside the local Teams: it checks tokens, answers as told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

import jwt
from aiohttp import ClientSession, web

from adapters.playground.local_teams import LocalTeams, Registration

TENANT, GUESTS = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
BOT, OTHER = "aaaaaaaa-0000-4000-8000-00000000000a", "bbbbbbbb-0000-4000-8000-00000000000b"
SECRET = "s3cret~of~the~bot"
API, GRAPH = "https://api.botframework.com/.default", "https://graph.microsoft.com/.default"
CARD = "application/vnd.microsoft.card.adaptive"


@dataclass
class Bot:
    """The bot's side: what it heard, what it answers, and its calls to Microsoft."""

    teams: LocalTeams
    http: ClientSession
    heard: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], Awaitable[Any]] | None = None
    body: Any = None
    keys: dict[str, Any] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    async def token(self, scope: str = API, app_id: str = BOT, *, fresh: bool = False) -> str:
        """A token, kept for as long as the test runs."""
        if fresh or (app_id, scope) not in self.tokens:
            status, body = await self.login(scope=scope, client_id=app_id)
            assert status == 200, body
            self.tokens[app_id, scope] = body["access_token"]
        return self.tokens[app_id, scope]

    async def login(self, tenant: str = TENANT, **more: str) -> tuple[int, dict[str, Any]]:
        """One call of the login server; `more` replaces or (empty) leaves out fields of the form."""
        form = {
            "grant_type": "client_credentials",
            "client_id": BOT,
            "client_secret": SECRET,
            "scope": API,
        } | more
        url = f"{self.teams.urls(BOT)['login']}/{tenant}/oauth2/v2.0/token"
        async with self.http.post(url, data={name: text for name, text in form.items() if text}) as answer:
            return answer.status, await answer.json()

    async def calls(
        self, method: str, path: str, body: Any = None, app_id: str = BOT, **headers: str
    ) -> tuple[int, Any]:
        """One call of the connector: status and parsed body; the last headers stay in `self.headers`."""
        url = f"{self.teams.urls(app_id)['service']}v3/conversations{path}"
        sent = {"Authorization": f"Bearer {await self.token(app_id=app_id)}"} | headers
        async with self.http.request(method, url, json=body, headers=sent) as answer:
            self.headers = dict(answer.headers)
            text = await answer.read()
            return answer.status, (await answer.json() if text else None)

    async def graph(self, method: str, path: str, body: Any = None, app_id: str = BOT) -> tuple[int, Any]:
        """One call of Graph with the bot's own token."""
        sent = {"Authorization": f"Bearer {await self.token(GRAPH, app_id)}"}
        url = f"{self.teams.urls(app_id)['graph']}/v1.0{path}"
        async with self.http.request(method, url, json=body, headers=sent) as answer:
            text = await answer.read()
            return answer.status, (await answer.json() if text else None)

    async def posts(self, conversation: str, app_id: str = BOT, **activity: Any) -> tuple[int, Any]:
        """Send a message into a conversation."""
        return await self.calls(
            "POST", f"/{quote(conversation, safe='')}/activities", said(app_id, **activity), app_id
        )

    async def shows(self, person: str, shown: dict[str, Any]) -> str:
        """Put a card into somebody's chat; the id of the message."""
        chat = next(one.id for one in self.teams.chats(person) if one.kind == "personal")
        status, body = await self.posts(chat, attachments=[attached(shown)])
        assert status == 201, body
        return str(body["id"])

    async def hears(self, app_id: str, request: web.Request) -> web.Response:
        """The messaging endpoint: 401 for a token that a careful bot refuses."""
        activity = await request.json()
        try:
            await self._check(app_id, request.headers.get("Authorization", ""), activity)
        except (jwt.PyJWTError, LookupError, ValueError) as error:
            self.refused.append(f"{type(error).__name__} {error}")
            return web.Response(status=401)
        self.heard.append(activity)
        body = await self.answer(activity) if self.answer else self.body
        return body if isinstance(body, web.Response) else web.json_response(body)

    async def _check(self, app_id: str, header: str, activity: dict[str, Any]) -> None:
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer":
            raise ValueError("no bearer")
        key = await self._key(jwt.get_unverified_header(token)["kid"])
        if "msteams" not in key["endorsements"]:
            raise ValueError("not endorsed")
        claims = jwt.decode(
            token,
            jwt.PyJWK(key, "RS256"),
            ["RS256"],
            audience=app_id,
            issuer="https://api.botframework.com",
            leeway=300,
            options={"require": ["exp", "iss", "aud"]},
        )
        if claims.get("serviceurl") != activity["serviceUrl"]:
            raise ValueError("another service url")
        if not activity["serviceUrl"].startswith(self.teams.urls(BOT)["service"][:17]):
            raise ValueError("a foreign service url")
        if activity["channelData"]["tenant"]["id"] not in (TENANT, GUESTS):
            raise ValueError("a foreign tenant")

    async def _key(self, kid: str) -> dict[str, Any]:
        if kid not in self.keys:
            async with self.http.get(self.teams.urls(BOT)["openid"]) as answer:
                uri = (await answer.json())["jwks_uri"]
            async with self.http.get(uri) as answer:
                self.keys = {key["kid"]: key for key in (await answer.json())["keys"]}
        return self.keys[kid]


def said(app_id: str = BOT, **activity: Any) -> dict[str, Any]:
    """A message of the bot."""
    return {"type": "message", "from": {"id": f"28:{app_id}", "name": "Okaeri"}, **activity}


def attached(shown: dict[str, Any]) -> dict[str, Any]:
    return {"contentType": CARD, "content": shown}


def card(*body: dict[str, Any], actions: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """An Adaptive Card."""
    return {"type": "AdaptiveCard", "version": "1.5", "body": list(body) or [text("hello")],
            "actions": actions or []} | more  # fmt: skip


def text(words: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": words, "wrap": True}


def execute(title: str = "Yes", **more: Any) -> dict[str, Any]:
    return {"type": "Action.Execute", "title": title, "verb": "press", "data": {"n": 1},
            "fallback": {"type": "Action.Submit", "title": title, "data": {"n": 1}}} | more  # fmt: skip


def fetch(title: str = "Open") -> dict[str, Any]:
    return {"type": "Action.Submit", "title": title, "data": {"form": "f", "msteams": {"type": "task/fetch"}}}


def form(*body: dict[str, Any]) -> dict[str, Any]:
    """An answer that opens, or goes on with, a dialog."""
    shown = card(*body, actions=[{"type": "Action.Submit", "title": "Send", "data": {"form": "f"}}])
    return {"task": {"type": "continue", "value": {"title": "題", "height": "medium", "width": 400,
                                                   "card": attached(shown)}}}  # fmt: skip


def refreshed(shown: dict[str, Any]) -> dict[str, Any]:
    """An answer to a press that shows another card."""
    return {"statusCode": 200, "type": CARD, "value": shown}


@asynccontextmanager
async def served(teams: LocalTeams) -> AsyncIterator[Bot]:
    """The bot of the company on a free port, with the local Teams beside it; `OTHER` has an endpoint too."""
    async with ClientSession() as http:
        bot = Bot(teams, http)
        server = web.Application()
        for app_id in (BOT, OTHER):
            server.router.add_post(f"/{app_id}/messages", partial(bot.hears, app_id))
        server.add_subapp("/local-teams/", teams.application())
        runner = web.AppRunner(server, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        teams.add_tenant(TENANT, "Example 株式会社", "example.onmicrosoft.com")
        teams.add_tenant(GUESTS, "Other", "other.onmicrosoft.com")
        registered(teams, "company", BOT, url)
        try:
            yield bot
        finally:
            await teams.close()
            await runner.cleanup()


def registered(teams: LocalTeams, side: str, app_id: str, url: str, tenant: str = TENANT) -> Registration:
    """A bot of a side on the server at `url`."""
    return teams.register_app(
        side, app_id, SECRET, (tenant, f"{url}/{app_id}/messages"), manifest_id=f"package-{side}"
    )
