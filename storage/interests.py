"""Interests (関心表明): an alumnus raises a hand for an opening, in confidence.

For ten minutes only they know of it; then only the readers that they left in. Nothing about it is written
into the journal; taking it back deletes the row.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, Index, Select, UniqueConstraint, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from storage import outbox, people
from storage.answers import Answered, Step
from storage.aside import ALL, Sifted, Those
from storage.columns import Row, kept
from storage.engine import MOST, Tx, now, wipe
from storage.outdated import Outdated

NOTE = "interests.note"
KIND = "interest"
"""The feature whose messages are about interests."""


def _number() -> int:
    """A number from which nobody sees how many there are, and which nobody comes upon by counting."""
    return secrets.randbelow(2**31 - 1) + 1


def mark(row: Interest) -> str:
    """What the `dedup` of every message about it holds, so that taking it back finds them all."""
    return f"h{row.id}-"


class Interest(Answered, Row):
    """One raised hand; `readers` are the keys of the staff who may learn of it, and nobody else."""

    __tablename__ = "interests"
    __table_args__ = (
        UniqueConstraint("opening_id", "person_id"),
        Index("ix_interests_told_at", "told_at", "tells_at"),
        {"info": kept("person", "openings", "withdrawn at once; else 180 days after the opening closed")},
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False, default_factory=_number)
    opening_id: Mapped[int] = mapped_column(ForeignKey("openings.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    made_at: Mapped[datetime]
    tells_at: Mapped[datetime]
    readers: Mapped[list[str]] = mapped_column(JSON)
    told_at: Mapped[datetime | None] = mapped_column(default=None)


OLDEST = (Interest.made_at, Interest.id)
NEWEST = (Interest.made_at.desc(), Interest.id.desc())


def add(tx: Tx, opening_id: int, person_id: str, readers: Collection[str], tells_at: datetime) -> Interest:
    """A raised hand; the person must not have raised one for this opening."""
    row = Interest(
        opening_id=opening_id,
        person_id=person_id,
        made_at=now(tx),
        tells_at=tells_at,
        readers=sorted(readers),
    )
    tx.add(row)
    tx.flush()
    return row


def of(tx: Tx, opening_id: int, person_id: str) -> Interest | None:
    """The hand that somebody raised for an opening."""
    return tx.scalar(
        select(Interest).where(Interest.opening_id == opening_id, Interest.person_id == person_id)
    )


def raised(tx: Tx, openings: Collection[int], people: Collection[str]) -> set[tuple[int, str]]:
    """Who of these people raised a hand for which of these openings: (opening, person)."""
    query = select(Interest.opening_id, Interest.person_id).where(
        Interest.opening_id.in_(openings), Interest.person_id.in_(people)
    )
    return {(opening, person) for opening, person in tx.execute(query)}


def own(tx: Tx, interest_id: int, person_id: str | None) -> Interest | None:
    """An interest, if it is this person's."""
    row = tx.get(Interest, interest_id)
    return row if row is not None and person_id is not None and row.person_id == person_id else None


def all_of(tx: Tx, person_id: str) -> Sequence[Interest]:
    """Everything that somebody raised a hand for, newest first."""
    return tx.scalars(select(Interest).where(Interest.person_id == person_id).order_by(*NEWEST)).all()


def read_by(tx: Tx, interest_id: int, keys: Collection[str]) -> Interest | None:
    """An interest, if somebody with one of these keys may know of it, and may by now."""
    row = tx.get(Interest, interest_id)
    return row if row is not None and _readable(row, keys) else None


def seen_by(tx: Tx, opening_id: int, keys: Collection[str]) -> list[Interest]:
    """The interests in an opening of which somebody with these keys may know, oldest first."""
    rows = tx.scalars(select(Interest).where(Interest.opening_id == opening_id).order_by(*OLDEST))
    return [row for row in rows if _readable(row, keys)]


def waiting(tx: Tx, keys: Collection[str]) -> list[Interest]:
    """Those that somebody with these keys may know of and that nobody has answered, oldest first."""
    told = Interest.told_at.is_not(None) & (Interest.step == Step.WAITING)
    rows = tx.scalars(select(Interest).where(told).order_by(*OLDEST))
    return [row for row in rows if _readable(row, keys)]


def _readable(row: Interest, keys: Collection[str]) -> bool:
    return row.told_at is not None and bool(set(row.readers) & set(keys))


_OLDEST = select(Interest).order_by(*OLDEST).limit(MOST)
_RESTED = _OLDEST.where(Interest.told_at.is_(None), Interest.tells_at <= bindparam("at"))
_TO_TELL = Sifted(Interest.id, _RESTED.where)


def to_tell(tx: Tx, limit: int = 100, those: Those = ALL) -> Sequence[Interest]:
    """Those whose ten minutes are over and whose readers have not been told."""
    return tx.scalars(*_TO_TELL(tx, those, at=now(tx), most=limit)).all()


def told(tx: Tx, row: Interest, answer_by: date) -> None:
    """The readers know of it; the person may expect an answer by this day."""
    row.told_at, row.answer_by = now(tx), answer_by
    tx.flush()


def unheard(tx: Tx, row: Interest) -> None:
    """Nobody is left of those who were to learn of it; nobody else ever will."""
    row.told_at, row.readers = now(tx), []
    tx.flush()


def step(tx: Tx, row: Interest, what: Step, by: str, note: str) -> None:
    """The company did something about it; `by` is the reader's key."""
    row.step, row.stepped_by, row.stepped_at = what, by, now(tx)
    row.note = people.seal_for(tx, row.person_id, NOTE, note) if note else None
    tx.flush()


def note_of(tx: Tx, row: Interest) -> str:
    """What HR wrote down beside it."""
    return people.open_for(tx, row.person_id, NOTE, row.note) if row.note is not None else ""


_WAITS = (Interest.step == Step.WAITING, Interest.late_at.is_(None), Interest.answer_by < bindparam("today"))
_SILENT = Sifted(Interest.id, _OLDEST.where(*_WAITS).where)


def silent(tx: Tx, today: date, limit: int = 100, those: Those = ALL) -> Sequence[Interest]:
    """Those to whom an answer was promised for a day that is over, and of whom no deputy knows yet."""
    return tx.scalars(*_SILENT(tx, those, today=today, most=limit)).all()


def late(tx: Tx, row: Interest) -> None:
    """A deputy was told, and so was the person."""
    row.late_at = now(tx)
    tx.flush()


def everyone(tx: Tx, opening_id: int) -> Sequence[Interest]:
    """Everybody who raised a hand for an opening: for what the house itself says to them, not to be shown."""
    return tx.scalars(select(Interest).where(Interest.opening_id == opening_id).order_by(*OLDEST)).all()


def drop(tx: Tx, row: Interest) -> None:
    """As if it had never been: the row, every message about it, and what the disk holds of both."""
    outbox.unsay(tx, KIND, mark(row))
    tx.delete(row)
    tx.flush()
    wipe(tx)


def drop_all(tx: Tx, person_id: str) -> None:
    """Everything that somebody raised a hand for, as if it had never been."""
    for row in all_of(tx, person_id):
        drop(tx, row)


def outdated(closed: Select[int]) -> Outdated:
    """What was about openings whose time is over."""
    return Outdated(Interest, Interest.opening_id.in_(closed))
