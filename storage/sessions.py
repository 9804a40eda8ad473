"""Signing in on our own pages: links that work once, and the sessions they begin. Only hashes are kept.

Who somebody is there is a web address (`storage.accounts.web_person`, `web_staff`); a session ends after a
while without use, after a month in any case, when its owner signs out, and when the person is erased.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from bot.conversation import Address
from storage.columns import Row, kept
from storage.engine import Tx, now
from storage.outdated import Outdated
from storage.prepared import Prepared

LASTS = timedelta(days=30)
RESTS = timedelta(days=7)
_TOUCHED_AFTER = timedelta(hours=6)


class SignIn(Row):
    """One mailed link that begins a session, once."""

    __tablename__ = "sign_ins"
    __table_args__ = ({"info": kept("person", "security", "1 day after it expired")},)

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True, repr=False)
    address: Mapped[str] = mapped_column(String(120), index=True)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), default=None, index=True)
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class WebSession(Row):
    """One browser that is signed in."""

    __tablename__ = "web_sessions"
    __table_args__ = ({"info": kept("person", "security", "until signed out, 7 days unused or 30 days")},)

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True, repr=False)
    address: Mapped[str] = mapped_column(String(120), index=True)
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), default=None, index=True)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def link(tx: Tx, address: Address, person_id: str | None, lasts: timedelta) -> str:
    """A token of 160 bits that begins a session once; earlier ones of the same address stop working."""
    made = now(tx)
    unused = SignIn.used_at.is_(None)
    tx.execute(update(SignIn).where(SignIn.address == str(address), unused).values(used_at=made))
    token = secrets.token_hex(20)
    tx.add(SignIn(_hash(token), str(address), made, made + lasts, person_id))
    tx.flush()
    return token


def links_since(tx: Tx, address: Address, since: datetime) -> int:
    """How many links an address was given since a moment."""
    query = select(func.count()).select_from(SignIn)
    return tx.scalar(query.where(SignIn.address == str(address), SignIn.made_at >= since)) or 0


def begin(tx: Tx, token: str, instead_of: str = "") -> tuple[str, Address] | None:
    """Spend a link: the new session's token and whose it is; `None` for one used, expired or never made.

    The session that the same browser had before ends.
    """
    row = tx.get(SignIn, _hash(token))
    at = now(tx)
    if row is None or row.used_at is not None or row.expires_at <= at:
        return None
    row.used_at = at
    end(tx, instead_of)
    session = secrets.token_hex(20)
    tx.add(WebSession(_hash(session), row.address, at, at, row.person_id))
    tx.flush()
    return session, Address.parse(row.address)


def seen_at(tx: Tx, token: str, address: Address) -> datetime | None:
    """When a session of this address was last written down as used; `None` when it lives no longer."""
    rows = _asked().rows(tx, {"hash": _hash(token)})
    at = now(tx)
    if not rows or rows[0].address != str(address):
        return None
    (row,) = rows
    return row.seen_at if row.made_at + LASTS > at and row.seen_at + RESTS > at else None


def fades(tx: Tx, seen: datetime) -> bool:
    """Whether a use is long enough ago to be written down again."""
    return now(tx) - seen > _TOUCHED_AFTER


@cache
def _asked() -> Prepared:
    session = WebSession.__table__.c
    wanted = select(session.address, session.made_at, session.seen_at)
    return Prepared(wanted.where(session.hash == bindparam("hash", type_=LargeBinary)))


def touch(tx: Tx, token: str) -> None:
    """Write down that a session is in use."""
    row = tx.get(WebSession, _hash(token))
    if row is not None:
        row.seen_at = now(tx)


def end(tx: Tx, token: str) -> None:
    """Sign one browser out."""
    tx.execute(delete(WebSession).where(WebSession.hash == _hash(token)))


def drop(tx: Tx, person_id: str) -> None:
    """Sign a person out everywhere and make their links useless."""
    tx.execute(delete(WebSession).where(WebSession.person_id == person_id))
    tx.execute(delete(SignIn).where(SignIn.person_id == person_id))


def outdated(at: datetime) -> tuple[Outdated, ...]:
    """What is over."""
    over = (WebSession.made_at < at - LASTS) | (WebSession.seen_at < at - RESTS)
    links = Outdated(SignIn, SignIn.expires_at < at - timedelta(days=1))
    return links, Outdated(WebSession, over)
