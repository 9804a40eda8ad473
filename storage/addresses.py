"""Another private address on its way: proven by its own mailbox, and approved by the old one or by HR.

Until both sides are there nothing changes; what is not finished in time is forgotten.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage import people
from storage.aside import ALL, Sifted, Those
from storage.columns import Row, Sealed, kept
from storage.engine import MOST, Tx, now, vault_of
from storage.people import Person

NEW_EMAIL = "address_changes.email"


class AddressChange(Row):
    """One wish for another address; a person has at most one.

    Its number is never used again: HR's card of an old wish must not decide about another one.
    """

    __tablename__ = "address_changes"
    __table_args__ = (
        {
            "info": kept("person", "stay_in_touch", "until it is proven, cancelled or expired"),
            "sqlite_autoincrement": True,
        },
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), unique=True)
    email: Mapped[bytes] = mapped_column(Sealed, repr=False)
    blind: Mapped[bytes] = mapped_column(LargeBinary(16), repr=False)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    proven_at: Mapped[datetime | None] = mapped_column(default=None)
    approved_at: Mapped[datetime | None] = mapped_column(default=None)
    approved_by: Mapped[str] = mapped_column(String(16), default="")
    asked_hr_at: Mapped[datetime | None] = mapped_column(default=None)


def begin(tx: Tx, person: Person, email: str, lasts: timedelta) -> AddressChange:
    """A new wish in the place of an older one. The old side has no say where nothing proven is given up."""
    tx.execute(delete(AddressChange).where(AddressChange.person_id == person.id))
    made = now(tx)
    change = AddressChange(
        person_id=person.id, email=people.seal_for(tx, person.id, NEW_EMAIL, email),
        blind=vault_of(tx).blind_email(email), made_at=made, expires_at=made + lasts,
    )  # fmt: skip
    if person.private_email_proven_at is None or person.private_email_blind == change.blind:
        change.approved_at, change.approved_by = made, "nobody"
    tx.add(change)
    tx.flush()
    return change


def get(tx: Tx, change_id: int) -> AddressChange | None:
    """A wish that is still open."""
    row = tx.get(AddressChange, change_id)
    return row if row is not None and row.expires_at > now(tx) else None


def current(tx: Tx, person_id: str) -> AddressChange | None:
    """The open wish of a person."""
    query = select(AddressChange).where(
        AddressChange.person_id == person_id, AddressChange.expires_at > now(tx)
    )
    return tx.scalar(query)


def new_email(tx: Tx, change: AddressChange) -> str:
    """The new address in the clear: only for delivery to it."""
    return people.open_for(tx, change.person_id, NEW_EMAIL, change.email)


def taken(tx: Tx, change: AddressChange) -> bool:
    """Whether the new address is already the proven one of somebody else; nobody is told."""
    query = select(Person.id).where(
        Person.private_email_blind == change.blind,
        Person.private_email_proven_at.is_not(None),
        Person.left_at.is_(None),
        Person.id != change.person_id,
    )
    return tx.scalar(query.limit(1)) is not None


def approve(tx: Tx, change: AddressChange, by: str) -> None:
    """The old side agrees: its mailbox ("owner"), or HR in its place ("hr")."""
    change.approved_at, change.approved_by = now(tx), by
    tx.flush()


def confirm(tx: Tx, change: AddressChange) -> None:
    """The new mailbox is theirs: they entered the code that we mailed there."""
    change.proven_at = now(tx)
    tx.flush()


def ask_hr(tx: Tx, change: AddressChange, lasts: timedelta) -> None:
    """The old mailbox cannot be read any more, so HR decides in its place, and gets time for it."""
    change.asked_hr_at = now(tx)
    change.expires_at = max(change.expires_at, now(tx) + lasts)
    tx.flush()


def settle(tx: Tx, change: AddressChange) -> bool:
    """Once both sides are there the address is the person's, proven and reachable; whether it is now."""
    if change.proven_at is None or change.approved_at is None or taken(tx, change):
        return False
    person = people.one(tx, change.person_id)
    people.set_private_email(tx, person, new_email(tx, change))
    people.prove(tx, person)
    drop(tx, change)
    return True


def drop(tx: Tx, change: AddressChange) -> None:
    """Forget a wish."""
    tx.delete(change)
    tx.flush()


_OLDEST = select(AddressChange).order_by(AddressChange.id).limit(MOST)
_EXPIRED = Sifted(AddressChange.id, _OLDEST.where(AddressChange.expires_at <= bindparam("at")).where)


def expired(tx: Tx, limit: int, those: Those = ALL) -> list[AddressChange]:
    """Wishes whose time is over."""
    return list(tx.scalars(*_EXPIRED(tx, those, at=now(tx), most=limit)))
