"""What becomes of a message on its way: who carries it, until when, how it ended, and what was given up.

The guarded UPDATE is the claim. A claim has a lease; a row whose lease ran out while it was being sent is
*ambiguous* and is reconciled with the platform before it is sent again. Every mark is guarded by the number
of the try, so that whoever lost a row while they slept changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, cast, func, select, text, update

from storage import queue
from storage.engine import MOST, Among, Tx, as_rows, at_server, now, wire
from storage.outbox import Delivery, Queue, Route, Status
from storage.outdated import Outdated

LEASE = 60.0
OVERDUE = 60.0
"""Seconds after which word of a message that could go is taken to be lost."""
TRIES = 12
GROUP = 64
"""Messages that are claimed and marked together."""
_BLIND = {"synchronize_session": False}


QUEUES = tuple(Queue(route, bulk) for bulk in (False, True) for route in Route)
"""All of them, those first for which somebody waits."""


def _waiting(line: Queue) -> list[Select[int]]:
    """The ids of what waits in a queue, the oldest first; before it what an earlier release put there.

    The sum keeps SQLite from the index by `next_try`, in which all that waits lies side by side (measured:
    200 ms instead of one where 100,000 wait).
    """
    own = (Delivery.status == Status.PENDING) & (Delivery.route == line.route)
    free = (Delivery.bulk == line.bulk) & (Delivery.next_try + 0.0 <= bindparam("at"))
    early = (Delivery.due_at.is_(None), Delivery.due_at <= bindparam("day"))
    query = select(Delivery.id).where(own, free).order_by(Delivery.due_at, Delivery.id)
    query = query.limit(MOST)
    return [query.where(moment) for moment in early]


_WAITING = {line: _waiting(line) for line in QUEUES}


def _open(number: int, line: Queue) -> str:
    own = f"FROM outbox WHERE status = '{Status.PENDING}' AND route = '{line.route}' AND bulk = {line.bulk}"
    due = f"EXISTS (SELECT 1 {own} AND due_at <= :day) OR EXISTS (SELECT 1 {own} AND due_at IS NULL)"
    return f"SELECT {number} WHERE {due}"


_OPEN = text(" UNION ALL ".join(_open(number, line) for number, line in enumerate(QUEUES)))
_OPEN = _OPEN.bindparams(bindparam("day", type_=Delivery.due_at.type))
"""Numbers of queues in which something waits whose moment has come: one look at the index for each, so that
nobody asks the empty ones again and again."""
_LOST = (
    select(Delivery.id)
    .where(Delivery.status == Status.SENDING, Delivery.next_try <= bindparam("at"))
    .order_by(Delivery.id)
    .limit(MOST)
)


def ready(tx: Tx, limit: int = GROUP, room: Mapping[Queue, int] | None = None) -> list[int]:
    """The ids of messages that may go now: first those whose lease ran out, then queue by queue, the oldest
    first. `room` says how many of a queue are wanted at most, where that is fewer.
    """
    given = {"at": wire(tx), "day": now(tx)}
    found = list(tx.scalars(_LOST, {"at": given["at"], "most": limit}))
    for line in (QUEUES[number] for number in sorted(tx.scalars(_OPEN, {"day": given["day"]}))):
        for query in _WAITING[line]:
            most = min(limit - len(found), (room or {}).get(line, limit))
            if most > 0:
                found += tx.scalars(query, given | {"most": most})
    return found


def claim(tx: Tx, limit: int = GROUP, ids: Collection[int] | None = None) -> list[Delivery]:
    """Take these messages, or the next ones, for `LEASE` seconds; only those that nobody else took.

    A row whose lease ran out comes back as ambiguous.
    """
    at = wire(tx)
    wanted = ready(tx, limit) if ids is None else list(ids)
    found = tx.scalars(*_TAKEN(tx, wanted, at=at, until=at + LEASE))
    rows = {row.id: row for row in found}
    return [rows[one] for one in wanted if one in rows]


def _stands(*where: Status) -> ColumnElement[bool]:
    """Asked of messages that are named by their ids: the cast keeps SQLite from walking through everything
    that stands there instead (measured: 40 ms for 32 of 400,000)."""
    return cast(Delivery.status, String).in_([status.value for status in where])


def _taken(these: ColumnElement[bool]) -> Any:
    free = _stands(Status.PENDING, Status.SENDING) & (Delivery.next_try + 0.0 <= bindparam("at"))
    values = {
        "status": Status.SENDING, "attempts": Delivery.attempts + 1, "next_try": bindparam("until"),
        "ambiguous": Delivery.ambiguous | (Delivery.status == Status.SENDING),
    }  # fmt: skip
    taken = update(Delivery).where(these, free).values(values).returning(Delivery)
    return taken.execution_options(populate_existing=True, **_BLIND)


_TAKEN = Among(Delivery.id, _taken)


def later(tx: Tx, ids: Collection[int]) -> list[tuple[int, Queue, float]]:
    """Those of these messages that still wait, with their queue and in how many seconds they may go."""
    waits = _stands(Status.PENDING) & Delivery.id.in_(ids)
    query = select(Delivery.id, Delivery.route, Delivery.bulk, Delivery.next_try, Delivery.due_at).where(
        waits
    )
    found, at, day = [], wire(tx), now(tx)
    for row in tx.execute(query):
        sooner = (row.due_at - day).total_seconds() if row.due_at else 0.0
        found.append((row.id, Queue(row.route, row.bulk), max(0.0, sooner, row.next_try - at)))
    return found


def _mark(tx: Tx, row: Delivery, **values: Any) -> bool:
    guard = (
        (Delivery.id == row.id) & (Delivery.attempts == row.attempts) & (Delivery.status == Status.SENDING)
    )
    done = tx.execute(update(Delivery).where(guard).values(values).execution_options(**_BLIND))
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def hold(tx: Tx, row: Delivery) -> bool:
    """Keep a claimed row for another `LEASE` seconds; false when it is no longer ours to send."""
    return _mark(tx, row, next_try=wire(tx) + LEASE)


_SENT: dict[str, Any] = {"status": Status.SENT, "payload": None, "reason": "", "ambiguous": False}
_ARRIVED = (
    update(Delivery.__table__)  # type: ignore[arg-type]
    .where(
        Delivery.id == bindparam("message"),
        Delivery.attempts == bindparam("tries"),
        Delivery.status == Status.SENDING,
    )
    .values(went_by=bindparam("way"), remote=bindparam("place"), done_at=bindparam("at"), **_SENT)
)


@cache
def _arrived_as_lists() -> Any:
    """The same on a server, for a whole group: planned once, and one trip."""
    kinds = {
        "message": Delivery.id,
        "tries": Delivery.attempts,
        "way": Delivery.went_by,
        "place": Delivery.remote,
    }
    told = as_rows({name: of.type for name, of in kinds.items()})
    guard = (
        Delivery.id == told.c.message,
        Delivery.attempts == told.c.tries,
        Delivery.status == Status.SENDING,
    )
    values = {"went_by": told.c.way, "remote": told.c.place, "done_at": bindparam("at"), **_SENT}
    return update(Delivery.__table__).where(*guard).values(values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that arrived, by which way, and where it stands now."""

    row: Delivery
    way: str
    place: str = ""


def arrived(tx: Tx, arrivals: Sequence[Arrival]) -> None:
    """Mark as delivered and drop the words; of rows that somebody else has taken over nothing changes."""
    tx.flush()
    marks = [(one.row.id, one.row.attempts, one.way, one.place) for one in arrivals]
    names, at = ("message", "tries", "way", "place"), {"at": now(tx)}
    if at_server(tx):
        lists = {name: list(values) for name, values in zip(names, zip(*marks, strict=True), strict=True)}
        tx.execute(_arrived_as_lists(), lists | at)
    else:
        tx.execute(_ARRIVED, [dict(zip(names, mark, strict=True)) | at for mark in marks])


def again(tx: Tx, row: Delivery, after: float, reason: str, *, ambiguous: bool = False) -> bool:
    """Park a row for `after` seconds; after `TRIES` tries it is dead and HR sees it. Once ambiguous,
    always."""
    if row.attempts >= TRIES:
        return dead(tx, row, reason)
    values = {"status": Status.PENDING, "next_try": wire(tx) + after, "reason": reason,
              "ambiguous": ambiguous or row.ambiguous}  # fmt: skip
    if not _mark(tx, row, **values):
        return False
    _tell(tx, [row], after)
    return True


def _tell(tx: Tx, rows: Sequence[Delivery], after: float) -> None:
    """Once for each try, so that word of the next one never meets that of the last."""
    words = [(row.id, Queue(row.route, row.bulk).name, f"{row.id}:{row.attempts}") for row in rows]
    queue.tell(tx, [queue.Word(number, name, after, key) for number, name, key in words])


_WAITS = (Delivery.status == Status.PENDING) & (Delivery.next_try <= bindparam("late"))
_DUE = _WAITS & (Delivery.due_at.is_(None) | (Delivery.due_at <= bindparam("day")))
_LEFT = (Delivery.status == Status.SENDING) & (Delivery.next_try <= bindparam("at"))
_OVERDUE = select(Delivery).where(_DUE | _LEFT).order_by(Delivery.id).limit(MOST)


def overdue(tx: Tx, limit: int = 1000) -> int:
    """Tell again of messages that nobody took although they could have gone `OVERDUE` seconds ago, or that
    somebody took and never ended; how many."""
    at = wire(tx)
    given = {"at": at, "late": at - OVERDUE, "day": now(tx) - timedelta(seconds=OVERDUE), "most": limit}
    rows = tx.scalars(_OVERDUE, given).all()
    _tell(tx, rows, 0.0)
    return len(rows)


def wait(tx: Tx, row: Delivery, seconds: float) -> bool:
    """Back in the queue because a lane is full; this does not count as a try."""
    return _mark(tx, row, status=Status.PENDING, next_try=wire(tx) + seconds, attempts=row.attempts - 1)


def dead(tx: Tx, row: Delivery, reason: str) -> bool:
    """Give up: HR's list shows the reason, and the words are kept a while, so that it can be tried again."""
    return _mark(tx, row, status=Status.DEAD, reason=reason, done_at=now(tx))


def drop(tx: Tx, row: Delivery, reason: str) -> bool:
    """Not sent because it must not be (consent withdrawn, stage moved on)."""
    return _mark(tx, row, status=Status.DROPPED, reason=reason, payload=None, done_at=now(tx))


def overtaken(tx: Tx, row: Delivery) -> bool:
    """Whether a later edit of the same message was queued: the earlier words must not come on top of it."""
    if not row.remote:
        return False
    return tx.scalar(_edits_of(row).where(Delivery.id > row.id).limit(1)) is not None


def follows(tx: Tx, row: Delivery) -> bool:
    """Whether an earlier edit of the same message is on its way: two at once may arrive in any order."""
    if not row.remote:
        return False
    earlier = (Delivery.id < row.id) & (Delivery.status == Status.SENDING) & (Delivery.next_try > wire(tx))
    return tx.scalar(_edits_of(row).where(earlier).limit(1)) is not None


def _edits_of(row: Delivery) -> Select[int]:
    """Other messages that replace what stands at the same place."""
    same = (Delivery.route == Route.CHANNEL) & (Delivery.remote == row.remote)
    return select(Delivery.id).where(same, Delivery.status != Status.DROPPED, Delivery.id != row.id)


def waiting(tx: Tx) -> int:
    """How many messages could go out now."""
    unsent = Delivery.status.in_((Status.PENDING, Status.SENDING))
    due = unsent & ((Delivery.due_at.is_(None)) | (Delivery.due_at <= now(tx)))
    return tx.scalar(select(func.count()).select_from(Delivery).where(due)) or 0


# --- given up -------------------------------------------------------------------------------------------


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


_QUEUED = Delivery.status.in_(tuple(Status)) & (Delivery.route == Route.STAFF)
_TOLD_AT = select(func.max(Delivery.queued_at)).where(_QUEUED, Delivery.kind == bindparam("kind"))


@cache
def _new(routes: frozenset[Route], known: frozenset[str], first: bool) -> Select[int, datetime | None]:
    """Counts what was given up: ever, or after a moment."""
    new = _given_up(sorted(routes)) & ~(Delivery.leaver_id.is_not(None) & Delivery.reason.in_(sorted(known)))
    if not first:
        new &= Delivery.done_at > bindparam("since")
    return select(func.count(), func.min(Delivery.done_at)).where(new)


def untold(tx: Tx, kind: str, routes: Collection[Route], known: Collection[str]) -> Untold:
    """What was given up since HR last got a message of this kind; not what is `known` of a leaver, whose own
    card says so."""
    told_at = tx.scalar(_TOLD_AT, {"kind": kind})
    query = _new(frozenset(routes), frozenset(known), told_at is None)
    count, since = tx.execute(query, {"since": told_at} if told_at else {}).one()
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
    tx.flush()
    _tell(tx, [row], 0.0)
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
