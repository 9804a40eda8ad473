"""The settings of Teams: all three of a side or none, two bots in two tenants, open only on this machine."""

from __future__ import annotations

import pytest

from bot.conversation import Side
from bot.settings import Settings, check
from tests.rules.test_settings import made, mistakes

COMPANY = {
    "teams_company_app_id": "bbbbbbbb-0000-4000-8000-000000000001",
    "teams_company_app_password": "s3cret-of-teams",
    "teams_company_tenant_id": "aaaaaaaa-0000-4000-8000-000000000001",
}
ALUMNI = {
    "teams_alumni_app_id": "bbbbbbbb-0000-4000-8000-000000000002",
    "teams_alumni_app_password": "s3cret-of-teams",
    "teams_alumni_tenant_id": "aaaaaaaa-0000-4000-8000-000000000002",
}


def test_either_side_may_be_left_out() -> None:
    for values, sides in (({}, ()), (COMPANY, (Side.COMPANY,)), (ALUMNI, (Side.ALUMNI,))):
        settings = made(**values)
        check(settings)
        assert settings.teams_sides() == sides
        assert not settings.teams_open()
    check(made(**COMPANY, **ALUMNI))
    assert made(**COMPANY).teams(Side.COMPANY)["app_password"] == "s3cret-of-teams"


@pytest.mark.parametrize("name", sorted(COMPANY))
def test_a_side_is_whole_or_not_at_all(name: str) -> None:
    (told,) = mistakes(**(COMPANY | {name: ""}))
    assert told == f"OKAERI_{name.upper()}: missing; right: all three of a side, or none"
    assert made(**(COMPANY | {name: ""})).teams_sides() == ()


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"teams_company_app_id": "okaeri"}, "OKAERI_TEAMS_COMPANY_APP_ID: 'okaeri'"),
        ({"teams_company_tenant_id": "minato.example.jp"}, "OKAERI_TEAMS_COMPANY_TENANT_ID: 'minato"),
        ({"teams_login_url": "login"}, "OKAERI_TEAMS_LOGIN_URL: 'login'"),
        ({"teams_openid_metadata_url": "ftp://x"}, "OKAERI_TEAMS_OPENID_METADATA_URL"),
        ({"teams_graph_url": "graph"}, "OKAERI_TEAMS_GRAPH_URL"),
        ({"teams_service_urls": "http://smba.trafficmanager.net"}, "OKAERI_TEAMS_SERVICE_URLS"),
        ({"teams_service_urls": "smba.trafficmanager.net"}, "OKAERI_TEAMS_SERVICE_URLS"),
        (
            {"teams_insecure_dev": True, "host": "0.0.0.0"},
            "OKAERI_TEAMS_INSECURE_DEV: not on a loopback bind",
        ),
    ],
)
def test_each_mistake_says_what_would_be_right(changes: dict[str, object], begins: str) -> None:
    (told,) = mistakes(**(COMPANY | changes))
    assert told.startswith(begins)
    assert "right: " in told
    assert "s3cret" not in told


def test_two_sides_are_two_bots_in_two_tenants() -> None:
    same = {name.replace("company", "alumni"): value.upper() for name, value in COMPANY.items()}
    found = mistakes(**COMPANY, **same)
    assert len(found) == 2
    assert all("two bots in two tenants" in line for line in found)


@pytest.mark.parametrize(
    ("host", "opens"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("", False),
    ],
)
def test_development_is_open_on_this_machine_only(host: str, *, opens: bool) -> None:
    assert made(host=host, teams_insecure_dev=True).teams_open() is opens
    assert not made(host=host).teams_open()


def test_where_teams_may_be_spoken_to() -> None:
    assert Settings.model_fields["teams_service_urls"].default.startswith("https://smba.trafficmanager.net,")
    settings = made(teams_service_urls="https://a.example, https://*.b.example;http://127.0.0.1:3978")
    check(settings)
    assert settings.teams_services() == ("https://a.example", "https://*.b.example", "http://127.0.0.1:3978")
