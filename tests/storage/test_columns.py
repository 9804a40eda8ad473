"""The vault: keys on a ring, values bound to their place, indexes that tell nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from storage.columns import InvalidTag, Vault, new_id, normal_email, seal, unseal
from storage.engine import Tx
from storage.journal import Line
from tests.desk import Desk


def test_a_ring_is_read_newest_first() -> None:
    old, new = Vault.make("k1"), Vault.make("k2")
    ring = Vault.parse(f" {new} , {old},")
    assert list(ring.ring) == ["k2", "k1"]
    sealed = ring.wrap(b"key", "x")
    assert Vault.parse(new).unwrap(sealed, "x") == b"key"
    assert ring.unwrap(Vault.parse(old).wrap(b"key", "x"), "x") == b"key"
    assert ring.blind_email("a@example.jp") == Vault.parse(old).blind_email("a@example.jp")
    with pytest.raises(KeyError):
        Vault.parse(old).unwrap(sealed, "x")
    with pytest.raises(InvalidTag):
        ring.unwrap(sealed, "y")


@pytest.mark.parametrize(
    "ring",
    ["", ",", "k1", "k1:", "k1:AAAA", ":" + "A" * 43 + "=", "k1:not base64", "x" * 21 + ":" + "A" * 43 + "="],
)
def test_what_is_no_ring_is_refused(ring: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Vault.parse(ring)


@given(st.binary(max_size=200), st.text(max_size=40), st.text(max_size=40))
def test_a_sealed_value_opens_in_its_place_alone(value: bytes, place: str, other: str) -> None:
    key = b"k" * 32
    blob = seal(key, value, place)
    assert unseal(key, blob, place) == value
    if place != other:
        with pytest.raises(InvalidTag):
            unseal(key, blob, other)
    with pytest.raises(InvalidTag):
        unseal(b"l" * 32, blob, place)


def test_a_changed_bit_is_noticed() -> None:
    blob = bytearray(seal(b"k" * 32, b"value", "x"))
    for at in range(len(blob)):
        blob[at] ^= 1
        with pytest.raises(InvalidTag):
            unseal(b"k" * 32, bytes(blob), "x")
        blob[at] ^= 1


def test_a_blind_index_depends_on_key_and_purpose() -> None:
    one, other = Vault.parse(Vault.make()), Vault.parse(Vault.make())
    assert one.blind("email", "x") == one.blind("email", "x")
    assert len({one.blind("email", "x"), other.blind("email", "x"), one.blind("name", "x")}) == 3
    assert len(one.blind("email", "x")) == 16


@given(st.text(max_size=40))
def test_an_address_meets_itself(email: str) -> None:
    assert normal_email(normal_email(email)) == normal_email(email)


def test_ids_are_random_and_say_what_they_are() -> None:
    made = {new_id("p") for _ in range(1000)}
    assert len(made) == 1000
    assert all(i.startswith("p_") and len(i) == 18 for i in made)


def test_a_moment_keeps_its_instant_and_needs_a_zone(desk: Desk) -> None:
    moment = datetime(2026, 3, 31, 18, 0, tzinfo=timezone(timedelta(hours=9)))
    desk.does(lambda tx: tx.add(Line(at=moment, what="x")))
    found = desk.sees(lambda tx: tx.query(Line).one().at)
    assert found == moment
    assert found.tzinfo is UTC
    assert "2026-03-31 09:00" in str(desk.sees(lambda tx: tx.scalar(text("SELECT at FROM journal"))))

    def naive(tx: Tx) -> None:
        tx.add(Line(at=moment.replace(tzinfo=None), what="x"))
        tx.flush()

    with pytest.raises(Exception, match="without a time zone"):
        desk.does(naive)
