"""The doctor in front of a house that is well, and of one ailment after the other."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.playground.local_slack import LocalApp, LocalSlack
from adapters.playground.mailbox import Mailbox
from adapters.playground.slack_state import stable_id
from adapters.slack.manifest import manifest
from bot.clock import Clock
from bot.conversation import Side
from bot.doctor import Finding, examine, report
from bot.doctor.mail_dns import Servers
from bot.registry import discover
from bot.settings import Settings, load
from bot.texts import Texts
from storage import people, schema
from storage.columns import Vault
from storage.condition import condition, file_of
from storage.engine import Database
from tests.adapters.name_server import name_server
from tests.house.source import ROOT

TEXTS = Texts.load(ROOT / "bot" / "catalogue")
TEAMS = {Side.COMPANY: "T0COMPANY", Side.ALUMNI: "T0ALUMNI"}
CHANNEL = stable_id("C", TEAMS[Side.ALUMNI], "comeback")
OWNER = "hr@example.jp"


@dataclass
class Patient:
    """A house that is well, its neighbours, and what is changed to make it ill."""

    slack: LocalSlack
    mailbox: Mailbox
    values: dict[str, Any]
    names: Servers

    def settings(self, **changes: Any) -> Settings:
        return load(_env_file=None, **self.values | changes)

    async def examined(self, *, live: bool = False, **changes: Any) -> list[Finding]:
        return await examine(self.settings(**changes), live=live, names=self.names)

    async def found(self, *, live: bool = False, **changes: Any) -> dict[str, list[Finding]]:
        """name -> findings"""
        found: dict[str, list[Finding]] = {}
        for finding in await self.examined(live=live, **changes):
            found.setdefault(finding.name, []).append(finding)
        return found

    async def one(self, name: str, *, live: bool = False, **changes: Any) -> tuple[bool | None, str]:
        """What is found of one thing: how it is, and the key of what is said."""
        (finding,) = (await self.found(live=live, **changes))[name]
        return finding.ok, finding.text.key

    @property
    def url(self) -> str:
        return str(self.values["database_url"])

    @property
    def file(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    def database(self, vault: Vault | None = None) -> Database:
        return Database(self.url, vault or self.settings().vault(), Clock())


async def _ok(request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def _refuse(request: web.Request) -> web.Response:
    return web.Response(status=401)


def local_app(side: Side, scopes: list[str] | None = None) -> LocalApp:
    paper = manifest(
        side, discover("bot.commands"), TEXTS, load(_env_file=None).brand(), "http://127.0.0.1:9"
    )
    if scopes is not None:
        paper["oauth_config"]["scopes"]["bot"] = scopes
    name = side.value.upper()
    return LocalApp(
        f"A0{name}", f"secret-{name}", f"xoxb-{name}", f"U0BOT{name}", paper, "http://127.0.0.1:9/x"
    )


@asynccontextmanager
async def street(folder: Path, scopes: dict[Side, list[str]] | None = None) -> AsyncIterator[Patient]:
    slack, mailbox = LocalSlack(time.time), Mailbox(time.time)
    for side in Side:
        app = local_app(side, (scopes or {}).get(side))
        slack.add_workspace(TEAMS[side], side.value, app)
        slack.add_person(TEAMS[side], name="佐藤 美咲", email=OWNER, user=f"U0HR{side.value.upper()}")
    slack.invites(TEAMS[Side.ALUMNI], slack.add_channel(TEAMS[Side.ALUMNI], "comeback"))
    outside = web.Application()
    outside.router.add_get("/healthz", _ok)
    outside.router.add_post("/slack/events", _refuse)
    outside.router.add_post("/open/slack/events", _ok)
    outside.router.add_get("/open/healthz", _ok)
    outside.add_subapp("/local-slack/", slack.web_api())
    server = TestServer(outside)
    await server.start_server()
    await mailbox.start()
    (folder / "drop").mkdir()
    values = _values(folder, str(server.make_url("")).rstrip("/"), mailbox.port)
    spf, dmarc = {"example.jp": ["v=spf1 -all"]}, {"_dmarc.example.jp": ["v=DMARC1; p=reject"]}
    async with name_server(spf | dmarc | {"s1._domainkey.example.jp": ["v=DKIM1; p=MIIB"]}) as names:
        yield Patient(slack, mailbox, values, names)
    await mailbox.stop()
    await slack.close()
    await server.close()


def _values(folder: Path, url: str, smtp_port: int) -> dict[str, Any]:
    database = f"sqlite:///{folder}/okaeri.db"
    schema.upgrade(database)
    values = {
        "company_name": "株式会社みなと", "contact_name": "人事部", "contact_email": OWNER, "owners": OWNER,
        "mail_from": "okaeri@example.jp", "smtp_url": f"smtp://127.0.0.1:{smtp_port}", "base_url": url,
        "alumni_invite_url": "https://join.example.jp/", "database_url": database, "secret_key": Vault.make(),
        "slack_api_url": f"{url}/local-slack/api", "leaver_drop": str(folder / "drop"),
        "dkim_selector": "s1", "slack_alumni_channel": CHANNEL,
    }  # fmt: skip
    for side in Side:
        name = side.value.upper()
        given = {"signing_secret": f"secret-{name}", "app_id": f"A0{name}", "team_id": TEAMS[side]}
        given["bot_token"] = f"xoxb-{name}"
        values |= {f"slack_{side.value}_{key}": value for key, value in given.items()}
    return values


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Patient]:
    async with street(tmp_path) as well:
        yield well


async def test_a_house_that_is_well(patient: Patient) -> None:
    findings = await patient.examined(live=True)
    assert [f for f in findings if f.ok is not True] == []
    names = {f.name for f in findings}
    assert names >= {
        "settings",
        "database",
        "disk",
        "keys",
        "leavers",
        "mapping",
        "clock",
        "mail",
        "callback",
    }
    assert names >= {
        f"slack {side} {what}" for side in TEAMS for what in ("token", "scopes", "clock", "owner")
    }
    assert "slack alumni channel" in names
    assert "slack company channel" not in names
    assert patient.mailbox.mails() == []
    for side, team in TEAMS.items():
        (letter,) = patient.slack.messages(team, f"U0HR{side.value.upper()}")
        assert "okaeri doctor" in str(letter.blocks)
        assert letter.text == "おかえりからのお知らせ"


@pytest.mark.parametrize(("locale", "word"), [("ja", "マニフェスト"), ("en", "manifest")])
async def test_it_is_told_in_both_languages(patient: Patient, locale: str, word: str) -> None:
    findings = await patient.examined(live=True, leaver_drop="", owners="nobody@example.jp")
    told = report(findings, TEXTS, locale)
    assert word in told
    assert len(told.splitlines()) == len(findings)
    assert {line[0] for line in told.splitlines()} == {"✓", "–", "✗"}
    assert "nobody@" not in told


async def test_without_live_nobody_is_asked(patient: Patient) -> None:
    assert not [name for name in await patient.found() if name.startswith(("slack", "callback"))]
    assert patient.slack.calls() == []


async def test_every_mistake_in_the_settings_is_told(patient: Patient) -> None:
    found = (await patient.found(company_name="", timezone="Asia/Tokio"))["settings"]
    assert {finding.ok for finding in found} == {False}
    told = report(found, TEXTS, "en")
    assert "OKAERI_COMPANY_NAME" in told
    assert "OKAERI_TIMEZONE" in told


async def test_a_pooler_without_a_way_past_it(patient: Patient) -> None:
    pooled = "postgresql://127.0.0.1:1/okaeri?pooler=transaction"
    (found,) = (await patient.found(database_url=pooled))["settings"]
    assert found.ok is False
    assert "OKAERI_QUEUE_URL" in report([found], TEXTS, "ja")
    past = await patient.one("settings", database_url=pooled, queue_url="postgresql://127.0.0.1:1/okaeri")
    assert past == (True, "doctor.settings_complete")


async def test_nothing_is_changed(patient: Patient) -> None:
    before = sorted(path.name for path in patient.file.parent.rglob("*"))
    await patient.found()
    with sqlite3.connect(patient.file) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert not [name for name in tables if "doctor" in name]
    after = sorted(path.name for path in patient.file.parent.rglob("*"))
    assert [name for name in after if not name.endswith(("-wal", "-shm"))] == [
        name for name in before if not name.endswith(("-wal", "-shm"))
    ]


async def test_a_database_that_is_not_there_yet_hinders_nothing(patient: Patient, tmp_path: Path) -> None:
    file = tmp_path / "new" / "okaeri.db"
    assert await patient.one("database", database_url=f"sqlite:///{file}") == (
        None,
        "doctor.database_missing",
    )
    assert await patient.one("disk", database_url=f"sqlite:///{file}") == (True, "doctor.disk_enough")
    assert not file.parent.exists()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("DROP TABLE alembic_version", "doctor.database_behind"),
        ("UPDATE alembic_version SET version_num = '9999'", "doctor.database_ahead"),
    ],
)
async def test_a_database_of_another_version(patient: Patient, change: str, key: str) -> None:
    with sqlite3.connect(patient.file) as connection:
        connection.execute(change)
    connection.close()
    assert await patient.one("database") == (False, key)


@pytest.mark.parametrize(
    "url", ["sqlite:///{}/note.txt", "sqlite:///{}/drop", "postgresql://x/y", "nonsense"]
)
async def test_a_database_that_is_none(patient: Patient, tmp_path: Path, url: str) -> None:
    (tmp_path / "note.txt").write_text("this is no database, only a long enough note" * 20)
    url = url.format(tmp_path)
    assert await patient.one("database", database_url=url) == (False, "doctor.database_unusable")


def test_where_a_database_lies(tmp_path: Path) -> None:
    assert file_of(f"sqlite:///{tmp_path}/a.db") == tmp_path / "a.db"
    assert file_of("sqlite:///:memory:") is None
    assert file_of("postgresql://x/y") is None
    assert file_of("nonsense") is None
    assert condition(f"sqlite:///{tmp_path}/a.db").state == "missing"


async def test_keys(patient: Patient) -> None:
    assert await patient.one("keys") == (True, "doctor.keys_ready")
    assert await patient.one("keys", secret_key="k1:short") == (False, "doctor.keys_wrong")
    database = patient.database()
    database.run_now(lambda tx: people.add(tx, "田中 愛子"))
    assert await patient.one("keys") == (True, "doctor.keys_open")
    assert await patient.one("keys", secret_key=Vault.make("k2")) == (False, "doctor.keys_lost")
    assert await patient.one("keys", secret_key=Vault.make("k1")) == (False, "doctor.keys_lost")
    both = f"{Vault.make('k2')},{patient.values['secret_key']}"
    assert await patient.one("keys", secret_key=both) == (True, "doctor.keys_open")
    database.close()


async def test_the_drop_folder(patient: Patient, tmp_path: Path) -> None:
    assert await patient.one("leavers", leaver_drop="") == (None, "doctor.drop_unset")
    gone = str(tmp_path / "gone")
    assert await patient.one("leavers", leaver_drop=gone) == (False, "doctor.folder_refused")
    assert await patient.one("leavers", leaver_drop=str(patient.file)) == (False, "doctor.folder_refused")
    assert list((tmp_path / "drop").iterdir()) == []


async def test_the_mapping(patient: Patient, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[columns]\nname = ["名まえ"]\n', "utf-8")
    assert await patient.one("mapping", leaver_mapping=str(file)) == (True, "doctor.mapping_ready")
    file.write_text('[columns]\nnane = ["名まえ"]\nkama = ["カナ"]\n', "utf-8")
    found = (await patient.found(leaver_mapping=str(file)))["mapping"]
    assert [(f.ok, f.text.key) for f in found] == [(False, "doctor.mapping_wrong")] * 2


async def test_a_clock_that_is_slow(patient: Patient) -> None:
    os.utime(patient.file, (time.time() + 3600, time.time() + 3600))
    assert await patient.one("clock") == (False, "doctor.clock_behind")


async def test_a_time_zone_without_data(patient: Patient) -> None:
    assert await patient.one("clock", timezone="Asia/Tokio") == (False, "doctor.zone_missing")


async def test_the_mail_server(patient: Patient) -> None:
    assert await patient.one("mail", smtp_url="") == (False, "doctor.smtp_missing")
    assert await patient.one("mail", smtp_url="smtp://host:port") == (False, "doctor.smtp_missing")
    url = f"smtps://127.0.0.1:{patient.mailbox.port}"
    assert await patient.one("mail", smtp_url=url) == (False, "doctor.smtp_failed")
    await patient.mailbox.stop()
    assert await patient.one("mail") == (False, "doctor.smtp_failed")


async def test_tokens(patient: Patient) -> None:
    wrong = await patient.one("slack company token", live=True, slack_company_bot_token="xoxb-x")
    assert wrong == (False, "doctor.token_refused")
    swapped = {"slack_company_bot_token": "xoxb-ALUMNI", "slack_alumni_bot_token": "xoxb-COMPANY"}
    for side in TEAMS:
        elsewhere = await patient.one(f"slack {side} token", live=True, **swapped)
        assert elsewhere == (False, "doctor.token_elsewhere")
    other = await patient.one("slack alumni token", live=True, slack_alumni_app_id="A0OTHER")
    assert other == (False, "doctor.token_elsewhere")
    nowhere = await patient.one("slack alumni token", live=True, slack_api_url="http://127.0.0.1:9/api")
    assert nowhere == (False, "doctor.token_refused")


async def test_a_side_that_is_not_configured_is_not_asked(patient: Patient) -> None:
    names = ("signing_secret", "app_id", "team_id", "bot_token")
    without = {f"slack_company_{name}": "" for name in names}
    assert not [name for name in await patient.found(live=True, **without) if "company" in name]


async def test_scopes_that_are_missing_or_too_many(tmp_path: Path) -> None:
    company = ["chat:write", "commands", "im:history", "im:write", "users:read.email"]
    alumni = [*company, "users:read", "channels:history", "channels:read", "groups:read", "files:write"]
    async with street(tmp_path, {Side.COMPANY: company, Side.ALUMNI: alumni}) as patient:
        found = await patient.found(live=True)
        (missing,), (extra,) = found["slack company scopes"], found["slack alumni scopes"]
        assert (missing.ok, missing.text.args) == (False, (("scopes", "users:read"),))
        assert (extra.ok, extra.text.args) == (None, (("scopes", "files:write, groups:read"),))
        assert found["slack company token"][0].ok is True


async def test_the_first_owner(patient: Patient) -> None:
    for owners in ("nobody@example.jp", "slack:T0OTHER:U1", "", "slack:x"):
        found = await patient.found(live=True, owners=owners)
        company, alumni = found["slack company owner"][0], found["slack alumni owner"][0]
        assert (company.ok, company.text.key) == (False, "doctor.owner_elsewhere")
        assert (alumni.ok, alumni.text.key) == (None, "doctor.owner_elsewhere")
    found = await patient.found(live=True, owners=f"slack:T0ALUMNI:U0HRALUMNI,{OWNER}")
    assert found["slack alumni owner"][0].ok is True
    for method, word in (("users.lookupByEmail", "internal_error"), ("chat.postMessage", "is_archived")):
        patient.slack.faults.fail(method, word)
        assert await patient.one("slack company owner", live=True) == (False, "doctor.owner_failed")


async def test_the_channel_for_openings(patient: Patient) -> None:
    name, team = "slack alumni channel", TEAMS[Side.ALUMNI]
    assert await patient.one(name, live=True) == (True, "doctor.channel_joined")
    assert await patient.one(name, live=True, slack_alumni_channel="") == (None, "doctor.channel_unset")
    refused = await patient.one(name, live=True, slack_alumni_channel="C0NOWHERE")
    assert refused == (False, "doctor.channel_refused")
    patient.slack.faults.fail("conversations.info", "missing_scope")
    assert await patient.one(name, live=True) == (False, "doctor.channel_refused")
    patient.slack.kicks(team, CHANNEL)
    (outside,) = (await patient.found(live=True))[name]
    assert (outside.ok, outside.text.key) == (False, "doctor.channel_outside")
    assert "/invite @Okaeri Alumni" in TEXTS.plain(outside.text, "en")
    patient.slack.archives(team, CHANNEL)
    assert await patient.one(name, live=True) == (False, "doctor.channel_archived")
    assert patient.slack.channel_messages(team, CHANNEL) == []


async def test_the_way_to_our_door(patient: Patient) -> None:
    assert await patient.one("callback", live=True, base_url="") == (None, "doctor.callback_unset")
    base = str(patient.values["base_url"])
    for url in (f"{base}/elsewhere", f"{base}/open", "http://127.0.0.1:9", "http://no such host"):
        closed = await patient.one("callback", live=True, base_url=url)
        assert closed == (False, "doctor.callback_closed")
