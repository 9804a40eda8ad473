"""Word of messages that may go, told in the transaction that queued them.

On a server PgQueuer carries it to whichever replica is free: a job is the id of a row of the outbox and
nothing else, because the row is the truth. Its objects lie in a schema of their own. Alone, a bell in this
process is enough. Word that is lost costs a minute: what nobody took is told again (`delivering.overdue`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    DBSettings,
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.types import Channel
from sqlalchemy import Connection, TextClause, inspect, text
from sqlalchemy.util.concurrency import await_

from storage.transactions import Tx, after_commit, at_server

SCHEMA = "okaeri_queue"
BELL = "bell"
"""Under this name a transaction carries what is to be called once something may go."""
_LINE = 0x4F4B5155


@dataclass(frozen=True, slots=True)
class Word:
    """A message of which is told, in which queue, and in how many seconds it may go. The same `key` is told
    once at a time."""

    id: int
    queue: str
    after: float
    key: str


def tell(tx: Tx, words: Sequence[Word]) -> None:
    """Say which messages may go, as soon as this transaction stands and their time has come."""
    if at_server(tx):
        _enqueue(tx, words)
    elif any(word.after <= 0 for word in words):
        ring(tx)


def ring(tx: Tx) -> None:
    """Ring the bell of this process, if it has one, once the transaction stands."""
    bell: Callable[[], object] | None = tx.info.get(BELL)
    if bell is not None:
        after_commit(tx, bell)


def _enqueue(tx: Tx, words: Sequence[Word]) -> None:
    """Jobs in our own transaction; one that waits already is not put beside itself."""
    given = (
        [0] * len(words), [word.queue for word in words], [str(word.id).encode() for word in words],
        [timedelta(seconds=max(0.0, word.after)) for word in words], [word.key for word in words],
        ["{}"] * len(words),
    )  # fmt: skip
    if words:
        tx.execute(_insert(), {f"p{number}": column for number, column in enumerate(given, 1)})


@cache
def _insert() -> TextClause:
    """PgQueuer's own statement, with its parameters by name."""
    statement = QueryQueueBuilder(settings()).build_enqueue_query("skip")
    return text(re.sub(r"\$(\d)::(\w+\[\])", r"CAST(:p\1 AS \2)", statement))


@cache
def settings() -> DBSettings:
    """Where PgQueuer keeps its own."""
    return DBSettings(db_schema=SCHEMA, channel=Channel("ch_okaeri"))


def tidy(tx: Tx, most: int = 10_000) -> bool:
    """Clear away some of what PgQueuer notes of jobs that ended more than a day ago, three lines for each;
    whether there was any. Of a file there is nothing."""
    if not at_server(tx):
        return False
    own = settings()
    cleared = 0
    for table in (own.queue_table_log, own.statistics_table):
        name = f"{SCHEMA}.{table}"
        old = f"SELECT id FROM {name} WHERE created < now() - interval '1 day' LIMIT :most"  # noqa: S608 - ours
        done = tx.execute(text(f"DELETE FROM {name} WHERE id IN ({old})"), {"most": most})  # noqa: S608
        cleared += done.rowcount  # type: ignore[attr-defined]
    return cleared > 0


def queries(raw: Any) -> Queries:
    """PgQueuer over a connection of asyncpg that is nobody else's."""
    own = settings()
    return Queries(
        AsyncpgDriver(raw), QueryBuilderEnvironment(own), QueryQueueBuilder(own), QuerySchedulerBuilder(own)
    )


def install(connection: Connection) -> None:
    """Make or renew PgQueuer's schema, over a connection that keeps its session; processes that start at the
    same time stand in line."""
    raw = connection.connection.driver_connection
    await_(_install(raw))


def installed(connection: Connection) -> bool:
    """Whether PgQueuer's schema is in the database of this connection."""
    return inspect(connection).has_schema(SCHEMA)


async def _install(raw: Any) -> None:
    await raw.execute("SELECT pg_advisory_lock($1)", _LINE)
    try:
        own = queries(raw)
        await (own.upgrade() if await own.schema_is_installed() else own.install())
    finally:
        await raw.execute("SELECT pg_advisory_unlock($1)", _LINE)
