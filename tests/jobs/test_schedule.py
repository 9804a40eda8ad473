"""The clock's wiring: one run at a time whoever runs it, failures told and survived, a stop that waits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

import pytest
import structlog
from apscheduler.executors import base as executors
from apscheduler.schedulers import base
from apscheduler.triggers import interval
from sqlalchemy import text

from jobs.schedule import LEASE, Job, Schedule
from storage import leases
from storage.leases import Lease
from tests.desk import Desk


@dataclass
class Work:
    """A job that counts itself, may wait at a gate, and may fail."""

    left: int = 0
    runs: int = 0
    together: int = 0
    most: int = 0
    fails: int = 0
    gate: asyncio.Event | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> bool:
        self.runs += 1
        self.together += 1
        self.most = max(self.most, self.together)
        self.started.set()
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0.01))
            if self.fails:
                self.fails -= 1
                raise RuntimeError("broken")
        finally:
            self.together -= 1
        self.left -= 1
        return self.left >= 0


def schedule(desk: Desk, every: float = 60.0, **jobs: Callable[[], Awaitable[bool]]) -> Schedule:
    return Schedule(desk.database, [Job(name, every, run) for name, run in jobs.items()])


async def test_a_run_says_whether_it_did_anything(desk: Desk) -> None:
    clock = schedule(desk, work=Work(left=1))
    assert await clock.run("work")
    assert not await clock.run("work")


async def test_two_schedules_run_a_job_one_at_a_time(desk: Desk) -> None:
    work = Work(left=99)
    one, other = schedule(desk, work=work), schedule(desk, work=work)
    await asyncio.gather(*(clock.run("work") for _ in range(6) for clock in (one, other)))
    assert work.most == 1
    assert 1 <= work.runs <= 12, "whoever comes while another runs goes away again"


async def test_a_lease_that_another_process_holds_is_respected_until_it_ends(desk: Desk) -> None:
    gate = asyncio.Event()
    slow, quick = Work(left=1, gate=gate), Work(left=9)
    holder, other = schedule(desk, work=slow), schedule(desk, work=quick)
    running = asyncio.create_task(holder.run("work"))
    await slow.started.wait()
    assert not await other.run("work")
    assert quick.runs == 0
    desk.clock.passes(LEASE)  # as if the holder had died
    assert await other.run("work")
    gate.set()
    assert await running
    assert desk.sees(lambda tx: tx.get_one(Lease, "work").until) == 0


async def test_a_failing_job_is_logged_and_ends_nothing(desk: Desk) -> None:
    bad, good = Work(left=9, fails=1), Work(left=1)
    clock = schedule(desk, bad=bad, good=good)
    with structlog.testing.capture_logs() as lines:
        assert not await clock.run("bad")
        assert await clock.run("good")
    assert [(line["event"], line["job"], line["error"]) for line in lines] == [
        ("job_failed", "bad", "RuntimeError")
    ]
    assert desk.sees(lambda tx: tx.get_one(Lease, "bad").ended_well) == 0
    assert await clock.run("bad")
    assert desk.sees(lambda tx: tx.get_one(Lease, "bad").ended_well) == desk.clock.wire()


async def test_a_database_that_does_not_answer_ends_nothing(desk: Desk) -> None:
    clock = schedule(desk, work=Work(left=1))
    desk.does(lambda tx: tx.execute(text("ALTER TABLE leases RENAME TO gone")))
    with structlog.testing.capture_logs() as lines:
        assert not await clock.run("work")
    assert lines[0]["log_level"] == "error"
    desk.does(lambda tx: tx.execute(text("ALTER TABLE gone RENAME TO leases")))
    assert await clock.run("work")


async def test_a_job_is_late_after_five_periods_without_a_good_end(desk: Desk) -> None:
    work, idle = Work(fails=2), Work()
    clock = schedule(desk, every=30.0, work=work, idle=idle)
    assert clock.late() == []
    clock.start()
    try:
        desk.clock.passes(150)
        await clock.run("work")
        await clock.run("idle")
        assert clock.late() == []
        desk.clock.passes(1)
        assert clock.late() == ["work"], "one that never ended well is late too"
        work.fails = 0
        await clock.run("work")
        assert clock.late() == []
    finally:
        await clock.stop()


async def test_a_short_period_is_given_a_minute(desk: Desk) -> None:
    clock = schedule(desk, every=1.0, work=Work())
    await clock.run("work")
    desk.clock.passes(60)
    assert clock.late() == []
    desk.clock.passes(1)
    assert clock.late() == ["work"]


HOURS = 9 * 3600.0
"""A machine whose hardware clock shows local time in Tokyo comes up so far ahead, until NTP sets it."""


@pytest.mark.parametrize("by", [-HOURS, HOURS], ids=["back", "forward"])
async def test_setting_the_clock_neither_makes_a_job_late_nor_hides_one(desk: Desk, by: float) -> None:
    work = Work()
    clock = schedule(desk, every=20.0, work=work)
    clock.start()
    await clock.run("work")
    desk.clock.is_set(by)
    assert clock.late() == []
    desk.clock.passes(101)
    assert clock.late() == ["work"]
    await clock.run("work")
    assert clock.late() == []
    await clock.stop()


async def test_a_lease_that_no_honest_process_writes_is_over(desk: Desk) -> None:
    """Its holder died, and then the clock was set back."""
    work = Work(left=1)
    clock = schedule(desk, work=work)
    desk.does(lambda tx: leases.take(tx, ["work"], "dead", LEASE))
    assert not await clock.run("work")
    desk.clock.is_set(-HOURS)
    assert await clock.run("work")


async def test_a_lease_that_does_not_end_makes_the_job_late(desk: Desk) -> None:
    """The clock by which leases go is set back again and again."""
    clock = schedule(desk, every=20.0, work=Work())
    desk.does(lambda tx: leases.take(tx, ["work"], "dead", LEASE))
    clock.start()
    late = 0.0
    while not clock.late():
        await clock.run("work")
        desk.clock.passes(20)
        desk.clock.is_set(-20)
        late += 20
        assert late < 1000
    assert LEASE < late <= LEASE + 5 * 20 + 2 * 20
    await clock.stop()


async def test_a_job_that_others_run_again_and_again_is_not_late(desk: Desk) -> None:
    clock = schedule(desk, every=20.0, work=Work())
    clock.start()
    for _ in range(50):
        desk.does(lambda tx: leases.take(tx, ["work"], "other", LEASE))
        await clock.run("work")
        desk.clock.passes(20)
        assert clock.late() == []
    await clock.stop()


async def test_jobs_go_on_at_their_pace_when_the_clock_is_set_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """APScheduler goes by the machine's clock, which is set here for it as for us."""
    ahead = timedelta(seconds=HOURS)

    class Set(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + ahead

    for room in (base, executors, interval):
        monkeypatch.setattr(room, "datetime", Set)
    work = Work()
    clock = schedule(desk, every=0.3, work=work)
    clock.start()
    await runs(work, 3)
    ahead = timedelta(0)
    desk.clock.is_set(-HOURS)
    with structlog.testing.capture_logs() as lines:
        await runs(work, work.runs + 5)
    assert [(line["event"], line["seconds"]) for line in lines] == [("clock_set_back", HOURS)]
    await clock.stop()


async def runs(work: Work, times: int) -> None:
    """Wait until it has run so often."""
    async with asyncio.timeout(20):
        while work.runs < times:
            work.started.clear()
            await work.started.wait()


async def test_stopping_waits_for_what_runs(desk: Desk) -> None:
    gate = asyncio.Event()
    work = Work(left=1, gate=gate)
    clock = schedule(desk, work=work)
    clock.start()
    await work.started.wait()
    stopping = asyncio.create_task(clock.stop())
    await asyncio.sleep(0.05)
    assert not stopping.done()
    gate.set()
    await asyncio.wait_for(stopping, 5)
    assert (work.runs, work.together) == (1, 0)
    assert desk.sees(lambda tx: tx.get_one(Lease, "work").until) == 0


async def test_stopping_does_not_wait_for_ever_for_what_hangs(desk: Desk) -> None:
    hangs = Work(gate=asyncio.Event())
    clock = schedule(desk, hangs=hangs, other=Work())
    clock.start()
    await hangs.started.wait()
    with structlog.testing.capture_logs() as lines:
        await asyncio.wait_for(clock.stop(patience=0.2), 10)
    assert [(line["event"], line["jobs"]) for line in lines] == [("jobs_cut_off", ["hangs"])]
    assert hangs.together == 0
    assert desk.sees(lambda tx: tx.get_one(Lease, "hangs").until) == 0


async def test_nothing_that_was_rung_for_begins_once_it_stops(desk: Desk) -> None:
    gate = asyncio.Event()
    work = Work(gate=gate)
    clock = schedule(desk, work=work)
    clock.wake("work")
    await work.started.wait()
    clock.wake("work")
    stopping = asyncio.create_task(clock.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping
    assert work.runs == 1


async def test_it_runs_by_its_pace_and_when_woken(desk: Desk) -> None:
    work = Work()
    clock = schedule(desk, every=0.05, work=work)
    clock.start()
    for _ in range(3):
        await asyncio.wait_for(work.started.wait(), 20)
        work.started.clear()
    await clock.stop()
    assert work.most == 1
    idle = Work()
    clock = schedule(desk, work=idle)
    clock.wake("work")
    clock.wake("unknown")
    await asyncio.wait_for(idle.started.wait(), 5)
    await clock.stop()


async def test_however_often_it_is_rung_one_run_waits_behind_the_one_under_way(desk: Desk) -> None:
    """Messages that are queued one by one in one transaction ring once for each."""
    gate = asyncio.Event()
    work = Work(gate=gate)
    clock = schedule(desk, work=work, other=Work())
    clock.wake("work")
    await work.started.wait()
    for _ in range(2000):
        clock.wake("work")
        await asyncio.sleep(0)
    assert len(clock._running) == 2
    gate.set()
    await asyncio.gather(*clock._running)
    assert work.runs == 2, "whatever it was rung for is looked at once more"
    await clock.stop()


async def test_no_ring_is_lost_whenever_it_comes(desk: Desk) -> None:
    waiting: set[int] = set()

    async def work() -> bool:
        seen = set(waiting)
        await asyncio.sleep(0.001)
        waiting.difference_update(seen)
        return False

    clock = schedule(desk, work=work)
    for number in range(300):
        waiting.add(number)
        clock.wake("work")
        await asyncio.sleep(random.choice((0.0, 0.0005, 0.001, 0.003)))
    await asyncio.gather(*clock._running)
    assert not waiting
    await clock.stop()


async def test_until_quiet_means_that_nobody_found_anything(desk: Desk) -> None:
    one, other = Work(left=3), Work(left=1)
    clock = schedule(desk, one=one, other=other)
    assert await clock.run_until_quiet() == 4
    assert one.runs == 4
    assert other.runs >= 3, "after the last thing that was done everybody was asked once more"
    assert await clock.run_until_quiet() == 1
    endless = schedule(desk, work=Work(left=10_000))
    assert await endless.run_until_quiet(rounds=5) == 5


@pytest.mark.long
async def test_many_schedules_for_a_while(desk: Desk) -> None:
    work = Work(left=10_000)
    clocks = [schedule(desk, every=0.02, work=work) for _ in range(4)]
    for clock in clocks:
        clock.start()
    await asyncio.sleep(5)
    for clock in clocks:
        await clock.stop()
    assert work.most == 1
    assert work.runs > 50
