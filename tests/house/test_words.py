"""Words that never stand in this project, and places of one machine that never get into it."""

from __future__ import annotations

import re

from tests.house.sentences import entries
from tests.house.source import texts

_NEVER = re.compile("出" + r"戻り|\bal" + r"ums?\b", re.IGNORECASE)
_PLACES = re.compile(r"(?<![\w.:/}-])/(?:work|root|home|Users)/\w+")
_UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")
_UNKIND = re.compile(
    "不採" + "用|お見" + "送り|不合" + "格|残念なが" + r"ら|\b(?:reject(?:ed|ion)?|unsuccessful|regret)\b",
    re.IGNORECASE,
)
NAMES_THE_WORDS = {"docs/glossary.md"}  # lists them, as words not to use


def found(pattern: re.Pattern[str], *, apart: frozenset[str] = frozenset()) -> list[str]:
    """`path:line: words` for each line that the pattern finds."""
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in texts().items()
        if path not in apart
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_nobody_is_called_what_alumni_are_not() -> None:
    assert not found(_NEVER, apart=frozenset(NAMES_THE_WORDS))


def test_nobody_is_turned_away_in_unkind_words() -> None:
    """No sentence of any catalogue has such a word, whoever reads it; DNS has one (`p=` of DMARC)."""
    said = ((key, form) for key, by in entries().items() for forms in by.values() for form in forms)
    assert not [key for key, form in said if _UNKIND.search(form) and "DMARC" not in form]


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    assert not found(_PLACES)


def test_nothing_is_put_off() -> None:
    assert not found(_UNFINISHED)


def test_the_patterns_find_what_they_are_for() -> None:
    assert _NEVER.search("an al" + "um")
    assert _NEVER.search("出" + "戻り社員")
    assert not _NEVER.search("an alumnus among alumni, aluminium")
    assert _UNKIND.search("Your application was reject" + "ed.")
    assert not _UNKIND.search("The address was refused; it is a project.")
    assert _PLACES.search("see /home" + "/aiko/x")
    assert not _PLACES.search("https://example.com/home/x")
