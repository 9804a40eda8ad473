"""The nudge sweep: how many check-ins a second become messages; and what it costs to find out that none is
due, among many and among few. On SQLite and PostgreSQL.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select, text

from bot.clock import Clock
from bot.serving import tune
from jobs import checkins as job
from storage import schema
from storage.checkins import Checkin, State
from storage.columns import Vault, new_id
from storage.consents import Consent, Decision, Purpose
from storage.engine import Database, Tx, now, on_server, vault_of
from storage.outbox import Delivery
from storage.people import Person, PersonKey
from tests.bench.figures import Figure, less_is_better, more_is_better
from tests.databases import on_postgresql
from tests.desk import POLICY

TIMES, ONE_IN, FEW = 100, 10, 100
"""So many more check-ins than people are looked through; one in so many is due; among so many fewer it is
looked once more when none is due: a million, 100,000 and 10,000."""
PER_SECOND, IDLE, ROUNDS, CHUNK = 10_000.0, 2.0, 15, 5000
NOON = datetime(2027, 2, 3, 11, 0, tzinfo=ZoneInfo("Asia/Tokyo"))
"""An hour at which nudges go out."""


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """Two rows for each database."""
    made_on = places(folder)
    return [row for kind, made in made_on for row in await asyncio.to_thread(_on, kind, made, people, told)]


def places(folder: Path) -> list[tuple[str, Callable[[], AbstractContextManager[str]]]]:
    """The databases on which is measured, and what makes an empty one of each."""
    return [("SQLite", partial(_file, folder)), ("PostgreSQL", on_postgresql)]


@contextmanager
def _file(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder}/{secrets.token_hex(4)}.db"


def _on(
    kind: str, made: Callable[[], AbstractContextManager[str]], people: int, told: Callable[[str], None]
) -> list[Figure]:
    many = people * TIMES
    with made() as url, made() as other:
        database, few = filled(url, many), filled(other, max(1, many // FEW))
        try:
            _swept(few, -(-max(1, many // FEW) // ONE_IN))  # first: it has calendars loaded
            seconds = _swept(database, many // ONE_IN)
            times = asyncio.run(_idle(database, few))
        finally:
            database.close()
            few.close()
    idle, little = (median(one) for one in zip(*times, strict=True))
    told(f"{many // ONE_IN:,} nudges of {many:,} on {kind}: {seconds:.1f} s; none due: {idle:.2f} ms, "
         f"of {many // FEW:,}: {little:.2f} ms")  # fmt: skip
    name = f"nudges on {kind}, {many // ONE_IN:,} due of {many:,}; limit: what was asked for"
    none = f"no nudge due on {kind} of {many:,}; limit: {IDLE:.0f} times as long as of {many // FEW:,}"
    return [
        more_is_better(name, many // ONE_IN / seconds, PER_SECOND, "nudges/s", 1.0),
        less_is_better(none, idle, IDLE * little, "ms"),
    ]


def _swept(database: Database, due: int) -> float:
    """Seconds until nothing is due any more."""
    tune()  # as `okaeri serve` does
    began = time.perf_counter()
    while asyncio.run(job.sweep(database, POLICY)):
        pass
    seconds = time.perf_counter() - began
    found = database.run_now(lambda tx: tx.scalar(select(func.count()).select_from(Delivery)), True)
    if found != due:
        raise ValueError(f"{found} messages of {due}")
    return seconds


async def _idle(*databases: Database) -> list[list[float]]:
    """Milliseconds of sweeps that find nothing, in turn."""

    async def swept(database: Database) -> float:
        began = time.perf_counter()
        await job.sweep(database, POLICY)
        return (time.perf_counter() - began) * 1000

    return [[await swept(one) for one in databases] for _ in range(ROUNDS)]


# --- the people ---------------------------------------------------------------------------------------------


def filled(url: str, count: int, one_in: int = ONE_IN, key: str = "") -> Database:
    """Members with a consent and a check-in each; one in so many of them is due."""
    if not on_server(url):
        schema.upgrade(url)
    database = Database(url, Vault.parse(key or Vault.make()), Clock(NOON))
    for first in range(0, count, CHUNK):
        database.run_now(partial(_fill, numbers=range(first, min(count, first + CHUNK)), one_in=one_in))
    database.run_now(lambda tx: tx.execute(text("ANALYZE")))
    return database


def _fill(tx: Tx, numbers: range, one_in: int) -> None:
    at, vault = now(tx), vault_of(tx)
    ids = [new_id("p") for _ in numbers]
    tx.execute(insert(Person.__table__), [{"id": who, "name": "髙橋 愛子", "shown": []} for who in ids])
    keys = [{"person_id": who, "wrapped": vault.wrap(bytes(32), f"person_keys:{who}")} for who in ids]
    tx.execute(insert(PersonKey.__table__), keys)
    said: dict[str, Any] = {"purpose": Purpose.STAY_IN_TOUCH, "decision": Decision.GIVEN,
                            "wording": "stay-1", "locale": "ja", "channel": "slack", "at": at}  # fmt: skip
    tx.execute(insert(Consent.__table__), [said | {"person_id": who} for who in ids])
    plans = zip(numbers, ids, strict=True)
    tx.execute(insert(Checkin.__table__), [
        {"person_id": who, "number": 1, "state": State.PLANNED,
         "due_at": at - timedelta(hours=1) if n % one_in == 0 else at + timedelta(days=1 + n % 300)}
        for n, who in plans
    ])  # fmt: skip
