"""The leavers' clock: each step when it is due, once however often it runs, on any number of replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from bot import leaving, notices
from bot.conversation import Address, Platform, Side
from bot.ports import LeavingType
from jobs import enrolment
from storage import accounts, codes, consents, leavers, people
from storage.consents import Said
from storage.engine import Tx, now
from storage.leavers import Leaver, Stage
from storage.outbox import Route, Status
from tests.desk import POLICY, Desk, notice, tokyo

SAID = Said("ja", "slack")
MAIL = "aiko@example.jp"


async def sweep(desk: Desk) -> bool:
    return await enrolment.sweep(desk.database, POLICY)


def changes(desk: Desk, change: Callable[[Tx, Leaver], Any], number: str = "E1") -> None:
    def act(tx: Tx) -> None:
        row = leavers.latest(tx, "", number)
        assert row is not None
        change(tx, row)

    desk.does(act)


def yes(tx: Tx, row: Leaver) -> None:
    leaving.say_yes(tx, row, MAIL, mail_only=False, said=SAID)


def proves(tx: Tx, row: Leaver) -> None:
    code = leaving.proof_code(tx, people.one(tx, row.person_id), POLICY)
    assert code
    leaving.prove(tx, row, accounts.note(tx, Address(Platform.SLACK, "T0", "U1"), Side.COMPANY), code)


async def asked(desk: Desk) -> None:
    desk.hears(notice())
    await sweep(desk)
    desk.clock.travel(tokyo("2026-03-02"))
    await sweep(desk)
    assert desk.leaver().stage is Stage.ASKED


async def consented(desk: Desk, *, proven: bool = True) -> None:
    await asked(desk)
    changes(desk, yes)
    if proven:
        changes(desk, proves)


async def later(desk: Desk) -> None:
    await asked(desk)
    changes(desk, lambda tx, row: leaving.say_later(tx, row, MAIL, POLICY, SAID))
    changes(desk, proves)


async def enrolled(desk: Desk) -> None:
    await consented(desk)
    desk.clock.travel(tokyo("2026-03-31", "18:00"))
    await sweep(desk)
    assert desk.leaver().stage is Stage.ENROLLED


async def announced(desk: Desk) -> None:
    desk.hears(notice())


async def told(desk: Desk) -> None:
    desk.hears(notice())
    await sweep(desk)


async def declined(desk: Desk) -> None:
    await asked(desk)
    changes(desk, lambda tx, row: leaving.say_no(tx, row, SAID))


async def unanswered(desk: Desk) -> None:
    await asked(desk)
    desk.clock.travel(tokyo("2026-03-31", "18:00"))
    await sweep(desk)
    assert desk.leaver().stage is Stage.UNANSWERED


async def stuck(desk: Desk) -> None:
    await asked(desk)
    changes(desk, lambda tx, row: setattr(row, "stuck", "not_in_workspace"))


@dataclass(frozen=True)
class Step:
    """How to get there, when the step is due, and what it leaves behind: letters and a stage."""

    before: Callable[[Desk], Any]
    due: str
    at: str
    kind: str
    letters: int
    stage: Stage


STEPS = {
    "tell_hr": Step(announced, "2026-02-02", "09:00", "decisions.notice", 1, Stage.ANNOUNCED),
    "remind_hr": Step(told, "2026-02-25", "09:00", "decisions.remind", 1, Stage.ANNOUNCED),
    "ask": Step(told, "2026-03-01", "09:00", "welcome.question", 1, Stage.ASKED),
    "ask_again": Step(asked, "2026-03-31", "09:00", "welcome.question", 2, Stage.ASKED),
    "enrol": Step(consented, "2026-03-31", "18:00", "welcome.invitation", 1, Stage.ENROLLED),
    "enrol silently": Step(asked, "2026-03-31", "18:00", "welcome.invitation", 0, Stage.UNANSWERED),
    "renew": Step(enrolled, "2026-04-30", "18:00", "welcome.invitation", 2, Stage.ENROLLED),
    "write_later": Step(later, "2026-06-30", "10:00", "welcome.later_mail", 1, Stage.LATER),
    "report_stuck": Step(stuck, "2026-03-02", "09:00", "decisions.stuck", 1, Stage.ASKED),
    "erase declined": Step(declined, "2026-03-31", "18:00", "welcome.question", 1, Stage.DECLINED),
    "erase unanswered": Step(unanswered, "2026-06-29", "18:00", "welcome.question", 1, Stage.LEFT),
}


def state(desk: Desk, kind: str) -> tuple[int, Stage]:
    return len(desk.letters(kind)), desk.leaver().stage


@pytest.mark.parametrize("name", STEPS)
async def test_a_step_comes_when_it_is_due_and_once(desk: Desk, name: str) -> None:
    step = STEPS[name]
    desk.staff()
    await step.before(desk)
    due = tokyo(step.due, step.at)
    if due > desk.clock.now():
        desk.clock.travel(due - timedelta(seconds=1))
        await sweep(desk)
        early = state(desk, step.kind)
        desk.clock.travel(due)
        assert await sweep(desk)
        assert early != (step.letters, step.stage) or name.startswith(("erase", "enrol silently"))
    else:
        assert await sweep(desk)
    assert state(desk, step.kind) == (step.letters, step.stage)
    letters = len(desk.letters())
    while await sweep(desk):
        pass
    assert state(desk, step.kind) == (step.letters, step.stage)
    assert len(desk.letters(step.kind)) == step.letters
    assert len(desk.letters()) >= letters
    assert not await sweep(desk)


@pytest.mark.long
@pytest.mark.parametrize("name", STEPS)
async def test_two_replicas_have_one_effect(desk: Desk, name: str) -> None:
    step = STEPS[name]
    desk.staff()
    await step.before(desk)
    due = tokyo(step.due, step.at)
    desk.clock.travel(max(due, desk.clock.now()))
    other = desk.again()
    try:
        await asyncio.gather(*(enrolment.sweep(d.database, POLICY) for d in (desk, other) for _ in range(3)))
    finally:
        other.database.close()
    assert state(desk, step.kind) == (step.letters, step.stage)


async def test_a_month_without_the_house_sends_each_thing_once_or_not_at_all(desk: Desk) -> None:
    desk.staff()
    desk.hears(notice())
    desk.clock.travel(tokyo("2026-05-15"))
    while await sweep(desk):
        pass
    assert desk.leaver().stage is Stage.UNANSWERED
    assert {row.kind for row in desk.letters()} == {"decisions.notice"}


async def test_a_late_notice_is_asked_at_once_and_again_on_the_last_working_day(desk: Desk) -> None:
    desk.staff()
    desk.hears(notice(last_day="2026-02-06"))
    await sweep(desk)
    assert desk.leaver().stage is Stage.ASKED
    desk.clock.travel(tokyo("2026-02-06"))
    await sweep(desk)
    assert len(desk.letters("welcome.question")) == 2


async def test_many_notices_make_one_card_and_one_for_each_that_waits(desk: Desk) -> None:
    desk.staff()
    for n in range(8):
        kind = LeavingType.DISMISSAL if n == 0 else LeavingType.RESIGNATION
        desk.hears(notice(f"E{n}", leaving_type=kind))
    await sweep(desk)
    assert len(desk.letters("decisions.notices")) == 1
    assert len(desk.letters("decisions.notice")) == 1
    assert not desk.sees(leavers.untold)


async def test_an_unproven_mailbox_gets_an_invitation_without_a_code(
    desk: Desk,
) -> None:
    await consented(desk, proven=False)
    desk.clock.travel(tokyo("2026-03-31", "18:00"))
    await sweep(desk)
    row = desk.leaver()
    assert (row.stage, row.stuck) == (Stage.ENROLLED, "unproven_address")
    (letter,) = desk.letters("welcome.invitation")
    assert letter.route is Route.PROOF_MAIL
    assert desk.sees(lambda tx: codes.open_code(tx, row.person_id, codes.Use.JOIN)) is None


async def test_enrolment_makes_a_member_of_the_next_day(desk: Desk) -> None:
    await enrolled(desk)
    person = desk.person()
    assert person.member_from == tokyo("2026-04-01", "00:00")
    assert not people.is_member(person, desk.clock.now())
    assert desk.letters("welcome.invitation")[0].route is Route.PRIVATE_MAIL


async def test_a_lapsed_invitation_is_renewed_twice_and_then_told(desk: Desk) -> None:
    desk.staff()
    await enrolled(desk)
    for _ in range(5):
        desk.clock.passes(POLICY.invitation_lasts.total_seconds())
        await sweep(desk)
    assert len(desk.letters("welcome.invitation")) == 1 + POLICY.invitation_renewals
    assert desk.leaver().stuck == "invitation_lapsed"
    assert len(desk.letters("decisions.stuck")) == 1


async def test_later_without_a_proven_mailbox_is_never_written_to(desk: Desk) -> None:
    await asked(desk)
    changes(desk, lambda tx, row: leaving.say_later(tx, row, MAIL, POLICY, SAID))
    desk.clock.travel(tokyo("2026-07-01"))
    while await sweep(desk):
        pass
    assert desk.letters("welcome.later_mail") == []
    desk.clock.travel(tokyo("2026-10-01"))
    await sweep(desk)
    assert desk.leaver().stage is Stage.LEFT
    assert desk.person().name == ""


async def test_a_later_last_day_moves_the_later_mail_too(desk: Desk) -> None:
    await later(desk)
    desk.hears(notice(last_day="2026-08-31"))
    desk.clock.travel(tokyo("2026-07-31", "12:00"))
    while await sweep(desk):
        pass
    assert desk.letters("welcome.later_mail") == []
    assert desk.leaver().later_at == tokyo("2026-11-30", "10:00")


async def test_who_declined_is_erased_and_stays_erased_whatever_the_file_says(desk: Desk) -> None:
    await declined(desk)
    desk.clock.travel(tokyo("2026-03-31", "18:00"))
    await sweep(desk)
    row = desk.leaver()
    assert (row.company_email, row.manager, row.title, row.department, row.place) == ("", "", "", "", "")
    assert row.employee_number == f"erased:{row.id}"
    for changed in ({"department": "総務部"}, {"last_day": "2026-04-30"}):
        assert desk.hears(notice(personal_email=MAIL, **changed)) is notices.Heard.SUPPRESSED
    assert desk.hears(notice(personal_email=MAIL, withdrawn=True)) is notices.Heard.SAME
    person = desk.person()
    assert (person.name, person.private_email) == ("", None)
    assert desk.leaver().stage is Stage.DECLINED


async def test_who_declined_and_was_hired_again_is_asked_again(desk: Desk) -> None:
    await declined(desk)
    old = desk.person().id
    desk.clock.travel(tokyo("2026-03-31", "18:00"))
    await sweep(desk)
    again = notice(last_day="2027-03-31", hired_on=tokyo("2026-10-01").date())
    assert desk.hears(again) is notices.Heard.NEW
    assert desk.person().id != old
    desk.clock.travel(tokyo("2027-03-01"))
    await sweep(desk)
    assert desk.leaver().stage is Stage.ASKED


async def test_a_date_that_keeps_moving_asks_twice_at_most(desk: Desk) -> None:
    await asked(desk)
    for month in range(3, 9):
        day = tokyo(f"2026-{month:02}-28")
        desk.hears(notice(last_day=str(day.date())))
        desk.clock.travel(day)
        await sweep(desk)
    assert len(desk.letters("welcome.question")) == 2


async def test_held_and_released_after_enrolment_is_invited_again_at_once(desk: Desk) -> None:
    await enrolled(desk)
    changes(desk, lambda tx, row: notices.hold(tx, row, "by_hr"))
    assert [row.status for row in desk.letters("welcome.invitation")] == [Status.DROPPED]
    changes(desk, lambda tx, row: leaving.release(tx, row, POLICY))
    await sweep(desk)
    assert [row.status for row in desk.letters("welcome.invitation")] == [Status.DROPPED, Status.PENDING]


async def test_who_is_held_after_enrolment_is_not_moved_by_a_notice(desk: Desk) -> None:
    """They are an alumnus all the same: another day is a question to HR, a later hiring another stint."""
    await enrolled(desk)
    changes(desk, lambda tx, row: notices.hold(tx, row, "by_hr"))
    desk.clock.travel(tokyo("2026-05-01"))
    assert desk.hears(notice(last_day="2026-06-30")) is notices.Heard.QUESTION
    assert desk.leaver().last_day == tokyo("2026-03-31").date()
    assert desk.hears(notice(withdrawn=True)) is notices.Heard.QUESTION
    assert desk.leaver().stage is Stage.HELD
    hired = tokyo("2026-04-15").date()
    assert desk.hears(notice(last_day="2027-03-31", hired_on=hired)) is notices.Heard.NEW
    assert (desk.leaver().stint, desk.leaver().stage) == (2, Stage.ANNOUNCED)
    assert desk.person().member_from is None
    assert desk.sees(leavers.counts) == {Stage.RETURNED: 1, Stage.ANNOUNCED: 1}


async def test_the_setting_decides_the_day_and_hour_of_enrolment(desk: Desk) -> None:
    changed = replace(POLICY, enrol_on="last_working_day")
    note = notice(last_working_day=tokyo("2026-03-13").date())
    desk.does(lambda tx: notices.take_notice(tx, note, changed))
    assert desk.leaver().enrol_at == tokyo("2026-03-13", "18:00")
    assert desk.leaver().member_from == tokyo("2026-04-01", "00:00")
    after = replace(POLICY, enrol_on="day_after")
    desk.does(lambda tx: notices.take_notice(tx, notice("E2"), after))
    assert desk.leaver("E2").enrol_at == tokyo("2026-04-01", "18:00")


async def test_nothing_is_asked_of_the_held_and_nobody_is_enrolled(desk: Desk) -> None:
    desk.staff()
    for kind in (LeavingType.DEATH, LeavingType.DISMISSAL, LeavingType.DISPUTE, LeavingType.UNKNOWN):
        desk.hears(notice(kind.value, leaving_type=kind))
    desk.hears(notice("no", may_enrol=False))
    for day in ("2026-03-02", "2026-03-31", "2026-12-31"):
        desk.clock.travel(tokyo(day, "23:00"))
        await sweep(desk)
    assert {row.kind for row in desk.letters()} == {"decisions.notice"}
    assert desk.sees(leavers.counts) == {Stage.HELD: 5}


async def test_leaving_is_possible_at_every_stage_of_a_second_stint(desk: Desk) -> None:
    await enrolled(desk)
    desk.clock.travel(tokyo("2026-10-01"))
    desk.hears(notice(last_day="2027-03-31", hired_on=tokyo("2026-09-01").date()))
    assert desk.leaver().stage is Stage.ANNOUNCED
    changes(desk, lambda tx, row: leaving.leave(tx, row, SAID))
    assert desk.leaver().stage is Stage.LEFT
    assert desk.person().name == ""
    assert desk.sees(lambda tx: consents.decision(tx, desk.person().id)) is consents.Decision.WITHDRAWN
    assert desk.sees(now) == desk.clock.now()


async def test_what_could_not_be_delivered_before_the_last_day_is_not_asked_after_it(desk: Desk) -> None:
    await asked(desk)  # and the question still lies in the outbox
    desk.clock.travel(tokyo("2026-03-31", "18:00"))
    while await sweep(desk):
        pass
    assert desk.leaver().stage is Stage.UNANSWERED
    assert {row.status for row in desk.letters("welcome.question")} == {Status.DROPPED}
