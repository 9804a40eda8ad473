"""Respectful hours, working days, and what a change of clocks does to them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cadence import (
    CLOSES,
    OPENS,
    Calendar,
    Preset,
    is_zone,
    local_moment,
    months_after,
    spread,
    zone_or,
)
from tests.desk import POLICY

TOKYO = "Asia/Tokyo"
JAPAN = Calendar()
ZONES = [
    TOKYO,
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "UTC",
    "America/Havana",
]
days = st.dates(date(2020, 1, 1), date(2035, 12, 31))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    "day",
    [
        "2026-09-22",  # 国民の休日, between two holidays
        "2026-05-06",  # 振替休日
        "2026-11-22",  # a Sunday
        "2026-11-23",  # 勤労感謝の日
        "2026-12-29", "2026-12-31", "2027-01-03", "2026-08-13", "2026-08-14", "2026-04-30", "2026-05-01",
    ],
)  # fmt: skip
def test_quiet_days_in_japan(day: str) -> None:
    assert not JAPAN.is_business_day(date.fromisoformat(day))


@pytest.mark.parametrize(
    "day", ["2026-12-28", "2027-01-04", "2026-08-12", "2026-04-28", "2026-05-07", "2026-11-24"]
)
def test_working_days_beside_them(day: str) -> None:
    assert JAPAN.is_business_day(date.fromisoformat(day))


def test_closures_presets_and_country_are_the_companys_own() -> None:
    foundation_day = date(2026, 6, 1)
    assert not Calendar(closures=frozenset({foundation_day})).is_business_day(foundation_day)
    assert Calendar(presets=()).is_business_day(date(2026, 8, 14))
    assert Calendar(presets=(Preset.OBON,)).is_business_day(date(2026, 12, 29))
    assert not Calendar("US", presets=()).is_business_day(date(2026, 11, 26))
    assert Calendar("", presets=()).is_business_day(date(2027, 1, 1))
    with pytest.raises(ValueError, match="no public holidays known"):
        Calendar("ZZ").is_business_day(date(2026, 6, 1))


def test_counting_over_the_new_year() -> None:
    assert JAPAN.business_days_before(date(2027, 1, 6), 3) == date(2026, 12, 28)
    assert JAPAN.business_days_before(date(2027, 1, 2), 0) == date(2026, 12, 28)
    assert JAPAN.next_business_day(date(2026, 12, 29)) == date(2027, 1, 4)
    assert JAPAN.next_business_day(date(2027, 1, 4)) == date(2027, 1, 4)
    assert JAPAN.business_days_after(date(2026, 12, 25), 2) == date(2027, 1, 4)


def test_a_calendar_without_working_days_is_told() -> None:
    closed = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(1200))
    with pytest.raises(ValueError, match="no business day"):
        Calendar("", closed, ()).next_business_day(date(2026, 6, 1))


@given(days, st.integers(0, 30))
def test_before_and_after_are_mirrors(day: date, count: int) -> None:
    start = JAPAN.next_business_day(day)
    assert JAPAN.business_days_before(JAPAN.business_days_after(start, count), count) == start
    between = [
        start + timedelta(days=n) for n in range((JAPAN.business_days_after(start, count) - start).days)
    ]
    assert sum(JAPAN.is_business_day(one) for one in between) == count


@pytest.mark.parametrize(
    ("at", "window"),
    [
        ("2026-12-01T09:59:59+09:00", "2026-12-01T10:00+09:00"),
        ("2026-12-01T10:00+09:00", "2026-12-01T10:00+09:00"),
        ("2026-12-01T17:59:59+09:00", "2026-12-01T17:59:59+09:00"),
        ("2026-12-01T18:00+09:00", "2026-12-02T10:00+09:00"),
        ("2026-12-28T19:00+09:00", "2027-01-04T10:00+09:00"),
        ("2026-11-30T16:00+00:00", "2026-12-01T10:00+09:00"),  # already tomorrow in Tokyo
    ],
)
def test_windows(at: str, window: str) -> None:
    assert JAPAN.next_window(utc(at), TOKYO) == utc(window)


@given(moments, st.sampled_from(ZONES))
def test_a_window_is_never_early_never_at_night_and_settled(at: datetime, zone: str) -> None:
    window = JAPAN.next_window(at, zone)
    local = window.astimezone(ZoneInfo(zone))
    assert window >= at
    assert window.tzinfo is UTC
    assert OPENS <= local.time() < CLOSES
    assert JAPAN.is_business_day(local.date())
    assert JAPAN.next_window(window, zone) == window


@pytest.mark.parametrize(
    "broken",
    [
        lambda: JAPAN.next_window(datetime(2026, 12, 1), TOKYO),  # noqa: DTZ001
        lambda: JAPAN.next_window(utc("2026-12-01T00:00+00:00"), TOKYO, opens=time(18), closes=time(10)),
        lambda: JAPAN.next_window(utc("2026-12-01T00:00+00:00"), "Mars/Olympus"),
        lambda: local_moment(date(2026, 12, 1), time(10), "../etc/passwd"),
        lambda: local_moment(date(2026, 12, 1), time(10), ""),
    ],
)
def test_what_makes_no_window(broken) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"window|zone"):
        broken()


@pytest.mark.parametrize(
    ("day", "at", "zone", "moment"),
    [
        ("2026-03-31", time(18), TOKYO, "2026-03-31T09:00+00:00"),
        ("2026-03-29", time(2, 30), "Europe/Berlin", "2026-03-29T01:30+00:00"),  # skipped: it is 03:30
        ("2026-10-25", time(2, 30), "Europe/Berlin", "2026-10-25T00:30+00:00"),  # twice: the first
        ("2026-11-01", time(1, 30, fold=1), "America/New_York", "2026-11-01T05:30+00:00"),
        ("2026-03-08", time(0), "America/Havana", "2026-03-08T05:00+00:00"),  # there is no midnight
    ],
)
def test_moments_over_a_change_of_clocks(day: str, at: time, zone: str, moment: str) -> None:
    assert local_moment(date.fromisoformat(day), at, zone) == utc(moment)


def test_a_window_that_opens_in_the_doubled_hour_does_not_lie_in_the_past() -> None:
    second = utc("2020-10-29T22:15+00:00")  # Friday, 00:15 for the second time
    every_day = Calendar("", presets=())
    assert every_day.next_window(second, "Asia/Amman", opens=time(0, 30), closes=time(5)) == second


NO_ZONES = [
    "",
    "Etc/Unknown",
    "Tokyo Standard Time",
    "../../etc/passwd",
    "/etc/localtime",
    "Asia",
    "Asia/\0",
    "\ud800",
]


@pytest.mark.parametrize("name", NO_ZONES)
def test_a_zone_that_is_none_is_told_from_one(name: str) -> None:
    assert not is_zone(name)
    assert zone_or(name, TOKYO) == TOKYO
    assert zone_or("Europe/Berlin", TOKYO) == "Europe/Berlin"


@given(st.text(max_size=70))
def test_whatever_a_platform_says_of_a_zone_raises_nothing(name: str) -> None:
    assert zone_or(name, TOKYO) == (name if is_zone(name) else TOKYO)


@given(moments, st.sampled_from([*ZONES, *NO_ZONES]))
def test_what_nobody_waits_for_goes_at_a_respectful_hour(at: datetime, zone: str) -> None:
    """From the first such moment on, whoever asks then hears the same; in no zone at the company's hour."""
    opens = POLICY.opens(at, zone)
    local = opens.astimezone(ZoneInfo(zone_or(zone, POLICY.zone)))
    assert opens >= at
    assert POLICY.checkin_opens <= local.time() < POLICY.checkin_closes
    assert POLICY.calendar.is_business_day(local.date())
    assert POLICY.opens(opens, zone) == opens
    if opens > at:
        assert POLICY.opens(at + (opens - at) / 2, zone) == opens


@given(st.uuids(), days, st.integers(0, 7))
def test_spreading_is_stable_and_bounded(key: object, around: date, reach: int) -> None:
    day = spread(str(key), around, reach, JAPAN)
    middle = JAPAN.next_business_day(around)
    assert day == spread(str(key), around, reach, JAPAN)
    assert JAPAN.is_business_day(day)
    assert JAPAN.business_days_before(middle, reach) <= day <= JAPAN.business_days_after(middle, reach)


def test_spreading_uses_every_day_about_equally() -> None:
    counts: dict[date, int] = {}
    for number in range(3000):
        day = spread(f"person-{number}", date(2027, 3, 31), 7, JAPAN)
        counts[day] = counts.get(day, 0) + 1
    assert len(counts) == 15
    assert max(counts.values()) < 300


@pytest.mark.parametrize(
    ("day", "count", "later"),
    [
        ("2026-01-31", 1, "2026-02-28"), ("2027-11-30", 3, "2028-02-29"), ("2026-12-31", 3, "2027-03-31"),
        ("2026-03-31", -1, "2026-02-28"), ("2026-03-15", 12, "2027-03-15"), ("2026-03-15", 0, "2026-03-15"),
    ],
)  # fmt: skip
def test_months(day: str, count: int, later: str) -> None:
    assert months_after(date.fromisoformat(day), count) == date.fromisoformat(later)
