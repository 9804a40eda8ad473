"""What state the database is in, looked at without changing it: for whoever asks why nothing works."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alembic.config import Config
from alembic.script import ScriptDirectory
from asyncpg import InterfaceError, PostgresError
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from bot.errors import ConfigError
from storage import schema
from storage.columns import Vault
from storage.engine import on_connection
from storage.people import PersonKey


@dataclass(frozen=True, slots=True)
class Condition:
    """`missing`: nothing made it yet; `behind`, `ahead`: another version of the house wrote it last; `moved`,
    `moving`: its people are on a server, or may be, since whoever moved them was interrupted.

    `revision` and `head` are the schema's versions, found and ours; `reason` is the database's own word.
    """

    state: Literal["ready", "missing", "behind", "ahead", "unusable", "moved", "moving"]
    revision: str = ""
    head: str = ""
    reason: str = ""


def file_of(url: str) -> Path | None:
    """Where a database lies on disk; `None` for one that lies elsewhere or an address that is none."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None
    on_disk = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(str(parsed.database)) if on_disk else None


def place_of(url: str) -> str:
    """Where a database lies, in words without a password: the file, or server and name."""
    parsed = make_url(url)
    return str(file_of(url) or f"{parsed.host or 'localhost'}/{parsed.database or ''}")


def condition(url: str) -> Condition:
    """Whether it answers, takes a change (which is rolled back) and has our schema."""
    file = file_of(url)
    if file is not None and not file.exists():
        return Condition("missing")
    try:
        revision = on_connection(url, _revision_after_a_change)
    except ConfigError as wrong:
        return Condition("unusable", reason=wrong.mistakes[0])
    except DBAPIError as refused:
        return Condition("unusable", reason=str(refused.orig))
    except (ArgumentError, OSError, PostgresError, InterfaceError) as refused:
        return Condition("unusable", reason=str(refused) or type(refused).__name__)
    if not revision and file is None:
        return Condition("missing")
    match schema.mark_of(url) if file is not None else 0:
        case schema.MOVED:
            return Condition("moved", revision)
        case schema.MOVING:
            return Condition("moving", revision)
    head, known = _ours()
    if revision == head:
        return Condition("ready", revision, head)
    return Condition("behind" if revision in known else "ahead", revision, head)


def keys_lost(url: str, vault: Vault) -> tuple[int, int]:
    """How many persons' keys there are, and how many of them the ring does not open."""
    query = select(PersonKey.person_id, PersonKey.wrapped)
    rows = on_connection(url, lambda connection: connection.execute(query).all())
    return len(rows), sum(not _opens(vault, wrapped, person) for person, wrapped in rows)


def _opens(vault: Vault, wrapped: bytes, person: str) -> bool:
    try:
        vault.unwrap(wrapped, f"person_keys:{person}")
    except (InvalidTag, KeyError):
        return False
    return True


def _revision_after_a_change(connection: Connection) -> str:
    """The schema's version, "" for an empty database; leaving without a commit takes the change back."""
    connection.execute(text("CREATE TABLE doctor_was_here (id INTEGER)"))
    return schema.revision_of(connection) or ""


def _ours() -> tuple[str, set[str]]:
    """The newest version of the schema, and all of them."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    return scripts.get_current_head() or "", {"", *(script.revision for script in scripts.walk_revisions())}
