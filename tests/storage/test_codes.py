"""Codes: read as meant, used once, locked after wrong tries, and never found on the disk."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation import Address, Platform, Side
from bot.errors import TooOften
from storage import accounts, codes, people
from storage.accounts import Account
from storage.codes import ALPHABET, LOCK, TRIES, Use, WrongCode
from storage.engine import Tx, now
from tests.desk import Desk

HOUR = timedelta(hours=1)
WRONG = "ZZZZ-ZZZZ-ZZZZ-ZZZZ"


def account(tx: Tx, user: str = "U1") -> Account:
    return accounts.note(tx, Address(Platform.SLACK, "T0ALUMNI", user), Side.ALUMNI)


def code_for(tx: Tx, use: Use = Use.JOIN, name: str = "田中 愛子") -> tuple[str, str]:
    person = people.add(tx, name)
    return person.id, codes.make(tx, person.id, use, b"about", HOUR)


@pytest.mark.parametrize(("use", "groups"), [(Use.JOIN, 4), (Use.PROVE, 2)])
def test_a_code_is_groups_of_four_plain_letters(tx: Tx, use: Use, groups: int) -> None:
    _, code = code_for(tx, use)
    assert [len(group) for group in code.split("-")] == [4] * groups
    assert set(code) <= set(ALPHABET) | {"-"}
    assert not set("ILOU") & set(ALPHABET)


@pytest.mark.parametrize(
    "spell",
    [
        str.lower,
        lambda c: c.replace("-", ""),
        lambda c: f"  {c.replace('-', ' ')}\n",
        lambda c: c.replace("0", "O").replace("1", "l"),
        lambda c: c.replace("0", "o").replace("1", "I").replace("V", "u"),
        lambda c: "".join(chr(ord(x) + 0xFEE0) if x.isalnum() else "－" for x in c),
    ],
)
def test_a_code_is_read_as_it_was_meant(tx: Tx, spell) -> None:  # type: ignore[no-untyped-def]
    person_id, code = code_for(tx)
    assert codes.check(tx, spell(code), Use.JOIN, account(tx)).person_id == person_id


@given(st.text(max_size=60))
def test_reading_twice_is_reading_once(text: str) -> None:
    assert codes.normal(codes.normal(text)) == codes.normal(text)


def test_a_code_works_once(tx: Tx) -> None:
    _, code = code_for(tx)
    mine = account(tx)
    found = codes.check(tx, code, Use.JOIN, mine)
    assert codes.check(tx, code, Use.JOIN, mine) is found
    codes.spend(tx, found, mine)
    assert found.used_at == now(tx)
    with pytest.raises(WrongCode):
        codes.check(tx, code, Use.JOIN, mine)


def test_a_code_is_good_for_one_use_and_one_person(tx: Tx) -> None:
    person_id, code = code_for(tx)
    other, _ = code_for(tx, name="佐藤 健")
    with pytest.raises(WrongCode):
        codes.check(tx, code, Use.PROVE, account(tx))
    with pytest.raises(WrongCode):
        codes.check(tx, code, Use.JOIN, account(tx), other)
    assert codes.check(tx, code, Use.JOIN, account(tx), person_id).about == b"about"


def test_a_new_code_ends_the_old_one_of_the_same_use(tx: Tx) -> None:
    person_id, old = code_for(tx)
    proof = codes.make(tx, person_id, Use.PROVE, b"", HOUR)
    new = codes.make(tx, person_id, Use.JOIN, b"", HOUR)
    with pytest.raises(WrongCode):
        codes.check(tx, old, Use.JOIN, account(tx))
    assert codes.check(tx, new, Use.JOIN, account(tx))
    assert codes.check(tx, proof, Use.PROVE, account(tx))
    assert codes.open_code(tx, person_id, Use.JOIN) is not None
    codes.drop(tx, person_id)
    assert codes.open_code(tx, person_id, Use.JOIN) is None
    assert codes.open_code(tx, person_id, Use.PROVE) is None


def test_a_code_ends_at_its_hour(desk: Desk) -> None:
    person_id, code = desk.does(code_for)
    desk.clock.passes(3599)
    desk.does(lambda tx: codes.check(tx, code, Use.JOIN, account(tx)))
    desk.clock.passes(1)
    assert desk.sees(lambda tx: codes.open_code(tx, person_id, Use.JOIN)) is None
    with pytest.raises(WrongCode):
        desk.does(lambda tx: codes.check(tx, code, Use.JOIN, account(tx)))


def test_five_wrong_tries_lock_the_account_for_a_while(desk: Desk) -> None:
    with desk.transaction() as tx:
        _, code = code_for(tx)
        mine, other = account(tx), account(tx, "U2")
        for _ in range(TRIES):
            with pytest.raises(WrongCode):
                codes.check(tx, WRONG, Use.JOIN, mine)
        with pytest.raises(TooOften):
            codes.check(tx, code, Use.JOIN, mine)
        assert codes.check(tx, code, Use.JOIN, other)
        desk.clock.passes(LOCK.total_seconds() - 1)
        with pytest.raises(TooOften):
            codes.check(tx, code, Use.JOIN, mine)
        desk.clock.passes(1)
        codes.spend(tx, codes.check(tx, code, Use.JOIN, mine), mine)
        assert (mine.wrong_codes, mine.locked_until) == (0, None)


def test_five_wrong_secrets_lock_the_code_whoever_tries(desk: Desk) -> None:
    with desk.transaction() as tx:
        _, code = code_for(tx)
        wrong = code[:5] + "".join("2" if c != "2" else "3" for c in code[5:])
        for n in range(TRIES):
            with pytest.raises(WrongCode):
                codes.check(tx, wrong, Use.JOIN, account(tx, f"U{n}"))
        with pytest.raises(WrongCode):
            codes.check(tx, code, Use.JOIN, account(tx, "U9"))
        desk.clock.passes(LOCK.total_seconds())
        assert codes.check(tx, code, Use.JOIN, account(tx, "U9"))


@pytest.mark.parametrize("typed", ["", "-", "A", "2345", "あいうえ", WRONG * 9, "%", "' OR 1=1"])
def test_anything_else_is_simply_wrong(tx: Tx, typed: str) -> None:
    code_for(tx)
    with pytest.raises(WrongCode):
        codes.check(tx, typed, Use.JOIN, account(tx))


def test_a_code_cannot_be_read_back_from_the_disk(desk: Desk) -> None:
    made = [desk.does(code_for)[1] for _ in range(5)]
    disk = desk.bytes()
    for code in made:
        letters = codes.normal(code)
        for clear in (code, letters, code[5:], letters[4:], letters.lower()):
            assert clear.encode() not in disk


def test_codes_are_forgotten_90_days_after_their_end(tx: Tx) -> None:
    person_id, _ = code_for(tx)
    codes.outdated(now(tx) + HOUR + timedelta(days=90)).clear(tx)
    assert codes.open_code(tx, person_id, Use.JOIN) is not None
    codes.outdated(now(tx) + HOUR + timedelta(days=90, seconds=1)).clear(tx)
    assert codes.open_code(tx, person_id, Use.JOIN) is None
