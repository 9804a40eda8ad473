"""How a command is written where it is read: `/alumni find` is typed in one chat, `find` in another, and
where nothing is typed it is the name of a page.

Sentences have commands as the first chat types them; only here are they written otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

Spelling = Callable[[str, str], str]
"""A sentence of a catalogue, and its reader's language -> the sentence as it is read there."""
SHORT = ("jobs", "refer")
"""Commands that the first chat also knows alone: `/jobs`."""
_TYPED = re.compile(rf"(?<![\w/:.])/(?:alumni(?: |\b(?!/))|(?={'|'.join(SHORT)}))")
_NOT_JOIN = re.compile(rf"(?<![\w/:.])/(?:alumni(?! join\b)(?: |\b(?!/))|(?={'|'.join(SHORT)}))")
_SAID = re.compile(rf"(?<![\w/:.])/(?:alumni ([a-z]+)(?: ([a-z]+)\b)?|({'|'.join(SHORT)})\b)")
_BOLD = re.compile(rf"\*\*(/(?:alumni|{'|'.join(SHORT)})\b[^*]*)\*\*")
_MARKS = {"ja": "「{}」", "en": "“{}”"}


def as_typed(sentence: str, locale: str) -> str:
    """Commands as the catalogues have them."""
    return sentence


@lru_cache(maxsize=4096)
def bare(sentence: str, locale: str) -> str:
    """Commands as words alone, for a chat that has no slash: `find 山田`."""
    return _TYPED.sub("", sentence)


def pages(names: Mapping[str, Mapping[str, str]], join: Spelling | None = None) -> Spelling:
    """Commands by the names of their pages: English verb -> language -> name.

    `join` is how the one command is written that mails ask to type in the alumni's chat; without such a chat
    it has its page too.
    """
    rest = _NOT_JOIN if join is as_typed else _TYPED

    @lru_cache(maxsize=4096)
    def spelled(sentence: str, locale: str) -> str:
        def named(said: re.Match[str]) -> str:
            first, second = said[1] or said[3], said[2]
            both = f"{first} {second}"
            if first == "join" and join:
                return said[0]
            if second and both in names:
                return names[both][locale]
            more = f" {second}" if second else ""
            return names[first][locale] + more if first in names else said[0]

        def marked(said: re.Match[str]) -> str:
            name = _SAID.sub(named, said[1])
            return said[0] if name == said[1] else f"**{_MARKS[locale].format(name)}**"

        return rest.sub("", _SAID.sub(named, _BOLD.sub(marked, sentence)))

    return spelled
