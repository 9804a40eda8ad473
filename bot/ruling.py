"""How one value of HR's document is read: typed, or refused with what would be right.

What is typed into a form comes the same way, so numbers and days may also be words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from datetime import date, datetime, time
from typing import Any

from bot.cadence import Calendar
from bot.conversation import Text, t
from bot.fields import clean
from bot.phrasing import never

Toml = str | int | list[str]
Reader = Callable[[Any], Any]
ENROL_ON = ("last_day", "last_working_day", "day_after")
APPROVAL = ("one", "two")
CLOSURES = 200
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")
_ADDRESS = re.compile(
    r"(https?)://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[1-9]\d{0,4})?(?:[/?#][!-~]*)?"
)
_UNSAFE = re.compile(r"""[<>|\\"]""")
_HOUR = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?")


class Wrong(Exception):
    """A value cannot stand there; `right` says what could."""

    def __init__(self, right: Text) -> None:
        super().__init__("wrong")
        self.right = right


def words(value: object, *, limit: int) -> str:
    """Some words on one line, none of them one that we never say."""
    said = clean(value) if isinstance(value, str) else ""
    if not said or "\n" in said or len(said) > limit:
        raise Wrong(t("policy.right.words", limit=limit))
    if bad := never(said):
        raise Wrong(t("policy.right.never", word=bad))
    return said


def email(value: object) -> str:
    """A mail address that a plain SMTP server takes (RFC 5321, ASCII): it stands in every mail's Reply-To."""
    found = unicodedata.normalize("NFKC", clean(value)) if isinstance(value, str) else ""
    if not _EMAIL.fullmatch(found):
        raise Wrong(t("policy.right.email"))
    return found


def address(value: object, *, schemes: Collection[str]) -> str:
    """A web address, or "" for none."""
    found = clean(value) if isinstance(value, str) else "?"
    match = _ADDRESS.fullmatch(found)
    known = match is not None and match[1] in schemes and len(found) <= 2000 and not _UNSAFE.search(found)
    if found and not known:
        raise Wrong(t("policy.right.address", scheme=next(iter(schemes))))
    return found


def number(value: object, *, least: int, most: int) -> int:
    """A whole number between two others."""
    typed = unicodedata.normalize("NFKC", value).strip() if isinstance(value, str) else value
    if isinstance(typed, str) and typed.isascii() and typed.isdigit() and len(typed) < 9:
        typed = int(typed)
    if not isinstance(typed, int) or isinstance(typed, bool) or not least <= typed <= most:
        raise Wrong(t("policy.right.number", least=least, most=most))
    return typed


def hour(value: object) -> time:
    """A time of the day to the minute."""
    if isinstance(value, time):
        return value.replace(second=0, microsecond=0)
    match = _HOUR.fullmatch(unicodedata.normalize("NFKC", value).strip()) if isinstance(value, str) else None
    if match is None:
        raise Wrong(t("policy.right.hour"))
    return time(int(match[1]), int(match[2]))


def day(value: object) -> date | None:
    """A calendar day, or None for "" (nobody has said)."""
    if value in ("", None):
        return None
    found = value if isinstance(value, date) and not isinstance(value, datetime) else None
    if isinstance(value, str):
        try:
            found = date.fromisoformat(value.strip())
        except ValueError:
            found = None
    if found is None or not 2000 <= found.year <= 2100:
        raise Wrong(t("policy.right.day"))
    return found


def closures(value: object) -> frozenset[date]:
    """The company's own closed days, as a list or in one line with commas."""
    given = re.split(r"[\s,;、]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(given, list) or len(given) > CLOSURES:
        raise Wrong(t("policy.right.days", limit=CLOSURES))
    try:
        return frozenset(found for one in given if (found := day(one)))
    except Wrong:
        raise Wrong(t("policy.right.days", limit=CLOSURES)) from None


def country(value: object) -> str:
    """A country whose public holidays are known, or "" for none."""
    found = value.strip().upper() if isinstance(value, str) else "?"
    try:
        Calendar(found).is_business_day(date(2026, 4, 1))
    except ValueError:
        raise Wrong(t("policy.right.country")) from None
    return found


def one_of(known: Collection[str], value: object) -> str:
    """One of some words."""
    if value not in known:
        raise Wrong(t("policy.right.one_of", words=" ".join(known)))
    return str(value)
