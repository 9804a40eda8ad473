"""The fields of a form as Block Kit inputs, and what people filled in read back as plain values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from adapters.slack.blocks import Pen
from adapters.slack.limits import LIMITS, Json
from bot.conversation import Field, Form, Option, t
from bot.fitting import fit, fit_line, units

FEW = 5  # so many choices are shown at once, as radio buttons
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_GROUP = LIMITS["option_group.options"]


def questions(form: Form, pen: Pen) -> list[Json]:
    """The form's inputs; an error known when the form opens stands under its field."""
    blocks: list[Json] = []
    for field in form.fields:
        blocks.append(_question(field, pen))
        if error := form.errors.get(field.name):
            blocks.append({"type": "context", "elements": [pen.text(error, LIMITS["input.error"])]})
    return blocks


def option(choice: Option, pen: Pen) -> Json:
    """One choice. Raises `ValueError` for a value that Slack could not carry back."""
    if not choice.value or units(choice.value) > LIMITS["option.value"]:
        raise ValueError(f"an option's value has {units(choice.value)} characters")
    return {"text": pen.line(choice.label or choice.value, LIMITS["option.text"]), "value": choice.value}


Typed = str | tuple[str, ...] | None


def read_values(state: Mapping[str, Any]) -> dict[str, Typed]:
    """Field name -> what was filled in: a text, a chosen value, a tuple for several (a tick: one or none).

    `state` is `view.state` of a submission, a claim of the client. Raises `ValueError` for a shape that is
    not Slack's.
    """
    try:
        filled = dict(state.get("values") or {})
        return {name: _typed(next(iter(elements.values()))) for name, elements in filled.items()}
    except (AttributeError, KeyError, StopIteration, TypeError) as broken:
        raise ValueError("not the state of a form") from broken


def _typed(element: Mapping[str, Any]) -> Typed:
    if "selected_options" in element:
        return tuple(str(chosen["value"]) for chosen in element["selected_options"] or ())
    if "selected_option" in element:
        chosen = element["selected_option"]
        return str(chosen["value"]) if chosen else None
    value = element.get("selected_date", element.get("value"))
    return str(value) if value is not None else None


def _question(field: Field, pen: Pen) -> Json:
    block = {
        "type": "input",
        "block_id": field.name,
        "label": pen.line(field.label, LIMITS["input.label"]),
        "element": {**_ELEMENTS[field.kind](field, pen), "action_id": field.name},
        "optional": not field.required,
    }
    if field.hint:
        block["hint"] = pen.text(field.hint, LIMITS["input.hint"])
    return block


def _text(field: Field, _: Pen) -> Json:
    most = max(1, min(field.limit, LIMITS["plain_text_input.max_length"]))
    element = {"type": "plain_text_input", "multiline": field.kind == "long_text", "max_length": most}
    return element | _initially("initial_value", fit(_first(field), most))


def _email(field: Field, _: Pen) -> Json:
    known = _first(field) if _EMAIL.fullmatch(_first(field)) else ""
    return {"type": "email_text_input"} | _initially("initial_value", known)


def _date(field: Field, _: Pen) -> Json:
    try:
        known = date.fromisoformat(_first(field)).isoformat()
    except ValueError:
        known = ""
    return {"type": "datepicker"} | _initially("initial_date", known)


def _choice(field: Field, pen: Pen) -> Json:
    """Radio buttons cannot be cleared again, so they are only for what must be answered."""
    options = _options(field, pen)
    few = field.required and len(options) <= FEW
    chosen = [o for o in options if o["value"] == _first(field)]
    initial = _initially("initial_option", chosen[0] if chosen else None)
    element = {"type": "radio_buttons", "options": options} if few else _menu("static_select", options)
    return element | initial


def _choices(field: Field, pen: Pen) -> Json:
    options = _options(field, pen)
    wanted = (field.value,) if isinstance(field.value, str) else field.value
    initial = _initially("initial_options", [o for o in options if o["value"] in wanted])
    if len(options) <= LIMITS["checkboxes.options"]:
        return {"type": "checkboxes", "options": options} | initial
    return _menu("multi_static_select", options) | initial


def _tick(field: Field, pen: Pen) -> Json:
    """The label carries the sentence; the box itself has room for 75 characters only."""
    choice = field.options[0] if field.options else Option("yes", t("brand.yes"))
    options = [option(choice, pen)]
    ticked = _initially("initial_options", options if field.value else [])
    return {"type": "checkboxes", "options": options} | ticked


def _search(field: Field, pen: Pen) -> Json:
    known = next((o for o in field.options if o.value == _first(field)), Option(_first(field), _first(field)))
    element = {"type": "external_select", "min_query_length": 1}  # Slack's default of 3 hides 山田
    return element | _initially("initial_option", option(known, pen) if known.value else None)


_ELEMENTS: Mapping[str, Callable[[Field, Pen], Json]] = {
    "text": _text,
    "long_text": _text,
    "email": _email,
    "date": _date,
    "choice": _choice,
    "choices": _choices,
    "tick": _tick,
    "search": _search,
}


def _first(field: Field) -> str:
    return field.value if isinstance(field.value, str) else next(iter(field.value), "")


def _initially(name: str, value: Any) -> Json:
    return {name: value} if value else {}


def _options(field: Field, pen: Pen) -> list[Json]:
    if not field.options:
        raise ValueError(f"the field {field.name} offers nothing to choose from")
    return [option(choice, pen) for choice in field.options]


def _menu(kind: str, options: list[Json]) -> Json:
    """A menu; more choices than one list may hold are shown in groups named by their first and last."""
    if len(options) <= _GROUP:
        return {"type": kind, "options": options}
    groups = [options[at : at + _GROUP] for at in range(0, len(options), _GROUP)]
    return {"type": kind, "option_groups": [{"label": _span(group), "options": group} for group in groups]}


def _span(group: list[Json]) -> Json:
    first, last = (fit_line(end["text"]["text"], 30) for end in (group[0], group[-1]))
    return {"type": "plain_text", "text": f"{first} \u2013 {last}", "emoji": False}
