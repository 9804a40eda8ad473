"""The local Teams on the page: the chat with the bot, a channel, dialogs, the tab. What one does there is in
`page_teams_acts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Literal

from markupsafe import Markup, escape

from adapters.playground import page_redeem, page_teams_acts
from adapters.playground.backstage import Side
from adapters.playground.blocks import lines
from adapters.playground.local_teams import Conversation, Dialog, LocalTeams, Message
from adapters.playground.page_chat import Act, Show
from adapters.playground.page_parts import Page, draw
from adapters.playground.page_scene import Looking, Room
from adapters.playground.teams_cards import inputs
from adapters.playground.words import clock_face

JOIN_PATH = "/local-teams/join"
_MENTION = re.compile(r"<at>(.*?)</at>")
_NOWHERE: Mapping[str, Any] = {
    "name": "", "bot": "", "commands": [], "shortcuts": [], "away": True, "channel": "", "finder": ""
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Menu:
    """What an app's manifest offers in one language: commands (title, description) in one's own chat and
    among others, and what its message extension is called; empty when it has none."""

    alone: tuple[tuple[str, str], ...]
    shared: tuple[tuple[str, str], ...]
    finder: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """What a side is called, its bot, and by language what the bot's app offers."""

    name: str
    bot: str
    menus: Mapping[str, Menu]


@dataclass(frozen=True, slots=True)
class Post:
    """One row of a conversation: a day's heading, or a message as one person sees it."""

    kind: Literal["day", "message"]
    at: datetime
    author: str = ""
    words: Markup = field(default_factory=Markup)
    card: Mapping[str, Any] | None = None
    message: Message | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class TeamsChat:
    """Two tenants on the page: `adapters.playground.page_chat.Chat`."""

    teams: LocalTeams
    sides: Mapping[Side, str]
    homes: Mapping[Side, Home]
    found: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Person -> what the message extension showed them last."""
    labels: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """(Person, search field) -> the words of the values that were offered there."""
    kind: Literal["teams"] = "teams"

    @property
    def version(self) -> int:
        """The local Teams' own count."""
        return self.teams.version

    @property
    def acts(self) -> Mapping[str, Act]:
        """Everything goes through the local Teams, so that real signed activities are sent."""
        return {name: partial(act, self) for name, act in page_teams_acts.ACTS.items()}

    @property
    def doors(self) -> Mapping[tuple[str, str], Show]:
        """Where a guest accepts an invitation."""
        return {
            ("GET", JOIN_PATH): partial(page_redeem.shows, self),
            ("POST", JOIN_PATH): partial(page_redeem.redeems, self),
        }

    def led(self, words: str, page: Page, mail: int, _ampersand: str = "&") -> str:
        """The mail's words, with Microsoft's link to accept an invitation leading to the page that does."""
        for one in self.teams.invitations(self.sides["alumni"]):
            here = f"http://localhost:{page.port}{JOIN_PATH}?invitation={one.id}"
            words = words.replace(one.url, here).replace(str(escape(one.url)), here)
        return words

    def marks(self, side: Side, user: str) -> list[str]:
        """The ids of every message of the bot."""
        return [one.id for one in self._chat(side, user) if one.by_bot]

    def last(self, side: Side, user: str) -> str:
        """The newest id."""
        return max((one.id for one in self._chat(side, user)), default="")

    def _chat(self, side: Side, user: str) -> list[Message]:
        return self.teams.chat(user, side) if side in self.sides and self._there(side, user) else []

    def _there(self, side: Side, user: str) -> bool:
        """Whether the account is there and can be used."""
        person = next((one for one in self.teams.people(self.sides[side]) if one.id == user), None)
        return person is not None and not person.disabled and not person.pending

    def names(self, looking: Looking) -> Mapping[str, str]:
        """Everybody in the tenant."""
        tenant = self.sides.get(looking.side, "")
        return {one.id: one.name for one in self.teams.people(tenant)}

    # --- what is shown ------------------------------------------------------------------------------------

    def rooms(self, looking: Looking) -> list[Room]:
        """The chat, a channel if the person is in a team with one, and the tab."""
        return ["messages", *(("channel",) if self.channel(looking) else ()), "portal"]

    def channel(self, looking: Looking) -> Conversation | None:
        """The channel that this page shows: the first one beside General where the person is."""
        known = self.teams.chats(looking.user) if looking.user else []
        return next((one for one in known if one.kind == "channel" and one.id != one.team), None)

    def place(self, looking: Looking) -> Mapping[str, Any]:
        """The tenant's name, its bot, and what the app's manifest proposes here."""
        if looking.side not in self.sides:
            return _NOWHERE
        side, user = looking.side, looking.user or ""
        home, channel = self.homes[side], self.channel(looking)
        menu = home.menus[looking.words.language]
        here = self._there(side, user)
        proposed = menu.shared if looking.room == "channel" else menu.alone
        return {
            "name": home.name,
            "bot": home.bot,
            "commands": [{"command": title, "description": about} for title, about in proposed],
            "shortcuts": [],
            "away": not here,
            "channel": channel.name if channel else "",
            "finder": menu.finder,
            "app": here and (channel is not None or self.teams.has(user, side)),
        }

    def stage(self, page: Page, looking: Looking) -> str:
        """The conversation, the channel, or the tab."""
        invitation = self._waiting(looking)
        if invitation:
            return draw(page, "teams_pending.html", looking, path=f"{JOIN_PATH}?invitation={invitation}")
        if self.place(looking)["away"]:
            return draw(page, "away.html", looking)
        if looking.room == "portal":
            return draw(page, "teams_portal.html", looking)
        rows = list(self._rows(page, looking))
        return draw(page, "teams_messages.html", looking, rows=rows, place=self.place(looking))

    def dialog(self, page: Page, looking: Looking) -> str:
        """The dialog in front."""
        shown = self.teams.dialog(looking.user) if looking.user and not self.place(looking)["away"] else None
        if shown is None:
            return ""
        return draw(page, "teams_dialog.html", looking, view=shown, state=self._state(shown))

    def _waiting(self, looking: Looking) -> str:
        """The invitation that a guest has not accepted yet."""
        every = self.teams.invitations(self.sides[looking.side]) if looking.side in self.sides else []
        own = [one for one in every if one.person == looking.user and self.teams.person(one.person).pending]
        return own[-1].id if own else ""

    def _rows(self, page: Page, looking: Looking) -> Iterator[Post]:
        user, known = looking.user or "", self.names(looking)
        place = self.channel(looking) if looking.room == "channel" else None
        if place:
            every = sorted(
                self.teams.messages(place.id, user), key=lambda one: (one.thread or one.id, one.id)
            )
        else:
            every = self._chat(looking.side, user)
        day = None
        for message in every:
            at = clock_face(page.backstage.calendar_at(message.at), page.backstage.zone)
            if day != at.date():
                yield Post("day", at)
            day = at.date()
            author = self.place(looking)["bot"] if message.by_bot else known.get(message.sender, "?")
            card = self.teams.card(user, message.id)
            note = self.teams.note(user, message.id)
            yield Post("message", at, author, _words(message.text), card, message, note)

    def _state(self, dialog: Dialog) -> Mapping[str, Any]:
        """What stands in the inputs, what the client refuses, and which form it is."""
        fields = inputs(dialog.card)
        labels = {
            name: {
                **{one["value"]: one["title"] for one in each.get("choices") or []},
                **self.labels.get((dialog.person, name), {}),
            }
            for name, each in fields.items()
        }
        form = next((one.get("data", {}).get("bound", "") for one in dialog.card.get("actions") or []), "")
        return {"typed": dialog.values, "errors": dialog.errors, "labels": labels, "form": form}


def _words(text: str) -> Markup:
    """What somebody typed, with who was meant by it."""
    parts = _MENTION.split(text)
    drawn = [
        Markup('<span class="mention">@{}</span>').format(part) if number % 2 else lines(part)
        for number, part in enumerate(parts)
    ]
    return Markup("").join(drawn)
