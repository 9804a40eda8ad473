"""A process that takes files and stops at a place, so that it can be killed there.

`python -m tests.jobs.taker URL KEY PATH PLACE NTH`: takes a file, what lies in a drop folder, or what HR
applied (`-`), in batches of 20; before it does for the NTH time what begins with PLACE (a statement, or what
Python tells of files, such as `os.rename`), it says `here` and waits for ever.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from adapters.hris.csv_file import CsvFile
from bot import logs
from jobs import feeds
from jobs.drop import DropFolder
from storage.columns import Vault
from storage.engine import Database
from tests.desk import POLICY, HandClock, tokyo


def main(url: str, key: str, path: str, place: str, nth: int) -> None:
    """Go on until there."""
    numbers = count(1)

    def look(what: str) -> None:
        if what.startswith(place) and next(numbers) == nth:
            print("here", flush=True)
            sys.stdin.read()

    def asked(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        look(statement)

    event.listen(Engine, "before_cursor_execute", asked)
    sys.addaudithook(lambda what, _: look(what))
    logs.set_up("ERROR")
    feeds.BATCH = 20
    database = Database(url, Vault.parse(key), HandClock(tokyo("2026-02-02")))
    importer, where = feeds.Importer(database, POLICY, CsvFile()), Path(path)
    if path == "-":
        asyncio.run(importer.take_laid())
    elif where.is_dir():
        asyncio.run(polls(DropFolder(where, importer)))
    else:
        asyncio.run(importer.take(where.read_bytes(), path))


async def polls(folder: DropFolder) -> None:
    """Often enough for everything to be taken and removed."""
    for _ in range(100):
        await folder.poll()


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]))
