"""The same life in a house that is stopped, started anew, interrupted in the middle of a transaction, and
run by two processes at once; beside it the model: a house to which the same happens and none of that.

Whatever comes, both must have come to the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from bot.errors import Refusal
from bot.notices import Heard
from bot.ports import LeaverNotice
from jobs import enrolment
from storage import consents, delivering, people
from storage.engine import Tx, on_server
from storage.journal import Line
from storage.leavers import Leaver
from storage.outbox import Delivery, Status
from tests.desk import POLICY, Desk
from tests.rules.leaving_life import Life

T = TypeVar("T")
PLACES = (
    "INSERT ON journal",
    "INSERT ON outbox",
    "UPDATE ON leavers",
    "INSERT ON consents",
    "UPDATE ON people",
)
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


class BrokenLife(Life):
    """Everything that happens, happens to the model too, which is `Life` itself."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Life()
        self._start_with(self.model, self.model.desk.again(self.desk.clock))
        self.model.desk.staff()
        self.breaks = ""

    def teardown(self) -> None:
        self.model.teardown()
        super().teardown()

    @staticmethod
    def _start_with(life: Life, desk: Desk) -> None:
        life.desk = desk
        life.stack.callback(desk.database.close)

    # --- what happens, here and there -----------------------------------------------------------------------

    def acts(self, act: Callable[[Tx, Leaver], Any]) -> Any:
        """Somebody acts, here perhaps a second time because the first one was interrupted."""
        expected = self.model.acts(act)
        found = self._survives(lambda: Life.acts(self, act))
        assert isinstance(found, Refusal) is isinstance(expected, Refusal), (found, expected)
        return found

    def takes(self, note: LeaverNotice) -> Heard:
        """A notice comes."""
        expected = self.model.takes(note)
        found = self._survives(lambda: Life.takes(self, note))
        assert found is expected
        return found

    def runs(self) -> None:
        """The clock's sweeps until quiet."""
        self.model.runs()
        self._survives(lambda: Life.runs(self))

    def _survives(self, do: Callable[[], T]) -> T:
        place, self.breaks = self.breaks, ""
        if place:
            try:
                with self._dying_at(place):
                    return do()
            except DBAPIError as died:
                if "dies" not in str(died):
                    raise
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

    @rule(place=st.sampled_from(PLACES))
    def the_next_thing_is_interrupted(self, place: str) -> None:
        """Whatever comes next, its transaction does not survive this place; somebody tries again."""
        self.breaks = place

    @rule()
    def it_is_stopped_and_started(self) -> None:
        """Another process on the same database."""
        self.desk.database.close()
        self._start_with(self, self.desk.again())

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
                "journal": Counter(what for (what,) in tx.query(Line.what)),
            }  # fmt: skip

        return life.desk.sees(look)
