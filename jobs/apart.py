"""How a sweep brings many rows on: all that are due in one transaction; when that fails, each in its own.

One with which it fails is told under an incident code and left aside for a while (`storage.aside`): it holds
up neither the others nor the next step, and the sweep has ended well. When the database itself fails, so does
the sweep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, Generic, TypeVar

import structlog

from bot.dispatch import new_incident
from storage import journal
from storage.aside import Aside, Key, Those, of_a_row
from storage.engine import Database, Tx

log = structlog.get_logger()
R = TypeVar("R")


def unmarked(tx: Tx, key: Any) -> None:
    """Most rows do not say themselves that something fails with them."""


@dataclass(frozen=True, slots=True)
class Step(Generic[R]):
    """What a sweep does with one kind of row.

    `name` stands in logs and figures, and says nothing of a row. `due` asks for the next ones, of `Those`;
    `do` brings them on, so that they are due no more; false when nothing came of it. `key` tells them apart,
    `failed` marks one with which it does not work, in a transaction after that. `guarded`: as `Database.run`.
    What was left aside is asked for by itself when its time has come; if not `again`, it comes back with
    the others: `due` knows not all rows.
    """

    name: str
    due: Callable[[Tx, Those], Sequence[R]]
    do: Callable[[Tx, Sequence[R]], bool | None]
    key: Callable[[R], Key] = attrgetter("id")
    failed: Callable[[Tx, Any], None] = unmarked
    guarded: bool = False
    again: bool = True


def each(does: Callable[[Tx, R], object]) -> Callable[[Tx, Sequence[R]], None]:
    """What a step does, as what is done with one row."""

    def do(tx: Tx, rows: Sequence[R]) -> None:
        for row in rows:
            does(tx, row)

    return do


async def bring_all_on(database: Database, steps: Sequence[Step[Any]]) -> bool:
    """One batch of each step, from the first that has anything to do on: one look, because most of the time
    nothing is due. Whether there was any."""
    aside, at = Aside.of(database), database.clock.wire()
    first = await database.run(partial(_first_due, steps=steps, aside=aside), reads=True)
    ripe = (n for n, step in enumerate(steps) if aside.ripe(step.name, at))
    did = [await bring_on(database, step) for step in steps[min(first, *ripe, len(steps)) :]]
    return any(did)


def _first_due(tx: Tx, steps: Sequence[Step[Any]], aside: Aside) -> int:
    """The number of the first step that has anything to do."""
    due = (n for n, step in enumerate(steps) if step.due(tx, Those(but=aside.rows(step.name))))
    return next(due, len(steps))


async def bring_on(database: Database, step: Step[R], ways: int = 1) -> bool:
    """One batch of what is due, or several side by side; whether there was any."""
    aside, at = Aside.of(database), database.clock.wire()
    went = await _each_alone(database, step, aside.ripe(step.name, at) if step.again else ())
    those = Those(but=aside.rows(step.name) if step.again else aside.resting(step.name, at))
    batch = partial(_batch, step=step, those=those)
    batches = (database.run(batch, guarded=step.guarded) for _ in range(ways))
    ends = await asyncio.gather(*batches, return_exceptions=True)
    for bug in (end for end in ends if isinstance(end, BaseException)):
        if not of_a_row(bug):
            raise bug
    if any(isinstance(end, Exception) for end in ends):
        keys = await database.run(partial(_keys, step=step, those=those), guarded=step.guarded)
        await _each_alone(database, step, keys)
        return True
    return any(ends) or went


def _keys(tx: Tx, step: Step[R], those: Those) -> list[Key]:
    return list(dict.fromkeys(step.key(row) for row in step.due(tx, those)))


def _batch(tx: Tx, step: Step[R], those: Those) -> bool:
    rows = step.due(tx, those)
    return bool(rows) and step.do(tx, rows) is not False


async def _each_alone(database: Database, step: Step[R], keys: Iterable[Key]) -> bool:
    """Whether anything came of any of them."""
    went = False
    for key in keys:
        batch = partial(_batch, step=step, those=Those(only=(key,)))
        work = partial(database.run, batch, guarded=step.guarded)
        went = await alone(database, step.name, key, work, step.failed) or went
    return went


async def alone(
    database: Database,
    step: str,
    key: Key,
    work: Callable[[], Awaitable[bool]],
    failed: Callable[[Tx, Any], None] = unmarked,
) -> bool:
    """What `work` says that it did about one row; when it fails with it, the row is left aside, and `failed`
    marks it."""
    aside = Aside.of(database)
    try:
        did = await work()
    except Exception as bug:  # the others do not wait for this one
        if not of_a_row(bug):
            raise
        code, new = aside.put(step, key, database.clock.wire(), new_incident())
        kind = type(bug).__name__
        log.error("row_failed", step=step, code=code, error=kind, exc_info=bug if new else None)
        if new:
            await _keep(database, step, f"{code} {kind}", lambda tx: failed(tx, key))
        return False
    aside.take_back(step, key)
    return did


async def _keep(database: Database, step: str, told: str, mark: Callable[[Tx], None]) -> None:
    """An incident in the journal, and the mark on its row."""

    def keep(tx: Tx) -> None:
        journal.write(tx, "incident", actor=step, detail=told)
        mark(tx)

    try:
        await database.run(keep)
    except Exception as worse:  # the row is left aside in any case
        if not of_a_row(worse):
            raise
        log.exception("incident_not_kept", step=step, error=type(worse).__name__, exc_info=worse)
