"""Signed `/alumni find` through the whole house, beside a bare `ack`: the rate, and how long people wait."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.bench import load, served
from tests.bench.figures import Figure, less_is_better, more_is_better
from tests.bench.served import Served

ROUNDS = 5
A_ROUND = 600
IN_FLIGHT = 16
PER_SECOND = 20.0
SLICE = 100
"""Of the open loop: 5 seconds; two of them each."""


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """Both rows. The two take turns; the rate is the median of five rounds, p99 is over all answers."""
    key = served.database_with(folder / "people.db", people)
    async with served.okaeri(folder / "people.db", key) as ours, served.bare() as bare:
        for place, hits in ((ours, True), (bare, False)):
            await _rate(place, hits=hits)  # caches fill, connections open
        rates = [(await _rate(ours, hits=True), await _rate(bare, hits=False)) for _ in range(ROUNDS)]
        told("requests/s, ours and bare by turns: " + ", ".join(f"{a:.0f}/{b:.0f}" for a, b in rates))
        mine, limit = (median(rate) for rate in zip(*rates, strict=True))
        slow = await _waiting(ours, bare, told)
    where = f"/alumni find over {people:,} people"
    return [
        more_is_better(f"{where}, {IN_FLIGHT} in flight; limit: bare ack", mine, limit, "requests/s", 0.5),
        less_is_better(f"{where}, p99 at {PER_SECOND:.0f}/s", slow, 50.0, "ms"),
    ]


async def _rate(place: Served, *, hits: bool) -> float:
    rate, answers = await load.closed(place.url, load.signed(A_ROUND), IN_FLIGHT)
    load.check(answers, hits=hits)
    return rate


async def _waiting(ours: Served, bare: Served, told: Callable[[str], None]) -> float:
    """Our p99 in ms."""
    mine: list[load.Answered] = []
    limit: list[load.Answered] = []
    for _ in range(2):
        for place, answers in ((ours, mine), (bare, limit)):
            answers += await load.opened(place.url, load.signed(SLICE), PER_SECOND)
    load.check(mine, hits=True)
    load.check(limit, hits=False)
    for name, answers in (("ours", mine), ("bare", limit)):
        p50, p99 = load.percentile(answers, 0.5), load.percentile(answers, 0.99)
        told(f"open loop at {PER_SECOND:.0f}/s, {name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return load.percentile(mine, 0.99)
