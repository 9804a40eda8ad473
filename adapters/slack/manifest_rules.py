"""The makers' limits of a Slack manifest as a table, and a walk that compares; nothing leaves the house.

Source: github.com/slackapi/manifest-schema, schemas/manifest.schema.2.0.0.json, for the parts that we use.
A key that is not in the table is refused, as the makers' schema does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

_WEB = r"https?://[^\s/]+.*"


@dataclass(frozen=True, slots=True)
class Rule:
    """One key: `least` and `most` are characters of a text, items of a list, or the value of a number."""

    kind: Literal["text", "flag", "number", "list", "table"]
    least: int = 0
    most: int = 0
    pattern: str = ""
    required: bool = False


_TABLE, _FLAG = Rule("table"), Rule("flag")
_TABLE_NEEDED, _FLAG_NEEDED = Rule("table", required=True), Rule("flag", required=True)
_URL = Rule("text", 1, 3500, _WEB)
_SCOPE = Rule("text", 1, 50, r"[a-z_]+(?:[:.][a-z_]+)*")

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "_metadata": _TABLE,
        "_metadata.major_version": Rule("number", 1, 2),
        "_metadata.minor_version": Rule("number", 0, 99),
        "display_information": _TABLE_NEEDED,
        "display_information.name": Rule("text", 1, 35, required=True),
        "display_information.description": Rule("text", 1, 140),
        "display_information.long_description": Rule("text", 175, 4000),
        "display_information.background_color": Rule("text", 4, 7, r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?"),
        "features": _TABLE,
        "features.app_home": _TABLE,
        "features.app_home.home_tab_enabled": _FLAG,
        "features.app_home.messages_tab_enabled": _FLAG,
        "features.app_home.messages_tab_read_only_enabled": _FLAG,
        "features.bot_user": _TABLE,
        "features.bot_user.display_name": Rule("text", 1, 80, required=True),
        "features.bot_user.always_online": _FLAG,
        "features.shortcuts": Rule("list", 1, 10),
        "features.shortcuts[]": _TABLE,
        "features.shortcuts[].name": Rule("text", 1, 24, required=True),
        "features.shortcuts[].type": Rule("text", 1, 7, "message|global", required=True),
        "features.shortcuts[].callback_id": Rule("text", 1, 255, required=True),
        "features.shortcuts[].description": Rule("text", 1, 150, required=True),
        "features.slash_commands": Rule("list", 1, 50),
        "features.slash_commands[]": _TABLE,
        "features.slash_commands[].command": Rule("text", 2, 32, r"/\S+", required=True),
        "features.slash_commands[].url": Rule("text", 1, 3000, _WEB),
        "features.slash_commands[].description": Rule("text", 1, 2000, required=True),
        "features.slash_commands[].usage_hint": Rule("text", 1, 1000),
        "features.slash_commands[].should_escape": _FLAG,
        "oauth_config": _TABLE,
        "oauth_config.redirect_urls": Rule("list", 0, 1000),
        "oauth_config.redirect_urls[]": Rule("text", 1, 2500),
        "oauth_config.scopes": _TABLE,
        "oauth_config.scopes.bot": Rule("list", 0, 255),
        "oauth_config.scopes.bot[]": _SCOPE,
        "oauth_config.scopes.bot_optional": Rule("list", 0, 255),
        "oauth_config.scopes.bot_optional[]": _SCOPE,
        "settings": _TABLE,
        "settings.allowed_ip_address_ranges": Rule("list", 1, 50),
        "settings.allowed_ip_address_ranges[]": Rule("text", 7, 18, r"[0-9.]+(?:/[0-9]+)?"),
        "settings.event_subscriptions": _TABLE,
        "settings.event_subscriptions.request_url": _URL,
        "settings.event_subscriptions.bot_events": Rule("list", 0, 100),
        "settings.event_subscriptions.bot_events[]": Rule("text", 1, 50, r"[a-z_]+(?:\.[a-z_]+)?"),
        "settings.interactivity": _TABLE,
        "settings.interactivity.is_enabled": _FLAG_NEEDED,
        "settings.interactivity.request_url": _URL,
        "settings.interactivity.message_menu_options_url": _URL,
        "settings.org_deploy_enabled": _FLAG,
        "settings.socket_mode_enabled": _FLAG,
        "settings.is_hosted": _FLAG,
        "settings.token_rotation_enabled": _FLAG,
    }
)
_NAMED = MappingProxyType({"features.shortcuts": "callback_id", "features.slash_commands": "command"})
_TYPES = MappingProxyType({"text": str, "flag": bool, "number": int, "list": list, "table": dict})


def shape_problems(paper: Mapping[str, Any]) -> list[str]:
    """Everything of a manifest that breaks a limit: `path: what is wrong`."""
    return list(_table(dict(paper), ""))


def _value(value: object, path: str) -> Iterator[str]:
    rule = RULES.get(re.sub(r"\[\d+\]", "[]", path))
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
    elif rule.kind == "number" and isinstance(value, int) and not rule.least <= value <= rule.most:
        yield f"{path}: {value}; right: {rule.least} to {rule.most}"


def _table(table: Mapping[str, object], path: str) -> Iterator[str]:
    start = f"{path}." if path else ""
    for name, value in table.items():
        yield from _value(value, f"{start}{name}")
    for name in _required(re.sub(r"\[\d+\]", "[]", start)):
        if name not in table:
            yield f"{start}{name}: missing"


def _required(start: str) -> Iterator[str]:
    for path, rule in RULES.items():
        name = path.removeprefix(start)
        if rule.required and path.startswith(start) and "." not in name and "[" not in name:
            yield name


def _list(items: list[Any], rule: Rule, path: str) -> Iterator[str]:
    if not rule.least <= len(items) <= rule.most:
        yield f"{path}: {len(items)} items; right: {rule.least} to {rule.most}"
    for number, item in enumerate(items):
        yield from _value(item, f"{path}[{number}]")
    for name in _twice(item.get(_NAMED.get(path, "")) if isinstance(item, dict) else item for item in items):
        yield f"{path}: {name!r} stands there twice"


def _twice(names: Iterable[object]) -> list[str]:
    seen = [name for name in names if isinstance(name, str)]
    return sorted({name for name in seen if seen.count(name) > 1})


def _text(text: str, rule: Rule, path: str) -> Iterator[str]:
    if not rule.least <= len(text) <= rule.most:
        yield f"{path}: {len(text)} characters; right: {rule.least} to {rule.most}"
    if rule.pattern and not re.fullmatch(rule.pattern, text):
        yield f"{path}: {text!r}; right: {rule.pattern}"
