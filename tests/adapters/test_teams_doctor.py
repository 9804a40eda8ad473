"""The doctor in front of a house with two bots in Teams: well, and with one ailment after the other."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.playground.local_teams import LocalTeams
from adapters.playground.teams_state import CATALOGUE_ROLE, EVERY_ROLE, GROUP_ROLE, INSTALL_ROLE, USER_ROLE
from bot.clock import Clock
from bot.conversation import Side
from bot.doctor import Finding, live_slack, live_teams, report
from bot.settings import Settings
from bot.texts import LOCALES, Texts
from tests.adapters.teams_street import APPS, TENANTS, Street, last, lines, says, street_in
from tests.house.source import ROOT

OWNER = "sato@minato.example.jp"
TEXTS = Texts.load(ROOT / "bot" / "catalogue")
ALUMNI, COMPANY = Side.ALUMNI, Side.COMPANY


@dataclass
class Patient:
    """The street, and whose house it is."""

    street: Street
    owner: dict[Side, str]
    member: str

    async def found(self, **changes: Any) -> dict[str, Finding]:
        """name -> what is found of it"""
        settings = self.street.app.core.settings.model_copy(update=changes)
        assert isinstance(settings, Settings)
        return {one.name: one for one in await live_teams.look(settings, Clock())}

    async def one(self, name: str, **changes: Any) -> tuple[bool | None, str]:
        finding = (await self.found(**changes))[name]
        return finding.ok, finding.text.key.removeprefix("doctor.")


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Patient]:
    likeness = LocalTeams(time.time)
    likeness.add_tenant(TENANTS[ALUMNI], "alumni", "alumni.example.jp")
    team = likeness.add_team(TENANTS[ALUMNI], "アルムナイ")
    changes = {"teams_alumni_team_id": team.group, "teams_alumni_channel": team.id, "owners": OWNER}
    async with street_in(tmp_path, **changes) as street:
        member = street.stranger("佐藤 健")
        owner = {side: street.teams.add_person(TENANTS[side], name="佐藤 美咲", mail=OWNER) for side in Side}
        for side, who in owner.items():
            street.teams.has_app(who, side.value)
            await says(street, who, "help", side)
        real = street.teams.add_team(TENANTS[ALUMNI], "アルムナイ", [member])
        await street.teams.adds_bot(member, real.id, ALUMNI.value)
        await street.quiet()
        base = {"base_url": f"http://127.0.0.1:{street.port}"}
        object.__setattr__(street.app.core, "settings", street.app.core.settings.model_copy(update=base))
        yield Patient(street, owner, member)


async def test_a_house_that_is_well(patient: Patient) -> None:
    found = await patient.found()
    assert [one for one in found.values() if one.ok is not True] == []
    each = {
        f"teams {side} {what}"
        for side in Side
        for what in ("token", "permissions", "app", "service", "owner")
    }
    assert set(found) == each | {"teams alumni team", "teams alumni channel", "teams keys", "teams callback"}
    for side, who in patient.owner.items():
        content = last(patient.street, who, side).cards[0]
        assert "okaeri doctor" in "".join(lines(content))
    assert not patient.street.teams.calls("install")
    assert not patient.street.teams.calls("invite")
    assert [one for one in patient.street.teams.messages(found_channel(patient)) if one.by_bot] == []


def found_channel(patient: Patient) -> str:
    return patient.street.app.core.settings.teams_alumni_channel


@pytest.mark.parametrize("locale", LOCALES)
async def test_it_is_told_in_both_languages(patient: Patient, locale: str) -> None:
    patient.street.teams.admin.consents(APPS[COMPANY])
    told = report((await patient.found(teams_alumni_app_password="x")).values(), TEXTS, locale)
    assert "OKAERI_TEAMS_ALUMNI_APP_PASSWORD" in told
    assert INSTALL_ROLE in told


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"teams_company_app_password": "wrong"}, "teams.secret_wrong"),
        ({"teams_company_tenant_id": "cccccccc-0000-4000-8000-000000000009"}, "teams.tenant_unknown"),
        ({"teams_company_tenant_id": TENANTS[ALUMNI]}, "teams.app_elsewhere"),
        ({"teams_login_url": "http://127.0.0.1:9/login"}, "teams.login_unreachable"),
    ],
    ids=["secret", "tenant", "app", "login"],
)
async def test_why_there_is_no_token(patient: Patient, changes: dict[str, Any], key: str) -> None:
    found = await patient.found(**changes)
    assert (found["teams company token"].ok, found["teams company token"].text.key) == (
        False,
        f"doctor.{key}",
    )
    assert [name for name in found if "company" in name] == ["teams company token"], (
        "and nothing else is asked"
    )


async def test_a_login_server_in_trouble(patient: Patient) -> None:
    patient.street.teams.faults.fail("token", 503)
    assert await patient.one("teams company token") == (False, "teams.token_refused")
    patient.street.teams.admin.switches_off(APPS[COMPANY])
    assert await patient.one("teams company token") == (False, "teams.app_disabled")


@pytest.mark.parametrize("role", sorted({USER_ROLE, CATALOGUE_ROLE, INSTALL_ROLE, GROUP_ROLE}))
async def test_a_permission_without_consent_is_named(patient: Patient, role: str) -> None:
    patient.street.teams.admin.consents(APPS[ALUMNI], *(EVERY_ROLE - {role}))
    found = await patient.found()
    finding = found["teams alumni permissions"]
    assert (finding.ok, finding.text.args) == (False, (("permissions", role),))
    assert found["teams company permissions"].ok is True


async def test_the_catalogue_and_graph(patient: Patient) -> None:
    other = await patient.one("teams company graph", teams_graph_url="http://127.0.0.1:9/v1.0")
    assert other == (False, "teams.graph_refused")
    patient.street.teams.faults.fail("users", 429)
    assert await patient.one("teams company graph") == (False, "teams.graph_refused")
    patient.street.teams.faults.fail("catalogue", 404)
    assert await patient.one("teams company app") == (False, "teams.not_catalogued")


async def test_where_messages_leave(patient: Patient) -> None:
    elsewhere = await patient.one("teams company service", teams_service_urls="https://smba.example.com")
    assert elsewhere == (False, "teams.service_elsewhere")
    empty = await patient.one("teams company service", database_url="sqlite:////nowhere/at/all.db")
    assert empty == (None, "teams.service_unknown")


@pytest.mark.long
async def test_the_first_owner(patient: Patient) -> None:
    nobody = await patient.found(owners="nobody@example.jp")
    assert nobody["teams company owner"].ok is False
    assert nobody["teams alumni owner"].ok is None
    silent = patient.street.teams.add_person(TENANTS[COMPANY], name="森 一郎", mail="mori@example.jp")
    assert await patient.one("teams company owner", owners="mori@example.jp") == (None, "teams.owner_not_met")
    assert not patient.street.teams.has(silent)
    patient.street.teams.faults.fail("members", 403, code="BotNotInConversationRoster")
    assert await patient.one("teams company owner") == (False, "owner_failed")
    patient.street.teams.blocks(patient.owner[COMPANY])
    assert await patient.one("teams company owner") == (False, "owner_failed")


async def test_the_team_and_its_channel(patient: Patient) -> None:
    teams, name = patient.street.teams, "teams alumni channel"
    assert await patient.one(name, teams_alumni_channel="") == (None, "teams.channel_unset")
    gone = await patient.one(name, teams_alumni_channel="19:nowhere@thread.tacv2")
    assert gone == (False, "teams.channel_gone")
    assert await patient.one("teams alumni team", teams_alumni_team_id="") == (None, "teams.team_unset")
    other = await patient.one("teams alumni team", teams_alumni_team_id=TENANTS[COMPANY])
    assert other == (False, "teams.team_gone")
    await teams.removes_bot(patient.member, found_channel(patient), ALUMNI.value)
    assert await patient.one(name) == (False, "teams.channel_outside")


async def test_keys_and_the_way_to_our_door(patient: Patient) -> None:
    lost = await patient.one("teams keys", teams_openid_metadata_url="http://127.0.0.1:9/x")
    assert lost == (False, "teams.no_keys")
    assert await patient.one("teams callback", base_url="") == (None, "callback_unset")
    for url in ("http://127.0.0.1:9", f"http://127.0.0.1:{patient.street.port}/elsewhere"):
        assert await patient.one("teams callback", base_url=url) == (False, "callback_closed")


async def test_a_house_without_slack_is_not_asked_for_its_door(patient: Patient) -> None:
    assert await live_slack.look(patient.street.app.core.settings, Clock()) == []
    none = dict.fromkeys((f"teams_{side}_app_id" for side in Side), "")
    assert await patient.found(**none) == {}
