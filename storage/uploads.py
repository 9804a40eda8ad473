"""Files that HR laid on the desk and has not applied yet: sealed, for an hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import PurePath

from sqlalchemy import String, delete
from sqlalchemy.orm import Mapped, mapped_column

from storage import feeds, journal
from storage.columns import Row, Sealed, Short, kept, new_id
from storage.engine import Tx, now, vault_of
from storage.outdated import Outdated

LASTS = timedelta(hours=1)


class Upload(Row):
    """One file between its difference and "apply"."""

    __tablename__ = "uploads"
    __table_args__ = ({"info": kept("person", "leaving", "1 hour", whose="")},)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    laid_by: Mapped[str] = mapped_column(String(120))
    name: Mapped[str] = mapped_column(Short)
    at: Mapped[datetime]
    sealed: Mapped[bytes] = mapped_column(Sealed, repr=False)


def lay(tx: Tx, who: str, name: str, data: bytes) -> str:
    """Keep a file for who laid it there; its id. An earlier one of theirs goes."""
    tx.execute(delete(Upload).where(Upload.laid_by == who))
    row = Upload(new_id("u"), who, name[:200], now(tx), b"")
    row.sealed = vault_of(tx).wrap(data, f"uploads:{row.id}")
    tx.add(row)
    tx.flush()
    return row.id


def apply(tx: Tx, who: str, upload: str) -> int | None:
    """Have a file taken, which is gone from here afterwards: under which number of `feeds`, the same for one
    that was applied before; `None` for another's, or when it was over."""
    row = tx.get(Upload, upload)
    if row is None:
        return feeds.of_upload(tx, who, upload)
    if row.laid_by != who or row.at + LASTS <= now(tx):
        return None
    data = vault_of(tx).unwrap(row.sealed, f"uploads:{row.id}")
    tx.delete(row)
    number = feeds.wait(tx, who, upload, PurePath(row.name).suffix, data)
    journal.write(tx, "file.applied", actor=who, detail=str(number))
    return number


def outdated(at: datetime) -> Outdated:
    """What nobody applied."""
    return Outdated(Upload, Upload.at < at - LASTS)
