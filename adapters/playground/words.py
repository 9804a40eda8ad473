"""The page's own words, Japanese and English side by side in words.toml, and its dates."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

LANGUAGES = ("ja", "en")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language; calling it gives one text with its places filled."""

    language: str
    texts: Mapping[str, str]
    months: tuple[str, ...]
    weekdays: tuple[str, ...]

    def __call__(self, key: str, **places: object) -> str:
        """The text of `key`; `KeyError` names a missing one."""
        return self.texts[key].format(**places)

    def day(self, at: datetime, *, year: bool = False) -> str:
        """A date: 3月31日(火) or Tue 31 March, with the year on demand."""
        weekday = self.weekdays[at.weekday()]
        if self.language == "ja":
            return (f"{at.year}年" if year else "") + f"{at.month}月{at.day}日({weekday})"
        return f"{weekday} {at.day} {self.months[at.month - 1]}" + (f" {at.year}" if year else "")


def read_words() -> dict[str, Words]:
    """Both languages out of words.toml; every text must have both (`KeyError` else)."""
    table = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))
    calendar = table.pop("calendar")
    return {
        language: Words(
            language,
            {key: both[language] for key, both in table.items()},
            tuple(calendar["months"]),
            tuple(calendar[f"weekdays_{language}"]),
        )
        for language in LANGUAGES
    }


def clock_face(at: datetime, zone: str) -> datetime:
    """The same instant on the company's wall clock."""
    return at.astimezone(ZoneInfo(zone))
