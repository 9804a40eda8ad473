"""Two throw-away apps for the local Slack on one real HTTP server: one in Bolt, one that only listens."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import ClientSession, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.playground.local_slack import LocalApp, LocalSlack

COMPANY, ALUMNI = "T0COMPANY", "T0ALUMNI"
SCOPES = ["commands", "chat:write", "im:write", "im:history", "users:read", "users:read.email", "team:read"]
EVENTS = ["team_join", "user_change", "app_home_opened", "message.im", "tokens_revoked", "app_uninstalled"]
SHORT, LONG = 0.5, 60.0
"""Seconds that a platform waits: where a test is about that; everywhere else, however busy the machine."""


class Wire:
    """A wire clock that tests move."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.stopped = 0.0

    def __call__(self) -> float:
        return (self.stopped or time.time()) + self.ahead


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def button(action: str, value: str = "1") -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": plain("押す"), "value": value}


def actions(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "actions", "block_id": "row", "elements": list(elements)}]


def asks(block: str, **element: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "it"} | element
    return {"type": "input", "block_id": block, "label": plain(block), "element": element}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "callback_id": "form", "title": plain("題"), "submit": plain("送る"),
            "blocks": list(blocks) or [asks("name")]} | more  # fmt: skip


def manifest(**changes: Any) -> dict[str, Any]:
    """A manifest with everything on; `scopes`, `events`, `interactivity` and `app_home` can be replaced."""
    url = "http://127.0.0.1/slack/events"
    command = {"command": "/alumni", "url": url, "description": "find", "should_escape": True}
    return {
        "display_information": {"name": "Okaeri"},
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            }
            | changes.get("app_home", {}),
            "bot_user": {"display_name": "Okaeri"},
            "shortcuts": [{"name": "Find", "type": "global", "callback_id": "find", "description": "find"}],
            "slash_commands": [command, {"command": "/plain", "url": url, "description": "x"}],
        },
        "oauth_config": {"scopes": {"bot": changes.get("scopes", SCOPES)}},
        "settings": {
            "event_subscriptions": {"request_url": url, "bot_events": changes.get("events", EVENTS)},
            "interactivity": changes.get(
                "interactivity", {"is_enabled": True, "request_url": url, "message_menu_options_url": url}
            ),
        },
    }


@dataclass
class Heard:
    """One delivery as the listening app got it."""

    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Wired:
    """The local Slack, a Bolt app in the company's workspace, a listening one in the alumni's."""

    slack: LocalSlack
    bolt: AsyncApp
    client: AsyncWebClient
    other: AsyncWebClient
    url: str
    http: ClientSession
    heard: list[Heard] = field(default_factory=list)
    answer: Callable[[Heard], Awaitable[web.Response]] | None = None


async def _listen(holder: list[Wired], request: web.Request) -> web.Response:
    wired = holder[0]
    heard = Heard({name.lower(): value for name, value in request.headers.items()}, await request.read())
    wired.heard.append(heard)
    return await wired.answer(heard) if wired.answer else web.Response()


async def _bolt(holder: list[Wired], request: web.Request) -> web.Response:
    answer = await holder[0].bolt.async_dispatch(await to_bolt_request(request))
    return await to_aiohttp_response(answer)


def local_app(name: str, url: str, path: str, declared: dict[str, Any]) -> LocalApp:
    """An app of that name: its secret and token are made from it."""
    return LocalApp(f"A0{name}", f"secret-{name}", f"xoxb-{name}", f"U0BOT{name}", declared, url + path)


@asynccontextmanager
async def wired(slack: LocalSlack, declared: dict[str, Any]) -> AsyncIterator[Wired]:
    """Both apps on a free port, with the Web API of `slack` mounted beside them."""
    server = web.Application()
    holder: list[Wired] = []
    server.router.add_post("/slack/events", partial(_bolt, holder))
    server.router.add_post("/raw", partial(_listen, holder))
    server.add_subapp("/local-slack/", slack.web_api())
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    api = f"{url}/local-slack/api/"
    async with ClientSession() as http:
        clients = [
            AsyncWebClient(f"xoxb-{name}", base_url=api, session=http, retry_handlers=[])
            for name in ("COMPANY", "ALUMNI")
        ]
        slack.add_workspace(COMPANY, "Example 株式会社", local_app("COMPANY", url, "/slack/events", declared))
        slack.add_workspace(ALUMNI, "Example Alumni", local_app("ALUMNI", url, "/raw", declared))
        bolt = AsyncApp(signing_secret="secret-COMPANY", token="xoxb-COMPANY", client=clients[0])
        holder.append(Wired(slack, bolt, *clients, url, http))
        try:
            yield holder[0]
        finally:
            await slack.close()
            await runner.cleanup()
