"""Delivery: claims due messages in small groups, keeps the pace, sends, and marks what became of each.

The network is never touched inside a transaction. In the transaction right before a message goes it is asked
once more whether it is still ours to send, whether its purpose has its consent, whether its receiver pauses.
A process may die at any point: whoever takes a row over asks the platform first whether it stands there.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog

from bot.commands import decisions
from bot.conversation import Address, Side
from bot.errors import Ambiguous, Retry, Trouble, Undeliverable
from bot.policy import Policy
from bot.ports import INVITATION, Guest, Inviter, Looks, Mailer, MailTo, Messenger, Outgoing, Posted
from bot.post import with_way
from bot.texts import LOCALES
from bot.wire import load_card
from jobs import lanes
from jobs.outbox import ends, gates, receivers
from jobs.outbox.abreast import Abreast
from jobs.outbox.receivers import SOON, Receiver, Receivers, Stop, Wait, line_of, side_of
from jobs.outbox.together import Together, each
from jobs.outbox.transport import Alone, Transport
from storage import accounts, delivering, pace
from storage.delivering import GROUP, Arrival
from storage.engine import Database, Tx, now
from storage.outbox import Delivery, Queue, Route

log = structlog.get_logger()
T = TypeVar("T")
AT_ONCE = 192
"""Messages on their way side by side; a platform that hangs holds up only its own."""
TURN = 20.0
"""Seconds after which the sweep ends and begins anew, so that it is seen to live."""
FRESH = delivering.LEASE - 15.0
"""Seconds after a look in which a message may set out, so that it is there before its lease is over."""
LONGEST = 900.0
"""Seconds of the longest back-off."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways out of the house; a side without a chat has no messenger."""

    chats: Mapping[Side, Messenger]
    mailer: Mailer
    inviter: Inviter
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A claimed message, its receiver and words; `until` which wire second it may go without another look."""

    row: Delivery
    receiver: Receiver
    body: Mapping[str, Any]
    until: float


@dataclass(frozen=True, slots=True)
class _Chat:
    """One side's way into its chat."""

    side: Side
    messenger: Messenger


_Early = tuple[int, Queue, float]
"""A message that may go later: its id, its queue, in how many seconds."""
_Went = tuple[str, Posted | None]


class _NotThere(Trouble):
    """The company's chat does not know the address."""


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
        self._gates = gates.Gates()
        self._stopped = False

    def stop(self) -> None:
        """Claim nothing more; what is on its way arrives."""
        self._stopped = True

    async def deliver(self) -> bool:
        """Claim one group and bring each message on, side by side; whether there was anything to do."""
        found, group = await self._claimed(GROUP)
        await asyncio.gather(*(self._carry(one) for one in group))
        return found

    async def work(self) -> bool:
        """Carry what is ready, at most `TURN` seconds long; whether there was anything to do."""
        loop = asyncio.get_running_loop()
        over, busy, under_way = loop.time() + TURN, False, Abreast()
        while not self._stopped and loop.time() < over:
            room, found = AT_ONCE - len(under_way), False
            if room >= GROUP:
                found, group = await self._claimed(min(GROUP, room))
                for one in group:
                    under_way.begin(self._carry(one))
                busy = busy or found
            if under_way and not found:
                await under_way.one_ends()
            elif not found and not await self._rested():
                break
        await under_way.all_end()
        return busy

    async def _rested(self) -> bool:
        """Wait for the first lane to be free, if that is soon."""
        soonest = self._gates.opens_in(self._database.clock.wire())
        if soonest < SOON:
            await asyncio.sleep(soonest)
        return soonest < SOON

    # --- in one transaction for the group -----------------------------------------------------------

    async def _claimed(self, limit: int) -> tuple[bool, list[_Ready]]:
        """Whether there was anything, and what of it can be sent now, ours for a lease."""
        ids = await self._transport.ready(limit, self._gates.room(self._database.clock.wire()))
        return bool(ids), await self._taken(ids)

    async def _taken(self, ids: Sequence[int]) -> list[_Ready]:
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
            self._transport.back(message, line, seconds)
        self._gates.learn(Counter(line_of(ready.row) for ready in going))
        return going

    def _prepared(self, tx: Tx, ids: Sequence[int]) -> tuple[list[_Ready], list[_Early]]:
        """Claim rows, and take their places in the lanes; those that do not go now are marked at once."""
        until, early = self._database.clock.wire() + FRESH, list[_Early]()
        found, going = list[tuple[_Ready, Sequence[pace.Place]]](), list[_Ready]()
        rows = delivering.claim(tx, ids=ids)
        if len(rows) < len(ids):
            early += delivering.later(tx, set(ids) - {row.id for row in rows})
        of = receivers.known(tx, rows)
        for row in rows:
            with self._ending(tx, row, early):
                receiver, body = self._receivers.look(tx, row, of)
                places = self._places(row, receiver, body)
                ready = _Ready(row, receiver, body, 0.0 if places is None else until)
                found.append((ready, places or ()))
        free = pace.Lanes(tx, {place.key for _, places in found for place in places})
        for ready, wanted in found:
            with self._ending(tx, ready.row, early):
                self._take(ready.row, free, wanted)
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
        except Stop as stop:
            delivering.drop(tx, row, str(stop))
        except Undeliverable as trouble:
            ends.given_up(tx, row, trouble.reason, self._policy)

    def _places(self, row: Delivery, receiver: Receiver, body: Mapping[str, Any]) -> list[pace.Place] | None:
        """The places that a message needs; `None` while something has to be asked of a platform first."""
        if row.ambiguous or body.get("invites"):
            return None
        chat = self._doors.chats.get(side_of(row))
        if chat is None or (receiver.account is None and not receiver.company_email):
            return []
        account = receiver.account
        return self._lanes(row, receiver, account) if account is not None else None

    def _lanes(self, row: Delivery, receiver: Receiver, account: Address) -> list[pace.Place]:
        opening = lanes.opens(row, account, receiver.chat)
        return lanes.to(account, opening=opening, factor=self._doors.pace)

    def _take(self, row: Delivery, free: pace.Lanes, places: Sequence[pace.Place]) -> None:
        """Raises `Wait` when a lane is full; the rest of its queue waits too unless it is one receiver's."""
        full = free.take(places)
        if full is not None:
            if lanes.shared(full.key):
                self._gates.shut(line_of(row), self._database.clock.wire() + full.seconds)
            raise Wait(full.seconds)

    # --- outside any transaction -------------------------------------------------------------------

    async def _carry(self, ready: _Ready) -> None:
        try:
            await self._carried(ready)
        except Exception as bug:  # noqa: BLE001 - one message must not keep the others
            await self._failed(ready.row, bug, ambiguous=True)

    async def _carried(self, ready: _Ready) -> None:
        row = ready.row
        try:
            message = await self._message(ready)
            went_by, posted = await self._send(ready, message)
        except Retry as trouble:
            await self._again(row, trouble.reason, trouble.after)
        except Ambiguous as trouble:
            await self._again(row, trouble.reason, 0.0, ambiguous=True)
        except Undeliverable as trouble:
            reason = trouble.reason
            await self._marks.add(lambda tx: ends.given_up(tx, row, reason, self._policy))
        except Wait as wait:
            seconds = wait.seconds
            await self._marks.add(lambda tx: delivering.wait(tx, row, seconds))
            self._transport.back(row.id, line_of(row), seconds)
        except Stop as stop:
            reason = str(stop)
            await self._marks.add(lambda tx: delivering.drop(tx, row, reason))
        else:
            where = f"{posted.channel}:{posted.ref}" if posted else ""
            await self._arrivals.add(Arrival(row, went_by, where))

    async def _failed(self, row: Delivery, bug: Exception, *, ambiguous: bool) -> None:
        log.error("delivery_failed", delivery=row.delivery, error=type(bug).__name__, exc_info=bug)
        await self._again(row, "bug", 0.0, ambiguous=ambiguous)

    async def _message(self, ready: _Ready) -> Outgoing:
        row, receiver, body = ready.row, ready.receiver, ready.body
        card, locale = body["card"], body.get("locale") or receiver.locale
        if body.get("invites"):
            card = await self._way_in(body, receiver, locale)
        edits = receivers.standing(row) if row.remote else None
        return Outgoing(
            row.delivery,
            load_card(card),
            locale,
            edits,
            purpose=receivers.withdrawable(row),
            chat=receiver.chat,
        )

    async def _way_in(self, body: Mapping[str, Any], receiver: Receiver, locale: str) -> str:
        """The card with the way into the alumni chat; without a chat or a link, the one for our pages."""
        otherwise: str = body.get("otherwise", "")
        if otherwise and Side.ALUMNI not in self._doors.chats:
            return otherwise
        try:
            guest = Guest(receiver.person_id or "", receiver.mailbox, receiver.name, locale)
            link = await self._doors.inviter.invite(guest)
        except Undeliverable as refused:
            await self._tell_hr(refused.reason)
            if not otherwise:
                raise
            return otherwise
        return str(body["card"]).replace(INVITATION, json.dumps(link.url)[1:-1])

    async def _send(self, ready: _Ready, message: Outgoing) -> _Went:
        """Chat first, where there is one; else mail. The way it went and where it stands now."""
        row, receiver = ready.row, ready.receiver
        chat = self._doors.chats.get(side_of(row))
        if chat is None and row.route is Route.CHANNEL:
            raise Undeliverable("no_app")
        if chat is None or (receiver.account is None and not receiver.company_email):
            return await self._mail(ready, message)
        try:
            return await self._by_chat(ready, _Chat(side_of(row), chat), message)
        except _NotThere:
            return await self._mail(ready, message, again=True)
        except Undeliverable as refused:
            await self._tell_hr(refused.reason)
            if not receiver.mailbox:
                raise
            told = replace(message, card=with_way(message.card, refused.way))
            return await self._mail(ready, told, again=True)

    async def _tell_hr(self, reason: str) -> None:
        """What only an administrator can mend is told, however many it meets, once a day."""
        if reason in decisions.HINDRANCES:
            await self._database.run(lambda tx: decisions.tell(tx, reason, self._policy.day(now(tx))))

    async def _by_chat(self, ready: _Ready, chat: _Chat, message: Outgoing) -> tuple[str, Posted]:
        row, receiver, account = ready.row, ready.receiver, ready.receiver.account
        if account is None:
            search = lanes.search(chat.side, self._doors.pace)
            await self._keep_pace(row, [search, lanes.describing(chat.side, self._doors.pace)])
            account = await self._parking(search.key, self._found(row, receiver, chat))
        if row.ambiguous and message.edits is None:  # an edit may come twice
            await self._keep_pace(row, lanes.reading_back(account, self._doors.pace))
            stands = await self._parking(lanes.of(account), chat.messenger.sent(account, row.delivery))
            if stands is not None:
                return "chat", stands
        await self._looked(row, ready.until, self._lanes(row, receiver, account))
        try:
            posted = await self._parking(lanes.of(account), chat.messenger.send(account, message))
        except Undeliverable as refused:
            if not receiver.chat or refused.reason != "channel_not_found":
                raise
            await self._marks.add(lambda tx: accounts.keep_chat(tx, account, ""))
            raise Retry("chat_lost", 0.0) from refused
        if lanes.opens(row, account, receiver.chat):
            await self._marks.add(lambda tx: accounts.keep_chat(tx, account, posted.channel))
        return "chat", posted

    async def _parking(self, lane: str, work: Awaitable[T]) -> T:
        """Await a platform; when it says how long it wants to be left alone, its lane is closed as long."""
        try:
            return await work
        except Retry as full:
            if after := full.after:
                await self._marks.add(lambda tx: pace.park(tx, lane, after))
            raise

    async def _found(self, row: Delivery, receiver: Receiver, chat: _Chat) -> Address:
        """The account behind the company e-mail, tied from now on. Raises `_NotThere`, or `Wait` when the
        account speaks another language than the message has."""
        try:
            found = await chat.messenger.find(chat.side, receiver.company_email)
            looks = await chat.messenger.look(found)
        except Undeliverable as unknown:
            reason = unknown.reason
            await self._tell_hr(reason)
            await self._database.run(lambda tx: ends.not_found(tx, row, reason))
            raise _NotThere(reason) from unknown
        speaks = self._language(receiver, looks)
        await self._database.run(lambda tx: ends.found(tx, row, receiver, found, speaks))
        if speaks != receiver.locale:
            raise Wait(0.0)
        return found

    def _language(self, receiver: Receiver, looks: Looks) -> str:
        """The leaver's own, if the feed named it; else their account's; English for all but our own."""
        if receiver.locale != self._policy.locale or receiver.person_id is None or not looks.locale:
            return receiver.locale
        return looks.locale if looks.locale in LOCALES else "en"

    async def _looked(self, row: Delivery, until: float, places: Sequence[pace.Place]) -> None:
        """Look once more, unless that was a moment ago: this process may have stood still, and others may
        have taken the message over."""
        while self._database.clock.wire() > until:
            until = self._database.clock.wire() + FRESH
            await self._keep_pace(row, places)

    async def _keep_pace(self, row: Delivery, places: Sequence[pace.Place]) -> None:
        """The last look before a message goes. Raises `Wait` when a lane is full, or `Stop`."""

        def looked(tx: Tx) -> None:
            self._receivers.check(tx, row)
            self._take(row, pace.Lanes(tx, [place.key for place in places]), places)

        await self._database.run(looked, guarded=True, brief=True)

    async def _mail(self, ready: _Ready, message: Outgoing, *, again: bool = False) -> _Went:
        row, receiver = ready.row, ready.receiver
        if not receiver.mailbox:
            raise Undeliverable("no_private_address" if receiver.person_id else "no_address")
        await self._looked(row, 0.0 if again else ready.until, ())
        await self._doors.mailer.send(MailTo(receiver.mailbox, receiver.name, receiver.reads_as), message)
        return "mail", None

    async def _again(self, row: Delivery, reason: str, after: float, *, ambiguous: bool = False) -> None:
        """Later: as long as the platform said, and full jitter on top, so that nobody comes in step."""
        later = after + random.uniform(0, min(LONGEST, 2.0 * 2**row.attempts)) * self._doors.pace

        def park(tx: Tx) -> None:
            if row.attempts >= delivering.TRIES:
                ends.given_up(tx, row, reason, self._policy)
            else:
                delivering.again(tx, row, later, reason, ambiguous=ambiguous)

        await self._marks.add(park)
