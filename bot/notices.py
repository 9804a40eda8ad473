"""A notice of leaving, from whichever door: it opens a stint, moves it, holds it, withdraws it, or changes
nothing.

Nothing is sent from here; the sweeps of `jobs.enrolment` ask the tables what is due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

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


def take_notices(tx: Tx, notices: Sequence[LeaverNotice], policy: Policy) -> list[Heard]:
    """`take_notice` of each, in their order. What most rows of a file are costs few statements for all of
    them: known as they stand, or of somebody new."""
    numbers = {_number(notice) for notice in notices}
    events, refusals = leavers.events(tx, numbers), leavers.refusals(tx, numbers)
    heard: list[Heard] = []
    new = _Newcomers(tx, policy)
    met: set[leavers.Number] = set()
    for notice in notices:
        number = _number(notice)
        if number in met or events.get(number, notice.event_id) != notice.event_id:
            new.keep()  # before what comes after it
            heard.append(take_notice(tx, notice, policy))
        elif number in events or notice.withdrawn:
            heard.append(Heard.SAME)
            continue
        elif _said_no(refusals.get(number), notice):
            heard.append(Heard.SUPPRESSED)
            continue
        else:
            heard.append(new.add(notice))
        met.add(number)
    new.keep()
    return heard


def _number(notice: LeaverNotice) -> leavers.Number:
    return notice.entity, notice.employee_number


@dataclass(frozen=True, slots=True)
class _New:
    """Somebody who is not known yet, as `_stint` would leave them."""

    person: people.Newcomer
    leaver: Mapping[str, Any]
    heard: Heard


class _Newcomers:
    """Everybody new of a batch; what depends on two days only is worked out once for many."""

    def __init__(self, tx: Tx, policy: Policy) -> None:
        at = now(tx)
        self._tx, self._policy, self._at = tx, policy, at
        self._moments = cache(lambda *days: _moments(days, 0, at, policy))
        self._waiting: list[_New] = []

    def add(self, notice: LeaverNotice) -> Heard:
        """Somebody whom nobody knows."""
        person = people.Newcomer(notice.name, notice.locale or self._policy.locale, self._policy.zone,
                                 email=notice.personal_email)  # fmt: skip
        _take_names(person, notice)
        reason = _reason_to_hold(notice)
        stage, at = (Stage.HELD, self._at) if reason else (Stage.ANNOUNCED, None)
        leaver = {
            "person_id": person.id, "entity": notice.entity, "employee_number": notice.employee_number,
            "stint": 1, "stage": stage, "changed_at": at, "held_because": reason,
            "held_at_stage": Stage.ANNOUNCED.value if reason else "", **_said(notice),
            **{name: getattr(notice, name) for name in _FILLED},
            **self._moments(notice.last_day, notice.last_working_day),
        }  # fmt: skip
        self._waiting.append(_New(person, leaver, Heard.HELD if reason else Heard.NEW))
        return self._waiting[-1].heard

    def keep(self) -> None:
        """Write them."""
        new, self._waiting = self._waiting, []
        folk = [one.person for one in new]
        people.add_all(self._tx, folk)
        leavers.add_all(self._tx, [one.leaver for one in new])
        search.index_new(self._tx, folk)
        lines = [(f"notice.{one.heard.value}", one.person.id, one.leaver["source"]) for one in new]
        journal.write_all(self._tx, lines)


def _open(tx: Tx, notice: LeaverNotice, policy: Policy) -> Heard:
    if notice.withdrawn:
        return Heard.SAME
    number = _number(notice)
    if _said_no(leavers.refusals(tx, [number]).get(number), notice):
        return Heard.SUPPRESSED
    person = people.add(tx, notice.name, locale=notice.locale or policy.locale, zone=policy.zone)
    return _stint(tx, notice, policy, person, stint=1)


def _said_no(refusal: leavers.Suppression | None, notice: LeaverNotice) -> bool:
    """Whether this is the leaving of somebody who was erased: corrections of its date do not create them
    again.

    A hiring date after it, or a last day more than half a year later, is another leaving and a new question.
    """
    if refusal is None or (notice.hired_on and notice.hired_on > refusal.last_day):
        return False
    return refusal.for_good or notice.last_day <= refusal.last_day + CORRECTION


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
    if _stood(leaver) not in BEFORE_ENROLMENT:
        return _after_enrolment(tx, leaver, notice)
    return _moved(tx, leaver, notice, policy)


def _over(tx: Tx, leaver: Leaver) -> bool:
    """Whether the stint has come to its end, so that a later hiring date begins another one."""
    if _stood(leaver) not in BEFORE_ENROLMENT:
        return True
    passed = leaver.enrol_at is not None and leaver.enrol_at <= now(tx)
    return passed and leaver.stage in (Stage.LATER, Stage.DECLINED)


def _stood(leaver: Leaver) -> Stage:
    """Where a leaver stands, or stood until they were held: a notice does not move who was enrolled."""
    return Stage(leaver.held_at_stage or Stage.ANNOUNCED) if leaver.stage is Stage.HELD else leaver.stage


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
    if Stage.WITHDRAWN not in leavers.TRANSITIONS[_stood(leaver)]:
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
    for name, value in _said(notice).items():
        setattr(leaver, name, value)
    for name in _FILLED:
        setattr(leaver, name, getattr(notice, name) or getattr(leaver, name))
    person = people.get(tx, leaver.person_id)
    if person is not None:
        _take_names(person, notice)
        search.index(tx, person)
        if notice.personal_email and person.private_email is None and leaver.stage is not Stage.DECLINED:
            people.set_private_email(tx, person, notice.personal_email)
    plan(tx, leaver, policy)
    tx.flush()


_FILLED = ("hired_on", "department", "title", "manager", "place", "company_email")
"""What a notice may leave out without taking it away."""


def _said(notice: LeaverNotice) -> dict[str, Any]:
    return {
        "notice": notice.event_id, "source": notice.source, "leaving_type": notice.leaving_type.value,
        "last_day": notice.last_day, "last_working_day": notice.last_working_day,
    }  # fmt: skip


def _take_names(person: people.Person | people.Newcomer, notice: LeaverNotice) -> None:
    person.name = notice.name
    for name in ("kana", "romaji", "former_name", "department", "place"):
        setattr(person, name, getattr(notice, name) or getattr(person, name))


def _hold_if_needed(tx: Tx, leaver: Leaver, notice: LeaverNotice) -> bool:
    """What waits for HR; HR's own "go" is not overruled by the same reason again."""
    reason = _reason_to_hold(notice)
    if not reason or (leaver.released and leaver.held_because == reason) or leaver.stage is Stage.DECLINED:
        return False
    if leaver.stage is not Stage.HELD:
        hold(tx, leaver, reason)
    leaver.held_because, leaver.told_at = reason, None
    return True


def _reason_to_hold(notice: LeaverNotice) -> str:
    """Death, dismissal, dispute, unknown types and 登録可否 = no wait for HR."""
    if notice.leaving_type not in ORDINARY:
        return notice.leaving_type.value
    return "" if notice.may_enrol else "not_to_enrol"


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
    days = (leaver.last_day, leaver.last_working_day)
    for name, moment in _moments(days, leaver.asks, now(tx), policy).items():
        setattr(leaver, name, moment)
    if leaver.stage is Stage.DECLINED:
        leaver.erase_at = leaver.enrol_at
    if leaver.stage is Stage.LATER and leaver.later_at is not None:
        plan_later(leaver, policy)


def _moments(
    days: tuple[date, date | None], asks: int, at: datetime, policy: Policy
) -> dict[str, datetime | None]:
    last_day, last_working_day = days
    ask_day = (
        last_working_day - timedelta(days=policy.ask_before_working_day)
        if last_working_day
        else last_day - timedelta(days=policy.ask_before_last_day)
    )
    ask_at = _moment(ask_day, policy.ask_at, policy)
    again = _moment(last_working_day or last_day, policy.ask_at, policy)
    remind_day = policy.calendar.business_days_before(ask_day, policy.remind_business_days)
    remind = _moment(remind_day, policy.ask_at, policy)
    return {
        "ask_at": ask_at, "ask_again_at": again if asks < QUESTIONS and again > max(ask_at, at) else None,
        "enrol_at": _moment(_enrol_day(days, policy), policy.enrol_at, policy),
        "member_from": _moment(last_day + timedelta(days=1), time(0), policy),
        "remind_at": remind if remind > at else None,
    }  # fmt: skip


def plan_later(leaver: Leaver, policy: Policy) -> None:
    """Some months after the last day one mail, and erased when it stays unanswered."""
    day = months_after(leaver.last_day, policy.later_months)
    leaver.later_at = local_moment(day, policy.checkin_opens, policy.zone)
    leaver.erase_at = leaver.later_at + timedelta(days=policy.unanswered_days)


def _enrol_day(days: tuple[date, date | None], policy: Policy) -> date:
    last_day, last_working_day = days
    if policy.enrol_on == "last_working_day":
        return last_working_day or last_day
    return last_day + timedelta(days=1 if policy.enrol_on == "day_after" else 0)


def _moment(day: date, at: time, policy: Policy) -> datetime:
    return local_moment(day, at, policy.zone)
