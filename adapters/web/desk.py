"""HR's desk: what only a page can do. A leavers' file is laid there, its difference shown, and applied.

To apply only says that the file is to be taken; a sweep takes it (`jobs.feeds`), whoever is killed meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import PurePath
from typing import Protocol

from aiohttp import web

from adapters.web.door import WebDoor, html, see, word
from adapters.web.seats import DESK, SessionSeat
from adapters.web.sent import filled
from bot.commands import intake
from bot.conversation import Actor, Card, Note, Paragraph, Role, t
from bot.errors import FeedError, FeedRejected
from bot.notices import Heard
from bot.ports import LeaverNotice
from bot.wire import load_card
from storage import feeds, held, uploads

ENDINGS = (".csv", ".tsv", ".txt")
_FRAME = 64 * 1024  # what a form weighs beside its file
_LOOKS = (0.0, 0.1, 0.2, 0.3, 0.5)
"""Seconds before each look for what became of a file: most are taken before anybody sees a page about it."""
_AGAIN = 2
"""Seconds after which a browser looks again by itself."""


class Difference(Protocol):
    """What a file changed, or would change."""

    @property
    def counts(self) -> Mapping[Heard, int]:
        """How many notices were heard as what."""
        ...

    @property
    def errors(self) -> Sequence[FeedError]:
        """Rows that could not be taken."""
        ...

    @property
    def changes(self) -> Sequence[tuple[Heard, LeaverNotice]]:
        """Whom it would change."""
        ...


class Intake(Protocol):
    """The one way of a file into the house."""

    async def try_out(self, data: bytes, name: str) -> Difference:
        """The difference only. Raises `FeedRejected`."""
        ...

    @property
    def wake(self) -> Callable[[], None]:
        """Has a file that was applied taken at once."""
        ...


class Desk:
    """The pages of HR, and everybody's own data as a file."""

    def __init__(self, door: WebDoor, intake: Intake, most: int) -> None:
        self._door, self._intake, self._most = door, intake, most

    def add_to(self, app: web.Application) -> None:
        """Put the pages into an application."""
        page, router = self._door.page, app.router
        router.add_get(DESK, page(self.desk))
        router.add_post(DESK, page(self.lay))
        router.add_post(f"{DESK}/apply", page(self.apply))
        router.add_get(f"{DESK}/applied/{{number:\\d{{1,18}}}}", page(self.applied))
        router.add_get("/alumni/export", page(self.export))
        router.add_get("/alumni/export/{kind:json|csv}", page(self.download))

    # --- leavers' files ------------------------------------------------------------------------------

    async def desk(self, request: web.Request) -> web.StreamResponse:
        """Where a file is laid."""
        seat, actor = await self._hr(request)
        if seat is None or actor is None:
            return self._door.plain(request, HTTPStatus.FORBIDDEN, "not_hr")
        return html(self._door.pages.upload(seat, {"post": DESK, "hidden": seat.hidden()}, ENDINGS))

    async def lay(self, request: web.Request) -> web.StreamResponse:
        """The difference that a file makes; nothing is changed yet."""
        if (request.content_length or 0) > self._most + _FRAME:
            return self._door.plain(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large")
        seat, actor = await self._hr(request)
        if seat is None or actor is None:  # before anything is read: a stranger's file is not even looked at
            return self._door.plain(request, HTTPStatus.FORBIDDEN, "not_hr")
        sent = await filled(request.clone(client_max_size=self._most + _FRAME))
        if not seat.fits(word(sent, "stamp")):
            return self._door.plain(request, HTTPStatus.FORBIDDEN, "not_hr")
        file = sent.get("file")
        if not isinstance(file, web.FileField) or not file.filename:
            return self._say(seat, "no_file", HTTPStatus.UNPROCESSABLE_ENTITY)
        name = PurePath(file.filename).name
        with file.file as content:
            data = content.read()
        if not name.lower().endswith(ENDINGS):
            return self._say(seat, "other_file", HTTPStatus.UNPROCESSABLE_ENTITY)
        return await self._differs(seat, name, data)

    async def _differs(self, seat: SessionSeat, name: str, data: bytes) -> web.StreamResponse:
        try:
            difference = await self._intake.try_out(data, name)
        except FeedRejected as why:
            return html(self._rejected(seat, why), HTTPStatus.UNPROCESSABLE_ENTITY)
        who = str(seat.who)
        upload = await self._door.database.run(lambda tx: uploads.lay(tx, who, name, data))
        report = intake.difference_card(difference.counts, difference.errors, difference.changes)
        way = {"post": f"{DESK}/apply", "hidden": seat.hidden(upload=upload)}
        return html(self._door.pages.card(report, seat, ("web.apply", way)))

    async def apply(self, request: web.Request) -> web.StreamResponse:
        """The file whose difference was shown is to be taken; pressed again, it is the same one."""
        seat, actor = await self._hr(request)
        sent = await filled(request)
        if seat is None or actor is None or not seat.fits(word(sent, "stamp")):
            return self._door.plain(request, HTTPStatus.FORBIDDEN, "not_hr")
        who, upload = str(seat.who), word(sent, "upload")
        number = await self._door.database.run(lambda tx: uploads.apply(tx, who, upload))
        if number is None:
            return self._say(seat, "file_gone", HTTPStatus.GONE)
        self._intake.wake()
        return see(f"{DESK}/applied/{number}")

    async def applied(self, request: web.Request) -> web.StreamResponse:
        """What became of a file; while it is being taken, a page that looks again."""
        seat, actor = await self._hr(request)
        if seat is None or actor is None:
            return self._door.plain(request, HTTPStatus.FORBIDDEN, "not_hr")
        who, number = str(seat.who), int(request.match_info["number"])
        for pause in _LOOKS:
            await asyncio.sleep(pause)
            told = await self._door.database.run(lambda tx: feeds.became(tx, who, number), reads=True)
            if told is None:
                return self._say(seat, "file_gone", HTTPStatus.GONE)
            if card := told.get("card"):
                return html(self._door.pages.card(load_card(card), seat))
        body = (Paragraph(t("web.applying_text")), Note(t("web.applying_note")))
        look = ("web.applying_button", {"to": request.path})
        return html(self._door.pages.card(Card(t("web.applying"), body), seat, look, again=_AGAIN))

    def _rejected(self, seat: SessionSeat, why: FeedRejected) -> str:
        return self._door.pages.card(intake.rejected_card(why.text), seat)

    def _say(self, seat: SessionSeat, key: str, status: HTTPStatus) -> web.Response:
        way = {"to": DESK}
        page = self._door.pages.ask(seat, t(f"web.{key}"), t(f"web.{key}_right"), t("web.to_desk"), way)
        return html(page, status)

    async def _hr(self, request: web.Request) -> tuple[SessionSeat | None, Actor | None]:
        seat, actor = await self._door.known(request)
        return (seat, actor) if actor is not None and actor.has(Role.HR) else (None, None)

    # --- one's own data ------------------------------------------------------------------------------

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Both files, to choose from."""
        seat, actor = await self._door.known(request)
        if seat is None or actor is None or actor.person_id is None:
            return self._door.plain(request, HTTPStatus.FORBIDDEN, "signed_out")
        body = (Paragraph(t("web.export_text")), Note(t("web.export_note")))
        ways = [(f"web.export_{kind}", {"to": f"/alumni/export/{kind}"}) for kind in ("csv", "json")]
        return html(self._door.pages.card(Card(t("web.export"), body), seat, *ways))

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Everything that is held about who asks. Source: GDPR art. 15, 20; 個人情報保護法 33条."""
        seat, actor = await self._door.known(request)
        if seat is None or actor is None or actor.person_id is None:
            return self._door.plain(request, HTTPStatus.FORBIDDEN, "signed_out")
        person, kind = actor.person_id, request.match_info["kind"]
        all_of_it = await self._door.database.run(lambda tx: held.everything(tx, person), reads=True)
        data = held.as_csv(all_of_it) if kind == "csv" else held.as_json(all_of_it)
        how = "text/csv" if kind == "csv" else "application/json"
        name = f"okaeri-{self._door.today()}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=data, content_type=how, charset="utf-8", headers=headers)
