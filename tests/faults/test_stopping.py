"""SIGTERM in the middle of something: not ready any more, what is under way is finished, exit 0; for as long
as a load balancer needs to see it, whoever asks is still answered."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest

from tests.faults.between import HOST
from tests.faults.site import ALUMNI, Replica, Site, a_site, serve
from tests.faults.steps import read_by, write_to


async def ends_well(site: Site, replica: Replica) -> None:
    """It was told to go: nobody gets in, it logs no bug, its code is 0."""
    code, told = await replica.ended()
    assert (code, "Traceback" in told) == (0, False), told
    assert await site.status(replica) == 0
    assert site.count("leases WHERE until > 0") == 0, "leases are given back"


async def is_told(site: Site, replica: Replica) -> None:
    """SIGTERM; from then on it is not ready, and still there."""
    replica.signals(signal.SIGTERM)

    async def closed() -> bool:
        return await site.status(replica) != 200

    await site.until(closed)
    assert replica.lives


@asynccontextmanager
async def a_send(site: Site) -> AsyncIterator[None]:
    """Slack has a message in hand, and takes it once we are stopping."""
    kept = site.slack.faults.keep("chat.postMessage")
    write_to(site, "s", 1, known=True)
    await asyncio.wait_for(kept.arrived.wait(), 25)
    yield
    assert read_by(site, "s-0") == 0
    kept.go.set()


@asynccontextmanager
async def a_sweep(site: Site) -> AsyncIterator[None]:
    """Sweeps wait for the database until we are stopping."""
    with site.locked("leases"):
        await asyncio.sleep(1.2)
        yield


@asynccontextmanager
async def a_slow_command(site: Site) -> AsyncIterator[None]:
    """Somebody typed something, and is answered although we are stopping: at once, or after the ack where it
    took too long."""
    user = site.slack.add_person(ALUMNI, name="新人", email="new@home.example.jp")
    with nullcontext() if site.kind == "sqlite" else site.locked("inbox"):
        typed = asyncio.ensure_future(site.slack.types(ALUMNI, user, "/alumni join WRONG"))
        await asyncio.sleep(0.4)  # it is in its transaction, which cannot be seen from here
        yield
    delivery = await typed
    assert delivery.ok

    def answered() -> bool:
        told = [delivery.body, *(one.blocks for one in site.slack.messages(ALUMNI, user))]
        return "コード" in json.dumps(told, ensure_ascii=False)

    await site.finds(answered)


async def test_told_to_stop_it_finishes_what_is_under_way(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        replica = await site.start()
        async with a_send(site), a_slow_command(site), a_sweep(site):
            await is_told(site, replica)
        await ends_well(site, replica)
        assert read_by(site, "s-0") == 1
        assert site.count("outbox WHERE kind = 'test.s' AND status = 'sent'") == 1


async def hindrances(site: Site, replica: Replica) -> tuple[int, list[str]]:
    """What `/readyz` answers."""
    async with site.http.get(f"http://{HOST}:{replica.port}/readyz") as answer:
        return answer.status, (await answer.json())["hindrances"]


@pytest.mark.long
async def test_while_it_stops_it_says_so_and_still_answers_but_begins_nothing(tmp_path: Path) -> None:
    async with a_site(tmp_path, stop_grace="6") as site:
        user = site.slack.add_person(ALUMNI, name="新人", email="new@home.example.jp")
        replica = await site.start()
        replica.signals(signal.SIGTERM)
        said = [(200, list[str]())]

        async def tells() -> bool:
            said.append(await hindrances(site, replica))
            return said[-1] != said[0]

        await site.until(tells)
        assert said[-1] == (503, ["stopping"])
        write_to(site, "s", 1, known=True)
        replica.signals(signal.SIGTERM)
        delivery = await site.slack.types(ALUMNI, user, "/alumni join WRONG")
        assert delivery.ok
        assert "コード" in json.dumps(delivery.body, ensure_ascii=False)
        assert await hindrances(site, replica) == (503, ["stopping"])
        await ends_well(site, replica)
        assert (read_by(site, "s-0"), site.unsent()) == (0, 1), "left to others, or to the next start"


async def test_a_step_of_stopping_that_fails_keeps_no_other_back(tmp_path: Path) -> None:
    async with a_site(tmp_path, stop_grace="0") as site:
        replica = await site.start()
        site.sql("ALTER TABLE erasures RENAME TO away")
        replica.signals(signal.SIGTERM)
        code, told = await replica.ended()
        lines = [json.loads(line) for line in told.splitlines()]
        failed = [line["step"] for line in lines if line["event"] == "stop_failed"]
        assert (code, failed, lines[-1]["event"]) == (1, ["erasures"], "stopped")
        assert site.count("leases WHERE until > 0") == 0


async def test_wrong_settings_are_all_told_at_once() -> None:
    wrong = {
        "OKAERI_CONTACT_EMAIL": "nobody", "OKAERI_PORT": "0", "OKAERI_TIMEZONE": "Mars/Base",
        "OKAERI_SECRET_KEY": "x", "OKAERI_SLACK_COMPANY_APP_ID": "A1", "OKAERI_SMTP_URL": "http://mail",
        "OKAERI_OWNERS": "somebody",
        "OKAERI_METRICS_BIND": "9464", "OKAERI_STOP_GRACE": "soon",
    }  # fmt: skip
    code, told = await Replica(await serve(wrong), 0).ended()
    assert code == 78
    for name in (*wrong, "OKAERI_COMPANY_NAME", "OKAERI_MAIL_FROM",
                 "OKAERI_SLACK_COMPANY_SIGNING_SECRET", "OKAERI_SLACK_COMPANY_BOT_TOKEN"):  # fmt: skip
        if name != "OKAERI_SLACK_COMPANY_APP_ID":
            assert name in told, name
    assert "Traceback" not in told
    code, told = await Replica(await serve({"OKAERI_PORT": "many", "OKAERI_LOCALE": "fr"}), 0).ended()
    assert code == 78
    assert {"OKAERI_PORT", "OKAERI_LOCALE"} <= {line.split(":")[0].strip() for line in told.splitlines()}
