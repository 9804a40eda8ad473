"""The whole schema, and the way an old one becomes the new one.

Source: SQLite migrations run with foreign keys off and are checked afterwards, because a rebuilt parent table
would otherwise take its children along (measured).
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, MetaData

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
    references,
    referrals,
    returns,
    search,
    sessions,
    uploads,
    wishes,
)  # fmt: skip
from storage.columns import Row
from storage.engine import sqlite_engine

MIGRATIONS = Path(__file__).parent / "migrations"


def metadata() -> MetaData:
    """Every table of the house."""
    return Row.metadata


def upgrade(url: str, to: str = "head") -> None:
    """Bring a database to a revision. Raises `RuntimeError` when a foreign key would point nowhere."""
    behind = to != "head" or revision(url) != _newest()
    engine = sqlite_engine(url, foreign_keys=False)
    with engine.connect() as connection:
        if behind:
            run(connection, to)
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"{len(broken)} rows point nowhere after the migration")
    engine.dispose()


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
    engine = sqlite_engine(url)
    with engine.connect() as connection:
        known = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
        ).first()
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first() if known else None
    engine.dispose()
    return row[0] if row else None


def _newest() -> str:
    """The last revision of ours: migrations are named by their numbers, `0001_first.py`."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def mark_of(url: str) -> int:
    """Who made a SQLite file: its `application_id`, 0 for nobody in particular."""
    engine = sqlite_engine(url)
    with engine.connect() as connection:
        mark = connection.exec_driver_sql("PRAGMA application_id").scalar()
    engine.dispose()
    return int(mark or 0)


def set_mark(url: str, mark: int) -> None:
    """Write down who made a SQLite file."""
    engine = sqlite_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id = {mark:d}")
    engine.dispose()
