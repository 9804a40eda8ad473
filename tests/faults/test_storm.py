"""Many messages, a Slack with every kind of trouble, and processes that die: nothing is lost, nothing comes
twice, no limit is exceeded. The local Slack writes down whatever the real one would ban for."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.site import Replica, Site, a_site
from tests.faults.steps import read_by, write_to

POST = "chat.postMessage"
IN_FLIGHT = 0.6
"""Seconds in which a call may still arrive that left before the platform's word was heard."""


@dataclass
class Weather:
    """What Slack does wrong, one thing after the other, and how much of it there was."""

    site: Site
    every: float
    hangs: float
    lasts: bool = False
    """With trouble after which a message rests for half a minute."""
    luck: random.Random = field(default_factory=lambda: random.Random(7))
    faults: int = 0

    async def blows(self) -> None:
        """Until cancelled."""
        faults = self.site.slack.faults
        kinds = [
            lambda: faults.fail(POST, "ratelimited", retry_after=self.luck.choice((1, 2))),
            lambda: faults.fail(POST, "internal_error"),
            lambda: faults.hang(POST, self.hangs),
            lambda: faults.drop_after_accept(POST),
        ]
        if self.lasts:
            kinds += [
                lambda: faults.fail(POST, "service_unavailable"),
                lambda: faults.drop_after_accept("conversations.history"),
            ]
        while True:
            for kind in self.luck.sample(kinds, len(kinds)):
                kind()
                self.faults += 1
                await asyncio.sleep(self.every)


async def disturbed(site: Site, replica: Replica, after: float) -> Replica:
    """A process dies in the middle of it all, and another one takes its place."""
    await asyncio.sleep(after)
    await site.kill(replica)
    return await site.start()


def obeyed(site: Site) -> None:
    """What Slack said about its limits was kept by everybody."""
    assert site.slack.rates.violations == []
    calls = [call for call in site.answers.calls if call.method == POST]
    for refused in (call for call in calls if call.alone):
        silent = (refused.answered + IN_FLIGHT, refused.answered + refused.alone)
        assert not [call for call in calls if silent[0] < call.came < silent[1]], "not left alone"


def doubled_and_lost(site: Site, mark: str, readers: int) -> dict[str, int]:
    return figures.count({f"{n}": read_by(site, f"{mark}-{n}") for n in range(readers)})


async def arrive(site: Site, mark: str, readers: int, seconds: float) -> None:
    def all_marked() -> bool:
        return site.count(f"outbox WHERE kind = 'test.{mark}' AND status = 'sent'") == readers

    try:
        await site.finds(all_marked, seconds)
    except AssertionError:
        rows = site.sql(
            "SELECT status, reason, attempts, ambiguous, next_try FROM outbox WHERE status <> 'sent'"
        )
        raise AssertionError(f"still under way: {rows}") from None


async def test_two_replicas_and_a_bad_day_of_slack(tmp_path: Path) -> None:
    """On SQLite one process, which dies in between."""
    async with a_site(tmp_path) as site:
        site.slack.rates_on = True
        write_to(site, "n", 12, known=True)
        weather = Weather(site, every=0.5, hangs=1.0)
        first = await site.start()
        blowing = asyncio.create_task(weather.blows())
        if site.kind == "postgresql":
            await site.start()
            await asyncio.sleep(2)
        else:
            await disturbed(site, first, 1.5)
            weather.faults += 1
        blowing.cancel()
        site.slack.faults.clear()
        site.expire()
        if site.kind == "postgresql":
            site.sql("UPDATE okaeri_queue.pgqueuer SET execute_after = now()")
        await arrive(site, "n", 12, 100)  # at the latest when what is overdue is looked for: once a minute
        obeyed(site)
        found = doubled_and_lost(site, "n", 12)
        figures.note("a bad day of Slack", site.kind, faults=weather.faults, **found)


@pytest.mark.long
async def test_two_hundred_nudges_on_a_bad_day_of_slack(tmp_path: Path) -> None:
    """Nobody helps: leases run out by themselves."""
    async with a_site(tmp_path) as site:
        site.slack.rates_on = True
        write_to(site, "n", 200, known=True)
        weather = Weather(site, every=0.9, hangs=12.0, lasts=True)
        running = [await site.start() for _ in range(2 if site.kind == "postgresql" else 1)]
        blowing = asyncio.create_task(weather.blows())
        for _ in range(4):
            running.append(await disturbed(site, running.pop(0), 8.0))
            weather.faults += 1
        blowing.cancel()
        site.slack.faults.clear()
        await arrive(site, "n", 200, 300)
        obeyed(site)
        found = doubled_and_lost(site, "n", 200)
        figures.note("200 nudges on a bad day of Slack", site.kind, faults=weather.faults, **found)
