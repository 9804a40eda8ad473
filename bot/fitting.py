"""Texts made to fit: counted in UTF-16 units, as clients of chats count, never cut inside a character."""

from __future__ import annotations

import re
import unicodedata

_LINE_ENDS = re.compile("[\\x00-\\x1f\\x7f\\x85\\u2028\\u2029]+")
_EMPTY = "\u2013"


def units(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def fit(text: str, most: int) -> str:
    """The text, cut with "…" to at most `most` UTF-16 units, never inside a character as people see it."""
    if len(text) * 2 <= most or units(text) <= most:
        return text
    cut, used = 0, 1
    for char in text:
        used += 2 if ord(char) > 0xFFFF else 1
        if used > most:
            break
        cut += 1
    return text[: _boundary(text, cut)].rstrip() + "…"


def fit_text(text: str, most: int) -> str:
    """Like `fit`, and never empty, for where an empty text is refused."""
    return fit(text, most) if text and not text.isspace() else _EMPTY


def fit_line(text: str, most: int) -> str:
    """Like `fit_text`, on one line: for headers, labels and buttons."""
    return fit_text(text if text.isprintable() else _LINE_ENDS.sub(" ", text), most)


def _boundary(text: str, cut: int) -> int:
    """The nearest place at or before `cut` that splits no visible character (looks back 32 at most)."""
    for at in range(cut, max(cut - 32, 0), -1):
        if not _joins(text, at):
            return at
    return cut


def _joins(text: str, at: int) -> bool:
    after, before = text[at : at + 1], text[at - 1]
    if not after:
        return False
    if _is_flag(after) and _is_flag(before):
        start = at
        while start and _is_flag(text[start - 1]):
            start -= 1
        return (at - start) % 2 == 1
    return before == "\u200d" or after == "\u200d" or _extends(after)


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _extends(char: str) -> bool:
    code = ord(char)
    skin_or_tag = 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F
    return skin_or_tag or unicodedata.category(char) in ("Mn", "Mc", "Me")
