"""Faults that tests and the page put into the local Web API: errors, delays, and lost answers."""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Final

ANY: Final = "*"
STATUS: Final = {"ratelimited": 429, "service_unavailable": 503, "internal_error": 500, "fatal_error": 500}


@dataclass(frozen=True, slots=True)
class Kept:
    """A call that is kept waiting: `arrived` when it is here, handled once `go` is set."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """Say that it is here, and wait."""
        self.arrived.set()
        await self.go.wait()


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one call: an error word, silence before it is handled (`hang` in seconds, or as long as
    it is `kept`), or a lost answer."""

    error: str | None = None
    retry_after: int = 1
    hang: float = 0.0
    drop: bool = False
    kept: Kept | None = None


class Faults:
    """A queue of faults per Web API method (`"*"`: any method); each is used up by one call, in order."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def fail(self, method: str, error: str = "internal_error", times: int = 1, retry_after: int = 1) -> None:
        """Answer `error` without doing anything; `ratelimited` is a 429 with `retry_after` seconds."""
        self._waiting[method].extend([Fault(error=error, retry_after=retry_after)] * times)

    def hang(self, method: str, seconds: float, times: int = 1) -> None:
        """Be silent for `seconds`, then do what was asked, even when the caller has given up meanwhile."""
        self._waiting[method].extend([Fault(hang=seconds)] * times)

    def keep(self, method: str) -> Kept:
        """Keep a call waiting until it is told to go on."""
        kept = Kept()
        self._waiting[method].append(Fault(kept=kept))
        return kept

    def drop_after_accept(self, method: str, times: int = 1) -> None:
        """Do what was asked, then cut the connection instead of answering."""
        self._waiting[method].extend([Fault(drop=True)] * times)

    def clear(self) -> None:
        """Take back all faults that were not used up."""
        self._waiting.clear()

    def next(self, method: str) -> Fault | None:
        """The fault for this call, if there is one; it is used up."""
        for name in (method, ANY):
            if self._waiting.get(name):
                return self._waiting[name].popleft()
        return None
