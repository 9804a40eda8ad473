"""People: who they are, how they are reached, what they show; and the key under which their secrets lie.

A person row exists from the first notice of leaving on; only `member_from` makes an alumnus of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)  # fmt: skip
from sqlalchemy import Row as Fetched
from sqlalchemy.orm import Mapped, mapped_column

from bot import names
from bot.visibility import Audience, visible
from storage.columns import Row, Sealed, Short, kept, new_id, seal, unseal
from storage.engine import Among, Tx, insert_all, now, today, vault_of

PRIVATE_EMAIL = "people.private_email"


class Person(Row):
    """A human being in the network, or on the way into it."""

    __tablename__ = "people"
    __table_args__ = (
        {
            "info": kept(
                "person", "stay_in_touch", "until erased; unanswered 90 days", whose="id", erased="blanked"
            )
        },
    )

    id: Mapped[str] = mapped_column(
        String(40), primary_key=True, init=False, default_factory=lambda: new_id("p")
    )
    name: Mapped[str] = mapped_column(Short)
    kana: Mapped[str] = mapped_column(Short, default="")
    romaji: Mapped[str] = mapped_column(Short, default="")
    former_name: Mapped[str] = mapped_column(Short, default="")
    locale: Mapped[str] = mapped_column(String(8), default="ja")
    zone: Mapped[str] = mapped_column(String(64), default="Asia/Tokyo")
    employer: Mapped[str] = mapped_column(Short, default="")
    position: Mapped[str] = mapped_column(Short, default="")
    skills: Mapped[str] = mapped_column(Short, default="", server_default="")
    department: Mapped[str] = mapped_column(Short, default="")
    place: Mapped[str] = mapped_column(Short, default="")
    about: Mapped[str] = mapped_column(String(1000), default="")
    shown: Mapped[list[str]] = mapped_column(JSON, default_factory=list)
    listed: Mapped[bool] = mapped_column(default=False)
    mail_only: Mapped[bool] = mapped_column(default=False)
    confirmed_on: Mapped[date | None] = mapped_column(default=None)
    member_from: Mapped[datetime | None] = mapped_column(default=None, index=True)
    paused_until: Mapped[date | None] = mapped_column(default=None)
    left_at: Mapped[datetime | None] = mapped_column(default=None)
    private_email: Mapped[bytes | None] = mapped_column(Sealed, default=None, repr=False)
    private_email_blind: Mapped[bytes | None] = mapped_column(
        LargeBinary(16), default=None, index=True, repr=False
    )
    private_email_proven_at: Mapped[datetime | None] = mapped_column(default=None)
    unreachable: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy


class PersonKey(Row):
    """The key of one person, wrapped by the key ring. Deleting the row destroys all sealed values."""

    __tablename__ = "person_keys"
    __table_args__ = ({"info": kept("person", "security", "until erased")},)

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary, repr=False)


class Skill(Row):
    """One thing somebody can do, as `names.skills` compares it; kept in step by `set_skills` alone.

    Here whether it is shown or not, so that openings find whom they suit: nobody else is to learn of it.
    """

    __tablename__ = "skills"
    __table_args__ = (
        Index(None, "word", "person_id"),
        {"info": kept("person", "openings", "until changed or erased")},
    )

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    word: Mapped[str] = mapped_column(String(names.LONGEST_SKILL), primary_key=True)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a viewer may see of a person; hidden fields are empty, exactly like fields never filled in."""

    id: str
    name: str
    kana: str = ""
    former_name: str = ""
    employer: str = ""
    position: str = ""
    skills: str = ""
    department: str = ""
    place: str = ""
    about: str = ""
    confirmed_on: date | None = None


def add(tx: Tx, name: str, **values: Any) -> Person:
    """Create a person with a key of their own."""
    person = Person(name=name, **values)
    tx.add(person)
    tx.flush()
    key = vault_of(tx).wrap(secrets.token_bytes(32), f"person_keys:{person.id}")
    tx.add(PersonKey(person_id=person.id, wrapped=key))
    tx.flush()
    if person.skills:
        set_skills(tx, person, person.skills)
    return person


@dataclass(slots=True)
class Newcomer:
    """Somebody who is not known yet, as a feed names them: a `Person` before there is one."""

    name: str
    locale: str
    zone: str
    kana: str = ""
    romaji: str = ""
    former_name: str = ""
    department: str = ""
    place: str = ""
    email: str = field(default="", repr=False)
    id: str = field(default_factory=lambda: new_id("p"))
    employer: ClassVar = ""
    position: ClassVar = ""
    skills: ClassVar = ""
    about: ClassVar = ""
    shown: ClassVar = ()
    listed: ClassVar = False
    confirmed_on: ClassVar = None
    member_from: ClassVar = None
    paused_until: ClassVar = None


_NEW = ("id", "name", "locale", "zone", "kana", "romaji", "former_name", "department", "place")


def add_all(tx: Tx, folk: Sequence[Newcomer]) -> None:
    """Keep many new people, each with a key of their own and, if there is one, an address to be proven."""
    rows, keys, vault = [], [], vault_of(tx)
    for one in folk:
        key, blind, sealed = secrets.token_bytes(32), None, None
        if one.email:
            blind = vault.blind_email(one.email)
            sealed = seal(key, one.email.encode(), f"{PRIVATE_EMAIL}:{one.id}")
        keys.append({"person_id": one.id, "wrapped": vault.wrap(key, f"person_keys:{one.id}")})
        row: dict[str, Any] = {name: getattr(one, name) for name in _NEW}
        rows.append(row | {"shown": [], "private_email": sealed, "private_email_blind": blind})
    insert_all(tx, Person.__table__, rows)
    insert_all(tx, PersonKey.__table__, keys)


def get(tx: Tx, person_id: str) -> Person | None:
    """The person with this id."""
    return tx.get(Person, person_id)


_SOME = Among(Person.id, lambda these: select(Person).where(these))


def some(tx: Tx, ids: Collection[str]) -> dict[str, Person]:
    """Those of these people who are known, by their ids."""
    return {person.id: person for person in tx.scalars(*_SOME(tx, ids))}


def one(tx: Tx, person_id: str) -> Person:
    """The person who must be there. Raises `NoResultFound`."""
    return tx.get_one(Person, person_id)


def _key(tx: Tx, person_id: str) -> bytes:
    row = tx.get_one(PersonKey, person_id)
    return vault_of(tx).unwrap(row.wrapped, f"person_keys:{person_id}")


def seal_for(tx: Tx, person_id: str, place: str, text: str) -> bytes:
    """Seal a text with the person's key, bound to `place` (`table.column`) and the person."""
    return seal(_key(tx, person_id), text.encode(), f"{place}:{person_id}")


def sealer(tx: Tx, people: Collection[str]) -> Callable[[str, str, str], bytes]:
    """`seal_for` of many people, whose keys are fetched at once: (person, place, text) -> bytes. It raises
    `KeyError` for somebody who has no key (any more)."""
    keys = _keys(tx, people)
    return lambda person, place, text: seal(keys(person), text.encode(), f"{place}:{person}")


def opener(tx: Tx, people: Collection[str]) -> Callable[[str, str, bytes], str]:
    """`open_for` of many people, likewise: (person, place, bytes) -> text."""
    keys = _keys(tx, people)
    return lambda person, place, blob: unseal(keys(person), blob, f"{place}:{person}").decode()


_ROW = PersonKey.__table__.c
_KEYS = Among(_ROW.person_id, lambda theirs: select(_ROW.person_id, _ROW.wrapped).where(theirs))


def _keys(tx: Tx, people: Collection[str]) -> Callable[[str], bytes]:
    wrapped, vault = dict(tx.execute(*_KEYS(tx, people)).all()), vault_of(tx)
    return lambda person: vault.unwrap(wrapped[person], f"person_keys:{person}")


def open_for(tx: Tx, person_id: str, place: str, blob: bytes) -> str:
    """Open what `seal_for` made. Raises `InvalidTag` when the value belongs elsewhere, `NoResultFound` when
    erased."""
    return unseal(_key(tx, person_id), blob, f"{place}:{person_id}").decode()


def introduce(tx: Tx, person: Person, name: str, kana: str, locale: str) -> None:
    """What somebody says who is not known yet."""
    person.name, person.kana, person.locale = name, kana, locale
    tx.flush()


def set_private_email(tx: Tx, person: Person, email: str | None) -> None:
    """Keep a private address, sealed and not yet proven; the same address again keeps its proof."""
    blind = vault_of(tx).blind_email(email) if email else None
    if blind == person.private_email_blind:
        return
    person.private_email = seal_for(tx, person.id, PRIVATE_EMAIL, email) if email else None
    person.private_email_blind, person.private_email_proven_at = blind, None
    person.unreachable = ""
    tx.flush()


def prove(tx: Tx, person: Person) -> None:
    """The private mailbox is the person's, and mail reaches it."""
    person.private_email_proven_at, person.unreachable = now(tx), ""
    tx.flush()


def lose(tx: Tx, person: Person, reason: str) -> bool:
    """The private mailbox takes no mail any more; false when that was known."""
    known, person.unreachable = person.unreachable, reason
    tx.flush()
    return not known


def private_email(tx: Tx, person: Person) -> str | None:
    """The private address in the clear: only for delivery and for the person themselves."""
    if person.private_email is None:
        return None
    return open_for(tx, person.id, PRIVATE_EMAIL, person.private_email)


def by_proven_email(tx: Tx, email: str) -> Person | None:
    """Who proved this private address; nobody when two people did (then a code must decide)."""
    query = select(Person).where(
        Person.private_email_blind == vault_of(tx).blind_email(email),
        Person.private_email_proven_at.is_not(None),
        Person.left_at.is_(None),
    )
    found = tx.scalars(query.limit(2)).all()
    return found[0] if len(found) == 1 else None


def is_member(person: Person | Fetched[Any], at: datetime) -> bool:
    """Whether the person is an alumnus at this moment (from 00:00 after the last day).

    A person, or a row with `left_at` and `member_from`.
    """
    return person.left_at is None and person.member_from is not None and person.member_from <= at


_FIELDS = ("name", "kana", "former_name", "employer", "position", "skills", "department", "place", "about")
_PERSON = Person.__table__.c  # columns of the table: reading rows is three times as fast as loading objects
COLUMNS = tuple(_PERSON[f] for f in ("id", *_FIELDS, "confirmed_on", "shown", "listed"))


def profile_from(row: Any, audience: Audience) -> Profile:
    """Cut a row of `COLUMNS` down to what the audience may see."""
    fields = visible(audience, row.shown, listed=row.listed)
    values = {f: getattr(row, f) if f in fields else "" for f in _FIELDS}
    return Profile(id=row.id, confirmed_on=row.confirmed_on if fields else None, **values)


def shown_to_alumni(at: Any, today: Any) -> Any:
    """The condition under which other alumni may find somebody at a moment (`at`) of a day (`today`)."""
    return and_(
        _PERSON.listed,
        _PERSON.left_at.is_(None),
        _PERSON.member_from <= at,
        or_(_PERSON.paused_until.is_(None), _PERSON.paused_until <= today),
    )


def profile(tx: Tx, person_id: str, audience: Audience) -> Profile | None:
    """One person as an audience sees them; nobody when they may not be seen at all."""
    query = select(*COLUMNS).where(_PERSON.id == person_id)
    if audience is Audience.ALUMNI:
        query = query.where(shown_to_alumni(now(tx), today(tx)))
    row = tx.execute(query).one_or_none()
    return profile_from(row, audience) if row else None


def unlist(tx: Tx, person: Person) -> None:
    """Out of the directory; what they would show is kept for when they come back."""
    person.listed = False
    tx.flush()


def forget_private(tx: Tx, person: Person) -> None:
    """Drop the private address and everything the person showed (a withdrawn notice, a refusal)."""
    set_private_email(tx, person, None)
    person.listed, person.shown = False, []
    tx.flush()


def erase(tx: Tx, person_id: str) -> None:
    """Make a person unreadable: the key goes first, then every field; the row stays as an empty shell.

    Source: GDPR art. 17; 個人情報保護法 35条. The shell keeps foreign keys and journal subjects meaningful.
    """
    row = tx.get(PersonKey, person_id)
    if row is not None:
        tx.delete(row)
    tx.execute(delete(Skill).where(Skill.person_id == person_id))
    blank: dict[str, Any] = dict.fromkeys((*_FIELDS, "romaji", "unreachable"), "")
    tx.execute(
        update(Person)
        .where(Person.id == person_id)
        .values(
            **blank,
            shown=[],
            listed=False,
            mail_only=False,
            paused_until=None,
            confirmed_on=None,
            member_from=None,
            left_at=now(tx),
            private_email=None,
            private_email_blind=None,
            private_email_proven_at=None,
            version=Person.version + 1,
        )
        .execution_options(synchronize_session="fetch")
    )


def confirm(person: Person, on: date, fields: dict[str, str], shown: Collection[str], listed: bool) -> None:
    """Take over what the owner entered and showed, on the day they said so; skills go to `set_skills`."""
    for name, value in fields.items():
        setattr(person, name, value)
    person.shown, person.listed, person.confirmed_on = sorted(shown), listed, on


def set_skills(tx: Tx, person: Person, text: str) -> None:
    """Take over what somebody can do, as typed (at most 200 characters), and word by word for matching."""
    person.skills = text
    tx.flush()
    tx.execute(delete(Skill).where(Skill.person_id == person.id))
    if found := names.skills(text):
        tx.execute(insert(Skill), [{"person_id": person.id, "word": word} for word, _ in found])
