"""Rows as a file that a spreadsheet opens as it was meant: Japanese too, and nothing in it is run."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import Enum
from zoneinfo import ZoneInfo

_SIGNS = frozenset("=+-@\N{MINUS SIGN}")
_CUTS = ("\t", "\n")


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]], zone: str) -> bytes:
    """UTF-8 with a byte order mark and CRLF, as Excel wants it; a line break inside a cell is LF.

    A day is written `2026-03-31`, a moment as the wall clock of `zone` shows it (`2026-03-31 18:00`), nothing
    as an empty cell. Words that a spreadsheet would run as a formula get an apostrophe in front; numbers are
    left alone. Raises `TypeError` for what is no value of a cell, `ValueError` for a moment without a zone.
    Source: OWASP, CSV injection.
    """
    there = ZoneInfo(zone)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(one, there) for one in header])
    writer.writerows([_cell(one, there) for one in row] for row in rows)
    return out.getvalue().encode("utf-8-sig", errors="replace")


def _cell(value: object, zone: ZoneInfo) -> str:
    match value:
        case None:
            return ""
        case Enum():
            return _cell(value.value, zone)
        case str():
            return _harmless(value.replace("\r\n", "\n").replace("\r", "\n"))
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case datetime():
            return _moment(value, zone)
        case date():
            return value.isoformat()
    raise TypeError(type(value).__name__)


def _moment(value: datetime, zone: ZoneInfo) -> str:
    if value.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"


def _harmless(text: str) -> str:
    """Full-width signs count too, and whatever cannot be seen before the sign does not hide it."""
    first = next((char for char in text if not _unseen(char)), "")
    runs = text.startswith(_CUTS) or unicodedata.normalize("NFKC", first) in _SIGNS
    return f"'{text}" if runs else text


def _unseen(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf")
