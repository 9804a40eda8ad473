"""The directory's index: one document per person and audience, found by the terms of `bot.names`.

Every term begins with the letter of its audience, and so does every term of a query, so nobody finds a person
by a field that is not shown to them. SQLite: FTS5 over our own terms; an erased term survives in FTS5 until
`optimize` (measured). PostgreSQL: the same terms as a `tsvector` under GIN; hits are found before anything
else is looked at, or the planner walks through all people for a miss (measured).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from sqlalchemy import (
    Date,
    ForeignKey,
    FromClause,
    Select,
    Text,
    UniqueConstraint,
    bindparam,
    column,
    insert,
    or_,
    select,
    table,
    text,
)  # fmt: skip
from sqlalchemy.orm import Mapped, mapped_column

from bot import names
from bot.visibility import Audience
from storage import people
from storage.columns import WHOLE, Row, Short, UtcDateTime, kept, words
from storage.engine import Tx, at_server, insert_all, now, skipped, today
from storage.people import Newcomer, Person, Profile
from storage.prepared import Prepared

LETTERS = {Audience.ALUMNI: "a", Audience.HR: "h"}
_VECTOR = "array_to_tsvector(string_to_array(terms, ' '))"
"""A document's terms as they are: PostgreSQL's own parser never sees them. The migrations make its index."""
MOST = 2000
"""So many hits are sorted; who has more types another word."""
_Terms = Callable[..., set[str]]
_FTS = table("search_fts", column("rowid"), column("terms"))


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


def index_new(tx: Tx, folk: Sequence[Newcomer]) -> None:
    """`index` of many people who are in no index yet."""
    terms = cache(names.terms)  # many work in few departments
    docs = [
        {"person_id": one.id, "audience": audience, "terms": found, "reading": one.kana or one.name}
        for one in folk
        for audience in (Audience.ALUMNI, Audience.HR)
        if (found := terms_of(one, audience, terms))
    ]
    insert_all(tx, SearchDoc.__table__, docs)
    if docs and _in_fts(tx):
        new = select(SearchDoc.id, SearchDoc.terms).where(SearchDoc.person_id.in_([one.id for one in folk]))
        tx.execute(insert(_FTS).from_select(["rowid", "terms"], new))


def forget(tx: Tx, person_id: str) -> None:
    """Take a person out of every index, and the terms themselves out of the file's index pages."""
    for doc in tx.scalars(select(SearchDoc).where(SearchDoc.person_id == person_id)).all():
        _delete(tx, doc)
        tx.delete(doc)
    tx.flush()
    if _in_fts(tx):
        tx.execute(text("INSERT INTO search_fts(search_fts) VALUES ('optimize')"))


def _in_fts(tx: Tx) -> bool:
    """Whether the terms are written into an index by hand; a server's index follows its table."""
    return not at_server(tx)


def _insert(tx: Tx, doc: SearchDoc) -> None:
    if doc.terms and _in_fts(tx):
        tx.execute(
            text("INSERT INTO search_fts(rowid, terms) VALUES (:id, :terms)"),
            {"id": doc.id, "terms": doc.terms},
        )


def _delete(tx: Tx, doc: SearchDoc) -> None:
    sql = "INSERT INTO search_fts(search_fts, rowid, terms) VALUES ('delete', :id, :terms)"
    if doc.terms and _in_fts(tx):
        tx.execute(text(sql), {"id": doc.id, "terms": doc.terms})


def terms_of(person: Person | Newcomer, audience: Audience, terms: _Terms = names.terms) -> str:
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
    found = {term for value in values if value for term in terms(value, field_prefix=letter)}
    if seen.kana or audience is Audience.HR:
        found |= terms(person.romaji, field_prefix=letter)
    return " ".join(sorted(found))


def match(query: str, audience: Audience, *, fts: bool = True) -> str | None:
    """A query as an expression of quoted terms, bound to the audience, for FTS5 or as a `tsquery`; `None`
    when nothing is left of it."""
    wanted = names.query_terms(query)
    letter = LETTERS[audience]
    terms = ((f"{letter}{one.term}", one.prefix) for one in wanted)
    if fts:
        return " AND ".join(f'"{term}"*' if prefix else f'"{term}"' for term, prefix in terms) or None
    return " & ".join(f"{_lexeme(term)}:*" if prefix else _lexeme(term) for term, prefix in terms) or None


def _lexeme(term: str) -> str:
    doubled = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


def find(tx: Tx, query: str, audience: Audience, page: int = 1, size: int = 10) -> Page:
    """People whom the audience may see and whose shown fields hold every word of the query, by reading
    order."""
    expression = match(query, audience, fts=_in_fts(tx))
    if expression is None:
        return Page((), page, more=False)
    given = {"match": expression, "size": size + 1, "skip": skipped(page, size)}
    given |= {"at": now(tx), "today": today(tx)}
    rows = _prepared(audience, _in_fts(tx)).rows(tx, given)
    return Page(tuple(people.profile_from(row, audience) for row in rows[:size]), page, len(rows) > size)


@cache
def _prepared(audience: Audience, fts: bool) -> Prepared:
    return Prepared(_statement(audience, fts=fts))


def _statement(audience: Audience, *, fts: bool = True) -> Select[tuple[object, ...]]:
    """The query of an audience, built once; `match`, `size`, `skip`, `at` and `today` are given at each
    call."""
    person, hits = Person.__table__, _in_fts5() if fts else _in_tsvector()
    at, today = bindparam("at", type_=UtcDateTime()), bindparam("today", type_=Date)
    found = select(hits.c.person_id, hits.c.reading).where(hits.c.audience == audience)
    if audience is Audience.ALUMNI:
        resting = or_(hits.c.rests_until.is_(None), hits.c.rests_until <= today)
        found = found.where(hits.c.opens_at <= at, resting)
    page = (
        found.order_by(hits.c.reading, hits.c.person_id)
        .limit(bindparam("size", type_=WHOLE))
        .offset(bindparam("skip", type_=WHOLE))
    ).subquery()
    query = select(*people.COLUMNS).join_from(page, person, page.c.person_id == person.c.id)
    query = query.order_by(page.c.reading, page.c.person_id)
    return query.where(people.shown_to_alumni(at, today)) if audience is Audience.ALUMNI else query


def _in_fts5() -> FromClause:
    sql = f"SELECT rowid AS hit FROM search_fts WHERE search_fts MATCH :match LIMIT {MOST}"  # noqa: S608
    hits, doc = text(sql).columns(column("hit")).subquery(), SearchDoc.__table__
    return select(doc).where(doc.c.id.in_(select(hits.c.hit))).subquery()


def _in_tsvector() -> FromClause:
    doc = SearchDoc.__table__
    matches = text(f"{_VECTOR} @@ CAST(:match AS tsquery)").bindparams(bindparam("match", type_=Text))
    return select(doc).where(matches).limit(MOST).cte("hits").prefix_with("MATERIALIZED")
