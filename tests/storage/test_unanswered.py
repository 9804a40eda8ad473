"""A line to the server that breaks when the commit stands and before anybody was told so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from bot.clock import Clock
from storage import journal
from storage.engine import Database, Tx
from tests.desk import VAULT, Desk


class Line:
    """Passes everything on between the house and its server; once it is told to, the answer to the next
    commit is the end of it."""

    def __init__(self, url: str) -> None:
        self.breaks, self.broke = False, 0
        self._url = make_url(url)
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def address(self) -> AsyncIterator[str]:
        """Under which it is reached."""
        server = await asyncio.start_server(self._comes, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            there = self._url.set(host="127.0.0.1", port=port).difference_update_query(["host"])
            yield there.render_as_string(hide_password=False)
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    def _comes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serves(reader, writer))
        self._open.add(task)

    async def _serves(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = str(self._url.query.get("host", self._url.host)), self._url.port or 5432
        at_server = (
            asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}") if host.startswith("/")
            else asyncio.open_connection(host, port)
        )  # fmt: skip
        back, there = await at_server
        commits = asyncio.Event()

        async def asks() -> None:
            while some := await reader.read(65536):
                if self.breaks and b"COMMIT;\0" in some:
                    commits.set()
                there.write(some)

        async def answers() -> None:
            while some := await back.read(65536):
                if commits.is_set():  # the server has done it: this is its answer
                    self.breaks, self.broke = False, self.broke + 1
                    return
                writer.write(some)

        both = [asyncio.ensure_future(one) for one in (asks(), answers())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            for end in (writer, there):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()


@pytest.mark.parametrize("how", ["kept apart", "guarded", "guarded, in the loop that asks"])
async def test_a_commit_that_was_not_answered_is_not_done_again(desk_on_server: Desk, how: str) -> None:
    """It may stand, and here it does: whoever asked is told that something went wrong, and asks what is."""
    line, ran = Line(desk_on_server.database.url), []

    def writes(tx: Tx) -> None:
        ran.append(1)
        journal.write(tx, "once")

    async with line.address() as url:
        database = Database(url, VAULT, Clock())
        async with database.in_loop() if "loop" in how else nullcontext():
            await database.run(lambda tx: journal.write(tx, "before"))
            line.breaks = True
            with pytest.raises(DBAPIError):
                await database.run(writes, guarded="guarded" in how, brief="loop" in how)
            assert (len(ran), line.broke) == (1, 1)
            await database.run(lambda tx: journal.write(tx, "since"))
        await asyncio.to_thread(database.close)
    lines = [one.what for one in desk_on_server.sees(lambda tx: journal.about(tx, ""))]
    assert sorted(lines) == ["before", "once", "since"]
