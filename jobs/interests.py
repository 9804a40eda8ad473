"""Raised hands by the clock: those who may know are told after ten minutes, and once more when they are
silent."""

from __future__ import annotations

from collections.abc import Sequence

from bot import interested, offering
from bot.commands import answer, interest
from bot.conversation import Role
from bot.policy import Policy
from bot.post import Letter, to_alumnus, to_one_of_staff
from storage import accounts, interests, openings
from storage.accounts import Staff
from storage.consents import Purpose
from storage.engine import Database, Tx, now
from storage.interests import KIND, Interest


async def sweep(database: Database, policy: Policy) -> bool:
    """One batch; whether there was anything to tell."""
    return await database.run(lambda tx: step_all(tx, policy))


def step_all(tx: Tx, policy: Policy) -> bool:
    """Bring on everything that is due; whether there was any."""
    fresh, late = interests.to_tell(tx), interests.silent(tx, policy.day(now(tx)))
    for row in fresh:
        _tell(tx, row, policy)
    for row in late:
        _remind(tx, row)
    _warn(tx, policy)
    return bool(fresh or late)


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


def _warn(tx: Tx, policy: Policy) -> None:
    """Owners hear of every open opening that nobody can answer: it tells nothing about raised hands."""
    running = accounts.staff(tx)
    keys = [accounts.key_of(member) for member in running]
    owners = [member for member in running if member.role is Role.OWNER]
    for row in openings.unanswerable(tx, policy.day(now(tx)), keys):
        letter = Letter("answer.nobody", answer.unanswerable(row), f"{row.id}:{row.edition}", Purpose.STAFF)
        for member in owners:
            to_one_of_staff(tx, member, letter)
