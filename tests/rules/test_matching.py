"""Which opening suits whom: segment, reasons, real matches; and what SQL finds is what the rule says."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import matching
from bot.matching import (
    Match,
    Says,
    Sift,
    Told,
    fits,
    match,
    mentions,
    passes,
    place_of,
    seeker,
    sought,
    within,
    words_of,
)
from storage import consents, leavers, openings, people, wishes
from storage import matching as asked
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, now
from storage.leavers import Leaver
from storage.openings import Employment, Opening, Remote
from storage.wishes import Wanted
from tests.desk import Desk

DAY = date(2026, 2, 2)


def between(says: Says, told: dict[str, Any]) -> Match:
    return match(sought(says), seeker(Told("p", **told)))


def because(says: Says, **told: Any) -> list[tuple[str, str]]:
    return list(between(says, told).reasons)


@pytest.mark.parametrize(
    ("segment", "told", "for_them"),
    [
        ({}, {}, True),
        ({"for_skills": "Python、英語"}, {"skills": "ＰＹＴＨＯＮ"}, True),
        ({"for_skills": "Java"}, {"skills": "JavaScript"}, False),
        ({"for_skills": "C"}, {"skills": "C++, C#"}, False),
        ({"for_departments": "営業"}, {"department": "東京営業部"}, True),
        ({"for_departments": "営業部"}, {"department": "営業企画部"}, False),
        ({"for_departments": "IT"}, {"department": "Digital Marketing"}, False),
        ({"for_departments": "IT"}, {"department": "ＩＴ部"}, True),
        ({"for_departments": "澤田工場"}, {"department": "沢田工場 第二課"}, True),
        ({"for_departments": "営業"}, {}, False),
        ({"for_places": "東京"}, {"place": "東京都港区"}, True),
        ({"for_places": "東京都"}, {"place": "東京"}, True),
        ({"for_places": "京都"}, {"place": "東京都"}, False),
        ({"for_places": "大阪、福岡県"}, {"place": "福岡"}, True),
        ({"for_places": "東京"}, {}, False),
        ({"since": date(2023, 2, 2)}, {"last_day": date(2023, 2, 2)}, True),
        ({"since": date(2023, 2, 2)}, {"last_day": date(2023, 2, 1)}, False),
        ({"since": date(2023, 2, 2)}, {}, False),
        ({"for_skills": "経理", "for_places": "東京"}, {"skills": "経理", "place": "大阪"}, False),
        ({"for_skills": "x" * 50}, {"skills": "x" * 50}, False),  # nobody can list it: not for everybody
        ({"for_skills": "、 ,"}, {}, True),
    ],
)
def test_the_segment(segment: dict[str, Any], told: dict[str, Any], for_them: bool) -> None:
    assert between(Says(**segment), told).fits is for_them


@pytest.mark.parametrize(
    ("place", "wanted", "lies_there"),
    [
        ("東京都千代田区", "東京都", True), ("東京", "東京都港区", False), ("東京都港区", "東京都港区", True),
        ("東京都京橋", "京都", False), ("京都府京都市", "京都", True), ("京都", "京都府", True),
        ("横浜市西区", "横浜", True), ("神奈川県横浜市", "横浜市", True), ("北海道札幌市", "北海道", True),
        ("札幌", "北海道", False), ("太宰府市", "太宰府", True), ("津市", "津", True),
        ("Tokyo, Japan", "tokyo", True),
        ("New York", "York", True), ("Yorkshire", "York", False), ("ＴＯＫＹＯ", "Tokyo", True),
        ("福岡・大阪", "大阪府", True), ("東京 / リモート", "東京", True), ("つくば市", "ツクバ", True),
        ("", "東京", False), ("東京", "", False), ("東京", "、", False),
    ],
)  # fmt: skip
def test_places(place: str, wanted: str, lies_there: bool) -> None:
    assert within(place_of(place), place_of(wanted)) is lies_there


@pytest.mark.parametrize(
    ("text", "word", "named"),
    [
        ("java or go", "java", True), ("javascript", "java", False), ("c++ and c#", "c", False),
        ("two engineers", "engineer", True), ("its", "it", False), ("英語での営業", "営業", True),
        ("pythonでの開発", "python", True), ("a b", "", False), ("", "a", False),
        ("xjava java", "java", True),
        ("processes", "process", True), ("classical", "class", False),
    ],
)  # fmt: skip
def test_mentions(text: str, word: str, named: bool) -> None:
    assert mentions(text, word) is named


def test_reasons_come_in_the_order_of_their_weight() -> None:
    says = Says("経理（Python）", "決算と開示", "経理部", "東京", "partly", "side_job", for_skills="簿記")
    found = because(
        says, skills="簿記, Python", keywords="開示", places="東京都、大阪", remote=True,
        department="経理部", employments=("side_job",), place="東京",
    )  # fmt: skip
    assert found == [
        ("skill", "簿記"), ("skill", "Python"), ("keyword", "開示"), ("place", "東京都"), ("remote", ""),
        ("department", "経理部"), ("employment", "side_job"),
    ]  # fmt: skip
    weights = [matching.WEIGHTS[key] for key, _ in found]  # type: ignore[index]
    assert weights == sorted(weights, reverse=True)
    assert list(matching.WEIGHTS.values()) == sorted(matching.WEIGHTS.values(), reverse=True)


@pytest.mark.parametrize(
    ("says", "told", "found"),
    [
        (Says("Goエンジニア"), {"skills": "Go"}, []),  # two letters in running text mean anything
        (Says("募集", for_skills="Go"), {"skills": "ＧＯ"}, [("skill", "ＧＯ")]),
        (Says("人事"), {"skills": "人事"}, [("skill", "人事")]),
        (Says(place="横浜市西区"), {"place": "横浜"}, [("here", "横浜")]),
        (Says(place="東京都港区"), {"place": "東京都千代田区"}, []),
        (Says(place="東京"), {"places": "東京", "place": "東京"}, [("place", "東京")]),
        (Says(remote="no"), {"remote": True}, []),
        (Says(department="営業"), {"department": "東京営業部"}, [("department", "東京営業部")]),
        (Says(department="法人営業部"), {"department": "営業部"}, [("department", "営業部")]),
        (Says(employment="regular"), {}, []),
    ],
)
def test_reasons(says: Says, told: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert because(says, **told) == found


@pytest.mark.parametrize(
    ("says", "told", "real"),
    [
        ({}, {}, False),
        ({"for_skills": "経理"}, {"skills": "経理"}, True),
        ({"for_skills": "経理"}, {}, False),
        ({"about": "決算"}, {"keywords": "決算"}, True),
        ({"for_departments": "営業"}, {"department": "営業部"}, True),
        ({"department": "営業部"}, {"department": "営業部"}, False),
        ({"place": "東京"}, {"places": "東京"}, False),
        ({"place": "東京"}, {"place": "東京", "department": "営業部"}, False),
        ({"place": "東京"}, {"places": "東京", "employments": ("regular",)}, True),
        ({"remote": "fully"}, {"remote": True, "employments": ("regular",)}, True),
        ({"place": "東京", "department": "営業部"}, {"places": "東京", "department": "営業部"}, True),
        ({"for_skills": "経理"}, {"skills": "経理", "employments": ("side_job",)}, False),
        ({"for_skills": "経理", "place": "大阪"}, {"skills": "経理", "places": "東京"}, False),
        (
            {"for_skills": "経理", "place": "大阪", "remote": "fully"},
            {"skills": "経理", "places": "東京"},
            True,
        ),
        ({"for_skills": "経理"}, {"skills": "経理", "places": "東京"}, True),
    ],
)
def test_what_is_worth_a_message(says: dict[str, Any], told: dict[str, Any], real: bool) -> None:
    assert between(Says(**{"title": "募集", "employment": "regular"} | says), told).real is real


@given(st.text(max_size=40), st.text(max_size=40))
def test_anything_may_be_typed(one: str, other: str) -> None:
    told = seeker(Told("p", one, other, one, DAY, other, one, (other,), remote=True))
    found = match(sought(Says(one, other, other, one, "fully", other, one, other, one, DAY)), told)
    assert found.score >= 0
    assert found.fits or not found.reasons
    assert all(word for word, _ in words_of(one))


# --- SQL and the rule ---------------------------------------------------------------------------------------

DEPARTMENTS = ["", "営業部", "東京営業部", "営業企画部", "経理", "ＩＴ推進室", "Digital"]
PLACES = ["", "東京", "東京都港区", "京都府", "Tokyo", "大阪市北区"]
SKILLS = ["", "Python", "ｐｙｔｈｏｎ、経理", "C++", "C, 英語"]
WORDS = st.sampled_from(["", "営業", "IT", "東京", "京都、大阪", "Python", "c", "経理、英語", "Tokyo"])
DAYS = st.sampled_from([None, date(2025, 12, 31), date(2023, 2, 2), date(2023, 2, 1), date(2015, 3, 31)])
SOMEBODY = st.fixed_dictionaries({
    "department": st.sampled_from(DEPARTMENTS), "own_department": st.sampled_from(DEPARTMENTS),
    "earlier": st.sampled_from([None, "経理"]), "place": st.sampled_from(PLACES),
    "skills": st.sampled_from(SKILLS), "last_day": DAYS, "tell": st.sampled_from([True, True, False]),
    "says": st.sampled_from(["given", "given", "withdrawn", ""]),
    "member": st.sampled_from([True, True, True, False]),
    "told": st.sampled_from([None, 1, 8]), "paused": st.sampled_from([False, False, True]),
})  # fmt: skip
SEGMENT = st.fixed_dictionaries({
    "for_departments": st.sampled_from(["", "営業", "IT, 経理", "営業部"]),
    "for_places": st.sampled_from(["", "東京", "京都", "東京、大阪"]), "for_skills": WORDS,
    "for_years": st.sampled_from([None, 3, 10]),
})  # fmt: skip


def opening(**values: Any) -> Opening:
    given = {"title": "募集", "closes_on": DAY, "owner": "o", "owner_name": "O", "made_by": "o"} | values
    return Opening(made_at=None, employment=Employment.REGULAR, remote=Remote.NO, **given)  # type: ignore[arg-type]


def stint(tx: Tx, person: str, number: int, last_day: date, department: str) -> None:
    known = {"source": "csv", "notice": "n", "leaving_type": "resignation", "entity": ""}
    leavers.add(tx, Leaver(person_id=person, employee_number=person, stint=number, last_day=last_day,
                           department=department, **known))  # fmt: skip


def moves_in(tx: Tx, one: dict[str, Any]) -> tuple[Told, bool, bool]:
    """Somebody as drawn: what the rule is told, whether a member, whether to be told of openings."""
    at = now(tx)
    person = people.add(
        tx, "x", skills=one["skills"], place=one["place"], department=one["own_department"],
        member_from=at - timedelta(days=1) if one["member"] else None,
        paused_until=DAY + timedelta(days=1) if one["paused"] else None,
    )  # fmt: skip
    if one["last_day"]:
        if one["earlier"]:
            stint(tx, person.id, 1, date(2026, 1, 1), one["earlier"])
        stint(tx, person.id, 2, one["last_day"], one["department"])
    wish = wishes.save(tx, person.id, Wanted(tell=one["tell"]))
    if one["told"]:
        wishes.told(tx, [(wish, [1])])
        wish.told_at = at - timedelta(days=one["told"])
        tx.flush()
    if one["says"]:
        for word in dict.fromkeys(("given", one["says"])):
            consents.record(tx, person.id, Decision(word), Said("ja", "slack"), Purpose.OPENINGS)
    hears = one["tell"] and one["says"] == "given" and one["told"] != 1 and not one["paused"]
    department = (one["last_day"] and one["department"]) or one["own_department"]
    told = Told(person.id, one["skills"], one["place"], department, one["last_day"])
    return told, one["member"], one["member"] and hears


@settings(max_examples=60, deadline=None)
@given(town=st.lists(SOMEBODY, min_size=1, max_size=7), segment=SEGMENT, size=st.integers(1, 3))
def test_sql_finds_whom_the_rule_says(
    lasting_desk: Desk, town: list[dict[str, Any]], segment: dict[str, Any], size: int
) -> None:
    row = opening(**segment)
    with lasting_desk.transaction() as tx:
        folk = [moves_in(tx, one) for one in town]
        found = asked.sought(row, DAY)
        for_them = {told.person_id for told, _, _ in folk if fits(found, seeker(told))}
        assert asked.reach(tx, row) == len({t.person_id for t, member, _ in folk if member} & for_them)
        batch = asked.seekers(tx, row, "", size)
        people_told = list(batch.seekers)
        while batch.upto:
            batch = asked.seekers(tx, row, batch.upto, size)
            people_told += batch.seekers
        ids = [one.person_id for one in people_told]
        assert ids == sorted(ids)
        assert set(ids) == {told.person_id for told, _, hears in folk if hears} & for_them
        for told, _, _ in folk:
            assert asked.seeker(tx, told.person_id) == seeker(told)


def test_who_is_asked_for_by_a_number_is_one_person(tx: Tx) -> None:
    assert asked.seeker(tx, "nobody") is None
    person = people.add(tx, "x")
    wishes.save(tx, person.id, Wanted("開示", "東京", ("regular",), remote=True))
    one = asked.seeker(tx, person.id)
    assert one is not None
    assert (one.keywords, one.employments, one.remote) == ((("開示", "開示"),), ("regular",), True)
    assert [place.typed for place in one.places] == ["東京"]


def test_what_was_told_is_remembered_and_no_longer_than_needed(tx: Tx) -> None:
    person = people.add(tx, "x")
    wish = wishes.save(tx, person.id, Wanted(tell=True))
    wishes.told(tx, [(wish, [7, 3])])
    wishes.told(tx, [(wish, [5])])
    assert wish.told == [3, 5, 7]
    wishes.told(tx, [(wish, range(1000, 1000 + wishes.MOST_TOLD))])
    assert len(wish.told) == wishes.MOST_TOLD
    assert wish.told[0] == 1000


def test_reaching_is_no_change_of_the_opening(tx: Tx) -> None:
    row = openings.add(tx, "o", title="募集", closes_on=DAY, owner="o", owner_name="O")
    before = row.version
    openings.matched(tx, row.id, "", "p1")
    assert (row.matched_upto, row.version) == ("p1", before)  # nobody who edits it is told of a conflict
    tx.expire_all()
    assert (row.matched_upto, row.version) == ("p1", before)


@pytest.mark.parametrize(
    ("sift", "shown"),
    [
        (Sift(), True), (Sift("ｐｙｔｈｏｎ 決算"), True), (Sift("Python 宇宙船"), False),
        (Sift("経理部"), True),
        (Sift("  "), True), (Sift(place="東京"), True), (Sift(place="大阪"), False),
        (Sift(employments=("regular", "side_job")), True), (Sift(employments=("contract",)), False),
        (Sift(remote=True), False), (Sift("簿記"), True),
    ],
)  # fmt: skip
def test_looking_through_openings(sift: Sift, shown: bool) -> None:
    says = Says("Python", "決算をお願いします", "経理部", "東京都港区", "no", "side_job", for_skills="簿記")
    assert passes(says, sift) is shown
