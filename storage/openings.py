"""Comeback openings (求人): what HR offers to alumni, and where each stands in a channel.

An opening's number is its id and never used again. Everybody who may learn of an interest in it is named on
it: its owner and a deputy, told by the key of their row of staff (`accounts.key_of`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    bindparam,
    case,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.exc import StaleDataError

from bot.errors import Conflict
from storage.aside import ALL, Sifted, Those
from storage.columns import Row, Short, kept, words
from storage.engine import MOST, Tx, now, skipped
from storage.outdated import Outdated


class Phase(StrEnum):
    """Where an opening stands; `proposed` waits for a second person."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    OPEN = "open"
    CLOSED = "closed"


class Employment(StrEnum):
    """How somebody would work (雇用形態)."""

    REGULAR = "regular"  # 正社員
    CONTRACT = "contract"  # 契約社員
    PART_TIME = "part_time"  # パート・アルバイト
    FREELANCE = "freelance"  # 業務委託
    SIDE_JOB = "side_job"  # 副業
    OTHER = "other"


class Remote(StrEnum):
    """Whether one may work from elsewhere."""

    NO = "no"
    PARTLY = "partly"
    FULLY = "fully"


CONDITIONS = ("grade", "service_years", "retirement_pay", "paid_leave", "probation")
"""What decides a return (処遇・等級, 勤続通算, 退職金, 年次有給, 試用期間): years of service are not added
up by themselves, so each is said."""


class Opening(Row):
    """One comeback opening; `edition` counts what readers would see changed, `version` guards two editors."""

    __tablename__ = "openings"
    __table_args__ = (
        Index("ix_openings_state_closes_on", "state", "closes_on"),
        {
            "info": kept("staff", "openings", "3 years after closing", whose=""),
            "sqlite_autoincrement": True,
        },
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    title: Mapped[str] = mapped_column(Short)
    closes_on: Mapped[date]
    owner: Mapped[str] = mapped_column(String(254))
    owner_name: Mapped[str] = mapped_column(Short)
    made_by: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[datetime]
    deputy: Mapped[str] = mapped_column(String(254), default="")
    deputy_name: Mapped[str] = mapped_column(Short, default="")
    department: Mapped[str] = mapped_column(Short, default="")
    place: Mapped[str] = mapped_column(Short, default="")
    remote: Mapped[Remote] = mapped_column(words(Remote), default=Remote.NO)
    employment: Mapped[Employment] = mapped_column(words(Employment), default=Employment.REGULAR)
    about: Mapped[str] = mapped_column(String(3000), default="")
    grade: Mapped[str] = mapped_column(String(300), default="")
    service_years: Mapped[str] = mapped_column(String(300), default="")
    retirement_pay: Mapped[str] = mapped_column(String(300), default="")
    paid_leave: Mapped[str] = mapped_column(String(300), default="")
    probation: Mapped[str] = mapped_column(String(300), default="")
    for_departments: Mapped[str] = mapped_column(Short, default="")
    for_skills: Mapped[str] = mapped_column(Short, default="")
    for_places: Mapped[str] = mapped_column(Short, default="")
    for_years: Mapped[int | None] = mapped_column(default=None)
    referable: Mapped[bool] = mapped_column(default=True)
    state: Mapped[Phase] = mapped_column(words(Phase), default=Phase.DRAFT)
    approved_by: Mapped[str] = mapped_column(String(120), default="")
    opened_at: Mapped[datetime | None] = mapped_column(default=None)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    warned_for: Mapped[date | None] = mapped_column(default=None)
    matched_upto: Mapped[str] = mapped_column(String(40), default="")
    edition: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy


class Posting(Row):
    """Where an opening stands in one channel: `remote` as the outbox tells it, which edition, and why not."""

    __tablename__ = "postings"
    __table_args__ = (
        UniqueConstraint("opening_id", "channel"),
        {"info": kept("none", "openings", "3 years after closing", whose="")},
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    opening_id: Mapped[int] = mapped_column(ForeignKey("openings.id"))
    channel: Mapped[str] = mapped_column(String(120))
    edition: Mapped[int] = mapped_column(default=0)
    dedup: Mapped[str] = mapped_column(String(120), default="")
    remote: Mapped[str] = mapped_column(String(200), default="")
    reason: Mapped[str] = mapped_column(String(64), default="")


@dataclass(frozen=True, slots=True)
class Page:
    """Openings of one page, and whether there is a next one."""

    rows: tuple[Opening, ...]
    more: bool


def add(tx: Tx, by: str, **values: Any) -> Opening:
    """A new draft; `by` is the address of whoever wrote it."""
    row = Opening(made_by=by, made_at=now(tx), **values)
    tx.add(row)
    tx.flush()
    return row


def get(tx: Tx, opening_id: int) -> Opening | None:
    """The opening with this number, whatever its state."""
    return tx.get(Opening, opening_id)


def is_open(row: Opening, today: date) -> bool:
    """Whether alumni may answer it: opened, and its last day not over."""
    return row.state is Phase.OPEN and row.closes_on >= today


def open_one(tx: Tx, opening_id: int, today: date) -> Opening | None:
    """The opening with this number, if alumni may answer it."""
    row = get(tx, opening_id)
    return row if row is not None and is_open(row, today) else None


def open_ones(tx: Tx, today: date, limit: int = 500) -> Sequence[Opening]:
    """Everything that alumni may answer, newest first."""
    query = select(Opening).where(Opening.state == Phase.OPEN, Opening.closes_on >= today)
    return tx.scalars(query.order_by(Opening.opened_at.desc(), Opening.id.desc()).limit(limit)).all()


def listed(tx: Tx, page: int = 1, size: int = 10, made_by: Collection[str] | None = None) -> Page:
    """All openings for HR (or those written from one of some addresses), what waits first, then the
    newest."""
    order = (Phase.PROPOSED, Phase.DRAFT, Phase.OPEN, Phase.CLOSED)
    rank = case({state: place for place, state in enumerate(order)}, value=Opening.state)
    query = select(Opening).order_by(rank, Opening.id.desc())
    if made_by is not None:
        query = query.where(Opening.made_by.in_(made_by))
    rows = tx.scalars(query.limit(size + 1).offset(skipped(page, size))).all()
    return Page(tuple(rows[:size]), len(rows) > size)


def edit(tx: Tx, row: Opening, version: int, **values: Any) -> None:
    """Take over what was changed in version `version`; readers of channels get the new words.

    Raises `Conflict` when somebody else changed it meanwhile.
    """
    if row.version != version:
        raise Conflict("post.changed_meanwhile")
    for name, value in values.items():
        setattr(row, name, value)
    row.edition += 1
    _flush(tx)


def drop(tx: Tx, row: Opening) -> None:
    """As if it had never been written. Raises `Conflict` for one that alumni have seen."""
    if row.state not in (Phase.DRAFT, Phase.PROPOSED) or row.opened_at is not None:
        raise Conflict("post.moved_on")
    tx.delete(row)
    tx.flush()


def propose(tx: Tx, row: Opening) -> None:
    """To a second person."""
    _move(tx, row, {Phase.DRAFT}, Phase.PROPOSED)


def back(tx: Tx, row: Opening) -> None:
    """To whoever wrote it, to be changed."""
    _move(tx, row, {Phase.PROPOSED}, Phase.DRAFT)


def publish(tx: Tx, row: Opening, by: str) -> None:
    """Open it to alumni; `by` is the address of who said so."""
    row.approved_by, row.opened_at, row.closed_at = by, now(tx), None
    row.matched_upto = ""
    _move(tx, row, {Phase.DRAFT, Phase.PROPOSED, Phase.CLOSED}, Phase.OPEN)


def renew(tx: Tx, row: Opening, closes_on: date) -> None:
    """Another last day; whoever is to be warned of it is warned anew."""
    row.closes_on, row.warned_for = closes_on, None
    row.edition += 1
    _flush(tx)


def close(tx: Tx, row: Opening) -> None:
    """Nobody can answer it any more."""
    row.closed_at = now(tx)
    _move(tx, row, {Phase.OPEN, Phase.DRAFT, Phase.PROPOSED}, Phase.CLOSED)


def warned(tx: Tx, row: Opening) -> None:
    """Its owner knows of the last day."""
    row.warned_for = row.closes_on
    tx.flush()


DONE = "done"
_OPEN = select(Opening).where(Opening.state == Phase.OPEN).order_by(Opening.id)
_UNWARNED = _OPEN.where(Opening.warned_for.is_distinct_from(Opening.closes_on))
_ENDING = Sifted(Opening.id, _UNWARNED.where(Opening.closes_on <= bindparam("upto")).limit(MOST).where)
_OVER = Sifted(Opening.id, _OPEN.where(Opening.closes_on < bindparam("today")).limit(MOST).where)
_LASTS = _OPEN.where(Opening.closes_on >= bindparam("today"))
_STRANGERS = (one.not_in(bindparam("keys", expanding=True)) for one in (Opening.owner, Opening.deputy))
_UNANSWERABLE = Sifted(Opening.id, _LASTS.where(*_STRANGERS).where)
_UNMATCHED = Sifted(Opening.id, _LASTS.where(Opening.matched_upto != DONE).where)


def ending(tx: Tx, upto: date, those: Those = ALL) -> Sequence[Opening]:
    """Open ones whose last day is at most `upto` and whose owner has not been warned of it."""
    return tx.scalars(*_ENDING(tx, those, upto=upto, most=100)).all()


def over(tx: Tx, today: date, those: Those = ALL) -> Sequence[Opening]:
    """Open ones whose last day has passed."""
    return tx.scalars(*_OVER(tx, those, today=today, most=100)).all()


def unanswerable(tx: Tx, today: date, keys: Collection[str], those: Those = ALL) -> Sequence[Opening]:
    """Open ones whose owner and deputy are both not among those who run the network (by their keys)."""
    return tx.scalars(*_UNANSWERABLE(tx, those, today=today, keys=list(keys))).all()


def answered_by(tx: Tx, keys: Collection[str], limit: int = 50) -> Sequence[Opening]:
    """Openings whose owner or deputy has one of these keys, no drafts: open ones first, then the newest."""
    answers = Opening.owner.in_(keys) | Opening.deputy.in_(keys)
    query = select(Opening).where(answers, Opening.state.in_((Phase.OPEN, Phase.CLOSED)))
    return tx.scalars(query.order_by(Opening.state == Phase.CLOSED, Opening.id.desc()).limit(limit)).all()


def unmatched(tx: Tx, today: date, those: Those = ALL) -> Sequence[Opening]:
    """Open ones of which not everybody has heard whom they match (`matched`)."""
    return tx.scalars(*_UNMATCHED(tx, those, today=today)).all()


def matched(tx: Tx, opening_id: int, since: str, upto: str) -> bool:
    """How far telling people of it has come: `jobs/matches.py` says what stands there; at last `DONE`. False
    when it did not stand at `since` any more, and is left there.

    Past the `version`: whoever edits the opening at this moment is not in anybody's way.
    """
    own = (Opening.id == opening_id) & (Opening.matched_upto == since)
    done = tx.execute(update(Opening).where(own).values(matched_upto=upto))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _move(tx: Tx, row: Opening, allowed: set[Phase], to: Phase) -> None:
    if row.state not in allowed:
        raise Conflict("post.moved_on")
    row.state = to
    row.edition += 1
    _flush(tx)


def _flush(tx: Tx) -> None:
    try:
        tx.flush()
    except StaleDataError:
        raise Conflict("post.changed_meanwhile") from None


# --- in channels -------------------------------------------------------------------------------------------


def posting(tx: Tx, opening_id: int, channel: str) -> Posting:
    """Where an opening stands in a channel; made when it is asked for the first time."""
    row = tx.scalar(select(Posting).where(Posting.opening_id == opening_id, Posting.channel == channel))
    if row is None:
        row = Posting(opening_id=opening_id, channel=channel)
        tx.add(row)
        tx.flush()
    return row


def postings_of(tx: Tx, opening_id: int) -> dict[str, Posting]:
    """Where an opening stands or could not be put, by channel."""
    rows = tx.scalars(select(Posting).where(Posting.opening_id == opening_id))
    return {row.channel: row for row in rows}


def channels(tx: Tx) -> list[str]:
    """Every channel in which an opening stands, also one that nobody names any more."""
    return list(tx.scalars(select(Posting.channel).where(Posting.remote != "").distinct()))


def unposted(tx: Tx, channel: str, *, standing: bool = False, those: Those = ALL) -> Sequence[Opening]:
    """What a channel does not show as it is now, and nothing is under way: open ones, and closed ones that
    stand there; `standing`: nothing that does not stand there yet."""
    return tx.scalars(*_unposted(standing)(tx, those, channel=channel, most=50)).all()


@cache
def _unposted(standing: bool) -> Sifted:
    here = (Posting.opening_id == Opening.id) & (Posting.channel == bindparam("channel"))
    shown = (func.coalesce(Posting.edition, 0) < Opening.edition) & (func.coalesce(Posting.dedup, "") == "")
    stands = func.coalesce(Posting.remote, "") != ""
    wanted = Opening.state.in_((Phase.OPEN, Phase.CLOSED)) & stands
    if not standing:
        wanted |= Opening.state == Phase.OPEN
    query = select(Opening).outerjoin(Posting, here).where(shown, wanted)
    return Sifted(Opening.id, query.order_by(Opening.id).limit(MOST).where)


_QUEUED = select(Posting).where(Posting.dedup != "").order_by(Posting.id).limit(MOST)
_UNDER_WAY = Sifted(Posting.id, _QUEUED.where)


def under_way(tx: Tx, those: Those = ALL) -> Sequence[Posting]:
    """Postings whose message is in the outbox."""
    return tx.scalars(*_UNDER_WAY(tx, those, most=100)).all()


def queued(tx: Tx, posting: Posting, edition: int, dedup: str) -> None:
    """An edition is in the outbox under this name."""
    posting.edition, posting.dedup, posting.reason = edition, dedup, ""
    tx.flush()


def arrived(tx: Tx, posting: Posting, remote: str) -> None:
    """It stands there."""
    posting.dedup, posting.remote = "", remote
    tx.flush()


def refused(tx: Tx, posting: Posting, reason: str) -> None:
    """The channel did not take it; nothing is tried before HR says so, or the opening changes."""
    posting.dedup, posting.reason = "", reason
    tx.flush()


def vanished(tx: Tx, posting: Posting) -> None:
    """What stood there can no longer be edited: it is posted anew."""
    posting.dedup, posting.remote, posting.edition = "", "", 0
    tx.flush()


def again(tx: Tx) -> int:
    """Have everything tried again that a channel did not take; how many."""
    over = select(Opening.id).where(Opening.state == Phase.CLOSED)
    lost = (Posting.remote == "") & Posting.opening_id.in_(over)  # what never stood there need not say so
    query = update(Posting).where(Posting.reason != "", ~lost).values(edition=0, reason="")
    done = tx.execute(query.execution_options(synchronize_session="fetch"))
    return int(done.rowcount)  # type: ignore[attr-defined]


def closed_before(before: datetime) -> Select[int]:
    """The numbers of openings closed before a moment."""
    return select(Opening.id).where(Opening.closed_at < before)


def outdated(before: datetime) -> tuple[Outdated, ...]:
    """Openings closed before a moment, and before them where they stood."""
    postings = Outdated(Posting, Posting.opening_id.in_(closed_before(before)))
    return postings, Outdated(Opening, Opening.closed_at < before)
