"""Delivery: claims due messages in small groups, keeps the pace, has each sent, and marks what became of it.

A process may die at any point: whoever takes a row over asks the platform first whether it stands there. What
cannot be asked is decided by what it is (`receivers.Receivers.check`).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import structlog

from bot.errors import Ambiguous, Away, Retry, Undeliverable
from bot.policy import Policy
from jobs.outbox import ends, receivers
from jobs.outbox.abreast import Abreast
from jobs.outbox.past import Past
from jobs.outbox.receivers import SOON, Later, Receivers, Stop, Unsure, Wait, line_of
from jobs.outbox.sending import FRESH, Doors, Ready, Sender, Went
from jobs.outbox.together import Together, each
from jobs.outbox.tolls import Tolls
from jobs.outbox.transport import Alone, Transport
from storage import delivering, pace
from storage.delivering import GROUP, TRIES, Arrival
from storage.engine import Database, Tx, now
from storage.outbox import Delivery, Queue

__all__ = ["Courier", "Doors"]
log = structlog.get_logger()
AT_ONCE = 192
"""Messages on their way side by side; a platform that hangs holds up only its own."""
TURN = 20.0
"""Seconds after which the sweep ends and begins anew, so that it is seen to live."""
LONGEST = 900.0
"""Seconds of the longest back-off."""
KEEP = delivering.LEASE / 4
"""Seconds after which the leases of what is still under way are renewed."""
PATIENCE = timedelta(days=3)
"""So long a message waits for a platform that is away; nobody counts the tries of those days."""
_Early = tuple[int, Queue, float]
"""A message that may go later: its id, its queue, in how many seconds."""


class Courier:
    """Carries the outbox out of the house."""

    def __init__(
        self, database: Database, policy: Policy, doors: Doors, transport: Transport | None = None
    ) -> None:
        self._database, self._policy, self._doors = database, policy, doors
        self._transport = transport or Alone(database)
        self._receivers = Receivers(policy)
        self._marks = Together[Callable[[Tx], object]](database, each)
        self._arrivals = Together[Arrival](database, ends.arrived)
        self._tolls = Tolls(doors.chats, database.clock, doors.pace)
        self._past = Past(database, self._tolls)
        self._sender = Sender(database, policy, doors, self._tolls, self._marks)
        self._under_way = Abreast()
        self._held: dict[int, tuple[Delivery, float]] = {}
        self._stopped = False

    def ring(self) -> None:
        """Something may go that could not go before."""
        self._under_way.ring()

    def stop(self) -> None:
        """Claim nothing more; what is on its way arrives."""
        self._stopped = True
        self.ring()

    async def ended(self) -> None:
        """Wait for what is on its way after `stop`."""
        while self._under_way:
            await self._wait(KEEP)

    async def deliver(self) -> bool:
        """Claim one group and bring each message on, side by side; whether there was anything to do."""
        found, group = await self._claimed(GROUP)
        await asyncio.gather(*(self._carry(one) for one in group))
        return found

    async def work(self) -> bool:
        """Carry what is ready, at most `TURN` seconds long; whether there was anything to do. What is under
        way then goes on, and the next turn takes it up."""
        loop = asyncio.get_running_loop()
        over, busy = loop.time() + TURN, bool(self._under_way)
        while not self._stopped and loop.time() < over:
            room, found = AT_ONCE - len(self._under_way), False
            if room >= GROUP:
                found, group = await self._claimed(min(GROUP, room))
                for one in group:
                    self._under_way.begin(self._carry(one))
                busy = busy or found
            if found:
                continue
            opens = self._tolls.gates.opens_in(self._database.clock.wire())
            if not self._under_way and opens >= SOON:
                return busy
            await self._wait(min(opens, KEEP, max(0.0, over - loop.time())))
        if self._stopped:
            await self.ended()
        return busy

    async def _wait(self, seconds: float) -> None:
        """Until something under way ends, the bell rings, or so many seconds are over."""
        await self._under_way.one_ends(seconds)
        await self._keep()

    async def _keep(self) -> None:
        """Renew the leases of what takes long: nobody else is to send it meanwhile."""
        at = self._database.clock.wire()
        old = [row for row, since in self._held.values() if at - since > KEEP]
        if old:
            self._held |= {row.id: (row, at) for row in old}
            await self._database.run(lambda tx: delivering.hold_all(tx, old), guarded=True)

    # --- in one transaction for the group -----------------------------------------------------------

    async def _claimed(self, limit: int) -> tuple[bool, list[Ready]]:
        """Whether there was anything, and what of it can be sent now, ours for a lease."""
        ids = await self._transport.ready(limit, self._tolls.gates.room(self._database.clock.wire()))
        if len(ids) < limit:
            ids = list(dict.fromkeys([*ids, *await self._past.ids()]))
        return bool(ids), await self._taken(ids)

    async def _taken(self, ids: Sequence[int]) -> list[Ready]:
        if not ids:
            return []
        try:
            going, early = await self._database.run(
                lambda tx: self._prepared(tx, ids), guarded=True, brief=True
            )
        except Exception as bug:  # noqa: BLE001 - told below, of the one that it came from
            if len(ids) > 1:
                return [ready for one in ids for ready in await self._taken([one])]
            rows = await self._database.run(lambda tx: delivering.claim(tx, ids=ids), guarded=True)
            for row in rows:
                await self._failed(row, bug, ambiguous=False)
            return []
        for message, line, seconds in early:
            self._back(message, line, seconds)
        self._tolls.gates.learn(Counter(line_of(ready.row) for ready in going))
        return going

    def _prepared(self, tx: Tx, ids: Sequence[int]) -> tuple[list[Ready], list[_Early]]:
        """Claim rows, and take their places in the lanes; those that do not go now are marked at once."""
        until, early = self._database.clock.wire() + FRESH, list[_Early]()
        found, going = list[tuple[Ready, list[pace.Place]]](), list[Ready]()
        rows = delivering.claim(tx, ids=ids)
        if len(rows) < len(ids):
            early += delivering.later(tx, set(ids) - {row.id for row in rows})
        of = receivers.known(tx, rows)
        for row in rows:
            with self._ending(tx, row, early):
                if row.attempts > TRIES:  # it never came to an end, nor did those who tried
                    raise Undeliverable("bug")
                receiver, body = self._receivers.look(tx, row, of)
                places, goes = self._tolls.first(row, receiver, body)
                found.append((Ready(row, receiver, body, until if goes else 0.0), places))
        free = pace.Lanes(tx, {place.key for _, places in found for place in places})
        for ready, places in found:
            with self._ending(tx, ready.row, early):
                self._tolls.take(ready.row, free, places)
                going.append(ready)
        return going, early

    @contextmanager
    def _ending(self, tx: Tx, row: Delivery, early: list[_Early]) -> Iterator[None]:
        """Mark a row that does not go now."""
        try:
            yield
        except Wait as wait:
            delivering.wait(tx, row, wait.seconds)
            early.append((row.id, line_of(row), wait.seconds))
        except Later as later:
            delivering.rest(tx, row, later.opens)
        except Stop as stop:
            delivering.drop(tx, row, str(stop))
        except Undeliverable as trouble:
            ends.given_up(tx, row, trouble.reason, self._policy)

    def _back(self, message: int, line: Queue, seconds: float) -> None:
        """It may go in so many seconds; of what waits for long the others are told too."""
        if seconds <= delivering.NEAR:
            self._transport.back(message, line, seconds)

    # --- outside any transaction -------------------------------------------------------------------

    async def _carry(self, ready: Ready) -> None:
        row = ready.row
        self._held[row.id] = (row, self._database.clock.wire())
        try:
            await self._carried(ready)
        except Exception as bug:  # noqa: BLE001 - one message must not keep the others
            await self._failed(row, bug, ambiguous=ready.left)
        finally:
            if self._held.get(row.id, (None, 0.0))[0] is row:
                del self._held[row.id]

    async def _carried(self, ready: Ready) -> None:
        row = ready.row
        try:
            went = await self._sender.send(ready)
        except Away as trouble:
            await self._sender.tell(trouble)
            await self._waits(row, min(trouble.after, pace.LONGEST), trouble.reason)
        except Retry as trouble:
            await self._again(row, trouble.reason, trouble.after)
        except Ambiguous as trouble:
            await self._again(row, trouble.reason, 0.0, ambiguous=True)
        except Undeliverable as trouble:
            reason = trouble.reason
            await self._marks.add(lambda tx: ends.given_up(tx, row, reason, self._policy))
        except Wait as wait:
            await self._waits(row, wait.seconds)
        except Later as later:
            opens = later.opens
            await self._marks.add(lambda tx: delivering.rest(tx, row, opens))
        except Stop as stop:
            reason = str(stop)
            await self._marks.add(lambda tx: delivering.drop(tx, row, reason))
        except Unsure:
            await self._marks.add(lambda tx: ends.unsure(tx, row, self._policy))
        else:
            await self._arrived(row, went)

    async def _arrived(self, row: Delivery, went: Went) -> None:
        went_by, posted = went
        where = f"{posted.channel}:{posted.ref}" if posted else ""
        await self._arrivals.add(Arrival(row, went_by, where))

    async def _failed(self, row: Delivery, bug: Exception, *, ambiguous: bool) -> None:
        log.error("delivery_failed", delivery=row.delivery, error=type(bug).__name__, exc_info=bug)
        await self._again(row, "bug", 0.0, ambiguous=ambiguous)

    async def _waits(self, row: Delivery, seconds: float, reason: str = "") -> None:
        """Back into the queue; given up when it waited for somebody who is away for longer than anybody
        would."""

        def wait(tx: Tx) -> None:
            late = now(tx) - (row.due_at or now(tx))
            if reason and late > PATIENCE:
                ends.given_up(tx, row, reason, self._policy)
            else:
                delivering.wait(tx, row, seconds, reason)

        await self._marks.add(wait)
        self._back(row.id, line_of(row), seconds)

    async def _again(self, row: Delivery, reason: str, after: float, *, ambiguous: bool = False) -> None:
        """Later: as long as the platform said, and full jitter on top, so that nobody comes in step. What may
        have arrived rests for a lease first: whoever was slow to take it will have it by then."""
        rest = delivering.LEASE if ambiguous else 0.0
        later = after + (rest + random.uniform(0, min(LONGEST, 2.0 * 2**row.attempts))) * self._doors.pace

        def park(tx: Tx) -> None:
            if row.attempts >= TRIES:
                ends.given_up(tx, row, reason, self._policy)
            else:
                delivering.again(tx, row, later, reason, ambiguous=ambiguous)

        await self._marks.add(park)
