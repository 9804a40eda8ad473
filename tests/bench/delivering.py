"""Delivery: the outbox carried out to a local Slack, beside a bare loop over the same Slack; and how near it
comes to what Slack allows, without ever asking for more.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.http import session
from adapters.slack.messenger import SlackMessenger, SlackSeat
from adapters.slack.render import Renderer
from bot.app import CATALOGUE
from bot.clock import Clock
from bot.conversation import Address, Card, Paragraph, Platform, Side, t
from bot.ports import Guest
from bot.serving import tune
from bot.texts import Texts
from bot.wire import dump_card
from jobs.outbox.courier import AT_ONCE, Courier, Doors
from jobs.outbox.transport import Shared
from storage import accounts, consents, delivering, outbox, people, schema
from storage.columns import Vault
from storage.consents import Decision, Purpose, Said
from storage.engine import Database, Tx, on_server
from storage.outbox import Draft, Route
from tests.bench import served
from tests.bench.figures import Figure, more_is_better
from tests.bench.served import Served
from tests.bench.slack_side import TEAM, TOKEN
from tests.bench.sweeping import NOON
from tests.databases import on_postgresql
from tests.desk import POLICY

MANY, ROUNDS = 1500, 5
ALLOWED, FACTOR, SECONDS = 5.0, 5.0, 16
"""Messages a second in a workspace as the local Slack allows them; how many times as much it allows here."""
CARD = dump_card(Card(t("checkin.title"), (Paragraph(t("checkin.how_now")),), t("common.notice")))


async def measure(folder: Path, people_there: int, told: Callable[[str], None]) -> list[Figure]:
    """Two rows for each database."""
    return [
        row
        for kind, made in (("SQLite", partial(_file, folder)), ("PostgreSQL", on_postgresql))
        for row in await _on(kind, made, told)
    ]


@contextmanager
def _file(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder}/{secrets.token_hex(4)}.db"


async def _on(
    kind: str, made: Callable[[], AbstractContextManager[str]], told: Callable[[str], None]
) -> list[Figure]:
    rounds = []
    for _ in range(ROUNDS):
        with made() as url:
            rounds.append((await _ours(url, 0.0), await _bare()))
    told(f"messages/s on {kind}, ours/bare: " + ", ".join(f"{a:.0f}/{b:.0f}" for a, b in rounds))
    ours, bare = sorted(rounds, key=lambda pair: pair[0] / pair[1])[ROUNDS // 2]
    name = f"messages delivered on {kind}, {AT_ONCE} at once; limit: a bare loop of chat.postMessage"
    with made() as url:
        return [more_is_better(name, ours, bare, "messages/s", 0.4), await _paced(url, kind)]


class _NoMail:
    async def send(self, to: Any, message: Any) -> None:
        raise AssertionError("everybody here has an account")


class _NoInviter:
    async def invite(self, guest: Guest) -> Any:
        raise AssertionError(guest)


@asynccontextmanager
async def _slack(people_there: int, factor: float) -> AsyncIterator[tuple[Served, str]]:
    """A local Slack in a process of its own, and where its Web API is."""
    async with served.beside("slack_side", str(people_there), str(factor)) as side:
        yield side, f"http://127.0.0.1:{side.port}/local-slack/api/"


async def asked(side: Served, path: str) -> Any:
    """What the local Slack in its process answers."""
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{side.port}{path}") as answer:
        return await answer.json()


async def _ours(url: str, factor: float) -> float:
    """Messages a second of one courier over everything that waits."""
    async with _slack(MANY, 0.0) as (side, api):
        database = _outbox(url, await asked(side, "/known"), MANY)
        async with session() as http, database.in_loop():
            news = asyncio.Event()
            transport = Shared(database, url, news.set) if on_server(url) else None
            courier = _courier(database, http, api, 0.0, transport)
            tune()  # as `okaeri serve` does
            began = time.perf_counter()
            await _carried(courier, transport, news, database)
            seconds = time.perf_counter() - began
            if transport is not None:
                await transport.stop()
        await asyncio.to_thread(database.close)
        heard = await asked(side, "/heard")
    if (heard["messages"], heard["twice"]) != (MANY, 0):
        raise ValueError(f"{heard} of {MANY}")
    return MANY / seconds


async def _carried(
    courier: Courier, transport: Shared | None, news: asyncio.Event, database: Database
) -> None:
    """Everything that waits; on a server as PgQueuer tells of it."""
    if transport is not None:
        transport.start()
    while await database.run(delivering.waiting, reads=True):
        news.clear()
        if not await courier.work() and transport is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), 0.1)
    courier.stop()
    await courier.ended()


async def _bare() -> float:
    """The same messages by nothing but slack_sdk, as many at once."""
    async with _slack(MANY, 0.0) as (side, api), session() as http:
        client = AsyncWebClient(token=TOKEN, session=http, base_url=api, retry_handlers=[])
        chats = iter([chat for _, chat in await asked(side, "/known")])
        content = _renderer().message(_card(), "ja", "Asia/Tokyo", "")

        async def post() -> None:
            for chat in chats:
                await client.chat_postMessage(channel=chat, **content)

        tune()
        began = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(AT_ONCE)))
        return MANY / (time.perf_counter() - began)


async def _paced(url: str, kind: str) -> Figure:
    """How much of what is allowed is used, once the first burst is over, with nothing refused."""
    allowed = ALLOWED * FACTOR
    count = int(allowed * SECONDS)
    async with _slack(count, FACTOR) as (side, api):
        database = _outbox(url, await asked(side, "/known"), count)
        async with session() as http, database.in_loop():
            courier = _courier(database, http, api, 1 / FACTOR)
            while (await asked(side, "/heard"))["messages"] < count:
                await courier.work()
            courier.stop()
            await courier.ended()
        await asyncio.to_thread(database.close)
        heard = await asked(side, "/heard")
    if heard["broken"] or heard["twice"]:
        raise ValueError(f"a limit was broken: {heard}")
    name = f"messages delivered on {kind} under Slack's limits, none broken; limit: what is allowed"
    return more_is_better(name, (count - 1) / heard["seconds"], allowed, "messages/s", 0.95)


def _courier(
    database: Database, http: aiohttp.ClientSession, api: str, factor: float, transport: Shared | None = None
) -> Courier:
    client = AsyncWebClient(token=TOKEN, session=http, base_url=api, retry_handlers=[])
    messenger = SlackMessenger([SlackSeat(Side.ALUMNI, TEAM, client)], _renderer())
    doors = Doors({Side.ALUMNI: messenger}, _NoMail(), _NoInviter(), factor)
    return Courier(database, POLICY, doors, transport)


def _renderer() -> Renderer:
    return Renderer(Texts.load(CATALOGUE), POLICY.brand)


def _card() -> Card:
    return Card(t("checkin.title"), (Paragraph(t("checkin.how_now")),), t("common.notice"))


def _outbox(url: str, chats: list[list[str]], count: int) -> Database:
    """A database with one message for each of these people."""
    schema.upgrade(url)
    database = Database(url, Vault.parse(Vault.make()), Clock(NOON))
    database.run_now(lambda tx: fill(tx, chats[:count]))
    return database


def fill(tx: Tx, chats: Iterable[Sequence[str]], *, bulk: bool = True) -> None:
    """People, of whom each has a known chat (`[user, chat]`), and one message for each of them: one of many,
    which goes in working hours, or a letter, which goes at once.
    """
    drafts = []
    for number, (user, chat) in enumerate(chats):
        person = people.add(tx, f"髙橋 {number}")
        consents.record(tx, person.id, Decision.GIVEN, Said("ja", "slack"))
        address = Address(Platform.SLACK, TEAM, user)
        accounts.tie(tx, address, Side.ALUMNI, person, "code")
        accounts.keep_chat(tx, address, chat)
        drafts.append(Draft("checkin.nudge", CARD, Purpose.STAY_IN_TOUCH, Route.ALUMNI_CHAT,
                            f"{person.id}:1", person.id, bulk=bulk))  # fmt: skip
    outbox.put_all(tx, drafts)
