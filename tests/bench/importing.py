"""A file of leavers taken by the whole house, beside a bare executemany of the very rows that it made; how
far memory grows, and how long others wait, in a process that does nothing else.

`python -m tests.bench.importing URL KEY FILE` is that process.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from operator import sub
from pathlib import Path
from threading import Event, Thread
from typing import Any

import asyncpg

from adapters.hris.csv_file import CsvFile
from bot.clock import Clock
from bot.notices import Heard
from jobs.feeds import Importer
from storage import schema
from storage.columns import Vault
from storage.engine import Database, Tx, file_of, on_server
from storage.transactions import after_commit
from tests.bench import served
from tests.bench.figures import Figure, less_is_better
from tests.bench.people import Town
from tests.desk import POLICY
from tests.postgres import postgres

TIMES = 10
"""So many more rows than people are looked through: 100,000 where those are 10,000."""
TABLES = ("people", "person_keys", "leavers", "search_docs", "journal")
FACTOR, SECONDS, MEGABYTES, LAG = 10.0, 60.0, 100.0, 300.0
HEAD = (
    "社員番号", "氏名", "フリガナ", "会社メール", "個人メール", "部署", "役職", "勤務地", "入社日",
    "退職日", "最終出社日", "退職区分", "状態",
)  # fmt: skip


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """Rows for both databases."""
    file = folder / "leavers.csv"
    await asyncio.to_thread(write, file, people * TIMES)
    server = await asyncio.to_thread(postgres)
    names = [server.made(), server.made()]
    try:
        urls = [[f"sqlite:///{folder}/{name}.db" for name in ("ours", "bare")], [*map(server.address, names)]]
        return [row for pair in urls for row in await _one(pair, file, people * TIMES, told)]
    finally:
        for name in names:
            server.drop(name)


async def _one(urls: list[str], file: Path, count: int, told: Callable[[str], None]) -> list[Figure]:
    ours, bare = urls
    kind = "postgresql" if on_server(ours) else "sqlite"
    for url in urls:
        await asyncio.to_thread(schema.upgrade, url)
    taken = await _taken(ours, file)
    if taken["new"] != count or taken["again"] != count:
        raise ValueError(f"{taken} of {count}")
    limit = await (_bare_server(ours, bare) if on_server(ours) else asyncio.to_thread(_bare_file, ours, bare))
    told(f"{count:,} leavers on {kind}: {taken['seconds']:.1f} s, bare {limit:.1f} s, "
         f"the same file again {taken['seconds_again']:.1f} s; memory +{taken['growth']:.0f} MB, "
         f"without pages of files +{taken['own']:.0f} MB")  # fmt: skip
    what = f"import of {count:,} leavers on {kind}"
    return [
        less_is_better(
            f"{what}; limit: {FACTOR:.0f} bare executemany", taken["seconds"], FACTOR * limit, "s"
        ),
        less_is_better(f"{what}; limit: a minute", taken["seconds"], SECONDS, "s"),
        less_is_better(f"{what}: memory growth", max(taken["growth"], 0.1), MEGABYTES, "MB"),
        less_is_better(f"{what}: longest wait of another writer", taken["wait"], LAG, "ms"),
        less_is_better(f"{what}: longest wait of the event loop", taken["lag"], LAG, "ms"),
    ]


# --- the file -----------------------------------------------------------------------------------------------


def write(file: Path, count: int) -> None:
    """A file as an HR system writes it."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(HEAD)
    rows.writerows(_rows(count))
    file.write_text(text.getvalue(), "utf-8")


def _rows(count: int) -> Iterator[tuple[str, ...]]:
    for number, one in enumerate(Town(Clock().now()).people(count)):
        day = number % 28 + 1
        mail = f"{one['id']}@home.example.jp" if number % 3 else ""
        yield (
            f"E{number:06d}", one["name"], one["kana"], f"e{number}@minato.example.jp", mail,
            one["department"], one["position"], one["place"], f"2015-04-{day:02d}", f"2027-03-{day:02d}",
            f"2027-02-{day:02d}", "自己都合", "予定",
        )  # fmt: skip


# --- ours ---------------------------------------------------------------------------------------------------


async def _taken(url: str, file: Path) -> dict[str, float]:
    """What the process said that took the file."""
    command = [sys.executable, "-m", "tests.bench.importing", url, Vault.make(), str(file)]
    process = await asyncio.create_subprocess_exec(*command, cwd=served.ROOT, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    told: dict[str, float] = json.loads(said)
    return told


async def _take(url: str, key: str, file: Path) -> None:
    data = await asyncio.to_thread(file.read_bytes)
    database = Database(url, Vault.parse(key), Clock())
    importer = Importer(database, POLICY, CsvFile())
    waits: dict[str, float] = {"lag": 0.0, "wait": 0.0}
    watching = [asyncio.create_task(_looped(waits)), asyncio.create_task(_wrote(database, waits))]
    await asyncio.sleep(0.3)
    waits.update(lag=0.0, wait=0.0)
    with growth() as grown:
        began = time.perf_counter()
        first = await importer.take(data, file.name)
        seconds, (more, own) = time.perf_counter() - began, grown()
    again = await importer.take(data, file.name)
    both = time.perf_counter() - began
    for task in watching:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    database.close()
    print(json.dumps(waits | {
        "seconds": seconds, "seconds_again": both - seconds, "growth": more, "own": own,
        "new": first.counts[Heard.NEW], "again": again.counts[Heard.SAME],
    }))  # fmt: skip


@contextmanager
def growth() -> Iterator[Callable[[], tuple[float, float]]]:
    """How many MB more than at the beginning were ever in use: in all, and without the pages of a database
    file that is read through memory, which the system takes back whenever it wants them."""
    before, most, over = _memory(), [0.0, 0.0], Event()

    def look() -> tuple[float, float]:
        most[:] = [max(*pair) for pair in zip(most, map(sub, _memory(), before), strict=True)]
        return most[0], most[1]

    def watch() -> None:
        while not over.wait(0.02):
            look()

    watching = Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield look
    finally:
        over.set()
        watching.join()


def _memory() -> tuple[float, float]:
    """The memory that is in use, MB, and what of it is no file's. Where a system does not tell them apart,
    the most that ever was, twice."""
    status = Path("/proc/self/status")
    if status.exists():
        told = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return tuple(int(told[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "RssAnon"))
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,) * 2


async def _looped(waits: dict[str, float]) -> None:
    """How long the event loop lets somebody wait who wants to go on in 10 ms, at most."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        waits["lag"] = max(waits["lag"], (time.perf_counter() - began - 0.01) * 1000)


async def _wrote(database: Database, waits: dict[str, float]) -> None:
    """How long somebody waits who writes next to nothing, ten times a second."""

    def write_nothing(tx: Tx) -> None:
        after_commit(tx, int)

    while True:
        began = time.perf_counter()
        await database.run(write_nothing)
        waits["wait"] = max(waits["wait"], (time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.1)


# --- the limit ----------------------------------------------------------------------------------------------


def _bare_file(ours: str, bare: str) -> float:
    """Seconds for the same rows, read beforehand, in one transaction."""
    source, target = (sqlite3.connect(str(file_of(url))) for url in (ours, bare))
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
        target.execute(f"PRAGMA {pragma}")
    rows = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    terms = source.execute("SELECT id, terms FROM search_docs").fetchall()
    began = time.perf_counter()
    for table in TABLES:
        marks = ", ".join("?" * len(rows[table][0]))
        target.executemany(f"INSERT INTO {table} VALUES ({marks})", rows[table])
    target.executemany("INSERT INTO search_fts(rowid, terms) VALUES (?, ?)", terms)
    target.commit()
    return time.perf_counter() - began


async def _bare_server(ours: str, bare: str) -> float:
    source, target = [await asyncpg.connect(url.replace("+asyncpg", "")) for url in (ours, bare)]
    rows: dict[str, list[Any]] = {table: await source.fetch(f"SELECT * FROM {table}") for table in TABLES}
    began = time.perf_counter()
    async with target.transaction():
        for table in TABLES:
            marks = ", ".join(f"${number}" for number in range(1, len(rows[table][0]) + 1))
            await target.executemany(f"INSERT INTO {table} VALUES ({marks})", rows[table])
    seconds = time.perf_counter() - began
    for connection in (source, target):
        await connection.close()
    return seconds


if __name__ == "__main__":
    asyncio.run(_take(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
