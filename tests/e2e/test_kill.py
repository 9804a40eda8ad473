"""A real `okaeri serve` that is killed in the middle of what it does, told to stop, or set up wrongly."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from adapters.playground.local_slack import LocalSlack
from adapters.playground.mailbox import Mailbox
from bot.clock import Clock
from bot.conversation import Address, Card, Paragraph, Platform, Side, t
from bot.notices import take_notice
from bot.playground import TEAMS, neighbours, settings_for
from bot.settings import Settings
from bot.wire import dump_card
from storage import accounts, consents, leavers, outbox, people, schema
from storage.consents import Decision, Purpose, Said
from storage.engine import Database, Tx, now
from storage.leavers import Leaver, Stage
from storage.outbox import Draft, Route
from tests.desk import notice
from tests.world import free_port

ROOT = Path(__file__).parents[2]
ALUMNI = TEAMS[Side.ALUMNI]
SLOW = "SELECT count(*) FROM pebbles a, pebbles b, pebbles c"
"""Keeps a transaction open for some ten seconds."""


@dataclass
class Site:
    """A folder with a database, the neighbours of the house, and the house as a process."""

    settings: Settings
    slack: LocalSlack
    mailbox: Mailbox
    database: Database
    http: aiohttp.ClientSession
    process: asyncio.subprocess.Process | None = None
    said: list[str] = field(default_factory=list)

    @property
    def file(self) -> str:
        """The database file."""
        return self.settings.database_url.removeprefix("sqlite:///")

    def does(self, fn: Callable[[Tx], Any]) -> Any:
        """Write, as another process."""
        return self.database.run_now(fn)

    def sql(self, *statements: str) -> list[Any]:
        """Statements on the file itself; the rows of the last one."""
        with sqlite3.connect(self.file, timeout=10) as connection:
            return [connection.execute(one).fetchall() for one in statements][-1]

    async def start(self) -> None:
        """Start `okaeri serve` and wait until it is ready."""
        self.process = await serve(environment(self.settings))
        await self.until(self._ready)

    async def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, await self.process.communicate()
        with suppress(aiohttp.ClientError):
            async with self.http.get(f"{self.settings.base_url}/readyz") as answer:
                return answer.status == 200
        return False

    async def until(self, true: Callable[[], Awaitable[bool]], seconds: float = 15.0) -> None:
        """Wait for something."""
        ends = time.monotonic() + seconds
        while not await true():
            assert time.monotonic() < ends, "it never came"
            await asyncio.sleep(0.05)

    async def counted(self, query: str, wanted: int) -> None:
        """Wait until a query counts so many."""

        async def there() -> bool:
            return bool(self.sql(query)[0][0] == wanted)

        await self.until(there)

    async def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    @contextmanager
    def dragging(self, when: str) -> Iterator[None]:
        """From now on a kind of change takes so long that the process can be killed in the middle of it."""
        self.sql(f"CREATE TRIGGER drags {when} BEGIN {SLOW}; END")
        yield
        self.sql("DROP TRIGGER drags")
        self.sql(
            "UPDATE leases SET until = 0", "UPDATE outbox SET next_try = 0", "UPDATE inbox SET next_try = 0"
        )

    async def in_the_middle(self) -> None:
        """Wait until a transaction has been open for a while."""
        seen = 0
        while seen < 4:
            seen = seen + 1 if self._locked() else 0
            await asyncio.sleep(0.1)

    def _locked(self) -> bool:
        connection = sqlite3.connect(self.file, timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        except sqlite3.OperationalError:
            return True
        finally:
            connection.close()
        return False


def environment(settings: Settings) -> dict[str, str]:
    """The settings as an operator sets them."""
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    plain = {n: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for n, v in values.items()}
    return {f"OKAERI_{name.upper()}": value for name, value in plain.items()}


async def serve(variables: dict[str, str]) -> asyncio.subprocess.Process:
    """`okaeri serve` as a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "serve",
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **variables}, cwd="/",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@asynccontextmanager
async def a_site(folder: Path) -> AsyncIterator[Site]:
    """Everything but the process."""
    clock = Clock()
    mailbox = Mailbox(clock.wire)
    await mailbox.start()
    slack = LocalSlack(clock.wire, retry_delays=(0.0, 0.2, 0.5))
    server = TestServer(_mounted(slack))
    await server.start_server()
    local = str(server.make_url("/local-slack"))
    slack.base_url = local
    changes = {
        "slack_api_url": f"{local}/api/",
        "owners": f"slack:{TEAMS[Side.COMPANY]}:U0OWNER",
        "enrol_at": "18:00:00",
    }
    settings = settings_for(folder, free_port(), mailbox.port, **changes)
    schema.upgrade(settings.database_url)
    neighbours(settings, slack)
    database = Database(settings.database_url, settings.vault(), clock)
    async with aiohttp.ClientSession() as http:
        site = Site(settings, slack, mailbox, database, http)
        site.sql("CREATE TABLE pebbles (x)", f"INSERT INTO pebbles VALUES {','.join(['(1)'] * 600)}")
        try:
            yield site
        finally:
            if site.process is not None and site.process.returncode is None:
                await site.kill()
            database.close()
            await slack.close()
            await server.close()
            await mailbox.stop()


def _mounted(slack: LocalSlack) -> Any:
    app = aiohttp.web.Application()
    app.add_subapp("/local-slack/", slack.web_api())
    return app


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with a_site(tmp_path) as made:
        yield made


def _enrolled(tx: Tx) -> None:
    person = people.add(tx, "髙橋 愛子")
    people.set_private_email(tx, person, "aiko@home.example.jp")
    person.private_email_proven_at = now(tx)
    leaver = Leaver(
        person_id=person.id, entity="", employee_number="E9", stint=1, source="csv", notice="",
        last_day=now(tx).date() - timedelta(days=1), leaving_type="resignation", stage=Stage.ENROLLED,
    )  # fmt: skip
    leavers.add(tx, leaver)
    consents.record(tx, person.id, Decision.GIVEN, Said("ja", "slack"))


def _member_with_a_letter(tx: Tx, user: str) -> None:
    person = people.add(tx, "佐藤 健")
    accounts.tie(tx, Address(Platform.SLACK, ALUMNI, user), Side.ALUMNI, person, "code")
    card = dump_card(Card(t("checkin.title"), (Paragraph(t("checkin.how_now")),), t("common.notice")))
    outbox.put(tx, Draft("test.letter", card, Purpose.ASKING, Route.ALUMNI_CHAT, "letter", person.id))


async def test_killed_in_the_middle_of_anything_each_effect_comes_once(site: Site) -> None:
    # an event that was acknowledged, whose effect was under way
    site.does(_enrolled)
    await site.start()
    with site.dragging("BEFORE UPDATE OF done_at ON inbox"):
        await site.slack.joins(ALUMNI, name="髙橋 愛子", email="aiko@home.example.jp", email_confirmed=True)
        assert site.slack.deliveries()[-1].ok
        await site.in_the_middle()
        await site.kill()
    assert site.sql("SELECT count(*) FROM journal WHERE what = 'person.joined'") == [(0,)]

    # a message that Slack had accepted, not yet marked as sent
    user = site.slack.add_person(ALUMNI, name="佐藤 健", email="ken@home.example.jp")
    site.does(lambda tx: _member_with_a_letter(tx, user))
    with site.dragging("BEFORE UPDATE OF remote ON outbox WHEN NEW.kind = 'test.letter'"):
        await site.start()
        await site.until(lambda: _seen(site, user))
        await site.in_the_middle()
        await site.kill()
    assert site.sql("SELECT status FROM outbox WHERE kind = 'test.letter'") == [("sending",)]

    # a sweep
    soon = date.fromordinal(now_day(site) + 10)
    site.does(
        lambda tx: take_notice(
            tx, notice(last_day=soon.isoformat(), last_working_day=soon), site.settings.policy()
        )
    )
    site.sql("UPDATE leavers SET ask_at = '2020-01-01 00:00:00.000000' WHERE stage = 'announced'")
    with site.dragging("AFTER INSERT ON outbox WHEN NEW.kind = 'welcome.question'"):
        await site.start()
        await site.in_the_middle()
        await site.kill()
    assert site.sql("SELECT count(*) FROM outbox WHERE kind = 'welcome.question'") == [(0,)]

    await site.start()
    await site.counted("SELECT count(*) FROM journal WHERE what = 'person.joined'", 1)
    await site.counted("SELECT count(*) FROM outbox WHERE kind = 'test.letter' AND status = 'sent'", 1)
    await site.counted("SELECT count(*) FROM journal WHERE what = 'leaver.asked'", 1)
    await site.counted("SELECT count(*) FROM outbox WHERE kind = 'welcome.question' AND status = 'sent'", 1)
    assert len([one for one in site.slack.messages(ALUMNI, user) if one.by_bot]) == 1
    assert len(site.mailbox.mails("e1@minato.example.jp")) == 1
    assert site.sql("SELECT count(*) FROM inbox WHERE done_at IS NULL") == [(0,)]


async def _seen(site: Site, user: str) -> bool:
    return any(one.by_bot for one in site.slack.messages(ALUMNI, user))


def now_day(site: Site) -> int:
    """Today as an ordinal."""
    return site.database.clock.now().date().toordinal()


async def test_told_to_stop_it_answers_what_is_under_way_and_goes(site: Site) -> None:
    user = site.slack.add_person(ALUMNI, name="新人", email="new@home.example.jp")
    await site.start()
    assert site.process is not None
    other = sqlite3.connect(site.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    typed = asyncio.ensure_future(site.slack.types(ALUMNI, user, "/alumni join WRONG"))
    await asyncio.sleep(0.4)
    site.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.4)
    with pytest.raises(aiohttp.ClientConnectorError):
        await site.http.get(f"{site.settings.base_url}/readyz")
    other.rollback()
    other.close()
    delivery = await typed
    assert delivery.ok
    assert "コード" in json.dumps(delivery.body, ensure_ascii=False)
    _, errors = await asyncio.wait_for(site.process.communicate(), 10)
    assert site.process.returncode == 0, errors
    assert b"Traceback" not in errors


async def test_wrong_settings_are_all_told_at_once() -> None:
    wrong = {
        "OKAERI_CONTACT_EMAIL": "nobody", "OKAERI_PORT": "0", "OKAERI_TIMEZONE": "Mars/Base",
        "OKAERI_SECRET_KEY": "x", "OKAERI_SLACK_COMPANY_APP_ID": "A1", "OKAERI_SMTP_URL": "http://mail",
        "OKAERI_OWNERS": "somebody",
        "OKAERI_METRICS_BIND": "9464",
    }  # fmt: skip
    process = await serve(wrong)
    out, errors = await process.communicate()
    assert (process.returncode, out) == (78, b"")
    told = errors.decode()
    for name in (*wrong, "OKAERI_COMPANY_NAME", "OKAERI_MAIL_FROM",
                 "OKAERI_SLACK_COMPANY_SIGNING_SECRET", "OKAERI_SLACK_COMPANY_BOT_TOKEN"):  # fmt: skip
        if name != "OKAERI_SLACK_COMPANY_APP_ID":
            assert name in told, name
    assert "Traceback" not in told
    badly = await serve({"OKAERI_PORT": "many", "OKAERI_LOCALE": "fr"})
    _, errors = await badly.communicate()
    assert badly.returncode == 78
    assert {"OKAERI_PORT", "OKAERI_LOCALE"} <= {
        line.split(":")[0].strip() for line in errors.decode().splitlines()
    }
