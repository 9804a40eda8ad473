"""Everything that somebody can ask of the house, asked: every command, button, form, search and file of the
registry, with ids that were never shown to them. Nothing of it is kept.

New features are asked without a change here: the questions are made of what is registered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from sqlalchemy import func, select

from bot import fields
from bot.conversation import (
    Address,
    Arrival,
    Bound,
    ButtonPressed,
    CommandUsed,
    Conversation,
    FormSubmitted,
    HomeOpened,
    OptionsSought,
    Scalar,
    Side,
    t,
)
from bot.dispatch import Dispatcher, Outcome
from bot.errors import Refusal
from bot.fields import Spec
from storage import outbox
from storage.engine import Tx
from storage.journal import Line
from storage.outbox import Delivery
from tests.databases import held
from tests.desk import HandClock
from tests.postgres import wanted
from tests.world import World

Asked = dict[str, str]
"""What was asked -> everything that came of it, as text."""
_NUMBERED = re.compile(r"""(['"][a-z_]+['"], ?)(\d+)\b""")
_NEWEST = select(*(select(func.max(kind.id)).scalar_subquery() for kind in (Delivery, Line)))
_RANDOM = re.compile(r"[0-9a-f]{16,}|\b[0-9A-Z]{4}(?:-[0-9A-Z]{4})+\b|download/[\w-]+|p_[0-9a-z]{16}")


@dataclass(frozen=True)
class Forged:
    """What somebody who guesses well would try: numbers, words for arguments, words to type."""

    numbers: tuple[int, ...]
    words: tuple[str, ...]
    typed: tuple[str, ...]
    known: frozenset[str] = frozenset()
    """Ids that are told apart in what comes back; every other random word is one like the next."""


@dataclass
class Prober:
    """Asks as anybody, in one transaction that is taken back."""

    world: World
    forged: Forged
    spares: Callable[[Delivery], bool]
    """Whether a message is to somebody who may know."""
    _count: int = field(default=0)

    def __post_init__(self) -> None:
        self._at = self.world.ground.clock.now()

    @contextmanager
    def apart(self) -> Iterator[Tx]:
        """A transaction of which nothing stays, in a moment that does not pass."""
        database = self.world.ground.app.core.database
        running, database.clock = database.clock, HandClock(self._at)
        try:
            with held(database.store, database.carries | {"clock": database.clock}) as tx:
                yield tx
                tx.rollback()
        finally:
            database.clock = running

    def asks(self, tx: Tx, who: Address, side: Side) -> Asked:
        """Everything, as one account."""
        return dict(self._all(tx, who, side))

    def _all(self, tx: Tx, who: Address, side: Side) -> Iterator[tuple[str, str]]:
        registry, texts = self._dispatcher._registry, self.world.ground.app.core.texts
        yield "home", self._answer(tx, HomeOpened(*self._arrived(who)), side)
        for command in registry.commands.values():
            verb = texts.plain(t(f"{command.key}.verb"), "en").split(",")[0]
            for typed in self.forged.typed:
                used = CommandUsed(*self._arrived(who), "alumni", f"{verb} {typed}".strip())
                yield f"/{command.name} {typed}", self._answer(tx, used, side)
        for name, handler in registry.handlers.items():
            for args in self._arguments(handler.arguments):
                bound = Bound(name, args)
                yield f"{name} {args}", self._answer(tx, ButtonPressed(*self._arrived(who), bound), side)
                if handler.schema is None:
                    continue
                values = {n: self._filled(s) for n, s in fields.specs(handler.schema).items()}
                sent = FormSubmitted(*self._arrived(who), bound, values)
                yield f"{name} {args} sent", self._answer(tx, sent, side)
                for one in handler.options:
                    sought = OptionsSought(*self._arrived(who), bound, one, self.forged.typed[-1])
                    yield f"{name} {args} {one}", self._answer(tx, sought, side)
        for name, download in registry.downloads.items():
            for args in self._arguments(download.arguments):
                yield f"file {name} {args}", self._fetch(tx, who, side, Bound(name, args))

    @property
    def _dispatcher(self) -> Dispatcher:
        return self.world.ground.app.core.dispatcher

    def _arrived(self, who: Address) -> tuple[Address, Conversation, str]:
        self._count += 1
        return who, Conversation(who.workspace, str(who)), f"probe{self._count}"

    def _arguments(self, takes: Mapping[str, type]) -> Iterator[tuple[tuple[str, Scalar], ...]]:
        pools: dict[type, tuple[Scalar, ...]] = {
            int: self.forged.numbers, str: self.forged.words, bool: (False,),
        }  # fmt: skip
        kinds = sorted(set(takes.values()), key=str)
        for chosen in product(*(pools[kind] for kind in kinds)):
            by_kind = dict(zip(kinds, chosen, strict=True))
            yield tuple((name, by_kind[kind]) for name, kind in takes.items())

    def _filled(self, spec: Spec) -> Any:
        match spec.kind:
            case "choice":
                return spec.values[0]
            case "choices":
                return spec.values or self.forged.words
            case "tick":
                return ("yes",)
            case "date":
                return "2026-06-30"
            case "email":
                return "somebody@example.jp"
        return self.forged.typed[-1]

    def _answer(self, tx: Tx, incoming: Any, side: Side) -> str:
        return self._told(tx, lambda: self._dispatcher._answer(tx, incoming, side, writes=True))

    def _fetch(self, tx: Tx, who: Address, side: Side, bound: Bound) -> str:
        arrival = Arrival(*self._arrived(who))

        def hand() -> Outcome:
            actor = self._dispatcher._who(tx, arrival, side).actor
            ctx = self._dispatcher._context(tx, actor, arrival)
            return self._dispatcher._guarded(ctx, lambda: self._dispatcher._handed(ctx, bound))

        return self._told(tx, hand)

    def _told(self, tx: Tx, ask: Callable[[], Outcome]) -> str:
        """What came of it: what is shown, and what it wrote for the eyes of others."""
        before = self._newest(tx)
        letters, lines = (newest or 0 for newest in before)
        with tx.begin_nested() as savepoint:
            try:
                outcome = ask()
                tx.flush()
            except Refusal as refusal:
                shown = repr(refusal.text)
            else:
                file = outcome.file.data.decode("utf-8-sig") if outcome.file else ""
                shown = repr((outcome.reply, outcome.form, outcome.errors, outcome.options, file))
            wrote = before != self._newest(tx)
            written = [*self._letters(tx, letters), *self._lines(tx, lines)] if wrote else []
            savepoint.rollback()
        return self._plain("\n".join([shown, *written]))

    def _newest(self, tx: Tx) -> Sequence[int | None]:
        """The newest message and the newest line of the journal."""
        return tx.execute(_NEWEST).one()

    def _letters(self, tx: Tx, after: int) -> Iterator[str]:
        rows = tx.scalars(select(Delivery).where(Delivery.id > after).order_by(Delivery.id)).all()
        return (f"{row.kind} {outbox.body(tx, row)}" for row in rows if not self.spares(row))

    def _lines(self, tx: Tx, after: int) -> Iterator[str]:
        rows = tx.scalars(select(Line).where(Line.id > after).order_by(Line.id)).all()
        return (f"{row.what} {row.subject} {row.actor} {row.detail}" for row in rows)

    def _plain(self, words: str) -> str:
        """Random words are alike, but for those that are looked for; on a server also the numbers of rows,
        which are not given twice, even after what made them was taken back."""
        if wanted():
            words = _NUMBERED.sub(lambda found: f"{found[1]}{self._known(int(found[2]))}", words)
        return _RANDOM.sub(lambda found: found[0] if found[0] in self.forged.known else "…", words)

    def _known(self, number: int) -> str:
        return str(number) if number in self.forged.numbers else "…"
