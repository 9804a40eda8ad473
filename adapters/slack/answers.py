"""How an outcome reaches the person in Slack: in the ack, by `response_url`, as a dialog, or as the Home.

Source: answer in time (house rule): 2.5 s before the ack, everything that waits for Slack after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from adapters.slack.read import Origin, pack
from adapters.slack.render import Renderer
from bot.conversation import Actor, Button, Buttons, Card, Form, Paragraph, t
from bot.dispatch import Outcome

log = structlog.get_logger()
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

    def in_ack(self, outcome: Outcome) -> Json | None:
        """The body of a command's ack, when the answer can be given there."""
        reply, actor = outcome.reply, outcome.actor
        if reply is None or actor is None or reply.card.sensitive:
            return None
        kind = "in_channel" if reply.to == "conversation" else "ephemeral"
        return self.message(reply.card, actor) | {"response_type": kind}

    def ready(self, form: Form) -> Card:
        """A card whose one button opens a form, where a form cannot be opened by itself."""
        button = Button(t("common.open_form"), form.submit, "primary")
        return Card(form.title, (Paragraph(t("common.form_ready")), Buttons((button,))), t("common.notice"))

    # --- after the ack -----------------------------------------------------------------------------

    async def open(self, trigger: str, view: Json | None, over: Origin = Origin()) -> bool:  # noqa: B008 - immutable
        """Open a dialog, on top of another one where there is one; false when Slack would not."""
        if view is None:
            return True
        method = "views.push" if over.view_type == "modal" else "views.open"
        try:
            await self._client.api_call(method, json={"trigger_id": trigger, "view": view})
        except SlackClientError as refused:
            log.warning("dialog_not_opened", error=_word(refused))
            return False
        return True

    async def update(self, view_id: str, view: Json | None) -> None:
        """Put another content into an open dialog."""
        if view is not None:
            await self._call("views.update", {"view_id": view_id, "view": view})

    async def publish(self, user: str, outcome: Outcome) -> None:
        """Show the Home."""
        if outcome.reply is None or outcome.actor is None:
            return
        actor = outcome.actor
        view = self._renderer.home(outcome.reply.card, actor.locale, actor.zone, self._team)
        await self._call("views.publish", {"user_id": user, "view": view})

    async def say(self, channel: str, outcome: Outcome) -> None:
        """Answer words typed in the conversation with the bot."""
        actor = outcome.actor
        if actor is None:
            return
        card = self.ready(outcome.form) if outcome.form else outcome.reply.card if outcome.reply else None
        if card is not None and not card.sensitive:
            await self._call("chat.postMessage", {"channel": channel, **self.message(card, actor)})

    async def respond(self, response_url: str, outcome: Outcome) -> None:
        """Answer through a `response_url`: a form or a secret becomes a card with a button there."""
        actor, reply = outcome.actor, outcome.reply
        if actor is None or (reply is None and outcome.form is None):
            return
        replaces = bool(reply and reply.replaces)
        card = self.ready(outcome.form) if outcome.form else reply.card if reply else None
        if card is None or card.sensitive:
            return
        kind = "in_channel" if reply and reply.to == "conversation" else "ephemeral"
        await self.post(response_url, self.message(card, actor) | {"replace_original": replaces, "response_type": kind})

    async def post(self, response_url: str, content: Mapping[str, Any]) -> None:
        """Post to a `response_url` (five times within 30 minutes)."""
        if not response_url:
            return
        hook = AsyncWebhookClient(response_url, session=self._client.session, retry_handlers=[])
        answer = await hook.send_dict(dict(content))
        if answer.status_code != 200:
            log.warning("response_url_refused", status=answer.status_code)

    async def _call(self, method: str, content: Json) -> None:
        try:
            await self._client.api_call(method, json=content)
        except SlackClientError as refused:
            log.warning("slack_refused", method=method, error=_word(refused))

    async def after_press(self, trigger: str, place: Origin, outcome: Outcome) -> None:
        """Show what a pressed button led to, where the button stands."""
        reply = outcome.reply
        if place.view_type == "modal" and reply is not None:
            await self.update(place.view, self.view(outcome))
        elif outcome.form or place.view_type or (reply is not None and reply.card.sensitive):
            opened = await self.open(trigger, self.view(outcome, place.response_url), place)
            if not opened and place.response_url:
                await self.respond(place.response_url, outcome)
        else:
            await self.respond(place.response_url, outcome)

    async def after_submission(self, response_url: str, outcome: Outcome) -> None:
        """A form opened from a card may put its answer in the place of that card."""
        if response_url and outcome.reply and outcome.reply.replaces and not outcome.reply.card.sensitive:
            await self.respond(response_url, outcome)


def working(answers: Answers, actor: Actor) -> Json:
    """What a dialog shows while the answer is still being made."""
    return answers.dialog(Card(t("common.working"), (), t("common.notice")), actor)


def _word(refused: SlackClientError) -> str:
    response = getattr(refused, "response", None)
    return str(response.get("error")) if response is not None else type(refused).__name__
