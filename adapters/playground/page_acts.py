"""What one can do on the page.

Every press, command and form goes through the local Slack, so that real signed requests are made; the clock
and the drop folder are reached through the backstage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from aiohttp import web

from adapters.playground.blocks import plain
from adapters.playground.page_memory import Echo
from adapters.playground.page_parts import Page
from adapters.playground.page_scene import Looking
from adapters.playground.slack_state import Delivery

FILE_LIMIT = 10_000_000
_BODY_LIMIT = 500_000
# Wrong fields are shown beside the fields; an app that wants no Home event is simply not told.
_NO_NEWS = frozenset({"client_errors", "not_enabled"})
_DEAF = frozenset({"not_subscribed", "messages_tab_disabled"})


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


def account(page: Page, looking: Looking) -> tuple[str, str]:
    """Team and user who act; `Oops` if the person has no account where the browser looks."""
    team = page.backstage.teams.get(looking.side)
    if team is None or looking.user is None:
        raise Oops("oops_gone")
    return team, looking.user


def judged(delivery: Delivery, command: str = "") -> None:
    """Tell what went wrong between Slack and the app, if something did."""
    if delivery.ok or delivery.error in _NO_NEWS:
        return
    if delivery.error == "operation_timeout":
        raise Oops("oops_timeout")
    if delivery.error in _DEAF:
        raise Oops("oops_deaf")
    if delivery.error == "invalid_command":
        raise Oops("oops_command", command=command)
    raise Oops("oops_failed", error=delivery.error)


async def says(page: Page, looking: Looking, request: web.Request) -> None:
    """A slash command or a message to the bot: {text}."""
    team, user = account(page, looking)
    text = str((await details(request)).get("text", "")).strip()
    if not text:
        return
    if text.startswith("/"):
        last = max((message.ts for message in page.slack.messages(team, user)), default="")
        page.memory.typed(team, user, Echo(page.backstage.now(), text, last))
    judged(await page.slack.types(team, user, text), text.split()[0])


async def presses(page: Page, looking: Looking, request: web.Request) -> None:
    """A button, or a choice outside a form: {ts | view, action, value?, selected?, values?}.

    `values` is what stands in the modal around it: an app is told of it with every press.
    """
    team, user = account(page, looking)
    what = await details(request)
    if what.get("view") and what.get("values"):
        page.slack.fills(team, user, str(what["view"]), dict(what["values"]))
    judged(
        await page.slack.presses(
            team,
            user,
            ts=what.get("ts") or None,
            view=what.get("view") or None,
            action=str(what.get("action", "")),
            value=what.get("value") or None,
            selected=what.get("selected"),
        )
    )


async def submits(page: Page, looking: Looking, request: web.Request) -> None:
    """A modal's form: {view, values: {block: text | [texts] | null}}; errors come with the next scene."""
    team, user = account(page, looking)
    what = await details(request)
    judged(await page.slack.submits(team, user, str(what.get("view", "")), dict(what.get("values") or {})))


async def closes(page: Page, looking: Looking, request: web.Request) -> None:
    """The modal was closed: {view}."""
    team, user = account(page, looking)
    judged(await page.slack.closes(team, user, str((await details(request)).get("view", ""))))


async def seeks(page: Page, looking: Looking, request: web.Request) -> Mapping[str, Any]:
    """Typing in a search field: {view | ts, action, query} -> {options: [[value, label]…]}."""
    team, user = account(page, looking)
    what = await details(request)
    place, action = str(what.get("view") or what.get("ts") or ""), str(what.get("action", ""))
    found = await page.slack.seeks(team, user, place, action, str(what.get("query", "")))
    return {"options": [(str(one["value"]), plain(one["text"])) for one in found]}


async def opens_home(page: Page, looking: Looking, _request: web.Request) -> None:
    """The App Home came into view."""
    delivery = await page.slack.opens_home(*account(page, looking))
    if delivery.error not in _DEAF:
        judged(delivery)


async def uses_shortcut(page: Page, looking: Looking, request: web.Request) -> None:
    """A global shortcut: {callback}."""
    team, user = account(page, looking)
    judged(await page.slack.uses_shortcut(team, user, str((await details(request)).get("callback", ""))))


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
