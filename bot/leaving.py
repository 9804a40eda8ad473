"""The way out, step by step: asked, answered, proven, enrolled, held and released, erased. Makes no cards."""

from __future__ import annotations

from datetime import timedelta

from bot.conversation import Side
from bot.errors import Conflict
from bot.notices import QUESTIONS, plan, plan_later, stop
from bot.policy import Policy
from bot.ports import LeavingType
from storage import accounts, codes, consents, journal, leavers, outbox, people, search
from storage.accounts import Account
from storage.codes import Use
from storage.consents import Decision, Said
from storage.engine import Tx, now
from storage.leavers import Leaver, Stage
from storage.people import Person


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
    open_stages = (Stage.ASKED, Stage.CONSENTED, Stage.LATER, Stage.DECLINED)
    if leaver.stage not in open_stages or (leaver.enrol_at and leaver.enrol_at <= now(tx)):
        raise Conflict("welcome.closed")


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
    person.private_email_proven_at = now(tx)
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
    leavers.move(tx, leaver, target)
    leaver.released = True
    if target is Stage.ENROLLED:  # the invitation was taken back; it is renewed at once
        leaver.invited_at = now(tx) - policy.invitation_lasts
    plan(tx, leaver, policy)
    journal.write(tx, "leaver.released", leaver.person_id)


def strike(tx: Tx, leaver: Leaver) -> None:
    """HR says never: everything stops for good; who died is kept as deceased, so that nobody ever writes
    again."""
    target = Stage.DECEASED if "death" in (leaver.held_because, leaver.leaving_type) else Stage.STRUCK
    leavers.move(tx, leaver, target)
    leaver.question = leaver.stuck = ""
    _end(tx, leaver)
    journal.write(tx, f"leaver.{target.value}", leaver.person_id)


def leave(tx: Tx, leaver: Leaver, said: Said) -> None:
    """A member goes, at once and completely: withdrawn, untied, erased, with a mark against re-creation."""
    consents.record(tx, leaver.person_id, Decision.WITHDRAWN, said)
    if leaver.stage is not Stage.LEFT:
        leavers.move(tx, leaver, Stage.LEFT)
    _end(tx, leaver)
    journal.write(tx, "person.left", leaver.person_id, actor=leaver.person_id)


def expire(tx: Tx, leaver: Leaver) -> None:
    """What nobody answered, and who said no, goes when its time is over.

    A withdrawn notice leaves no mark: they stay with the company and may leave another day.
    """
    if leaver.stage in (Stage.UNANSWERED, Stage.LATER):
        leavers.move(tx, leaver, Stage.LEFT)
    _end(tx, leaver, mark=leaver.stage is not Stage.WITHDRAWN)
    journal.write(tx, "person.erased", leaver.person_id)


def _end(tx: Tx, leaver: Leaver, *, mark: bool = True) -> None:
    stop(tx, leaver)
    codes.drop(tx, leaver.person_id)
    accounts.untie(tx, leaver.person_id)
    if mark:
        leavers.suppress(tx, leaver)
    search.forget(tx, leaver.person_id)
    people.erase(tx, leaver.person_id)
    leaver.erase_at = None
    leavers.blank(tx, leaver.person_id)
    leaver.held_because, leaver.leaving_type = "", LeavingType.UNKNOWN.value
    tx.flush()


def _person(tx: Tx, leaver: Leaver) -> Person:
    person = people.get(tx, leaver.person_id)
    if person is None:
        raise Conflict("leavers.moved_on")
    return person
