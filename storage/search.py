"""The directory's index: one document per person and audience, found by the terms of `bot.names`.

An audience is itself a term (it begins with `_`, which no query can), so nobody finds a person by a field that is
not shown to them. SQLite: FTS5 over our own terms; an erased term survives in FTS5 until `optimize` (measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import (
    Date, ForeignKey, Integer, Select, Text, UniqueConstraint, bindparam, column, func, select, text,
)  # fmt: skip
from sqlalchemy.orm import Mapped, mapped_column

from bot import names
from bot.visibility import Audience
from storage import people
from storage.columns import Row, UtcDateTime, kept, words
from storage.engine import Tx, now
from storage.people import Person, Profile



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


@dataclass(frozen=True, slots=True)
class Page:
    """One page of hits; `more` when there is a next one."""

    hits: tuple[Profile, ...]
    number: int
    more: bool


def index(tx: Tx, person: Person) -> None:
    """Bring the index in step with a person, in the same transaction as the change."""
    for audience in (Audience.ALUMNI, Audience.HR):
        wanted = _terms(person, audience)
        doc = tx.scalar(select(SearchDoc).where(SearchDoc.person_id == person.id, SearchDoc.audience == audience))
        if doc is None and wanted:
            doc = SearchDoc(person_id=person.id, audience=audience, terms=wanted)
            tx.add(doc)
            tx.flush()
            _insert(tx, doc)
        elif doc is not None and doc.terms != wanted:
            _delete(tx, doc)
            doc.terms = wanted
            tx.flush()
            _insert(tx, doc)


def forget(tx: Tx, person_id: str) -> None:
    """Take a person out of every index, and the terms themselves out of the file's index pages."""
    for doc in tx.scalars(select(SearchDoc).where(SearchDoc.person_id == person_id)).all():
        _delete(tx, doc)
        tx.delete(doc)
    tx.flush()
    tx.execute(text("INSERT INTO search_fts(search_fts) VALUES ('optimize')"))


def _insert(tx: Tx, doc: SearchDoc) -> None:
    tx.execute(text("INSERT INTO search_fts(rowid, terms) VALUES (:id, :terms)"), {"id": doc.id, "terms": doc.terms})


def _delete(tx: Tx, doc: SearchDoc) -> None:
    sql = "INSERT INTO search_fts(search_fts, rowid, terms) VALUES ('delete', :id, :terms)"
    tx.execute(text(sql), {"id": doc.id, "terms": doc.terms})


def _terms(person: Person, audience: Audience) -> str:
    seen = people.profile_from(person, audience)
    if not seen.name:
        return ""
    values = (seen.name, seen.kana, seen.former_name, seen.employer, seen.position, seen.department, seen.place)
    found = {term for value in values for term in names.terms(value)}
    if seen.kana or audience is Audience.HR:
        found |= names.terms(person.romaji)
    return " ".join((f"_{audience.value}", *sorted(found)))


def match(query: str, audience: Audience) -> str | None:
    """A query as an FTS5 expression of quoted terms, bound to the audience; `None` when nothing is left of it."""
    wanted = names.query_terms(query)
    if not wanted:
        return None
    terms = [f'"{w.term}"*' if w.prefix else f'"{w.term}"' for w in wanted]
    return " AND ".join((*terms, f'"_{audience.value}"'))


def find(tx: Tx, query: str, audience: Audience, page: int = 1, size: int = 10) -> Page:
    """People whom the audience may see and whose shown fields hold every word of the query, by reading order."""
    expression = match(query, audience)
    if expression is None:
        return Page((), page, more=False)
    at = now(tx)
    given = {"match": expression, "size": size + 1, "skip": (page - 1) * size, "at": at, "today": at.date()}
    rows = tx.execute(_statement(audience), given).all()
    return Page(tuple(people.profile_from(row, audience) for row in rows[:size]), page, len(rows) > size)


@cache
def _statement(audience: Audience) -> Select[tuple[object, ...]]:
    """The query of an audience, built once; `match`, `size`, `skip`, `at` and `today` are given at each call."""
    hits = text("SELECT rowid AS hit FROM search_fts WHERE search_fts MATCH :match LIMIT 2000").columns(column("hit"))
    person, doc = Person.__table__, SearchDoc.__table__
    query = (
        select(*people.COLUMNS)
        .join_from(person, doc, doc.c.person_id == person.c.id)
        .where(doc.c.id.in_(select(hits.subquery().c.hit)), doc.c.audience == audience)
        .order_by(func.coalesce(func.nullif(person.c.kana, ""), person.c.name), person.c.id)
        .limit(bindparam("size", type_=Integer))
        .offset(bindparam("skip", type_=Integer))
    )
    if audience is not Audience.ALUMNI:
        return query
    shown = people.shown_to_alumni(bindparam("at", type_=UtcDateTime()), bindparam("today", type_=Date))
    return query.where(shown)
