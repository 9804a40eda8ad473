"""Openings by the clock: channels show what is, one message at a time; owners are warned; what is over
ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from bot.policy import Policy
from bot.registry import Registry, discover
from jobs import housekeeping
from jobs import openings as jobs
from storage import delivering, interests, openings, outbox, people
from storage.openings import Opening, Phase, Posting
from storage.outbox import Delivery, Status
from tests.desk import POLICY, Desk, arrived, tokyo

OWNER, DEPUTY, OTHER = "sato@minato.example.jp", "kimura@minato.example.jp", "mori@minato.example.jp"
ONE, TWO = "slack:T0ALUMNI:C0ONE", "slack:T0ALUMNI:C0TWO"
BOTH: Policy = replace(POLICY, channels=(ONE, TWO))
LAST = date(2026, 3, 31)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return discover("bot.commands")


@pytest.fixture
def step(desk: Desk, registry: Registry) -> Callable[..., bool]:
    """One run of the job, a minute after the one before."""
    desk.staff(OWNER, DEPUTY, OTHER)

    def run(policy: Policy = BOTH) -> bool:
        desk.clock.passes(60)
        return asyncio.run(jobs.sweep(desk.database, policy, registry))

    return run


def posts(desk: Desk, opened: bool = True, **values: Any) -> Opening:
    """An opening, as HR leaves it."""
    given = {"closes_on": LAST, "owner": OWNER, "owner_name": "佐藤", "deputy": DEPUTY, "deputy_name": "木村"}

    def make(tx: Any) -> Opening:
        row = openings.add(tx, "slack:T0:U0", title="営業企画", **{**given, **values})
        if opened:
            openings.publish(tx, row, "slack:T0:U0")
        return row

    return desk.does(make)


def changes(desk: Desk, row: Opening, verb: Callable[..., Any], *args: Any, **values: Any) -> None:
    desk.does(lambda tx: verb(tx, openings.get(tx, row.id), *args, **values))


def goes(desk: Desk, status: Status = Status.SENT, reason: str = "") -> int:
    """The courier is done with every message that waits; how many that were."""

    def deliver(tx: Any) -> int:
        rows = delivering.claim(tx, 100)
        for one in rows:
            where = one.remote or f"C:{one.id}"
            arrived(tx, one, "chat", where) if status is Status.SENT else delivering.dead(tx, one, reason)
        return len([one for one in rows if one.kind == "openings.posted"])

    return desk.does(deliver)


def postings(desk: Desk, row: Opening) -> dict[str, Posting]:
    return desk.sees(lambda tx: openings.postings_of(tx, row.id))


def posted(desk: Desk) -> list[Delivery]:
    return desk.letters("openings.posted")


# --- channels ----------------------------------------------------------------------------------------------


def test_every_channel_once_and_nothing_of_drafts(desk: Desk, step: Callable[..., bool]) -> None:
    assert not step()
    posts(desk, opened=False)
    row = posts(desk)
    assert step()
    assert not step()  # under way
    assert len(posted(desk)) == 2
    assert goes(desk) == 2
    assert step()
    assert not step()
    assert len(posted(desk)) == 2
    assert {name: (one.dedup, bool(one.remote), one.reason) for name, one in postings(desk, row).items()} == {
        ONE: ("", True, ""),
        TWO: ("", True, ""),
    }


def test_changes_wait_for_what_is_under_way_and_then_edit(desk: Desk, step: Callable[..., bool]) -> None:
    row = posts(desk)
    step()
    changes(desk, row, lambda tx, one: openings.edit(tx, one, one.version, place="大阪"))
    step()
    assert len(posted(desk)) == 2
    goes(desk)
    step()
    (first, _, third, _) = posted(desk)
    assert third.remote == f"C:{first.id}"  # an edit of what stands there
    goes(desk)
    changes(desk, row, openings.close)
    step()
    step()
    assert len(posted(desk)) == 6


def test_one_that_closed_before_it_stood_there_is_posted_no_more(
    desk: Desk, step: Callable[..., bool]
) -> None:
    row = posts(desk)
    step()
    changes(desk, row, openings.close)
    goes(desk, Status.DEAD, "not_in_channel")
    while step():
        pass
    assert desk.does(openings.again) == 0
    assert not step()
    assert len(posted(desk)) == 2


def test_a_channel_that_takes_nothing_is_told_once(desk: Desk, step: Callable[..., bool]) -> None:
    rows = [posts(desk), posts(desk)]
    step()
    assert goes(desk, Status.DEAD, "not_in_channel") == 4
    assert step()
    assert len(desk.letters("openings.stuck")) == 2 * 3  # a card for each channel to each of HR
    for _ in range(3):
        step()
    assert len(desk.letters("openings.stuck")) == 6
    assert len(posted(desk)) == 4
    assert {one.reason for one in postings(desk, rows[0]).values()} == {"not_in_channel"}
    assert desk.does(openings.again) == 4
    assert step()
    assert goes(desk) == 4
    step()
    assert {one.reason for one in postings(desk, rows[0]).values()} == {""}
    assert desk.does(openings.again) == 0


@pytest.mark.parametrize("reason", sorted(jobs.GONE))
def test_what_can_no_longer_be_edited_is_posted_anew(
    desk: Desk, step: Callable[..., bool], reason: str
) -> None:
    row = posts(desk)
    step()
    goes(desk)
    changes(desk, row, lambda tx, one: openings.edit(tx, one, one.version, place="大阪"))
    step()
    goes(desk, Status.DEAD, reason)
    step()
    assert [one.remote for one in posted(desk)[-2:]] == ["", ""]
    goes(desk)
    step()
    assert not step()
    assert desk.letters("openings.stuck") == []


def test_what_became_of_it_is_not_known(desk: Desk, step: Callable[..., bool]) -> None:
    """Ninety days later the outbox has forgotten: HR looks, nothing is posted twice by itself."""
    posts(desk)
    step()
    goes(desk)
    desk.does(outbox.outdated(tokyo("2027-01-01")).clear)
    step()
    assert not step()
    assert posted(desk) == []
    assert len(desk.letters("openings.stuck")) == 6


def test_a_channel_that_nobody_names_any_more_is_kept_true(desk: Desk, step: Callable[..., bool]) -> None:
    row = posts(desk)
    step()
    goes(desk)
    step()
    only = replace(POLICY, channels=(ONE,))
    posts(desk)
    step(only)
    assert len(posted(desk)) == 3  # the new one stands in one channel only
    changes(desk, row, openings.close)
    step(only)
    assert len(posted(desk)) == 5


# --- the last day ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "letters"), [("2026-03-23", 0), ("2026-03-24", 1), ("2026-03-31", 1)])
def test_the_owner_is_warned_a_week_before(
    desk: Desk, step: Callable[..., bool], day: str, letters: int
) -> None:
    posts(desk)
    desk.clock.travel(tokyo(day))
    step()
    step()
    assert len(desk.letters("openings.ending")) == letters
    assert len(desk.letters("openings.ended")) == 0


def test_who_chose_a_near_day_is_not_warned_of_it(desk: Desk, step: Callable[..., bool]) -> None:
    row = posts(desk, closes_on=date(2026, 2, 6))
    step()
    assert desk.letters("openings.ending") == []
    changes(desk, row, openings.renew, date(2026, 3, 1))
    desk.clock.travel(tokyo("2026-02-25"))
    step()
    assert len(desk.letters("openings.ending")) == 1


@pytest.mark.parametrize(
    ("staff", "letters"),
    [((OWNER, DEPUTY, OTHER), 1), ((DEPUTY, OTHER), 1), ((OTHER, "x@minato.example.jp"), 2)],
)
def test_the_deputy_is_told_when_the_owner_has_gone_and_else_everybody(
    desk: Desk, step: Callable[..., bool], staff: tuple[str, ...], letters: int
) -> None:
    posts(desk)
    desk.staff(*staff)
    desk.clock.travel(tokyo("2026-03-25"))
    step()
    assert len(desk.letters("openings.ending")) == letters


@pytest.mark.parametrize(("day", "state"), [("2026-03-31", Phase.OPEN), ("2026-04-01", Phase.CLOSED)])
def test_it_ends_when_its_last_day_is_over(
    desk: Desk, step: Callable[..., bool], day: str, state: Phase
) -> None:
    row = posts(desk)
    desk.clock.travel(tokyo(day, at="00:01"))
    step()
    step()
    assert desk.sees(lambda tx: openings.get(tx, row.id)).state is state
    assert len(desk.letters("openings.ended")) == (state is Phase.CLOSED)


def test_what_is_about_closed_ones_is_forgotten_in_time(desk: Desk, step: Callable[..., bool]) -> None:
    row = posts(desk)
    step()

    def raise_hand(tx: Any) -> None:
        person = people.add(tx, "髙橋 愛子")
        interests.add(tx, row.id, person.id, [OWNER], tokyo("2026-02-02"))

    desk.does(raise_hand)
    changes(desk, row, openings.close)
    for days, hands, left in ((179, 1, 1), (181, 0, 1), (3 * 365 - 1, 0, 1), (3 * 365 + 1, 0, 0)):
        desk.clock.travel(tokyo(date(2026, 2, 2) + timedelta(days=days), at="12:00"))
        asyncio.run(housekeeping.tidy(desk.database, 0))
        assert len(desk.sees(lambda tx: interests.everyone(tx, row.id))) == hands
        assert len(desk.sees(lambda tx: openings.listed(tx).rows)) == left
    assert postings(desk, row) == {}
