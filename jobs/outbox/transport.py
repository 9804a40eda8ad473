"""How a process learns which messages may go: alone it looks; with others PgQueuer hands each to one of them.

Either way only ids are handed over, and the claim of the row decides. What a process was told of and does not
take in time is told again to all (`delivering.overdue`).
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol

import structlog
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job

from storage import delivering, queue
from storage.delivering import GROUP, QUEUES
from storage.engine import Database
from storage.outbox import Queue
from storage.postgresql import server_engine

log = structlog.get_logger()
SHELF = 64
"""Messages of one queue that a process is told of before it has taken them."""
_POLL = timedelta(seconds=5)
_NEVER = timedelta(0)
"""Nobody asks for PgQueuer's statistics, so none are made."""
_GLANCE = 1.0
_ANEW = 2.0
"""Seconds until a lost connection is made anew."""


class Bell:
    """Rung from any thread once something may go."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.rings: Callable[[], object] = bool

    def ring(self) -> None:
        """Soon, in the loop; nowhere once that has ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.rings)


class Transport(Protocol):
    """Where a courier hears of messages."""

    def start(self) -> None:
        """Hear of them from now on."""
        ...

    async def ready(self, limit: int, room: Mapping[Queue, int]) -> list[int]:
        """The ids of messages that may go now, those that somebody waits for first; of a queue in `room` at
        most so many."""
        ...

    def back(self, message: int, line: Queue, seconds: float) -> None:
        """A message of which was told too early: it may go in so many seconds."""
        ...

    async def stop(self) -> None:
        """Hear of nothing more; what was not taken is left to others."""
        ...


class Alone:
    """One process: the database is looked at."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self) -> None:
        """Nothing has to be begun."""

    async def ready(self, limit: int, room: Mapping[Queue, int]) -> list[int]:
        """What waits in the database."""
        return await self._database.run(lambda tx: delivering.ready(tx, limit, room), reads=True, brief=True)

    def back(self, message: int, line: Queue, seconds: float) -> None:
        """The row says so itself."""

    async def stop(self) -> None:
        """Nothing is kept."""


class Shared:
    """One of several processes: PgQueuer brings ids, which lie on a shelf until they are taken.

    `told` is called when one came. PgQueuer needs a connection of its own that keeps its session; before
    `start` the database is looked at.
    """

    def __init__(self, database: Database, url: str, told: Callable[[], object]) -> None:
        self._database, self._url, self._told = database, url, told
        self._alone = Alone(database)
        self._shelf: dict[Queue, list[tuple[float, int]]] = {line: [] for line in QUEUES}
        self._room = asyncio.Condition()
        self._manager: QueueManager | None = None
        self._hung_up = False
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Let PgQueuer bring them."""
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def ready(self, limit: int, room: Mapping[Queue, int]) -> list[int]:
        """What lies on the shelf and may go."""
        if self._running is None:
            return await self._alone.ready(limit, room)
        found: list[int] = []
        at = self._database.clock.wire()
        for line, shelf in self._shelf.items():
            most = min(limit - len(found), room.get(line, limit))
            while most > 0 and shelf and shelf[0][0] <= at:
                found.append(heapq.heappop(shelf)[1])
                most -= 1
        if found:
            async with self._room:
                self._room.notify_all()
        return list(dict.fromkeys(found))

    def back(self, message: int, line: Queue, seconds: float) -> None:
        """On the shelf again, until its time has come."""
        heapq.heappush(self._shelf[line], (self._database.clock.wire() + seconds, message))

    async def stop(self) -> None:
        """Hear of nothing more, and tell the others of what lies here."""
        if self._running is None:
            return
        self._stopping.set()
        if self._manager is not None:
            self._manager.shutdown.set()
        async with self._room:
            self._room.notify_all()
        await self._running
        left = [(line, message) for line, shelf in self._shelf.items() for _, message in shelf]
        words = [queue.Word(message, line.name, 0.0, f"{message}:back") for line, message in left]
        if words:
            await self._database.run(lambda tx: queue.tell(tx, words))

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._listen()
            except Exception as trouble:  # noqa: BLE001 - the server went away; rows are told again meanwhile
                log.warning("queue_lost", error=type(trouble).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if self._stopping.is_set() else _ANEW):
                    await self._stopping.wait()

    async def _listen(self) -> None:
        engine = server_engine(self._url, pooled=False)
        try:
            async with engine.connect() as connection:
                raw: Any = (await connection.get_raw_connection()).driver_connection
                self._manager = QueueManager(queue.queries(raw), queue.settings().channel)
                self._hung_up = False
                watch = asyncio.get_running_loop().create_task(self._watched(raw, self._manager))
                for line in QUEUES:
                    self._manager.entrypoint(line.name, concurrency_limit=SHELF)(self._taker(line))
                try:
                    if not self._stopping.is_set():
                        await self._manager.run(
                            dequeue_timeout=_POLL, batch_size=GROUP, log_aggregation_interval=_NEVER
                        )
                finally:
                    watch.cancel()
                if self._hung_up:
                    raise ConnectionResetError
        finally:
            await engine.dispose()

    async def _watched(self, raw: Any, manager: QueueManager) -> None:
        """Once the connection is lost, nobody waits for room on a full shelf: that would keep it from being
        made anew. It is looked at, because not every loss is told (of one in the middle of a question)."""
        while not raw.is_closed():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(_GLANCE)
        self._hung_up = True
        manager.shutdown.set()
        async with self._room:
            self._room.notify_all()

    def _taker(self, line: Queue) -> Callable[[Job], Awaitable[None]]:
        async def take(job: Job) -> None:
            async with self._room:
                await self._room.wait_for(lambda: len(self._shelf[line]) < SHELF or self._ends())
            if self._hung_up:
                return  # the server gives it to somebody else once nobody says that it is being worked on
            if self._stopping.is_set():
                raise RetryRequested(timedelta(0))
            self.back(int(job.payload or b"0"), line, 0.0)
            self._told()

        return take

    def _ends(self) -> bool:
        return self._stopping.is_set() or self._hung_up


class Rescue:
    """Tells once more of messages of which the word was lost, some thousands at a time, queue by queue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: Mapping[Queue, int] = {}

    async def tell(self) -> bool:
        """The next of them; this never keeps the house from being quiet."""
        self._seen = await self._database.run(lambda tx: delivering.overdue(tx, self._seen))
        return False
