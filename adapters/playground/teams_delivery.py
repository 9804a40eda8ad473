"""Deliveries to a bot's messaging endpoint: the limits of 15 and 5 seconds, no retries, a record of each."""

import asyncio
import json
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import ClientConnectionError, ClientError, ClientSession, ClientTimeout, TCPConnector

from adapters.playground.teams_state import JSON, Delivery

_TYPE: Final = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that Teams waits for a bot: after a message or an event, and after an invoke (T6)."""

    message: float = 15.0
    invoke: float = 5.0


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent: where to, the activity, the Authorization header (None: without one)."""

    endpoint: str
    activity: JSON
    authorization: str | None

    @property
    def kind(self) -> str:
        """`message`, `invoke:task/fetch`, `installationUpdate:add` and so on, for the record."""
        more = self.activity.get("name") or self.activity.get("action")
        kind = str(self.activity.get("type"))
        return f"{kind}:{more}" if more else kind


class Courier:
    """Brings activities to bots and remembers the last 1,000 deliveries."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.log: deque[Delivery] = deque(maxlen=1_000)
        self._session: ClientSession | None = None
        self._busy: set[asyncio.Future[Any]] = set()

    async def send(self, parcel: Parcel) -> Delivery:
        """Deliver now, once. When the waiting side is cancelled the delivery goes on."""
        return await asyncio.shield(self.soon(self._deliver(parcel)))

    def correct(self, old: Delivery, new: Delivery) -> Delivery:
        """Replace a recorded delivery by what was found out about it afterwards."""
        for place in range(len(self.log) - 1, -1, -1):
            if self.log[place] is old:
                self.log[place] = new
                break
        return new

    def soon(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something in the background; `settle` waits for it."""
        task = asyncio.ensure_future(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        return task

    @contextmanager
    def working(self) -> Iterator[None]:
        """While this is open, `settle` waits: a bot is in the middle of a call to us."""
        mark = asyncio.get_running_loop().create_future()
        self._busy.add(mark)
        try:
            yield
        finally:
            self._busy.discard(mark)
            mark.set_result(None)

    async def settle(self) -> None:
        """Wait until no delivery and no call to us is under way."""
        while waiting := {one for one in self._busy if one is not asyncio.current_task()}:
            await asyncio.wait(waiting)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Give up what is under way and close the connections."""
        tasks = [one for one in self._busy if isinstance(one, asyncio.Task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _deliver(self, parcel: Parcel) -> Delivery:
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await self._attempt(parcel)
        delivery = replace(found, seconds=loop.time() - began, activity=parcel.activity)
        self.log.append(delivery)
        return delivery

    async def _attempt(self, parcel: Parcel) -> Delivery:
        invoke = parcel.activity.get("type") == "invoke"
        limit = self.patience.invoke if invoke else self.patience.message
        headers = {"Content-Type": _TYPE, "User-Agent": "Microsoft-SkypeBotApi (local)"}
        if parcel.authorization is not None:
            headers["Authorization"] = parcel.authorization
        try:
            async with self._http().post(
                parcel.endpoint,
                data=json.dumps(parcel.activity, ensure_ascii=False).encode(),
                headers=headers,
                timeout=ClientTimeout(total=limit),
                allow_redirects=False,
            ) as answer:
                body, status = _parsed(await answer.text()), answer.status
        except TimeoutError:
            return Delivery(parcel.kind, error="timeout")
        except (ClientConnectionError, OSError):
            return Delivery(parcel.kind, error="connection_failed")
        except ClientError:
            return Delivery(parcel.kind, error="http_error")
        return Delivery(parcel.kind, status, body, error=None if 200 <= status < 300 else "http_error")

    def _http(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(connector=TCPConnector(limit=0))
        return self._session


def _parsed(body: str) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body
