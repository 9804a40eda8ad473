"""The outbox: every message that leaves the house is a row, written in the transaction that caused it.

The row is the truth and its guarded UPDATE is the claim. A claim has a lease; a row whose lease ran out while
it was being sent is *ambiguous* and is reconciled with the platform before it is sent again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage import people
from storage.columns import Row, Sealed, kept, words
from storage.consents import Purpose, allows
from storage.engine import Tx, now, vault_of, wire

PAYLOAD = "outbox.payload"
LEASE = 60.0
TRIES = 12


class Status(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"
    DROPPED = "dropped"


class Route(StrEnum):
    """How the receiver is found at delivery."""

    COMPANY_CHAT = "company_chat"  # by company e-mail; else company mail
    PRIVATE_MAIL = "private_mail"  # the private address, if proven
    PROOF_MAIL = "proof_mail"  # the private address, in order to prove it
    ALUMNI_CHAT = "alumni_chat"  # the tied account; else private mail
    STAFF = "staff"  # one of those who run the network
    CHANNEL = "channel"  # a channel of the alumni workspace; nobody in particular


class Delivery(Row):
    """One message to one receiver."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_status_next_try", "status", "next_try"),
        {"info": kept("person", "delivery", "the words until sent; the row 90 days", erased="blanked")},
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    dedup: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    route: Mapped[Route] = mapped_column(words(Route))
    delivery: Mapped[str] = mapped_column(String(32), unique=True)
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), default=None, index=True)
    leaver_id: Mapped[int | None] = mapped_column(default=None, index=True)
    staff_id: Mapped[int | None] = mapped_column(default=None)
    payload: Mapped[bytes | None] = mapped_column(Sealed, default=None, repr=False)
    status: Mapped[Status] = mapped_column(words(Status), default=Status.PENDING)
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    next_try: Mapped[float] = mapped_column(default=0.0)
    attempts: Mapped[int] = mapped_column(default=0)
    ambiguous: Mapped[bool] = mapped_column(default=False)
    went_by: Mapped[str] = mapped_column(String(16), default="")
    remote: Mapped[str] = mapped_column(String(200), default="")
    reason: Mapped[str] = mapped_column(String(64), default="")
    queued_at: Mapped[datetime | None] = mapped_column(default=None)
    done_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be sent: a card as JSON, and to whom by which route.

    `invites` asks the Inviter for the way in; `otherwise` is the card for when there is none. `to` is another
    mailbox than the one that the route would find; of a channel it is the address (`slack:T0ALUMNI:C0JOBS`).
    `edits` is the message in a channel that is replaced, as `Stand.remote` names it.
    """

    kind: str
    card: str
    purpose: Purpose
    route: Route
    dedup: str
    person_id: str | None = None
    leaver_id: int | None = None
    staff_id: int | None = None
    invites: bool = False
    locale: str = ""
    otherwise: str = ""
    to: str = ""
    edits: str = ""


@dataclass(frozen=True, slots=True)
class Stand:
    """What became of a message: `remote` is where it stands ("channel:ref", of an edit where it is to stand),
    `reason` why it waits, was given up or must not go.
    """

    status: Status
    remote: str
    reason: str


def put(tx: Tx, draft: Draft, due_at: datetime | None = None) -> Delivery | None:
    """Queue a message; `None` when the same `dedup` was queued before or the purpose lacks a consent.

    Raises `ValueError` for a message to a channel that is for a person, and for an edit anywhere else.
    """
    if draft.route is Route.CHANNEL and (draft.person_id, draft.leaver_id, draft.staff_id) != (None,) * 3:
        raise ValueError("a message to a channel is for nobody in particular")
    if draft.edits and draft.route is not Route.CHANNEL:
        raise ValueError("only what stands in a channel is edited later")
    if not may_go(tx, draft):
        return None
    if tx.scalar(select(Delivery.id).where(Delivery.dedup == draft.dedup)) is not None:
        return None
    row = Delivery(
        dedup=draft.dedup, kind=draft.kind, purpose=draft.purpose, route=draft.route,
        delivery=secrets.token_hex(16), person_id=draft.person_id, leaver_id=draft.leaver_id,
        staff_id=draft.staff_id, due_at=due_at, queued_at=now(tx), remote=draft.edits,
    )  # fmt: skip
    body = {"card": draft.card, "invites": draft.invites, "locale": draft.locale,
            "otherwise": draft.otherwise, "to": draft.to}  # fmt: skip
    row.payload = _close(tx, row, json.dumps(body, ensure_ascii=False))
    tx.add(row)
    tx.flush()
    return row


def may_go(tx: Tx, message: Draft | Delivery) -> bool:
    """Whether its purpose has its consent; what nobody in particular gets in a channel needs none."""
    return message.route is Route.CHANNEL or allows(tx, message.person_id, message.purpose)


def _close(tx: Tx, row: Delivery, text: str) -> bytes:
    if row.person_id is not None:
        return people.seal_for(tx, row.person_id, f"{PAYLOAD}:{row.delivery}", text)
    return vault_of(tx).wrap(text.encode(), f"{PAYLOAD}:{row.delivery}")


def body(tx: Tx, row: Delivery) -> dict[str, Any]:
    """What `put` was given: `card` and `otherwise` (JSON text), `invites`, `locale`, `to`. Raises
    `LookupError` once it was purged."""
    if row.payload is None:
        raise LookupError("the words of this message are gone")
    if row.person_id is not None:
        text = people.open_for(tx, row.person_id, f"{PAYLOAD}:{row.delivery}", row.payload)
    else:
        text = vault_of(tx).unwrap(row.payload, f"{PAYLOAD}:{row.delivery}").decode()
    value: dict[str, Any] = json.loads(text)
    return value


def claim(tx: Tx, limit: int = 10) -> list[Delivery]:
    """Take the next due rows for `LEASE` seconds. A row whose lease ran out comes back as ambiguous."""
    at = wire(tx)
    ready = Delivery.status.in_((Status.PENDING, Status.SENDING)) & (Delivery.next_try <= at)
    due = ready & ((Delivery.due_at.is_(None)) | (Delivery.due_at <= now(tx)))
    claimed: list[Delivery] = []
    for row in tx.scalars(select(Delivery).where(due).order_by(Delivery.id).limit(limit)).all():
        guard = (
            (Delivery.id == row.id) & (Delivery.attempts == row.attempts) & (Delivery.status == row.status)
        )
        values = {"status": Status.SENDING, "attempts": row.attempts + 1, "next_try": at + LEASE,
                  "ambiguous": row.ambiguous or row.status is Status.SENDING}  # fmt: skip
        won = tx.execute(
            update(Delivery).where(guard).values(values).execution_options(synchronize_session=False)
        )
        if won.rowcount == 1:  # type: ignore[attr-defined]
            tx.refresh(row)
            claimed.append(row)
    return claimed


def _mark(tx: Tx, row: Delivery, **values: Any) -> bool:
    guard = (
        (Delivery.id == row.id) & (Delivery.attempts == row.attempts) & (Delivery.status == Status.SENDING)
    )
    done = tx.execute(
        update(Delivery).where(guard).values(values).execution_options(synchronize_session=False)
    )
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def hold(tx: Tx, row: Delivery) -> bool:
    """Keep a claimed row for another `LEASE` seconds; false when it is no longer ours to send."""
    return _mark(tx, row, next_try=wire(tx) + LEASE)


def sent(tx: Tx, row: Delivery, went_by: str, remote: str = "") -> bool:
    """Mark as delivered and drop the words; false when somebody else has taken the row over."""
    return _mark(tx, row, status=Status.SENT, went_by=went_by, remote=remote, payload=None, done_at=now(tx),
                 reason="", ambiguous=False)  # fmt: skip


def again(tx: Tx, row: Delivery, after: float, reason: str, *, ambiguous: bool = False) -> bool:
    """Park a row for `after` seconds; after `TRIES` tries it is dead and HR sees it. Once ambiguous,
    always."""
    if row.attempts >= TRIES:
        return dead(tx, row, reason)
    values = {"status": Status.PENDING, "next_try": wire(tx) + after, "reason": reason,
              "ambiguous": ambiguous or row.ambiguous}  # fmt: skip
    return _mark(tx, row, **values)


def wait(tx: Tx, row: Delivery, seconds: float) -> bool:
    """Back in the queue because a lane is full; this does not count as a try."""
    return _mark(tx, row, status=Status.PENDING, next_try=wire(tx) + seconds, attempts=row.attempts - 1)


def dead(tx: Tx, row: Delivery, reason: str) -> bool:
    """Give up: HR's list shows the reason; the words are kept no longer."""
    return _mark(tx, row, status=Status.DEAD, reason=reason, payload=None, done_at=now(tx))


def drop(tx: Tx, row: Delivery, reason: str) -> bool:
    """Not sent because it must not be (consent withdrawn, stage moved on)."""
    return _mark(tx, row, status=Status.DROPPED, reason=reason, payload=None, done_at=now(tx))


def cancel(tx: Tx, *, person_id: str | None = None, leaver_id: int | None = None) -> int:
    """Drop everything not yet sent to a person, or about a leaver; how many rows."""
    whose = Delivery.person_id == person_id if person_id is not None else Delivery.leaver_id == leaver_id
    query = update(Delivery).where(whose, Delivery.status.in_((Status.PENDING, Status.SENDING)))
    values = {"status": Status.DROPPED, "reason": "cancelled", "payload": None, "done_at": now(tx)}
    done = tx.execute(query.values(values).execution_options(synchronize_session="fetch"))
    return int(done.rowcount)  # type: ignore[attr-defined]


def cancel_purposes(tx: Tx, person_id: str, purposes: Collection[Purpose]) -> None:
    """Drop the unsent messages of some purposes to a person: they are not allowed any more."""
    unsent = Delivery.status.in_((Status.PENDING, Status.SENDING))
    query = update(Delivery).where(Delivery.person_id == person_id, Delivery.purpose.in_(purposes), unsent)
    values = {"status": Status.DROPPED, "reason": "no_consent", "payload": None, "done_at": now(tx)}
    tx.execute(query.values(values).execution_options(synchronize_session="fetch"))


def forget(tx: Tx, person_id: str) -> None:
    """What is unsent is dropped, and no row says any more where a message to this person stands."""
    cancel(tx, person_id=person_id)
    query = update(Delivery).where(Delivery.person_id == person_id)
    query = query.values(payload=None, remote="", went_by="")
    tx.execute(query.execution_options(synchronize_session="fetch"))


def unsay(tx: Tx, feature: str, mark: str) -> None:
    """Delete a feature's messages whose `dedup` holds a mark, sent or not, as if nobody had written them."""
    own = Delivery.kind.startswith(f"{feature}.", autoescape=True)
    tx.execute(delete(Delivery).where(own, Delivery.dedup.contains(mark, autoescape=True)))


def cancel_kind(tx: Tx, person_id: str, kind: str) -> None:
    """Drop the unsent messages of one kind to a person (an invitation after the joining)."""
    unsent = Delivery.status.in_((Status.PENDING, Status.SENDING))
    query = update(Delivery).where(Delivery.person_id == person_id, Delivery.kind == kind, unsent)
    values = {"status": Status.DROPPED, "reason": "cancelled", "payload": None, "done_at": now(tx)}
    tx.execute(query.values(values).execution_options(synchronize_session="fetch"))


def lately(tx: Tx, person_id: str, kind: str, since: datetime) -> int:
    """How many messages of a kind were queued for a person since a moment."""
    query = (
        select(func.count())
        .select_from(Delivery)
        .where(Delivery.person_id == person_id, Delivery.kind == kind)
    )
    return tx.scalar(query.where(Delivery.queued_at >= since)) or 0


def stands(tx: Tx, dedup: str) -> Stand | None:
    """What became of the message with this `dedup`; `None` when it was never queued or is forgotten."""
    query = select(Delivery.status, Delivery.remote, Delivery.reason).where(Delivery.dedup == dedup)
    found = tx.execute(query).one_or_none()
    return Stand(*found) if found is not None else None


def overtaken(tx: Tx, row: Delivery) -> bool:
    """Whether a later edit of the same message was queued: the earlier words must not come on top of it."""
    later = Delivery.id > row.id
    return bool(row.remote) and tx.scalar(_edits_of(row).where(later).limit(1)) is not None


def follows(tx: Tx, row: Delivery) -> bool:
    """Whether an earlier edit of the same message is on its way: two at once may arrive in any order."""
    earlier = (Delivery.id < row.id) & (Delivery.status == Status.SENDING) & (Delivery.next_try > wire(tx))
    return bool(row.remote) and tx.scalar(_edits_of(row).where(earlier).limit(1)) is not None


def _edits_of(row: Delivery) -> Select[int]:
    """Other messages that replace what stands at the same place."""
    same = (Delivery.route == Route.CHANNEL) & (Delivery.remote == row.remote)
    return select(Delivery.id).where(same, Delivery.status != Status.DROPPED, Delivery.id != row.id)


def waiting(tx: Tx) -> int:
    """How many messages could go out now."""
    ready = Delivery.status.in_((Status.PENDING, Status.SENDING))
    due = ready & ((Delivery.due_at.is_(None)) | (Delivery.due_at <= now(tx)))
    return tx.scalar(select(func.count()).select_from(Delivery).where(due)) or 0


def next_due(tx: Tx) -> datetime | None:
    """When the next message is due that waits for its hour."""
    waits = (Delivery.status == Status.PENDING) & (Delivery.due_at > now(tx))
    return tx.scalar(select(func.min(Delivery.due_at)).where(waits))


def dead_ones(tx: Tx, limit: int = 20) -> Sequence[Delivery]:
    """Messages that were given up, newest first; not those of a raised hand, of which not all of HR know."""
    dead = (Delivery.status == Status.DEAD) & ~Delivery.kind.startswith("interest.")
    return tx.scalars(select(Delivery).where(dead).order_by(Delivery.id.desc()).limit(limit)).all()


def sweep(tx: Tx, before: datetime) -> None:
    """Forget rows that were done with before a moment."""
    tx.execute(delete(Delivery).where(Delivery.done_at < before))
