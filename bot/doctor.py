"""`okaeri doctor`: looks at everything the house leans on and says what is wrong and what would be right.

Nothing is changed, and no mail is sent. With `live`, Slack itself is asked, and the first owner gets a message.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.hris.mapping import load_mapping
from adapters.mail import Postbox, knock
from bot.clock import Clock
from bot.conversation import Text, t
from bot.errors import ConfigError, Retry
from bot.settings import Settings, check
from bot.texts import Texts
from storage.condition import condition, file_of, keys_lost

_MEGABYTE = 1_000_000
_DISK_WANTED, _DISK_NEEDED = 1_000, 100  # megabytes
_CLOCK_MAY_BE_OFF = 300.0  # seconds
_AT_HOME = ("localhost", "127.0.0.1", "::1")
_MARKS = {True: "✓", None: "–", False: "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and how it is: `ok` is `None` for what is worth knowing but hinders nothing."""

    name: str
    ok: bool | None
    text: Text


async def examine(settings: Settings, *, live: bool) -> list[Finding]:
    """Everything from here; with `live` also from Slack's side."""
    clock = Clock()
    found = [*_settings(settings), *await asyncio.to_thread(_ground, settings, clock)]
    found.append(await _smtp(settings, clock))
    if live:
        from bot.doctor_live import ask_slack

        found += await ask_slack(settings, clock)
    return found


def report(findings: Iterable[Finding], texts: Texts, locale: str) -> str:
    """One line each."""
    lines = (f"{_MARKS[found.ok]} {found.name}: {texts.plain(found.text, locale)}" for found in findings)
    return "\n".join(lines)
