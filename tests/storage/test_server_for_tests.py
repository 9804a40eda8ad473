"""The PostgreSQL of the tests: there for who asks, shared, gone with the last of them however they end."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import make_url

from tests.postgres import NOBODY

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


def until(true: Callable[[], bool]) -> bool:
    ends = time.monotonic() + 20
    while not true() and time.monotonic() < ends:
        time.sleep(0.02)
    return true()


def gone(*places: Path) -> bool:
    return until(lambda: not any(place.exists() for place in places))


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


AS_NOBODY = """
import os, sys
from pathlib import Path
from tests import postgres
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(postgres.NOBODY)
    os.setuid(postgres.NOBODY)
postgres.keep(Path(sys.argv[1]))
"""


def test_it_starts_for_whoever_is_not_root_too() -> None:
    """A developer's account may do less than the one of a build machine."""
    folder = Path(tempfile.mkdtemp(prefix="okaeri-tests-", dir="/tmp"))
    users = (folder / "users").open("a")
    fcntl.flock(users, fcntl.LOCK_SH)
    if os.getuid() == 0:
        for place in (folder, folder / "users"):
            os.chown(place, NOBODY, NOBODY)
    with subprocess.Popen([sys.executable, "-c", AS_NOBODY, folder], cwd=ROOT) as keeper:
        try:
            until(lambda: (folder / "ready").exists() or keeper.poll() is not None)
            url = make_url(json.loads((folder / "ready").read_text())["url"])
            home = Path(str(url.query["host"]))
            assert home.stat().st_uid == folder.stat().st_uid == (os.getuid() or NOBODY)
        finally:
            users.close()
            code = keeper.wait(20)
    assert code == 0
    assert gone(folder, home)
