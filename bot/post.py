"""The one way a card leaves the house: into the outbox, in the transaction that caused it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.conversation import Address, Button, Buttons, Card, Link, Note, t
from bot.wire import dump_card
from storage import accounts, outbox
from storage.consents import Purpose
from storage.engine import Tx
from storage.leavers import Leaver
from storage.outbox import Draft, Route

_LONGEST = 120
"""Characters of an `outbox.dedup`."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A card with what makes it one message: its kind, its purpose, and what tells it from the next of its
    kind.

    `invites` has the Inviter asked for the way into the alumni chat at delivery; `otherwise` goes when there
    is none. `to` is a mailbox that is not the receiver's own, yet or any more. A letter waits until
    `not_before`; consents are asked for again when it goes. `bulk` is one of many that nobody waits for.
    """

    kind: str
    card: Card
    dedup: str
    purpose: Purpose
    invites: bool = False
    otherwise: Card | None = None
    to: str = ""
    not_before: datetime | None = None
    bulk: bool = False


def to_leaver(tx: Tx, leaver: Leaver, letter: Letter) -> bool:
    """To a leaver in the company chat, found by company e-mail at delivery; whether it is new and allowed."""
    return _put(tx, letter, Route.COMPANY_CHAT, leaver.person_id, leaver.id)


def to_mailbox(tx: Tx, leaver: Leaver, letter: Letter, *, proving: bool = False) -> bool:
    """To a leaver's private mailbox: only a proven one, unless the mail is there to prove it."""
    return _put(tx, letter, Route.PROOF_MAIL if proving else Route.PRIVATE_MAIL, leaver.person_id, leaver.id)


def to_alumnus(tx: Tx, person_id: str, letter: Letter) -> bool:
    """To an alumnus in the alumni chat; who has no account there gets it by mail."""
    return _put(tx, letter, Route.ALUMNI_CHAT, person_id, None)


@dataclass(frozen=True, slots=True)
class Copy:
    """One of many letters: to whom, the card as text (`bot.wire.Stencil`), what tells it from the next, and
    until when it waits."""

    person_id: str
    card: str
    dedup: str
    not_before: datetime | None = None


def to_many(tx: Tx, kind: str, copies: Sequence[Copy], purpose: Purpose) -> set[str]:
    """To many alumni, as `to_alumnus` to each; for whom it is new and allowed. Nobody waits for them."""
    return outbox.put_all(tx, [
        Draft(kind, one.card, purpose, Route.ALUMNI_CHAT, _dedup(kind, one.person_id, one.dedup),
              one.person_id, bulk=True, due_at=one.not_before)
        for one in copies
    ])  # fmt: skip


def _dedup(kind: str, person_id: str, dedup: str) -> str:
    return f"{kind}:{person_id}:{dedup}"


def to_person(tx: Tx, person_id: str, letter: Letter) -> bool:
    """To a person's proven private mailbox, whatever else they use."""
    return _put(tx, letter, Route.PRIVATE_MAIL, person_id, None)


def to_unproven(tx: Tx, person_id: str, letter: Letter) -> bool:
    """To a mailbox that may be a stranger's: the person's own unproven one, or `letter.to`."""
    return _put(tx, letter, Route.PROOF_MAIL, person_id, None)


def to_nobody(tx: Tx, letter: Letter, locale: str) -> bool:
    """To `letter.to`, of whose owner nothing is kept."""
    draft = Draft(letter.kind, dump_card(letter.card), letter.purpose, Route.PROOF_MAIL,
                  f"{letter.kind}:{letter.dedup}", locale=locale, to=letter.to)  # fmt: skip
    return outbox.put(tx, draft) is not None


def _put(tx: Tx, letter: Letter, route: Route, person_id: str, leaver_id: int | None) -> bool:
    draft = Draft(
        letter.kind, dump_card(letter.card), letter.purpose, route,
        _dedup(letter.kind, person_id, letter.dedup),
        person_id=person_id, leaver_id=leaver_id, invites=letter.invites, to=letter.to,
        otherwise=dump_card(letter.otherwise) if letter.otherwise else "", bulk=letter.bulk,
    )  # fmt: skip
    return outbox.put(tx, draft, letter.not_before) is not None


def to_channel(tx: Tx, address: Address, letter: Letter, edits: str = "") -> bool:
    """Into a channel of the alumni, where everybody reads it; whether it is new. `letter.to` counts nothing.

    `edits` is the message to replace, as `outbox.Stand.remote` told it once it was sent; without it a new one
    is posted. Where it stands: `outbox.stands(tx, channel_dedup(address, letter))`. No consent is asked for,
    because nobody is addressed. Raises `ValueError` for a sensitive card: a channel never shows one.
    """
    if letter.card.sensitive:
        raise ValueError("a sensitive card is never shown in a channel")
    draft = Draft(letter.kind, dump_card(letter.card), letter.purpose, Route.CHANNEL,
                  channel_dedup(address, letter), to=str(address), edits=edits)  # fmt: skip
    return outbox.put(tx, draft) is not None


def channel_dedup(address: Address, letter: Letter) -> str:
    """Under which name `to_channel` queues a letter: one for each channel, at most 120 characters, of which
    a channel's own name may need nearly all."""
    plain = f"{letter.kind}:{address}:{letter.dedup}"
    where = hashlib.blake2b(str(address).encode(), digest_size=8).hexdigest()
    return plain if len(plain) <= _LONGEST else f"{letter.kind}:{where}:{letter.dedup}"


def with_way(card: Card, way: str) -> Card:
    """The card as a mail has it that goes because a chat does not: with the address on which its reader opens
    the chat themselves, if there is one."""
    if not way:
        return card
    more = (Note(t("mail.chat_way")), Buttons((Button(t("mail.chat_button"), Link(way)),)))
    return replace(card, body=(*card.body, *more))


def to_staff(tx: Tx, kind: str, card: Card, dedup: str, leaver_id: int | None = None) -> None:
    """To everybody who runs the network, each once."""
    for member in accounts.staff(tx):
        to_one_of_staff(tx, member, Letter(kind, card, dedup, Purpose.STAFF), leaver_id)


def to_one_of_staff(tx: Tx, member: accounts.Staff, letter: Letter, leaver_id: int | None = None) -> None:
    """To one of them; always for the purpose of running the network."""
    dedup = f"{letter.kind}:{letter.dedup}:staff{member.id}"
    draft = Draft(letter.kind, dump_card(letter.card), Purpose.STAFF, Route.STAFF, dedup,
                  staff_id=member.id, leaver_id=leaver_id)  # fmt: skip
    outbox.put(tx, draft)
