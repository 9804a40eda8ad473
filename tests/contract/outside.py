"""The world outside the house made slow, and mended again; the doors under test share it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from storage.engine import Tx, at_server
from storage.outbox import Delivery
from tests.world import World

_FULL = {
    False: ("CREATE TRIGGER fills BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'disk is full'); END",),
    True: (
        """CREATE FUNCTION fills() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN RAISE EXCEPTION USING ERRCODE = ''disk_full''; END'""",
        "CREATE TRIGGER fills BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION fills()",
    ),
}


@dataclass
class Outside:
    """Slack hangs and the mailbox says nothing, while a round of the outbox tries to send."""

    world: World
    carrying: list[asyncio.Task[Any]] = field(default_factory=list)
    silent: list[asyncio.Server] = field(default_factory=list)

    @contextmanager
    def full(self) -> Iterator[None]:
        """In the block the database records nothing that arrives."""

        def fill(tx: Tx) -> None:
            for statement in _FULL[at_server(tx)]:
                tx.execute(text(statement))

        def empty(tx: Tx) -> None:
            tx.execute(text(f"DROP TRIGGER fills{' ON inbox' if at_server(tx) else ''}"))

        self.world.writes(fill)
        try:
            yield
        finally:
            self.world.writes(empty)

    async def slow(self, seconds: float) -> None:
        """From now on; every mail that was sent is due again."""
        self.world.slack.faults.hang("*", seconds, times=100)
        mailbox = self.world.ground.mailbox
        port = mailbox.port
        await mailbox.stop()
        self.silent.append(await asyncio.start_server(_say_nothing, "127.0.0.1", port))
        self.world.writes(lambda tx: tx.query(Delivery).update({"next_try": 0.0, "status": "pending"}))
        self.carrying.append(asyncio.ensure_future(self.world.ground.app.schedule.run("outbox")))
        await asyncio.sleep(0.1)

    async def quiet(self) -> None:
        """Mended; waits until everything under way has ended."""
        self.world.slack.faults.clear()
        for server in self.silent:
            server.close()
        for task in self.carrying:
            await task
        self.carrying.clear()
        await self.world.answered()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
