"""The PostgreSQL of the tests: there for who asks, shared, gone with the last of them however they end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
USES = (
    "import sys; from tests.postgres import postgres; server = postgres(); "
    "print(server.folder, server.url.query['host'], flush=True); sys.stdin.read()"
)


def user(run: str) -> subprocess.Popen[str]:
    command = ["env", "-u", "OKAERI_TEST_DATABASE_URL", f"PYTEST_XDIST_TESTRUNUID={run}", sys.executable]
    return subprocess.Popen(
        [*command, "-c", USES], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def told(process: subprocess.Popen[str]) -> tuple[Path, Path]:
    assert process.stdout is not None
    folder, home = process.stdout.readline().split()
    return Path(folder), Path(home)


def gone(*places: Path) -> bool:
    until = time.monotonic() + 20
    while any(place.exists() for place in places) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(place.exists() for place in places)


def test_one_server_for_all_of_a_run_and_none_after_it(tmp_path: Path) -> None:
    users = [user(f"{tmp_path.parent.name}{tmp_path.name}") for _ in range(2)]
    try:
        (folder, home), other = told(users[0]), told(users[1])
        assert other == (folder, home)
        users[0].kill()
        assert (home / "data" / "postmaster.pid").exists(), "the other one still uses it"
        users[1].kill()
        assert gone(folder, home, folder.with_suffix(".lock"))
    finally:
        for process in users:
            process.kill()
            process.communicate()
