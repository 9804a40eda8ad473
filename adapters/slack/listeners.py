"""One Slack app's listeners: what people do becomes the house's own values, answered within Slack's time.

One catch-all listener per kind; its end is the response to Slack, so that whatever waits for Slack goes to
`later`. Each is run by `Listeners._listener`: nothing escapes it (Bolt would take an ack back), a payload
that is not Slack's is a 400, a bug is a card with an incident code.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import read
from adapters.slack.answers import Answers, working
from adapters.slack.read import Foreign, Forged, Malformed
from adapters.slack.render import Renderer
from bot.conversation import (
    Actor,
    Arrival,
    ButtonPressed,
    CommandUsed,
    FormSubmitted,
    HomeOpened,
    Incoming,
    OptionsSought,
    Side,
)  # fmt: skip
from bot.dispatch import Dispatcher, Outcome

log = structlog.get_logger()
IN_TIME = 2.5
"""Seconds until the ack; Slack waits three."""
FORM_IN_TIME = 1.5
"""Seconds in which a form can still be opened: its trigger ends three seconds after the press."""
EVERYTHING = re.compile(".*", re.DOTALL)

Body = dict[str, Any]
T = TypeVar("T")
Later = Callable[[Coroutine[Any, Any, Any]], None]


@dataclass(frozen=True, slots=True)
class SlackApp:
    """One Slack app as its side configured it."""

    side: Side
    app_id: str
    team: str
    signing_secret: str
    client: AsyncWebClient


class _OurOwn(AsyncAuthorize):
    """No `auth.test` per request: the token is the app's own (platform-facts, finding 8)."""

    def __init__(self, app: SlackApp) -> None:
        self._result = AuthorizeResult(enterprise_id=None, team_id=app.team, bot_token=app.client.token)

    async def __call__(self, **_: Any) -> AuthorizeResult:
        return self._result


async def _not_slacks() -> BoltResponse:
    """Our listeners never raise: Bolt could not read the payload. Its own handler would log the message."""
    return BoltResponse(status=400)


@dataclass(frozen=True, slots=True)
class _Made:
    """What came of something within its time: the outcome, or `None` and the work that goes on; seconds."""

    outcome: Outcome | None
    work: Awaitable[Outcome]
    seconds: float

    @property
    def too_late_for_a_form(self) -> bool:
        return self.seconds > FORM_IN_TIME


class Listeners:
    """Receives one app's payloads from Bolt; `later` runs what comes after an ack."""

    def __init__(self, app: SlackApp, dispatcher: Dispatcher, renderer: Renderer, later: Later) -> None:
        self._app, self._dispatcher, self._later = app, dispatcher, later
        self._answers = Answers(app.client, renderer, app.team)

    def bolt(self) -> AsyncApp:
        """A Bolt app with one catch-all listener per kind, our own authorize and no environment.

        `process_before_response`: else Bolt acks every event by itself before we have kept it, and polls for
        all other acks (slack_bolt 1.30, listener/asyncio_runner.py).
        """
        app = AsyncApp(
            name="okaeri",  # else Bolt looks for one in the source of whoever called
            logger=logging.getLogger("okaeri.bolt"),
            client=self._app.client,
            authorize=_OurOwn(self._app),
            signing_secret=self._app.signing_secret,
            process_before_response=True,
            request_verification_enabled=False,
            ssl_check_enabled=False,
            attaching_function_token_enabled=False,
        )
        app.error(_not_slacks)
        app.command(EVERYTHING)(self._listener(read.command, self._on_command))
        app.action(EVERYTHING)(self._listener(read.press, self._on_action))
        app.view(EVERYTHING)(self._listener(read.submission, self._on_submission))
        app.options(EVERYTHING)(self._listener(read.search, self._on_options))
        app.shortcut(EVERYTHING)(self._listener(read.shortcut, self._on_shortcut))
        app.event(EVERYTHING)(self._listener(read.event, self._on_event))
        return app

    def _listener(
        self, reader: Callable[[read.Json], T], handle: Callable[[AsyncAck, Body, T], Awaitable[None]]
    ) -> Callable[[AsyncAck, Body], Awaitable[None]]:
        async def listen(ack: AsyncAck, body: Body) -> None:
            try:
                await handle(ack, body, read.whole(reader, body))
            except Malformed:
                ack.response = BoltResponse(status=400)
            except (Foreign, Forged) as forged:
                await self._refuse(ack, body, forged)
            except Exception as bug:  # the edge: an ack is never taken back, and the person is told
                outcome = await self._dispatcher.incident(read.who(body), self._app.side, bug)
                await self._tell(ack, body, outcome)

        return listen

    # --- kinds -------------------------------------------------------------------------------------

    async def _on_command(self, ack: AsyncAck, body: Body, used: CommandUsed) -> None:
        made = await self._in_time(used)
        url = str(body.get("response_url") or "")
        if made.outcome is None:
            await ack()
            self._later(self._respond_later(made.work, url))
        elif content := self._answers.in_ack(made.outcome, late=made.too_late_for_a_form):
            await ack(**content)
        else:
            await ack()
            self._later(self._shown(str(body.get("trigger_id")), read.Origin(url), made.outcome))

    async def _on_shortcut(self, ack: AsyncAck, body: Body, used: CommandUsed) -> None:
        made = await self._in_time(used, FORM_IN_TIME)
        await ack()
        self._later(self._after_shortcut(str(body.get("trigger_id")), used, made))

    async def _on_action(self, ack: AsyncAck, body: Body, pressed: ButtonPressed | None) -> None:
        if pressed is None:
            await ack()
            return
        made = await self._in_time(pressed)
        await ack()
        self._later(self._after_press(body, pressed, made))

    async def _on_submission(self, ack: AsyncAck, body: Body, sent: FormSubmitted) -> None:
        _, url = read.unpack(body["view"])
        made = await self._in_time(sent)
        outcome = made.outcome
        if outcome is None:
            await ack(response_action="update", view=working(self._answers, await self._actor(sent)))
            self._later(self._update_later(made.work, str(body["view"]["id"]), url))
        elif outcome.errors:
            await ack(**self._answers.errors(outcome))
        elif view := self._answers.view(outcome):
            await ack(response_action="update", view=view)
            self._later(self._answers.after_submission(url, outcome))
        else:
            await ack()

    async def _on_options(self, ack: AsyncAck, body: Body, sought: OptionsSought) -> None:
        outcome = (await self._in_time(sought)).outcome
        await ack(**(self._answers.options(outcome) if outcome else {"options": []}))

    async def _on_event(self, ack: AsyncAck, body: Body, event: read.Event | None) -> None:
        match event:
            case None:
                await ack()
            case HomeOpened():
                await ack()
                shown = body["event"].get("view") or {}
                self._later(self._home(event, str(shown.get("hash") or "")))
            case CommandUsed():
                made = await self._in_time(event, repeats=True)
                await ack()
                self._later(self._say_later(made.work, event.conversation.channel))
            case happening:
                fresh = await self._dispatcher.keep(happening, self._app.side)
                await ack()
                if fresh:
                    self._later(self._dispatcher.drive(happening, self._app.side))

    # --- in time, and after the ack ----------------------------------------------------------------

    async def _in_time(self, incoming: Incoming, limit: float = IN_TIME, *, repeats: bool = False) -> _Made:
        """What comes of it within the limit; the work goes on in any case."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        work = loop.create_task(self._work(incoming, repeats=repeats))
        done, _ = await asyncio.wait({work}, timeout=limit)
        return _Made(work.result() if done else None, work, loop.time() - began)

    async def _work(self, incoming: Incoming, *, repeats: bool) -> Outcome:
        outcome = await self._dispatcher.answer(incoming, self._app.side, repeats=repeats)
        if outcome.unmet:
            self._later(self._dispatcher.meet(incoming, self._app.side))
        return outcome

    async def _actor(self, arrival: Arrival) -> Actor:
        """Who did it, for the language of "working…"; not waited for when storage is the slow part."""
        asked = asyncio.ensure_future(self._dispatcher.who(arrival, self._app.side))
        await asyncio.wait({asked}, timeout=0.2)
        known = asked.done() and not asked.cancelled() and asked.exception() is None
        return asked.result() if known else Actor(arrival.address, self._app.side)

    async def _respond_later(self, work: Awaitable[Outcome], url: str) -> None:
        await self._answers.respond(url, await work)

    async def _say_later(self, work: Awaitable[Outcome], channel: str) -> None:
        await self._answers.say(channel, await work)

    async def _after_shortcut(self, trigger: str, used: CommandUsed, made: _Made) -> None:
        outcome = made.outcome or await made.work
        opened = made.outcome is not None and await self._answers.open(trigger, self._answers.view(outcome))
        if not opened:
            await self._answers.say(used.address.user, outcome)

    async def _after_press(self, body: Body, pressed: ButtonPressed, made: _Made) -> None:
        place, outcome = read.origin(body), made.outcome or await made.work
        late = made.outcome is None or (outcome.form is not None and made.too_late_for_a_form)
        trigger = "" if late else str(body.get("trigger_id"))
        shown = await self._answers.after_press(trigger, place, outcome)
        if not shown:
            await self._answers.say(pressed.address.user, outcome)
        if place.view_type == "home":
            await self._home(HomeOpened(pressed.address, pressed.conversation, pressed.event_id), place.hash)

    async def _update_later(self, work: Awaitable[Outcome], view_id: str, url: str) -> None:
        outcome = await work
        await self._answers.update(view_id, self._answers.view(outcome))
        await self._answers.after_submission(url, outcome)

    async def _home(self, event: HomeOpened, known: str) -> None:
        """Show the Home; when another one was shown meanwhile (`known` is its former hash), as it is now."""
        if not await self._answers.publish(event.address.user, await self._work(event, repeats=False), known):
            await self._answers.publish(event.address.user, await self._work(event, repeats=False))

    # --- refused, or broken ------------------------------------------------------------------------

    async def _refuse(self, ack: AsyncAck, body: Body, forged: Exception) -> None:
        """Somebody of another workspace, or a value that is not ours: said kindly, in their language."""
        key = "common.members_only" if isinstance(forged, Foreign) else "common.outdated"
        await self._tell(ack, body, await self._dispatcher.refuse(read.who(body), self._app.side, key))

    async def _tell(self, ack: AsyncAck, body: Body, outcome: Outcome) -> None:
        """Show an outcome to whoever did something, wherever that can be shown."""
        kind, acked = body.get("type"), ack.response is not None
        if kind == "view_submission" and not acked:
            await ack(response_action="update", view=self._answers.view(outcome))
        elif kind == "block_suggestion" and not acked:
            await ack(options=[])
        elif kind == "event_callback" and outcome.broke and not acked:
            ack.response = BoltResponse(status=503)  # it was not recorded: Slack tells it again
        else:
            await (ack() if not acked else asyncio.sleep(0))
        if kind not in ("view_submission", "block_suggestion", "event_callback"):
            self._later(self._shown(str(body.get("trigger_id")), read.origin(body), outcome))

    async def _shown(self, trigger: str, place: read.Origin, outcome: Outcome) -> None:
        if place.response_url or place.view:
            await self._answers.after_press(trigger, place, outcome)
        else:
            await self._answers.open(trigger, self._answers.view(outcome))
