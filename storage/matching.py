"""Whom an opening suits, asked of the database: how many it is for, who of them is to be told, one person.

SQL decides members, skills (the indexed table), last days, consent and rest. Departments and places are words
and compared by `bot.matching` itself, for a count once per pair that anybody wrote, for people one by one: so
what SQL lets through and what the pure rule says cannot differ. The former department is the latest stint's;
where HR's feed says none, what the person says.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select

from bot import matching
from bot.cadence import months_after
from bot.matching import Says, Seeker, Sought, Told
from storage import people
from storage.consents import Consent, Decision, Purpose
from storage.engine import Tx, now, today
from storage.leavers import Leaver
from storage.openings import Opening
from storage.people import Person, Skill
from storage.wishes import Wish

REST = timedelta(days=7)
"""At most one message about openings to a person within this time."""
_P, _L, _S = Person.__table__.c, Leaver.__table__.c, Skill.__table__.c
_W, _C = Wish.__table__.c, Consent.__table__.c


@dataclass(frozen=True, slots=True)
class Batch:
    """People to be told, by id; `upto` is the last id that was looked at, "" when nobody comes after."""

    seekers: tuple[Seeker, ...]
    upto: str


def says(row: Opening, day: date) -> Says:
    """What an opening says on a day; `for_years` takes who left within so many years."""
    since = None if row.for_years is None else months_after(day, -12 * row.for_years)
    return Says(
        row.title, row.about, row.department, row.place, row.remote.value, row.employment.value,
        row.for_skills, row.for_departments, row.for_places, since,
    )  # fmt: skip


def sought(row: Opening, day: date) -> Sought:
    """An opening as it is compared with people on a day."""
    return matching.sought(says(row, day))


def reach(tx: Tx, row: Opening) -> int:
    """How many members an opening is for, whatever they allow or pause; the row may be unsaved."""
    opening = sought(row, today(tx))
    pair = (
        _department() if opening.departments else literal("").label("department"),
        _P.place if opening.places else literal("").label("place"),
    )
    query = select(*pair, func.count().label("people")).select_from(Person.__table__)
    if opening.departments or opening.since:
        query = query.outerjoin(Leaver.__table__, _latest_stint())
    rows = tx.execute(query.where(*_in_segment(tx, opening)).group_by(*pair))
    return sum(found.people for found in rows if matching.suits(opening, found.department, found.place))


def seekers(tx: Tx, row: Opening, after: str, limit: int) -> Batch:
    """The next people after an id whom an opening is for and who are to be told of openings: they allowed it
    and wish it, do not pause, and heard of none within `REST`. At most `limit` are looked at."""
    opening = sought(row, today(tx))
    query = _told().where(*_in_segment(tx, opening), *_to_be_told(tx), _W.person_id > after)
    rows = tx.execute(query.order_by(_W.person_id).limit(limit)).all()
    known: dict[tuple[str, str], bool] = {}  # few departments and places are many people's

    def suits(one: Any) -> bool:
        pair = one.department, one.place
        if pair not in known:
            known[pair] = matching.suits(opening, *pair)
        return known[pair]

    found = tuple(_seeker(one) for one in rows if suits(one))
    return Batch(found, rows[-1].person_id if len(rows) == limit else "")


def may_hear(tx: Tx, person: Person, wish: Wish) -> bool:
    """Whether one person is still to be told, as `seekers` found them; consent is the outbox's to ask for."""
    awake = person.paused_until is None or person.paused_until <= today(tx)
    rested = wish.told_at is None or wish.told_at <= now(tx) - REST
    return people.is_member(person, now(tx)) and wish.tell and awake and rested


def seeker(tx: Tx, person_id: str) -> Seeker | None:
    """One person as openings are compared with, whatever they allow."""
    return these(tx, [person_id]).get(person_id)


def these(tx: Tx, ids: Collection[str]) -> dict[str, Seeker]:
    """`seeker` of each of these people, by id."""
    query = _told(outer=True).where(_P.id.in_(ids))
    return {found.person_id: _seeker(found) for found in tx.execute(query)}


def _told(*, outer: bool = False) -> Select[Any]:
    wishes, everybody = Wish.__table__, Person.__table__
    start = (
        everybody.outerjoin(wishes, _W.person_id == _P.id)
        if outer
        else wishes.join(everybody, _W.person_id == _P.id)
    )
    query = select(
        _P.id.label("person_id"), _P.skills, _P.place, _department(), _L.last_day,
        _W.keywords, _W.places, _W.employments, _W.remote,
    )  # fmt: skip
    return query.select_from(start.outerjoin(Leaver.__table__, _latest_stint()))


def _seeker(found: Any) -> Seeker:
    return matching.seeker(Told(
        found.person_id, found.skills, found.place, found.department, found.last_day, found.keywords or "",
        found.places or "", tuple(found.employments or ()), bool(found.remote),
    ))  # fmt: skip


def _department() -> ColumnElement[str]:
    return func.coalesce(func.nullif(_L.department, ""), _P.department).label("department")


def _latest_stint() -> ColumnElement[bool]:
    other = Leaver.__table__.alias("other").c
    newest = select(func.max(other.id)).where(other.person_id == _P.id).scalar_subquery()
    return _L.id == newest


def _in_segment(tx: Tx, opening: Sought) -> list[ColumnElement[bool]]:
    """Members with one of the skills who left late enough; departments and places are left to the rule."""
    found: list[ColumnElement[bool]] = [_P.left_at.is_(None), _P.member_from <= now(tx)]
    if opening.skills:
        words = [word for word, _ in opening.skills]
        found.append(_P.id.in_(select(_S.person_id).where(_S.word.in_(words))))
    if opening.since:
        found.append(_L.last_day >= opening.since)
    return found


def _to_be_told(tx: Tx) -> list[ColumnElement[bool]]:
    said = select(_C.decision).where(_C.person_id == _W.person_id, _C.purpose == Purpose.OPENINGS)
    last = said.order_by(_C.id.desc()).limit(1).scalar_subquery()
    rested = or_(_W.told_at.is_(None), _W.told_at <= now(tx) - REST)
    awake = or_(_P.paused_until.is_(None), _P.paused_until <= today(tx))
    return [_W.tell, and_(rested, awake), last == Decision.GIVEN]
