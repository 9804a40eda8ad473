"""How far somebody has come when a story begins: announced, consented, a member."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from storage.leavers import Stage
from tests.world import Somebody, World

END = "2026-03-31"


async def a_leaver(
    world: World, name: str = "髙橋 愛子", last_day: str = END, works_until: str = "", **row: str
) -> Somebody:
    """HR's file announces somebody."""
    somebody = world.employee(name, last_day, works_until)
    await world.feed_says(somebody.leaves(**row))
    return somebody


async def who_was_asked(world: World, name: str = "髙橋 愛子", last_day: str = END, **row: str) -> Somebody:
    """Announced, and asked on the ask day (30 days before the last day)."""
    somebody = await a_leaver(world, name, last_day, **row)
    await world.on(str(date.fromisoformat(last_day) - timedelta(days=30)), at="09:00")
    assert somebody.stage is Stage.ASKED
    return somebody


async def who_said_yes(world: World, name: str = "髙橋 愛子", last_day: str = END, **row: str) -> Somebody:
    """Asked, consented, and the private address proven."""
    somebody = await who_was_asked(world, name, last_day, **row)
    await somebody.says_yes()
    await somebody.proves_the_address()
    await world.settle()
    return somebody


async def who_was_enrolled(
    world: World, name: str = "髙橋 愛子", last_day: str = END, **row: str
) -> Somebody:
    """Consented and enrolled at 18:00 of the last day."""
    somebody = await who_said_yes(world, name, last_day, **row)
    await world.on(last_day, at="18:00")
    assert somebody.stage is Stage.ENROLLED
    return somebody


async def a_member(world: World, name: str = "髙橋 愛子", last_day: str = END, **profile: Any) -> Somebody:
    """Joined on the morning after the last day, with a confirmed profile if one is given."""
    somebody = await who_was_enrolled(world, name, last_day)
    await world.on(str(date.fromisoformat(last_day) + timedelta(days=1)), at="09:00")
    await somebody.joins()
    assert somebody.stage is Stage.JOINED
    if profile:
        await somebody.presses("profile.edit", **{"listed": ["yes"], **profile})
    return somebody
