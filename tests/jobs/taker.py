"""A process that takes a file and stops within a batch, so that it can be killed there.

`python -m tests.jobs.taker URL KEY FILE BATCH`: batches of 20; before the journal of the given one is written
it says `here` and waits for ever.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from adapters.hris.csv_file import CsvFile
from jobs import feeds
from storage.columns import Vault
from storage.engine import Database
from tests.desk import POLICY, HandClock, tokyo


def main(url: str, key: str, file: Path, batch: int) -> None:
    """Take the file until there."""
    numbers = count(1)

    def stop(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO journal") and next(numbers) == batch:
            print("here", flush=True)
            sys.stdin.read()

    event.listen(Engine, "before_cursor_execute", stop)
    feeds.BATCH = 20
    database = Database(url, Vault.parse(key), HandClock(tokyo("2026-02-02")))
    asyncio.run(feeds.Importer(database, POLICY, CsvFile()).take(file.read_bytes(), file.name))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
