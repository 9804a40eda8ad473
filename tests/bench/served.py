"""Processes that answer: `okaeri serve` as an operator runs it, and the bare app. Started and ended alike."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.clock import Clock
from bot.settings import load
from storage import schema
from storage.columns import Vault
from storage.engine import Database
from tests.bench import people
from tests.world import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRET = "0123456789abcdef0123456789abcdef"
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """A process that listens; `started` is the seconds from its start to its first readiness."""

    port: int
    pid: int
    started: float

    @property
    def url(self) -> str:
        """Where Slack's requests go."""
        return f"http://127.0.0.1:{self.port}/slack/events"

    def resident(self) -> float:
        """Memory in use, MB (10^6 bytes)."""
        told = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.pid)], capture_output=True, check=True, text=True
        )
        return int(told.stdout) * 1024 / 1e6


Place = Path | str
"""A file, or the address of a database."""


def _address(database: Place) -> str:
    return database if isinstance(database, str) else f"sqlite:///{database}"


def environment(database: Place, port: int, key: str) -> dict[str, str]:
    """Settings of a complete house with both Slack apps; at the address of their Slack nobody listens."""
    values = {
        "COMPANY_NAME": "株式会社みなと", "CONTACT_NAME": "人事部", "CONTACT_EMAIL": "hr@minato.example.jp",
        "MAIL_FROM": "okaeri@minato.example.jp", "SMTP_URL": f"smtp://127.0.0.1:{free_port()}",
        "ALUMNI_INVITE_URL": "https://minato.example.jp/join", "OWNERS": "slack:T0COMPANY:U0OWNER",
        "BASE_URL": f"http://127.0.0.1:{port}", "PORT": str(port), "METRICS_BIND": "",
        "SECRET_KEY": key, "LOG_LEVEL": "WARNING",
        "DATABASE_URL": _address(database), "SLACK_API_URL": f"http://127.0.0.1:{free_port()}/api/",
    }  # fmt: skip
    for side, secret in (("COMPANY", SECRET[::-1]), ("ALUMNI", SECRET)):
        app = {
            "SIGNING_SECRET": secret,
            "APP_ID": f"A0{side}",
            "TEAM_ID": f"T0{side}",
            "BOT_TOKEN": f"xoxb-{side}",
        }
        values |= {f"SLACK_{side}_{name}": value for name, value in app.items()}
    return {f"OKAERI_{name}": value for name, value in values.items()} | {"PYTHONUTF8": "1"}


def database_with(place: Place, count: int) -> str:
    """A migrated database of `count` people; the key ring it was written with."""
    key = Vault.make()
    url = load(_env_file=None, database_url=_address(place)).database_url
    schema.upgrade(url)
    database = Database(url, Vault.parse(key), Clock())
    if count:
        database.run_now(lambda tx: people.fill(tx, count))
    database.close()
    return key


@asynccontextmanager
async def okaeri(database: Place, key: str, **more: str) -> AsyncIterator[Served]:
    """`okaeri serve` on a database, until the block ends; `more` are settings beside the usual ones."""
    port = free_port()
    env = environment(database, port, key) | {f"OKAERI_{name}": value for name, value in more.items()}
    async with _process([sys.executable, "-m", "bot", "serve"], port, env) as served:
        yield served


@asynccontextmanager
async def hasty(database: Place, key: str, **more: str) -> AsyncIterator[Served]:
    """The same house, which sends as fast as it can instead of as fast as Slack likes."""
    port = free_port()
    env = environment(database, port, key) | {f"OKAERI_{name}": value for name, value in more.items()}
    async with _process([sys.executable, "-m", "tests.bench.hasty"], port, env) as served:
        yield served


def bare(manner: str = "as-it-comes") -> AbstractAsyncContextManager[Served]:
    """The bare app (`as-it-comes` or `at-once`), until the block ends."""
    return beside("bare", SECRET, manner)


def bare_page() -> AbstractAsyncContextManager[Served]:
    """The bare page, until the block ends."""
    return beside("bare_page")


@asynccontextmanager
async def beside(module: str, *words: str) -> AsyncIterator[Served]:
    """`python -m tests.bench.<module> PORT …`, until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", f"tests.bench.{module}", str(port), *words]
    async with _process(command, port, {"PYTHONUTF8": "1"}) as served:
        yield served


@asynccontextmanager
async def _process(command: list[str], port: int, env: Mapping[str, str]) -> AsyncIterator[Served]:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL)
    try:
        await _ready(port, process)
        yield Served(port, process.pid, time.perf_counter() - began)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(port: int, process: asyncio.subprocess.Process) -> None:
    """Wait for `/readyz` to answer 200. Raises `TimeoutError`, or `RuntimeError` for a process that ended."""
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.01)
    raise RuntimeError(f"the process ended with {process.returncode} before it was ready")
