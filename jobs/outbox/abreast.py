"""Work that goes on side by side, and whoever begins it waits for the first to end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress


class Abreast:
    """Tasks under way; waiting costs the same however many they are."""

    def __init__(self) -> None:
        self._tasks = set[asyncio.Task[None]]()
        self._bell = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Let it go on beside the others; an error in it ends it alone."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def ring(self) -> None:
        """Whoever waits need not wait any longer."""
        self._bell.set()

    async def one_ends(self, seconds: float) -> None:
        """Wait until at least one has ended, or the bell was rung, since this was last asked; at most so
        long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        self._bell.clear()

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._bell.set()
