"""Consents: what a person allowed, in which words, where and when. Rows are only ever added.

Source: 個人情報保護法 17, 18, 27条; GDPR art. 7 (proof of consent, withdrawal as easy as giving it).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, String, bindparam, func, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Row, kept, words
from storage.engine import Among, Tx, now


class Purpose(StrEnum):
    """What a message is for. The first five need a consent, the others never do."""

    STAY_IN_TOUCH = "stay_in_touch"
    EVENTS = "events"
    OPENINGS = "openings"
    BUSINESS = "business"
    RESEARCH = "research"
    ASKING = "asking"  # the question itself, and what the person's own answer sets off
    PAPERS = "papers"  # statutory papers
    STAFF = "staff"  # to those who run the network


FREE = frozenset({Purpose.ASKING, Purpose.PAPERS, Purpose.STAFF})


class Decision(StrEnum):
    """What was said."""

    GIVEN = "given"
    LATER = "later"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Consent(Row):
    """One statement of a person about one purpose."""

    __tablename__ = "consents"
    __table_args__ = (
        Index("ix_consents_person_purpose", "person_id", "purpose", "id"),
        {
            "info": kept(
                "person",
                "proof of consent",
                "as long as the person, then as an unreadable id",
                erased="stays",
            )
        },
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    decision: Mapped[Decision] = mapped_column(words(Decision))
    wording: Mapped[str] = mapped_column(String(32))
    locale: Mapped[str] = mapped_column(String(8))
    channel: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Said:
    """How something was said: in which language, through which door (`slack`, `web` …), or by what
    it ended without a word of theirs (`feed`, `erased`)."""

    locale: str
    channel: str


WORDINGS: Mapping[Purpose, str] = {
    Purpose.STAY_IN_TOUCH: "stay-1",
    Purpose.EVENTS: "events-1",
    Purpose.OPENINGS: "openings-1",
    Purpose.BUSINESS: "business-1",
    Purpose.RESEARCH: "research-1",
}
"""The version of the words under which each consent is asked, until HR changes the words."""


def wording(tx: Tx, purpose: Purpose) -> str:
    """The version of the words under which a purpose is asked now, "" for one that needs no consent.

    What HR changed lies beside the transaction: `tx.info["wordings"]`, purpose -> version.
    """
    changed: Mapping[str, str] = tx.info.get("wordings", {})
    return changed.get(purpose) or WORDINGS.get(purpose, "")


def record(
    tx: Tx, person_id: str, decision: Decision, said: Said, purpose: Purpose = Purpose.STAY_IN_TOUCH
) -> None:
    """Add what the person said, now."""
    row = Consent(
        person_id=person_id, purpose=purpose, decision=decision, wording=wording(tx, purpose),
        locale=said.locale, channel=said.channel, at=now(tx),
    )  # fmt: skip
    tx.add(row)
    tx.flush()


def latest(tx: Tx, person_id: str) -> dict[Purpose, Consent]:
    """The last thing a person said about each purpose they ever said something about."""
    rows = tx.scalars(select(Consent).where(Consent.person_id == person_id).order_by(Consent.id))
    return {row.purpose: row for row in rows}


def decision(tx: Tx, person_id: str, purpose: Purpose = Purpose.STAY_IN_TOUCH) -> Decision | None:
    """The last thing a person said about a purpose."""
    query = select(Consent.decision).where(Consent.person_id == person_id, Consent.purpose == purpose)
    return tx.scalar(query.order_by(Consent.id.desc()).limit(1))


def given(tx: Tx, person_id: str) -> dict[Purpose, str]:
    """What a person allows now, and under which wording."""
    rows = latest(tx, person_id).items()
    return {purpose: row.wording for purpose, row in rows if row.decision is Decision.GIVEN}


def allows(tx: Tx, person_id: str | None, purpose: Purpose) -> bool:
    """Whether a message for this purpose may go to this person now."""
    if purpose in FREE:
        return True
    return person_id is not None and decision(tx, person_id, purpose) is Decision.GIVEN


def _given(theirs: ColumnElement[bool]) -> Select[str]:
    said = Consent.__table__.c
    newest = select(func.max(said.id)).where(theirs & (said.purpose == bindparam("purpose")))
    last = said.id.in_(newest.group_by(said.person_id))
    return select(said.person_id).where(last, said.decision == Decision.GIVEN)


_GIVEN = Among(Consent.person_id, _given)


def allowing(tx: Tx, people: Collection[str], purpose: Purpose) -> set[str]:
    """Those of these people who allow messages for a purpose now: `allows` for many at once."""
    if purpose in FREE:
        return set(people)
    return set(tx.scalars(*_GIVEN(tx, people, purpose=purpose)))
