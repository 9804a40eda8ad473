"""How fast each platform may be spoken to: one row a lane, obeyed by every replica.

Source: Slack, about one `chat.postMessage` a second and channel, and a cap for the workspace; `Retry-After`
rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, kept
from storage.engine import Tx, insert_new, wire
from storage.outdated import Outdated

LONGEST = 3600.0
"""Seconds that a lane is closed at most; then it is asked again."""
FAR = 2 * LONGEST
"""Seconds: no honest process closes a lane or parks a message for longer; what lies further ahead was written
by a clock that has been set back since."""


class Lane(Row):
    """A (platform, workspace, method or channel) and the moment from which it is free."""

    __tablename__ = "pace"
    __table_args__ = ({"info": kept("none", "keeping a platform's limits", "while in use")},)

    key: Mapped[str] = mapped_column(String(160), primary_key=True)
    free_at: Mapped[float] = mapped_column(default=0.0)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a lane: the lane is free again `every` seconds later. Who comes up to `late` seconds late
    makes up for it, so that a lane is used as fully as its platform allows."""

    key: str
    every: float
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Full:
    """A lane without a place, and the seconds until it has one; and until it has one for whoever asked, after
    those who asked before in the same transaction."""

    key: str
    seconds: float
    turn: float


class Lanes:
    """Lanes that are ours until the end of the transaction."""

    def __init__(self, tx: Tx, keys: Collection[str]) -> None:
        self._rows, self._at = _lanes(tx, keys) if keys else {}, wire(tx)
        self._line: Counter[str] = Counter()
        for lane in self._rows.values():
            if lane.free_at > self._at + FAR:
                lane.free_at = self._at

    def take(self, places: Sequence[Place]) -> Full | None:
        """Take a place in each of these lanes; when one is full, in none, and say which is full longest."""
        last = max(places, key=lambda place: self._rows[place.key].free_at, default=None)
        if last is not None and self._rows[last.key].free_at > self._at:
            seconds = self._rows[last.key].free_at - self._at
            turn = seconds + self._line[last.key] * last.every
            self._line[last.key] += 1
            return Full(last.key, seconds, turn)
        for place in places:
            lane = self._rows[place.key]
            lane.free_at = max(lane.free_at, self._at - place.late) + place.every
        return None


def park(tx: Tx, key: str, after: float) -> None:
    """Close a lane for `after` seconds, at most `LONGEST`, because the platform said so."""
    lane = _lanes(tx, [key])[key]
    lane.free_at = max(lane.free_at, wire(tx) + min(after, LONGEST))
    tx.flush()


def forget(tx: Tx, keys: Collection[str]) -> None:
    """Lanes to accounts of somebody who was erased."""
    tx.flush()
    tx.execute(delete(Lane).where(Lane.key.in_(keys)))


def outdated(at: float) -> Outdated:
    """Lanes that nobody has used for an hour before a moment on the wire's clock."""
    return Outdated(Lane, Lane.free_at < at - 3600)


def _lanes(tx: Tx, keys: Collection[str]) -> dict[str, Lane]:
    """The rows of lanes, made where they are missing, and ours until the end of the transaction; always in
    the same order, so that two replicas never wait for each other."""
    query = select(Lane).where(Lane.key.in_(keys)).order_by(Lane.key).with_for_update()
    found = {lane.key: lane for lane in tx.scalars(query)}
    if missing := [{"key": key, "free_at": 0.0} for key in sorted(keys) if key not in found]:
        tx.execute(insert_new(tx, Lane), missing)
        found = {lane.key: lane for lane in tx.scalars(query)}
    return found
