"""Slack's limits for messages and views: one table and a checker; `bot.fitting` cuts.

Lengths are counted in UTF-16 units: whichever way Slack counts an emoji, what fits here fits there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.fitting import units

Json = dict[str, Any]

# "kind.field": the most characters (texts) or items (lists). Sources, under docs.slack.dev:
# [block] reference/block-kit/blocks, [element] reference/block-kit/block-elements,
# [object] reference/block-kit/composition-objects, [view] surfaces/modals and the doc comments of
# @slack/types; [house] ours, because Slack names none.
LIMITS: Mapping[str, int] = {
    "message.blocks": 50,  # [block] overview
    "message.text": 3000,  # [house] chat.postMessage cuts at 40,000; a push preview needs far less
    "message.weight": 10000,  # [house] msg_blocks_too_long is undocumented; bolt-js issues 2509 and 2867
    "modal.blocks": 100,  # [view]
    "home.blocks": 100,  # [view]
    "view.bytes": 250_000,  # [view] view_too_large
    "modal.title": 24,  # [view]
    "modal.submit": 24,  # [view]
    "modal.close": 24,  # [view]
    "modal.callback_id": 255,  # [view]
    "modal.private_metadata": 3000,  # [view]
    "header.text": 150,  # [block] header
    "section.text": 3000,  # [block] section
    "section.fields": 10,  # [block] section
    "context.elements": 10,  # [block] context
    "actions.elements": 25,  # [block] actions
    "image.image_url": 3000,  # [block] image
    "image.alt_text": 2000,  # [block] image
    "rich_text.elements": 50,  # [house] no limit is documented; ours holds one section
    "rich_text.weight": 3000,  # [house] no limit is documented; section's is kept
    "rich_text_section.elements": 400,  # [house] no limit is documented
    "text.text": 3000,  # [house] a run of rich text
    "link.text": 3000,  # [house] a link of rich text
    "link.url": 3000,  # [element] button url
    "user.user_id": 50,  # [house]
    "input.label": 2000,  # [block] input
    "input.hint": 2000,  # [block] input
    "input.error": 2000,  # [house] response_action errors: none is documented; the hint's is kept
    "plain_text.text": 3000,  # [object] text
    "mrkdwn.text": 3000,  # [object] text
    "button.text": 75,  # [element] button
    "button.value": 2000,  # [element] button
    "button.url": 3000,  # [element] button
    "option.text": 75,  # [object] option
    "option.description": 75,  # [object] option
    "option.value": 150,  # [object] option
    "option_group.label": 75,  # [object] option group
    "option_group.options": 100,  # [object] option group
    "static_select.options": 100,  # [element] select menu
    "static_select.option_groups": 100,  # [element] select menu
    "static_select.placeholder": 150,  # [element] select menu
    "multi_static_select.options": 100,  # [element] multi-select menu
    "multi_static_select.option_groups": 100,  # [element] multi-select menu
    "multi_static_select.placeholder": 150,  # [element] multi-select menu
    "external_select.placeholder": 150,  # [element] select menu
    "suggestions.options": 100,  # [element] select menu with external data source
    "checkboxes.options": 10,  # [element] checkboxes
    "radio_buttons.options": 10,  # [element] radio buttons
    "plain_text_input.max_length": 3000,  # [element] plain-text input
    "plain_text_input.initial_value": 3000,  # [element] plain-text input
    "email_text_input.initial_value": 3000,  # [house] the plain-text input's is kept
    "datepicker.initial_date": 10,  # [element] date picker, YYYY-MM-DD
    "any.block_id": 255,  # [block] overview
    "any.action_id": 255,  # [element] overview
}

BLOCK_WEIGHT = 125  # bolt-js issue 2509: one divider costs 125 characters of the message's room
_BLOCKS = frozenset({"section", "header", "context", "actions", "divider", "image", "rich_text", "input"})
# Slack refuses these empty: "must be more than 0 characters", "no less than 1 item".
_FILLED = frozenset(
    {
        "plain_text.text",
        "mrkdwn.text",
        "text.text",
        "link.url",
        "image.image_url",
        "image.alt_text",
        "option.value",
        "context.elements",
        "actions.elements",
        "rich_text.elements",
        "rich_text_section.elements",
        "checkboxes.options",
        "radio_buttons.options",
        "static_select.options",
        "static_select.option_groups",
        "multi_static_select.options",
        "multi_static_select.option_groups",
        "option_group.options",
    }
)
_BY_PARENT = {
    "options": "option",
    "initial_options": "option",
    "initial_option": "option",
    "option_groups": "option_group",
}


_IDS = ("block_id", "action_id")
_HOLD = (dict, list)
_Rule = tuple[str, int | None, bool]
"""The name of a field, how much it may hold, and whether it must hold something."""


def _rules_of(kind: str) -> tuple[_Rule, ...]:
    names = sorted(key.split(".", 1)[1] for key in LIMITS.keys() | _FILLED if key.split(".", 1)[0] == kind)
    own = tuple((name, LIMITS.get(f"{kind}.{name}"), f"{kind}.{name}" in _FILLED) for name in names)
    return own if kind == "any" else own + _rules_of("any")


_RULES = {kind: _rules_of(kind) for kind in {key.split(".", 1)[0] for key in LIMITS.keys() | _FILLED}}


def validate_message(blocks: Sequence[Json], text: str = "") -> list[str]:
    """What Slack (or the house) would refuse in a message: paths and numbers, never the words themselves."""
    problems = list(_over("message.blocks", "blocks", len(blocks)))
    problems += _over("message.text", "text", units(text))
    words, wrong = _contents(blocks)
    problems += _over("message.weight", "weight", words + BLOCK_WEIGHT * len(blocks))
    return problems + wrong


def validate_view(view: Json) -> list[str]:
    """What Slack (or the house) would refuse in a modal or home view."""
    kind, blocks = str(view.get("type")), view.get("blocks", [])
    problems = list(_over(f"{kind}.blocks", "blocks", len(blocks)))
    problems += _over("view.bytes", "view", len(json.dumps(view, ensure_ascii=False).encode()))
    if kind == "modal":
        own = {name: value for name, value in view.items() if name != "blocks"}
        problems += [f"view.{wrong}" for wrong in _fields("modal", own)]
        if "title" not in view:
            problems.append("view.title: missing")
        if "submit" not in view and any(b.get("type") == "input" for b in blocks):
            problems.append("view.submit: missing beside an input")
    return problems + _contents(blocks)[1]


def weigh(blocks: Sequence[Json]) -> int:
    """How much of a message's room the blocks take: their words, and something for each block."""
    return _contents(blocks)[0] + BLOCK_WEIGHT * len(blocks)


def _contents(blocks: Sequence[Json]) -> tuple[int, list[str]]:
    """How many words the blocks hold, and what is wrong in them."""
    total, problems, seen = 0, list[str](), set[tuple[str, str]]()
    for index, block in enumerate(blocks):
        kind, words = block.get("type"), 0
        if kind not in _BLOCKS:
            problems.append(f"blocks[{index}]: unknown kind {kind}")
        for path, inner, node in _nodes(block, ((), f"blocks[{index}]"), ""):
            text = node.get("text")
            if isinstance(text, str):
                words += units(text)
            if wrongs := _fields(inner, node):
                problems += [f"{_told(path)}.{wrong}" for wrong in wrongs]
            if "action_id" in node or "block_id" in node:
                problems += [f"{_told(path)}.{name}: used twice" for name in _repeated(node, seen)]
        if kind == "rich_text":
            problems += _over("rich_text.weight", f"blocks[{index}]", words)
        total += words
    return total, problems


def _repeated(node: Json, seen: set[tuple[str, str]]) -> list[str]:
    """Ids of an object that another one has."""
    ids = [(name, node[name]) for name in _IDS if name in node]
    again = [name for name, one in ids if (name, one) in seen]
    seen.update(ids)
    return again


_Path = tuple[()] | tuple["_Path", str | int]
"""Where an object stands, the last step first: put into words only when something is wrong there."""


def _told(path: _Path) -> str:
    if not path:
        return ""
    before, step = path
    return _told(before) + (f"[{step}]" if isinstance(step, int) else f".{step}" if before else step)


def _nodes(root: Any, path: _Path, parent: str) -> Iterator[tuple[_Path, str, Json]]:
    """Every object in `root`, before what is in it: its path, its kind, itself."""
    waiting: list[tuple[Any, _Path, str]] = [(root, path, parent)]
    while waiting:
        value, path, parent = waiting.pop()
        if isinstance(value, dict):
            yield path, str(value.get("type") or _BY_PARENT.get(parent, parent)), value
            inner = [(item, (path, name), name) for name, item in value.items() if type(item) in _HOLD]
        else:
            inner = [(item, (path, n), parent) for n, item in enumerate(value) if type(item) in _HOLD]
        waiting += reversed(inner)


def _fields(kind: str, node: Json) -> list[str]:
    """What is wrong with the fields of an object, each by its name."""
    problems = []
    for name, most, filled in _RULES.get(kind, _RULES["any"]):
        if name not in node or (size := _size(node[name])) is None:
            continue
        if most is not None and size > most:
            problems.append(f"{name}: {size}, at most {most}")
        if size == 0 and filled:
            problems.append(f"{name}: empty")
    return problems


def _size(value: Any) -> int | None:
    if isinstance(value, str):
        return units(value)
    if isinstance(value, dict):
        return _size(value.get("text"))
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _over(key: str, path: str, size: int) -> Iterator[str]:
    most = LIMITS.get(key)
    if most is None:
        yield f"{path}: no limit known for {key}"
    elif size > most:
        yield f"{path}: {size}, at most {most}"
