"""The clock's wiring: fixed sweeps in APScheduler, a lease around every run, and what each run left behind.

APScheduler keeps nothing: memory store, `coalesce`, one instance, no misfire limit. Truth is in our tables, a
job only asks what is due. A run that fails is logged with a code and comes again; it never ends the schedule.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from storage import leases
from storage.engine import Database, Tx

log = structlog.get_logger()
LEASE = 120.0
PATIENCE, CUT = 30.0, 5.0
"""Seconds in which what runs comes to its end once the schedule stops; and in which what is cut off then."""
WATCH, SET_BACK = 1.0, 3.0
"""Seconds between two looks at the clock; and by how many it has fallen behind when it was set back."""


@dataclass(frozen=True, slots=True)
class Job:
    """One sweep: its name, how often it runs in seconds, and what it does; its value says whether it did
    anything. One replica runs it at a time, unless it runs `everywhere`: each process for itself. One that
    goes `on` runs again at once as long as it does anything."""

    name: str
    every: float
    run: Callable[[], Awaitable[bool]]
    everywhere: bool = False
    on: bool = False


class Schedule:
    """Runs jobs by the clock, or all of them at once until nothing is due (`run_until_quiet`)."""

    def __init__(self, database: Database, jobs: Iterable[Job]) -> None:
        self._database = database
        self._jobs = {job.name: job for job in jobs}
        self._holder = secrets.token_hex(8)
        self._running: set[asyncio.Task[Any]] = set()
        self._rung: set[str] = set()
        """Jobs for which a run has been asked that has not begun."""
        self._ended = False
        self._locks = {name: asyncio.Lock() for name in self._jobs}
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": AsyncIOExecutor()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        self.last_success: dict[str, float] = {}
        """When a job last ended well in this process, or it started; seconds since 1970."""
        self._well: dict[str, float] = {}
        """When in steady time all was well with it: it ended well here, or another process had it in hand."""
        self._elsewhere: dict[str, tuple[leases.Held, float]] = {}
        """Whose lease, and since when in steady time: longer than a lease lasts, nobody has it in hand."""
        self._ahead = 0.0
        self._watching: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; every job runs once at once and then at its pace. From now on each can be late."""
        clock = self._database.clock
        self.last_success = dict.fromkeys(self._jobs, clock.wire())
        self._well = dict.fromkeys(self._jobs, clock.steady())
        self._ahead = clock.wire() - clock.steady()
        self._watch()
        for job in self._jobs.values():
            self._scheduler.add_job(self._due, "interval", args=[job.name], seconds=job.every, id=job.name)
            self.wake(job.name)
        self._scheduler.start()

    def wake(self, name: str) -> None:
        """Run a job now, beside its pace; while it runs, once more afterwards, however often it is rung."""
        if name not in self._jobs or self._ended or name in self._rung:
            return
        self._rung.add(name)
        task = asyncio.get_running_loop().create_task(self.run(name))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _watch(self) -> None:
        """APScheduler goes by the machine's clock, and would stand still for as long as that is set back."""
        self._watching = asyncio.get_running_loop().call_later(WATCH, self._watch)
        clock = self._database.clock
        before, self._ahead = self._ahead, clock.wire() - clock.steady()
        if before - self._ahead <= SET_BACK:
            return
        log.warning("clock_set_back", seconds=round(before - self._ahead))
        for job in self._jobs.values():
            self._scheduler.reschedule_job(job.name, trigger="interval", seconds=job.every)
            self.wake(job.name)

    async def _due(self, name: str) -> None:
        """By the clock: as a task of our own, because APScheduler cancels its own at the end, and a job that
        is cancelled while it takes its lease keeps it."""
        if not self._locks[name].locked():
            self.wake(name)

    async def run(self, name: str) -> bool:
        """Run a job under its lease; whether it did anything. Failures are logged, never raised."""
        busy = await self._run((name,), rounds=1) > 0
        if busy and self._jobs[name].on:
            self.wake(name)
        return busy

    async def run_until_quiet(self, rounds: int = 50) -> int:
        """Run all jobs in turn until each found nothing to do since the last that did; how many rounds."""
        return min(rounds, 1 + await self._run(self._jobs, rounds))

    async def _run(self, names: Collection[str], rounds: int) -> int:
        """Run jobs in turn, at most so many rounds; in how many of them something was done."""
        async with AsyncExitStack() as locked:
            for name in names:
                await locked.enter_async_context(self._locks[name])
            self._rung.difference_update(names)  # whoever rings from now on may have come too late for us
            if self._ended:
                return 0
            try:
                return await self._leased(names, rounds)
            except Exception as bug:  # a database that does not answer must not end the schedule
                log.error("leases_failed", error=type(bug).__name__, exc_info=bug)
                return 0

    async def _leased(self, names: Collection[str], rounds: int) -> int:
        """The same, under a lease for each job that this process may run."""
        failed: set[str] = set()
        shared = [name for name in names if not self._jobs[name].everywhere]
        leased, others = list[str](), dict[str, leases.Held]()
        if shared:
            leased, others = await self._database.run(lambda tx: self._taken(tx, shared), guarded=True)
        mine = [name for name in names if self._jobs[name].everywhere or name in leased]
        try:
            busy = await self._in_turn(mine, rounds, failed)
        finally:
            if leased:
                await self._database.run(lambda tx: self._given_back(tx, leased, failed), guarded=True)
        self._note([name for name in mine if name not in failed], others)
        return busy

    def _note(self, ended_well: Collection[str], others: Mapping[str, leases.Held]) -> None:
        """With which jobs all is well: those of this process, and those that another one has in hand."""
        clock = self._database.clock
        at = clock.steady()
        for name, lease in others.items():
            known, since = self._elsewhere.get(name, (None, at))
            self._elsewhere[name] = (lease, since if lease == known else at)
        in_hand = [name for name in others if at - self._elsewhere[name][1] <= LEASE]
        self._well |= dict.fromkeys([*ended_well, *in_hand], at)
        self.last_success |= dict.fromkeys(ended_well, clock.wire())

    def _taken(self, tx: Tx, names: Collection[str]) -> tuple[list[str], dict[str, leases.Held]]:
        """Those that are ours now, and whose the others are."""
        mine = leases.take(tx, names, self._holder, LEASE)
        return mine, leases.held(tx, set(names) - set(mine))

    def _given_back(self, tx: Tx, names: Collection[str], failed: Collection[str]) -> None:
        leases.give_back(tx, names, self._holder, failed)

    async def _in_turn(self, names: list[str], rounds: int, failed: set[str]) -> int:
        idle, last = 0, -1
        for turn in range(rounds * len(names)):
            idle = 0 if await self._tried(names[turn % len(names)], failed) else idle + 1
            last = turn if idle == 0 else last
            if idle == len(names):
                break
        return 1 + last // max(1, len(names))

    async def _tried(self, name: str, failed: set[str]) -> bool:
        """Whether a job did anything; one that failed is logged and noted."""
        try:
            return await self._jobs[name].run()
        except Exception as bug:  # a failing sweep must not end the schedule
            log.error("job_failed", job=name, error=type(bug).__name__, exc_info=bug)
            failed.add(name)
            return False

    def late(self) -> list[str]:
        """Jobs whose last good end lies more than five of their periods (at least 60 s) back."""
        at, well = self._database.clock.steady(), self._well
        return [n for n, job in self._jobs.items() if n in well and at - well[n] > max(60.0, 5 * job.every)]

    async def stop(self, patience: float = PATIENCE) -> None:
        """Let nothing new begin, wait for what runs, then shut down. What has not come to its end in time is
        cut off where it stands, as if the process had been killed there."""
        self._ended = True
        if self._watching is not None:
            self._watching.cancel()
        if self._scheduler.running:
            self._scheduler.pause()
        try:
            async with asyncio.timeout(patience):
                await self._quiet()
        except TimeoutError:
            log.error("jobs_cut_off", jobs=[name for name, lock in self._locks.items() if lock.locked()])
            for task in self._running:
                task.cancel()
            if self._running:
                await asyncio.wait(self._running, timeout=CUT)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _quiet(self) -> None:
        """Wait until no job runs, whoever began it."""
        for lock in self._locks.values():
            async with lock:
                pass
        if self._running:
            await asyncio.wait(self._running)
