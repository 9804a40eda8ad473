"""What our cards carry for us, and how it is read when it comes back. Every value of it is a client's claim.

The names of the data's keys stand here and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bot.conversation import Bound, Field, Option
from bot.wire import dump_bound, load_bound

Typed = str | tuple[str, ...] | None
_BOUND, _KINDS, _MSTEAMS = "bound", "kinds", "msteams"
_RESERVED = frozenset({_BOUND, _KINDS, _MSTEAMS})
_SEVERAL = frozenset({"choices", "tick"})
_CODED = _SEVERAL | {"choice", "search"}
_MOST = 2000  # [house] characters of a bound action; what fits into a button in Slack fits here
_OPTION = 150  # [house] characters of an option's value, as in Slack
_DATASET = 6000  # [house] a bound action as JSON inside JSON, and the name of a field
NOTHING = "%"
"""The value of "none of these": inputs of Teams have no empty one, and no value of ours is written so."""


def button_data(bound: Bound) -> dict[str, Any]:
    """What a button that acts carries. Raises `ValueError` for arguments that do not fit."""
    claim = dump_bound(bound)
    if len(claim) > _MOST:
        raise ValueError(f"the arguments of {bound.action} do not fit into a button")
    return {_BOUND: claim}


def opening_data(bound: Bound) -> dict[str, Any]:
    """What a button carries that opens a dialog. Source: `task/fetch` in "Use dialogs with bots"."""
    return {_MSTEAMS: {"type": "task/fetch"}, **button_data(bound)}


def form_data(bound: Bound, fields: Iterable[Field]) -> dict[str, Any]:
    """What a form carries: its action, and which of its values have to be read as choices.

    Raises `ValueError` for a field whose name is a key of ours: its value would take the claim's place.
    """
    names = {field.name: field.kind for field in fields}
    if taken := _RESERVED & names.keys():
        raise ValueError(f"a field cannot be called {sorted(taken)}")
    return button_data(bound) | {_KINDS: {name: kind for name, kind in names.items() if kind in _CODED}}


def claim_of(data: Any) -> Bound:
    """The action that a button or form carries. Raises `ValueError` for data that is not ours."""
    claim = data.get(_BOUND) if isinstance(data, Mapping) else None
    if not isinstance(claim, str):
        raise ValueError("no action of ours")
    return load_bound(claim)


def is_form(data: Any) -> bool:
    """Whether the data comes from a form that was sent, rather than from a button."""
    return isinstance(data, Mapping) and _KINDS in data


def values_of(data: Any) -> dict[str, Typed]:
    """Field name -> what was filled in: a text, a chosen value, a tuple for several (a tick: one or none).

    Raises `ValueError` for data that no form of ours sends.
    """
    kinds = data.get(_KINDS) if isinstance(data, Mapping) else None
    if not isinstance(kinds, Mapping):
        raise ValueError("no form of ours")
    filled = {**dict.fromkeys(kinds, ""), **data}
    names = filled.keys() - _RESERVED
    return {str(name): _read(filled[name], str(kinds.get(name, "text"))) for name in names}


def typed_of(data: Any) -> dict[str, Typed]:
    """Like `values_of`, for the same form shown again: of what was found, the value and the words for it."""
    values = values_of(data)
    for name in values.keys() & data[_KINDS].keys():
        value, _, title = (data.get(name) or "").partition(",")
        if data[_KINDS][name] == "search" and title:
            values[name] = (_decoded(value), _decoded(title))
    return values


def _read(value: Any, kind: str) -> Typed:
    if value is None and kind not in _SEVERAL:
        return None
    if not isinstance(value, str | None):
        raise ValueError("no value of a form")
    if kind in _SEVERAL:
        return tuple(decoded for part in (value or "").split(",") if (decoded := _decoded(part)))
    if kind in _CODED:
        return _decoded((value or "").partition(",")[0])
    return value


# --- choices ---------------------------------------------------------------------------------------


def coded(value: str) -> str:
    """A choice's value as it goes over the wire: Teams joins several by commas, so that none has its own."""
    return value.replace("%", "%25").replace(",", "%2C")


def _decoded(value: str) -> str:
    return "" if value == NOTHING else value.replace("%2C", ",").replace("%25", "%")


def option_value(option: Option) -> str:
    """The coded value of an option. Raises `ValueError` for one that could not be told from none."""
    if not option.value or len(option.value) > _OPTION:
        raise ValueError(f"an option's value has {len(option.value)} characters")
    return coded(option.value)


# --- search fields ---------------------------------------------------------------------------------


def found_value(option: Option, title: str) -> str:
    """The coded value of a suggestion, and its words: nobody else knows them when the form is shown again."""
    return f"{option_value(option)},{coded(title)}"


def dataset(bound: Bound, field: str) -> str:
    """Under which name a search field asks for its options: the form's action and the field."""
    return json.dumps([dump_bound(bound), field], ensure_ascii=False)


def sought_of(name: Any) -> tuple[Bound, str]:
    """The form's action and the field of a dataset. Raises `ValueError` for a name that is not ours."""
    try:
        asked = json.loads(name) if isinstance(name, str) and len(name) <= _DATASET else None
    except RecursionError:
        asked = None
    match asked:
        case [str(claim), str(field)]:
            return load_bound(claim), field
    raise ValueError("no search field of ours")
