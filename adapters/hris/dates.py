"""The ways in which an HR export writes a day; what could be read in two ways is not read at all."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final

FIRST_YEAR: Final = 1950
LAST_YEAR: Final = 2099  # 9999-12-31 means "no end" in many systems, and is nobody's last day
_MIDNIGHT = re.compile(r"[T ]+0{1,2}:00(?::00(?:\.0+)?)?Z?$")
_WEEKDAY = re.compile(r"\([月火水木金土日]\)$")
_WESTERN = re.compile(r"(\d{4})(?:([-/.])(\d{1,2})\2(\d{1,2})|年(\d{1,2})月(\d{1,2})日)")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_ERA = re.compile(
    r"(令和|平成|昭和|[RHS])(\d{1,2}|元)(?:([-/.])(\d{1,2})\3(\d{1,2})|年(\d{1,2})月(\d{1,2})日)"
)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_ERAS: Final = {  # first and last day. Source: the eras' enactments (元号を改める政令)
    "R": (date(2019, 5, 1), date.max),
    "H": (date(1989, 1, 8), date(2019, 4, 30)),
    "S": (date(1926, 12, 25), date(1989, 1, 7)),
}
_LETTERS: Final = {"令和": "R", "平成": "H", "昭和": "S"}


class NotADay(ValueError):
    """`rule` is the catalogue key below `feed.`; the text itself is never kept."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def read_day(text: str) -> date:
    """A day from 2026-03-31, 2026/3/31, 2026年3月31日, 令和8年3月31日, R8.3.31 or 20260331, in any width.

    A midnight or a weekday behind it is let through. Raises `NotADay` for everything else: `serial_date` for
    a spreadsheet's day number, `far_date` outside 1950-2099, `bad_date` for the rest.
    """
    plain = _MIDNIGHT.sub("", unicodedata.normalize("NFKC", text).strip())
    plain = _WEEKDAY.sub("", "".join(plain.split())).upper()
    try:
        day = _western(plain) or _japanese(plain)
    except ValueError:
        raise NotADay("bad_date") from None
    if day is None:
        raise NotADay("serial_date" if _SERIAL.fullmatch(plain) else "bad_date")
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise NotADay("far_date")
    return day


def _western(text: str) -> date | None:
    match = _WESTERN.fullmatch(text) or _COMPACT.fullmatch(text)
    return _day(match) if match else None


def _japanese(text: str) -> date | None:
    match = _ERA.fullmatch(text)
    if match is None:
        return None
    first, last = _ERAS[_LETTERS.get(match[1], match[1])]
    year = first.year - 1 + (1 if match[2] == "元" else int(match[2]))
    day = date(year, *_numbers(match)[-2:])
    if not first <= day <= last:
        raise NotADay("bad_date")
    return day


def _day(match: re.Match[str]) -> date:
    year, month, day = _numbers(match)
    return date(year, month, day)


def _numbers(match: re.Match[str]) -> list[int]:
    return [int(group) for group in match.groups() if group and group.isdecimal()]
