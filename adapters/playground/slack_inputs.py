"""The elements of a view or message: what stands in them, what a choice sends, what is refused.

A *slot* names an element in `View.values`: the block id of inputs and accessories, `block/action` in a row of
actions. A value is text, an option's value, an option (external selects), an id, a date, or a list of them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from adapters.playground.slack_checks import elements_of
from adapters.playground.slack_state import JSON, View, fresh_id

_TEXTS: Final = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input"})
_KEYS: Final = {
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "conversations_select": "selected_conversation",
    "multi_conversations_select": "selected_conversations",
    "channels_select": "selected_channel",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "rich_text_input": "rich_text_value",
    "file_input": "files",
} | dict.fromkeys(_TEXTS, "value")
STATELESS: Final = frozenset({"button", "overflow", "workflow_button", "icon_button", "feedback_buttons"})
_EMAIL: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>.]+")
_URL: Final = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")

Offered = Callable[[JSON], Sequence[JSON]]


def filled(blocks: Sequence[JSON]) -> tuple[JSON, ...]:
    """A copy of accepted blocks in which Slack has filled in the missing block and action ids."""
    copy = deepcopy(list(blocks))
    for block in copy:
        if not block.get("block_id"):
            block["block_id"] = fresh_id("")[:5]
    for _block, element in elements_of(copy):
        if not element.get("action_id"):
            element["action_id"] = fresh_id("")[:5]
    return tuple(copy)


def find(blocks: Sequence[JSON], action: str, value: str | None = None) -> tuple[JSON, JSON] | None:
    """The element with this action id, and this button value when one is given, with its block."""
    for block, element in elements_of(blocks):
        if element["action_id"] == action and value in (None, element.get("value")):
            return block, element
    return None


def slot(block: JSON, element: JSON) -> str:
    """The name of an element in `View.values`."""
    alone = block["type"] in ("input", "section")
    return str(block["block_id"]) if alone else f"{block['block_id']}/{element['action_id']}"


def initial(element: JSON) -> Any:
    """What stands in an element before anybody touched it."""
    kind = element["type"]
    if kind.startswith(("external", "multi_external")):
        return element.get("initial_option") or element.get("initial_options")
    if "initial_option" in element:
        return element["initial_option"]["value"]
    if "initial_options" in element:
        return [option["value"] for option in element["initial_options"]]
    return next((value for name, value in element.items() if name.startswith("initial_")), None)


def kept_values(blocks: Sequence[JSON], old: View | None = None) -> dict[str, Any]:
    """The values of a new view: typed ones where block and action id are the same, else the initial ones."""
    before = {
        (slot(block, element), element["action_id"])
        for block, element in elements_of(old.blocks if old else ())
    }
    values: dict[str, Any] = {}
    for block, element in elements_of(blocks):
        name = slot(block, element)
        known = old is not None and (name, element["action_id"]) in before and name in old.values
        value = old.values[name] if old is not None and known else initial(element)
        if value is not None and element["type"] not in STATELESS:
            values[name] = value
    return values


def options_of(element: JSON) -> list[JSON]:
    """All options of a static select, radio group, checkboxes or overflow menu."""
    groups = element.get("option_groups", [])
    return list(element.get("options", [])) + [option for group in groups for option in group["options"]]


def fragment(element: JSON, value: Any, offered: Sequence[JSON] = ()) -> JSON:
    """An element's part of `state.values`; `LookupError` when the value is not among its options."""
    kind = element["type"]
    key = _KEYS[kind]
    if kind in _TEXTS:
        return {"type": kind, key: str(value) if value not in (None, "") else None}
    if key == "selected_option":
        return {"type": kind, key: _pick(element, value, offered) if value is not None else None}
    if key == "selected_options":
        return {"type": kind, key: [_pick(element, one, offered) for one in value or []]}
    if kind.startswith("multi_") or kind == "file_input":
        return {"type": kind, key: list(value or [])}
    return {"type": kind, key: value}


def _pick(element: JSON, value: Any, offered: Sequence[JSON]) -> JSON:
    wanted = value["value"] if isinstance(value, Mapping) else value
    first = [element["initial_option"]] if "initial_option" in element else element.get("initial_options", [])
    external = "external" in element["type"]
    known = [*offered, *first] if external else options_of(element)
    for option in known:
        if option["value"] == wanted:
            return option
    if external and isinstance(value, Mapping) and "text" in value:
        return dict(value)
    raise LookupError(f"{element['action_id']} has no option {wanted!r}")


def state_of(
    blocks: Sequence[JSON], values: Mapping[str, Any], offered: Offered = lambda _element: ()
) -> JSON:
    """`state.values` as Slack sends it: block id → action id → what stands there."""
    state: JSON = {}
    for block, element in elements_of(blocks):
        if element["type"] not in STATELESS:
            part = fragment(element, values.get(slot(block, element)), offered(element))
            state.setdefault(block["block_id"], {})[element["action_id"]] = part
    return state


def action_of(block: JSON, element: JSON, value: Any, offered: Sequence[JSON] = ()) -> JSON:
    """One entry of `actions` in a block_actions payload, without `action_ts`."""
    action: JSON = {"action_id": element["action_id"], "block_id": block["block_id"], "type": element["type"]}
    if element["type"] in STATELESS - {"overflow"}:
        return action | {name: element[name] for name in ("text", "value", "style", "url") if name in element}
    if "placeholder" in element:
        action["placeholder"] = element["placeholder"]
    return action | fragment(element, value, offered)


def stored(element: JSON, part: JSON) -> Any:
    """What `View.values` keeps of a fragment: options of external selects whole, others by value."""
    found = part[_KEYS[element["type"]]]
    if "external" in element["type"] or found is None:
        return found
    if isinstance(found, dict) and "value" in found:
        return found["value"]
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return [option["value"] for option in found]
    return found


def client_errors(blocks: Sequence[JSON], values: Mapping[str, Any]) -> dict[str, str]:
    """What Slack's client itself refuses before anything is sent: block id → error word.

    Words: `required`, `too_short`, `too_long`, `not_an_email`, `not_a_url`, `not_a_number`.
    """
    errors: dict[str, str] = {}
    for block, element in elements_of(blocks):
        if block["type"] != "input":
            continue
        value = values.get(slot(block, element))
        if value in (None, "", []):
            word = None if block.get("optional") else "required"
        else:
            word = _typed_wrong(element, value)
        if word:
            errors[block["block_id"]] = word
    return errors


def _typed_wrong(element: JSON, value: Any) -> str | None:
    kind = element["type"]
    if kind == "plain_text_input":
        if len(value) > element.get("max_length", 3000):
            return "too_long"
        return "too_short" if len(value) < element.get("min_length", 0) else None
    pattern, word = {
        "email_text_input": (_EMAIL, "not_an_email"),
        "url_text_input": (_URL, "not_a_url"),
        "number_input": (_NUMBER, "not_a_number"),
    }.get(kind, (None, None))
    return word if pattern and not pattern.fullmatch(str(value)) else None
