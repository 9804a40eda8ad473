"""The directory as a page: signed in, a look-up, drawn; beside the same page drawn from fixed values."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from adapters.web.seats import SessionSeat
from bot.conversation import Address
from tests.bench import load, served
from tests.bench.figures import Figure, more_is_better
from tests.bench.people import ASKERS, QUESTIONS, web_token
from tests.bench.served import Served

ROUNDS, A_ROUND, IN_FLIGHT = 5, 600, 16


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """One row: the median of five rounds, ours and the limit by turns."""
    key = served.database_with(folder / "pages.db", people)
    cookies = _cookies(folder / "pages.db")
    async with served.okaeri(folder / "pages.db", key) as ours, served.bare_page() as bare:
        rounds = [[await _rate(place, cookies) for place in (ours, bare)] for _ in range(ROUNDS + 1)]
    rates = rounds[1:]
    told("pages/s, ours/bare: " + ", ".join("/".join(f"{rate:.0f}" for rate in each) for each in rates))
    mine, limit = (median(rate) for rate in zip(*rates, strict=True))
    name = f"directory page over {people:,} people, {IN_FLIGHT} in flight; limit: the same page, bare"
    return [more_is_better(name, mine, limit, "requests/s", 0.4)]


async def _rate(place: Served, cookies: Sequence[str]) -> float:
    url = place.url.replace("/slack/events", "/alumni/say")
    rate, answers = await load.closed(
        url, [_asked(number, cookies[number % len(cookies)]) for number in range(A_ROUND)], IN_FLIGHT
    )
    _check(answers)
    return rate


def _cookies(database: Path) -> list[str]:
    """The cookies of all who ask."""
    known = {hashlib.sha256(web_token(n).encode()).digest(): web_token(n) for n in range(ASKERS)}
    with sqlite3.connect(database) as file:
        rows = file.execute("SELECT hash, address FROM web_sessions").fetchall()
    return [SessionSeat(Address.parse(address), known[digest]).cookie for digest, address in rows]


def _asked(number: int, cookie: str) -> load.Asked:
    seat, question = SessionSeat.of(cookie, "ja"), QUESTIONS[number % len(QUESTIONS)]
    stamp = seat.stamp if seat else ""
    body = urlencode({"stamp": stamp, "once": f"{number:024d}", "words": f"find {question}"}).encode()
    return load.Asked(question, body, {"Content-Type": load.FORM, "Cookie": f"okaeri={cookie}"})


def _check(answers: Sequence[load.Answered]) -> None:
    """Raises `ValueError` for a page that is not there or shows nobody."""
    for answer in answers:
        if answer.status != 200 or b'class="entry"' not in answer.body:
            raise ValueError(f"{answer.asked.question!r}: {answer.status} {answer.body[-800:]!r}")
