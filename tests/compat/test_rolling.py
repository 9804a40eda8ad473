"""A rolling upgrade: the version of before runs on while the schema becomes the new one under it, and the new
version goes on with what the old one left."""

from __future__ import annotations

import asyncio
import signal
from itertools import count
from pathlib import Path

import pytest

from storage import schema
from tests.compat.base import BASES, migration, unpacked
from tests.databases import on_postgresql
from tests.faults.site import ALUMNI, Replica, Site, around
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
        await site.finds(lambda: welcomes(site, "sent") == 3)
        await works(site, "b2")
        new.signals(signal.SIGTERM)
        code, told = await new.ended()
        assert (code, "Traceback" in told) == (0, False), told


# --- several replicas on a server ---------------------------------------------------------------------------


def reached(mark: str) -> list[str]:
    """Who gets a message: the one who joined, and the two others."""
    return [mark, f"m{mark}-0", f"m{mark}-1"]


TOLD = pytest.param(signal.SIGTERM, id="told to")
KILLED = pytest.param(signal.SIGKILL, id="killed", marks=pytest.mark.long)


async def traffic(site: Site, over: asyncio.Event) -> list[str]:
    """Somebody joins, two others are written to, and again, until it is over; the marks of all of it."""
    for number in count():
        mark = f"t{number}"
        RECEIVE.before(site, mark)
        write_to(site, f"m{mark}", 2, known=True)
        await RECEIVE.goes(site, mark)
        await site.finds(lambda: all(read_by(site, who) for who in reached(mark)))  # noqa: B023 - asked here
        if over.is_set():
            return [f"t{done}" for done in range(number + 1)]
    raise AssertionError


async def goes(site: Site, replica: Replica, how: int) -> None:
    """An old process ends: told to, or killed."""
    if how == signal.SIGKILL:
        await site.kill(replica)
        site.expire()
        return
    replica.signals(how)
    code, told = await replica.ended()
    assert (code, "Traceback" in told) == (0, False), told


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
            marks = await going
            await site.finds(lambda: site.unsent() == 0)
            for replica in new:
                await goes(site, replica, signal.SIGTERM)
            for mark in marks:
                assert RECEIVE.effects(site, mark) == {"joined": 1, "tied": 1}
                assert [read_by(site, who) for who in reached(mark)] == [1, 1, 1], mark
