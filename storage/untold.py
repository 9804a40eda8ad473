"""Many notices of leaving at once of which HR has not been told: counted, and noted as told, as one."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, or_, select, update

from storage.engine import Tx, now
from storage.leavers import ENDED, Leaver, Stage

_UNTOLD = Leaver.stage.not_in(ENDED) & Leaver.told_at.is_(None)
_WAITS = or_(Leaver.stage == Stage.HELD, Leaver.question != "")
_NOTED = update(Leaver).where(_UNTOLD).execution_options(synchronize_session=False)


class Untold(NamedTuple):
    """How many there are, how many of them wait for HR's decision, and the newest one's number."""

    notices: int
    waiting: int
    newest: int


def count(tx: Tx) -> Untold:
    """All leavers about whom HR has not been told."""
    query = select(func.count(), func.count().filter(_WAITS), func.max(Leaver.id)).where(_UNTOLD)
    found, waiting, newest = tx.execute(query).one()
    return Untold(found, waiting, newest or 0)


def note(tx: Tx, *, waiting: bool) -> None:
    """HR has been told of all, or of all but those who wait for a decision."""
    which = _NOTED if waiting else _NOTED.where(~_WAITS)
    tx.execute(which.values(told_at=now(tx), version=Leaver.version + 1))
