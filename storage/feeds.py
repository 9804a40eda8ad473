"""What became of each leavers' file: its digest, figures, mistakes (never values), and the file itself,
sealed, if kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, LargeBinary, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, Sealed, Short, kept
from storage.engine import Tx, now, vault_of
from storage.outdated import Outdated


class FeedFile(Row):
    """One file that was read."""

    __tablename__ = "feed_files"
    __table_args__ = (
        {
            "info": kept(
                "person", "leaving", "the sealed file N days by setting; the figures 1 year", whose=""
            )
        },
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str] = mapped_column(Short)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    read_at: Mapped[datetime]
    rows: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[dict[str, Any]] = mapped_column(JSON, default_factory=dict)
    sealed: Mapped[bytes | None] = mapped_column(Sealed, default=None, repr=False)


def keep(tx: Tx, file: FeedFile, data: bytes | None) -> None:
    """Remember a file; `data` only when the setting asks to keep it, and then sealed."""
    tx.add(file)
    tx.flush()
    if data is not None:
        file.sealed = vault_of(tx).wrap(data, f"feed_files:{file.id}")
        tx.flush()


def forget(tx: Tx, before: datetime) -> None:
    """Drop the sealed files read before a moment."""
    query = update(FeedFile).where(FeedFile.read_at < before, FeedFile.sealed.is_not(None))
    tx.execute(query.values(sealed=None))


def recent(tx: Tx, limit: int = 5) -> list[FeedFile]:
    """The last files, newest first."""
    return list(tx.scalars(select(FeedFile).order_by(FeedFile.id.desc()).limit(limit)))


def read_now(tx: Tx, name: str, digest: bytes) -> FeedFile:
    """A new record of a file read at this moment."""
    return FeedFile(name=name, digest=digest, read_at=now(tx))


def outdated(before: datetime) -> Outdated:
    """The figures of files read before a moment."""
    return Outdated(FeedFile, FeedFile.read_at < before)
