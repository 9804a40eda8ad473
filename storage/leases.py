"""Leases: which process runs a job at the moment. They make replicas cheap; idempotent sweeps make them
safe."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import String, bindparam, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, kept
from storage.engine import Tx, wire

_BLIND = {"synchronize_session": False}
Held = tuple[str, float]


class Lease(Row):
    """A job, who holds it until when, and when it last ended well."""

    __tablename__ = "leases"
    __table_args__ = ({"info": kept("none", "running jobs once", "while in use")},)

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), default="")
    until: Mapped[float] = mapped_column(default=0.0)
    ended_well: Mapped[float] = mapped_column(default=0.0)


_OURS = Lease.name.in_(bindparam("names", expanding=True))
_KNOWN = select(Lease.name).where(_OURS).with_for_update()
_OVER = (Lease.until <= bindparam("at")) | (Lease.until > bindparam("longest"))
_FREE = select(Lease.name).where(_OURS, (Lease.holder == bindparam("holder")) | _OVER)
_HELD = select(Lease).where(_OURS)


def take(tx: Tx, names: Collection[str], holder: str, seconds: float) -> list[str]:
    """Which of these jobs `holder` may run now; a lease ends by itself after `seconds`. One that ends later
    than any that is taken now was taken before the clock was set back: it is over."""
    of_these, at = {"names": list(names)}, wire(tx)
    known = set(tx.scalars(_KNOWN, of_these))
    tx.add_all(Lease(name) for name in names if name not in known)
    tx.flush()
    mine = set(tx.scalars(_FREE, {**of_these, "holder": holder, "at": at, "longest": at + seconds}))
    held = {"holder": holder, "until": at + seconds}
    tx.execute(update(Lease).where(Lease.name.in_(mine)).values(held).execution_options(**_BLIND))
    return [name for name in names if name in mine]


def held(tx: Tx, names: Collection[str]) -> dict[str, Held]:
    """Who holds these jobs, until when."""
    rows = tx.scalars(_HELD, {"names": list(names)}) if names else ()
    return {row.name: (row.holder, row.until) for row in rows}


def give_back(tx: Tx, names: Collection[str], holder: str, failed: Collection[str] = ()) -> None:
    """The runs are over, and all but the failed ones ended well."""
    own = Lease.name.in_(names)
    ended = update(Lease).where(own, Lease.holder == holder).values(until=0.0)
    tx.execute(ended.execution_options(**_BLIND))
    well = update(Lease).where(own, Lease.name.not_in(failed)).values(ended_well=wire(tx))
    tx.execute(well.execution_options(**_BLIND))
