"""The leavers' clock: HR told and reminded, asked, asked again, enrolled, invited, renewed, the later mail,
erased.

Every sweep asks "what is due?" and is safe to repeat: what was done has moved on or is in the outbox already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bot import leaving
from bot.commands import decisions, invitation, welcome
from bot.policy import Policy
from bot.post import Letter, to_leaver, to_staff
from storage import feeds, leavers, people, untold
from storage.consents import Purpose
from storage.engine import Database, Tx, now
from storage.leavers import Leaver, Stage
from storage.people import Person

S = Stage
FLOOD = 5
TO_ENROL = frozenset({S.ANNOUNCED, S.ASKED, S.CONSENTED})


async def sweep(database: Database, policy: Policy) -> bool:
    """One round of everything that is due, from the first step that has something to do; whether any had."""
    steps = await database.run(lambda tx: _from_the_first_due(tx, policy), reads=True)
    did = False
    for step in steps:
        did = await database.run(lambda tx, step=step: step(tx, policy)) or did  # type: ignore[misc]
    return did


def _with_person(tx: Tx, rows: Iterable[Leaver]) -> list[tuple[Leaver, Person]]:
    found = ((leaver, people.get(tx, leaver.person_id)) for leaver in rows)
    return [(leaver, person) for leaver, person in found if person is not None]


def tell_hr(tx: Tx, policy: Policy) -> bool:
    """A card for every notice; for many at once one card, and one each for those who wait for a decision.
    While a file is being taken there will be more."""
    rows = _with_person(tx, leavers.untold(tx))
    many = len(rows) > FLOOD
    if many and feeds.going_on(tx):
        return False
    if many:
        _tell_of_all(tx)
        rows = [row for row in rows if _needs_hr(row[0])]
    for leaver, person in rows:
        dedup = f"{leaver.id}:{leaver.version}"
        to_staff(tx, "decisions.notice", decisions.notice_card(leaver, person), dedup, leaver.id)
        leaver.told_at = now(tx)
    return many or bool(rows)


def _tell_of_all(tx: Tx) -> None:
    """One card for all there are, of whom those that wait for a decision are told of one by one besides."""
    found = untold.count(tx)
    if found.notices > found.waiting:
        card = decisions.many_card(found.notices, found.waiting)
        to_staff(tx, "decisions.notices", card, f"{found.newest}:{now(tx):%Y%m%d%H%M%S}")
        untold.note(tx)


def _needs_hr(leaver: Leaver) -> bool:
    return leaver.stage is S.HELD or bool(leaver.question)


def remind_hr(tx: Tx, policy: Policy) -> bool:
    """Three business days before the bot speaks; many on one day in one card."""
    rows = _with_person(tx, leavers.to_remind(tx))
    if len(rows) > FLOOD:
        first = rows[0][0]
        card = decisions.many_reminders(len(rows), first.ask_at or now(tx))
        to_staff(tx, "decisions.reminds", card, f"{first.id}:{now(tx):%Y%m%d%H%M%S}")
    for leaver, person in rows:
        if len(rows) <= FLOOD:
            card = decisions.remind_card(leaver, person)
            to_staff(tx, "decisions.remind", card, f"{leaver.id}:{leaver.ask_at:%Y%m%d}", leaver.id)
        leaver.remind_at = None
    return bool(rows)


def ask(tx: Tx, policy: Policy) -> bool:
    """The question, on its day; never when HR has not yet been told of the notice."""
    rows = _with_person(tx, leavers.due(tx, Leaver.ask_at, {S.ANNOUNCED}))
    rows = [
        (leaver, person) for leaver, person in rows if leaver.enrol_at is None or leaver.enrol_at > now(tx)
    ]
    for leaver, person in rows:
        if leaving.ask(tx, leaver):
            card = welcome.question(leaver, person, policy)
            dedup = f"{leaver.id}:{leaver.asked_at:%Y%m%d}"
            to_leaver(tx, leaver, Letter("welcome.question", card, dedup, Purpose.ASKING))
    return bool(rows)


def ask_again(tx: Tx, policy: Policy) -> bool:
    """Once more, on the last working day, if there is no answer."""
    rows = _with_person(tx, leavers.due(tx, Leaver.ask_again_at, {S.ASKED}))
    for leaver, person in rows:
        fits = leaver.asked_at and leaver.ask_again_at and leaver.asked_at < leaver.ask_again_at
        fits = fits and leaver.enrol_at and leaver.enrol_at > now(tx)
        if fits and leaving.put_question(leaver):
            card = welcome.question(leaver, person, policy, again=True)
            dedup = f"{leaver.id}:again{leaver.ask_again_at:%Y%m%d}"
            to_leaver(tx, leaver, Letter("welcome.question", card, dedup, Purpose.ASKING))
        leaver.ask_again_at = None
    return bool(rows)


def enrol(tx: Tx, policy: Policy) -> bool:
    """The last day, 18:00: enrolled automatically, and invited where a mailbox is known."""
    rows = _with_person(tx, leavers.due(tx, Leaver.enrol_at, TO_ENROL))
    for leaver, person in rows:
        leaving.enrol(tx, leaver, policy)
        if leaver.stage is S.ENROLLED:
            _invite_first(tx, leaver, person, policy)
    return bool(rows)


def _invite_first(tx: Tx, leaver: Leaver, person: Person, policy: Policy) -> None:
    leaver.invited, leaver.invited_at = 1, now(tx)
    if not invitation.invite(tx, leaver, person, policy, f"{leaver.id}:1"):
        leaver.stuck = leaver.stuck or "no_private_address"


def renew(tx: Tx, policy: Policy) -> bool:
    """A lapsed invitation is renewed a few times, then HR is told."""
    rows = _with_person(tx, leavers.lapsed(tx, policy.invitation_lasts))
    for leaver, person in rows:
        leaver.invited += 1
        leaver.invited_at = now(tx)
        if leaver.invited > policy.invitation_renewals + 1:
            leaver.stuck = leaver.stuck or "invitation_lapsed"
        else:
            invitation.invite(tx, leaver, person, policy, f"{leaver.id}:{leaver.invited}")
    return bool(rows)


def write_later(tx: Tx, policy: Policy) -> bool:
    """The one mail after three months to who said "later" and proved a mailbox."""
    rows = _with_person(tx, leavers.due(tx, Leaver.later_at, {S.LATER}))
    for leaver, person in rows:
        invitation.write_later(tx, leaver, person, policy)
        leaver.later_at = None
    return bool(rows)


def report_stuck(tx: Tx, policy: Policy) -> bool:
    """HR learns once of everything that does not go on by itself."""
    rows = _with_person(tx, leavers.newly_stuck(tx))
    for leaver, person in rows:
        card = decisions.stuck_card(leaver, person)
        to_staff(tx, "decisions.stuck", card, f"{leaver.id}:{leaver.stuck}", leaver.id)
        leaver.stuck_told = leaver.stuck
    return bool(rows)


def erase(tx: Tx, policy: Policy) -> bool:
    """Who declined, on the last day; who never answered, who stayed after all and who took their consent
    back, after 90 days."""
    rows = leavers.due(tx, Leaver.erase_at, leavers.ENDS_BY_ITSELF)
    rows = [*rows, *(row for row in leavers.due(tx, Leaver.erase_at, {S.HELD}) if leaving.wants_out(tx, row))]
    for leaver in rows:
        leaving.expire(tx, leaver)
    return bool(rows)


def _from_the_first_due(tx: Tx, policy: Policy) -> list[Callable[[Tx, Policy], bool]]:
    """The steps in their order, without those before the first that has anything to do: one look, because
    most of the time nothing is due."""
    looks: tuple[tuple[Callable[[Tx, Policy], bool], Callable[[], Sequence[Leaver]]], ...] = (
        (tell_hr, lambda: leavers.untold(tx, 1)),
        (remind_hr, lambda: leavers.to_remind(tx, 1)),
        (ask, lambda: leavers.due(tx, Leaver.ask_at, {S.ANNOUNCED}, 1)),
        (ask_again, lambda: leavers.due(tx, Leaver.ask_again_at, {S.ASKED}, 1)),
        (enrol, lambda: leavers.due(tx, Leaver.enrol_at, TO_ENROL, 1)),
        (renew, lambda: leavers.lapsed(tx, policy.invitation_lasts, 1)),
        (write_later, lambda: leavers.due(tx, Leaver.later_at, {S.LATER}, 1)),
        (report_stuck, lambda: leavers.newly_stuck(tx, 1)),
        (erase, lambda: leavers.due(tx, Leaver.erase_at, {*leavers.ENDS_BY_ITSELF, S.HELD}, 1)),
    )
    first = next((number for number, (_, look) in enumerate(looks) if look()), len(looks))
    return [step for step, _ in looks[first:]]
