"""Signed deliveries to the app: the three-second rule, and the retries of the Events API."""

import asyncio
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import ClientConnectionError, ClientError, ClientSession, ClientTimeout, TCPConnector

from adapters.playground.slack_state import JSON, Delivery, LocalApp

RETRY_DELAYS: Final = (0.0, 60.0, 300.0)  # seconds; platform-facts S2
PATIENCE: Final = 3.0  # seconds; platform-facts S1
_AT_ONCE: Final = 1.0  # a retry that is due sooner belongs to the delivery that is awaited
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent to the app: its kind for the record, the body as bytes, and whether Slack tries again."""

    kind: str
    body: bytes
    content_type: str
    retried: bool = False


def event_parcel(envelope: JSON) -> Parcel:
    """An Events API callback."""
    body = json.dumps(envelope, ensure_ascii=False).encode()
    return Parcel(f"event:{envelope['event']['type']}", body, "application/json", retried=True)


def interaction_parcel(payload: JSON) -> Parcel:
    """A block action, view submission, shortcut or suggestion: a form with one field `payload`."""
    body = urlencode({"payload": json.dumps(payload, ensure_ascii=False)}).encode()
    return Parcel(str(payload["type"]), body, _FORM)


def command_parcel(fields: dict[str, str]) -> Parcel:
    """A slash command: a plain form."""
    return Parcel(f"command:{fields['command']}", urlencode(fields).encode(), _FORM)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's v0 signature: HMAC-SHA256 over `v0:timestamp:body` in hex."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The `number`-th retry of a parcel (0: the first attempt) and why it is made."""

    app: LocalApp
    parcel: Parcel
    number: int = 0
    reason: str = ""


class Courier:
    """Brings parcels to the app and remembers the last 1,000 deliveries."""

    def __init__(self, now: Callable[[], float], retry_delays: tuple[float, ...], patience: float) -> None:
        self.retry_delays = retry_delays
        self.patience = patience
        self.log: deque[Delivery] = deque(maxlen=1_000)
        self._now = now
        self._session: ClientSession | None = None
        self._busy: set[asyncio.Future[Any]] = set()
        self._timers: set[asyncio.TimerHandle] = set()

    async def send(self, app: LocalApp, parcel: Parcel) -> Delivery:
        """Deliver now. Events are tried again at once when the first delay is under a second, else later."""
        task = asyncio.ensure_future(self._attempts(_Attempt(app, parcel)))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        return await asyncio.shield(task)

    @contextmanager
    def working(self) -> Iterator[None]:
        """While this is open, `settle` waits: the app is in the middle of a call to us."""
        mark = asyncio.get_running_loop().create_future()
        self._busy.add(mark)
        try:
            yield
        finally:
            self._busy.discard(mark)
            mark.set_result(None)

    def soon(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something in the background; `settle` waits for it."""
        task = asyncio.ensure_future(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def settle(self) -> None:
        """Wait until nothing is under way; retries due in a second or later are not awaited."""
        while waiting := {one for one in self._busy if one is not asyncio.current_task()}:
            await asyncio.wait(waiting)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Give up everything that waits and close the connections."""
        for timer in self._timers:
            timer.cancel()
        tasks = [one for one in self._busy if isinstance(one, asyncio.Task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempts(self, attempt: _Attempt) -> Delivery:
        while True:
            found, no_retry = await self._attempt(attempt)
            delivery = replace(found, retries=attempt.number)
            tries_left = attempt.parcel.retried and attempt.number < len(self.retry_delays) and not no_retry
            if delivery.ok or not tries_left:
                self.log.append(delivery)
                return delivery
            delay = self.retry_delays[attempt.number]
            attempt = replace(attempt, number=attempt.number + 1, reason=_reason(delivery))
            if delay >= _AT_ONCE:
                self.log.append(delivery)
                self._later(delay, attempt)
                return delivery
            await asyncio.sleep(delay)

    def _later(self, delay: float, attempt: _Attempt) -> None:
        def run() -> None:
            self._timers.discard(timer)
            self.soon(self._attempts(attempt))

        timer = asyncio.get_running_loop().call_later(delay, run)
        self._timers.add(timer)

    async def _attempt(self, attempt: _Attempt) -> tuple[Delivery, bool]:
        """One POST; the flag: the app asked for no retry (`X-Slack-No-Retry`, not after timeouts)."""
        kind, loop = attempt.parcel.kind, asyncio.get_running_loop()
        began = loop.time()
        try:
            async with self._http().post(
                attempt.app.events_url,
                data=attempt.parcel.body,
                headers=self._headers(attempt),
                timeout=ClientTimeout(total=self.patience),
                allow_redirects=False,
            ) as answer:
                body, status = await answer.text(), answer.status
        except TimeoutError:
            return Delivery(kind, seconds=loop.time() - began, error="operation_timeout"), False
        except (ClientError, OSError) as broken:
            word = (
                "connection_failed"
                if isinstance(broken, ClientConnectionError | OSError)
                else "unknown_error"
            )
            return Delivery(kind, body=word, seconds=loop.time() - began, error="dispatch_failed"), False
        error = None if 200 <= status < HTTPStatus.MULTIPLE_CHOICES else "dispatch_failed"
        no_retry = answer.headers.get("X-Slack-No-Retry") == "1"
        return Delivery(kind, status, _parsed(body), loop.time() - began, error=error), no_retry

    def _headers(self, attempt: _Attempt) -> dict[str, str]:
        timestamp = str(int(self._now()))
        headers = {
            "Content-Type": attempt.parcel.content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(attempt.app.signing_secret, timestamp, attempt.parcel.body),
            "User-Agent": "Slackbot 1.0 (local)",
        }
        if attempt.number:
            headers |= {"X-Slack-Retry-Num": str(attempt.number), "X-Slack-Retry-Reason": attempt.reason}
        return headers

    def _http(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(connector=TCPConnector(limit=0))
        return self._session


def _parsed(body: str) -> Any:
    try:
        return json.loads(body) if body.startswith(("{", "[")) else body
    except ValueError:
        return body


def _reason(delivery: Delivery) -> str:
    if delivery.error == "operation_timeout":
        return "http_timeout"
    return "http_error" if delivery.status else str(delivery.body)
