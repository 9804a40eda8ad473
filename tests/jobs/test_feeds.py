"""Files of leavers: what they change, what is told of it, and what is kept."""

from __future__ import annotations

from adapters.hris.csv_file import CsvFile
from adapters.hris.mapping import Layers, load_mapping
from bot.notices import Heard
from jobs import housekeeping
from jobs.feeds import BATCH, Importer
from storage import feeds
from storage.engine import Tx, vault_of
from storage.leavers import Leaver
from tests.desk import POLICY, Desk

HEAD = "社員番号,氏名,会社メール,退職日,退職区分,状態\r\n"


def csv(*numbers: str, last_day: str = "2026-03-31") -> bytes:
    rows = (f"{n},田中 {n},{n.lower()}@minato.example.jp,{last_day},自己都合,予定\r\n" for n in numbers)
    return (HEAD + "".join(rows)).encode()


def importer(desk: Desk, keep_days: int = 0) -> Importer:
    return Importer(desk.database, POLICY, CsvFile(load_mapping(None)), keep_days)


def numbers(desk: Desk) -> list[str]:
    return desk.sees(lambda tx: sorted(row.employee_number for row in tx.query(Leaver)))


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


async def test_the_same_mistakes_of_the_same_file_are_told_once(desk: Desk) -> None:
    """Until HR says what a word of theirs means, and fewer are left."""
    desk.staff()
    data = csv("E1") + "E2,佐藤,,secret,自己都合,そのうち\r\n".encode()
    source = CsvFile()
    reading = Importer(desk.database, POLICY, source)
    for _ in range(3):
        await reading.take(data, "leavers.csv")
        desk.clock.passes(86_400)
    assert len(desk.letters("intake.report")) == 1
    source.mapping = Layers.of().mapping({"values": {"state": {"planned": ["そのうち"]}}})
    await reading.take(data, "leavers.csv")
    assert len(desk.letters("intake.report")) == 2


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
