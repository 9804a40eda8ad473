"""What was measured, as rows that read alike: a ratio, the ratio that is wanted, and whether it was reached.

More is better (requests/s): ratio = ours / limit. Less is better (ms, s, MB): ratio = limit / ours, of which
1.0 is wanted. So `met` is always `ratio >= goal`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: `limit` is what the same machine can do at best in the same run, or the bound that was set."""

    name: str
    ours: float
    limit: float
    unit: str
    ratio: float
    goal: float
    met: bool


def more_is_better(name: str, ours: float, limit: float, unit: str, goal: float) -> Figure:
    """A rate beside the best rate that was measured in the same run."""
    return _figure(name, ours, limit, unit, ours / limit if limit else 0.0, goal)


def less_is_better(name: str, ours: float, limit: float, unit: str) -> Figure:
    """A time or a size beside the bound that it must stay under."""
    return _figure(name, ours, limit, unit, limit / ours if ours else 0.0, 1.0)


def _figure(name: str, ours: float, limit: float, unit: str, ratio: float, goal: float) -> Figure:
    return Figure(
        name, round(ours, 3), round(limit, 3), unit, round(ratio, 3), goal, met=round(ratio, 3) >= goal
    )


def table(figures: Iterable[Figure]) -> str:
    """The rows for a terminal."""
    head = ("", "ours", "limit", "unit", "ratio", "goal", "met")
    rows = [(f.name, f"{f.ours:,.1f}", f"{f.limit:,.1f}", f.unit, f"{f.ratio:.2f}", f"{f.goal:.2f}",
             "yes" if f.met else "NO") for f in figures]  # fmt: skip
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    return "\n".join(_line(row, widths) for row in (head, *rows))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (cell.ljust(width) if at in (0, 3) else cell.rjust(width)
                    for at, (cell, width) in enumerate(zip(row, widths, strict=True)))  # fmt: skip
    return "  ".join((first, *rest)).rstrip()


def write(figures: Iterable[Figure], path: Path) -> None:
    """The rows as JSON, for whoever compares runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(f) for f in figures], ensure_ascii=False, indent=1) + "\n", "utf-8")
