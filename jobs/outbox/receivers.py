"""Who gets a message and by which way, as far as storage knows; and the last look at whether it may go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.conversation import Address, Side
from bot.errors import Trouble, Undeliverable
from bot.policy import Policy
from bot.ports import Posted
from storage import accounts, delivering, leavers, outbox, people
from storage.accounts import Account
from storage.consents import Purpose
from storage.engine import Tx, now
from storage.outbox import Delivery, Queue, Route
from storage.people import Person

PRIVATE = frozenset({Route.PRIVATE_MAIL, Route.PROOF_MAIL, Route.ALUMNI_CHAT})
"""Routes that end in a private mailbox."""
ALUMNI = frozenset({Route.ALUMNI_CHAT, Route.CHANNEL})
"""Routes into the alumni's workspace."""
SOON = 1.0
"""Seconds until a message is looked at again that waits for another one."""


class Wait(Trouble):
    """A lane is full, or another message must be there first; not an attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__("pace")
        self.seconds = seconds


class Later(Trouble):
    """One of many that nobody waits for, outside the hours of whoever gets it: when those begin."""

    def __init__(self, opens: datetime) -> None:
        super().__init__("hours")
        self.opens = opens


class Stop(Trouble):
    """Must not go: why, as kept in the row (`lost`: somebody else has it, or it was taken back)."""


class Unsure(Trouble):
    """It may have arrived, nobody can say, and it is not said once more."""


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
    chat: str = ""
    """The account's own chat with us, where it is known."""


def side_of(row: Delivery) -> Side:
    """Whose chat a message goes into."""
    return Side.ALUMNI if row.route in ALUMNI else Side.COMPANY


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the receivers of some messages, fetched at once."""

    people: Mapping[str, Person]
    accounts: Mapping[tuple[str, Side], Account]
    allowed: Collection[int]
    opened: Callable[[Delivery], Mapping[str, Any]]


def known(tx: Tx, rows: Collection[Delivery]) -> Known:
    """Look the receivers of these messages up."""
    whose = {row.person_id for row in rows if row.person_id}
    return Known(
        people.some(tx, whose),
        accounts.living(tx, whose),
        outbox.may_go_of(tx, rows),
        outbox.opened(tx, rows),
    )


def line_of(row: Delivery) -> Queue:
    """The queue in which a message waits."""
    return Queue(row.route, row.bulk)


def withdrawable(row: Delivery) -> str:
    """What the way out under a mail stops; staff and statutory papers have none, and neither has a mailbox
    that may be a stranger's, nor a channel.
    """
    nobodys = row.route in (Route.PROOF_MAIL, Route.CHANNEL)
    fixed = row.purpose in (Purpose.STAFF, Purpose.PAPERS) or nobodys
    return "" if fixed else row.purpose.value


def standing(row: Delivery) -> Posted:
    """Where the message stands that a row replaces; a channel's name may hold colons, a ref never does."""
    channel, _, ref = row.remote.rpartition(":")
    return Posted(channel, ref)


class Receivers:
    """Looks receivers up under the rules of the company."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._windows: dict[str, tuple[datetime, datetime]] = {}

    def look(self, tx: Tx, row: Delivery, of: Known) -> tuple[Receiver, Mapping[str, Any]]:
        """Receiver and words of a row that was claimed in this transaction.

        Raises `Stop` when it must not go, `Wait` or `Later` when not yet, `Undeliverable` for a channel that
        is none of ours.
        """
        self._may(tx, row, of)
        if not row.ambiguous:  # where it may stand already is asked at any hour
            self._wakes_nobody(tx, row, of)
        receiver, body = self._receiver(tx, row, of), of.opened(row)
        if row.route is Route.CHANNEL:
            receiver = replace(receiver, account=self._channel(row, body["to"]))
        elif to := body.get("to"):  # a mailbox that is not their own: whoever reads it is nobody to us
            receiver = replace(receiver, name="", account=None, company_email="", mailbox=to)
        return receiver, body

    def check(self, tx: Tx, row: Delivery, *, repeats: bool = False) -> None:
        """The last look at a row claimed before, which keeps it for one more lease. Raises `Stop`, `Wait`,
        `Later`.

        `repeats`: it may stand there already, and nobody can say. A letter is said once more, because two of
        it are better than none; one of many that nobody waits for is not: `Unsure`, as for what was said
        twice.
        """
        if repeats and (row.bulk or row.repeated):
            raise Unsure
        if not delivering.hold(tx, row, repeats=repeats):
            raise Stop("lost")
        of = known(tx, [row])
        self._may(tx, row, of)
        self._wakes_nobody(tx, row, of)

    def _may(self, tx: Tx, row: Delivery, of: Known) -> None:
        reason = self._forbidden(tx, row, of)
        if reason:
            raise Stop(reason)
        if delivering.follows(tx, row):
            raise Wait(SOON)

    def _wakes_nobody(self, tx: Tx, row: Delivery, of: Known) -> None:
        """Of many that wait for their turn, those whose turn comes at night wait for the day."""
        person = of.people.get(row.person_id or "") if row.bulk else None
        if person is not None and (opens := self._opens(now(tx), person.zone)) > now(tx):
            raise Later(opens)

    def _opens(self, at: datetime, zone: str) -> datetime:
        """As the policy says; the same for all who live in a zone, and for a minute."""
        minute = at.replace(second=0, microsecond=0)
        kept = self._windows.get(zone)
        if kept is None or kept[0] != minute:
            kept = self._windows[zone] = minute, self._policy.opens(minute, zone)
        return kept[1]

    def _forbidden(self, tx: Tx, row: Delivery, of: Known) -> str:
        if row.payload is None:
            return "no_words"
        if row.id not in of.allowed:
            return "no_consent"
        if delivering.overtaken(tx, row):
            return "overtaken"
        person = of.people.get(row.person_id or "")
        until = person.paused_until if person is not None else None
        resting = until is not None and until > self._policy.day(now(tx))
        return "paused" if resting and row.purpose is Purpose.STAY_IN_TOUCH else ""

    def _channel(self, row: Delivery, to: str) -> Address:
        """A channel that the operator named, or, for what stands there already, one beside it.

        Raises `Undeliverable`: no message in a channel goes into the company's workspace.
        """
        address, ours = Address.parse(to), [Address.parse(one) for one in self._policy.channels]
        beside = address.workspace in {one.workspace for one in ours}
        if address in ours or (row.remote and beside):
            return address
        raise Undeliverable("no_channel")

    def _receiver(self, tx: Tx, row: Delivery, of: Known) -> Receiver:
        if row.route is Route.STAFF:
            return self._staff(tx, row)
        person = of.people.get(row.person_id or "")
        if person is None:
            return Receiver(self._policy.locale)
        stranger = row.route is Route.PROOF_MAIL
        good = person.private_email_proven_at is not None and not person.unreachable
        mailbox = people.private_email(tx, person) if good or stranger else None
        reader = accounts.visitor(person.locale) if stranger else accounts.web_person(person.id, Side.ALUMNI)
        account = of.accounts.get((person.id, side_of(row)))
        address, chat = (Address.parse(account.address), account.chat) if account else (None, "")
        if row.route is not Route.COMPANY_CHAT:
            if row.route is not Route.ALUMNI_CHAT or (person.mail_only and mailbox):
                address, chat = None, ""
            return Receiver(person.locale, person.name, address, "", mailbox or "", person.id, reader, chat)
        leaver = leavers.get(tx, row.leaver_id or 0)
        email = leaver.company_email if leaver else ""
        reader = accounts.web_person(person.id, Side.COMPANY)
        return Receiver(person.locale, person.name, address, email, email, person.id, reader, chat)

    def _staff(self, tx: Tx, row: Delivery) -> Receiver:
        member = tx.get(accounts.Staff, row.staff_id)
        if member is None:
            return Receiver(self._policy.locale)
        account = Address.parse(member.address) if member.address else None
        locale = accounts.language(tx, account) or self._policy.locale
        reader = accounts.web_staff(tx, member)
        return Receiver(locale, "", account, member.email, member.email, reads_as=reader)
