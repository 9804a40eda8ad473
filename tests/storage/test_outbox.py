"""The outbox: one row, one message; a claim is guarded, words go as soon as they may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from storage import consents, delivering, given_up, outbox, people
from storage.consents import Decision, Purpose, Said
from storage.delivering import LEASE, TRIES
from storage.engine import Tx, now
from storage.outbox import Delivery, Draft, Queue, Route, Stand, Status
from tests.desk import Desk, arrived

WORDS = '{"is":"Card","title":"ひみつの言葉"}'


def draft(dedup: str = "1", **values: object) -> Draft:
    return replace(Draft("welcome.question", WORDS, Purpose.ASKING, Route.COMPANY_CHAT, dedup), **values)  # type: ignore[arg-type]


def put(tx: Tx, dedup: str = "1", **values: object) -> Delivery:
    row = outbox.put(tx, draft(dedup, **values))
    assert row is not None
    return row


def claim(tx: Tx) -> list[Delivery]:
    """In a transaction of its own every row would be read afresh."""
    tx.expire_all()
    return delivering.claim(tx)


def claimed(tx: Tx) -> Delivery:
    put(tx)
    return delivering.claim(tx)[0]


def test_the_same_message_is_queued_once(tx: Tx) -> None:
    row = put(tx)
    assert outbox.put(tx, draft(card="other")) is None
    plain = {"card": WORDS, "invites": False, "locale": "", "otherwise": "", "to": ""}
    assert outbox.body(tx, row) == plain
    other = put(tx, "2", invites=True, locale="en", otherwise="else", to="a@home.example.jp")
    said = {"invites": True, "locale": "en", "otherwise": "else", "to": "a@home.example.jp"}
    assert outbox.body(tx, other) == {**plain, **said}
    assert row.delivery != other.delivery


def test_a_purpose_that_needs_a_consent_gets_no_row_without_it(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子")
    letter = draft(purpose=Purpose.STAY_IN_TOUCH, person_id=aiko.id)
    assert outbox.put(tx, letter) is None
    consents.record(tx, aiko.id, Decision.GIVEN, Said("ja", "slack"))
    assert outbox.put(tx, letter) is not None


def test_words_are_sealed_for_their_person_and_their_row(desk: Desk) -> None:
    def write(tx: Tx) -> tuple[str, int]:
        aiko = people.add(tx, "田中 愛子")
        return aiko.id, put(tx, person_id=aiko.id).id

    person_id, row_id = desk.does(write)
    desk.does(lambda tx: put(tx, "staff").id)
    assert "ひみつの言葉".encode() not in desk.bytes()

    def erased(tx: Tx) -> None:
        people.erase(tx, person_id)
        tx.flush()
        outbox.body(tx, tx.get_one(Delivery, row_id))

    with pytest.raises(LookupError):
        desk.does(erased)


def test_a_claim_is_for_one_and_for_a_while(desk: Desk) -> None:
    with desk.transaction() as tx:
        row = claimed(tx)
        assert (row.status, row.attempts, row.ambiguous) == (Status.SENDING, 1, False)
        assert delivering.claim(tx) == []
        desk.clock.passes(LEASE)
        assert delivering.claim(tx) == [row]
        assert (row.attempts, row.ambiguous) == (2, True)


def test_who_lost_the_claim_changes_nothing(desk: Desk) -> None:
    desk.does(put)
    slow = desk.does(delivering.claim)[0]
    desk.clock.passes(LEASE)
    fast = desk.does(delivering.claim)[0]
    for verb in (
        lambda tx: arrived(tx, slow, "chat"),
        lambda tx: delivering.again(tx, slow, 1.0, "late"),
        lambda tx: delivering.wait(tx, slow, 1.0),
        lambda tx: delivering.dead(tx, slow, "late"),
        lambda tx: delivering.drop(tx, slow, "late"),
    ):
        assert not desk.does(verb)
    assert desk.does(lambda tx: arrived(tx, fast, "chat", "C1:1.1"))
    desk.does(lambda tx: arrived(tx, fast, "mail"))
    assert [(row.went_by, row.remote) for row in desk.letters()] == [("chat", "C1:1.1")]


def test_sent_drops_the_words_and_keeps_where_it_stands(desk: Desk) -> None:
    with desk.transaction() as tx:
        row = claimed(tx)
        assert arrived(tx, row, "chat", "C1:1.1")
        tx.refresh(row)
        assert (row.status, row.went_by, row.remote, row.payload) == (Status.SENT, "chat", "C1:1.1", None)
        assert row.done_at == now(tx)
        with pytest.raises(LookupError):
            outbox.body(tx, row)
        assert outbox.put(tx, draft()) is None


CHANNEL = "slack:T0ALUMNI:C0JOBS"


def to_channel(tx: Tx, dedup: str, **values: object) -> Delivery:
    return put(tx, dedup, route=Route.CHANNEL, to=CHANNEL, **values)


def test_a_channel_gets_what_is_for_nobody_and_needs_no_consent(tx: Tx) -> None:
    row = to_channel(tx, "1", purpose=Purpose.OPENINGS)
    assert (row.person_id, row.remote) == (None, "")
    assert outbox.body(tx, row)["to"] == CHANNEL
    assert outbox.may_go(tx, row)
    aiko = people.add(tx, "田中 愛子")
    for whose in ({"person_id": aiko.id}, {"leaver_id": 1}, {"staff_id": 1}):
        with pytest.raises(ValueError, match="nobody"):
            to_channel(tx, "2", **whose)
    with pytest.raises(ValueError, match="in a channel"):
        put(tx, "3", edits="D0AIKO:1.1")


def test_where_a_message_stands_can_be_asked(desk: Desk) -> None:
    with desk.transaction() as tx:
        assert outbox.stands(tx, "1") is None
        to_channel(tx, "1")
        assert outbox.stands(tx, "1") == Stand(Status.PENDING, "", "")
        (row,) = claim(tx)
        delivering.again(tx, row, 0.0, "ratelimited")
        assert outbox.stands(tx, "1") == Stand(Status.PENDING, "", "ratelimited")
        (row,) = claim(tx)
        arrived(tx, row, "chat", "C0JOBS:1.1")
        assert outbox.stands(tx, "1") == Stand(Status.SENT, "C0JOBS:1.1", "")
        to_channel(tx, "2")
        (row,) = claim(tx)
        delivering.dead(tx, row, "not_in_channel")
        assert outbox.stands(tx, "2") == Stand(Status.DEAD, "", "not_in_channel")
        to_channel(tx, "3", edits="C0JOBS:1.1")
        assert outbox.stands(tx, "3") == Stand(Status.PENDING, "C0JOBS:1.1", "")


def test_edits_of_one_message_go_one_after_the_other(desk: Desk) -> None:
    with desk.transaction() as tx:
        first = to_channel(tx, "1", edits="C0JOBS:1.1")
        other = to_channel(tx, "other", edits="C0JOBS:2.2")
        fresh = to_channel(tx, "fresh")
        assert not any(delivering.overtaken(tx, row) for row in (first, other, fresh))
        claim(tx)
        second = to_channel(tx, "2", edits="C0JOBS:1.1")
        claim(tx)
        rows = (first, second, other, fresh)
        assert [row.dedup for row in rows if delivering.overtaken(tx, row)] == ["1"]
        assert [row.dedup for row in rows if delivering.follows(tx, row)] == ["2"]
        delivering.drop(tx, first, "overtaken")
        assert not delivering.follows(tx, second)


def test_an_edit_waits_for_a_dead_process_no_longer_than_its_lease(desk: Desk) -> None:
    with desk.transaction() as tx:
        to_channel(tx, "1", edits="C0JOBS:1.1")
        claim(tx)
        second = to_channel(tx, "2", edits="C0JOBS:1.1")
        assert delivering.follows(tx, second)
        desk.clock.passes(LEASE)
        assert not delivering.follows(tx, second)


def test_a_trouble_comes_again_until_it_is_dead(desk: Desk) -> None:
    with desk.transaction() as tx:
        put(tx)
        for attempt in range(1, TRIES + 1):
            (row,) = claim(tx)
            assert row.attempts == attempt
            assert delivering.again(tx, row, 10.0, "rate_limited")
            assert claim(tx) == []
            desk.clock.passes(10)
        tx.refresh(row)
        assert (row.status, row.reason, row.payload is None) == (Status.DEAD, "rate_limited", False)
        assert given_up.dead_ones(tx) == [row]
        desk.clock.passes(10_000)
        assert claim(tx) == []


def test_what_is_dead_is_tried_again_or_let_go_while_its_words_are_kept(desk: Desk) -> None:
    with desk.transaction() as tx:
        for dedup in "123":
            put(tx, dedup)
            delivering.dead(tx, claim(tx)[0], "internal_error")
        again, gone, old = (tx.get_one(Delivery, number, populate_existing=True) for number in (1, 2, 3))
        assert given_up.revive(tx, again)
        assert not given_up.revive(tx, again), "not dead any more"
        assert given_up.let_go(tx, gone)
        assert not given_up.let_go(tx, gone)
        assert (gone.status, gone.payload) == (Status.DROPPED, None)
        given_up.outdated(now(tx) + timedelta(seconds=1)).clear(tx)
        tx.refresh(old)
        assert not given_up.revive(tx, old), "its words are gone"
        (row,) = delivering.claim(tx)
        assert (row.id, row.attempts) == (again.id, 1)


def test_what_somebody_waits_for_passes_what_many_get(desk: Desk) -> None:
    with desk.transaction() as tx:
        many = [put(tx, f"many{n}", bulk=True) for n in range(3)]
        one = put(tx, "one")
        queue = Queue(Route.COMPANY_CHAT, bulk=True)
        assert delivering.ready(tx, 10, {queue: 0}) == [one.id]
        assert delivering.ready(tx, 10, {queue: 1}) == [one.id, many[0].id]
        assert delivering.claim(tx, 3) == [one, *many[:2]]
        desk.clock.passes(LEASE)
        assert [row.ambiguous for row in delivering.claim(tx)] == [True, True, True, False]


def test_many_are_written_to_at_once_if_they_allow_it(desk: Desk) -> None:
    with desk.transaction() as tx:
        readers, said = [people.add(tx, f"田中 {n}").id for n in range(4)], Said("ja", "slack")
        for reader in readers[:3]:
            consents.record(tx, reader, Decision.GIVEN, said)
        consents.record(tx, readers[2], Decision.WITHDRAWN, said)
        drafts = [replace(draft(f"n{n}", person_id=one), purpose=Purpose.STAY_IN_TOUCH, bulk=True)
                  for n, one in enumerate(readers)]  # fmt: skip
        put(tx, "n0", person_id=readers[0])
        assert len(outbox.put_all(tx, drafts)) == 1, "the first was queued before, two do not allow it"
        assert not outbox.put_all(tx, drafts)
        row = next(row for row in delivering.claim(tx) if row.bulk)
        assert (row.person_id, outbox.body(tx, row)["card"]) == (readers[1], draft("n1").card)
        with pytest.raises(ValueError, match="one purpose"):
            outbox.put_all(tx, [replace(drafts[0], purpose=Purpose.EVENTS), drafts[1]])


def test_one_of_many_is_kept_as_one_alone(desk: Desk) -> None:
    """What is the same for all stands in the statement: nothing of a row may come from another one."""
    own = {"id", "dedup", "delivery", "person_id", "payload", "due_at"}
    later = desk.clock.now() + timedelta(hours=3)
    with desk.transaction() as tx:
        readers = [people.add(tx, f"O'Neil {n} 髙橋").id for n in range(3)]
        for reader in readers:
            consents.record(tx, reader, Decision.GIVEN, Said("ja", "slack"))
        drafts = [replace(draft(f"n{n} '髙'", person_id=one), purpose=Purpose.STAY_IN_TOUCH, bulk=True)
                  for n, one in enumerate(readers)]  # fmt: skip
        alone = outbox.put(tx, drafts[0])
        for dates in ((None, later), (None, None)):
            tx.execute(delete(Delivery).where(Delivery.person_id.in_(readers[1:])))
            given = [replace(one, due_at=due) for one, due in zip(drafts[1:], dates, strict=True)]
            assert outbox.put_all(tx, given) == set(readers[1:])
            rows = list(tx.scalars(select(Delivery).order_by(Delivery.id)))
            assert [row.due_at for row in rows[1:]] == [due or desk.clock.now() for due in dates]
            for column in set(Delivery.__table__.columns.keys()) - own:
                assert {getattr(row, column) for row in rows} == {getattr(alone, column)}, column
            assert [outbox.body(tx, row)["card"] for row in rows] == [one.card for one in drafts]
        with pytest.raises(ValueError, match="something new"):
            outbox.put_all(tx, [replace(drafts[0], edits="C1:1.1")])


def test_what_may_have_arrived_stays_ambiguous_until_it_is_known(desk: Desk) -> None:
    with desk.transaction() as tx:
        row = claimed(tx)
        delivering.again(tx, row, 0.0, "timeout", ambiguous=True)
        (row,) = claim(tx)
        assert row.ambiguous
        delivering.again(tx, row, 0.0, "rate_limited")
        (row,) = claim(tx)
        assert row.ambiguous
        arrived(tx, row, "chat")
        tx.refresh(row)
        assert not row.ambiguous


def test_waiting_for_a_lane_is_no_try(desk: Desk) -> None:
    with desk.transaction() as tx:
        for _ in range(TRIES * 2):
            row = claim(tx)[0] if tx.query(Delivery).count() else claimed(tx)
            assert row.attempts == 1
            assert delivering.wait(tx, row, 1.0)
            desk.clock.passes(1)
        assert not claim(tx)[0].ambiguous


def test_rows_wait_for_their_moment_and_go_in_order(desk: Desk) -> None:
    with desk.transaction() as tx:
        outbox.put(tx, draft("later"), now(tx) + timedelta(hours=1))
        rows = [put(tx, str(n)) for n in range(12)]
        assert delivering.waiting(tx) == 12
        assert delivering.claim(tx, 10) == rows[:10]
        assert delivering.claim(tx, 1) == rows[10:11]
        desk.clock.passes(3600)
        assert delivering.waiting(tx) == 13


def test_cancelling_takes_the_unsent_of_a_person_a_leaver_or_a_kind(tx: Tx) -> None:
    aiko, ken = people.add(tx, "田中 愛子").id, people.add(tx, "佐藤 健").id
    sent = put(tx, "0", person_id=aiko)
    arrived(tx, delivering.claim(tx)[0], "chat")
    rows = [
        put(tx, "1", person_id=aiko), put(tx, "2", person_id=ken), put(tx, "3", leaver_id=7),
        put(tx, "4", person_id=ken, kind="welcome.invitation"),
    ]  # fmt: skip
    outbox.cancel_kind(tx, ken, "welcome.invitation")
    assert outbox.cancel(tx, person_id=aiko) == 1
    assert outbox.cancel(tx, leaver_id=7) == 1
    assert outbox.cancel(tx, person_id=aiko) == 0
    for row in (sent, *rows):
        tx.refresh(row)
    dropped, pending = Status.DROPPED, Status.PENDING
    assert [row.status for row in (sent, *rows)] == [Status.SENT, dropped, pending, dropped, dropped]
    assert [row.payload is None for row in rows] == [True, False, True, True]
    assert rows[0].reason == "cancelled"


def test_what_was_cancelled_while_it_was_sent_stays_cancelled(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子").id
    put(tx, person_id=aiko)
    (row,) = delivering.claim(tx)
    outbox.cancel(tx, person_id=aiko)
    assert not delivering.again(tx, row, 0.0, "rate_limited")
    assert delivering.claim(tx) == []


def test_done_rows_are_forgotten_and_open_ones_are_not(desk: Desk) -> None:
    with desk.transaction() as tx:
        delivering.drop(tx, claimed(tx), "no_consent")
        put(tx, "2")
        outbox.outdated(now(tx)).clear(tx)
        assert tx.query(Delivery).count() == 2
        outbox.outdated(now(tx) + timedelta(seconds=1)).clear(tx)
        assert [row.dedup for row in tx.query(Delivery)] == ["2"]
