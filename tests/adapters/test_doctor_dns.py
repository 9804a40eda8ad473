"""SPF, DKIM and DMARC as a name server tells them."""

from __future__ import annotations

import pytest

from bot.doctor import mail_dns
from bot.doctor.mail_dns import Servers
from bot.settings import Settings, load
from tests.adapters.name_server import Zone, name_server

DOMAIN = "minato.example.jp"
SPF, DMARC, KEY = DOMAIN, f"_dmarc.{DOMAIN}", f"s1._domainkey.{DOMAIN}"
GOOD = {
    SPF: ["v=spf1 include:_spf.example.net ~all"],
    DMARC: ["v=DMARC1; p=reject; rua=mailto:d@minato.example.jp"],
    KEY: ["v=DKIM1; k=rsa; p=MIIB"],
}


def settings(**changes: str) -> Settings:
    values = {"mail_from": f"おかえり <okaeri@{DOMAIN}>", "dkim_selector": "s1"}
    return load(_env_file=None, **(values | changes))


async def findings(zone: Zone, **changes: str) -> dict[str, tuple[bool | None, str]]:
    async with name_server(zone) as servers:
        found = await mail_dns.look(settings(**changes), servers)
    return {one.name: (one.ok, one.text.key) for one in found}


async def test_a_domain_in_order() -> None:
    assert await findings(GOOD) == {
        "SPF": (True, "doctor.spf_there"),
        "DKIM": (True, "doctor.dkim_there"),
        "DMARC": (True, "doctor.dmarc_there"),
    }


async def test_a_domain_that_says_nothing() -> None:
    assert await findings({}) == {
        "SPF": (False, "doctor.spf_missing"),
        "DKIM": (False, "doctor.dkim_missing"),
        "DMARC": (False, "doctor.dmarc_missing"),
    }


@pytest.mark.parametrize(
    ("place", "texts", "name", "told"),
    [
        (SPF, ["v=spf1 a ~all", "v=spf1 mx ~all"], "SPF", (False, "doctor.spf_twice")),
        (SPF, ["v=spf1 +all"], "SPF", (False, "doctor.spf_open")),
        (SPF, ["google-site-verification=x"], "SPF", (False, "doctor.spf_missing")),
        (KEY, ["v=DKIM1; p="], "DKIM", (False, "doctor.dkim_revoked")),
        (KEY, ["v=DKIM1; p=" + "M" * 600], "DKIM", (True, "doctor.dkim_there")),
        (DMARC, ["v=DMARC1; p=none"], "DMARC", (None, "doctor.dmarc_watches")),
    ],
)
async def test_what_is_wrong_is_told(
    place: str, texts: list[str], name: str, told: tuple[bool | None, str]
) -> None:
    assert (await findings(GOOD | {place: texts}))[name] == told


async def test_a_domain_above_speaks_for_it() -> None:
    zone = {f"_dmarc.{DOMAIN}": GOOD[DMARC], f"mail.{DOMAIN}": GOOD[SPF]}
    found = await findings(zone, mail_from=f"okaeri@mail.{DOMAIN}")
    assert found["DMARC"] == (True, "doctor.dmarc_there")


async def test_without_a_selector_dkim_is_not_judged() -> None:
    assert (await findings(GOOD, dkim_selector=""))["DKIM"] == (None, "doctor.dkim_unknown")


async def test_a_silent_name_server_hinders_nothing() -> None:
    found = await mail_dns.look(settings(), Servers(("127.0.0.1",), 9))
    assert [(one.ok, one.text.key) for one in found] == [(None, "doctor.dns_silent")]


async def test_without_a_sender_nothing_is_asked() -> None:
    assert await mail_dns.look(settings(mail_from="")) == []
