"""Settings: every mistake at once with what would be right, and never a secret in what is printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot import settings as room
from bot.conversation import Role, Side
from bot.errors import ConfigError
from bot.settings import Settings, check, load
from storage.columns import Vault

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-very-secret"
GOOD = {
    "company_name": "Minato",
    "contact_name": "HR, Sato",
    "contact_email": "alumni@minato.example.jp",
    "mail_from": "okaeri@minato.example.jp",
    "smtp_url": f"smtp+starttls://okaeri:{SECRET}@mail.example.jp:587",
    "base_url": "https://okaeri.minato.example.jp",
    "alumni_invite_url": "https://join.slack.com/t/x",
    "owners": "sato@minato.example.jp; slack:T0COMPANY:U7",
    "hr": "",
    "secret_key": Vault.make(),
    "slack_company_signing_secret": f"{SECRET}1",
    "slack_company_app_id": "A1",
    "slack_company_team_id": "T1",
    "slack_company_bot_token": f"xoxb-{SECRET}",
}
ALUMNI = {
    name.replace("company", "alumni"): f"{value}2" for name, value in GOOD.items() if name.startswith("slack")
}


def made(**changes: object) -> Settings:
    return load(_env_file=None, **(GOOD | changes))


def mistakes(**changes: object) -> list[str]:
    with pytest.raises(ConfigError) as wrong:
        check(made(**changes))
    return wrong.value.mistakes


def test_good_settings_are_taken() -> None:
    settings = made()
    check(settings)
    assert settings.sides() == (Side.COMPANY,)
    assert settings.slack(Side.COMPANY)["bot_token"] == f"xoxb-{SECRET}"
    assert settings.staff() == ((Role.OWNER, "sato@minato.example.jp"), (Role.OWNER, "slack:T0COMPANY:U7"))
    assert settings.brand().network == "Minato Alumni"
    assert settings.policy().zone == "Asia/Tokyo"
    assert settings.vault().ring


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("company_name", ""),
        ("contact_name", ""),
        ("contact_email", ""),
        ("contact_email", "nobody"),
        ("mail_from", "okaeri"),
        ("smtp_url", ""),
        ("smtp_url", "mail.example.jp"),
        ("smtp_url", "http://x"),
        ("smtp_url", "smtp://"),
        ("smtp_url", f"smtp://u:{SECRET}@[bad"),
        ("base_url", "okaeri.example.jp"),
        ("base_url", "https://[bad"),
        ("base_url", "https://x:99999"),
        ("alumni_invite_url", "ftp://x"),
        ("logo_url", "http://x/logo.png"),
        ("terms_url", "javascript:alert(1)"),
        ("owners", ""),
        ("owners", "sato"),
        ("hr", "teams:x"),
        ("hr", "slack:U7"),
        ("secret_key", ""),
        ("secret_key", f"k1:{SECRET}"),
        ("timezone", "Asia/Tokio"),
        ("timezone", "Asia"),
        ("timezone", ""),
        ("timezone", "../etc/passwd"),
        ("calendar_country", "ZZ"),
        ("closures", "2026-08-13, 8/14"),
        ("port", 0),
        ("port", 65536),
        ("unanswered_days", 0),
        ("leaver_keep_days", -1),
        ("leaver_max_bytes", 0),
        ("leaver_drop", "/nowhere/at-all"),
        ("catalogue", "/nowhere/at-all"),
        ("metrics_bind", "9464"),
        ("metrics_bind", "localhost:x"),
        ("erasure_log", "/nowhere/at/all/list"),
        ("slack_company_app_id", ""),
        ("slack_alumni_team_id", "T2"),
        ("slack_alumni_channel", "C0JOBS"),
        ("slack_alumni_channel", "#comeback"),
    ],
)
def test_each_mistake_names_its_variable_and_what_would_be_right(name: str, value: object) -> None:
    found = mistakes(**{name: value})
    side = name.rpartition("_")[0].rpartition("_")[0] if name.startswith("slack") else ""
    wanted = f"OKAERI_{name.upper()}"
    assert any(line.startswith((wanted, "OKAERI_SLACK_ALUMNI") if side else wanted) for line in found), found
    assert all("; right: " in line or "right: " in line for line in found)
    assert not any(SECRET in line for line in found)


def test_every_mistake_is_told_at_once() -> None:
    found = mistakes(company_name="", port=0, timezone="Mars", owners="sato", secret_key="x", smtp_url="x")
    names = {line.partition(":")[0] for line in found}
    wanted = ("COMPANY_NAME", "PORT", "TIMEZONE", "OWNERS", "SECRET_KEY", "SMTP_URL")
    assert names == {f"OKAERI_{name}" for name in wanted}


def test_two_sides_need_two_apps() -> None:
    same = {
        f"slack_alumni_{n}": GOOD[f"slack_company_{n}"]
        for n in ("signing_secret", "app_id", "team_id", "bot_token")
    }
    found = mistakes(**same)
    assert len(found) == 3
    assert all("two apps in two workspaces" in line for line in found)
    assert not any(SECRET in line for line in found)


def test_a_house_may_do_without_chat() -> None:
    check(made(alumni_invite_url="", **{name: "" for name in GOOD if name.startswith("slack")}))


def test_an_alumni_workspace_needs_its_invitation_link() -> None:
    assert [line for line in mistakes(alumni_invite_url="", **ALUMNI) if "OKAERI_ALUMNI_INVITE_URL" in line]


def test_a_channel_belongs_to_the_alumni_workspace() -> None:
    settings = made(slack_alumni_channel="C0JOBS", **ALUMNI)
    check(settings)
    assert settings.policy().channels == ("slack:T12:C0JOBS",)
    assert made(**ALUMNI).policy().channels == ()
    assert made(slack_alumni_channel="C0JOBS").policy().channels == ()
    (told,) = mistakes(slack_alumni_channel="C0JOBS")
    assert told.startswith("OKAERI_SLACK_ALUMNI_CHANNEL: no alumni workspace")


@pytest.mark.parametrize("channel", ["#comeback", "comeback", "D0HR", "U0AIKO", "G0SECRET", "C", "c0jobs"])
def test_a_channel_is_told_by_its_id(channel: str) -> None:
    (told,) = mistakes(slack_alumni_channel=channel, **ALUMNI)
    assert told.startswith(f"OKAERI_SLACK_ALUMNI_CHANNEL: {channel!r}; right: a public channel's id")


TEAM = "dddddddd-0000-4000-8000-000000000001"
IN_TEAMS = {
    "teams_alumni_app_id": TEAM, "teams_alumni_app_password": SECRET, "teams_alumni_tenant_id": TEAM.upper(),
}  # fmt: skip


def test_a_team_and_its_channel_belong_to_the_alumni_bot() -> None:
    place = {"teams_alumni_team_id": TEAM, "teams_alumni_channel": "19:aB-c_1@thread.tacv2"}
    settings = made(**place, **IN_TEAMS)
    check(settings)
    assert settings.policy().channels == (f"teams:{TEAM}:19:aB-c_1@thread.tacv2",)
    told = mistakes(**place)
    assert [line.partition(":")[0].removeprefix("OKAERI_TEAMS_ALUMNI_") for line in told] == [
        "TEAM_ID",
        "CHANNEL",
    ]
    assert all("no alumni bot is set" in line for line in told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("teams_alumni_team_id", "19:x@thread.tacv2"),
        ("teams_alumni_team_id", "アルムナイ"),
        ("teams_alumni_channel", TEAM),
        ("teams_alumni_channel", "19:x@thread.v2"),
        ("teams_alumni_channel", "https://teams.microsoft.com/l/channel/19%3Ax%40thread.tacv2"),
    ],
)
def test_a_team_and_a_channel_are_told_by_their_ids(name: str, value: str) -> None:
    (told,) = mistakes(**{name: value}, **IN_TEAMS)
    assert told.startswith(f"OKAERI_{name.upper()}: {value!r}; right: ")


def test_values_of_a_wrong_type_are_told_at_once_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as wrong:
        load(_env_file=None, port=SECRET, locale=SECRET, enrol_on=SECRET, enrol_at=SECRET, log_level=SECRET)
    names = {line.partition(":")[0] for line in wrong.value.mistakes}
    assert names == {"OKAERI_PORT", "OKAERI_LOCALE", "OKAERI_ENROL_ON", "OKAERI_ENROL_AT", "OKAERI_LOG_LEVEL"}
    assert SECRET not in str(wrong.value)


def test_settings_do_not_show_their_secrets() -> None:
    settings = made()
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.model_dump())
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_the_variables_are_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OKAERI_COMPANY_NAME", "Minato")
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL", "PORT", "COMPANY_NAME"):
        monkeypatch.setenv(name, "1")
    settings = load(_env_file=None)
    assert settings.company_name == "Minato"
    assert (settings.port, settings.database_url) == (3978, "sqlite:///var/okaeri.db")
    assert not settings.sides()


def test_a_file_of_settings_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env").write_text("OKAERI_COMPANY_NAME=港\nOKAERI_PORT=4000\nSOMETHING=1\n", "utf-8")
    monkeypatch.setenv("OKAERI_PORT", "5000")
    settings = load(_env_file=tmp_path / "env")
    assert (settings.company_name, settings.port) == ("港", 5000)


def test_the_command_line_prints_every_mistake_and_exits_with_78(tmp_path: Path) -> None:
    env = {"PATH": "", "PYTHONPATH": str(ROOT), "OKAERI_SMTP_URL": f"smtp://{SECRET}@[", "OKAERI_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "serve"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr
    assert done.stderr.startswith("Okaeri cannot start:")
    for name in ("COMPANY_NAME", "SMTP_URL", "PORT", "SECRET_KEY", "OWNERS", "BASE_URL"):
        assert f"  OKAERI_{name}: " in done.stderr
    assert not (tmp_path / "var").exists()


def test_every_setting_is_in_the_list_of_settings() -> None:
    text = (ROOT / "docs/settings.md").read_text("utf-8")
    missing = [
        name
        for name in room.Settings.model_fields
        if f"OKAERI_{name.upper()}" not in text and "slack_" not in name
    ]
    assert not missing
