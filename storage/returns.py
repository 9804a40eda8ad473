"""Requests of visitors who say on the public page that they used to work here.

Until HR approves, there is a person with a key and an unproven address, and nothing else: no stint, not in
the index of the directory, not a member. What nobody confirms or decides is erased.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, bindparam, func, select
from sqlalchemy.orm import Mapped, mapped_column

from storage import people
from storage.aside import ALL, Sifted, Those
from storage.columns import Row, Sealed, kept
from storage.engine import MOST, Tx, now, vault_of
from storage.outbox import Delivery
from storage.people import Person

STORY = "returns.story"


class ReturnRequest(Row):
    """One visitor's request; `story` is what they wrote about when and where they worked here.

    Its number is never used again: HR's card of an old request must not decide about another one.
    """

    __tablename__ = "returns"
    __table_args__ = (
        {
            "info": kept("person", "stay_in_touch", "until decided; unconfirmed 3 days, undecided 90 days"),
            "sqlite_autoincrement": True,
        },
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), unique=True)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    story: Mapped[bytes | None] = mapped_column(Sealed, default=None, repr=False)
    confirmed_at: Mapped[datetime | None] = mapped_column(default=None)


def add(tx: Tx, person: Person, lasts: timedelta) -> ReturnRequest:
    """A request of somebody who has none."""
    made = now(tx)
    row = ReturnRequest(person_id=person.id, made_at=made, expires_at=made + lasts)
    tx.add(row)
    tx.flush()
    return row


def tell(tx: Tx, row: ReturnRequest, story: str) -> None:
    """Keep what the visitor wrote, sealed with their own key."""
    row.story = people.seal_for(tx, row.person_id, STORY, story) if story else None
    tx.flush()


def story(tx: Tx, row: ReturnRequest) -> str:
    """What the visitor wrote: for HR, who decides."""
    return people.open_for(tx, row.person_id, STORY, row.story) if row.story is not None else ""


def get(tx: Tx, request_id: int) -> ReturnRequest | None:
    """A request that is still open."""
    row = tx.get(ReturnRequest, request_id)
    return row if row is not None and row.expires_at > now(tx) else None


def of_person(tx: Tx, person_id: str) -> ReturnRequest | None:
    """The request of a person, also one whose time is over."""
    return tx.scalar(select(ReturnRequest).where(ReturnRequest.person_id == person_id))


def by_email(tx: Tx, email: str) -> ReturnRequest | None:
    """The open request that was made with this address."""
    query = (
        select(ReturnRequest)
        .join(Person, Person.id == ReturnRequest.person_id)
        .where(Person.private_email_blind == vault_of(tx).blind_email(email))
        .where(ReturnRequest.expires_at > now(tx))
    )
    return tx.scalar(query.order_by(ReturnRequest.id).limit(1))


def confirm(tx: Tx, row: ReturnRequest, lasts: timedelta) -> None:
    """The mailbox answered; from now on HR has `lasts` to decide."""
    row.confirmed_at = now(tx)
    row.expires_at = now(tx) + lasts
    tx.flush()


def drop(tx: Tx, row: ReturnRequest) -> None:
    """Forget a request."""
    tx.delete(row)
    tx.flush()


def undecided(tx: Tx, limit: int = 20) -> list[ReturnRequest]:
    """What waits for HR, oldest first."""
    query = select(ReturnRequest).where(
        ReturnRequest.confirmed_at.is_not(None), ReturnRequest.expires_at > now(tx)
    )
    return list(tx.scalars(query.order_by(ReturnRequest.confirmed_at).limit(limit)))


_OLDEST = select(ReturnRequest).order_by(ReturnRequest.id).limit(MOST)
_EXPIRED = Sifted(ReturnRequest.id, _OLDEST.where(ReturnRequest.expires_at <= bindparam("at")).where)


def expired(tx: Tx, limit: int, those: Those = ALL) -> list[ReturnRequest]:
    """Requests whose time is over."""
    return list(tx.scalars(*_EXPIRED(tx, those, at=now(tx), most=limit)))


def mails_since(tx: Tx, kinds: Collection[str], since: datetime, email: str = "") -> int:
    """How many mails of some kinds were queued since a moment: to one address, or to all."""
    query = select(func.count()).select_from(Delivery)
    query = query.where(Delivery.kind.in_(kinds), Delivery.queued_at >= since)
    if email:
        query = query.join(Person, Person.id == Delivery.person_id)
        query = query.where(Person.private_email_blind == vault_of(tx).blind_email(email))
    return tx.scalar(query) or 0
