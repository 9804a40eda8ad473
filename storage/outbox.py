"""The outbox: every message that leaves the house is a row, written in the transaction that caused it.

The row is the truth, whoever carries it (`storage.delivering`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    delete,
    false,
    func,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage import people, queue
from storage.columns import Row, Sealed, kept, words
from storage.consents import FREE, Purpose, allowing, allows
from storage.engine import Tx, at_server, insert_columns, insert_new, now, vault_of
from storage.outdated import Outdated

PAYLOAD = "outbox.payload"
KEPT = "the words until sent, 30 days when undeliverable; the row 90 days"


class Status(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"
    DROPPED = "dropped"


UNSENT = (Status.PENDING, Status.SENDING, Status.DEAD)
"""What could still go out: a message that was given up can be tried again as long as its words are kept."""


class Route(StrEnum):
    """How the receiver is found at delivery."""

    COMPANY_CHAT = "company_chat"  # by company e-mail; else company mail
    PRIVATE_MAIL = "private_mail"  # the private address, if proven
    PROOF_MAIL = "proof_mail"  # the private address, in order to prove it
    ALUMNI_CHAT = "alumni_chat"  # the tied account; else private mail
    STAFF = "staff"  # one of those who run the network
    CHANNEL = "channel"  # a channel of the alumni workspace; nobody in particular


class Queue(NamedTuple):
    """Messages that wait for the same way out: what many get at once goes after everything else."""

    route: Route
    bulk: bool

    @property
    def name(self) -> str:
        """As it is told of."""
        return f"{self.route.value}.bulk" if self.bulk else self.route.value


_IN_CHANNEL = text("route = 'channel'")


class Delivery(Row):
    """One message to one receiver."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_status_next_try", "status", "next_try"),
        Index("ix_outbox_queue", "status", "route", "bulk", "due_at"),
        Index("ix_outbox_place", "remote", postgresql_where=_IN_CHANNEL, sqlite_where=_IN_CHANNEL),
        {"info": kept("person", "delivery", KEPT, erased="blanked")},
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
    claims: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often somebody took it. Only grows, so whoever lost it matches nothing any more."""
    repeated: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Was sent once more although nobody could say whether it stands there already."""
    ambiguous: Mapped[bool] = mapped_column(default=False)
    went_by: Mapped[str] = mapped_column(String(16), default="")
    remote: Mapped[str] = mapped_column(String(200), default="")
    reason: Mapped[str] = mapped_column(String(64), default="")
    queued_at: Mapped[datetime | None] = mapped_column(default=None)
    done_at: Mapped[datetime | None] = mapped_column(default=None)
    bulk: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Goes after everything that somebody waits for."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be sent: a card as JSON, and to whom by which route.

    `invites` asks the Inviter for the way in; `otherwise` is the card for when there is none. `to` is another
    mailbox than the one that the route would find; of a channel it is the address (`slack:T0ALUMNI:C0JOBS`).
    `edits` is the message in a channel that is replaced, as `Stand.remote` names it. `bulk` is one of many
    that nobody waits for.
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
    bulk: bool = False
    due_at: datetime | None = None


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
    row = Delivery(**_values(draft, now(tx), due_at))
    row.payload = _close(tx, row, _body(draft))
    tx.add(row)
    tx.flush()
    queue.tell(tx, [_word(row.id, Queue(draft.route, draft.bulk).name, now(tx), due_at)])
    return row


def put_all(tx: Tx, drafts: Sequence[Draft]) -> set[str]:
    """Queue messages to many people, in a few statements; to whom of them one is new and allowed. Raises
    `ValueError` when they differ in purpose, route or urgency, and for nobody in particular."""
    if not drafts:
        return set()
    purpose, at = drafts[0].purpose, now(tx)
    if len({(draft.purpose, draft.route, draft.bulk) for draft in drafts}) > 1:
        raise ValueError("one purpose, one route, one urgency")
    if any(draft.person_id is None or draft.leaver_id or draft.staff_id or draft.edits for draft in drafts):
        raise ValueError("one person each, to whom something new is said")
    allowed = allowing(tx, {draft.person_id for draft in drafts if draft.person_id}, purpose)
    sealing = people.sealer(tx, allowed)
    rows, new_id = [], _ids()
    for draft in drafts:
        if draft.person_id in allowed:
            delivery = new_id()
            sealed = sealing(draft.person_id, f"{PAYLOAD}:{delivery}", _body(draft))
            rows.append({
                "dedup": draft.dedup, "kind": draft.kind, "delivery": delivery, "person_id": draft.person_id,
                "due_at": draft.due_at or at, "queued_at": at, "payload": sealed,
            })  # fmt: skip
    if not rows:
        return set()
    same = _FRESH | {name: getattr(drafts[0], name) for name in _SAME}
    same |= {name: rows[0][name] for name in _MOSTLY if len({row[name] for row in rows}) == 1}
    each = [name for name in rows[0] if name not in same]
    fixed = {name: _fixed(tx, name, value) for name, value in same.items()}
    if not at_server(tx):
        new = insert_new(tx, Delivery.__table__).values(fixed)
        done = tx.execute(new, [{name: row[name] for name in each} for row in rows])
        queue.ring(tx)
        everybody = done.rowcount == len(rows)  # type: ignore[attr-defined]
        return {str(row["person_id"]) for row in rows} if everybody else _receivers(tx, rows)
    new = insert_columns(Delivery.__table__, each, fixed).on_conflict_do_nothing()
    new = new.returning(Delivery.id, Delivery.due_at, Delivery.person_id)
    told = tx.execute(new, {name: [row[name] for row in rows] for name in each}).all()
    line = Queue(drafts[0].route, drafts[0].bulk).name
    queue.tell(tx, [_word(row.id, line, at, row.due_at) for row in told])
    return {row.person_id for row in told}


def _receivers(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    own = Delivery.delivery.in_([row["delivery"] for row in rows])
    return {who for who in tx.scalars(select(Delivery.person_id).where(own)) if who}


_SAME = ("purpose", "route", "bulk")
_MOSTLY = ("kind", "due_at", "queued_at")
_FRESH: dict[str, Any] = {
    "status": Status.PENDING, "ambiguous": False, "next_try": 0.0, "attempts": 0, "claims": 0,
    "repeated": False, "went_by": "", "remote": "", "reason": "",
}  # fmt: skip


def _fixed(tx: Tx, name: str, value: Any) -> Any:
    """A value that is the same in all rows: it stands in the statement, and is not bound for each."""
    bound = literal(value, Delivery.__table__.c[name].type)
    if at_server(tx):
        return bound
    return literal_column(str(bound.compile(tx.get_bind(), compile_kwargs={"literal_binds": True})))


def _ids() -> Callable[[], str]:
    """Makes names for messages that are queued together: 48 bits of chance that they share, 80 of their own.
    They stand side by side in their index, where names by chance alone would have every group touch hundreds
    of its pages; and they say nothing, not even when they were made, because a chat shows them."""
    shared = secrets.token_hex(6)
    return lambda: shared + secrets.token_hex(10)


def _word(row_id: int, line: str, at: datetime, due_at: datetime | None) -> queue.Word:
    after = (due_at - at).total_seconds() if due_at else 0.0
    return queue.Word(row_id, line, after, str(row_id))


def _values(draft: Draft, at: datetime, due_at: datetime | None) -> dict[str, Any]:
    return {
        "dedup": draft.dedup, "kind": draft.kind, "purpose": draft.purpose, "route": draft.route,
        "delivery": secrets.token_hex(16), "person_id": draft.person_id, "leaver_id": draft.leaver_id,
        "staff_id": draft.staff_id, "due_at": due_at or at, "queued_at": at, "remote": draft.edits,
        "bulk": draft.bulk,
    }  # fmt: skip


def _body(draft: Draft) -> str:
    body = {"card": draft.card, "invites": draft.invites, "locale": draft.locale,
            "otherwise": draft.otherwise, "to": draft.to}  # fmt: skip
    return orjson.dumps(body).decode()


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
    return opened(tx, [row])(row)


def opened(tx: Tx, rows: Collection[Delivery]) -> Callable[[Delivery], dict[str, Any]]:
    """`body` of each of these rows; the keys of their people are fetched at once."""
    open_for = people.opener(tx, {row.person_id for row in rows if row.person_id})

    def read(row: Delivery) -> dict[str, Any]:
        place = f"{PAYLOAD}:{row.delivery}"
        if row.payload is None:
            raise LookupError("the words of this message are gone")
        if row.person_id is None:
            text = vault_of(tx).unwrap(row.payload, place).decode()
        else:
            text = open_for(row.person_id, place, row.payload)
        value: dict[str, Any] = orjson.loads(text)
        return value

    return read


def may_go_of(tx: Tx, rows: Collection[Delivery]) -> set[int]:
    """The ids of those of these rows for which `may_go` holds."""
    going = {row.id for row in rows if row.route is Route.CHANNEL}
    for purpose in {row.purpose for row in rows}:
        asked = [row for row in rows if row.purpose is purpose]
        allowed = allowing(tx, {row.person_id for row in asked if row.person_id}, purpose)
        free = purpose in FREE
        going |= {row.id for row in asked if free or row.person_id in allowed}
    return going


def cancel(tx: Tx, *, person_id: str | None = None, leaver_id: int | None = None) -> int:
    """Drop everything not yet sent to a person, or about a leaver; how many rows."""
    whose = Delivery.person_id == person_id if person_id is not None else Delivery.leaver_id == leaver_id
    query = update(Delivery).where(whose, Delivery.status.in_(UNSENT))
    values = {"status": Status.DROPPED, "reason": "cancelled", "payload": None, "done_at": now(tx)}
    done = tx.execute(query.values(values).execution_options(synchronize_session="fetch"))
    return int(done.rowcount)  # type: ignore[attr-defined]


def cancel_purposes(tx: Tx, person_id: str, purposes: Collection[Purpose]) -> None:
    """Drop the unsent messages of some purposes to a person: they are not allowed any more."""
    unsent = Delivery.status.in_(UNSENT)
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
    unsent = Delivery.status.in_(UNSENT)
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


def next_due(tx: Tx) -> datetime | None:
    """When the next message is due that waits for its hour."""
    waits = (Delivery.status == Status.PENDING) & (Delivery.due_at > now(tx))
    return tx.scalar(select(func.min(Delivery.due_at)).where(waits))


def outdated(before: datetime) -> Outdated:
    """Rows that were done with before a moment."""
    return Outdated(Delivery, Delivery.done_at < before)
