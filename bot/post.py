"""The one way a card leaves the house: into the outbox, in the transaction that caused it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.conversation import Card
from bot.wire import dump_card
from storage import accounts, outbox
from storage.consents import Purpose
from storage.engine import Tx
from storage.leavers import Leaver
from storage.outbox import Draft, Route


@dataclass(frozen=True, slots=True)
class Letter:
    """A card with what makes it one message: its kind, its purpose, and what tells it from the next of its
    kind.

    `invites` has the Inviter asked for the way in at delivery.
    """

    kind: str
    card: Card
    dedup: str
    purpose: Purpose
    invites: bool = False


def to_leaver(tx: Tx, leaver: Leaver, letter: Letter) -> bool:
    """To a leaver in the company chat, found by company e-mail at delivery; whether it is new and allowed."""
    return _put(tx, letter, Route.COMPANY_CHAT, leaver.person_id, leaver.id)


def to_mailbox(tx: Tx, leaver: Leaver, letter: Letter, *, proving: bool = False) -> bool:
    """To a leaver's private mailbox: only a proven one, unless the mail is there to prove it."""
    return _put(tx, letter, Route.PROOF_MAIL if proving else Route.PRIVATE_MAIL, leaver.person_id, leaver.id)


def to_alumnus(tx: Tx, person_id: str, letter: Letter) -> bool:
    """To an alumnus in the alumni chat; who has no account there gets it by mail."""
    return _put(tx, letter, Route.ALUMNI_CHAT, person_id, None)


def _put(tx: Tx, letter: Letter, route: Route, person_id: str, leaver_id: int | None) -> bool:
    draft = Draft(
        letter.kind, dump_card(letter.card), letter.purpose, route,
        f"{letter.kind}:{person_id}:{letter.dedup}",
        person_id=person_id, leaver_id=leaver_id, invites=letter.invites,
    )  # fmt: skip
    return outbox.put(tx, draft) is not None


def to_staff(tx: Tx, kind: str, card: Card, dedup: str, leaver_id: int | None = None) -> None:
    """To everybody who runs the network, each once."""
    text = dump_card(card)
    for member in accounts.staff(tx):
        draft = Draft(kind, text, Purpose.STAFF, Route.STAFF, f"{kind}:{dedup}:staff{member.id}",
                      staff_id=member.id, leaver_id=leaver_id)  # fmt: skip
        outbox.put(tx, draft)
