"""The only room that asks the system for the time. Three kinds of time are kept apart.

*Calendar time* decides due dates, consents and codes; the playground and the stories move it forward.
*Wire time* is real: signatures, leases, pace and retries. Both are the machine's clock, which somebody may
set: forward, or hours back. *Steady time* only passes: how long something lasts, in this process alone.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


class Clock:
    """Calendar time with an offset that only grows, wire time, and steady time."""

    def __init__(self, start: datetime | None = None) -> None:
        self._offset = start - self._real() if start else timedelta(0)

    @staticmethod
    def _real() -> datetime:
        return datetime.now(UTC)

    def now(self) -> datetime:
        """Calendar time, aware, UTC."""
        return self._real() + self._offset

    def today(self, zone: ZoneInfo) -> date:
        """The calendar day in a zone."""
        return self.now().astimezone(zone).date()

    def travel(self, to: datetime) -> None:
        """Move calendar time forward to a moment; a moment in the past raises `ValueError`."""
        if to < self.now():
            raise ValueError("calendar time only moves forward")
        self._offset = to - self._real()

    def wire(self) -> float:
        """Real seconds since the epoch, for signatures, leases and pace."""
        return time.time()

    def steady(self) -> float:
        """Seconds since some moment, whatever is done to the machine's clock."""
        return time.monotonic()
