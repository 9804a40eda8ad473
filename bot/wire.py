"""Cards and bound actions as JSON: for the outbox, for buttons on a platform, for the golden files.

The form is a promise: a row written by one version is read by the next, so every value carries its kind.
A number is one of 64 bits.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

import orjson

from bot import conversation as c

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        c.Text, c.Mention, c.Link, c.Address, c.Bound, c.Button, c.Paragraph, c.Note, c.Facts, c.Entry,
        c.Buttons, c.Divider, c.Picture, c.Card, c.Conversation, c.MemberJoined, c.MemberLeft,
        c.MemberChanged,
    )
}  # fmt: skip


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dump_card(card: c.Card) -> str:
    """A card as JSON text."""
    return _dumps(_plain(card))


class Stencil:
    """One card for many readers: written once with `hole` and `NUMBER` in it, then filled for each."""

    def __init__(self, card: c.Card) -> None:
        self._parts = _HOLES.split(dump_card(card))
        self._holes = list(enumerate(self._parts))[1::2]

    def fill(self, number: int, **words: str) -> str:
        """The card as `dump_card` would write it with these values."""
        given = {name: _dumps(word)[1:-1] for name, word in words.items()}
        given[str(NUMBER)] = str(number)
        parts = self._parts.copy()
        for at, name in self._holes:
            parts[at] = given[name]
        return "".join(parts)


NUMBER = 2**53 - 111_222_333
"""Stands in a `Stencil` for a number; nothing of ours is ever counted so far."""
_HOLES = re.compile(f"(?:\ue000)?((?<=\ue000)[a-z]+(?=\ue001)|{NUMBER})(?:\ue001)?")


def hole(name: str) -> str:
    """Stands in a `Stencil` for the word of this name."""
    return f"\ue000{name}\ue001"


def load_card(text: str) -> c.Card:
    """Read what `dump_card` wrote. Raises `ValueError` for anything else."""
    card = _read(text)
    if not isinstance(card, c.Card):
        raise ValueError("not a card")
    return card


def dump_bound(bound: c.Bound) -> str:
    """An action with its arguments, short enough for a button (2,000 characters in Slack)."""
    claim = [bound.action, bound.arguments()]
    try:
        return orjson.dumps(claim).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair, as somebody typed it
        return _dumps(claim)


def load_bound(text: str) -> c.Bound:
    """Read a claim of the client. Raises `ValueError` for anything that is no bound action."""
    try:
        claim = json.loads(text)
    except RecursionError:
        raise ValueError("not a bound action") from None
    match claim:
        case [str(action), dict(args)] if all(map(_storable, args.values())):
            return c.Bound(action, tuple((str(name), value) for name, value in args.items()))
    raise ValueError("not a bound action")


def _storable(value: Any) -> bool:
    """Whether a database can look for it: no number that JSON does not keep exactly (RFC 8259, 6; ten times
    it still fits 64 bits, as the offset of a page does), no half of a surrogate pair."""
    if isinstance(value, str):
        return not any("\ud800" <= char <= "\udfff" for char in value)
    return value is None or (isinstance(value, int) and -(2**53) < value < 2**53)


def dump_event(event: c.Happening, side: c.Side) -> str:
    """An event as JSON text, for the inbox."""
    return _dumps([side.value, _plain(event)])


def load_event(text: str) -> tuple[c.Happening, c.Side]:
    """Read what `dump_event` wrote. Raises `ValueError` for anything else."""
    match _read(text):
        case (str(side), event) if isinstance(event, c.Happening):
            return event, c.Side(side)
    raise ValueError("not an event")


def _read(text: str) -> Any:
    try:
        return _value(_loads(text))
    except (TypeError, KeyError, AttributeError, RecursionError) as wrong:
        raise ValueError(f"not a value of ours: {type(wrong).__name__}") from None


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        row: dict[str, Any] = {"is": type(value).__name__}
        for f in fields(value):
            row[f.name] = _plain(getattr(value, f.name))
        return row
    if isinstance(value, datetime):
        return {"is": "datetime", "at": value.isoformat()}
    if isinstance(value, date):
        return {"is": "date", "at": value.isoformat()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _loads(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # half of a surrogate pair, or no JSON at all
        return json.loads(text)


_FIELDS = {kind: frozenset(f.name for f in fields(kind)) for kind in _KINDS.values()}
_HOLD = (dict, list)


def _value(row: Any) -> Any:
    if type(row) is list:
        return tuple([_value(item) if type(item) in _HOLD else item for item in row])
    if type(row) is not dict:
        return row
    name = row.get("is")
    if name == "datetime":
        return datetime.fromisoformat(row["at"])
    if name == "date":
        return date.fromisoformat(row["at"])
    kind = _KINDS.get(str(name))
    if kind is None:
        raise ValueError(f"unknown kind {name!r}")
    own = _FIELDS[kind]
    values = {key: _value(item) if type(item) in _HOLD else item for key, item in row.items() if key in own}
    if kind is c.Address:
        values["platform"] = c.Platform(values["platform"])
    return kind(**values)
