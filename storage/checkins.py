"""Check-ins: one planned conversation of a person, its nudges and its answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.aside import ALL, Sifted, Those
from storage.columns import Row, kept, words
from storage.engine import MOST, Among, Tx, now
from storage.outdated import Outdated
from storage.people import Person


class State(StrEnum):
    """Where a check-in stands; `resting` is silence after the last nudge."""

    PLANNED = "planned"
    ASKED = "asked"
    NUDGED = "nudged"
    ANSWERED = "answered"
    RESTING = "resting"
    STOPPED = "stopped"


OPEN = frozenset({State.PLANNED, State.ASKED, State.NUDGED})


class Checkin(Row):
    """One check-in (近況確認); `due_at` is when the next step of it is taken."""

    __tablename__ = "checkins"
    __table_args__ = (
        UniqueConstraint("person_id", "number"),
        Index("ix_checkins_state_due_at", "state", "due_at"),
        {"info": kept("person", "stay_in_touch", "3 years", erased="blanked")},
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    number: Mapped[int]
    due_at: Mapped[datetime]
    state: Mapped[State] = mapped_column(words(State), default=State.PLANNED)
    answer: Mapped[str] = mapped_column(String(16), default="")
    answered_at: Mapped[datetime | None] = mapped_column(default=None)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy


def plan(tx: Tx, person_id: str, due_at: datetime) -> Checkin | None:
    """Plan the next check-in of a person; `None` when one is open already."""
    if current(tx, person_id) is not None:
        return None
    query = (
        select(Checkin.number).where(Checkin.person_id == person_id).order_by(Checkin.number.desc()).limit(1)
    )
    row = Checkin(person_id=person_id, number=(tx.scalar(query) or 0) + 1, due_at=due_at)
    tx.add(row)
    tx.flush()
    return row


def current(tx: Tx, person_id: str) -> Checkin | None:
    """The open check-in of a person."""
    return tx.scalar(select(Checkin).where(Checkin.person_id == person_id, Checkin.state.in_(OPEN)).limit(1))


def of(tx: Tx, checkin_id: int, person_id: str | None) -> Checkin | None:
    """A check-in, if it belongs to this person."""
    row = tx.get(Checkin, checkin_id)
    return row if row is not None and row.person_id == person_id else None


@dataclass(frozen=True, slots=True)
class Due:
    """A check-in whose next step has come, with what the step needs to know of its person."""

    id: int
    person_id: str
    number: int
    state: State
    name: str
    employer: str
    zone: str
    paused_until: date | None


def _due(these: ColumnElement[bool]) -> Select[Any]:
    """In the order of the index: a server that had to sort would look through all that is due for every
    batch."""
    mine, theirs = Checkin.__table__.c, Person.__table__.c
    ours = (
        select(mine.id, mine.person_id, mine.number, mine.state)
        .where(Checkin.state == bindparam("now_in"), Checkin.due_at <= bindparam("day"), these)
        .order_by(Checkin.due_at)
        .limit(MOST)
        .with_for_update(skip_locked=True)
        .cte("ours")
    )
    query = select(ours, theirs.name, theirs.employer, theirs.zone, theirs.paused_until)
    return query.join(Person.__table__, theirs.id == ours.c.person_id)


_DUE = Sifted(Checkin.id, _due)


def due(tx: Tx, limit: int = 1000, those: Those = ALL) -> list[Due]:
    """Open check-ins whose next step has come, ours until the end of the transaction."""
    found: list[Due] = []
    for state in OPEN:
        if most := limit - len(found):
            rows = tx.execute(*_DUE(tx, those, now_in=state, day=now(tx), most=most))
            found += [Due(*row) for row in rows]
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """One check-in's next state and when it is looked at again; `None`: as it was."""

    id: int
    state: State
    due_at: datetime | None = None


def _on(these: ColumnElement[bool]) -> Any:
    due_at = func.coalesce(bindparam("due", type_=Checkin.due_at.type), Checkin.due_at)
    values = {"state": bindparam("goes_to", type_=Checkin.state.type), "due_at": due_at}
    return (
        update(Checkin)
        .where(these)
        .values(version=Checkin.version + 1, **values)
        .execution_options(synchronize_session=False)
    )


_TAKEN = Among(Checkin.id, _on)


def take(tx: Tx, steps: Sequence[Step]) -> None:
    """Bring many check-ins on that are ours; most of them go the same way."""
    ways: defaultdict[tuple[State, datetime | None], list[int]] = defaultdict(list)
    for one in steps:
        ways[one.state, one.due_at].append(one.id)
    for (state, due_at), ids in ways.items():
        tx.execute(*_TAKEN(tx, ids, goes_to=state, due=due_at))


def step(tx: Tx, checkin: Checkin, state: State, due_at: datetime | None = None) -> None:
    """Bring a check-in on."""
    checkin.state = state
    checkin.due_at = due_at or checkin.due_at
    tx.flush()


def answer(tx: Tx, checkin: Checkin, word: str) -> None:
    """Keep the answer; a later answer to the same question replaces it."""
    checkin.state, checkin.answer, checkin.answered_at = State.ANSWERED, word, now(tx)
    tx.flush()


def postpone(tx: Tx, checkin: Checkin) -> None:
    """Asked to come later: the next nudge, if one is left, comes at its planned time; nothing is answered
    yet."""
    checkin.answer = "later"
    tx.flush()


def stop(tx: Tx, person_id: str) -> None:
    """No further nudge for this person."""
    row = current(tx, person_id)
    if row is not None:
        step(tx, row, State.STOPPED)


def forget(tx: Tx, person_id: str) -> None:
    """No further nudge, and no answer of theirs is kept; that there was a check-in stays for the figures."""
    stop(tx, person_id)
    query = update(Checkin).where(Checkin.person_id == person_id).values(answer="", answered_at=None)
    tx.execute(query.execution_options(synchronize_session="fetch"))


def next_moments(tx: Tx, limit: int = 5) -> Sequence[Checkin]:
    """The check-ins that come next."""
    query = select(Checkin).where(Checkin.state.in_(OPEN), Checkin.due_at > now(tx))
    return tx.scalars(query.order_by(Checkin.due_at).limit(limit)).all()


def outdated(before: datetime) -> Outdated:
    """Check-ins that ended before a moment."""
    return Outdated(Checkin, (Checkin.due_at < before) & Checkin.state.not_in(OPEN))
