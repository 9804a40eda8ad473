"""The one way a card leaves the house: into the outbox, in the transaction that caused it."""

from __future__ import annotations

from datetime import datetime

from bot.conversation import Card
from bot.wire import dump_card
from storage import accounts, outbox
from storage.consents import Purpose
from storage.engine import Tx
from storage.leavers import Leaver
from storage.outbox import Draft, Route
from storage.people import Person


def to_leaver(tx: Tx, leaver: Leaver, kind: str, card: Card, dedup: str, purpose: Purpose = Purpose.ASKING) -> bool:
    """To a leaver in the company chat, found by company e-mail at delivery; whether it is new and allowed."""
    draft = Draft(kind, dump_card(card), purpose, Route.COMPANY_CHAT, f"{kind}:{leaver.id}:{dedup}",
                  person_id=leaver.person_id, leaver_id=leaver.id)  # fmt: skip
    return outbox.put(tx, draft) is not None


def to_mailbox(
    tx: Tx, person: Person, kind: str, card: Card, dedup: str, *, purpose: Purpose, invites: bool = False,
    proving: bool = False, leaver_id: int | None = None,
) -> bool:  # fmt: skip
    """To a person's private mailbox: only a proven one, unless the mail is there to prove it."""
    route = Route.PROOF_MAIL if proving else Route.PRIVATE_MAIL
    draft = Draft(kind, dump_card(card), purpose, route, f"{kind}:{person.id}:{dedup}",
                  person_id=person.id, leaver_id=leaver_id, invites=invites)  # fmt: skip
    return outbox.put(tx, draft) is not None


def to_alumnus(tx: Tx, person: Person, kind: str, card: Card, dedup: str, *, purpose: Purpose,
               due_at: datetime | None = None) -> bool:  # fmt: skip
    """To an alumnus in the alumni chat; who has no account there gets it by mail."""
    draft = Draft(kind, dump_card(card), purpose, Route.ALUMNI_CHAT, f"{kind}:{person.id}:{dedup}",
                  person_id=person.id)  # fmt: skip
    return outbox.put(tx, draft, due_at) is not None


def to_staff(tx: Tx, kind: str, card: Card, dedup: str, leaver_id: int | None = None) -> None:
    """To everybody who runs the network, each once."""
    text = dump_card(card)
    for member in accounts.staff(tx):
        draft = Draft(kind, text, Purpose.STAFF, Route.STAFF, f"{kind}:{dedup}:staff{member.id}",
                      staff_id=member.id, leaver_id=leaver_id)  # fmt: skip
        outbox.put(tx, draft)
