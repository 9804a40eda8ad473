"""The Slack door: two apps, one route. A request must fit the app whose secret signed it.

Slack's signature is checked here and not by Bolt, because one route serves two secrets, and because Bolt logs
the body of a forged request and answers malformed ones with a traceback (measured). See also `listeners`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qs

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from adapters.slack import read
from adapters.slack.listeners import Listeners, SlackApp
from adapters.slack.render import Renderer
from bot.clock import Clock
from bot.dispatch import Dispatcher

log = structlog.get_logger()
STALE = 300
_STAMP = 12  # digits; enough for 30,000 years
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"


class SlackDoor:
    """Receives what Slack sends, lets dispatch answer it, and keeps Slack's three seconds."""

    def __init__(
        self, apps: tuple[SlackApp, ...], dispatcher: Dispatcher, renderer: Renderer, clock: Clock
    ) -> None:
        self._clock = clock
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sides = [(app, Listeners(app, dispatcher, renderer, self._later).bolt()) for app in apps]

    async def receive(self, request: web.Request) -> web.Response:
        """One request. Unsigned, forged, stale: 401; malformed: 400; another app's: 403; never a trace."""
        body = await request.read()
        app, bolt = self._signed_by(request.headers, body)
        if app is None or bolt is None:
            return web.Response(status=401)
        if request.content_type not in (_FORM, _JSON):
            return web.Response(status=415)
        try:
            payload = _payload(request.content_type, body)
        except (ValueError, RecursionError):
            return web.Response(status=400)
        if payload.get("type") == "url_verification":
            return web.json_response({"challenge": str(payload.get("challenge") or "")})
        if read.names(payload) != (app.app_id, app.team):
            log.warning("wrong_app", side=app.side.value)
            return web.Response(status=403)
        try:
            answer = await bolt.async_dispatch(
                AsyncBoltRequest(body=payload, mode="socket_mode")
            )  # read already
        except (LookupError, TypeError, AttributeError, ValueError):  # Bolt itself, of what is not Slack's
            return web.Response(status=400)
        return await to_aiohttp_response(answer)

    def _signed_by(self, headers: Mapping[str, str], body: bytes) -> tuple[SlackApp | None, AsyncApp | None]:
        """The app whose secret made the signature. Source: Slack, v0 signatures, five minutes either way."""
        stamp, signature = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")
        if (
            len(stamp) > _STAMP
            or not stamp.isascii()
            or not stamp.isdigit()
            or abs(self._clock.wire() - int(stamp)) > STALE
        ):
            return None, None
        for app, bolt in self._sides:
            digest = hmac.digest(
                app.signing_secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256
            )
            if hmac.compare_digest(f"v0={digest.hex()}".encode(), signature.encode(errors="replace")):
                return app, bolt
        return None, None

    def _later(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait for answers that are still under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)


async def _logged(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except Exception as bug:  # after the ack nobody else would see it
        log.exception("answer_failed", error=type(bug).__name__, exc_info=bug)


def _payload(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type == _JSON:
        payload = json.loads(body)
    else:
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        payload = json.loads(form["payload"]) if "payload" in form else form
    if not isinstance(payload, dict):
        raise ValueError("not an object")
    return payload
