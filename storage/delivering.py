"""What becomes of a message on its way: who carries it, until when, how it ended.

The guarded UPDATE is the claim. A claim has a lease; a row whose lease ran out while it was being sent is
*ambiguous* and is reconciled with the platform before it is sent again. Every mark is guarded by the number
of the claim, so that whoever lost a row while they slept changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, bindparam, cast, func, select, text, update

from storage import queue
from storage.engine import MOST, Among, Tx, as_rows, at_server, now, wire
from storage.outbox import Delivery, Queue, Route, Status
from storage.pace import FAR

LEASE = 60.0
OVERDUE = 60.0
"""Seconds after which word of a message that could go is taken to be lost."""
TRIES = 12
NEAR = 5.0
"""Seconds: what waits for longer is nobody's until then, and all processes are told when."""
UNSURE = "unsure"
"""Why a message that may have arrived is not sent again."""
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


class Passing(NamedTuple):
    """A message to a person that waits: its id, since when it is due, to whom."""

    id: int
    due_at: datetime
    person_id: str


def passing(tx: Tx, line: Queue, after: Passing | None, limit: int) -> list[Passing]:
    """Messages of a queue that may go now, in its order, after one of them or from the first on."""
    own = (Delivery.status == Status.PENDING) & (Delivery.route == line.route) & (Delivery.bulk == line.bulk)
    early = (Delivery.due_at <= now(tx)) & (Delivery.next_try + 0.0 <= wire(tx))
    query = select(Delivery.id, Delivery.due_at, Delivery.person_id).where(own, early)
    if after is not None:
        same = (Delivery.due_at == after.due_at) & (Delivery.id > after.id)
        query = query.where((Delivery.due_at > after.due_at) | same)
    query = query.where(Delivery.person_id.is_not(None)).order_by(Delivery.due_at, Delivery.id).limit(limit)
    return [Passing(row.id, row.due_at or now(tx), row.person_id or "") for row in tx.execute(query)]


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
        "status": Status.SENDING, "attempts": Delivery.attempts + 1, "claims": Delivery.claims + 1,
        "next_try": bindparam("until"), "ambiguous": Delivery.ambiguous | (Delivery.status == Status.SENDING),
    }  # fmt: skip
    taken = update(Delivery).where(these, free).values(values).returning(Delivery)
    return taken.execution_options(populate_existing=True, **_BLIND)


_TAKEN = Among(Delivery.id, _taken)


_WAITS = select(
    Delivery.id, Delivery.route, Delivery.bulk, Delivery.claims, Delivery.next_try, Delivery.due_at
).where(_stands(Status.PENDING))


def later(tx: Tx, ids: Collection[int]) -> list[tuple[int, Queue, float]]:
    """Those of these messages that still wait and may go soon, with their queue and in how many seconds; when
    the others may go is told."""
    at, day, soon, words = wire(tx), now(tx), list[tuple[int, Queue, float]](), list[queue.Word]()
    for row in tx.execute(_WAITS.where(Delivery.id.in_(ids))):
        line, until = Queue(row.route, row.bulk), (row.due_at - day).total_seconds() if row.due_at else 0.0
        seconds = max(0.0, until, row.next_try - at)
        if seconds <= NEAR:
            soon.append((row.id, line, seconds))
        else:
            words.append(_word(row.id, line, row.claims, seconds))
    queue.tell(tx, words)
    return soon


def _ours(row: Delivery) -> ColumnElement[bool]:
    """Whether a row is still as it was claimed; a process of an earlier release counts tries alone."""
    same = (Delivery.claims == row.claims) & (Delivery.attempts == row.attempts)
    return (Delivery.id == row.id) & same & (Delivery.status == Status.SENDING)


def _mark(tx: Tx, row: Delivery, **values: Any) -> bool:
    done = tx.execute(update(Delivery).where(_ours(row)).values(values).execution_options(**_BLIND))
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def hold(tx: Tx, row: Delivery, *, repeats: bool = False) -> bool:
    """Keep a claimed row for another `LEASE` seconds; false when it is no longer ours to send. `repeats`: it
    is about to be said once more although nobody knows whether it stands there."""
    return _mark(tx, row, next_try=wire(tx) + LEASE, **({"repeated": True} if repeats else {}))


def hold_all(tx: Tx, rows: Collection[Delivery]) -> None:
    """Keep these claimed rows for another `LEASE` seconds, those of them that are still ours."""
    until = wire(tx) + LEASE
    for row in rows:
        _mark(tx, row, next_try=until)


_SENT: dict[str, Any] = {"status": Status.SENT, "payload": None, "reason": "", "ambiguous": False}
_ARRIVED = (
    update(Delivery.__table__)  # type: ignore[arg-type]
    .where(
        Delivery.id == bindparam("message"),
        Delivery.claims == bindparam("claim"),
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
        "claim": Delivery.claims,
        "tries": Delivery.attempts,
        "way": Delivery.went_by,
        "place": Delivery.remote,
    }
    told = as_rows({name: of.type for name, of in kinds.items()})
    guard = (
        Delivery.id == told.c.message,
        Delivery.claims == told.c.claim,
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
    marks = [(one.row.id, one.row.claims, one.row.attempts, one.way, one.place) for one in arrivals]
    names, at = ("message", "claim", "tries", "way", "place"), {"at": now(tx)}
    if at_server(tx):
        lists = {name: list(values) for name, values in zip(names, zip(*marks, strict=True), strict=True)}
        tx.execute(_arrived_as_lists(), lists | at)
    else:
        tx.execute(_ARRIVED, [dict(zip(names, mark, strict=True)) | at for mark in marks])


def unsure(tx: Tx, row: Delivery) -> bool:
    """It left, and nobody can say whether it arrived: it is not sent again."""
    return _mark(tx, row, **_SENT | {"reason": UNSURE, "done_at": now(tx)})


def again(tx: Tx, row: Delivery, after: float, reason: str, *, ambiguous: bool = False) -> bool:
    """Park a row for `after` seconds; after `TRIES` tries it is dead and HR sees it. Once ambiguous,
    always."""
    if row.attempts >= TRIES:
        return dead(tx, row, reason)
    values = {"status": Status.PENDING, "next_try": wire(tx) + after, "reason": reason,
              "ambiguous": ambiguous or row.ambiguous}  # fmt: skip
    if not ambiguous:
        values["repeated"] = False  # what this try said once more did not leave
    if not _mark(tx, row, **values):
        return False
    tell(tx, row, after)
    return True


def tell(tx: Tx, row: Delivery, after: float) -> None:
    """Say that it may go in so many seconds: once for each claim, so that word of the next one never meets
    that of the last."""
    queue.tell(tx, [_word(row.id, Queue(row.route, row.bulk), row.claims, after)])


def _word(number: int, line: Queue, claims: int, after: float = 0.0) -> queue.Word:
    return queue.Word(number, line.name, after, f"{number}:{claims}")


_LEFT = select(Delivery.id, Delivery.route, Delivery.bulk, Delivery.claims).where(
    Delivery.status == Status.SENDING, Delivery.next_try <= bindparam("at")
).limit(MOST)  # fmt: skip
_OVERDUE = select(Delivery.id, Delivery.claims).where(
    Delivery.status == Status.PENDING,
    Delivery.route == bindparam("route"),
    Delivery.bulk == bindparam("bulk"),
    Delivery.due_at.is_(None) | (Delivery.due_at <= bindparam("day")),
    Delivery.next_try + 0.0 <= bindparam("late"),
    Delivery.id > bindparam("after"),
).order_by(Delivery.id).limit(MOST)  # fmt: skip
_LEAPT = update(Delivery).where(
    Delivery.status.in_((Status.PENDING, Status.SENDING)), Delivery.next_try > bindparam("far")
).values(next_try=bindparam("at")).execution_options(**_BLIND)  # fmt: skip


def overdue(tx: Tx, seen: Mapping[Queue, int], limit: int = 2000) -> dict[Queue, int]:
    """Tell again of messages that nobody took although they could have gone `OVERDUE` seconds ago, or that
    somebody took and never ended: of so many at most in each queue, those after the id `seen` there.

    The last ids, for the next time; a queue that came to its end is left out and begins anew.
    """
    at = wire(tx)
    tx.execute(_LEAPT, {"far": at + FAR, "at": at})
    left = tx.execute(_LEFT, {"at": at, "most": limit})
    words = [_word(number, Queue(route, bulk), claims) for number, route, bulk, claims in left]
    given = {"late": at - OVERDUE, "day": now(tx) - timedelta(seconds=OVERDUE), "most": limit}
    on: dict[Queue, int] = {}
    for line in QUEUES:
        found = tx.execute(_OVERDUE, {**given, **line._asdict(), "after": seen.get(line, 0)}).all()
        words += [_word(number, line, claims) for number, claims in found]
        if len(found) == limit:
            on[line] = found[-1].id
    queue.tell(tx, words)
    return on


def wait(tx: Tx, row: Delivery, seconds: float, reason: str = "") -> bool:
    """Back in the queue because a lane is full or a whole platform is away; this does not count as a try."""
    values = {"status": Status.PENDING, "attempts": row.attempts - 1, "repeated": False}
    because = {"reason": reason} if reason else {}
    done = _mark(tx, row, next_try=wire(tx) + seconds, **values, **because)
    if done and seconds > NEAR:
        tell(tx, row, seconds)
    return done


def rest(tx: Tx, row: Delivery, until: datetime) -> bool:
    """Back in the queue up to a moment of the calendar; this does not count as a try either."""
    values = {"status": Status.PENDING, "attempts": row.attempts - 1, "repeated": False}
    done = _mark(tx, row, due_at=until, next_try=0.0, **values)
    if done:
        tell(tx, row, (until - now(tx)).total_seconds())
    return done


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
    """Whether an earlier edit of the same message is on its way, or may still be: two at once may arrive in
    any order."""
    if not row.remote:
        return False
    out = (Delivery.status == Status.SENDING) | ((Delivery.status == Status.PENDING) & Delivery.ambiguous)
    earlier = (Delivery.id < row.id) & out & (Delivery.next_try > wire(tx))
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
