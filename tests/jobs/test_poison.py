"""Messages that can never be sent, among a hundred: they hold up nobody, and HR finds them in the end."""

from __future__ import annotations

from sqlalchemy import update

from storage import delivering, given_up, outbox
from storage.consents import Purpose
from storage.engine import Tx
from storage.outbox import Delivery, Draft, Route, Status
from tests.jobs.postroom import CARD, Post, post

__all__ = ["post"]
HUNDRED = 100


async def test_two_poisoned_messages_among_a_hundred(post: Post) -> None:
    """One of which the words cannot be opened any more, and one whose words are no card."""
    people = [post.alumnus(f"髙橋 {number}") for number in range(HUNDRED)]
    unopened, unread = people[17].id, people[60].id

    def fill(tx: Tx) -> None:
        for person in people:
            card = '{"is":"Nothing"}' if person.id == unread else CARD
            draft = Draft(
                "checkin.nudge", card, Purpose.STAY_IN_TOUCH, Route.ALUMNI_CHAT, person.id, person.id
            )
            outbox.put(tx, draft)
        table = Delivery.__table__
        tx.execute(update(table).where(table.c.person_id == unopened).values(payload=b"\x00rubbish"))

    post.desk.does(fill)
    await post.runs(40)
    good = [row for row in post.rows if row.person_id not in (unopened, unread)]
    assert {row.status for row in good} == {Status.SENT}
    assert sorted(post.posted) == sorted(row.delivery for row in good)
    bad = [row for row in post.rows if row.person_id in (unopened, unread)]
    ends = [(row.status, row.reason, row.attempts) for row in bad]
    assert ends == [(Status.DEAD, "bug", delivering.TRIES)] * 2
    assert {row.id for row in post.desk.sees(given_up.dead_ones)} == {row.id for row in bad}
