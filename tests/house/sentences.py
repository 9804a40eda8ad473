"""How the catalogue and the code meet: which keys code asks for, and with which arguments.

A key is used when it stands in code or in a page's template as a whole string, when `t(f"start.{…}")` may
compose it, or when one of the conventions below asks for it. The conventions are the only keys that no line
of code spells out; a new one is added to `by_convention`.
"""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot import errors, fields
from bot.registry import Registry
from tests.house.source import ROOT, Source, sources, texts

CATALOGUE = ROOT / "bot/catalogue"
PLACE = re.compile(r"\{(\w+)\}")
_QUOTED = re.compile(r"[\"']([a-z_]+(?:\.[a-z_]+)+)[\"']")
_RULE = 2  # FeedError(row, column, rule, remedy)


@dataclass(frozen=True)
class Asked:
    """A line of code that names a key: `key` is a pattern, `names` the arguments (None: not to be seen)."""

    where: str
    key: str
    names: frozenset[str] | None


def entries() -> dict[str, dict[str, list[str]]]:
    """key -> language -> its forms (one, or those of the plural)."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(CATALOGUE.glob("*.toml")):
        _collect(path.stem, tomllib.loads(path.read_text("utf-8")), found)
    return found


def places(languages: Mapping[str, list[str]]) -> dict[str, set[str]]:
    """language -> the names of its placeholders, over all plural forms."""
    return {language: set(PLACE.findall(" ".join(forms))) for language, forms in languages.items()}


def asked() -> Iterator[Asked]:
    """Every key that code hands to `t` or to an error."""
    kinds = {"t": _fixed(errors.Refusal)} | {kind.__name__: _fixed(kind) for kind in _keyed_errors()}
    for source in sources():
        for node in source.nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                word = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if word in kinds and node.args and (key := _pattern(node.args[0])):
                    yield Asked(f"{source.path}:{node.lineno}", key, _arguments(node, kinds[word]))
                elif word == errors.FeedError.__name__:
                    yield from _rules(source, node)


def spelled_out() -> set[str]:
    """Every string that might be a key, from code and from templates."""
    words = {str(text.value) for source in sources() for text in source.strings()}
    for path, text in texts().items():
        if path.endswith((".html", ".txt", ".j2")) and path.startswith(("adapters/", "bot/")):
            words.update(_QUOTED.findall(text))
    return words | {f"feed.{word}" for word in words} | {f"feed.{word}_right" for word in words}


def by_convention(registry: Registry) -> tuple[set[str], set[str]]:
    """The keys that the registry asks for by itself: those that must be there, and those that may."""
    must: set[str] = set()
    may: set[str] = set()
    for command in registry.commands.values():
        must |= {f"{command.key}.verb", f"{command.key}.summary"}
        may.add(f"{command.key}.usage")
    for handler in registry.handlers.values():
        if handler.schema is not None:
            must |= {f"{handler.name}.title", f"{handler.name}.button"}
            for name, spec in fields.specs(handler.schema).items():
                must |= _labels(f"{handler.name}.{name}", spec)
                may.add(f"{handler.name}.{name}_hint")
    return must, may


def _labels(key: str, spec: fields.Spec) -> set[str]:
    values = ("yes",) if spec.kind == "tick" else spec.values
    return {f"{key}.label", *(f"{key}.{value}" for value in values)} if values else {key}


def _collect(prefix: str, table: Mapping[str, object], found: dict[str, dict[str, list[str]]]) -> None:
    for name, value in table.items():
        if name in {"en", "ja"}:
            forms = list(value.values()) if isinstance(value, dict) else [value]
            found.setdefault(prefix, {})[name] = [str(form) for form in forms]
        elif isinstance(value, dict):
            _collect(f"{prefix}.{name}", value, found)
        else:
            found.setdefault(prefix, {})[name] = [str(value)]


def _keyed_errors() -> list[type]:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    keyed = (errors.Refusal, errors.FeedRejected)
    return [kind for kind in kinds if issubclass(kind, keyed) and kind is not errors.InvalidForm]


def _fixed(kind: type) -> set[str]:
    """The parameters of an error that are no arguments of its sentence."""
    return set(inspect.signature(kind).parameters) - {"args"}


def _pattern(node: ast.expr) -> str | None:
    """A key as a regular expression; None when its start cannot be read off the code."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        words = (getattr(part, "value", None) for part in node.values)
        return "".join(re.escape(word) if isinstance(word, str) else r"[a-z_.]+" for word in words)
    return None


def _arguments(call: ast.Call, fixed: set[str]) -> frozenset[str] | None:
    names = [keyword.arg for keyword in call.keywords]
    return None if None in names else frozenset(name for name in names if name) - fixed


def _rules(source: Source, call: ast.Call) -> Iterator[Asked]:
    by_name = {keyword.arg: keyword.value for keyword in call.keywords}
    rule = call.args[_RULE] if len(call.args) > _RULE else by_name.get("rule")
    if isinstance(rule, ast.Constant) and isinstance(rule.value, str):
        remedy = call.args[_RULE + 1] if len(call.args) > _RULE + 1 else by_name.get("remedy")
        right = remedy.value if isinstance(remedy, ast.Constant) else None
        for key in (rule.value, right or f"{rule.value}_right"):
            yield Asked(f"{source.path}:{call.lineno}", re.escape(f"feed.{key!s}"), None)
