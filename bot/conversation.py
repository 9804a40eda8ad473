"""What people say and what they are shown, as values without a platform.

No value here holds a finished sentence: a `Text` names a sentence of the catalogue and carries its data.
A `str` among the arguments is always data, never markup; escaping is the renderer's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal


class Platform(StrEnum):
    """Where an account lives."""

    SLACK = "slack"
    TEAMS = "teams"
    WEB = "web"


class Side(StrEnum):
    """The two worlds that are never mixed: the employer's workspace and the alumni's."""

    COMPANY = "company"
    ALUMNI = "alumni"


class Role(StrEnum):
    """What a person may be in the network; one person may be several."""

    OWNER = "owner"
    HR = "hr"
    RECRUITER = "recruiter"
    MANAGER = "manager"
    SUPPORTER = "supporter"
    ALUMNUS = "alumnus"
    LEAVER = "leaver"
    EMPLOYEE = "employee"


class Standing(StrEnum):
    """How the platform itself sees the account; strangers never see anybody's data."""

    MEMBER = "member"
    GUEST = "guest"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Address:
    """An account on a platform: `slack:T0ALUMNI:U42`."""

    platform: Platform
    workspace: str
    user: str

    def __str__(self) -> str:
        return f"{self.platform}:{self.workspace}:{self.user}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read what `str()` wrote. Raises `ValueError` for anything else."""
        platform, workspace, user = text.split(":", 2)
        if not workspace or not user:
            raise ValueError(f"not an address: {text!r}")
        return cls(Platform(platform), workspace, user)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The place where something was said; `private` is a conversation of one person with the bot."""

    workspace: str
    channel: str
    thread: str = ""
    kind: Literal["private", "group", "channel"] = "private"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as storage knows them. Made by dispatch, never by an adapter."""

    address: Address
    side: Side
    roles: frozenset[Role] = frozenset()
    standing: Standing = Standing.MEMBER
    locale: str = "ja"
    zone: str = "Asia/Tokyo"
    person_id: str | None = None
    email: str | None = field(default=None, repr=False)

    def has(self, role: Role) -> bool:
        """Whether the actor holds the role; an owner may do what HR may do."""
        return role in self.roles or (role is Role.HR and Role.OWNER in self.roles)


# --- texts -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mention:
    """An account shown the way its platform shows accounts; elsewhere by `name`, where one is known."""

    address: Address
    name: str = ""

    @property
    def words(self) -> str:
        """How it is written where the platform draws none."""
        return self.name or f"@{self.address.user}"


@dataclass(frozen=True, slots=True)
class Link:
    """A web address with the words to click on; without words the address itself is shown."""

    url: str
    label: Text | str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence of the catalogue and the data for its places."""

    key: str
    args: tuple[tuple[str, Arg], ...] = ()


Arg = str | int | date | datetime | Mention | Link | Text
Words = Text | str


def t(key: str, **args: Arg) -> Text:
    """Name a sentence: `t("find.title", query=query)`."""
    return Text(key, tuple(sorted(args.items())))


# --- what people do, past tense --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arrival:
    """What every incoming thing carries; `event_id` is the platform's own id of it."""

    address: Address
    conversation: Conversation
    event_id: str


@dataclass(frozen=True, slots=True)
class CommandUsed(Arrival):
    """Somebody typed `/alumni <words>` (`command="alumni"`) or a short command such as `/jobs`."""

    command: str
    words: str


@dataclass(frozen=True, slots=True)
class ButtonPressed(Arrival):
    """Somebody pressed a button; `bound` is a claim of the client and is checked.

    `twin` is the same for a second press of the same button in the same place: a double click.
    """

    bound: Bound
    twin: str = ""


@dataclass(frozen=True, slots=True)
class FormSubmitted(Arrival):
    """Somebody sent a form; `values` are raw: field name -> text, or a list of choices. `twin` as for
    buttons."""

    bound: Bound
    values: Mapping[str, str | tuple[str, ...] | None]
    twin: str = ""


@dataclass(frozen=True, slots=True)
class OptionsSought(Arrival):
    """Somebody types in a search field and waits for suggestions."""

    bound: Bound
    field: str
    query: str


@dataclass(frozen=True, slots=True)
class MemberJoined(Arrival):
    """An account appeared in a workspace; `email` only when the platform confirms it as proven."""

    email: str | None


@dataclass(frozen=True, slots=True)
class MemberLeft(Arrival):
    """A platform says that an account was deactivated in a workspace: a hint of leaving, never proof."""


@dataclass(frozen=True, slots=True)
class MemberChanged(Arrival):
    """A platform says that something about an account is different now."""


@dataclass(frozen=True, slots=True)
class HomeOpened(Arrival):
    """Somebody opened the bot's home."""


Happening = MemberJoined | MemberLeft | MemberChanged
Incoming = CommandUsed | ButtonPressed | FormSubmitted | OptionsSought | HomeOpened | Happening


# --- what people see -------------------------------------------------------------------------------

Scalar = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Bound:
    """An action with its arguments; only calling a registered action makes one."""

    action: str
    args: tuple[tuple[str, Scalar], ...] = ()
    opens_form: bool = False

    def arguments(self) -> dict[str, Scalar]:
        """The arguments by name."""
        return dict(self.args)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain running words."""

    text: Words


@dataclass(frozen=True, slots=True)
class Note:
    """Small print under a card."""

    text: Words


@dataclass(frozen=True, slots=True)
class Facts:
    """Rows of label and value."""

    rows: tuple[tuple[Words, Words], ...]


@dataclass(frozen=True, slots=True)
class Button:
    """What can be pressed: an action of ours, or a link that leaves the chat."""

    label: Words
    press: Bound | Link
    style: Literal["plain", "primary", "danger"] = "plain"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list, with a button of its own when it has one."""

    title: Words
    detail: Words = ""
    button: Button | None = None


@dataclass(frozen=True, slots=True)
class Buttons:
    """Buttons side by side; a mail shows them as links."""

    buttons: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Divider:
    """A thin line."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image and the words for who cannot see it."""

    url: str
    alternative: Words


Block = Paragraph | Note | Facts | Entry | Buttons | Divider | Picture


@dataclass(frozen=True, slots=True)
class Card:
    """One thing shown. `notice` is the neutral text of a push preview or a mail subject.

    A `sensitive` card is shown only in dialogs or pages, never as a stored message.
    """

    title: Words
    body: tuple[Block, ...] = ()
    notice: Text | None = None
    sensitive: bool = False


FieldKind = Literal["text", "long_text", "email", "date", "choice", "choices", "tick", "search"]


@dataclass(frozen=True, slots=True)
class Option:
    """One choice; `value` goes over the wire, `label` is read."""

    value: str
    label: Words


@dataclass(frozen=True, slots=True)
class Field:
    """One question of a form; `value` is what it is pre-filled with."""

    name: str
    kind: FieldKind
    label: Words
    required: bool = True
    hint: Words = ""
    options: tuple[Option, ...] = ()
    value: str | tuple[str, ...] = ""
    limit: int = 3000


@dataclass(frozen=True, slots=True)
class Form:
    """Fields to fill in; `submit` is the action that takes them, `errors` stand beside their field."""

    title: Words
    fields: tuple[Field, ...]
    submit: Bound
    intro: tuple[Block, ...] = ()
    button: Words = ""
    errors: Mapping[str, Text] = field(default_factory=dict)
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """A CSV file to hand out: its name with the ending, and its bytes."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to hand out: its name without an ending, the heads of its columns, its rows. Sentences among
    them are put into the language of who fetches it."""

    name: Words
    header: tuple[Words, ...]
    rows: tuple[tuple[object, ...], ...] = field(repr=False)


Receiver = Literal["actor", "conversation"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A card as an answer; `replaces` puts it in the place of the card whose button was pressed."""

    card: Card
    to: Receiver = "actor"
    replaces: bool = False


Answer = Reply | Bound | None
