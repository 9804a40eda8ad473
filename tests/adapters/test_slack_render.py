"""Slack shows every kind of block and field within its limits and reads nothing typed as markup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from adapters.playground.slack_checks import check_blocks, check_options, check_view
from adapters.slack.forms import read_values
from adapters.slack.limits import LIMITS, validate_message, validate_view
from adapters.slack.render import Renderer
from bot.brand import Brand
from bot.conversation import (
    Address,
    Block,
    Button,
    Buttons,
    Card,
    Entry,
    Facts,
    Field,
    Form,
    Mention,
    Note,
    Option,
    Paragraph,
    Platform,
    Words,
    t,
)
from bot.fitting import fit, fit_line, units
from bot.wire import load_bound
from tests.adapters.samples import BRAND, EVERY_FIELD, EVERYTHING, NASTY, TEAM, bound, sample_texts

RENDERER = Renderer(sample_texts(), BRAND)


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_every_kind_of_block_as_agreed(golden: SnapshotAssertion, locale: str) -> None:
    message = RENDERER.message(EVERYTHING, locale, "Asia/Tokyo", TEAM)
    assert refused_message(message) == []
    assert message == golden


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_every_kind_of_field_as_agreed(golden: SnapshotAssertion, locale: str) -> None:
    view = RENDERER.form(EVERY_FIELD, locale, "Asia/Tokyo", TEAM)
    assert refused_view(view) == []
    assert view == golden


def test_home_and_dialog_show_the_same_blocks_as_the_message() -> None:
    shown = RENDERER.message(EVERYTHING, "ja", "Asia/Tokyo", TEAM)["blocks"]
    home = RENDERER.home(EVERYTHING, "ja", "Asia/Tokyo", TEAM)
    modal = RENDERER.modal(EVERYTHING, "ja", "Asia/Tokyo", TEAM)
    assert refused_view(home) == refused_view(modal) == []
    assert home["blocks"] == modal["blocks"] == shown
    assert "submit" not in modal


def test_a_dialog_says_its_title_once() -> None:
    assert [block["type"] for block in RENDERER.modal(Card("短い題"), "ja")["blocks"]] == ["context"]
    assert [block["type"] for block in RENDERER.modal(Card("長い題" * 9), "ja")["blocks"]] == [
        "header",
        "context",
    ]


def test_a_sensitive_card_is_never_a_message_nor_a_home() -> None:
    card = Card("合言葉", (Paragraph("7K4P"),), sensitive=True)
    with pytest.raises(ValueError, match="sensitive"):
        RENDERER.message(card, "ja")
    with pytest.raises(ValueError, match="sensitive"):
        RENDERER.home(card, "ja")
    assert "7K4P" in json.dumps(RENDERER.modal(card, "ja"))


def test_a_form_brings_back_its_action_and_its_values() -> None:
    view = RENDERER.form(EVERY_FIELD, "ja")
    assert view["callback_id"] == "profile.save"
    assert load_bound(view["private_metadata"]) == bound("profile.save", person="p1")
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    assert [block["block_id"] for block in inputs] == [field.name for field in EVERY_FIELD.fields]
    assert [block["element"]["action_id"] for block in inputs] == [field.name for field in EVERY_FIELD.fields]


def test_filled_in_values_are_read_back() -> None:
    choice = {"text": {"type": "plain_text", "text": "B"}, "value": "b"}
    state = {
        "values": {
            "name": {"name": {"type": "plain_text_input", "value": "髙橋"}},
            "story": {"story": {"type": "plain_text_input", "value": None}},
            "day": {"day": {"type": "datepicker", "selected_date": "2026-03-31"}},
            "mood": {"mood": {"type": "radio_buttons", "selected_option": choice}},
            "place": {"place": {"type": "static_select", "selected_option": None}},
            "skills": {"skills": {"type": "checkboxes", "selected_options": [choice, choice]}},
            "agreed": {"agreed": {"type": "checkboxes", "selected_options": []}},
        }
    }
    assert read_values(state) == {
        "name": "髙橋",
        "story": None,
        "day": "2026-03-31",
        "mood": "b",
        "place": None,
        "skills": ("b", "b"),
        "agreed": (),
    }
    assert read_values({}) == {}


@pytest.mark.parametrize(
    "forged",
    [
        {"values": {"a": 1}},
        {"values": {"a": {}}},
        {"values": [1]},
        {"values": {"a": {"a": {"selected_option": 3}}}},
    ],
)
def test_a_forged_state_is_refused(forged: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not the state"):
        read_values(forged)


def test_errors_stand_beside_their_field() -> None:
    answer = RENDERER.errors({"day": t("sample.small")}, "en")
    assert answer == {"response_action": "errors", "errors": {"day": "Only you see this"}}


def test_suggestions_are_the_first_hundred() -> None:
    answer = RENDERER.options([Option(f"p{n}", "田" * 90) for n in range(300)], "ja")
    assert len(answer["options"]) == 100
    assert check_options(answer["options"]) == []


def test_a_long_menu_is_grouped_and_loses_nothing() -> None:
    options = tuple(Option(f"c{n}", f"Country {n}") for n in range(249))
    view = RENDERER.form(Form("Country", (Field("c", "choice", "Country", options=options),), bound()), "en")
    menu = next(block["element"] for block in view["blocks"] if block["type"] == "input")
    assert sum(len(group["options"]) for group in menu["option_groups"]) == 249
    assert refused_view(view) == []


def test_a_mention_is_one_only_inside_its_own_workspace() -> None:
    who = Mention(Address(Platform.SLACK, TEAM, "U0AIKO"))
    card = Card("", (Paragraph(t("sample.title", name=who)),))
    at_home, elsewhere = (
        RENDERER.message(card, "en", workspace=TEAM),
        RENDERER.message(card, "en", workspace="T0X"),
    )
    assert {"type": "user", "user_id": "U0AIKO"} in list(objects(at_home))
    assert not [node for node in objects(elsewhere) if node.get("type") == "user"]


def test_too_many_blocks_end_in_a_hint_and_the_brand_line() -> None:
    card = Card("全員", tuple(Entry(f"人{n}", "部", Button("見る", bound(n=n))) for n in range(200)))
    message = RENDERER.message(card, "ja")
    assert refused_message(message) == []
    assert "続きはホーム" in json.dumps(message["blocks"][-2], ensure_ascii=False)
    assert message["blocks"][-1]["type"] == "context"


def test_a_message_too_heavy_is_cut_before_slack_refuses_it() -> None:
    card = Card("長文", tuple(Paragraph("長" * 2900) for _ in range(9)))
    message = RENDERER.message(card, "ja")
    assert refused_message(message) == []
    assert len(message["blocks"]) < 8
    assert len(RENDERER.home(card, "ja")["blocks"]) == 11


def test_thirty_buttons_are_two_rows_with_different_ids() -> None:
    message = RENDERER.message(Card("", (Buttons(tuple(Button("x", bound(n=n)) for n in range(30))),)), "ja")
    rows = [block["elements"] for block in message["blocks"] if block["type"] == "actions"]
    assert [len(row) for row in rows] == [25, 5]
    assert len({button["action_id"] for row in rows for button in row}) == 30


def test_arguments_that_cannot_be_carried_are_our_mistake() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        RENDERER.message(Card("", (Buttons((Button("x", bound(word="x" * 3000)),)),)), "ja")
    with pytest.raises(ValueError, match="do not fit"):
        RENDERER.form(Form("x", (), bound(word="x" * 3000)), "ja")
    with pytest.raises(ValueError, match="nothing to choose"):
        RENDERER.form(Form("x", (Field("c", "choice", "C"),), bound()), "ja")


def test_a_brand_without_addresses_is_still_a_line() -> None:
    plain = Renderer(sample_texts(), Brand("網", "社", "人", "", "javascript:x", "ftp://x"))
    message = plain.message(Card("題"), "ja")
    assert [node["type"] for node in message["blocks"][-1]["elements"]] == ["plain_text"]
    assert refused_message(message) == []


# --- what people type ------------------------------------------------------------------------------

typed = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=60), st.text(alphabet="*_~`<>!@&|:🇯🇵田\u200d", max_size=200)
)
words: st.SearchStrategy[Words] = st.one_of(
    typed, st.builds(lambda text: t("sample.title", name=text), typed)
)
buttons = st.builds(lambda label, n: Button(label, bound(n=n)), words, st.integers())
blocks: st.SearchStrategy[Block] = st.one_of(
    st.builds(Paragraph, words),
    st.builds(Note, words),
    st.builds(Facts, st.lists(st.tuples(words, words), max_size=5).map(tuple)),
    st.builds(Entry, words, words, st.none() | buttons),
    st.builds(Buttons, st.lists(buttons, max_size=30).map(tuple)),
)
cards = st.builds(
    Card, words, st.lists(blocks, max_size=30).map(tuple), st.none() | st.just(t("sample.notice"))
)


@settings(max_examples=60, deadline=None)
@given(cards)
def test_any_card_fits_and_holds_no_markup_of_theirs(card: Card) -> None:
    message = RENDERER.message(card, "ja", "Asia/Tokyo", TEAM)
    assert refused_message(message) == []
    assert refused_view(RENDERER.modal(card, "en")) == []
    assert refused_view(RENDERER.home(card, "ja")) == []
    assert own_markup(message) == own_markup(RENDERER.message(Card("題"), "ja"))
    assert not set("<>") & set(message["text"])


@settings(max_examples=40, deadline=None)
@given(
    typed,
    typed,
    st.lists(typed.filter(lambda text: 0 < units(text) <= 150), min_size=1, max_size=30, unique=True),
)
def test_any_form_fits_and_holds_no_markup_of_theirs(title: str, value: str, choices: list[str]) -> None:
    options = tuple(Option(choice, choice) for choice in choices)
    fields = (
        Field("a", "text", title, value=value, hint=title, limit=100),
        Field("b", "email", title, value=value),
        Field("c", "date", title, value=value),
        Field("d", "choice", title, options=options, value=choices[0]),
        Field("e", "choices", title, options=options, value=tuple(choices[:2])),
        Field("f", "search", title, options=options[:1], value=choices[0]),
        Field("g", "tick", title, value=value),
    )
    view = RENDERER.form(
        Form(title, fields, bound(), (Paragraph(value),), title, {"a": t("sample.small")}), "ja"
    )
    assert refused_view(view) == []
    assert own_markup(view) == own_markup(RENDERER.message(Card("題"), "ja"))


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.sampled_from([text for text in NASTY if len(text) < 2000]), st.text(max_size=60)))
def test_words_are_shown_as_typed(text: str) -> None:
    rich = RENDERER.message(Card("題", (Paragraph(text),)), "ja")["blocks"][1:-1]
    shown = "".join(node["text"] for block in rich for node in block["elements"][0]["elements"])
    assert shown == text


@given(st.one_of(typed, st.text(alphabet="👍🏽🇯🇵\u200d👩が\u3099x", max_size=80)), st.integers(2, 90))
def test_cutting_keeps_to_the_length_and_splits_no_character(text: str, most: int) -> None:
    cut = fit(text, most)
    assert units(cut) <= most
    assert cut == text or cut.endswith("…")
    cut.encode()  # no half of a pair


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 15, "👩‍👩‍👧‍👦…"),
        ("🇯🇵🇫🇷🇩🇪", 8, "🇯🇵…"),
        ("👍🏽👍🏽", 7, "👍🏽…"),
        ("か\u3099か\u3099か\u3099", 4, "か\u3099…"),
        ("髙橋愛子", 3, "髙橋…"),
        ("abc", 3, "abc"),
    ],
)
def test_cutting_by_example(text: str, most: int, cut: str) -> None:
    assert fit(text, most) == cut


def test_a_line_is_one_line_and_never_empty() -> None:
    assert fit_line("髙橋　愛\r\n子", 20) == "髙橋　愛 子"
    assert fit_line(" ", 20) == fit_line("", 20) != ""


def test_the_checker_names_what_slack_would_refuse() -> None:
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": ""},
        "action_id": "a",
        "value": "x" * 2001,
    }
    problems = validate_message([{"type": "actions", "elements": [button, button]}, {"type": "blink"}])
    assert problems == [
        "blocks[0].elements[0].value: 2001, at most 2000",
        "blocks[0].elements[0].text.text: empty",
        "blocks[0].elements[1].value: 2001, at most 2000",
        "blocks[0].elements[1].action_id: used twice",
        "blocks[0].elements[1].text.text: empty",
        "blocks[1]: unknown kind blink",
    ]
    label = {"type": "plain_text", "text": "x"}
    view = {"type": "modal", "blocks": [{"type": "input", "label": label, "element": {}}] * 101}
    assert {"blocks: 101, at most 100", "view.title: missing", "view.submit: missing beside an input"} <= set(
        validate_view(view)
    )
    assert validate_view(
        {"type": "home", "blocks": [{"type": "section", "text": {**label, "text": "x" * 260_000}}]}
    )
    assert LIMITS["message.blocks"] == 50


def test_what_hr_changes_is_seen_on_the_next_card() -> None:
    texts, brand = sample_texts(), replace(BRAND)
    renderer = Renderer(texts, brand)
    card = Card(t("sample.small"), (Buttons((Button(t("sample.open"), bound()),)),))

    def seen() -> str:
        return json.dumps(renderer.message(card, "en"), ensure_ascii=False)

    assert "Open" in seen()
    brand.adopt(replace(BRAND, network="Harbour Circle"))
    texts.lay_over({"sample.open": {"en": "Onwards"}, "sample.small": {"en": "Hear, hear"}})
    assert all(words in seen() for words in ("Onwards", "Hear, hear", "Harbour Circle"))
    texts.lay_over({})
    assert "Open" in seen()
    assert "Onwards" not in seen()


def refused_message(message: dict[str, Any]) -> list[str]:
    """Both tables must agree: ours, and the local Slack's, which has another author."""
    return validate_message(message["blocks"], message["text"]) + check_blocks(message["blocks"])


def refused_view(view: dict[str, Any]) -> list[str]:
    return validate_view(view) + check_view(view)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from objects(item)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            yield from objects(item)


def own_markup(shown: dict[str, Any]) -> list[str]:
    """Every string that Slack would read as mrkdwn; and no plain text may turn `:smile:` into a picture."""
    assert all(node["emoji"] is False for node in objects(shown) if node.get("type") == "plain_text")
    return [node["text"] for node in objects(shown) if node.get("type") == "mrkdwn"]
