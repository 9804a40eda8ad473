"""A message to everybody: so many rows of the outbox, each with its own words, by a process that does nothing
else; how far its memory grows. On SQLite and PostgreSQL.

`python -m tests.bench.fanning URL KEY` is that process.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import func, select

from bot.clock import Clock
from jobs import checkins
from storage.columns import Vault
from storage.engine import Database
from storage.outbox import Delivery
from tests.bench import served
from tests.bench.figures import Figure, less_is_better
from tests.bench.importing import growth
from tests.bench.sweeping import NOON, filled, places
from tests.desk import POLICY

TIMES = 40
"""So many more receivers than people are looked through: 400,000 where those are 10,000."""
MEGABYTES = 100.0


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """One row for each database."""
    return [await _on(kind, made, people * TIMES, told) for kind, made in places(folder)]


async def _on(
    kind: str, made: Callable[[], AbstractContextManager[str]], count: int, told: Callable[[str], None]
) -> Figure:
    key = Vault.make()
    with made() as url:
        await asyncio.to_thread(lambda: filled(url, count, 1, key).close())
        command = [sys.executable, "-m", "tests.bench.fanning", url, key]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=served.ROOT, stdout=asyncio.subprocess.PIPE
        )
        said = json.loads((await process.communicate())[0])
    if said["queued"] != count:
        raise ValueError(f"{said} of {count}")
    told(f"{count:,} messages queued on {kind}: {said['seconds']:.1f} s, memory +{said['growth']:.0f} MB, "
         f"without pages of files +{said['own']:.0f} MB")  # fmt: skip
    name = f"{count:,} messages queued on {kind}: memory growth"
    return less_is_better(name, max(said["growth"], 0.1), MEGABYTES, "MB")


async def _queue(url: str, key: str) -> None:
    database = Database(url, Vault.parse(key), Clock(NOON))
    await checkins.sweep(database, POLICY)  # calendars and words are read
    with growth() as grown:
        began = time.perf_counter()
        while await checkins.sweep(database, POLICY):
            pass
        seconds, (more, own) = time.perf_counter() - began, grown()
    queued = await database.run(lambda tx: tx.scalar(select(func.count()).select_from(Delivery)), reads=True)
    database.close()
    print(json.dumps({"seconds": seconds, "growth": more, "own": own, "queued": queued}))


if __name__ == "__main__":
    asyncio.run(_queue(sys.argv[1], sys.argv[2]))
