"""What one transaction is on every database: a session, what lies beside it, what is done once it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy.orm import Session

Tx = Session
T = TypeVar("T")
_AFTER = "after_commit"


def at_server(tx: Tx) -> bool:
    """Whether this transaction is one of PostgreSQL's, and not of a file."""
    return tx.get_bind().dialect.name == "postgresql"


def carried(tx: Tx, fn: Callable[[Tx], T], carries: Mapping[str, Any]) -> T:
    """What `fn` returns, with everything beside the transaction that belongs there."""
    tx.info.update(carries)
    return fn(tx)


def after_commit(tx: Tx, do: Callable[[], object]) -> None:
    """Have something done once what this transaction wrote is there for all; never when it is rolled back."""
    tx.info.setdefault(_AFTER, []).append(do)


def commit(tx: Tx) -> list[Callable[[], object]]:
    """Make it last; what waited for that and is to be done now."""
    tx.commit()
    return list(tx.info.get(_AFTER, ()))
