"""Who waits behind messages whose lane is full, but goes by another one, is not kept by them."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from bot.conversation import Address, Side
from jobs import lanes
from jobs.outbox.tolls import Tolls
from storage import accounts, delivering, people
from storage.delivering import GROUP, Passing
from storage.engine import Database, Tx
from storage.outbox import Queue, Route

_WINDOW = 1000
"""Messages looked through at a time."""
_ON, _NONE, _ANEW = 1.0, 5.0, 15.0
"""Seconds until the next look: after one that found somebody, after one that found nobody, and after the last
of a queue."""


class Past:
    """Looks past what waits, window by window through a queue. Only in the queues to alumni do many wait, and
    are there several ways."""

    def __init__(self, database: Database, tolls: Tolls) -> None:
        self._database, self._tolls = database, tolls
        self._after: dict[Queue, Passing] = {}
        self._next: dict[Queue, float] = {}

    async def ids(self) -> list[int]:
        """The ids of messages that need none of the lanes that are full."""
        at, found = self._database.clock.wire(), list[int]()
        for line, full in self._tolls.gates.lately(at).items():
            if line.route is Route.ALUMNI_CHAT and self._next.get(line, 0.0) <= at:
                found += await self._looked(line, frozenset(full), at)
        return found

    async def _looked(self, line: Queue, full: Collection[str], at: float) -> list[int]:
        window = partial(self._window, line=line, full=full, after=self._after.get(line))
        seen, free = await self._database.run(window, reads=True)
        through = len(free) <= GROUP
        ended = through and len(seen) < _WINDOW
        free = free[:GROUP]
        self._next[line] = at + (_ON if free else _ANEW if ended else _NONE)
        if ended:
            self._after.pop(line, None)
        else:
            self._after[line] = seen[-1] if through else free[-1]
        return [one.id for one in free]

    def _window(
        self, tx: Tx, line: Queue, full: Collection[str], after: Passing | None
    ) -> tuple[list[Passing], list[Passing]]:
        """A window of what waits, and those of it for whom the way is free."""
        seen = delivering.passing(tx, line, after, _WINDOW)
        whose = {one.person_id for one in seen}
        mailed = {known.id for known in people.some(tx, whose).values() if known.mail_only}
        living = accounts.living(tx, whose - mailed)
        of = {who: self._keys(living.get((who, Side.ALUMNI))) for who in whose}
        return seen, [one for one in seen if not of[one.person_id] & set(full)]

    def _keys(self, account: accounts.Account | None) -> set[str]:
        """The lanes of a message to this account, or of a mail."""
        if account is None:
            return {lanes.MAIL}
        address = Address.parse(account.address)
        opening = lanes.opening(address, account.chat)
        return {place.key for place in lanes.to(address, opening=opening)}
