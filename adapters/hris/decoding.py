"""In which encoding a file is: UTF-8 with or without a mark, or CP932; nothing else by accident."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

from bot.errors import FeedRejected

_SPREADSHEETS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_PAIR = re.compile(rb"[\x80-\xff]{2}")
_ABOVE_HALF_KANA = re.compile(rb"[\xe0-\xff]")
_PIECE: Final = 1_000_000


def encoding_of(data: bytes) -> str:
    """How to decode it, with `errors="replace"`: broken bytes in an otherwise readable file become U+FFFD,
    and so a fault of their row. It is looked at piece by piece: a large file's text is never held whole.

    Raises `FeedRejected` for an empty file, a spreadsheet or other binary, and for any other encoding:
    an ASCII header over names in an encoding that was guessed would silently give wrong names.
    """
    if data.startswith(_SPREADSHEETS):
        raise FeedRejected("feed.spreadsheet")
    if b"\0" in data:
        raise FeedRejected("feed.binary")
    text = data.removeprefix(_UTF8_MARK)
    if not text or text.isspace():
        raise FeedRejected("feed.empty")
    if len(text) < len(data) or _mostly_readable(data, "utf-8"):
        return "utf-8-sig"
    if not _PAIR.search(data) or _is_euc(data) or not _mostly_readable(data, "cp932"):
        raise FeedRejected("feed.unknown_encoding")
    return "cp932"


def _pieces(data: bytes, encoding: str, errors: str = "replace") -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for at in range(0, len(data), _PIECE):
        yield decoder.decode(data[at : at + _PIECE], final=at + _PIECE >= len(data))


def _mostly_readable(data: bytes, encoding: str) -> bool:
    """Whether the broken places are fewer than half of all characters beyond ASCII."""
    broken = foreign = 0
    for text in _pieces(data, encoding):
        if not text.isascii():
            broken += text.count("\ufffd")
            foreign += len(text) - len(text.encode("ascii", "ignore"))
    return not foreign or broken * 2 < foreign


def _is_euc(data: bytes) -> bool:
    """Whether this is EUC-JP: CP932 could read it too, as a row of half-width kana."""
    try:
        for _ in _pieces(data, "euc_jp", "strict"):
            pass
    except UnicodeDecodeError:
        return False
    return bool(_ABOVE_HALF_KANA.search(data))
