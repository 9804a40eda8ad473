"""What the doctor found, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.conversation import Text
from bot.texts import Texts

_MARKS = {True: "✓", None: "–", False: "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and how it is: `ok` is `None` for what is worth knowing but hinders nothing."""

    name: str
    ok: bool | None
    text: Text


def report(findings: Iterable[Finding], texts: Texts, locale: str) -> str:
    """One line each."""
    lines = (f"{_MARKS[found.ok]} {found.name}: {texts.plain(found.text, locale)}" for found in findings)
    return "\n".join(lines)
