"""A notice of leaving, from whichever door: it opens a stint, moves it, holds it, withdraws it, or changes
nothing.

Nothing is sent from here; the sweeps of `jobs.enrolment` ask the tables what is due.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum

from bot.cadence import local_moment, months_after
from bot.policy import Policy
from bot.ports import ORDINARY, LeaverNotice, LeavingType
from storage import accounts, checkins, codes, consents, interests, journal, leavers, outbox, people, search
from storage.engine import Tx, now
from storage.leavers import BEFORE_ENROLMENT, ENDED, Leaver, Stage

QUESTIONS = 2
"""How often one leaving is asked about, whatever its dates do."""

CORRECTION = timedelta(days=180)


class Heard(StrEnum):
    """What a notice changed."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    MOVED = "moved"
    HELD = "held"
    WITHDRAWN = "withdrawn"
    REOPENED = "reopened"
    QUESTION = "question"
    SUPPRESSED = "suppressed"


UNHEARD = frozenset({Heard.SAME, Heard.SUPPRESSED})
"""What leaves no trace: a nightly export says it every night."""


def take_notice(tx: Tx, notice: LeaverNotice, policy: Policy) -> Heard:
    """Act on one notice. The same notice again changes nothing, in whichever order notices arrive twice."""
    leaver = leavers.latest(tx, notice.entity, notice.employee_number)
    heard = _open(tx, notice, policy) if leaver is None else _again(tx, leaver, notice, policy)
    if heard not in UNHEARD:
        subject = leavers.latest(tx, notice.entity, notice.employee_number)
        journal.write(tx, f"notice.{heard.value}", subject.person_id if subject else "", detail=notice.source)
    return heard


def _open(tx: Tx, notice: LeaverNotice, policy: Policy) -> Heard:
    if notice.withdrawn:
        return Heard.SAME
    if _said_no(tx, notice):
        return Heard.SUPPRESSED
    person = people.add(tx, notice.name, locale=notice.locale or policy.locale, zone=policy.zone)
    return _stint(tx, notice, policy, person, stint=1)


def _said_no(tx: Tx, notice: LeaverNotice) -> bool:
    """Whether this is the leaving of somebody who was erased: corrections of its date do not create them
    again.

    A hiring date after it, or a last day more than half a year later, is another leaving and a new question.
    """
    then = leavers.suppressed(tx, notice.entity, notice.employee_number)
    if then is None or (notice.hired_on and notice.hired_on > then):
        return False
    died = leavers.died(tx, notice.entity, notice.employee_number)
    return died or notice.last_day <= then + CORRECTION


def _stint(tx: Tx, notice: LeaverNotice, policy: Policy, person: people.Person, stint: int) -> Heard:
    leaver = Leaver(
        person_id=person.id, entity=notice.entity, employee_number=notice.employee_number, stint=stint,
        source=notice.source, notice="", last_day=notice.last_day, leaving_type=notice.leaving_type.value,
    )  # fmt: skip
    leavers.add(tx, leaver)
    _take_over(tx, leaver, notice, policy)
    return Heard.HELD if _hold_if_needed(tx, leaver, notice) else Heard.NEW


def _again(tx: Tx, leaver: Leaver, notice: LeaverNotice, policy: Policy) -> Heard:
    if notice.event_id == leaver.notice:
        return Heard.SAME
    if notice.hired_on and notice.hired_on > leaver.last_day and _over(tx, leaver):
        return _next_stint(tx, leaver, notice, policy)
    if leaver.stage is Stage.RETURNED and notice.last_day > leaver.last_day:
        return _next_stint(tx, leaver, notice, policy)
    if leaver.stage in ENDED - {Stage.DECLINED, Stage.WITHDRAWN} or _erased(tx, leaver):
        return Heard.SAME
    if notice.withdrawn:
        return _withdraw(tx, leaver, notice, policy)
    if leaver.stage is Stage.WITHDRAWN:
        return _reopen(tx, leaver, notice, policy)
    if leaver.stage not in BEFORE_ENROLMENT:
        return _after_enrolment(tx, leaver, notice)
    return _moved(tx, leaver, notice, policy)


def _over(tx: Tx, leaver: Leaver) -> bool:
    """Whether the stint has come to its end, so that a later hiring date begins another one."""
    if leaver.stage not in BEFORE_ENROLMENT:
        return True
    passed = leaver.enrol_at is not None and leaver.enrol_at <= now(tx)
    return passed and leaver.stage in (Stage.LATER, Stage.DECLINED)


def _erased(tx: Tx, leaver: Leaver) -> bool:
    person = people.get(tx, leaver.person_id)
    return person is None or person.left_at is not None


def _moved(tx: Tx, leaver: Leaver, notice: LeaverNotice, policy: Policy) -> Heard:
    before = (leaver.last_day, leaver.last_working_day)
    _take_over(tx, leaver, notice, policy)
    if _hold_if_needed(tx, leaver, notice):
        return Heard.HELD
    return Heard.CHANGED if before == (leaver.last_day, leaver.last_working_day) else Heard.MOVED


def _next_stint(tx: Tx, old: Leaver, notice: LeaverNotice, policy: Policy) -> Heard:
    if notice.withdrawn:
        return Heard.SAME
    come_back(tx, old)
    old.erase_at = None  # another leaving is another question, whatever was said to the last one
    person = people.one(tx, old.person_id)
    if _erased(tx, old):
        person = people.add(tx, notice.name, locale=notice.locale or policy.locale, zone=policy.zone)
    return _stint(tx, notice, policy, person, old.stint + 1)


def come_back(tx: Tx, leaver: Leaver) -> None:
    """An employee again: nothing of the old stint goes on, no account is theirs until it is tied anew."""
    if Stage.RETURNED in leavers.TRANSITIONS[leaver.stage]:
        leavers.move(tx, leaver, Stage.RETURNED)
    stop(tx, leaver)
    leaver.question = ""
    if consents.decision(tx, leaver.person_id) is not consents.Decision.WITHDRAWN:
        leaver.erase_at = None
    codes.drop(tx, leaver.person_id)
    accounts.untie(tx, leaver.person_id)
    interests.drop_all(tx, leaver.person_id)  # an employee has no place to take a raised hand back from
    person = people.one(tx, leaver.person_id)
    person.member_from, person.listed = None, False
    search.index(tx, person)


def _withdraw(tx: Tx, leaver: Leaver, notice: LeaverNotice, policy: Policy) -> Heard:
    """撤回: everything stops, what was collected for the network goes, and nobody is written to."""
    if leaver.stage is Stage.WITHDRAWN:
        return Heard.SAME
    if Stage.WITHDRAWN not in leavers.TRANSITIONS[leaver.stage]:
        return _ask_hr(leaver, notice, "withdrawn_after_enrolment")
    stop(tx, leaver)
    codes.drop(tx, leaver.person_id)
    leaver.notice = notice.event_id
    leavers.move(tx, leaver, Stage.WITHDRAWN)
    leaver.erase_at = now(tx) + timedelta(days=policy.unanswered_days)
    person = people.get(tx, leaver.person_id)
    if person is not None:
        people.forget_private(tx, person)
    if consents.decision(tx, leaver.person_id) is consents.Decision.GIVEN:
        consents.record(tx, leaver.person_id, consents.Decision.WITHDRAWN, consents.Said("", "feed"))
    return Heard.WITHDRAWN


def stop(tx: Tx, leaver: Leaver) -> None:
    """Take back whatever was about to be sent to or about a leaver."""
    outbox.cancel(tx, leaver_id=leaver.id)
    outbox.cancel(tx, person_id=leaver.person_id)
    checkins.stop(tx, leaver.person_id)


def _reopen(tx: Tx, leaver: Leaver, notice: LeaverNotice, policy: Policy) -> Heard:
    """Leaving after all. Who said no to this very leaving stays silent; a new date is a new question."""
    if leavers.suppressed(tx, notice.entity, notice.employee_number) == notice.last_day:
        leaver.notice = notice.event_id
        return Heard.SUPPRESSED
    if notice.last_day != leaver.last_day:
        leaver.asks = 0
    leavers.move(tx, leaver, Stage.ANNOUNCED)
    leaver.erase_at = None
    leaver.asked_at = leaver.answered_at = leaver.told_at = None
    leaver.released, leaver.stuck = False, ""
    _take_over(tx, leaver, notice, policy)
    _hold_if_needed(tx, leaver, notice)
    return Heard.REOPENED


def _after_enrolment(tx: Tx, leaver: Leaver, notice: LeaverNotice) -> Heard:
    if notice.last_day != leaver.last_day:
        return _ask_hr(leaver, notice, "date_after_enrolment")
    if notice.leaving_type is LeavingType.DEATH and leaver.leaving_type != LeavingType.DEATH:
        leaver.leaving_type = notice.leaving_type.value
        stop(tx, leaver)
        return _ask_hr(leaver, notice, "deceased")
    leaver.notice = notice.event_id
    return Heard.SAME


def _ask_hr(leaver: Leaver, notice: LeaverNotice, question: str) -> Heard:
    leaver.question, leaver.notice, leaver.told_at = question, notice.event_id, None
    return Heard.QUESTION


def _take_over(tx: Tx, leaver: Leaver, notice: LeaverNotice, policy: Policy) -> None:
    leaver.notice, leaver.source = notice.event_id, notice.source
    leaver.last_day, leaver.last_working_day = notice.last_day, notice.last_working_day
    leaver.leaving_type = notice.leaving_type.value
    for name in ("hired_on", "department", "title", "manager", "place", "company_email"):
        setattr(leaver, name, getattr(notice, name) or getattr(leaver, name))
    person = people.get(tx, leaver.person_id)
    if person is not None:
        _take_over_person(tx, person, notice)
        if notice.personal_email and person.private_email is None and leaver.stage is not Stage.DECLINED:
            people.set_private_email(tx, person, notice.personal_email)
    plan(tx, leaver, policy)
    tx.flush()


def _take_over_person(tx: Tx, person: people.Person, notice: LeaverNotice) -> None:
    person.name = notice.name
    for name in ("kana", "romaji", "former_name", "department", "place"):
        setattr(person, name, getattr(notice, name) or getattr(person, name))
    search.index(tx, person)


def _hold_if_needed(tx: Tx, leaver: Leaver, notice: LeaverNotice) -> bool:
    """Death, dismissal, dispute, unknown types and 登録可否 = no wait for HR; HR's own "go" is not overruled
    by the same reason again."""
    reason = "" if notice.may_enrol else "not_to_enrol"
    if notice.leaving_type not in ORDINARY:
        reason = notice.leaving_type.value
    if not reason or (leaver.released and leaver.held_because == reason) or leaver.stage is Stage.DECLINED:
        return False
    if leaver.stage is not Stage.HELD:
        hold(tx, leaver, reason)
    leaver.held_because, leaver.told_at = reason, None
    return True


def hold(tx: Tx, leaver: Leaver, reason: str) -> None:
    """Stop a leaver until HR says go; where they stood is kept. Raises `Conflict` after the account was
    tied."""
    came_from = leaver.stage.value
    leavers.move(tx, leaver, Stage.HELD)
    stop(tx, leaver)
    leaver.held_because, leaver.held_at_stage, leaver.released = reason, came_from, False
    tx.flush()


def plan(tx: Tx, leaver: Leaver, policy: Policy) -> None:
    """Compute every moment of a leaver from the two dates; moments that make no sense any more are empty."""
    work_ends = leaver.last_working_day or leaver.last_day
    ask_day = (
        leaver.last_working_day - timedelta(days=policy.ask_before_working_day)
        if leaver.last_working_day
        else leaver.last_day - timedelta(days=policy.ask_before_last_day)
    )
    leaver.ask_at = _moment(ask_day, policy.ask_at, policy)
    again = _moment(work_ends, policy.ask_at, policy)
    once_more = leaver.asks < QUESTIONS and again > max(leaver.ask_at, now(tx))
    leaver.ask_again_at = again if once_more else None
    leaver.enrol_at = _moment(_enrol_day(leaver, policy), policy.enrol_at, policy)
    leaver.member_from = _moment(leaver.last_day + timedelta(days=1), time(0), policy)
    remind_day = policy.calendar.business_days_before(ask_day, policy.remind_business_days)
    remind = _moment(remind_day, policy.ask_at, policy)
    leaver.remind_at = remind if remind > now(tx) else None
    if leaver.stage is Stage.DECLINED:
        leaver.erase_at = leaver.enrol_at
    if leaver.stage is Stage.LATER and leaver.later_at is not None:
        plan_later(leaver, policy)


def plan_later(leaver: Leaver, policy: Policy) -> None:
    """Some months after the last day one mail, and erased when it stays unanswered."""
    day = months_after(leaver.last_day, policy.later_months)
    leaver.later_at = local_moment(day, policy.checkin_opens, policy.zone)
    leaver.erase_at = leaver.later_at + timedelta(days=policy.unanswered_days)


def _enrol_day(leaver: Leaver, policy: Policy) -> date:
    if policy.enrol_on == "last_working_day":
        return leaver.last_working_day or leaver.last_day
    return leaver.last_day + timedelta(days=1 if policy.enrol_on == "day_after" else 0)


def _moment(day: date, at: time, policy: Policy) -> datetime:
    return local_moment(day, at, policy.zone)
