"""Each forbidden thing, where it is allowed all the same, and a sample that proves that the rule bites."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.house import rules
from tests.house.source import ROOMS, Source, sources


@dataclass(frozen=True)
class Ban:
    """A rule, the folders it holds in, the paths it does not hold for, and code that breaks and keeps it."""

    rule: rules.Rule
    breaks: tuple[str, ...]
    keeps: tuple[str, ...]
    allowed: tuple[str, ...] = ()
    folders: tuple[str, ...] = ROOMS


BANS = (
    Ban(
        rules.platform_words,
        breaks=(
            "blocks = []",
            "x.trigger_id",
            "def f(modal): ...",
            'kind = "open_modal"',
            "f(activity=1)",
            'x = "pg_activity"',
        ),
        keeps=(
            "proactivity = 1",
            'x = "FROM pg_stat_activity"',
            'x = "building-blocked"',
            '"""Opens a modal."""',
            "# blocks",
        ),
        folders=("bot", "storage", "jobs"),
    ),
    Ban(
        rules.environment,
        breaks=("import os\nos.environ['A']", "from os import getenv", "import os as o\no.getenv('A')"),
        keeps=("settings.environment", "'environ'"),
        allowed=("bot/settings.py", "tests/e2e/browser.py", "tests/postgres.py"),
        folders=(*ROOMS, "tests"),
    ),
    Ban(
        rules.system_time,
        breaks=("datetime.now(UTC)", "dt.date.today()", "f(time.time)", "from time import time_ns"),
        keeps=("time.monotonic()", "clock.now()", "self.time()", "clock.today(zone)"),
        allowed=("bot/clock.py",),
    ),
    Ban(
        rules.blind_except,
        breaks=(
            "try: f()\nexcept: ...",
            "try: f()\nexcept Exception: ...",
            "try: f()\nexcept (OSError, BaseException): ...",
            "with contextlib.suppress(Exception): f()",
        ),
        keeps=("try: f()\nexcept OSError: ...", "with suppress(KeyError): f()"),
        allowed=(
            "storage/readers.py",
            "storage/postgresql.py",  # any error, of a transaction that met another one
            "bot/app.py",  # a step of closing that fails keeps no other back
            "bot/dispatch.py",
            "jobs/feeds.py",  # a file in which a bug of ours shows
            "jobs/schedule.py",
            "jobs/apart.py",  # a row that fails must not keep the others
            "jobs/outbox/courier.py",  # a bug with one message must not keep the others
            "jobs/outbox/together.py",  # raised again where it was asked for
            "jobs/outbox/transport.py",  # a server that went away
            "adapters/http.py",
            "adapters/slack/app.py",
            "adapters/slack/listeners.py",
            "adapters/teams/app.py",
        ),
    ),
    Ban(
        rules.commit,
        breaks=("tx.commit()", "f(tx.commit)"),
        keeps=("commit = 1", "savepoint.commit()"),
        allowed=("storage/transactions.py", "storage/sqlite.py", "storage/postgresql.py"),
    ),
    Ban(
        rules.mock,
        breaks=("import unittest.mock", "from unittest import mock", "from unittest.mock import patch"),
        keeps=("import unittest", "mock = 1"),
        folders=(*ROOMS, "tests"),
    ),
    Ban(
        rules.unfinished,
        breaks=("# TO" + "DO later", "# FIX" + "ME", "'XX" + "X'"),
        keeps=("todo_list = 1", "# for a reason"),
        folders=(*ROOMS, "tests"),
    ),
    Ban(
        rules.shared_state,
        breaks=(
            "http = aiohttp.ClientSession()",
            "lock: Lock = asyncio.Lock()",
            "seen = {}",
            "x: list[int] = []",
            "engine = create_engine('sqlite://')",
            "known = defaultdict(list)",
        ),
        keeps=(
            "NAMES = {'a': 1}",
            "feature = Feature(__name__)",
            "log = get_logger()",
            "def f(): seen = {}",
            "KINDS = frozenset()",
        ),
    ),
    Ban(
        rules.japanese,
        breaks=("x = 'おかえり'", "f'{name}様'", "x = 'ｶﾅ'"),
        keeps=("# おかえり", "'''おかえり'''", "x = 'okaeri'", "x = '①'"),
        allowed=(
            "bot/names.py",  # the tables of kana and of variants of a character
            "bot/matching.py",  # what prefectures and towns end in
            "bot/texts.py",  # how a date is written
            "adapters/hris/",  # the headers and words of Japanese exports
            "adapters/playground/",  # invented people
            "storage/migrations/",
        ),
    ),
    Ban(
        rules.sentences,
        breaks=("Paragraph('Welcome back')", "c.Button('Press me', press)", "Card(title=f'Hello {name}')"),
        keeps=("Paragraph(t('welcome.hello'))", "Option('value', t('x.y'))", "Button(f'{a}_{b}')"),
        allowed=("adapters/playground/", "bot/__main__.py"),  # the command line explains itself in English
    ),
)


@pytest.mark.parametrize("ban", BANS, ids=lambda ban: ban.rule.__name__)
def test_nothing_forbidden_is_in_the_house(ban: Ban) -> None:
    found = [
        f"{source.path}:{line}: {what}"
        for source in sources(*ban.folders)
        if not source.path.startswith(ban.allowed or "/") and not source.path.startswith("tests/house/")
        for line, what in ban.rule(source)
    ]
    assert not found, "\n".join([ban.rule.__doc__ or "", *found])


@pytest.mark.parametrize("ban", BANS, ids=lambda ban: ban.rule.__name__)
def test_the_rule_bites(ban: Ban) -> None:
    assert [code for code in ban.breaks if not list(ban.rule(Source.of(code)))] == []
    assert [code for code in ban.keeps if list(ban.rule(Source.of(code)))] == []
