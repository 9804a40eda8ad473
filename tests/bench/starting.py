"""From the start of `okaeri serve` to `/readyz` 200, and the memory that it takes up when nobody asks."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median

from storage.columns import Vault
from tests.bench import served
from tests.bench.figures import Figure, less_is_better

ROUNDS = 3
REST = 5.0


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """Three rows; the two kinds of start take turns, each is the median of three."""
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
    ]


async def _at_rest(database: Path, key: str) -> Figure:
    async with served.okaeri(database, key) as ours:
        await asyncio.sleep(REST)
        return less_is_better(f"memory {REST:.0f} s after the start", ours.resident(), 150.0, "MB")
