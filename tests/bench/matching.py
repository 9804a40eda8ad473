"""One opening against everybody: whom it is for, and who of them is to be told; beside one plain SQL query of
the same filter through the same driver."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert

from bot import names
from bot.clock import Clock
from bot.matching import match
from jobs.matches import LOOKED
from storage import matching, openings, schema
from storage.columns import Vault
from storage.consents import Consent, Decision, Purpose
from storage.engine import Database, Tx, now, today
from storage.leavers import Leaver, Stage
from storage.openings import Opening
from storage.people import Person, Skill
from storage.wishes import Wish
from tests.bench.figures import Figure, less_is_better
from tests.bench.people import CHUNK, Town

TIMES = 10
"""So many more people than are looked through elsewhere: 100,000 where those are 10,000."""
ROUNDS = 7
FACTOR = 3.0
LAST = "(SELECT max(id) FROM leavers x WHERE x.person_id = p.id)"
SEGMENT = """p.left_at IS NULL AND p.member_from <= :at
 AND p.id IN (SELECT person_id FROM skills WHERE word IN ('python', 'sql', '経理'))
 AND l.last_day >= :since AND coalesce(nullif(l.department, ''), p.department) LIKE '%営業%'
 AND (p.place LIKE '東京%' OR p.place LIKE '大阪%')"""
REACH = f"""SELECT count(*) FROM people p JOIN leavers l ON l.id = {LAST} WHERE {SEGMENT}"""
SEEKERS = f"""SELECT p.id FROM wishes w JOIN people p ON p.id = w.person_id
 JOIN leavers l ON l.id = {LAST} WHERE {SEGMENT}
 AND w.tell AND (w.told_at IS NULL OR w.told_at <= :rested)
 AND (p.paused_until IS NULL OR p.paused_until <= :today)
 AND (SELECT decision FROM consents c WHERE c.person_id = p.id AND c.purpose = 'openings'
      ORDER BY c.id DESC LIMIT 1) = 'given' ORDER BY p.id"""


async def measure(folder: Path, people: int, told: Callable[[str], None]) -> list[Figure]:
    """Two rows; ours and the plain query take turns, each is the median of seven."""
    database = _filled(folder / "matching.db", people * TIMES)
    try:
        rounds = [database.run_now(_round, True) for _ in range(ROUNDS + 1)][1:]  # the first fills caches
    finally:
        database.close()
    reached, plain, told_to, plainer = (median(times) for times in zip(*rounds, strict=True))
    told(f"one opening, {people * TIMES:,} alumni: reach {reached:.1f} ms beside {plain:.1f}, "
         f"matches {told_to:.1f} ms beside {plainer:.1f}")  # fmt: skip
    about = f"of one opening among {people * TIMES:,} alumni; limit: {FACTOR:.0f} plain SQL queries"
    return [
        less_is_better(f"matches {about}", told_to, FACTOR * plainer, "ms"),
        less_is_better(f"reach {about}", reached, FACTOR * plain, "ms"),
    ]


def _round(tx: Tx) -> tuple[float, float, float, float]:
    row = tx.get_one(Opening, 1)
    reached, count = _timed(lambda: matching.reach(tx, row))
    plain, rows = _timed(lambda: _plain(tx, REACH))
    assert [(count,)] == rows, (count, rows)
    told_to, found = _timed(lambda: list(_matches(tx, row)))
    plainer, ids = _timed(lambda: _plain(tx, SEEKERS))
    assert found == [who for (who,) in ids]
    assert found
    return reached, plain, told_to, plainer


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    value = run()
    return (time.perf_counter() - began) * 1000, value


def _matches(tx: Tx, row: Opening) -> Iterator[str]:
    """As `jobs/matches.py` finds them: batch by batch, each person with reasons."""
    opening, after = matching.sought(row, today(tx)), ""
    while True:
        batch = matching.seekers(tx, row, after, LOOKED)
        yield from (one.person_id for one in batch.seekers if match(opening, one).real)
        after = batch.upto
        if not after:
            return


def _plain(tx: Tx, sql: str) -> list[tuple[Any, ...]]:
    day = today(tx)
    given = {
        "at": now(tx).strftime("%Y-%m-%d %H:%M:%S.%f"), "since": str(day.replace(year=day.year - 5)),
        "rested": (now(tx) - matching.REST).strftime("%Y-%m-%d %H:%M:%S.%f"), "today": str(day),
    }  # fmt: skip
    cursor = tx.connection().connection.cursor()
    try:
        return list(cursor.execute(sql, given).fetchall())
    finally:
        cursor.close()


# --- the people ---------------------------------------------------------------------------------------------


def _filled(path: Path, count: int) -> Database:
    """People with a stint each, skills, and for two in five a wish to be told."""
    schema.upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}", Vault.parse(Vault.make()), Clock())
    database.carries["zone"] = "Asia/Tokyo"
    database.run_now(lambda tx: _fill(tx, count))
    return database


def _fill(tx: Tx, count: int) -> None:
    folk = list(Town(now(tx)).people(count))
    for at in range(0, count, CHUNK):
        chunk = folk[at : at + CHUNK]
        tx.execute(insert(Person), chunk)
        tx.execute(insert(Leaver), [_stint(number, p) for number, p in enumerate(chunk, at)])
        known = [{"person_id": p["id"], "word": word} for p in chunk for word, _ in names.skills(p["skills"])]
        tx.execute(insert(Skill), known)
        asking = [p["id"] for number, p in enumerate(chunk, at) if number % 5 < 2]
        tx.execute(insert(Wish), [_wish(who) for who in asking])
        tx.execute(insert(Consent), [_consent(tx, who) for who in asking])
    openings.publish(tx, openings.add(tx, "o", **_opening(tx)), "o")


def _stint(number: int, person: dict[str, Any]) -> dict[str, Any]:
    return {
        "person_id": person["id"], "entity": "", "employee_number": f"E{number}", "stint": 1, "version": 1,
        "source": "bench", "notice": secrets.token_hex(4), "stage": Stage.JOINED,
        "last_day": person["member_from"].date() - timedelta(days=number % 4000),
        "leaving_type": "resignation", "department": person["department"],
    }  # fmt: skip


def _wish(person: str) -> dict[str, Any]:
    return {"person_id": person, "keywords": "", "places": "", "employments": [], "remote": False,
            "tell": True, "told_at": None, "told": []}  # fmt: skip


def _consent(tx: Tx, person: str) -> dict[str, Any]:
    return {"person_id": person, "purpose": Purpose.OPENINGS, "decision": Decision.GIVEN,
            "wording": "openings-1", "locale": "ja", "channel": "slack", "at": now(tx)}  # fmt: skip


def _opening(tx: Tx) -> dict[str, Any]:
    return {
        "title": "営業企画", "about": "データを使った提案をお願いします。", "owner": "o", "owner_name": "O",
        "closes_on": today(tx) + timedelta(days=60), "for_skills": "Python, SQL, 経理",
        "for_departments": "営業", "for_places": "東京、大阪", "for_years": 5, "place": "東京",
    }  # fmt: skip
