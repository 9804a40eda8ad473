"""kill -9 at every step of receiving, enrolling, sweeping, importing, delivering: each effect comes once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.site import Site, a_site
from tests.faults.steps import AFTER_THE_MAIL, ASKING, SHORT, STEPS, Step


async def dies_at(site: Site, step: Step, mark: str) -> None:
    """A process that comes to a step and is killed there."""
    step.scene.before(site, mark)
    async with step.trap(site) as springs:
        replica = await site.start()
        goes = asyncio.create_task(step.scene.goes(site, mark))
        await springs(replica)
        await goes
    site.expire()


async def comes_back(site: Site, steps: dict[str, Step]) -> dict[str, int]:
    """Another process goes on; Slack tells again of what nobody acknowledged. How often each effect is
    there once everything has come to rest."""
    await site.start()
    for mark, step in steps.items():
        await step.scene.goes(site, mark)

    def effects() -> dict[str, int]:
        return {
            f"{mark} {what}": number
            for mark, step in steps.items()
            for what, number in step.scene.effects(site, mark).items()
        }

    def rests() -> bool:
        return not site.unsent() and not site.count("inbox WHERE done_at IS NULL") and all(effects().values())

    try:
        await site.finds(rests)
    except AssertionError:
        print(effects(), site.sql("SELECT kind, status, attempts, reason FROM outbox"))
    return effects()


async def test_a_process_that_is_killed_in_the_middle_of_anything(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        steps = {f"e{number}": step for number, step in enumerate(SHORT)}
        for mark, step in steps.items():
            await dies_at(site, step, mark)
        found = await comes_back(site, steps)
        figures.note("kill -9, one of each", site.kind, faults=len(steps), **figures.count(found))


@pytest.mark.long
async def test_two_processes_that_are_killed_one_after_the_other(tmp_path: Path) -> None:
    """The second while it asks what became of the first one's messages."""
    async with a_site(tmp_path) as site:
        before = next(step for step in STEPS if str(step) == "deliver: done by Slack, not answered")
        await dies_at(site, before, "e1")
        await dies_at(site, ASKING, "e1")
        found = await comes_back(site, {"e1": ASKING})
        figures.note("kill -9, asking", site.kind, faults=2, **figures.count(found))


@pytest.mark.long
async def test_a_mail_that_left_but_was_not_marked_comes_again_under_the_same_id(tmp_path: Path) -> None:
    """As docs/operations.md says of the way; everything else that it belongs to is there once."""
    async with a_site(tmp_path) as site:
        await dies_at(site, AFTER_THE_MAIL, "e1")
        (before,) = site.mailbox.mails("e1@home.example.jp")
        found = await comes_back(site, {"e1": AFTER_THE_MAIL})
        assert found == {"e1 enrolled": 1, "e1 queued": 1, "e1 mailed": 2}
        again = site.mailbox.mails("e1@home.example.jp")[1]
        assert again.headers["Message-ID"] == before.headers["Message-ID"]
        figures.note("kill -9 after a mail", site.kind, faults=1, doubled=1, known=1)


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS, ids=str)
async def test_a_process_that_is_killed_at_every_step(tmp_path: Path, step: Step) -> None:
    async with a_site(tmp_path) as site:
        await dies_at(site, step, "e1")
        found = await comes_back(site, {"e1": step})
        figures.note(f"kill -9, {step.scene.name}", site.kind, faults=1, **figures.count(found))
