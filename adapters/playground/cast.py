"""Everybody who lives in the playground, read from cast.toml, and the leavers' files made of some of them.

Days of leavers count from the day on which the file is made, so that a playground is never out of date.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from adapters.playground.backstage import Said

SHOWABLE = ("kana", "former_name", "employer", "position", "skills", "department", "place", "about")


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody with an account in the company workspace who is not about to leave."""

    name: str
    kana: str
    email: str
    note: Said
    language: str = "ja"


@dataclass(frozen=True, slots=True)
class Alumnus:
    """A member who left on `left`, or `left_days_ago` days before the playground began."""

    name: str
    kana: str
    romaji: str
    email: str
    department: str
    place: str
    left: date | None = None
    left_days_ago: int = 0
    former_name: str = ""
    employer: str = ""
    position: str = ""
    skills: str = ""
    about: str = ""
    language: str = "ja"
    zone: str = "Asia/Tokyo"
    hidden: Sequence[str] = ()
    listed: bool = True

    @property
    def shown(self) -> tuple[str, ...]:
        """The fields that other alumni see."""
        return tuple(field for field in SHOWABLE if getattr(self, field) and field not in self.hidden)

    def last_day(self, today: date) -> date:
        """When they left."""
        return self.left or today - timedelta(days=self.left_days_ago)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a leavers' file. `account`: whether the company workspace knows them."""

    cells: Mapping[str, str]
    last_in: int
    last_working_in: int | None = None
    account: bool = True

    def on(self, today: date) -> Mapping[str, str]:
        """The cells with the days counted from `today`; nobody's last day at work is a weekend."""
        days = {"last_day": (today + timedelta(days=self.last_in)).isoformat()}
        if self.last_working_in is not None:
            days["last_working_day"] = _weekday(today + timedelta(days=self.last_working_in)).isoformat()
        return {**self.cells, **days}


@dataclass(frozen=True, slots=True)
class Cast:
    """The whole of cast.toml; `company` holds names as settings call them."""

    company: Mapping[str, str]
    columns: Mapping[str, str]
    staff: tuple[Colleague, ...]
    employees: tuple[Colleague, ...]
    leavers: tuple[Row, ...]
    example: tuple[Row, ...]
    alumni: tuple[Alumnus, ...]

    def file(self, rows: Sequence[Row], today: date) -> bytes:
        """A leavers' file as a spreadsheet in Japan writes it: UTF-8 with a mark at its beginning, CRLF."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(self.columns)
        for row in rows:
            cells = row.on(today)
            writer.writerow([cells.get(field, "") for field in self.columns.values()])
        return text.getvalue().encode("utf-8-sig")

    def without_account(self) -> frozenset[str]:
        """Company addresses of leavers whom the company workspace does not know."""
        return frozenset(row.cells["email"] for row in self.leavers + self.example if not row.account)


@cache
def read_cast() -> Cast:
    """Everybody, from cast.toml."""
    table = tomllib.loads(Path(__file__).with_name("cast.toml").read_text("utf-8"))
    return Cast(
        table["company"],
        table["columns"],
        tuple(_colleague(one) for one in table["staff"]),
        tuple(_colleague(one) for one in table["employees"]),
        tuple(_row(one) for one in table["leavers"]),
        tuple(_row(one) for one in table["example"]),
        tuple(Alumnus(**one) for one in table["alumni"]),
    )


def _colleague(one: Mapping[str, object]) -> Colleague:
    values = dict(one)
    note = values.pop("note")
    return Colleague(note=Said(**note), **values)  # type: ignore[arg-type]


def _row(one: Mapping[str, object]) -> Row:
    cells = {"state": "予定"} | {name: str(value) for name, value in one.items() if name not in Row.__slots__}
    own = {name: value for name, value in one.items() if name in Row.__slots__}
    return Row(cells, **own)  # type: ignore[arg-type]


def _weekday(day: date) -> date:
    return day - timedelta(days=max(0, day.weekday() - 4))
