"""Both languages say the same things, nothing is missing, nothing is left over."""

from __future__ import annotations

import re

import pytest

from bot.registry import discover
from tests.house.sentences import CATALOGUE, PLACE, asked, by_convention, entries, places, spelled_out

_KEY = re.compile(r"[a-z_]+(?:\.[a-z_]+)*\.(?:[a-z_]+|\d+)")  # a number is a value to choose
_MARKUP = re.compile(r"</?[a-zA-Z!]|&[a-z]+;|&#")


def offenders(wrong: object) -> list[str]:
    """The keys for which something is wrong."""
    assert callable(wrong)
    return [key for key, languages in entries().items() if wrong(key, languages)]


def test_there_is_a_catalogue() -> None:
    assert entries()


def test_every_sentence_is_there_in_english_and_japanese() -> None:
    assert not offenders(lambda _, languages: set(languages) != {"en", "ja"})


def test_both_languages_take_the_same_arguments() -> None:
    assert not offenders(lambda _, languages: len({frozenset(p) for p in places(languages).values()}) != 1)


def test_keys_are_plain_words() -> None:
    assert not offenders(lambda key, _: not _KEY.fullmatch(key))


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda form: not form, id="empty"),
        pytest.param(lambda form: form != form.strip(), id="space at the edge"),
        pytest.param(_MARKUP.search, id="HTML"),
        pytest.param(lambda form: form.count("**") % 2, id="bold never ends"),
        pytest.param(lambda form: set("{}") & set(PLACE.sub("", form)), id="stray brace"),
    ],
)
def test_sentences_are_clean(wrong: object) -> None:
    assert callable(wrong)
    assert not offenders(
        lambda _, languages: any(wrong(form) for forms in languages.values() for form in forms)
    )


def test_every_key_that_code_asks_for_exists() -> None:
    lines = "\n".join(entries())
    asks = {ask.key: f"{ask.where}: {ask.key}" for ask in asked()}
    missing = [told for key, told in asks.items() if not re.search(f"^(?:{key})$", lines, re.MULTILINE)]
    assert not missing, "\n".join(missing)


def test_every_sentence_gets_exactly_its_arguments() -> None:
    takes = {re.escape(key): places(languages).get("en", set()) for key, languages in entries().items()}
    wrong = [
        f"{ask.where}: {ask.key} takes {sorted(takes[ask.key])}, gets {sorted(ask.names)}"
        for ask in asked()
        if ask.names is not None and ask.key in takes and (ask.names ^ takes[ask.key]) - {"count"}
    ]
    assert not wrong, "\n".join(wrong)


def test_what_the_registry_asks_for_by_convention_exists() -> None:
    must, _ = by_convention(discover("bot.commands"))
    missing = sorted(must - entries().keys())
    assert not missing, "\n".join(missing)


def test_no_sentence_is_left_over() -> None:
    must, may = by_convention(discover("bot.commands"))
    asks = re.compile("|".join(f"(?:{key})" for key in {ask.key for ask in asked()}))
    used = must | may | spelled_out()
    left = [k for k in entries() if k not in used and not asks.fullmatch(k)]
    assert not left, "\n".join(left)


def test_every_feature_has_its_catalogue() -> None:
    names = {name.partition(".")[0] for name in by_convention(discover("bot.commands"))[0]}
    assert not [name for name in sorted(names) if not (CATALOGUE / f"{name}.toml").is_file()]
