"""A house and its neighbours in one process that stands still, as on a machine with much else to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adapters.http import PATIENCE
from tests.journeys import a_leaver
from tests.world import World


async def test_nobody_is_unreachable_for_whom_the_process_stood_still(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, for longer than other systems get to take up a connection, while some are being taken up."""
    people = [await a_leaver(world, name) for name in ("髙橋 愛子", "山﨑 次郎", "森 三郎", "Anna Schmidt")]
    loop, stood = asyncio.get_running_loop(), list[float]()
    taking_up: Callable[..., Awaitable[None]] = loop.sock_connect

    async def standing_still(*where: Any) -> None:
        if not stood:
            stood.append(loop.time())
            loop.call_soon(time.sleep, 0.3 * PATIENCE + 0.5)
        await taking_up(*where)

    monkeypatch.setattr(loop, "sock_connect", standing_still)
    await world.on("2026-03-01", at="09:00")
    assert stood
    assert [[kind for kind, _ in one.letters] for one in people] == [["welcome.question"]] * len(people)
