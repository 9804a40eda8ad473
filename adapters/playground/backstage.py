"""What the page needs from the rest of the product, as one small protocol and three values.

The composition root implements it; the page knows nothing of storage, jobs or settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

Group = Literal["hr", "leaver", "alumnus", "other"]
Side = Literal["company", "alumni"]
Tab = Literal["company", "alumni", "mail"]


@dataclass(frozen=True, slots=True)
class Said:
    """One thing in both languages of the page."""

    ja: str
    en: str

    def of(self, language: str) -> str:
        """The words in `language`; everything but "en" is Japanese."""
        return self.en if language == "en" else self.ja


@dataclass(frozen=True, slots=True)
class CastMember:
    """Somebody whom one can be on the page.

    `key` is stable and holds no personal data, because it stands in addresses of the page. `note` is one
    line on the role. `reading` helps the search (kana or romaji). Accounts are local Slack user ids.
    """

    key: str
    name: str
    note: Said
    group: Group
    company_user: str | None = None
    alumni_user: str | None = None
    emails: tuple[str, ...] = ()
    reading: str = ""

    def user(self, side: Side) -> str | None:
        """The account in the workspace of that side, if there is one."""
        return self.company_user if side == "company" else self.alumni_user


@dataclass(frozen=True, slots=True)
class Due:
    """Something that will happen at `at` (aware); `who` is a name or empty."""

    at: datetime
    what: Said
    who: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """How far one leaver has come. `last_day` is an ISO date or empty; `stuck` says why nothing moves.

    `tone` colours the label: waiting (grey), moving (amber), good (green), held (red).
    """

    name: str
    last_day: str
    label: Said
    stuck: Said | None = None
    tone: Literal["waiting", "moving", "good", "held"] = "waiting"
    key: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A file of leavers that can be dropped without having one's own."""

    filename: str
    data: bytes


class Backstage(Protocol):
    """The product as the page sees it: who is there, what time it is, and what is due."""

    @property
    def zone(self) -> str:
        """IANA name of the company's zone; all times are shown in it."""

    @property
    def teams(self) -> Mapping[Side, str]:
        """Local Slack team id of each side that is connected."""

    def cast(self) -> Sequence[CastMember]:
        """Everybody one can be, in the order of the list; may change over time."""

    def now(self) -> datetime:
        """Calendar time, aware."""

    def calendar_at(self, wire: float) -> datetime:
        """Which calendar time it was when the wire clock (seconds since 1970) showed `wire`; aware."""

    async def travel(self, to: datetime | None, *, by: timedelta | None = None) -> None:
        """Move the calendar clock forward and run all due work until quiet; `ValueError` for the past."""

    async def next_due(self) -> Sequence[Due]:
        """What comes next, earliest first."""

    async def settle(self) -> None:
        """Run everything due now, until nothing is under way."""

    async def drop(self, filename: str, data: bytes) -> None:
        """Put a file into the watched folder; `ValueError` if it cannot be taken."""

    def example(self) -> Example | None:
        """A file to try with, if there is one."""

    async def leavers(self) -> Sequence[Stage]:
        """Everybody with a notice of leaving and how far they are."""

    async def account_made(self, email: str, alumni_user: str) -> None:
        """Somebody made an account in the alumni workspace with this address."""
