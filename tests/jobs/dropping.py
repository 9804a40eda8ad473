"""An empty drop folder, looks into it, and what stands in the way: for tests of `jobs.drop`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.hris.csv_file import CsvFile
from bot.ports import FeedReading
from jobs.drop import LONGER, UNENDED, DropFolder
from storage.journal import Line
from tests.desk import Desk
from tests.jobs.test_feeds import importer


@pytest.fixture
def folder(desk: Desk, tmp_path: Path) -> DropFolder:
    """An empty drop folder; HR is one person."""
    desk.staff()
    (tmp_path / "drop").mkdir()
    return DropFolder(tmp_path / "drop", importer(desk), max_bytes=10_000)


@pytest.fixture
def refused() -> Iterator[set[str]]:
    """What the system lets nobody do in a drop folder for now: `open`, `os.rename`, `os.remove`."""
    things: set[str] = set()

    def look(what: str, args: tuple[object, ...]) -> None:
        if what in things and "/drop/" in str(args[0]):
            raise PermissionError(13, "Permission denied")

    sys.addaudithook(look)
    yield things
    things.clear()


@dataclass
class Meanwhile:
    """A source of leavers during whose reading something happens."""

    happens: Callable[[bytes], object]

    def read(self, data: bytes, name: str) -> FeedReading:
        """As the house reads a file."""
        self.happens(data)
        return CsvFile().read(data, name)


async def polls(folder: DropFolder, times: int) -> bool:
    """Whether there was anything to do in the last of so many looks."""
    return [await folder.poll() for _ in range(times)][-1]


async def rests(folder: DropFolder) -> None:
    """As many looks as it takes until there is nothing more to do."""
    for _ in range(200):
        if not await folder.poll():
            return
    raise AssertionError("it never comes to rest")


async def empties(folder: DropFolder) -> None:
    """As many looks as it takes until nothing is left in it."""
    await polls(folder, UNENDED * LONGER + 50)
    assert list(folder.folder.iterdir()) == []


def told(desk: Desk) -> list[str]:
    return [letter.kind for letter in desk.letters() if letter.kind.startswith("intake")]


def changes(desk: Desk) -> list[str]:
    """What notices changed, in their order."""
    lines = desk.sees(lambda tx: [line.what for line in tx.query(Line).order_by(Line.id)])
    return [line for line in lines if line.startswith("notice.")]
