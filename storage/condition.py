"""What state the database is in, looked at without changing it: for whoever asks why nothing works."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alembic.config import Config
from alembic.script import ScriptDirectory
from cryptography.exceptions import InvalidTag
from sqlalchemy import make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError

from bot.errors import ConfigError
from storage.columns import Vault
from storage.engine import sqlite_engine
from storage.people import PersonKey


@dataclass(frozen=True, slots=True)
class Condition:
    """`missing`: nothing made it yet; `behind`, `ahead`: another version of the house wrote it last.

    `revision` and `head` are the schema's versions, found and ours; `reason` is the database's own word.
    """

    state: Literal["ready", "missing", "behind", "ahead", "unusable"]
    revision: str = ""
    head: str = ""
    reason: str = ""


def file_of(url: str) -> Path | None:
    """Where a database lies on disk; `None` for one that lies elsewhere or an address that is none."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    on_disk = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(str(parsed.database)) if on_disk else None


def condition(url: str) -> Condition:
    """Whether it answers, takes a change (which is rolled back) and has our schema."""
    file = file_of(url)
    if file is not None and not file.exists():
        return Condition("missing")
    try:
        revision = _revision_after_a_change(url)
    except ConfigError as wrong:
        return Condition("unusable", reason=wrong.mistakes[0])
    except DBAPIError as refused:
        return Condition("unusable", reason=str(refused.orig))
    except (ArgumentError, OSError) as refused:
        return Condition("unusable", reason=str(refused))
    head, known = _ours()
    if revision == head:
        return Condition("ready", revision, head)
    return Condition("behind" if revision in known else "ahead", revision, head)


def keys_lost(url: str, vault: Vault) -> tuple[int, int]:
    """How many persons' keys there are, and how many of them the ring does not open."""
    engine = sqlite_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(select(PersonKey.person_id, PersonKey.wrapped)).all()
    engine.dispose()
    return len(rows), sum(not _opens(vault, wrapped, person) for person, wrapped in rows)


def _opens(vault: Vault, wrapped: bytes, person: str) -> bool:
    try:
        vault.unwrap(wrapped, f"person_keys:{person}")
    except (InvalidTag, KeyError):
        return False
    return True


def _revision_after_a_change(url: str) -> str:
    """The schema's version, "" for an empty database; leaving without a commit takes the change back."""
    engine = sqlite_engine(url).execution_options(writes=True)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE doctor_was_here (id INTEGER)")
            known = connection.exec_driver_sql(
                "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
            ).first()
            row = (
                connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
                if known
                else None
            )
            connection.rollback()
        return str(row[0]) if row else ""
    finally:
        engine.dispose()


def _ours() -> tuple[str, set[str]]:
    """The newest version of the schema, and all of them."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    return scripts.get_current_head() or "", {"", *(script.revision for script in scripts.walk_revisions())}
