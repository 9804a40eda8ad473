"""The index: finds what an audience may see, all of it and nothing else, and forgets without a trace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from bot import names
from bot.visibility import CHOOSABLE, Audience, visible
from storage import people, search
from storage.engine import Tx, now
from storage.people import Person
from tests.desk import Desk, desk_on, tokyo

SEARCHED = ("name", "kana", "former_name", "employer", "position", "skills", "department", "place")


@dataclass(frozen=True)
class Somebody:
    """What a random person enters and shows."""

    values: dict[str, str]
    romaji: str
    shown: tuple[str, ...]
    listed: bool


WORDS = st.sampled_from(
    ["田中", "髙橋", "高橋", "愛子", "山田太郎", "タナカ", "たかはし", "さとう", "ﾜﾀﾅﾍﾞ", "渡邉", "渡辺", "田",
     "Tanaka", "O'Brien", "ＳＡＴＯＨ", "Ana-Maria Müller", "_valumni", "a", "営業部", "福岡", "東京 23",
     "😀", "青空ロジ 株式会社", "Python, 経理", "python"]
)  # fmt: skip
PHRASES = st.lists(WORDS, min_size=1, max_size=2).map(" ".join)
PEOPLE = st.builds(
    Somebody,
    st.fixed_dictionaries({"name": PHRASES}, optional=dict.fromkeys(SEARCHED[1:], PHRASES)),
    st.sampled_from(["", "takahashi", "Sato"]),
    st.lists(st.sampled_from(CHOOSABLE), unique=True).map(tuple),
    st.booleans(),
)
QUERIES = st.one_of(
    PHRASES, WORDS, st.text(max_size=20), st.sampled_from(["_alumni", "_hr", '"', "*", "AND", "ta*"])
)


def add(tx: Tx, somebody: Somebody) -> Person:
    values = dict(somebody.values)
    person = people.add(tx, values.pop("name"), romaji=somebody.romaji, member_from=now(tx), **values)
    person.shown, person.listed = list(somebody.shown), somebody.listed
    tx.flush()
    search.index(tx, person)
    return person


def truth(somebody: Somebody, query: str, audience: Audience) -> bool:
    """Whether somebody is to be found, by brute force over the terms of what the audience sees."""
    wanted = names.query_terms(query)
    fields = visible(audience, somebody.shown, listed=somebody.listed)
    held = {t for f in SEARCHED if f in fields for t in names.terms(somebody.values.get(f, ""))}
    if fields and ((somebody.values.get("kana") and "kana" in fields) or audience is Audience.HR):
        held |= names.terms(somebody.romaji)
    if not wanted or not fields:
        return False
    return all(any(t == w.term or (w.prefix and t.startswith(w.term)) for t in held) for w in wanted)


@pytest.mark.parametrize("on_server", [False, True])
def test_the_index_finds_what_brute_force_finds(on_server: bool) -> None:
    """FTS5 and tsvector: what both find is what is true, so both find the same."""
    with desk_on(on_server=on_server) as desk:

        @settings(max_examples=60)
        @given(st.lists(PEOPLE, min_size=1, max_size=6), st.lists(QUERIES, min_size=1, max_size=6))
        def agree(crowd: list[Somebody], queries: list[str]) -> None:
            with desk.transaction() as tx:
                rows = [(somebody, add(tx, somebody)) for somebody in crowd]
                for query in queries:
                    for audience in (Audience.ALUMNI, Audience.HR):
                        found = {hit.id for hit in search.find(tx, query, audience, size=50).hits}
                        true = {row.id for somebody, row in rows if truth(somebody, query, audience)}
                        assert found == true, query
                if not on_server:
                    tx.execute(text("INSERT INTO search_fts(search_fts) VALUES ('integrity-check')"))

        agree()


@settings(max_examples=40)
@given(somebody=PEOPLE)
def test_alumni_never_see_a_hidden_field(lasting_desk: Desk, somebody: Somebody) -> None:
    with lasting_desk.transaction() as tx:
        add(tx, somebody)
        for query in somebody.values.values():
            for hit in search.find(tx, query, Audience.ALUMNI).hits:
                shown = {f for f in (*SEARCHED, "about") if getattr(hit, f)}
                assert shown <= {"name", *somebody.shown}


def person(tx: Tx, name: str = "髙橋 愛子", **values: str) -> Person:
    made = people.add(
        tx, name, kana="タカハシ アイコ", romaji="Takahashi Aiko", member_from=now(tx), listed=True, **values
    )
    made.shown = ["kana", "employer"]
    tx.flush()
    search.index(tx, made)
    return made


def ids(tx: Tx, query: str, audience: Audience = Audience.ALUMNI) -> list[str]:
    return [hit.id for hit in search.find(tx, query, audience).hits]


def test_a_change_is_found_at_once_and_the_old_words_are_not(tx: Tx) -> None:
    aiko = person(tx, employer="青空ロジ")
    assert ids(tx, "青空") == [aiko.id]
    aiko.employer = "港商事"
    search.index(tx, aiko)
    assert ids(tx, "港商事") == [aiko.id]
    assert ids(tx, "青空") == []
    aiko.shown = []
    search.index(tx, aiko)
    assert ids(tx, "港商事") == ids(tx, "takahashi") == []
    assert ids(tx, "港商事", Audience.HR) == [aiko.id]
    search.index(tx, aiko)


def test_pages_are_in_reading_order_and_complete(tx: Tx) -> None:
    made = [person(tx, f"高橋 {n:02}") for n in range(23)]
    pages = [search.find(tx, "高橋", Audience.ALUMNI, page) for page in (1, 2, 3, 4)]
    assert [len(page.hits) for page in pages] == [10, 10, 3, 0]
    assert [page.more for page in pages] == [True, True, False, False]
    assert {hit.id for page in pages for hit in page.hits} == {row.id for row in made}


@pytest.mark.parametrize("query", ["", " ", "!!!", "_", "\"'*()", "\x00"])
def test_nothing_typed_finds_nobody(tx: Tx, query: str) -> None:
    person(tx)
    assert search.find(tx, query, Audience.ALUMNI) == search.Page((), 1, more=False)
    assert search.match(query, Audience.ALUMNI) is None


@pytest.mark.parametrize("hidden", ["paused", "left", "not yet"])
def test_alumni_do_not_find_who_may_not_be_seen(tx: Tx, hidden: str) -> None:
    aiko = person(tx)
    match hidden:
        case "paused":
            aiko.paused_until = (now(tx) + timedelta(days=2)).date()
        case "left":
            aiko.left_at = now(tx)
        case _:
            aiko.member_from = now(tx) + timedelta(hours=1)
    tx.flush()
    assert ids(tx, "高橋") == []
    assert ids(tx, "高橋", Audience.HR) == [aiko.id]


async def test_forgotten_terms_are_gone_from_the_disk(desk_in_file: Desk) -> None:
    others = [desk_in_file.does(lambda tx, n=n: person(tx, f"佐藤 {n}").id) for n in range(30)]
    aiko = desk_in_file.does(lambda tx: person(tx, "鵜飼 蛍", employer="ざくろ堂").id)
    await desk_in_file.database.write_back()
    terms = [term.encode() for term in ("鵜飼", "ざく", "くろ", "zakuro")]
    assert all(term in desk_in_file.bytes() for term in terms)

    def forget(tx: Tx) -> None:
        search.forget(tx, aiko)
        people.erase(tx, aiko)

    desk_in_file.does(forget)
    await desk_in_file.database.write_back()
    disk = desk_in_file.bytes()
    assert not [term for term in terms if term in disk]
    assert desk_in_file.sees(lambda tx: ids(tx, "鵜飼", Audience.HR)) == []
    assert set(desk_in_file.sees(lambda tx: ids(tx, "佐藤"))) <= set(others)
    assert len(desk_in_file.sees(lambda tx: ids(tx, "佐藤"))) == 10
    desk_in_file.does(
        lambda tx: tx.execute(text("INSERT INTO search_fts(search_fts) VALUES ('integrity-check')"))
    )


def test_a_pause_ends_when_the_day_begins_where_the_company_is(desk: Desk) -> None:
    desk.database.carries["zone"] = "Asia/Tokyo"
    aiko = desk.does(lambda tx: person(tx).id)

    def rest(tx: Tx) -> None:
        found = people.one(tx, aiko)
        found.paused_until = date(2026, 2, 10)
        search.index(tx, found)

    desk.does(rest)
    desk.clock.travel(tokyo("2026-02-09", "23:59"))
    assert desk.sees(lambda tx: (ids(tx, "高橋"), people.profile(tx, aiko, Audience.ALUMNI))) == ([], None)
    desk.clock.travel(tokyo("2026-02-10", "00:01"))
    assert desk.sees(lambda tx: ids(tx, "高橋")) == [aiko]
    assert desk.sees(lambda tx: people.profile(tx, aiko, Audience.ALUMNI)) is not None
