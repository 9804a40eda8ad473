"""The list of erasures: who was erased, when, why, and a proof; random ids only.

Each proof is a hash over the one before it, so a line taken out or changed later is seen. The same lines lie
in a file beside the database (`jobs.erasures`): a restored backup is brought in step with it at the start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import LargeBinary, String, bindparam, func, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, kept, words
from storage.engine import MOST, Tx, now, skipped


class Why(StrEnum):
    """What an erasure was for."""

    OWN = "own"  # they asked for it, or left
    REFUSED = "refused"  # they said no, and the last day is over
    WITHDRAWN = "withdrawn"  # they took their consent back and did not give it again
    SILENT = "silent"  # they never answered
    STAYED = "stayed"  # the notice of leaving was taken back
    STRUCK = "struck"  # HR said never
    DECEASED = "deceased"


class Erasure(Row):
    """One person who was erased. No foreign key: a restored backup may not know them at all."""

    __tablename__ = "erasures"
    __table_args__ = (
        {"info": kept("person", "proof of erasing", "for good, as an unreadable id", erased="stays")},
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    person_id: Mapped[str] = mapped_column(String(40), index=True)
    why: Mapped[Why] = mapped_column(words(Why))
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime]
    proof: Mapped[bytes] = mapped_column(LargeBinary(32))


@dataclass(frozen=True, slots=True)
class Told:
    """An erasure as the file beside the database tells it."""

    person_id: str
    why: Why
    asked_at: datetime
    done_at: datetime


def proof_of(before: bytes, person_id: str, done_at: datetime) -> bytes:
    """32 bytes over an erasure and the proof of the one before it (b"" for the first)."""
    at = done_at.astimezone(UTC).isoformat()
    return hashlib.sha256(before + f"\n{person_id}\n{at}".encode()).digest()


def note(tx: Tx, person_id: str, why: Why, asked_at: datetime | None = None) -> Erasure:
    """Keep that a person was erased now; `asked_at` is when they asked, now if nothing is said."""
    return keep(tx, Told(person_id, why, asked_at or now(tx), now(tx)))


def keep(tx: Tx, told: Told) -> Erasure:
    """Add an erasure to the list, in the order in which they happened."""
    last = tx.scalar(select(Erasure.proof).order_by(Erasure.id.desc()).limit(1)) or b""
    proof = proof_of(last, told.person_id, told.done_at)
    row = Erasure(told.person_id, told.why, told.asked_at, told.done_at, proof)
    tx.add(row)
    tx.flush()
    return row


_AFTER = select(Erasure).where(Erasure.id > bindparam("last")).order_by(Erasure.id).limit(MOST)


def after(tx: Tx, erasure_id: int, limit: int = 500) -> Sequence[Erasure]:
    """The erasures that were listed after one, oldest first."""
    return tx.scalars(_AFTER, {"last": erasure_id, "most": limit}).all()


def ids(tx: Tx) -> set[str]:
    """Everybody on the list."""
    return set(tx.scalars(select(Erasure.person_id)))


def page(tx: Tx, number: int = 1, size: int = 10) -> tuple[Sequence[Erasure], bool]:
    """One page of the list, newest first; and whether there is a next one."""
    query = select(Erasure).order_by(Erasure.id.desc()).limit(size + 1).offset(skipped(number, size))
    rows = tx.scalars(query).all()
    return rows[:size], len(rows) > size


def count(tx: Tx) -> int:
    """How many people were erased."""
    return tx.scalar(select(func.count()).select_from(Erasure)) or 0


def intact(tx: Tx) -> bool:
    """Whether every proof follows from the one before it."""
    before = b""
    for row in tx.scalars(select(Erasure).order_by(Erasure.id)):
        if row.proof != proof_of(before, row.person_id, row.done_at):
            return False
        before = row.proof
    return True
