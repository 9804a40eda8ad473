"""The whole schema, and the way an old one becomes the new one.

Source: SQLite migrations run with foreign keys off and are checked afterwards, because a rebuilt parent table would
otherwise take its children along (measured).
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData

from storage import (
    accounts, checkins, codes, consents, feeds, inbox, journal, leases, leavers, outbox, pace, people, search,
)  # fmt: skip
from storage.columns import Row
from storage.engine import sqlite_engine

TABLES = (accounts, checkins, codes, consents, feeds, inbox, journal, leases, leavers, outbox, pace, people, search)


def metadata() -> MetaData:
    """Every table of the house."""
    return Row.metadata


def upgrade(url: str, to: str = "head") -> None:
    """Bring a database to a revision. Raises `RuntimeError` when a foreign key would point nowhere."""
    engine = sqlite_engine(url, foreign_keys=False)
    with engine.connect() as connection:
        run(connection, to)
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"{len(broken)} rows point nowhere after the migration")
    engine.dispose()


def run(connection: Connection, to: str = "head") -> None:
    """Migrate over an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def revision(url: str) -> str | None:
    """The revision that a database is at; `None` for an empty one."""
    engine = sqlite_engine(url)
    with engine.connect() as connection:
        known = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").first()
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first() if known else None
    engine.dispose()
    return row[0] if row else None


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
