"""A form is a dataclass whose fields say what kind of question they are; values come back typed or
refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from dataclasses import field as dataclass_field
from datetime import date
from typing import Any

from bot.conversation import Field, FieldKind, Option, Text, t
from bot.errors import InvalidForm

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[^@\s\x00-\x1f\"\\,;:<>()\[\]]{{1,64}}@(?:{_LABEL}\.)+[A-Za-z]{{2,24}}")
_YEARS = range(1900, 2101)
_META = "okaeri"
Raw = str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Spec:
    """What a question takes: its kind, length in characters, and the values to choose from."""

    kind: FieldKind
    required: bool
    limit: int = 200
    values: tuple[str, ...] = ()


def _field(spec: Spec, default: Any) -> Any:
    return dataclass_field(default=default, metadata={_META: spec})


def text(*, long: bool = False, required: bool = True, limit: int = 0) -> Any:
    """Free words; at most `limit` characters (200, long 1,000)."""
    return _field(Spec("long_text" if long else "text", required, limit or (1000 if long else 200)), "")


def email(*, required: bool = True) -> Any:
    """A mail address, shape checked."""
    return _field(Spec("email", required, 254), "")


def day(*, required: bool = True) -> Any:
    """A calendar day."""
    return _field(Spec("date", required), None)


def choice(*values: str, default: str = "", required: bool = True) -> Any:
    """One of several; labels are sentences `<form>.<field>.<value>`."""
    return _field(Spec("choice", required, values=values), default)


def choices(*values: str) -> Any:
    """Any of several; without values the form's `shaped` names them, and its handler checks what comes."""
    return _field(Spec("choices", required=False, values=values), ())


def tick(*, required: bool = False) -> Any:
    """A box; a required one must be ticked."""
    return _field(Spec("tick", required), default=False)


def search(*, required: bool = True) -> Any:
    """One value found by typing; the form's `options` function suggests."""
    return _field(Spec("search", required), "")


def specs(schema: type) -> dict[str, Spec]:
    """The questions of a form by field name, in order."""
    return {f.name: f.metadata[_META] for f in fields(schema) if _META in f.metadata}


def questions(schema: type, prefix: str, blank: Any, has: Any) -> tuple[Field, ...]:
    """The questions as shown: labels `<prefix>.<field>`, hints `…_hint` where the catalogue has one,
    pre-filled."""
    return tuple(_question(name, spec, prefix, blank, has) for name, spec in specs(schema).items())


def _question(name: str, spec: Spec, prefix: str, blank: Any, has: Any) -> Field:
    key = f"{prefix}.{name}"
    labels = spec.values if spec.kind in ("choice", "choices") else ("yes",) if spec.kind == "tick" else ()
    return Field(
        name=name,
        kind=spec.kind,
        label=t(f"{key}.label") if labels else t(key),
        required=spec.required,
        hint=t(f"{key}_hint") if has(f"{key}_hint") else "",
        options=tuple(Option(value, t(f"{key}.{value}")) for value in labels),
        value=_shown(getattr(blank, name)),
        limit=spec.limit,
    )


def _shown(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, bool):
        return ("yes",) if value else ()
    if isinstance(value, date):
        return value.isoformat()
    return tuple(value) if isinstance(value, tuple | list) else str(value or "")


def read(schema: type, values: Mapping[str, Raw]) -> Any:
    """A filled-in form from raw values. Raises `InvalidForm` naming every wrong field at once."""
    found: dict[str, Any] = {}
    errors: dict[str, Text] = {}
    for name, spec in specs(schema).items():
        try:
            found[name] = _read(spec, values.get(name))
        except _Wrong as wrong:
            errors[name] = wrong.text
    if errors:
        raise InvalidForm(errors)
    return schema(**found)


class _Wrong(Exception):
    def __init__(self, text: Text) -> None:
        super().__init__(text.key)
        self.text = text


def clean(value: str) -> str:
    """Words as stored: NFC, without control and direction-override characters, stripped."""
    kept = (c for c in value.replace("\t", " ") if c == "\n" or _harmless(c))
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def _harmless(char: str) -> bool:
    return (
        unicodedata.category(char) not in ("Cc", "Cs", "Co", "Cn")
        and not 0x202A <= ord(char) <= 0x202E
        and (not 0x2066 <= ord(char) <= 0x2069)
    )


def _read(spec: Spec, raw: Raw) -> Any:
    if spec.kind == "choices":
        return _chosen(spec, raw if isinstance(raw, tuple) else ())
    if spec.kind == "tick":
        return _ticked(spec, raw)
    value = clean(raw) if isinstance(raw, str) else ""
    if not value:
        if spec.required:
            raise _Wrong(t("common.field_required"))
        return None if spec.kind == "date" else ""
    if len(value) > spec.limit:
        raise _Wrong(t("common.field_too_long", limit=spec.limit, length=len(value)))
    return _typed(spec, value)


def _chosen(spec: Spec, raw: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value for value in raw if value in spec.values or not spec.values)


def _ticked(spec: Spec, raw: Raw) -> bool:
    ticked = raw in (("yes",), "yes")
    if spec.required and not ticked:
        raise _Wrong(t("common.field_tick"))
    return ticked


def _typed(spec: Spec, value: str) -> Any:
    if spec.kind == "email":
        value = unicodedata.normalize("NFKC", value)
        if not _EMAIL.fullmatch(value):
            raise _Wrong(t("common.field_email"))
    if spec.kind == "date":
        return _day(value)
    if spec.kind == "choice" and value not in spec.values:
        raise _Wrong(t("common.field_choice"))
    if spec.kind in ("text", "email", "search") and "\n" in value:
        value = " ".join(value.split())
    return value


def _day(value: str) -> date:
    try:
        found = date.fromisoformat(value)
    except ValueError:
        found = date.min
    if found.year not in _YEARS:  # a slip of the finger; and months are counted from it in both directions
        raise _Wrong(t("common.field_date"))
    return found
