"""The limit: a Slack app that does nothing but `ack`, in Bolt as it comes, on aiohttp.

`python -m tests.bench.bare PORT SECRET`. It checks signatures as Bolt does and asks nobody who it is.
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


def application(secret: str) -> web.Application:
    """The app on the path that ours uses."""
    bolt = AsyncApp(signing_secret=secret, authorize=_authorize, process_before_response=True)
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
    web.run_app(application(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
