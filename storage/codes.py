"""Single-use codes: to prove a mailbox, to tie an account, to change an address, to come back. Stored hashed;
wrong tries lock.

A joining code is `XXXX-XXXX-XXXX-XXXX`: four characters say which row, twelve (60 bits) are the secret.
Its letters leave out I, L, O and U, and reading takes them for what was meant.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from bot.errors import NotFound, TooOften
from storage.accounts import Account
from storage.columns import Row, kept, words
from storage.engine import Tx, now
from storage.outdated import Outdated

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT = str.maketrans({"I": "1", "L": "1", "O": "0", "U": "V"})
TRIES = 5
LOCK = timedelta(minutes=15)


class Use(StrEnum):
    """What a code is good for."""

    PROVE = "prove"
    JOIN = "join"
    NEW_ADDRESS = "new_address"
    OLD_ADDRESS = "old_address"
    RETURN = "return"


TYPED = frozenset({Use.PROVE, Use.NEW_ADDRESS})
"""Codes that are typed by somebody who is known already: four secret characters are enough."""


class Code(Row):
    """One code, of which only a hash is kept."""

    __tablename__ = "codes"
    __table_args__ = ({"info": kept("person", "security", "90 days after it expired")},)

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    use: Mapped[Use] = mapped_column(words(Use))
    selector: Mapped[str] = mapped_column(String(8), index=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), repr=False)
    about: Mapped[bytes] = mapped_column(LargeBinary(32), repr=False)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)
    wrong: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(default=None)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def normal(code: str) -> str:
    """A code as it was meant: any width and case, with or without hyphens, O for 0."""
    letters = unicodedata.normalize("NFKC", code).upper()
    return "".join(c for c in letters if c.isalnum()).translate(_MEANT)


def _hash(selector: str, secret: str) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=f"okaeri:{selector}".encode(), n=1024, r=8, p=1, dklen=32)


def make(tx: Tx, person_id: str, use: Use, about: bytes, lasts: timedelta) -> str:
    """A new code for a person; older ones for the same use stop working. `about` binds it to an address."""
    tx.execute(delete(Code).where(Code.person_id == person_id, Code.use == use))
    selector, secret = _random(4), _random(4 if use in TYPED else 12)
    made = now(tx)
    tx.add(Code(person_id, use, selector, _hash(selector, secret), about, made, made + lasts))
    tx.flush()
    letters = selector + secret
    return "-".join(letters[i : i + 4] for i in range(0, len(letters), 4))


class WrongCode(NotFound):
    """The code does not fit; the counted try stays although the answer is a refusal."""

    keeps = True


def check(tx: Tx, text: str, use: Use, account: Account | None, person_id: str | None = None) -> Code:
    """The code row that fits, not yet marked as used (`spend` does). A wrong try is counted.

    Visitors have no account (all of them would share one, and lock each other out); then only the code locks.
    Raises `TooOften` while the account is locked, `WrongCode` when nothing fits (or only a locked code
    would).
    """
    at, letters = now(tx), normal(text)
    if account is not None and account.locked_until and account.locked_until > at:
        raise TooOften("join.locked", until=account.locked_until)
    found = _fitting(tx, letters, use, person_id)
    if found is None:
        if account is not None:
            _count(account, at)
        tx.flush()
        raise WrongCode("join.wrong_code")
    return found


def _count(account: Account, at: datetime) -> None:
    account.wrong_codes += 1
    if account.wrong_codes >= TRIES:
        account.wrong_codes, account.locked_until = 0, at + LOCK


def spend(tx: Tx, code: Code, account: Account | None) -> None:
    """The code has done its work and never works again."""
    code.used_at = now(tx)
    if account is not None:
        account.wrong_codes, account.locked_until = 0, None
    tx.flush()


def _fitting(tx: Tx, letters: str, use: Use, person_id: str | None) -> Code | None:
    at, selector, secret = now(tx), letters[:4], letters[4:]
    query = select(Code).where(Code.selector == selector, Code.use == use, Code.used_at.is_(None))
    if person_id is not None:
        query = query.where(Code.person_id == person_id)
    fits = None
    for code in tx.scalars(query).all():
        if code.expires_at <= at or (code.locked_until and code.locked_until > at):
            continue
        if hmac.compare_digest(code.hash, _hash(selector, secret)):
            fits = code
        else:
            code.wrong += 1
            if code.wrong >= TRIES:
                code.wrong, code.locked_until = 0, at + LOCK
    return fits


def drop(tx: Tx, person_id: str, *uses: Use) -> None:
    """Make every code of a person useless, or only those of some uses."""
    query = delete(Code).where(Code.person_id == person_id)
    tx.execute(query.where(Code.use.in_(uses)) if uses else query)


def open_code(tx: Tx, person_id: str, use: Use) -> Code | None:
    """A code that still works, if the person has one."""
    query = select(Code).where(
        Code.person_id == person_id, Code.use == use, Code.used_at.is_(None), Code.expires_at > now(tx)
    )
    return tx.scalar(query.limit(1))


def outdated(at: datetime) -> Outdated:
    """Codes that expired 90 days ago."""
    return Outdated(Code, Code.expires_at < at - timedelta(days=90))
