"""`okaeri policy export | check | import`: one file, every mistake told, nothing saved while there is one."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.papers import import_policy, policy_checked, policy_in_force
from bot.settings import Settings, load
from storage.columns import Vault

ROOT = Path(__file__).parents[2]
COMPANY: dict[str, Any] = {
    "company_name": "Minato", "contact_name": "HR, Sato", "contact_email": "hr@minato.example.jp",
    "alumni_invite_url": "https://join.slack.example/t/x", "locale": "en",
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    database = f"sqlite:///{tmp_path}/okaeri.db"
    return load(_env_file=None, **COMPANY, database_url=database, secret_key=Vault.make())


def test_what_is_exported_can_be_corrected_and_imported(settings: Settings) -> None:
    text = policy_in_force(settings)
    assert policy_checked(settings, text) == (["There are no mistakes."], True)
    changed = text.replace('network = "Minato Alumni"', 'network = "Harbour Circle"')
    changed = changed.replace('# "welcome.say_yes" = "はい"', '"welcome.say_yes" = "はい、ぜひ"')
    assert import_policy(settings, changed) == (["Saved as version 1."], True)
    again = policy_in_force(settings)
    table = tomllib.loads(again)
    assert (table["version"], table["brand"]["network"]) == (1, "Harbour Circle")
    assert table["wording"] == {"ja": {"welcome.say_yes": "はい、ぜひ"}, "en": {}}


def test_who_was_slower_is_told(settings: Settings) -> None:
    text = policy_in_force(settings)
    assert import_policy(settings, text)[1]
    lines, saved = import_policy(settings, text)
    assert not saved
    assert "Somebody else has saved" in lines[0]


def test_every_mistake_is_printed_and_nothing_is_saved(settings: Settings) -> None:
    text = '[brand]\nnetwork = ""\nlogo_url = "x"\n[calendars]\n[wording.en]\n"welcome.title" = "Hello"'
    lines, good = policy_checked(settings, text)
    assert not good
    assert [line.partition(":")[0] for line in lines] == [
        "calendars", "brand.network", "brand.logo_url", "wording.en.welcome.title",
    ]  # fmt: skip
    assert "“x”; Please enter an address that begins with https://." in lines[2]
    told, saved = import_policy(settings, text)
    assert not saved
    assert told == [*lines, "There are mistakes, so nothing was saved."]
    assert tomllib.loads(policy_in_force(settings))["version"] == 0


def run(folder: Path, *line: str) -> subprocess.CompletedProcess[str]:
    given = {**COMPANY, "database_url": f"sqlite:///{folder}/okaeri.db", "secret_key": "k1:" + "A" * 43 + "="}
    env = {f"OKAERI_{name.upper()}": str(value) for name, value in given.items()}
    return subprocess.run(
        [sys.executable, "-m", "bot", "policy", *line],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={**env, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )  # fmt: skip


@pytest.mark.long
def test_the_command_line_ends_with_1_for_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[brand]\nnetwork = 1", "utf-8")
    for verb in ("check", "import"):
        bad = run(tmp_path, verb, "bad.toml")
        assert (bad.returncode, bad.stderr) == (1, "")
        assert bad.stdout.startswith("brand.network: “1”; ")
    missing = run(tmp_path, "check", "nowhere.toml")
    assert missing.returncode == 78
    assert "Traceback" not in missing.stderr
