"""From the start of `okaeri serve` to `/readyz` 200, and the memory that it takes up when nobody asks; how
long the tests wait for their PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from storage.columns import Vault
from tests.bench import served
from tests.bench.figures import Figure, less_is_better

ROOT = Path(__file__).parents[2]
WAITS = (
    "import time; from tests.postgres import postgres; began = time.monotonic(); postgres();"
    " print(time.monotonic() - began)"
)
ROUNDS = 3
REST = 5.0


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """Four rows; the two kinds of start take turns, each is the median of three."""
    template = folder / "empty.db"
    key = served.database_with(template, 0)
    migrated, none = [], []
    for number in range(ROUNDS):
        copy = shutil.copy(template, folder / f"start{number}.db")
        async with served.okaeri(Path(copy), key) as ours:
            migrated.append(ours.started)
        async with served.okaeri(folder / f"none{number}.db", Vault.make()) as ours:
            none.append(ours.started)
    told("cold starts in s, migrated and none by turns: "
         + ", ".join(f"{a:.2f}/{b:.2f}" for a, b in zip(migrated, none, strict=True)))  # fmt: skip
    return [
        less_is_better("start to /readyz, migrated database", median(migrated), 4.0, "s"),
        less_is_better("start to /readyz, no database yet", median(none), 4.0, "s"),
        await _at_rest(template, key),
        await _server_for_tests(told),
    ]


async def _at_rest(database: Path, key: str) -> Figure:
    async with served.okaeri(database, key) as ours:
        await asyncio.sleep(REST)
        return less_is_better(f"memory {REST:.0f} s after the start", ours.resident(), 150.0, "MB")


async def _server_for_tests(told: Callable[[str], None]) -> Figure:
    """From nothing to its first answer; where there are no programs of a PostgreSQL, it raises."""
    waited = []
    for number in range(ROUNDS):
        run = f"PYTEST_XDIST_TESTRUNUID=bench{os.getpid()}x{number}"
        command = ["env", "-u", "OKAERI_TEST_DATABASE_URL", run, sys.executable, "-c", WAITS]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
        output, _ = await process.communicate()
        waited.append(float(output))
    told("PostgreSQL of the tests in s: " + ", ".join(f"{one:.2f}" for one in waited))
    return less_is_better("the tests' PostgreSQL, start to its first answer", median(waited), 1.0, "s")
