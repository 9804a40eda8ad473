"""When a message may go out: business days, sending windows, and the spreading of many that fall on one day.

Public holidays are not enough in Japan: お盆 and 年末年始 are in no list of holidays, so presets add them.
A company's own closures come on top. Nothing here reads a clock.
"""

from __future__ import annotations

import calendar as months
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

OPENS: Final = time(10)
CLOSES: Final = time(18)
_DAY: Final = timedelta(days=1)
_LONGEST_CLOSURE: Final = 366  # days; more than that is a mistake in the closures


class Preset(StrEnum):
    """Quiet days that are no public holidays, but on which hardly a Japanese office answers."""

    NEW_YEAR = "new_year"  # 12/29-1/3
    GOLDEN_WEEK = "golden_week"  # the bridge days between 4/29 and 5/5
    OBON = "obon"  # 8/13-15


_QUIET: Final = {  # (month, day) from and to, both included
    Preset.NEW_YEAR: (((12, 29), (12, 31)), ((1, 1), (1, 3))),
    Preset.GOLDEN_WEEK: (((4, 29), (5, 5)),),
    Preset.OBON: (((8, 13), (8, 15)),),
}


@dataclass(frozen=True, slots=True)
class Calendar:
    """A company's working days. `country` is an ISO 3166 code with public holidays, or "" for none.

    The holidays of a year are loaded at the first question about it (0.5 s once per process).
    """

    country: str = "JP"
    closures: frozenset[date] = frozenset()
    presets: Collection[Preset] = tuple(Preset)
    _public: dict[int, frozenset[date]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def is_business_day(self, day: date) -> bool:
        """Whether the company works. Raises `ValueError` for a country whose holidays are not known."""
        if day.weekday() >= 5 or day in self.closures:
            return False
        spans = (span for preset in self.presets for span in _QUIET[preset])
        if any(first <= (day.month, day.day) <= last for first, last in spans):
            return False
        return day not in self._holidays(day.year)

    def next_business_day(self, day: date) -> date:
        """The day itself when the company works on it, else the first such day after it."""
        return day if self.is_business_day(day) else self._stepped(day, 1)

    def business_days_before(self, day: date, count: int) -> date:
        """The business day that lies `count` business days before `day`; 0 is the last one up to it."""
        if count == 0:
            return day if self.is_business_day(day) else self._stepped(day, -1)
        return self._stepped(day, -count)

    def business_days_after(self, day: date, count: int) -> date:
        """The business day that lies `count` business days after `day`; 0 is the first one from it on."""
        return self.next_business_day(day) if count == 0 else self._stepped(day, count)

    def next_window(self, at: datetime, zone: str, *, opens: time = OPENS, closes: time = CLOSES) -> datetime:
        """The first moment from `at` on when a respectful message may go out, in UTC.

        `opens` (included) and `closes` (not included) are wall-clock times in `zone`, the receiver's zone.
        Raises `ValueError` for a moment without a zone, an unknown zone, or a window that never opens.
        """
        if at.tzinfo is None or opens >= closes:
            raise ValueError("a window needs a moment with a zone, and must open before it closes")
        local = at.astimezone(_zone(zone))
        today = local.date()
        if self.is_business_day(today) and local.time() < closes:
            return max(at.astimezone(UTC), local_moment(today, opens, zone))
        return local_moment(self.next_business_day(today + _DAY), opens, zone)

    def _stepped(self, day: date, count: int) -> date:
        step, left = (_DAY if count > 0 else -_DAY), abs(count)
        closed = 0
        while left:
            day += step
            closed = 0 if self.is_business_day(day) else closed + 1
            left -= closed == 0
            if closed > _LONGEST_CLOSURE:
                raise ValueError("the calendar has no business day within a year")
        return day

    def _holidays(self, year: int) -> frozenset[date]:
        if year not in self._public:
            self._public[year] = _public_holidays(self.country, year)
        return self._public[year]


def spread(key: str, around: date, days: int, calendar: Calendar) -> date:
    """A business day at most `days` business days from `around`, always the same for the same key.

    `key` is a random id, never personal data. On one fiscal year's end many leave on the same day (3/31);
    their anniversaries must not all speak at once.
    """
    digest = blake2b(f"{key}:{around.isoformat()}".encode(), digest_size=8).digest()
    shift = int.from_bytes(digest) % (2 * days + 1) - days
    middle = calendar.next_business_day(around)
    if shift < 0:
        return calendar.business_days_before(middle, -shift)
    return calendar.business_days_after(middle, shift)


def local_moment(day: date, at: time, zone: str) -> datetime:
    """When the clocks on the wall of `zone` show this, in UTC. Raises `ValueError` for an unknown zone.

    A time that a change of clocks skips comes as much later as the clocks jump; one that comes twice is the
    first. Source: PEP 495, `fold=0`.
    """
    return datetime.combine(day, at.replace(fold=0, tzinfo=None), _zone(zone)).astimezone(UTC)


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of this name; a platform may say one that it does not.

    Source: Unicode UTS 35: `Etc/Unknown` is the zone of a device that does not know its own.
    """
    try:
        return bool(_zone(name))
    except ValueError:
        return False


def zone_or(name: str, otherwise: str) -> str:
    """A zone that was stored, or another one where this machine does not know it (any more)."""
    return name if is_zone(name) else otherwise


def months_after(day: date, count: int) -> date:
    """The same day of the month `count` months later (earlier when negative), or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, months.monthrange(year, month + 1)[1]))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone: {name!r}") from error


def _public_holidays(country: str, year: int) -> frozenset[date]:
    if not country:
        return frozenset()
    import holidays  # noqa: PLC0415 - its import costs 0.2 s that a start does not need

    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError as error:
        raise ValueError(f"no public holidays known for {country!r}") from error
