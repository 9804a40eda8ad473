"""Messages that were given up: what is told of them, and what somebody decides about them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from storage.delivering import tell
from storage.engine import Tx, now
from storage.outbox import Delivery, Route, Status
from storage.outdated import Outdated


def _given_up(routes: Collection[Route] = tuple(Route)) -> ColumnElement[bool]:
    """What was given up; not messages of a raised hand, of which not all of HR know."""
    dead = (Delivery.status == Status.DEAD) & ~Delivery.kind.startswith("interest.")
    return dead & Delivery.route.in_(routes)


def dead_ones(
    tx: Tx, limit: int = 20, after: int | None = None, routes: Collection[Route] = tuple(Route)
) -> Sequence[Delivery]:
    """Messages that were given up, newest first, those before the id `after`, of some routes or all; not
    those of a raised hand, of which not all of HR know."""
    told = _given_up(routes)
    query = select(Delivery).where(told if after is None else told & (Delivery.id < after))
    return tx.scalars(query.order_by(Delivery.id.desc()).limit(limit)).all()


def dead_count(tx: Tx, routes: Collection[Route]) -> int:
    """How many messages of some routes were given up; as `dead_ones`."""
    return tx.scalar(select(func.count()).select_from(Delivery).where(_given_up(routes))) or 0


def gave_up_on(tx: Tx, leaver_id: int) -> bool:
    """Whether a message to a leaver was given up, and nobody has done anything about it."""
    own = (Delivery.leaver_id == leaver_id) & (Delivery.route != Route.STAFF)
    query = select(Delivery.id).where(Delivery.status == Status.DEAD, own)
    return tx.scalar(query.limit(1)) is not None


@dataclass(frozen=True, slots=True)
class Untold:
    """Messages given up of which HR was not told: how many, since when; and when HR was told last."""

    count: int
    since: datetime | None
    told_at: datetime | None


_WHILE = timedelta(minutes=1)
"""So old is what is counted: a message may be given up in a transaction that ends after the card was written,
by a process whose clock goes a little differently."""
_QUEUED = Delivery.status.in_(tuple(Status)) & (Delivery.route == Route.STAFF)
_TOLD_AT = select(func.max(Delivery.queued_at)).where(_QUEUED, Delivery.kind == bindparam("kind"))


@cache
def _new(routes: frozenset[Route], known: frozenset[str], first: bool) -> Select[int, datetime | None]:
    """Counts what was given up until a moment: ever, or after another one."""
    new = _given_up(sorted(routes)) & ~(Delivery.leaver_id.is_not(None) & Delivery.reason.in_(sorted(known)))
    new &= Delivery.done_at <= bindparam("until")
    if not first:
        new &= Delivery.done_at > bindparam("since")
    return select(func.count(), func.min(Delivery.done_at)).where(new)


def untold(tx: Tx, kind: str, routes: Collection[Route], known: Collection[str]) -> Untold:
    """What was given up since HR last got a message of this kind; not what is `known` of a leaver, whose own
    card says so."""
    told_at, until = tx.scalar(_TOLD_AT, {"kind": kind}), {"until": now(tx) - _WHILE}
    query = _new(frozenset(routes), frozenset(known), told_at is None)
    count, since = tx.execute(query, until | ({"since": told_at - _WHILE} if told_at else {})).one()
    return Untold(count, since, told_at)


def one_dead(tx: Tx, delivery_id: int) -> Delivery | None:
    """A message that was given up; nothing for one that was not, or that nobody may see."""
    row = tx.get(Delivery, delivery_id)
    hidden = row is None or row.status is not Status.DEAD or row.kind.startswith("interest.")
    return None if hidden else row


def revive(tx: Tx, row: Delivery) -> bool:
    """Try a message anew that was given up; false when its words are gone. It stays ambiguous if it was."""
    if row.status is not Status.DEAD or row.payload is None:
        return False
    row.status, row.attempts, row.next_try, row.done_at = Status.PENDING, 0, 0.0, None
    row.repeated = False
    tx.flush()
    tell(tx, row, 0.0)
    return True


def let_go(tx: Tx, row: Delivery) -> bool:
    """Somebody decided that a message that was given up is not wanted any more; false when it was not."""
    if row.status is not Status.DEAD:
        return False
    row.status, row.reason, row.payload, row.done_at = Status.DROPPED, "given_up", None, now(tx)
    tx.flush()
    return True


def outdated(before: datetime) -> Outdated:
    """The words of what was given up before a moment."""
    old = (Delivery.status == Status.DEAD) & (Delivery.done_at < before) & Delivery.payload.is_not(None)
    return Outdated(Delivery, old, {"payload": None})


def told(rows: Sequence[Delivery]) -> Iterator[tuple[int, str, str, str, datetime | None]]:
    """Rows as an operator may see them: id, kind, route, reason, when; nobody's name, no words."""
    for row in rows:
        yield row.id, row.kind, row.route.value, row.reason, row.done_at
