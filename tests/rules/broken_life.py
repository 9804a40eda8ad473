"""The same life in a house that is stopped, started anew, interrupted in the middle of a transaction, and
run by two processes at once, in which things arrive twice, and late; beside it the model: a house to which
the same happens, once each, and none of that.

Whatever comes, both must have come to the same. Here a courier carries what leaves the house to a local
Slack; there a postman does, who asks nobody.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, cast

import structlog
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from adapters.mail import LinkInviter
from bot.conversation import Address, MemberJoined, Platform, Side
from bot.errors import Refusal
from bot.notices import Heard
from bot.ports import LeaverNotice
from jobs import enrolment
from jobs import inbox as inbox_job
from jobs.outbox.courier import Courier, Doors
from storage import consents, delivering, inbox, people
from storage.engine import Tx, on_server
from storage.inbox import REDRIVE_AFTER, TWINS
from storage.journal import Line
from storage.leavers import Stage
from storage.outbox import Delivery, Route, Status
from tests.desk import POLICY
from tests.jobs.postroom import TEAM, Post, a_post
from tests.rules.deeds import MAIL, Came, Deed, Seats
from tests.rules.door_life import BROKE, WELCOME, DoorLife
from tests.rules.leaving_life import Life

T = TypeVar("T")
PLACES = (
    "INSERT ON journal",
    "INSERT ON outbox",
    "UPDATE ON leavers",
    "INSERT ON consents",
    "UPDATE ON people",
)
TWICE, AGAIN, LATE = "twice", "again under another id", "late"
WRONG = (*PLACES, TWICE, AGAIN, LATE)
_DIES = {
    "sqlite": ("CREATE TRIGGER dies AFTER {place} BEGIN SELECT dies(); END",),
    "postgresql": (
        (
            "CREATE OR REPLACE FUNCTION dies() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RAISE ''dies'' USING ERRCODE = ''system_error''; END'"
        ),
        "CREATE TRIGGER dies AFTER {place} FOR EACH ROW EXECUTE FUNCTION dies()",
    ),
}
"""A function that is not there, a system that fails: nothing that could come from one row."""
_COMPARED = (
    "stage", "last_day", "ask_at", "ask_again_at", "asks", "enrol_at", "later_at", "erase_at", "held_because",
    "question", "released", "invited", "stuck", "member_from",
)  # fmt: skip


class BrokenLife(DoorLife):
    """Everything that happens, happens to the model too."""

    def __init__(self) -> None:
        super().__init__()
        self.stack.enter_context(structlog.testing.capture_logs())  # interruptions are told at length
        self.outside = AsyncExitStack()
        self.post: Post = self.loop.run(self.outside.enter_async_context(a_post(self.desk)))
        self.model = DoorLife()
        self.model.opens(self.model.desk.again(self.desk.clock))
        self.model.desk.staff()
        self.seats = self.model.seats = self._seated()
        self.breaks = self.twice = ""
        self.late = False
        self.arrived: list[Came] = []
        self.kept: list[tuple[Deed, Came]] = []
        self.driven: list[Came] = []
        self.delivered: set[int] = set()

    def teardown(self) -> None:
        self.model.teardown()
        self.loop.run(self.outside.aclose())
        super().teardown()

    def _seated(self) -> Seats:
        """Their accounts; who runs the network has one too."""
        slack, company, alumni = self.post.slack, TEAM[Side.COMPANY], TEAM[Side.ALUMNI]
        slack.add_person(company, name="佐藤 美咲", email="sato@minato.example.jp")
        there = slack.add_person(company, name="田中 愛子", email="e1@minato.example.jp")
        here = slack.add_person(alumni, name="田中 愛子", email=MAIL)
        return Seats(Address(Platform.SLACK, company, there), Address(Platform.SLACK, alumni, here))

    # --- how far a life has come when we look ---------------------------------------------------------------

    @initialize(days=st.integers(20, 60), far=st.integers(0, 5), how=st.sampled_from(["", *WRONG]))
    def a_life_begins(self, days: int, far: int, how: str) -> None:
        super().a_life_begins(days)
        self.comes_as_far_as([how] * far)

    def comes_as_far_as(self, ways: Sequence[str]) -> None:
        """The first steps on the way that most take, each of which goes wrong in its way."""
        steps = (self._is_asked, self._says_yes, self._proves, self._is_enrolled, self._comes)
        for step, how in zip(steps, ways, strict=False):
            if how:
                self.the_next_thing_goes_wrong(how)
            step()

    def _is_asked(self) -> None:
        while not self.stands(Stage.ASKED):
            self.the_next_thing_is_due()

    def _says_yes(self) -> None:
        self.they_say_yes(mail_only=False, proves=False)

    def _proves(self) -> None:
        self.they_prove_the_mailbox()
        self.runs()

    def _is_enrolled(self) -> None:
        while not self.stands(Stage.ENROLLED):
            self.the_next_thing_is_due()

    def _comes(self) -> None:
        self.they_join(agreed=True, by_address=True, handed_over=0)
        self.a_minute_passes()
        assert self.stands(Stage.JOINED)

    # --- what happens, here and there -----------------------------------------------------------------------

    def acts(self, deed: Deed) -> Any:
        """Somebody acts; here what arrives may come twice, or be interrupted and come again."""
        came = self.to_arrive(deed)
        if came is None:
            assert self.model.acts(deed) is None
            return None
        self.arrived.append(came)
        if isinstance(came.incoming, MemberJoined):
            return self._appears(deed, came)
        expected = self.model.acts(deed)
        found = self._survives(lambda: self.arrives(came))
        assert isinstance(found, Refusal) is isinstance(expected, Refusal), (found, expected)
        self._comes_twice(came, found)
        return found

    def _comes_twice(self, came: Came, found: Any) -> None:
        how, self.twice = self.twice, ""
        if how == TWICE:
            self.desk.clock.ticks(TWINS + 1)  # too late for a double click: it is known by its id alone
            self.arrives(came)
        elif how == AGAIN and not isinstance(found, Refusal | None):
            self.arrives(self._under_another_id(came))  # a double click: who is refused may try again

    def _under_another_id(self, came: Came) -> Came:
        return Came(replace(came.incoming, event_id=f"Ev{next(self.numbers)}"), came.side)

    def _appears(self, deed: Deed, came: Came) -> Any:
        """An event is kept and acknowledged; then it is driven, or whoever was to do that is no more."""
        how, self.twice = self.twice, ""
        late, self.late = self.late, False
        told = [came, *([self._under_another_id(came)] if how == AGAIN else ())]
        for one in told:
            self._keeps(one)
        if how == TWICE:
            assert not self._keeps(came)
        before = self.tied()
        if late:
            self.it_is_stopped_and_started()
        else:
            self._survives(lambda: [self._drives(one) for one in told], once=True)
        self.kept += [(deed, one) for one in told]
        self._settles()
        return WELCOME if self.tied() and not before else None

    def _keeps(self, came: Came) -> bool:
        return self.loop.run(self.dispatcher.keep(cast("MemberJoined", came.incoming), came.side))

    def _drives(self, came: Came) -> None:
        self.loop.run(self.dispatcher.drive(cast("MemberJoined", came.incoming), came.side))

    def _settles(self) -> None:
        """The same has happened to the model once it has happened here."""
        over = [one for one in self.kept if self.desk.sees(partial(_handled, came=one[1]))]
        self.kept = [one for one in self.kept if one not in over]
        self.driven += [came for _, came in over]
        for deed in {deed for deed, _ in over}:
            self.model.acts(deed)

    def takes(self, note: LeaverNotice) -> Heard:
        """A notice comes."""
        expected = self.model.takes(note)
        found = self._survives(lambda: Life.takes(self, note))
        assert found is expected
        return found

    def runs(self) -> None:
        """The clock's sweeps until quiet: first of what was acknowledged and has had no effect."""
        if self.kept:
            self._survives(self._redrives, once=True)
            self._settles()
        self.model.runs()
        self._survives(self.goes_round)
        super().runs()

    def _redrives(self) -> bool:
        return self.loop.run(inbox_job.redrive(self.desk.database, self.dispatcher))

    def carries(self) -> bool:
        """A courier brings what is to leave to a local Slack, or into a mailbox."""
        inviter = LinkInviter(POLICY, self.desk.clock.now)
        doors = Doors(dict.fromkeys(Side, self.post.messenger), self.post.mails, inviter, pace=0.0)
        found = self.loop.run(Courier(self.desk.database, POLICY, doors).deliver())
        self.desk.sees(self._check_what_went)
        return found

    def _check_what_went(self, tx: Tx) -> None:
        sent = Delivery.status == Status.SENT
        for row in tx.query(Delivery).filter(sent, Delivery.id.not_in(self.delivered)):
            self.delivered.add(row.id)
            if row.route is not Route.STAFF:
                self._check(tx, row)

    def _survives(self, do: Callable[[], T], *, once: bool = False) -> T:
        """What comes of it, perhaps at the second try; `once`: somebody else tries again."""
        place, self.breaks = self.breaks, ""
        if place:
            with self._dying_at(place):
                done = _died(do)
            if done is not BROKE or once:
                return cast("T", done)
        return do()

    @contextmanager
    def _dying_at(self, place: str) -> Iterator[None]:
        kind = "postgresql" if on_server(self.desk.database.url) else "sqlite"
        for statement in _DIES[kind]:
            self._sql(statement.format(place=place))
        try:
            yield
        finally:
            self._sql("DROP TRIGGER dies" + (f" {place[7:]}" if kind == "postgresql" else ""))

    def _sql(self, statement: str) -> None:
        self.desk.does(lambda tx: tx.execute(text(statement)))

    # --- what only happens here ----------------------------------------------------------------------------

    @rule(how=st.sampled_from(WRONG))
    def the_next_thing_goes_wrong(self, how: str) -> None:
        """Whatever comes next, its transaction does not survive a place, and somebody tries again; it arrives
        a second time, under the same id or another one; or it is kept and acknowledged, and then the process
        is no more."""
        self.late = self.late or how == LATE
        self.twice = how if how in (TWICE, AGAIN) else self.twice
        self.breaks = how if how in PLACES else self.breaks

    @rule()
    def a_minute_passes(self) -> None:
        """What was acknowledged is looked through again."""
        self.desk.clock.ticks(2 * REDRIVE_AFTER)
        self.runs()

    @precondition(lambda self: self.arrived)
    @rule(which=st.integers(0, 100))
    def something_old_arrives_again(self, which: int) -> None:
        """Whatever has become of them since."""
        self.arrives(self.arrived[which % len(self.arrived)])
        self.runs()

    @precondition(lambda self: self.driven)
    @rule(which=st.integers(0, 100))
    def two_drive_the_same_event(self, which: int) -> None:
        """One of them long after it has had its effect, or found none."""
        self._drives(self.driven[which % len(self.driven)])
        self.runs()

    @rule()
    def it_is_stopped_and_started(self) -> None:
        """Another process on the same database."""
        self.desk.database.close()
        self.opens(self.desk.again())

    @rule()
    def two_sweep_at_once(self) -> None:
        """Two processes that both believe to be the leader."""
        other = self.desk.again()

        async def both() -> None:
            await asyncio.gather(*(enrolment.sweep(one.database, POLICY) for one in (self.desk, other) * 2))

        try:
            self.loop.run(both())
        finally:
            other.database.close()
        self.runs()

    @rule()
    def it_dies_with_messages_in_its_hands(self) -> None:
        """Claimed and not marked: their lease runs out, somebody else claims them."""
        claimed = self.desk.does(lambda tx: [row.id for row in delivering.claim(tx)])
        lost = update(Delivery).where(Delivery.id.in_(claimed)).values(next_try=0.0)
        self.desk.does(lambda tx: tx.execute(lost))
        self.runs()

    @invariant()
    def nothing_is_said_twice(self) -> None:
        """Slack shows every message once."""
        shown = [
            message.metadata["event_payload"]["id"]
            for team in TEAM.values() for person in self.post.slack.people(team)
            for message in self.post.slack.messages(team, person.user) if message.by_bot
        ]  # fmt: skip
        assert len(shown) == len(set(shown))

    # --- and comes to the same -----------------------------------------------------------------------------

    @invariant()
    def it_came_to_the_same(self) -> None:
        """Of stages and moments, consents, messages, and what is written down."""
        assert self._looks(self) == self._looks(self.model)

    @staticmethod
    def _looks(life: Life) -> dict[str, Any]:
        row = life.row()
        if row is None:
            return {}

        def look(tx: Tx) -> dict[str, Any]:
            person = people.one(tx, row.person_id)
            sent = tx.query(Delivery.kind, Delivery.status).filter(~Delivery.kind.startswith("checkin."))
            return {
                **{name: getattr(row, name) for name in _COMPARED},
                "listed": person.listed, "known": person.name != "",
                "consent": consents.decision(tx, row.person_id),
                "messages": Counter(tuple(one) for one in sent),
                "unsent": tx.query(Delivery).filter(Delivery.status == Status.SENDING).count(),
                "journal": Counter(what for (what,) in tx.query(Line.what) if what != "incident"),
            }  # fmt: skip

        return life.desk.sees(look)


def _handled(tx: Tx, came: Came) -> bool:
    incoming = came.incoming
    return inbox.handled(tx, (incoming.address.platform.value, incoming.address.workspace, incoming.event_id))


def _died(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except DBAPIError as died:
        if "dies" not in str(died):
            raise
        return BROKE
