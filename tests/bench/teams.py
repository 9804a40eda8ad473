"""`find` in Teams through the whole house, beside a botbuilder bot that only echoes; the message extension;
and what a slow Microsoft does to Slack's acks in the same process."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
from sqlalchemy import insert, select

from bot.clock import Clock
from bot.conversation import Address, Platform, Side, Standing
from bot.settings import load
from storage.accounts import Account
from storage.columns import Vault
from storage.engine import Database, Tx, now
from tests.bench import load as slack
from tests.bench import served
from tests.bench.figures import Figure, less_is_better, more_is_better
from tests.bench.load import Answered, Asked
from tests.bench.people import ASKERS, QUESTIONS, TEAM, asker
from tests.bench.served import Served

APP, TENANT = "bbbbbbbb-0000-4000-8000-000000000002", "aaaaaaaa-0000-4000-8000-000000000002"
ROUNDS = 5
A_ROUND = 200
IN_FLIGHT = 16
KEYSTROKES = 100
NUDGES = 20
SLOW = 0.3
"""Seconds that a login and a message of ours take while Slack waits."""


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """Three rows. Ours and the echo take turns, a rate is the median of five rounds; a turn ends when the
    connector has the reply, and both reply to the same one."""
    path = folder / "teams.db"
    key = served.database_with(path, people)
    _accounts(path, key)
    async with (
        served.beside("teams_side", APP, TENANT, "0") as side,
        served.okaeri(path, key, **_settings(side)) as ours,
        served.beside("bare_teams") as bare,
    ):
        rounds = [[await _rate(side, place, hits=place is ours) for place in (ours, bare)]
                  for _ in range(ROUNDS + 1)][1:]  # fmt: skip
        told("turns/s, ours/echo: " + ", ".join("/".join(f"{r:.0f}" for r in each) for each in rounds))
        mine, limit = (median(rate) for rate in zip(*rounds, strict=True))
        typing = await _typing(side, ours, told)
    lag = await _lag(path, key, told)
    where = f"find in Teams over {people:,} people, {IN_FLIGHT} in flight; limit: botbuilder echo"
    return [
        more_is_better(where, mine, limit, "requests/s", 3.0),
        less_is_better(f"find someone in Teams over {people:,} people, p99 at 20/s", typing, 300.0, "ms"),
        less_is_better(f"Slack's ack, p99, over {NUDGES} Teams messages of {SLOW} s", lag, 100.0, "ms"),
    ]


def _settings(side: Served) -> dict[str, str]:
    base = f"http://127.0.0.1:{side.port}"
    return {
        "TEAMS_ALUMNI_APP_ID": APP, "TEAMS_ALUMNI_APP_PASSWORD": "secret", "TEAMS_ALUMNI_TENANT_ID": TENANT,
        "TEAMS_OPENID_METADATA_URL": f"{base}/openid", "TEAMS_LOGIN_URL": base,
        "TEAMS_GRAPH_URL": base, "TEAMS_SERVICE_URLS": base,
    }  # fmt: skip


def _accounts(path: Path, key: str) -> None:
    """Those who ask are in Teams too."""
    url = load(_env_file=None, database_url=f"sqlite:///{path}").database_url
    database = Database(url, Vault.parse(key), Clock())

    def enter(tx: Tx) -> None:
        rows = [_account(tx, number) for number in range(ASKERS)]
        tx.execute(insert(Account), [row for row in rows if row["person_id"]])

    database.run_now(enter)
    database.close()


def _account(tx: Tx, number: int) -> dict[str, Any]:
    known = str(Address(Platform.SLACK, TEAM, asker(number)))
    return {
        "address": str(Address(Platform.TEAMS, TENANT, _user(number))), "side": Side.ALUMNI,
        "person_id": tx.scalar(select(Account.person_id).where(Account.address == known)),
        "standing": Standing.MEMBER, "locale": "ja", "zone": "Asia/Tokyo", "tied_by": "code",
        "tied_at": now(tx), "looked_at": now(tx), "gone": False, "wrong_codes": 0,
    }  # fmt: skip


def _user(number: int) -> str:
    return f"cccccccc-0000-4000-8000-{number % ASKERS:012d}"


# --- what is sent ----------------------------------------------------------------------------------------


async def _asked(side: Served, count: int, **more: Any) -> list[Asked]:
    """Questions of many people, signed as Teams signs them, each an activity of its own."""
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{side.port}/signed") as answer:
        headers = {"Authorization": await answer.text(), "Content-Type": "application/json"}
    return [_question(side, number, headers, more) for number in range(count)]


def _question(side: Served, number: int, headers: dict[str, str], more: dict[str, Any]) -> Asked:
    question, user = QUESTIONS[number % len(QUESTIONS)], _user(number)
    activity = {
        "type": "message", "id": secrets.token_hex(8), "channelId": "msteams", "locale": "ja-JP",
        "timestamp": "2026-03-31T00:00:00.000Z", "localTimezone": "Asia/Tokyo",
        "serviceUrl": f"http://127.0.0.1:{side.port}/", "text": f"find {question}", "textFormat": "plain",
        "from": {"id": f"29:{user}", "name": "somebody", "aadObjectId": user},
        "conversation": {"conversationType": "personal", "tenantId": TENANT, "id": f"a:{user}"},
        "recipient": {"id": f"28:{APP}", "name": "Okaeri"},
        "channelData": {"tenant": {"id": TENANT}},
    } | more  # fmt: skip
    if activity["type"] == "invoke":
        parameters = [{"name": "query", "value": question}]
        page = {"skip": 0, "count": 25}
        activity["value"] = {"commandId": "find", "parameters": parameters, "queryOptions": page}
    return Asked(question, json.dumps(activity, ensure_ascii=False).encode(), headers)


def _url(place: Served) -> str:
    return f"http://127.0.0.1:{place.port}/api/messages"


# --- what is measured ------------------------------------------------------------------------------------


async def _rate(side: Served, place: Served, *, hits: bool) -> float:
    """Turns a second. Raises `ValueError` for an answer that is not 200, or, of ours, shows nobody."""
    asked, before = await _asked(side, A_ROUND), await _heard(side)
    began = time.perf_counter()
    _, answers = await slack.closed(_url(place), asked, IN_FLIGHT)
    slack.check(answers, hits=False)
    after = await _heard(side, before[0] + A_ROUND)
    seconds = time.perf_counter() - began
    if hits and after[1] - before[1] != A_ROUND:
        raise ValueError(f"{after[1] - before[1]} of {A_ROUND} answers show somebody")
    return A_ROUND / seconds


async def _heard(side: Served, least: int = 0) -> tuple[int, int]:
    """How many messages the connector has, once it has so many, and how many of them show somebody."""
    url = f"http://127.0.0.1:{side.port}/heard?least={least}"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        told = await answer.json()
    return told["heard"], told["found"]


async def _typing(side: Served, ours: Served, told: Callable[[str], None]) -> float:
    """p99 of the message extension in ms."""
    asked = await _asked(side, KEYSTROKES, type="invoke", name="composeExtension/query")
    answers = await slack.opened(_url(ours), asked, 20.0)
    slack.check(answers, hits=False)
    for answer in answers:
        if not json.loads(answer.body)["composeExtension"].get("attachments"):
            raise ValueError(f"{answer.asked.question!r}: {answer.body[:300]!r}")
    told(f"find someone at 20/s: p50 {slack.percentile(answers, 0.5):.1f} ms")
    return slack.percentile(answers, 0.99)


async def _lag(path: Path, key: str, told: Callable[[str], None]) -> float:
    """p99 of Slack's acks in ms, while a login and so many messages to Teams are under way."""
    async with (
        served.beside("teams_side", APP, TENANT, str(SLOW)) as side,
        served.okaeri(path, key, **_settings(side)) as ours,
    ):
        await slack.closed(ours.url, slack.signed(64), 4)  # fills caches
        calm = await slack.opened(ours.url, slack.signed(NUDGES), 20.0)
        nudges = await _asked(side, NUDGES)
        sending = asyncio.ensure_future(slack.closed(_url(ours), nudges, NUDGES))
        acks: list[Answered] = await slack.opened(ours.url, slack.signed(NUDGES), 20.0)
        slack.check((await sending)[1] + acks, hits=False)
    quiet, busy = slack.percentile(calm, 0.99), slack.percentile(acks, 0.99)
    told(f"Slack's ack, p99: {quiet:.1f} ms in calm, {busy:.1f} ms over slow Teams messages")
    return busy
