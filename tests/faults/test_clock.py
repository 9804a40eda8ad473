"""The clock under fire: outages, clocks that are changed, months that end; and a sweep that raises or hangs
is seen from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import generate_latest
from sqlalchemy import text

from adapters.http import metrics_page
from bot.cadence import local_moment
from bot.conversation import Side
from bot.playground import TEAMS, Playground, playing
from bot.policy import Policy
from jobs import checkins, enrolment
from storage import checkins as checkins_table
from storage import consents, outbox, people
from storage.aside import Aside
from storage.consents import Decision, Purpose, Said
from storage.engine import Database, Tx
from storage.leavers import Leaver, Stage
from storage.outbox import Delivery, Draft, Route
from storage.pace import FAR
from tests.databases import empty_database, empty_file
from tests.desk import POLICY, VAULT, Desk, HandClock, notice, tokyo
from tests.jobs.postroom import CARD
from tests.postgres import wanted
from tests.world import free_port

STEP = timedelta(hours=1)


def one_of_them(cases: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Of many alike the first at every run, all in the long one."""
    return [cases[0], *(pytest.param(*case, marks=pytest.mark.long) for case in cases[1:])]


SHIFTS = [
    ("Europe/Berlin", "2026-03-27"),  # the clocks go forward on the 29th
    ("Europe/Berlin", "2026-10-23"),  # and back on the 25th
    ("America/New_York", "2026-03-06"),
    ("America/New_York", "2026-10-30"),
    ("Australia/Lord_Howe", "2026-04-03"),  # by half an hour
    ("Pacific/Kiritimati", "2026-04-30"),  # a day ahead of everybody, over the end of a month
    ("Asia/Tokyo", "2026-12-28"),
]


async def ticks(
    desk: Desk, until: datetime, sweep: Callable[[Database, Policy], Awaitable[bool]]
) -> list[datetime]:
    """A sweep goes by until a moment; when each message came."""
    came: list[datetime] = []
    while desk.clock.now() < until:
        before = len(desk.letters())
        while await sweep(desk.database, desk.policy):
            pass
        came += [desk.clock.now()] * (len(desk.letters()) - before)
        desk.clock.passes(STEP.total_seconds())
    return came


@pytest.mark.parametrize(("zone", "day"), one_of_them(SHIFTS))
@pytest.mark.parametrize("outage", [timedelta(0), timedelta(days=3)], ids=["", "down for three days"])
async def test_one_question_and_one_nudge_whatever_the_clocks_do(
    desk: Desk, zone: str, day: str, outage: timedelta
) -> None:
    due = local_moment(date.fromisoformat(day), time(10), zone)

    def plan(tx: Tx) -> None:
        person = people.add(tx, "田中 愛子", member_from=due, zone=zone)
        consents.record(tx, person.id, Decision.GIVEN, Said("ja", "slack"))
        checkins_table.plan(tx, person.id, due)

    desk.does(plan)
    desk.clock.travel(due - timedelta(hours=2))
    desk.clock.passes(outage.total_seconds())
    came = await ticks(desk, due + outage + timedelta(days=20), checkins.sweep)
    assert len(came) == 2, "one question, one nudge, however long nobody swept"
    for at in (one.astimezone(ZoneInfo(zone)) for one in came):
        assert time(10) <= at.time() < time(18)
    assert timedelta(days=6, hours=22) < came[1] - came[0] < timedelta(days=15)


LAST_DAYS = [
    ("Asia/Tokyo", "2026-03-31", time(18)),
    ("Asia/Tokyo", "2028-02-29", time(18)),
    ("America/New_York", "2026-03-08", time(2, 30)),  # a time that this day does not have
    ("America/New_York", "2026-11-01", time(1, 30)),  # and one that it has twice
    ("Europe/London", "2026-10-25", time(1, 30)),
    ("Pacific/Auckland", "2026-12-31", time(23, 59)),
]


@pytest.mark.parametrize(("zone", "day", "at"), one_of_them(LAST_DAYS))
@pytest.mark.parametrize("outage", [timedelta(0), timedelta(days=3)], ids=["", "down for three days"])
async def test_enrolled_once_on_the_last_day(
    desk: Desk, zone: str, day: str, at: time, outage: timedelta
) -> None:
    policy = replace(POLICY, zone=zone, enrol_at=at)
    desk.policy = policy
    desk.staff()
    last_day = date.fromisoformat(day)
    desk.clock.travel(datetime.combine(last_day - timedelta(days=2), time(0), UTC))
    desk.hears(notice(last_day=day, last_working_day=last_day))

    def consents_to_it(tx: Tx) -> None:
        row = tx.query(Leaver).one()
        row.stage = Stage.CONSENTED
        consents.record(tx, row.person_id, Decision.GIVEN, Said("ja", "slack"))

    desk.does(consents_to_it)
    planned = local_moment(last_day, at, zone)
    await ticks(desk, planned - STEP, enrolment.sweep)
    desk.clock.travel(planned - timedelta(seconds=1))
    await enrolment.sweep(desk.database, policy)
    assert desk.leaver().stage is Stage.CONSENTED, "not before its time"
    desk.clock.passes(outage.total_seconds())
    await ticks(desk, planned + outage + timedelta(days=1), enrolment.sweep)
    row = desk.leaver()
    assert row.stage is Stage.ENROLLED
    assert row.enrolled_at is not None
    late = row.enrolled_at - planned
    assert timedelta(0) <= late <= outage + STEP
    letters = [one for one in desk.letters() if one.person_id == row.person_id]
    assert len({one.dedup for one in letters}) == len(letters)
    assert len(desk.letters("decisions.stuck")) == 1, "told once that no mailbox is proven"


# --- seen from outside ------------------------------------------------------------------------------------


@asynccontextmanager
async def a_house(folder: Path) -> AsyncIterator[tuple[Playground, HandClock]]:
    """A house whose both clocks are set by hand, with its neighbours."""
    clock = HandClock(tokyo("2026-02-02"))
    clock.passes(800_000_000)  # signatures want a wire time of this century
    with empty_database(folder) as url:
        changes = {"database_url": url} if wanted() else {}
        async with playing(folder, free_port(), clock, empty_file(), **changes) as ground:
            await ground.listen()
            yield ground, clock


async def ready(ground: Playground) -> tuple[int, list[str]]:
    """What `/readyz` says."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{ground.port}/readyz") as answer,
    ):
        return answer.status, (await answer.json())["hindrances"]


async def swept(ground: Playground) -> None:
    """Every sweep once."""
    for name in ground.app.schedule.last_success:
        await ground.app.schedule.run(name)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[Playground, HandClock]]:
    async with a_house(tmp_path) as made:
        made[0].app.schedule.start()
        await swept(made[0])
        yield made


async def test_a_sweep_that_raises_is_seen_and_comes_back(house: tuple[Playground, HandClock]) -> None:
    ground, clock = house
    database = ground.app.core.database
    assert await ready(ground) == (200, [])
    database.run_now(lambda tx: tx.execute(text("ALTER TABLE checkins RENAME TO gone")))
    clock.passes(151)
    await swept(ground)
    assert await ready(ground) == (503, ["late: checkins"])
    database.run_now(lambda tx: tx.execute(text("ALTER TABLE gone RENAME TO checkins")))
    await swept(ground)
    assert await ready(ground) == (200, [])


async def test_one_persons_row_keeps_no_house_from_being_ready(
    house: tuple[Playground, HandClock],
) -> None:
    """Somebody whose zone nobody knows, and somebody whose key no ring of ours opens."""
    ground, clock = house
    database = ground.app.core.database

    def plan(tx: Tx) -> None:
        for zone in ("Etc/Unknown", "Asia/Tokyo"):
            person = people.add(tx, "田中 愛子", member_from=clock.now(), zone=zone)
            consents.record(tx, person.id, Decision.GIVEN, Said("ja", "slack"))
            checkins_table.plan(tx, person.id, clock.now())
        tx.get_one(people.PersonKey, person.id).wrapped = VAULT.wrap(bytes(32), f"person_keys:{person.id}")

    database.run_now(plan)
    clock.travel(ground.app.core.policy.opens(clock.now(), "Asia/Tokyo"))
    clock.passes(160)
    await swept(ground)
    assert await ready(ground) == (200, [])
    assert database.run_now(lambda tx: tx.query(Delivery.kind).all(), reads=True) == [("checkin.nudge",)]
    assert sum(Aside.of(database).failures.values()) == 1


async def test_a_sweep_that_hangs_is_seen_and_comes_back(house: tuple[Playground, HandClock]) -> None:
    ground, clock = house
    kept = ground.slack.faults.keep("users.lookupByEmail")
    clock.passes(300)
    hanging = asyncio.create_task(ground.app.schedule.run("staff"))
    with suppress(TimeoutError):
        await asyncio.wait_for(kept.arrived.wait(), 5)
    clock.passes(1501 - 300)
    for name in ground.app.schedule.last_success:
        if name != "staff":
            await ground.app.schedule.run(name)
    assert await ready(ground) == (503, ["late: staff"])
    kept.go.set()
    await hanging
    assert await ready(ground) == (200, [])


async def test_every_sweep_tells_when_it_last_ended_well(house: tuple[Playground, HandClock]) -> None:
    ground, clock = house
    clock.passes(60)
    await ground.app.schedule.run("enrolment")
    told = generate_latest(ground.app.metrics.registry).decode()
    values = dict(line.rsplit(" ", 1) for line in told.splitlines() if line.startswith("okaeri_sweep_"))
    assert float(values['okaeri_sweep_last_success{sweep="enrolment"}']) == clock.wire()
    assert len(values) == len(ground.app.schedule.last_success)
    assert TEAMS[Side.ALUMNI] not in told


async def test_what_waits_is_an_alert_and_takes_nobody_out_of_the_balancer(
    house: tuple[Playground, HandClock],
) -> None:
    """A platform that is away is away for every process."""
    ground, clock = house

    def waits(tx: Tx) -> None:
        row = outbox.put(tx, Draft("test.a", CARD, Purpose.STAFF, Route.STAFF, "1"))
        assert row is not None
        row.next_try = clock.wire() + FAR

    ground.app.core.database.run_now(waits)
    for _ in range(3):
        clock.passes(2300)
        await swept(ground)
    assert await ready(ground) == (200, [])
    async with TestClient(TestServer(metrics_page(ground.app.metrics))) as client:
        told = await (await client.get("/metrics")).text()
    assert 'okaeri_outbox_oldest_seconds{bulk="no"} 6900.0' in told
