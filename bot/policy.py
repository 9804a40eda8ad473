"""What a company decides about its network: dates, hours, patience. Values with defaults, no reading of
files.

Everybody in the house holds the one `Policy` and its `Brand` by reference, so that no room needs to ask for
them anew; `adopt` is the single point where they change.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.brand import Brand
from bot.cadence import Calendar, zone_or

Approval = Literal["one", "two"]
EnrolOn = Literal["last_day", "last_working_day", "day_after"]


@dataclass(slots=True)
class Policy:
    """The rules by which leaving, joining and checking in run; days are calendar days in `zone`.

    Not frozen, for the sake of `adopt` alone: nobody else assigns. `invitation_expires` is the last day on
    which the alumni workspace's invitation link works; `None` while nobody has said. `channels` are addresses
    as text (`slack:T0ALUMNI:C0JOBS`): where alumni read openings; none while the operator has named none.
    """

    brand: Brand
    zone: str = "Asia/Tokyo"
    locale: str = "ja"
    base_url: str = ""
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
    opening_approval: Approval = "one"
    opening_lasts_days: int = 90
    answer_days: int = 5
    referrals_a_day: int = 3
    invitation_url: str = ""
    invitation_expires: date | None = None
    channels: tuple[str, ...] = ()

    def day(self, at: datetime) -> date:
        """The calendar day of a moment where the company is."""
        return at.astimezone(ZoneInfo(self.zone)).date()

    def opens(self, at: datetime, zone: str) -> datetime:
        """The first moment from `at` on when a message that nobody waits for may go to somebody who lives in
        `zone`; in one that is not known it is the company's hour. In UTC."""
        there = zone_or(zone, self.zone)
        return self.calendar.next_window(at, there, opens=self.checkin_opens, closes=self.checkin_closes)

    def adopt(self, other: Policy) -> None:
        """Become equal to another policy, in place: from here on every room goes by it."""
        self.brand.adopt(other.brand)
        for one in fields(self):
            if one.name != "brand":
                setattr(self, one.name, getattr(other, one.name))
