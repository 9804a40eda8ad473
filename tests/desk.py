"""A real database without any door, and a clock set by hand: for tests of storage, jobs and rules."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.brand import Brand
from bot.clock import Clock
from bot.conversation import Role
from bot.notices import Heard, take_notice
from bot.policy import Policy
from bot.ports import LeaverNotice, LeavingType
from storage import accounts, delivering, leavers, people
from storage.columns import Vault
from storage.engine import Database, Tx
from storage.leavers import Leaver
from storage.outbox import Delivery, Status
from storage.people import Person
from tests.databases import ask, empty_database, held, stored

T = TypeVar("T")
TOKYO = ZoneInfo("Asia/Tokyo")
VAULT = Vault.parse(Vault.make())
POLICY = Policy(brand=Brand("Minato Alumni", "Minato", "HR, Sato", "alumni@minato.example.jp", "", ""))


def tokyo(day: str | date, at: str = "09:00") -> datetime:
    """A moment on the wall of the company."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(day, time.fromisoformat(at), TOKYO)


class HandClock(Clock):
    """All kinds of time stand still until they are moved."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self._at, self._wire, self._steady = at, 1_000_000.0, 1_000.0

    def now(self) -> datetime:
        """Calendar time."""
        return self._at

    def wire(self) -> float:
        """Wire time."""
        return self._wire

    def steady(self) -> float:
        """Steady time."""
        return self._steady

    def travel(self, to: datetime) -> None:
        """Calendar time only; forward only."""
        if to < self._at:
            raise ValueError("calendar time only moves forward")
        self._at = to

    def set_back(self, seconds: float) -> None:
        """Wire time only: the machine learns that it was ahead."""
        self._wire -= seconds

    def ticks(self, seconds: float) -> None:
        """Wire time only: so short a while that no calendar shows it."""
        self._wire += seconds

    def passes(self, seconds: float) -> None:
        """All times go on."""
        self._steady += seconds
        self.is_set(seconds)

    def is_set(self, by: float) -> None:
        """The machine's clock is set forward, or back; no time passes."""
        self._wire += by
        self._at += timedelta(seconds=by)


@dataclass
class Desk:
    """A database, its clock, and short ways to use them; `file` is where it lies, or would lie."""

    database: Database
    clock: HandClock
    file: Path
    policy: Policy = field(default_factory=lambda: POLICY)
    others: list[Desk] = field(default_factory=list)

    def does(self, fn: Callable[[Tx], T]) -> T:
        """One writing transaction."""
        return ask(self.database, fn, False)

    def sees(self, fn: Callable[[Tx], T]) -> T:
        """One reading transaction."""
        return ask(self.database, fn, True)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """A transaction that is looked at from inside and then taken back."""
        with held(self.database.store, {"vault": self.database.vault, "clock": self.clock}) as tx:
            yield tx

    def again(self, clock: HandClock | None = None) -> Desk:
        """A second process on the same database; it ends with the first."""
        at = clock or self.clock
        other = Desk(Database(self.database.url, self.database.vault, at), at, self.file, self.policy)
        self.others.append(other)
        return other

    def close(self) -> None:
        """All of them end."""
        for one in (*self.others, self):
            one.database.close()

    def bytes(self) -> bytes:
        """Everything that lies on the disk, the log too; of a server, everything in the tables."""
        return stored(self.database)

    def hears(self, notice: LeaverNotice) -> Heard:
        """A notice arrives."""
        return self.does(lambda tx: take_notice(tx, notice, self.policy))

    def leaver(self, number: str = "E1") -> Leaver:
        """The newest stint of a number, or what is left of it when it was erased."""
        found = self.sees(lambda tx: leavers.latest(tx, "", number) or _erased_one(tx))
        assert found is not None
        return found

    def person(self, number: str = "E1") -> Person:
        """Whose stint it is."""
        person_id = self.leaver(number).person_id
        return self.sees(lambda tx: people.one(tx, person_id))

    def letters(self, kind: str = "") -> list[Delivery]:
        """The rows of the outbox, of one kind or all."""
        query = select(Delivery).order_by(Delivery.id)
        rows = self.sees(lambda tx: list(tx.scalars(query)))
        return [row for row in rows if kind in ("", row.kind)]

    def staff(self, *who: str) -> None:
        """Name those who run the network."""
        wanted = [(Role.OWNER, name) for name in who or ("sato@minato.example.jp",)]
        self.does(lambda tx: accounts.set_staff(tx, wanted))


def notice(number: str = "E1", last_day: str = "2026-03-31", **changes: Any) -> LeaverNotice:
    """An ordinary notice of leaving; every content has its own event id, as a feed makes it."""
    made = LeaverNotice(
        source="csv", event_id="", entity="", employee_number=number, name="田中 愛子", kana="タナカ アイコ",
        last_day=date.fromisoformat(last_day), company_email=f"{number.lower()}@minato.example.jp",
        leaving_type=LeavingType.RESIGNATION, department="営業部", title="課長", manager="鈴木 一郎",
    )  # fmt: skip
    made = replace(made, **changes)
    return replace(made, event_id=changes.get("event_id") or f"{hash(made):x}")


@contextmanager
def desk_on(at: str = "2026-02-02", *, on_server: bool | None = None) -> Iterator[Desk]:
    """A desk on an empty database; on a server or in a file if the test says so, else as the run wants it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        empty_database(Path(folder), on_server=on_server) as url,
    ):
        clock = HandClock(tokyo(at))
        with closing(Desk(Database(url, VAULT, clock), clock, Path(folder) / "okaeri.db")) as made:
            yield made


@pytest.fixture
def desk() -> Iterator[Desk]:
    """An empty house on 2 February 2026, 9:00 in Tokyo."""
    with desk_on() as made:
        yield made


@pytest.fixture(scope="module")
def lasting_desk() -> Iterator[Desk]:
    """One house for many examples, each of which takes back what it did (`Desk.transaction`)."""
    with desk_on() as made:
        yield made


@pytest.fixture
def desk_in_file() -> Iterator[Desk]:
    """The same on SQLite in any case: for what is about the file."""
    with desk_on(on_server=False) as made:
        yield made


@pytest.fixture
def desk_on_server() -> Iterator[Desk]:
    """The same on PostgreSQL in any case."""
    with desk_on(on_server=True) as made:
        yield made


@pytest.fixture
def tx(desk: Desk) -> Iterator[Tx]:
    """A transaction in an empty house."""
    with desk.transaction() as open_one:
        yield open_one


def _erased_one(tx: Tx) -> Leaver | None:
    erased = select(Leaver).where(Leaver.employee_number.startswith("erased:"))
    return tx.scalar(erased.order_by(Leaver.id.desc()).limit(1))


def arrived(tx: Tx, row: Delivery, way: str = "chat", place: str = "") -> bool:
    """A claimed message arrived; false when it was no longer ours."""
    delivering.arrived(tx, [delivering.Arrival(row, way, place)])
    tx.expire_all()
    return tx.scalar(select(Delivery.status).where(Delivery.id == row.id)) is Status.SENT
