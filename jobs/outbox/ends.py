"""How a message ends: it arrived, nobody was there, it was given up; and what that says of its receiver."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bot import redelivery
from bot.commands.address import lost
from bot.conversation import Address, Side
from bot.policy import Policy
from bot.post import Letter, to_alumnus
from jobs.outbox.receivers import PRIVATE, Receiver
from storage import accounts, delivering, leavers, outbox, people
from storage.consents import Purpose
from storage.delivering import Arrival
from storage.engine import Tx, after_commit
from storage.outbox import Delivery, Route
from storage.people import Person

log = structlog.get_logger()


def arrived(tx: Tx, arrivals: Sequence[Arrival]) -> None:
    """Mark as delivered; who was stuck for want of a message that had been given up is not any more."""
    delivering.arrived(tx, arrivals)
    if late := [one.row for one in arrivals if one.row.reason]:
        redelivery.eased(tx, late)


def found(tx: Tx, row: Delivery, receiver: Receiver, address: Address, locale: str) -> None:
    """The company e-mail belongs to this account: it may answer for the leaver, until the last day."""
    if row.route is Route.STAFF:
        accounts.staff_found(tx, receiver.company_email, address)
        return
    person = people.get(tx, receiver.person_id or "")
    if person is not None:
        person.locale = locale
        accounts.tie(tx, address, Side.COMPANY, person, "company")


def not_found(tx: Tx, row: Delivery, reason: str) -> None:
    """The company's chat does not know the leaver's e-mail: HR sees it."""
    leaver = leavers.get(tx, row.leaver_id) if row.leaver_id and row.route is Route.COMPANY_CHAT else None
    if leaver is not None and reason == "not_in_workspace":
        leaver.stuck = "not_in_workspace"


def given_up(tx: Tx, row: Delivery, reason: str, policy: Policy) -> None:
    """No way works: the row is dead, and the person or the leaver says so where HR looks."""
    if not delivering.dead(tx, row, reason):
        return
    person = people.get(tx, row.person_id or "") if row.route in PRIVATE else None
    refused = reason == "mailbox_refused" and not outbox.body(tx, row).get("to")
    if person is not None and (refused or person.unreachable):
        _unreachable(tx, person, policy)
    leaver = leavers.get(tx, row.leaver_id) if row.leaver_id and row.route is not Route.STAFF else None
    if leaver is not None and not (person and person.unreachable):
        known = reason in ("mailbox_refused", "no_private_address")
        nobody = row.route is Route.COMPANY_CHAT and reason == "no_private_address"
        leaver.stuck = "no_company_address" if nobody else reason if known else "undelivered"
        if leaver.stuck == "undelivered":
            leaver.stuck_told = leaver.stuck  # HR is told of all such messages together (`jobs.undelivered`)
    kind = "confidential" if row.kind.startswith("interest.") else row.kind
    delivery = row.delivery
    after_commit(tx, lambda: log.warning("given_up", kind=kind, reason=reason, delivery=delivery))


def unsure(tx: Tx, row: Delivery, policy: Policy) -> None:
    """It may have arrived, and nobody can say. One of many that nobody waits for counts as sent; of a letter
    HR is told."""
    if not row.bulk:
        given_up(tx, row, delivering.UNSURE, policy)
    else:
        delivering.unsure(tx, row)


def _unreachable(tx: Tx, person: Person, policy: Policy) -> None:
    """Their mailbox takes no mail: asked once in the alumni chat for another one, else HR sees it."""
    news, leaver = people.lose(tx, person, "mailbox_refused"), leavers.of_person(tx, person.id)
    if accounts.of_person(tx, person.id, Side.ALUMNI) is None:
        if leaver is not None:
            leaver.stuck = person.unreachable
    elif news:
        mark = (person.private_email_blind or b"").hex()
        to_alumnus(tx, person.id, Letter("address.lost", lost(policy), mark, Purpose.ASKING))
