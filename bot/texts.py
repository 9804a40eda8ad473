"""The words of the house: English and Japanese side by side in `catalogue/*.toml`.

A sentence becomes *parts*, not a string: a part knows whether it is ours (may be bold) or data (never
markup), so that every renderer can write data in a way that cannot turn into markup.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from bot.conversation import Arg, Link, Mention, Text, Words
from bot.spelling import Spelling, pages

LOCALES = ("ja", "en")
_PLACE = re.compile(r"\{(\w+)\}|(\*\*)")
Sentence = str | dict[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of words; `data` was typed by somebody or came from storage."""

    text: str
    bold: bool = False
    data: bool = False


Part = Run | Mention | Link


@lru_cache(maxsize=8192)
def _tokens(pattern: str) -> tuple[tuple[str, str], ...]:
    """Cut a sentence into ("words", …), ("place", name) and ("bold", "") tokens."""
    tokens: list[tuple[str, str]] = []
    at = 0
    for match in _PLACE.finditer(pattern):
        if match.start() > at:
            tokens.append(("words", pattern[at : match.start()]))
        tokens.append(("place", match[1]) if match[1] else ("bold", ""))
        at = match.end()
    if at < len(pattern):
        tokens.append(("words", pattern[at:]))
    return tuple(tokens)


@lru_cache(maxsize=16)
def _babel(locale: str) -> Locale:
    return Locale.parse(locale)


@dataclass(slots=True)
class _Shelf:
    """The catalogues' own sentences, those in force, and how often the latter have changed."""

    originals: Mapping[str, Mapping[str, Sentence]]
    sentences: Mapping[str, Mapping[str, Sentence]]
    edition: int = 0


class Texts:
    """All sentences of all catalogues, and what HR says instead of some of them.

    `edition` counts up whenever what people read may be different: drawn words are kept together with it.
    """

    def __init__(self, sentences: Mapping[str, Mapping[str, Sentence]]) -> None:
        self._shelf = _Shelf(sentences, sentences)
        self._spelling: Spelling | None = None
        self._instead: Mapping[str, str] = {}

    @property
    def edition(self) -> int:
        """Counts up whenever what people read may be different."""
        return self._shelf.edition

    def spelled(self, spelling: Spelling, instead: Mapping[str, str] | None = None) -> Texts:
        """The same sentences, now and later, with commands as they are written for other readers; `instead`
        names sentences that those readers get for others (key -> key)."""
        twin = Texts({})
        twin._shelf, twin._spelling, twin._instead = self._shelf, spelling, instead or {}
        return twin

    def by_page(self, join: Spelling | None = None, instead: Mapping[str, str] | None = None) -> Texts:
        """The same sentences for readers who type nothing: commands by the names of their pages."""
        verbs = [words for key, words in self._shelf.originals.items() if key.endswith(".verb")]
        names = {_first(words, "en"): {name: _first(words, name) for name in LOCALES} for words in verbs}
        named = {short: names[page] for short in ("jobs",) if (page := "openings") in names}
        return self.spelled(pages(names | named, join), instead)

    @classmethod
    def load(cls, *folders: Path) -> Texts:
        """Read every `*.toml` of the folders; a later folder (a company's own) lies over an earlier one."""
        sentences: dict[str, dict[str, Sentence]] = {}
        for folder in folders:
            for path in sorted(folder.glob("*.toml")):
                for key, words in _read(path, path.stat().st_mtime_ns):
                    sentences.setdefault(key, {}).update(words)
        return cls(sentences)

    def lay_over(self, own: Mapping[str, Mapping[str, Sentence]]) -> None:
        """Say these sentences (key -> language -> words) instead of the catalogues', and of no others.

        The words first, the edition after them: whoever sees the new edition sees the new words.
        """
        shelf = self._shelf
        known = {key: words for key, words in own.items() if key in shelf.originals}
        said = {key: {**shelf.originals[key], **words} for key, words in known.items()}
        shelf.sentences = {**shelf.originals, **said}
        shelf.edition += 1

    def original(self, key: str) -> Mapping[str, Sentence]:
        """Language -> the catalogues' own sentence. Raises `KeyError` for a key that no catalogue has."""
        return self._shelf.originals[key]

    def said(self, key: str) -> Mapping[str, Sentence]:
        """Language -> the sentence in force. Raises `KeyError` for a key that no catalogue has."""
        return self._shelf.sentences[key]

    def keys(self) -> Iterable[str]:
        """Every sentence's key."""
        return self._shelf.sentences.keys()

    def has(self, key: str) -> bool:
        """Whether the catalogue knows the sentence."""
        return key in self._shelf.sentences

    def pattern(self, key: str, locale: str, count: int | None = None) -> str:
        """The raw sentence. Raises `KeyError` for a key that no catalogue has."""
        words = self._shelf.sentences[self._instead.get(key, key)]
        sentence = words.get(locale) or words["en"]
        if not isinstance(sentence, str):
            form = "one" if count is not None and _babel(locale).plural_form(count) == "one" else "other"
            sentence = sentence.get(form, sentence["other"])
        return self._spelling(sentence, locale) if self._spelling else sentence

    def parts(self, words: Words, locale: str, zone: str = "Asia/Tokyo") -> tuple[Part, ...]:
        """The sentence with its data in place, adjoining runs of one kind not merged."""
        if isinstance(words, str):
            return (Run(words, data=True),) if words else ()
        args = dict(words.args)
        count = args.get("count")
        pattern = self.pattern(words.key, locale, count if isinstance(count, int) else None)
        parts: list[Part] = []
        bold = False
        for kind, value in _tokens(pattern):
            if kind == "bold":
                bold = not bold
            elif kind == "words":
                parts.append(Run(value, bold))
            else:
                parts.extend(self._value(args[value], locale, zone, bold))
        return tuple(parts)

    def _value(self, value: Arg, locale: str, zone: str, bold: bool) -> Iterable[Part]:
        if isinstance(value, Text):
            return tuple(
                Run(p.text, p.bold or bold, p.data) if isinstance(p, Run) else p
                for p in self.parts(value, locale, zone)
            )
        if isinstance(value, Mention | Link):
            return (value,)
        return (Run(written(value, locale, zone), bold, data=isinstance(value, str)),)

    def plain(self, words: Words, locale: str, zone: str = "Asia/Tokyo") -> str:
        """The sentence as one string without markup: titles, labels, subjects, logs of ours."""
        if isinstance(words, str):
            return words
        if not words.args:
            return _unmarked(self.pattern(words.key, locale))
        return "".join(_plain(part, self, locale) for part in self.parts(words, locale, zone))


def _first(words: Mapping[str, Sentence], locale: str) -> str:
    """The first of the words that a command is called by."""
    return str(words.get(locale) or words["en"]).replace("、", ",").split(",")[0].strip()


def written(value: str | int | date | datetime, locale: str, zone: str = "Asia/Tokyo") -> str:
    """A value as its reader writes it: 2026年3月31日 (火), March 31, 2026, 1,234."""
    if isinstance(value, datetime):
        pattern = "yyyy年M月d日(E) H:mm" if locale == "ja" else "EEE, MMM d, yyyy, HH:mm"
        return format_datetime(value, pattern, tzinfo=ZoneInfo(zone), locale=locale)
    if isinstance(value, date):
        return format_date(value, "yyyy年M月d日(E)" if locale == "ja" else "EEE, MMM d, yyyy", locale=locale)
    if isinstance(value, int):
        return str(value) if 0 <= value < 1000 else format_decimal(value, locale=locale)
    return value


@lru_cache(maxsize=8192)
def _unmarked(pattern: str) -> str:
    """A sentence without places, its bold taken away. Raises `KeyError` for one that has places."""
    return "".join({"words": value, "bold": ""}[kind] for kind, value in _tokens(pattern))


def _plain(part: Part, texts: Texts, locale: str) -> str:
    match part:
        case Run(text=text):
            return text
        case Mention():
            return part.words
        case Link(url=url, label=label):
            return texts.plain(label, locale) or url


@lru_cache(256)
def _read(path: Path, _written: int) -> tuple[tuple[str, dict[str, Sentence]], ...]:
    """The sentences of a file, as it was when it was last written."""
    return tuple(_flatten(path.stem, tomllib.loads(path.read_text("utf-8"))))


def _flatten(prefix: str, table: Mapping[str, object]) -> Iterable[tuple[str, dict[str, Sentence]]]:
    for key, value in table.items():
        if not isinstance(value, dict):
            continue
        if "ja" in value or "en" in value:
            words = {name: words for name, words in value.items() if name in LOCALES}
            yield f"{prefix}.{key}", words
        nested = {k: v for k, v in value.items() if isinstance(v, dict) and k not in LOCALES}
        yield from _flatten(f"{prefix}.{key}", nested)
