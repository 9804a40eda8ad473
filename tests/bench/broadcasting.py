"""How long a slash command waits for its ack while the same process delivers a message to everybody, and
while it does not; on SQLite and PostgreSQL."""

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

PER_SECOND, ASKED, MESSAGES = 20.0, 100, 10_000
House = Callable[..., AbstractAsyncContextManager[Served]]
MANNERS: dict[str, House | None] = {
    "idle": None,
    "at Slack's pace": served.okaeri,
    "without a pace": served.hasty,
}
LIMIT = 300.0
"""Milliseconds."""


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """The p99 of each: idle, at the pace that Slack likes, and as fast as this machine can."""
    rows = []
    for kind, made in places(folder):
        for manner, house in MANNERS.items():
            with made() as url:
                p99, sent = await _measured(url, house, people)
            told(f"p99 of an ack on {kind}, {manner}: {p99:.1f} ms; {sent:,} messages delivered meanwhile")
            what = f"{MESSAGES:,} messages to deliver: {manner}" if house else "nothing to deliver"
            name = f"ack of /alumni find on {kind}, p99 at {PER_SECOND:.0f}/s, {what}"
            rows.append(less_is_better(name, p99, LIMIT, "ms"))
    return rows


async def _measured(url: str, house: House | None, people: int) -> tuple[float, int]:
    """Milliseconds, and how many messages were sent meanwhile."""
    key = await asyncio.to_thread(served.database_with, url, people)
    async with served.beside("slack_side", str(MESSAGES), "0") as slack:
        api = f"http://127.0.0.1:{slack.port}/local-slack/api/"
        mine = {"SLACK_API_URL": api, "SLACK_ALUMNI_BOT_TOKEN": delivering.TOKEN}
        if house is not None:
            await _queued(url, key, slack)
        async with (house or served.okaeri)(url, key, **mine) as ours:
            p99 = await _p99(ours)
        sent = (await delivering.asked(slack, "/heard"))["messages"]
    if house is not None and not sent:
        raise ValueError("nothing was sent meanwhile")
    return p99, sent


async def _p99(ours: Served) -> float:
    """Milliseconds."""
    answers = await load.opened(ours.url, load.signed(ASKED), PER_SECOND)
    load.check(answers, hits=True)
    return load.percentile(answers, 0.99)


async def _queued(url: str, key: str, slack: Served) -> None:
    """A message to everybody in that Slack waits."""
    chats = await delivering.asked(slack, "/known")
    database = Database(url, Vault.parse(key), Clock())
    await asyncio.to_thread(database.run_now, lambda tx: delivering.fill(tx, chats))
    await asyncio.to_thread(database.close)
