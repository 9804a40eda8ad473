"""A start loads what it needs and no more: a door that is not configured costs neither time nor memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from storage.columns import Vault
from tests.house.source import ROOT

START = """
import asyncio, sys
from bot.app import running
from bot.settings import load

async def start():
    async with running(load(_env_file=None)):
        print(*sys.modules)

asyncio.run(start())
"""


def loaded_by_a_start(folder: Path) -> set[str]:
    """The modules of a process that put a house together without any chat, and the packages they are in."""
    env = {
        "OKAERI_DATABASE_URL": f"sqlite:///{folder}/okaeri.db", "OKAERI_SECRET_KEY": Vault.make(),
        "PYTHONUTF8": "1",
        "OKAERI_SMTP_URL": "smtp://127.0.0.1:9", "OKAERI_MAIL_FROM": "okaeri@minato.example.jp",
        "OKAERI_CONTACT_NAME": "HR", "OKAERI_CONTACT_EMAIL": "hr@minato.example.jp",
    }  # fmt: skip
    told = subprocess.run(
        [sys.executable, "-c", START], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    return {".".join(name.split(".")[:end]) for name in told.stdout.split() for end in (1, 2, None)}


def test_a_door_that_is_not_configured_is_not_loaded(tmp_path: Path) -> None:
    loaded = loaded_by_a_start(tmp_path)
    assert "bot.dispatch" in loaded
    assert not loaded & {"slack_bolt", "slack_sdk", "adapters.slack", "adapters.playground", "aiosmtpd"}


def test_a_database_that_is_up_to_date_needs_no_migrations(tmp_path: Path) -> None:
    assert "alembic" in loaded_by_a_start(tmp_path)
    assert "alembic" not in loaded_by_a_start(tmp_path)
