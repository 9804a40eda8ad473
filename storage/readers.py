"""Reading threads that take turns."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
TURN = 8
"""Reads in one turn, of about a millisecond each."""
PATIENCE = 0.02
"""Seconds after which a turn that still lasts gets company."""


@dataclass(eq=False, slots=True)
class _Turn:
    """What is to be told of reads that are done, and whether it lasts so long that others have company."""

    told: deque[Callable[[], None]] = field(default_factory=deque)
    lasts: bool = False


class Readers:
    """Runs reads by turns: one takes what waits, up to `TURN`, and hands all its answers over at once.

    Threads side by side only pass Python's lock to and fro: one after the other answers a third more under
    load (measured). Company is for a turn that lasts: a large export, a disk that stalls. Such a turn hands
    each answer over when it has it (measured: no dearer, where turns do not last).
    """

    def __init__(self, threads: int = 4) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="okaeri-read")
        self._waiting: deque[tuple[asyncio.Future[Any], Callable[[], Any]]] = deque()
        self._quick: set[_Turn] = set()  # turns that have not lasted yet

    async def ask(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, from a thread. Raises `RuntimeError` after `close`, also for who
        waits at that moment."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._waiting.append((answer, work))
        if not self._quick:
            self._begin(loop)
        return await answer

    def close(self) -> None:
        """Wait for the turns that run; no other begins."""
        self._pool.shutdown()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        turn = _Turn()
        try:
            self._pool.submit(self._take, loop, turn)
        except RuntimeError:  # it was closed
            self._refuse()
            return
        self._quick.add(turn)
        loop.call_later(PATIENCE, self._end, loop, turn)

    def _end(self, loop: asyncio.AbstractEventLoop, turn: _Turn) -> None:
        """A turn is over, or lasts so long that the next one does not wait for it."""
        turn.lasts = True
        self._quick.discard(turn)
        if self._waiting and not self._quick:
            self._begin(loop)
        while turn.told:
            turn.told.popleft()()

    def _take(self, loop: asyncio.AbstractEventLoop, turn: _Turn) -> None:
        for _ in range(TURN):
            try:
                answer, work = self._waiting.popleft()
            except IndexError:
                break
            turn.told.append(partial(_tell, answer, *_done(work)))
            if turn.lasts:
                loop.call_soon_threadsafe(self._end, loop, turn)
        loop.call_soon_threadsafe(self._end, loop, turn)

    def _refuse(self) -> None:
        """Nobody reads any more."""
        while self._waiting:
            answer, _ = self._waiting.popleft()
            closed = RuntimeError("a question after the database was closed")
            with suppress(RuntimeError):  # its loop is over too
                answer.get_loop().call_soon_threadsafe(_tell, answer, None, closed)


def _done(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
        return None, error


def _tell(answer: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if answer.done():
        return  # whoever asked has gone
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(value)
