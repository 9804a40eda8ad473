"""From the bytes of a file to its text: UTF-8 with or without a mark, or CP932; nothing else by accident."""

from __future__ import annotations

import re
from typing import Final

from bot.errors import FeedRejected

_SPREADSHEETS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_PAIR = re.compile(rb"[\x80-\xff]{2}")
_ABOVE_HALF_KANA = re.compile(rb"[\xe0-\xff]")


def decode(data: bytes) -> str:
    """The text; bytes broken in an otherwise readable file become U+FFFD, and so a fault of their row.

    Raises `FeedRejected` for an empty file, a spreadsheet or other binary, and for any other encoding:
    an ASCII header over names in an encoding that was guessed would silently give wrong names.
    """
    if data.startswith(_SPREADSHEETS):
        raise FeedRejected("feed.spreadsheet")
    if b"\0" in data:
        raise FeedRejected("feed.binary")
    plain = data.removeprefix(_UTF8_MARK)
    if not plain.strip():
        raise FeedRejected("feed.empty")
    text = plain.decode("utf-8", errors="replace")
    if data.startswith(_UTF8_MARK) or _mostly_readable(text):
        return text
    text = plain.decode("cp932", errors="replace")
    if not _PAIR.search(plain) or _is_euc(plain) or not _mostly_readable(text):
        raise FeedRejected("feed.unknown_encoding")
    return text


def _mostly_readable(text: str) -> bool:
    """Whether the broken places are fewer than half of all characters beyond ASCII."""
    return text.isascii() or text.count("\ufffd") * 2 < sum(1 for c in text if c > "\x7f")


def _is_euc(data: bytes) -> bool:
    """Whether this is EUC-JP: CP932 could read it too, as a row of half-width kana."""
    try:
        data.decode("euc_jp")
    except UnicodeDecodeError:
        return False
    return bool(_ABOVE_HALF_KANA.search(data))
