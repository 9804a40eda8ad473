"""How fast each platform may be spoken to: one row a lane, obeyed by every replica.

Source: Slack, about one `chat.postMessage` a second and channel, and a cap for the workspace; `Retry-After`
rules.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import String, delete
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, kept
from storage.engine import Tx, wire


class Lane(Row):
    """A (platform, workspace, method or channel) and the moment from which it is free."""

    __tablename__ = "pace"
    __table_args__ = ({"info": kept("none", "keeping a platform's limits", "while in use")},)

    key: Mapped[str] = mapped_column(String(160), primary_key=True)
    free_at: Mapped[float] = mapped_column(default=0.0)


def free_in(tx: Tx, key: str) -> float:
    """Seconds until a lane is free; 0 when it is free now."""
    return max(0.0, _lane(tx, key).free_at - wire(tx))


def reserve(tx: Tx, key: str, every: float) -> None:
    """Take a place in a lane: it is free again `every` seconds from now."""
    _lane(tx, key).free_at = wire(tx) + every
    tx.flush()


def park(tx: Tx, key: str, after: float) -> None:
    """Close a lane for `after` seconds, because the platform said so."""
    lane = _lane(tx, key)
    lane.free_at = max(lane.free_at, wire(tx) + after)
    tx.flush()


def forget(tx: Tx, keys: Collection[str]) -> None:
    """Lanes to accounts of somebody who was erased."""
    tx.flush()
    tx.execute(delete(Lane).where(Lane.key.in_(keys)))


def sweep(tx: Tx) -> None:
    """Forget lanes that nobody has used for an hour."""
    tx.execute(delete(Lane).where(Lane.free_at < wire(tx) - 3600))


def _lane(tx: Tx, key: str) -> Lane:
    lane = tx.get(Lane, key, with_for_update=True)
    if lane is None:
        lane = Lane(key)
        tx.add(lane)
    return lane
