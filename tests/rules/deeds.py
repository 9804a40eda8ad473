"""What somebody does about a leaver, as a value: done by the use case itself, or as it arrives from a chat, a
mail or the desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot import joining, leaving, notices
from bot.commands import decisions, join, privacy, stop, welcome
from bot.conversation import (
    Address,
    Bound,
    ButtonPressed,
    CommandUsed,
    Conversation,
    FormSubmitted,
    Incoming,
    MemberJoined,
    Platform,
    Side,
)
from storage import accounts, consents, people
from storage.consents import Purpose, Said
from storage.engine import Tx
from storage.leavers import Leaver
from tests.desk import POLICY

STAY = Purpose.STAY_IN_TOUCH
SAID = Said("ja", "slack")
MAIL = "aiko@example.jp"
COMPANY = Address(Platform.SLACK, "T0COMPANY", "U1")
ALUMNI = Address(Platform.SLACK, "T0ALUMNI", "U1")


@dataclass(frozen=True)
class Deed:
    """`what` is a key of `DIRECT`; the rest says how, where it matters."""

    what: str
    email: str = MAIL
    mail_only: bool = False
    agreed: bool = False


# --- by the use case itself ---------------------------------------------------------------------------------


def _proves(tx: Tx, row: Leaver, deed: Deed) -> None:
    leaving.may_answer(tx, row)
    code = leaving.proof_code(tx, people.one(tx, row.person_id), POLICY)
    if code:
        leaving.prove(tx, row, accounts.note(tx, COMPANY, Side.COMPANY), code)


def _joins(tx: Tx, row: Leaver, deed: Deed) -> Any:
    code = leaving.join_code(tx, people.one(tx, row.person_id), POLICY)
    return joining.redeem(tx, joining.Comer(ALUMNI, "ja", deed.agreed), code, POLICY)


DIRECT: dict[str, Callable[[Tx, Leaver, Deed], Any]] = {
    "yes": lambda tx, row, deed: leaving.say_yes(tx, row, MAIL, mail_only=deed.mail_only, said=SAID),
    "later": lambda tx, row, deed: leaving.say_later(tx, row, deed.email, POLICY, SAID),
    "no": lambda tx, row, deed: leaving.say_no(tx, row, SAID),
    "prove": _proves,
    "join": _joins,
    "appear": lambda tx, row, deed: joining.match_joiner(tx, ALUMNI, MAIL, POLICY),
    "leave": lambda tx, row, deed: leaving.leave(tx, row, SAID),
    "withdraw": lambda tx, row, deed: leaving.withdraw(tx, row, STAY, SAID, POLICY),
    "give": lambda tx, row, deed: leaving.give(tx, row, STAY, SAID, POLICY),
    "hold": lambda tx, row, deed: notices.hold(tx, row, "by_hr"),
    "release": lambda tx, row, deed: leaving.release(tx, row, POLICY),
    "strike": lambda tx, row, deed: leaving.strike(tx, row),
    "return": lambda tx, row, deed: row.question and notices.come_back(tx, row),
}


# --- as it arrives ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seats:
    """Where they act from: their two accounts."""

    company: Address = COMPANY
    alumni: Address = ALUMNI


@dataclass(frozen=True)
class Came:
    """Something that arrived at a door of one side."""

    incoming: Incoming
    side: Side


Values = dict[str, str | tuple[str, ...] | None]
SURE: Values = {"sure": ("yes",)}
Pressed = tuple[Bound, Values | None]
"""A button, or a form with what is filled in."""


def _proof(tx: Tx, row: Leaver, deed: Deed) -> Pressed | None:
    code = leaving.proof_code(tx, people.one(tx, row.person_id), POLICY)
    return (welcome.prove(leaver=row.id), {"code": code}) if code else None


def _ticket(tx: Tx, row: Leaver, deed: Deed) -> Pressed:
    code = leaving.join_code(tx, people.one(tx, row.person_id), POLICY)
    return join.enter(), {"code": code, "agree": ("yes",)}


def _yes(tx: Tx, row: Leaver, deed: Deed) -> Pressed:
    reach = "mail" if deed.mail_only else "chat"
    return welcome.yes(leaver=row.id), {"personal_email": MAIL, "reach": reach}


def _given(tx: Tx, row: Leaver, deed: Deed) -> Pressed:
    return privacy.give(purpose=STAY.value, under=consents.wording(tx, STAY)), None


AT_COMPANY: dict[str, Callable[[Tx, Leaver, Deed], Pressed | None]] = {
    "yes": _yes,
    "later": lambda tx, row, deed: (welcome.later(leaver=row.id), {"personal_email": deed.email}),
    "no": lambda tx, row, deed: (welcome.no(leaver=row.id), None),
    "prove": _proof,
}
AMONG_ALUMNI: dict[str, Callable[[Tx, Leaver, Deed], Pressed | None]] = {
    "join": _ticket,
    "leave": lambda tx, row, deed: (stop.leave(), SURE),
}
BY_MAIL: dict[str, Callable[[Tx, Leaver, Deed], Pressed | None]] = {
    "withdraw": lambda tx, row, deed: (stop.mails(purpose=STAY.value), None),
    "give": _given,
}
AT_THE_DESK: dict[str, Callable[[Tx, Leaver, Deed], Pressed | None]] = {
    "hold": lambda tx, row, deed: (decisions.hold(leaver=row.id), None),
    "release": lambda tx, row, deed: (decisions.go(leaver=row.id), None),
    "strike": lambda tx, row, deed: (decisions.never(leaver=row.id), SURE),
    "return": lambda tx, row, deed: (decisions.returned(leaver=row.id), None) if row.question else None,
}


def arrival(tx: Tx, row: Leaver, deed: Deed, seats: Seats, number: str) -> Came | None:
    """What arrives when somebody does this, under an id; nothing where there is nothing to press."""
    there = Conversation("T0", "D1")
    if deed.what == "appear":
        return Came(MemberJoined(seats.alumni, there, number, MAIL), Side.ALUMNI)
    if deed.what == "join" and not deed.agreed:
        words = f"join {leaving.join_code(tx, people.one(tx, row.person_id), POLICY)}"
        return Came(CommandUsed(seats.alumni, there, number, "alumni", words), Side.ALUMNI)
    ways = (
        (AT_COMPANY, Side.COMPANY, seats.company),
        (AMONG_ALUMNI, Side.ALUMNI, seats.alumni),
        (BY_MAIL, Side.ALUMNI, accounts.web_person(row.person_id, Side.ALUMNI)),
        (AT_THE_DESK, Side.COMPANY, accounts.web_staff(tx, accounts.staff(tx)[0])),
    )
    pressing, side, who = next(way for way in ways if deed.what in way[0])
    pressed = pressing[deed.what](tx, row, deed)
    if pressed is None:
        return None
    bound, values = pressed
    if values is None:
        return Came(ButtonPressed(who, there, number, bound, f"twin{number}"), side)
    return Came(FormSubmitted(who, there, number, bound, values, f"twin{number}"), side)
