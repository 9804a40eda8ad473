"""Reading threads that take turns: nobody waits for ever, and who is quick not for who is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event

import pytest

from storage.readers import TURN, Readers

LONG = 10
"""Seconds in which everything comes, on a machine that has other things to do."""


async def until(true: Callable[[], bool]) -> None:
    for _ in range(LONG * 200):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came")


async def test_who_waits_when_it_is_closed_is_told() -> None:
    readers, go_on = Readers(1), Event()
    asked = [asyncio.ensure_future(readers.ask(lambda: go_on.wait(LONG))) for _ in range(TURN * 2)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(readers.close))
    go_on.set()
    await closing
    told = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), LONG)
    refused = [answer for answer in told if isinstance(answer, RuntimeError)]
    assert TURN <= len(refused) < len(told), "what had begun is answered"
    assert {answer for answer in told if answer not in refused} == {True}


async def test_whoever_comes_after_that_is_told_too() -> None:
    readers, go_on = Readers(1), Event()
    first = asyncio.ensure_future(readers.ask(lambda: go_on.wait(LONG)))
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(readers.close))
    await until(lambda: readers._pool._shutdown)
    beside = [asyncio.ensure_future(readers.ask(lambda: "read")) for _ in range(TURN * 2)]
    await asyncio.sleep(0)
    go_on.set()
    await closing
    assert await first
    told = await asyncio.wait_for(asyncio.gather(*beside, return_exceptions=True), LONG)
    assert {"read" if answer == "read" else type(answer) for answer in told} <= {"read", RuntimeError}
    assert isinstance(told[-1], RuntimeError)
    with pytest.raises(RuntimeError, match="closed"):
        await readers.ask(lambda: "never")


async def test_who_is_quick_does_not_wait_for_who_shares_the_turn() -> None:
    readers, both, go_on = Readers(), Event(), Event()
    quick = asyncio.ensure_future(readers.ask(lambda: both.wait(LONG)))
    slow = asyncio.ensure_future(readers.ask(lambda: go_on.wait(LONG * 2)))
    await asyncio.sleep(0)
    both.set()
    assert await asyncio.wait_for(quick, LONG)
    assert not slow.done()
    go_on.set()
    assert await slow
    readers.close()


async def test_a_turn_that_lasts_hands_over_what_it_has() -> None:
    readers, first, second = Readers(1), Event(), Event()
    slow = asyncio.ensure_future(readers.ask(lambda: first.wait(LONG)))
    await asyncio.sleep(0)
    (turn,) = readers._quick
    quick = asyncio.ensure_future(readers.ask(lambda: "quick"))
    slower = asyncio.ensure_future(readers.ask(lambda: second.wait(LONG * 2)))
    await until(lambda: turn.lasts)
    first.set()
    assert await asyncio.wait_for(quick, LONG) == "quick"
    assert not slower.done()
    second.set()
    assert await slow
    assert await slower
    readers.close()
