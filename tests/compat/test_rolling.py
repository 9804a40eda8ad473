"""A rolling upgrade: the version of before runs on while the schema becomes the new one under it, and the new
version goes on with what the old one left."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from storage import schema
from tests.compat.base import BASES, migration, unpacked
from tests.databases import on_postgresql
from tests.faults.site import ALUMNI, PATIENCE, Replica, Site, around
from tests.faults.steps import RECEIVE, read_by, write_to


@pytest.mark.parametrize("base", BASES)
def test_the_migration_beside_the_commit_is_its_newest(tmp_path: Path, base: str) -> None:
    names = (unpacked(tmp_path, base) / "storage" / "migrations" / "versions").glob("[0-9]*.py")
    assert max(path.name.partition("_")[0] for path in names) == migration(base)


def welcomes(site: Site, status: str) -> int:
    """How many of those who joined stand so with their welcome."""
    return site.count(f"outbox WHERE kind = 'join.welcome' AND status = '{status}'")


async def works(site: Site, mark: str) -> None:
    """Traffic: somebody joins, asks for help, and gets a message."""
    RECEIVE.before(site, mark)
    await RECEIVE.goes(site, mark)
    joined = site.slack.people(ALUMNI)[-1].user
    write_to(site, f"m{mark}", 2)
    asked = await site.slack.types(ALUMNI, joined, "/alumni help")
    assert asked.ok
    assert "okaeri" in str(asked.body).lower() or "alumni" in str(asked.body)

    def done() -> bool:
        read = [read_by(site, f"m{mark}-{n}") for n in range(2)]
        return read == [1, 1] and set(RECEIVE.effects(site, mark).values()) == {1}

    await site.finds(done)


async def test_the_old_code_runs_on_the_new_schema_and_the_new_goes_on(tmp_path: Path) -> None:
    old_code, before = unpacked(tmp_path / "old", "BASE"), migration("BASE")
    async with around(tmp_path, f"sqlite:///{tmp_path}/okaeri.db", {}) as site:
        old = await site.start(old_code)
        assert schema.revision(site.settings.database_url) == before
        schema.upgrade(site.settings.database_url)
        assert schema.revision(site.settings.database_url) > before
        await works(site, "a1")

        await site.finds(lambda: welcomes(site, "sent") == 1)
        # what the old version queued and could not deliver
        site.slack.faults.fail("*", "service_unavailable", times=500)
        for mark in ("a2", "a3"):
            RECEIVE.before(site, mark)
            await RECEIVE.goes(site, mark)
        await site.finds(lambda: welcomes(site, "pending") == 2)
        new = await site.start()
        old.signals(signal.SIGTERM)
        assert (await old.ended())[0] == 0
        site.slack.faults.clear()
        site.sql("DELETE FROM pace")  # Slack is asked again at once
        site.expire()
        await site.finds(
            lambda: welcomes(site, "sent") == 3, 3 * PATIENCE
        )  # a process leaves it alone for 30 s
        await works(site, "b2")
        new.signals(signal.SIGTERM)
        code, told = await new.ended()
        assert (code, "Traceback" in told) == (0, False), told


# --- several replicas on a server ---------------------------------------------------------------------------


TOLD = pytest.param(signal.SIGTERM, id="told to")
KILLED = pytest.param(signal.SIGKILL, id="killed", marks=pytest.mark.long)


async def traffic(site: Site, over: asyncio.Event) -> list[str]:
    """Somebody joins and, once this code knows the schema, two others are written to, and again, until it is
    over; who is to be reached by all of it."""
    everybody = []
    for number in count():
        mark, others = f"t{number}", [f"mt{number}-{one}" for one in range(2)]
        RECEIVE.before(site, mark)
        if schema.revision(site.settings.database_url) == schema.newest():
            write_to(site, f"m{mark}", 2, known=True)
            everybody += others
        everybody.append(mark)
        await RECEIVE.goes(site, mark)
        await site.finds(partial(_all_read, site, everybody))
        if over.is_set() and len(everybody) > number + 1:
            return everybody
    raise AssertionError


def _all_read(site: Site, everybody: Iterable[str]) -> bool:
    return all(read_by(site, who) for who in everybody)


async def goes(site: Site, replica: Replica, how: int) -> None:
    """An old process ends: told to, or killed."""
    if how == signal.SIGKILL:
        await site.kill(replica)
        site.expire()
        return
    replica.signals(how)
    code, told = await replica.ended()
    assert (code, "Traceback" in told) == (0, False), told


@pytest.mark.long
@pytest.mark.parametrize("how", [TOLD, KILLED])
async def test_replicas_are_replaced_one_by_one_under_traffic(tmp_path: Path, how: int) -> None:
    old_code, over = unpacked(tmp_path / "old", "BASE_SERVER"), asyncio.Event()
    with on_postgresql(migrated=False) as url:
        async with around(tmp_path, url, {}) as site:
            old = [await site.start(old_code), await site.start(old_code)]
            assert schema.revision(url) == migration("BASE_SERVER")
            going = asyncio.create_task(traffic(site, over))
            new = []
            for replica in old:
                new.append(await site.start())
                await goes(site, replica, how)
            assert schema.revision(url) == schema.newest()
            over.set()
            everybody = await going
            await site.finds(lambda: site.unsent() == 0)
            for replica in new:
                await goes(site, replica, signal.SIGTERM)
            for mark in everybody:
                assert read_by(site, mark) == 1, mark
                assert mark.startswith("m") or RECEIVE.effects(site, mark) == {"joined": 1, "tied": 1}
