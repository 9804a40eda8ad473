"""Cards, actions and events go over the wire and come back the same; anything else is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import conversation as c
from bot.wire import dump_bound, dump_card, dump_event, load_bound, load_card, load_event

plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
keys = st.from_regex(r"[a-z]{1,8}\.[a-z_]{1,8}", fullmatch=True)
scalars = st.one_of(plain, st.integers(1 - 2**53, 2**53 - 1), st.booleans(), st.none())
bounds = st.builds(
    c.Bound, keys, st.dictionaries(plain, scalars, max_size=4).map(lambda d: tuple(d.items())), st.booleans()
)
addresses = st.builds(
    c.Address, st.sampled_from(c.Platform), st.just("T0"), st.from_regex(r"U\w{1,8}", fullmatch=True)
)
days = st.dates(date(1950, 1, 1), date(2100, 1, 1))
moments = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
wholes = st.integers(-(2**63), 2**64 - 1)
arguments = st.deferred(
    lambda: st.one_of(
        plain, st.integers(-(2**63), 2**64 - 1), days, moments, st.builds(c.Mention, addresses), links, texts
    )
)
texts = st.deferred(
    lambda: st.builds(
        c.Text,
        keys,
        st.dictionaries(st.sampled_from("abc"), arguments, max_size=2).map(
            lambda d: tuple(sorted(d.items()))
        ),
    )
)
words = st.one_of(plain, texts)
links = st.builds(c.Link, plain, words)
buttons = st.builds(
    c.Button, words, st.one_of(bounds, links), st.sampled_from(["plain", "primary", "danger"])
)
rows = st.lists(st.tuples(words, words), max_size=3).map(tuple)
blocks = st.one_of(
    st.builds(c.Paragraph, words),
    st.builds(c.Note, words),
    st.builds(c.Facts, rows),
    st.builds(c.Divider),
    st.builds(c.Entry, words, words, st.none() | buttons),
    st.builds(c.Picture, plain, words),
    st.builds(c.Buttons, st.lists(buttons, max_size=3).map(tuple)),
)
cards = st.builds(c.Card, words, st.lists(blocks, max_size=4).map(tuple), st.none() | texts, st.booleans())
places = st.builds(
    c.Conversation, st.just("T0"), plain, plain, st.sampled_from(["private", "group", "channel"])
)
events = st.one_of(
    st.builds(c.MemberJoined, addresses, places, plain, st.none() | plain),
    st.builds(c.MemberLeft, addresses, places, plain),
    st.builds(c.MemberChanged, addresses, places, plain),
)


@given(cards)
def test_a_card_comes_back_the_same(card: c.Card) -> None:
    assert load_card(dump_card(card)) == card


@given(bounds)
def test_an_action_comes_back_the_same(bound: c.Bound) -> None:
    back = load_bound(dump_bound(bound))
    assert (back.action, back.arguments()) == (bound.action, bound.arguments())
    assert [type(v) for v in back.arguments().values()] == [type(v) for v in bound.arguments().values()]


@given(events, st.sampled_from(c.Side))
def test_an_event_comes_back_the_same(event: c.Happening, side: c.Side) -> None:
    assert load_event(dump_event(event, side)) == (event, side)


def test_the_form_is_a_promise() -> None:
    card = c.Card(
        c.t("find.title", on=date(2026, 3, 31), query="<b>"),
        (c.Buttons((c.Button("x", c.Bound("find.show", (("person", "p_1"),))),)),),
        c.t("common.notice"),
    )
    assert dump_card(card) == (
        '{"is":"Card","title":{"is":"Text","key":"find.title","args":[["on",{"is":"date","at":"2026-03-31"}],'
        '["query","<b>"]]},"body":[{"is":"Buttons","buttons":[{"is":"Button","label":"x","press":{"is":"Bound",'
        '"action":"find.show","args":[["person","p_1"]],"opens_form":false},"style":"plain"}]}],'
        '"notice":{"is":"Text","key":"common.notice","args":[]},"sensitive":false}'
    )
    assert dump_bound(c.Bound("find.show", (("person", "田中"),))) == '["find.show",{"person":"田中"}]'


def test_what_an_older_version_wrote_is_read_and_a_newer_fields_word_is_skipped() -> None:
    assert load_card('{"is":"Card","title":"x"}') == c.Card("x")
    assert load_card('{"is":"Card","title":"x","body":[],"colour":"red"}') == c.Card("x")


NONSENSE = [
    "",
    "{}",
    "[]",
    "null",
    "5",
    '"x"',
    "{",
    '{"is":"Card"}',
    '{"is":"Actor"}',
    '{"is":["x"]}',
    '{"is":"date"}',
    '{"is":"datetime","at":5}',
    '{"is":"date","at":"x"}',
    '{"is":"Address","platform":"irc"}',
    '["alumni"]',
    '["alumni",{"is":"Card","title":"x"}]',
    '["moon",{"is":"Text","key":"x"}]',
    "[1,2]",
    '["a",{},3]',
    '{"is":"Address"}',
    "[" * 5000 + "]" * 5000,
    "NaN",
    "1e999",
]


@pytest.mark.parametrize("text", NONSENSE)
def test_anything_else_is_refused_in_one_way(text: str) -> None:
    for load in (load_card, load_event):
        with pytest.raises(ValueError, match=r".*"):
            load(text)


@pytest.mark.parametrize(
    "claim",
    [text for text in NONSENSE if '"is":' not in text]
    + [
        '["x"]',
        '["x",{"a":1.5}]',
        '["x",{"a":[1]}]',
        '["x",{"a":{"b":1}}]',
        '["x",{"a":1},2]',
        "[5,{}]",
        '["x",{"a":99999999999999999999}]',
        '["x",{"a":"\\ud800"}]',
        '["x",{"a":NaN}]',
    ],
)
def test_a_forged_claim_is_refused(claim: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        load_bound(claim)


@given(
    st.recursive(
        scalars | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(plain, inner), max_leaves=8
    )
)
def test_no_json_breaks_the_reading(value: object) -> None:
    for load in (load_card, load_bound, load_event):
        try:
            load(json.dumps(value))
        except ValueError:
            continue
