"""The bench itself: it runs, on a small town, and writes the rows that others read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.figures import less_is_better, more_is_better, table
from tests.bench.served import ROOT


def test_a_ratio_says_the_same_whether_more_or_less_is_better() -> None:
    fast, slow = (
        more_is_better("rate", 60.0, 100.0, "1/s", 0.5),
        more_is_better("rate", 40.0, 100.0, "1/s", 0.5),
    )
    assert (fast.ratio, fast.met, slow.ratio, slow.met) == (0.6, True, 0.4, False)
    short, long = less_is_better("wait", 25.0, 50.0, "ms"), less_is_better("wait", 100.0, 50.0, "ms")
    assert (short.ratio, short.met, long.ratio, long.met) == (2.0, True, 0.5, False)
    assert [line.split()[-1] for line in table([fast, slow]).splitlines()] == ["met", "yes", "NO"]


@pytest.mark.long
def test_the_bench_runs_and_writes_its_rows(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    env = {"OKAERI_BENCH_PEOPLE": "500", "OKAERI_BENCH_OUT": str(out), "PYTHONUTF8": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(out.read_text("utf-8"))
    assert {frozenset(row) for row in rows} == {
        frozenset(("name", "ours", "limit", "unit", "ratio", "goal", "met"))
    }
    assert all(row["ours"] > 0 and row["limit"] > 0 for row in rows)
    assert all(row["met"] is (row["ratio"] >= row["goal"]) for row in rows)
    units = {"requests/s", "messages/s", "nudges/s", "ms", "s", "MB"}
    assert {row["unit"] for row in rows} == units
