"""Reading threads that take turns."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
TURN = 8
"""Reads in one turn, of about a millisecond each."""
PATIENCE = 0.02
"""Seconds after which a turn that still lasts gets company."""


class Readers:
    """Runs reads by turns: one takes what waits, up to `TURN`, and hands all its answers over at once.

    Threads side by side only pass Python's lock to and fro: one after the other answers a third more under
    load (measured). Company is for a turn that lasts: a large export, a disk that stalls.
    """

    def __init__(self, threads: int = 4) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="okaeri-read")
        self._waiting: deque[tuple[asyncio.Future[Any], Callable[[], Any]]] = deque()
        self._quick: set[object] = set()  # turns that have not lasted yet

    async def ask(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, from a thread. Raises `RuntimeError` after `close`."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._waiting.append((answer, work))
        if not self._quick:
            self._begin(loop)
        return await answer

    def close(self) -> None:
        """Wait for the turns that run."""
        self._pool.shutdown()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        turn = object()
        self._pool.submit(self._take, loop, turn)
        self._quick.add(turn)
        loop.call_later(PATIENCE, self._end, loop, turn)

    def _end(self, loop: asyncio.AbstractEventLoop, turn: object) -> None:
        """A turn is over, or lasts so long that the next one does not wait for it."""
        self._quick.discard(turn)
        if self._waiting and not self._quick:
            self._begin(loop)

    def _take(self, loop: asyncio.AbstractEventLoop, turn: object) -> None:
        told: list[Callable[[], None]] = []
        while len(told) < TURN:
            try:
                answer, work = self._waiting.popleft()
            except IndexError:
                break
            told.append(partial(_tell, answer, *_done(work)))
        loop.call_soon_threadsafe(self._tell, loop, turn, told)

    def _tell(self, loop: asyncio.AbstractEventLoop, turn: object, told: list[Callable[[], None]]) -> None:
        self._end(loop, turn)
        for tell in told:
            tell()


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
