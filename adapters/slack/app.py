"""The Slack door: two apps, one route. A request must fit the app whose secret signed it.

Slack's signature is checked here and not by Bolt, because one route serves two secrets, and because Bolt logs the
body of a forged request and answers malformed ones with a traceback (measured). Everything else is Bolt's: one
catch-all listener per kind turns a payload into the house's own values.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import read
from adapters.slack.answers import Answers, working
from adapters.slack.read import Foreign
from adapters.slack.render import Renderer
from bot.clock import Clock
from bot.conversation import (
    Actor, Address, Card, CommandUsed, Conversation, HomeOpened, Incoming, Paragraph, Platform, Reply, Side, t,
)  # fmt: skip
from bot.dispatch import Dispatcher, Outcome

log = structlog.get_logger()
IN_TIME = 2.5
FORM_IN_TIME = 1.5
STALE = 300
EVERYTHING = re.compile(".*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SlackApp:
    """One Slack app as its side configured it."""

    side: Side
    app_id: str
    team: str
    signing_secret: str
    client: AsyncWebClient


class SlackDoor:
    """Receives what Slack sends, lets dispatch answer it, and keeps Slack's three seconds."""

    def __init__(self, apps: tuple[SlackApp, ...], dispatcher: Dispatcher, renderer: Renderer, clock: Clock) -> None:
        self._clock = clock
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sides = [(app, _Side(app, dispatcher, renderer, self._later).bolt()) for app in apps]

    async def receive(self, request: web.Request) -> web.Response:
        """One HTTP request. Unsigned, forged, stale: 401; malformed: 400; another app's: 403. Never a traceback."""
        body = await request.read()
        app, bolt = self._signed_by(request.headers, body)
        if app is None or bolt is None:
            return web.Response(status=401)
        try:
            payload = _payload(request.content_type, body)
        except (ValueError, KeyError, TypeError, AttributeError):
            return web.Response(status=400)
        if payload.get("type") == "url_verification":
            return web.json_response({"challenge": str(payload.get("challenge") or "")})
        if read.names(payload) != (app.app_id, app.team):
            log.warning("wrong_app", side=app.side.value)
            return web.Response(status=403)
        answer = await bolt.async_dispatch(_bolt_request(request, body))
        return await to_aiohttp_response(answer)

    def _signed_by(self, headers: Mapping[str, str], body: bytes) -> tuple[SlackApp | None, AsyncApp | None]:
        """The app whose secret made the signature. Source: Slack, v0 signatures, five minutes either way."""
        stamp, signature = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")
        if not stamp.isascii() or not stamp.isdigit() or abs(self._clock.wire() - int(stamp)) > STALE:
            return None, None
        for app, bolt in self._sides:
            digest = hmac.digest(app.signing_secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
            if hmac.compare_digest(f"v0={digest.hex()}".encode(), signature.encode()):
                return app, bolt
        return None, None

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait for answers that are still under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as bug:  # after the ack nobody else would see it
        log.error("answer_failed", error=type(bug).__name__, exc_info=bug)


def _payload(content_type: str, body: bytes) -> Mapping[str, Any]:
    if content_type == "application/json":
        payload = json.loads(body)
    else:
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        payload = json.loads(form["payload"]) if "payload" in form else form
    if not isinstance(payload, dict):
        raise ValueError("not an object")
    return payload


def _bolt_request(request: web.Request, body: bytes) -> AsyncBoltRequest:
    headers = {name: request.headers.getall(name) for name in request.headers}
    return AsyncBoltRequest(body=body.decode(), query=request.query_string, headers=headers)  # type: ignore[arg-type]


class _OurOwn(AsyncAuthorize):
    """No `auth.test` per request: the token is the app's own (platform-facts, finding 8)."""

    def __init__(self, app: SlackApp) -> None:
        self._result = AuthorizeResult(enterprise_id=None, team_id=app.team, bot_token=app.client.token)

    async def __call__(self, **_: Any) -> AuthorizeResult:
        return self._result


class _Side:
    """One app's listeners."""

    def __init__(self, app: SlackApp, dispatcher: Dispatcher, renderer: Renderer, later: Any) -> None:
        self._app, self._dispatcher, self._later = app, dispatcher, later
        self._answers = Answers(app.client, renderer, app.team)

    def bolt(self) -> AsyncApp:
        """A Bolt app with one catch-all listener per kind, our own authorize and no environment."""
        app = AsyncApp(
            logger=logging.getLogger("okaeri.bolt"),
            client=self._app.client,
            authorize=_OurOwn(self._app),
            signing_secret=self._app.signing_secret,
            request_verification_enabled=False,
            ssl_check_enabled=False,
            attaching_function_token_enabled=False,
        )
        app.command(EVERYTHING)(self._on_command)
        app.action(EVERYTHING)(self._on_action)
        app.view(EVERYTHING)(self._on_submission)
        app.options(EVERYTHING)(self._on_options)
        app.shortcut(EVERYTHING)(self._on_shortcut)
        app.event(EVERYTHING)(self._on_event)
        return app

    # --- kinds -------------------------------------------------------------------------------------

    async def _on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        incoming = read.command(body)
        outcome, work = await self._in_time(incoming)
        url = str(body.get("response_url") or "")
        if outcome is None:
            await ack()
            self._later(self._respond_later(work, url))
        elif content := self._answers.in_ack(outcome):
            await ack(**content)
        else:
            await ack()
            self._later(self._show(str(body.get("trigger_id")), read.Origin(url), outcome))

    async def _on_shortcut(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        outcome, work = await self._in_time(read.shortcut(body), FORM_IN_TIME)
        await ack()
        shown = outcome or await work
        self._later(self._answers_open(str(body.get("trigger_id")), shown))

    async def _answers_open(self, trigger: str, outcome: Outcome) -> None:
        await self._answers.open(trigger, self._answers.view(outcome))

    async def _on_action(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        try:
            incoming = read.press(body)
        except (ValueError, Foreign) as forged:
            await ack()
            self._later(self._refuse(body, forged))
            return
        if incoming is None:
            await ack()
            return
        outcome, work = await self._in_time(incoming)
        await ack()
        self._later(self._after_press(body, outcome, work))

    async def _on_submission(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        try:
            incoming = read.submission(body)
        except (ValueError, Foreign):
            await ack()
            return
        _, url = read.unpack(body["view"])
        outcome, work = await self._in_time(incoming)
        if outcome is None:
            await ack(response_action="update", view=working(self._answers, self._stand_in(incoming)))
            self._later(self._update_later(work, str(body["view"]["id"]), url))
        elif outcome.errors:
            await ack(**self._answers.errors(outcome))
        elif view := self._answers.view(outcome):
            await ack(response_action="update", view=view)
            self._later(self._answers.after_submission(url, outcome))
        else:
            await ack()

    async def _on_options(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        try:
            outcome, _ = await self._in_time(read.search(body))
        except (ValueError, Foreign):
            outcome = None
        await ack(**(self._answers.options(outcome) if outcome else {"options": []}))

    async def _on_event(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        try:
            event = read.event(body)
        except Foreign:
            event = None
        match event:
            case None:
                await ack()
            case HomeOpened():
                await ack()
                self._later(self._home(event))
            case CommandUsed():
                fresh = await self._dispatcher.once(event)
                await ack()
                if fresh:
                    self._later(self._say(event))
            case happening:
                fresh = await self._dispatcher.keep(happening, self._app.side)
                await ack()
                if fresh:
                    self._later(self._dispatcher.drive(happening, self._app.side))

    # --- in time, and after the ack ----------------------------------------------------------------

    async def _in_time(self, incoming: Incoming, limit: float = IN_TIME) -> tuple[Outcome | None, Awaitable[Outcome]]:
        """The outcome, or `None` when it takes longer than the limit; the work goes on in any case."""
        work = asyncio.ensure_future(self._dispatcher.answer(incoming, self._app.side))
        done, _ = await asyncio.wait({work}, timeout=limit)
        outcome = work.result() if done else None
        if outcome is not None and outcome.unmet:
            self._later(self._dispatcher.meet(incoming, self._app.side))
        return outcome, work

    async def _respond_later(self, work: Awaitable[Outcome], url: str) -> None:
        await self._answers.respond(url, await work)

    async def _show(self, trigger: str, place: read.Origin, outcome: Outcome) -> None:
        view = self._answers.view(outcome)
        if not await self._answers.open(trigger, view):
            await self._answers.respond(place.response_url, outcome)

    async def _after_press(self, body: dict[str, Any], outcome: Outcome | None, work: Awaitable[Outcome]) -> None:
        place = read.origin(body)
        if outcome is None:
            late = await work
            if place.view_type == "modal":
                await self._answers.update(place.view, self._answers.view(late))
            else:
                await self._answers.respond(place.response_url, late)
            return
        await self._answers.after_press(str(body.get("trigger_id")), place, outcome)
        if place.view_type == "home":
            await self._home(_arrival(body, self._app.team))

    async def _update_later(self, work: Awaitable[Outcome], view_id: str, url: str) -> None:
        outcome = await work
        await self._answers.update(view_id, self._answers.view(outcome))
        await self._answers.after_submission(url, outcome)

    async def _home(self, event: HomeOpened) -> None:
        outcome, work = await self._in_time(event)
        await self._answers.publish(event.address.user, outcome or await work)

    async def _say(self, event: CommandUsed) -> None:
        outcome, work = await self._in_time(event)
        await self._answers.say(event.conversation.channel, outcome or await work)

    async def _refuse(self, body: dict[str, Any], forged: Exception) -> None:
        key = "common.members_only" if isinstance(forged, Foreign) else "common.outdated"
        card = Card(t("common.refused"), (Paragraph(t(key)),), t("common.notice"))
        outcome = Outcome(self._stand_in(_arrival(body, self._app.team)), reply=Reply(card))
        await self._answers.after_press(str(body.get("trigger_id")), read.origin(body), outcome)

    def _stand_in(self, incoming: Incoming) -> Actor:
        return Actor(incoming.address, self._app.side)


def _arrival(body: Mapping[str, Any], team: str) -> HomeOpened:
    """Who pressed something, as somebody who sees their Home."""
    user = str((body.get("user") or {}).get("id") or "")
    return HomeOpened(Address(Platform.SLACK, team, user), Conversation(team, ""), "")
