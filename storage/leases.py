"""Leases: which process runs a job at the moment. They make replicas cheap; idempotent sweeps make them
safe."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, kept
from storage.engine import Tx, wire


class Lease(Row):
    """A job, who holds it until when, and when it last ended well."""

    __tablename__ = "leases"
    __table_args__ = ({"info": kept("none", "running jobs once", "while in use")},)

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), default="")
    until: Mapped[float] = mapped_column(default=0.0)
    ended_well: Mapped[float] = mapped_column(default=0.0)


def take(tx: Tx, name: str, holder: str, seconds: float) -> bool:
    """Whether `holder` may run the job now; the lease ends by itself after `seconds`."""
    lease = tx.get(Lease, name, with_for_update=True)
    if lease is None:
        lease = Lease(name)
        tx.add(lease)
    if lease.holder != holder and lease.until > wire(tx):
        return False
    lease.holder, lease.until = holder, wire(tx) + seconds
    tx.flush()
    return True


def give_back(tx: Tx, name: str, holder: str, *, well: bool) -> None:
    """The run is over."""
    lease = tx.get_one(Lease, name)
    if lease.holder == holder:
        lease.until = 0.0
    if well:
        lease.ended_well = wire(tx)
    tx.flush()
