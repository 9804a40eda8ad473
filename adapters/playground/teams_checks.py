"""What Teams refuses in an activity or a card that a bot sends: shape, version 1.5, kinds, sizes."""

import json
from collections.abc import Iterator
from typing import Any, Final

from adapters.playground.teams_state import ADAPTIVE, JSON, TeamsError

MESSAGE_BYTES: Final = 100 * 1024  # of UTF-16, without base64 pictures; platform-facts T6
RESULT_BYTES: Final = 28 * 1024  # the card of a result of a message extension; platform-facts T6
REFRESH_USERS: Final = 60  # platform-facts T10
_VERSION: Final = (1, 5)
_ELEMENTS: Final = frozenset(
    (
        "TextBlock", "RichTextBlock", "Image", "ImageSet", "Media", "ActionSet", "Container", "ColumnSet",
        "Column", "FactSet", "Table", "TableRow", "TableCell", "TextRun", "Input.Text", "Input.Number",
        "Input.Date", "Input.Time", "Input.Toggle", "Input.ChoiceSet", "Chart.Donut", "Chart.Pie",
        "Chart.VerticalBar", "Chart.VerticalBar.Grouped", "Chart.HorizontalBar",
        "Chart.HorizontalBar.Stacked", "Chart.Line", "Chart.Gauge",
    )
)  # fmt: skip
_ACTIONS: Final = frozenset(
    ("Action.OpenUrl", "Action.Submit", "Action.ShowCard", "Action.ToggleVisibility", "Action.Execute")
)
_INSIDE: Final = ("body", "items", "columns", "rows", "cells", "images", "inlines")
_NEEDED: Final = {
    "TextBlock": ("text",),
    "RichTextBlock": ("inlines",),
    "Image": ("url",),
    "FactSet": ("facts",),
    "ActionSet": ("actions",),
    "Action.OpenUrl": ("title", "url"),
    "Action.Submit": ("title",),
    "Action.Execute": ("title",),
}
_KINDS: Final = ("message", "typing", "event", "endOfConversation")


def check_activity(activity: Any) -> JSON:
    """An activity of a bot that Teams takes; raises 400 and 413 in the connector's words."""
    if not isinstance(activity, dict) or activity.get("type") not in _KINDS:
        raise TeamsError(400, "BadSyntax", "Activity type is missing or not supported.")
    if not isinstance(activity.get("from"), dict) or not activity["from"].get("id"):
        raise TeamsError(400, "BadArgument", "Activity.From field required.")
    if utf16(activity) > MESSAGE_BYTES:
        raise TeamsError(413, "MessageSizeTooBig", "Message size too large.")
    attached = activity.get("attachments") or []
    if activity["type"] == "message" and not (activity.get("text") or attached):
        raise TeamsError(400, "BadSyntax", "Activity resulted into an empty message.")
    for one in attached:
        if one.get("contentType") == ADAPTIVE and (problem := card_problem(one.get("content"))):
            raise TeamsError(400, "BadArgument", f"Invalid card: {problem}")
    return activity


def utf16(value: Any) -> int:
    """The size as Teams counts it: bytes of UTF-16, pictures inside the message not counted."""
    return len(json.dumps(_without_pictures(value), ensure_ascii=False).encode("utf-16-le"))


def card_problem(card: Any) -> str | None:
    """What is wrong with an Adaptive Card, in words for a developer; None when Teams shows it."""
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        return "it is no AdaptiveCard"
    if (version := _version(card.get("version"))) is None or version > _VERSION:
        return f"version {card.get('version')} is not supported"
    asked = card.get("refresh") or {}
    if len(asked.get("userIds") or []) > REFRESH_USERS:
        return f"refresh.userIds has more than {REFRESH_USERS} entries"
    return next(_problems(card), None)


def elements(card: JSON, *, nested: bool = True) -> Iterator[JSON]:
    """Every element of a card from the top down; `nested`: also of the cards behind Action.ShowCard."""
    for name in _INSIDE:
        for one in _dicts(card.get(name)):
            yield one
            yield from elements(one, nested=False)
    if nested:
        for action in actions(card, nested=False):
            if isinstance(action.get("card"), dict):
                yield from elements(action["card"])


def actions(card: JSON, *, nested: bool = True) -> Iterator[JSON]:
    """Every action of a card, of action sets and tapped places; `nested` as for `elements`."""
    tapped = [card["selectAction"]] if isinstance(card.get("selectAction"), dict) else []
    for action in [*_dicts(card.get("actions")), *tapped]:
        yield action
        if nested and isinstance(action.get("card"), dict):
            yield from actions(action["card"])
    for name in _INSIDE:
        for one in _dicts(card.get(name)):
            yield from actions(one, nested=nested)


def _problems(card: JSON) -> Iterator[str]:
    seen: set[str] = set()
    for one in elements(card):
        kind = one.get("type", "Column" if "items" in one else None)
        if kind not in _ELEMENTS and "fallback" not in one:
            yield f"{kind} is no element"
        yield from _missing(one)
        if str(kind).startswith("Input."):
            yield from _input_problems(one, seen)
    for action in actions(card):
        if action.get("type") not in _ACTIONS:
            yield f"{action.get('type')} is no action"
        yield from _missing(action)


def _input_problems(field: JSON, seen: set[str]) -> Iterator[str]:
    name = field.get("id")
    if not name or name in seen:
        yield f"the id {name!r} of an input is missing or used twice"
    seen.add(str(name))
    if field["type"] == "Input.Toggle" and not field.get("title"):
        yield f"{name} has no title"
    for choice in field.get("choices") or []:
        if not (isinstance(choice.get("title"), str) and isinstance(choice.get("value"), str)):
            yield f"a choice of {name} has no title or value"


def _missing(one: JSON) -> Iterator[str]:
    for name in _NEEDED.get(str(one.get("type")), ()):
        if name == "title" and one.get("iconUrl"):
            continue
        if one.get(name) in (None, ""):
            yield f"{one['type']} without {name}"


def _version(value: Any) -> tuple[int, int] | None:
    major, dot, minor = str(value).partition(".")
    return (int(major), int(minor)) if dot and major.isdecimal() and minor.isdecimal() else None


def _dicts(value: Any) -> list[JSON]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _without_pictures(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_pictures(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_pictures(one) for one in value]
    return "" if isinstance(value, str) and value.startswith("data:image/") else value
