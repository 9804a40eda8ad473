"""What is filled in comes back as it was, errors stand beside their fields, forged answers are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.teams.claims import NOTHING, claim_of, dataset, is_form, sought_of, typed_of, values_of
from bot.conversation import (
    Field,
    Form,
    Option,
    t,
)
from tests.adapters.samples import EVERY_FIELD, bound
from tests.adapters.teams_cards import EN, JA, RENDERER, inputs

# --- forms -----------------------------------------------------------------------------------------


def test_a_form_brings_back_its_action_and_its_values() -> None:
    content = RENDERER.form(EVERY_FIELD, JA)
    data = content["actions"][0]["data"]
    assert claim_of(data) == bound("profile.save", person="p1")
    assert is_form(data)
    assert [node["id"] for node in inputs(content)] == [field.name for field in EVERY_FIELD.fields]
    sent = {node["id"]: node["value"] for node in inputs(content) if "value" in node}
    back = values_of(data | sent)
    begun = {field.name: field.value for field in EVERY_FIELD.fields}
    assert {name: back[name] for name in ("name", "mail", "day", "mood", "place", "manager")} == {
        name: begun[name] for name in ("name", "mail", "day", "mood", "place", "manager")
    }
    assert (back["skills"], back["many"], back["agreed"], back["listed"]) == (("p1", "p2"), (), ("yes",), ())
    assert (back["maybe"], back["city"]) == ("", "")


def test_errors_stand_beside_their_field_and_typed_words_stay() -> None:
    typed = {"name": "<at>x</at>", "day": "2026-02-01", "agreed": (), "skills": ("p3",), "mail": "no address"}
    content = RENDERER.form(EVERY_FIELD, EN, typed, {"mail": t("sample.small")})
    body = content["body"]
    at = [node.get("id") for node in body].index("mail")
    assert body[at]["value"] == "no address"
    assert [(run["text"], run["color"]) for run in body[at + 1]["inlines"]] == [
        ("Only you see this", "attention")
    ]
    shown = {node["id"]: node.get("value") for node in inputs(content)}
    assert (shown["name"], shown["day"], shown["skills"]) == ("<at>x</at>", "2026-02-01", "p3")
    assert (shown["agreed"], shown["place"], shown["manager"]) == (NOTHING, None, None)
    assert "Please check" in json.dumps(body[:2])


def test_an_error_of_no_field_stands_above_them_all() -> None:
    content = RENDERER.form(Form("x", (Field("a", "text", "A"),), bound()), EN, {}, {"b": t("sample.small")})
    assert content["body"][0]["inlines"][0] == {
        "type": "TextRun",
        "text": "Only you see this",
        "color": "attention",
    }


def test_nothing_is_judged_by_the_client() -> None:
    assert "isRequired" not in json.dumps(RENDERER.form(EVERY_FIELD, JA))
    labels = {node["id"]: node["label"] for node in inputs(RENDERER.form(EVERY_FIELD, EN))}
    assert (labels["name"], labels["story"]) == ("Department *", "Story")


def test_a_search_field_asks_for_its_own_options() -> None:
    field = next(node for node in inputs(RENDERER.form(EVERY_FIELD, JA)) if node["id"] == "manager")
    assert (field["style"], field["choices"]) == ("filtered", [{"title": "上長 七", "value": "m7,上長 七"}])
    open_one = next(node for node in inputs(RENDERER.form(EVERY_FIELD, JA)) if node["id"] == "city")
    assert open_one["choices"] == [{"title": "–", "value": NOTHING}]
    assert sought_of(field["choices.data"]["dataset"]) == (bound("profile.save", person="p1"), "manager")
    answer = RENDERER.options([Option(f"p,{n}", "田" * 90) for n in range(300)], JA)
    results = answer["value"]["results"]
    assert (answer["type"], len(results)) == ("application/vnd.microsoft.search.searchResponse", 15)
    sent = {"bound": "", "kinds": {"m": "search"}, "m": results[1]["value"]}
    assert values_of(sent) == {"m": "p,1"}
    assert typed_of(sent) == {"m": ("p,1", "田" * 74 + "…")}


def test_who_was_found_is_still_named_when_the_form_is_shown_again() -> None:
    content = RENDERER.form(EVERY_FIELD, JA)
    sent = content["actions"][0]["data"] | {"manager": "m%2C9,髙橋%2C 愛子 ＊", "city": NOTHING}
    again = {n["id"]: n for n in inputs(RENDERER.form(EVERY_FIELD, JA, typed_of(sent)))}
    assert again["manager"]["choices"] == [{"title": "髙橋, 愛子 ＊", "value": "m%2C9,髙橋%2C 愛子 ＊"}]
    assert again["manager"]["value"] == again["manager"]["choices"][0]["value"]
    assert again["city"] == {n["id"]: n for n in inputs(content)}["city"]


def test_a_dialog_is_as_tall_as_what_is_asked() -> None:
    few = Form("x", (Field("a", "text", "A"),), bound())
    assert RENDERER.dialog(few, EN)["height"] == "medium"
    assert RENDERER.dialog(EVERY_FIELD, EN)["height"] == "large"


@given(st.lists(st.text(min_size=1, max_size=40), unique=True, min_size=1, max_size=9), st.data())
def test_choices_come_back_as_they_were(values: list[str], data: st.DataObject) -> None:
    options = tuple(Option(value, value) for value in values)
    chosen = tuple(value for value in values if data.draw(st.booleans()))
    one = data.draw(st.sampled_from(values))
    asked = (Field("a", "choices", "A", options=options), Field("b", "choice", "B", options=options))
    content = RENDERER.form(Form("x", asked, bound()), EN, {"a": chosen, "b": one})
    sent = {node["id"]: node["value"] for node in inputs(content) if "value" in node}
    back = values_of(content["actions"][0]["data"] | sent)
    assert back == {"a": chosen, "b": one}


@pytest.mark.parametrize(
    "forged",
    [
        None,
        [],
        "x",
        {},
        {"bound": 1},
        {"bound": ""},
        {"bound": "[]"},
        {"bound": "[" * 9000},
        {"bound": '["a",[]]'},
    ],
)
def test_a_forged_claim_is_refused(forged: Any) -> None:
    with pytest.raises(ValueError, match=r"of ours|bound action|Expecting value"):
        claim_of(forged)


@pytest.mark.parametrize(
    "forged",
    [
        None,
        [],
        {},
        {"kinds": []},
        {"kinds": {}, "a": 1},
        {"kinds": {"a": "tick"}, "a": ["x"]},
        {"kinds": {"b": "search"}, "b": {}},
    ],
)
def test_forged_values_are_refused(forged: Any) -> None:
    for reader in (values_of, typed_of):
        with pytest.raises(ValueError, match="form"):
            reader(forged)


@pytest.mark.parametrize(
    "forged", [None, "", "[]", "[1,2]", "[" * 5999, dataset(bound(), "a")[:-3], "x" * 9000]
)
def test_a_forged_dataset_is_refused(forged: Any) -> None:
    with pytest.raises(ValueError, match=r"of ours|Expecting|delimiter|Unterminated"):
        sought_of(forged)


def test_a_form_that_claims_our_own_keys_gets_nothing_by_it() -> None:
    forged = {
        "bound": "",
        "kinds": {"bound": "search", "msteams": "search", "a": 1},
        "msteams": {"x": 1},
        "a": "y",
    }
    assert values_of(forged) == typed_of(forged) == {"a": "y"}
