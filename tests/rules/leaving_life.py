"""One employee number, to whom everything happens in any order: the machine behind `test_leaving.py`.

It knows nothing of the house's stages table. It keeps what was said and what was sent, and checks promises.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.conversation import Side
from bot.errors import Refusal
from bot.notices import Heard
from bot.ports import ORDINARY, LeaverNotice, LeavingType
from jobs import checkins as checkin_job
from jobs import enrolment
from storage import accounts, consents, delivering, leavers, people
from storage import checkins as checkins_table
from storage.consents import FREE, Decision
from storage.engine import Tx
from storage.leavers import Leaver, Stage
from storage.outbox import Delivery, Route
from storage.people import Person
from tests.desk import POLICY, Desk, arrived, desk_on, notice
from tests.rules.deeds import DIRECT, MAIL, STAY, Deed, Seats

S = Stage
MAY_HEAR = {
    S.ASKED: {"welcome.question"},
    S.LATER: {"welcome.later_mail"},
    S.ENROLLED: {"welcome.invitation"},
    S.JOINED: {"checkin.nudge"},
}
"""What a person may be written while they stand somewhere; anywhere else: nothing."""


class Life(RuleBasedStateMachine):
    """Notices, answers, HR, the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.desk: Desk = self.stack.enter_context(desk_on())
        self.loop = self.stack.enter_context(asyncio.Runner())
        self.heard: list[LeaverNotice] = []
        self.last = 0  # the newest stint's id; an erased one has no number any more
        self.questions: dict[tuple[int, int], int] = {}
        self.openings = 0
        self.silent: set[date] = set()  # last days to which they said no, and did not take it back
        self.go_for = ""  # the reason for which HR said go
        self.seats = Seats()

    def teardown(self) -> None:
        self.stack.close()

    def stands(self, *stages: Stage) -> bool:
        """Whether the stint is at one of these stages."""
        row = self.row()
        return row is not None and row.stage in stages

    # --- looking and acting ----------------------------------------------------------------------------

    def row(self) -> Leaver | None:
        """The stint that all this is about."""
        return self.desk.sees(self._row)

    def _row(self, tx: Tx) -> Leaver | None:
        found = leavers.latest(tx, "", "E1") or leavers.get(tx, self.last)
        self.last = found.id if found is not None else 0
        return found

    def person(self) -> Person:
        return self.desk.sees(lambda tx: people.one(tx, self.stage_row().person_id))

    def stage_row(self) -> Leaver:
        row = self.row()
        assert row is not None
        return row

    def today(self) -> date:
        return POLICY.day(self.desk.clock.now())

    def acts(self, deed: Deed) -> Any:
        """Somebody does something about the newest stint; a refusal rolls it back, as dispatch does."""

        def run(tx: Tx) -> Any:
            row = self._row(tx)
            return DIRECT[deed.what](tx, row, deed) if row is not None else None

        try:
            return self.desk.does(run)
        except Refusal as refusal:
            return refusal

    def runs(self) -> None:
        """The clock's sweeps until quiet, and what is to leave the house."""
        for _ in range(30):
            if not self.goes_round():
                return
        raise AssertionError("the house does not come to rest")

    def goes_round(self) -> bool:
        """Every sweep once; whether there was anything."""
        did = self.loop.run(enrolment.sweep(self.desk.database, POLICY))
        did = self.loop.run(checkin_job.sweep(self.desk.database, POLICY)) or did
        return self.carries() or did

    def carries(self) -> bool:
        """A postman delivers everything without asking."""
        return self.desk.does(self._deliver)

    def _deliver(self, tx: Tx) -> bool:
        rows = delivering.claim(tx, 50)
        for row in rows:
            if row.route is not Route.STAFF:
                self._check(tx, row)
            self._hand_over(tx, row)
        return bool(rows)

    def _hand_over(self, tx: Tx, row: Delivery) -> None:
        arrived(tx, row, "test")

    def _check(self, tx: Tx, row: Delivery) -> None:
        assert row.person_id is not None
        leaver = leavers.of_person(tx, row.person_id)
        assert leaver is not None
        assert row.kind in MAY_HEAR.get(leaver.stage, set()), f"{row.kind} to somebody {leaver.stage}"
        if row.purpose not in FREE:
            assert consents.decision(tx, row.person_id) is Decision.GIVEN, "without a consent"
        if row.kind == "welcome.question":
            self._check_question(leaver)
        if row.kind == "checkin.nudge":
            assert people.is_member(people.one(tx, row.person_id), self.desk.clock.now())

    def _check_question(self, leaver: Leaver) -> None:
        now, key = self.desk.clock.now(), (leaver.id, self.openings)
        self.questions[key] = self.questions.get(key, 0) + 1
        assert self.questions[key] <= 2, "a third question about one leaving"
        assert leaver.ask_at is not None
        assert leaver.enrol_at is not None
        assert leaver.ask_at <= now < leaver.enrol_at
        assert leaver.last_day not in self.silent, "asked again after a no"
        assert leaver.leaving_type in {kind.value for kind in ORDINARY} or leaver.released

    # --- notices ---------------------------------------------------------------------------------------

    def takes(self, note: LeaverNotice) -> Heard:
        before = self.row()
        heard = self.desk.hears(note)
        after = self.row()
        if heard is Heard.REOPENED and before and after and before.last_day != after.last_day:
            self.openings += 1
        another = before is not None and after is not None and before.id != after.id
        if heard is Heard.HELD or another:
            self.go_for = ""
        if another and note.hired_on is not None:
            self.silent.clear()  # hired again: another leaving, and a question of its own
        if heard in (Heard.SAME, Heard.SUPPRESSED) and before is not None:
            assert after is not None
            assert before.id == after.id
            assert (before.stage, before.last_day, before.ask_at) == (
                after.stage,
                after.last_day,
                after.ask_at,
            )
        return heard

    @initialize(days=st.integers(0, 60))
    def a_life_begins(self, days: int) -> None:
        self.desk.staff()
        last_day = self.today() + timedelta(days=days)
        self.heard.append(notice(last_day=last_day.isoformat()))
        self.takes(self.heard[0])
        self.runs()

    @rule(
        days=st.integers(-20, 120),
        paid=st.none() | st.integers(0, 40),
        kind=st.sampled_from([*[LeavingType.RESIGNATION] * 9, *LeavingType]),
        withdrawn=st.integers(0, 4),
        may_enrol=st.integers(0, 9),
        hired=st.integers(0, 2),
    )
    def a_notice_comes(self, days: int, paid: int | None, kind: LeavingType, **odds: int) -> None:
        row, last_day = self.row(), self.today() + timedelta(days=days)
        hired_on = (
            row.last_day + timedelta(days=1)
            if row and odds["hired"] == 0 and row.last_day < last_day
            else None
        )
        note = notice(
            last_day=last_day.isoformat(),
            last_working_day=None if paid is None else last_day - timedelta(days=paid),
            leaving_type=kind,
            withdrawn=odds["withdrawn"] == 0,
            may_enrol=odds["may_enrol"] > 0,
            hired_on=hired_on,
            personal_email=MAIL,
        )
        self.heard.append(note)
        self.takes(note)
        held = note.leaving_type not in ORDINARY or not note.may_enrol
        after = self.row()
        if (
            held
            and after
            and after.notice == note.event_id
            and after.stage in leavers.BEFORE_ENROLMENT - {S.DECLINED}
        ):
            reason = note.leaving_type.value if note.leaving_type not in ORDINARY else "not_to_enrol"
            assert after.stage is S.HELD or self.go_for == reason
        self.runs()
        if self.row() is not None:
            assert self.takes(replace(note)) in (Heard.SAME, Heard.SUPPRESSED), "the same notice twice"

    @precondition(lambda self: self.heard)
    @rule(which=st.integers(0, 100))
    def an_old_notice_comes_again(self, which: int) -> None:
        self.takes(self.heard[which % len(self.heard)])
        self.runs()

    # --- the leaver ------------------------------------------------------------------------------------

    def is_open(self, row: Leaver, deed: Deed) -> bool:
        """Whether the question can be answered so now."""
        still = row.enrol_at is not None and row.enrol_at > self.desk.clock.now()
        return still and row.stage in (S.ASKED, S.CONSENTED, S.LATER, S.DECLINED)

    def answers(self, deed: Deed, stage: Stage) -> None:
        before = self.row()
        if before is None:
            return
        is_open = self.is_open(before, deed)
        refused = isinstance(self.acts(deed), Refusal)
        assert refused is not is_open
        if is_open:
            assert self.stage_row().stage is stage
            (self.silent.add if stage is S.DECLINED else self.silent.discard)(before.last_day)
        self.runs()

    @precondition(lambda self: self.stands(S.ASKED, S.LATER, S.DECLINED, S.HELD))
    @rule(mail_only=st.booleans(), proves=st.booleans())
    def they_say_yes(self, mail_only: bool, proves: bool) -> None:
        self.answers(Deed("yes", mail_only=mail_only), S.CONSENTED)
        if proves:
            self.they_prove_the_mailbox()

    @precondition(lambda self: self.stands(S.ASKED, S.CONSENTED, S.LATER, S.DECLINED, S.ENROLLED))
    @rule(email=st.sampled_from(["", MAIL]))
    def they_say_later(self, email: str) -> None:
        self.answers(Deed("later", email), S.LATER)

    @precondition(lambda self: self.stands(S.ASKED, S.CONSENTED, S.LATER, S.ANNOUNCED, S.HELD))
    @rule()
    def they_say_no(self) -> None:
        self.answers(Deed("no"), S.DECLINED)

    @precondition(lambda self: self.stands(S.CONSENTED, S.LATER, S.ENROLLED))
    @rule()
    def they_prove_the_mailbox(self) -> None:
        self.acts(Deed("prove"))

    def came(self, what: Any) -> bool:
        """Whether somebody who tried to join did."""
        return isinstance(what, Person)

    @precondition(lambda self: not self.stands(S.ANNOUNCED, S.ASKED, S.HELD))
    @rule(agreed=st.booleans(), by_address=st.booleans(), handed_over=st.integers(0, 3))
    def they_join(self, agreed: bool, by_address: bool, handed_over: int) -> None:
        before = self.row()
        if handed_over and self.stands(S.LATER, S.UNANSWERED):
            return  # HR seldom hands over a code
        if self.came(self.acts(Deed("appear" if by_address else "join", agreed=agreed))):
            assert before is not None
            assert before.stage in (S.ENROLLED, S.JOINED) or (
                before.stage in (S.LATER, S.UNANSWERED) and agreed
            )
            assert self.stage_row().stage is S.JOINED
        self.runs()

    @precondition(lambda self: self.stands(S.JOINED, S.RETURNED, S.ANNOUNCED, S.ASKED))
    @rule()
    def they_leave_the_network(self) -> None:
        alumni = self.seats.alumni
        tied = self.desk.sees(
            lambda tx: accounts.who(tx, alumni, Side.ALUMNI, "ja", "Asia/Tokyo").actor.person_id
        )
        if tied is not None:
            assert not isinstance(self.acts(Deed("leave")), Refusal)
            assert self.person().name == ""
        self.runs()

    @rule(seldom=st.integers(0, 2))
    def they_take_it_back(self, seldom: int) -> None:
        before = self.row()
        if before is None or seldom:
            return
        self.acts(Deed("withdraw"))
        assert not self.desk.sees(lambda tx: consents.allows(tx, before.person_id, STAY))
        if self.stands(S.DECLINED, S.WITHDRAWN):
            self.silent.add(before.last_day)
        self.runs()

    @rule()
    def they_give_it_again(self) -> None:
        before = self.row()
        gave = self.acts(Deed("give"))
        if before is not None and gave is True:
            assert self.stage_row().erase_at is None
        self.runs()

    # --- HR and the clock ------------------------------------------------------------------------------

    @rule(
        decision=st.sampled_from(["hold", "release", "release", "strike", "return"]), sure=st.integers(0, 3)
    )
    def hr_decides(self, decision: str, sure: int) -> None:
        if decision in ("strike", "return") and sure:
            return  # seldom, or every life is short
        before = self.row()
        refused = isinstance(self.acts(Deed(decision)), Refusal)
        if before is not None and before.stage is S.HELD and decision == "release" and not refused:
            self.go_for = before.held_because
        if before is not None and decision == "hold" and not refused:
            self.go_for = ""
        self.runs()

    @rule()
    def the_next_thing_is_due(self) -> None:
        moments = self.desk.sees(leavers.next_moments)
        checkins = self.desk.sees(
            lambda tx: [(row.due_at, "", row) for row in checkins_table.next_moments(tx)]
        )
        soonest = min((at for at, _, _ in (*moments, *checkins)), default=self.desk.clock.now())
        self.desk.clock.travel(soonest)
        self.runs()

    @rule(days=st.integers(0, 45), hours=st.integers(0, 23))
    def time_passes(self, days: int, hours: int) -> None:
        self.desk.clock.passes(days * 86_400 + hours * 3600)
        self.runs()

    @rule(days=st.sampled_from([90, 200]))
    def a_long_time_passes(self, days: int) -> None:
        self.desk.clock.passes(days * 86_400)
        self.runs()

    # --- promises --------------------------------------------------------------------------------------

    @invariant()
    def promises_hold(self) -> None:
        row = self.row()
        if row is None:
            return
        person, now = self.person(), self.desk.clock.now()
        decision = self.desk.sees(lambda tx: consents.decision(tx, row.person_id))
        if row.stage in (S.ENROLLED, S.JOINED, S.CONSENTED):
            assert decision is Decision.GIVEN or row.erase_at, f"{row.stage} without a consent"
            assert decision is Decision.GIVEN or not person.listed
        if person.left_at is not None:
            assert not self.desk.sees(lambda tx: consents.given(tx, person.id)), "erased, and allows"
        if people.is_member(person, now):
            assert self.today() > row.last_day, "a member before the last day is over"
            assert row.stage in (S.ENROLLED, S.JOINED, S.HELD)
        if row.stage in (S.DECLINED, S.WITHDRAWN):
            assert person.private_email is None
        if row.stage in (S.STRUCK, S.DECEASED, S.LEFT):
            assert (person.name, person.private_email, person.left_at is None) == ("", None, False)
            assert (row.company_email, row.manager, row.department) == ("", "", "")
        if row.enrol_at is not None and row.enrol_at <= now and row.asks is not None:
            self._after_the_last_day(row, person)

    def _after_the_last_day(self, row: Leaver, person: Person) -> None:
        if row.changed_at is None or row.changed_at <= self.desk.clock.now():
            assert row.stage not in (S.ANNOUNCED, S.ASKED, S.CONSENTED), "forgotten on the last day"
        if row.stage is S.DECLINED:
            assert person.name == "", "kept after a no"
