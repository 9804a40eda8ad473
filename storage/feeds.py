"""What became of each leavers' file: its digest, figures, mistakes (never values), and the file itself,
sealed, if kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, LargeBinary, exists, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, Sealed, Short, kept
from storage.engine import Tx, now, vault_of
from storage.outdated import Outdated

TAKING = -1
"""`FeedFile.rows` until a file has been taken to its end."""
_GOES_ON = timedelta(minutes=10)
"""Longer than a file takes; a process that died in one does not keep others waiting for ever."""


class FeedFile(Row):
    """One file that was read, or is being taken. `sealed` is its content: of one that HR applied on the desk
    until it is taken, afterwards for as long as the setting keeps it."""

    __tablename__ = "feed_files"
    __table_args__ = (
        {
            "info": kept(
                "person",
                "leaving",
                "applied on the desk: until taken; the sealed file N days by setting; the figures 1 year",
                whose="",
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


@dataclass(frozen=True, slots=True)
class Laid:
    """A file that HR applied: its number, its ending, its content."""

    number: int
    name: str
    data: bytes


_TAKING = FeedFile.rows == TAKING


def begin(tx: Tx, name: str, digest: bytes) -> int:
    """The number of a file that is taken from now on; its old one when it was begun before and never came to
    its end."""
    query = select(FeedFile).where(FeedFile.digest == digest, _TAKING, FeedFile.sealed.is_(None))
    file = tx.scalar(query.order_by(FeedFile.id).limit(1)) or FeedFile(name, digest, now(tx), TAKING)
    file.read_at = now(tx)
    tx.add(file)
    tx.flush()
    return file.id


def note(tx: Tx, number: int, changed: Mapping[str, int]) -> None:
    """Add to the figures of a file what a part of it has changed; a process that takes it anew finds that
    unchanged."""
    of_this = FeedFile.id == number
    outcome = tx.scalar(select(FeedFile.outcome).where(of_this, _TAKING)) if changed else None
    if outcome is not None:
        counts = Counter(outcome.get("counts", {})) + Counter(changed)
        tx.execute(update(FeedFile).where(of_this).values(outcome={**outcome, "counts": dict(counts)}))


def counts(tx: Tx, number: int) -> dict[str, int]:
    """What was noted of a file."""
    outcome = tx.scalar(select(FeedFile.outcome).where(FeedFile.id == number)) or {}
    return dict(outcome.get("counts", {}))


def end(tx: Tx, number: int, rows: int, outcome: Mapping[str, Any], data: bytes | None = None) -> bool:
    """A file has been taken to its end; false when another process was there before. `data` is only given
    when the setting asks to keep it, and then sealed."""
    before = tx.scalar(select(FeedFile.outcome).where(FeedFile.id == number, _TAKING))
    if before is None:
        return False
    sealed = vault_of(tx).wrap(data, _place(number)) if data is not None else None
    values = {"rows": rows, "outcome": before | outcome, "read_at": now(tx), "sealed": sealed}
    tx.execute(update(FeedFile).where(FeedFile.id == number).values(values))
    return True


def told(tx: Tx, number: int, errors: Sequence[Sequence[Any]]) -> bool:
    """Whether the same mistakes were found the last time that a file of the same content was taken."""
    digest = select(FeedFile.digest).where(FeedFile.id == number).scalar_subquery()
    query = select(FeedFile.outcome).where(FeedFile.digest == digest, FeedFile.id != number, ~_TAKING)
    before = tx.scalar(query.order_by(FeedFile.id.desc()).limit(1))
    return before is not None and before.get("errors") == [list(error) for error in errors]


def going_on(tx: Tx) -> bool:
    """Whether a file is being taken."""
    return bool(tx.scalar(select(exists().where(_TAKING, FeedFile.read_at > now(tx) - _GOES_ON))))


# --- applied on the desk --------------------------------------------------------------------------------


def wait(tx: Tx, who: str, upload: str, name: str, data: bytes) -> int:
    """Keep a file of HR's desk, sealed, until it is taken; its number. `upload` is what it was there."""
    digest = hashlib.sha256(data).digest()
    file = FeedFile(name, digest, now(tx), TAKING, {"by": who, "upload": upload})
    tx.add(file)
    tx.flush()
    file.sealed = vault_of(tx).wrap(data, _place(file.id))
    tx.flush()
    return file.id


def waiting(tx: Tx) -> Laid | None:
    """The file of HR's desk that is to be taken next."""
    query = select(FeedFile).where(_TAKING, FeedFile.sealed.is_not(None)).order_by(FeedFile.id).limit(1)
    file = tx.scalar(query)
    if file is None or file.sealed is None:
        return None
    return Laid(file.id, file.name, vault_of(tx).unwrap(file.sealed, _place(file.id)))


def of_upload(tx: Tx, who: str, upload: str) -> int | None:
    """The number of a file that somebody applied, by what it was on the desk."""
    whose, which = (FeedFile.outcome[key].as_string() for key in ("by", "upload"))
    return tx.scalar(select(FeedFile.id).where(whose == who, which == upload).limit(1))


def became(tx: Tx, who: str, number: int) -> Mapping[str, Any] | None:
    """What is told of a file that somebody applied; `None` for another's."""
    outcome = tx.scalar(select(FeedFile.outcome).where(FeedFile.id == number))
    return outcome if outcome is not None and outcome.get("by") == who else None


# --- kept -----------------------------------------------------------------------------------------------


def _place(number: int) -> str:
    return f"feed_files:{number}"


def forget(tx: Tx, before: datetime) -> None:
    """Drop the sealed files that were taken before a moment."""
    query = update(FeedFile).where(FeedFile.read_at < before, FeedFile.sealed.is_not(None), ~_TAKING)
    tx.execute(query.values(sealed=None))


def recent(tx: Tx, limit: int = 5) -> list[FeedFile]:
    """The last files, newest first."""
    return list(tx.scalars(select(FeedFile).order_by(FeedFile.id.desc()).limit(limit)))


def outdated(before: datetime) -> Outdated:
    """The figures of files read before a moment."""
    return Outdated(FeedFile, FeedFile.read_at < before)
