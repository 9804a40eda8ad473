"""What HR applied on the desk: taken once and told once, whoever is killed; then its content is gone."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from bot.ports import FeedReading
from bot.wire import load_card
from jobs.feeds import Importer
from storage import feeds, outbox, uploads
from storage.feeds import FeedFile
from storage.uploads import Upload
from tests.desk import POLICY, Desk
from tests.jobs.dropping import changes, told
from tests.jobs.test_feeds import csv, importer, numbers
from tests.jobs.test_feeds_in_bulk import BAD, killed_at

HR = "web:company:1"


def applied(desk: Desk, data: bytes, name: str = "leavers.csv") -> int:
    """HR lays a file on the desk and presses."""
    upload = desk.does(lambda tx: uploads.lay(tx, HR, name, data))
    number = desk.does(lambda tx: uploads.apply(tx, HR, upload))
    assert number is not None
    return number


def kept(desk: Desk) -> int:
    """Of how many files the content is still there."""
    return desk.sees(lambda tx: tx.query(FeedFile).filter(FeedFile.sealed.is_not(None)).count())


@pytest.mark.parametrize(
    ("place", "nth"),
    [
        pytest.param("INSERT INTO journal", 1, marks=pytest.mark.long),
        ("INSERT INTO journal", 4),
        ("INSERT INTO outbox", 1),
        pytest.param("UPDATE feed_files", 7, marks=pytest.mark.long),
    ],
)
async def test_killed_anywhere_it_is_taken_once_and_told_once(desk: Desk, place: str, nth: int) -> None:
    desk.staff()
    people = [f"E{number}" for number in range(110)]
    number = applied(desk, csv(*people) + BAD)
    killed_at(desk, place, nth, "-")
    assert desk.sees(lambda tx: feeds.became(tx, HR, number)).keys().isdisjoint({"card"})  # type: ignore[union-attr]
    while await importer(desk).take_laid():
        pass
    assert numbers(desk) == sorted(people)
    assert changes(desk) == ["notice.new"] * 110
    assert told(desk) == ["intake.report"]
    (letter,) = desk.letters("intake.report")
    shown = desk.sees(lambda tx: feeds.became(tx, HR, number))
    assert shown is not None
    assert shown["card"] == desk.sees(lambda tx: outbox.body(tx, letter))["card"]
    assert dict(load_card(shown["card"]).body[0].text.args)["count"] == 110  # type: ignore[union-attr]
    assert kept(desk) == 0


async def test_several_are_taken_in_the_order_in_which_they_were_applied(desk: Desk) -> None:
    for day in ("2026-04-30", "2026-05-31"):
        applied(desk, csv("E1", last_day=day))
    assert [await importer(desk).take_laid() for _ in range(3)] == [True, True, False]
    assert changes(desk) == ["notice.new", "notice.moved"]
    assert str(desk.leaver().last_day) == "2026-05-31"


async def test_what_waits_outlasts_the_hour_and_every_cleaning(desk: Desk) -> None:
    """It was promised; only what nobody applied goes after its hour."""
    applied(desk, csv("E1"))
    desk.does(lambda tx: uploads.lay(tx, HR, "other.csv", csv("E2")))
    desk.clock.passes(86_400)
    desk.does(lambda tx: feeds.forget(tx, desk.clock.now()))
    desk.does(lambda tx: uploads.outdated(desk.clock.now()).clear(tx))
    assert desk.sees(lambda tx: tx.query(Upload).count()) == 0
    assert await importer(desk).take_laid()
    assert (numbers(desk), kept(desk)) == (["E1"], 0)


@pytest.mark.parametrize("days", [0, 3])
async def test_afterwards_the_content_is_kept_as_the_setting_says(desk: Desk, days: int) -> None:
    applied(desk, csv("E1"))
    assert await importer(desk, keep_days=days).take_laid()
    assert kept(desk) == (days > 0)


async def test_a_bug_of_ours_is_told_with_its_code_and_nobody_waits_behind_it(desk: Desk) -> None:
    class Stumbles:
        def read(self, data: bytes, name: str) -> FeedReading:
            raise RuntimeError("a bug in reading this one: 田中")

    desk.staff()
    first, _ = applied(desk, csv("E1")), applied(desk, csv("E2"))
    with capture_logs() as logs:
        assert await Importer(desk.database, POLICY, Stumbles()).take_laid()
    (code,) = (line["code"] for line in logs if line["event"] == "incident")
    shown = desk.sees(lambda tx: feeds.became(tx, HR, first))
    assert shown is not None
    assert code in shown["card"]
    assert await importer(desk).take_laid()
    assert (numbers(desk), kept(desk)) == (["E2"], 0)
    assert told(desk) == ["intake.rejected", "intake.report"]
