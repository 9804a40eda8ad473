"""Referrals (紹介): an alumnus names a candidate; nobody at the company sees who it is before they agree.

A candidate is a person with a key of their own and an address that opens no door, as a visitor of the public
page is: refusing erases them. What stays is a mark by which nobody asks them again for a while. A row without
a candidate from the start stands for somebody who is here already and shows it to nobody.
Source: 個人情報保護法 17, 20, 27条 (consent before a candidate's data is given on); GDPR art. 6, 14.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage import people
from storage.accounts import Staff
from storage.answers import Answered, Step
from storage.aside import ALL, Sifted, Those
from storage.columns import Row, Sealed, kept, normal_email, words
from storage.engine import MOST, Tx, now, vault_of
from storage.leavers import Leaver
from storage.openings import Opening
from storage.people import Person

WHY = "referrals.why"
NOTE = "referrals.note"
ASKED_FOR = timedelta(days=14)
"""How long a candidate has for an answer; nobody reminds them."""
KEPT_FOR = timedelta(days=180)
"""How long a mailbox is not asked again, and how long an introduction outlives its opening."""
GOOGLE = frozenset({"gmail.com", "googlemail.com"})
OF_ALL = GOOGLE | {
    "outlook.com", "outlook.jp", "hotmail.com", "hotmail.co.jp", "live.com", "live.jp", "icloud.com",
    "me.com", "yahoo.com", "yahoo.co.jp", "docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp",
    "i.softbank.jp", "proton.me",
}  # fmt: skip
"""Where anybody may have a mailbox: that somebody of the company has one there says nothing of others."""


class Stand(StrEnum):
    """Where a referral stands; `over` is every end before the candidate agreed, told alike."""

    ASKED = "asked"
    AGREED = "agreed"
    OVER = "over"


class Referral(Answered, Row):
    """One candidate for one opening; `person_id` is the candidate, empty once they are erased.

    `thanked_at` is when the referrer was told that it came to an end.
    """

    __tablename__ = "referrals"
    __table_args__ = (
        Index("ix_referrals_referrer_made_at", "referrer_id", "made_at"),
        {
            "info": kept(
                "person",
                "openings",
                "unanswered 14 days; else 180 days after the opening closed; a mark 180 days",
            ),
            "sqlite_autoincrement": True,
        },
    )

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    opening_id: Mapped[int] = mapped_column(ForeignKey("openings.id"), index=True)
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    referrer_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    mark: Mapped[bytes] = mapped_column(LargeBinary(16), index=True, repr=False)
    relation: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    stand: Mapped[Stand] = mapped_column(words(Stand), default=Stand.ASKED)
    why: Mapped[bytes | None] = mapped_column(Sealed, default=None, repr=False)
    agreed_at: Mapped[datetime | None] = mapped_column(default=None)
    thanked_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class Named:
    """What a referrer says of somebody: for which opening, how they know each other, why; `mark` is the
    mailbox."""

    opening_id: int
    referrer_id: str
    mark: bytes
    relation: str = ""
    why: str = ""


# --- mailboxes --------------------------------------------------------------------------------------------


def mark_of(tx: Tx, email: str) -> bytes:
    """What two spellings of one mailbox have in common: 16 bytes, unreadable.

    Width, case, what stands behind a `+`, and at Google's addresses dots do not count.
    """
    return vault_of(tx).blind("candidate", _plainest(email))


def spellings(email: str) -> tuple[str, ...]:
    """How the owner of a mailbox may have given it to us: as it was typed here, and without extras."""
    return tuple(dict.fromkeys((normal_email(email), _plainest(email))))


def _plainest(email: str) -> str:
    local, _, domain = normal_email(email).rpartition("@")
    local = local.partition("+")[0] or local
    if domain in GOOGLE:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain}"


def _at_company() -> ColumnElement[str]:
    """Not every feed says an address in one case, and not every database looks past it."""
    return func.lower(Leaver.company_email)


def employed(tx: Tx, email: str) -> bool:
    """Whether a mailbox is the company's: of a domain where staff or leavers have theirs."""
    email = normal_email(email)
    domain = email.rpartition("@")[2]
    staff = [row.email for row in tx.scalars(select(Staff).where(Staff.email != ""))]
    if email in staff or tx.scalar(select(Leaver.id).where(_at_company() == email).limit(1)):
        return True
    if domain in OF_ALL:
        return False
    if any(f".{domain}".endswith(f".{one.rpartition('@')[2]}") for one in staff):
        return True
    theirs = select(Leaver.id).where(_at_company().endswith(f"@{domain}", autoescape=True))
    return tx.scalar(theirs.limit(1)) is not None


# --- asking -----------------------------------------------------------------------------------------------


def add(tx: Tx, named: Named, candidate: Person | None) -> Referral:
    """A candidate who is to be asked; nobody for somebody who is here already and shows it to nobody."""
    made = now(tx)
    why = people.seal_for(tx, candidate.id, WHY, named.why) if candidate and named.why else None
    row = Referral(
        opening_id=named.opening_id, person_id=candidate.id if candidate else None,
        referrer_id=named.referrer_id, mark=named.mark, relation=named.relation if candidate else "",
        made_at=made, expires_at=made + ASKED_FOR, why=why,
    )  # fmt: skip
    tx.add(row)
    tx.flush()
    return row


def secret_of(tx: Tx, row: Referral) -> str:
    """What only the links in the candidate's mails know: 32 characters, nowhere written down."""
    return vault_of(tx).blind("referral", f"{row.id}:{row.person_id}").hex()


def theirs(tx: Tx, referral_id: int, secret: str) -> Referral | None:
    """A referral that is not over, for the candidate who holds a link: asked in time, or agreed."""
    row = tx.get(Referral, referral_id)
    if row is None or row.person_id is None:
        return None
    if not hmac.compare_digest(secret_of(tx, row).encode(), secret.encode()):
        return None
    return row if row.stand is Stand.AGREED or in_time(tx, row) else None


def in_time(tx: Tx, row: Referral) -> bool:
    """Whether the candidate may still answer."""
    return row.stand is Stand.ASKED and row.expires_at > now(tx)


def told(tx: Tx, row: Referral) -> Stand:
    """Where it stands as far as the referrer learns: until its time is over, a refusal looks like silence."""
    if row.thanked_at is not None or (row.agreed_at is None and row.expires_at <= now(tx)):
        return Stand.OVER
    return row.stand if row.agreed_at else Stand.ASKED


def get(tx: Tx, referral_id: int) -> Referral | None:
    """The referral with this number."""
    return tx.get(Referral, referral_id)


def why_of(tx: Tx, row: Referral) -> str:
    """What the referrer wrote: for the candidate, and for HR once they agreed."""
    if row.why is None or row.person_id is None:
        return ""
    return people.open_for(tx, row.person_id, WHY, row.why)


def agree(tx: Tx, row: Referral, answer_by: date) -> None:
    """The candidate said yes: from now on the readers of the opening may see who it is."""
    row.stand, row.agreed_at, row.answer_by = Stand.AGREED, now(tx), answer_by
    tx.flush()


def end(tx: Tx, row: Referral) -> None:
    """No, no answer, or taken back: nothing about the candidate stays but the mark; the caller erases the
    person."""
    row.stand, row.person_id, row.why, row.note = Stand.OVER, None, None, None
    row.relation, row.answer_by, row.stepped_by = "", None, ""
    tx.flush()


def thanked(tx: Tx, row: Referral) -> None:
    """The referrer knows that it is over."""
    row.thanked_at = now(tx)
    tx.flush()


def known(tx: Tx, mark: bytes) -> bool:
    """Whether somebody of this mailbox was named within `KEPT_FOR`, whatever became of it."""
    query = select(Referral.id).where(Referral.mark == mark, Referral.made_at > now(tx) - KEPT_FOR)
    return tx.scalar(query.limit(1)) is not None


def made_since(tx: Tx, referrer_id: str, since: datetime) -> int:
    """How many candidates somebody named since a moment."""
    query = select(func.count()).select_from(Referral)
    return tx.scalar(query.where(Referral.referrer_id == referrer_id, Referral.made_at >= since)) or 0


def by_referrer(tx: Tx, referrer_id: str) -> Sequence[Referral]:
    """What somebody referred, newest first."""
    return tx.scalars(
        select(Referral).where(Referral.referrer_id == referrer_id).order_by(Referral.id.desc())
    ).all()


def agreed(tx: Tx, opening_id: int) -> Sequence[Referral]:
    """Candidates for an opening who agreed, oldest first."""
    query = select(Referral).where(Referral.opening_id == opening_id, Referral.stand == Stand.AGREED)
    return tx.scalars(query.order_by(Referral.id)).all()


def of_opening(tx: Tx, opening_id: int) -> Sequence[Referral]:
    """Every referral for an opening: for what the house itself says to people."""
    return tx.scalars(select(Referral).where(Referral.opening_id == opening_id).order_by(Referral.id)).all()


def own(tx: Tx, referral_id: int, referrer_id: str | None) -> Referral | None:
    """A referral, if this person made it."""
    row = tx.get(Referral, referral_id)
    return row if row is not None and referrer_id is not None and row.referrer_id == referrer_id else None


def with_candidate(tx: Tx, limit: int = 20) -> Sequence[Referral]:
    """The newest whose candidate is not erased."""
    query = select(Referral).where(Referral.person_id.is_not(None)).order_by(Referral.id.desc())
    return tx.scalars(query.limit(limit)).all()


_OLDEST = select(Referral).order_by(Referral.id).limit(MOST)
_ENDED = (
    Referral.agreed_at.is_(None),
    Referral.thanked_at.is_(None),
    Referral.expires_at <= bindparam("at"),
)
_UNANSWERED = Sifted(Referral.id, _OLDEST.where(*_ENDED).where)


def unanswered(tx: Tx, limit: int = 100, those: Those = ALL) -> Sequence[Referral]:
    """Those whose time is over without a yes and whose referrer has not been thanked, refused ones too."""
    return tx.scalars(*_UNANSWERED(tx, those, at=now(tx), most=limit)).all()


def step(tx: Tx, row: Referral, what: Step, by: str, note: str) -> None:
    """The company did something about it; `by` is the reader's key."""
    row.step, row.stepped_by, row.stepped_at = what, by, now(tx)
    sealed = people.seal_for(tx, row.person_id, NOTE, note) if note and row.person_id else None
    row.note = sealed
    tx.flush()


def note_of(tx: Tx, row: Referral) -> str:
    """What HR wrote down beside it."""
    if row.note is None or row.person_id is None:
        return ""
    return people.open_for(tx, row.person_id, NOTE, row.note)


_WAITS = (
    Referral.step == Step.WAITING,
    Referral.late_at.is_(None),
    Referral.stand == Stand.AGREED,
    Referral.answer_by < bindparam("today"),
)
_SILENT = Sifted(Referral.id, _OLDEST.where(*_WAITS).where)


def silent(tx: Tx, today: date, limit: int = 100, those: Those = ALL) -> Sequence[Referral]:
    """Those to whom an answer was promised for a day that is over, and of whom no deputy knows yet."""
    return tx.scalars(*_SILENT(tx, those, today=today, most=limit)).all()


def late(tx: Tx, row: Referral) -> None:
    """A deputy was told."""
    row.late_at = now(tx)
    tx.flush()


def forget_referrer(tx: Tx, person_id: str) -> None:
    """Nobody knows any more who named these candidates."""
    tx.execute(update(Referral).where(Referral.referrer_id == person_id).values(referrer_id=None))


_CLOSED = select(Opening.id).where(Opening.closed_at < bindparam("before"))
_GONE = (Referral.stand != Stand.AGREED) & (Referral.expires_at < bindparam("before"))
_OUTLIVED = Sifted(Referral.id, _OLDEST.where(Referral.opening_id.in_(_CLOSED) | _GONE).where)


def outlived(tx: Tx, before: datetime, limit: int, those: Those = ALL) -> Sequence[Referral]:
    """What is kept no longer: of openings closed before a moment; ended or never answered before it."""
    return tx.scalars(*_OUTLIVED(tx, those, before=before, most=limit)).all()


def drop(tx: Tx, row: Referral) -> None:
    """Forget the row itself, the mark too; the caller has erased the candidate."""
    tx.delete(row)
    tx.flush()
