"""The limit: a botbuilder bot that does nothing but answer with the words that it heard.

`python -m tests.bench.bare_teams PORT`. It does what botbuilder's `CloudAdapter` does with a request, in its
development mode: no app id, so that it looks at no signature and asks nobody for a token. That is less work
than ours has.
"""

from __future__ import annotations

import sys

from aiohttp import web
from botbuilder.core import ActivityHandler, TurnContext
from botbuilder.core.cloud_adapter_base import CloudAdapterBase
from botbuilder.schema import Activity
from botframework.connector.auth import BotFrameworkAuthenticationFactory


class _Echo(ActivityHandler):  # type: ignore[misc]  # botbuilder carries no types
    async def on_message_activity(self, turn_context: TurnContext) -> None:
        await turn_context.send_activity(turn_context.activity.text)


def application() -> web.Application:
    """The bot on the path that ours uses."""
    adapter, bot = CloudAdapterBase(BotFrameworkAuthenticationFactory.create()), _Echo()

    async def receive(request: web.Request) -> web.Response:
        activity = Activity().deserialize(await request.json())
        await adapter.process_activity("", activity, bot.on_turn)
        return web.Response()

    async def ready(request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    app = web.Application()
    app.router.add_post("/api/messages", receive)
    app.router.add_get("/readyz", ready)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
