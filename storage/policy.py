"""What HR decided about the network, in versions: only ever added, the newest is in force.

Each row also lists every wording under which consents were ever asked, so that an old one can be read for as
long as a consent names it (GDPR art. 7: consent must be shown to have been given, and to what).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, Text, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from bot.errors import Conflict
from storage.columns import Row, Short, kept
from storage.engine import Tx, now, skipped

Wordings = dict[str, list[dict[str, Any]]]
"""purpose -> its wordings, oldest first: `{"id": "stay-2", "ja": …, "en": …}`."""


class PolicyVersion(Row):
    """One state of what HR decides: a document, who saved it and when. `by` is an address or a word."""

    __tablename__ = "policies"
    __table_args__ = (
        {"info": kept("staff", "what HR decided, and the words of consents", "for good: consents name them")},
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(120))
    document: Mapped[str] = mapped_column(Text)
    wordings: Mapped[dict[str, Any]] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(Short, default="")


def newest(tx: Tx) -> PolicyVersion | None:
    """The version in force; `None` while nothing was ever saved."""
    return tx.scalar(select(PolicyVersion).order_by(PolicyVersion.version.desc()).limit(1))


_NUMBER = select(func.max(PolicyVersion.version))


def number(tx: Tx) -> int:
    """The number of the version in force, 0 while nothing was ever saved: what replicas compare."""
    return tx.scalar(_NUMBER) or 0


def get(tx: Tx, version: int) -> PolicyVersion | None:
    """One version."""
    return tx.get(PolicyVersion, version)


def history(tx: Tx, page: int, size: int = 10) -> tuple[list[PolicyVersion], bool]:
    """One page of versions, newest first, and whether there are older ones."""
    query = select(PolicyVersion).order_by(PolicyVersion.version.desc())
    rows = list(tx.scalars(query.offset(skipped(page, size)).limit(size + 1)))
    return rows[:size], len(rows) > size


def save(tx: Tx, row: PolicyVersion, base: int) -> PolicyVersion:
    """Add a version on top of `base`, the one that was edited. Raises `Conflict` if it is not the newest."""
    if number(tx) != base:
        raise Conflict("policy.moved_on")
    try:
        tx.add(row)
        tx.flush()
    except IntegrityError:  # another replica was faster by a moment; SQLite writes one after the other
        raise Conflict("policy.moved_on") from None
    return row


def made(tx: Tx, base: int, by: str, document: str, wordings: Wordings) -> PolicyVersion:
    """The row that comes after `base`, as of now."""
    return PolicyVersion(version=base + 1, at=now(tx), by=by, document=document, wordings=wordings)


def words_of(tx: Tx, wording_id: str) -> dict[str, str] | None:
    """Language -> the words that a wording's id stands for; `None` for one that was never changed by HR."""
    row = newest(tx)
    known = [one for listed in row.wordings.values() for one in listed] if row else []
    found = next((one for one in known if one["id"] == wording_id), None)
    return {name: words for name, words in found.items() if name != "id"} if found else None
