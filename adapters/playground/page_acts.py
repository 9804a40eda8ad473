"""What one can do on the page.

What is done in a chat is with that chat (`page_slack`, `page_teams`); the clock and the drop folder are
reached through the backstage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from aiohttp import web

from adapters.playground.page_parts import Page
from adapters.playground.page_scene import Looking

FILE_LIMIT = 10_000_000
_BODY_LIMIT = 500_000


class Oops(Exception):
    """Something to tell the person at the browser; `key` names the words."""

    def __init__(self, key: str, **places: object) -> None:
        super().__init__(key)
        self.key = key
        self.places = places


async def body_of(request: web.Request, limit: int) -> bytes:
    """The whole body, whatever the application's own limit; `Oops` when it is longer than `limit` bytes."""
    found = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        found += chunk
        if len(found) > limit:
            raise Oops("oops_big")
    return bytes(found)


async def details(request: web.Request) -> Mapping[str, Any]:
    """The JSON object that the page sent; 400 for anything else."""
    try:
        found = json.loads(await body_of(request, _BODY_LIMIT) or b"{}")
    except ValueError:
        raise web.HTTPBadRequest from None
    if not isinstance(found, dict):
        raise web.HTTPBadRequest
    return found


def account(page: Page, looking: Looking) -> str:
    """The user who acts; `Oops` if the person has no account where the browser looks."""
    if looking.side not in page.backstage.teams or looking.user is None:
        raise Oops("oops_gone")
    return looking.user


async def travels(page: Page, _looking: Looking, request: web.Request) -> None:
    """The clock: {by: seconds} or {to: "2026-03-31T18:00" on the company's wall clock} or {next: true}."""
    what = await details(request)
    if what.get("next"):
        due = await page.backstage.next_due()
        if not due:
            raise Oops("oops_nothing_due")
        await page.backstage.travel(max(due[0].at, page.backstage.now()))
    elif "by" in what:
        await _by(page, what["by"])
    else:
        await _to(page, str(what.get("to", "")))


async def _by(page: Page, seconds: object) -> None:
    if not isinstance(seconds, int) or not 0 <= seconds <= 366 * 86_400:
        raise web.HTTPBadRequest
    await page.backstage.travel(None, by=timedelta(seconds=seconds))


async def _to(page: Page, text: str) -> None:
    try:
        goal = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(page.backstage.zone))
    except ValueError:
        raise Oops("oops_date") from None
    if goal < page.backstage.now():
        raise Oops("oops_past")
    await page.backstage.travel(goal)


async def settles(page: Page, _looking: Looking, _request: web.Request) -> None:
    """Run everything due now until nothing is under way."""
    await page.backstage.settle()


async def drops(page: Page, looking: Looking, request: web.Request) -> Mapping[str, Any]:
    """A file of leavers; its name comes percent-encoded in a header."""
    name = unquote(request.headers.get("X-File-Name", "")).replace("\\", "/").split("/")[-1].strip(". \0")
    return await _dropped(page, looking, name or "leavers.csv", await body_of(request, FILE_LIMIT))


async def drops_example(page: Page, looking: Looking, _request: web.Request) -> Mapping[str, Any]:
    """The example file."""
    example = page.backstage.example()
    if example is None:
        raise Oops("oops_file")
    return await _dropped(page, looking, example.filename, example.data)


async def _dropped(page: Page, looking: Looking, name: str, data: bytes) -> Mapping[str, Any]:
    try:
        await page.backstage.drop(name, data)
    except ValueError:
        raise Oops("oops_file") from None
    return {"told": looking.words("dropped", name=name)}
