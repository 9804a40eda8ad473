"""How the company answers somebody who came to it by an opening: the next step, by whom, until when."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from storage.columns import Sealed, words


class Step(StrEnum):
    """What was done; every end is a kind one."""

    WAITING = "waiting"
    CONTACTED = "contacted"
    TALK = "talk"
    CLOSED = "closed"


class Answered(MappedAsDataclass):
    """The columns of a row that waits for an answer. `answer_by` is the day that was promised; `late_at` says
    since when a deputy knows that it was not kept; `note` is HR's own, sealed with the person's key."""

    step: Mapped[Step] = mapped_column(words(Step), default=Step.WAITING, kw_only=True)
    answer_by: Mapped[date | None] = mapped_column(default=None, kw_only=True, index=True)
    stepped_at: Mapped[datetime | None] = mapped_column(default=None, kw_only=True)
    stepped_by: Mapped[str] = mapped_column(String(254), default="", kw_only=True)
    late_at: Mapped[datetime | None] = mapped_column(default=None, kw_only=True)
    note: Mapped[bytes | None] = mapped_column(Sealed, default=None, kw_only=True, repr=False)

    @property
    def edition(self) -> str:
        """Tells one state of the answer from the next, so that two who answer do not undo each other."""
        return self.stepped_at.isoformat() if self.stepped_at else ""
