"""The structure of rich_text blocks: which elements may stand in which, and what each must have."""

from collections.abc import Iterator
from typing import Any

from adapters.playground.slack_state import JSON

Found = Iterator[tuple[str, str]]

_STYLE = frozenset(
    {"bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"}
)
_PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "text": (("text",), ()),
    "link": (("url",), ("text", "unsafe")),
    "user": (("user_id",), ()),
    "channel": (("channel_id",), ()),
    "usergroup": (("usergroup_id",), ()),
    "team": (("team_id",), ()),
    "emoji": (("name",), ("unicode", "skin_tone")),
    "date": (("timestamp", "format"), ("fallback", "url")),
    "broadcast": (("range",), ()),
    "color": (("value",), ()),
}
_HOLDERS: dict[str, tuple[str, ...]] = {
    "rich_text_section": (),
    "rich_text_preformatted": ("border", "language"),
    "rich_text_quote": ("border",),
    "rich_text_list": ("style", "indent", "offset", "border"),
}


def rich_problems(element: Any) -> Found:
    """What is wrong in one element of a rich_text block, as (pointer below the element, words)."""
    kind = _kind(element)
    if kind not in _HOLDERS:
        yield "/type", f"unsupported type: {kind}"
        return
    for name in element.keys() - {"type", "elements", *_HOLDERS[kind]}:
        yield "", f"invalid additional property: {name}"
    if kind == "rich_text_list" and element.get("style") not in ("bullet", "ordered"):
        yield "/style", "must be one of: bullet, ordered"
    parts = element.get("elements")
    if not isinstance(parts, list):
        yield "", "missing required field: elements"
        return
    for index, part in enumerate(parts):
        for step, words in _item(part) if kind == "rich_text_list" else _part(part):
            yield f"/elements/{index}{step}", words


def _kind(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    return kind if isinstance(kind, str) else ""


def _item(part: Any) -> Found:
    if not isinstance(part, dict) or part.get("type") != "rich_text_section":
        yield "/type", "must be a rich_text_section"
    else:
        yield from rich_problems(part)


def _part(part: Any) -> Found:
    kind = _kind(part)
    if kind not in _PARTS:
        yield "/type", f"unsupported type: {kind}"
        return
    required, optional = _PARTS[kind]
    for name in required:
        yield from _required(part, name)
    for name in part.keys() - {"type", "style", *required, *optional}:
        yield "", f"invalid additional property: {name}"
    style = part.get("style", {})
    if (
        not isinstance(style, dict)
        or style.keys() - _STYLE
        or any(not isinstance(on, bool) for on in style.values())
    ):
        yield "/style", "must be an object of booleans"


def _required(part: JSON, name: str) -> Found:
    value = part.get(name)
    if name == "timestamp":
        if not isinstance(value, int) or isinstance(value, bool):
            yield "/timestamp", "must be an integer"
    elif not isinstance(value, str):
        yield f"/{name}", "must be a string"
    elif not value:
        yield f"/{name}", "must be more than 0 characters"
