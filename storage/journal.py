"""The journal: who did what to whom, without personal data. Subjects and actors are ids."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, kept
from storage.engine import Tx, now


class Line(Row):
    """One thing that happened. `what` is a word of the house such as `leaver.asked`; `detail` a code, never
    data."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_subject", "subject", "id"),
        {"info": kept("person", "accountability", "3 years")},
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64), default="")
    actor: Mapped[str] = mapped_column(String(120), default="")
    detail: Mapped[str] = mapped_column(String(120), default="")


def write(tx: Tx, what: str, subject: str = "", actor: str = "", detail: str = "") -> None:
    """Add a line."""
    tx.add(Line(at=now(tx), what=what, subject=subject, actor=actor, detail=detail))
    tx.flush()


def about(tx: Tx, subject: str) -> list[Line]:
    """Everything that happened to a subject, in order."""
    return list(tx.scalars(select(Line).where(Line.subject == subject).order_by(Line.id)))


def sweep(tx: Tx, before: datetime) -> None:
    """Forget lines older than a moment."""
    tx.execute(delete(Line).where(Line.at < before))
