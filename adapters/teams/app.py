"""The Teams door: one route for both bots. An activity must be signed for one of them, from its tenant.

Each kind of activity becomes the house's own values and is answered in Teams' time: an invoke in the answer
to the request, everything else by a message after it. See `auth` for who comes in, `turns` for botbuilder.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

import structlog
from aiohttp import web

from adapters.teams import reading
from adapters.teams.answers import Answers, Out, in_place
from adapters.teams.auth import Refused
from adapters.teams.claims import typed_of
from adapters.teams.connector import Connector
from adapters.teams.finding import Finder
from adapters.teams.reading import Foreign, Forged, Malformed, PeopleSought, Place
from adapters.teams.seats import Seat
from adapters.teams.turns import Turn, Turns
from adapters.teams.ways import Ways
from bot.conversation import (
    Actor,
    Arrival,
    Bound,
    ButtonPressed,
    CommandUsed,
    FormSubmitted,
    OptionsSought,
    Side,
)  # fmt: skip
from bot.dispatch import Dispatcher, Outcome

log = structlog.get_logger()
IN_TIME = 2.5
"""Seconds until the answer; Teams waits 5 for an invoke and 15 for a message (platform-facts T6)."""
QUIET = 60.0
REMEMBERED = 10_000
Acted = CommandUsed | ButtonPressed | FormSubmitted


class Admits(Protocol):
    """What decides who comes in (`auth`)."""

    async def admit(self, headers: Mapping[str, str], activity: Mapping[str, Any]) -> Seat: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Desk:
    """What stands behind the door."""

    dispatcher: Dispatcher
    answers: Answers
    finder: Finder
    ways: Ways


class _Made(NamedTuple):
    """What came of something within its time, or `None` and the work that goes on."""

    outcome: Outcome | None
    work: Awaitable[Outcome]


class _Heard:
    """The messages that this process was told of last. Whatever changes something is once-only in storage;
    this keeps the rest from being answered twice, without a write for each (Teams says a message again that
    was not answered in time)."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def before(self, event_id: str) -> bool:
        """Whether it was heard before; from now on it was."""
        known = event_id in self._ids
        self._ids[event_id] = None
        if len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]
        return known


class TeamsDoor:
    """Receives what Teams sends, lets dispatch answer it, and keeps Teams' time."""

    def __init__(self, gate: Admits, connectors: Mapping[Side, Connector], desk: Desk) -> None:
        self._gate, self._connectors = gate, connectors
        self._dispatcher, self._answers = desk.dispatcher, desk.answers
        self._finder, self._ways = desk.finder, desk.ways
        self._turns = Turns(self)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._heard = _Heard()
        self._noted: dict[str, float] = {}

    async def receive(self, request: web.Request) -> web.Response:
        """One activity. No JSON: 415 or 400; unsigned, forged, stale: 401; from elsewhere: 403; no trace."""
        if request.content_type != "application/json":
            return web.Response(status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            activity = _activity(await request.read())
        except (ValueError, RecursionError):
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        try:
            seat = await self._gate.admit(request.headers, activity)
            return await self._turns.run(Turn(activity, seat))
        except Refused as refused:
            self._note(refused)
            return web.Response(status=refused.status)
        except Malformed:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        except Foreign:
            return web.Response(status=HTTPStatus.FORBIDDEN)

    def _note(self, refused: Refused) -> None:
        """Why somebody was refused, once a minute and reason: an operator's mistake looks like an attack."""
        at = asyncio.get_running_loop().time()
        if at - self._noted.get(refused.why, float("-inf")) >= QUIET:
            self._noted[refused.why] = at
            log.warning("teams_refused", why=refused.why, status=int(refused.status))

    async def drain(self) -> None:
        """Wait for answers that are still under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- kinds (`turns.Hall`) ------------------------------------------------------------------------

    async def message(self, turn: Turn) -> web.Response:
        """Words, or a button of an old client. The answer is a message of its own, after this one's."""
        if reading.own(turn.activity):
            return web.Response()
        await self._guarded(turn, self._message)
        return web.Response()

    async def invoke(self, turn: Turn) -> web.Response:
        """Whatever Teams shows the answer of at once."""
        found = await self._guarded(turn, self._invoke)
        if found is NotImplemented:
            return web.Response(status=HTTPStatus.NOT_IMPLEMENTED)
        return web.json_response(found) if found is not None else web.Response()

    async def members(self, turn: Turn) -> web.Response:
        """People came or went: recorded before the answer, handled after it. The company's teams are not
        the network: who comes and goes there is nobody's business here."""
        side, place = turn.seat.side, reading.whole(reading.place_of, turn.activity)
        for way in reading.whole(reading.ways, turn.activity):
            await self._ways.met(way, side)
        if side is Side.ALUMNI or place.private:
            for event in reading.whole(reading.happenings, turn.activity):
                if await self._dispatcher.keep(event, side):
                    self._later(self._dispatcher.drive(event, side))
        return web.Response()

    async def installation(self, turn: Turn) -> web.Response:
        """The app was added or removed: where people are reached changes, and nobody is greeted over it."""
        gone = reading.whole(reading.removed, turn.activity)
        for way in reading.whole(reading.ways, turn.activity):
            await (self._ways.lost(way.address) if gone else self._ways.met(way, turn.seat.side))
        return web.Response()

    # --- messages ------------------------------------------------------------------------------------

    async def _message(self, turn: Turn) -> None:
        said = reading.whole(reading.message, turn.activity)
        if said is None:
            await self._ways.met(reading.whole(reading.way, turn.activity), turn.seat.side)
            return
        if self._heard.before(said.event_id):
            return
        made = await self._in_time(turn, said)
        self._later(self._say_later(turn, said, made))

    async def _say_later(self, turn: Turn, said: Acted, made: _Made) -> None:
        out, place = self._out(turn), reading.place_of(turn.activity)
        if made.outcome is None:
            await self._answers.typing(out, place)
        outcome = made.outcome or await made.work
        if isinstance(said, ButtonPressed) and in_place(outcome, place) is not None:
            await self._answers.replace(out, place, outcome)
        else:
            await self._answers.say(out, place, outcome, _again(said))

    # --- invokes -------------------------------------------------------------------------------------

    async def _invoke(self, turn: Turn) -> Any:
        match asked := reading.whole(reading.invoke, turn.activity):
            case None:
                return NotImplemented
            case PeopleSought():
                await self._ways.met(reading.way(turn.activity), turn.seat.side)
                return await self._finder.someone(asked, turn.seat.side)
            case OptionsSought():
                return self._answers.options((await self._in_time(turn, asked)).outcome)
        made = await self._in_time(turn, asked)
        if made.outcome is None:
            self._later(self._alone_later(turn, asked, made.work))
            actor = Actor(asked.address, turn.seat.side, locale=_language(turn))
            return self._answers.working(str(turn.activity["name"]), actor)
        return self._shown(turn, made.outcome, asked)

    def _shown(self, turn: Turn, outcome: Outcome, asked: Acted | None = None) -> Any:
        """The body of the answer to an invoke; what has to be said besides is said later."""
        name, place = str(turn.activity.get("name")), reading.place_of(turn.activity)
        if name == "application/search":
            return self._answers.options(outcome)
        if name.startswith("composeExtension/"):
            return None
        if name.startswith("task/"):
            return self._next(turn, outcome, asked)
        if in_place(outcome, place) is not None:
            self._later(self._answers.replace(self._out(turn), place, outcome))
        else:
            self._later(self._beside(turn, place, outcome, asked))
        return self._answers.pressed(outcome, place)

    def _next(self, turn: Turn, outcome: Outcome, asked: Acted | None) -> Any:
        """What a dialog shows next. A form may put its answer in the place of the card it was opened from."""
        if not isinstance(asked, FormSubmitted):
            return self._answers.dialog(outcome) or self._answers.nothing(outcome)
        place, sent = reading.place_of(turn.activity), turn.activity["value"]["data"]
        self._later(self._answers.replace(self._out(turn), place, outcome))
        return self._answers.dialog(outcome, typed_of(sent) if outcome.errors else None)

    async def _beside(self, turn: Turn, place: Place, outcome: Outcome, asked: Acted | None) -> None:
        """The answer to a button as a message; the pointer to it was the answer to the invoke."""
        again, shared = _again(asked), outcome.reply is not None and outcome.reply.to == "conversation"
        if place.private or shared:
            await self._answers.say(self._out(turn), place, outcome, again)
        else:
            await self._answers.alone(self._out(turn), outcome, again)

    async def _alone_later(self, turn: Turn, asked: Acted, work: Awaitable[Outcome]) -> None:
        await self._answers.alone(self._out(turn), await work, _again(asked))

    # --- in time, and later --------------------------------------------------------------------------

    async def _in_time(self, turn: Turn, incoming: Acted | OptionsSought) -> _Made:
        work = asyncio.get_running_loop().create_task(self._work(turn, incoming))
        done, _ = await asyncio.wait({work}, timeout=IN_TIME)
        return _Made(work.result() if done else None, work)

    async def _work(self, turn: Turn, incoming: Acted | OptionsSought) -> Outcome:
        side = turn.seat.side
        await self._ways.met(reading.way(turn.activity), side)
        outcome = await self._dispatcher.answer(incoming, side)
        if not outcome.errors or not isinstance(incoming, FormSubmitted):
            return outcome
        anew = ButtonPressed(incoming.address, incoming.conversation, incoming.event_id, incoming.bound)
        return replace(await self._dispatcher.answer(anew, side), errors=outcome.errors)

    def _out(self, turn: Turn) -> Out:
        return Out(turn.seat, self._connectors[turn.seat.side])

    def _later(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- refused, or broken --------------------------------------------------------------------------

    async def _guarded(self, turn: Turn, handle: Callable[[Turn], Awaitable[Any]]) -> Any:
        """What `handle` answers; a value that is not ours and a bug are told to the person, like all else."""
        try:
            return await handle(turn)
        except (Malformed, Foreign):
            raise
        except Forged:
            who = reading.whole(reading.who, turn.activity)
            outcome = await self._dispatcher.refuse(who, turn.seat.side, "common.outdated")
        except Exception as bug:  # the edge: the person is told, and finds the incident's code
            who = reading.whole(reading.who, turn.activity)
            outcome = await self._dispatcher.incident(who, turn.seat.side, bug)
        if turn.activity.get("type") == "invoke":
            return self._shown(turn, outcome)
        place = reading.whole(reading.place_of, turn.activity)
        return self._later(self._answers.say(self._out(turn), place, outcome))


def _again(asked: Arrival | None) -> Bound | None:
    """What brings the same answer once more, in a dialog."""
    match asked:
        case CommandUsed(words=words):
            return reading.again(words)
        case ButtonPressed(bound=bound):
            return replace(bound, opens_form=True)
    return None


def _language(turn: Turn) -> str:
    """The language of Teams itself, for one word while storage is the slow part."""
    return "ja" if str(turn.activity.get("locale") or "").lower().startswith("ja") else "en"


async def _logged(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except Exception as bug:  # after the answer nobody else would see it
        log.exception("answer_failed", error=type(bug).__name__, exc_info=bug)


def _activity(body: bytes) -> dict[str, Any]:
    """The activity of a request. Raises `ValueError` for what is none."""
    found = json.loads(body)
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise ValueError("no activity")
    return found
