"""Microsoft's side of the wire as a process of its own: login, keys, and a connector that counts.

`python -m tests.bench.teams_side PORT APP_ID TENANT SECONDS`: logins and messages take so long. `GET /signed`
is the Authorization header of whatever comes from here; `GET /heard` tells how many messages it was sent, and
how many of them show somebody; with `?least=N`, once there are N.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field

from aiohttp import web

from adapters.playground.teams_keys import Keys, new_key
from adapters.playground.teams_state import Registration


@dataclass
class Side:
    """What there is of Microsoft for one bot."""

    port: int
    app: Registration
    pause: float
    keys: Keys = field(default_factory=lambda: Keys(time.time, new_key()))
    more: asyncio.Condition = field(default_factory=asyncio.Condition)
    heard: int = 0
    found: int = 0

    async def configuration(self, request: web.Request) -> web.Response:
        """OpenID metadata."""
        url = f"http://127.0.0.1:{self.port}/keys"
        return web.json_response({"issuer": "https://api.botframework.com", "jwks_uri": url})

    async def published(self, request: web.Request) -> web.Response:
        """The public keys."""
        return web.json_response({"keys": self.keys.published()})

    async def token(self, request: web.Request) -> web.Response:
        """A login."""
        await asyncio.sleep(self.pause)
        return web.json_response({"token_type": "Bearer", "expires_in": 3599, "access_token": "t" * 1200})

    async def message(self, request: web.Request) -> web.Response:
        """A message of the bot."""
        body = await request.read()
        await asyncio.sleep(self.pause)
        self.heard += 1
        self.found += b"find.show" in body
        async with self.more:
            self.more.notify_all()
        return web.json_response({"id": f"1:{self.heard}"}, status=201)

    async def signed(self, request: web.Request) -> web.Response:
        """The header of true activities."""
        return web.Response(text=self.keys.header(self.app, f"http://127.0.0.1:{self.port}/"))

    async def told(self, request: web.Request) -> web.Response:
        """What was heard, once there are so many messages as `least` says."""
        async with self.more:
            await self.more.wait_for(lambda: self.heard >= int(request.query.get("least", "0")))
        return web.json_response({"ok": True, "heard": self.heard, "found": self.found})


def application(side: Side) -> web.Application:
    """Its routes."""
    app = web.Application()
    app.router.add_get("/openid", side.configuration)
    app.router.add_get("/keys", side.published)
    app.router.add_post("/{tenant}/oauth2/v2.0/token", side.token)
    app.router.add_post("/v3/conversations/{chat}/activities", side.message)
    app.router.add_post("/v3/conversations/{chat}/activities/{message}", side.message)
    app.router.add_get("/signed", side.signed)
    app.router.add_get("/heard", side.told)
    app.router.add_get("/readyz", side.told)
    return app


if __name__ == "__main__":
    _, port, app_id, tenant, seconds = sys.argv
    own = Side(int(port), Registration("alumni", app_id, "secret", tenant, ""), float(seconds))
    web.run_app(application(own), host="127.0.0.1", port=own.port, access_log=None, print=None)
