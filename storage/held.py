"""What is held about one person, in every table that says so of itself, and what goes when they are erased.

No table is named here: `kept(…)` of each tells whose it is.
Source: GDPR art. 15, 17, 20; 個人情報保護法 33, 35条.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import Column, ColumnElement, LargeBinary, Table, delete, func, select
from sqlalchemy.exc import NoResultFound

from bot import sheet
from storage import people, schema
from storage.columns import InvalidTag, Sealed
from storage.engine import Tx

Held = dict[str, list[dict[str, Any]]]
"""table -> its rows about somebody: column -> value."""


def tables() -> tuple[Table, ...]:
    """Every table in which rows can be told to be a person's, parents first."""
    return tuple(
        t for t in schema.metadata().sorted_tables if t.info["subject"] == "person" and t.info["whose"]
    )


def _mine(table: Table, person_id: str) -> ColumnElement[bool]:
    """Whether a row is a person's, by its own column or by that of the row it belongs to."""
    own, _, beyond = table.info["whose"].partition(".")
    column: ColumnElement[str] = table.c[own]
    if not beyond:
        return column == person_id
    key = next(iter(table.c[own].foreign_keys)).column
    return column.in_(select(key).where(key.table.c[beyond] == person_id))


def everything(tx: Tx, person_id: str) -> Held:
    """Every row about a person. Their sealed values are opened; hashes, keys and waiting words are only
    described by their size."""
    found: Held = {}
    for table in tables():
        rows = tx.execute(
            select(table).where(_mine(table, person_id)).order_by(*table.primary_key)
        ).mappings()
        shown = [{c.key: _readable(tx, c, row[c.key], person_id) for c in table.c} for row in rows]
        if shown:
            found[table.name] = shown
    return found


def counts(tx: Tx, person_id: str) -> dict[str, int]:
    """table -> how many rows about a person lie in it; tables without any are left out."""
    found: dict[str, int] = {}
    for table in tables():
        rows = tx.scalar(select(func.count()).select_from(table).where(_mine(table, person_id))) or 0
        if rows:
            found[table.name] = rows
    return found


def _readable(tx: Tx, column: Column[Any], value: Any, person_id: str) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or not isinstance(column.type, LargeBinary):
        return value
    if isinstance(column.type, Sealed):
        try:
            return people.open_for(tx, person_id, f"{column.table.name}.{column.key}", value)
        except (InvalidTag, NoResultFound):
            pass  # sealed for the house, or for one message: not theirs to read
    return f"[{len(value)} bytes]"


def forget(tx: Tx, person_id: str) -> None:
    """Delete a person's rows in every table whose own room neither blanks nor keeps them."""
    tx.flush()
    for table in reversed(tables()):
        if table.info["erased"] == "deleted":
            tx.execute(delete(table).where(_mine(table, person_id)))


# --- as files -----------------------------------------------------------------------------------------


def as_json(held: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """UTF-8 JSON: table -> `{"purpose", "kept", "rows"}`; moments in ISO 8601, UTC."""
    known = schema.metadata().tables
    said = {
        name: {"purpose": known[name].info["purpose"], "kept": known[name].info["keep"], "rows": rows}
        for name, rows in held.items()
    }
    return json.dumps(said, ensure_ascii=False, indent=2, default=_plain).encode()


def as_csv(held: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """The same for a spreadsheet (`bot.sheet`): table, row, field, value; moments as in the JSON."""
    cells = (
        (name, number, field, _words(value))
        for name, rows in held.items()
        for number, row in enumerate(rows, 1)
        for field, value in row.items()
    )
    return sheet.as_csv(("table", "row", "field", "value"), cells, zone="UTC")


def lines(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The filled fields of a row, as words: (field, value)."""
    return ((field, _words(value)) for field, value in row.items() if value not in (None, "", [], {}))


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=_plain).strip('"')


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
