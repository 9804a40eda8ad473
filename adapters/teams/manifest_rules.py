"""The makers' limits of a Teams manifest and its language files as a table; nothing leaves the house.

Source: the makers' schemas 1.28 (MicrosoftTeams.schema.json, MicrosoftTeams.Localization.schema.json), for
the parts that we use. A key that is not in the table is refused, and an address that is not https too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Rule:
    """One key: `least` and `most` are characters of a text or items of a list."""

    kind: Literal["text", "flag", "list", "table"]
    least: int = 0
    most: int = 0
    pattern: str = ""
    required: bool = False


_SCHEMA = r"https://developer\.microsoft\.com/json-schemas/teams/v1\.28/MicrosoftTeams\.{kind}schema\.json"
_TAG = r"[A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8}){0,2}"
_NUMBER = r"(?:0|[1-9][0-9]*)"
_TABLE, _FLAG = Rule("table"), Rule("flag")
_NEEDED = Rule("table", required=True)
_GUID = Rule("text", 36, 36, r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", required=True)
_URL = Rule("text", 1, 2048, r"https://[^\s/]+(?:/\S*)?", required=True)
_FILE = Rule("text", 1, 2048, r"[\w-]+\.(?:png|json)", required=True)
_SCOPES, _SCOPE = Rule("list", 1, 3, required=True), Rule("text", 1, 20, "team|personal|groupChat")


def _said(most: int) -> Rule:
    return Rule("text", 1, most, required=True)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "$schema": Rule("text", 1, 2048, _SCHEMA.format(kind="")),
        "manifestVersion": Rule("text", 1, 10, r"1\.28", required=True),
        "version": Rule("text", 5, 256, rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}", required=True),
        "id": _GUID,
        "developer": _NEEDED,
        "developer.name": _said(32),
        "developer.websiteUrl": _URL,
        "developer.privacyUrl": _URL,
        "developer.termsOfUseUrl": _URL,
        "name": _NEEDED,
        "name.short": _said(30),
        "name.full": Rule("text", 1, 100),
        "description": _NEEDED,
        "description.short": _said(80),
        "description.full": _said(4000),
        "localizationInfo": _TABLE,
        "localizationInfo.defaultLanguageTag": Rule("text", 1, 26, _TAG, required=True),
        "localizationInfo.additionalLanguages": Rule("list", 0, 100),
        "localizationInfo.additionalLanguages[]": _TABLE,
        "localizationInfo.additionalLanguages[].languageTag": Rule("text", 1, 26, _TAG, required=True),
        "localizationInfo.additionalLanguages[].file": _FILE,
        "icons": _NEEDED,
        "icons.color": _FILE,
        "icons.outline": _FILE,
        "accentColor": Rule("text", 7, 7, r"#[0-9a-fA-F]{6}", required=True),
        "bots": Rule("list", 0, 1),
        "bots[]": _TABLE,
        "bots[].botId": _GUID,
        "bots[].scopes": _SCOPES,
        "bots[].scopes[]": _SCOPE,
        "bots[].commandLists": Rule("list", 0, 3),
        "bots[].commandLists[]": _TABLE,
        "bots[].commandLists[].scopes": _SCOPES,
        "bots[].commandLists[].scopes[]": _SCOPE,
        "bots[].commandLists[].commands": Rule("list", 0, 12, required=True),
        "bots[].commandLists[].commands[]": _TABLE,
        "bots[].commandLists[].commands[].title": _said(128),
        "bots[].commandLists[].commands[].description": Rule("text", 1, 4000),
        "staticTabs": Rule("list", 0, 16),
        "staticTabs[]": _TABLE,
        "staticTabs[].entityId": _said(64),
        "staticTabs[].name": Rule("text", 1, 128),
        "staticTabs[].contentUrl": Rule("text", 1, 2048, _URL.pattern),
        "staticTabs[].websiteUrl": Rule("text", 1, 2048, _URL.pattern),
        "staticTabs[].scopes": _SCOPES,
        "staticTabs[].scopes[]": _SCOPE,
        "composeExtensions": Rule("list", 0, 1),
        "composeExtensions[]": _TABLE,
        "composeExtensions[].botId": _GUID,
        "composeExtensions[].commands": Rule("list", 1, 10, required=True),
        "composeExtensions[].commands[]": _TABLE,
        "composeExtensions[].commands[].id": _said(64),
        "composeExtensions[].commands[].type": Rule("text", 1, 6, "query|action"),
        "composeExtensions[].commands[].context": Rule("list", 1, 3),
        "composeExtensions[].commands[].context[]": Rule("text", 1, 10, "compose|commandBox|message"),
        "composeExtensions[].commands[].title": _said(32),
        "composeExtensions[].commands[].description": Rule("text", 1, 128),
        "composeExtensions[].commands[].initialRun": _FLAG,
        "composeExtensions[].commands[].parameters": Rule("list", 1, 5, required=True),
        "composeExtensions[].commands[].parameters[]": _TABLE,
        "composeExtensions[].commands[].parameters[].name": _said(64),
        "composeExtensions[].commands[].parameters[].title": _said(32),
        "composeExtensions[].commands[].parameters[].inputType": Rule("text", 1, 10, "text"),
        "validDomains": Rule("list", 0, 100),
        "validDomains[]": Rule("text", 1, 2048, r"(?:\*\.)?[\w-]+(?:\.[\w-]+)+"),
        "webApplicationInfo": _TABLE,
        "webApplicationInfo.id": _GUID,
        "defaultInstallScope": Rule("text", 1, 20, "personal|team|groupChat"),
    }
)
_NAMED = MappingProxyType(
    {
        "bots[].commandLists[].commands": "title",
        "staticTabs": "entityId",
        "composeExtensions[].commands": "id",
    }
)
_TYPES = MappingProxyType({"text": str, "flag": bool, "list": list, "table": dict})
_IN_A_LANGUAGE = ("name.short", "description.short", "description.full")


def problems(paper: Mapping[str, Any], languages: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What Teams would refuse in a manifest and its language files (by file), else what would not work:
    `path: what is wrong`."""
    found = list(_table(dict(paper), ""))
    if found:
        return found
    files = [one["file"] for one in paper.get("localizationInfo", {}).get("additionalLanguages", ())]
    odd = [f"{file}: named or there, not both" for file in sorted(set(files) ^ set(languages))]
    told = [f"{file}: {wrong}" for file, one in languages.items() for wrong in _language(one, paper)]
    return [*odd, *told, *_domains(paper), *_bots(paper)]


def _value(value: object, path: str) -> Iterator[str]:
    rule = RULES.get(_plain(path))
    if rule is None:
        yield f"{path}: no such key"
    elif type(value) is not _TYPES[rule.kind]:
        yield f"{path}: must be a {rule.kind}"
    elif isinstance(value, dict):
        yield from _table(value, path)
    elif isinstance(value, list):
        yield from _list(value, rule, path)
    elif isinstance(value, str):
        yield from _text(value, rule, path)


def _plain(path: str) -> str:
    return re.sub(r"\[\d+\]", "[]", path)


def _table(table: Mapping[str, object], path: str) -> Iterator[str]:
    start = f"{path}." if path else ""
    for name, value in table.items():
        yield from _value(value, f"{start}{name}")
    for wanted, rule in RULES.items():
        name = wanted.removeprefix(_plain(start))
        inner = not wanted.startswith(_plain(start)) or "." in name or "[" in name
        if rule.required and not inner and name not in table:
            yield f"{start}{name}: missing"


def _list(items: list[Any], rule: Rule, path: str) -> Iterator[str]:
    if not rule.least <= len(items) <= rule.most:
        yield f"{path}: {len(items)} items; right: {rule.least} to {rule.most}"
    for number, item in enumerate(items):
        yield from _value(item, f"{path}[{number}]")
    key = _NAMED.get(_plain(path), "")
    for name in _twice(item.get(key) if isinstance(item, dict) else item for item in items):
        yield f"{path}: {name!r} stands there twice"


def _twice(names: Iterable[object]) -> list[str]:
    seen = [name for name in names if isinstance(name, str)]
    return sorted({name for name in seen if seen.count(name) > 1})


def _text(text: str, rule: Rule, path: str) -> Iterator[str]:
    if not rule.least <= len(text) <= rule.most:
        yield f"{path}: {len(text)} characters; right: {rule.least} to {rule.most}"
    if rule.pattern and not re.fullmatch(rule.pattern, text):
        yield f"{path}: {text!r}; right: {rule.pattern}"


def _language(sentences: Mapping[str, Any], paper: Mapping[str, Any]) -> Iterator[str]:
    """A language file: each sentence by the path of the one that it stands for, with the same limits."""
    schema = Rule("text", 1, 2048, _SCHEMA.format(kind=r"Localization\."))
    for path, text in sentences.items():
        rule = schema if path == "$schema" else RULES.get(_plain(path))
        if rule is None or type(text) is not str:
            yield f"{path}: no such sentence"
        elif path != "$schema" and not isinstance(_at(paper, path), str):
            yield f"{path}: stands for nothing"
        else:
            yield from _text(text, rule, path)
    yield from (f"{path}: missing" for path in _IN_A_LANGUAGE if path not in sentences)


def _at(paper: Mapping[str, Any], path: str) -> Any:
    """What stands at a path; `None` where nothing does."""
    inner: Any = paper
    for step in re.findall(r"[^.\[\]]+", path):
        try:
            inner = inner[int(step)] if isinstance(inner, list) else inner[step]
        except (LookupError, TypeError, ValueError):
            return None
    return inner


def _domains(paper: Mapping[str, Any]) -> Iterator[str]:
    """A tab whose domain is not named stays empty."""
    for number, tab in enumerate(paper.get("staticTabs", ())):
        host = urlsplit(tab.get("contentUrl", "")).hostname
        if host and host not in paper.get("validDomains", ()):
            yield f"staticTabs[{number}].contentUrl: {host} is not in validDomains"


def _bots(paper: Mapping[str, Any]) -> Iterator[str]:
    """The message extension asks the bot, and what an administrator grants is granted to the same app."""
    bots = {bot["botId"] for bot in paper.get("bots", ())}
    asked = [one["botId"] for one in paper.get("composeExtensions", ())]
    if "webApplicationInfo" in paper:
        asked.append(paper["webApplicationInfo"]["id"])
    yield from (f"{other}: not the bot of this app" for other in asked if other not in bots)
