"""Small writes that share a commit: what comes while one is being written goes together with the next. Where
many come it waits a moment for more; who comes alone waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from storage.delivering import GROUP, LEASE
from storage.engine import Database, Tx

T = TypeVar("T")
_ANEW = 0.5
_COMPANY = 0.01
"""Seconds; longer would leave a courier of many messages without room for more."""


class Together(Generic[T]):
    """Writes things in groups, each group in one transaction, by `write` (a transaction and a group), which
    may be called again for what it wrote already. One that fails takes no other along: then each of its group
    is written by itself. A database that is away is waited for, as long as a lease lasts: what it does not
    hear of would be sent again."""

    def __init__(self, database: Database, write: Callable[[Tx, Sequence[T]], None]) -> None:
        self._database, self._write = database, write
        self._waiting: deque[tuple[T, asyncio.Future[None]]] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def add(self, one: T) -> None:
        """Returns once it is committed; raises what `write` raised."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()
        self._waiting.append((one, answer))
        if self._writing is None:
            self._writing = loop.create_task(self._written())
        await answer

    async def _written(self) -> None:
        try:
            size = 1
            while self._waiting:
                if size > 1:
                    await asyncio.sleep(_COMPANY)
                size = min(GROUP, len(self._waiting))
                await self._group([self._waiting.popleft() for _ in range(size)])
        finally:
            self._writing = None

    async def _group(self, group: Sequence[tuple[T, asyncio.Future[None]]]) -> None:
        error = await self._tried([one for one, _ in group])
        if error is not None and len(group) > 1:
            for one in group:
                await self._group([one])
            return
        for _, answer in group:
            _tell(answer, error)

    async def _tried(self, things: Sequence[T]) -> Exception | None:
        """Twice, because the database may have been away for a moment."""
        error: Exception | None = None
        for _ in range(2):
            try:
                await self._database.run(lambda tx: self._write(tx, things), guarded=True, brief=True)
            except Exception as failed:  # noqa: BLE001 - raised where it was asked for
                error = failed
                await self._back()
            else:
                return None
        return error

    async def _back(self) -> None:
        """Wait until the database answers, at most as long as a lease."""
        for _ in range(round(LEASE / _ANEW)):
            if await self._database.answers():
                return
            await asyncio.sleep(_ANEW)


def each(tx: Tx, works: Sequence[Callable[[Tx], Any]]) -> None:
    """One after the other: for writes that have nothing in common."""
    for work in works:
        work(tx)


def _tell(answer: asyncio.Future[None], error: Exception | None) -> None:
    if answer.done():
        return  # whoever asked has gone
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(None)
