"""Column types and the vault: what is stored how, and with whose key.

A sealed value is AES-GCM with the person's own key, bound to `table.column:row`, so that a value moved to
another row does not open; erasing the person's key erases every sealed value at once. A blind index (HMAC)
lets us find an address without being able to read it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Enum,
    Integer,
    LargeBinary,
    MetaData,
    String,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass
from sqlalchemy.types import TypeDecorator

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def kept(
    subject: str, purpose: str, keep: str, *, whose: str = "person_id", erased: str = "deleted"
) -> dict[str, str]:
    """What a table declares: whose data (`person`, `staff`, `none`), for which purpose, kept until when.

    `whose` is the column with the person's id, "" where no row can be told to be somebody's; `one.other` is
    the column `other` of the row that `one` refers to. `erased` says what erasing does with a person's rows:
    `deleted`, `blanked` by their own room, or `stays` (only an id).
    """
    return {"subject": subject, "purpose": purpose, "keep": keep, "whose": whose, "erased": erased}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, stored in UTC; a naive one raises `ValueError`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: UTC, on SQLite without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database: aware again."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


WHOLE = Integer().with_variant(BigInteger(), "postgresql")
"""A number of 64 bits on every database: what SQLite takes, a server must not refuse."""


@compiles(String, "postgresql")
def _as_text(_type: String, _compiler: Any, type_expression: Any = None, **_: Any) -> str:
    """A length is said, and asked of whoever types, but refused by no database; words are compared by their
    code points, as SQLite does, wherever the server stands."""
    return 'TEXT COLLATE "C"' if isinstance(type_expression, Column) else "TEXT"


class Row(MappedAsDataclass, DeclarativeBase):
    """The root of every mapped class. Each table says in `info` whose data it holds, why and how long."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - read by SQLAlchemy
        datetime: UtcDateTime(), int: WHOLE, dict[str, Any]: JSON,
    }  # fmt: skip


class Sealed(LargeBinary):
    """Bytes that only the vault can read; a plain value never reaches this column."""

    inherit_cache = True


def words(kind: type[StrEnum]) -> Enum:
    """An enumeration stored as its words with a check, the same on every database."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [m.value for m in members],
        name=f"{kind.__name__.lower()}_known",
    )


Short = String(200)


def new_id(prefix: str) -> str:
    """A random identifier that says nothing about its owner: 80 bits."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(10)).decode().lower()}"


def normal_email(email: str) -> str:
    """The form in which two spellings of an address meet."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


@dataclass(frozen=True, slots=True)
class Vault:
    """The key ring `id -> 32 bytes`, newest first. Wraps the persons' keys, seals, and makes blind
    indexes."""

    ring: Mapping[str, bytes]

    @classmethod
    def parse(cls, text: str) -> Vault:
        """Read `id:base64,id:base64`. Raises `ValueError` when a key is not 32 bytes or an id is too long."""
        ring: dict[str, bytes] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            name, _, encoded = item.partition(":")
            key = base64.b64decode(encoded, validate=True)
            if not name or len(name) > 20 or len(key) != 32:
                raise ValueError("a key is `id:base64` of 32 bytes")
            ring[name] = key
        if not ring:
            raise ValueError("no key")
        return cls(ring)

    @staticmethod
    def make(name: str = "k1") -> str:
        """A new key ring of one key, as text."""
        return f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}"

    def wrap(self, key: bytes, about: str) -> bytes:
        """Seal a key (or anything of the house itself) with the newest key of the ring."""
        name, master = next(iter(self.ring.items()))
        label = name.encode()
        return bytes([len(label)]) + label + seal(master, key, about)

    def unwrap(self, blob: bytes, about: str) -> bytes:
        """Open what `wrap` made. Raises `InvalidTag` for another `about`, `KeyError` for a lost key."""
        size = blob[0]
        return unseal(self.ring[blob[1 : 1 + size].decode()], blob[1 + size :], about)

    def blind(self, purpose: str, text: str) -> bytes:
        """16 bytes by which an equal text is found; keyed by the ring's oldest key, so rotation keeps it."""
        oldest = list(self.ring.values())[-1]
        key = hmac.digest(oldest, f"blind:{purpose}".encode(), hashlib.sha256)
        return hmac.digest(key, text.encode(), hashlib.sha256)[:16]

    def blind_email(self, email: str) -> bytes:
        """The blind index of a mail address, whatever its case and width."""
        return self.blind("email", normal_email(email))


def seal(key: bytes, value: bytes, about: str) -> bytes:
    """AES-GCM with `about` as bound data: 12 bytes nonce, then ciphertext and tag."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, value, about.encode())


def unseal(key: bytes, blob: bytes, about: str) -> bytes:
    """Open what `seal` made. Raises `InvalidTag` when value, key or place do not fit."""
    return AESGCM(key).decrypt(blob[:12], blob[12:], about.encode())


__all__ = [
    "WHOLE",
    "InvalidTag",
    "Row",
    "Sealed",
    "Short",
    "UtcDateTime",
    "Vault",
    "kept",
    "new_id",
    "normal_email",
    "words",
]
