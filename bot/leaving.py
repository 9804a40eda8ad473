"""The way out, step by step: asked, answered, proven, enrolled, held and released, ended; and every consent
given or taken back. Makes no cards."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot import erasing, joining
from bot.conversation import Side
from bot.errors import Conflict
from bot.notices import QUESTIONS, plan, plan_later, stop
from bot.policy import Policy
from storage import (
    accounts,
    checkins,
    codes,
    consents,
    interests,
    journal,
    leavers,
    outbox,
    people,
    search,
    wishes,
)
from storage.accounts import Account
from storage.codes import Use
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, now
from storage.erasures import Why
from storage.leavers import Leaver, Stage
from storage.people import Person

NO = frozenset({Decision.REFUSED, Decision.WITHDRAWN})


def ask(tx: Tx, leaver: Leaver) -> bool:
    """The question is open from now on; whether it may go out once more."""
    leavers.move(tx, leaver, Stage.ASKED)
    leaver.asked_at = now(tx)
    journal.write(tx, "leaver.asked", leaver.person_id)
    return put_question(leaver)


def put_question(leaver: Leaver) -> bool:
    """Count a question that goes out; false when this leaving was asked about often enough."""
    if leaver.asks >= QUESTIONS:
        return False
    leaver.asks += 1
    return True


def may_answer(tx: Tx, leaver: Leaver) -> None:
    """Raises `Conflict` when the question is closed: not asked yet, held, or the last day is over."""
    if not is_open(tx, leaver):
        raise Conflict("welcome.closed")


def is_open(tx: Tx, leaver: Leaver) -> bool:
    """Whether the question can be answered now."""
    open_stages = (Stage.ASKED, Stage.CONSENTED, Stage.LATER, Stage.DECLINED)
    return leaver.stage in open_stages and not (leaver.enrol_at and leaver.enrol_at <= now(tx))


def say_yes(tx: Tx, leaver: Leaver, email: str, *, mail_only: bool, said: Said) -> None:
    """Consent to stay in touch, with the private address it is given for (still to be proven)."""
    may_answer(tx, leaver)
    person = _person(tx, leaver)
    leavers.lift(tx, leaver)
    people.set_private_email(tx, person, email)
    person.mail_only, person.locale = mail_only, said.locale
    _say(tx, leaver, Decision.GIVEN, Stage.CONSENTED, said)
    leaver.later_at = leaver.erase_at = None


def say_later(tx: Tx, leaver: Leaver, email: str, policy: Policy, said: Said) -> None:
    """Not now: one mail after some months, if there is an address for it; then no more."""
    may_answer(tx, leaver)
    person = _person(tx, leaver)
    leavers.lift(tx, leaver)
    people.set_private_email(tx, person, email or None)
    _say(tx, leaver, Decision.LATER, Stage.LATER, said)
    plan_later(leaver, policy)


def say_no(tx: Tx, leaver: Leaver, said: Said) -> None:
    """No: remembered, nothing more is sent, the private address goes now and the rest on the last day."""
    may_answer(tx, leaver)
    _say(tx, leaver, Decision.REFUSED, Stage.DECLINED, said)
    _decline(tx, leaver)


def _decline(tx: Tx, leaver: Leaver) -> None:
    stop(tx, leaver)
    codes.drop(tx, leaver.person_id)
    people.forget_private(tx, _person(tx, leaver))
    leavers.suppress(tx, leaver)
    leaver.erase_at = leaver.enrol_at


def _say(tx: Tx, leaver: Leaver, decision: Decision, stage: Stage, said: Said) -> None:
    if leaver.stage is not stage:
        leavers.move(tx, leaver, stage)
    leaver.answered_at, leaver.stuck = now(tx), ""
    consents.record(tx, leaver.person_id, decision, said)
    journal.write(
        tx, f"consent.{decision.value}", leaver.person_id, actor=leaver.person_id, detail=said.channel
    )


def proof_code(tx: Tx, person: Person, policy: Policy) -> str | None:
    """A new code for the private mailbox; `None` when there is no address or it is proven already."""
    if person.private_email_blind is None or person.private_email_proven_at is not None:
        return None
    return codes.make(tx, person.id, Use.PROVE, person.private_email_blind, policy.proof_lasts)


def prove(tx: Tx, leaver: Leaver, account: Account, code: str) -> None:
    """The private mailbox is the leaver's: they entered in the company chat what we mailed there.

    Raises `WrongCode` or `TooOften`; a code for an address that was changed meanwhile is wrong.
    """
    person = _person(tx, leaver)
    found = codes.check(tx, code, Use.PROVE, account, person.id)
    if found.about != person.private_email_blind:
        raise codes.WrongCode("join.wrong_code")
    codes.spend(tx, found, account)
    people.prove(tx, person)
    if leaver.stuck == "unproven_address":
        leaver.stuck = ""
    journal.write(tx, "address.proven", person.id, actor=person.id)


def enrol(tx: Tx, leaver: Leaver, policy: Policy) -> None:
    """Becoming an alumnus, on the last day: with a consent enrolled, without an answer only a silent
    record."""
    person = _person(tx, leaver)
    outbox.cancel(tx, person_id=person.id)  # a question that was not delivered yet comes too late
    if leaver.stage is Stage.CONSENTED:
        leavers.move(tx, leaver, Stage.ENROLLED)
        person.member_from = leaver.member_from
        search.index(tx, person)
        if person.private_email_proven_at is None:
            leaver.stuck = "unproven_address"
    else:
        leavers.move(tx, leaver, Stage.UNANSWERED)
        leaver.erase_at = now(tx) + timedelta(days=policy.unanswered_days)
    leaver.enrolled_at = now(tx)
    accounts.untie(tx, person.id, Side.COMPANY)  # somebody else may inherit the account
    journal.write(tx, f"leaver.{leaver.stage.value}", person.id)


def join_code(tx: Tx, person: Person, policy: Policy) -> str:
    """A joining code for a person: mailed to a proven mailbox, or handed over by HR."""
    return codes.make(tx, person.id, Use.JOIN, b"", policy.invitation_lasts)


def release(tx: Tx, leaver: Leaver, policy: Policy) -> None:
    """HR says go: back to where the leaver stood, or onwards where time has passed. Raises `Conflict`."""
    if leaver.stage is not Stage.HELD:
        raise Conflict("leavers.moved_on")
    target = Stage(leaver.held_at_stage or Stage.ANNOUNCED.value)
    if target is Stage.DECLINED or target not in leavers.TRANSITIONS[Stage.HELD]:
        target = Stage.ANNOUNCED
    if target is Stage.CONSENTED and wants_out(tx, leaver):
        raise Conflict("leavers.moved_on")
    leavers.move(tx, leaver, target)
    leaver.released = True
    if target is Stage.ENROLLED and not wants_out(tx, leaver):
        # the invitation was taken back; it is renewed at once
        leaver.invited_at = now(tx) - policy.invitation_lasts
    plan(tx, leaver, policy)
    journal.write(tx, "leaver.released", leaver.person_id)


def strike(tx: Tx, leaver: Leaver, *, deceased: bool = False) -> None:
    """HR says never: everything stops for good; who died is kept as deceased, so that nobody ever writes
    again."""
    died = deceased or "death" in (leaver.held_because, leaver.leaving_type)
    target = Stage.DECEASED if died else Stage.STRUCK
    leavers.move(tx, leaver, target)
    leaver.question = leaver.stuck = ""
    erasing.end(tx, leaver, Why.DECEASED if died else Why.STRUCK)
    journal.write(tx, f"leaver.{target.value}", leaver.person_id)


def leave(tx: Tx, leaver: Leaver, said: Said) -> None:
    """Somebody goes, at once and completely: withdrawn, untied, erased, with a mark against re-creation.

    A member, or a leaver at any stage before that. Source: GDPR art. 17; 個人情報保護法 35条.
    """
    for purpose in consents.given(tx, leaver.person_id) or (Purpose.STAY_IN_TOUCH,):
        consents.record(tx, leaver.person_id, Decision.WITHDRAWN, said, purpose)
    if leaver.stage is not Stage.LEFT:
        leavers.move(tx, leaver, Stage.LEFT)
    erasing.end(tx, leaver, Why.OWN)
    journal.write(tx, "person.left", leaver.person_id, actor=leaver.person_id)


_TIME_IS_OVER = {Stage.DECLINED: Why.REFUSED, Stage.WITHDRAWN: Why.STAYED}


def expire(tx: Tx, leaver: Leaver) -> None:
    """What nobody answered, who said no, and who took their consent back, goes when its time is over.

    A withdrawn notice leaves no mark: they stay with the company and may leave another day.
    """
    asked_at, why = refused_at(tx, leaver), _TIME_IS_OVER.get(leaver.stage, Why.SILENT)
    if leaver.stage not in (Stage.DECLINED, Stage.WITHDRAWN):
        leavers.move(tx, leaver, Stage.LEFT)
        why = Why.WITHDRAWN if asked_at else why
    erasing.end(tx, leaver, why, asked_at if why is not Why.STAYED else None)
    journal.write(tx, "person.erased", leaver.person_id)


def wants_out(tx: Tx, leaver: Leaver) -> bool:
    """Whether their last word is a no, so that even a hold does not keep them."""
    return refused_at(tx, leaver) is not None


def refused_at(tx: Tx, leaver: Leaver) -> datetime | None:
    """When a leaver said no or took their consent back, if that is their last word."""
    last = consents.latest(tx, leaver.person_id).get(Purpose.STAY_IN_TOUCH)
    return last.at if last is not None and last.decision in NO else None


# --- consent, purpose by purpose --------------------------------------------------------------------------


def withdraw(tx: Tx, whose: Leaver | str, purpose: Purpose, said: Said, policy: Policy) -> bool:
    """A consent is taken back, by a leaver or a person's id; whether that changed anything.

    What was about to be sent for the purpose is dropped at once. Every other consent rests on staying in
    touch: without it all end, the entry leaves the directory, and after some time the person is erased. Who
    wants no more of what needs no consent (the question itself) means all of it.
    Source: GDPR art. 7(3): as easy as giving; 個人情報保護法 35条.
    """
    purpose = Purpose.STAY_IN_TOUCH if purpose in consents.FREE else purpose
    leaver = _stint(tx, whose)
    last = consents.latest(tx, leaver.person_id).get(purpose) if leaver else None
    if leaver is None or (last is not None and last.decision in NO):
        return False
    given = consents.given(tx, leaver.person_id)
    ended = {purpose, *given} if purpose is Purpose.STAY_IN_TOUCH else {purpose}
    for one in sorted(ended):
        word = Decision.WITHDRAWN if one in given else Decision.REFUSED
        consents.record(tx, leaver.person_id, word, said, one)
    outbox.cancel_purposes(tx, leaver.person_id, ended)
    if Purpose.OPENINGS in ended or purpose is Purpose.STAY_IN_TOUCH:
        interests.drop_all(tx, leaver.person_id)  # a raised hand rests on both consents
        wishes.silence(tx, leaver.person_id)
    journal.write(
        tx, "consent.withdrawn", leaver.person_id, actor=leaver.person_id, detail=f"{purpose}:{said.channel}"
    )
    if purpose is Purpose.STAY_IN_TOUCH:
        _rest(tx, leaver, policy)
    return True


def _rest(tx: Tx, leaver: Leaver, policy: Policy) -> None:
    """Nothing more is sent. Before the last day that is a no; afterwards there is time to come back."""
    stop(tx, leaver)
    if _may_decline(tx, leaver):
        leavers.move(tx, leaver, Stage.DECLINED)
        leaver.answered_at, leaver.stuck = now(tx), ""
        _decline(tx, leaver)
        return
    if leaver.stage is Stage.WITHDRAWN:
        leavers.suppress(tx, leaver)  # should they leave after all, they have said no to it
    person = _person(tx, leaver)
    people.unlist(tx, person)
    search.index(tx, person)
    codes.drop(tx, person.id)
    leaver.invited_at = leaver.later_at = None
    if leaver.stage not in leavers.ENDED or leaver.stage is Stage.RETURNED:
        ends = now(tx) + timedelta(days=policy.unanswered_days)
        leaver.erase_at = min(leaver.erase_at or ends, ends)
    tx.flush()


def _may_decline(tx: Tx, leaver: Leaver) -> bool:
    still_here = leaver.enrol_at is not None and leaver.enrol_at > now(tx)
    return still_here and Stage.DECLINED in leavers.TRANSITIONS[leaver.stage]


def give(tx: Tx, whose: Leaver | str, purpose: Purpose, said: Said, policy: Policy) -> bool:
    """A consent is given (again), by a leaver or a person's id; whether that changed anything.

    Staying in touch again stops the erasing that was to come. Raises `Conflict` for another purpose of
    somebody who does not stay in touch, and before the last day: there the question itself is answered.
    """
    leaver = _stint(tx, whose)
    if leaver is None:
        raise Conflict("leavers.moved_on")
    given = consents.given(tx, leaver.person_id)
    if purpose in given and given[purpose] == consents.wording(tx, purpose):
        return False
    if purpose is not Purpose.STAY_IN_TOUCH and Purpose.STAY_IN_TOUCH not in given:
        raise Conflict("privacy.stay_first")
    if purpose is Purpose.STAY_IN_TOUCH and purpose not in given:
        _take_up(tx, leaver, policy)
    consents.record(tx, leaver.person_id, Decision.GIVEN, said, purpose)
    journal.write(
        tx, "consent.given", leaver.person_id, actor=leaver.person_id, detail=f"{purpose}:{said.channel}"
    )
    return True


def _take_up(tx: Tx, leaver: Leaver, policy: Policy) -> None:
    """Back in touch: not erased, invited or asked how they are as if for the first time; listed when they
    say so."""
    if leaver.stage in leavers.ENDED - {Stage.RETURNED} or (leaver.enrol_at and leaver.enrol_at > now(tx)):
        raise Conflict("privacy.answer_first")
    person = _person(tx, leaver)
    if leaver.stage in (Stage.LATER, Stage.UNANSWERED):
        leavers.move(tx, leaver, Stage.ENROLLED)
        leaver.enrolled_at = leaver.enrolled_at or now(tx)
        person.member_from = person.member_from or leaver.member_from
    leaver.erase_at = leaver.later_at = None
    if leaver.stage is Stage.ENROLLED:
        leaver.invited_at = now(tx) - policy.invitation_lasts  # the invitation is renewed at once
    if leaver.stage is Stage.JOINED:
        checkins.plan(tx, person.id, joining.first_checkin(person, leaver, policy, now(tx)))
    search.index(tx, person)


def _stint(tx: Tx, whose: Leaver | str) -> Leaver | None:
    """The newest stint; nobody's when they are not there (any more)."""
    leaver = leavers.of_person(tx, whose) if isinstance(whose, str) else whose
    return leaver if leaver is not None and _person(tx, leaver).left_at is None else None


def _person(tx: Tx, leaver: Leaver) -> Person:
    person = people.get(tx, leaver.person_id)
    if person is None:
        raise Conflict("leavers.moved_on")
    return person
