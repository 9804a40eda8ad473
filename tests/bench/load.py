"""Slack's side of the wire under load: signed commands, made before the clock runs, sent in two ways.

Closed loop: so many in flight, the next one when one is answered. Open loop: so many a second, come what may.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from tests.bench.people import QUESTIONS, TEAM, asker
from tests.bench.served import SECRET

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it goes over the wire."""

    question: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: the status, the body, and the seconds from when it was due to the last byte."""

    asked: Asked
    status: int
    body: bytes
    seconds: float


def signed(count: int) -> list[Asked]:
    """`/alumni find …` from many people, each with its own trigger, signed now (good for five minutes)."""
    return [_signed(number) for number in range(count)]


def mixed(count: int) -> list[Asked]:
    """The same, and every second one is a command that writes: a code that is none, which is counted."""
    return [_signed(number, "join 0000-0000-0000" if number % 2 else "") for number in range(count)]


def _signed(number: int, text: str = "") -> Asked:
    question, user = QUESTIONS[number % len(QUESTIONS)], asker(number)
    command = {
        "token": "gone", "team_id": TEAM, "team_domain": "minato-alumni", "channel_id": "D0ALUMNI",
        "channel_name": "directmessage", "user_id": user, "user_name": user.lower(), "command": "/alumni",
        "text": text or f"find {question}", "api_app_id": "A0ALUMNI", "is_enterprise_install": "false",
        "response_url": f"http://127.0.0.1:9/commands/{number}",
        "trigger_id": f"{number}.{secrets.token_hex(8)}",
    }  # fmt: skip
    body, stamp = urlencode(command).encode(), str(int(time.time()))
    digest = hmac.digest(SECRET.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hex()
    headers = {"Content-Type": FORM, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
    return Asked(text or question, body, headers)


async def closed(url: str, asked: Sequence[Asked], in_flight: int) -> tuple[float, list[Answered]]:
    """Send all of them, `in_flight` at a time; requests per second, and the answers."""
    waiting = iter(asked)
    answers: list[Answered] = []
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            while (one := next(waiting, None)) is not None:
                answers.append(await _send(session, url, one, time.perf_counter()))

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(in_flight)))
        return len(asked) / (time.perf_counter() - began), answers


async def opened(url: str, asked: Sequence[Asked], per_second: float) -> list[Answered]:
    """Send them at a steady rate; each one's time counts from the moment when it was due."""
    async with aiohttp.ClientSession() as session:
        began = time.perf_counter() + 0.05

        async def send(number: int, one: Asked) -> Answered:
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            return await _send(session, url, one, due)

        return list(await asyncio.gather(*(send(number, one) for number, one in enumerate(asked))))


async def _send(session: aiohttp.ClientSession, url: str, asked: Asked, due: float) -> Answered:
    async with session.post(url, data=asked.body, headers=asked.headers) as answer:
        body = await answer.read()
    return Answered(asked, answer.status, body, time.perf_counter() - due)


def check(answers: Sequence[Answered], *, hits: bool) -> None:
    """Raises `ValueError` for an answer that is not 200 or, where `hits` are wanted, shows nobody."""
    for answer in answers:
        if answer.status != 200 or (hits and not _shows_somebody(answer.body)):
            raise ValueError(f"{answer.asked.question!r}: {answer.status} {answer.body[:300]!r}")


def _shows_somebody(body: bytes) -> bool:
    """Whether a button of the answer leads to a person."""
    blocks = json.loads(body).get("blocks", []) if body.startswith(b"{") else []
    return any(str(b.get("accessory", {}).get("action_id", "")).startswith("find.show#") for b in blocks)


def percentile(answers: Sequence[Answered], share: float) -> float:
    """The milliseconds within which a share of the answers came (nearest rank)."""
    times = sorted(answer.seconds for answer in answers)
    return times[min(len(times) - 1, max(0, round(share * len(times)) - 1))] * 1000
