"""Writers that guard themselves, on a server: what another changed under them is looked at once more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm.exc import StaleDataError

from bot.conversation import Address, Platform, Side
from storage import accounts, delivering, given_up, leavers, outbox, pace, people, postgresql
from storage.accounts import Account
from storage.consents import Purpose
from storage.engine import Tx
from storage.leavers import Leaver
from storage.outbox import Delivery, Draft, Route, Status
from storage.outdated import Outdated
from storage.pace import Lane
from tests.desk import Desk

AIKO = Address(Platform.SLACK, "T0ALUMNI", "U42")
_WAITED_FOR = text("SELECT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)))")

# --- rows with a version ----------------------------------------------------------------------------------


def leaver(desk: Desk) -> int:
    def made(tx: Tx) -> int:
        row = Leaver(
            person_id=people.add(tx, "鵜飼 蛍").id, entity="", employee_number="E1", stint=1, source="csv",
            notice="n", last_day=date(2026, 3, 31), leaving_type="voluntary",
        )  # fmt: skip
        return leavers.add(tx, row).id

    return desk.does(made)


class Marks:
    """A writer that marks a leaver, in whose way another one gets so many times; it counts its runs."""

    def __init__(self, desk: Desk, others: int) -> None:
        self.leaver, self.others, self.ran = leaver(desk), others, 0
        self._other = desk.again()

    def __call__(self, tx: Tx) -> str:
        """Mark, after the other one changed the row that was seen."""
        self.ran += 1
        row = self._row(tx)
        if self.ran <= self.others:
            with ThreadPoolExecutor(1) as meanwhile:
                meanwhile.submit(self._other.does, self._changes).result()
        row.stuck = "undelivered"
        return "done"

    def _changes(self, tx: Tx) -> None:
        self._row(tx).asks += 1

    def _row(self, tx: Tx) -> Leaver:
        row = leavers.get(tx, self.leaver)
        assert row is not None
        return row


@pytest.mark.parametrize("here", [False, True], ids=["its own loop", "the loop that asks"])
async def test_a_row_that_another_changed_meanwhile_is_looked_at_again(
    desk_on_server: Desk, here: bool
) -> None:
    """Where one waits for nobody the server has no word for it: no row is there that could be changed."""
    database, marks = desk_on_server.database, Marks(desk_on_server, others=3)
    async with database.in_loop() if here else nullcontext():
        assert await database.run(marks, guarded=True, brief=here) == "done"
    row = desk_on_server.leaver()
    assert (row.stuck, row.asks, marks.ran) == ("undelivered", 3, 4), "neither change is lost"


async def test_a_row_that_always_changes_is_told_in_the_end(
    desk_on_server: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "TRIES", 3)
    marks = Marks(desk_on_server, others=100)
    with pytest.raises(StaleDataError):
        await desk_on_server.database.run(marks, guarded=True)
    assert (marks.ran, desk_on_server.leaver().stuck) == (3, "")


async def test_who_brings_an_old_row_along_is_told_at_once(desk_on_server: Desk) -> None:
    """Of a writer that is kept apart from others the server tells; what is left is a row from elsewhere."""
    number, ran = leaver(desk_on_server), []
    stale = desk_on_server.sees(lambda tx: leavers.get(tx, number))
    desk_on_server.does(lambda tx: setattr(leavers.get(tx, number), "asks", 1))

    def brings(tx: Tx) -> None:
        ran.append(1)
        tx.add(stale)
        setattr(stale, "stuck", "undelivered")  # noqa: B010 - whoever it is

    with pytest.raises(StaleDataError):
        await desk_on_server.database.run(brings)
    assert len(ran) == 1


# --- what is over, and then is not ------------------------------------------------------------------------


def until_waited_for(tx: Tx) -> None:
    """Until somebody waits for what this transaction holds."""
    for _ in range(1000):
        if tx.scalar(_WAITED_FOR):
            return
        tx.execute(text("SELECT pg_sleep(0.02)"))
    raise AssertionError("nobody waits")


async def cleared_while(desk: Desk, old: Outdated, change: Callable[[Tx], object]) -> None:
    """Somebody changes what is over; before that stands, it is cleared away."""
    changed = threading.Event()

    def changes(tx: Tx) -> None:
        change(tx)
        tx.flush()
        changed.set()
        until_waited_for(tx)

    assert desk.sees(old.there)
    going = asyncio.create_task(desk.database.run(changes))
    await asyncio.to_thread(changed.wait, 10)
    await desk.again().database.run(old.clear, guarded=True)
    await going


async def test_an_account_that_is_tied_at_this_moment_stays(desk_on_server: Desk) -> None:
    long_ago = desk_on_server.clock.now() - timedelta(days=200)

    def untied(tx: Tx) -> str:
        accounts.note(tx, AIKO, Side.ALUMNI).untied_at = long_ago
        return people.add(tx, "鵜飼 蛍").id

    person = desk_on_server.does(untied)
    old = accounts.outdated(desk_on_server.clock.now() - timedelta(days=90))
    await cleared_while(
        desk_on_server, old, lambda tx: accounts.tie(tx, AIKO, Side.ALUMNI, people.one(tx, person), "code")
    )
    found = desk_on_server.sees(lambda tx: tx.get(Account, str(AIKO)))
    assert found is not None
    assert found.person_id == person


async def test_a_lane_that_is_parked_at_this_moment_stays_parked(desk_on_server: Desk) -> None:
    desk_on_server.does(lambda tx: tx.add(Lane("slack:T0ALUMNI:U42", free_at=1.0)))
    old = pace.outdated(desk_on_server.clock.wire())
    await cleared_while(desk_on_server, old, lambda tx: pace.park(tx, "slack:T0ALUMNI:U42", 900.0))
    lane = desk_on_server.sees(lambda tx: tx.get(Lane, "slack:T0ALUMNI:U42"))
    assert lane is not None
    assert lane.free_at > desk_on_server.clock.wire()


async def test_a_message_that_is_tried_again_at_this_moment_keeps_its_words(desk_on_server: Desk) -> None:
    def dies(tx: Tx) -> None:
        outbox.put(tx, Draft("welcome.question", "{}", Purpose.ASKING, Route.ALUMNI_CHAT, "d1"))
        (row,) = delivering.claim(tx)
        assert delivering.dead(tx, row, "smtp_535")

    def again(tx: Tx) -> None:
        assert given_up.revive(tx, tx.scalars(select(Delivery)).one())

    desk_on_server.does(dies)
    old = given_up.outdated(desk_on_server.clock.now() + timedelta(days=30))
    await cleared_while(desk_on_server, old, again)
    (row,) = desk_on_server.letters()
    assert (row.status, row.payload is None) == (Status.PENDING, False)
