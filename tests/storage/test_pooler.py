"""A pooler that keeps no sessions stands before the server: what needs one goes past it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from threading import Event, Thread

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, inspect, text

from bot.app import core
from bot.errors import ConfigError
from bot.settings import Settings
from storage import postgresql, queue, schema
from storage.columns import Vault
from storage.condition import condition
from storage.engine import on_connection
from storage.moving import move
from tests.databases import on_postgresql
from tests.desk import Desk
from tests.house.source import ROOT

MISTAKE = r"{}: \?pooler=transaction keeps no session for the queue; right: .*OKAERI_QUEUE_URL"


@pytest.fixture
def empty() -> Iterator[str]:
    """A database without any table."""
    with on_postgresql(migrated=False) as url:
        yield url


another = empty


def pooled(url: str) -> str:
    """The same server, as if a pooler stood before it."""
    return f"{url}&pooler=transaction"


def has_queue(url: str) -> bool:
    return on_connection(url, lambda connection: inspect(connection).has_schema(queue.SCHEMA))


# --- past the pooler --------------------------------------------------------------------------------------


def test_the_queue_is_made_over_the_address_that_keeps_its_session(empty: str, another: str) -> None:
    """And who names another database is told: what is queued in this one would never be heard of."""
    with pytest.raises(ConfigError, match=r"OKAERI_QUEUE_URL: another database than .*; right: the same one"):
        schema.open_up(pooled(empty), another)
    assert (has_queue(empty), has_queue(another)) == (False, True)
    schema.open_up(pooled(empty), empty)
    assert condition(empty).state == "ready"
    assert has_queue(empty)


def test_an_address_of_the_queue_that_leads_nowhere_is_named(empty: str) -> None:
    with pytest.raises(ConfigError, match=r"OKAERI_QUEUE_URL: 127.0.0.1/okaeri cannot be opened \(.+\)"):
        schema.open_up(pooled(empty), "postgresql://127.0.0.1:1/okaeri")


def test_the_address_of_the_queue_is_one_of_a_server(empty: str) -> None:
    for rubbish in ("sqlite:///var/okaeri.db", "what is this?"):
        with pytest.raises(ConfigError, match="OKAERI_QUEUE_URL: not the address of a server; right: postgr"):
            schema.open_up(empty, rubbish)


@pytest.mark.long
def test_the_house_and_the_command_line_know_of_it(empty: str) -> None:
    def migrate(**more: str) -> subprocess.CompletedProcess[str]:
        told = {"OKAERI_DATABASE_URL": pooled(empty), "PATH": os.defpath, **more}
        command = [sys.executable, "-m", "bot", "migrate"]
        return subprocess.run(
            command, cwd=ROOT, env=told, capture_output=True, text=True, timeout=60, check=False
        )

    refused = migrate()
    assert (refused.returncode, "OKAERI_QUEUE_URL" in refused.stderr) == (78, True)
    done = migrate(OKAERI_QUEUE_URL=empty)
    assert (done.returncode, done.stderr) == (0, "")
    settings = Settings(database_url=pooled(empty), queue_url=empty, secret_key=SecretStr(Vault.make()))
    core(settings).database.close()
    with pytest.raises(ConfigError, match=MISTAKE.format("OKAERI_DATABASE_URL")):
        core(settings.model_copy(update={"queue_url": ""}))


def test_a_file_is_moved_through_it(desk_in_file: Desk, empty: str) -> None:
    desk_in_file.database.close()
    with pytest.raises(ConfigError, match=MISTAKE.format("--to")):
        move(desk_in_file.database.url, pooled(empty))
    move(desk_in_file.database.url, pooled(empty), empty)
    assert condition(empty).state == "ready"


# --- refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("through", "queue_through", "named"),
    [
        (True, None, "OKAERI_DATABASE_URL"),
        (True, True, "OKAERI_QUEUE_URL"),
        (False, True, "OKAERI_QUEUE_URL"),
    ],
)
def test_without_a_session_nothing_begins(
    empty: str, through: bool, queue_through: bool | None, named: str
) -> None:
    url = pooled(empty) if through else empty
    with pytest.raises(ConfigError, match=MISTAKE.format(named)):
        schema.open_up(url, pooled(empty) if queue_through else "")
    assert condition(empty).state == "missing", "nothing was made"


def test_who_waits_in_vain_is_told_for_what(desk_on_server: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler leaves a lock behind with a session that is nobody's any more."""
    monkeypatch.setattr(postgresql, "_ANSWER", 0.5)
    holds, go_on = Event(), Event()

    def hold(connection: Connection) -> None:
        connection.execute(text(f"SELECT pg_advisory_lock({queue._LINE})"))
        holds.set()
        go_on.wait(30)

    url = desk_on_server.database.url
    holder = Thread(target=on_connection, args=(url, hold))
    holder.start()
    try:
        assert holds.wait(10)
        with pytest.raises(ConfigError, match=r"cannot be opened \(no answer in time\)"):
            schema.open_up(url)
    finally:
        go_on.set()
        holder.join()
    schema.open_up(url)
