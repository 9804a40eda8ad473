"""Check-ins by the clock: one question when it is due, one more nudge after seven days, then rest."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.commands import checkin as cards
from bot.policy import Policy
from bot.post import Letter, to_alumnus
from storage import checkins, people
from storage.checkins import Checkin, State
from storage.consents import Purpose, allows
from storage.engine import Database, Tx, now
from storage.people import Person


async def sweep(database: Database, policy: Policy) -> bool:
    """One batch of due check-ins; whether there were any."""
    return await database.run(lambda tx: step_all(tx, policy))


def step_all(tx: Tx, policy: Policy) -> bool:
    """Bring every due check-in one step on. A step outside a respectful hour waits for the next window."""
    rows = checkins.due(tx)
    for row in rows:
        person = people.get(tx, row.person_id)
        if person is None or not allows(tx, row.person_id, Purpose.STAY_IN_TOUCH):
            checkins.step(tx, row, State.STOPPED)
        elif row.state is State.NUDGED:
            checkins.step(tx, row, State.RESTING)
        else:
            _ask_or_wait(tx, row, person, policy)
    return bool(rows)


def _ask_or_wait(tx: Tx, row: Checkin, person: Person, policy: Policy) -> None:
    window = _window(max(now(tx), _after_pause(person, policy, now(tx))), person, policy)
    if window > now(tx):
        checkins.step(tx, row, row.state, window)
        return
    again = row.state is State.ASKED
    card = cards.nudge(row, person, policy, again=again)
    dedup = f"{row.number}:{'again' if again else 'first'}"
    to_alumnus(tx, person.id, Letter("checkin.nudge", card, dedup, Purpose.STAY_IN_TOUCH))
    then = _window(now(tx) + timedelta(days=policy.nudge_after_days), person, policy)
    checkins.step(tx, row, State.NUDGED if again else State.ASKED, then)


def _window(at: datetime, person: Person, policy: Policy) -> datetime:
    opens, closes = policy.checkin_opens, policy.checkin_closes
    return policy.calendar.next_window(at, person.zone or policy.zone, opens=opens, closes=closes)


def _after_pause(person: Person, policy: Policy, at: datetime) -> datetime:
    """The moment a pause ends; `at` when there is none."""
    if person.paused_until is None or person.paused_until <= policy.day(at):
        return at
    return at + timedelta(days=(person.paused_until - policy.day(at)).days)
