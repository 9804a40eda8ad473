"""Telling of openings that suit: in batches, once a day for eight days, nobody twice, nothing closed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from jobs import matches
from storage import consents, openings, people, wishes
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, now
from storage.openings import Opening, Phase
from storage.wishes import Wanted
from tests.desk import Desk, tokyo

NEWS = "openings.news"


def members(desk: Desk, count: int, skills: str = "Python") -> list[str]:
    """People who want to be told, by id."""

    def move_in(tx: Tx) -> str:
        person = people.add(tx, "x", skills=skills, member_from=now(tx) - timedelta(days=1))
        wishes.save(tx, person.id, Wanted(tell=True))
        for purpose in (Purpose.STAY_IN_TOUCH, Purpose.OPENINGS):
            consents.record(tx, person.id, Decision.GIVEN, Said("ja", "slack"), purpose)
        return person.id

    return sorted(desk.does(move_in) for _ in range(count))


def posted(desk: Desk, title: str = "募集", skills: str = "Python", **values: object) -> Opening:
    given = {"closes_on": date(2026, 12, 31), "owner": "o", "owner_name": "O", "for_skills": skills} | values

    def post(tx: Tx) -> Opening:
        row = openings.add(tx, "o", title=title, **given)
        openings.publish(tx, row, "o")
        return row

    return desk.does(post)


async def sweep(desk: Desk) -> bool:
    return await matches.sweep(desk.database, desk.policy)


def told(desk: Desk) -> list[str]:
    return sorted(row.person_id or "" for row in desk.letters(NEWS))


def upto(desk: Desk, row: Opening) -> str:
    return desk.sees(lambda tx: tx.get_one(Opening, row.id).matched_upto)


async def test_everybody_once_in_batches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matches, "LOOKED", 2)
    monkeypatch.setattr(matches, "TOLD", 1)
    everybody = members(desk, 5)
    members(desk, 2, skills="経理")
    row = posted(desk)
    assert await sweep(desk)
    assert told(desk) == everybody
    assert upto(desk, row) == "2026-02-02"
    assert not await sweep(desk)
    desk.clock.travel(tokyo("2026-02-03"))
    assert await sweep(desk)
    assert told(desk) == everybody


async def test_a_pass_that_was_cut_off_goes_on_where_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matches, "LOOKED", 2)
    monkeypatch.setattr(matches, "BATCHES", 1)
    everybody, row = members(desk, 5), posted(desk)
    assert await sweep(desk)
    assert told(desk) == everybody[:2]
    assert upto(desk, row) == everybody[1]
    again = desk.again()
    try:
        assert await sweep(again)
        assert told(again) == everybody[:4]
    finally:
        again.database.close()


async def test_after_eight_days_it_is_done(desk: Desk) -> None:
    row = posted(desk)
    for day, stands in (("2026-02-09", "2026-02-09"), ("2026-02-10", openings.DONE)):
        desk.clock.travel(tokyo(day))
        assert await sweep(desk)
        assert upto(desk, row) == stands
    members(desk, 1)
    assert not await sweep(desk)
    assert told(desk) == []


async def test_the_hour_is_a_respectful_one_where_they_live(desk: Desk) -> None:
    (aiko, berta, chika) = members(desk, 3)

    def lives_in_berlin(tx: Tx) -> None:
        people.one(tx, berta).zone = "Europe/Berlin"
        people.one(tx, chika).zone = "Etc/Unknown"

    desk.does(lives_in_berlin)
    posted(desk)
    await sweep(desk)
    due = {row.person_id: row.due_at for row in desk.letters(NEWS)}
    at_ten = tokyo("2026-02-02", "10:00")
    assert due == {aiko: at_ten, berta: tokyo("2026-02-02", "18:00"), chika: at_ten}


async def test_opened_again_is_not_told_again(desk: Desk) -> None:
    members(desk, 1)
    row = posted(desk)
    await sweep(desk)
    desk.clock.travel(tokyo("2026-02-20"))

    def anew(tx: Tx) -> None:
        found = tx.get_one(Opening, row.id)
        openings.close(tx, found)
        openings.publish(tx, found, "o")

    desk.does(anew)
    assert await sweep(desk)
    assert len(told(desk)) == 1


async def test_a_lower_number_that_was_opened_later_is_told(desk: Desk) -> None:
    members(desk, 1)
    late = desk.does(lambda tx: openings.add(tx, "o", title="あとで", closes_on=date(2026, 12, 31), owner="o",
                                             owner_name="O", for_skills="Python"))  # fmt: skip
    posted(desk)
    await sweep(desk)
    desk.clock.travel(tokyo("2026-02-10"))
    desk.does(lambda tx: openings.publish(tx, tx.get_one(Opening, late.id), "o"))
    await sweep(desk)
    assert len(told(desk)) == 2


@pytest.mark.parametrize("state", [Phase.DRAFT, Phase.PROPOSED, Phase.CLOSED, "over"])
async def test_what_is_not_open_is_not_told(desk: Desk, state: str) -> None:
    members(desk, 1)
    row = posted(desk)

    def becomes(tx: Tx) -> None:
        found = tx.get_one(Opening, row.id)
        if state == "over":
            found.closes_on = date(2026, 2, 1)
        else:
            found.state = Phase(state)

    desk.does(becomes)
    assert not await sweep(desk)
    assert told(desk) == []


async def test_who_unticks_while_the_others_are_told_is_left_alone(desk: Desk) -> None:
    aiko, jiro = members(desk, 2)
    row = posted(desk)
    found = desk.sees(lambda tx: matches.look(tx, desk.policy, row.id))
    assert found is not None
    assert set(found.people) == {aiko, jiro}
    desk.does(lambda tx: wishes.save(tx, aiko, Wanted(tell=False)))
    desk.does(lambda tx: matches.tell(tx, found.people, desk.policy))
    assert told(desk) == [jiro]


async def test_who_was_slow_sets_nothing_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that both believe to lead: one is half-way through a batch when the other ends the pass, or when
    the opening is opened anew."""
    monkeypatch.setattr(matches, "LOOKED", 2)
    everybody, row = members(desk, 5), posted(desk)
    slow = desk.sees(lambda tx: matches.look(tx, desk.policy, row.id))
    assert slow is not None
    assert await sweep(desk)
    assert upto(desk, row) == "2026-02-02"
    desk.does(lambda tx: matches.went(tx, slow))
    assert upto(desk, row) == "2026-02-02"
    assert not await sweep(desk)
    assert told(desk) == everybody
