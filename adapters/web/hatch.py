"""Where a file is handed out: once, by a link that expires, to who presses the button behind it.

Opening the link hands out nothing, because mail scanners and chats open every link they see.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web

from adapters.web.door import WebDoor, html
from adapters.web.seats import FRONT, VisitorSeat
from bot.conversation import Actor, Address, Arrival, Conversation, File, t
from bot.dispatch import Dispatcher
from storage import downloads
from storage.downloads import Download

_NOT_IN_NAMES = frozenset('\\/:*?"<>|%')
_LONGEST = 120


class Hatch:
    """The page before a file, and the file."""

    def __init__(self, door: WebDoor, dispatcher: Dispatcher) -> None:
        self._door, self._dispatcher = door, dispatcher

    def add_to(self, app: web.Application) -> None:
        """Put the page into an application."""
        path = "/alumni/download/{token}"
        app.router.add_get(path, self._door.page(self.before))
        app.router.add_post(path, self._door.page(self.fetch))

    async def before(self, request: web.Request) -> web.StreamResponse:
        """The link opened: one button, which spends it."""
        row = await self._found(request)
        if row is None or not downloads.works(row, self._door.database.clock.now()):
            return await self._over(request, row)
        seat = self._seat(await self._reader(row))
        said = t("web.download_text", until=row.expires_at)
        label, way = t("web.download_button"), {"post": request.path}
        return html(self._door.pages.ask(seat, t("web.download"), said, label, way))

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """The button was pressed: the file, or why there is none."""
        outcome = await self._dispatcher.fetch(request.match_info["token"])
        if outcome.file is not None:
            return _handed(outcome.file)
        if outcome.actor is None or outcome.reply is None:
            return await self._over(request, await self._found(request))
        status = HTTPStatus.INTERNAL_SERVER_ERROR if outcome.broke else HTTPStatus.FORBIDDEN
        return html(self._door.pages.card(outcome.reply.card, self._seat(outcome.actor)), status)

    async def _over(self, request: web.Request, row: Download | None) -> web.Response:
        """Used or expired, told to whom the link was given; anything else is no link of ours."""
        if row is None:
            return self._door.plain(request, HTTPStatus.NOT_FOUND, "download_broken")
        key = "download_used" if row.used_at else "download_over"
        title, right = t(f"web.{key}"), t(f"web.{key}_right")
        seat = self._seat(await self._reader(row))
        page = self._door.pages.ask(seat, title, right, t("web.go_on_there"), {"to": FRONT})
        return html(page, HTTPStatus.GONE)

    async def _found(self, request: web.Request) -> Download | None:
        token = request.match_info["token"]
        return await self._door.database.run(lambda tx: downloads.find(tx, token), reads=True)

    async def _reader(self, row: Download) -> Actor:
        who = Address.parse(row.address)
        arrival = Arrival(who, Conversation(who.workspace, str(who)), "")
        return await self._dispatcher.who(arrival, row.side)

    def _seat(self, reader: Actor) -> VisitorSeat:
        """In the reader's words, and with nothing on the page but what everybody may press."""
        return VisitorSeat(self._door.links, reader.locale, reader.zone)


def _handed(file: File) -> web.Response:
    headers = {"Content-Disposition": disposition(file.name)}
    return web.Response(body=file.data, content_type="text/csv", charset="utf-8", headers=headers)


def disposition(name: str) -> str:
    """A file's name as a header: in plain letters for old programs, and as it is (RFC 6266, RFC 5987)."""
    shown = "".join(char for char in name if char.isprintable() and char not in _NOT_IN_NAMES)
    shown = shown.strip(". ")[-_LONGEST:] or "okaeri.csv"
    plain = "".join(char if char.isascii() else "_" for char in shown)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='')}"
