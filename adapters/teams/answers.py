"""How an outcome reaches the person in Teams: as a message, in the answer to an invoke, or as a dialog.

Source: answer in time (house rule): 2.5 s until the answer, everything that waits for Teams after it. What is
for one person alone never stands where others read: it goes to their own chat with the bot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from adapters.teams.claims import Typed
from adapters.teams.connector import Connector, Spot
from adapters.teams.reading import Place
from adapters.teams.render import CARD, Reader, Renderer
from adapters.teams.seats import Seat
from adapters.teams.ways import Ways
from bot.conversation import Actor, Bound, Button, Buttons, Card, Paragraph, Text, t
from bot.dispatch import Outcome
from bot.errors import Trouble, Undeliverable
from bot.texts import Texts
from storage.references import Way

log = structlog.get_logger()
Json = dict[str, Any]
_SAID = "application/vnd.microsoft.activity.message"
POINTER = Card(t("teams.pointer"), (Paragraph(t("teams.pointer_why")),))
NO_CHAT = Card(t("teams.no_chat"), (Paragraph(t("teams.no_chat_right")),))


@dataclass(frozen=True, slots=True)
class Out:
    """One of our bots, and its way to the connectors."""

    seat: Seat
    connector: Connector


def reader_of(actor: Actor) -> Reader:
    """Who reads."""
    return Reader(actor.locale, actor.zone)


class Answers:
    """Renders outcomes and hands them to Teams."""

    def __init__(self, renderer: Renderer, texts: Texts, ways: Ways) -> None:
        self.renderer, self._texts, self._ways = renderer, texts, ways

    # --- in the answer to an invoke ------------------------------------------------------------------

    def pressed(self, outcome: Outcome, place: Place) -> Json:
        """The answer to a button: a new card in the place of the old one, or a word where the answer is."""
        reply, actor = outcome.reply, outcome.actor
        if actor is None:
            return self._said(t("teams.done"), "en")
        if (card := in_place(outcome, place)) is not None:
            content = self.renderer.card(card, reader_of(actor))
            return {"statusCode": 200, "type": CARD, "value": content}
        if reply is None and outcome.form is None:
            return self._said(t("teams.done"), actor.locale)
        here = place.private or _public(outcome)
        return self._said(t("teams.below") if here else t("teams.pointer"), actor.locale)

    def dialog(self, outcome: Outcome, typed: Mapping[str, Typed] | None = None) -> Json | None:
        """The next content of a dialog; `None` closes it. `typed` stands in the form again, with the errors
        beside it."""
        shown = outcome.form or (outcome.reply.card if outcome.reply else None)
        if shown is None or outcome.actor is None:
            return None
        value = self.renderer.dialog(shown, reader_of(outcome.actor), typed, outcome.errors)
        return {"task": {"type": "continue", "value": value}}

    def nothing(self, outcome: Outcome) -> Json:
        """The answer to a dialog that opens on nothing: a word, because Teams takes no empty one."""
        words = self._texts.plain(t("teams.done"), outcome.actor.locale if outcome.actor else "en")
        return {"task": {"type": "message", "value": words}}

    def options(self, outcome: Outcome | None) -> Json:
        """Suggestions; none when they were not there in time."""
        actor = outcome.actor if outcome else None
        reader = reader_of(actor) if actor else Reader("en", "")
        return self.renderer.options(outcome.options if outcome else (), reader)

    def working(self, name: str, actor: Actor) -> Json:
        """What is answered while the answer is still being made; it comes into the chat then."""
        if name.startswith("task/"):
            words = self._texts.plain(t("common.working"), actor.locale)
            return {"task": {"type": "message", "value": words}}
        return self._said(t("common.working"), actor.locale)

    def _said(self, words: Text, locale: str) -> Json:
        return {"statusCode": 200, "type": _SAID, "value": self._texts.plain(words, locale)}

    # --- as a message --------------------------------------------------------------------------------

    async def say(self, out: Out, place: Place, outcome: Outcome, again: Bound | None = None) -> None:
        """Answer in the conversation, or in the person's own chat when others read in that one. `again` is
        what shows it in a dialog, for what no message may hold."""
        card, actor = _kept(outcome, again), outcome.actor
        if card is None or actor is None:
            return
        if place.private or _public(outcome):
            await self._post(out, _spot(place), card, actor)
        else:
            pointer = POINTER if await self._privately(out, card, actor) else NO_CHAT
            await self._post(out, _spot(place), pointer, actor)

    async def alone(self, out: Out, outcome: Outcome, again: Bound | None = None) -> None:
        """Answer in the person's own chat, wherever it was asked."""
        card = _kept(outcome, again)
        if card is not None and outcome.actor is not None:
            await self._privately(out, card, outcome.actor)

    async def replace(self, out: Out, place: Place, outcome: Outcome) -> None:
        """Put the answer in the place of the card that was pressed, for every device of the person: what an
        invoke answers is shown on the one where it was pressed. Source: Universal Actions."""
        card = in_place(outcome, place)
        if card is None or outcome.actor is None:
            return
        message, spot = self.renderer.message(card, reader_of(outcome.actor)), _spot(place)
        try:
            await out.connector.edit(spot, place.message, message)
        except Trouble as trouble:
            _lost(trouble, "edit")

    async def typing(self, out: Out, place: Place) -> None:
        """Say that an answer is on its way."""
        try:
            await out.connector.post(_spot(place), {"type": "typing"})
        except Trouble as trouble:
            _lost(trouble, "typing")

    async def _post(self, out: Out, spot: Spot, card: Card, actor: Actor) -> bool:
        """Answers are shown once and never repeated blindly."""
        try:
            await out.connector.post(spot, self.renderer.message(card, reader_of(actor)))
        except Trouble as trouble:
            return _lost(trouble, "post")
        return True

    async def _privately(self, out: Out, card: Card, actor: Actor) -> bool:
        """Whether the person got it in a chat of their own, opened for this if need be."""
        way = await self._ways.to(actor.address)
        if way is None:
            return False
        try:
            chat = way.conversation or await out.connector.open(way.service_url, actor.address.user)
        except Trouble as trouble:
            return _lost(trouble, "open")
        await self._ways.met(Way(way.address, way.service_url, chat), out.seat.side)
        return await self._post(out, Spot(way.service_url, chat), card, actor)


def _spot(place: Place) -> Spot:
    return Spot(place.service_url, place.conversation)


def in_place(outcome: Outcome, place: Place) -> Card | None:
    """What takes the place of the card that was pressed. A card that others see too stays as it is."""
    reply = outcome.reply
    if reply is None or not reply.replaces or reply.card.sensitive:
        return None
    return reply.card if place.private and place.message else None


def _public(outcome: Outcome) -> bool:
    """Whether the answer is for everybody who reads there."""
    reply = outcome.reply
    return reply is not None and reply.to == "conversation" and not reply.card.sensitive


def _kept(outcome: Outcome, again: Bound | None) -> Card | None:
    """What a message may hold: instead of a form or a secret the button that opens it."""
    if outcome.form is not None:
        button = Button(t("common.open_form"), outcome.form.submit, "primary")
        body = (Paragraph(t("common.form_ready")), Buttons((button,)))
        return Card(outcome.form.title, body, t("common.notice"))
    if outcome.reply is None or not outcome.reply.card.sensitive:
        return outcome.reply.card if outcome.reply else None
    if again is None:
        return Card(t("common.ask_again"), (Paragraph(t("common.ask_again_why")),), t("common.notice"))
    button = Button(t("teams.show"), again, "primary")
    return Card(t("teams.hidden"), (Paragraph(t("teams.hidden_why")), Buttons((button,))), t("common.notice"))


def _lost(trouble: Trouble, what: str) -> bool:
    reason = str(trouble)
    log.warning("teams_answer_lost", what=what, reason=reason, final=isinstance(trouble, Undeliverable))
    return False
