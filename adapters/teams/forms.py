"""The fields of a form as inputs of a dialog, what was typed kept and each error beside its field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from adapters.teams.claims import NOTHING, Typed, dataset, found_value, option_value
from adapters.teams.elements import Pen, note, rich, runs
from adapters.teams.limits import LABEL, LINE, TYPED, Json
from bot.conversation import Field, Form, Option, Text, t
from bot.fitting import fit

FEW = 5  # so many choices are shown at once, as radio buttons
SOME = 10  # so many are shown at once, as boxes
_NONE: Json = {"title": "\u2013", "value": NOTHING}
_ASKED = " *"  # marks what must be answered, in no language, as the clients themselves do


def questions(
    form: Form, pen: Pen, typed: Mapping[str, Typed] | None, wrong: Mapping[str, Text]
) -> list[Json]:
    """The form's inputs, ids = field names; what was typed stands in them instead of what they began with.

    Our own rules judge what comes, so nothing is `isRequired`: a client would refuse in words of its own.
    Raises `ValueError` for a field without choices.
    """
    drawn: list[Json] = []
    for field in form.fields:
        filled = field if typed is None else replace(field, value=typed.get(field.name) or "")
        drawn.append(_INPUTS[field.kind](filled, pen, form) | {"id": field.name, "label": _label(field, pen)})
        if field.name in wrong:
            drawn += rich(runs(wrong[field.name], pen, color="attention"), spacing="small")
        if field.hint:
            drawn += note(field.hint, pen, spacing="small")
    return drawn


def option(choice: Option, pen: Pen) -> Json:
    """One choice. Raises `ValueError` for a value that could not be carried back."""
    return {"title": pen.line(choice.label or choice.value, LINE), "value": option_value(choice)}


def suggestion(choice: Option, pen: Pen) -> Json:
    """One choice of a search field. Raises `ValueError` for a value that could not be carried back."""
    title = pen.line(choice.label or choice.value, LINE)
    return {"title": title, "value": found_value(choice, title)}


def _label(field: Field, pen: Pen) -> str:
    return pen.line(field.label, LABEL) + (_ASKED if field.required else "")


def _text(field: Field, _: Pen, __: Form) -> Json:
    """Clients count UTF-16 units where we count characters, so that twice as many may stand there."""
    most = max(1, min(field.limit, TYPED))
    drawn = {"type": "Input.Text", "isMultiline": field.kind == "long_text", "maxLength": most}
    return drawn | _initially(fit(_first(field), min(2 * most, TYPED)))


def _email(field: Field, pen: Pen, form: Form) -> Json:
    return _text(field, pen, form) | {"style": "email"}


def _date(field: Field, _: Pen, __: Form) -> Json:
    try:
        known = date.fromisoformat(_first(field)).isoformat()
    except ValueError:
        known = ""
    return {"type": "Input.Date"} | _initially(known)


def _choice(field: Field, pen: Pen, _: Form) -> Json:
    """A choice cannot be taken back in Teams, so one that may stay open has "none" among its choices."""
    choices = _options(field, pen)
    known = [c["value"] for c, o in zip(choices, field.options, strict=True) if o.value == _first(field)]
    if not field.required:
        choices.insert(0, {**_NONE})
    style = "expanded" if field.required and len(choices) <= FEW else "compact"
    drawn = {"type": "Input.ChoiceSet", "style": style, "wrap": True, "choices": choices}
    return drawn | _initially(known[0] if known else "")


def _choices(field: Field, pen: Pen, _: Form) -> Json:
    choices = _options(field, pen)
    wanted = (field.value,) if isinstance(field.value, str) else field.value
    known = [c["value"] for c, o in zip(choices, field.options, strict=True) if o.value in wanted]
    style = "expanded" if len(choices) <= SOME else "compact"
    drawn = {"type": "Input.ChoiceSet", "style": style, "isMultiSelect": True, "wrap": True}
    return drawn | {"choices": choices} | _initially(",".join(known))


def _tick(field: Field, pen: Pen, _: Form) -> Json:
    choice = field.options[0] if field.options else Option("yes", t("brand.yes"))
    ticked = option_value(choice)
    return {
        "type": "Input.Toggle",
        "title": pen.line(choice.label or choice.value, LABEL),
        "valueOn": ticked,
        "valueOff": NOTHING,
        "value": ticked if field.value else NOTHING,
        "wrap": True,
    }


def _search(field: Field, pen: Pen, form: Form) -> Json:
    """Teams asks for options at every keystroke; a set without any choice would not be one.

    Source: "Typeahead search in Adaptive Cards".
    """
    known = _known(field)
    choices = [suggestion(known, pen)] if known else []
    initial = _initially(choices[0]["value"] if known else "")
    if not (known and field.required):
        choices.append({**_NONE})
    asks = {"type": "Data.Query", "dataset": dataset(form.submit, field.name)}
    drawn = {"type": "Input.ChoiceSet", "style": "filtered", "choices": choices, "choices.data": asks}
    return drawn | initial


def _known(field: Field) -> Option | None:
    """What a search field begins with; `typed_of` says with which words it was found."""
    match field.value:
        case (value, title):
            return Option(value, title)
    first = _first(field)
    return next((o for o in field.options if o.value == first), Option(first, first)) if first else None


_INPUTS: Mapping[str, Callable[[Field, Pen, Form], Json]] = {
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


def _initially(value: str) -> Json:
    return {"value": value} if value else {}


def _options(field: Field, pen: Pen) -> list[Json]:
    if not field.options:
        raise ValueError(f"the field {field.name} offers nothing to choose from")
    return [option(choice, pen) for choice in field.options]
