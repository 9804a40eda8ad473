"""PgQueuer on a real PostgreSQL: word of a message reaches one replica, is given back, lost, told again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import make_url, text

from bot.conversation import Side
from jobs import housekeeping
from jobs.outbox.courier import Courier, Doors
from jobs.outbox.transport import SHELF, Alone, Rescue, Shared
from storage import delivering
from storage.delivering import OVERDUE
from storage.engine import Tx
from storage.outbox import Queue, Route, Status
from tests.desk import POLICY, Desk
from tests.jobs.postroom import Doorman, Post, a_post
from tests.postgres import postgres

JOBS = text("SELECT count(*) FROM okaeri_queue.pgqueuer")
LISTENERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pgqueuer%'"
    " AND pid <> pg_backend_pid() AND datname = current_database()"
)
EVERY: dict[Queue, int] = {}


@pytest.fixture
async def post(desk_on_server: Desk) -> AsyncIterator[Post]:
    async with a_post(desk_on_server) as made:
        yield made


class Replica:
    """A process of its own, as far as the database can tell."""

    def __init__(self, post: Post) -> None:
        self.desk, self.news = post.desk.again(), asyncio.Event()
        self.transport = Shared(self.desk.database, self.desk.database.url, self.news.set)
        doors = Doors(dict.fromkeys(Side, post.messenger), post.mails, Doorman(), 0.0)
        self.courier = Courier(self.desk.database, POLICY, doors, self.transport)

    async def told(self, count: int = 1) -> list[int]:
        """Wait for word of so many messages."""
        found: list[int] = []
        async with asyncio.timeout(10):
            while len(found) < count:
                await self.news.wait()
                self.news.clear()
                found += await self.transport.ready(100, EVERY)
        return found

    async def works(self) -> None:
        """Carry whatever comes, until cancelled."""
        while True:
            await self.news.wait()
            self.news.clear()
            await self.courier.work()

    async def stop(self) -> None:
        """End it."""
        self.courier.stop()
        await self.transport.stop()
        self.desk.database.close()


@pytest.fixture
async def replicas(post: Post) -> AsyncIterator[list[Replica]]:
    made = [Replica(post) for _ in range(2)]
    yield made
    for one in made:
        await one.stop()


def jobs(post: Post) -> int:
    return int(post.desk.sees(lambda tx: tx.scalar(JOBS)) or 0)


async def test_two_replicas_carry_each_message_once(post: Post, replicas: list[Replica]) -> None:
    readers = [post.alumnus() for _ in range(5)]
    for one in replicas:
        one.transport.start()
    working = [asyncio.create_task(one.works()) for one in replicas]
    for number in range(4):
        for reader in readers:
            post.nudge(reader, str(number))
    async with asyncio.timeout(20):
        while {row.status for row in post.rows} != {Status.SENT}:
            ended, _ = await asyncio.wait(working, timeout=0.05)
            assert not ended
    for task in working:
        task.cancel()
    assert sorted(post.posted) == sorted(row.delivery for row in post.rows)
    assert len(post.slack.calls("chat.postMessage")) == 20


async def test_a_message_that_is_rolled_back_is_told_to_nobody(post: Post) -> None:
    person = post.alumnus()
    before = jobs(post)

    def fails(tx: Tx) -> None:
        post.nudges(tx, person)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        post.desk.does(fails)
    assert jobs(post) == before
    post.nudge(person)
    assert jobs(post) == before + 1


async def test_until_it_starts_a_process_looks_for_itself(post: Post, replicas: list[Replica]) -> None:
    post.nudge(post.alumnus())
    assert await replicas[0].transport.ready(10, EVERY) == await Alone(post.desk.database).ready(10, EVERY)


async def test_who_stops_leaves_the_rest_to_others(post: Post, replicas: list[Replica]) -> None:
    first, second = replicas
    first.transport.start()
    person = post.alumnus()
    for number in range(3):
        post.nudge(person, str(number))
    line = Queue(Route.ALUMNI_CHAT, bulk=False)
    for message in await first.told(3):
        first.transport.back(message, line, 0.0)
    await first.transport.stop()
    second.transport.start()
    assert sorted(set(await second.told(3))) == sorted(row.id for row in post.rows)


async def test_word_that_was_lost_is_told_again(post: Post, replicas: list[Replica]) -> None:
    first, second = replicas
    post.nudge(post.alumnus())
    first.transport.start()
    (row,) = post.rows
    assert await first.told() == [row.id]
    await first.stop()  # it forgets what it was told
    rescue = Rescue(post.desk.database)
    await rescue.tell()
    assert jobs(post) == 0
    post.desk.clock.passes(OVERDUE)
    await rescue.tell()
    second.transport.start()
    assert await second.told() == [row.id]


@pytest.mark.long
async def test_word_that_was_lost_is_told_again_however_many_others_wait(post: Post) -> None:
    """Thousands wait for their turn; what a process that died was about to send is not behind them."""
    person = post.alumnus()

    def many(tx: Tx) -> None:
        for number in range(MANY):
            assert post.nudges(tx, person, str(number), bulk=True)
        for name in ("held", "urgent"):
            assert post.nudges(tx, person, name)

    post.desk.does(many)
    held, urgent = [row.id for row in post.rows if not row.bulk]
    post.desk.does(lambda tx: delivering.claim(tx, ids=[held]))  # by a process that dies
    post.desk.does(lambda tx: tx.execute(text("DELETE FROM okaeri_queue.pgqueuer")))
    post.desk.clock.passes(OVERDUE + 1)
    rescue = Rescue(post.desk.database)
    await rescue.tell()
    assert {held, urgent} <= told(post)
    while len(told(post)) < MANY + 2:
        before = len(told(post))
        await rescue.tell()
        assert len(told(post)) > before, "the next ones each time"


MANY = 2500


def told(post: Post) -> set[int]:
    """Of which messages PgQueuer has word."""
    query = text("SELECT convert_from(payload, 'UTF8') FROM okaeri_queue.pgqueuer")
    return set(map(int, post.desk.sees(lambda tx: list(tx.scalars(query)))))


@pytest.mark.long
async def test_a_full_shelf_keeps_no_connection_from_being_made_again(
    post: Post, replicas: list[Replica]
) -> None:
    """One queue waits for a lane that Slack closed; the line breaks; the other queue is heard of all the
    same."""
    first, person = replicas[0], post.alumnus()
    first.transport.start()
    post.nudge(person, "first")
    await first.told()
    for number in range(SHELF):
        first.transport.back(10_000 + number, Queue(Route.ALUMNI_CHAT, bulk=True), 300.0)

    def bulk(tx: Tx) -> None:
        for number in range(SHELF + 10):
            assert post.nudges(tx, person, f"b{number}", bulk=True)

    post.desk.does(bulk)
    post.nudge(person, "second")
    assert post.rows[-1].id in await first.told()
    name = make_url(post.desk.database.url).database
    postgres().sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    post.nudge(person, "third")
    assert post.rows[-1].id in await first.told()


async def test_what_pgqueuer_notes_of_jobs_is_cleared_away(post: Post, replicas: list[Replica]) -> None:
    first = replicas[0]
    first.transport.start()
    post.nudge(post.alumnus())
    await first.told()
    await first.transport.stop()
    noted = text("SELECT count(*) FROM okaeri_queue.pgqueuer_log")
    assert post.desk.sees(lambda tx: tx.scalar(noted)) > 0
    await housekeeping.tidy(post.desk.database, 30)
    assert post.desk.sees(lambda tx: tx.scalar(noted)) > 0, "not before a day is over"
    yesterday = "UPDATE okaeri_queue.pgqueuer_log SET created = created - interval '25 hours'"
    post.desk.does(lambda tx: tx.execute(text(yesterday)))
    await housekeeping.tidy(post.desk.database, 30)
    assert post.desk.sees(lambda tx: tx.scalar(noted)) == 0


async def test_a_connection_that_breaks_is_made_again(post: Post, replicas: list[Replica]) -> None:
    first = replicas[0]
    first.transport.start()
    person = post.alumnus()
    post.nudge(person)
    await first.told()
    post.desk.sees(lambda tx: tx.execute(LISTENERS))
    post.nudge(person, "2")
    assert await first.told() == [post.rows[1].id]


async def test_a_try_later_is_told_when_its_time_has_come(post: Post, replicas: list[Replica]) -> None:
    post.nudge(post.alumnus())
    (row,) = post.desk.does(delivering.claim)
    assert post.desk.does(lambda tx: delivering.again(tx, row, 0.3, "rate_limited"))
    first = replicas[0]
    first.transport.start()
    assert set(await first.told(2)) == {row.id}, "once as it was queued, once for the second try"
