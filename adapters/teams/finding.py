"""The message extension "find someone": who looks for whom, and what may be put into a conversation.

Source: platform-facts T10: it is asked at every keystroke and has 5 s; what is inserted is read by everybody
there, so it holds only what the person shows to every alumnus, and nothing at all on the company's side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from adapters.teams.answers import reader_of
from adapters.teams.reading import PeopleSought
from adapters.teams.render import Renderer
from adapters.teams.spelling import in_teams
from bot.commands import find
from bot.conversation import Actor, Address, Block, Card, Facts, OptionsSought, Paragraph, Side, Text, t
from bot.dispatch import Dispatcher, Outcome
from bot.texts import Texts
from bot.verbs import normal_words
from bot.visibility import CHOOSABLE, Audience
from storage import search
from storage.engine import Database
from storage.people import Profile

Json = dict[str, Any]


@dataclass(slots=True)
class _Queue:
    """One person's look-ups: whether one is under way, how many are there, the number of the newest."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    inside: int = 0
    newest: int = 0


class Keystrokes:
    """One look-up at a time for each person, so that nobody's typing keeps others waiting: of what was typed
    meanwhile only the newest is looked up."""

    def __init__(self) -> None:
        self._queues: dict[Address, _Queue] = {}

    async def latest(self, who: Address, look: Callable[[], Awaitable[Json]]) -> Json | None:
        """What `look` gives, or `None` when they typed on before its turn came. Raises what it raises."""
        queue = self._queues.setdefault(who, _Queue())
        queue.newest += 1
        queue.inside += 1
        mine = queue.newest
        try:
            async with queue.turn:
                return await look() if mine == queue.newest else None
        finally:
            queue.inside -= 1
            if not queue.inside:
                del self._queues[who]


class Finder:
    """Answers `composeExtension/query`."""

    def __init__(self, dispatcher: Dispatcher, database: Database, renderer: Renderer, texts: Texts) -> None:
        self._dispatcher, self._database = dispatcher, database
        self._renderer, self._texts = renderer, in_teams(texts)
        self._keystrokes = Keystrokes()

    async def someone(self, asked: PeopleSought, side: Side) -> Json:
        """A page of people, or a sentence: that nothing was typed, nobody found, or why not here. An empty
        page for what nobody waits for any more."""
        found = await self._keystrokes.latest(asked.address, lambda: self._found(asked, side))
        return _page([]) if found is None else found

    async def _found(self, asked: PeopleSought, side: Side) -> Json:
        outcome = await self._allowed(asked, side)
        actor, words = outcome.actor or Actor(asked.address, side), normal_words(asked.query)
        if outcome.reply is not None:
            return self._told(_why(outcome.reply.card), actor)
        if not words:
            return self._told(t("teams.find_prompt"), actor)
        page, size = asked.skip // asked.count + 1, asked.count
        found = await self._database.run(
            lambda tx: search.find(tx, words, Audience.ALUMNI, page, size), reads=True
        )
        if not found.hits:
            return self._told(t("find.nobody", query=words), actor)
        return _page([self._renderer.person(_card(hit), reader_of(actor)) for hit in found.hits])

    async def _allowed(self, asked: PeopleSought, side: Side) -> Outcome:
        """Whether they may look people up at all, by the rules of the command; it suggests nobody for ""."""
        if side is Side.COMPANY:
            return await self._dispatcher.refuse(asked, side, "common.other_side")
        sought = OptionsSought(asked.address, asked.conversation, asked.event_id, find.someone(), "who", "")
        return await self._dispatcher.answer(sought, side)

    def _told(self, words: Text | str, actor: Actor) -> Json:
        text = self._texts.plain(words, actor.locale, actor.zone)
        return {"composeExtension": {"type": "message", "text": text}}


def _page(drawn: list[Json]) -> Json:
    return {"composeExtension": {"type": "result", "attachmentLayout": "list", "attachments": drawn}}


def _why(refusal: Card) -> Text | str:
    """The sentence of a refusal, without its heading."""
    told = [block.text for block in refusal.body if isinstance(block, Paragraph)]
    return told[0] if told else refusal.title


def _card(hit: Profile) -> Card:
    shown = ((t(f"profile.field.{name}"), getattr(hit, name)) for name in CHOOSABLE)
    rows = tuple((label, value) for label, value in shown if value)
    facts: tuple[Block, ...] = (Facts(rows),) if rows else ()
    return Card(hit.name, facts, t("common.notice"))
