"""Events that were acknowledged and not handled come again, once; and the house is tidied."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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
from storage.columns import Vault
from storage.consents import Purpose
from storage.engine import Tx
from storage.inbox import REDRIVE_AFTER, Received
from storage.journal import Line
from storage.outbox import Delivery, Draft, Route
from tests.desk import POLICY, VAULT, Desk

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


def rows(desk: Desk) -> dict[str, Received]:
    return {row.event_id: row for row in desk.sees(lambda tx: tx.query(Received).all())}


UNREADABLE = {
    "another key": Vault.parse(Vault.make("k9")).wrap(b"x", "inbox:Ev0"),
    "another place": VAULT.wrap(b"x", "inbox:Ev9"),
    "cut off": VAULT.wrap(b"x", "inbox:Ev0")[:9],
    "no word of ours": VAULT.wrap(b'["alumni",{"is":"Unheard"}]', "inbox:Ev0"),
    "no text": VAULT.wrap(b"\xff", "inbox:Ev0"),
    "nothing": b"",
}


@pytest.mark.parametrize("payload", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_cannot_be_read_counts_as_tried_and_holds_up_nobody(
    desk: Desk, dispatcher: Dispatcher, payload: bytes
) -> None:
    for event_id in ("Ev0", "Ev1"):
        await dispatcher.keep(left(event_id), Side.ALUMNI)
    desk.does(lambda tx: tx.query(Received).filter_by(event_id="Ev0").update({"payload": payload}))
    desk.clock.passes(REDRIVE_AFTER)
    with structlog.testing.capture_logs() as lines:
        assert await job.redrive(desk.database, dispatcher)
    assert acted(desk)
    assert [(line["event"], line["event_id"], line["tries"]) for line in lines] == [
        ("event_unreadable", "Ev0", 1)
    ]
    assert {one: row.done_at is None for one, row in rows(desk).items()} == {"Ev0": True, "Ev1": False}


def breaks(desk: Desk) -> None:
    """A release with a bug: nothing can be done about any account."""
    desk.does(lambda tx: tx.execute(text("ALTER TABLE accounts RENAME TO elsewhere")))


def mends(desk: Desk) -> None:
    desk.does(lambda tx: tx.execute(text("ALTER TABLE elsewhere RENAME TO accounts")))


async def tried(desk: Desk, dispatcher: Dispatcher, until: timedelta) -> list[dict[str, Any]]:
    """The sweep goes by until so long after now; what was logged."""
    ends = desk.clock.now() + until
    with structlog.testing.capture_logs() as lines:
        while desk.clock.now() < ends:
            desk.clock.passes(inbox.LONGEST)
            await job.redrive(desk.database, dispatcher)
    return [dict(line) for line in lines]


async def test_an_event_is_tried_every_hour_for_a_week_so_that_a_mended_release_brings_it_back(
    desk: Desk, dispatcher: Dispatcher
) -> None:
    await dispatcher.keep(left(), Side.ALUMNI)
    breaks(desk)
    lines = await tried(desk, dispatcher, inbox.KEPT - timedelta(hours=2))
    assert [line["event"] for line in lines].count("incident") == rows(desk)["Ev1"].tries >= 160
    assert "event_given_up" not in {line["event"] for line in lines}
    mends(desk)
    assert not acted(desk)
    await tried(desk, dispatcher, timedelta(hours=1))
    assert acted(desk)


async def test_what_is_given_up_in_the_end_is_told(desk: Desk, dispatcher: Dispatcher) -> None:
    desk.staff("sato@minato.example.jp", "mori@minato.example.jp")
    for event_id in ("Ev1", "Ev2"):
        await dispatcher.keep(left(event_id), Side.ALUMNI)
    breaks(desk)
    lines = await tried(desk, dispatcher, inbox.KEPT + timedelta(hours=2))
    mends(desk)
    given_up = [line for line in lines if line["event"] == "event_given_up"]
    assert {(line["event_id"], line["platform"]) for line in given_up} == {("Ev1", "slack"), ("Ev2", "slack")}
    assert len(desk.letters("undelivered.unheard")) == 2, "one card to each, of however many events"
    assert [row.payload for row in rows(desk).values()] == [None, None]
    assert await tried(desk, dispatcher, timedelta(days=1)) == []
    assert not acted(desk)
    desk.clock.passes(inbox.KEPT.total_seconds())
    await housekeeping.tidy(desk.database, 0)
    assert rows(desk) == {}


async def test_who_was_away_for_longer_than_that_tries_all_the_same(
    desk: Desk, dispatcher: Dispatcher
) -> None:
    await dispatcher.keep(left(), Side.ALUMNI)
    desk.clock.passes(2 * inbox.KEPT.total_seconds())
    await housekeeping.tidy(desk.database, 0)
    breaks(desk)
    assert "event_given_up" not in str(await tried(desk, dispatcher, timedelta(hours=inbox.TRIES - 1)))
    mends(desk)
    await tried(desk, dispatcher, timedelta(hours=1))
    assert acted(desk)


async def test_an_event_does_not_wait_for_a_clock_that_was_set_back(
    desk: Desk, dispatcher: Dispatcher
) -> None:
    await dispatcher.keep(left(), Side.ALUMNI)
    desk.clock.is_set(-9 * 3600)
    assert await job.redrive(desk.database, dispatcher)
    assert acted(desk)


def test_a_double_click_is_one_of_seconds_whatever_is_done_to_the_clock(desk: Desk) -> None:
    def pressed(tx: Tx) -> bool:
        return inbox.no_twin(tx, ("slack", "T0ALUMNI", "twin:x"))

    assert desk.does(pressed)
    assert not desk.does(pressed)
    desk.clock.is_set(-9 * 3600)
    assert desk.does(pressed)
    assert not desk.does(pressed)


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
