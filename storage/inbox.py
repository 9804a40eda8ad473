"""The inbox: what a platform told us once is acted on once.

Events (a join, a deactivation) are kept before the ack and driven again after a crash; commands and presses
leave only their id, in the transaction of their effect.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Float,
    Index,
    String,
    and_,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, Sealed, Vault, kept
from storage.engine import MOST, Tx, at_server, insert_new, now, vault_of, wire
from storage.outdated import Outdated


class Received(Row):
    """One thing that arrived; `payload` is kept only until it was handled."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_done_at", "done_at"),
        {"info": kept("person", "once-only handling", "7 days; the content until handled", whose="")},
    )

    platform: Mapped[str] = mapped_column(String(16), primary_key=True)
    workspace: Mapped[str] = mapped_column(String(64), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    received_at: Mapped[datetime]
    payload: Mapped[bytes | None] = mapped_column(Sealed, default=None, repr=False)
    done_at: Mapped[datetime | None] = mapped_column(default=None)
    tries: Mapped[int] = mapped_column(default=0)
    next_try: Mapped[float] = mapped_column(default=0.0)


Key = tuple[str, str, str]
REDRIVE_AFTER, LONGEST = 30.0, 3600.0
"""Seconds of the first and of the longest back-off: an hour after a release was mended everything is back."""
TWINS = 3.0
"""Seconds in which a second press of the same button in the same place is a double click."""
KEPT = timedelta(days=7)
"""How long ids are kept; and how long an event is tried, but at least `TRIES` times."""
TRIES = 8


class Waiting(NamedTuple):
    """An event that was received and not handled, and how often it was tried, this try among them."""

    key: Key
    tries: int
    payload: bytes | None

    def opened(self, vault: Vault) -> str:
        """What it is about. Raises `InvalidTag`, `LookupError` or `ValueError` when nobody can read it: its
        key was taken out of the ring, or these are not our bytes."""
        return vault.unwrap(self.payload or b"", f"inbox:{self.key[-1]}").decode()


def first(tx: Tx, key: Key, payload: str | None = None) -> bool:
    """Keep an id; false when it was here before. With a payload the row waits to be handled."""
    platform, workspace, event_id = key
    at = now(tx)
    values = {
        "platform": platform, "workspace": workspace, "event_id": event_id, "received_at": at, "tries": 0,
        "payload": vault_of(tx).wrap(payload.encode(), f"inbox:{event_id}") if payload else None,
        "done_at": None if payload else at, "next_try": wire(tx) + REDRIVE_AFTER,
    }  # fmt: skip
    done = tx.execute(insert_new(tx, Received.__table__), values)
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def _come(at: float | BindParameter[float], latest: float | BindParameter[float]) -> ColumnElement[bool]:
    """Whether a moment on the wire has come; one that nobody can mean by now was written before the clock was
    set back."""
    return (Received.next_try <= at) | (Received.next_try > latest)


def no_twin(tx: Tx, key: Key, waited: float = 0.0) -> bool:
    """Keep that somebody pressed something, `waited` seconds ago; false when the same was pressed in the
    `TWINS` seconds before that."""
    platform, workspace, event_id = key
    at, ends = now(tx), wire(tx) + TWINS
    values = {
        "platform": platform, "workspace": workspace, "event_id": event_id, "received_at": at, "tries": 0,
        "payload": None, "done_at": at, "next_try": ends,
    }  # fmt: skip
    insert = (postgresql if at_server(tx) else sqlite).insert(Received)
    query = insert.values(values).on_conflict_do_update(
        index_elements=["platform", "workspace", "event_id"],
        set_={"next_try": ends, "done_at": at}, where=_come(wire(tx) - waited, ends + TWINS),
    )  # fmt: skip
    done = tx.execute(query)
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def lasted(tx: Tx, key: Key) -> None:
    """What was pressed took its time: the seconds of a double click begin now."""
    tx.execute(update(Received).where(_of(key)).values(next_try=wire(tx) + TWINS))


def forget(tx: Tx, key: Key) -> None:
    """It had no effect, so it may come again."""
    tx.execute(delete(Received).where(_of(key)))


def _of(key: Key) -> ColumnElement[bool]:
    platform, workspace, event_id = key
    return and_(Received.platform == platform, Received.workspace == workspace, Received.event_id == event_id)


def done(tx: Tx, key: Key) -> None:
    """The event has had its effect; its content goes."""
    row = tx.get_one(Received, key)
    row.done_at, row.payload = now(tx), None
    tx.flush()


def handled(tx: Tx, key: Key) -> bool:
    """Whether the event has had its effect."""
    row = tx.get(Received, key)
    return row is None or row.done_at is not None


_UNFINISHED = Received.done_at.is_(None)
_DUE = (
    select(Received)
    .where(_UNFINISHED, _come(bindparam("at", type_=Float), bindparam("latest", type_=Float)))
    .order_by(Received.next_try)
    .limit(MOST)
)
_HOPELESS = select(Received).where(
    _UNFINISHED, Received.tries >= TRIES, Received.received_at < bindparam("before")
)


def unfinished(tx: Tx, limit: int = 20) -> list[Waiting]:
    """Events received but not handled, whose next try has come; each is counted as tried."""
    at = wire(tx)
    rows = tx.scalars(_DUE, {"at": at, "latest": at + LONGEST, "most": limit}).all()
    for row in rows:
        row.tries += 1
        row.next_try = at + min(LONGEST, REDRIVE_AFTER * 2.0 ** min(row.tries, TRIES))
    tx.flush()
    return [_waiting(row) for row in rows]


def give_up(tx: Tx) -> list[Waiting]:
    """Events that were tried for as long as ids are kept: they are not tried again, and their content
    goes."""
    rows = tx.scalars(_HOPELESS, {"before": now(tx) - KEPT}).all()
    given_up = [_waiting(row) for row in rows]
    for row in rows:
        row.done_at, row.payload = now(tx), None
    tx.flush()
    return given_up


def _waiting(row: Received) -> Waiting:
    return Waiting((row.platform, row.workspace, row.event_id), row.tries, row.payload)


def outdated(before: datetime) -> Outdated:
    """Ids of what was handled, or given up, before a moment."""
    return Outdated(Received, Received.done_at < before)
