"""An Adaptive Card in the hands of a person: the button that is meant, the inputs, what is missing."""

import re
from collections.abc import Mapping
from typing import Any

from adapters.playground.teams_checks import actions, elements
from adapters.playground.teams_state import JSON


def find_action(card: JSON, wanted: str | Mapping[str, Any] | None) -> JSON:
    """The action with this title, or whose data hold these entries; None: the only one, or the first.

    `LookupError` when nobody could press it.
    """
    every = [one for one in actions(card) if one["type"] != "Action.ShowCard" and one.get("isEnabled", True)]
    if wanted is None:
        found = [one for one in every if one["type"] in ("Action.Submit", "Action.Execute")]
    elif isinstance(wanted, str):
        found = [one for one in every if wanted in (one.get("title"), one.get("id"), one.get("verb"))]
    else:
        found = [one for one in every if _holds(one.get("data"), wanted)]
    if not found:
        titles = [one.get("title") for one in every]
        raise LookupError(f"no button {wanted!r}; the card has {titles}")
    return found[0]


def inputs(card: JSON) -> dict[str, JSON]:
    """The inputs of a card by id, in their order."""
    return {str(one["id"]): one for one in elements(card) if str(one.get("type")).startswith("Input.")}


def first_values(card: JSON) -> dict[str, str]:
    """What stands in the inputs when the card is shown."""
    return {name: str(one.get("value") or _off(one)) for name, one in inputs(card).items()}


def typed(
    card: JSON, values: Mapping[str, str], more: Mapping[str, Any], offered: Mapping[str, list[JSON]]
) -> dict[str, str]:
    """The inputs after a person typed `more` into them; `LookupError` for an input or choice not there.

    Values: text; a choice by value or title; a list of choices; True or False for a tick. `offered` are the
    choices that search fields have been given, by input.
    """
    known, found = inputs(card), {**first_values(card), **values}
    for name, value in more.items():
        if name not in known:
            raise LookupError(f"the card has no input {name!r}; it has {sorted(known)}")
        found[name] = _stored(known[name], value, offered.get(name, []))
    return found


def reached(card: JSON, action: JSON) -> dict[str, JSON]:
    """The inputs that go with an action: those of its own card and of the cards around it."""
    if action.get("associatedInputs") == "none":
        return {}
    found = {}
    for around in _cards_around(card, action):
        for one in elements(around, nested=False):
            if str(one.get("type")).startswith("Input."):
                found[str(one["id"])] = one
    return found


def client_errors(known: Mapping[str, JSON], values: Mapping[str, str]) -> dict[str, str]:
    """What the client refuses itself, by input: missing, not matching, too long. Nothing is then sent."""
    found = {}
    for name, one in known.items():
        text = values.get(name, "")
        empty = not text or (one["type"] == "Input.Toggle" and text != one.get("valueOn", "true"))
        if (one.get("isRequired") and empty) or (text and not _fits(one, text)):
            found[name] = str(one.get("errorMessage") or "required")
    return found


def gathered(action: JSON, values: Mapping[str, str]) -> JSON:
    """The data of an action with the values of the inputs; inputs win over data of the same name."""
    data = action.get("data")
    return (dict(data) if isinstance(data, dict) else {}) | dict(values)


def special(action: JSON) -> JSON:
    """What `msteams` says of an action: type `task/fetch`, `messageBack` or `imBack`; or nothing."""
    data = action.get("data")
    found = data.get("msteams") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def dataset_of(card: JSON, field: str) -> str:
    """The data set that a search field asks for; `LookupError` when it is no search field."""
    one = inputs(card).get(field, {})
    query = one.get("choices.data") or {}
    if query.get("type") != "Data.Query":
        raise LookupError(f"{field} is not a search field")
    return str(query["dataset"])


def _cards_around(card: JSON, action: JSON) -> list[JSON]:
    """The card with this action and, before it, those that show it; empty when it is elsewhere."""
    for one in actions(card, nested=False):
        if one is action:
            return [card]
        inner = _cards_around(one["card"], action) if isinstance(one.get("card"), dict) else []
        if inner:
            return [card, *inner]
    return []


def _holds(data: Any, wanted: Mapping[str, Any]) -> bool:
    return isinstance(data, dict) and all(
        _holds(data.get(name), value) if isinstance(value, dict) else data.get(name) == value
        for name, value in wanted.items()
    )


def _off(field: JSON) -> str:
    return str(field.get("valueOff", "false")) if field["type"] == "Input.Toggle" else ""


def _stored(field: JSON, value: Any, offered: list[JSON]) -> str:
    if field["type"] == "Input.Toggle":
        on, off = str(field.get("valueOn", "true")), str(field.get("valueOff", "false"))
        return (on if value else off) if isinstance(value, bool) else str(value)
    if field["type"] != "Input.ChoiceSet":
        return str(value)
    several = value if isinstance(value, list | tuple) else [value]
    choices = [*(field.get("choices") or []), *offered]
    return ",".join(_choice(str(field["id"]), choices, str(one)) for one in several)


def _choice(name: str, choices: list[JSON], value: str) -> str:
    for one in choices:
        if value in (one["value"], one["title"]):
            return str(one["value"])
    if value:
        raise LookupError(f"{name} has no choice {value!r}; it has {[one['value'] for one in choices]}")
    return value


def _fits(field: JSON, text: str) -> bool:
    if field["type"] != "Input.Text":
        return True
    if len(text) > int(field.get("maxLength") or len(text)):
        return False
    return re.search(str(field.get("regex") or ""), text) is not None
