"""How an outcome reaches the person in Slack: in the ack, by `response_url`, as a dialog, or as the Home.

Source: answer in time (house rule): 2.5 s before the ack, everything that waits for Slack after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from adapters.slack.read import Origin, pack
from adapters.slack.render import Renderer
from bot.conversation import Actor, Button, Buttons, Card, Form, Paragraph, t
from bot.dispatch import Outcome

log = structlog.get_logger()
LOST = (aiohttp.ClientError, TimeoutError)
Json = dict[str, Any]


class Answers:
    """Renders outcomes for one workspace and hands them to Slack."""

    def __init__(self, client: AsyncWebClient, renderer: Renderer, team: str) -> None:
        self._client, self._renderer, self._team = client, renderer, team

    # --- rendering ---------------------------------------------------------------------------------

    def message(self, card: Card, actor: Actor) -> Json:
        """A card as message content."""
        return self._renderer.message(card, actor.locale, actor.zone, self._team)

    def dialog(self, card: Card, actor: Actor) -> Json:
        """A card as a dialog."""
        return self._renderer.modal(card, actor.locale, actor.zone, self._team)

    def form(self, form: Form, actor: Actor, response_url: str = "") -> Json:
        """A form as a dialog that remembers the message it was opened from."""
        view = self._renderer.form(form, actor.locale, actor.zone, self._team)
        return view | {"private_metadata": pack(view["private_metadata"], response_url)}

    def view(self, outcome: Outcome, response_url: str = "") -> Json | None:
        """Whatever the outcome shows, as a dialog."""
        if outcome.actor is None:
            return None
        if outcome.form is not None:
            return self.form(outcome.form, outcome.actor, response_url)
        return self.dialog(outcome.reply.card, outcome.actor) if outcome.reply else None

    def errors(self, outcome: Outcome) -> Json:
        """Errors beside their fields."""
        actor = outcome.actor
        locale, zone = (actor.locale, actor.zone) if actor else ("ja", "Asia/Tokyo")
        return self._renderer.errors(outcome.errors, locale, zone)

    def options(self, outcome: Outcome) -> Json:
        """Suggestions."""
        return self._renderer.options(outcome.options, outcome.actor.locale if outcome.actor else "ja")

    def in_ack(self, outcome: Outcome, *, late: bool = False) -> Json | None:
        """The body of a command's ack, if the answer fits there; `late`: instead of a form its button."""
        reply, actor = outcome.reply, outcome.actor
        if actor is None or (reply is None and not late) or (reply is not None and reply.card.sensitive):
            return None
        card = self.kept(outcome)
        kind = "in_channel" if reply is not None and reply.to == "conversation" else "ephemeral"
        return self.message(card, actor) | {"response_type": kind} if card is not None else None

    def kept(self, outcome: Outcome) -> Card | None:
        """What a message may hold: instead of a form its button, instead of a secret how to see it."""
        if outcome.form is not None:
            return self._ready(outcome.form)
        if outcome.reply is not None and outcome.reply.card.sensitive:
            return Card(t("common.ask_again"), (Paragraph(t("common.ask_again_why")),), t("common.notice"))
        return outcome.reply.card if outcome.reply else None

    def _ready(self, form: Form) -> Card:
        """A card whose one button opens a form, where a form cannot be opened by itself."""
        button = Button(t("common.open_form"), form.submit, "primary")
        return Card(form.title, (Paragraph(t("common.form_ready")), Buttons((button,))), t("common.notice"))

    # --- after the ack -----------------------------------------------------------------------------

    async def open(self, trigger: str, view: Json | None, over: Origin = Origin()) -> bool:  # noqa: B008 - immutable
        """Open a dialog, on top of another one where there is one; false when Slack would not."""
        if view is None:
            return True
        if not trigger:
            return False
        method = "views.push" if over.view_type == "modal" else "views.open"
        return not await self._call(method, {"trigger_id": trigger, "view": view})

    async def update(self, view_id: str, view: Json | None, known: str = "") -> None:
        """Put another content into an open dialog, unless it has changed since `known` (its hash)."""
        if view is not None:
            content = {"view_id": view_id, "view": view} | ({"hash": known} if known else {})
            await self._call("views.update", content)

    async def publish(self, user: str, outcome: Outcome, known: str = "") -> bool:
        """Show the Home; false when another one than `known` (its hash) is shown by now."""
        if outcome.reply is None or outcome.actor is None:
            return True
        actor = outcome.actor
        view = self._renderer.home(outcome.reply.card, actor.locale, actor.zone, self._team)
        content = {"user_id": user, "view": view} | ({"hash": known} if known else {})
        return await self._call("views.publish", content) != "hash_conflict"

    async def say(self, channel: str, outcome: Outcome) -> None:
        """Answer in the conversation with the bot; `channel` may be the person's user id."""
        card = self.kept(outcome)
        if card is not None and outcome.actor is not None:
            await self._call("chat.postMessage", {"channel": channel, **self.message(card, outcome.actor)})

    async def respond(self, response_url: str, outcome: Outcome, *, shared: bool = False) -> None:
        """Answer through a `response_url`: a form or a secret becomes a card with a button there.

        What stands in a `shared` place stays: only the one who pressed sees the answer, below it.
        """
        card, reply = self.kept(outcome), outcome.reply
        if card is None or outcome.actor is None or not response_url:
            return
        kind = "in_channel" if reply and reply.to == "conversation" else "ephemeral"
        replaces = bool(reply and reply.replaces and not reply.card.sensitive and not shared)
        content = self.message(card, outcome.actor) | {"replace_original": replaces, "response_type": kind}
        await self._post(response_url, content)

    async def _post(self, response_url: str, content: Mapping[str, Any]) -> None:
        """Post to a `response_url` (five times within 30 minutes)."""
        hook = AsyncWebhookClient(response_url, session=self._client.session, retry_handlers=[])
        try:
            answer = await hook.send_dict(dict(content))
        except LOST as lost:
            log.warning("response_url_lost", error=type(lost).__name__)
            return
        if answer.status_code != 200:
            log.warning("response_url_refused", status=answer.status_code)

    async def _call(self, method: str, content: Json) -> str:
        """Call Slack; its word for why not, or "". Answers are shown once and never repeated blindly."""
        try:
            await self._client.api_call(method, json=content)
        except SlackClientError as refused:
            word = _word(refused)
        except LOST as lost:
            word = type(lost).__name__
        else:
            return ""
        log.warning("slack_refused", method=method, error=word)
        return word

    async def after_press(self, trigger: str, place: Origin, outcome: Outcome) -> bool:
        """Show what came of it where it was pressed or typed; an empty trigger is too late for a new dialog.

        False when it cannot be shown there.
        """
        if outcome.form is None and outcome.reply is None:
            return True
        if place.view_type == "modal":
            return await self._in_modal(trigger, place, outcome)
        secret = outcome.reply is not None and outcome.reply.card.sensitive
        own = "" if place.shared else place.response_url
        if (place.view_type or outcome.form or secret) and await self.open(
            trigger, self.view(outcome, own), place
        ):
            return True
        await self.respond(place.response_url, outcome, shared=place.shared)
        return bool(place.response_url)

    async def _in_modal(self, trigger: str, place: Origin, outcome: Outcome) -> bool:
        """A form lies on top of the dialog; too late, or on three already, it takes the place of the last."""
        view = self.view(outcome)
        if outcome.form is None or not await self.open(trigger, view, place):
            await self.update(place.view, view, place.hash)
        return True

    async def after_submission(self, response_url: str, outcome: Outcome) -> None:
        """A form opened from a card may put its answer in the place of that card."""
        if outcome.reply and outcome.reply.replaces and not outcome.reply.card.sensitive:
            await self.respond(response_url, outcome)


def working(answers: Answers, actor: Actor) -> Json:
    """What a dialog shows while the answer is still being made."""
    return answers.dialog(Card(t("common.working"), (), t("common.notice")), actor)


def _word(refused: SlackClientError) -> str:
    response = getattr(refused, "response", None)
    return str(response.get("error")) if response is not None else type(refused).__name__
