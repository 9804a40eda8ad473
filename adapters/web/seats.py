"""Who sits before a page: somebody signed in, somebody with a mailed link, or a visitor of the front."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from adapters.web.links import Claim, Links
from bot.conversation import Address, Bound, Platform, Side, t
from bot.wire import dump_bound
from storage import sessions
from storage.accounts import VISITOR
from storage.engine import Tx

Piece = dict[str, Any]
_LONGEST = 200
HOME, SAY, ACT, OUT, DESK, FRONT = (
    "/alumni/home", "/alumni/say", "/alumni/act", "/alumni/sign-out", "/alumni/desk", "/alumni",
)  # fmt: skip


def visitor(locale: str) -> Address:
    """Somebody of whom nothing is known but the language of their browser."""
    return Address(Platform.WEB, Side.ALUMNI.value, f"{VISITOR}-{locale}")


def is_visitor(who: Address) -> bool:
    """Whether it is nobody in particular."""
    return who.user.partition("-")[0] == VISITOR


def side_of(who: Address) -> Side:
    """On which side a web address acts."""
    return Side(who.workspace)


def _drawn() -> Iterator[str]:
    """Numbers that nobody can guess, many at once: at each draw other threads come in between (measured)."""
    while True:
        many = secrets.token_hex(12 * 128)
        yield from (many[at : at + 24] for at in range(0, len(many), 24))


_NUMBERS = _drawn()


def fresh() -> str:
    """Tells one page shown from the next, so that a page sent twice acts once; in the event loop's thread."""
    return next(_NUMBERS)


class Numbers:
    """What tells every button of one page from the others, and from those of every other page."""

    def __init__(self) -> None:
        self._page, self._given = fresh(), 0

    def next(self) -> str:
        """The next button's."""
        self._given += 1
        return f"{self._page}-{self._given}"


@dataclass(slots=True)
class SessionSeat:
    """Signed in: every button of the house, each with the token that only pages of this session hold."""

    who: Address
    token: str
    locale: str = "ja"
    zone: str = "Asia/Tokyo"
    by_mail: ClassVar[bool] = False
    fades: bool = False
    """Whether its use is to be written down again."""
    numbers: Numbers = field(default_factory=Numbers)
    stamp: str = field(init=False)
    """What a form must bring along: made of the session's own secret, so no other site can know it."""

    def __post_init__(self) -> None:
        self.stamp = hashlib.sha256(f"stamp:{self.token}".encode()).hexdigest()[:32]

    @classmethod
    def of(cls, cookie: str, locale: str) -> SessionSeat | None:
        """The seat that a cookie claims; `None` for one that is none of ours."""
        side, _, rest = cookie.partition(".")
        user, _, token = rest.partition(".")
        known = side in set(Side) and user and token.isalnum() and len(cookie) < _LONGEST
        return cls(Address(Platform.WEB, side, user), token, locale) if known else None

    @property
    def cookie(self) -> str:
        """What the browser keeps: whose session, and its secret."""
        return f"{self.who.workspace}.{self.who.user}.{self.token}"

    def holds(self, tx: Tx) -> bool:
        """Whether the session lives, and is this address's."""
        seen = sessions.seen_at(tx, self.token, self.who)
        self.fades = seen is not None and sessions.fades(tx, seen)
        return seen is not None

    def fits(self, stamp: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(self.stamp.encode(), stamp.encode(errors="replace"))

    def hidden(self, **more: str) -> dict[str, str]:
        """The hidden fields of every form."""
        return {"stamp": self.stamp, "once": self.numbers.next(), **more}

    def way(self, bound: Bound, label: str) -> Piece:
        """Every button posts; one that opens a form does so too, so that no address carries its arguments."""
        return {"post": ACT, "hidden": self.hidden(bound=dump_bound(bound))}

    def nav(self) -> Sequence[Piece]:
        """Home, HR's desk for staff, the list of everything, and out."""
        desk = ({"text": t("web.desk"), "to": DESK},) if side_of(self.who) is Side.COMPANY else ()
        return (
            {"text": t("web.home"), "to": HOME},
            *desk,
            {"text": t("help.button"), "post": SAY, "hidden": self.hidden(words="help")},
            {"text": t("web.sign_out"), "post": OUT, "hidden": self.hidden()},
        )


@dataclass(slots=True)
class LinkSeat:
    """Came by a mailed link: its one button, and what the same feature offers next; else by signing in."""

    links: Links
    claim: Claim
    locale: str = "ja"
    zone: str = "Asia/Tokyo"
    by_mail: ClassVar[bool] = True

    @property
    def who(self) -> Address:
        """For whom the link speaks."""
        return self.claim.who

    def way(self, bound: Bound, label: str) -> Piece:
        """A new link of the same person where the link's own purpose goes on."""
        if _feature(bound) != _feature(self.claim.bound):
            return {"to": FRONT}
        path = self.links.path(self.links.onward(self.claim, bound, label))
        if bound.opens_form and label:
            return {"to": path}
        return {"post": path, "hidden": {"once": fresh()}}

    def nav(self) -> Sequence[Piece]:
        """The public page, from which one signs in."""
        return ({"text": t("web.front"), "to": FRONT},)


@dataclass(slots=True)
class VisitorSeat:
    """On the public page: what is there for everybody, by links of a day."""

    links: Links
    locale: str = "ja"
    zone: str = "Asia/Tokyo"
    by_mail: ClassVar[bool] = False

    @property
    def who(self) -> Address:
        """Nobody in particular."""
        return visitor(self.locale)

    def way(self, bound: Bound, label: str) -> Piece:
        """To the page of a public form."""
        claim = self.links.claim(self.who, bound, label)
        return {"to": self.links.path(claim)}

    def nav(self) -> Sequence[Piece]:
        """The same page in the other language."""
        other = "en" if self.locale == "ja" else "ja"
        return ({"text": t(f"web.in_{other}"), "to": f"{FRONT}?lang={other}"},)


def _feature(bound: Bound) -> str:
    return bound.action.partition(".")[0]
