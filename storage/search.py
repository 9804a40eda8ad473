"""The directory's index: one document per person and audience, found by the terms of `bot.names`.

Every term begins with the letter of its audience, and so does every term of a query, so nobody finds a person
by a field that is not shown to them. SQLite: FTS5 over our own terms; an erased term survives in FTS5 until
`optimize` (measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from sqlalchemy import (
    Date,
    Dialect,
    ForeignKey,
    Integer,
    Select,
    Text,
    UniqueConstraint,
    bindparam,
    column,
    or_,
    select,
    text,
)  # fmt: skip
from sqlalchemy.orm import Mapped, mapped_column

from bot import names
from bot.visibility import Audience
from storage import people
from storage.columns import Row, Short, UtcDateTime, kept, words
from storage.engine import Tx, now, today
from storage.people import Person, Profile
from storage.prepared import Prepared

LETTERS = {Audience.ALUMNI: "a", Audience.HR: "h"}


class SearchDoc(Row):
    """The terms under which one audience finds one person."""

    __tablename__ = "search_docs"
    __table_args__ = (
        UniqueConstraint("person_id", "audience"),
        {"info": kept("person", "stay_in_touch", "as long as the person is a member")},
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    audience: Mapped[Audience] = mapped_column(words(Audience))
    terms: Mapped[str] = mapped_column(Text)
    reading: Mapped[str] = mapped_column(Short)
    opens_at: Mapped[datetime | None] = mapped_column(default=None)
    rests_until: Mapped[date | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of hits; `more` when there is a next one."""

    hits: tuple[Profile, ...]
    number: int
    more: bool


def index(tx: Tx, person: Person) -> None:
    """Bring the index in step with a person, in the same transaction as the change.

    Order and times stand beside the terms, so that a look-up sorts what it found without fetching people.
    """
    for audience in (Audience.ALUMNI, Audience.HR):
        wanted = terms_of(person, audience)
        doc = tx.scalar(
            select(SearchDoc).where(SearchDoc.person_id == person.id, SearchDoc.audience == audience)
        )
        if doc is None and not wanted:
            continue
        if doc is None:
            doc = SearchDoc(person_id=person.id, audience=audience, terms="", reading="")
            tx.add(doc)
            tx.flush()
        if doc.terms != wanted:
            _delete(tx, doc)
            doc.terms = wanted
            _insert(tx, doc)
        doc.reading, doc.opens_at, doc.rests_until = (
            person.kana or person.name,
            person.member_from,
            person.paused_until,
        )
        tx.flush()


def forget(tx: Tx, person_id: str) -> None:
    """Take a person out of every index, and the terms themselves out of the file's index pages."""
    for doc in tx.scalars(select(SearchDoc).where(SearchDoc.person_id == person_id)).all():
        _delete(tx, doc)
        tx.delete(doc)
    tx.flush()
    tx.execute(text("INSERT INTO search_fts(search_fts) VALUES ('optimize')"))


def _insert(tx: Tx, doc: SearchDoc) -> None:
    if doc.terms:
        tx.execute(
            text("INSERT INTO search_fts(rowid, terms) VALUES (:id, :terms)"),
            {"id": doc.id, "terms": doc.terms},
        )


def _delete(tx: Tx, doc: SearchDoc) -> None:
    sql = "INSERT INTO search_fts(search_fts, rowid, terms) VALUES ('delete', :id, :terms)"
    if doc.terms:
        tx.execute(text(sql), {"id": doc.id, "terms": doc.terms})


def terms_of(person: Person, audience: Audience) -> str:
    """Everything under which an audience finds a person, one space between; "" when it may not see them."""
    seen = people.profile_from(person, audience)
    if not seen.name:
        return ""
    values = (
        seen.name,
        seen.kana,
        seen.former_name,
        seen.employer,
        seen.position,
        seen.skills,
        seen.department,
        seen.place,
    )
    letter = LETTERS[audience]
    found = {term for value in values for term in names.terms(value, field_prefix=letter)}
    if seen.kana or audience is Audience.HR:
        found |= names.terms(person.romaji, field_prefix=letter)
    return " ".join(sorted(found))


def match(query: str, audience: Audience) -> str | None:
    """A query as an FTS5 expression of quoted terms, bound to the audience; `None` when nothing is left of
    it."""
    wanted = names.query_terms(query)
    if not wanted:
        return None
    letter = LETTERS[audience]
    return " AND ".join(f'"{letter}{w.term}"*' if w.prefix else f'"{letter}{w.term}"' for w in wanted)


def find(tx: Tx, query: str, audience: Audience, page: int = 1, size: int = 10) -> Page:
    """People whom the audience may see and whose shown fields hold every word of the query, by reading
    order."""
    expression = match(query, audience)
    if expression is None:
        return Page((), page, more=False)
    given = {"match": expression, "size": size + 1, "skip": (page - 1) * size}
    given |= {"at": now(tx), "today": today(tx)}
    rows = _prepared(audience, tx.get_bind().dialect).rows(tx, given)
    return Page(tuple(people.profile_from(row, audience) for row in rows[:size]), page, len(rows) > size)


@cache
def _prepared(audience: Audience, dialect: Dialect) -> Prepared:
    return Prepared(_statement(audience), dialect)


def _statement(audience: Audience) -> Select[tuple[object, ...]]:
    """The query of an audience, built once; `match`, `size`, `skip`, `at` and `today` are given at each
    call."""
    hits = text("SELECT rowid AS hit FROM search_fts WHERE search_fts MATCH :match LIMIT 2000").columns(
        column("hit")
    )
    person, doc = Person.__table__, SearchDoc.__table__
    at, today = bindparam("at", type_=UtcDateTime()), bindparam("today", type_=Date)
    found = select(doc.c.person_id, doc.c.reading).where(
        doc.c.id.in_(select(hits.subquery().c.hit)), doc.c.audience == audience
    )
    if audience is Audience.ALUMNI:
        resting = or_(doc.c.rests_until.is_(None), doc.c.rests_until <= today)
        found = found.where(doc.c.opens_at <= at, resting)
    page = (
        found.order_by(doc.c.reading, doc.c.person_id)
        .limit(bindparam("size", type_=Integer))
        .offset(bindparam("skip", type_=Integer))
    ).subquery()
    query = select(*people.COLUMNS).join_from(page, person, page.c.person_id == person.c.id)
    query = query.order_by(page.c.reading, page.c.person_id)
    return query.where(people.shown_to_alumni(at, today)) if audience is Audience.ALUMNI else query
