"""A large file: taken in bulk it leaves what it leaves row by row; killed half way it leaves whole batches;
nobody waits for the end of it."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from adapters.hris.csv_file import CsvFile
from adapters.hris.rows import event_id
from bot.commands import intake
from bot.notices import Heard, take_notice, take_notices
from bot.ports import LeaverNotice, LeavingType
from bot.visibility import Audience
from bot.wire import load_card
from jobs import feeds
from jobs.feeds import Importer
from storage import leavers, outbox, people, search
from storage.columns import Row
from storage.engine import Tx
from storage.journal import Line
from storage.leavers import Leaver
from storage.people import Person, PersonKey
from storage.search import SearchDoc
from tests.desk import POLICY, VAULT, Desk, tokyo
from tests.jobs.test_feeds import csv

NUMBERS, DAYS = ("E1", "E2", "E3", "E4"), (date(2026, 1, 15), date(2026, 3, 31), date(2026, 12, 31))
NOTICES = st.builds(
    LeaverNotice, source=st.just("csv"), event_id=st.just(""), entity=st.sampled_from(("", "B")),
    employee_number=st.sampled_from(NUMBERS), name=st.sampled_from(("髙橋 愛子", "李")),
    last_day=st.sampled_from(DAYS), kana=st.sampled_from(("", "タカハシ アイコ")),
    romaji=st.sampled_from(("", "Takahashi")), company_email=st.just("a@minato.example.jp"),
    personal_email=st.sampled_from(("", "a@home.example.jp", "Ａ@home.example.jp")),
    last_working_day=st.sampled_from((None, date(2026, 3, 13))), department=st.sampled_from(("", "営業部")),
    hired_on=st.sampled_from((None, date(2015, 4, 1), date(2026, 2, 1))),
    leaving_type=st.sampled_from((LeavingType.RESIGNATION, LeavingType.DISMISSAL)),
    withdrawn=st.integers(0, 5).map(lambda n: n == 0), may_enrol=st.integers(0, 4).map(bool),
    locale=st.sampled_from(("", "en")),
)  # fmt: skip


NOTICES = NOTICES.map(lambda notice: replace(notice, event_id=event_id(notice)))
LISTS = st.lists(NOTICES, max_size=8)


@settings(max_examples=20)
@given(known=LISTS, erased=st.lists(st.tuples(NOTICES, st.booleans()), max_size=2), file=LISTS,
       cut=st.integers(0, 8))  # fmt: skip
def test_in_bulk_is_row_by_row(
    lasting_desk: Desk,
    known: Sequence[LeaverNotice],
    erased: Sequence[tuple[LeaverNotice, bool]],
    file: Sequence[LeaverNotice],
    cut: int,
) -> None:
    outcomes = []
    for in_bulk in (False, True):
        with lasting_desk.transaction() as tx:
            for notice, died in erased:
                _erased(tx, notice, died)
            for notice in known:
                take_notice(tx, notice, POLICY)
            if in_bulk:
                heard = [one for part in (file[:cut], file[cut:]) for one in take_notices(tx, part, POLICY)]
            else:
                heard = [take_notice(tx, notice, POLICY) for notice in file]
            outcomes.append((heard, _left(tx)))
    assert outcomes[0] == outcomes[1]


def _erased(tx: Tx, notice: LeaverNotice, died: bool) -> None:
    take_notice(tx, notice, POLICY)
    leaver = leavers.latest(tx, notice.entity, notice.employee_number)
    if leaver is not None:
        leavers.suppress(tx, leaver, for_good=died)
        people.erase(tx, leaver.person_id)
        leavers.blank(tx, leaver.person_id)


WORDS = ("愛子", "李", "takahasi", "営業")
LEFT_OUT = {"id", "version", "private_email"}


def _left(tx: Tx) -> dict[str, Any]:
    """All that a transaction would leave, in its order, with people as numbers and secrets in the clear."""
    tx.flush()
    tx.expire_all()
    order = tx.scalars(select(Leaver.person_id).order_by(Leaver.id))
    whose = {person: number for number, person in enumerate(dict.fromkeys(order))}
    found: dict[str, Any] = {}
    for table in set(Row.metadata.sorted_tables) - {Person.__table__, PersonKey.__table__}:
        rows = tx.execute(select(table).order_by(*table.primary_key)).mappings()
        found[table.name] = [_plain(row, whose) for row in rows]
    folk = sorted(tx.scalars(select(Person)), key=lambda person: whose[person.id])
    mails = [people.private_email(tx, person) for person in folk if tx.get(PersonKey, person.id)]
    columns = Person.__table__.columns.keys()
    found["people"] = mails, [_plain({key: getattr(one, key) for key in columns}, whose) for one in folk]
    found["keys"] = sorted(whose[key] for key in tx.scalars(select(PersonKey.person_id)))
    found["hits"] = [sorted(whose[hit.id] for hit in _hits(tx, word)) for word in WORDS]
    return found


def _plain(row: Mapping[str, Any], whose: Mapping[str, int]) -> dict[str, Any]:
    return {key: _same(value, whose) for key, value in row.items() if key not in LEFT_OUT}


def _same(value: Any, whose: Mapping[str, int]) -> Any:
    """A value without what is different at every run: ids are counted on, also after a rollback."""
    if not isinstance(value, str):
        return value
    return "erased" if value.startswith("erased:") else whose.get(value, value)


def _hits(tx: Tx, word: str) -> Sequence[people.Profile]:
    return search.find(tx, word, Audience.HR, size=100).hits


# --- in batches ---------------------------------------------------------------------------------------------


def importer(desk: Desk) -> Importer:
    return Importer(desk.database, POLICY, CsvFile())


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "BATCH", 20)


async def test_who_else_writes_waits_for_a_batch_and_not_for_the_file(desk: Desk) -> None:
    many = csv(*(f"E{number}" for number in range(200)))
    seen: list[int] = []
    going = asyncio.create_task(importer(desk).take(many, "leavers.csv"))
    while not going.done():
        seen.append(await desk.database.run(_count))
    assert (await going).counts == {Heard.NEW: 200}
    assert all(count % 20 == 0 for count in seen)
    assert len({*seen} - {200}) > 3, "in between"


def _count(tx: Tx) -> int:
    return tx.scalar(select(func.count()).select_from(Leaver)) or 0


async def test_a_dry_run_tells_everybody_and_names_a_few(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "NAMED", 30)
    many = csv(*(f"E{number}" for number in range(100)))
    result = await importer(desk).try_out(many, "leavers.csv")
    assert (result.counts, len(result.changes), desk.sees(_count)) == ({Heard.NEW: 100}, 30, 0)
    card = intake.difference_card(result.counts, result.errors, result.changes)
    assert dict(card.body[-1].text.args)["count"] == 70  # type: ignore[union-attr]


async def test_two_stints_of_one_person_are_of_one_batch_wherever_they_stand(desk: Desk) -> None:
    """A dry run is rolled back batch by batch, and says the same as the file then does."""
    head, row = "社員番号,氏名,入社日,退職日,退職区分\r\n", "{},田中,{},{},自己都合\r\n"
    rows = [row.format(f"E{number}", "2015-04-01", "2026-01-31") for number in range(45)]
    rows += [row.format(f"E{number}", "2026-02-01", "2027-03-31") for number in (0, 19, 44)]
    data = (head + "".join(rows)).encode()
    desk.clock.travel(tokyo("2026-02-02", "19:00"))
    tried = await importer(desk).try_out(data, "leavers.csv")
    taken = await importer(desk).take(data, "leavers.csv")
    assert tried.counts == taken.counts
    assert taken.counts.total() == 48


# --- killed -------------------------------------------------------------------------------------------------

BAD = "X1,佐藤,,mistyped,自己都合,予定\r\n".encode()


@pytest.mark.parametrize(
    ("place", "nth", "before"),
    [
        pytest.param("INSERT INTO journal", 1, 0, marks=pytest.mark.long),
        ("INSERT INTO journal", 4, 60),
        ("INSERT INTO outbox", 1, 110),
    ],
)
async def test_killed_anywhere_it_goes_on_and_tells_hr_all_of_it_once(
    desk: Desk, tmp_path: Path, place: str, nth: int, before: int
) -> None:
    """Also after the last batch, when nothing is left to do but to tell."""
    desk.staff()
    file = tmp_path / "leavers.csv"
    file.write_bytes(csv(*(f"E{number}" for number in range(110))) + BAD)
    killed_at(desk, place, nth, str(file))
    assert desk.sees(_everything) == {(before,)}
    assert desk.letters() == []
    result = await importer(desk).take(file.read_bytes(), file.name)
    assert (result.counts, len(result.errors)) == ({Heard.NEW: 110}, 1)
    assert desk.sees(_everything) == {(110,)}
    again = await importer(desk).take(file.read_bytes(), file.name)
    assert (again.counts, len(again.errors)) == ({Heard.SAME: 110}, 1)
    (letter,) = desk.letters("intake.report")
    card = load_card(desk.sees(lambda tx: outbox.body(tx, letter))["card"])
    assert card == intake.report_card(result.counts, result.errors)


def _everything(tx: Tx) -> set[Any]:
    """How many rows each table has: one number, as long as nobody is there by halves."""
    new = select(func.count()).where(Line.what == "notice.new")
    tables = [select(func.count()).select_from(kind) for kind in (Leaver, Person, PersonKey, SearchDoc)]
    return {tuple(row) for query in (new, *tables) for row in tx.execute(query)}


def killed_at(desk: Desk, place: str, nth: int, path: str) -> None:
    """Another process takes files; it is killed when it is about to do something for the nth time."""
    key = ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in VAULT.ring.items())
    command = [sys.executable, "-m", "tests.jobs.taker", desk.database.url, key, path, place, str(nth)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as taker:
        assert taker.stdout is not None
        assert taker.stdout.readline() == b"here\n"
        taker.kill()


# --- two that both believe to lead --------------------------------------------------------------------------


async def test_two_processes_that_take_one_file_at_once_tell_hr_once(desk: Desk) -> None:
    """A leader that was thought dead goes on beside the one that follows it."""
    desk.staff()
    data = csv(*(f"E{number}" for number in range(110))) + BAD
    other = desk.again()
    await asyncio.gather(*(importer(one).take(data, "leavers.csv") for one in (desk, other)))
    assert desk.sees(_everything) == {(110,)}
    (letter,) = desk.letters("intake.report")
    card = load_card(desk.sees(lambda tx: outbox.body(tx, letter))["card"])
    assert dict(card.body[0].text.args)["count"] == 110  # type: ignore[union-attr]
