"""How long a slash command waits for its ack while the same process delivers a message to everybody, and
while it does not; half of the commands write. On SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bot.clock import Clock
from storage.columns import Vault
from storage.engine import Database
from tests.bench import delivering, load, served
from tests.bench.figures import Figure, less_is_better
from tests.bench.served import Served
from tests.bench.sweeping import places

MESSAGES = 10_000
House = Callable[..., AbstractAsyncContextManager[Served]]
MANNERS: dict[str, tuple[House | None, int, float]] = {
    "idle": (None, 1000, 50.0),
    "at Slack's pace": (served.okaeri, 1000, 50.0),
    "without a pace": (served.hasty, 300, 100.0),
}
"""What the house does meanwhile, how many commands come, and how many a second: as long as messages wait."""
LIMIT = 300.0
"""Milliseconds."""


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """The p99 of each: idle, at the pace that Slack likes, and as fast as this machine can."""
    rows = []
    for kind, made in places(folder):
        for manner, (house, count, rate) in MANNERS.items():
            with made() as url:
                p99, sent = await _measured(url, house, people, (count, rate))
            told(f"p99 of {count} acks on {kind}, {manner}: {p99:.1f} ms; {sent:,} messages meanwhile")
            what = f"{MESSAGES:,} messages to deliver: {manner}" if house else "nothing to deliver"
            name = f"ack of a command on {kind}, p99 of {count} at {rate:.0f}/s, {what}"
            rows.append(less_is_better(name, p99, LIMIT, "ms"))
    return rows


async def _measured(
    url: str, house: House | None, people: int, asked: tuple[int, float]
) -> tuple[float, int]:
    """Milliseconds, and how many messages were sent meanwhile."""
    key = await asyncio.to_thread(served.database_with, url, people)
    async with served.beside("slack_side", str(MESSAGES), "0") as slack:
        api = f"http://127.0.0.1:{slack.port}/local-slack/api/"
        mine = {"SLACK_API_URL": api, "SLACK_ALUMNI_BOT_TOKEN": delivering.TOKEN}
        if house is not None:
            await _queued(url, key, slack)
        async with (house or served.okaeri)(url, key, **mine) as ours:
            p99 = await _p99(ours, *asked)
            sent = (await delivering.asked(slack, "/heard"))["messages"]
    if house is not None and not 0 < sent < MESSAGES:
        raise ValueError(f"{sent} of {MESSAGES} were sent meanwhile")
    return p99, sent


async def _p99(ours: Served, count: int, rate: float) -> float:
    """Milliseconds."""
    answers = await load.opened(ours.url, load.mixed(count), rate)
    load.check(answers[::2], hits=True)
    load.check(answers[1::2], hits=False)
    return load.percentile(answers, 0.99)


async def _queued(url: str, key: str, slack: Served) -> None:
    """A message to everybody in that Slack waits."""
    chats = await delivering.asked(slack, "/known")
    database = Database(url, Vault.parse(key), Clock())
    await asyncio.to_thread(database.run_now, lambda tx: delivering.fill(tx, chats, bulk=False))
    await asyncio.to_thread(database.close)
