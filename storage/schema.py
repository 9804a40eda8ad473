"""The whole schema, and the way an old one becomes the new one.

A migration is one transaction, and processes that start at the same time stand in line for it. Source: SQLite
migrations run with foreign keys off and are checked before they count, because a rebuilt parent table would
otherwise take its children along (measured).
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from pathlib import Path

import structlog
from asyncpg import InterfaceError, PostgresError
from sqlalchemy import Connection, MetaData, inspect, make_url, text
from sqlalchemy.exc import DBAPIError

from bot.errors import ConfigError
from storage import (
    accounts,
    addresses,
    checkins,
    codes,
    consents,
    downloads,
    erasures,
    feeds,
    inbox,
    interests,
    journal,
    leases,
    leavers,
    openings,
    outbox,
    pace,
    people,
    policy,
    queue,
    references,
    referrals,
    returns,
    search,
    sessions,
    uploads,
    wishes,
)  # fmt: skip
from storage.columns import Row
from storage.engine import on_connection, on_server
from storage.postgresql import MET, sqlstate

log = structlog.get_logger()
MIGRATIONS = Path(__file__).parent / "migrations"
_LINE = 0x4F4B4149
"""Under which number processes that migrate the same server wait for each other."""
_AGAIN = MET | {"55P03"}
"""Beside those, lock_not_available: a table was in use for as long as one waits for it."""
_TRIES, _PAUSE = 5, 2.0
"""How often an upgrade is begun; seconds in between."""
MOVING, MOVED = 0x4F4B4D49, 0x4F4B4D56
"""The marks of a file whose people may be on a server, and of one whose people are."""


def metadata() -> MetaData:
    """Every table of the house."""
    return Row.metadata


def open_up(url: str, queue_url: str = "", *, moves: bool = False) -> None:
    """Bring a database up to date, with its queue (`session_at`). Raises `ConfigError` when it cannot be
    opened, or is a file that was moved onto a server (or half so, unless it `moves`); what goes wrong in one
    that can shows its own trace."""
    places = {"OKAERI_DATABASE_URL": url}
    if on_server(url) and session_at(url, queue_url) != url:
        places["OKAERI_QUEUE_URL"] = queue_url
    try:
        upgrade(url, queue_url=places.get("OKAERI_QUEUE_URL", ""))
    except (DBAPIError, InterfaceError, OSError, PostgresError) as failed:
        mistake = _unopened(places, failed)
        if not mistake:
            raise
        raise ConfigError([f"{mistake}; right: a file or a server that we may use"]) from failed
    mark, file = (0, None) if on_server(url) else (mark_of(url), make_url(url).database)
    if mark == MOVED:
        mistake = f"OKAERI_DATABASE_URL: {file} was moved onto a server"
        raise ConfigError([f"{mistake}; right: the address of that server"])
    if mark == MOVING and not moves:
        mistake = f"OKAERI_DATABASE_URL: a move of {file} onto a server was interrupted"
        right = "okaeri move once more, or the server's address if all is there"
        raise ConfigError([f"{mistake}; right: {right}"])


def session_at(url: str, queue_url: str) -> str:
    """Under which address of a server a connection keeps its session, as the queue needs it to listen and to
    lock. Raises `ConfigError` when a pooler hands that to somebody else between two transactions."""
    name, kept = ("OKAERI_QUEUE_URL", queue_url) if queue_url else ("OKAERI_DATABASE_URL", url)
    if not leads_to_server(kept):
        right = "postgresql://user:password@host/okaeri"
        raise ConfigError([f"{name}: not the address of a server; right: {right}"])
    if make_url(kept).query.get("pooler") == "transaction":
        mistake = f"{name}: ?pooler=transaction keeps no session for the queue"
        raise ConfigError([f"{mistake}; right: OKAERI_QUEUE_URL, the same database past the pooler"])
    return kept


def leads_to_server(url: str) -> bool:
    """Whether this is the address of a server, and not of a file or of nothing."""
    try:
        return on_server(url)
    except ConfigError:
        return False


def _unopened(places: Mapping[str, str], failed: Exception) -> str:
    """Which of the addresses cannot be opened, and why; "" when all can, and there is no reason in time."""
    from storage.condition import condition, place_of  # noqa: PLC0415 - who can start needs none of it

    for name, url in places.items():
        found = condition(url)
        if found.state == "unusable":
            return f"{name}: {place_of(url)} cannot be opened ({found.reason or failed})"
    if not isinstance(failed, OSError):
        return ""
    name, url = next(iter(places.items()))
    late = isinstance(failed, TimeoutError)
    return f"{name}: {place_of(url)} cannot be opened ({'no answer in time' if late else failed})"


def upgrade(url: str, to: str = "head", *, queue_url: str = "") -> None:
    """Bring a database to a revision; run again when it met the traffic of processes of the release before.
    Raises `RuntimeError` when a foreign key would point nowhere."""
    for number in range(1, _TRIES + 1):
        try:
            return _upgraded(url, to, queue_url)
        except (DBAPIError, PostgresError) as met:
            if sqlstate(met) not in _AGAIN or number == _TRIES:
                raise
            log.info("upgrade_again", reason=sqlstate(met), tries=number)
        time.sleep(random.uniform(_PAUSE / 2, _PAUSE))
    raise AssertionError  # the last try returns or raises


def _upgraded(url: str, to: str, queue_url: str) -> None:
    if to != "head" or not on_connection(url, _ready):
        on_connection(url, lambda connection: _migrate(connection, to), keeps=True, foreign_keys=False)
    if on_server(url):
        on_connection(queue_url or url, queue.install)
    if queue_url and not on_connection(url, queue.installed):
        mistake = f"OKAERI_QUEUE_URL: another database than {make_url(url).database}"
        raise ConfigError([f"{mistake}; right: the same one past the pooler"])


def _ready(connection: Connection) -> bool:
    """Whether nothing is to be done: the usual start, or one in the middle of an upgrade, when newer code has
    been here before: what it adds is in nobody's way (`tests/compat`)."""
    found = revision_of(connection)
    if found is None or found < newest():
        return False
    _check(connection)
    return True


def _migrate(connection: Connection, to: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:mark)"), {"mark": _LINE})
    else:
        connection.execute(text("SELECT 1"))  # begins, and with it the line of writers
    run(connection, to)
    _check(connection)


def _check(connection: Connection) -> None:
    """A server never lets a row point nowhere; SQLite does while tables are rebuilt."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"{len(broken)} rows point nowhere after the migration")


def run(connection: Connection, to: str = "head") -> None:
    """Migrate over an open connection."""
    from alembic import command  # noqa: PLC0415 - a start on a database that is up to date needs none of it
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def revision(url: str) -> str | None:
    """The revision that a database is at; `None` for an empty one."""
    return on_connection(url, revision_of)


def revision_of(connection: Connection) -> str | None:
    """The same over an open connection."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def newest() -> str:
    """The last revision of ours: migrations are named by their numbers, `0001_first.py`."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def mark_of(url: str) -> int:
    """Who made a SQLite file: its `application_id`, 0 for nobody in particular."""
    query = "PRAGMA application_id"
    return int(on_connection(url, lambda connection: connection.exec_driver_sql(query).scalar()) or 0)


def set_mark(url: str, mark: int) -> None:
    """Write down who made a SQLite file."""
    statement = f"PRAGMA application_id = {mark:d}"
    on_connection(url, lambda connection: connection.exec_driver_sql(statement), keeps=True)
