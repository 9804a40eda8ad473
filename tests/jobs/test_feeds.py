"""The drop folder: takes what has come to rest, tells what it could not take, leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.hris.csv_file import CsvFile
from adapters.hris.mapping import load_mapping
from bot.notices import Heard
from jobs import housekeeping
from jobs.feeds import BATCH, DropFolder, Importer
from storage import feeds, leavers, outbox
from storage.engine import Tx, vault_of
from storage.leavers import Leaver
from tests.desk import POLICY, Desk

HEAD = "社員番号,氏名,会社メール,退職日,退職区分,状態\r\n"


def csv(*numbers: str, last_day: str = "2026-03-31") -> bytes:
    rows = (f"{n},田中 {n},{n.lower()}@minato.example.jp,{last_day},自己都合,予定\r\n" for n in numbers)
    return (HEAD + "".join(rows)).encode()


def importer(desk: Desk, keep_days: int = 0) -> Importer:
    return Importer(desk.database, POLICY, CsvFile(load_mapping(None)), keep_days)


@pytest.fixture
def folder(desk: Desk, tmp_path: Path) -> DropFolder:
    """An empty drop folder; HR is one person."""
    desk.staff()
    (tmp_path / "drop").mkdir()
    return DropFolder(tmp_path / "drop", importer(desk), max_bytes=10_000)


def numbers(desk: Desk) -> list[str]:
    return desk.sees(lambda tx: sorted(row.employee_number for row in tx.query(Leaver)))


async def test_a_file_is_taken_when_its_size_was_the_same_twice(desk: Desk, folder: DropFolder) -> None:
    assert not await folder.poll()
    file = folder.folder / "leavers.csv"
    file.write_bytes(csv("E1"))
    assert await folder.poll(), "it is there, so the house is not quiet"
    assert numbers(desk) == []
    assert await folder.poll()
    assert numbers(desk) == ["E1"]
    assert not file.exists()
    assert len(desk.letters("intake.report")) == 1
    assert not await folder.poll()


async def test_a_growing_file_waits(desk: Desk, folder: DropFolder) -> None:
    file = folder.folder / "leavers.csv"
    whole = csv("E1", "E2")
    for size in (20, 60, 100, len(whole)):
        file.write_bytes(whole[:size])
        await folder.poll()
        assert numbers(desk) == []
    await folder.poll()
    assert numbers(desk) == ["E1", "E2"]
    assert len(desk.letters("intake.report")) == 1


async def test_a_file_rewritten_with_the_same_size_waits_too(desk: Desk, folder: DropFolder) -> None:
    file = folder.folder / "leavers.csv"
    file.write_bytes(csv("E1"))
    await folder.poll()
    file.write_bytes(csv("E2"))
    os.utime(file, ns=(1, 1))
    await folder.poll()
    assert numbers(desk) == []
    await folder.poll()
    assert numbers(desk) == ["E2"]


@pytest.mark.parametrize(
    "name",
    [".leavers.csv", "~leavers.csv", "leavers.csv.part", "leavers", "link.csv", "folder.csv"],
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
    for _ in range(3):
        assert not await folder.poll()
    assert numbers(desk) == []
    assert path.exists()


async def test_a_file_that_became_a_link_is_not_followed(
    desk: Desk, folder: DropFolder, tmp_path: Path
) -> None:
    (tmp_path / "secret.csv").write_bytes(csv("E1"))
    link, gone = folder.folder / "a.csv", folder.folder / "b.csv"
    link.symlink_to(tmp_path / "secret.csv")
    for path in (link, gone):
        await folder._take(path)
    assert numbers(desk) == []
    assert (tmp_path / "secret.csv").exists()
    assert desk.letters() == []


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
    await folder.poll()
    await folder.poll()
    (letter,) = desk.letters("intake.rejected")
    body = desk.sees(lambda tx: outbox.body(tx, letter))
    assert key in body["card"]
    assert list(folder.folder.iterdir()) == []
    assert numbers(desk) == ["E1"], "the good one beside it is taken"


async def test_bad_rows_are_told_and_the_good_ones_taken(desk: Desk) -> None:
    desk.staff()
    result = await importer(desk).take(csv("E1") + "E2,佐藤,,secret,自己都合,予定\r\n".encode(), "l.csv")
    assert (result.rows, len(result.errors), result.counts) == (2, 1, {Heard.NEW: 1})
    (record,) = desk.sees(feeds.recent)
    assert record.outcome == {"counts": {"new": 1}, "errors": [[3, "退職日", "bad_date"]]}
    assert b"secret" not in desk.bytes()
    assert len(desk.letters("intake.report")) == 1


async def test_the_same_file_again_changes_nothing_and_tells_nobody(desk: Desk) -> None:
    desk.staff()
    data = csv("E1", "E2")
    await importer(desk).take(data, "leavers.csv")
    before = [desk.leaver(n).version for n in ("E1", "E2")]
    result = await importer(desk).take(data, "leavers-copy.csv")
    assert result.counts == {Heard.SAME: 2}
    assert [desk.leaver(n).version for n in ("E1", "E2")] == before
    assert len(desk.letters("intake.report")) == 1


async def test_trying_out_shows_the_difference_and_leaves_nothing(desk: Desk) -> None:
    desk.staff()
    await importer(desk).take(csv("E1"), "leavers.csv")
    letters = len(desk.letters())
    result = await importer(desk).try_out(csv("E1", "E2", last_day="2026-04-30"), "leavers.csv")
    assert result.counts == {Heard.MOVED: 1, Heard.NEW: 1}
    assert numbers(desk) == ["E1"]
    assert str(desk.leaver().last_day) == "2026-03-31"
    assert len(desk.letters()) == letters
    assert len(desk.sees(feeds.recent)) == 1


async def test_a_large_file_is_taken_in_batches(desk: Desk) -> None:
    many = [f"E{n}" for n in range(BATCH + 5)]
    result = await importer(desk).take(csv(*many), "leavers.csv")
    assert result.counts == {Heard.NEW: BATCH + 5}
    assert len(numbers(desk)) == BATCH + 5


async def test_killed_before_deleting_the_file_it_begins_anew_without_harm(
    desk: Desk, folder: DropFolder
) -> None:
    file = folder.folder / "leavers.csv"
    file.write_bytes(csv("E1", "E2"))
    await folder.importer.take(file.read_bytes(), file.name)  # and then the process died
    versions = [desk.leaver(n).version for n in ("E1", "E2")]
    reborn = DropFolder(folder.folder, importer(desk))
    await reborn.poll()
    await reborn.poll()
    assert not file.exists()
    assert [desk.leaver(n).version for n in ("E1", "E2")] == versions
    assert len(desk.letters("intake.report")) == 1


async def test_killed_half_way_through_the_rest_is_taken_the_next_time(desk: Desk) -> None:
    await importer(desk).take(csv("E1"), "half.csv")
    result = await importer(desk).take(csv("E1", "E2", "E3"), "whole.csv")
    assert result.counts == {Heard.SAME: 1, Heard.NEW: 2}


async def test_a_file_is_kept_sealed_for_as_long_as_the_setting_says(desk: Desk) -> None:
    data = csv("E1")
    await importer(desk, keep_days=3).take(data, "leavers.csv")

    def opened(tx: Tx) -> bytes | None:
        (record,) = feeds.recent(tx)
        return record.sealed and vault_of(tx).unwrap(record.sealed, f"feed_files:{record.id}")

    assert desk.sees(opened) == data
    assert data not in desk.bytes()
    desk.clock.passes(3 * 86_400 - 1)
    await housekeeping.tidy(desk.database, 3)
    assert desk.sees(opened) == data
    desk.clock.passes(2)
    await housekeeping.tidy(desk.database, 3)
    assert desk.sees(opened) is None
    await importer(desk).take(csv("E9"), "leavers.csv")
    assert all(record.sealed is None for record in desk.sees(feeds.recent))


async def test_the_name_of_a_file_is_not_kept(desk: Desk, folder: DropFolder) -> None:
    (folder.folder / "解雇_田中愛子.csv").write_bytes(csv("E1"))
    await folder.poll()
    await folder.poll()
    assert [record.name for record in desk.sees(feeds.recent)] == [".csv"]
    assert "解雇".encode() not in desk.bytes()
    assert desk.sees(leavers.counts)
