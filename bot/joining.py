"""The way in: an account of the alumni side is tied to a person, by our code or by an address that we proved;
or a person joins without any account and lives by mail and our own pages.

Never by a name, and never by an address that nobody verified (platform-facts, trap 22).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.cadence import local_moment
from bot.conversation import Address, Platform, Side, Standing
from bot.errors import Conflict, NotAllowed
from bot.notices import plan
from bot.policy import Policy
from bot.ports import LeavingType
from storage import accounts, checkins, codes, consents, journal, leavers, outbox, people, search, sessions
from storage.consents import Decision, Purpose, Said
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
    if person is None or leaver is None or leaver.stage not in WELCOMES or not _consents(tx, person):
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
    if leaver.stage in CLAIMS or not _consents(tx, person):
        if not comer.agreed:
            return None
        _claim(tx, person, leaver, comer)
    codes.spend(tx, found, account)
    _tie(tx, comer.address, leaver, policy, "code")
    return person


def _claim(tx: Tx, person: Person, leaver: Leaver, comer: Comer) -> None:
    """Somebody who had not said yes comes with a code and says it now, in their own language."""
    person.locale = comer.locale
    if not _consents(tx, person):
        consents.record(tx, person.id, Decision.GIVEN, Said(comer.locale, comer.address.platform.value))
    if leaver.stage in CLAIMS:
        leavers.move(tx, leaver, Stage.ENROLLED)
    person.member_from = person.member_from or leaver.member_from
    leaver.enrolled_at = leaver.enrolled_at or now(tx)
    leaver.erase_at = leaver.later_at = None


def _consents(tx: Tx, person: Person) -> bool:
    """Whether they still agree to be in touch; who took it back is tied only when they say so anew."""
    return consents.allows(tx, person.id, Purpose.STAY_IN_TOUCH)


def tie_by_hr(tx: Tx, address: Address, leaver: Leaver, policy: Policy) -> Person:
    """HR vouches for an account. Raises `NotAllowed` for somebody who was not enrolled with a consent, and
    `Conflict` when the account is somebody else's by now, or a guest's.
    """
    person, account = people.get(tx, leaver.person_id), accounts.note(tx, address, Side.ALUMNI)
    if person is None or leaver.stage not in WELCOMES or not _consents(tx, person):
        raise NotAllowed("leavers.not_enrolled")
    if account.person_id not in (None, person.id) or account.standing is not Standing.MEMBER:
        raise Conflict("join.tied_to_other")
    if address.platform is Platform.WEB:  # our own pages have no accounts that could be tied
        raise Conflict("join.tied_to_other")
    _tie(tx, address, leaver, policy, "hr")
    return person


def _tie(tx: Tx, address: Address, leaver: Leaver, policy: Policy, by: str) -> None:
    person = people.one(tx, leaver.person_id)
    accounts.tie(tx, address, Side.ALUMNI, person, by)
    codes.drop(tx, person.id)
    _join(tx, person, leaver, policy, by)


def _join(tx: Tx, person: Person, leaver: Leaver, policy: Policy, by: str) -> None:
    if leaver.stage is not Stage.JOINED:
        leavers.move(tx, leaver, Stage.JOINED)
    leaver.stuck = ""
    outbox.cancel_kind(tx, person.id, "welcome.invitation")
    search.index(tx, person)
    checkins.plan(tx, person.id, first_checkin(person, leaver, policy, now(tx)))
    journal.write(tx, "person.joined", person.id, detail=by)


# --- without an account -----------------------------------------------------------------------------------


def join_by_web(tx: Tx, leaver: Leaver, comer: Comer, policy: Policy) -> Person:
    """In without an account, from a mail to the proven mailbox; once more changes nothing, and the code of
    the invitation goes on working for the chat.

    Raises `Conflict` for who may not join (any more), who has proven no mailbox, and who has yet to consent.
    """
    person = people.get(tx, leaver.person_id)
    newest = leavers.of_person(tx, leaver.person_id)
    if person is None or newest is None or newest.id != leaver.id or leaver.stage not in WELCOMES | CLAIMS:
        raise Conflict("welcome.closed")
    left = leaver.enrol_at is not None and leaver.enrol_at <= now(tx)
    if person.private_email_proven_at is None or not left:
        raise Conflict("welcome.closed")
    if leaver.stage in CLAIMS or not _consents(tx, person):
        if not comer.agreed:
            raise Conflict("welcome.closed")
        _claim(tx, person, leaver, comer)
    if leaver.stage is not Stage.JOINED:
        _join(tx, person, leaver, policy, "web")
    return person


def may_claim(tx: Tx, leaver: Leaver) -> bool:
    """Whether they had not said yes, have left since, and may come in by saying it now."""
    return leaver.stage in CLAIMS and leaver.enrol_at is not None and leaver.enrol_at <= now(tx)


def must_agree(tx: Tx, leaver: Leaver) -> bool:
    """Whether joining takes a consent first."""
    return leaver.stage in CLAIMS or not consents.allows(tx, leaver.person_id, Purpose.STAY_IN_TOUCH)


@dataclass(frozen=True, slots=True)
class Vouched:
    """What HR found out about somebody who came by the public page: their number, and when they left."""

    employee_number: str
    last_day: date
    entity: str = ""


def admit(tx: Tx, visitor: Person, vouched: Vouched, policy: Policy) -> Person:
    """HR lets a visitor in, as a member without an account: the person whose number it is, or a new one.

    The proven mailbox of the visitor becomes that person's. Raises `Conflict` for a number whose way out is
    not over or that died, for another last day than we hold, and for an address that somebody else has proven
    meanwhile.
    """
    email = people.private_email(tx, visitor) or ""
    leaver = leavers.latest(tx, vouched.entity, vouched.employee_number) or _record(
        tx, visitor, vouched, policy
    )
    person = people.one(tx, leaver.person_id)
    other = people.by_proven_email(tx, email)
    if other is not None and other.id != person.id:
        raise Conflict("returning.taken")
    if leaver.stage not in WELCOMES | CLAIMS or not leaver.enrol_at or leaver.enrol_at > now(tx):
        raise Conflict("returning.not_over")
    if leaver.last_day != vouched.last_day:
        raise Conflict("returning.other_day")
    codes.drop(tx, person.id)
    sessions.drop(tx, person.id)  # whoever read the old mailbox is out
    people.set_private_email(tx, person, email)
    people.prove(tx, person)
    came_as = Address(Platform.WEB, Side.ALUMNI.value, person.id)
    return join_by_web(tx, leaver, Comer(came_as, visitor.locale, agreed=True), policy)


def _record(tx: Tx, visitor: Person, vouched: Vouched, policy: Policy) -> Leaver:
    """A stint that is over, of somebody whom no feed names; who refused once and comes by themselves is free
    of the mark."""
    if leavers.died(tx, vouched.entity, vouched.employee_number):
        raise Conflict("returning.not_over")
    leaver = Leaver(
        person_id=visitor.id, entity=vouched.entity, employee_number=vouched.employee_number, stint=1,
        source="page", notice="", last_day=vouched.last_day, leaving_type=LeavingType.UNKNOWN.value,
    )  # fmt: skip
    leaver.told_at = now(tx)
    leavers.add(tx, leaver)
    plan(tx, leaver, policy)
    leavers.move(tx, leaver, Stage.UNANSWERED)
    if leavers.suppressed(tx, vouched.entity, vouched.employee_number) is not None:
        leavers.lift(tx, leaver)
        journal.write(tx, "suppression.lifted", visitor.id)
    return leaver


def first_checkin(person: Person, leaver: Leaver, policy: Policy, at: datetime) -> datetime:
    """Thirty days after joining (never before membership), in the person's own window."""
    start = max(at, person.member_from or leaver.member_from or at)
    day = policy.day(start) + timedelta(days=policy.checkin_after_days)
    return local_moment(policy.calendar.next_business_day(day), policy.checkin_opens, policy.zone)
