"""What stands between the processes and the world: a load balancer, and answers that can be held back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

HOST = "127.0.0.1"


class Front:
    """A load balancer: passes each connection to the next replica that takes it."""

    def __init__(self) -> None:
        self.port = 0
        self.replicas: list[int] = []
        self.answers: Callable[[], object] | None = None
        """Called instead of passing on the first byte of an answer, which then nobody gets."""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._comes, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _comes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serves(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serves(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            for port in list(self.replicas):
                self.replicas.append(self.replicas.pop(0))
                with suppress(OSError):
                    back, there = await asyncio.open_connection(HOST, port)
                    writers.append(there)
                    await _first(self._pass(reader, there), self._pass(back, writer, answers=True))
                    return
        finally:
            for one in writers:
                one.close()
                with suppress(OSError):
                    await one.wait_closed()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with suppress(OSError):
            while some := await reader.read(65536):
                if answers and self.answers is not None:
                    self.answers()
                    return
                writer.write(some)
                await writer.drain()


async def _first(*works: Any) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of Slack's Web API: when it came, when it was answered, and how many seconds Slack wants to be
    left alone since then."""

    method: str
    came: float
    answered: float
    alone: float


@dataclass
class Answers:
    """Writes down the calls of the local Slack's Web API, and holds back its answers to one method, after it
    did what was asked."""

    method: str = ""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[Asked] = field(default_factory=list)

    @web.middleware
    async def __call__(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Around every call."""
        came, name = time.monotonic(), request.path.rpartition("/")[2]
        response: web.StreamResponse = await handler(request)
        alone = float(response.headers.get("Retry-After", 0))
        self.calls.append(Asked(name, came, time.monotonic(), alone))
        if name == self.method:
            self.held.set()
            await self.go.wait()
        return response
