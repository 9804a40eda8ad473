"""`okaeri deliveries list | show | retry | drop`: nobody's name, no words, and what cannot be is told."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.__main__ import cli
from bot.clock import Clock
from bot.deliveries import all_retried, dropped, listed, retried, shown
from bot.settings import Settings, load
from storage import delivering, given_up, journal, outbox, people
from storage.columns import Vault
from storage.consents import Purpose
from storage.engine import Database, Tx
from storage.outbox import Delivery, Draft, Route, Status
from tests.databases import ask, empty_database, empty_file

ROOT = Path(__file__).parents[2]
NAME = "髙橋 愛子"
COMPANY: dict[str, Any] = {
    "company_name": "Minato", "contact_name": "HR, Sato", "contact_email": "hr@minato.example.jp",
    "alumni_invite_url": "https://join.slack.example/t/x",
}  # fmt: skip


@pytest.fixture(params=[False, True], ids=["a file", "a server"])
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """An empty database of either kind, and a house that speaks English."""
    with empty_database(tmp_path, on_server=request.param) as url:
        log = tmp_path / "erasures"
        yield load(_env_file=None, **COMPANY, locale="en", database_url=url, secret_key=Vault.make(),
                   erasure_log=str(log))  # fmt: skip


def on(settings: Settings, fn: Any) -> Any:
    """One transaction of the house itself."""
    with closing(Database(settings.database_url, settings.vault(), Clock())) as database:
        return ask(database, fn, False)


def gives_up(settings: Settings, kind: str = "checkin.nudge", reason: str = "internal_error") -> int:
    """A message that no way brings there."""

    def act(tx: Tx) -> int:
        person = people.add(tx, NAME)
        draft = Draft(kind, "{}", Purpose.ASKING, Route.PROOF_MAIL, f"{kind}:{person.id}", person.id)
        row = outbox.put(tx, draft)
        assert row is not None
        (taken,) = delivering.claim(tx, ids=[row.id])
        delivering.dead(tx, taken, reason)
        return taken.id

    number: int = on(settings, act)
    return number


def status(settings: Settings, number: int) -> Status:
    found: Status = on(settings, lambda tx: tx.get_one(Delivery, number).status)
    return found


def test_what_was_given_up_is_listed_shown_tried_again_and_let_go(settings: Settings) -> None:
    assert listed(settings, 20, None) == ["There is nothing that could not be delivered."]
    first, second = gives_up(settings), gives_up(settings, reason="invalid_card")
    hidden = gives_up(settings, "interest.news")
    head, *rows = listed(settings, 20, None)
    assert head.split() == ["id", "kind", "route", "reason", "when"]
    assert [row.split()[:4] for row in rows] == [
        [str(second), "checkin.nudge", "proof_mail", "invalid_card"],
        [str(first), "checkin.nudge", "proof_mail", "internal_error"],
    ]
    assert listed(settings, 1, None)[-1] == f"The next ones: --before {second}"
    assert listed(settings, 1, second)[1].split()[0] == str(first)

    lines, good = shown(settings, first)
    assert good
    assert lines[:3] == ["kind: checkin.nudge", "route: proof_mail", "reason: internal_error"]
    assert lines[4:7] == ["tries: 1", "may have arrived: no", "words: kept; it can be sent again"]
    assert lines[7].startswith("meaning: The chat or the mail server did not answer")
    assert NAME not in "\n".join([*lines, *rows])

    gone = "This message is not here any more. Somebody may have been faster."
    assert shown(settings, hidden) == ([f"{hidden}: {gone}"], False)
    assert retried(settings, [first, hidden]) == (
        [f"{hidden}: {gone}", "1 message is tried again."], False,
    )  # fmt: skip
    assert dropped(settings, [second]) == (["1 message is not sent any more."], True)
    assert dropped(settings, [second])[1] is False
    assert [status(settings, one) for one in (first, second, hidden)] == [
        Status.PENDING, Status.DROPPED, Status.DEAD,
    ]  # fmt: skip
    said = on(settings, lambda tx: [(one.what, one.subject, one.actor) for one in tx.query(journal.Line)])
    assert said == [("delivery.again", f"delivery:{first}", "operator"),
                    ("delivery.dropped", f"delivery:{second}", "operator")]  # fmt: skip


def test_all_of_one_reason_are_tried_again_but_not_those_without_words(settings: Settings) -> None:
    busy, late, other = gives_up(settings), gives_up(settings), gives_up(settings, reason="invalid_card")
    ahead = datetime.now(UTC) + timedelta(days=1)

    def purge(tx: Tx) -> None:
        tx.get_one(Delivery, other).done_at = ahead + timedelta(days=1)
        tx.get_one(Delivery, busy).done_at = ahead + timedelta(days=1)
        tx.flush()
        given_up.outdated(ahead).clear(tx)

    on(settings, purge)
    assert "words: gone; it cannot be sent again" in shown(settings, late)[0]
    gone = f"{late}: The words of this message are gone, so it cannot be sent again."
    assert retried(settings, [late]) == ([gone, "0 messages are tried again."], False)
    lines, good = all_retried(settings, "internal_error")
    assert (lines[0], good) == ("1 message is tried again.", False)
    assert lines[1].startswith("1 message stays")
    assert [status(settings, one) for one in (busy, late, other)] == [
        Status.PENDING, Status.DEAD, Status.DEAD,
    ]  # fmt: skip


def run(folder: Path, *line: str, **changes: str) -> subprocess.CompletedProcess[str]:
    given = {**COMPANY, "locale": "ja", "database_url": f"sqlite:///{folder}/okaeri.db",
             "secret_key": "k1:" + "A" * 43 + "=", **changes}  # fmt: skip
    env = {f"OKAERI_{name.upper()}": str(value) for name, value in given.items()}
    return subprocess.run(
        [sys.executable, "-m", "bot", "deliveries", *line],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={**env, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )  # fmt: skip


@pytest.mark.long
def test_the_command_line_ends_with_1_for_what_could_not_be(tmp_path: Path) -> None:
    shutil.copy(empty_file(), tmp_path / "okaeri.db")
    missing = run(tmp_path, "retry", "7")
    assert (missing.returncode, missing.stderr) == (1, "")
    assert missing.stdout.startswith("7：この連絡は、ここにはもうありません。")


@pytest.mark.long
def test_what_keeps_the_house_from_opening_is_one_line(tmp_path: Path) -> None:
    """No key, a server that does not answer, a folder that cannot be made; nothing is left behind."""
    (tmp_path / "a.txt").touch()
    for setting, value, said in (
        ("secret_key", "", "OKAERI_SECRET_KEY: missing"),
        ("database_url", "garbage", "OKAERI_DATABASE_URL: 'not an address'"),
        ("database_url", "postgresql://u:secret@[::1/x", "OKAERI_DATABASE_URL: 'not an address'"),
        ("database_url", "postgresql://u:secret@127.0.0.1:1/x", "OKAERI_DATABASE_URL: 127.0.0.1/x cannot be"),
        (
            "database_url",
            f"sqlite:///{tmp_path}/a.txt/x.db",
            f"OKAERI_DATABASE_URL: {tmp_path}/a.txt/x.db can",
        ),
    ):
        done = run(tmp_path, "list", **{setting: value})
        assert (done.returncode, done.stdout) == (78, "")
        assert done.stderr.startswith(f"Okaeri cannot start:\n  {said}"), done.stderr
        assert "Traceback" not in done.stderr
        assert "secret@" not in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("line", [["show"], ["retry"], ["drop"], ["list", "--before"]])
def test_a_number_that_no_message_has_is_refused(line: list[str]) -> None:
    done = CliRunner().invoke(cli, ["deliveries", *line, "99999999999999999999"])
    assert done.exit_code == 2
    assert "2147483647" in done.output


@pytest.mark.parametrize("line", [[], ["7", "--all"], ["7", "--reason", "bug"], ["--reason", "bug"]])
def test_what_is_to_be_tried_again_must_be_said_one_way(line: list[str]) -> None:
    assert CliRunner().invoke(cli, ["deliveries", "retry", *line]).exit_code == 2
