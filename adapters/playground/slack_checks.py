"""Checks blocks and views against the tables of slack_limits.py and says what is wrong in Slack's own way.

Every problem is words and a pointer: `must be less than 151 characters [json-pointer:/blocks/0/text/text]`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from adapters.playground.slack_limits import (
    ALLOWED,
    BLOCKS,
    COMPOSITIONS,
    ELEMENTS,
    INTERACTIVE,
    MARKDOWN_TEXT,
    MESSAGE_BLOCKS,
    OPTIONS,
    VIEW_BLOCKS,
    VIEW_BYTES,
    VIEWS,
    Field,
    Shape,
)
from adapters.playground.slack_rich_text import rich_problems
from adapters.playground.slack_state import JSON

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_UNCHECKED = frozenset({"type", "block_id"})
_PRESSED = INTERACTIVE - {"image"}
_UNIQUE_TYPES = ("table", "data_table")


class Place(NamedTuple):
    """Where a value stands: the surface (message, modal, home) and its JSON pointer."""

    surface: str
    at: str

    def __truediv__(self, step: str | int) -> "Place":
        return Place(self.surface, f"{self.at}/{step}")

    def says(self, words: str) -> str:
        """The problem in Slack's form."""
        return f"{words} [json-pointer:{self.at}]"


Problems = Iterator[str]
Check = Callable[[Any, Field, Place], Problems]


def check_blocks(blocks: Any, surface: str = "message", at: str = "/blocks") -> list[str]:
    """Everything that Slack would refuse in a list of blocks on `surface` (message, modal or home)."""
    place = Place(surface, at)
    if not isinstance(blocks, (list, tuple)):
        return [place.says("must be an array")]
    most = MESSAGE_BLOCKS if surface == "message" else VIEW_BLOCKS
    found = [place.says(f"no more than {most} items allowed")] if len(blocks) > most else []
    for index, block in enumerate(blocks):
        found += _block(block, place / index)
    return found + list(_across(blocks, place))


def check_view(view: Any) -> list[str]:
    """Everything that Slack would refuse in a modal or Home view, except its size (see `too_large`)."""
    place = Place(type_of(view), "/view")
    if place.surface not in VIEWS:
        return [place.says("must be an object of type modal or home")]
    found = list(_shaped(view, VIEWS[place.surface], place))
    blocks = view.get("blocks")
    if isinstance(blocks, list):
        if not blocks:
            found.append((place / "blocks").says("must contain at least 1 item"))
        found += check_blocks(blocks, place.surface, "/view/blocks")
        found += _needs_submit(view, blocks, place / "blocks")
    return found


def check_options(options: list[Any]) -> list[str]:
    """Everything that Slack would refuse in the options that an app suggests for a search field."""
    return list(_options(options, Field("options", OPTIONS), Place("modal", "/options")))


def too_large(view: Any) -> bool:
    """Whether a view is over 250 kB (`view_too_large`)."""
    return len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES


def elements_of(blocks: Sequence[JSON]) -> Iterator[tuple[JSON, JSON]]:
    """Every interactive element of well-formed blocks with the block that holds it."""
    for block in blocks:
        held = [block.get("accessory"), block.get("element"), *_listed(block.get("elements"))]
        for element in held:
            if type_of(element) in _PRESSED:
                yield block, element
        yield from elements_of(
            [child for child in _listed(block.get("child_blocks")) if isinstance(child, dict)]
        )


def type_of(value: Any) -> str:
    """The `type` of anything that came from outside, empty when it has none."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _needs_submit(view: Mapping[str, Any], blocks: list[Any], place: Place) -> Problems:
    if view["type"] != "modal" or view.get("submit"):
        return
    for index, block in enumerate(blocks):
        if type_of(block) == "input":
            yield (place / index / "input").says("must define `submit` to use `input` block")


def _across(blocks: Sequence[Any], place: Place) -> Problems:
    """Rules over several blocks: ids, one table, all markdown together, one focus."""
    whole = [(index, block) for index, block in enumerate(blocks) if isinstance(block, dict)]
    seen: set[str] = set()
    for index, block in whole:
        name = block.get("block_id")
        if isinstance(name, str) and name:
            if name in seen:
                yield (place / index / "block_id").says(f'`block_id` "{name}" already exists')
            seen.add(name)
        yield from _action_ids(block, place / index)
    for kind in _UNIQUE_TYPES:
        if sum(block.get("type") == kind for _, block in whole) > 1:
            yield place.says(f"only one {kind} is allowed")
    markdown = [block.get("text") for _, block in whole if block.get("type") == "markdown"]
    if sum(len(text) for text in markdown if isinstance(text, str)) > MARKDOWN_TEXT:
        yield place.says(f"all markdown together must be less than {MARKDOWN_TEXT + 1} characters")
    focused = [
        element for _, element in elements_of([block for _, block in whole]) if element.get("focus_on_load")
    ]
    if len(focused) > 1:
        yield place.says("only one element may have `focus_on_load`")


def _action_ids(block: JSON, place: Place) -> Problems:
    seen: set[str] = set()
    for _, element in elements_of([block]):
        name = element.get("action_id")
        if isinstance(name, str) and name in seen:
            yield place.says(f'`action_id` "{name}" already exists in this block')
        if isinstance(name, str):
            seen.add(name)


def _block(block: Any, place: Place) -> Problems:
    if not isinstance(block, dict):
        yield place.says("must be an object")
        return
    kind = type_of(block)
    if kind not in BLOCKS or kind not in ALLOWED[place.surface]:
        yield (place / "type").says(f"unsupported type: {kind}")
        return
    name = block.get("block_id")
    if name is not None and (not isinstance(name, str) or len(name) > 255):
        yield (place / "block_id").says("must be less than 256 characters")
    yield from _shaped(block, BLOCKS[kind], place)


def _shaped(value: Any, shape: Shape, place: Place) -> Problems:
    """Required and unknown properties, then every known one."""
    if not isinstance(value, dict):
        yield place.says("must be an object")
        return
    for name, field in shape.fields.items():
        found = value.get(name)
        if found is not None:
            yield from CHECKS[field.kind](found, field, place / name)
        elif field.required:
            yield place.says(f"missing required field: {name}")
    if not shape.open:
        for name in value.keys() - shape.fields.keys() - _UNCHECKED:
            yield place.says(f"invalid additional property: {name}")
    if shape.one_of and sum(value.get(name) is not None for name in shape.one_of) != 1:
        yield place.says("must have exactly one of: " + ", ".join(shape.one_of))
    if shape.any_of and all(value.get(name) is None for name in shape.any_of):
        yield place.says("must have at least one of: " + ", ".join(shape.any_of))


def _length(text: str, field: Field, place: Place) -> Problems:
    if len(text) > field.most:
        yield place.says(f"must be less than {field.most + 1} characters")
    if len(text) < field.least:
        yield place.says(f"must be more than {field.least - 1} characters")


def _string(value: Any, field: Field, place: Place) -> Problems:
    if isinstance(value, str):
        yield from _length(value, field, place)
    else:
        yield place.says("must be a string")


def _text(value: Any, field: Field, place: Place) -> Problems:
    """A text object; `plain` fields take no mrkdwn."""
    if type_of(value) not in ("plain_text", "mrkdwn"):
        yield place.says("must be a text object")
        return
    if field.kind == "plain" and value["type"] != "plain_text":
        yield place.says("must be a plain_text object")
    extra = "emoji" if value["type"] == "plain_text" else "verbatim"
    for name in value.keys() - {"type", "text", extra}:
        yield place.says(f"invalid additional property: {name}")
    yield from _string(value.get("text"), field, place / "text")


def _texts(value: Any, field: Field, place: Place) -> Problems:
    """The fields of a section: at most ten texts of 2,000 characters."""
    yield from _each(value, field, place, lambda item, at: _text(item, Field("text", 2000, 1), at))


def _context(value: Any, field: Field, place: Place) -> Problems:
    def one(item: Any, at: Place) -> Problems:
        if type_of(item) == "image":
            yield from _shaped(item, ELEMENTS["image"], at)
        else:
            yield from _text(item, Field("text", 3000, 1), at)

    yield from _each(value, field, place, one)


def _each(value: Any, field: Field, place: Place, check: Callable[[Any, Place], Problems]) -> Problems:
    if not isinstance(value, list):
        yield place.says("must be an array")
        return
    if len(value) > field.most:
        yield place.says(f"no more than {field.most} items allowed")
    if len(value) < field.least:
        yield place.says(f"no less than {field.least} items allowed")
    for index, item in enumerate(value):
        yield from check(item, place / index)


def _element(value: Any, field: Field, place: Place) -> Problems:
    kind = type_of(value)
    if kind not in field.among or kind not in ELEMENTS:
        yield (place / "type").says(f"unsupported type: {kind}")
        return
    yield from _shaped(value, ELEMENTS[kind], place)
    yield from _initials(value, place)
    least, most = value.get("min_length"), value.get("max_length")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield place.says("`min_length` must not exceed `max_length`")


def _initials(element: JSON, place: Place) -> Problems:
    """What is chosen at first must be one of the options, word for word (external selects have none)."""
    groups = [group for group in _listed(element.get("option_groups")) if isinstance(group, dict)]
    options = _listed(element.get("options")) + [
        one for group in groups for one in _listed(group.get("options"))
    ]
    if not options:
        return
    chosen = [*_listed(element.get("initial_options")), element.get("initial_option")]
    for option in chosen:
        if option is not None and option not in options:
            yield place.says("initial option(s) could not be found among the options")


def _option(value: Any, _field: Field, place: Place) -> Problems:
    yield from _shaped(value, COMPOSITIONS["option"], place)


def _options(value: Any, field: Field, place: Place) -> Problems:
    yield from _each(value, field, place, lambda item, at: _option(item, field, at))


def _groups(value: Any, field: Field, place: Place) -> Problems:
    yield from _each(value, field, place, lambda item, at: _shaped(item, COMPOSITIONS["group"], at))


def _elements(value: Any, field: Field, place: Place) -> Problems:
    yield from _each(value, field, place, lambda item, at: _element(item, field, at))


def _rows(value: Any, field: Field, place: Place) -> Problems:
    def row(cells: Any, at: Place) -> Problems:
        yield from _each(cells, Field("list", 20, 1), at, lambda _cell, _at: iter(()))

    yield from _each(value, field, place, row)


def _rich(value: Any, field: Field, place: Place) -> Problems:
    def one(item: Any, at: Place) -> Problems:
        for step, words in rich_problems(item):
            yield Place(at.surface, at.at + step).says(words)

    yield from _each(value, field, place, one)


def _integer(value: Any, field: Field, place: Place) -> Problems:
    if not isinstance(value, int) or isinstance(value, bool):
        yield place.says("must be an integer")
    elif not field.least <= value <= field.most:
        yield place.says(f"must be between {field.least} and {field.most}")


def _is(kind: type, words: str) -> Check:
    def check(value: Any, _field: Field, place: Place) -> Problems:
        if not isinstance(value, kind):
            yield place.says(words)

    return check


def _choice(value: Any, field: Field, place: Place) -> Problems:
    if not isinstance(value, str) or value not in field.among:
        yield place.says("must be one of: " + ", ".join(sorted(field.among)))


def _pattern(pattern: re.Pattern[str], words: str) -> Check:
    def check(value: Any, _field: Field, place: Place) -> Problems:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            yield place.says(words)

    return check


def _strings(value: Any, field: Field, place: Place) -> Problems:
    yield from _each(value, field, place, lambda item, at: _string(item, Field("string", 255, 1), at))


def _list(value: Any, field: Field, place: Place) -> Problems:
    yield from _each(
        value, Field("list", field.most or 10_000, field.least), place, lambda _item, _at: iter(())
    )


CHECKS: Mapping[str, Check] = {
    "string": _string,
    "plain": _text,
    "text": _text,
    "texts": _texts,
    "context": _context,
    "element": _element,
    "elements": _elements,
    "option": _option,
    "options": _options,
    "groups": _groups,
    "confirm": lambda value, _field, place: _shaped(value, COMPOSITIONS["confirm"], place),
    "rows": _rows,
    "rich": _rich,
    "blocks": lambda value, field, place: _each(value, field, place, _block),
    "integer": _integer,
    "flag": _is(bool, "must be a boolean"),
    "object": _is(dict, "must be an object"),
    "choice": _choice,
    "date": _pattern(_DATE, "must be a date like 2026-03-31"),
    "time": _pattern(_TIME, "must be a time like 18:00"),
    "strings": _strings,
    "list": _list,
}
