"""`okaeri deliveries`: what could not be delivered, as an operator sees it: no names and no words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from bot import redelivery
from bot.app import Core, core
from bot.conversation import Text, Words, t
from bot.redelivery import OPERATOR, Became
from bot.settings import Settings
from storage import given_up
from storage.engine import Tx
from storage.outbox import Delivery

T = TypeVar("T")
BATCH = 200
"""Messages that one transaction tries again."""
Report = tuple[list[str], bool]
"""Lines to print, and whether everything was done that was asked for."""


def listed(settings: Settings, limit: int, before: int | None) -> list[str]:
    """What was given up, newest first: a line each, in columns."""

    def look(base: Core) -> list[str]:
        rows = _reads(base, lambda tx: given_up.dead_ones(tx, limit + 1, before))
        cells = [
            (str(number), kind, route, reason, _moment(settings, at))
            for number, kind, route, reason, at in given_up.told(rows[:limit])
        ]
        if not cells:
            return [_say(base, t("undelivered.cli.none"))]
        head = tuple(_say(base, t("undelivered.cli.head")).split())
        more = [_say(base, t("undelivered.cli.more", id=cells[-1][0]))] if len(rows) > limit else []
        return [*_columns([head, *cells]), *more]

    return _with(settings, look)


def shown(settings: Settings, delivery: int) -> Report:
    """Everything about one, with what its reason means."""

    def look(base: Core) -> Report:
        row = _reads(base, lambda tx: given_up.one_dead(tx, delivery))
        if row is None:
            return [_refused(base, delivery, Became.NOT_DEAD)], False
        return [_say(base, _fact(name, value)) for name, value in _facts(settings, row)], True

    return _with(settings, look)


def retried(settings: Settings, ids: Sequence[int]) -> Report:
    """Try these again."""
    return _with(settings, lambda base: _each(base, ids, redelivery.again, Became.AGAIN))


def dropped(settings: Settings, ids: Sequence[int]) -> Report:
    """Let these go."""
    return _with(settings, lambda base: _each(base, ids, redelivery.drop, Became.DROPPED))


def all_retried(settings: Settings, reason: str) -> Report:
    """Try everything again that was given up, or what was given up for one reason."""

    def act(base: Core) -> Report:
        done, left = 0, 0
        for ids in _batches(base, reason):
            came = _came(base, ids, redelivery.again)
            done += came.count(Became.AGAIN)
            left += len(came) - came.count(Became.AGAIN)
        lines = [_say(base, t("undelivered.cli.retried", count=done))]
        return lines + ([_say(base, t("undelivered.cli.left", count=left))] if left else []), not left

    return _with(settings, act)


def _batches(base: Core, reason: str) -> Iterator[list[int]]:
    """The ids of what was given up for a reason, or for any."""
    before: int | None = None
    while rows := _dead(base, before):
        before = rows[-1].id
        yield [row.id for row in rows if reason in ("", row.reason)]


def _dead(base: Core, before: int | None) -> Sequence[Delivery]:
    return _reads(base, lambda tx: given_up.dead_ones(tx, BATCH, before))


_Act = Callable[[Tx, int, str], Became]


def _each(base: Core, ids: Sequence[int], act: _Act, good: Became) -> Report:
    came = _came(base, ids, act)
    refused = [_refused(base, one, how) for one, how in zip(ids, came, strict=True) if how is not good]
    count = len(ids) - len(refused)
    key = "retried" if good is Became.AGAIN else "dropped"
    return [*refused, _say(base, t(f"undelivered.cli.{key}", count=count))], not refused


def _came(base: Core, ids: Sequence[int], act: _Act) -> list[Became]:
    """One transaction for all of them."""
    return base.database.run_now(lambda tx: [act(tx, one, OPERATOR) for one in ids]) if ids else []


def _refused(base: Core, delivery: int, how: Became) -> str:
    became = t(f"undelivered.became.{how.value}")
    return _say(base, t("undelivered.cli.became", id=str(delivery), became=became))


def _facts(settings: Settings, row: Delivery) -> list[tuple[str, Words]]:
    kept, unsure = row.payload is not None, row.ambiguous
    return [
        ("kind", row.kind),
        ("route", row.route.value),
        ("reason", row.reason),
        ("when", _moment(settings, row.done_at)),
        ("attempts", str(row.attempts)),
        ("ambiguous", t("undelivered.cli.maybe") if unsure else t("undelivered.cli.surely_not")),
        ("words", t("undelivered.cli.kept") if kept else t("undelivered.cli.gone")),
        ("means", redelivery.means(row)),
    ]


def _fact(name: str, value: Words) -> Text:
    return t("undelivered.cli.fact", name=t(f"undelivered.cli.{name}"), value=value)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows]  # fmt: skip


def _moment(settings: Settings, at: datetime | None) -> str:
    return at.astimezone(ZoneInfo(settings.timezone)).strftime("%Y-%m-%d %H:%M") if at else ""


def _say(base: Core, words: Text) -> str:
    return base.texts.plain(words, base.settings.locale)


def _reads(base: Core, fn: Callable[[Tx], T]) -> T:
    return base.database.run_now(fn)


def _with(settings: Settings, act: Callable[[Core], T]) -> T:
    base = core(settings)
    try:
        return act(base)
    finally:
        base.database.close()
