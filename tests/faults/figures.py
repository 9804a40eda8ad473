"""What the faults that were injected have done: how many, effects lost, effects doubled, for each kind and
database. Every process of a test run adds to `var/faults.json`; a new run begins anew."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

FILE = Path(__file__).parents[2] / "var" / "faults.json"
_run = [f"p{os.getpid()}"]


def begin(run: str) -> None:
    """This process belongs to a run of several processes."""
    _run[:] = [run]


def note(kind: str, database: str, *, faults: int, lost: int = 0, doubled: int = 0, known: int = 0) -> None:
    """Add to the figures; then nothing may be lost, and nothing doubled but what is `known` to come again."""
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        told = json.loads(file.read() or "{}")
        part = told.get(database, {})
        if part.get("run") != _run[0]:
            part = {"run": _run[0], "kinds": {}}
        figures = part["kinds"].setdefault(kind, {"faults": 0, "lost": 0, "doubled": 0})
        figures["faults"] += faults
        figures["lost"] += lost
        figures["doubled"] += doubled
        file.truncate(0)
        file.write(json.dumps(told | {database: part}, indent=1, sort_keys=True))
    assert (lost, doubled) == (0, known), f"{kind} on {database}: {lost} lost, {doubled} doubled"


def count(effects: dict[str, int]) -> dict[str, int]:
    """Effects that are not there, and those that are there again."""
    return {
        "lost": sum(number == 0 for number in effects.values()),
        "doubled": sum(max(0, number - 1) for number in effects.values()),
    }
