"""However many messages wait, those that may go now are found and taken by their place in an index."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event, insert

from storage import delivering
from storage.consents import Purpose
from storage.engine import Tx, now
from storage.outbox import Delivery, Route
from tests.desk import Desk

WALKS = ("ix_outbox_status_next_try", "SCAN outbox", "TEMP B-TREE")


def _broadcast(tx: Tx) -> None:
    at = now(tx)
    rows = [
        {"dedup": f"d{number}", "kind": "checkin.nudge", "purpose": Purpose.STAY_IN_TOUCH, "bulk": True,
         "route": Route.ALUMNI_CHAT, "delivery": secrets.token_hex(16), "payload": b"x",
         "due_at": at - timedelta(seconds=5000 - number)}
        for number in range(5000)
    ]  # fmt: skip
    tx.execute(insert(Delivery.__table__), rows)


def test_nothing_that_waits_is_walked_through(desk_in_file: Desk) -> None:
    """SQLite plans alike for five thousand and for four hundred thousand: it has no statistics of them."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "outbox" in statement and not statement.startswith("INSERT"):
            asked.append((statement, parameters))

    with desk_in_file.transaction() as tx:
        _broadcast(tx)
        event.listen(Engine, "before_cursor_execute", note)
        try:
            ids = delivering.ready(tx)
            claimed = delivering.claim(tx, ids=ids)
            delivering.later(tx, ids)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert [row.dedup for row in claimed] == [f"d{number}" for number in range(delivering.GROUP)]
        plans = [_plan(tx, statement, given) for statement, given in asked if not _lost(statement, given)]
    assert len(plans) >= 5
    assert not [plan for plan in plans if any(word in plan for word in WALKS)]


def _lost(statement: str, given: Any) -> bool:
    """Whether it asks for what is being sent, of which there is never much."""
    return statement.startswith("SELECT") and "sending" in given[:1]


def _plan(tx: Tx, statement: str, given: Any) -> str:
    rows = tx.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
    return " / ".join(str(row[-1]) for row in rows)


def test_the_oldest_go_first_on_every_database(desk: Desk) -> None:
    desk.does(_broadcast)
    ids = desk.sees(delivering.ready)
    assert len(ids) == delivering.GROUP
    assert ids == sorted(ids)
    assert [row.id for row in desk.does(lambda tx: delivering.claim(tx, ids=ids))] == ids
    assert not set(desk.sees(delivering.ready)) & set(ids)
