"""Every table that holds something about people is covered: by what they see, by erasing, by the sweeps."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import JSON, Boolean, Date, Float, Integer, LargeBinary, Table, func, insert, select

from bot import leaving
from jobs import enrolment, housekeeping
from storage import feeds, held, journal, leavers, openings, people, schema, search
from storage.columns import UtcDateTime
from storage.consents import Said
from storage.engine import Tx
from storage.leavers import Leaver, Stage
from tests.desk import Desk, notice
from tests.house.source import ROOT

TABLES = {table.name: table for table in schema.metadata().sorted_tables}
PEOPLES = {name: table for name, table in TABLES.items() if table.info["subject"] == "person"}
MARK = "鵜飼蛍"
NAMELESS = {
    ("outbox", "dedup"), ("outbox", "kind"), ("outbox", "delivery"), ("outbox", "reason"),
    ("journal", "what"), ("journal", "detail"), ("journal", "actor"),
    ("leavers", "entity"), ("leavers", "source"), ("leavers", "held_at_stage"), ("leavers", "question"),
    ("leavers", "stuck"), ("leavers", "stuck_told"),
    ("people", "locale"), ("people", "zone"),
    ("consents", "wording"), ("consents", "locale"), ("consents", "channel"), ("erasures", "proof"),
}  # fmt: skip
"""Columns of rows that outlive an erasing and hold words of the house or random ids, never a person's."""


NOBODYS = {"inbox", "feed_files", "uploads"}
"""Sealed files and events of which no row can be told to be one person's; all of them end soon."""


OPENING = 1
"""The number of an opening that closed long ago, to which people came."""


def an_opening(tx: Tx) -> None:
    row = openings.add(tx, "slack:T0:U0", title="x", closes_on=date(2026, 2, 1), owner="x", owner_name="x")
    openings.publish(tx, row, "slack:T0:U0")
    openings.close(tx, row)
    assert row.id == OPENING


def somebody(desk: Desk) -> Leaver:
    """An announced leaver with a private address, in a house with an opening."""
    desk.does(an_opening)
    desk.hears(notice("E1", name="鵜飼 蛍", kana="ウカイ ホタル", personal_email="hotaru@example.jp"))
    return desk.leaver("E1")


def value_for(table: Table, column: Any, person_id: str, number: int) -> Any:
    """Something that fits a column and would be recognised on the disk."""
    kind = column.type
    if any(key.column.table.name == "openings" for key in column.foreign_keys):
        return OPENING
    if column.name == table.info["whose"] or column.foreign_keys:
        return person_id
    if getattr(kind, "enum_class", None):
        return next(iter(kind.enum_class))
    mark = table.name if (table.name, column.name) in NAMELESS else f"{MARK}{table.name}.{column.name}"
    if isinstance(kind, LargeBinary):
        return f"{mark}{number}".encode()[: kind.length or 200]
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat("2026-02-01T00:00:00+09:00")
    for type_, made in ((Date, date(2026, 2, 1)), (Boolean, False), (Integer, 900 + number), (Float, 0.0)):
        if isinstance(kind, type_):
            return made
    if isinstance(kind, JSON):
        return {"words": MARK}
    return f"{mark}{number}"[-(getattr(kind, "length", None) or 200) :]


def row_for(table: Table, person_id: str, number: int = 0) -> dict[str, Any]:
    return {column.key: value_for(table, column, person_id, number) for column in table.c}


@pytest.mark.parametrize("name", sorted(PEOPLES))
def test_every_table_about_people_says_whose_its_rows_are(name: str) -> None:
    info = PEOPLES[name].info
    assert not info["whose"] or info["whose"].partition(".")[0] in PEOPLES[name].c
    assert info["erased"] in ("deleted", "blanked", "stays")
    assert info["whose"] or name in NOBODYS, "whose are its rows? see storage.columns.kept"


ELSEWHERE = {"people", "person_keys", "search_docs", "teams_references"}
"""Of these somebody has rows anyway, or of another row of theirs: `test_privacy`, `test_search` and
`test_references` look for them."""
SEEN = sorted(name for name, table in PEOPLES.items() if table.info["whose"] and name not in ELSEWHERE)


@pytest.mark.parametrize("name", SEEN)
async def test_whatever_a_table_holds_about_somebody_is_shown_and_goes(desk: Desk, name: str) -> None:
    """A row with a mark in every column: its owner sees it, and after erasing the mark is not on the disk."""
    person_id, table = somebody(desk).person_id, PEOPLES[name]
    desk.does(lambda tx: tx.execute(insert(table).values(row_for(table, person_id))))
    shown = desk.sees(lambda tx: held.everything(tx, person_id))
    assert shown[name]
    assert desk.sees(lambda tx: held.counts(tx, person_id))[name] == len(shown[name])
    assert held.as_json(shown)
    assert held.as_csv(shown)
    row = leavers.of_person
    desk.does(lambda tx: leaving.leave(tx, row(tx, person_id), Said("ja", "slack")))  # type: ignore[arg-type]
    await desk.database.write_back()
    assert MARK.encode() not in desk.bytes()
    left = desk.sees(lambda tx: held.counts(tx, person_id)).get(name, 0)
    assert (left == 0) is (table.info["erased"] == "deleted")


def test_their_own_address_is_opened_and_keys_are_only_described(desk: Desk) -> None:
    person_id = somebody(desk).person_id
    shown = desk.sees(lambda tx: held.everything(tx, person_id))
    (own,) = shown["people"]
    assert own["private_email"] == "hotaru@example.jp"
    assert own["private_email_blind"] == "[16 bytes]"
    assert re.fullmatch(r"\[\d+ bytes\]", shown["person_keys"][0]["wrapped"])
    assert {"people", "person_keys", "leavers", "journal", "search_docs"} <= shown.keys()


def test_nobody_sees_what_is_anothers(desk: Desk) -> None:
    first = somebody(desk).person_id
    desk.hears(notice("E2", name="山﨑 次郎"))
    second = desk.leaver("E2").person_id
    found = held.as_json(desk.sees(lambda tx: held.everything(tx, second))).decode()
    assert "鵜飼" not in found
    assert first not in found
    assert desk.sees(lambda tx: held.everything(tx, "p_nobody")) == {}


def test_a_kept_file_goes_with_everybody_it_may_name(desk: Desk) -> None:
    row = somebody(desk)
    desk.does(lambda tx: feeds.end(tx, feeds.begin(tx, ".csv", b"x"), 1, {}, b"E1,..."))
    desk.clock.passes(60)
    desk.does(lambda tx: leaving.leave(tx, leavers.get(tx, row.id), Said("ja", "slack")))  # type: ignore[arg-type]
    assert desk.sees(lambda tx: feeds.recent(tx)[0].sealed) is None


# --- as files -------------------------------------------------------------------------------------------


def test_json_says_why_and_how_long(desk: Desk) -> None:
    person_id = somebody(desk).person_id
    said = json.loads(desk.sees(lambda tx: held.as_json(held.everything(tx, person_id))))
    assert said["people"]["purpose"] == "stay_in_touch"
    assert said["people"]["kept"] == TABLES["people"].info["keep"]
    assert said["people"]["rows"][0]["name"] == "鵜飼 蛍"
    assert said["leavers"]["rows"][0]["last_day"] == "2026-03-31"


def test_csv_opens_in_excel(desk: Desk) -> None:
    person_id = somebody(desk).person_id
    data = desk.sees(lambda tx: held.as_csv(held.everything(tx, person_id)))
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[0] == ["table", "row", "field", "value"]
    assert ["people", "1", "name", "鵜飼 蛍"] in rows


@given(st.text(max_size=20), st.sampled_from(["=", "+", "-", "@", "＝", " =", "\t=", "\n="]))
def test_no_cell_is_run_as_a_formula(words: str, start: str) -> None:
    data = held.as_csv({"people": [{"name": start + words, "shown": [start + words]}]}).decode("utf-8-sig")
    cells = [row[3] for row in csv.reader(io.StringIO(data, newline=""))][1:]
    formulas = ("=", "+", "-", "@", "＝", "\t", "\n", "\r")
    assert not [cell for cell in cells if cell.lstrip(" ").startswith(formulas)]


# --- words for everybody --------------------------------------------------------------------------------


def test_every_table_has_words_for_whose_it_is() -> None:
    """What people read about how long is what the table declares."""
    words = tomllib.loads((ROOT / "bot/catalogue/privacy.toml").read_text("utf-8"))
    told = {name for name, table in PEOPLES.items() if table.info["whose"]}
    assert {part: told - words[part].keys() for part in ("held", "why", "until")} == {
        "held": set(), "why": set(), "until": set(),
    }  # fmt: skip
    declared = {name: TABLES[name].info["keep"] for name in sorted(told)}
    assert {name: words["until"][name]["en"] for name in sorted(told)} == declared


# --- what has an end is swept -----------------------------------------------------------------------------

YEARS = timedelta(days=4 * 366)


def counted(desk: Desk, table: Table) -> int:
    return desk.sees(lambda tx: tx.scalar(select(func.count()).select_from(table)) or 0)


ENDS = sorted(
    name for name, table in PEOPLES.items()
    if re.search(r"\d+ (hour|day|year)", table.info["keep"]) and name not in ("people", "leavers")
)  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
async def test_what_has_an_end_is_swept(desk: Desk, name: str) -> None:
    """A row of long ago, done with, is gone after one round: no declared end without a sweep."""
    person_id, table = somebody(desk).person_id, PEOPLES[name]
    ended = {"state": "stopped", "status": "sent"}
    values = {key: ended.get(key, value) for key, value in row_for(table, person_id).items()}
    if name == "accounts":
        values["person_id"] = None
    before = counted(desk, table)
    desk.does(lambda tx: tx.execute(insert(table).values(values)))
    desk.clock.passes(YEARS.total_seconds())
    await housekeeping.tidy(desk.database, 0)
    assert counted(desk, table) <= before


async def test_a_silent_record_is_erased_after_its_days(desk: Desk) -> None:
    row = somebody(desk)
    desk.clock.passes(70 * 86_400)
    await enrolment.sweep(desk.database, desk.policy)
    assert desk.sees(lambda tx: leavers.get(tx, row.id)).stage is Stage.UNANSWERED  # type: ignore[union-attr]
    desk.clock.passes(91 * 86_400)
    await enrolment.sweep(desk.database, desk.policy)
    assert desk.sees(lambda tx: people.one(tx, row.person_id)).name == ""
    assert desk.sees(lambda tx: tx.query(search.SearchDoc).count()) == 0


def test_lines_of_their_accounts_become_lines_of_a_random_id(tx: Tx) -> None:
    journal.write(tx, "incident", actor="slack:T0:U7")
    journal.rename(tx, ["slack:T0:U7"], "p_x")
    assert [line.actor for line in tx.query(journal.Line)] == ["p_x"]
