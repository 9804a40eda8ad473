"""Teams shows every kind of block and field within its limits, as agreed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from adapters.teams.claims import claim_of, is_form
from adapters.teams.limits import EXTENSION, MESSAGE, check, weigh
from adapters.teams.render import Reader, Renderer
from bot import fields
from bot.app import CATALOGUE
from bot.brand import Brand
from bot.conversation import (
    Bound,
    Button,
    Buttons,
    Card,
    Divider,
    Entry,
    Field,
    Form,
    Link,
    Note,
    Option,
    Paragraph,
    t,
)
from bot.fitting import units
from bot.registry import discover
from bot.texts import Texts
from tests.adapters.samples import BRAND, EVERY_FIELD, EVERYTHING, bound, sample_texts
from tests.adapters.teams_cards import EN, JA, RENDERER, actions, inputs, objects

READERS = pytest.mark.parametrize("reader", [JA, EN], ids=["ja", "en"])
FORMS = {name: found for name, found in discover("bot.commands").handlers.items() if found.schema is not None}


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


# --- as agreed -------------------------------------------------------------------------------------


@READERS
def test_every_kind_of_block_as_agreed(golden: SnapshotAssertion, reader: Reader) -> None:
    message = RENDERER.message(EVERYTHING, reader)
    assert check(message["attachments"][0]["content"]) == []
    assert message == golden


@READERS
def test_every_kind_of_field_as_agreed(golden: SnapshotAssertion, reader: Reader) -> None:
    task = RENDERER.dialog(EVERY_FIELD, reader)
    assert check(task["card"]["content"]) == []
    assert task == golden


@READERS
def test_a_found_person_as_agreed(golden: SnapshotAssertion, reader: Reader) -> None:
    found = RENDERER.person(EVERYTHING, reader)
    assert check(found["content"], EXTENSION) == []
    assert found == golden


@READERS
@pytest.mark.parametrize("name", sorted(FORMS))
def test_every_form_of_ours_fits_with_everything_wrong_in_it(name: str, reader: Reader) -> None:
    texts = Texts.load(CATALOGUE)
    schema = FORMS[name].schema
    assert schema is not None
    asked = fields.questions(schema, name, schema(), texts.has)
    asked = tuple(replace(f, options=f.options or (Option("x", "x"),)) for f in asked)
    form = Form(t(f"{name}.title"), asked, Bound(name), button=t(f"{name}.button"))
    wrong = {field.name: t("common.field_required") for field in asked}
    content = Renderer(texts, "Asia/Tokyo", BRAND).form(form, reader, {}, wrong)
    assert check(content) == []
    assert [node["id"] for node in inputs(content)] == [field.name for field in asked]


# --- cards -----------------------------------------------------------------------------------------


def test_a_card_is_one_of_one_point_five_in_its_readers_language() -> None:
    content = RENDERER.card(EVERYTHING, EN)
    assert {name: content[name] for name in ("type", "version", "lang", "fallbackText")} == {
        "type": "AdaptiveCard",
        "version": "1.5",
        "lang": "en",
        "fallbackText": "There is news",
    }


def test_a_sensitive_card_is_never_a_message_nor_a_result() -> None:
    card = Card("合言葉", (Paragraph("7K4P"),), sensitive=True)
    for shown in (RENDERER.message, RENDERER.card, RENDERER.person):
        with pytest.raises(ValueError, match="sensitive"):
            shown(card, JA)
    assert "7K4P" in json.dumps(RENDERER.dialog(card, JA))


def test_a_dialog_says_its_title_once() -> None:
    short, long = RENDERER.dialog(Card("短い題"), JA), RENDERER.dialog(Card("長い題" * 30), JA)
    assert short["title"] == "短い題"
    assert "短い題" not in json.dumps(short["card"]["content"]["body"], ensure_ascii=False)
    assert units(long["title"]) <= 64
    assert "長い題" * 30 in json.dumps(long["card"], ensure_ascii=False)


def test_a_title_of_ours_is_a_heading_and_one_with_data_is_runs() -> None:
    ours = RENDERER.card(Card(t("sample.small")), EN)["body"][0]
    data = RENDERER.card(Card(t("sample.title", name="*x*")), EN)["body"][0]
    assert (ours["type"], ours["style"], ours["text"]) == ("TextBlock", "heading", "Only you see this")
    assert [run["text"] for run in data["inlines"]] == ["Welcome back, ", "*x*"]


def test_buttons_know_where_they_stand() -> None:
    opens = replace(bound("profile.save", person="p1"), opens_form=True)
    buttons = Buttons(
        (Button("a", bound(page=2)), Button("b", opens), Button("c", Link("https://x.example")))
    )
    message, dialog = (RENDERER.card(Card("t", (buttons,)), EN, in_dialog=shut) for shut in (False, True))
    acts, opening, leads = actions(message)
    assert (acts["type"], acts["verb"]) == ("Action.Execute", "find.more")
    assert acts["fallback"] == {"type": "Action.Submit", "title": "a", "data": acts["data"]}
    assert (opening["type"], opening["data"]["msteams"]) == ("Action.Submit", {"type": "task/fetch"})
    assert leads == {"type": "Action.OpenUrl", "title": "c", "url": "https://x.example"}
    assert claim_of(acts["data"]) == bound(page=2)
    assert claim_of(opening["data"]) == bound("profile.save", person="p1")
    assert [node["type"] for node in actions(dialog)] == ["Action.Submit"] * 2 + ["Action.OpenUrl"]
    assert not any(is_form(node["data"]) or "msteams" in node["data"] for node in actions(dialog)[:2])


def test_fifteen_buttons_are_three_rows() -> None:
    content = RENDERER.card(Card("", (Buttons(tuple(Button("x", bound(n=n)) for n in range(15))),)), JA)
    rows = [node["actions"] for node in content["body"] if node["type"] == "ActionSet"]
    assert [len(row) for row in rows] == [6, 6, 3]


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "mailto:a@b.example", "https://x y", 'http://"', "https://", "msteams:/l/x"],
)
def test_only_addresses_of_the_web_lead_anywhere(url: str) -> None:
    body = (Buttons((Button("x", Link(url)),)), Paragraph(t("sample.title", name=Link(url, "words"))))
    content = RENDERER.card(Card("t", body), EN)
    assert not actions(content)
    assert url not in [node.get("url") for node in objects(content)]
    assert "words" in json.dumps(content)


def test_a_divider_is_the_line_above_what_follows() -> None:
    content = Renderer(sample_texts(), "Asia/Tokyo").card(
        Card("", (Paragraph("a"), Divider(), Paragraph("b"), Paragraph("c"), Divider())), EN
    )
    assert [node.get("separator", False) for node in content["body"]] == [False, True, False]


def test_an_entry_keeps_its_button_beside_it() -> None:
    entry = RENDERER.card(Card("", (Entry("田中", "部", Button("見る", bound())),)), JA)["body"][0]
    told, acts = entry["columns"]
    assert [run["text"] for run in told["items"][0]["inlines"]] == ["田中", "\n", "部"]
    assert [node["title"] for node in actions(acts)] == ["見る"]


def test_dates_are_told_in_the_readers_zone_or_the_companys() -> None:
    fields_of = {
        run["text"] for run in objects(RENDERER.card(EVERYTHING, replace(EN, zone=""))) if "text" in run
    }
    assert "Tue, Mar 31, 2026" in fields_of


def test_too_much_ends_in_a_hint_and_the_brand_line() -> None:
    card = Card("全員", tuple(Entry(f"人{n}", "部" * 900, Button("見る", bound(n=n))) for n in range(200)))
    content = RENDERER.card(card, JA)
    assert check(content) == []
    assert "続きはホーム" in json.dumps(content["body"][-2], ensure_ascii=False)
    assert "おかえりネット" in json.dumps(content["body"][-1], ensure_ascii=False)
    assert weigh(content) > MESSAGE // 2


def test_arguments_that_cannot_be_carried_are_our_mistake() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        RENDERER.card(Card("", (Buttons((Button("x", bound(word="x" * 3000)),)),)), JA)
    with pytest.raises(ValueError, match="do not fit"):
        RENDERER.form(Form("x", (), bound(word="x" * 3000)), JA)
    with pytest.raises(ValueError, match="nothing to choose"):
        RENDERER.form(Form("x", (Field("c", "choice", "C"),), bound()), JA)
    with pytest.raises(ValueError, match="cannot be called"):
        RENDERER.form(Form("x", (Field("bound", "text", "C"),), bound()), JA)
    with pytest.raises(ValueError, match="151 characters"):
        RENDERER.options([Option("x" * 151, "x")], JA)


def test_what_hr_changes_is_seen_on_the_next_card() -> None:
    texts, brand = sample_texts(), replace(BRAND)
    own = Renderer(texts, "Asia/Tokyo", brand)
    card = Card(t("sample.small"))
    brand.adopt(replace(BRAND, network="Harbour Circle"))
    texts.lay_over({"sample.small": {"en": "Hear, hear"}})
    shown = json.dumps(own.card(card, EN))
    assert "Harbour Circle" in shown
    assert "Hear, hear" in shown


def test_a_brand_without_addresses_is_still_a_line() -> None:
    plain = Renderer(sample_texts(), "Asia/Tokyo", Brand("網", "社", "人", "", "javascript:x", "ftp://x"))
    content = plain.card(Card("題"), JA)
    assert check(content) == []
    assert [node["type"] for node in content["body"]] == ["RichTextBlock"] * 2


# --- people found ----------------------------------------------------------------------------------


def test_a_posted_result_has_no_button_that_acts() -> None:
    found = RENDERER.person(EVERYTHING, JA)
    assert {node["type"] for node in actions(found["content"])} == {"Action.OpenUrl"}
    assert "bound" not in json.dumps(found)
    assert found["preview"]["content"]["text"] == "＊開発＊ & 研究 · 見る"


@pytest.mark.parametrize("kind", [Paragraph, Note])
def test_a_long_profile_fits_into_a_message_extension(kind: type) -> None:
    found = RENDERER.person(Card("長" * 300, tuple(kind("長" * 2900) for _ in range(9))), JA)
    assert check(found["content"], EXTENSION) == []
    assert weigh(found) <= EXTENSION
