"""Raised hands by the clock: due, not due, twice; nobody left; nobody in charge."""

from __future__ import annotations

from datetime import date, timedelta

from bot.conversation import Role
from jobs import interests as job
from storage import accounts, consents, interests, openings, outbox, people
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, now
from storage.interests import Interest
from tests.desk import POLICY, Desk

OWNER, DEPUTY, BOSS = "hr@minato.example.jp", "kimura@minato.example.jp", "boss@minato.example.jp"
SAID = Said("ja", "slack")


def staffed(desk: Desk, *hr: str) -> None:
    wanted = [(Role.OWNER, BOSS), *((Role.HR, one) for one in hr)]
    desk.does(lambda tx: accounts.set_staff(tx, wanted))


def a_hand(desk: Desk, *readers: str) -> str:
    """Somebody raised a hand a moment ago; who it is."""

    def make(tx: Tx) -> str:
        row = openings.add(tx, "slack:T0:U0", title="営業企画", closes_on=date(2026, 12, 31), owner=OWNER,
                           owner_name="佐藤", deputy=DEPUTY, deputy_name="木村")  # fmt: skip
        openings.publish(tx, row, "slack:T0:U0")
        person = people.add(tx, "田中 愛子", member_from=now(tx))
        for purpose in (Purpose.STAY_IN_TOUCH, Purpose.OPENINGS):
            consents.record(tx, person.id, Decision.GIVEN, SAID, purpose)
        interests.add(tx, row.id, person.id, readers, now(tx) + timedelta(minutes=10))
        return person.id

    return desk.does(make)


def row(desk: Desk) -> Interest:
    return desk.sees(lambda tx: tx.query(Interest).one())


async def sweep(desk: Desk) -> bool:
    return await job.sweep(desk.database, POLICY)


async def test_told_once_after_ten_minutes(desk: Desk) -> None:
    staffed(desk, OWNER, DEPUTY)
    a_hand(desk, OWNER, DEPUTY)
    desk.clock.passes(599)
    assert not await sweep(desk)
    assert desk.letters() == []
    desk.clock.passes(1)
    assert await sweep(desk)
    assert not await sweep(desk)
    assert [one.kind for one in desk.letters()] == ["interest.came"] * 2
    assert row(desk).answer_by is not None
    assert all("愛子" not in str(desk.sees(lambda tx, one=one: outbox.body(tx, one)))  # type: ignore[misc]
               for one in desk.letters())  # fmt: skip


async def test_the_deputy_is_reminded_once_and_only_if_they_may_know(desk: Desk) -> None:
    staffed(desk, OWNER, DEPUTY)
    person = a_hand(desk, OWNER, DEPUTY)
    desk.clock.passes(600)
    await sweep(desk)
    for _ in range(3):
        desk.clock.passes(14 * 86_400)
        await sweep(desk)
    (late,) = desk.letters("interest.late")
    assert late.staff_id == desk.sees(lambda tx: accounts.staff_by_key(tx, DEPUTY)).id  # type: ignore[union-attr]
    assert [one.person_id for one in desk.letters("interest.news")] == [person]


async def test_without_the_deputy_who_else_knows_is_reminded(desk: Desk) -> None:
    staffed(desk, OWNER, DEPUTY)
    a_hand(desk, OWNER)
    desk.clock.passes(600)
    await sweep(desk)
    desk.clock.passes(14 * 86_400)
    await sweep(desk)
    (late,) = desk.letters("interest.late")
    assert late.staff_id == desk.sees(lambda tx: accounts.staff_by_key(tx, OWNER)).id  # type: ignore[union-attr]


async def test_nobody_is_left_who_may_know(desk: Desk) -> None:
    staffed(desk, OWNER)
    person = a_hand(desk, DEPUTY)
    desk.clock.passes(600)
    await sweep(desk)
    assert [(one.kind, one.person_id) for one in desk.letters()] == [("interest.news", person)]
    assert (row(desk).readers, row(desk).answer_by) == ([], None)
    desk.clock.passes(14 * 86_400)
    assert not await sweep(desk)


async def test_owners_hear_of_an_opening_without_anybody_in_charge_whether_a_hand_is_up_or_not(
    desk: Desk,
) -> None:
    staffed(desk, OWNER)
    a_hand(desk, OWNER)
    await sweep(desk)
    assert desk.letters("answer.nobody") == []
    staffed(desk)
    for _ in range(2):
        await sweep(desk)
    assert len(desk.letters("answer.nobody")) == 1
    desk.does(lambda tx: interests.drop(tx, tx.query(Interest).one()))
    await sweep(desk)
    assert len(desk.letters("answer.nobody")) == 1
