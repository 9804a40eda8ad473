"""Wishes (希望条件): what an alumnus would like to do, said by themselves for looking through openings.

What a person browses is not stored: only what they saved.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, Short, kept
from storage.engine import Tx, now


class Wish(Row):
    """One person's; `tell`: whether openings that match may be told, `told_at`: when that was done last,
    `told`: the numbers of those that were, because numbers are not opened in their order."""

    __tablename__ = "wishes"
    __table_args__ = ({"info": kept("person", "openings", "until changed or erased")},)

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    keywords: Mapped[str] = mapped_column(Short, default="")
    places: Mapped[str] = mapped_column(Short, default="")
    employments: Mapped[list[str]] = mapped_column(JSON, default_factory=list)
    remote: Mapped[bool] = mapped_column(default=False)
    tell: Mapped[bool] = mapped_column(default=False)
    told_at: Mapped[datetime | None] = mapped_column(default=None)
    told: Mapped[list[int]] = mapped_column(JSON, default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody says; `keywords` and `places` as typed, words with commas between."""

    keywords: str = ""
    places: str = ""
    employments: tuple[str, ...] = ()
    remote: bool = False
    tell: bool = False


def get(tx: Tx, person_id: str) -> Wish | None:
    """What somebody saved."""
    return tx.get(Wish, person_id)


def some(tx: Tx, ids: Collection[str]) -> dict[str, Wish]:
    """What these people saved, by their id."""
    return {row.person_id: row for row in tx.scalars(select(Wish).where(Wish.person_id.in_(ids)))}


def save(tx: Tx, person_id: str, wanted: Wanted) -> Wish:
    """Keep what was said instead of what was said before."""
    row = tx.get(Wish, person_id)
    if row is None:
        row = Wish(person_id=person_id)
        tx.add(row)
    row.keywords, row.places = wanted.keywords, wanted.places
    row.employments, row.remote, row.tell = list(wanted.employments), wanted.remote, wanted.tell
    tx.flush()
    return row


def silence(tx: Tx, person_id: str) -> None:
    """Nothing is told any more, also when the consent is given again for something else; the wishes stay."""
    row = tx.get(Wish, person_id)
    if row is not None:
        row.tell = False
        tx.flush()


MOST_TOLD = 200


def told(tx: Tx, rows: Sequence[tuple[Wish, Collection[int]]]) -> None:
    """Openings with these numbers were told; the newest `MOST_TOLD` are remembered."""
    for row, numbers in rows:
        row.told_at, row.told = now(tx), sorted({*row.told, *numbers})[-MOST_TOLD:]
    tx.flush()
