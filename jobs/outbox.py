"""Delivery: claims due messages, finds their receiver, keeps the pace, sends, and marks what became of each.

The network is never touched inside a transaction. A message whose purpose lost its consent, or whose receiver
pauses, is not sent, up to the last moment.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from bot.conversation import Address, Side
from bot.errors import Ambiguous, Retry, Trouble, Undeliverable
from bot.policy import Policy
from bot.ports import INVITATION, Guest, Inviter, Mailer, MailTo, Messenger, Outgoing
from bot.wire import load_card
from storage import accounts, leavers, outbox, pace, people
from storage.consents import Purpose, allows
from storage.engine import Database, Tx, now
from storage.outbox import Delivery, Route

log = structlog.get_logger()
BATCH = 10
PER_RECEIVER = 1.0
PER_WORKSPACE = 1.2
"""Seconds between two messages: Slack allows about one a second and channel, and 50 `conversations.open` a minute."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom a message goes to, as far as storage knows: an account, an e-mail to look up, a mailbox."""

    locale: str
    name: str = ""
    account: Address | None = None
    company_email: str = ""
    mailbox: str = ""
    person_id: str | None = None


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
        """Claim one batch and bring each message on; whether there was anything to do."""
        rows = await self._database.run(lambda tx: [(r, self._look(tx, r)) for r in outbox.claim(tx, BATCH)])
        for row, found in rows:
            if found is None:
                continue
            receiver, body = found
            await self._carry(row, receiver, body)
        return bool(rows)

    def _look(self, tx: Tx, row: Delivery) -> tuple[Receiver, dict[str, str]] | None:
        """Receiver and words of a claimed row, or `None` when it must not go (it is marked then)."""
        reason = self._forbidden(tx, row)
        if reason:
            outbox.drop(tx, row, reason)
            return None
        return self._receiver(tx, row), outbox.body(tx, row)

    def _forbidden(self, tx: Tx, row: Delivery) -> str:
        if row.payload is None:
            return "no_words"
        if not allows(tx, row.person_id, row.purpose):
            return "no_consent"
        person = people.get(tx, row.person_id) if row.person_id else None
        resting = person is not None and person.paused_until and person.paused_until > self._policy.day(now(tx))
        return "paused" if resting and row.purpose is Purpose.STAY_IN_TOUCH else ""

    def _receiver(self, tx: Tx, row: Delivery) -> Receiver:
        if row.route is Route.STAFF:
            return self._staff(tx, row)
        person = people.get(tx, row.person_id or "")
        if person is None:
            return Receiver(self._policy.locale)
        proven = person.private_email_proven_at is not None or row.route is Route.PROOF_MAIL
        mailbox = people.private_email(tx, person) if proven else None
        mail = Receiver(person.locale, person.name, mailbox=mailbox or "", person_id=person.id)
        if row.route is Route.ALUMNI_CHAT and not person.mail_only:
            account = accounts.of_person(tx, person.id, Side.ALUMNI)
            return Receiver(person.locale, person.name, account, mailbox=mailbox or "", person_id=person.id)
        if row.route is not Route.COMPANY_CHAT:
            return mail
        leaver = leavers.get(tx, row.leaver_id or 0)
        email = leaver.company_email if leaver else ""
        account = accounts.of_person(tx, person.id, Side.COMPANY)
        return Receiver(person.locale, person.name, account, email, email, person.id)

    def _staff(self, tx: Tx, row: Delivery) -> Receiver:
        member = tx.get(accounts.Staff, row.staff_id)
        if member is None:
            return Receiver(self._policy.locale)
        account = Address.parse(member.address) if member.address else None
        return Receiver(self._policy.locale, "", account, member.email, member.email)

    # --- outside any transaction -------------------------------------------------------------------

    async def _carry(self, row: Delivery, receiver: Receiver, body: dict[str, str]) -> None:
        try:
            message = await self._message(row, receiver, body)
            went_by, remote = await self._send(row, receiver, message)
        except Retry as trouble:
            await self._again(row, receiver, trouble.reason, trouble.after)
        except Ambiguous as trouble:
            await self._again(row, receiver, trouble.reason, 0.0, ambiguous=True)
        except Undeliverable as trouble:
            await self._database.run(lambda tx: self._given_up(tx, row, trouble.reason))
        except _Wait as wait:
            await self._database.run(lambda tx: outbox.wait(tx, row, wait.seconds))
        else:
            await self._database.run(lambda tx: outbox.sent(tx, row, went_by, remote))

    async def _message(self, row: Delivery, receiver: Receiver, body: dict[str, str]) -> Outgoing:
        card, locale = body["card"], body.get("locale") or receiver.locale
        if body.get("invites"):
            guest = Guest(receiver.person_id or "", receiver.mailbox, receiver.name, locale)
            link = await self._doors.inviter.invite(guest)
            card = card.replace(INVITATION, json.dumps(link.url)[1:-1])
        return Outgoing(row.delivery, load_card(card), locale)

    async def _send(self, row: Delivery, receiver: Receiver, message: Outgoing) -> tuple[str, str]:
        """Chat first, where there is one; else mail. The way it went and where it stands now."""
        side = Side.ALUMNI if row.route is Route.ALUMNI_CHAT else Side.COMPANY
        chat = self._doors.chats.get(side)
        account = await self._account(row, receiver, chat, side)
        if chat is None or account is None:
            return await self._mail(receiver, message)
        try:
            return await self._post(row, chat, account, message)
        except Undeliverable:
            if not receiver.mailbox:
                raise
            return await self._mail(receiver, message)

    async def _account(self, row: Delivery, receiver: Receiver, chat: Messenger | None, side: Side) -> Address | None:
        if receiver.account is not None or chat is None or not receiver.company_email:
            return receiver.account
        try:
            found = await chat.find(side, receiver.company_email)
        except Undeliverable as unknown:
            await self._database.run(lambda tx: _not_found(tx, row, unknown.reason))
            return None
        await self._database.run(lambda tx: _found(tx, row, receiver, found))
        return found

    async def _post(self, row: Delivery, chat: Messenger, to: Address, message: Outgoing) -> tuple[str, str]:
        if row.ambiguous:
            stands = await chat.sent(to, row.delivery)
            if stands is not None:
                return "chat", f"{stands.channel}:{stands.ref}"
        await self._keep_pace(to)
        posted = await chat.send(to, message)
        return "chat", f"{posted.channel}:{posted.ref}"

    async def _keep_pace(self, to: Address) -> None:
        """Raises `_Wait` when the platform's lanes are full at the moment."""
        lanes = ((f"{to}", PER_RECEIVER), (f"{to.platform}:{to.workspace}", PER_WORKSPACE))

        def reserve(tx: Tx) -> float:
            waits = [pace.free_in(tx, key) for key, _ in lanes]
            if max(waits) <= 0:
                for key, every in lanes:
                    pace.reserve(tx, key, every * self._doors.pace)
            return max(waits)

        wait = await self._database.run(reserve)
        if wait > 0:
            raise _Wait(wait)

    async def _mail(self, receiver: Receiver, message: Outgoing) -> tuple[str, str]:
        if not receiver.mailbox:
            raise Undeliverable("no_private_address" if receiver.person_id else "no_address")
        await self._doors.mailer.send(MailTo(receiver.mailbox, receiver.name), message)
        return "mail", ""

    async def _again(
        self, row: Delivery, receiver: Receiver, reason: str, after: float, *, ambiguous: bool = False
    ) -> None:
        wait = after + random.uniform(0, min(900.0, 2.0 * 2**row.attempts)) * self._doors.pace
        account = receiver.account

        def park(tx: Tx) -> None:
            if after and account is not None:
                pace.park(tx, f"{account.platform}:{account.workspace}", after)
            outbox.again(tx, row, wait, reason, ambiguous=ambiguous)

        await self._database.run(park)

    def _given_up(self, tx: Tx, row: Delivery, reason: str) -> None:
        outbox.dead(tx, row, reason)
        leaver = leavers.get(tx, row.leaver_id) if row.leaver_id and row.route is not Route.STAFF else None
        if leaver is not None:
            known = reason in ("mailbox_refused", "no_private_address")
            company = row.route is Route.COMPANY_CHAT
            leaver.stuck = "no_company_address" if company else reason if known else "undelivered"
        log.warning("given_up", kind=row.kind, reason=reason, delivery=row.delivery)


class _Wait(Trouble):
    """The lane is full; not an attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__("pace")
        self.seconds = seconds


def _found(tx: Tx, row: Delivery, receiver: Receiver, address: Address) -> None:
    """The company e-mail belongs to this account: from now on it may answer for the leaver, until the last day."""
    if row.route is Route.STAFF:
        accounts.staff_found(tx, receiver.company_email, address)
        return
    person = people.get(tx, receiver.person_id or "")
    if person is not None:
        accounts.tie(tx, address, Side.COMPANY, person, "company")


def _not_found(tx: Tx, row: Delivery, reason: str) -> None:
    leaver = leavers.get(tx, row.leaver_id) if row.leaver_id and row.route is Route.COMPANY_CHAT else None
    if leaver is not None and reason == "not_in_workspace":
        leaver.stuck = "not_in_workspace"
