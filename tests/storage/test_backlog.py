"""What waits, and since when: in a moment, however much there is."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event, insert

from storage import backlog, inbox
from storage.backlog import Backlog
from storage.consents import Purpose
from storage.engine import Tx, now
from storage.outbox import Delivery, Route, Status
from tests.desk import Desk


def queued(desk: Desk, *, ago: float, count: int = 1, **values: Any) -> None:
    """Messages whose moment came so many seconds ago."""

    def put(tx: Tx) -> None:
        plan = {"status": Status.PENDING, "bulk": False, "route": Route.ALUMNI_CHAT} | values
        rows = [
            {"dedup": secrets.token_hex(8), "kind": "checkin.nudge", "purpose": Purpose.STAY_IN_TOUCH,
             "delivery": secrets.token_hex(16), "due_at": now(tx) - timedelta(seconds=ago), **plan}
            for _ in range(count)
        ]  # fmt: skip
        tx.execute(insert(Delivery.__table__), rows)

    desk.does(put)


def test_where_nothing_waits_nothing_is_old(desk: Desk) -> None:
    assert desk.sees(backlog.seen) == Backlog(0.0, 0.0, 0, 0.0)
    queued(desk, ago=-60)
    queued(desk, ago=500, status=Status.SENT)
    desk.does(lambda tx: inbox.first(tx, ("slack", "T", "done")))
    desk.clock.passes(20)
    assert desk.sees(backlog.seen) == Backlog(0.0, 0.0, 0, 0.0)


def test_the_oldest_that_could_go_and_did_not(desk: Desk) -> None:
    """A platform that is away has it tried again and again: it waits since its moment came."""
    queued(desk, ago=100, route=Route.STAFF)
    queued(desk, ago=300, next_try=desk.clock.wire() + 900, attempts=5)
    queued(desk, ago=5000, bulk=True)
    queued(desk, ago=9000, count=3, status=Status.DEAD)
    desk.does(lambda tx: inbox.first(tx, ("slack", "T", "Ev1"), "{}"))
    desk.clock.passes(20)
    assert desk.sees(backlog.seen) == Backlog(oldest=320.0, oldest_bulk=5020.0, dead=3, oldest_event=20.0)


def test_nothing_that_waits_is_walked_through(desk_in_file: Desk) -> None:
    queued(desk_in_file, ago=100, count=5000, bulk=True)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with desk_in_file.transaction() as tx:
        tx.connection()
        event.listen(Engine, "before_cursor_execute", note)
        try:
            backlog.seen(tx)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        plans = [
            str(row[-1])
            for statement, given in asked
            for row in tx.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
        ]
    tables = [plan for plan in plans if "outbox" in plan or "inbox" in plan]
    assert tables
    assert not [plan for plan in tables if "USING" not in plan or plan.startswith("SCAN")]
    oldest = [plan for plan in tables if "due_at" in plan or "bulk=" in plan]
    assert all("COVERING INDEX ix_outbox_queue (status=? AND route=? AND bulk=?" in plan for plan in oldest)
