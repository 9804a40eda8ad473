"""The outbox: one row, one message; a claim is guarded, words go as soon as they may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import NoResultFound

from storage import consents, outbox, people
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, now
from storage.outbox import LEASE, TRIES, Delivery, Draft, Route, Stand, Status
from tests.desk import Desk

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
    return outbox.claim(tx)


def claimed(tx: Tx) -> Delivery:
    put(tx)
    return outbox.claim(tx)[0]


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

    with pytest.raises(NoResultFound):
        desk.does(erased)


def test_a_claim_is_for_one_and_for_a_while(desk: Desk) -> None:
    with desk.transaction() as tx:
        row = claimed(tx)
        assert (row.status, row.attempts, row.ambiguous) == (Status.SENDING, 1, False)
        assert outbox.claim(tx) == []
        desk.clock.passes(LEASE)
        assert outbox.claim(tx) == [row]
        assert (row.attempts, row.ambiguous) == (2, True)


def test_who_lost_the_claim_changes_nothing(desk: Desk) -> None:
    desk.does(put)
    slow = desk.does(outbox.claim)[0]
    desk.clock.passes(LEASE)
    fast = desk.does(outbox.claim)[0]
    for verb in (
        lambda tx: outbox.sent(tx, slow, "chat"),
        lambda tx: outbox.again(tx, slow, 1.0, "late"),
        lambda tx: outbox.wait(tx, slow, 1.0),
        lambda tx: outbox.dead(tx, slow, "late"),
        lambda tx: outbox.drop(tx, slow, "late"),
    ):
        assert not desk.does(verb)
    assert desk.does(lambda tx: outbox.sent(tx, fast, "chat", "C1:1.1"))
    assert not desk.does(lambda tx: outbox.sent(tx, fast, "chat"))


def test_sent_drops_the_words_and_keeps_where_it_stands(desk: Desk) -> None:
    with desk.transaction() as tx:
        row = claimed(tx)
        assert outbox.sent(tx, row, "chat", "C1:1.1")
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
        outbox.again(tx, row, 0.0, "ratelimited")
        assert outbox.stands(tx, "1") == Stand(Status.PENDING, "", "ratelimited")
        (row,) = claim(tx)
        outbox.sent(tx, row, "chat", "C0JOBS:1.1")
        assert outbox.stands(tx, "1") == Stand(Status.SENT, "C0JOBS:1.1", "")
        to_channel(tx, "2")
        (row,) = claim(tx)
        outbox.dead(tx, row, "not_in_channel")
        assert outbox.stands(tx, "2") == Stand(Status.DEAD, "", "not_in_channel")
        to_channel(tx, "3", edits="C0JOBS:1.1")
        assert outbox.stands(tx, "3") == Stand(Status.PENDING, "C0JOBS:1.1", "")


def test_edits_of_one_message_go_one_after_the_other(desk: Desk) -> None:
    with desk.transaction() as tx:
        first = to_channel(tx, "1", edits="C0JOBS:1.1")
        other = to_channel(tx, "other", edits="C0JOBS:2.2")
        fresh = to_channel(tx, "fresh")
        assert not any(outbox.overtaken(tx, row) for row in (first, other, fresh))
        claim(tx)
        second = to_channel(tx, "2", edits="C0JOBS:1.1")
        claim(tx)
        rows = (first, second, other, fresh)
        assert [row.dedup for row in rows if outbox.overtaken(tx, row)] == ["1"]
        assert [row.dedup for row in rows if outbox.follows(tx, row)] == ["2"]
        outbox.drop(tx, first, "overtaken")
        assert not outbox.follows(tx, second)


def test_an_edit_waits_for_a_dead_process_no_longer_than_its_lease(desk: Desk) -> None:
    with desk.transaction() as tx:
        to_channel(tx, "1", edits="C0JOBS:1.1")
        claim(tx)
        second = to_channel(tx, "2", edits="C0JOBS:1.1")
        assert outbox.follows(tx, second)
        desk.clock.passes(LEASE)
        assert not outbox.follows(tx, second)


def test_a_trouble_comes_again_until_it_is_dead(desk: Desk) -> None:
    with desk.transaction() as tx:
        put(tx)
        for attempt in range(1, TRIES + 1):
            (row,) = claim(tx)
            assert row.attempts == attempt
            assert outbox.again(tx, row, 10.0, "rate_limited")
            assert claim(tx) == []
            desk.clock.passes(10)
        tx.refresh(row)
        assert (row.status, row.reason, row.payload) == (Status.DEAD, "rate_limited", None)
        assert outbox.dead_ones(tx) == [row]
        desk.clock.passes(10_000)
        assert claim(tx) == []


def test_what_may_have_arrived_stays_ambiguous_until_it_is_known(desk: Desk) -> None:
    with desk.transaction() as tx:
        row = claimed(tx)
        outbox.again(tx, row, 0.0, "timeout", ambiguous=True)
        (row,) = claim(tx)
        assert row.ambiguous
        outbox.again(tx, row, 0.0, "rate_limited")
        (row,) = claim(tx)
        assert row.ambiguous
        outbox.sent(tx, row, "chat")
        tx.refresh(row)
        assert not row.ambiguous


def test_waiting_for_a_lane_is_no_try(desk: Desk) -> None:
    with desk.transaction() as tx:
        for _ in range(TRIES * 2):
            row = claim(tx)[0] if tx.query(Delivery).count() else claimed(tx)
            assert row.attempts == 1
            assert outbox.wait(tx, row, 1.0)
            desk.clock.passes(1)
        assert not claim(tx)[0].ambiguous


def test_rows_wait_for_their_moment_and_go_in_order(desk: Desk) -> None:
    with desk.transaction() as tx:
        outbox.put(tx, draft("later"), now(tx) + timedelta(hours=1))
        rows = [put(tx, str(n)) for n in range(12)]
        assert outbox.waiting(tx) == 12
        assert outbox.claim(tx) == rows[:10]
        assert outbox.claim(tx, 1) == rows[10:11]
        desk.clock.passes(3600)
        assert outbox.waiting(tx) == 13


def test_cancelling_takes_the_unsent_of_a_person_a_leaver_or_a_kind(tx: Tx) -> None:
    aiko, ken = people.add(tx, "田中 愛子").id, people.add(tx, "佐藤 健").id
    sent = put(tx, "0", person_id=aiko)
    outbox.sent(tx, outbox.claim(tx)[0], "chat")
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
    (row,) = outbox.claim(tx)
    outbox.cancel(tx, person_id=aiko)
    assert not outbox.again(tx, row, 0.0, "rate_limited")
    assert outbox.claim(tx) == []


def test_done_rows_are_forgotten_and_open_ones_are_not(desk: Desk) -> None:
    with desk.transaction() as tx:
        outbox.drop(tx, claimed(tx), "no_consent")
        put(tx, "2")
        outbox.sweep(tx, now(tx))
        assert tx.query(Delivery).count() == 2
        outbox.sweep(tx, now(tx) + timedelta(seconds=1))
        assert [row.dedup for row in tx.query(Delivery)] == ["2"]
