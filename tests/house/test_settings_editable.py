"""Which settings HR may decide otherwise, and for every other one the reason why not.

A new setting must be put into one of the two lists.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest

from adapters.hris.mapping import Layers
from bot import charter
from bot.charter import RULES, SECTIONS, Ground
from bot.policy import Policy
from bot.settings import Settings, load
from bot.texts import Texts
from tests.house.source import ROOT

# setting -> the key of HR's document that wins over it; a section stands for all that is in it
EDITABLE = {
    "company_name": "brand.company",
    "network_name": "brand.network",
    "contact_name": "brand.contact_name",
    "contact_email": "brand.contact_email",
    "logo_url": "brand.logo_url",
    "terms_url": "brand.terms_url",
    "calendar_country": "calendar.country",
    "closures": "calendar.closures",
    "alumni_invite_url": "invitation.url",
    "enrol_on": "cadence.enrol_on",
    "enrol_at": "cadence.enrol_at",
    "unanswered_days": "cadence.unanswered_days",
    "leaver_mapping": "mapping",
    "catalogue": "wording",
}
SECRET = "a secret: it never lies in the database, nor on a page"
STARTS = "needed before the database can be asked"
LISTENS = "where the process listens is the operator's, and takes a restart"
OUTSIDE = "names an app outside; a wrong one closes the door by which it would be corrected"
MACHINE = "a place or a limit of the machine"
MEANING = "every planned moment and every language was reckoned with it"
NOT_EDITABLE = {
    "locale": MEANING,
    "timezone": MEANING,
    "database_url": STARTS,
    "queue_url": STARTS,
    "secret_key": SECRET,
    "erasure_log": MACHINE,
    "base_url": "links in mails that are out there lead to it; it goes with proxy and manifests",
    "host": LISTENS,
    "port": LISTENS,
    "metrics_bind": LISTENS,
    "stop_grace": LISTENS,
    "trusted_proxies": "whoever could change it could pretend to be anybody's address",
    "owners": "who decides who decides: HR must not make itself an owner",
    "managers": "rights are given by the operator, not by those who hold them",
    "hr": "rights are given by the operator, not by those who hold them",
    "slack_company_signing_secret": SECRET,
    "slack_company_app_id": OUTSIDE,
    "slack_company_team_id": OUTSIDE,
    "slack_company_bot_token": SECRET,
    "slack_alumni_signing_secret": SECRET,
    "slack_alumni_app_id": OUTSIDE,
    "slack_alumni_team_id": OUTSIDE,
    "slack_alumni_bot_token": SECRET,
    "slack_alumni_channel": OUTSIDE,
    "teams_alumni_team_id": OUTSIDE,
    "teams_alumni_channel": OUTSIDE,
    "slack_api_url": "another address is for tests, and would be sent the tokens",
    "teams_company_app_id": OUTSIDE,
    "teams_company_app_password": SECRET,
    "teams_company_tenant_id": OUTSIDE,
    "teams_alumni_app_id": OUTSIDE,
    "teams_alumni_app_password": SECRET,
    "teams_alumni_tenant_id": OUTSIDE,
    "teams_openid_metadata_url": "whoever could change it could sign as Microsoft",
    "teams_login_url": "another address is for tests, and would be sent the secrets",
    "teams_graph_url": "another address is for tests, and would be sent the tokens",
    "teams_service_urls": "another address would be sent the tokens",
    "teams_insecure_dev": "opens a door that only the operator may open, and only in development",
    "smtp_url": SECRET,
    "dkim_selector": "goes with the mail server",
    "mail_from": "goes with the mail server and the domain's SPF, DKIM and DMARC",
    "leaver_drop": MACHINE,
    "leaver_keep_days": "keeping files of personal data is the operator's to answer for",
    "leaver_max_bytes": MACHINE,
    "log_level": MACHINE,
}
OTHER: dict[str, tuple[Any, Any]] = {
    "company_name": ("Umi", "Umi"),
    "network_name": ("Umi Circle", "Umi Circle"),
    "contact_name": ("Ito", "Ito"),
    "contact_email": ("ito@umi.example.jp", "ito@umi.example.jp"),
    "logo_url": ("https://umi.example.jp/l.png", "https://umi.example.jp/l.png"),
    "terms_url": ("https://umi.example.jp/t", "https://umi.example.jp/t"),
    "calendar_country": ("DE", "DE"),
    "closures": ("2026-08-13", [date(2026, 8, 13)]),
    "alumni_invite_url": ("https://join.example/u", "https://join.example/u"),
    "enrol_on": ("day_after", "day_after"),
    "enrol_at": (time(17, 0), "17:00"),
    "unanswered_days": (30, 30),
}
"""setting -> another value of it, and the same value as the document has it."""


def test_every_setting_is_in_one_of_the_two_lists() -> None:
    assert not EDITABLE.keys() & NOT_EDITABLE.keys()
    assert EDITABLE.keys() | NOT_EDITABLE.keys() == Settings.model_fields.keys()
    assert all(NOT_EDITABLE.values())


def test_what_wins_over_a_setting_exists() -> None:
    assert set(EDITABLE.values()) <= {rule.key for rule in RULES} | set(SECTIONS)
    assert OTHER.keys() == EDITABLE.keys() - {"leaver_mapping", "catalogue"}


@pytest.mark.parametrize("name", sorted(OTHER))
def test_the_document_decides_what_the_setting_decides(name: str) -> None:
    """The same policy comes of a setting and of a document that says the same over other settings."""
    ours: dict[str, Any] = {"company_name": "Minato", "network_name": "Minato Alumni"}
    setting, given = OTHER[name]
    wanted = load(_env_file=None, **{**ours, name: setting}).policy()
    section, _, key = EDITABLE[name].partition(".")
    ground: Policy = load(_env_file=None, **ours).policy()
    found, mistakes = charter.amend(ground, section, {key: given})
    assert not mistakes
    assert found == wanted
    assert found != replace(ground)


def test_mapping_and_words_lie_over_the_companys_own_files() -> None:
    texts = Texts.load(ROOT / "bot/catalogue")
    ground = Ground(load(_env_file=None).policy(), texts, Layers.of())
    text = '[mapping.columns]\nlast_day = ["終わり"]\n[wording.en]\n"welcome.say_yes" = "Sure"'
    found, mistakes = charter.read(text, ground)
    assert not mistakes
    assert Layers.of().mapping(found.mapping).field("終わり") == "last_day"
    texts.lay_over(found.wording)
    assert texts.pattern("welcome.say_yes", "en") == "Sure"
