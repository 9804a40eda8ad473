"""One claimed message on its way: the way in, the chat, the mail; and the last look before it goes.

Nothing here waits inside a transaction. In the transaction right before a message goes it is asked once more
whether it is still ours to send, whether its purpose has its consent, whether its receiver pauses.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from bot import redelivery
from bot.commands import decisions
from bot.conversation import Address, Side
from bot.errors import Ambiguous, Away, Retry, Trouble, Undeliverable
from bot.policy import Policy
from bot.ports import INVITATION, Guest, Inviter, Looks, Mailer, MailTo, Messenger, Outgoing, Posted
from bot.post import with_way
from bot.texts import LOCALES
from bot.wire import load_card
from jobs import lanes
from jobs.outbox import ends, receivers
from jobs.outbox.receivers import Receiver, Receivers, Wait, side_of
from jobs.outbox.together import Together
from jobs.outbox.tolls import Tolls
from storage import accounts, delivering, pace
from storage.engine import Database, Tx, now
from storage.outbox import Delivery, Route

T = TypeVar("T")
FRESH = delivering.LEASE - 15.0
"""Seconds after a look in which a message may set out, so that it is there before its lease is over."""
MAIL_INSTEAD = timedelta(minutes=15)
"""So long a letter waits for a chat that is away; then it goes by mail, where there is a mailbox."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways out of the house; a side without a chat has no messenger."""

    chats: Mapping[Side, Messenger]
    mailer: Mailer
    inviter: Inviter
    pace: float = 1.0


@dataclass(slots=True)
class Ready:
    """A claimed message, its receiver and words; `until` which wire second it may go without another look;
    whether it may have `left`."""

    row: Delivery
    receiver: Receiver
    body: Mapping[str, Any]
    until: float
    left: bool = False


@dataclass(frozen=True, slots=True)
class _Chat:
    """One side's way into its chat."""

    side: Side
    messenger: Messenger


Went = tuple[str, Posted | None]
"""By which way, and where it stands now."""
Marks = Together[Callable[[Tx], object]]


class _NotThere(Trouble):
    """The company's chat does not know the address."""


class Sender:
    """Brings one message to its receiver. Raises what the ways out raise, and `Wait`, `Stop`, `Unsure`."""

    def __init__(self, database: Database, policy: Policy, doors: Doors, tolls: Tolls, marks: Marks) -> None:
        self._database, self._policy, self._doors = database, policy, doors
        self._tolls, self._marks = tolls, marks
        self._receivers = Receivers(policy)

    async def send(self, ready: Ready) -> Went:
        """Chat first, where there is one; else mail."""
        row, message = ready.row, await self._message(ready)
        if row.route is Route.CHANNEL and side_of(row) not in self._doors.chats:
            raise Undeliverable("no_app")
        if self._tolls.mails(row, ready.receiver):
            return await self._mail(ready, message)
        try:
            return await self._by_chat(ready, message)
        except _NotThere:
            return await self._mail(ready, message, instead=True)
        except Undeliverable as refused:
            await self._tell_hr(refused.reason)
            if not ready.receiver.mailbox:
                raise
            told = replace(message, card=with_way(message.card, refused.way))
            return await self._mail(ready, told, instead=True)
        except Retry as trouble:
            if not self._waited_enough(ready, trouble):
                raise
            return await self._mail(ready, message, instead=True)

    async def tell(self, trouble: Retry) -> None:
        """HR hears of what somebody has to mend, where all messages meet it."""
        if isinstance(trouble, Away):
            await self._tell_hr(redelivery.hindrance(trouble.reason))

    def _waited_enough(self, ready: Ready, trouble: Retry) -> bool:
        """Whether a letter that surely did not arrive is not kept for the chat any longer."""
        row = ready.row
        if row.bulk or row.ambiguous or not ready.receiver.mailbox:
            return False
        late = self._database.clock.now() - (row.due_at or self._database.clock.now())
        return late >= MAIL_INSTEAD if isinstance(trouble, Away) else row.attempts >= delivering.TRIES

    # --- what is said ----------------------------------------------------------------------------------

    async def _message(self, ready: Ready) -> Outgoing:
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
        guest = Guest(receiver.person_id or "", receiver.mailbox, receiver.name, locale)
        try:
            link = await self._parking(lanes.invitation().key, self._doors.inviter.invite(guest))
        except Undeliverable as refused:
            await self._tell_hr(refused.reason)
            if not otherwise:
                raise
            return otherwise
        return str(body["card"]).replace(INVITATION, json.dumps(link.url)[1:-1])

    # --- by chat -----------------------------------------------------------------------------------------

    async def _by_chat(self, ready: Ready, message: Outgoing) -> Went:
        row, receiver = ready.row, ready.receiver
        chat = _Chat(side_of(row), self._doors.chats[side_of(row)])
        account = receiver.account
        if account is None:
            account = await self._found(row, receiver, chat)
        repeats = False
        if row.ambiguous and message.edits is None:  # an edit may come twice
            try:
                stands = await self._asked(ready, account, chat)
            except Ambiguous:
                repeats = True
            else:
                if stands.ref:
                    return "chat", stands
                receiver = ready.receiver
                message = replace(message, chat=receiver.chat)
        until = 0.0 if repeats else ready.until
        await self._looked(row, until, self._tolls.sending(row, receiver, account), repeats=repeats)
        return "chat", await self._posted(ready, account, chat, message)

    async def _posted(self, ready: Ready, account: Address, chat: _Chat, message: Outgoing) -> Posted:
        row, receiver = ready.row, ready.receiver
        lane, ready.left = self._tolls.sending(row, receiver, account)[0].key, True
        try:
            posted = await self._parking(lane, chat.messenger.send(account, message))
        except Undeliverable as refused:
            if not receiver.chat or refused.reason != "channel_not_found":
                raise
            await self._marks.add(lambda tx: accounts.keep_chat(tx, account, ""))
            raise Retry("chat_lost", 0.0) from refused
        if lanes.opens(row, account, receiver.chat):
            await self._marks.add(lambda tx: accounts.keep_chat(tx, account, posted.channel))
        return posted

    async def _asked(self, ready: Ready, account: Address, chat: _Chat) -> Posted:
        """Whether it stands there already; a chat that was opened for that is known from now on. Raises
        `Ambiguous` when nobody can say."""
        row, receiver = ready.row, ready.receiver
        places = self._tolls.asking(row, receiver, account)
        if receiver.account is None:  # else they were taken with the claim
            await self._looked(row, 0.0, places)
        lane = places[0].key if places else lanes.of(account)
        try:
            stands = await self._parking(lane, chat.messenger.sent(account, row.delivery, receiver.chat))
        except Undeliverable as refused:
            if refused.reason != "missing_scope" or row.route is Route.CHANNEL:
                raise
            raise Ambiguous(refused.reason) from refused
        if lanes.opens(row, account, receiver.chat):
            await self._marks.add(lambda tx: accounts.keep_chat(tx, account, stands.channel))
            ready.receiver = replace(receiver, chat=stands.channel)
        return stands

    async def _found(self, row: Delivery, receiver: Receiver, chat: _Chat) -> Address:
        """The account behind the company e-mail, tied from now on. Raises `_NotThere`, or `Wait` when the
        account speaks another language than the message has."""
        search = lanes.search(chat.side, self._doors.pace)
        describing = lanes.describing(chat.side, self._doors.pace)
        await self._looked(row, 0.0, [search, describing])
        try:
            found = await self._parking(search.key, chat.messenger.find(chat.side, receiver.company_email))
            looks = await self._parking(describing.key, chat.messenger.look(found))
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

    # --- by mail -----------------------------------------------------------------------------------------

    async def _mail(self, ready: Ready, message: Outgoing, *, instead: bool = False) -> Went:
        """`instead` of a chat, of which it is known that it does not stand there."""
        row, receiver = ready.row, ready.receiver
        if not receiver.mailbox:
            raise Undeliverable("no_private_address" if receiver.person_id else "no_address")
        repeats, place = row.ambiguous and not instead, lanes.mail(self._doors.pace)
        await self._looked(row, 0.0 if instead or repeats else ready.until, [place], repeats=repeats)
        to = MailTo(receiver.mailbox, receiver.name, receiver.reads_as)
        ready.left = True
        with self._tolls.mailing():
            await self._parking(lanes.MAIL, self._doors.mailer.send(to, message))
        return "mail", None

    # --- what both need -----------------------------------------------------------------------------------

    async def _looked(
        self, row: Delivery, until: float, places: Sequence[pace.Place], *, repeats: bool = False
    ) -> None:
        """Look once more, unless that was a moment ago: this process may have stood still, and others may
        have taken the message over. Raises `Wait` when a lane is full, `Stop`, `Unsure`."""

        def looked(tx: Tx) -> None:
            self._receivers.check(tx, row, repeats=repeats)
            self._tolls.take(row, pace.Lanes(tx, [place.key for place in places]), places)

        while self._database.clock.wire() > until:
            until = self._database.clock.wire() + FRESH
            await self._database.run(looked, guarded=True, brief=True)

    async def _parking(self, lane: str, work: Awaitable[T]) -> T:
        """Await a platform; when it is away for everybody, its lane is closed as long."""
        try:
            return await work
        except Away as away:
            after = away.after
            await self._marks.add(lambda tx: pace.park(tx, lane, after))
            raise

    async def _tell_hr(self, reason: str) -> None:
        """What only an administrator can mend is told, however many it meets, once a day."""
        if reason in decisions.HINDRANCES:
            await self._database.run(lambda tx: decisions.tell(tx, reason, self._policy.day(now(tx))))
