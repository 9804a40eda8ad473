"""The journal: who did what to whom, without personal data. Subjects and actors are ids."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Index, String, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, kept
from storage.engine import Tx, insert_all, now
from storage.outdated import Outdated


class Line(Row):
    """One thing that happened. `what` is a word of the house such as `leaver.asked`; `detail` a code, never
    data."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_subject", "subject", "id"),
        {"info": kept("person", "accountability", "3 years", whose="subject", erased="blanked")},
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


def write_all(tx: Tx, lines: Sequence[tuple[str, str, str]]) -> None:
    """Add many: what, subject, detail."""
    at = now(tx)
    rows = [{"at": at, "what": what, "subject": who, "detail": detail} for what, who, detail in lines]
    insert_all(tx, Line.__table__, rows)


def about(tx: Tx, subject: str) -> list[Line]:
    """Everything that happened to a subject, in order."""
    return list(tx.scalars(select(Line).where(Line.subject == subject).order_by(Line.id)))


def rename(tx: Tx, actors: Collection[str], to: str) -> None:
    """Lines of somebody's accounts are lines of a random id from now on (they were erased)."""
    tx.execute(update(Line).where(Line.actor.in_(actors)).values(actor=to))


def lately(tx: Tx, what: str, subject: str, since: datetime) -> int:
    """How often something happened to a subject since a moment."""
    query = select(func.count()).select_from(Line).where(Line.subject == subject, Line.what == what)
    return tx.scalar(query.where(Line.at >= since)) or 0


def outdated(before: datetime) -> Outdated:
    """Lines older than a moment."""
    return Outdated(Line, Line.at < before)
