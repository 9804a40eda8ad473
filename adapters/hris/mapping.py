"""Which header is which field and which word means what: `mapping.toml`, over it a company's own file, over
that what HR saved."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import ConfigError

OURS = Path(__file__).with_name("mapping.toml")
_Lists = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FeedMapping:
    """`headers`: folded header -> field; `meanings`: field -> folded word -> meaning."""

    headers: Mapping[str, str]
    meanings: Mapping[str, Mapping[str, str]]

    def field(self, header: str) -> str | None:
        """The field that stands under a header, or None when we do not know the header."""
        return self.headers.get(fold_header(header))

    def meaning(self, field: str, word: str) -> str | None:
        """What a word means in a field's column, or None when we do not know the word."""
        return self.meanings[field].get(fold_word(word))


def load_mapping(own: Path | None = None) -> FeedMapping:
    """Our mapping, with a company's own file laid over it.

    A field named there has only the headers given there; words are added and win. Raises `ConfigError` with
    every mistake of that file: the key, what was found, what would be right.
    """
    return Layers.of(own).mapping({})


@dataclass(frozen=True, slots=True)
class Layers:
    """What lies under a table that HR saves: `bot.charter.Columns`."""

    given: tuple[_Given, ...]

    @classmethod
    def of(cls, own: Path | None = None) -> Layers:
        """Ours, and a company's own file. Raises `ConfigError` with every mistake of that file."""
        ours = _Given.read(OURS)
        return cls((ours,) if own is None else (ours, _Given.read(own, known=ours)))

    def mistakes(self, table: Mapping[str, object]) -> list[str]:
        """Everything that is wrong with a table of `columns` and `values`, one line each."""
        return list(_mistakes(table, self.given[0]))

    def headers(self, table: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
        """field -> the headers under which it may stand, with a checked table laid over."""
        return {name: names for given in self._with(table) for name, names in given.columns.items()}

    def mapping(self, table: Mapping[str, object]) -> FeedMapping:
        """The mapping, with a checked table laid over."""
        headers: dict[str, str] = {}
        meanings: dict[str, dict[str, str]] = {}
        for given in self._with(table):
            headers = {header: name for header, name in headers.items() if name not in given.columns}
            headers |= {
                fold_header(header): name for name, names in given.columns.items() for header in names
            }
            for name, words in given.values.items():
                meanings[name] = meanings.get(name, {}) | _by_word(words)
        return FeedMapping(headers, meanings)

    def _with(self, table: Mapping[str, object]) -> tuple[_Given, ...]:
        return (*self.given, _Given.of(table))


def fold_header(header: str) -> str:
    """A header without width, case, spaces and punctuation: "Ｅ-mail (会社)" and "email会社" are one."""
    return "".join(c for c in unicodedata.normalize("NFKC", header).casefold() if c.isalnum())


def fold_word(word: str) -> str:
    """A word without width, case and spaces; signs stay, because ○ and × are words."""
    return "".join(unicodedata.normalize("NFKC", word).casefold().split())


def _by_word(words: _Lists) -> dict[str, str]:
    return {fold_word(word): meaning for meaning, given in words.items() for word in given}


@dataclass(frozen=True, slots=True)
class _Given:
    """What one file says: field -> headers, field -> meaning -> words."""

    columns: _Lists
    values: Mapping[str, _Lists]

    @classmethod
    def read(cls, path: Path, known: _Given | None = None) -> _Given:
        """Raises `ConfigError` for a file that is no such TOML or names what `known` does not."""
        try:
            table = tomllib.loads(path.read_text("utf-8-sig"))
        except (OSError, ValueError) as error:
            raise ConfigError([f"{path.name}: cannot be read as TOML in UTF-8: {error}"]) from error
        mistakes = [f"{path.name}: {mistake}" for mistake in _mistakes(table, known)]
        if mistakes:
            raise ConfigError(mistakes)
        return cls.of(table)

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> _Given:
        """A table in which there is no mistake."""
        columns = {field: tuple(names) for field, names in table.get("columns", {}).items()}
        values = {
            field: {meaning: tuple(given) for meaning, given in words.items()}
            for field, words in table.get("values", {}).items()
        }
        return cls(columns, values)


def _mistakes(table: Mapping[str, object], known: _Given | None) -> Iterator[str]:
    for name in sorted(table.keys() - {"columns", "values"}):
        yield f"[{name}]: unknown; right are [columns] and [values.…]"
    columns, values = table.get("columns", {}), table.get("values", {})
    if not isinstance(columns, dict) or not isinstance(values, dict):
        yield "columns and values must be tables"
        return
    yield from _list_mistakes("columns", columns, known.columns if known else columns, fold_header)
    for field, words in values.items():
        right = known.values if known else values
        if field not in right or not isinstance(words, dict):
            yield f"[values.{field}]: must be a table, and one of: {', '.join(right)}"
        else:
            yield from _list_mistakes(f"values.{field}", words, right[field], fold_word)


def _list_mistakes(
    place: str, lists: Mapping[str, object], known: Collection[str], fold: Callable[[str], str]
) -> Iterator[str]:
    taken: dict[str, str] = {}
    for name, given in lists.items():
        if name not in known:
            yield f"{place}.{name}: unknown; right are {', '.join(known)}"
        elif not isinstance(given, list) or not all(isinstance(one, str) and fold(one) for one in given):
            yield f"{place}.{name}: must be a list of words that are not empty"
        else:
            for one in given:
                if taken.setdefault(fold(one), name) != name:
                    yield f"{place}.{name}: {one!r} is already taken by {place}.{taken[fold(one)]}"
