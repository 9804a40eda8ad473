"""One of many wakes nobody: a broadcast that lasts into the night goes on when it is day where its reader
lives. A letter, and the question where something stands already, go at any hour.
"""

from __future__ import annotations

from jobs.outbox.transport import Rescue
from storage import delivering, people
from storage.engine import Tx
from storage.outbox import Status
from storage.people import Person
from tests.desk import tokyo
from tests.jobs.postroom import Post, post

__all__ = ["post"]
FRIDAY_NIGHT = tokyo("2026-02-06", "22:00")
MONDAY = tokyo("2026-02-09", "10:00")
FRIDAY_IN_NEW_YORK = tokyo("2026-02-07", "00:00")


def lives_in(post: Post, person: Person, zone: str) -> None:
    def move(tx: Tx) -> None:
        people.one(tx, person.id).zone = zone

    post.desk.does(move)


async def test_who_sleeps_is_left_in_peace_and_a_letter_goes(post: Post) -> None:
    at_home, reader, abroad = post.alumnus(), post.reader(), post.alumnus("田中 愛子")
    lives_in(post, abroad, "America/New_York")
    post.desk.clock.travel(FRIDAY_NIGHT)
    for person in (at_home, reader, abroad):
        post.nudge(person, bulk=True)
    post.nudge(reader, "letter")
    await post.runs(5)
    assert post.mails.got == ["mail@home.example.jp"]
    assert post.posted == []
    rows = [row for row in post.rows if row.bulk]
    assert [row.due_at for row in rows] == [MONDAY, MONDAY, FRIDAY_IN_NEW_YORK]
    assert {(row.status, row.attempts) for row in rows} == {(Status.PENDING, 0)}
    post.desk.clock.travel(FRIDAY_IN_NEW_YORK)
    await post.runs(5)
    assert [row.status for row in post.rows if row.bulk] == [Status.PENDING, Status.PENDING, Status.SENT]
    post.desk.clock.travel(MONDAY)
    await post.runs(5)
    assert {row.status for row in post.rows} == {Status.SENT}
    assert len(post.mails.got) == 2
    assert len(post.posted) == 2


async def test_a_broadcast_that_lasts_into_the_evening_goes_on_in_the_morning(post: Post) -> None:
    post.pace = 1.0
    readers = [post.alumnus(f"田中 {number}") for number in range(30)]
    for person in readers:
        post.knows_chat(person)
        post.nudge(person, bulk=True)
    post.desk.clock.travel(tokyo("2026-02-06", "17:59"))
    post.desk.clock.passes(57)
    await post.runs(120)
    before = len(post.posted)
    assert 0 < before < 30
    assert {row.due_at for row in post.rows if row.status is Status.PENDING} == {MONDAY}
    post.desk.clock.travel(MONDAY)
    await Rescue(post.desk.database).tell()
    await post.runs(120)
    assert len(set(post.posted)) == len(post.posted) == 30


async def test_what_may_stand_there_already_is_looked_for_at_night_and_said_by_day(post: Post) -> None:
    post.pace = 1.0
    post.slack.faults.drop_after_accept("chat.postMessage")
    post.nudge(post.alumnus(), bulk=True)
    await post.runs(1)
    post.nudge(post.alumnus("田中 愛子"), bulk=True)
    post.desk.does(delivering.claim)  # by a process that dies
    assert [(row.status, row.ambiguous) for row in post.rows] == [
        (Status.PENDING, True), (Status.SENDING, False)
    ]  # fmt: skip
    post.desk.clock.travel(FRIDAY_NIGHT)
    post.desk.clock.passes(delivering.LEASE + 1)
    await post.runs(10)
    assert [row.status for row in post.rows] == [Status.SENT, Status.PENDING]
    assert len(post.posted) == 1
    post.desk.clock.travel(MONDAY)
    await post.runs(10)
    assert {row.status for row in post.rows} == {Status.SENT}
    assert len(set(post.posted)) == len(post.posted) == 2
