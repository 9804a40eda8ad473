"""The drop folder: takes what has come to rest, all of it, once; nothing goes that was not read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobs.drop import LONGER, RESTS, UNENDED, DropFolder
from jobs.feeds import Importer
from storage import feeds
from tests.desk import POLICY, Desk
from tests.jobs.dropping import Meanwhile, changes, empties, polls, rests, told
from tests.jobs.test_feeds import csv, numbers

HALF = len("-31,自己都合,予定\r\n".encode())
"""Bytes of the end of `csv` after which a day is cut."""


# --- rest ---------------------------------------------------------------------------------------------------


async def test_a_file_is_taken_when_it_was_the_same_for_a_while(desk: Desk, folder: DropFolder) -> None:
    assert not await folder.poll()
    file = folder.folder / "leavers.csv"
    file.write_bytes(csv("E1"))
    assert await polls(folder, RESTS - 1), "it is there, so the house is not quiet"
    assert numbers(desk) == []
    assert await folder.poll()
    assert numbers(desk) == ["E1"]
    assert not file.exists()
    assert told(desk) == ["intake.report"]
    assert not await folder.poll()
    await empties(folder)


async def test_a_growing_file_waits(desk: Desk, folder: DropFolder) -> None:
    file = folder.folder / "leavers.csv"
    whole = csv("E1", "E2")
    for size in (20, 60, 100, len(whole)):
        file.write_bytes(whole[:size])
        await polls(folder, RESTS - 1)
        assert numbers(desk) == []
    await folder.poll()
    assert numbers(desk) == ["E1", "E2"]
    assert told(desk) == ["intake.report"]


async def test_a_file_rewritten_with_the_same_size_waits_too(desk: Desk, folder: DropFolder) -> None:
    file = folder.folder / "leavers.csv"
    file.write_bytes(csv("E1"))
    await polls(folder, RESTS - 1)
    file.write_bytes(csv("E2"))
    os.utime(file, ns=(1, 1))
    await polls(folder, RESTS - 1)
    assert numbers(desk) == []
    await folder.poll()
    assert numbers(desk) == ["E2"]


async def test_a_file_put_in_the_place_of_one_that_rested_waits_too(desk: Desk, folder: DropFolder) -> None:
    """With the same size and time, as a copy that keeps them has."""
    file, other = folder.folder / "leavers.csv", folder.folder / "new.part"
    file.write_bytes(csv("E1"))
    os.utime(file, ns=(1, 1))
    await polls(folder, RESTS - 1)
    other.write_bytes(csv("E2"))
    os.utime(other, ns=(1, 1))
    other.replace(file)
    await folder.poll()
    assert numbers(desk) == []
    await rests(folder)
    assert numbers(desk) == ["E2"]


async def test_an_export_that_opens_its_file_first_and_asks_for_long_loses_nothing(
    desk: Desk, folder: DropFolder
) -> None:
    with (folder.folder / "leavers.csv").open("wb") as export:
        await polls(folder, UNENDED - 1)
        export.write(csv("E1", "E2"))
    await empties(folder)
    assert numbers(desk) == ["E1", "E2"]
    assert told(desk) == ["intake.report"]


async def test_an_empty_file_is_told_after_long_and_what_comes_into_it_then_is_taken(
    desk: Desk, folder: DropFolder
) -> None:
    with (folder.folder / "leavers.csv").open("wb") as export:
        await polls(folder, UNENDED * LONGER)
        assert told(desk) == ["intake.rejected"]
        export.write(csv("E1"))
    await empties(folder)
    assert numbers(desk) == ["E1"]


async def test_an_export_that_pauses_within_a_day_tells_no_wrong_one(desk: Desk, folder: DropFolder) -> None:
    whole = csv("E1", "E2")
    with (folder.folder / "leavers.csv").open("wb", buffering=0) as export:
        export.write(whole[: 1 - HALF])  # 2026-03-3
        await polls(folder, UNENDED - 1)
        assert numbers(desk) == []
        export.write(whole[1 - HALF :])
    await empties(folder)
    assert {str(desk.leaver(number).last_day) for number in ("E1", "E2")} == {"2026-03-31"}
    assert changes(desk) == ["notice.new"] * 2


@pytest.mark.parametrize("at", [1 - HALF, -HALF, len(csv())])
async def test_what_an_export_writes_when_its_file_was_taken_is_taken_too(
    desk: Desk, folder: DropFolder, at: int
) -> None:
    """It pauses for longer than anybody waits, within a day, behind one, or at the end of a line."""
    whole = csv("E1", "E2")
    with (folder.folder / "leavers.csv").open("wb", buffering=0) as export:
        export.write(whole[:at])
        await polls(folder, UNENDED)
        assert len(numbers(desk)) < 2 or at != len(csv())
        export.write(whole[at:])
    await empties(folder)
    assert {str(desk.leaver(number).last_day) for number in ("E1", "E2")} == {"2026-03-31"}


async def test_a_last_line_without_an_end_is_believed_after_long(desk: Desk, folder: DropFolder) -> None:
    (folder.folder / "leavers.csv").write_bytes(csv("E1", "E2").removesuffix(b"\r\n"))
    await polls(folder, UNENDED - 1)
    assert numbers(desk) == []
    assert await folder.poll()
    assert numbers(desk) == ["E1", "E2"]
    await empties(folder)


async def test_a_new_file_under_the_name_of_one_that_is_being_taken_is_taken_too(
    desk: Desk, folder: DropFolder
) -> None:
    file, files = folder.folder / "leavers.csv", [csv("E2", "E3"), csv("E4")]

    def export(_: bytes) -> None:
        if files:
            new = file.with_name("new.part")
            new.write_bytes(files.pop(0))
            new.replace(file)

    folder.importer = Importer(desk.database, POLICY, Meanwhile(export))
    file.write_bytes(csv("E1"))
    await empties(folder)
    assert numbers(desk) == ["E1", "E2", "E3", "E4"]


async def test_a_file_that_changes_while_another_is_taken_waits(desk: Desk, folder: DropFolder) -> None:
    late = folder.folder / "z.csv"

    def export(data: bytes) -> None:
        if b"E1" in data:
            late.write_bytes(csv("E2")[:-20])

    folder.importer = Importer(desk.database, POLICY, Meanwhile(export))
    (folder.folder / "a.csv").write_bytes(csv("E1"))
    late.write_bytes(csv("E2", "E3"))
    await polls(folder, RESTS + 3)
    assert (numbers(desk), told(desk)) == (["E1"], ["intake.report"])
    assert [record.rows for record in desk.sees(feeds.recent)] == [1], "the half of it was not read"
    late.write_bytes(csv("E2", "E3", "E4"))
    await empties(folder)
    assert numbers(desk) == ["E1", "E2", "E3", "E4"]


async def test_of_two_files_about_one_person_the_one_that_was_written_later_holds(
    desk: Desk, folder: DropFolder
) -> None:
    for number, (name, day) in enumerate((("z.csv", "2026-04-30"), ("a.csv", "2026-05-31")), 1):
        (folder.folder / name).write_bytes(csv("E1", last_day=day))
        os.utime(folder.folder / name, ns=(number, number))
    await empties(folder)
    assert str(desk.leaver().last_day) == "2026-05-31"
    assert changes(desk) == ["notice.new", "notice.moved"]


# --- not ours -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [".leavers.csv", "~leavers.csv", ".okaeri.csv", "leavers.csv.part", "leavers", "link.csv", "folder.csv"],
)
async def test_hidden_files_links_folders_and_others_are_left_alone(
    desk: Desk, folder: DropFolder, tmp_path: Path, name: str
) -> None:
    path = folder.folder / name
    if name == "link.csv":
        (tmp_path / "secret.csv").write_bytes(csv("E1"))
        path.symlink_to(tmp_path / "secret.csv")
    elif name == "folder.csv":
        path.mkdir()
    else:
        path.write_bytes(csv("E1"))
    for _ in range(RESTS + 1):
        assert not await folder.poll()
    assert numbers(desk) == []
    assert path.exists()


async def test_a_file_that_became_a_link_is_not_followed(
    desk: Desk, folder: DropFolder, tmp_path: Path
) -> None:
    secret, path = tmp_path / "secret.csv", folder.folder / "a.csv"
    path.write_bytes(csv("E1"))
    secret.write_bytes(csv("E1"))
    await polls(folder, RESTS - 1)
    path.unlink()
    path.symlink_to(secret)
    for _ in range(RESTS + 1):
        assert not await folder.poll()
    assert numbers(desk) == []
    assert secret.exists()
    assert desk.letters() == []


async def test_the_name_of_a_file_is_not_kept(desk: Desk, folder: DropFolder) -> None:
    (folder.folder / "解雇_田中愛子.csv").write_bytes(csv("E1"))
    await rests(folder)
    assert [record.name for record in desk.sees(feeds.recent)] == [".csv"]
    assert "解雇".encode() not in desk.bytes()
    assert all("解雇" not in path.name for path in folder.folder.iterdir())
