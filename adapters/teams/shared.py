"""Work that many wait for and one does: a fetch of keys, a fetch of a token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Shared:
    """Runs `work` at most once at a time; whoever comes meanwhile waits for the same run."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._running: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Begin a run unless one is under way; nobody has to wait for it."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run())
            self._running.add_done_callback(_looked_at)
        return self._running

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._running is not None and not self._running.done()

    async def done(self) -> None:
        """Wait for the end of a run. Raises what the run raised; who stops waiting does not stop it."""
        await asyncio.shield(self.begin())

    async def _run(self) -> None:
        await self._work()


def _looked_at(task: asyncio.Task[None]) -> None:
    """A failure that nobody waits for is not one to shout about: the work itself logs it."""
    if not task.cancelled():
        task.exception()
