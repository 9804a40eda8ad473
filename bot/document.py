"""A charter written as TOML: only what differs from the ground, to be kept; or everything, to be edited."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.charter import RULES, Charter, Ground, Rule, differs
from bot.conversation import t
from bot.phrasing import changeable
from bot.texts import LOCALES, Texts

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def kept(charter: Charter, ground: Ground) -> str:
    """What HR decided otherwise than the settings and catalogues: the document as storage keeps it."""
    different = differs(charter, ground)
    lines: list[str] = []
    for section in dict.fromkeys(rule.section for rule in different):
        lines += [f"[{section}]"]
        lines += [_line(rule, charter) for rule in different if rule.section == section] + [""]
    for kind, table in charter.mapping.items():
        lines += _tables(f"mapping.{kind}", table)
    for locale in LOCALES:
        said = [(key, words[locale]) for key, words in sorted(charter.wording.items()) if locale in words]
        lines += [
            f"[wording.{locale}]",
            *(f"{_key(key)} = {_value(words)}" for key, words in said),
            "",
        ] * bool(said)
    return "\n".join(lines).rstrip() + "\n" if lines else ""


def whole(charter: Charter, ground: Ground, version: int) -> str:
    """Everything that HR can decide, with the values in force; what is not changed in wording and mapping
    stands behind a `#`. `version` says on top of which one it is edited."""
    lines = [*_told(ground.texts, "policy.paper.head"), f"version = {version}", ""]
    for section in dict.fromkeys(rule.section for rule in RULES):
        lines += [f"[{section}]"]
        for rule in (rule for rule in RULES if rule.section == section):
            lines += [*_told(ground.texts, label(rule, ground.texts)), _line(rule, charter)]
        lines += [""]
    lines += [*_told(ground.texts, "policy.paper.mapping"), *_mapping(charter, ground)]
    lines += [*_told(ground.texts, "policy.paper.wording")]
    for locale in LOCALES:
        lines += ["", f"[wording.{locale}]", *_wording(charter, ground.texts, locale)]
    return "\n".join(lines) + "\n"


def label(rule: Rule, texts: Texts) -> str:
    """The catalogue's key of what a rule is called in HR's forms."""
    return f"policy.{rule.key}.label" if texts.has(f"policy.{rule.key}.label") else f"policy.{rule.key}"


def _mapping(charter: Charter, ground: Ground) -> Iterator[str]:
    own = charter.mapping.get("columns", {})
    yield "[mapping.columns]"
    for name, headers in sorted(ground.columns.headers(charter.mapping).items()):
        yield f"{'' if name in own else '# '}{_key(name)} = {_value(list(headers))}"
    yield ""
    if values := charter.mapping.get("values"):
        yield from _tables("mapping.values", values)


def _wording(charter: Charter, texts: Texts, locale: str) -> Iterator[str]:
    for key in filter(changeable, sorted(texts.keys())):
        own = charter.wording.get(key, {}).get(locale)
        words = texts.original(key).get(locale, "")
        yield f"{_key(key)} = {_value(own)}" if own is not None else f"# {_key(key)} = {_value(words)}"


def _tables(place: str, table: Mapping[str, Any]) -> list[str]:
    """A table of lists, or of tables of lists, with a head for each."""
    plain = {name: value for name, value in table.items() if not isinstance(value, dict)}
    lines = [f"[{place}]", *(f"{_key(name)} = {_value(value)}" for name, value in plain.items()), ""]
    deeper = [
        line
        for name, value in table.items()
        if isinstance(value, dict)
        for line in _tables(f"{place}.{_key(name)}", value)
    ]
    return (lines if plain else []) + deeper


def _told(texts: Texts, key: str) -> list[str]:
    told = dict.fromkeys(line for locale in LOCALES for line in texts.plain(t(key), locale).splitlines())
    return [f"# {line}" for line in told]


def _line(rule: Rule, charter: Charter) -> str:
    return f"{rule.name} = {_value(rule.get(charter.policy))}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: object) -> str:
    """A string, a number, a list or a sentence in two forms; JSON's strings are TOML's, but for one sign."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
