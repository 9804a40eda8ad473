"""A house as processes of its own that can be killed, stopped, or told to go; its neighbours; and what stands
between them.

One database (as the run wants it), any number of `okaeri serve`, one front that passes connections to whoever
takes them, a local Slack whose answers can be held back, a mailbox.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from adapters.playground.local_slack import LocalSlack
from adapters.playground.mailbox import Mailbox
from bot.clock import Clock
from bot.conversation import Side
from bot.playground import TEAMS, neighbours, settings_for
from bot.settings import Settings
from storage.engine import Database, Tx, on_server
from tests.databases import empty_database, held
from tests.faults.between import HOST, Answers, Front
from tests.standing import standing
from tests.world import free_port

ROOT = Path(__file__).parents[2]
ALUMNI = TEAMS[Side.ALUMNI]
PATIENCE = 25.0
"""Seconds in which everything that a test waits for comes, on a machine that has other things to do."""
_PEBBLES = 600
_DRAGS = {
    "sqlite": "CREATE TRIGGER drags {when} BEGIN SELECT count(*) FROM pebbles a, pebbles b, pebbles c; END",
    "postgresql": "CREATE TRIGGER drags {when} EXECUTE FUNCTION drags()",
}
"""Keeps a transaction open for many seconds."""
_SLEEPS = (
    "CREATE FUNCTION drags() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END'"
)
_SLEEPING = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"


class Replica:
    """One `okaeri serve`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.port = process, port
        self._told = asyncio.ensure_future(process.communicate())

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    def signals(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def kill(self) -> None:
        """`kill -9`."""
        if self.lives:
            self.process.kill()
        await self._told

    async def ended(self, seconds: float = PATIENCE) -> tuple[int | None, str]:
        """Its exit code and all that it logged, once it is over."""
        _, errors = await asyncio.wait_for(asyncio.shield(self._told), seconds)
        return self.process.returncode, errors.decode()


@dataclass
class Site:
    """A database, the neighbours of the house, and the house as processes."""

    settings: Settings
    slack: LocalSlack
    mailbox: Mailbox
    database: Database
    http: aiohttp.ClientSession
    front: Front
    answers: Answers
    replicas: list[Replica] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return "postgresql" if on_server(self.settings.database_url) else "sqlite"

    def does(self, fn: Callable[[Tx], Any]) -> Any:
        """Write, as another process."""
        return self.database.run_now(fn)

    def sql(self, *statements: str) -> list[Any]:
        """Statements in one transaction; the rows of the last one."""

        def run(tx: Tx) -> list[Any]:
            done = [tx.execute(text(one)) for one in statements][-1]
            return [tuple(row) for row in done] if done.returns_rows else []  # type: ignore[attr-defined]

        return list(self.database.run_now(run))

    def count(self, query: str) -> int:
        """How many rows `SELECT count(*) FROM …` counts."""
        return int(self.sql(f"SELECT count(*) FROM {query}")[0][0])

    # --- processes ------------------------------------------------------------------------------------

    async def start(self, root: Path = ROOT) -> Replica:
        """Start `okaeri serve` (of another source tree, if one is named) and wait until it is ready."""
        port = free_port()
        variables = environment(self.settings.model_copy(update={"port": port}))
        replica = Replica(await serve(variables, root), port)
        self.replicas.append(replica)
        await self.until(lambda: self.ready(replica), 3 * PATIENCE)  # unless it ends before
        self.front.replicas.append(port)
        return replica

    async def ready(self, replica: Replica) -> bool:
        """Whether `/readyz` says so."""
        assert replica.lives, await replica.ended()
        return await self.status(replica) == 200

    async def status(self, replica: Replica) -> int:
        """What `/readyz` answers; 0 when nobody does."""
        with suppress(aiohttp.ClientError, TimeoutError):
            limit = aiohttp.ClientTimeout(total=3)
            async with self.http.get(f"http://{HOST}:{replica.port}/readyz", timeout=limit) as answer:
                return answer.status
        return 0

    async def kill(self, replica: Replica) -> None:
        """`kill -9`; what a server still does for it ends as it would when the line is cut."""
        await replica.kill()
        self.front.replicas = [port for port in self.front.replicas if port != replica.port]
        if self.kind == "postgresql":
            self.sql(f"SELECT pg_terminate_backend(pid) {_SLEEPING}")

    async def until(self, true: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
        """Wait for something."""
        ends = time.monotonic() + seconds
        while not await true():
            assert time.monotonic() < ends, "it never came"
            await asyncio.sleep(0.05)

    async def finds(self, true: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """The same for what can be looked at here."""

        async def asked() -> bool:
            return true()

        await self.until(asked, seconds)

    # --- holding it at a place ----------------------------------------------------------------------------

    @contextmanager
    def dragging(self, when: str) -> Iterator[None]:
        """From now on a kind of change takes so long that the process can be killed in the middle of it.

        `when` is `BEFORE UPDATE OF done_at ON inbox` and the like, perhaps with `| NEW.kind = 'x'`.
        """
        change, _, only = (part.strip() for part in when.partition("|"))
        condition = f" WHEN ({only})" if only else ""
        row = " FOR EACH ROW" if self.kind == "postgresql" else ""
        self.sql(_DRAGS[self.kind].format(when=f"{change}{row}{condition}"))
        try:
            yield
        finally:
            table = change.split(" ON ")[1].split()[0]
            self.sql("DROP TRIGGER drags" + (f" ON {table}" if self.kind == "postgresql" else ""))

    async def in_the_middle(self) -> None:
        """Wait until a transaction has been open for longer than any that nothing drags."""
        seen = 0
        ends = time.monotonic() + PATIENCE
        while seen < 10:
            assert time.monotonic() < ends, "nothing was dragging"
            seen = seen + 1 if self._drags() else 0
            await asyncio.sleep(0.05)

    def _drags(self) -> bool:
        if self.kind == "postgresql":
            return self.count(_SLEEPING.removeprefix("FROM ")) > 0
        connection = self.database.store.reading.raw_connection()  # type: ignore[union-attr]
        try:
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
        finally:
            connection.execute("PRAGMA busy_timeout = 10000")
            connection.close()
        return False

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """In the block nobody else writes into a table (in a file: into any)."""
        carries = {"vault": self.database.vault, "clock": self.database.clock}
        with held(self.database.store, carries) as tx:
            lock = f"LOCK TABLE {table} IN SHARE MODE"
            tx.execute(text(lock if self.kind == "postgresql" else "SELECT 1"))
            yield
            tx.rollback()

    def expire(self) -> None:
        """As if as much time had passed as any lease lasts, and word of any message is missed.

        Waits until a server ends the transaction of who stands still in the middle of one.
        """
        for tries in range(5, 0, -1):
            try:
                self.sql(
                    "UPDATE leases SET until = 0",
                    "UPDATE outbox SET next_try = 0, due_at = NULL WHERE status IN ('pending', 'sending')",
                    "UPDATE inbox SET next_try = 0 WHERE done_at IS NULL",
                )
            except DBAPIError as held_up:
                if tries == 1 or "lock timeout" not in str(held_up):
                    raise
            else:
                return

    def unsent(self) -> int:
        """How many messages have not come to an end."""
        return self.count("outbox WHERE status IN ('pending', 'sending')")


def environment(settings: Settings) -> dict[str, str]:
    """The settings as an operator sets them."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    plain = {n: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for n, v in values.items()}
    return {f"OKAERI_{name.upper()}": value for name, value in plain.items()}


async def serve(variables: dict[str, str], root: Path = ROOT) -> asyncio.subprocess.Process:
    """`okaeri serve` as a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "serve",
        env={"PATH": os.defpath, "PYTHONPATH": str(root), **variables}, cwd="/",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@asynccontextmanager
async def a_site(folder: Path, *, on_server: bool | None = None, **changes: Any) -> AsyncIterator[Site]:
    """Everything but the processes; `changes` are settings."""
    with empty_database(folder, on_server=on_server) as url:
        async with around(folder, url, changes) as site:
            yield site


@asynccontextmanager
async def around(folder: Path, url: str, changes: dict[str, Any]) -> AsyncIterator[Site]:
    """The same with a database that is there, or that the first process makes."""
    clock, front, answers = Clock(), Front(), Answers()
    mailbox = Mailbox(clock.wire)
    slack = LocalSlack(clock.wire, retry_delays=(0.0, 0.2, 0.5))
    outside = web.Application(middlewares=[answers.__call__])
    outside.add_subapp("/local-slack/", slack.web_api())
    async with AsyncExitStack() as over, standing(outside) as place, aiohttp.ClientSession() as http:
        for neighbour in (mailbox, front):
            await neighbour.start()
            over.push_async_callback(neighbour.stop)
        slack.base_url = f"{place}/local-slack"
        given = {
            "slack_api_url": f"{slack.base_url}/api/", "owners": f"slack:{TEAMS[Side.COMPANY]}:U0OWNER",
            "enrol_at": "18:00:00", "database_url": url, "base_url": f"http://{HOST}:{front.port}",
        }  # fmt: skip
        settings = settings_for(folder, front.port, mailbox.port, **given | changes)
        neighbours(settings, slack)
        database = Database(settings.database_url, settings.vault(), clock)
        site = Site(settings, slack, mailbox, database, http, front, answers)
        if site.kind == "sqlite":
            stones = ",".join(["(1)"] * _PEBBLES)
            site.sql("CREATE TABLE pebbles (x INTEGER)", f"INSERT INTO pebbles VALUES {stones}")
        else:
            site.sql(_SLEEPS)
        try:
            yield site
        finally:
            answers.go.set()
            slack.faults.clear()
            await _end(site)
            await slack.close()


async def _end(site: Site) -> None:
    for replica in site.replicas:
        if replica.lives:
            with suppress(ProcessLookupError):
                replica.signals(signal.SIGCONT)
        await site.kill(replica)
    site.database.close()
