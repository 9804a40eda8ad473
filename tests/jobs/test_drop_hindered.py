"""The drop folder when something is wrong: what cannot be taken is told once and keeps nobody waiting; who is
killed leaves nothing undone, and nothing happens twice."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bot.wire import load_card
from jobs.drop import LONGER, RESTS, UNENDED, DropFolder
from jobs.feeds import Importer
from storage import outbox
from tests.desk import POLICY, Desk
from tests.jobs.dropping import Meanwhile, changes, empties, polls, told
from tests.jobs.test_feeds import csv, importer, numbers
from tests.jobs.test_feeds_in_bulk import BAD, killed_at

# --- what cannot be taken -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"x" * 10_001, "feed.too_large"),
        (b"", "feed.empty"),
        (b"PK\x03\x04" + b"\x00" * 40, "feed.spreadsheet"),
        (b"a,b,c\r\n1,2,3\r\n", "feed.no_header"),
    ],
)
async def test_what_cannot_be_read_is_told_with_its_reason_and_goes(
    desk: Desk, folder: DropFolder, content: bytes, key: str
) -> None:
    (folder.folder / "bad.csv").write_bytes(content)
    (folder.folder / "good.csv").write_bytes(csv("E1"))
    await polls(folder, RESTS)
    assert numbers(desk) == ["E1"], "the good one beside it is taken, and waits for nobody"
    await empties(folder)
    (letter,) = desk.letters("intake.rejected")
    assert key in desk.sees(lambda tx: outbox.body(tx, letter))["card"]


async def test_two_files_that_are_too_large_are_told_of_at_the_same_minute(
    desk: Desk, folder: DropFolder
) -> None:
    for name in ("a.csv", "b.csv"):
        (folder.folder / name).write_bytes(name.encode() * 5_000 + b"\n")
    await empties(folder)
    assert told(desk) == ["intake.rejected"] * 2


async def test_a_refused_file_is_told_of_once_however_often_it_is_looked_at(
    desk: Desk, folder: DropFolder
) -> None:
    """Also by the next process when one dies before it is put away; handed in again it is told again."""
    file = folder.folder / "bad.csv"
    file.write_bytes(b"a,b,c\r\n1,2,3\r\n")
    killed_at(desk, "os.rename", 2, str(folder.folder))
    desk.clock.passes(3_600)
    await empties(folder)
    assert told(desk) == ["intake.rejected"]
    file.write_bytes(b"a,b,c\r\n1,2,3\r\n")
    await empties(folder)
    assert told(desk) == ["intake.rejected"] * 2


async def test_a_file_that_cannot_be_put_aside_is_not_taken_and_told_once(
    desk: Desk, folder: DropFolder, refused: set[str]
) -> None:
    """A share that we may only read, or a program in which it is open. The files beside it go on."""
    file = folder.folder / "leavers.csv"
    file.write_bytes(csv("E1") + BAD)
    refused.add("os.rename")
    for process in (folder, DropFolder(folder.folder, importer(desk))):
        await polls(process, 100)
        desk.clock.passes(1_000)
    assert (numbers(desk), told(desk), file.exists()) == ([], ["intake.hindered"], True)
    refused.clear()
    await empties(folder)
    assert (numbers(desk), told(desk)) == (["E1"], ["intake.hindered", "intake.report"])


async def test_a_file_that_cannot_be_opened_stays_where_it_is_and_keeps_nobody_waiting(
    desk: Desk, folder: DropFolder, refused: set[str]
) -> None:
    (folder.folder / "leavers.csv").write_bytes(csv("E1"))
    refused.add("open")
    await polls(folder, 100)
    assert [path.name for path in folder.folder.iterdir()] == ["leavers.csv"]
    assert told(desk) == ["intake.hindered"]


async def test_a_taken_file_that_cannot_be_removed_is_not_taken_again(
    desk: Desk, folder: DropFolder, refused: set[str]
) -> None:
    """Nor by another process, after other files have said something else about the same people."""
    file = folder.folder / "leavers.csv"
    file.write_bytes(csv("E1") + BAD)
    refused.add("os.remove")
    await polls(folder, 100)
    file.write_bytes(csv("E1", last_day="2026-05-31"))
    await polls(folder, 100)
    await polls(DropFolder(folder.folder, importer(desk)), 100)
    assert changes(desk) == ["notice.new", "notice.moved"]
    assert told(desk) == ["intake.report"] * 2
    assert len(list(folder.folder.iterdir())) == 2
    refused.clear()
    await empties(folder)


async def test_a_bug_of_ours_is_told_once_with_its_code_and_the_files_behind_are_taken(
    desk: Desk, folder: DropFolder
) -> None:
    def stumbles(data: bytes) -> None:
        if b"E1" in data:
            raise RuntimeError("a bug in reading this one: 田中")

    folder.importer = Importer(desk.database, POLICY, Meanwhile(stumbles))
    (folder.folder / "a.csv").write_bytes(csv("E1"))
    (folder.folder / "b.csv").write_bytes(csv("E2"))
    with capture_logs() as logs:
        await polls(folder, RESTS)
        assert numbers(desk) == ["E2"]
        await polls(folder, 400)
    codes = [line["code"] for line in logs if line["event"] == "incident"]
    assert 1 < len(codes) < 10, "tried again, ever more rarely"
    (letter,) = desk.letters("intake.broken")
    assert codes[0] in desk.sees(lambda tx: outbox.body(tx, letter))["card"]
    assert len(list(folder.folder.iterdir())) == 1, "it is not lost"
    folder.importer = importer(desk)  # the version in which it is mended
    await polls(folder, 400)
    assert numbers(desk) == ["E1", "E2"]


# --- processes that die -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "nth"),
    [
        pytest.param("os.rename", 1, marks=pytest.mark.long),
        pytest.param("INSERT INTO feed_files", 1, marks=pytest.mark.long),
        pytest.param("INSERT INTO journal", 1, marks=pytest.mark.long),
        ("INSERT INTO journal", 4),
        pytest.param("INSERT INTO outbox", 1, marks=pytest.mark.long),
        ("os.rename", 2),
        pytest.param("os.remove", 1, marks=pytest.mark.long),
    ],
)
async def test_killed_anywhere_every_file_is_taken_once_and_told_once(
    desk: Desk, folder: DropFolder, place: str, nth: int
) -> None:
    desk.staff()
    people = [f"E{number}" for number in range(110)]
    (folder.folder / "leavers.csv").write_bytes(csv(*people) + BAD)
    killed_at(desk, place, nth, str(folder.folder))
    (folder.folder / "again.csv").write_bytes(csv("E1", last_day="2026-05-31"))
    await empties(folder)
    assert numbers(desk) == sorted(people)
    assert changes(desk) == ["notice.new"] * 110 + ["notice.moved"]
    first, second = (load_card(desk.sees(lambda tx, one=one: outbox.body(tx, one))["card"])
                     for one in desk.letters("intake.report"))  # fmt: skip
    assert [dict(card.body[0].text.args)["count"] for card in (first, second)] == [110, 1]  # type: ignore[union-attr]
    assert told(desk) == ["intake.report"] * 2


async def test_two_processes_at_one_folder_take_everything_once(desk: Desk, folder: DropFolder) -> None:
    for name in ("a", "b", "c"):
        (folder.folder / f"{name}.csv").write_bytes(csv(f"{name}1", f"{name}2") + BAD)
    other = DropFolder(folder.folder, importer(desk.again()))
    for _ in range(UNENDED * LONGER + 10):
        await asyncio.gather(folder.poll(), other.poll())
    assert list(folder.folder.iterdir()) == []
    assert numbers(desk) == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert told(desk) == ["intake.report"] * 3
