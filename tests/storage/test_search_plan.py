"""A look-up costs what it finds, not what there is: it begins at the index, and people are fetched by key."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from bot.visibility import Audience
from storage import search
from storage.engine import Tx
from tests.desk import Desk


@pytest.mark.parametrize("audience", [Audience.ALUMNI, Audience.HR])
def test_people_are_never_walked_through(desk_in_file: Desk, audience: Audience) -> None:
    with desk_in_file.transaction() as tx:
        steps = _steps(tx, audience)
    assert steps == [
        "SEARCH search_docs USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH people USING INDEX sqlite_autoindex_people_1 (id=?)",
    ]


def _steps(tx: Tx, audience: Audience) -> list[str]:
    statement = search._statement(audience).compile(dialect=sqlite.dialect(paramstyle="named"))
    given = dict(statement.params) | {"match": '"x"', "size": 11, "skip": 0, "at": "2026", "today": "2026"}
    plan = [row[3] for row in tx.execute(text(f"EXPLAIN QUERY PLAN {statement}"), given)]
    return [step for step in plan if "people" in step or "search_docs" in step]
