"""A process of its own that counts up: `python -m tests.storage.writer URL KEYRING PERSON TIMES`."""

from __future__ import annotations

import sys

from bot.clock import Clock
from storage import people
from storage.columns import Vault
from storage.engine import Database, Tx


def count_up(tx: Tx, person_id: str) -> None:
    """A read-modify-write that loses a step when anybody writes in between."""
    person = people.one(tx, person_id)
    person.about = str(int(person.about or "0") + 1)


def main(url: str, ring: str, person_id: str, times: str) -> None:
    """Count up, each step in a transaction of its own."""
    database = Database(url, Vault.parse(ring), Clock())
    for _ in range(int(times)):
        database.run_now(lambda tx: count_up(tx, person_id))
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
