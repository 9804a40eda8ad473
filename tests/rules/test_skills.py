"""What somebody says they can do, taken apart and compared: two spellings meet, two skills do not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.names import LONGEST_SKILL, MOST_SKILLS, skills


def compared(text: str) -> list[str]:
    return [word for word, _ in skills(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Python", ["python"]),
        ("Python, 経理, 英語", ["python", "経理", "英語"]),
        ("Python,経理、英語，簿記2級､広報", ["python", "経理", "英語", "簿記2級", "広報"]),
        ("AWS・GCP･Azure", ["aws", "gcp", "azure"]),
        ("法務；労務; IR", ["法務", "労務", "ir"]),
        ("- Python\n* Go\r\n・ Rust\n• 英語", ["python", "go", "rust", "英語"]),
        ("C, C++, C#, .NET, Go", ["c", "c++", "c#", ".net", "go"]),
        ("C--, R, F#, Objective-C", ["c--", "r", "f#", "objective-c"]),
        ("日本語ビジネス英語、ビジネス英語、英語", ["日本語ビジネス英語", "ビジネス英語", "英語"]),
        ("PL/SQL, CI/CD, R&D, TCP/IP", ["pl/sql", "ci/cd", "r&d", "tcp/ip"]),
        ("Machine\u3000 learning", ["machine learning"]),
        ("英語。", ["英語"]),
        ("ＴＯＥＩＣ　９００点", ["toeic 900点"]),
    ],
)
def test_a_list_is_taken_apart(text: str, words: list[str]) -> None:
    assert compared(text) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Python", "ＰＹＴＨＯＮ"),
        ("C#", "Ｃ♯"),
        ("マーケティング", "ﾏｰｹﾃｨﾝｸﾞ"),
        ("Machine Learning", "machine  learning "),
        ("が", "か\u3099"),
        ("Straße", "STRASSE"),
        ("Python", "Py\u200bthon"),
        ("葛", "葛\U000e0100"),
        ("Python", "Python."),
    ],
)
def test_two_spellings_are_one_skill(one: str, other: str) -> None:
    assert compared(one) == compared(other)
    assert len(skills(f"{one}, {other}")) == 1


def test_words_are_given_back_as_they_were_typed_first() -> None:
    assert skills("ＰＹＴＨＯＮ, python, .NET、 日本語 ビジネス英語 ") == (
        ("python", "ＰＹＴＨＯＮ"),
        (".net", ".NET"),
        ("日本語 ビジネス英語", "日本語 ビジネス英語"),
    )


@pytest.mark.parametrize(
    "rubbish",
    [",,、・\n;", "---", "😀😀", "。", " \u3000\t", "\u200b\ufe0f", "*** , !!!", "x" * 41, "﷽" * 3, "\ud800"],
)
def test_rubbish_is_no_skill(rubbish: str) -> None:
    assert skills(rubbish) == ()
    assert compared(f"{rubbish}, 経理") == ["経理"]


def test_no_more_than_twenty() -> None:
    assert compared(", ".join(f"skill {n}" for n in range(50))) == [f"skill {n}" for n in range(MOST_SKILLS)]


@given(st.text())
@example("\U0001f101")  # a digit with its comma
@example("ﬃ ŉ \u0345")
@example("*¨0")  # two dots alone are a gap and two dots
@example("* * 経理")
def test_whatever_is_typed_a_word_fits_and_is_found_by_itself(text: str) -> None:
    found = skills(text)
    assert len(found) <= MOST_SKILLS
    assert len({word for word, _ in found}) == len(found)
    for word, typed in found:
        assert 0 < len(word) <= LONGEST_SKILL
        assert len(typed) <= LONGEST_SKILL
        assert word == " ".join(word.split())
        assert word.encode()
        assert not set(word) & set(",、;・\n")
        assert compared(typed) == [word]
        assert compared(word) == [word]


@given(st.lists(st.sampled_from(["Python", "経理", "C++", "C#", "C", ".NET", "日本語 会話"]), unique=True),
       st.sampled_from([", ", ",", "、", "，", "・", "･", "\n", " ; "]))  # fmt: skip
def test_every_separator_takes_the_same_words_apart(words: list[str], between: str) -> None:
    assert [typed for _, typed in skills(between.join(words))] == words
    assert [unicodedata.normalize("NFKC", word).casefold() for word in words] == compared(between.join(words))
