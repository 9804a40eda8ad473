"""The web door: pages for everybody without a chat account, with the same handlers as every other door.

GET never acts: it shows a page whose button posts. A form brings its session's stamp or is a sealed link
itself; sent twice, it acts once. What is shown goes to one reader, so nothing is cached or indexed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from adapters.web.links import Links, Unreadable
from adapters.web.render import Renderer, Typed
from adapters.web.seats import (
    FRONT,
    HOME,
    LinkSeat,
    SessionSeat,
    VisitorSeat,
    fresh,
    is_visitor,
    side_of,
)
from adapters.web.sent import BrokenForm, filled, posted_elsewhere
from bot import fields
from bot.conversation import (
    Actor,
    Address,
    Arrival,
    Bound,
    ButtonPressed,
    CommandUsed,
    Conversation,
    FormSubmitted,
    HomeOpened,
    Incoming,
    OptionsSought,
    Standing,
    t,
)
from bot.dispatch import Dispatcher, Outcome
from bot.texts import LOCALES
from bot.wire import load_bound
from storage import sessions
from storage.engine import Database

log = structlog.get_logger()
Seat = SessionSeat | LinkSeat | VisitorSeat
Sent = Mapping[str, Any]
Page = Callable[[web.Request], Awaitable[web.StreamResponse]]
FRONT_PAGE, ASK = "signin.front", "signin.ask"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' https:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_STYLE = Path(__file__).parent / "static" / "style.css"


class WebDoor:
    """Receives what browsers send and lets dispatch answer it."""

    def __init__(self, database: Database, dispatcher: Dispatcher, pages: Renderer, links: Links) -> None:
        self.database, self.pages, self.links = database, pages, links
        self._dispatcher = dispatcher
        self._secure = links.base.startswith("https://")
        self._cookie = "__Host-okaeri" if self._secure else "okaeri"

    def add_to(self, app: web.Application) -> None:
        """Put every page into an application."""
        router = app.router
        router.add_get(FRONT, self.page(self.front))
        router.add_get("/alumni/style.css", self.page(self.style))
        router.add_get("/alumni/enter/{token}", self.page(self.before_entering))
        router.add_post("/alumni/enter/{token}", self.page(self.enter))
        router.add_get("/alumni/do/{token}", self.page(self.before_doing))
        router.add_post("/alumni/do/{token}", self.page(self.do))
        router.add_get(HOME, self.page(self.home))
        router.add_post("/alumni/say", self.page(self.say))
        router.add_post("/alumni/act", self.page(self.act))
        router.add_post("/alumni/sign-out", self.page(self.sign_out))
        for elsewhere in (FRONT, FRONT + "/{rest:.*}"):
            router.add_route("*", elsewhere, self.page(self.nowhere))

    def page(self, show: Page) -> Page:
        """A page with the headers of all pages, and with its own words for what a browser sends wrongly."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                if posted_elsewhere(request, self.links.base):
                    response: web.StreamResponse = self.plain(request, HTTPStatus.FORBIDDEN, "other_site")
                else:
                    response = await show(request)
            except web.HTTPRequestEntityTooLarge:
                response = self.plain(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large")
            except BrokenForm:
                response = self.plain(request, HTTPStatus.BAD_REQUEST, "broken_form")
            return self._headed(response)

        return guarded

    def _headed(self, response: web.StreamResponse) -> web.StreamResponse:
        headers = {
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "X-Robots-Tag": "noindex",
        }
        if self._secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    # --- without a session ---------------------------------------------------------------------------

    async def style(self, request: web.Request) -> web.Response:
        """The one style sheet."""
        headers = {"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=_STYLE.read_text("utf-8"), content_type="text/css", headers=headers)

    async def front(self, request: web.Request) -> web.StreamResponse:
        """The public page of the network: what it is, who runs it, the two ways in; home for who is in."""
        if (await self.known(request))[0] is not None:
            return see(HOME)
        seat = VisitorSeat(self.links, self.language(request))
        return await self._press(seat, Bound(FRONT_PAGE), fresh())

    async def before_entering(self, request: web.Request) -> web.Response:
        """A sign-in link opened: only the button on this page spends it, because mail scanners open links."""
        seat = VisitorSeat(self.links, self.language(request))
        way = {"post": request.path, "hidden": {"once": fresh()}}
        return html(self.pages.ask(seat, t("web.enter"), t("web.enter_text"), t("web.enter_button"), way))

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Begin a session. Source: OWASP, a new session id at every sign-in; the cookie is out of reach of
        scripts."""
        token = request.match_info["token"]
        seat = self._seated(request)
        before = seat.token if seat else ""
        begun = await self.database.run(lambda tx: sessions.begin(tx, token, instead_of=before))
        if begun is None:
            return self.plain(request, HTTPStatus.GONE, "link_used")
        response = see(HOME)
        response.set_cookie(
            self._cookie,
            SessionSeat(begun[1], begun[0]).cookie,
            max_age=int(sessions.LASTS.total_seconds()),
            secure=self._secure,
            httponly=True,
            samesite="Lax",
            path="/",
        )
        return response

    # --- by a mailed link ----------------------------------------------------------------------------

    async def before_doing(self, request: web.Request) -> web.StreamResponse:
        """The page behind a button of a mail: the form it opens, or the button itself once more."""
        seat = await self._by_link(request)
        if isinstance(seat, web.Response):
            return seat
        bound = seat.claim.bound
        if self._opens_form(bound):
            return await self._press(seat, bound, fresh())
        way = {"post": request.path, "hidden": {"once": fresh()}}
        label = seat.claim.label or t("web.go_on")
        return html(self.pages.ask(seat, t("web.confirm"), t("web.confirm_text"), label, way))

    async def do(self, request: web.Request) -> web.StreamResponse:
        """The button was pressed; also by a mail program's own "unsubscribe" (RFC 8058: no session)."""
        seat = await self._by_link(request)
        if isinstance(seat, web.Response):
            return seat
        return await self._acted(seat, seat.claim.bound, await filled(request))

    async def _by_link(self, request: web.Request) -> LinkSeat | web.Response:
        """Who holds a link; or why it does not work: altered, over, or its receiver is nobody here by now."""
        try:
            claim = self.links.read(request.match_info["token"])
        except Unreadable:
            return self.plain(request, HTTPStatus.NOT_FOUND, "link_broken")
        seat = LinkSeat(self.links, claim)
        actor = await self._dispatcher.who(self._arrival(seat.who, fresh()), side_of(seat.who))
        seat.locale, seat.zone = actor.locale, actor.zone
        gone = actor.standing is Standing.STRANGER and not is_visitor(seat.who)
        if gone or self.links.over(claim):
            return self.plain(request, HTTPStatus.GONE, "link_over")
        return seat

    # --- signed in -----------------------------------------------------------------------------------

    async def home(self, request: web.Request) -> web.StreamResponse:
        """What one can do here."""
        seat = self._seated(request)
        if seat is None:
            return see(FRONT)
        outcome = await self._ask(seat, HomeOpened(*self._arrived(seat.who, fresh())))
        return see(FRONT) if outcome.shut else self._shown(seat, outcome)

    async def say(self, request: web.Request) -> web.StreamResponse:
        """A command, typed as in the chat or chosen from the menu."""
        seat = self._seated(request)
        sent = await filled(request)
        if seat is None or not seat.fits(word(sent, "stamp")):
            return self.plain(request, HTTPStatus.FORBIDDEN, "signed_out")
        words = word(sent, "words").strip().removeprefix("/alumni").strip()
        if verb := word(sent, "verb"):
            words = f"{verb} {words}"
        used = CommandUsed(*self._arrived(seat.who, _once(sent)), "alumni", words or "help")
        return await self._answered(seat, used)

    async def act(self, request: web.Request) -> web.StreamResponse:
        """A button, or a form filled in."""
        seat = self._seated(request)
        sent = await filled(request)
        if seat is None or not seat.fits(word(sent, "stamp")):
            return self.plain(request, HTTPStatus.FORBIDDEN, "signed_out")
        try:
            bound = load_bound(word(sent, "bound"))
        except ValueError:
            bound = Bound("")
        return await self._acted(seat, bound, sent)

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """End the session, here and in the database."""
        seat = self._seated(request)
        sent = await filled(request)
        if seat is not None:
            if not seat.fits(word(sent, "stamp")):  # another site must not be able to sign anybody out
                return self.plain(request, HTTPStatus.FORBIDDEN, "other_site")
            token = seat.token
            await self.database.run(lambda tx: sessions.end(tx, token))
        response = see(FRONT)
        response.del_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")
        return response

    async def nowhere(self, request: web.Request) -> web.StreamResponse:
        """An address under which nothing is."""
        return self.plain(request, HTTPStatus.NOT_FOUND, "nowhere")

    async def known(self, request: web.Request) -> tuple[SessionSeat | None, Actor | None]:
        """Who is signed in, and what they are; nobody for whoever is a stranger by now."""
        seat = self._seated(request)
        if seat is None:
            return None, None
        alive = await self.database.run(seat.holds, reads=True)
        actor = await self._dispatcher.who(self._arrival(seat.who, fresh()), side_of(seat.who))
        if not alive or actor.standing is Standing.STRANGER:
            return None, None
        seat.locale, seat.zone = actor.locale, actor.zone
        return seat, actor

    def today(self) -> date:
        """The calendar day (UTC)."""
        return self.database.clock.now().date()

    def _seated(self, request: web.Request) -> SessionSeat | None:
        """Who a cookie says it is; whether that holds is asked in the transaction that acts."""
        return SessionSeat.of(request.cookies.get(self._cookie, ""), self.language(request))

    # --- to dispatch and back ------------------------------------------------------------------------

    def _arrived(self, who: Address, event_id: str) -> tuple[Address, Conversation, str]:
        return who, Conversation(who.workspace, str(who)), event_id

    def _arrival(self, who: Address, event_id: str) -> Arrival:
        return Arrival(*self._arrived(who, event_id))

    def _opens_form(self, bound: Bound) -> bool:
        return self._dispatcher.schema(bound) is not None

    async def _ask(self, seat: Seat, incoming: Incoming) -> Outcome:
        if not isinstance(seat, SessionSeat):
            return await self._dispatcher.answer(incoming, side_of(seat.who))
        outcome = await self._dispatcher.answer(incoming, side_of(seat.who), holds=seat.holds)
        if seat.fades:
            await self.database.run(lambda tx: sessions.touch(tx, seat.token))
        return outcome

    async def _acted(self, seat: Seat, bound: Bound, sent: Sent) -> web.StreamResponse:
        """What came of a press or of a form; a form is only taken as one when its fields came along."""
        if self._opens_form(bound) and word(sent, "sent"):
            return await self._submitted(seat, bound, sent)
        return await self._press(seat, bound, _once(sent))

    async def _press(self, seat: Seat, bound: Bound, once: str) -> web.StreamResponse:
        return await self._answered(seat, ButtonPressed(*self._arrived(seat.who, once), bound))

    async def _answered(self, seat: Seat, incoming: ButtonPressed | CommandUsed) -> web.StreamResponse:
        return self._shown(seat, await self._ask(seat, incoming))

    async def _submitted(self, seat: Seat, bound: Bound, sent: Sent) -> web.StreamResponse:
        values = _values(sent, fields.specs(self._dispatcher.schema(bound) or object))
        sought = {name: word(sent, f"seek.{name}") for name in _sought(sent, values)}
        if sought:
            return await self._again(seat, bound, Typed(values, sought=sought))
        filled = FormSubmitted(*self._arrived(seat.who, _once(sent)), bound, values)
        outcome = await self._ask(seat, filled)
        if not outcome.errors:
            return self._shown(seat, outcome)
        return await self._again(seat, bound, Typed(values, outcome.errors))

    async def _again(self, seat: Seat, bound: Bound, typed: Typed) -> web.StreamResponse:
        """The same form with what was typed, what is wrong, and what a search found."""
        found = {}
        for name, query in typed.sought.items():
            sought = OptionsSought(*self._arrived(seat.who, fresh()), bound, name, query)
            found[name] = (await self._ask(seat, sought)).options
        pressed = ButtonPressed(*self._arrived(seat.who, fresh()), bound)
        outcome = await self._ask(seat, pressed)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if typed.errors else HTTPStatus.OK
        return self._shown(seat, outcome, replace(typed, found=found), status)

    def _shown(
        self,
        seat: Seat,
        outcome: Outcome,
        typed: Typed = Typed(),  # noqa: B008 - immutable
        status: HTTPStatus = HTTPStatus.OK,
    ) -> web.StreamResponse:
        if outcome.shut:
            return html(self._told(VisitorSeat(self.links, seat.locale), "signed_out"), HTTPStatus.FORBIDDEN)
        if outcome.actor is not None:
            seat.locale, seat.zone = outcome.actor.locale, outcome.actor.zone
        if outcome.form is not None:
            return html(self.pages.form(outcome.form, seat, typed), status)
        if outcome.reply is not None:
            return html(self.pages.card(outcome.reply.card, seat), status)
        return html(self._told(seat, "done_already"))

    # --- our own few words ---------------------------------------------------------------------------

    def plain(self, request: web.Request, status: HTTPStatus, key: str) -> web.Response:
        """Something did not work: why, and where to go on."""
        return html(self._told(VisitorSeat(self.links, self.language(request)), key), status)

    def _told(self, seat: Seat, key: str) -> str:
        way = {"to": HOME if isinstance(seat, SessionSeat) else FRONT}
        return self.pages.ask(seat, t(f"web.{key}"), t(f"web.{key}_right"), t("web.go_on_there"), way)

    def language(self, request: web.Request) -> str:
        """What the browser asks for, before anybody is known; `?lang=` on the public page overrules it."""
        wanted = request.query.get("lang", "")
        accepted = request.headers.get("Accept-Language", "").lower()
        order = [wanted, *(part.split(";")[0].strip()[:2] for part in accepted.split(","))]
        return next((word for word in order if word in LOCALES), "en" if accepted else "ja")


def see(path: str) -> web.Response:
    """To another page."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path})


def html(page: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A page."""
    return web.Response(text=page, content_type="text/html", status=status)


def word(sent: Sent, name: str) -> str:
    """A text field of what was sent; "" when it is missing or a file."""
    value = sent.get(name, "")
    return value if isinstance(value, str) else ""


def _once(sent: Sent) -> str:
    """The number of the page that was sent; a mail program's own press has none and is one of its kind."""
    return word(sent, "once")[:64] or fresh()


def _values(sent: Any, specs: Mapping[str, fields.Spec]) -> dict[str, str | tuple[str, ...]]:
    """Every field as dispatch reads it: boxes as a tuple (of empty ones a browser says nothing)."""
    values: dict[str, str | tuple[str, ...]] = {}
    for name, spec in specs.items():
        found = tuple(value for value in sent.getall(name, ()) if isinstance(value, str))
        boxes = spec.kind in ("choices", "tick")
        values[name] = found if boxes else found[0].replace("\r\n", "\n") if found else ""
    return values


def _sought(sent: Sent, values: Mapping[str, Any]) -> list[str]:
    """Search fields in which words were typed but nothing chosen yet, or whose button was pressed."""
    typed = [name.removeprefix("seek.") for name in sent if name.startswith("seek.")]
    pressed = word(sent, "seek")
    return [one for one in typed if one == pressed or (word(sent, f"seek.{one}") and not values.get(one))]
