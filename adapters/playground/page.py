"""The playground's page: one address on this machine where one acts as HR, as a leaver or as an alumnus.

`add_page(app, Page(...))` puts `/`, `/playground/…` and the chat's sign-up into the product's application.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from aiohttp import web

from adapters.playground import page_acts
from adapters.playground.page_chat import Act, Show
from adapters.playground.page_guard import HEADER, MAIL_POLICY, refused, safe_headers, with_headers
from adapters.playground.page_parts import Page, draw, parts
from adapters.playground.words import clock_face

__all__ = ["Page", "add_page"]


ACTS: Mapping[str, Act] = {
    "travel": page_acts.travels,
    "settle": page_acts.settles,
    "drop": page_acts.drops,
    "example": page_acts.drops_example,
}
STATIC: Mapping[str, str] = {
    "playground.css": "text/css",
    "playground.js": "text/javascript",
    "fields.js": "text/javascript",
    "mark.svg": "image/svg+xml",
}
_CLOSING = web.AppKey("playground_closing", asyncio.Event)
_GLANCE, _GLANCES = 0.25, 40  # seconds between two looks, and how many before an unchanged page is answered


def add_page(app: web.Application, page: Page) -> None:
    """Add the page's routes to `app`, which also serves the product's own routes on the same port."""
    app[_CLOSING] = asyncio.Event()
    app.on_shutdown.append(_close)
    router = app.router
    router.add_get("/", partial(_open, page, shell))
    router.add_get("/playground/static/{name}", partial(_open, page, static))
    router.add_get("/playground/mail/{number}/{seal}", partial(_open, page, mail_body))
    for (method, path), show in page.chat.doors.items():
        router.add_route(method, path, partial(_open, page, show))
    router.add_get("/playground/scene", partial(_known, page, scene))
    router.add_get("/playground/changes", partial(_known, page, changes))
    for name, act in {**ACTS, **page.chat.acts}.items():
        router.add_post(f"/playground/{name}", partial(_known, page, partial(acted, act)))


async def _close(app: web.Application) -> None:
    app[_CLOSING].set()


async def _open(page: Page, show: Show, request: web.Request) -> web.StreamResponse:
    """For what a browser asks for by itself: this machine only, no token."""
    if not page.guard.at_home(request):
        return refused(page.words["en"]("forbidden", port=page.port))
    try:
        return with_headers(await show(page, request), safe_headers())
    except web.HTTPException as answer:
        with_headers(answer, safe_headers())
        raise


async def _known(page: Page, show: Show, request: web.Request) -> web.StreamResponse:
    """For what the page's script asks for: this machine, this page, this start."""
    if not page.guard.knows(request.headers.get(HEADER)):
        return refused(page.words["en"]("forbidden", port=page.port))
    return await _open(page, show, request)


async def shell(page: Page, request: web.Request) -> web.Response:
    """The whole page, ready to read before any script has run."""
    looking, mark = page.looking(request.query), page.mark()
    today = clock_face(page.backstage.now(), page.backstage.zone).date().isoformat()
    html = draw(
        page,
        "shell.html",
        looking,
        parts=await parts(page, looking),
        token=page.token,
        mark=mark,
        today=today,
        example=page.backstage.example(),
        beside=page.beside,
    )
    return web.Response(text=html, content_type="text/html")


async def static(_page: Page, request: web.Request) -> web.StreamResponse:
    """The page's style, script and sign."""
    name = request.match_info["name"]
    if name not in STATIC:
        raise web.HTTPNotFound
    path = Path(__file__).with_name("static") / name
    # The sign stands beside every message; without a cache it would flicker whenever one arrives.
    cache = {"Cache-Control": "max-age=3600"} if name.endswith(".svg") else {}
    return web.Response(body=path.read_bytes(), content_type=STATIC[name], charset="utf-8", headers=cache)


async def mail_body(page: Page, request: web.Request) -> web.Response:
    """The HTML of one mail for its sandboxed frame; links open beside the page."""
    number = request.match_info["number"]
    if not page.guard.fits(f"mail{number}", request.match_info["seal"]):
        return refused("seal")
    mail = page.mailbox.mail(int(number))
    if mail is None or not mail.html:
        raise web.HTTPNotFound
    html = '<!doctype html><base target="_blank">' + page.chat.led(mail.html, page, mail.id, "&amp;")
    return web.Response(text=html, content_type="text/html", headers=safe_headers(MAIL_POLICY))


async def scene(page: Page, request: web.Request) -> web.Response:
    """Everything that changes, as HTML by place, with the mark of this moment."""
    looking, mark = page.looking(request.query), page.mark()
    where = {"as": looking.member.key if looking.member else "", "tab": looking.tab, "room": looking.room}
    return web.json_response({"mark": mark, "where": where, "parts": await parts(page, looking)})


async def changes(page: Page, request: web.Request) -> web.Response:
    """Waits until the mark differs from the page's own, or ten seconds."""
    mine, closing = request.query.get("mark", ""), request.app[_CLOSING]
    for _ in range(_GLANCES):
        if page.mark() != mine or closing.is_set():
            break
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), _GLANCE)
    return web.json_response({"mark": page.mark()})


async def acted(act: Act, page: Page, request: web.Request) -> web.StreamResponse:
    """Do one thing; what went wrong is told in the page's language, with the status still 200."""
    looking = page.looking(request.query)
    try:
        return web.json_response({"ok": True, **(await act(page, looking, request) or {})})
    except page_acts.Oops as oops:
        return web.json_response({"ok": False, "told": looking.words(oops.key, **oops.places)})
    except (LookupError, ValueError):
        return web.json_response({"ok": False, "told": looking.words("oops_gone")})
