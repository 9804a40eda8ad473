"""Each table says whose data it holds, what for and how long; export, erasing and retention read it."""

from __future__ import annotations

import importlib
import pkgutil

import storage
from storage.columns import Row, Sealed

SUBJECTS = {"person", "staff", "none"}


def tables() -> dict[str, dict[str, object]]:
    """table -> its `info`, after every module of storage was loaded."""
    for module in pkgutil.iter_modules(storage.__path__):
        if module.name != "migrations":
            importlib.import_module(f"storage.{module.name}")
    return {name: dict(table.info) for name, table in Row.metadata.tables.items()}


def test_every_table_says_whose_data_it_holds_and_why() -> None:
    found = tables()
    assert found
    wanted = {"subject", "purpose", "keep"}
    assert not {name: info for name, info in found.items() if not all(info.get(key) for key in wanted)}
    assert not {name: info["subject"] for name, info in found.items() if info["subject"] not in SUBJECTS}


def test_a_sealed_column_belongs_to_somebody() -> None:
    found = tables()
    sealed = {
        c.table.name for t in Row.metadata.tables.values() for c in t.columns if isinstance(c.type, Sealed)
    }
    assert sealed
    assert not [name for name in sorted(sealed) if found[name]["subject"] == "none"]
