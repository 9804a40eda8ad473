"""Whatever anybody typed is shown in Teams as they typed it, and never as markup."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.teams.limits import EXTENSION, check, still, weigh
from bot.conversation import (
    Block,
    Button,
    Buttons,
    Card,
    Divider,
    Entry,
    Facts,
    Field,
    Form,
    Note,
    Option,
    Paragraph,
    Words,
    t,
)
from bot.fitting import fit, units
from tests.adapters.samples import NASTY, bound
from tests.adapters.teams_cards import EN, JA, RENDERER, objects

EVIL = (
    *NASTY,
    "<at>x</at>",
    "**bold** __bold__ _it_",
    "[x](http://evil.example)",
    "{{DATE(2026-03-31T00:00:00Z, LONG)}} {{{{TIME(2026-03-31T00:00:00Z)}}",
    "1. one\n2. two",
    "- x\r\n\r- y",
    "# head",
    "田" * 3000,
    "![x](https://evil.example/x.png)",
    "\\*x\\* ~~x~~ `x`",
)


# --- what people type ------------------------------------------------------------------------------

typed = st.one_of(
    st.sampled_from(EVIL),
    st.text(max_size=60),
    st.text(alphabet="*_~`<>[]()!@&#|:/.-1{}D \n\u202e田", max_size=80),
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
    st.builds(Buttons, st.lists(buttons, max_size=15).map(tuple)),
    st.just(Divider()),
)
cards = st.builds(
    Card, words, st.lists(blocks, max_size=20).map(tuple), st.none() | st.just(t("sample.notice"))
)


@settings(max_examples=60, deadline=None)
@given(cards)
def test_any_card_fits_and_holds_no_markup_of_theirs(card: Card) -> None:
    for content in (RENDERER.card(card, JA), RENDERER.card(card, EN, in_dialog=True)):
        assert check(content) == []
        assert markup(content) == []
    found = RENDERER.person(card, EN)
    assert check(found["content"], EXTENSION) == []
    assert weigh(found) <= EXTENSION
    assert markup(found["content"]) == []
    assert not any(MARKDOWN.search(text) for text in found["preview"]["content"].values())


@settings(max_examples=40, deadline=None)
@given(
    typed,
    typed,
    st.lists(typed.filter(lambda text: 0 < len(text) <= 150), min_size=1, max_size=20, unique=True),
)
def test_any_form_fits_and_holds_no_markup_of_theirs(title: str, value: str, choices: list[str]) -> None:
    options = tuple(Option(choice, choice) for choice in choices)
    asked = (
        Field("a", "text", title, value=value, hint=title, limit=100),
        Field("b", "email", title, value=value),
        Field("c", "date", title, value=value),
        Field("d", "choice", title, options=options, value=choices[0]),
        Field("e", "choices", title, options=options, value=tuple(choices[:2])),
        Field("f", "search", title, options=options[:1], value=choices[0]),
        Field("g", "tick", title, value=value, options=options[:1]),
    )
    form = Form(title, asked, bound(), (Paragraph(value),), title, {"a": t("sample.title", name=value)})
    content = RENDERER.form(form, JA)
    assert check(content) == []
    assert markup(content) == []
    again = RENDERER.form(form, JA, {"a": value, "b": value})
    assert check(again) == []


@settings(max_examples=80, deadline=None)
@given(typed.filter(lambda text: len(text) <= 3000 and text != ""))
def test_words_are_shown_as_typed(text: str) -> None:
    told = RENDERER.card(Card("題", (Paragraph(text),)), JA)["body"][1]
    runs = [run["text"] for run in told["inlines"]]
    assert "".join(runs) == fit(text, 3000)
    assert not any("{{" in run for run in runs)


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**太字** _x_ [a](b)", "＊＊太字＊＊ ＿x＿ ［a］(b)"),
        ("aiko_sato@example.jp", "aiko_sato@example.jp"),
        ("C# / C++ (Tokyo) A & B ~10", "C# / C++ (Tokyo) A & B ~10"),
        ("- 項目", "－ 項目"),
        ("1. 項目", "1． 項目"),
        ("2)", "2）"),
        ("+81 90, 2. Etage", "+81 90, 2. Etage"),
        ("---", "－--"),
        ("https://evil.example &lt;b&gt;", "https：//evil.example ＆lt;b＆gt;"),
        ("{{DATE(x)}} <at>", "｛｛DATE(x)｝｝ ＜at＞"),
    ],
)
def test_where_markdown_is_read_its_signs_are_stilled(text: str, shown: str) -> None:
    assert still(text) == shown
    assert still(shown) == shown


# Another author's idea of Markdown than `still`'s: emphasis, code, links, lists, headings, entities, tags.
MARKDOWN = re.compile(
    r"\*[^*]+\*|(?<!\w)__?[^_]+__?(?!\w)|`[^`]*`|\[[^]]*\]\(|^\s{0,3}([-+*]|\d+[.)])\s|^\s{0,3}#|~~.+~~"
    r"|&#?\w+;|<[^>]*>|https?://|\{\{",
    re.MULTILINE,
)


def markup(content: dict[str, Any]) -> list[str]:
    """Every string that Teams would read as Markdown and that has some; and no mention can be one."""
    read = [content["fallbackText"]]
    for node in objects(content):
        assert "entities" not in json.dumps(node.get("msteams", {}))
        if node.get("type") in ("TextBlock", "Input.Toggle"):
            read.append(node.get("text") or node.get("title"))
        read += [choice["title"] for choice in node.get("choices", [])]
        read += [node[name] for name in ("label",) if name in node]
    return [text for text in read if MARKDOWN.search(text)]
