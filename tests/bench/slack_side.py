"""Slack's side of the wire as a process of its own: the local Slack with many people, each with a chat of
their own with the app.

`python -m tests.bench.slack_side PORT PEOPLE FACTOR`: with a factor above 0 it refuses what a Slack would
refuse that allows so many times as much. `GET /known` gives the people as `[user, chat]`; `GET /heard` how
many messages stand there, in how many seconds they came, and how often a limit was broken.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from aiohttp import web

from adapters.playground.local_slack import LocalApp, LocalSlack

TEAM, TOKEN = "T0ALUMNI", "xoxb-bench"
_SCOPES = ["chat:write", "im:write", "im:history", "users:read", "users:read.email"]


def application(people: int, factor: float) -> web.Application:
    """Slack's Web API under `/local-slack/`, and what the bench asks."""
    slack = LocalSlack(time.time)
    declared = {"oauth_config": {"scopes": {"bot": _SCOPES}}}
    room = slack.add_workspace(
        TEAM, "alumni", LocalApp("A0BENCH", "secret", TOKEN, "U0BENCHBOT", declared, "http://127.0.0.1:9/x")
    )
    users = [slack.add_person(TEAM, name=f"人 {n}", email=f"p{n}@home.example.jp") for n in range(people)]
    chats = {user: room.direct(user).id for user in users}
    slack.rates.on, slack.rates.factor = factor > 0, factor or 1.0

    async def known(request: web.Request) -> web.Response:
        return web.json_response(list(chats.items()))

    async def heard(request: web.Request) -> web.Response:
        posts = slack.calls("chat.postMessage")
        stood = Counter(
            (message.metadata or {}).get("event_payload", {}).get("id", "")
            for user in users for message in slack.messages(TEAM, user) if message.by_bot
        )  # fmt: skip
        broken = [one for one in slack.rates.violations if one.method == "chat.postMessage"]
        return web.json_response({
            "messages": stood.total(), "twice": sum(1 for n in stood.values() if n > 1), "posts": len(posts),
            "broken": len(broken), "seconds": posts[-1].at - posts[0].at if posts else 0.0,
        })  # fmt: skip

    async def ready(request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    app = web.Application()
    app.router.add_get("/readyz", ready)
    app.router.add_get("/known", known)
    app.router.add_get("/heard", heard)
    app.add_subapp("/local-slack/", slack.web_api())
    return app


if __name__ == "__main__":
    _, port, people, factor = sys.argv
    web.run_app(
        application(int(people), float(factor)), host="127.0.0.1", port=int(port), access_log=None, print=None
    )
