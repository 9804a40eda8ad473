"""What the house needs from the world outside, as small protocols, and the values that cross the sill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from bot.conversation import Address, Card, Link, Side, Standing
from bot.errors import FeedError


class LeavingType(StrEnum):
    """退職区分. `ORDINARY` types go ahead by themselves, all others wait for a human."""

    RESIGNATION = "resignation"  # 自己都合
    CONTRACT_END = "contract_end"  # 契約期間満了
    RETIREMENT = "retirement"  # 定年
    TRANSFER = "transfer"  # 転籍
    COMPANY_REASON = "company_reason"  # 会社都合: held, because the wound is fresh
    DISMISSAL = "dismissal"  # 解雇
    DISPUTE = "dispute"  # 係争中
    DEATH = "death"  # 死亡
    UNKNOWN = "unknown"


ORDINARY = frozenset(
    {LeavingType.RESIGNATION, LeavingType.CONTRACT_END, LeavingType.RETIREMENT, LeavingType.TRANSFER}
)


@dataclass(frozen=True, slots=True)
class LeaverNotice:
    """One statement of a feed about a leaver (退職通知). All texts are NFC and stripped; no field is guessed.

    `source` names the feed ("csv", "manual"), `entity` the employing legal entity ("" = the only one).
    A stint is told by `hired_on`; `employee_number` is unique within the entity.
    """

    source: str
    event_id: str
    entity: str
    employee_number: str
    name: str
    last_day: date
    kana: str = ""
    romaji: str = ""
    former_name: str = ""
    company_email: str = field(default="", repr=False)
    personal_email: str = field(default="", repr=False)
    last_working_day: date | None = None
    department: str = ""
    title: str = ""
    hired_on: date | None = None
    manager: str = ""
    place: str = ""
    leaving_type: LeavingType = LeavingType.UNKNOWN
    withdrawn: bool = False
    may_enrol: bool = True
    locale: str = ""


@dataclass(frozen=True, slots=True)
class FeedReading:
    """What a feed file says. The good rows come once, one by one as they are asked for, everything about one
    employee number together; with the last of them `errors` has every bad row. `rows`: how many there are."""

    notices: Iterator[LeaverNotice]
    errors: Sequence[FeedError]
    rows: int


class LeaverSource(Protocol):
    """Something that hands over notices of leaving."""

    def read(self, data: bytes, name: str) -> FeedReading:
        """Turn a file into notices. Raises `FeedRejected` when it cannot be read at all."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message that leaves the house. `delivery` is our own id, the same at every try.

    `zone` is the reader's IANA time zone; empty means the company's. `purpose` is what the way out under a
    mail withdraws; empty for who cannot withdraw (staff). `chat` is the receiver's own chat with us, where
    that never changes, as `Posted.channel` named it once.
    """

    delivery: str
    card: Card
    locale: str
    edits: Posted | None = None
    zone: str = ""
    purpose: str = ""
    chat: str = ""


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message now stands, so that it can be edited; without a `ref` it does not stand there."""

    channel: str
    ref: str


@dataclass(frozen=True, slots=True)
class Looks:
    """How a platform describes an account; `locale` is `ja`, `en` or another language's two letters."""

    standing: Standing
    locale: str
    zone: str


class Messenger(Protocol):
    """Carries cards to accounts of one side. Every method may raise `Retry`, `Away`, `Ambiguous`,
    `Undeliverable`."""

    async def find(self, side: Side, email: str) -> Address:
        """The account with this e-mail address. `Undeliverable("not_in_workspace")` when there is none."""
        ...

    async def send(self, to: Address, message: Outgoing) -> Posted:
        """Post, or edit when `message.edits` is set."""
        ...

    async def look(self, account: Address) -> Looks:
        """How the platform describes an account. `Undeliverable` when it knows no such account."""
        ...

    async def sent(self, to: Address, delivery: str, chat: str = "") -> Posted:
        """Whether a message with this delivery id already stands there; `chat` is the receiver's own chat
        with us where it is known. `Ambiguous` when the platform tells nobody."""
        ...


@dataclass(frozen=True, slots=True)
class MailTo:
    """A mail address, the name to write beside it, and as whom its reader acts on our pages."""

    email: str = field(repr=False)
    name: str = ""
    who: Address | None = None


class Mailer(Protocol):
    """Carries cards to mailboxes; raises `Retry`, `Away`, `Ambiguous`, `Undeliverable`."""

    async def send(self, to: MailTo, message: Outgoing) -> None:
        """Hand the mail to the next server."""
        ...


@dataclass(frozen=True, slots=True)
class Guest:
    """Who is to be brought into the alumni workspace."""

    person_id: str
    email: str = field(repr=False)
    name: str = ""
    locale: str = "ja"


class Inviter(Protocol):
    """Opens the door of the alumni workspace for one person; every call may be repeated."""

    async def invite(self, guest: Guest) -> Link:
        """Prepare the way and say where it begins. Raises `Retry`, `Away`, `Undeliverable`."""
        ...


INVITATION = "okaeri:invitation"
"""Stands in a card for the address that the `Inviter` gives at delivery."""
