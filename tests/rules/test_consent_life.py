"""Whatever is given, taken back, paused and sent in whatever order: nothing goes without its consent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from bot import leaving
from bot.errors import Refusal
from bot.ports import MailTo, Outgoing
from jobs import checkins as checkin_job
from jobs import enrolment
from jobs.outbox.courier import Courier, Doors
from storage import consents, leavers, outbox, people, search
from storage.consents import FREE, Decision, Purpose, Said
from storage.engine import Tx, now
from storage.leavers import Leaver, Stage
from storage.outbox import Delivery, Draft, Route
from storage.people import Person
from tests.desk import POLICY, Desk, desk_on, notice
from tests.jobs.postroom import CARD

SAID = Said("ja", "slack")
ASKED = [purpose for purpose in Purpose if purpose not in FREE]
MAIL = "aiko@home.example.jp"


@dataclass
class Wire:
    """The other side: looks at the moment of arrival whether this should have come."""

    desk: Desk
    arrived: list[Purpose] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def send(self, to: MailTo, message: Outgoing) -> None:
        """A message is there: its purpose must be allowed now, and its receiver not resting."""
        purpose, *wrong = self.desk.sees(lambda tx: list(self._judged(tx, message.delivery)))
        self.arrived.append(Purpose(purpose))
        self.wrong += wrong if to.email == MAIL else [*wrong, to.email]

    def _judged(self, tx: Tx, delivery: str) -> Iterator[str]:
        """The purpose of what came, and everything that should have kept it."""
        row = tx.query(Delivery).filter_by(delivery=delivery).one()
        person = people.one(tx, row.person_id or "")
        yield row.purpose.value
        last = consents.latest(tx, person.id).get(row.purpose)
        if row.purpose not in FREE and (last is None or last.decision is not Decision.GIVEN):
            yield f"{row.purpose} without a consent"
        if person.left_at is not None:
            yield "to somebody who was erased"
        resting = person.paused_until is not None and person.paused_until > POLICY.day(now(tx))
        if resting and row.purpose is Purpose.STAY_IN_TOUCH:
            yield "to somebody who rests"


class NoInviter:
    """Leads nowhere in particular."""

    async def invite(self, guest: Any) -> Any:
        """An address for the invitation's button."""
        return type("Way", (), {"url": "https://example.jp"})()


class Consents(RuleBasedStateMachine):
    """One member who lives by mail, the clock, and senders who do not ask."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.desk = self.stack.enter_context(desk_on())
        self.loop = self.stack.enter_context(asyncio.Runner())
        self.wire, self.sent = Wire(self.desk), 0
        self.desk.hears(notice(personal_email=MAIL))
        self.row_id, self.person_id = self.desk.leaver().id, self.desk.leaver().person_id
        self.desk.does(self._becomes_a_member)

    def _becomes_a_member(self, tx: Tx) -> None:
        leaver, person = self._both(tx)
        leavers.move(tx, leaver, Stage.ASKED)
        leaving.say_yes(tx, leaver, MAIL, mail_only=True, said=SAID)
        person.private_email_proven_at = now(tx)
        self.desk.clock.travel(leaver.enrol_at or now(tx))
        leaving.enrol(tx, leaver, POLICY)
        leavers.move(tx, leaver, Stage.JOINED)
        person.listed = True
        search.index(tx, person)

    def _both(self, tx: Tx) -> tuple[Leaver, Person]:
        return tx.get_one(Leaver, self.row_id), people.one(tx, self.person_id)

    def teardown(self) -> None:
        self.stack.close()

    def tries(self, act: Any) -> Any:
        """A refusal rolls back, as dispatch does."""
        try:
            return self.desk.does(act)
        except Refusal as refusal:
            return refusal

    @rule(purpose=st.sampled_from(ASKED))
    def gives(self, purpose: Purpose) -> None:
        self.tries(lambda tx: leaving.give(tx, self.person_id, purpose, SAID, POLICY))

    @rule(purpose=st.sampled_from(ASKED), by=st.sampled_from(["slack", "mail"]))
    def withdraws(self, purpose: Purpose, by: str) -> None:
        said = Said("ja", by)
        self.desk.does(lambda tx: leaving.withdraw(tx, self.person_id, purpose, said, POLICY))
        allowed = self.desk.sees(lambda tx: [p for p in ASKED if consents.allows(tx, self.person_id, p)])
        assert purpose not in allowed
        assert not allowed or purpose is not Purpose.STAY_IN_TOUCH, "the others rest on staying in touch"
        waiting = {row.purpose for row in self.desk.letters() if row.status in ("pending", "sending")}
        assert purpose not in waiting

    @rule(months=st.integers(0, 3))
    def pauses(self, months: int) -> None:
        def pause(tx: Tx) -> None:
            person = people.one(tx, self.person_id)
            person.paused_until = POLICY.day(now(tx)) + timedelta(days=30 * months) if months else None

        if self.desk.sees(lambda tx: people.one(tx, self.person_id)).left_at is None:
            self.desk.does(pause)

    @rule(purpose=st.sampled_from(ASKED), days=st.integers(0, 20))
    def somebody_sends(self, purpose: Purpose, days: int) -> None:
        self.sent += 1
        draft = Draft(
            "test.letter", CARD, purpose, Route.ALUMNI_CHAT, f"{self.sent}", person_id=self.person_id
        )
        due = self.desk.clock.now() + timedelta(days=days)
        self.tries(lambda tx: outbox.put(tx, draft, due))

    @rule()
    def leaves_for_good(self) -> None:
        if self.sent % 7 == 6:  # seldom, or every life is short
            self.tries(lambda tx: leaving.leave(tx, tx.get_one(Leaver, self.row_id), SAID))

    @rule(days=st.integers(0, 40))
    def time_passes(self, days: int) -> None:
        self.desk.clock.passes(days * 86_400)
        courier = Courier(self.desk.database, POLICY, Doors({}, self.wire, NoInviter(), 0.0))
        for _ in range(20):
            did = self.loop.run(enrolment.sweep(self.desk.database, POLICY))
            did = self.loop.run(checkin_job.sweep(self.desk.database, POLICY)) or did
            if not (self.loop.run(courier.deliver()) or did):
                break
            self.desk.clock.passes(2)

    @invariant()
    def nothing_came_that_should_not(self) -> None:
        assert self.wire.wrong == []

    @invariant()
    def who_takes_everything_back_is_not_shown(self) -> None:
        stays = self.desk.sees(lambda tx: consents.allows(tx, self.person_id, Purpose.STAY_IN_TOUCH))
        person = self.desk.sees(lambda tx: people.one(tx, self.person_id))
        row = self.desk.sees(lambda tx: tx.get_one(Leaver, self.row_id))
        assert stays or not person.listed
        assert stays or row.stage is Stage.LEFT or row.erase_at is not None, "no end is set"
        assert not stays or row.erase_at is None, "an end is set for somebody who stays"
        assert (row.stage is Stage.LEFT) is (person.name == "")


@pytest.mark.parametrize("lives", [15, pytest.param(400, marks=pytest.mark.long)])
def test_nothing_goes_without_its_consent(lives: int) -> None:
    run_state_machine_as_test(Consents, settings=settings(max_examples=lives, stateful_step_count=25))  # type: ignore[no-untyped-call]


def test_the_messages_that_are_allowed_do_arrive() -> None:
    life = Consents()
    try:
        life.gives(Purpose.EVENTS)
        life.somebody_sends(Purpose.EVENTS, 0)
        life.somebody_sends(Purpose.RESEARCH, 0)
        life.somebody_sends(Purpose.STAY_IN_TOUCH, 0)
        life.time_passes(0)
        assert sorted(life.wire.arrived) == [Purpose.EVENTS, Purpose.STAY_IN_TOUCH]
        life.somebody_sends(Purpose.EVENTS, 0)
        life.withdraws(Purpose.EVENTS, "mail")
        life.time_passes(0)
        assert sorted(life.wire.arrived) == [Purpose.EVENTS, Purpose.STAY_IN_TOUCH]
        assert life.wire.wrong == []
    finally:
        life.teardown()
