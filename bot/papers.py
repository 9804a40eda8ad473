"""What the command line prints: manifests, reports of files, reasons."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.app import CATALOGUE, core
from bot.commands import intake
from bot.conversation import Side
from bot.errors import FeedRejected
from bot.registry import discover
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
