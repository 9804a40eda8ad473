"""`make bench`: measures, prints a table, writes `var/bench.json`. Limits are measured in the same run.

`OKAERI_BENCH_PEOPLE` (default 10,000) is how many people are looked through, openings through ten times as
many; `OKAERI_BENCH_OUT` is where the rows go.
`OKAERI_BENCH_ONLY=sweeping,importing` measures some of it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from pydantic_settings import BaseSettings, SettingsConfigDict

from tests.bench import (
    broadcasting,
    delivering,
    fanning,
    figures,
    finding,
    importing,
    matching,
    paging,
    starting,
    sweeping,
    teams,
)

GROUPS = (finding, paging, teams, matching, delivering, broadcasting, sweeping, fanning, importing, starting)


class Wanted(BaseSettings):
    """What can be set."""

    model_config = SettingsConfigDict(env_prefix="OKAERI_BENCH_", frozen=True)

    people: int = 10_000
    out: Path = Path("var/bench.json")
    only: str = ""


def _told(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _name(group: ModuleType) -> str:
    return group.__name__.rpartition(".")[2]


async def _measure(wanted: Wanted) -> list[figures.Figure]:
    only = wanted.only.split(",") if wanted.only else [_name(group) for group in GROUPS]
    with tempfile.TemporaryDirectory(prefix="okaeri-bench-") as folder:
        return [
            row
            for group in GROUPS
            if _name(group) in only
            for row in await group.measure(Path(folder), wanted.people, _told)
        ]


def main() -> None:
    """Everything once; a goal that was not met is shown, and is no failure of the run."""
    wanted = Wanted()
    rows = asyncio.run(_measure(wanted))
    figures.write(rows, wanted.out)
    print(figures.table(rows))


if __name__ == "__main__":
    main()
