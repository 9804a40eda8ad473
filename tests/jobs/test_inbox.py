"""Events that were acknowledged and not handled come again, once; and the house is tidied."""

from __future__ import annotations

from datetime import timedelta

import pytest
import structlog
from sqlalchemy import text

from bot.app import CATALOGUE
from bot.conversation import Address, Conversation, MemberJoined, MemberLeft, Platform, Side, Standing
from bot.dispatch import Dispatcher
from bot.registry import discover
from bot.texts import Texts
from jobs import housekeeping
from jobs import inbox as job
from storage import accounts, codes, delivering, inbox, journal, outbox, people
from storage.accounts import Account
from storage.consents import Purpose
from storage.engine import Tx
from storage.inbox import REDRIVE_AFTER, Received
from storage.journal import Line
from storage.outbox import Delivery, Draft, Route
from tests.desk import POLICY, Desk

WHO = Address(Platform.SLACK, "T0ALUMNI", "U1")


def left(event_id: str = "Ev1") -> MemberLeft:
    return MemberLeft(WHO, Conversation("T0ALUMNI", ""), event_id)


@pytest.fixture
def dispatcher(desk: Desk) -> Dispatcher:
    desk.does(lambda tx: accounts.note(tx, WHO, Side.ALUMNI))
    looked(desk)
    return Dispatcher(desk.database, discover("bot.commands"), POLICY, Texts.load(CATALOGUE))


def looked(desk: Desk) -> None:
    """The platform described the account."""
    desk.does(lambda tx: accounts.looked(tx, WHO, Standing.MEMBER, "ja", "Asia/Tokyo"))


def acted(desk: Desk) -> bool:
    """Whether the event had its effect: the platform is to be asked about the account."""
    return desk.sees(lambda tx: tx.get_one(Account, str(WHO)).looked_at) is None


async def test_an_event_whose_effect_is_missing_is_driven_again(desk: Desk, dispatcher: Dispatcher) -> None:
    assert await dispatcher.keep(left(), Side.ALUMNI)
    assert not await dispatcher.keep(left(), Side.ALUMNI)
    assert not await job.redrive(desk.database, dispatcher), "the one who received it is still at it"
    desk.clock.passes(REDRIVE_AFTER)
    assert await job.redrive(desk.database, dispatcher)
    assert acted(desk)
    desk.clock.passes(100_000)
    assert not await job.redrive(desk.database, dispatcher)


async def test_what_was_handled_in_time_is_not_done_twice(desk: Desk, dispatcher: Dispatcher) -> None:
    await dispatcher.keep(left(), Side.ALUMNI)
    await dispatcher.drive(left(), Side.ALUMNI)
    looked(desk)
    await dispatcher.drive(left(), Side.ALUMNI)
    desk.clock.passes(REDRIVE_AFTER)
    assert not await job.redrive(desk.database, dispatcher)
    assert not acted(desk)


async def test_poison_blocks_nobody_and_is_forgotten_in_the_end(desk: Desk, dispatcher: Dispatcher) -> None:
    desk.does(lambda tx: inbox.first(tx, ("slack", "T0ALUMNI", "poison"), '["alumni",{"is":"Unheard"}]'))
    await dispatcher.keep(left(), Side.ALUMNI)
    desk.clock.passes(REDRIVE_AFTER)
    with structlog.testing.capture_logs() as lines:
        await job.redrive(desk.database, dispatcher)
    assert acted(desk)
    assert [line["event"] for line in lines] == ["event_unreadable"]
    for _ in range(inbox.TRIES):
        desk.clock.passes(100_000)
        await job.redrive(desk.database, dispatcher)
    desk.clock.passes(8 * 86_400)
    assert not await job.redrive(desk.database, dispatcher)
    await housekeeping.tidy(desk.database, 0)
    assert desk.sees(lambda tx: tx.query(Received).count()) == 0


async def test_a_bug_in_a_listener_leaves_the_event(desk: Desk, dispatcher: Dispatcher) -> None:
    event = MemberJoined(WHO, Conversation("T0ALUMNI", ""), "Ev2", "aiko@example.jp")
    await dispatcher.keep(event, Side.ALUMNI)
    desk.does(lambda tx: tx.execute(text("ALTER TABLE people RENAME TO gone")))
    with structlog.testing.capture_logs():
        await dispatcher.drive(event, Side.ALUMNI)
    desk.does(lambda tx: tx.execute(text("ALTER TABLE gone RENAME TO people")))
    assert not desk.sees(lambda tx: inbox.handled(tx, ("slack", "T0ALUMNI", "Ev2")))
    desk.clock.passes(REDRIVE_AFTER)
    assert await job.redrive(desk.database, dispatcher)
    assert desk.sees(lambda tx: inbox.handled(tx, ("slack", "T0ALUMNI", "Ev2")))


async def test_everything_goes_when_its_time_is_over_and_not_before(desk: Desk) -> None:
    def live(tx: Tx) -> None:
        inbox.first(tx, ("slack", "T", "Ev1"))
        outbox.put(tx, Draft("x.y", "{}", Purpose.STAFF, Route.STAFF, "1"))
        delivering.drop(tx, delivering.claim(tx)[0], "cancelled")
        codes.make(tx, people.add(tx, "田中 愛子").id, codes.Use.JOIN, b"", timedelta(days=1))
        journal.write(tx, "leaver.asked", "p_1")

    def kept(tx: Tx) -> tuple[int, ...]:
        return tuple(tx.query(table).count() for table in (Received, Delivery, codes.Code, Line))

    desk.does(live)
    start = desk.clock.now()
    for days, wanted in (
        (7, (1, 1, 1, 1)),
        (8, (0, 1, 1, 1)),
        (91, (0, 0, 1, 1)),
        (92, (0, 0, 0, 1)),
        (1096, (0, 0, 0, 0)),
    ):
        desk.clock.travel(start + timedelta(days=days))
        assert not await housekeeping.tidy(desk.database, 0), "tidying is no work"
        assert desk.sees(kept) == wanted, days
