"""The limit: a Slack app that does nothing but `ack`, in Bolt on aiohttp. It checks signatures as Bolt does.

`python -m tests.bench.bare PORT SECRET as-it-comes|at-once`. As it comes, Bolt looks every 10 ms whether the
ack is there, which holds 16 in flight to some 1,400 a second whatever the machine; `at-once`
(`process_before_response`, which is how our own door runs Bolt) does not, and is the harder limit.
"""

from __future__ import annotations

import sys
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult


async def _authorize(**_: Any) -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T0ALUMNI", bot_token="xoxb-bare")


async def _ack(ack: AsyncAck) -> None:
    await ack()


def application(secret: str, *, at_once: bool) -> web.Application:
    """The app on the path that ours uses."""
    bolt = AsyncApp(signing_secret=secret, authorize=_authorize, process_before_response=at_once)
    bolt.command("/alumni")(_ack)

    async def receive(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

    async def ready(request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    app = web.Application()
    app.router.add_post("/slack/events", receive)
    app.router.add_get("/readyz", ready)
    return app


if __name__ == "__main__":
    _, port, secret, manner = sys.argv
    app = application(secret, at_once=manner == "at-once")
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None, print=None)
