"""A rolling upgrade: the version of `BASE` runs on while the schema becomes the new one under it, and the new
version goes on with what the old one left."""

from __future__ import annotations

import signal
from pathlib import Path

from storage import schema
from tests.compat.base import MIGRATION, unpacked
from tests.faults.site import ALUMNI, Site, around
from tests.faults.steps import RECEIVE, read_by, write_to


def test_the_migration_beside_the_commit_is_its_newest(tmp_path: Path) -> None:
    names = (unpacked(tmp_path) / "storage" / "migrations" / "versions").glob("[0-9]*.py")
    assert max(path.name.partition("_")[0] for path in names) == MIGRATION


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
    old_code = unpacked(tmp_path / "old")
    async with around(tmp_path, f"sqlite:///{tmp_path}/okaeri.db", {}) as site:
        old = await site.start(old_code)
        assert schema.revision(site.settings.database_url) == MIGRATION
        schema.upgrade(site.settings.database_url)
        assert schema.revision(site.settings.database_url) > MIGRATION
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
