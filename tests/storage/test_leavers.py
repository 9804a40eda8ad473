"""Leavers: the transition table, and every question that the clock asks of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from bot.errors import Conflict
from storage import leavers, people
from storage.engine import Tx, now
from storage.leavers import BEFORE_ENROLMENT, ENDED, TRANSITIONS, Leaver, Stage

S = Stage
# The table of the house, written down a second time: who is where may go there.
MAY = {
    S.ANNOUNCED: "held asked declined unanswered withdrawn left struck deceased",
    S.HELD: "announced asked consented later declined enrolled unanswered withdrawn returned left struck"
    " deceased",
    S.ASKED: "held consented later declined unanswered withdrawn left struck deceased",
    S.CONSENTED: "held later declined enrolled withdrawn left struck deceased",
    S.LATER: "held consented declined enrolled withdrawn returned left struck deceased",
    S.DECLINED: "consented later withdrawn left struck deceased",
    S.UNANSWERED: "held enrolled withdrawn returned left struck deceased",
    S.ENROLLED: "held joined returned left struck deceased",
    S.JOINED: "returned left struck deceased",
    S.WITHDRAWN: "announced left struck deceased",
    S.RETURNED: "left deceased",
    S.LEFT: "deceased",
    S.STRUCK: "",
    S.DECEASED: "",
}
FORBIDDEN = [(a, b) for a in Stage for b in Stage if b.value not in MAY[a].split()]
ALLOWED = [(a, b) for a in Stage for b in Stage if b.value in MAY[a].split()]


def leaver(tx: Tx, number: str = "E1", stint: int = 1, **values: Any) -> Leaver:
    day = values.pop("last_day", date(2026, 3, 31))
    person_id = values.pop("person_id", None) or people.add(tx, f"人{number}").id
    row = Leaver(
        person_id=person_id, entity=values.pop("entity", ""), employee_number=number, stint=stint,
        source=values.pop("source", "csv"), notice="n", last_day=day, leaving_type="resignation", **values,
    )  # fmt: skip
    return leavers.add(tx, row)


@pytest.mark.parametrize(("here", "there"), ALLOWED)
def test_every_way_of_the_table_is_open(tx: Tx, here: Stage, there: Stage) -> None:
    row = leaver(tx, stage=here)
    leavers.move(tx, row, there)
    assert (row.stage, row.changed_at) == (there, now(tx))


@pytest.mark.parametrize(("here", "there"), FORBIDDEN)
def test_every_other_way_is_closed(tx: Tx, here: Stage, there: Stage) -> None:
    row = leaver(tx, stage=here)
    with pytest.raises(Conflict):
        leavers.move(tx, row, there)
    assert row.stage is here


def test_the_table_is_whole() -> None:
    assert TRANSITIONS.keys() == set(Stage)
    assert not ENDED & BEFORE_ENROLMENT - {S.DECLINED}
    for stage in set(Stage) - {S.STRUCK, S.DECEASED}:
        assert S.DECEASED in TRANSITIONS[stage]
    ways_in = {there for ways in TRANSITIONS.values() for there in ways}
    assert set(Stage) - ways_in == set()


def test_the_newest_stint_counts(tx: Tx) -> None:
    first = leaver(tx)
    second = leaver(tx, stint=2, person_id=first.person_id)
    other = leaver(tx, entity="MINATO-SHIP")
    assert leavers.latest(tx, "", "E1") is second
    assert leavers.latest(tx, "MINATO-SHIP", "E1") is other
    assert leavers.latest(tx, "", "E9") is None
    assert leavers.of_person(tx, first.person_id) is second
    assert leavers.of_person(tx, "p_nobody") is None
    assert leavers.get(tx, first.id) is first
    assert leavers.get(tx, 999) is None


def test_due_takes_what_has_come_in_its_stage_oldest_first(tx: Tx) -> None:
    late = leaver(tx, "E1", ask_at=now(tx))
    early = leaver(tx, "E2", ask_at=now(tx) - timedelta(days=1))
    leaver(tx, "E3", ask_at=now(tx) + timedelta(seconds=1))
    leaver(tx, "E4", ask_at=now(tx), stage=S.ASKED)
    leaver(tx, "E5")
    assert list(leavers.due(tx, Leaver.ask_at, {S.ANNOUNCED})) == [early, late]
    assert list(leavers.due(tx, Leaver.ask_at, {S.ANNOUNCED}, limit=1)) == [early]


def test_untold_leaves_out_the_told_and_the_ended(tx: Tx) -> None:
    second = leaver(tx, "E1", last_day=date(2026, 4, 30))
    first = leaver(tx, "E2")
    leaver(tx, "E3", told_at=now(tx))
    leaver(tx, "E4", stage=S.STRUCK)
    assert list(leavers.untold(tx)) == [first, second]


def test_hr_is_reminded_between_two_moments(tx: Tx) -> None:
    soon = {"ask_at": now(tx) + timedelta(days=3)}
    near = leaver(tx, "E1", remind_at=now(tx), **soon)
    leaver(tx, "E2", remind_at=now(tx) + timedelta(hours=1), **soon)
    leaver(tx, "E3", remind_at=now(tx), ask_at=now(tx))
    leaver(tx, "E4", remind_at=now(tx), stage=S.HELD, **soon)
    assert list(leavers.to_remind(tx)) == [near]


def test_lapsed_are_enrolled_invited_long_ago_and_not_stuck(tx: Tx) -> None:
    month = timedelta(days=30)
    old = leaver(tx, "E1", stage=S.ENROLLED, invited_at=now(tx) - month)
    leaver(tx, "E2", stage=S.ENROLLED, invited_at=now(tx) - month + timedelta(seconds=1))
    leaver(tx, "E3", stage=S.JOINED, invited_at=now(tx) - month)
    leaver(tx, "E4", stage=S.ENROLLED, invited_at=now(tx) - month, stuck="unproven_address")
    leaver(tx, "E5", stage=S.ENROLLED)
    assert list(leavers.lapsed(tx, month)) == [old]


def test_newly_stuck_is_told_once_for_each_reason(tx: Tx) -> None:
    row = leaver(tx, stuck="not_in_workspace")
    leaver(tx, "E2", stuck="undelivered", stage=S.LEFT)
    assert list(leavers.newly_stuck(tx)) == [row]
    row.stuck_told = row.stuck
    tx.flush()
    assert list(leavers.newly_stuck(tx)) == []
    row.stuck = "undelivered"
    tx.flush()
    assert list(leavers.newly_stuck(tx)) == [row]


def test_upcoming_is_paged_by_last_day(tx: Tx) -> None:
    still = {"enrol_at": now(tx) + timedelta(days=60)}
    rows = [
        leaver(tx, f"E{n}", last_day=date(2026, 3, 31) - timedelta(days=n), stage=stage, **still)
        for n, stage in enumerate((S.ANNOUNCED, S.HELD, S.ASKED, S.CONSENTED, S.LATER, S.DECLINED) * 2)
    ]
    for n, stage in enumerate((S.ENROLLED, S.STRUCK, S.WITHDRAWN)):
        leaver(tx, f"X{n}", stage=stage, **still)
    leaver(tx, "X9", stage=S.LATER, enrol_at=now(tx))
    first, more = leavers.upcoming(tx)
    assert list(first) == rows[:1:-1]
    assert more
    last, more = leavers.upcoming(tx, 2)
    assert list(last) == [rows[1], rows[0]]
    assert not more
    assert leavers.leaving(tx) == 12


def test_what_needs_hr_is_held_stuck_or_in_question(tx: Tx) -> None:
    wanted = [
        leaver(tx, "E1", stage=S.HELD),
        leaver(tx, "E2", stuck="undelivered"),
        leaver(tx, "E3", question="q"),
    ]
    leaver(tx, "E4")
    leaver(tx, "E5", stage=S.LEFT, question="q")
    assert list(leavers.needing_hr(tx)) == wanted
    assert len(leavers.needing_hr(tx, limit=2)) == 2


def test_counts_sources_and_the_next_moments(tx: Tx) -> None:
    first = leaver(tx, "E1", ask_at=now(tx) + timedelta(days=2), enrol_at=now(tx) + timedelta(days=9))
    second = leaver(tx, "E2", source="manual", stage=S.LATER, later_at=now(tx) + timedelta(days=1))
    leaver(tx, "E3", stage=S.LEFT, enrol_at=now(tx) + timedelta(days=1))
    assert leavers.counts(tx) == {S.ANNOUNCED: 1, S.LATER: 1, S.LEFT: 1}
    assert list(leavers.not_from(tx, "csv")) == [second]
    found = [(which, row.id) for _, which, row in leavers.next_moments(tx)]
    assert found == [("later_at", second.id), ("ask_at", first.id), ("enrol_at", first.id)]
    assert len(leavers.next_moments(tx, limit=1)) == 1


def test_leaving_still_ends_with_enrolment(tx: Tx) -> None:
    row = leaver(tx, enrol_at=now(tx) + timedelta(seconds=1))
    assert leavers.leaving_still(tx, row.person_id)
    row.enrol_at = now(tx)
    tx.flush()
    assert not leavers.leaving_still(tx, row.person_id)
    assert not leavers.leaving_still(tx, "p_nobody")


def test_a_mark_names_nobody_and_means_one_leaving(tx: Tx) -> None:
    row = leaver(tx)
    leavers.suppress(tx, row)
    leavers.suppress(tx, row)
    mark = tx.scalars(leavers.select(leavers.Suppression)).one()
    assert len(mark.mark) == 32
    assert leavers.suppressed(tx, "", "E1") == row.last_day
    assert leavers.suppressed(tx, "X", "E1") is None
    assert leavers.suppressed(tx, "", "E2") is None
    leavers.lift(tx, row)
    assert leavers.suppressed(tx, "", "E1") is None
