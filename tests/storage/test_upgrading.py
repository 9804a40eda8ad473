"""An upgrade beside processes of the release before, which go on with their work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from storage import schema
from storage.engine import on_connection
from tests.databases import on_postgresql
from tests.postgres import _connect, postgres

_WAITS = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid"
              " FROM pg_database WHERE datname = current_database()))")  # fmt: skip


@pytest.fixture
def older() -> Iterator[str]:
    """A database of the release before 0011."""
    with on_postgresql(migrated=False) as url:
        schema.upgrade(url, "0010")
        yield url


def somebody_waits(url: str) -> bool:
    return bool(on_connection(url, lambda connection: connection.scalar(_WAITS)))


async def until_somebody_waits(url: str, going: asyncio.Task[None], *, waits: bool = True) -> None:
    while await asyncio.to_thread(somebody_waits, url) is not waits:
        assert not going.done(), going
        await asyncio.sleep(0.02)


async def test_an_upgrade_that_meets_a_transaction_crosswise_is_run_again(older: str) -> None:
    """The house asks who it is and then queues a message; 0011 changes the outbox and then the accounts."""
    old = await _connect(older)
    await old.execute("BEGIN")
    await old.fetch("SELECT address FROM accounts")
    with capture_logs() as logged:
        upgrading = asyncio.create_task(asyncio.to_thread(schema.open_up, older))
        await until_somebody_waits(older, upgrading)
        await old.fetch("SELECT id FROM outbox")
        await old.execute("COMMIT")
        await upgrading
    await old.close()
    assert schema.revision(older) == schema.newest()
    assert [(line["event"], line["reason"]) for line in logged] == [("upgrade_again", "40P01")]


async def test_an_upgrade_that_waited_too_long_for_a_table_is_run_again(older: str) -> None:
    pooled = f"{older}&pooler=transaction"  # where the time-outs are those of the role
    postgres().sql(f"ALTER DATABASE \"{make_url(older).database}\" SET lock_timeout = '300ms'")
    old = await _connect(older)
    await old.execute("BEGIN")
    await old.fetch("SELECT id FROM outbox")
    with capture_logs() as logged:
        upgrading = asyncio.create_task(asyncio.to_thread(schema.open_up, pooled, older))
        await until_somebody_waits(older, upgrading)
        await until_somebody_waits(older, upgrading, waits=False)
        await old.execute("COMMIT")
        await upgrading
    await old.close()
    assert schema.revision(older) == schema.newest()
    assert {line["reason"] for line in logged} == {"55P03"}


async def test_an_upgrade_for_which_no_table_is_ever_free_says_so(
    older: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_PAUSE", 0.01)
    postgres().sql(f"ALTER DATABASE \"{make_url(older).database}\" SET lock_timeout = '20ms'")
    old = await _connect(older)
    await old.execute("BEGIN")
    await old.fetch("SELECT id FROM outbox")
    with capture_logs() as logged, pytest.raises(DBAPIError, match="lock timeout"):
        await asyncio.to_thread(schema.open_up, f"{older}&pooler=transaction", older)
    await old.close()
    assert len(logged) == schema._TRIES - 1
    assert schema.revision(older) == "0010"
