"""How much waits, and for how long: what an alert asks every few seconds, however much there is."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Integer, Select, func, literal_column, select, union_all

from storage.delivering import QUEUES
from storage.engine import Tx, now
from storage.inbox import Received
from storage.outbox import Delivery, Queue, Status


class Backlog(NamedTuple):
    """For how many seconds the oldest message waits that could go, beside those that nobody waits for, and of
    those (`bulk`); how many were given up; for how long the oldest event waits to be handled."""

    oldest: float
    oldest_bulk: float
    dead: int
    oldest_event: float


def _first(number: int, line: Queue) -> Select[int, datetime | None]:
    own = (Delivery.status == Status.PENDING, Delivery.route == line.route, Delivery.bulk == line.bulk)
    return select(literal_column(str(number), Integer), func.min(Delivery.due_at)).where(*own)


_FIRST = union_all(*(_first(number, line) for number, line in enumerate(QUEUES)))
"""One look at the index for each queue."""
_DEAD = select(func.count()).select_from(Delivery).where(Delivery.status == Status.DEAD)
_EVENT = select(func.min(Received.received_at)).where(Received.done_at.is_(None))


def seen(tx: Tx) -> Backlog:
    """How it stands at this moment; it is the same for every process."""
    at = now(tx)

    def age(*since: datetime | None) -> float:
        return max([0.0, *((at - moment).total_seconds() for moment in since if moment is not None)])

    first = [(QUEUES[number].bulk, due_at) for number, due_at in tx.execute(_FIRST)]
    oldest, bulk = (age(*(due_at for many, due_at in first if many is kind)) for kind in (False, True))
    return Backlog(oldest, bulk, tx.scalar(_DEAD) or 0, age(tx.scalar(_EVENT)))
