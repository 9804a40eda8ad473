"""What the page shows of one person, as values for templates: people, tabs, conversation, mails, forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from adapters.playground.backstage import CastMember, Group, Side, Tab
from adapters.playground.blocks import plain
from adapters.playground.mailbox import Mail, Mailbox
from adapters.playground.page_memory import Echo, Memory
from adapters.playground.slack_state import SLACKBOT, Message, View
from adapters.playground.words import Words, clock_face

if TYPE_CHECKING:
    from adapters.playground.page_chat import Chat

GROUPS: tuple[Group, ...] = ("hr", "leaver", "alumnus", "other")
Room = Literal["messages", "home", "channel", "portal"]


@dataclass(frozen=True, slots=True)
class Looking:
    """Where somebody at the browser is looking: as whom, at which tab and room, in which language."""

    member: CastMember | None
    tab: Tab
    room: Room
    words: Words

    @property
    def side(self) -> Side:
        """The side of the open tab; the mailbox counts as company and never uses it."""
        return "alumni" if self.tab == "alumni" else "company"

    @property
    def user(self) -> str | None:
        """The account that acts in the open tab."""
        return None if self.member is None or self.tab == "mail" else self.member.user(self.side)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a conversation: a day's heading, a message, or a command that was typed."""

    kind: Literal["day", "message", "echo"]
    at: datetime
    text: str = ""
    author: str = ""
    message: Message | None = None
    system: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody in the list of people, with the number of new things waiting for them."""

    member: CastMember
    new: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail in the mailbox: its words, with the invitation link leading back to it; its frame's key."""

    mail: Mail
    at: datetime
    text: str
    seal: str

    @property
    def sender(self) -> str:
        """Who wrote, as the mail itself says."""
        return self.mail.headers.get("From") or self.mail.sender


def tabs_of(member: CastMember | None, sides: Mapping[Side, str]) -> list[Tab]:
    """The places this person has."""
    if member is None:
        return []
    tabs: list[Tab] = [side for side in ("company", "alumni") if side in sides and member.user(side)]
    return [*tabs, "mail"] if member.emails else tabs


def mails_of(mailbox: Mailbox, member: CastMember) -> list[Mail]:
    """Everything in the mailboxes of this person, newest first."""
    found = [mail for address in member.emails for mail in mailbox.mails(address)]
    return sorted(found, key=lambda mail: mail.id, reverse=True)


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts what nobody has looked at yet."""

    chat: Chat
    mailbox: Mailbox
    memory: Memory
    sides: Mapping[Side, str]

    def last_at(self, member: CastMember, tab: Tab) -> str:
        """The newest thing at a place of somebody: the ts of a message or the padded id of a mail."""
        if tab == "mail":
            return max((f"{mail.id:09d}" for mail in mails_of(self.mailbox, member)), default="")
        user = member.user(tab)
        return self.chat.last(tab, user) if user and tab in self.sides else ""

    def new_at(self, member: CastMember, tab: Tab) -> int:
        """How many messages of the bot, or mails, arrived since the place was last on the screen."""
        seen = self.memory.seen.get((member.key, tab), "")
        if tab == "mail":
            return sum(f"{mail.id:09d}" > seen for mail in mails_of(self.mailbox, member))
        user = member.user(tab)
        marks = self.chat.marks(tab, user) if user and tab in self.sides else ()
        return sum(mark > seen for mark in marks)

    def new_for(self, member: CastMember) -> int:
        """The same over all places of somebody."""
        return sum(self.new_at(member, tab) for tab in tabs_of(member, self.sides))


def people(
    cast: Sequence[CastMember], looking: Looking, counter: Counter
) -> list[tuple[Group, list[Choice]]]:
    """The list of people by group; empty groups are left out."""
    chosen = looking.member.key if looking.member else ""
    rows: dict[Group, list[Choice]] = {group: [] for group in GROUPS}
    for member in cast:
        rows[member.group].append(Choice(member, counter.new_for(member), member.key == chosen))
    return [(group, found) for group, found in rows.items() if found]


@dataclass(frozen=True, slots=True)
class Voices:
    """Who speaks in a conversation."""

    user: str
    name: str
    bot: str
    others: Mapping[str, str] = field(default_factory=dict)

    def of(self, message: Message) -> str:
        """The name over a message."""
        if message.by_bot:
            return self.bot
        return self.name if message.user == self.user else self.others.get(message.user, message.user)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The material of one conversation: messages, typed commands, voices and the calendar."""

    messages: Sequence[Message]
    echoes: Sequence[Echo]
    voices: Voices
    zone: str

    def lines(self, at: Mapping[str, datetime]) -> list[Line]:
        """Rows oldest first with a heading for every new day; `at` gives each ts its calendar time."""
        rows = self._merged(at)
        found: list[Line] = []
        for row in rows:
            if not found or found[-1].at.date() != row.at.date():
                found.append(Line("day", row.at))
            found.append(row)
        return found

    def _merged(self, at: Mapping[str, datetime]) -> list[Line]:
        rows = [((m.ts, 0), self._said(m, clock_face(at[m.ts], self.zone))) for m in self.messages]
        for number, echo in enumerate(self.echoes, start=1):
            line = Line("echo", clock_face(echo.at, self.zone), echo.text, self.voices.name)
            rows.append(((echo.after, number), line))
        return [line for _, line in sorted(rows, key=lambda row: row[0])]

    def _said(self, message: Message, at: datetime) -> Line:
        return Line("message", at, message.text, self.voices.of(message), message, message.user == SLACKBOT)


def typed_values(view: View) -> dict[str, tuple[str, ...]]:
    """What stands in the inputs of a view, each as a tuple of values; by block, in rows `block/action`."""
    return {slot: tuple(_value(one) for one in _many(value)) for slot, value in view.values.items()}


def chosen_labels(view: View) -> dict[str, str]:
    """The words of options that a search field had offered, by slot; only these are kept whole."""
    return {slot: plain(one["text"]) for slot, one in view.values.items() if isinstance(one, Mapping)}


def _many(value: Any) -> Sequence[Any]:
    if value is None or value == "":
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def _value(one: Any) -> str:
    return str(one["value"] if isinstance(one, Mapping) else one)


def field_errors(view: View, words: Words) -> dict[str, str]:
    """What is wrong beside each field: the app's own sentence, or what the client refuses, in words."""
    return {
        block: words(f"field_{error}") if f"field_{error}" in words.texts else error
        for block, error in view.errors.items()
    }
