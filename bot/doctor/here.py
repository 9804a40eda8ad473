"""What can be seen from this machine: settings, database, disk, clock, keys, folders, the mail server."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.hris.mapping import load_mapping
from adapters.mail import Postbox, knock
from bot.clock import Clock
from bot.conversation import t
from bot.doctor.finding import Finding
from bot.errors import ConfigError, Retry
from bot.settings import Settings, check
from storage.columns import Vault
from storage.condition import condition, file_of, keys_lost, place_of
from storage.schema import leads_to_server, session_at

_MEGABYTE = 1_000_000
_DISK_WANTED, _DISK_NEEDED = 1_000, 100  # megabytes
_CLOCK_MAY_BE_OFF = 300.0  # seconds; files of a network share are stamped by its own clock


async def look(settings: Settings, clock: Clock) -> list[Finding]:
    """One finding per thing, more where there is more to say."""
    found = [*_settings(settings), *await asyncio.to_thread(lambda: list(_ground(settings)))]
    return [*found, _clock(settings, clock), await _smtp(settings, clock)]


def _settings(settings: Settings) -> Iterator[Finding]:
    try:
        check(settings)
        if leads_to_server(settings.database_url):
            session_at(settings.database_url, settings.queue_url)
    except ConfigError as wrong:
        for mistake in wrong.mistakes:
            yield Finding("settings", False, t("doctor.setting_wrong", mistake=mistake))
    else:
        yield Finding("settings", True, t("doctor.settings_complete"))


def _ground(settings: Settings) -> Iterator[Finding]:
    """What the disk holds; blocking."""
    database = _database(settings.database_url)
    yield database
    file = file_of(settings.database_url)
    if file is not None:
        yield _disk(file)
    yield _keys(settings, readable=database.ok is True)
    yield _drop(settings.leaver_drop)
    yield from _mapping(settings.leaver_mapping)


def _database(url: str) -> Finding:
    found = condition(url)
    match found.state:
        case "ready":
            return Finding("database", True, t("doctor.database_ready", revision=found.revision))
        case "missing":
            return Finding("database", None, t("doctor.database_missing", file=place_of(url)))
        case "unusable":
            return Finding("database", False, t("doctor.database_unusable", reason=found.reason))
        case "moved":
            return Finding("database", False, t("doctor.database_moved", file=place_of(url)))
        case "moving":
            return Finding("database", False, t("doctor.database_moving", file=place_of(url)))
        case "behind":
            behind = t("doctor.database_behind", revision=found.revision, head=found.head)
            return Finding("database", False, behind)
        case "ahead":
            return Finding(
                "database", False, t("doctor.database_ahead", revision=found.revision, head=found.head)
            )


def _disk(file: Path) -> Finding:
    folder = next(place for place in file.absolute().parents if place.exists())
    if refusal := _refusal(folder):
        return Finding("disk", False, t("doctor.folder_refused", folder=str(folder), reason=refusal))
    free = shutil.disk_usage(folder).free // _MEGABYTE
    if free >= _DISK_WANTED:
        return Finding("disk", True, t("doctor.disk_enough", folder=str(folder), megabytes=free))
    little = t("doctor.disk_little", folder=str(folder), megabytes=free, wanted=_DISK_WANTED)
    return Finding("disk", None if free >= _DISK_NEEDED else False, little)


def _refusal(folder: Path) -> str:
    """Why a folder cannot be listed and written; tried, because a network share's permissions tell little."""
    try:
        next(folder.iterdir(), None)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".okaeri-"):  # hidden: no feed takes it
            return ""
    except OSError as refused:
        return refused.strerror or type(refused).__name__


def _keys(settings: Settings, *, readable: bool) -> Finding:
    try:
        vault: Vault = settings.vault()
    except ValueError:
        return Finding("keys", False, t("doctor.keys_wrong"))
    count, lost = keys_lost(settings.database_url, vault) if readable else (0, 0)
    if lost:
        return Finding("keys", False, t("doctor.keys_lost", count=count, lost=lost))
    return Finding("keys", True, t("doctor.keys_open", count=count) if count else t("doctor.keys_ready"))


def _drop(folder: str) -> Finding:
    if not folder:
        return Finding("leavers", None, t("doctor.drop_unset"))
    if refusal := _refusal(Path(folder)):
        return Finding("leavers", False, t("doctor.folder_refused", folder=folder, reason=refusal))
    return Finding("leavers", True, t("doctor.drop_ready", folder=folder))


def _mapping(file: str) -> Iterator[Finding]:
    try:
        load_mapping(Path(file) if file else None)
    except ConfigError as wrong:
        for mistake in wrong.mistakes:
            yield Finding("mapping", False, t("doctor.mapping_wrong", mistake=mistake))
    else:
        yield Finding("mapping", True, t("doctor.mapping_ready"))


def _clock(settings: Settings, clock: Clock) -> Finding:
    """Time does not run backwards: no file of ours can be newer than now."""
    try:
        ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return Finding("clock", False, t("doctor.zone_missing", zone=settings.timezone))
    file = file_of(settings.database_url)
    beside = [Path(f"{file}{ending}") for ending in ("", "-wal")] if file else []
    newest = max(path.stat().st_mtime for path in (Path(__file__), *beside) if path.exists())
    behind = newest - clock.wire()
    if behind > _CLOCK_MAY_BE_OFF:
        return Finding("clock", False, t("doctor.clock_behind", minutes=int(behind // 60)))
    return Finding("clock", True, t("doctor.clock_right", zone=settings.timezone))


async def _smtp(settings: Settings, clock: Clock) -> Finding:
    box = Postbox(settings.smtp_url.get_secret_value(), settings.mail_from, clock.now, settings.timezone)
    try:
        host = str(box.connection()["hostname"])
        await knock(box)
    except ValueError:
        return Finding("mail", False, t("doctor.smtp_missing"))
    except Retry as refused:
        return Finding("mail", False, t("doctor.smtp_failed", host=host, reason=refused.reason))
    if box.in_clear():
        return Finding("mail", None, t("doctor.smtp_in_clear", host=host))
    return Finding("mail", True, t("doctor.smtp_ready", host=host))
