"""What one click is, however long it lasts, whoever waits behind others, whatever is done to the clock."""

from __future__ import annotations

import asyncio

import pytest

from bot.app import CATALOGUE
from bot.conversation import (
    Address,
    Answer,
    Bound,
    ButtonPressed,
    Card,
    Conversation,
    Platform,
    Reply,
    Side,
)  # fmt: skip
from bot.dispatch import Dispatcher, Outcome
from bot.registry import Context, Feature, Registry
from bot.texts import Texts
from storage import inbox, journal
from storage.journal import Line
from tests.databases import busy
from tests.desk import POLICY, Desk

WHO = Address(Platform.SLACK, "T0ALUMNI", "U1")
feature = Feature("demo")
feature.homepage(lambda ctx: Card("home"))


@feature.action(Side.ALUMNI)
def press(ctx: Context, seconds: int) -> Answer:
    """Writes a line, and takes its time."""
    journal.write(ctx.tx, "demo.pressed")
    ctx.tx.info["clock"].passes(seconds)
    return Reply(Card("pressed"))


@pytest.fixture
def dispatcher(desk: Desk) -> Dispatcher:
    return Dispatcher(desk.database, Registry.of([feature]), POLICY, Texts.load(CATALOGUE))


async def clicks(dispatcher: Dispatcher, number: int, bound: Bound) -> Outcome:
    """The same button; each click has an id of its own."""
    pressed = ButtonPressed(WHO, Conversation("T0ALUMNI", "D1"), f"click {number}", bound, "twin")
    return await dispatcher.answer(pressed, Side.ALUMNI)


def acted(desk: Desk) -> int:
    return desk.sees(lambda tx: tx.query(Line).filter_by(what="demo.pressed").count())


async def test_who_clicks_again_because_it_lasts_clicked_once(desk: Desk, dispatcher: Dispatcher) -> None:
    """The seconds of a double click run from the end of what was pressed."""
    assert (await clicks(dispatcher, 1, press(seconds=60))).reply is not None
    desk.clock.passes(inbox.TWINS - 1)
    assert (await clicks(dispatcher, 2, press(seconds=60))).reply is None
    desk.clock.passes(1)
    assert (await clicks(dispatcher, 3, press(seconds=60))).reply is not None
    assert acted(desk) == 2


async def test_a_click_that_waits_for_other_writers_came_when_it_came(
    desk: Desk, dispatcher: Dispatcher
) -> None:
    assert (await clicks(dispatcher, 1, press(seconds=0))).reply is not None
    with busy(desk.database) as ends:
        again = asyncio.create_task(clicks(dispatcher, 2, press(seconds=0)))
        await asyncio.sleep(0)
        desk.clock.passes(2 * inbox.TWINS)
        ends()
        assert (await again).reply is None
    assert acted(desk) == 1


async def test_a_clock_that_is_set_back_makes_no_click_a_double_one(
    desk: Desk, dispatcher: Dispatcher
) -> None:
    for number in range(2):
        assert (await clicks(dispatcher, number, press(seconds=60))).reply is not None
        desk.clock.is_set(-9 * 3600)
    assert acted(desk) == 2
