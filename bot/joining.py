"""The way in: an account of the alumni side is tied to a person, by our code or by an address that we proved.

Never by a name, and never by an address that nobody verified (platform-facts, trap 22).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.cadence import local_moment
from bot.conversation import Address, Side, Standing
from bot.errors import Conflict, NotAllowed
from bot.policy import Policy
from storage import accounts, checkins, codes, consents, journal, leavers, outbox, people, search
from storage.consents import Decision, Said
from storage.engine import Tx, now
from storage.leavers import Leaver, Stage
from storage.people import Person

WELCOMES = frozenset({Stage.ENROLLED, Stage.JOINED})
CLAIMS = frozenset({Stage.LATER, Stage.UNANSWERED})
"""Stages in which a code may be used, but only together with a consent given while joining."""


def match_joiner(tx: Tx, address: Address, email: str, policy: Policy) -> Person | None:
    """Tie a new account whose confirmed address is one that we proved; `None` leaves the account a
    stranger."""
    person = people.by_proven_email(tx, email)
    leaver = leavers.of_person(tx, person.id) if person else None
    if person is None or leaver is None or leaver.stage not in WELCOMES:
        return None
    _tie(tx, address, leaver, policy, "address")
    return person


@dataclass(frozen=True, slots=True)
class Comer:
    """Who types a code: the account, its language, and whether the consent beside the code was given."""

    address: Address
    locale: str
    agreed: bool = False


def redeem(tx: Tx, comer: Comer, text: str, policy: Policy) -> Person | None:
    """Tie an account by a code; `None` when the person has not consented yet and must be asked first.

    Raises `WrongCode`, `TooOften`, or `Conflict` when the account belongs to somebody else already.
    """
    account = accounts.note(tx, comer.address, Side.ALUMNI)
    found = codes.check(tx, text, codes.Use.JOIN, account)
    person, leaver = people.get(tx, found.person_id), leavers.of_person(tx, found.person_id)
    if person is None or leaver is None or leaver.stage not in WELCOMES | CLAIMS:
        raise codes.WrongCode("join.wrong_code")
    if account.person_id not in (None, person.id):
        raise Conflict("join.tied_to_other")
    if leaver.stage in CLAIMS:
        if not comer.agreed:
            return None
        _claim(tx, person, leaver, comer)
    codes.spend(tx, found, account)
    _tie(tx, comer.address, leaver, policy, "code")
    return person


def _claim(tx: Tx, person: Person, leaver: Leaver, comer: Comer) -> None:
    """Somebody who had not said yes comes with a code and says it now, in their own language."""
    person.locale = comer.locale
    consents.record(tx, person.id, Decision.GIVEN, Said(comer.locale, comer.address.platform.value))
    leavers.move(tx, leaver, Stage.ENROLLED)
    person.member_from = person.member_from or leaver.member_from
    leaver.enrolled_at = leaver.enrolled_at or now(tx)
    leaver.erase_at = leaver.later_at = None


def tie_by_hr(tx: Tx, address: Address, leaver: Leaver, policy: Policy) -> Person:
    """HR vouches for an account. Raises `NotAllowed` for somebody who was not enrolled with a consent, and
    `Conflict` when the account is somebody else's by now, or a guest's.
    """
    person, account = people.get(tx, leaver.person_id), accounts.note(tx, address, Side.ALUMNI)
    if person is None or leaver.stage not in WELCOMES:
        raise NotAllowed("leavers.not_enrolled")
    if account.person_id not in (None, person.id) or account.standing is not Standing.MEMBER:
        raise Conflict("join.tied_to_other")
    _tie(tx, address, leaver, policy, "hr")
    return person


def _tie(tx: Tx, address: Address, leaver: Leaver, policy: Policy, by: str) -> None:
    person = people.one(tx, leaver.person_id)
    accounts.tie(tx, address, Side.ALUMNI, person, by)
    if leaver.stage is not Stage.JOINED:
        leavers.move(tx, leaver, Stage.JOINED)
    leaver.stuck = ""
    codes.drop(tx, person.id)
    outbox.cancel_kind(tx, person.id, "welcome.invitation")
    search.index(tx, person)
    checkins.plan(tx, person.id, first_checkin(person, leaver, policy, now(tx)))
    journal.write(tx, "person.joined", person.id, detail=by)


def first_checkin(person: Person, leaver: Leaver, policy: Policy, at: datetime) -> datetime:
    """Thirty days after joining (never before membership), in the person's own window."""
    start = max(at, person.member_from or leaver.member_from or at)
    day = policy.day(start) + timedelta(days=policy.checkin_after_days)
    return local_moment(policy.calendar.next_business_day(day), policy.checkin_opens, policy.zone)
