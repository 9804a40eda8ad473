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
    """Three rows. Ours and the limits take turns; a rate is the median of five rounds, p99 of all answers.

    The harder limit's goal is no promise, only a floor: what falls below it went wrong here.
    """
    key = served.database_with(folder / "people.db", people)
    async with (
        served.okaeri(folder / "people.db", key) as ours,
        served.bare() as bare,
        served.bare("at-once") as hard,
    ):
        places = (ours, bare, hard)
        rounds = [[await _rate(place, hits=place is ours) for place in places] for _ in range(ROUNDS + 1)]
        rates = rounds[1:]  # the first fills caches
        told(
            "requests/s, ours/bare/bare at once: "
            + ", ".join("/".join(f"{r:.0f}" for r in each) for each in rates)
        )
        mine, limit, harder = (median(rate) for rate in zip(*rates, strict=True))
        slow = await _waiting(ours, bare, told)
    where = f"/alumni find over {people:,} people, {IN_FLIGHT} in flight; limit: bare ack"
    return [
        more_is_better(where, mine, limit, "requests/s", 0.5),
        more_is_better(f"{where} at once", mine, harder, "requests/s", 0.1),
        less_is_better(f"/alumni find over {people:,} people, p99 at {PER_SECOND:.0f}/s", slow, 50.0, "ms"),
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
        mine += await load.opened(ours.url, load.signed(SLICE), PER_SECOND)
        limit += await load.opened(bare.url, load.signed(SLICE), PER_SECOND)
    load.check(mine, hits=True)
    load.check(limit, hits=False)
    for name, answers in (("ours", mine), ("bare", limit)):
        p50, p99 = load.percentile(answers, 0.5), load.percentile(answers, 0.99)
        told(f"open loop at {PER_SECOND:.0f}/s, {name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return load.percentile(mine, 0.99)
