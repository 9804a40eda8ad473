"""Inbox, pace, leases, journal, feed files, check-ins: each verb with its edges."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from storage import checkins, feeds, inbox, journal, leases, pace, people
from storage.checkins import OPEN, Checkin, State
from storage.engine import Tx, healthy, now, vault_of
from storage.inbox import REDRIVE_AFTER, Received
from storage.leases import Lease
from storage.pace import Full, Lanes, Place
from tests.desk import VAULT, Desk

KEY = ("slack", "T0ALUMNI", "Ev1")

# --- inbox ---------------------------------------------------------------------------------------------


def test_an_id_is_kept_once_for_each_workspace(tx: Tx) -> None:
    assert inbox.first(tx, KEY)
    assert not inbox.first(tx, KEY)
    assert not inbox.first(tx, KEY, "later with words")
    assert inbox.first(tx, ("slack", "T0COMPANY", "Ev1"))
    assert inbox.handled(tx, KEY)
    assert inbox.unfinished(tx) == []


def test_an_event_waits_with_its_words_until_it_was_handled(desk: Desk) -> None:
    with desk.transaction() as tx:
        assert inbox.first(tx, KEY, '"words"')
        assert not inbox.handled(tx, KEY)
        assert inbox.unfinished(tx) == []  # whoever received it is still at it
        desk.clock.passes(REDRIVE_AFTER)
        (waiting,) = inbox.unfinished(tx)
        assert (waiting.key, waiting.tries, waiting.opened(VAULT)) == (KEY, 1, '"words"')
        assert inbox.unfinished(tx) == []
        inbox.done(tx, KEY)
        assert inbox.handled(tx, KEY)
        assert tx.get_one(Received, KEY).payload is None
        desk.clock.passes(10_000)
        assert inbox.unfinished(tx) == []


def test_an_event_that_never_succeeds_is_given_up_and_forgotten(desk: Desk) -> None:
    with desk.transaction() as tx:
        inbox.first(tx, KEY, "poison")
        tries = 0
        while not inbox.give_up(tx):
            desk.clock.passes(100_000)
            tries += len(inbox.unfinished(tx))
        assert tries == inbox.TRIES
        assert tx.get_one(Received, KEY).payload is None
        desk.clock.passes(1)
        inbox.outdated(now(tx)).clear(tx)
        assert tx.get(Received, KEY) is None


def test_sweeping_forgets_the_handled_and_keeps_the_open(desk: Desk) -> None:
    with desk.transaction() as tx:
        inbox.first(tx, KEY)
        inbox.first(tx, ("slack", "T0ALUMNI", "Ev2"), "open")
        desk.clock.passes(1)
        inbox.outdated(now(tx)).clear(tx)
        assert [row.event_id for row in tx.query(Received)] == ["Ev2"]


def test_a_double_click_is_one_press(desk: Desk) -> None:
    with desk.transaction() as tx:
        assert inbox.no_twin(tx, KEY)
        assert not inbox.no_twin(tx, KEY)
        desk.clock.passes(inbox.TWINS)
        assert inbox.no_twin(tx, KEY)
        inbox.forget(tx, KEY)
        assert inbox.no_twin(tx, KEY)


# --- pace and leases -----------------------------------------------------------------------------------


def taken(tx: Tx, places: list[Place]) -> Full | None:
    full = Lanes(tx, [place.key for place in places]).take(places)
    tx.flush()
    return full


def test_a_lane_is_free_again_after_its_time(desk: Desk) -> None:
    one, other = Place("slack:T1", 1.2), Place("slack:T2", 0.5)
    with desk.transaction() as tx:
        assert taken(tx, [one]) is None
        full = taken(tx, [other, one])
        assert full is not None
        assert (full.key, full.seconds) == ("slack:T1", pytest.approx(1.2))
        assert taken(tx, [other]) is None, "a place in all lanes or in none"
        pace.park(tx, "slack:T1", 30)
        pace.park(tx, "slack:T1", 5)
        full = taken(tx, [one])
        assert full is not None
        assert full.seconds == pytest.approx(30)
        desk.clock.passes(31)
        assert taken(tx, [one]) is None
        assert taken(tx, []) is None


def test_who_comes_late_makes_up_for_it_but_not_for_long(desk: Desk) -> None:
    place = Place("slack:T1", 1.0, late=0.5)
    with desk.transaction() as tx:
        taken(tx, [place])
        desk.clock.passes(0.8)
        assert taken(tx, [place]) is None
        full = taken(tx, [place])
        assert full is not None
        assert full.seconds == pytest.approx(0.7)
        desk.clock.passes(600)
        assert taken(tx, [place]) is None
        full = taken(tx, [place])
        assert full is not None
        assert full.seconds == pytest.approx(0.5)


def test_a_lease_is_held_by_one_until_it_ends(desk: Desk) -> None:
    with desk.transaction() as tx:
        assert leases.take(tx, ["outbox"], "a", 60)
        assert leases.take(tx, ["outbox"], "a", 60)
        assert not leases.take(tx, ["outbox"], "b", 60)
        assert leases.take(tx, ["drop"], "b", 60)
        assert leases.take(tx, ["outbox", "drop"], "b", 60) == ["drop"]
        leases.give_back(tx, ["outbox"], "b", ["outbox"])
        assert not leases.take(tx, ["outbox"], "b", 60)
        leases.give_back(tx, ["outbox"], "a")
        tx.expire_all()
        assert tx.get_one(Lease, "outbox").ended_well == desk.clock.wire()
        assert leases.take(tx, ["outbox"], "b", 60)
        desk.clock.passes(60)
        assert leases.take(tx, ["outbox"], "a", 60)


# --- journal, feed files -------------------------------------------------------------------------------


def test_the_journal_tells_a_subjects_story_in_order(desk: Desk) -> None:
    with desk.transaction() as tx:
        journal.write(tx, "leaver.asked", "p_1")
        journal.write(tx, "leaver.asked", "p_2")
        desk.clock.passes(60)
        journal.write(tx, "consent.given", "p_1", actor="p_1", detail="slack")
        lines = journal.about(tx, "p_1")
        assert [(line.what, line.actor, line.detail) for line in lines] == [
            ("leaver.asked", "", ""), ("consent.given", "p_1", "slack"),
        ]  # fmt: skip
        journal.outdated(now(tx)).clear(tx)
        assert [line.what for line in journal.about(tx, "p_1")] == ["consent.given"]
        assert journal.about(tx, "p_2") == []


def test_a_file_is_kept_sealed_and_then_forgotten(desk: Desk) -> None:
    content = "E1,田中 愛子".encode()

    def write(tx: Tx) -> None:
        feeds.end(tx, feeds.begin(tx, ".csv", b"d" * 32), 1, {}, content)
        feeds.end(tx, feeds.begin(tx, ".txt", b"e" * 32), 1, {})

    desk.does(write)
    assert "田中".encode() not in desk.bytes()
    with desk.transaction() as tx:
        newest, oldest = feeds.recent(tx)
        assert (newest.name, newest.sealed, oldest.name) == (".txt", None, ".csv")
        assert oldest.sealed is not None
        assert vault_of(tx).unwrap(oldest.sealed, f"feed_files:{oldest.id}") == content
        assert feeds.recent(tx, 1) == [newest]
        feeds.forget(tx, now(tx))
        tx.refresh(oldest)
        assert oldest.sealed is not None
        feeds.forget(tx, now(tx) + timedelta(seconds=1))
        tx.refresh(oldest)
        assert oldest.sealed is None


# --- check-ins -----------------------------------------------------------------------------------------


def test_a_person_has_one_open_check_in(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子").id
    first = checkins.plan(tx, aiko, now(tx))
    assert first is not None
    assert checkins.plan(tx, aiko, now(tx)) is None
    assert checkins.current(tx, aiko) is first
    checkins.answer(tx, first, "same")
    assert (first.state, first.answer, first.answered_at) == (State.ANSWERED, "same", now(tx))
    second = checkins.plan(tx, aiko, now(tx))
    assert second is not None
    assert (first.number, second.number) == (1, 2)
    checkins.stop(tx, aiko)
    assert second.state is State.STOPPED
    checkins.stop(tx, aiko)
    assert checkins.current(tx, aiko) is None


def test_a_number_is_used_once(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子").id
    checkins.plan(tx, aiko, now(tx))
    tx.add(Checkin(person_id=aiko, number=1, due_at=now(tx)))
    with pytest.raises(IntegrityError):
        tx.flush()


def test_a_check_in_belongs_to_its_person(tx: Tx) -> None:
    aiko, ken = people.add(tx, "田中 愛子").id, people.add(tx, "佐藤 健").id
    row = checkins.plan(tx, aiko, now(tx))
    assert row is not None
    assert checkins.of(tx, row.id, aiko) is row
    assert checkins.of(tx, row.id, ken) is None
    assert checkins.of(tx, row.id, None) is None
    assert checkins.of(tx, 999, aiko) is None


@pytest.mark.parametrize("state", list(State))
def test_only_the_open_are_due(desk: Desk, state: State) -> None:
    with desk.transaction() as tx:
        row = checkins.plan(tx, people.add(tx, "田中 愛子").id, now(tx) + timedelta(seconds=1))
        assert row is not None
        checkins.step(tx, row, state)
        assert list(checkins.due(tx)) == []
        assert list(checkins.next_moments(tx)) == ([row] if state in OPEN else [])
        desk.clock.passes(1)
        assert [one.id for one in checkins.due(tx)] == ([row.id] if state in OPEN else [])
        assert list(checkins.next_moments(tx)) == []


def test_asked_for_later_is_no_answer(tx: Tx) -> None:
    row = checkins.plan(tx, people.add(tx, "田中 愛子", confirmed_on=date(2026, 1, 1)).id, now(tx))
    assert row is not None
    checkins.step(tx, row, State.ASKED, now(tx) + timedelta(days=7))
    checkins.postpone(tx, row)
    assert (row.state, row.answer, row.answered_at) == (State.ASKED, "later", None)
    assert row.due_at == now(tx) + timedelta(days=7)


def test_the_house_is_healthy(tx: Tx) -> None:
    assert healthy(tx)
