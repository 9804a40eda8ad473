"""What is in force in this process: the newest document of HR over settings, catalogues and our mapping.

The one place where it changes is `Rulebook.adopt`; it lies beside every transaction (`rulebook.of`), and
nothing asks the database for it: a job looks for a newer version (`refresh`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from bot import charter, document
from bot.charter import Charter, Ground, Table
from bot.errors import Conflict
from bot.phrasing import Mistake, Wording, consent_keys
from bot.policy import Policy
from storage import consents, journal
from storage import policy as policies
from storage.consents import Purpose
from storage.engine import Database, Tx, after_commit
from storage.policy import PolicyVersion, Wordings

log = structlog.get_logger()
_PLACE = "rulebook"


class Mistaken(Exception):
    """A document with mistakes; nothing of it is saved."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("a document with mistakes")
        self.mistakes = mistakes


@dataclass(slots=True)
class Rulebook:
    """`policy` is the one that everybody holds; `learn` is told how leavers' files are to be read."""

    ground: Ground
    policy: Policy
    database: Database
    learn: Callable[[Table], None]
    version: int = 0
    charter: Charter = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self.charter = Charter(self.ground.policy)
        self.database.carries[_PLACE] = self

    def refresh(self) -> bool:
        """Take over what somebody saved, here or in another process; whether there was anything."""
        newest = self.database.run_now(lambda tx: policies.newest(tx) if self._behind(tx) else None, True)
        return newest is not None and self.adopt(newest)

    def _behind(self, tx: Tx) -> bool:
        return policies.number(tx) > self.version

    def adopt(self, row: PolicyVersion) -> bool:
        """Let a saved version be in force from here on; false when it or a newer one is already.

        What this version of the programme does not understand any more is left out and logged.
        """
        found, mistakes = charter.read(row.document, self.ground)
        for mistake in mistakes:
            log.warning("policy_not_understood", version=row.version, key=mistake.key)
        with self._lock:
            if row.version <= self.version:
                return False
            self.policy.adopt(found.policy)
            self.learn(found.mapping)
            self.database.carries["wordings"] = {p: listed[-1]["id"] for p, listed in row.wordings.items()}
            self.ground.texts.lay_over(found.wording)  # last: its edition has everything drawn anew
            self.charter, self.version = found, row.version
        return True

    def save(self, tx: Tx, changed: Charter, base: int, by: str) -> PolicyVersion:
        """Keep what HR decided, on top of the version that was edited; in force here once it is kept.

        Raises `Conflict` when somebody else saved meanwhile.
        """
        before = policies.newest(tx)
        wordings = self._wordings(before.wordings if before else {}, changed)
        text = document.kept(changed, self.ground)
        row = policies.save(tx, policies.made(tx, base, by, text, wordings), base)
        journal.write(tx, "policy.saved", actor=by, detail=str(row.version))
        after_commit(tx, self.refresh)
        return row

    def take(self, tx: Tx, text: str, base: int, by: str) -> PolicyVersion:
        """Keep a whole document. Raises `Mistaken` with everything that is wrong in it, or `Conflict`."""
        found, mistakes = charter.read(text, self.ground)
        if mistakes:
            raise Mistaken(mistakes)
        return self.save(tx, found, base if found.on is None else found.on, by)

    def _wordings(self, known: Wordings, changed: Charter) -> Wordings:
        """Every wording of every consent so far; where the words are others now, one more with its own id.

        Going back to former words is a new version too: an id says when something was asked, not only what.
        """
        listed: Wordings = {}
        for purpose, first in consents.WORDINGS.items():
            of_purpose = known.get(purpose.value) or [{"id": first, **self._words(purpose, {})}]
            after = self._words(purpose, changed.wording)
            if after != {name: words for name, words in of_purpose[-1].items() if name != "id"}:
                name = first.rpartition("-")[0]
                of_purpose = [*of_purpose, {"id": f"{name}-{len(of_purpose) + 1}", **after}]
            if len(of_purpose) > 1:
                listed[purpose.value] = of_purpose
        return listed

    def _words(self, purpose: Purpose, said: Wording) -> dict[str, str]:
        """Language -> the words under which consent for a purpose is asked."""
        texts = self.ground.texts
        found: dict[str, str] = {}
        for key in consent_keys(texts, purpose.value):
            for locale, words in {**texts.original(key), **said.get(key, {})}.items():
                found[locale] = "\n".join(filter(None, (found.get(locale, ""), str(words))))
        return found


def of(tx: Tx) -> Rulebook:
    """The rulebook of the house that this transaction belongs to."""
    book: Rulebook = tx.info[_PLACE]
    return book


def edited(tx: Tx, base: int) -> Rulebook:
    """The rulebook, still at the version that somebody edited. Raises `Conflict` when it has moved on."""
    book = of(tx)
    if book.version != base:
        raise Conflict("policy.moved_on")
    return book
