"""Leavers: one row is one stint's way out, from the first notice to the tied account.

The stages and the ways between them are the transition table of docs/house.md, kept here as code.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    false,
    func,
    select,
)  # fmt: skip
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from bot.errors import Conflict
from storage.aside import ALL, Sifted, Those
from storage.columns import Row, Short, kept, words
from storage.engine import MOST, Tx, insert_all, now, skipped, vault_of


class Stage(StrEnum):
    """Where a leaver stands."""

    ANNOUNCED = "announced"
    HELD = "held"
    ASKED = "asked"
    CONSENTED = "consented"
    LATER = "later"
    DECLINED = "declined"
    UNANSWERED = "unanswered"
    ENROLLED = "enrolled"
    JOINED = "joined"
    WITHDRAWN = "withdrawn"
    STRUCK = "struck"
    RETURNED = "returned"
    LEFT = "left"
    DECEASED = "deceased"


S = Stage
ENDED = frozenset({S.DECLINED, S.WITHDRAWN, S.STRUCK, S.RETURNED, S.LEFT, S.DECEASED})
BEFORE_ENROLMENT = frozenset({S.ANNOUNCED, S.HELD, S.ASKED, S.CONSENTED, S.LATER, S.DECLINED})
ENDS_BY_ITSELF = frozenset({S.DECLINED, S.UNANSWERED, S.LATER, S.WITHDRAWN, S.ENROLLED, S.JOINED, S.RETURNED})
"""Where `erase_at` is acted on; a leaver on hold waits for HR, unless they withdrew their consent."""
_ALWAYS = frozenset({S.STRUCK, S.DECEASED})
_GO = frozenset({S.LEFT})  # a member of an earlier stint may leave the network at any time

TRANSITIONS: dict[Stage, frozenset[Stage]] = {
    S.ANNOUNCED: frozenset({S.ASKED, S.DECLINED, S.HELD, S.WITHDRAWN, S.UNANSWERED}) | _ALWAYS | _GO,
    S.HELD: frozenset({S.ANNOUNCED, S.ASKED, S.CONSENTED, S.LATER, S.DECLINED, S.ENROLLED, S.UNANSWERED})
    | frozenset({S.WITHDRAWN, S.RETURNED})
    | _ALWAYS
    | _GO,
    S.ASKED: frozenset({S.CONSENTED, S.LATER, S.DECLINED, S.UNANSWERED, S.HELD, S.WITHDRAWN}) | _ALWAYS | _GO,
    S.CONSENTED: frozenset({S.ENROLLED, S.LATER, S.DECLINED, S.HELD, S.WITHDRAWN}) | _ALWAYS | _GO,
    S.LATER: frozenset({S.CONSENTED, S.DECLINED, S.ENROLLED, S.HELD, S.WITHDRAWN, S.LEFT, S.RETURNED})
    | _ALWAYS,
    S.DECLINED: frozenset({S.CONSENTED, S.LATER, S.WITHDRAWN}) | _ALWAYS | _GO,
    S.UNANSWERED: frozenset({S.ENROLLED, S.HELD, S.LEFT, S.RETURNED, S.WITHDRAWN}) | _ALWAYS,
    S.ENROLLED: frozenset({S.JOINED, S.HELD, S.LEFT, S.RETURNED}) | _ALWAYS,
    S.JOINED: frozenset({S.LEFT, S.RETURNED}) | _ALWAYS,
    S.WITHDRAWN: frozenset({S.ANNOUNCED}) | _ALWAYS | _GO,
    S.STRUCK: frozenset(),
    S.RETURNED: frozenset({S.DECEASED}) | _GO,
    S.LEFT: frozenset({S.DECEASED}),
    S.DECEASED: frozenset(),
}


class Leaver(Row):
    """A stint with a notice of leaving (退職予定者)."""

    __tablename__ = "leavers"
    __table_args__ = (
        UniqueConstraint("entity", "employee_number", "stint"),
        Index("ix_leavers_stage_ask_at", "stage", "ask_at"),
        Index("ix_leavers_stage_enrol_at", "stage", "enrol_at"),
        {
            "info": kept(
                "person", "leaving", "unanswered 90 days; else as long as the person", erased="blanked"
            )
        },
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    entity: Mapped[str] = mapped_column(String(64))
    employee_number: Mapped[str] = mapped_column(String(64))
    stint: Mapped[int]
    source: Mapped[str] = mapped_column(String(32))
    notice: Mapped[str] = mapped_column(String(64))
    last_day: Mapped[date]
    leaving_type: Mapped[str] = mapped_column(String(32))
    last_working_day: Mapped[date | None] = mapped_column(default=None)
    hired_on: Mapped[date | None] = mapped_column(default=None)
    department: Mapped[str] = mapped_column(Short, default="")
    title: Mapped[str] = mapped_column(Short, default="")
    manager: Mapped[str] = mapped_column(Short, default="")
    place: Mapped[str] = mapped_column(Short, default="")
    company_email: Mapped[str] = mapped_column(String(254), default="", repr=False)
    stage: Mapped[Stage] = mapped_column(words(Stage), default=Stage.ANNOUNCED)
    held_because: Mapped[str] = mapped_column(String(32), default="")
    held_at_stage: Mapped[str] = mapped_column(String(32), default="")
    released: Mapped[bool] = mapped_column(default=False)
    question: Mapped[str] = mapped_column(String(32), default="")
    stuck: Mapped[str] = mapped_column(String(64), default="")
    stuck_told: Mapped[str] = mapped_column(String(64), default="")
    invited: Mapped[int] = mapped_column(default=0)
    invited_at: Mapped[datetime | None] = mapped_column(default=None)
    asks: Mapped[int] = mapped_column(default=0)
    ask_at: Mapped[datetime | None] = mapped_column(default=None)
    asked_at: Mapped[datetime | None] = mapped_column(default=None)
    ask_again_at: Mapped[datetime | None] = mapped_column(default=None)
    answered_at: Mapped[datetime | None] = mapped_column(default=None)
    enrol_at: Mapped[datetime | None] = mapped_column(default=None)
    member_from: Mapped[datetime | None] = mapped_column(default=None)
    enrolled_at: Mapped[datetime | None] = mapped_column(default=None)
    later_at: Mapped[datetime | None] = mapped_column(default=None)
    erase_at: Mapped[datetime | None] = mapped_column(default=None, index=True)
    told_at: Mapped[datetime | None] = mapped_column(default=None)
    remind_at: Mapped[datetime | None] = mapped_column(default=None)
    changed_at: Mapped[datetime | None] = mapped_column(default=None)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy


class Suppression(Row):
    """A salted mark of somebody who said no or was erased, so that no import creates them again.

    Source: GDPR art. 17 and 21(3); the mark is an HMAC of entity and number, and names nobody.
    """

    __tablename__ = "suppressions"
    __table_args__ = ({"info": kept("none", "keeping a refusal", "for good")},)

    mark: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    last_day: Mapped[date]
    at: Mapped[datetime]
    for_good: Mapped[bool] = mapped_column(default=False, server_default=false())


def move(tx: Tx, leaver: Leaver, to: Stage) -> None:
    """Bring a leaver to another stage. Raises `Conflict` where the table knows no such way."""
    if to not in TRANSITIONS[leaver.stage]:
        raise Conflict("leavers.moved_on")
    leaver.stage, leaver.changed_at = to, now(tx)
    tx.flush()


def add(tx: Tx, leaver: Leaver) -> Leaver:
    """Keep a new leaver."""
    tx.add(leaver)
    tx.flush()
    return leaver


def add_all(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep many new leavers, each with the same columns."""
    insert_all(tx, Leaver.__table__, rows)


def get(tx: Tx, leaver_id: int) -> Leaver | None:
    """The leaver with this id."""
    return tx.get(Leaver, leaver_id)


def latest(tx: Tx, entity: str, employee_number: str) -> Leaver | None:
    """The newest stint of an employee number in a legal entity."""
    query = select(Leaver).where(Leaver.entity == entity, Leaver.employee_number == employee_number)
    return tx.scalar(query.order_by(Leaver.stint.desc()).limit(1))


Number = tuple[str, str]
"""Legal entity and employee number."""


def events(tx: Tx, numbers: Collection[Number]) -> dict[Number, str]:
    """Of which event the newest stint of each employee is; nothing of those who have none."""
    found: dict[Number, str] = {}
    for entity in {entity for entity, _ in numbers}:
        own = Leaver.employee_number.in_([number for where, number in numbers if where == entity])
        query = select(Leaver.employee_number, Leaver.notice).where(Leaver.entity == entity, own)
        rows = tx.execute(query.order_by(Leaver.stint))
        found |= {(entity, number): event for number, event in rows}
    return found


def of_person(tx: Tx, person_id: str) -> Leaver | None:
    """The newest stint of a person."""
    query = select(Leaver).where(Leaver.person_id == person_id).order_by(Leaver.id.desc())
    return tx.scalar(query.limit(1))


def stints(tx: Tx, person_id: str) -> Sequence[Leaver]:
    """Every stint of a person, oldest first."""
    return tx.scalars(select(Leaver).where(Leaver.person_id == person_id).order_by(Leaver.id)).all()


def leaving_still(tx: Tx, person_id: str) -> bool:
    """Whether somebody is on the way out and still holds the company account (until enrolment)."""
    query = select(Leaver.id).where(Leaver.person_id == person_id, _on_the_way(tx))
    return tx.scalar(query.limit(1)) is not None


def over(tx: Tx, person_id: str) -> bool:
    """Whether a person's way has ended (refused, erased, struck …); a record alone is no way in either."""
    row = of_person(tx, person_id)
    return row is None or row.stage in ENDED


Moment = InstrumentedAttribute[datetime | None]


def due(
    tx: Tx, column: Moment, stages: Collection[Stage], limit: int = 200, those: Those = ALL
) -> Sequence[Leaver]:
    """Leavers in one of the stages whose moment has come, oldest first; nobody is asked on the last day."""
    return tx.scalars(*_due(column, frozenset(stages))(tx, those, at=now(tx), most=limit)).all()


@cache
def _due(column: Moment, stages: frozenset[Stage]) -> Sifted:
    query = select(Leaver).where(Leaver.stage.in_(sorted(stages)), column <= bindparam("at"))
    if column is Leaver.ask_at:
        query = query.where(Leaver.enrol_at.is_(None) | (Leaver.enrol_at > bindparam("at")))
    return Sifted(Leaver.id, query.order_by(column, Leaver.id).limit(MOST).where)


def ending(tx: Tx, limit: int = 50) -> Sequence[Leaver]:
    """Leavers who are to be erased on some day, soonest first."""
    query = select(Leaver).where(Leaver.erase_at.is_not(None)).order_by(Leaver.erase_at, Leaver.id)
    return tx.scalars(query.limit(limit)).all()


_LIVE = select(Leaver).where(Leaver.stage.not_in(ENDED)).limit(MOST)
_UNTOLD = Sifted(Leaver.id, _LIVE.where(Leaver.told_at.is_(None)).order_by(Leaver.last_day, Leaver.id).where)
_NEAR = (Leaver.remind_at <= bindparam("at")) & (Leaver.ask_at > bindparam("at"))
_SOON = select(Leaver).where(Leaver.stage == Stage.ANNOUNCED, _NEAR).order_by(Leaver.ask_at)
_TO_REMIND = Sifted(Leaver.id, _SOON.limit(MOST).where)


def untold(tx: Tx, limit: int = 200, those: Those = ALL) -> Sequence[Leaver]:
    """Leavers about whom HR has not been told yet."""
    return tx.scalars(*_UNTOLD(tx, those, most=limit)).all()


def to_remind(tx: Tx, limit: int = 200, those: Those = ALL) -> Sequence[Leaver]:
    """Leavers whose first contact is near and of whom HR is to be reminded."""
    return tx.scalars(*_TO_REMIND(tx, those, at=now(tx), most=limit)).all()


INCIDENT = "incident"
"""Hinders nothing but what failed, which is tried again by itself."""
_WAITING = (Leaver.stage == Stage.ENROLLED, Leaver.stuck.in_(("", INCIDENT)), Leaver.question == "")
"""Whose invitation may be renewed: nothing hinders, and nothing is in question."""
_OLDEST = select(Leaver).where(*_WAITING, Leaver.invited_at <= bindparam("upto")).order_by(Leaver.invited_at)
_LAPSED = Sifted(Leaver.id, _OLDEST.limit(MOST).where)


def lapsed(tx: Tx, lasts: timedelta, limit: int = 200, those: Those = ALL) -> Sequence[Leaver]:
    """Enrolled leavers whose invitation went out so long ago that its code has expired."""
    return tx.scalars(*_LAPSED(tx, those, upto=now(tx) - lasts, most=limit)).all()


def next_lapse(tx: Tx, lasts: timedelta) -> datetime | None:
    """When the next invitation lapses."""
    query = select(func.min(Leaver.invited_at)).where(*_WAITING, Leaver.invited_at > now(tx) - lasts)
    oldest = tx.scalar(query)
    return oldest + lasts if oldest else None


def not_from(tx: Tx, source: str, limit: int = 500) -> Sequence[Leaver]:
    """Leavers of every feed but this one, in the order in which their notices came."""
    return tx.scalars(select(Leaver).where(Leaver.source != source).order_by(Leaver.id).limit(limit)).all()


_NEWS = _LIVE.where(Leaver.stuck != "", Leaver.stuck != Leaver.stuck_told)
_NEWLY_STUCK = Sifted(Leaver.id, _NEWS.order_by(Leaver.id).where)


def newly_stuck(tx: Tx, limit: int = 200, those: Those = ALL) -> Sequence[Leaver]:
    """Leavers whose hindrance HR has not been told of yet."""
    return tx.scalars(*_NEWLY_STUCK(tx, those, most=limit)).all()


def _on_the_way(tx: Tx) -> ColumnElement[bool]:
    return Leaver.stage.in_(BEFORE_ENROLMENT) & (Leaver.enrol_at > now(tx))


def leaving(tx: Tx) -> int:
    """How many are on the way out."""
    return tx.scalar(select(func.count()).select_from(Leaver).where(_on_the_way(tx))) or 0


def upcoming(tx: Tx, page: int = 1, size: int = 10) -> tuple[Sequence[Leaver], bool]:
    """Who leaves when: everybody on the way out, by last day; and whether there is a next page."""
    query = select(Leaver).where(_on_the_way(tx)).order_by(Leaver.last_day, Leaver.id)
    rows = tx.scalars(query.limit(size + 1).offset(skipped(page, size))).all()
    return rows[:size], len(rows) > size


def needing_hr(tx: Tx, limit: int = 20) -> Sequence[Leaver]:
    """What is stuck: held, undeliverable, or with a question that only HR can answer."""
    hindered = (Leaver.stage == Stage.HELD) | (Leaver.stuck != "") | (Leaver.question != "")
    query = select(Leaver).where(hindered, Leaver.stage.not_in(ENDED))
    return tx.scalars(query.order_by(Leaver.last_day, Leaver.id).limit(limit)).all()


def counts(tx: Tx) -> dict[Stage, int]:
    """How many leavers stand at each stage."""
    rows = tx.execute(select(Leaver.stage, func.count()).group_by(Leaver.stage)).all()
    return {stage: count for stage, count in rows}  # noqa: C416 - rows are not pairs to mypy


def next_moments(tx: Tx, limit: int = 5) -> list[tuple[datetime, str, Leaver]]:
    """What the clock will do next with leavers: (moment, which, leaver), soonest first."""
    wanted: tuple[tuple[Moment, frozenset[Stage]], ...] = (
        (Leaver.remind_at, frozenset({S.ANNOUNCED})),
        (Leaver.ask_at, frozenset({S.ANNOUNCED})),
        (Leaver.ask_again_at, frozenset({S.ASKED})),
        (Leaver.enrol_at, frozenset({S.ANNOUNCED, S.ASKED, S.CONSENTED})),
        (Leaver.member_from, frozenset({S.ENROLLED, S.JOINED})),
        (Leaver.later_at, frozenset({S.LATER})),
        (Leaver.erase_at, ENDS_BY_ITSELF - {S.WITHDRAWN}),
    )
    found: list[tuple[datetime, str, Leaver]] = []
    for column, stages in wanted:
        query = select(Leaver).where(Leaver.stage.in_(stages), column > now(tx)).order_by(column).limit(limit)
        found += [(getattr(leaver, column.key), column.key, leaver) for leaver in tx.scalars(query)]
    return sorted(found, key=lambda item: (item[0], item[2].id))[:limit]


def _mark(tx: Tx, entity: str, employee_number: str) -> bytes:
    salt = vault_of(tx).blind("suppression", "salt")
    return hmac.digest(salt, f"{entity}\0{employee_number}".encode(), hashlib.sha256)


def suppress(tx: Tx, leaver: Leaver, *, for_good: bool = False) -> None:
    """Keep the mark of somebody who must not be created again; a later leaving of theirs moves its date.

    `for_good`: of somebody who died, whatever dates a notice names.
    """
    mark = _mark(tx, leaver.entity, leaver.employee_number)
    known = tx.get(Suppression, mark)
    if known is None:
        tx.add(Suppression(mark=mark, last_day=leaver.last_day, at=now(tx), for_good=for_good))
    else:
        known.last_day, known.for_good = leaver.last_day, for_good
    tx.flush()


def lift(tx: Tx, leaver: Leaver) -> None:
    """Take the mark away again: they changed their mind."""
    mark = _mark(tx, leaver.entity, leaver.employee_number)
    tx.execute(delete(Suppression).where(Suppression.mark == mark))


def suppressed(tx: Tx, entity: str, employee_number: str) -> date | None:
    """The last day of the leaving to which this employee said no, or after which they were erased."""
    known = tx.get(Suppression, _mark(tx, entity, employee_number))
    return known.last_day if known is not None else None


def refusals(tx: Tx, numbers: Collection[Number]) -> dict[Number, Suppression]:
    """The marks of those of these employees who have one."""
    whose = {_mark(tx, *number): number for number in numbers}
    rows = tx.scalars(select(Suppression).where(Suppression.mark.in_(whose)))
    return {whose[row.mark]: row for row in rows}


def died(tx: Tx, entity: str, employee_number: str) -> bool:
    """Whether the mark of this number is that of somebody who died."""
    known = tx.get(Suppression, _mark(tx, entity, employee_number))
    return known is not None and known.for_good


def blank(tx: Tx, person_id: str) -> None:
    """Take out of every stint of a person what tells whose it was; stage and dates stay for the figures."""
    for leaver in stints(tx, person_id):
        leaver.employee_number = f"erased:{leaver.id}"
        leaver.company_email = leaver.manager = leaver.title = leaver.department = leaver.place = ""
        leaver.hired_on, leaver.notice = None, ""
    tx.flush()
