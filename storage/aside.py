"""Rows that keep a sweep from its work: which of those that are due are looked at, and which are left aside.

A row with which a step failed holds up nobody: this process leaves it alone for a while, longer each time.
Another process, or this one after a start, tries it anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

from asyncpg import InterfaceError, PostgresError
from sqlalchemy import ColumnElement, not_, true
from sqlalchemy import exc as sql

from storage.engine import Among, Database, Tx

Key = int | str
FIRST, LONGEST = 60.0, 6 * 3600.0
"""Seconds until a row is tried again: after its first failure, and at most."""
FEW = 20
"""How many rows are tried again in one sweep of a step, so that those that fail again hold up no others."""
_KEY = "aside"
_WHOLE = (sql.OperationalError, sql.ProgrammingError, sql.InterfaceError, sql.TimeoutError, PostgresError,
          InterfaceError, OSError)  # fmt: skip
_CLASSES = ("08", "40", "42", "53", "55", "57", "58", "XX")
"""Errors that come from no row: of the database or of the statement; of a server by their classes, which are
connection, conflict, syntax, resources, lock, intervention, system, internal. Source: PostgreSQL manual,
appendix A."""


@dataclass(frozen=True, slots=True)
class Those:
    """Rows by their keys: `only` some, or all `but` some."""

    only: Collection[Key] | None = None
    but: Collection[Key] = ()

    def holds(self, key: Key) -> bool:
        """Whether a row is one of them."""
        return key in self.only if self.only is not None else key not in self.but


ALL = Those()


class Sifted:
    """A statement that is built once for all rows, and once for some of them: `build` makes it of a condition
    on `key`. While nothing is left aside it is the statement that it would be without."""

    def __init__(self, key: Any, build: Callable[[ColumnElement[bool]], Any]) -> None:
        self._all = build(true())
        self._only, self._but = Among(key, build), Among(key, lambda these: build(not_(these)))

    def __call__(self, tx: Tx, those: Those, **given: Any) -> tuple[Any, dict[str, Any]]:
        """The statement and its parameters: for `tx.execute(*…)`."""
        if those.only is not None:
            return self._only(tx, those.only, **given)
        return self._but(tx, those.but, **given) if those.but else (self._all, given)


@dataclass(slots=True)
class _Failure:
    code: str
    tries: int = 0
    until: float = 0.0


@dataclass(slots=True)
class Aside:
    """The rows that this process leaves alone, by the step that failed with them; moments are wire seconds.

    `failures` counts for each step how often one of its rows failed.
    """

    failures: Counter[str] = field(default_factory=Counter)
    _rows: defaultdict[str, dict[Key, _Failure]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def of(cls, database: Database) -> Aside:
        """Those of this process."""
        found: Aside = database.carries.setdefault(_KEY, cls())
        return found

    def rows(self, step: str) -> frozenset[Key]:
        """Everything that is left alone by a step, also what may be tried again."""
        return frozenset(self._rows[step])

    def resting(self, step: str, at: float) -> frozenset[Key]:
        """What may not be tried again yet."""
        return frozenset(key for key, row in self._rows[step].items() if row.until > at)

    def ripe(self, step: str, at: float) -> list[Key]:
        """What may be tried again: at most `FEW`, who has waited longest first."""
        over = [(row.until, key) for key, row in self._rows[step].items() if row.until <= at]
        return [key for _, key in nsmallest(FEW, over, key=lambda one: one[0])]

    def put(self, step: str, key: Key, at: float, code: str) -> tuple[str, bool]:
        """A step failed with a row; the code under which it is known, and whether that is new."""
        known = self._rows[step].setdefault(key, _Failure(code))
        known.until = at + min(LONGEST, FIRST * 2**known.tries)
        known.tries += 1
        self.failures[step] += 1
        return known.code, known.tries == 1

    def take_back(self, step: str, key: Key) -> None:
        """A row went well, or is due no more."""
        self._rows[step].pop(key, None)


def of_a_row(error: BaseException) -> bool:
    """Whether an error may come from one row; not when the database itself does not do what it should."""
    if isinstance(error, sql.DBAPIError) and not isinstance(error, _WHOLE):
        state = str(getattr(error.orig, "sqlstate", "") or "")
        return not error.connection_invalidated and not state.startswith(_CLASSES)
    return isinstance(error, Exception) and not isinstance(error, _WHOLE)
