"""What people type after `/alumni`: normalised, and turned into a command in either language."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

from bot.registry import Command, Registry
from bot.texts import LOCALES, Texts

_QUOTES = re.compile("[「」『』“”\"]|(?<!\\w)['’‘]|['’‘](?!\\w)")  # but the apostrophe of O'Brien stays


def normal_words(words: str) -> str:
    """What was typed, as it was meant: one width, single spaces, no quotation marks around it."""
    return " ".join(_QUOTES.sub(" ", unicodedata.normalize("NFKC", words)).split())


class Verbs:
    """Every verb and sub-verb of the registry, in English and Japanese."""

    def __init__(self, registry: Registry, texts: Texts) -> None:
        self._short = {c.short: c for c in registry.commands.values() if c.short}
        self._verbs: dict[str, Command] = {}
        for command in registry.commands.values():
            for word in (command.name, *_translations(command, texts)):
                self._verbs[normal_words(word).casefold()] = command

    def parse(self, command: str, words: str) -> tuple[Command | None, str]:
        """The command and the rest of the words, longest verb first; bare `/alumni` is help.

        `command` is the slash command without its slash. An unknown verb gives `None` and all the words.
        """
        if f"/{command}" in self._short:
            return self._short[f"/{command}"], normal_words(words)
        typed = normal_words(words).split(" ")
        for size in (2, 1):
            verb = " ".join(typed[:size]).casefold()
            if len(typed) >= size and verb in self._verbs:
                return self._verbs[verb], " ".join(typed[size:])
        return (self._verbs["help"], "") if typed == [""] else (None, " ".join(typed))

    def close_to(self, words: str) -> Iterable[str]:
        """At most two verbs that look like what was typed."""
        return difflib.get_close_matches(
            words.split(" ", maxsplit=1)[0].casefold(), list(self._verbs), n=2, cutoff=0.5
        )


def _translations(command: Command, texts: Texts) -> Iterable[str]:
    for locale in LOCALES:
        yield from texts.pattern(f"{command.key}.verb", locale).replace("、", ",").split(",")
