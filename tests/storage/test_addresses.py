"""Another address on its way, visitors' requests, and codes of who has no account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from storage import addresses, codes, journal, people, returns
from storage.addresses import AddressChange
from storage.codes import LOCK, TRIES, Use, WrongCode
from storage.engine import Tx, now
from storage.people import Person
from storage.returns import ReturnRequest
from tests.desk import Desk

LASTS = timedelta(days=3)


def somebody(tx: Tx, email: str = "", *, proven: bool = True) -> Person:
    person = people.add(tx, "髙橋 愛子")
    people.set_private_email(tx, person, email or None)
    if email and proven:
        people.prove(tx, person)
    return person


def test_a_change_needs_both_sides(tx: Tx) -> None:
    person = somebody(tx, "old@home.example.jp")
    change = addresses.begin(tx, person, "new@home.example.jp", LASTS)
    assert addresses.new_email(tx, change) == "new@home.example.jp"
    assert b"new@" not in change.email
    assert not addresses.settle(tx, change)
    addresses.confirm(tx, change)
    assert not addresses.settle(tx, change)
    addresses.approve(tx, change, "owner")
    assert addresses.settle(tx, change)
    assert people.private_email(tx, person) == "new@home.example.jp"
    assert person.private_email_proven_at == now(tx)
    assert addresses.current(tx, person.id) is None


@pytest.mark.parametrize(
    ("old", "proven", "new"),
    [("", False, "a@home.example.jp"), ("b@home.example.jp", False, "a@home.example.jp"),
     ("a@home.example.jp", True, "A@home.example.jp")],
    ids=["none", "unproven", "the same"],
)  # fmt: skip
def test_where_nothing_proven_is_given_up_the_old_side_has_no_say(
    tx: Tx, old: str, proven: bool, new: str
) -> None:
    change = addresses.begin(tx, somebody(tx, old, proven=proven), new, LASTS)
    assert (change.approved_by, change.approved_at) == ("nobody", now(tx))


def test_somebody_elses_address_never_settles(tx: Tx) -> None:
    somebody(tx, "taken@home.example.jp")
    person = somebody(tx, "old@home.example.jp")
    change = addresses.begin(tx, person, "TAKEN@home.example.jp", LASTS)
    addresses.confirm(tx, change)
    addresses.approve(tx, change, "hr")
    assert addresses.taken(tx, change)
    assert not addresses.settle(tx, change)
    assert people.private_email(tx, person) == "old@home.example.jp"


def test_one_wish_at_a_time_and_no_number_twice(desk: Desk) -> None:
    person = desk.does(lambda tx: somebody(tx, "old@home.example.jp"))

    def again(tx: Tx) -> int:
        return addresses.begin(tx, people.one(tx, person.id), "new@home.example.jp", LASTS).id

    first, second = desk.does(again), desk.does(again)
    assert second > first
    assert desk.sees(lambda tx: addresses.get(tx, first)) is None
    assert len(desk.sees(lambda tx: tx.scalars(select(AddressChange)).all())) == 1


def test_time_runs_out(desk: Desk) -> None:
    person = desk.does(lambda tx: somebody(tx, "old@home.example.jp"))
    change = desk.does(
        lambda tx: addresses.begin(tx, people.one(tx, person.id), "n@home.example.jp", LASTS).id
    )
    request = desk.does(lambda tx: returns.add(tx, somebody(tx, "v@home.example.jp", proven=False), LASTS).id)
    desk.clock.travel(desk.clock.now() + LASTS)
    assert desk.sees(lambda tx: (addresses.get(tx, change), returns.get(tx, request))) == (None, None)
    assert desk.sees(lambda tx: returns.by_email(tx, "v@home.example.jp")) is None
    assert [row.id for row in desk.sees(lambda tx: addresses.expired(tx, 9))] == [change]
    assert [row.id for row in desk.sees(lambda tx: returns.expired(tx, 9))] == [request]


def test_hr_gets_time_for_its_answer(tx: Tx) -> None:
    change = addresses.begin(tx, somebody(tx, "old@home.example.jp"), "n@home.example.jp", LASTS)
    addresses.ask_hr(tx, change, timedelta(days=30))
    assert change.expires_at == now(tx) + timedelta(days=30)


def test_what_a_visitor_wrote_is_sealed(tx: Tx) -> None:
    person = somebody(tx, "v@home.example.jp", proven=False)
    row = returns.add(tx, person, LASTS)
    returns.tell(tx, row, "2019年まで経理部")
    assert "経理".encode() not in (row.story or b"")
    assert returns.story(tx, row) == "2019年まで経理部"
    assert returns.by_email(tx, "V@home.example.jp") is row
    assert returns.undecided(tx) == []
    returns.confirm(tx, row, timedelta(days=90))
    assert [one.id for one in returns.undecided(tx)] == [row.id]
    returns.drop(tx, row)
    assert tx.scalars(select(ReturnRequest)).all() == []


def test_without_an_account_only_the_code_locks(desk: Desk) -> None:
    person = desk.does(lambda tx: somebody(tx, "v@home.example.jp", proven=False))
    code = desk.does(lambda tx: codes.make(tx, person.id, Use.RETURN, b"", LASTS))
    assert [len(group) for group in code.split("-")] == [4] * 4

    def tries(tx: Tx, text: str) -> str:
        try:
            return codes.check(tx, text, Use.RETURN, None, person.id).person_id
        except WrongCode:
            return ""

    for _ in range(TRIES):
        assert desk.does(lambda tx: tries(tx, f"{code[:4]}-7777-7777-7777")) == ""
    assert desk.does(lambda tx: tries(tx, code)) == ""
    desk.clock.travel(desk.clock.now() + LOCK)
    assert desk.does(lambda tx: tries(tx, code)) == person.id


def test_codes_are_dropped_by_use(tx: Tx) -> None:
    person = somebody(tx, "a@home.example.jp")
    for use in Use:
        codes.make(tx, person.id, use, b"", LASTS)
    codes.drop(tx, person.id, Use.NEW_ADDRESS, Use.OLD_ADDRESS)
    assert {use for use in Use if codes.open_code(tx, person.id, use)} == {Use.PROVE, Use.JOIN, Use.RETURN}


def test_how_often_something_happened_lately(desk: Desk) -> None:
    desk.does(lambda tx: journal.write(tx, "address.asked", "p_1"))
    since = desk.clock.now()
    desk.clock.travel(since + timedelta(hours=1))
    desk.does(lambda tx: journal.write(tx, "address.asked", "p_1"))
    assert desk.sees(lambda tx: journal.lately(tx, "address.asked", "p_1", since)) == 2
    later = since + timedelta(minutes=1)
    assert desk.sees(lambda tx: journal.lately(tx, "address.asked", "p_1", later)) == 1
    assert desk.sees(lambda tx: journal.lately(tx, "address.asked", "p_2", since)) == 0


def test_a_mailbox_is_lost_once_until_it_is_proven_or_another(tx: Tx) -> None:
    person = somebody(tx, "a@home.example.jp")
    assert people.lose(tx, person, "mailbox_refused")
    assert not people.lose(tx, person, "mailbox_refused")
    people.prove(tx, person)
    assert people.lose(tx, person, "mailbox_refused")
    people.set_private_email(tx, person, "b@home.example.jp")
    assert person.unreachable == ""
