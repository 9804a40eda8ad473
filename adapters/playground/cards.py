"""Adaptive Cards for a page: which element is which input, what belongs to it, and which button is meant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from adapters.playground.blocks import lines, link, safe_url

JSON = Mapping[str, Any]
INPUTS: Final = frozenset(
    ("Input.Text", "Input.Number", "Input.Date", "Input.Time", "Input.Toggle", "Input.ChoiceSet")
)
_SIZES: Final = frozenset(("small", "medium", "large", "extralarge"))
_COLOURS: Final = frozenset(("attention", "good", "warning", "accent"))


@dataclass(frozen=True, slots=True)
class Piece:
    """One element; below an input what is wrong with it and its small print, which readers hear with it."""

    element: JSON
    error: JSON | None = None
    hint: JSON | None = None


def pieces(elements: Sequence[JSON] | None) -> Iterator[Piece]:
    """The elements in their order, each input together with the words that stand right below it."""
    left = list(elements or ())
    while left:
        element = left.pop(0)
        if element.get("type") not in INPUTS:
            yield Piece(element)
            continue
        error = left.pop(0) if left and _says(left[0], attention=True) else None
        hint = left.pop(0) if left and _says(left[0], attention=False) else None
        yield Piece(element, error, hint)


def choice_kind(field: JSON) -> str:
    """How a set of choices is drawn: search, boxes, radio or list."""
    if (field.get("choices.data") or {}).get("type") == "Data.Query":
        return "search"
    if field.get("isMultiSelect"):
        return "boxes"
    return "radio" if field.get("style") == "expanded" else "list"


def wanted(action: JSON) -> str:
    """What tells a button from all others of its card: its data, or its title; as the page sends it back."""
    return json.dumps(action.get("data") or action.get("title") or "", ensure_ascii=False)


def run(part: Any) -> Markup:
    """One run of a rich text, or plain words, as HTML: what Teams reads as Markdown is not here."""
    if not isinstance(part, Mapping):
        return lines(part)
    leads = part.get("selectAction") or {}
    target = leads.get("url") if leads.get("type") == "Action.OpenUrl" else None
    words = link(target, str(part.get("text") or "")) if target else lines(part.get("text"))
    if part.get("italic"):
        words = Markup("<em>{}</em>").format(words)
    if part.get("strikethrough"):
        words = Markup("<del>{}</del>").format(words)
    return Markup('<span class="{}">{}</span>').format(look(part), words) if look(part) else words


def look(part: JSON) -> str:
    """The classes of a text: weight, size, colour, subtlety."""
    found = ["bolder"] if str(part.get("weight", "")).lower() == "bolder" else []
    size, colour = str(part.get("size", "")).lower(), str(part.get("color", "")).lower()
    found += [f"size-{size}"] if size in _SIZES else []
    found += [f"colour-{colour}"] if colour in _COLOURS else []
    return " ".join([*found, "subtle"] if part.get("isSubtle") else found)


def picture(url: Any) -> str:
    """The address of a picture that a page may load: its own, or one inside the card."""
    text = str(url or "")
    return text if text.startswith("data:image/") or safe_url(text) else ""


def warns(element: JSON) -> bool:
    """Whether a text is one about something that is wrong."""
    return _says(element, attention=True)


def _says(element: JSON, *, attention: bool) -> bool:
    """Whether these are words about the input above: what is wrong, or small print."""
    runs = [one for one in element.get("inlines") or () if isinstance(one, Mapping)]
    if element.get("type") != "RichTextBlock" or not runs:
        return False
    if attention:
        return all(str(one.get("color", "")).lower() == "attention" for one in runs)
    return element.get("spacing") == "small" and all(one.get("isSubtle") for one in runs)


DRAWING: Final = (choice_kind, look, picture, pieces, run, wanted, warns)
"""What the templates call."""
