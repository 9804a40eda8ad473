"""One row of any HR feed becomes a notice, or the list of what is wrong with it. Nothing is guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import blake2b
from typing import Final, Literal

from adapters.hris.dates import NotADay, read_day
from adapters.hris.mapping import FeedMapping
from bot.ports import LeaverNotice, LeavingType

_LIMITS: Final = {"employee_number": 40, "company_email": 254, "personal_email": 254}
"""Characters per field; names 80, everything else 200."""

_PARTS: Final = {
    "name": ("surname", "given_name"),
    "kana": ("surname_kana", "given_name_kana"),
    "romaji": ("surname_romaji", "given_name_romaji"),
}
_NAMES: Final = {
    "former_name",
    "entity",
    "manager",
    *_PARTS,
    *(half for both in _PARTS.values() for half in both),
}
_HIDDEN = re.compile(r"[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_REFUSED = (  # what is found in a cell, and the rule that it breaks
    ("broken_character", re.compile("\ufffd")),
    ("private_character", re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]")),
    ("control_character", re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")),
)
_KEPT_BY_SPREADSHEET = re.compile(r'="(.*)"')  # ="00123" keeps the zeros in a spreadsheet
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?E\+?\d+", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"\\]{1,64}@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]")
_SAID: Final = tuple(name for name in LeaverNotice.__dataclass_fields__ if name not in ("source", "event_id"))


Key = tuple[str, str]
"""Legal entity and employee number."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that a row breaks, at one of our fields. `rule` is the catalogue key below `feed.`."""

    field: str
    rule: str


def read_row(cells: Mapping[str, str], mapping: FeedMapping, source: str) -> LeaverNotice | list[Fault]:
    """Read one row: field -> cell, in the order of the columns (a name in two columns keeps their order).

    The notice's `event_id` is a hash of what it says: the same row twice is the same event.
    """
    row = _Row(cells, mapping)
    last_day, last_working_day, hired_on = row.days()
    leaving_type = row.meaning("leaving_type") or "unknown"
    notice = LeaverNotice(
        source=source,
        event_id="",
        entity=row.text("entity"),
        employee_number=row.number(),
        name=row.name("name", required="no_name"),
        last_day=last_day,
        kana=row.name("kana", "NFKC"),
        romaji=row.name("romaji"),
        former_name=row.text("former_name"),
        company_email=row.email("company_email"),
        personal_email=row.email("personal_email"),
        last_working_day=last_working_day,
        department=row.text("department"),
        title=row.text("title"),
        hired_on=hired_on,
        manager=row.text("manager"),
        place=row.text("place"),
        leaving_type=LeavingType(leaving_type),
        withdrawn=row.meaning("state", unknown="unknown_state") == "withdrawn",
        may_enrol=row.meaning("may_enrol", unknown="unknown_may_enrol") != "no",
        locale=row.meaning("locale"),
    )
    return row.faults or replace(notice, event_id=event_id(notice))


def key_of(cells: Mapping[str, str]) -> Key:
    """Legal entity and employee number as `read_row` takes them from these cells."""
    row = _Row(cells, FeedMapping({}, {}))
    return row.text("entity"), row.number()


def event_id(notice: LeaverNotice) -> str:
    """32 hex digits, the same for the same statement; a field that says nothing does not count."""
    said = (f"{name}={value}" for name in _SAID if (value := getattr(notice, name)) not in ("", None))
    return blake2b("\n".join(said).encode(), digest_size=16).hexdigest()


def _limit(column: str) -> int:
    return _LIMITS.get(column, 80 if column in _NAMES else 200)


@dataclass(slots=True)
class _Row:
    cells: Mapping[str, str]
    mapping: FeedMapping
    faults: list[Fault] = field(default_factory=list)

    def fault(self, column: str, rule: str) -> None:
        self.faults.append(Fault(column, rule))

    def text(self, column: str, form: Literal["NFC", "NFKC"] = "NFC") -> str:
        """The cell, one space where any white space was, without marks that turn or hide letters."""
        raw = self.cells.get(column, "").strip()
        if not raw:
            return ""
        if raw.startswith("=") and (wrapped := _KEPT_BY_SPREADSHEET.fullmatch(raw)):
            raw = wrapped[1]
        plain, rule = " ".join(raw.split()), ""
        if not plain.isprintable() or "\ufffd" in plain:
            plain = _HIDDEN.sub("", plain).strip()
            rule = next((rule for rule, found in _REFUSED if found.search(plain)), "")
        plain = unicodedata.normalize(form, plain)
        if len(plain) > _limit(column):
            rule = rule or "too_long"
        if rule:
            self.fault(column, rule)
        return "" if rule else plain

    def number(self) -> str:
        number = self.text("employee_number", "NFKC").strip()
        if not number:
            self.missing("no_employee_number", "employee_number")
        elif _SCIENTIFIC.fullmatch(number):
            self.fault("employee_number", "spoilt_number")
        return number

    def name(self, column: str, form: Literal["NFC", "NFKC"] = "NFC", required: str = "") -> str:
        name = self.text(column, form)
        if not name:
            parts = [self.text(part, form) for part in self.cells if part in _PARTS[column]]
            name = " ".join(part for part in parts if part)
            if len(name) > _limit(column):
                self.fault(_PARTS[column][0], "too_long")
        if required and not name:
            self.missing(required, column, *_PARTS[column])
        return name

    def email(self, column: str) -> str:
        email = self.text(column, "NFKC")
        if email and not _EMAIL.fullmatch(email):
            self.fault(column, "bad_email")
        return email

    def meaning(self, column: str, unknown: str = "") -> str:
        word = self.text(column)
        meaning = self.mapping.meaning(column, word) if word else ""
        if meaning is None and unknown:
            self.fault(column, unknown)
        return meaning or ""

    def days(self) -> tuple[date, date | None, date | None]:
        """Last day, last working day, day of hiring. A missing or broken last day is a fault."""
        last_day, working, hired = (self.day(name) for name in ("last_day", "last_working_day", "hired_on"))
        if last_day is None:
            self.missing("no_last_day", "last_day")
            return date.max, working, hired
        if working is not None and working > last_day:
            self.fault("last_working_day", "works_after_last_day")
        if hired is not None and hired >= last_day:
            self.fault("hired_on", "hired_after_last_day")
        return last_day, working, hired

    def day(self, column: str) -> date | None:
        text = self.text(column)
        if not text:
            return None
        try:
            return read_day(text)
        except NotADay as error:
            self.fault(column, error.rule)
            return None

    def missing(self, rule: str, *columns: str) -> None:
        """A gap is told once: not when the same cell was already refused for what stands in it."""
        if not any(fault.field in columns for fault in self.faults):
            self.fault(next((column for column in columns if column in self.cells), columns[0]), rule)
