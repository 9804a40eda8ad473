"""What a company decides about its network: dates, hours, patience. Values with defaults, no reading of
files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.brand import Brand
from bot.cadence import Calendar

EnrolOn = Literal["last_day", "last_working_day", "day_after"]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules by which leaving, joining and checking in run; days are calendar days in `zone`."""

    brand: Brand
    zone: str = "Asia/Tokyo"
    locale: str = "ja"
    calendar: Calendar = field(default_factory=Calendar)
    enrol_on: EnrolOn = "last_day"
    enrol_at: time = time(18, 0)
    ask_at: time = time(9, 0)
    ask_before_working_day: int = 14
    ask_before_last_day: int = 30
    remind_business_days: int = 3
    later_months: int = 3
    unanswered_days: int = 90
    proof_lasts: timedelta = timedelta(days=3)
    invitation_lasts: timedelta = timedelta(days=30)
    invitation_renewals: int = 2
    checkin_after_days: int = 30
    nudge_after_days: int = 7
    checkin_opens: time = time(10, 0)
    checkin_closes: time = time(18, 0)

    def day(self, at: datetime) -> date:
        """The calendar day of a moment where the company is."""
        return at.astimezone(ZoneInfo(self.zone)).date()
