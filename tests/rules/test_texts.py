"""Sentences with their data in place: what is ours may be bold, what was typed is never markup."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation import Address, Link, Mention, Platform, Text, t
from bot.texts import LOCALES, Run, Texts, written

TEXTS = Texts(
    {
        "x.hello": {"ja": "**{name}**さん、こんにちは", "en": "Hello **{name}**!"},
        "x.people": {"ja": "{count}人", "en": {"one": "{count} person", "other": "{count} people"}},
        "x.twice": {"en": "{a} and {a}, {b}"},
        "x.frame": {"ja": "【{inner}】", "en": "**[{inner}]**"},
        "x.bold": {"en": "a **b** c **d {name}** e"},
        "x.empty": {"ja": "", "en": "only English"},
    }
)
MAN = Mention(Address(Platform.SLACK, "T1", "U1"))
anything = st.text(max_size=30)


@given(anything, st.sampled_from(LOCALES))
def test_data_stays_data_whatever_was_typed(name: str, locale: str) -> None:
    parts = TEXTS.parts(t("x.hello", name=name), locale)
    assert [p.text for p in parts if isinstance(p, Run) and p.data] == [name]
    ours = "".join(p.text for p in parts if isinstance(p, Run) and not p.data)
    assert ours == ("さん、こんにちは" if locale == "ja" else "Hello !")
    said = f"{name}さん、こんにちは" if locale == "ja" else f"Hello {name}!"
    assert TEXTS.plain(t("x.hello", name=name), locale) == said


def test_bold_is_the_sentences_own() -> None:
    parts = TEXTS.parts(t("x.bold", name="**n**"), "en")
    assert [(p.text, p.bold, p.data) for p in parts if isinstance(p, Run)] == [
        ("a ", False, False),
        ("b", True, False),
        (" c ", False, False),
        ("d ", True, False),
        ("**n**", True, True),
        (" e", False, False),
    ]


def test_a_sentence_in_a_sentence_keeps_what_is_data() -> None:
    parts = TEXTS.parts(t("x.frame", inner=t("x.hello", name="*N*")), "en")
    assert [(p.text, p.bold, p.data) for p in parts if isinstance(p, Run)] == [
        ("[", True, False),
        ("Hello ", True, False),
        ("*N*", True, True),
        ("!", True, False),
        ("]", True, False),
    ]


def test_words_without_a_key_are_data_and_nothing_is_nothing() -> None:
    assert TEXTS.parts("<b>", "ja") == (Run("<b>", data=True),)
    assert TEXTS.parts("", "ja") == ()
    assert TEXTS.plain("<b>", "en") == "<b>"


@pytest.mark.parametrize(
    ("count", "en"), [(0, "0 people"), (1, "1 person"), (2, "2 people"), (1234, "1,234 people")]
)
def test_numbers_have_their_form(count: int, en: str) -> None:
    assert TEXTS.plain(t("x.people", count=count), "en") == en
    assert TEXTS.plain(t("x.people", count=count), "ja") == f"{count:,}人"
    assert TEXTS.plain(t("x.people", count="many"), "en") == "many people"


def test_a_language_without_the_sentence_gets_english() -> None:
    assert TEXTS.plain(t("x.empty"), "ja") == "only English"
    assert TEXTS.plain(t("x.twice", a=1, b=2), "ja") == "1 and 1, 2"


def test_a_missing_sentence_or_argument_is_a_bug_and_not_a_hole() -> None:
    for words in (t("x.unknown"), t("x.hello"), Text("x.twice", (("a", 1),))):
        with pytest.raises(KeyError):
            TEXTS.parts(words, "en")
    assert not TEXTS.has("x.unknown")
    assert TEXTS.has("x.hello")
    assert set(TEXTS.keys()) == {"x.hello", "x.people", "x.twice", "x.frame", "x.bold", "x.empty"}


def test_mentions_and_links_are_left_to_the_renderer() -> None:
    link = Link("https://example.jp/", t("x.hello", name="N"))
    assert TEXTS.parts(t("x.twice", a=MAN, b=link), "en") == (MAN, Run(" and "), MAN, Run(", "), link)
    assert TEXTS.plain(t("x.twice", a=MAN, b=link), "en") == "@U1 and @U1, Hello N!"
    assert (
        TEXTS.plain(t("x.twice", a=1, b=Link("https://example.jp/")), "en") == "1 and 1, https://example.jp/"
    )


@pytest.mark.parametrize(
    ("value", "ja", "en"),
    [
        (date(2026, 3, 31), "2026年3月31日(火)", "Tue, Mar 31, 2026"),
        (datetime(2026, 3, 31, 9, 5, tzinfo=UTC), "2026年3月31日(火) 18:05", "Tue, Mar 31, 2026, 18:05"),
        (1234567, "1,234,567", "1,234,567"),
        (-5, "-5", "-5"),
        (0, "0", "0"),
        ("1234", "1234", "1234"),
    ],
)
def test_values_are_written_as_they_are_read(value: date | int | str, ja: str, en: str) -> None:
    assert (written(value, "ja"), written(value, "en")) == (ja, en)


def test_a_moment_is_told_in_the_readers_zone() -> None:
    moment = datetime(2026, 3, 31, 20, 0, tzinfo=UTC)
    assert "4月1日" in written(moment, "ja")
    assert "Mar 31" in written(moment, "en", "America/New_York")


def test_a_companys_own_words_lie_over_ours(tmp_path: Path) -> None:
    ours, own = tmp_path / "ours", tmp_path / "own"
    for folder in (ours, own):
        folder.mkdir()
    (ours / "find.toml").write_text(
        '[title]\nja = "検索"\nen = "Find"\n[deep.er]\nja = "深い"\nen = "Deep"\n'
        '[deep]\nja = "親"\nen = "Parent"\n',
        "utf-8",
    )
    (own / "find.toml").write_text('[title]\nja = "さがす"\n', "utf-8")
    both = Texts.load(ours, own)
    assert both.plain(t("find.title"), "ja") == "さがす"
    assert both.plain(t("find.title"), "en") == "Find"
    assert both.plain(t("find.deep.er"), "en") == "Deep"
    assert both.plain(t("find.deep"), "ja") == "親"
