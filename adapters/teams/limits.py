"""What a card may hold: the elements of Adaptive Cards 1.5 that we use, and the sizes that Teams takes.

Lengths are counted in UTF-16 units, sizes in bytes of UTF-16, as Teams counts a message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from bot.fitting import units

Json = dict[str, Any]

VERSION = "1.5"
MESSAGE = 80_000  # bytes; "Format your bot messages": about 100 kB are refused as MessageSizeTooBig
EXTENSION = 28_000  # bytes; "Build message extensions": a result of a search
ACTIONS = 6  # "Cards reference": a row of a card shows six buttons
OPTIONS = 15  # "Typeahead search in Adaptive Cards": the list shows fifteen

# The most characters of a text. Teams names none of them, so these are the house's.
LINE = 75  # a button, a choice
LABEL = 300
TEXT = 3000  # one paragraph
TYPED = 4000  # what stands in a field
TITLE = 64  # the bar of a dialog
URL = 2048
DATASET = 6000

_MARKUP = re.compile(
    r"[*`\[\]<>{}\\]|~(?=~)|(?<=~)~"  # anywhere
    r"|(?<![^\W_])_|_(?![^\W_])"  # at the edge of a word
    r"|:(?=//)|&(?=#?\w+;)"
    r"|^\s*(?:[-#]|\+(?=\s|$)|\d{1,9}[.)](?=\s|$))"  # where a list or a heading would begin
)


def weigh(content: Any) -> int:
    """The size in bytes, as the JSON that is sent would have it in UTF-16."""
    return 2 * units(json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def still(text: str) -> str:
    """The words with every sign of Markdown as its full-width twin, so that they read alike and mean nothing.

    For the few places where Teams reads Markdown and knows no runs: headings, titles of choices. Source:
    TextBlock in the schema of Adaptive Cards; its renderers read titles of radio buttons and ticks so too.
    """
    return _MARKUP.sub(lambda sign: sign[0][:-1] + chr(ord(sign[0][-1]) + 0xFEE0), text)


# --- what the elements hold ------------------------------------------------------------------------


class Rule(NamedTuple):
    """What a property may be: the reasons against a value, and the elements that may stand in it."""

    against: Callable[[Any], Iterator[str]]
    inside: frozenset[str] = frozenset()


def _text(most: int, *, empty: bool = False, markdown: bool = False) -> Rule:
    def against(value: Any) -> Iterator[str]:
        if not isinstance(value, str):
            yield "no text"
        elif units(value) > most:
            yield f"{units(value)}, at most {most}"
        elif not value and not empty:
            yield "empty"
        elif markdown and _MARKUP.search(value):
            yield "would be read as Markdown"

    return Rule(against)


def _word(*words: Any) -> Rule:
    def against(value: Any) -> Iterator[str]:
        if not any(type(value) is type(word) and value == word for word in words):
            yield f"none of {words}"

    return Rule(against)


def _number(most: int) -> Rule:
    def against(value: Any) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            yield f"no number from 1 to {most}"

    return Rule(against)


def _matching(pattern: str) -> Rule:
    shape = re.compile(pattern)

    def against(value: Any) -> Iterator[str]:
        if not isinstance(value, str) or units(value) > URL or not shape.fullmatch(value):
            yield "of another shape"

    return Rule(against)


def _data() -> Rule:
    def against(value: Any) -> Iterator[str]:
        if not isinstance(value, dict):
            yield "no data"

    return Rule(against)


def _one(*kinds: str) -> Rule:
    return Rule(lambda value: iter(() if isinstance(value, dict) else ("no element",)), frozenset(kinds))


def _many(*kinds: str, most: int = 500, least: int = 1) -> Rule:
    def against(value: Any) -> Iterator[str]:
        if not isinstance(value, list):
            yield "no list"
        elif not least <= len(value) <= most:
            yield f"{len(value)}, from {least} to {most}"

    return Rule(against, frozenset(kinds))


_FLAG_RULE = _word(True, False)
_ID = _matching(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
_HTTP = _matching(r"https?://[^\s<>\"]+")
_BODY = (
    "TextBlock", "RichTextBlock", "ColumnSet", "Image", "ActionSet",
    "Input.Text", "Input.Date", "Input.Toggle", "Input.ChoiceSet",
)  # fmt: skip
_ACTIONS = ("Action.Execute", "Action.Submit", "Action.OpenUrl")
_ELEMENT = {
    "id": _ID,
    "separator": _FLAG_RULE,
    "spacing": _word("none", "small", "medium", "large"),
}
_LOOK = {
    "color": _word("attention"),
    "isSubtle": _FLAG_RULE,
    "size": _word("small", "large"),
    "weight": _word("bolder"),
}
_ACTION = {"title": _text(LINE), "style": _word("positive", "destructive")}
_INPUT = _ELEMENT | {"label": _text(LABEL + 2)}

# Element -> property -> rule; a property with "!" must be there. Source: the schema of Adaptive Cards 1.5,
# version by version; `choices.data` is Teams' own ("Typeahead search in Adaptive Cards").
ELEMENTS: Mapping[str, Mapping[str, Rule]] = {
    "AdaptiveCard": {
        "version!": _word(VERSION),
        "lang!": _matching(r"[a-z]{2}"),
        "fallbackText!": _text(TEXT, markdown=True),
        "body!": _many(*_BODY),
        "actions": _many(*_ACTIONS, most=ACTIONS),
    },
    "TextBlock": _ELEMENT
    | _LOOK
    | {"text!": _text(TEXT, markdown=True), "wrap": _FLAG_RULE, "style": _word("heading")},
    "RichTextBlock": _ELEMENT | {"inlines!": _many("TextRun")},
    "TextRun": _LOOK
    | {"text!": _text(TEXT), "underline": _FLAG_RULE, "selectAction": _one("Action.OpenUrl")},
    "ColumnSet": _ELEMENT | {"columns!": _many("Column", most=4)},
    "Column": {
        "width": _word("auto", "stretch", 1, 2),
        "items!": _many(*_BODY),
        "verticalContentAlignment": _word("center"),
    },
    "Image": _ELEMENT
    | {"url!": _matching(r"https://[^\s<>\"]+"), "altText!": _text(LABEL), "size": _word("small", "large")},
    "ActionSet": _ELEMENT | {"actions!": _many(*_ACTIONS, most=ACTIONS)},
    "Action.Execute": _ACTION
    | {"verb!": _text(LABEL), "data!": _data(), "title!": _text(LINE), "fallback!": _one("Action.Submit")},
    "Action.Submit": _ACTION | {"data!": _data(), "title!": _text(LINE), "associatedInputs": _word("none")},
    "Action.OpenUrl": _ACTION | {"url!": _HTTP},
    "Input.Text": _INPUT
    | {
        "id!": _ID,
        "value": _text(TYPED),
        "maxLength": _number(TYPED),
        "isMultiline": _FLAG_RULE,
        "style": _word("email"),
    },
    "Input.Date": _INPUT | {"id!": _ID, "value": _matching(r"\d{4}-\d\d-\d\d")},
    "Input.Toggle": _INPUT
    | {
        "id!": _ID,
        "title!": _text(LABEL, markdown=True),
        "value": _text(LABEL),
        "valueOn": _text(LABEL),
        "valueOff": _text(LABEL),
        "wrap": _FLAG_RULE,
    },
    "Input.ChoiceSet": _INPUT
    | {
        "id!": _ID,
        "choices!": _many("Choice", least=0),
        "choices.data": _one("Data.Query"),
        "style": _word("compact", "expanded", "filtered"),
        "isMultiSelect": _FLAG_RULE,
        "value": _text(MESSAGE),
        "wrap": _FLAG_RULE,
    },
    "Choice": {"title!": _text(LINE, markdown=True), "value!": _text(LABEL * 3)},
    "Data.Query": {"dataset!": _text(DATASET)},
}


def check(content: Json, most: int = MESSAGE) -> list[str]:
    """What Teams (or the house) would refuse in a card: paths and numbers, never the words themselves.

    `most` is the size in bytes, such as `MESSAGE` or `EXTENSION`.
    """
    size = weigh(content)
    problems = [f"card: {size} bytes, at most {most}"] if size > most else []
    if content.get("type") != "AdaptiveCard":
        return [*problems, "card: no AdaptiveCard"]
    return problems + list(_element("card", content, "AdaptiveCard", set()))


def _element(path: str, node: Json, kind: str, seen: set[str]) -> Iterator[str]:
    """Everything against one element and what is inside it."""
    rules = {name.rstrip("!"): rule for name, rule in ELEMENTS[kind].items()}
    for name in (name[:-1] for name in ELEMENTS[kind] if name.endswith("!") and name[:-1] not in node):
        yield f"{path}.{name}: missing"
    if "id" in node and node["id"] in seen:
        yield f"{path}.id: used twice"
    seen.add(node.get("id", ""))
    for name, value in node.items():
        if name == "type":
            continue
        rule = rules.get(name)
        if rule is None:
            yield f"{path}.{name}: not of {kind}"
            continue
        yield from (f"{path}.{name}: {reason}" for reason in rule.against(value))
        yield from _inside(f"{path}.{name}", value, rule, seen)


def _inside(path: str, value: Any, rule: Rule, seen: set[str]) -> Iterator[str]:
    """Everything against the elements that a property holds."""
    nodes = value if isinstance(value, list) else [value]
    for index, node in enumerate(nodes if rule.inside else ()):
        here = f"{path}[{index}]" if isinstance(value, list) else path
        plain = next(iter(rule.inside)) if rule.inside == {"Choice"} else ""
        kind = (node.get("type") or plain) if isinstance(node, dict) else ""
        if kind in rule.inside:
            yield from _element(here, node, kind, seen)
        else:
            yield f"{here}: {kind or 'no element'} cannot stand here"
