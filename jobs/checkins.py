"""Check-ins by the clock: one question when it is due, one more nudge after seven days, then rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from bot.commands import checkin as cards
from bot.policy import Policy
from bot.post import Copy, to_many
from bot.wire import NUMBER, Stencil, hole
from jobs import apart
from storage import checkins
from storage.checkins import Due, State, Step
from storage.consents import Purpose, allowing
from storage.engine import Database, Tx, now


async def sweep(database: Database, policy: Policy) -> bool:
    """A batch of due check-ins, or several side by side; whether there were any."""
    step = apart.Step("checkins", lambda tx, those: checkins.due(tx, those=those),
                      lambda tx, rows: step_all(tx, policy, rows), guarded=True)  # fmt: skip
    return await apart.bring_on(database, step, database.store.abreast)


def step_all(tx: Tx, policy: Policy, rows: Sequence[Due]) -> None:
    """Bring every due check-in one step on. A step outside a respectful hour waits for the next window."""
    round_ = _Round(policy, now(tx))
    ways = [(row, *round_.step(row)) for row in rows]
    allowed = to_many(tx, "checkin.nudge", [copy for *_, copy in ways if copy], Purpose.STAY_IN_TOUCH)
    if others := {row.person_id for row in rows} - allowed:
        allowed |= allowing(tx, others, Purpose.STAY_IN_TOUCH)
    checkins.take(tx, [
        step if row.person_id in allowed else Step(row.id, State.STOPPED) for row, step, _ in ways
    ])  # fmt: skip


class _Round:
    """The rules at one moment; what is the same for many is worked out once."""

    def __init__(self, policy: Policy, at: datetime) -> None:
        self._policy, self._at, self._today = policy, at, policy.day(at)
        self._later = at + timedelta(days=policy.nudge_after_days)
        self._window = cache(policy.opens)
        self._stencil = cache(self._drawn)

    def step(self, row: Due) -> tuple[Step, Copy | None]:
        """Where a check-in goes on, and what is said to its person now."""
        if row.state is State.NUDGED:
            return Step(row.id, State.RESTING), None
        window = self._window(self._after_pause(row), row.zone)
        if window > self._at:
            return Step(row.id, row.state, window), None
        again = row.state is State.ASKED
        card = self._stencil(again, bool(row.employer)).fill(row.id, name=row.name, employer=row.employer)
        dedup = f"{row.number}:{'again' if again else 'first'}"
        then = self._window(self._later, row.zone)
        return Step(row.id, State.NUDGED if again else State.ASKED, then), Copy(row.person_id, card, dedup)

    def _drawn(self, again: bool, employed: bool) -> Stencil:
        employer = hole("employer") if employed else ""
        return Stencil(cards.nudge(NUMBER, hole("name"), employer, self._policy, again=again))

    def _after_pause(self, row: Due) -> datetime:
        """The moment a pause ends; now when there is none."""
        if row.paused_until is None or row.paused_until <= self._today:
            return self._at
        return self._at + timedelta(days=(row.paused_until - self._today).days)
