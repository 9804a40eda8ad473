"""What the command line prints: manifests, reports of files, what HR decides, reasons."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

from bot import charter, document
from bot.app import CATALOGUE, Core, columns, core
from bot.charter import Ground
from bot.commands import intake
from bot.conversation import Side, Text, t
from bot.errors import ConfigError, Conflict, FeedRejected
from bot.phrasing import Mistake
from bot.registry import discover
from bot.rulebook import Mistaken
from bot.settings import Settings, load
from bot.texts import Texts
from jobs.feeds import Result


def texts(settings: Settings) -> Texts:
    """The catalogues, the company's own over ours."""
    return Texts.load(CATALOGUE, *([Path(settings.catalogue)] if settings.catalogue else []))


def slack_manifest(side: str, base_url: str) -> str:
    """The manifest of one side as YAML."""
    from adapters.slack.manifest import dump, manifest

    settings = load()
    words, registry = texts(settings), discover("bot.commands")
    return dump(
        manifest(Side(side), registry, words, settings.brand(), base_url or "https://okaeri.example.com")
    )


_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PUBLIC = r"https://[\w-]+(\.[\w-]+)+(:\d+)?/?"
_VERSION = r"\d+\.\d+\.\d+"


def teams_package(side: str, base_url: str, version: str) -> bytes:
    """The app package of one side, a zip. Raises `ConfigError` with every setting that it needs."""
    from adapters.teams.manifest import App
    from adapters.teams.package import package

    settings = load()
    app_id, base = settings.teams(Side(side))["app_id"], base_url or settings.base_url
    wanted = (
        (f"OKAERI_TEAMS_{side.upper()}_APP_ID", app_id, _GUID, "the bot's app id, a GUID"),
        ("OKAERI_BASE_URL", base, _PUBLIC, "the public https address of this house, or --base-url"),
        ("OKAERI_COMPANY_NAME", settings.company_name, ".+", "the company's name as people know it"),
        ("--app-version", version, _VERSION, "three numbers such as 1.0.1"),
    )
    if wrong := [one for one in wanted if not re.fullmatch(one[2], one[1])]:
        raise ConfigError(
            [f"{name}: {value or 'missing'}; right: {right}" for name, value, _, right in wrong]
        )
    words, registry = texts(settings), discover("bot.commands")
    app = App(Side(side), app_id.lower(), base, version, settings.locale)
    return package(app, registry, words, settings.brand())


async def import_file(settings: Settings, file: Path, *, dry_run: bool) -> tuple[list[str], int]:
    """Lines to print and the number of mistakes. Raises `FeedRejected`."""
    base = core(settings)
    try:
        data = await asyncio.to_thread(file.read_bytes)
        act = base.importer.try_out if dry_run else base.importer.take
        result = await act(data, file.name)
    finally:
        base.database.close()
    return _lines(result, base.texts, settings.locale), len(result.errors)


def _lines(result: Result, words: Texts, locale: str) -> list[str]:
    lines = [words.plain(intake.figure(heard, count), locale) for heard, count in result.counts.items()]
    lines += [
        f"{words.plain(intake.where(error), locale)}: {words.plain(intake.what(error), locale)}"
        for error in result.errors
    ]
    return lines or [words.plain(intake.nothing(), locale)]


def told(why: FeedRejected) -> str:
    """The reason why a whole file was refused."""
    settings = load()
    return texts(settings).plain(why.text, settings.locale)


BY = "cli"
"""Who saved what was imported here, as the table keeps it."""


def policy_in_force(settings: Settings) -> str:
    """Everything that HR can decide, as a document to edit."""
    base = core(settings)
    try:
        return document.whole(base.rulebook.charter, base.rulebook.ground, base.rulebook.version)
    finally:
        base.database.close()


def policy_checked(settings: Settings, text: str) -> tuple[list[str], bool]:
    """Every mistake in a document, one line each, and whether there is none; without a database."""
    words = texts(settings)
    _, mistakes = charter.read(text, Ground(settings.policy(), words, columns(settings)))
    none = [words.plain(t("policy.no_mistakes"), settings.locale)]
    return _mistakes(mistakes, words, settings.locale) or none, not mistakes


def import_policy(settings: Settings, text: str) -> tuple[list[str], bool]:
    """Save a document: what to print, and whether it was saved."""
    base = core(settings)
    try:
        return _imported(base, text)
    finally:
        base.database.close()


def _imported(base: Core, text: str) -> tuple[list[str], bool]:
    book, words, locale = base.rulebook, base.texts, base.settings.locale
    try:
        row = base.database.run_now(lambda tx: book.take(tx, text, book.version, BY))
    except Mistaken as wrong:
        return [*_mistakes(wrong.mistakes, words, locale), words.plain(t("policy.not_saved"), locale)], False
    except Conflict as moved_on:
        return [words.plain(moved_on.text, locale)], False
    return [words.plain(t("policy.imported", number=row.version), locale)], True


def _mistakes(mistakes: Iterable[Mistake], words: Texts, locale: str) -> list[str]:
    return [words.plain(_mistake(one), locale) for one in mistakes]


def _mistake(one: Mistake) -> Text:
    if one.found is None:
        return t("policy.mistake_plain", place=one.key or "TOML", right=one.right)
    return t("policy.mistake", place=one.key or "TOML", found=one.found, right=one.right)
