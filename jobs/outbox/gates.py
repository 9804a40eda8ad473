"""Which of the queues that wait for a place in a lane are worth looking at."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from storage.delivering import GROUP
from storage.outbox import Queue

_NARROW = 2
_LATELY = 5.0


class Gates:
    """Which queues wait for a lane of theirs, and how many of them are worth looking at: as many as went the
    last time and one more, and twice as many as long as all of them go. What is in the way is not looked at
    over and over, and of many that wait for one lane each is touched about once."""

    def __init__(self) -> None:
        self._until: dict[Queue, dict[str, float]] = {}
        self._fresh: set[Queue] = set()
        self._width: dict[Queue, int] = {}

    def room(self, at: float) -> dict[Queue, int]:
        """How many of each queue are wanted at most; of one that is not named, any number."""
        return self._width | {line: 0 for line, until in self._waits() if until > at}

    def lately(self, at: float) -> Mapping[Queue, Collection[str]]:
        """The queues that wait or waited a moment ago, each with the lanes that are or were full."""
        for line, lanes in list(self._until.items()):
            full = {key: until for key, until in lanes.items() if until > at - _LATELY}
            self._until[line] = full
            if not full:
                del self._until[line]
        return self._until

    def shut(self, line: Queue, lane: str, until: float) -> None:
        """Its lane is full until then."""
        self._until.setdefault(line, {})[lane] = until
        self._fresh.add(line)

    def learn(self, went: Counter[Queue]) -> None:
        """So many of each queue found a place."""
        for line in self._fresh:
            self._width[line] = max(_NARROW, went[line] + 1)
        for line in (went.keys() & self._width.keys()) - self._fresh:
            self._width[line] *= 2
            if self._width[line] >= GROUP:
                del self._width[line]
        self._fresh.clear()

    def opens_in(self, at: float) -> float:
        """Seconds until the first queue may be looked at again; endless when none waits."""
        return min((until - at for _, until in self._waits() if until > at), default=math.inf)

    def _waits(self) -> Iterator[tuple[Queue, float]]:
        return ((line, max(lanes.values())) for line, lanes in self._until.items())
