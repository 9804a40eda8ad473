"""One row with which a sweep fails holds up nobody: not those behind it, not the next step, not the house."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from bot.notices import take_notices
from bot.registry import discover
from jobs import apart, checkins, enrolment, housekeeping, interests, matches, openings, referrals
from storage import checkins as checkins_table
from storage import consents, journal, leavers, people, returns, wishes
from storage import interests as interests_table
from storage import openings as openings_table
from storage import referrals as referrals_table
from storage.aside import FEW, FIRST, LONGEST, Aside
from storage.columns import Vault
from storage.consents import Decision, Purpose, Said
from storage.engine import Database, Tx, now, on_server
from storage.journal import Line
from storage.leavers import INCIDENT, Leaver, Stage
from storage.openings import Opening, Phase
from storage.people import PersonKey
from storage.referrals import Named
from storage.returns import ReturnRequest
from storage.wishes import Wanted
from tests.desk import POLICY, VAULT, Desk, notice, tokyo

LOST = Vault.parse(Vault.make("k0"))
"""A key ring that this house does not have (any more)."""
NOON = tokyo("2026-02-03", "12:00")
Sweep = Callable[[Database], Awaitable[bool]]


def loses_the_keys(desk: Desk, *whose: str) -> None:
    """What these people's own keys are wrapped with is in no ring that the house has."""

    def lose(tx: Tx) -> None:
        for who in whose:
            row, about = tx.get_one(PersonKey, who), f"person_keys:{who}"
            row.wrapped = LOST.wrap(VAULT.unwrap(row.wrapped, about), about)

    desk.does(lose)


@contextmanager
def found_again(desk: Desk) -> Iterator[Desk]:
    """Another start, with the old key behind the new one."""
    ring = Vault({**VAULT.ring, **LOST.ring})
    again = Desk(Database(desk.database.url, ring, desk.clock), desk.clock, desk.file)
    try:
        yield again
    finally:
        again.close()


async def until_quiet(desk: Desk, sweep: Sweep, rounds: int = 10) -> None:
    for _ in range(rounds):
        if not await sweep(desk.database):
            return
    raise AssertionError("the sweep does not come to rest")


def alumni(tx: Tx, count: int = 2) -> list[str]:
    found = []
    for number in range(count):
        person = people.add(tx, f"秘密 {number}", member_from=now(tx) - timedelta(days=1), skills="Python")
        found.append(person.id)
        for purpose in (Purpose.STAY_IN_TOUCH, Purpose.OPENINGS):
            consents.record(tx, person.id, Decision.GIVEN, Said("ja", "slack"), purpose)
    return found


def opening(tx: Tx, closes_on: date) -> Opening:
    row = openings_table.add(tx, "slack:T0:U0", title="募集", closes_on=closes_on, owner="o", owner_name="O",
                             for_skills="Python")  # fmt: skip
    openings_table.publish(tx, row, "slack:T0:U0")
    return row


def execute(tx: Tx, statement: str) -> None:
    tx.execute(text(statement))


# --- one case for each sweep: what is due for each of them, and what it writes to them ---------------------


def asked_how_they_are(tx: Tx, whose: Sequence[str]) -> None:
    for who in whose:
        checkins_table.plan(tx, who, now(tx))


def told_of_openings(tx: Tx, whose: Sequence[str]) -> None:
    for who in whose:
        wishes.save(tx, who, Wanted(tell=True))
    opening(tx, date(2026, 12, 31))


def heard_by_nobody(tx: Tx, whose: Sequence[str]) -> None:
    row = opening(tx, date(2026, 12, 31))
    for who in whose:
        interests_table.add(tx, row.id, who, ["gone@minato.example.jp"], now(tx))


def thanked_for_a_candidate(tx: Tx, whose: Sequence[str]) -> None:
    row = opening(tx, date(2026, 12, 31))
    for who in whose:
        referral = referrals_table.add(tx, Named(row.id, who, who.encode()[:16]), None)
        referral.expires_at = now(tx)


def thanked_at_the_end(tx: Tx, whose: Sequence[str]) -> None:
    for who in whose:
        row = opening(tx, date(2026, 2, 2))
        interests_table.add(tx, row.id, who, ["o"], now(tx) + timedelta(days=1))


CASES: dict[str, tuple[Callable[[Tx, Sequence[str]], None], Sweep, str]] = {
    "checkins": (asked_how_they_are, lambda db: checkins.sweep(db, POLICY), "checkin.nudge"),
    "matches": (told_of_openings, lambda db: matches.sweep(db, POLICY), "openings.news"),
    "interests": (heard_by_nobody, lambda db: interests.sweep(db, POLICY), "interest.news"),
    "referrals": (thanked_for_a_candidate, lambda db: referrals.sweep(db, POLICY), "refer.over"),
    "openings": (
        thanked_at_the_end,
        lambda db: openings.sweep(db, POLICY, discover("bot.commands")),
        "interest.over",
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_lost_key_holds_up_nobody_else(desk: Desk, name: str) -> None:
    due, sweep, kind = CASES[name]
    desk.staff()
    desk.clock.travel(NOON)
    bad, good = desk.does(alumni)
    desk.does(lambda tx: due(tx, [bad, good]))
    loses_the_keys(desk, bad)
    with structlog.testing.capture_logs() as lines:
        await until_quiet(desk, sweep)
    assert [row.person_id for row in desk.letters(kind)] == [good]
    failures = [line for line in lines if line["event"] == "row_failed"]
    assert len(failures) == 1
    (incident,) = desk.sees(lambda tx: tx.query(Line).filter(Line.what == "incident").all())
    assert incident.detail == f"{failures[0]['code']} KeyError"
    told = f"{failures} {incident.actor} {incident.subject}"
    assert not [word for word in (bad, "秘密", "interest") if word in told]
    with found_again(desk) as again:
        await until_quiet(again, sweep)
    if name != "matches":  # whom it could not tell it looks at again tomorrow
        assert {row.person_id for row in desk.letters(kind)} == {bad, good}


async def test_whom_it_could_not_tell_of_openings_hears_of_them_the_next_day(desk: Desk) -> None:
    desk.clock.travel(NOON)
    people_there = desk.does(alumni)
    desk.does(lambda tx: told_of_openings(tx, people_there))
    loses_the_keys(desk, people_there[0])
    await until_quiet(desk, CASES["matches"][1])
    desk.clock.passes(86_400)
    with found_again(desk) as again:
        await until_quiet(again, CASES["matches"][1])
    assert sorted(row.person_id or "" for row in desk.letters("openings.news")) == sorted(people_there)


async def test_an_opening_that_nobody_can_end_keeps_no_other_open(desk: Desk) -> None:
    desk.clock.travel(NOON)
    bad, good = desk.does(alumni)
    desk.does(lambda tx: thanked_at_the_end(tx, [bad, good]))
    loses_the_keys(desk, bad)
    await until_quiet(desk, CASES["openings"][1])
    states = desk.sees(lambda tx: [row.state for row in tx.query(Opening).order_by(Opening.id)])
    assert states == [Phase.OPEN, Phase.CLOSED]


# --- leavers ------------------------------------------------------------------------------------------------


async def sweep_leavers(database: Database) -> bool:
    return await enrolment.sweep(database, POLICY)


async def test_a_lost_key_of_one_leaver_holds_up_no_other_and_no_other_step(desk: Desk) -> None:
    desk.staff()
    for number in ("E1", "E2", "E3"):
        desk.hears(notice(number))
    desk.hears(notice("L1", last_day="2026-03-03"))
    await until_quiet(desk, sweep_leavers)
    loses_the_keys(desk, desk.leaver("E2").person_id)
    desk.clock.travel(tokyo("2026-03-20", "12:00"))
    await until_quiet(desk, sweep_leavers)
    stages = {number: desk.leaver(number).stage for number in ("E1", "E2", "E3", "L1")}
    assert stages == {
        "E1": Stage.ASKED,
        "E2": Stage.ANNOUNCED,
        "E3": Stage.ASKED,
        "L1": Stage.UNANSWERED,
    }
    assert desk.leaver("E2").stuck == INCIDENT
    (told,) = desk.letters("decisions.stuck")
    assert told.leaver_id == desk.leaver("E2").id
    assert [row.id for row in desk.sees(leavers.needing_hr)] == [desk.leaver("E2").id]
    with found_again(desk) as again:
        await until_quiet(again, sweep_leavers)
    assert (desk.leaver("E2").stage, desk.leaver("E2").stuck) == (Stage.ASKED, "")
    assert len(desk.letters("decisions.stuck")) == 1


async def test_an_invitation_that_failed_is_renewed_when_it_can_be(desk: Desk) -> None:
    desk.staff()
    desk.hears(notice(personal_email="aiko@example.jp"))
    desk.clock.travel(NOON)

    def enrolled(tx: Tx) -> str:
        row = tx.query(Leaver).one()
        person = people.one(tx, row.person_id)
        people.set_private_email(tx, person, "aiko@example.jp")
        people.prove(tx, person)
        consents.record(tx, row.person_id, Decision.GIVEN, Said("ja", "slack"))
        row.stage, row.invited, row.invited_at, row.told_at = Stage.ENROLLED, 1, now(tx), now(tx)
        return row.person_id

    loses_the_keys(desk, desk.does(enrolled))
    desk.clock.passes(31 * 86_400)
    await until_quiet(desk, sweep_leavers)
    assert (desk.leaver().invited, desk.leaver().stuck) == (1, INCIDENT)
    with found_again(desk) as again:
        await until_quiet(again, sweep_leavers)
    assert (desk.leaver().invited, desk.leaver().stuck) == (2, "")


@pytest.mark.long
async def test_what_fails_at_the_head_does_not_block_what_lies_behind_any_limit(desk: Desk) -> None:
    """More leavers than one batch holds fail, all of them before the one who can be asked."""
    desk.staff()
    many = [notice(f"B{number:03}", last_day="2026-03-30") for number in range(230)]
    desk.does(lambda tx: take_notices(tx, many, POLICY))
    desk.hears(notice("GOOD"))
    await until_quiet(desk, sweep_leavers)
    good, failures = desk.leaver("GOOD"), Aside.of(desk.database).failures
    loses_the_keys(
        desk, *desk.sees(lambda tx: {row.person_id for row in tx.query(Leaver)} - {good.person_id})
    )
    desk.clock.travel(tokyo("2026-03-20", "12:00"))

    async def sweeps(times: int) -> int:
        with structlog.testing.capture_logs():
            for _ in range(times):
                await sweep_leavers(desk.database)
        return failures["enrolment.ask"]

    assert await sweeps(2) == len(many)
    assert desk.leaver("GOOD").stage is Stage.ASKED
    assert await sweeps(3) == len(many), "not again and again"
    assert desk.letters("decisions.stuck") == [], "HR is not flooded"
    assert len(desk.letters("decisions.incidents")) == 2, "one card for each batch"
    desk.clock.passes(FIRST)
    assert await sweeps(1) == len(many) + FEW, "a few are tried again"


# --- the mechanism ----------------------------------------------------------------------------------------


async def nothing() -> bool:
    return False


async def fails() -> bool:
    raise KeyError("k0")


async def test_it_is_tried_again_after_longer_and_longer_and_forgotten_when_it_goes_well(desk: Desk) -> None:
    aside, waited = Aside.of(desk.database), []
    for _ in range(12):
        await apart.alone(desk.database, "test", 7, fails)
        since = desk.clock.wire()
        while not aside.ripe("test", desk.clock.wire()):
            desk.clock.passes(30)
        waited.append(desk.clock.wire() - since)
    assert waited[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert waited[-1] == LONGEST
    codes = desk.sees(lambda tx: [line.detail for line in tx.query(Line)])
    assert len(codes) == 1, "one incident, however often it is tried"
    await apart.alone(desk.database, "test", 7, nothing)
    assert aside.rows("test") == frozenset()


async def test_a_database_that_fails_is_no_row_that_fails(desk: Desk) -> None:
    """Nothing is left aside for it, and the sweep has not ended well."""
    bad, good = desk.does(alumni)
    desk.does(lambda tx: asked_how_they_are(tx, [bad, good]))
    desk.clock.travel(NOON)
    desk.does(partial(execute, statement="ALTER TABLE outbox RENAME TO gone"))
    with pytest.raises(Exception, match="outbox"):
        await checkins.sweep(desk.database, POLICY)
    assert Aside.of(desk.database).rows("checkins") == frozenset()
    desk.does(partial(execute, statement="ALTER TABLE gone RENAME TO outbox"))
    await until_quiet(desk, CASES["checkins"][1])
    assert len(desk.letters("checkin.nudge")) == 2


def refuses(desk: Desk, place: str, when: str) -> None:
    """From now on the database refuses a write (`INSERT ON outbox`) that fits."""
    sqlite = (f"CREATE TRIGGER refuses BEFORE {place} WHEN {when} BEGIN SELECT RAISE(ABORT, 'refused'); END",)
    server = (
        "CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''refused''; END'",
        f"CREATE TRIGGER refuses BEFORE {place} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuses()",
    )
    for statement in server if on_server(desk.database.url) else sqlite:
        desk.does(partial(execute, statement=statement))


async def test_a_row_that_the_database_refuses_is_one(desk: Desk) -> None:
    bad, good = desk.does(alumni)
    desk.does(lambda tx: asked_how_they_are(tx, [bad, good]))
    desk.clock.travel(NOON)
    refuses(desk, "INSERT ON outbox", f"NEW.person_id = '{bad}'")
    await until_quiet(desk, CASES["checkins"][1])
    assert [row.person_id for row in desk.letters("checkin.nudge")] == [good]
    assert len(Aside.of(desk.database).rows("checkins")) == 1


async def test_a_visitor_who_cannot_be_erased_keeps_nothing_else_from_being_cleared_away(desk: Desk) -> None:
    def ask(tx: Tx) -> list[str]:
        visitors = [people.add(tx, "秘密") for _ in range(2)]
        for one in visitors:
            returns.add(tx, one, timedelta(days=3))
        journal.write(tx, "old")
        return [one.id for one in visitors]

    bad, good = desk.does(ask)
    refuses(desk, "UPDATE ON people", f"NEW.id = '{bad}'")
    desk.clock.passes(4 * 365 * 86_400)
    await housekeeping.tidy(desk.database, 30)
    assert [one.person_id for one in desk.sees(lambda tx: tx.query(ReturnRequest).all())] == [bad]
    assert desk.sees(lambda tx: people.one(tx, good)).left_at is not None
    assert "old" not in desk.sees(lambda tx: [line.what for line in tx.query(Line)])


async def test_a_row_that_only_met_others_goes_alone_and_nothing_is_said(desk: Desk) -> None:
    """What fails together, and not one by one, is no incident."""
    done: list[Any] = []

    def do(tx: Tx, rows: Sequence[Leaver]) -> None:
        if len(rows) > 1:
            raise ValueError("too many at once")
        done.append(rows[0].employee_number)
        rows[0].told_at = now(tx)

    for number in ("E1", "E2"):
        desk.hears(notice(number))
    step = apart.Step("test", lambda tx, those: leavers.untold(tx, those=those), do)
    assert await apart.bring_on(desk.database, step)
    assert done == ["E1", "E2"]
    assert not await apart.bring_on(desk.database, step)
    assert Aside.of(desk.database).failures == {}
