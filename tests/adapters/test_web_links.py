"""Links of mails: only as they were made, only for a while, and only with the house's own key."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.links import ABOUT, Claim, Links, Unreadable
from bot.conversation import Address, Bound, Platform
from storage.columns import Vault

AIKO = Address(Platform.WEB, "alumni", "p_aiko")
VAULT = Vault.parse(Vault.make())
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. %\n"


class Times:
    """Calendar time, set by hand."""

    at = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def links(vault: Vault = VAULT, times: Times | None = None) -> Links:
    return Links(vault, "https://alumni.minato.example/", (times or Times()).now)


def made(house: Links, **args: str | int) -> tuple[Claim, str]:
    claim = house.claim(AIKO, Bound("checkin.same", tuple(args.items())), "変わりありません")
    return claim, house.path(claim).rpartition("/")[2]


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(1 - 2**53, 2**53 - 1) | st.text(max_size=20)))
def test_a_link_says_what_was_put_into_it(args: dict[str, str | int]) -> None:
    claim, token = made(links(), **{f"a{name}": value for name, value in args.items()})
    assert links().read(token) == claim


def test_a_link_shows_nothing_of_what_it_says() -> None:
    _, token = made(links(), leaver=12345)
    for word in ("aiko", "checkin", "12345"):
        assert word not in token
    assert links().url(made(links())[0]).startswith("https://alumni.minato.example/alumni/do/")


def test_every_letter_of_a_link_counts() -> None:
    """Also the last one, of which base64 does not need every bit."""
    _, token = made(links(), checkin=7)
    for place, letter in enumerate(token):
        for other in LETTERS:
            if other != letter:
                with pytest.raises(Unreadable):
                    links().read(token[:place] + other + token[place + 1 :])


def test_a_link_that_was_cut_or_grew_is_no_link() -> None:
    _, token = made(links(), checkin=7)
    for size in range(len(token)):
        with pytest.raises(Unreadable):
            links().read(token[:size])
    for more in ("A", "=", "==", "A" * 4000, token, "\x00", "é", "🐈"):
        with pytest.raises(Unreadable):
            links().read(token + more)


@given(st.text(max_size=300) | st.text(LETTERS, max_size=8000) | st.binary(max_size=200).map(repr))
def test_anything_else_is_no_link_either(token: str) -> None:
    with pytest.raises(Unreadable):
        links().read(token)


def test_a_link_of_another_house_is_no_link() -> None:
    _, token = made(links(Vault.parse(Vault.make())))
    with pytest.raises(Unreadable):
        links().read(token)


def test_what_the_house_sealed_for_itself_is_no_link() -> None:
    """A key or a file under the same master key does not pass for a claim, whatever stands in it."""
    said = json.dumps([str(AIKO), 4102444800, '["checkin.same",{}]', ""]).encode()
    for about in ("uploads:u_1", "people.key:p_aiko", "", "web.links"):
        token = base64.urlsafe_b64encode(VAULT.wrap(said, about)).decode().rstrip("=")
        with pytest.raises(Unreadable):
            links().read(token)
    token = base64.urlsafe_b64encode(VAULT.wrap(said, ABOUT)).decode().rstrip("=")
    assert links().read(token).who == AIKO


def test_a_link_lives_on_when_a_key_is_added_and_dies_with_its_key() -> None:
    _, token = made(links())
    newer = Vault.parse(Vault.make("k2"))
    assert links(Vault({**newer.ring, **VAULT.ring})).read(token).who == AIKO
    with pytest.raises(Unreadable):
        links(newer).read(token)


def test_a_link_is_over_at_its_moment_and_what_it_offers_next_with_it() -> None:
    times = Times()
    house = links(times=times)
    claim = house.claim(AIKO, Bound("checkin.same"), "", timedelta(hours=1))
    onward = house.onward(claim, Bound("checkin.change"), "変わりました")
    assert onward.until == claim.until
    times.at += timedelta(minutes=59, seconds=59)
    assert not house.over(house.read(house.path(onward).rpartition("/")[2]))
    times.at += timedelta(seconds=1)
    assert house.over(claim)
    assert house.over(onward)
