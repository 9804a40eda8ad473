"""Who runs a sweep, or carries a message, is killed or stands still for longer than its lease: somebody else
takes over in time, and nothing happens twice when it wakes up."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from jobs.schedule import LEASE
from storage import delivering
from storage.engine import file_of
from tests.faults import figures
from tests.faults.site import Replica, Site, a_site
from tests.faults.steps import ENROL, read_by, write_to

ENROLMENT_EVERY, RESCUE_EVERY = 20.0, 60.0
STARTS = 15.0
"""Seconds that a machine with other things to do may take for everything else."""


@asynccontextmanager
async def standing_still(site: Site, replica: Replica) -> AsyncIterator[None]:
    """SIGSTOP until the end of the block, then SIGCONT. Not in the middle of writing a file, which would keep
    everybody else from it, nor while a server waits for the rest of a statement (`docs/operations.md`)."""
    with no_writer(site):
        replica.signals(signal.SIGSTOP)
    while site.kind == "postgresql" and await half_asked(site):
        replica.signals(signal.SIGCONT)
        await asyncio.sleep(0.1)
        replica.signals(signal.SIGSTOP)
    try:
        yield
    finally:
        replica.signals(signal.SIGCONT)


async def half_asked(site: Site) -> bool:
    """Whether the server has for a while been waiting for the rest of what somebody asks."""
    await asyncio.sleep(0.3)
    waits = "state = 'active' AND wait_event = 'ClientRead' AND datname = current_database()"
    return site.count(f"pg_stat_activity WHERE {waits} AND now() - state_change > interval '0.2 s'") > 0


@contextmanager
def no_writer(site: Site) -> Iterator[None]:
    """In the block nobody else writes the file; on a server anybody may."""
    with nullcontext() if site.kind == "postgresql" else site.locked(""):
        yield


async def carried(site: Site, kind: str, count: int = 1, seconds: float = 60.0) -> None:
    """Wait until messages are marked as sent."""
    await site.finds(
        lambda: site.count(f"outbox WHERE kind = '{kind}' AND status = 'sent'") == count, seconds
    )


async def rests(site: Site, replica: Replica, kind: str) -> None:
    """Who was asleep is awake, and has come to the end of what it was doing."""

    def ended() -> bool:
        return not site.unsent() and site.count(f"outbox WHERE kind = '{kind}' AND status = 'sent'") > 0

    await site.until(lambda: site.ready(replica))
    await site.finds(ended, 60)
    await asyncio.sleep(2)  # whatever it still had in hand would be out by now


async def test_who_slept_while_slack_was_asked_sends_nothing_more(tmp_path: Path) -> None:
    """It sleeps until its call has timed out, which is long before its lease does: that end is put nearer."""
    async with a_site(tmp_path) as site:
        kept = site.slack.faults.keep("conversations.open")
        write_to(site, "l", 1)
        sleeper = await site.start()
        await asyncio.wait_for(kept.arrived.wait(), 25)
        slept = time.monotonic()
        async with standing_still(site, sleeper):
            site.expire()
            other = await site.start()
            await carried(site, "test.l")
            kept.go.set()
            await asyncio.sleep(max(0.0, slept + 12.0 - time.monotonic()))
        await rests(site, sleeper, "test.l")
        await site.kill(other)
        figures.note("SIGSTOP", site.kind, faults=1, **figures.count({"read": read_by(site, "l-0")}))


def stopped_at_the_claim(site: Site, replica: Replica) -> threading.Thread:
    """Stops a process as soon as it has committed a claim. In a file that is watched as closely as can be; on
    a server the process stands still while its COMMIT is on its way."""

    def watches() -> None:
        file = file_of(site.settings.database_url) or ""
        with closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as connection:
            while not connection.execute("SELECT 1 FROM outbox WHERE status = 'sending'").fetchone():
                pass
            os.kill(replica.process.pid, signal.SIGSTOP)

    def waits() -> None:
        committing = "pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        while not site.count(committing):
            time.sleep(0.01)
        os.kill(replica.process.pid, signal.SIGSTOP)

    if site.kind == "postgresql":
        site.sql(
            "CREATE FUNCTION lingers() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_sleep(3); RETURN NULL; END'",
            "CREATE CONSTRAINT TRIGGER lingers AFTER UPDATE ON outbox DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW WHEN (NEW.status = 'sending' AND NEW.kind LIKE 'test.%')"
            " EXECUTE FUNCTION lingers()",
        )
    thread = threading.Thread(target=waits if site.kind == "postgresql" else watches)
    thread.start()
    return thread


@pytest.mark.long
async def test_who_slept_between_the_claim_and_slack_for_longer_than_its_lease(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        sleeper = await site.start()
        watching = stopped_at_the_claim(site, sleeper)
        write_to(site, "l", 1, known=True)
        await asyncio.to_thread(watching.join, 30)
        try:
            await site.finds(lambda: site.count("outbox WHERE status = 'sending'") == 1)
            await asyncio.sleep(delivering.LEASE + 1)
            if site.kind == "postgresql":
                site.sql("DROP TRIGGER lingers ON outbox")
            await site.start()
            await carried(site, "test.l", seconds=LEASE + RESCUE_EVERY)
        finally:
            sleeper.signals(signal.SIGCONT)
        await rests(site, sleeper, "test.l")
        figures.note("SIGSTOP", site.kind, faults=1, **figures.count({"read": read_by(site, "l-0")}))


@pytest.mark.long
async def test_a_leader_that_is_killed_is_followed_within_lease_and_period(tmp_path: Path) -> None:
    """On SQLite the process that is started again; on a server one that runs already."""
    async with a_site(tmp_path) as site:
        ENROL.before(site, "e1")
        with site.dragging("AFTER UPDATE OF stage ON leavers | NEW.stage = 'enrolled'"):
            leader = await site.start()
            await site.in_the_middle()
            if site.kind == "postgresql":
                await site.start()
            await site.kill(leader)
        since = time.monotonic()
        if site.kind == "sqlite":
            await site.start()
        await site.finds(
            lambda: all(ENROL.effects(site, "e1").values()), LEASE + ENROLMENT_EVERY + 2 * STARTS
        )
        lasted = time.monotonic() - since
        assert lasted <= LEASE + ENROLMENT_EVERY + STARTS
        found = figures.count(ENROL.effects(site, "e1"))
        figures.note("kill -9 of a leader", site.kind, faults=1, **found)


MIDDLE = {
    "taking its lease": "AFTER UPDATE OF until ON leases | NEW.name = 'enrolment'",
    "at the stage": "AFTER UPDATE OF stage ON leavers | NEW.stage = 'enrolled'",
    "at the journal": "AFTER INSERT ON journal | NEW.what = 'leaver.enrolled'",
    "after the mail's row": "AFTER INSERT ON outbox | NEW.kind = 'welcome.invitation'",
    "giving its lease back": "BEFORE UPDATE OF ended_well ON leases | NEW.name = 'enrolment'",
}
ENDED = ("server_gone", "leases_failed", "job_failed")
"""What a process says of that: it finds the line cut, or first that its own time for an answer is over."""
LINGERS = 4.0
"""Seconds that a statement takes in which a process is stopped; then the server waits for its next word."""


async def stands_still_in_its_sweep(folder: Path, where: str, lease: float) -> None:
    """A leader is stopped in a transaction of its own sweep, another goes on when its lease is over, it wakes
    up: each effect once.

    Only on a server, which ends a transaction of which nobody asks anything more; a file stays locked until
    the process goes on (`docs/operations.md`).
    """
    async with a_site(folder, on_server=True) as site:
        ENROL.before(site, "e1")
        site.sql(
            "CREATE OR REPLACE FUNCTION drags() RETURNS trigger LANGUAGE plpgsql AS"
            f" 'BEGIN PERFORM pg_sleep({LINGERS}); RETURN NEW; END'"
        )
        site.mailbox.defer.add("e1@home.example.jp")  # what left unmarked would be sent again
        with site.dragging(MIDDLE[where]):
            leader = await site.start()
            await site.in_the_middle()
            async with standing_still(site, leader):
                await asyncio.sleep(lease)
                if not lease:
                    site.expire()
                site.mailbox.defer.clear()
                await site.start()
                await site.finds(lambda: all(ENROL.effects(site, "e1").values()), 90)
            await rests(site, leader, "welcome.invitation")
        leader.signals(signal.SIGTERM)
        code, told = await leader.ended()
        assert code == 0, told
        assert any(one in told for one in ENDED), "its transaction was ended under its hands"
        found = figures.count(ENROL.effects(site, "e1"))
        figures.note("SIGSTOP in a sweep", site.kind, faults=1, **found)


@pytest.mark.long
async def test_a_leader_that_stands_still_in_the_middle_of_its_own_sweep(tmp_path: Path) -> None:
    await stands_still_in_its_sweep(tmp_path, "at the stage", lease=0.0)


@pytest.mark.long
@pytest.mark.parametrize("where", MIDDLE)
async def test_a_leader_that_stands_still_anywhere_in_its_own_sweep_until_its_lease_is_over(
    tmp_path: Path, where: str
) -> None:
    await stands_still_in_its_sweep(tmp_path, where, lease=LEASE + 1)


@pytest.mark.long
async def test_a_leader_that_stands_still_for_longer_than_its_lease(tmp_path: Path) -> None:
    """It holds the lease of the sweep of accounts, and waits for Slack; another one sweeps meanwhile."""
    async with a_site(tmp_path) as site:
        sleeper = await site.start()
        ENROL.before(site, "e1")
        write_to(site, "l", 3)
        await asyncio.sleep(0.5)
        async with standing_still(site, sleeper):
            await asyncio.sleep(LEASE + 1)
            other = await site.start()
            await carried(site, "test.l", 3)
            await site.finds(lambda: all(ENROL.effects(site, "e1").values()), 60)
        await rests(site, sleeper, "test.l")
        await site.until(lambda: site.ready(other))
        effects = {f"read by {n}": read_by(site, f"l-{n}") for n in range(3)} | ENROL.effects(site, "e1")
        figures.note("SIGSTOP", site.kind, faults=1, **figures.count(effects))
