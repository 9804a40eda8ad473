"""Raised hands by the clock: those who may know are told after ten minutes, and once more when they are
silent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from bot import interested, offering
from bot.commands import answer, interest
from bot.conversation import Role
from bot.policy import Policy
from bot.post import Letter, to_alumnus, to_one_of_staff
from jobs import apart
from storage import accounts, interests, openings
from storage.accounts import Staff
from storage.aside import Those
from storage.consents import Purpose
from storage.engine import Database, Tx, now
from storage.interests import KIND, Interest
from storage.openings import Opening


async def sweep(database: Database, policy: Policy) -> bool:
    """One batch; whether there was anything to tell."""
    return await apart.bring_all_on(database, list(_steps(policy)))


def _steps(policy: Policy) -> Iterator[apart.Step[Any]]:
    """By names that do not say that hands are raised: they stand in logs and in the journal."""

    def silent(tx: Tx, those: Those) -> Sequence[Interest]:
        return interests.silent(tx, policy.day(now(tx)), those=those)

    tell = apart.each(partial(_tell, policy=policy))
    yield apart.Step("confidential.fresh", lambda tx, those: interests.to_tell(tx, those=those), tell)
    yield apart.Step("confidential.late", silent, apart.each(_remind))
    yield apart.Step("openings.unanswerable", lambda tx, those: _unanswerable(tx, policy, those), _warn)


def _tell(tx: Tx, row: Interest, policy: Policy) -> None:
    """The ten minutes are over. If nobody is left who may know, nobody does, and the person is told so."""
    readers = interested.heard(tx, row)
    if not readers:
        interests.unheard(tx, row)
        _news(tx, row, "unheard")
        return
    interests.told(tx, row, offering.answer_by(policy, row.tells_at))
    _say(tx, row, readers, late=False)


def _remind(tx: Tx, row: Interest) -> None:
    """The promised day is over: the deputy if they may know, else who else does; the person in any case."""
    interests.late(tx, row)
    opening, readers = openings.get(tx, row.opening_id), interested.heard(tx, row)
    deputy = opening.deputy if opening is not None else ""
    _say(tx, row, [one for one in readers if accounts.key_of(one) == deputy] or readers, late=True)
    _news(tx, row, "late")


def _say(tx: Tx, row: Interest, readers: Sequence[Staff], *, late: bool) -> None:
    kind, card = f"{KIND}.{'late' if late else 'came'}", interested.came(answer.look(row), late=late)
    for member in readers:
        to_one_of_staff(tx, member, Letter(kind, card, interests.mark(row), Purpose.STAFF))


def _news(tx: Tx, row: Interest, about: str) -> None:
    card, dedup = interested.news(interest.see(row.id)), f"{interests.mark(row)}{about}"
    to_alumnus(tx, row.person_id, Letter(f"{KIND}.news", card, dedup, Purpose.OPENINGS))


def _unanswerable(tx: Tx, policy: Policy, those: Those) -> Sequence[Opening]:
    keys = [accounts.key_of(member) for member in accounts.staff(tx)]
    return openings.unanswerable(tx, policy.day(now(tx)), keys, those)


def _warn(tx: Tx, rows: Sequence[Opening]) -> bool:
    """Owners hear of every open opening that nobody can answer: it tells nothing about raised hands. Nothing
    comes of it but what they are told, once."""
    owners = [member for member in accounts.staff(tx) if member.role is Role.OWNER]
    for row in rows:
        letter = Letter("answer.nobody", answer.unanswerable(row), f"{row.id}:{row.edition}", Purpose.STAFF)
        for member in owners:
            to_one_of_staff(tx, member, letter)
    return False
