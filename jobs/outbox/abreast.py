"""Work that goes on side by side, and whoever begins it waits for the first to end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Abreast:
    """Tasks under way; waiting costs the same however many they are."""

    def __init__(self) -> None:
        self._tasks = set[asyncio.Task[None]]()
        self._ended = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Let it go on beside the others; an error in it ends it alone, or comes out of `all_end`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    async def one_ends(self) -> None:
        """Wait until at least one has ended since this was last asked."""
        await self._ended.wait()
        self._ended.clear()

    async def all_end(self) -> None:
        """Wait for all that are still under way."""
        await asyncio.gather(*self._tasks)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._ended.set()
