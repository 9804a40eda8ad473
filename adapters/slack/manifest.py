"""The manifest of each of our two Slack apps, made from what the code really uses.

A method that is called, an event that is heard or a command that is registered brings its scope with it;
nothing else is asked for. Words stand in both languages, because Slack shows one manifest to everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import yaml

from adapters.slack.manifest_rules import shape_problems
from bot.brand import Brand
from bot.conversation import Side, Text, t
from bot.registry import Command, Registry
from bot.texts import LOCALES, Texts

Json = dict[str, Any]
NAMES: Mapping[Side, str] = MappingProxyType({Side.COMPANY: "Okaeri", Side.ALUMNI: "Okaeri Alumni"})
COLOUR = "#b94e28"

# Source: "Bot token" on each method's page below docs.slack.dev/reference/methods.
METHODS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "auth.test": frozenset(),
        "chat.postMessage": frozenset({"chat:write"}),
        "chat.update": frozenset({"chat:write"}),
        "conversations.history": frozenset({"im:history"}),
        "conversations.open": frozenset({"im:write"}),
        "users.info": frozenset({"users:read"}),
        "users.lookupByEmail": frozenset({"users:read.email", "users:read"}),  # the first requires the second
        "views.open": frozenset(),
        "views.publish": frozenset(),
        "views.push": frozenset(),
        "views.update": frozenset(),
    }
)
# What the alumni's app also does in the one public channel that the operator names; no event is heard there.
IN_A_CHANNEL: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "conversations.history": frozenset({"channels:history"}),  # was it posted before the line broke?
        "conversations.info": frozenset({"channels:read"}),  # the doctor: is the bot in it?
    }
)
# Source: "Required scopes" on each event's page below docs.slack.dev/reference/events.
EVENT_SCOPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "app_home_opened": frozenset(),
        "message.im": frozenset({"im:history"}),
        "team_join": frozenset({"users:read"}),
        "user_change": frozenset({"users:read"}),
    }
)
EVENTS: Mapping[Side, tuple[str, ...]] = MappingProxyType(
    {
        Side.COMPANY: ("app_home_opened", "message.im", "user_change"),
        Side.ALUMNI: ("app_home_opened", "message.im", "team_join", "user_change"),
    }
)


def scopes(side: Side) -> tuple[str, ...]:
    """The bot scopes that a side's app needs, sorted. Every app has `/alumni`, hence `commands`."""
    needed = [*METHODS.values(), *(EVENT_SCOPES[event] for event in EVENTS[side]), {"commands"}]
    needed += IN_A_CHANNEL.values() if side is Side.ALUMNI else ()
    return tuple(sorted(frozenset().union(*needed)))


def manifest(side: Side, registry: Registry, texts: Texts, brand: Brand, base_url: str) -> Json:
    """The app's manifest (schema v2). `base_url` is where Slack reaches us, without a path.

    A brand without a company leaves the line about who runs the network out: the manifest of this repository.
    """
    words, url = _Words(texts), f"{base_url.rstrip('/')}/slack/events"
    commands = [command for command in registry.commands.values() if side in command.sides]
    return {
        "_metadata": {"major_version": 2},
        "display_information": {
            "name": NAMES[side],
            "description": words.line(t(f"slack.about.{side.value}")),
            "long_description": words.long(_story(side, brand)),
            "background_color": COLOUR,
        },
        "features": _features(side, commands, words, url),
        "oauth_config": {"scopes": {"bot": list(scopes(side))}},
        "settings": {
            "event_subscriptions": {"request_url": url, "bot_events": list(EVENTS[side])},
            "interactivity": {"is_enabled": True, "request_url": url, "message_menu_options_url": url},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "is_hosted": False,
            "token_rotation_enabled": False,
        },
    }


def _features(side: Side, commands: Iterable[Command], words: _Words, url: str) -> Json:
    """Without `messages_tab_read_only_enabled: false` nobody could write to the bot."""
    app_home = {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    shortcuts = [words.shortcut(command) for command in commands if command.shortcut]
    return {
        "app_home": app_home,
        "bot_user": {"display_name": NAMES[side], "always_online": True},
        **({"shortcuts": shortcuts} if shortcuts else {}),
        "slash_commands": [words.umbrella(url), *words.short_commands(commands, url)],
    }


def problems(paper: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse in a manifest, else what would not work: `path: what is wrong`."""
    return shape_problems(paper) or list(_missing_scopes(paper))


def dump(paper: Mapping[str, Any]) -> str:
    """The manifest as YAML in the order it was made in, as Slack's editor takes it."""
    return yaml.dump(dict(paper), Dumper=_Paper, allow_unicode=True, sort_keys=False, width=1000)


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


class _Paper(yaml.SafeDumper):
    """Writes paragraphs as such, for whoever reads the file."""

    yaml_representers: ClassVar[Any] = {**yaml.SafeDumper.yaml_representers, str: _block}


def _story(side: Side, brand: Brand) -> tuple[Text, ...]:
    story = t(f"slack.story.{side.value}")
    if not brand.company:
        return (story,)
    line = t("slack.run_by", network=brand.network, company=brand.company, contact=brand.contact_name)
    return story, line


def _missing_scopes(paper: Mapping[str, Any]) -> Iterable[str]:
    """What is declared without the scope that it needs; events that nobody here hears."""
    features, settings = paper.get("features") or {}, paper.get("settings") or {}
    granted = set(((paper.get("oauth_config") or {}).get("scopes") or {}).get("bot") or ())
    for name in ("slash_commands", "shortcuts"):
        if features.get(name) and "commands" not in granted:
            yield f"features.{name}: needs the scope commands"
    for event in (settings.get("event_subscriptions") or {}).get("bot_events") or ():
        if event not in EVENT_SCOPES:
            yield f"settings.event_subscriptions.bot_events: nobody hears {event}"
        for scope in sorted(EVENT_SCOPES.get(event, frozenset()) - granted):
            yield f"settings.event_subscriptions.bot_events: {event} needs the scope {scope}"


class _Words:
    """Sentences in every language of the house, side by side."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def line(self, text: Text, joint: str = " / ") -> str:
        """One sentence in every language."""
        return joint.join(dict.fromkeys(self._texts.plain(text, locale) for locale in LOCALES))

    def long(self, story: Iterable[Text]) -> str:
        """Paragraphs: all of one language, then all of the next."""
        return "\n\n".join(self._texts.plain(text, locale) for locale in LOCALES for text in story)

    def umbrella(self, url: str) -> Json:
        """`/alumni`, which takes every verb."""
        return _command("/alumni", url, self.line(t("slack.command")), self.line(t("slack.usage")))

    def short_commands(self, commands: Iterable[Command], url: str) -> Iterable[Json]:
        """The commands that have a name of their own."""
        for command in commands:
            if command.short:
                yield _command(
                    command.short, url, self.line(t(f"{command.key}.summary")), self._hint(command)
                )

    def shortcut(self, command: Command) -> Json:
        """A global shortcut: named by the verb in every language; its callback id is the registered verb."""
        verbs = (self._texts.pattern(f"{command.key}.verb", locale) for locale in LOCALES)
        first = dict.fromkeys(verb.replace("、", ",").partition(",")[0].strip() for verb in verbs)
        return {
            "name": " / ".join(first),
            "type": "global",
            "callback_id": command.name,
            "description": self.line(t(f"{command.key}.summary")),
        }

    def _hint(self, command: Command) -> str:
        """What may follow a short command: its usage without the long way of calling it."""
        key = f"{command.key}.usage"
        usages = [self._texts.pattern(key, locale) for locale in LOCALES] if self._texts.has(key) else []
        rests = [usage.removeprefix(f"/alumni {command.name}").strip() for usage in usages]
        return " / ".join(filter(None, dict.fromkeys(rests)))


def _command(command: str, url: str, description: str, hint: str) -> Json:
    """`should_escape`: only so does a typed mention arrive as an id (`read.typed` takes the rest apart)."""
    made = {
        "command": command,
        "url": url,
        "description": description,
        "usage_hint": hint,
        "should_escape": True,
    }
    return {name: value for name, value in made.items() if value}
