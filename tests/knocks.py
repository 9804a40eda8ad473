"""Requests made by hand: signed as Slack signs them, or not; and a second house on the same database."""

from __future__ import annotations

import io
import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp

from adapters.http import Server
from adapters.playground.slack_delivery import signature
from bot.app import running
from bot.conversation import Address, Platform, Side, Standing
from bot.playground import TEAMS
from bot.visibility import CHOOSABLE
from storage import accounts, consents, people, search
from storage.consents import Decision, Said
from storage.engine import Tx, now
from tests.world import Somebody, World, free_port

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
_numbers = itertools.count(1)


class Heard(NamedTuple):
    """What came back."""

    status: int
    text: str
    seconds: float

    @property
    def body(self) -> Any:
        """The answer as JSON; nothing for an empty one."""
        return json.loads(self.text) if self.text else {}


@dataclass
class Knocker:
    """Stands before the doors of a world; `ports` are the replicas."""

    world: World
    http: aiohttp.ClientSession
    ports: list[int] = field(default_factory=list)

    def values(self, side: Side) -> Mapping[str, str]:
        """Secret, app id, team id and token of a side's app."""
        values: Mapping[str, str] = self.world.ground.app.core.settings.slack(side)
        return values

    async def knock(self, body: bytes, side: Side = Side.ALUMNI, replica: int = 0, **headers: str) -> Heard:
        """Post a body, signed by a side's app; headers replace what Slack would send."""
        stamp = headers.get("stamp", str(int(time.time())))
        signed = signature(self.values(side)["signing_secret"], stamp, body)
        sent = {
            "Content-Type": headers.get("kind", JSON if body.startswith((b"{", b"[")) else FORM),
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": headers.get("signature", signed),
        }
        url = f"http://127.0.0.1:{self.ports[replica]}/slack/events"
        began = time.monotonic()
        async with self.http.post(
            url, data=io.BytesIO(body), headers={k: v for k, v in sent.items() if v}
        ) as answer:
            return Heard(answer.status, await answer.text(), time.monotonic() - began)

    def command(self, user: str, text: str, side: Side = Side.ALUMNI, **changes: str) -> bytes:
        """A slash command."""
        values = self.values(side)
        number = next(_numbers)
        fields = {
            "command": "/alumni", "text": text, "user_id": user, "team_id": values["team_id"],
            "channel_id": "D0", "api_app_id": values["app_id"], "trigger_id": f"1.{number}",
            "response_url": "",
        }  # fmt: skip
        return urlencode(fields | changes).encode()

    def press(self, who: str, value: str, side: Side = Side.ALUMNI, **changes: Any) -> bytes:
        """A press of a button in a message."""
        pressed = {
            "trigger_id": f"2.{next(_numbers)}",
            "container": {"type": "message", "message_ts": "1.1", "channel_id": "D0"},
            "actions": [{"type": "button", "action_id": "x#0", "block_id": "b", "value": value}],
        }
        return self.interaction("block_actions", who, side, **pressed | changes)

    def interaction(self, kind: str, who: str, side: Side = Side.ALUMNI, **more: Any) -> bytes:
        """Any interaction payload."""
        values = self.values(side)
        payload = {
            "type": kind, "team": {"id": values["team_id"]}, "api_app_id": values["app_id"],
            "user": {"id": who, "team_id": values["team_id"]},
        }  # fmt: skip
        return urlencode({"payload": json.dumps(payload | more)}).encode()

    def event(self, inner: Mapping[str, Any], side: Side = Side.ALUMNI, **changes: Any) -> bytes:
        """An event of the Events API with an id of its own."""
        values = self.values(side)
        envelope = {
            "type": "event_callback", "team_id": values["team_id"], "api_app_id": values["app_id"],
            "event_id": f"Ev{next(_numbers)}", "event": inner,
        }  # fmt: skip
        return json.dumps(envelope | changes).encode()


@asynccontextmanager
async def knocking(world: World, replicas: int = 1) -> AsyncIterator[Knocker]:
    """Before the door of a world and of further houses on its database."""
    async with aiohttp.ClientSession() as http:
        knocker = Knocker(world, http, [world.ground.port])
        async with _replicas(world, replicas - 1) as ports:
            knocker.ports += ports
            yield knocker


@asynccontextmanager
async def _replicas(world: World, count: int) -> AsyncIterator[list[int]]:
    if not count:
        yield []
        return
    settings, server = world.ground.app.core.settings, Server()
    async with running(settings, world.ground.clock, pace=0.0) as app, _replicas(world, count - 1) as others:
        port = await server.listen(app.web, "127.0.0.1", free_port())
        try:
            yield [port, *others]
        finally:
            await server.close()


def a_member(world: World, name: str, locale: str = "ja", **profile: str) -> Somebody:
    """An alumnus who joined long ago, listed, with an account."""
    team, email = TEAMS[Side.ALUMNI], f"m{next(_numbers)}@home.example.jp"
    slack_locale = {"ja": "ja-JP", "en": "en-US"}[locale]
    user = world.slack.add_person(team, name=name, email=email, locale=slack_locale)

    def enter(tx: Tx) -> None:
        account = Address(Platform.SLACK, team, user)
        person = people.add(tx, name, locale=locale, member_from=now(tx), **profile)
        accounts.tie(tx, account, Side.ALUMNI, person, "code")
        accounts.looked(tx, account, Standing.MEMBER, locale, "Asia/Tokyo")
        consents.record(tx, person.id, Decision.GIVEN, Said(locale, "slack"))
        people.confirm(person, now(tx).date(), {}, CHOOSABLE, listed=True)
        search.index(tx, person)

    world.writes(enter)
    return Somebody(world, name, email, alumni_user=user)


def described(world: World, side: Side, user: str, locale: str, standing: Standing = Standing.MEMBER) -> None:
    """As if the platform had been asked about an account already."""
    account = Address(Platform.SLACK, TEAMS[side], user)

    def note(tx: Tx) -> None:
        accounts.note(tx, account, side)
        accounts.looked(tx, account, standing, locale, "Asia/Tokyo")

    world.writes(note)
