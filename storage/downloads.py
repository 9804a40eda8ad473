"""Files that may be fetched once, by a link that expires. Only the link's hash is kept, and never the file.

What is kept is who may fetch which download with which arguments; the file is made when it is fetched.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import LargeBinary, String, delete, update
from sqlalchemy.orm import Mapped, mapped_column

from bot.conversation import Actor, Scalar, Side
from storage.columns import Row, kept, words
from storage.engine import Tx, now
from storage.outdated import Outdated

LASTS = timedelta(minutes=15)
_REMEMBERED = timedelta(days=1)
"""For so long an old link is told to be old, and not to be none of ours."""


class Download(Row):
    """One link, and what it hands out."""

    __tablename__ = "downloads"
    __table_args__ = ({"info": kept("staff", "handing out files", "1 day after it expired")},)

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True, repr=False)
    address: Mapped[str] = mapped_column(String(120))
    side: Mapped[Side] = mapped_column(words(Side))
    name: Mapped[str] = mapped_column(String(120))
    args: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def offer(tx: Tx, actor: Actor, name: str, args: Mapping[str, Scalar]) -> str:
    """A token of 160 bits with which the actor may fetch a download once, within 15 minutes.

    Raises `RuntimeError` in a transaction that only reads: the link would lead nowhere.
    """
    if not tx.get_bind().get_execution_options().get("writes"):
        raise RuntimeError("who offers a file writes: not reads=True")
    token, made = secrets.token_hex(20), now(tx)
    tx.add(Download(_hash(token), str(actor.address), actor.side, name, dict(args), made, made + LASTS))
    tx.flush()
    return token


def find(tx: Tx, token: str) -> Download | None:
    """What a link is for, also when it was used or is over; `None` for one that was never made."""
    return tx.get(Download, _hash(token))


def works(row: Download, at: datetime) -> bool:
    """Whether a link can be spent at a moment."""
    return row.used_at is None and row.expires_at > at


def spend(tx: Tx, token: str) -> Download | None:
    """Use a link up: what it is for; `None` for one used, expired or never made."""
    at = now(tx)
    fresh = (Download.hash == _hash(token)) & Download.used_at.is_(None) & (Download.expires_at > at)
    spent = tx.execute(update(Download).where(fresh).values(used_at=at))
    if spent.rowcount != 1:  # type: ignore[attr-defined]
        return None
    return tx.get(Download, _hash(token), populate_existing=True)


def forget(tx: Tx, addresses: Collection[str]) -> None:
    """No link of these addresses works, or is remembered (they were somebody's who was erased)."""
    tx.execute(delete(Download).where(Download.address.in_(addresses)))


def outdated(at: datetime) -> Outdated:
    """What is over."""
    return Outdated(Download, Download.expires_at < at - _REMEMBERED)
