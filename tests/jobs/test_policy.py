"""Every process follows the newest version; HR is warned of an expiring link, each of them once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.policy import Policy
from jobs import policy as jobs
from jobs.schedule import LEASE, Job, Schedule
from storage import delivering, leases
from tests.desk import POLICY, Desk, tokyo

LAST = date(2026, 3, 31)
LINK = "https://join.slack.example/t/x"
LINKED: Policy = replace(POLICY, invitation_url=LINK, invitation_expires=LAST)


async def warned(desk: Desk, policy: Policy = LINKED) -> int:
    assert not await jobs.warn(desk.database, policy)
    return len(desk.letters("policy.link_expires"))


@pytest.mark.parametrize(
    ("day", "letters"),
    [("2026-03-23", 0), ("2026-03-24", 2), ("2026-03-31", 2), ("2026-04-30", 2), ("2026-05-01", 0)],
)
async def test_a_week_before_the_last_day(desk: Desk, day: str, letters: int) -> None:
    desk.staff("sato@minato.example.jp", "ito@minato.example.jp")
    desk.clock.travel(tokyo(day))
    assert await warned(desk) == letters


async def test_once_a_link_and_for_somebody_new_too(desk: Desk) -> None:
    desk.staff("sato@minato.example.jp")
    desk.clock.travel(tokyo("2026-03-25"))
    assert await warned(desk) == 1
    assert await warned(desk) == 1
    desk.staff("sato@minato.example.jp", "ito@minato.example.jp")
    assert await warned(desk) == 2
    assert await warned(desk, replace(LINKED, invitation_expires=LAST + timedelta(days=1))) == 4


async def test_without_a_link_or_a_day_there_is_nothing_to_say(desk: Desk) -> None:
    desk.staff()
    desk.clock.travel(tokyo("2026-03-31"))
    assert await warned(desk, replace(LINKED, invitation_url="")) == 0
    assert await warned(desk, replace(LINKED, invitation_expires=None)) == 0
    assert desk.sees(delivering.waiting) == 0


async def test_what_runs_everywhere_waits_for_no_lease(desk: Desk) -> None:
    """Two replicas: a shared job runs in one of them, the other kind in both, whoever holds what."""
    ran: list[str] = []

    def job(name: str, *, everywhere: bool) -> Job:
        async def run() -> bool:
            ran.append(name)
            return False

        return Job(name, 15, run, everywhere=everywhere)

    desk.does(lambda tx: leases.take(tx, ["shared", "own"], "another", LEASE))
    schedule = Schedule(desk.database, [job("shared", everywhere=False), job("own", everywhere=True)])
    await schedule.run("own")
    await schedule.run("shared")
    await schedule.run_until_quiet()
    assert ran == ["own", "own"]
    assert set(schedule.last_success) == {"own"}
