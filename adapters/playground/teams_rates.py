"""Teams' rate limits: of a bot in a thread, of all bots in it, of an app in a tenant (platform-facts T6).

What the real Teams would have refused is always recorded; it is refused only while `on` is set.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Windows = tuple[tuple[int, float], ...]

WRITES: Final[Windows] = ((7, 1.0), (8, 2.0), (60, 30.0), (1_800, 3_600.0))
READS: Final[Windows] = ((14, 1.0), (16, 2.0), (120, 30.0), (3_600, 3_600.0))
EVERYBODY: Final[Windows] = ((14, 1.0), (16, 2.0))
TENANT: Final[Windows] = ((50, 1.0),)
_WRITING: Final = ("create", "send")
_READING: Final = ("members",)


@dataclass(frozen=True, slots=True)
class Violation:
    """A call that the real Teams would have refused: `wait` is the Retry-After in seconds."""

    app_id: str
    operation: str
    thread: str
    at: float
    wait: int


class Rates:
    """Sliding windows over wire time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.on = False
        self.violations: list[Violation] = []
        self._now = now
        self._seen: dict[tuple[str, ...], deque[float]] = {}

    def check(self, app_id: str, tenant: str, operation: str, thread: str) -> int | None:
        """The Retry-After in whole seconds when this call is refused, else None; counts what is let through.

        Only sending, creating and reading members are limited; `thread` is a chat or a channel.
        """
        now = self._now()
        keys = _keys(app_id, tenant, operation, thread)
        wait = math.ceil(max((self._wait(key, windows, now) for key, windows in keys), default=0.0))
        if wait > 0:
            self.violations.append(Violation(app_id, operation, thread, now, wait))
            if self.on:
                return wait
        for key, _ in keys:
            self._seen[key].append(now)
        return None

    def clear(self) -> None:
        """Forget all counting and all violations."""
        self._seen.clear()
        self.violations.clear()

    def _wait(self, key: tuple[str, ...], windows: Windows, now: float) -> float:
        """Seconds until one more call fits into every window."""
        seen = self._seen.setdefault(key, deque())
        while seen and now - seen[0] >= windows[-1][1]:
            seen.popleft()
        waits = [
            seen[-most] + seconds - now
            for most, seconds in windows
            if len(seen) >= most and now - seen[-most] < seconds
        ]
        return max(waits, default=0.0)


def _keys(app_id: str, tenant: str, operation: str, thread: str) -> list[tuple[tuple[str, ...], Windows]]:
    whole = (("tenant", app_id, tenant), TENANT)
    if operation in _WRITING:
        return [(("write", app_id, thread), WRITES), (("any", thread), EVERYBODY), whole]
    if operation in _READING:
        return [(("read", app_id, thread), READS), whole]
    return [whole]
