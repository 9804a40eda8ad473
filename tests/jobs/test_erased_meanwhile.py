"""Erased between the claim of a message and its way out: nothing leaves, by chat or by mail."""

from __future__ import annotations

import pytest

from bot import leaving
from bot.errors import Retry
from storage import consents, delivering, leavers, outbox
from storage.consents import Decision, Purpose
from storage.engine import Tx, now
from storage.leavers import Leaver, Stage
from storage.outbox import Delivery, Draft, Route, Status
from storage.people import Person
from tests.jobs.postroom import CARD, SAID, Post, post

__all__ = ["post"]


def a_member(post: Post) -> Person:
    """Somebody with a leaving behind them, an account and a proven mailbox."""
    person = post.alumnus(email="aiko@home.example.jp")

    def leave(tx: Tx) -> None:
        leaver = Leaver(
            person_id=person.id, entity="", employee_number="E1", stint=1, source="csv", notice="",
            last_day=now(tx).date(), leaving_type="resignation", stage=Stage.JOINED,
        )  # fmt: skip
        leavers.add(tx, leaver)

    post.desk.does(leave)
    return person


def erase(post: Post, person: Person) -> None:
    """By their own word."""

    def go(tx: Tx) -> None:
        leaver = leavers.of_person(tx, person.id)
        assert leaver is not None
        leaving.leave(tx, leaver, SAID)

    post.desk.does(go)


def claimed(post: Post, person: Person, route: Route) -> Delivery:
    """A message that a courier holds in its hands."""
    draft = Draft("checkin.nudge", CARD, Purpose.STAY_IN_TOUCH, route, f"{person.id}:1", person.id)
    assert post.desk.does(lambda tx: outbox.put(tx, draft)) is not None
    (row,) = post.desk.does(lambda tx: delivering.claim(tx, 10))
    return row


@pytest.mark.parametrize("route", [Route.ALUMNI_CHAT, Route.PRIVATE_MAIL])
async def test_claimed_then_erased(post: Post, route: Route) -> None:
    person = a_member(post)
    claimed(post, person, route)
    erase(post, person)
    post.desk.clock.passes(delivering.LEASE + 1)
    await post.runs(3)
    assert post.posted == []
    assert post.mails.got == []
    assert [one.status for one in post.rows if one.status is Status.SENT] == []
    assert all(one.payload is None for one in post.rows)


async def test_erased_while_slack_is_asked(post: Post) -> None:
    person = a_member(post)
    claimed(post, person, Route.ALUMNI_CHAT)
    await post.meanwhile(lambda: erase(post, person))
    await post.runs(3)
    assert post.posted == []
    assert post.mails.got == []
    assert all(one.payload is None for one in post.rows)


async def test_withdrawn_while_slack_is_asked(post: Post) -> None:
    person = a_member(post)
    claimed(post, person, Route.ALUMNI_CHAT)
    await post.meanwhile(
        lambda: post.desk.does(lambda tx: consents.record(tx, person.id, Decision.WITHDRAWN, SAID))
    )
    assert post.posted == []
    assert post.mails.got == []


async def test_erased_after_a_courier_died_with_the_message(post: Post) -> None:
    """Its lease runs out, the next courier finds nothing to say."""
    person = a_member(post)
    claimed(post, person, Route.ALUMNI_CHAT)
    erase(post, person)
    post.desk.clock.passes(delivering.LEASE + 1)
    await post.runs(5, couriers=2)
    assert post.posted == []
    assert post.mails.got == []


async def test_erased_while_the_mail_server_keeps_us_waiting(post: Post) -> None:
    """Tried in vain before; erased before the next try."""
    person = a_member(post)
    post.mails.trouble = [Retry("smtp_421", 1.0)]
    claimed(post, person, Route.PRIVATE_MAIL)
    post.desk.clock.passes(delivering.LEASE + 1)
    await post.courier().deliver()
    erase(post, person)
    await post.runs(120, step=10.0)
    assert post.mails.got == []
