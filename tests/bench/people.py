"""Invented people, any number of them, the same at every run; and questions that find some of them.

They are written in bulk: one insert per table and thousand people, and the index is made once at the end.
"""

from __future__ import annotations

import hashlib
import random
import secrets
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from bot import names
from bot.conversation import Address, Platform, Side, Standing
from bot.visibility import CHOOSABLE, Audience
from storage import search
from storage.accounts import Account, web_person
from storage.columns import new_id
from storage.engine import Tx, at_server, now, vault_of
from storage.people import Person, PersonKey, Skill
from storage.search import SearchDoc
from storage.sessions import WebSession

TEAM = "T0ALUMNI"
CHUNK = 1000
ASKERS = 200
"""How many of them have an account and ask questions; they are the first ones, and show everything."""
WORDS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("people.toml").read_text("utf-8"))
QUESTIONS: list[str] = WORDS["questions"]


def _pairs(key: str) -> dict[str, str]:
    return {left: right for left, _, right in (word.partition("=") for word in WORDS[key].split())}


class Town:
    """Where they come from: the commonest surname is one person's in fifty, most are one's in a thousand."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._dice, self._craft = random.Random(20260331), random.Random(20260401)
        self._surnames, self._given = _pairs("surnames"), _pairs("given")
        self._weights = [1 / (rank + 6) for rank in range(len(self._surnames))]
        self._known = [1 / (rank + 2) for rank in range(len(WORDS["skills"]))]

    @cached_property
    def _rare(self) -> list[tuple[str, str]]:
        first, second = _pairs("first_halves"), _pairs("second_halves")
        return [(a + b, x + y) for a, x in first.items() for b, y in second.items()]

    def people(self, count: int) -> Iterator[dict[str, Any]]:
        """Columns of `count` people (500 or more), members; about one in twelve is not listed."""
        for number in range(count):
            yield self._columns(number) | self._name(number) | self._laid_down(number)

    def _name(self, number: int) -> dict[str, str]:
        common = self._dice.choices(list(self._surnames.items()), self._weights)[0]
        family = common if self._dice.random() < 0.3 else self._dice.choice(self._rare)
        given = self._dice.choice(list(self._given))
        if number % 20 == 19:
            return {"name": WORDS["foreign"][number // 20 % len(WORDS["foreign"])], "kana": ""}
        return {"name": f"{family[0]} {given}", "kana": f"{family[1]} {self._given[given]}"}

    def _columns(self, number: int) -> dict[str, Any]:
        sure, dice = number < ASKERS, self._dice
        work = {field: dice.choice(WORDS[f"{field}s"]) for field in ("employer", "position", "place")}
        return work | {
            "id": new_id("p"), "romaji": "", "former_name": "", "locale": "ja", "zone": "Asia/Tokyo",
            "department": dice.choice(WORDS["regions"]) + dice.choice(WORDS["departments"]),
            "listed": sure or dice.random() < 0.92, "mail_only": False, "confirmed_on": date(2026, 1, 5),
            "shown": [field for field in CHOOSABLE if sure or dice.random() < 0.9],
            "member_from": self._at - timedelta(days=number % 900 + 1), "unreachable": "", "version": 1,
            "about": "", "skills": self._skills(),
        }  # fmt: skip

    def _skills(self) -> str:
        """None to four, as typed; the commonest is one person's in four, most are one's in a hundred."""
        found = self._craft.choices(WORDS["skills"], self._known, k=self._craft.randrange(5))
        return ", ".join(dict.fromkeys(found))

    def _laid_down(self, number: int) -> dict[str, str]:
        """What the first ones are, whatever the dice say: all of `sure`, then each common surname once."""
        fixed = [words.split() for words in WORDS["sure"]] + [[family] for family in self._surnames]
        if number >= len(fixed):
            return {}
        family, *rest = fixed[number]
        given = next((word for word in rest if word in self._given), "優")
        name = {"name": f"{family} {given}", "kana": f"{self._surnames[family]} {self._given[given]}"}
        fields = ("department", "employer", "position", "place")
        return name | {field: word for field in fields for word in rest if word in WORDS[f"{field}s"]}


def asker(number: int) -> str:
    """The user id of one who asks."""
    return f"U{number % ASKERS:05d}"


def fill(tx: Tx, count: int) -> None:
    """Write the people, their keys, the accounts of those who ask, and the index."""
    folk = list(Town(now(tx)).people(count))
    vault = vault_of(tx)
    for at in range(0, count, CHUNK):
        chunk = folk[at : at + CHUNK]
        tx.execute(insert(Person), chunk)
        keys = [(p["id"], vault.wrap(secrets.token_bytes(32), f"person_keys:{p['id']}")) for p in chunk]
        tx.execute(insert(PersonKey), [{"person_id": who, "wrapped": key} for who, key in keys])
        known = [{"person_id": p["id"], "word": word} for p in chunk for word, _ in names.skills(p["skills"])]
        tx.execute(insert(Skill), known)
        docs = [doc for person in chunk for doc in _documents(person)]
        tx.execute(insert(SearchDoc), docs)
    if not at_server(tx):  # a server keeps its own index
        tx.execute(text("INSERT INTO search_fts(search_fts) VALUES ('rebuild')"))
    tx.execute(insert(Account), [_account(tx, number, p["id"]) for number, p in enumerate(folk[:ASKERS])])
    tx.execute(insert(WebSession), [_session(tx, number, p["id"]) for number, p in enumerate(folk[:ASKERS])])


def web_token(number: int) -> str:
    """The session of one who asks on a page."""
    return f"{number % ASKERS:040d}"


def _session(tx: Tx, number: int, person: str) -> dict[str, Any]:
    at = now(tx)
    digest = hashlib.sha256(web_token(number).encode()).digest()
    who = str(web_person(person, Side.ALUMNI))
    return {"hash": digest, "address": who, "made_at": at, "seen_at": at, "person_id": person}


def _account(tx: Tx, number: int, person: str) -> dict[str, Any]:
    return {
        "address": str(Address(Platform.SLACK, TEAM, asker(number))), "side": Side.ALUMNI,
        "person_id": person, "standing": Standing.MEMBER, "locale": "ja" if number % 4 else "en",
        "zone": "Asia/Tokyo", "tied_by": "code", "tied_at": now(tx), "looked_at": now(tx), "gone": False,
        "wrong_codes": 0,
    }  # fmt: skip


def _documents(person: dict[str, Any]) -> Iterator[dict[str, Any]]:
    row = Person(**{name: value for name, value in person.items() if name != "id"})
    for audience in (Audience.ALUMNI, Audience.HR):
        terms = search.terms_of(row, audience)
        if terms:
            yield {
                "person_id": person["id"], "audience": audience, "terms": terms,
                "reading": row.kana or row.name,
                "opens_at": row.member_from, "rests_until": row.paused_until,
            }  # fmt: skip
