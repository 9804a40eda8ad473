"""Delivery: claims due messages, finds their receiver, keeps the pace, sends, and marks what became of each.

The network is never touched inside a transaction. In the transaction right before a message goes it is asked
once more whether it is still ours to send, whether its purpose has its consent, whether its receiver pauses.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from bot.commands.address import lost
from bot.conversation import Address, Platform, Side
from bot.errors import Ambiguous, Retry, Trouble, Undeliverable
from bot.policy import Policy
from bot.ports import INVITATION, Guest, Inviter, Looks, Mailer, MailTo, Messenger, Outgoing, Posted
from bot.post import Letter, to_alumnus
from bot.texts import LOCALES
from bot.wire import load_card
from storage import accounts, leavers, outbox, pace, people
from storage.consents import Purpose
from storage.engine import Database, Tx, now
from storage.outbox import Delivery, Route
from storage.people import Person

log = structlog.get_logger()
T = TypeVar("T")
BATCH = 10
PRIVATE = frozenset({Route.PRIVATE_MAIL, Route.PROOF_MAIL, Route.ALUMNI_CHAT})
"""Routes that end in a private mailbox."""
ALUMNI = frozenset({Route.ALUMNI_CHAT, Route.CHANNEL})
"""Routes into the alumni's workspace."""
PER_RECEIVER = 1.0
PER_WORKSPACE = {Platform.SLACK: 1.2, Platform.TEAMS: 0.05}
"""Seconds between two: Slack allows about one a second and channel, 50 `conversations.open` a minute; Teams
50 calls a second of an app in a tenant, of which 20 are used. Source: platform-facts T6."""
PER_SEARCH = 1.2
"""Seconds between two searches by e-mail. Source: Slack, `users.lookupByEmail` is tier 3, 50 a minute."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom a message goes to, as far as storage knows: an account, an e-mail to look up, a mailbox."""

    locale: str
    name: str = ""
    account: Address | None = None
    company_email: str = ""
    mailbox: str = ""
    person_id: str | None = None
    reads_as: Address | None = None
    """Who acts on the pages behind a mail."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways out of the house; a side without a chat has no messenger."""

    chats: Mapping[Side, Messenger]
    mailer: Mailer
    inviter: Inviter
    pace: float = 1.0


class Courier:
    """Carries the outbox out of the house."""

    def __init__(self, database: Database, policy: Policy, doors: Doors) -> None:
        self._database, self._policy, self._doors = database, policy, doors

    async def deliver(self) -> bool:
        """Claim one batch and bring each message on, side by side; whether there was anything to do."""
        rows = await self._database.run(lambda tx: outbox.claim(tx, BATCH))
        ends = await asyncio.gather(*(self._carry(row) for row in rows), return_exceptions=True)
        for row, end in zip(rows, ends, strict=True):
            if end is not None:  # a bug with one message must not keep the others
                log.error("delivery_failed", delivery=row.delivery, error=type(end).__name__, exc_info=end)
                await self._again(row, "bug", 0.0, ambiguous=True)
        return bool(rows)

    def _look(self, tx: Tx, row: Delivery) -> tuple[Receiver, dict[str, str]]:
        """Receiver and words of a claimed row. Raises `_Stop` when it must not go; it is marked then."""
        self._check(tx, row)
        receiver, body = self._receiver(tx, row), outbox.body(tx, row)
        if row.route is Route.CHANNEL:
            receiver = replace(receiver, account=self._channel(row, body["to"]))
        elif to := body.get("to"):  # a mailbox that is not their own: whoever reads it is nobody to us
            receiver = replace(receiver, name="", account=None, company_email="", mailbox=to)
        return receiver, body

    def _channel(self, row: Delivery, to: str) -> Address:
        """A channel that the operator named, or, for what stands there already, one beside it.

        Raises `Undeliverable`: no message in a channel goes into the company's workspace.
        """
        address, known = Address.parse(to), [Address.parse(one) for one in self._policy.channels]
        beside = address.workspace in {one.workspace for one in known}
        if address in known or (row.remote and beside):
            return address
        raise Undeliverable("no_channel")

    def _check(self, tx: Tx, row: Delivery) -> None:
        reason = self._forbidden(tx, row) if outbox.hold(tx, row) else "lost"
        if reason:
            raise _Stop(reason)
        if outbox.follows(tx, row):
            raise _Wait(PER_RECEIVER)

    def _forbidden(self, tx: Tx, row: Delivery) -> str:
        if row.payload is None:
            return "no_words"
        if not outbox.may_go(tx, row):
            return "no_consent"
        if outbox.overtaken(tx, row):
            return "overtaken"
        person = people.get(tx, row.person_id) if row.person_id else None
        until = person.paused_until if person is not None else None
        resting = until is not None and until > self._policy.day(now(tx))
        return "paused" if resting and row.purpose is Purpose.STAY_IN_TOUCH else ""

    def _receiver(self, tx: Tx, row: Delivery) -> Receiver:
        if row.route is Route.STAFF:
            return self._staff(tx, row)
        person = people.get(tx, row.person_id or "")
        if person is None:
            return Receiver(self._policy.locale)
        stranger = row.route is Route.PROOF_MAIL
        good = person.private_email_proven_at is not None and not person.unreachable
        mailbox = people.private_email(tx, person) if good or stranger else None
        reader = accounts.visitor(person.locale) if stranger else accounts.web_person(person.id, Side.ALUMNI)
        mail = Receiver(
            person.locale, person.name, mailbox=mailbox or "", person_id=person.id, reads_as=reader
        )
        if row.route is Route.ALUMNI_CHAT and not (person.mail_only and mailbox):
            return replace(mail, account=accounts.of_person(tx, person.id, Side.ALUMNI))
        if row.route is not Route.COMPANY_CHAT:
            return mail
        leaver = leavers.get(tx, row.leaver_id or 0)
        email = leaver.company_email if leaver else ""
        account = accounts.of_person(tx, person.id, Side.COMPANY)
        reader = accounts.web_person(person.id, Side.COMPANY)
        return Receiver(person.locale, person.name, account, email, email, person.id, reader)

    def _staff(self, tx: Tx, row: Delivery) -> Receiver:
        member = tx.get(accounts.Staff, row.staff_id)
        if member is None:
            return Receiver(self._policy.locale)
        account = Address.parse(member.address) if member.address else None
        locale = accounts.language(tx, account) or self._policy.locale
        reader = accounts.web_staff(tx, member)
        return Receiver(locale, "", account, member.email, member.email, reads_as=reader)

    # --- outside any transaction -------------------------------------------------------------------

    async def _carry(self, row: Delivery) -> None:
        try:
            receiver, body = await self._database.run(lambda tx: self._look(tx, row))
            message = await self._message(row, receiver, body)
            went_by, remote = await self._send(row, receiver, message)
        except Retry as trouble:
            await self._again(row, trouble.reason, trouble.after)
        except Ambiguous as trouble:
            await self._again(row, trouble.reason, 0.0, ambiguous=True)
        except Undeliverable as trouble:
            reason = trouble.reason
            await self._database.run(lambda tx: self._given_up(tx, row, reason))
        except _Wait as wait:
            seconds = wait.seconds
            await self._database.run(lambda tx: outbox.wait(tx, row, seconds))
        except _Stop as stop:
            reason = str(stop)
            await self._database.run(lambda tx: outbox.drop(tx, row, reason))
        else:
            await self._database.run(lambda tx: outbox.sent(tx, row, went_by, remote))

    async def _message(self, row: Delivery, receiver: Receiver, body: dict[str, str]) -> Outgoing:
        card, locale = body["card"], body.get("locale") or receiver.locale
        if body.get("invites"):
            card = await self._way_in(body, receiver, locale)
        edits = _standing(row) if row.remote else None
        return Outgoing(row.delivery, load_card(card), locale, edits, purpose=_withdrawable(row))

    async def _way_in(self, body: dict[str, str], receiver: Receiver, locale: str) -> str:
        """The card with the way into the alumni chat; without a chat or a link, the one for our pages."""
        otherwise = body.get("otherwise", "")
        if otherwise and Side.ALUMNI not in self._doors.chats:
            return otherwise
        try:
            guest = Guest(receiver.person_id or "", receiver.mailbox, receiver.name, locale)
            link = await self._doors.inviter.invite(guest)
        except Undeliverable:
            if not otherwise:
                raise
            return otherwise
        return body["card"].replace(INVITATION, json.dumps(link.url)[1:-1])

    async def _send(self, row: Delivery, receiver: Receiver, message: Outgoing) -> tuple[str, str]:
        """Chat first, where there is one; else mail. The way it went and where it stands now."""
        side = Side.ALUMNI if row.route in ALUMNI else Side.COMPANY
        chat = self._doors.chats.get(side)
        if chat is None and row.route is Route.CHANNEL:
            raise Undeliverable("no_app")
        if chat is None or (receiver.account is None and not receiver.company_email):
            return await self._mail(row, receiver, message)
        try:
            return await self._by_chat(row, receiver, _Chat(side, chat), message)
        except _NotThere:
            return await self._mail(row, receiver, message)
        except Undeliverable:
            if not receiver.mailbox:
                raise
            return await self._mail(row, receiver, message)

    async def _by_chat(
        self, row: Delivery, receiver: Receiver, chat: _Chat, message: Outgoing
    ) -> tuple[str, str]:
        account = receiver.account
        if account is None:
            search = f"find:{chat.side.value}"
            await self._keep_pace(row, ((search, PER_SEARCH),))
            account = await self._parking(search, self._found(row, receiver, chat))
        lane = (_lane(account), PER_WORKSPACE.get(account.platform, PER_RECEIVER))
        await self._keep_pace(row, (lane, (str(account), PER_RECEIVER)))
        posted = await self._parking(lane[0], self._posted(row, account, chat, message))
        return "chat", f"{posted.channel}:{posted.ref}"

    async def _posted(self, row: Delivery, account: Address, chat: _Chat, message: Outgoing) -> Posted:
        if row.ambiguous and message.edits is None:  # an edit may come twice
            stands = await chat.messenger.sent(account, row.delivery)
            if stands is not None:
                return stands
        return await chat.messenger.send(account, message)

    async def _parking(self, lane: str, work: Awaitable[T]) -> T:
        """Await a platform; when it says how long it wants to be left alone, its lane is closed as long."""
        try:
            return await work
        except Retry as full:
            if after := full.after:
                await self._database.run(lambda tx: pace.park(tx, lane, after))
            raise

    async def _found(self, row: Delivery, receiver: Receiver, chat: _Chat) -> Address:
        """The account behind the company e-mail, tied from now on.

        Raises `_NotThere`, or `_Wait` when the account speaks another language than the message has.
        """
        try:
            found = await chat.messenger.find(chat.side, receiver.company_email)
            looks = await chat.messenger.look(found)
        except Undeliverable as unknown:
            reason = unknown.reason
            await self._database.run(lambda tx: _not_found(tx, row, reason))
            raise _NotThere(reason) from unknown
        speaks = self._language(receiver, looks)
        await self._database.run(lambda tx: _found(tx, row, receiver, found, speaks))
        if speaks != receiver.locale:
            raise _Wait(0.0)
        return found

    def _language(self, receiver: Receiver, looks: Looks) -> str:
        """The leaver's own, if the feed named it; else their account's; English for all but our own."""
        if receiver.locale != self._policy.locale or receiver.person_id is None or not looks.locale:
            return receiver.locale
        return looks.locale if looks.locale in LOCALES else "en"

    async def _keep_pace(self, row: Delivery, lanes: tuple[tuple[str, float], ...]) -> None:
        """The last look before a message goes. Raises `_Wait` when a lane is full, or `_Stop`."""

        def reserve(tx: Tx) -> float:
            self._check(tx, row)
            wait = max(pace.free_in(tx, key) for key, _ in lanes)
            if wait <= 0:
                for key, every in lanes:
                    pace.reserve(tx, key, every * self._doors.pace)
            return wait

        wait = await self._database.run(reserve)
        if wait > 0:
            raise _Wait(wait)

    async def _mail(self, row: Delivery, receiver: Receiver, message: Outgoing) -> tuple[str, str]:
        if not receiver.mailbox:
            raise Undeliverable("no_private_address" if receiver.person_id else "no_address")
        await self._database.run(lambda tx: self._check(tx, row))
        await self._doors.mailer.send(MailTo(receiver.mailbox, receiver.name, receiver.reads_as), message)
        return "mail", ""

    async def _again(self, row: Delivery, reason: str, after: float, *, ambiguous: bool = False) -> None:
        wait = after + random.uniform(0, min(900.0, 2.0 * 2**row.attempts)) * self._doors.pace

        def park(tx: Tx) -> None:
            if row.attempts >= outbox.TRIES:
                self._given_up(tx, row, reason)
            else:
                outbox.again(tx, row, wait, reason, ambiguous=ambiguous)

        await self._database.run(park)

    def _given_up(self, tx: Tx, row: Delivery, reason: str) -> None:
        if not outbox.dead(tx, row, reason):
            return
        person = people.get(tx, row.person_id or "") if row.route in PRIVATE else None
        refused = reason == "mailbox_refused" and not outbox.body(tx, row).get("to")
        if person is not None and (refused or person.unreachable):
            _unreachable(tx, person, self._policy)
        leaver = leavers.get(tx, row.leaver_id) if row.leaver_id and row.route is not Route.STAFF else None
        if leaver is not None and not (person and person.unreachable):
            known = reason in ("mailbox_refused", "no_private_address")
            nobody = row.route is Route.COMPANY_CHAT and reason == "no_private_address"
            leaver.stuck = "no_company_address" if nobody else reason if known else "undelivered"
        kind = "confidential" if row.kind.startswith("interest.") else row.kind
        log.warning("given_up", kind=kind, reason=reason, delivery=row.delivery)


@dataclass(frozen=True, slots=True)
class _Chat:
    """One side's way into its chat."""

    side: Side
    messenger: Messenger


class _Wait(Trouble):
    """The lane is full; not an attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__("pace")
        self.seconds = seconds


class _Stop(Trouble):
    """Must not go: why, as kept in the row (`lost`: somebody else has it, or it was taken back)."""


class _NotThere(Trouble):
    """The company's chat does not know the address."""


def _withdrawable(row: Delivery) -> str:
    """What the way out under a mail stops; staff and statutory papers have none, and neither has a mailbox
    that may be a stranger's, nor a channel.
    """
    nobodys = row.route in (Route.PROOF_MAIL, Route.CHANNEL)
    fixed = row.purpose in (Purpose.STAFF, Purpose.PAPERS) or nobodys
    return "" if fixed else row.purpose.value


def _standing(row: Delivery) -> Posted:
    """Where the message stands that a row replaces; a channel's name may hold colons, a ref never does."""
    channel, _, ref = row.remote.rpartition(":")
    return Posted(channel, ref)


def _lane(account: Address) -> str:
    """The pace of everything that is sent into one workspace or tenant: one app of ours lives there."""
    return f"chat:{account.platform.value}:{account.workspace}"


def _found(tx: Tx, row: Delivery, receiver: Receiver, address: Address, locale: str) -> None:
    """The company e-mail belongs to this account: it may answer for the leaver, until the last day."""
    if row.route is Route.STAFF:
        accounts.staff_found(tx, receiver.company_email, address)
        return
    person = people.get(tx, receiver.person_id or "")
    if person is not None:
        person.locale = locale
        accounts.tie(tx, address, Side.COMPANY, person, "company")


def _unreachable(tx: Tx, person: Person, policy: Policy) -> None:
    """Their mailbox takes no mail: asked once in the alumni chat for another one, else HR sees it."""
    news, leaver = people.lose(tx, person, "mailbox_refused"), leavers.of_person(tx, person.id)
    if accounts.of_person(tx, person.id, Side.ALUMNI) is None:
        if leaver is not None:
            leaver.stuck = person.unreachable
    elif news:
        mark = (person.private_email_blind or b"").hex()
        to_alumnus(tx, person.id, Letter("address.lost", lost(policy), mark, Purpose.ASKING))


def _not_found(tx: Tx, row: Delivery, reason: str) -> None:
    leaver = leavers.get(tx, row.leaver_id) if row.leaver_id and row.route is Route.COMPANY_CHAT else None
    if leaver is not None and reason == "not_in_workspace":
        leaver.stuck = "not_in_workspace"
