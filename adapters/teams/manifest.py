"""The manifest of each of our two Teams apps, made from what the code really offers, and its language files.

Nothing is asked for that no code uses: the bot hears of a channel only what mentions it, and what it does by
Graph is granted to the app registration by an administrator, not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from bot.brand import Brand
from bot.conversation import Side, Text, t
from bot.registry import Command, Registry
from bot.texts import LOCALES, Texts

Json = dict[str, Any]
NAMES: Mapping[Side, str] = MappingProxyType({Side.COMPANY: "Okaeri", Side.ALUMNI: "Okaeri Alumni"})
COLOUR = "#b94e28"
SCHEMA = "https://developer.microsoft.com/json-schemas/teams/v1.28/MicrosoftTeams.{kind}schema.json"
PORTAL = "/alumni"
COLOUR_FILE, OUTLINE_FILE = "color.png", "outline.png"
EVERYWHERE = ("personal", "team", "groupChat")

# Commands that stand in no menu, and why. Source: platform-facts T9: a list takes 12.
LEFT_OUT: Mapping[Side, Mapping[str, str]] = MappingProxyType(
    {Side.COMPANY: {}, Side.ALUMNI: {"address": "the profile and the page about one's data have its button"}}
)
# Commands that only the menu of one's own chat proposes, because others read what is typed elsewhere.
ALONE: Mapping[str, str] = MappingProxyType(
    {
        "address": "tells that somebody's mail does not arrive",
        "join": "its code would be read by everybody",
        "leavers": "a name after it would tell who leaves",
        "leavers add": "tells that somebody leaves",
        "leavers erased": "tells that somebody was erased",
        "openings mine": "tells that one answered or introduced somebody",
        "privacy": "tells what somebody asks about their data",
        "stop": "tells that somebody leaves the network",
        "wishes": "tells that somebody looks for work",
    }
)


@dataclass(frozen=True, slots=True)
class App:
    """One app as an operator set it up: its bot's id, the house's public address (https), its version, and
    the language that readers of neither Japanese nor English get."""

    side: Side
    app_id: str
    base_url: str
    version: str
    locale: str


def manifest(app: App, registry: Registry, texts: Texts, brand: Brand) -> Json:
    """The app's manifest (schema 1.28), in the app's own language. Its id is that of the bot, so that the
    app is found in a tenant's catalogue (`externalId`) without another setting."""
    words, base = _Words(texts, app.locale), app.base_url.rstrip("/")
    found = _menu(app.side, registry)
    made = {
        "$schema": SCHEMA.format(kind=""),
        "manifestVersion": "1.28",
        "version": app.version,
        "id": app.app_id,
        "developer": _developer(brand, base),
        "name": {"short": NAMES[app.side], "full": _cut(brand.network, 100)},
        "description": words.description(app.side, brand),
        "localizationInfo": {
            "defaultLanguageTag": app.locale,
            "additionalLanguages": [{"languageTag": other, "file": f"{other}.json"} for other in others(app)],
        },
        "icons": {"color": COLOUR_FILE, "outline": OUTLINE_FILE},
        "accentColor": COLOUR,
        "bots": [
            {"botId": app.app_id, "scopes": list(EVERYWHERE), "commandLists": _lists(found, words)},
        ],
        "staticTabs": _tabs(words, base),
        "validDomains": [urlsplit(base).hostname or ""],
        "webApplicationInfo": {"id": app.app_id},
        "defaultInstallScope": "personal",
    }
    extension = {"botId": app.app_id, "commands": [words.finder()]}
    return made | ({"composeExtensions": [extension]} if app.side is Side.ALUMNI else {})


def others(app: App) -> tuple[str, ...]:
    """The languages that have a file of their own."""
    return tuple(locale for locale in LOCALES if locale != app.locale)


def translation(paper: Mapping[str, Any], whole: Mapping[str, Any]) -> Json:
    """The language file: every sentence of `whole`, the same manifest in another language, that differs.

    What must be there is there though it does not differ. Source: the makers' localization schema 1.28.
    """
    made, own = dict(_sentences(whole)), dict(_sentences(paper))
    needed = ("name.short", "description.short", "description.full")
    kept = {path: text for path, text in made.items() if path in needed or text != own[path]}
    return {"$schema": SCHEMA.format(kind="Localization."), **kept}


def _sentences(value: object, path: str = "") -> Iterable[tuple[str, str]]:
    """Every text of a manifest that may be translated, by its path."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if path or name in ("name", "description", "bots", "staticTabs", "composeExtensions"):
                yield from _sentences(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _sentences(inner, f"{path}[{number}]")
    elif isinstance(value, str) and (path.startswith(("name.", "description.")) or _spoken(path)):
        yield path, value


def _spoken(path: str) -> bool:
    last = path.rpartition(".")[2]
    return last in ("title", "description") or (last == "name" and path.startswith("staticTabs"))


def _menu(side: Side, registry: Registry) -> list[Command]:
    """The commands of a side's menu: first those that stand out elsewhere too."""
    commands = (command for command in registry.commands.values() if side in command.sides)
    return sorted((c for c in commands if c.name not in LEFT_OUT[side]), key=lambda c: not c.shortcut)


def _lists(commands: Iterable[Command], words: _Words) -> list[Json]:
    """One menu for one's own chat, one for where others read along."""
    whole = list(commands)
    among_others = [command for command in whole if command.name not in ALONE]
    menus = (("personal",), whole), (("team", "groupChat"), among_others)
    return [{"scopes": list(scopes), "commands": [words.command(c) for c in menu]} for scopes, menu in menus]


def _tabs(words: _Words, base: str) -> list[Json]:
    """The chat first, then the portal. Source: `conversations` is Teams' own name for the chat."""
    portal = {
        "entityId": "portal",
        "name": words.plain(t("package.portal")),
        "contentUrl": f"{base}{PORTAL}/tab",
        "websiteUrl": f"{base}{PORTAL}",
        "scopes": ["personal"],
    }
    return [{"entityId": "conversations", "scopes": ["personal"]}, portal]


def _developer(brand: Brand, base: str) -> Json:
    """Who answers for the app: the company. Its public page says who runs the network and what is held."""
    front = f"{base}{PORTAL}"
    return {
        "name": _cut(brand.company, 32),
        "websiteUrl": front,
        "privacyUrl": front,
        "termsOfUseUrl": brand.terms_url or front,
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


class _Words:
    """Sentences of the manifest in one language."""

    def __init__(self, texts: Texts, locale: str) -> None:
        self._texts, self._locale = texts, locale

    def plain(self, text: Text) -> str:
        """One sentence."""
        return self._texts.plain(text, self._locale)

    def description(self, side: Side, brand: Brand) -> Json:
        """In one line, and in full with who runs the network."""
        run_by = t("package.run_by", network=brand.network, company=brand.company, contact=brand.contact_name)
        story = (t(f"package.story.{side.value}"), run_by)
        return {
            "short": self.plain(t(f"package.about.{side.value}")),
            "full": "\n\n".join(map(self.plain, story)),
        }

    def command(self, command: Command) -> Json:
        """What Teams types when it is chosen, which is a verb of ours, and what it does."""
        verbs = self._texts.pattern(f"{command.key}.verb", self._locale)
        return {
            "title": verbs.replace("、", ",").partition(",")[0].strip(),
            "description": self.plain(t(f"{command.key}.summary")),
        }

    def finder(self) -> Json:
        """The message extension's one command; asked once before anything was typed, to say what to type."""
        words = {"name": "query", "title": self.plain(t("package.find_words")), "inputType": "text"}
        return {
            "id": "find",
            "type": "query",
            "context": ["compose", "commandBox"],
            "title": self.plain(t("package.find")),
            "description": self.plain(t("package.find_about")),
            "initialRun": True,
            "parameters": [words],
        }
