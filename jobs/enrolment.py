"""The leavers' clock: HR told and reminded, asked, asked again, enrolled, invited, renewed, the later mail,
erased.

Every sweep asks "what is due?" and is safe to repeat: what was done has moved on or is in the outbox already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot import leaving
from bot.commands import decisions, invitation, welcome
from bot.policy import Policy
from bot.post import Letter, to_leaver, to_staff
from jobs import apart
from storage import feeds, leavers, people, untold
from storage.aside import Those
from storage.consents import Purpose
from storage.engine import Database, Tx, now
from storage.leavers import INCIDENT, Leaver, Stage
from storage.people import Person

S = Stage
FLOOD = 5
"""Of more than so many at once HR is told in one card."""
FEW = 20
"""So many decisions are asked for one by one; more are in HR's list."""
TO_ENROL = frozenset({S.ANNOUNCED, S.ASKED, S.CONSENTED})
Folk = Sequence[tuple[Leaver, Person]]


async def sweep(database: Database, policy: Policy) -> bool:
    """One round of everything that is due, from the first step that has something to do; whether any had."""
    return await apart.bring_all_on(database, [_step(policy, does, due) for does, due in STEPS])


def _step(policy: Policy, does: Does, due: DueNow) -> apart.Step[Leaver]:
    def do(tx: Tx, rows: Sequence[Leaver]) -> bool | None:
        for leaver in rows if does is not report_stuck else ():
            leaver.stuck = leaver.stuck if leaver.stuck != INCIDENT else ""
        found = ((leaver, people.get(tx, leaver.person_id)) for leaver in rows)
        return does(tx, policy, [(leaver, person) for leaver, person in found if person is not None])

    return apart.Step(
        f"enrolment.{does.__name__}", lambda tx, those: due(tx, policy, those), do, failed=_stuck
    )


def _stuck(tx: Tx, leaver_id: int) -> None:
    """HR learns of a leaver with whom something fails, and sees it in the list until it goes on."""
    leaver = leavers.get(tx, leaver_id)
    if leaver is not None:
        leaver.stuck = leaver.stuck or INCIDENT


def tell_hr(tx: Tx, policy: Policy, rows: Folk) -> bool:
    """A card for every notice; for many at once one card, and one each for the few who wait for a decision.
    While a file is being taken there will be more."""
    many = len(rows) > FLOOD
    if many and feeds.going_on(tx):
        return False
    if many:
        few = _tell_of_all(tx)
        rows = [row for row in rows if few and _needs_hr(row[0])]
    for leaver, person in rows:
        dedup = f"{leaver.id}:{leaver.version}"
        to_staff(tx, "decisions.notice", decisions.notice_card(leaver, person), dedup, leaver.id)
        leaver.told_at = now(tx)
    return True


def _tell_of_all(tx: Tx) -> bool:
    """One card for all there are; whether those of them who wait for a decision are so few that each has a
    card besides."""
    found = untold.count(tx)
    few = found.waiting <= FEW
    if not few or found.notices > found.waiting:
        card = decisions.many_card(found.notices, found.waiting)
        to_staff(tx, "decisions.notices", card, f"{found.newest}:{now(tx):%Y%m%d%H%M%S}")
        untold.note(tx, waiting=not few)
    return few


def _needs_hr(leaver: Leaver) -> bool:
    return leaver.stage is S.HELD or bool(leaver.question)


def remind_hr(tx: Tx, policy: Policy, rows: Folk) -> None:
    """Three business days before the bot speaks; many on one day in one card."""
    if len(rows) > FLOOD:
        first = rows[0][0]
        card = decisions.many_reminders(len(rows), first.ask_at or now(tx))
        to_staff(tx, "decisions.reminds", card, f"{first.id}:{now(tx):%Y%m%d%H%M%S}")
    for leaver, person in rows:
        if len(rows) <= FLOOD:
            card = decisions.remind_card(leaver, person)
            to_staff(tx, "decisions.remind", card, f"{leaver.id}:{leaver.ask_at:%Y%m%d}", leaver.id)
        leaver.remind_at = None


def ask(tx: Tx, policy: Policy, rows: Folk) -> None:
    """The question, on its day; never when HR has not yet been told of the notice."""
    for leaver, person in rows:
        if leaving.ask(tx, leaver):
            card = welcome.question(leaver, person, policy)
            dedup = f"{leaver.id}:{leaver.asked_at:%Y%m%d}"
            to_leaver(tx, leaver, Letter("welcome.question", card, dedup, Purpose.ASKING))


def ask_again(tx: Tx, policy: Policy, rows: Folk) -> None:
    """Once more, on the last working day, if there is no answer."""
    for leaver, person in rows:
        fits = leaver.asked_at and leaver.ask_again_at and leaver.asked_at < leaver.ask_again_at
        fits = fits and leaver.enrol_at and leaver.enrol_at > now(tx)
        if fits and leaving.put_question(leaver):
            card = welcome.question(leaver, person, policy, again=True)
            dedup = f"{leaver.id}:again{leaver.ask_again_at:%Y%m%d}"
            to_leaver(tx, leaver, Letter("welcome.question", card, dedup, Purpose.ASKING))
        leaver.ask_again_at = None


def enrol(tx: Tx, policy: Policy, rows: Folk) -> None:
    """The last day, 18:00: enrolled automatically, and invited where a mailbox is known."""
    for leaver, person in rows:
        leaving.enrol(tx, leaver, policy)
        if leaver.stage is S.ENROLLED:
            _invite_first(tx, leaver, person, policy)


def _invite_first(tx: Tx, leaver: Leaver, person: Person, policy: Policy) -> None:
    leaver.invited, leaver.invited_at = 1, now(tx)
    if not invitation.invite(tx, leaver, person, policy, f"{leaver.id}:1"):
        leaver.stuck = leaver.stuck or "no_private_address"


def renew(tx: Tx, policy: Policy, rows: Folk) -> None:
    """A lapsed invitation is renewed a few times, then HR is told."""
    for leaver, person in rows:
        leaver.invited += 1
        leaver.invited_at = now(tx)
        if leaver.invited > policy.invitation_renewals + 1:
            leaver.stuck = leaver.stuck or "invitation_lapsed"
        else:
            invitation.invite(tx, leaver, person, policy, f"{leaver.id}:{leaver.invited}")


def write_later(tx: Tx, policy: Policy, rows: Folk) -> None:
    """The one mail after three months to who said "later" and proved a mailbox."""
    for leaver, person in rows:
        invitation.write_later(tx, leaver, person, policy)
        leaver.later_at = None


def report_stuck(tx: Tx, policy: Policy, rows: Folk) -> None:
    """HR learns once of everything that does not go on by itself; of many that fail inside in one card."""
    failed = [leaver.id for leaver, _ in rows if leaver.stuck == INCIDENT]
    if len(failed) > FLOOD:
        dedup = f"{failed[0]}:{now(tx):%Y%m%d%H%M%S}"
        to_staff(tx, "decisions.incidents", decisions.incidents(len(failed)), dedup)
    for leaver, person in rows:
        if leaver.stuck != INCIDENT or len(failed) <= FLOOD:
            card = decisions.stuck_card(leaver, person)
            to_staff(tx, "decisions.stuck", card, f"{leaver.id}:{leaver.stuck}", leaver.id)
        leaver.stuck_told = leaver.stuck


def erase(tx: Tx, policy: Policy, rows: Folk) -> None:
    """Who declined, on the last day; who never answered, who stayed after all and who took their consent
    back, after 90 days."""
    for leaver, _ in rows:
        leaving.expire(tx, leaver)


def _over(tx: Tx, policy: Policy, those: Those) -> list[Leaver]:
    held = leavers.due(tx, Leaver.erase_at, {S.HELD}, those=those)
    rows = leavers.due(tx, Leaver.erase_at, leavers.ENDS_BY_ITSELF, those=those)
    return [*rows, *(row for row in held if leaving.wants_out(tx, row))]


Does = Callable[[Tx, Policy, Folk], bool | None]
DueNow = Callable[[Tx, Policy, Those], Sequence[Leaver]]


def _in(column: leavers.Moment, *stages: Stage) -> DueNow:
    return lambda tx, _, those: leavers.due(tx, column, stages, those=those)


STEPS: Sequence[tuple[Does, DueNow]] = (
    (tell_hr, lambda tx, _, those: leavers.untold(tx, those=those)),
    (remind_hr, lambda tx, _, those: leavers.to_remind(tx, those=those)),
    (ask, _in(Leaver.ask_at, S.ANNOUNCED)),
    (ask_again, _in(Leaver.ask_again_at, S.ASKED)),
    (enrol, _in(Leaver.enrol_at, *TO_ENROL)),
    (renew, lambda tx, policy, those: leavers.lapsed(tx, policy.invitation_lasts, those=those)),
    (write_later, _in(Leaver.later_at, S.LATER)),
    (report_stuck, lambda tx, _, those: leavers.newly_stuck(tx, those=those)),
    (erase, _over),
)
"""What is done with a leaver, in this order, and with which of them now."""
