"""A company in Teams, no Slack anywhere: leavers are asked in Teams, or by mail where Teams says no."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from adapters.playground.mailbox import HOST, Mailbox
from adapters.playground.teams_state import CATALOGUE_ROLE, INSTALL_ROLE, USER_ROLE
from bot.conversation import Address, Platform, Side
from storage import accounts
from storage.leavers import Leaver, Stage
from storage.outbox import Delivery
from tests.adapters.teams_street import APPS, TENANTS, Street, street_in
from tests.world import csv_file, tokyo

COMPANY = Side.COMPANY
AIKO = "aiko@minato.example.jp"
ASKED = "welcome.question"


@dataclass
class Town:
    """The street, and the mailboxes of everybody."""

    street: Street
    mailbox: Mailbox

    @property
    def base_url(self) -> str:
        return self.street.app.core.policy.base_url

    def told(self) -> list[str]:
        """What HR was told of hindrances, by its names in the outbox."""
        rows = self.street.reads(lambda tx: tx.query(Delivery).filter_by(kind="decisions.hindered").all())
        return [row.dedup for row in rows]

    async def hears_of_leaving(self, *others: str) -> None:
        """HR's export names Aiko, and whoever else; a month before the last day they are to be asked."""
        clock = self.street.app.core.clock
        end = date(clock.now().year + 1, 3, 31)
        rows = [
            {
                "社員番号": f"E{number}", "氏名": "髙橋 愛子", "会社メール": mail, "退職日": end.isoformat(),
                "退職区分": "自己都合", "状態": "予定",
            }
            for number, mail in enumerate((AIKO, *others))
        ]  # fmt: skip
        await self.street.app.core.importer.take(csv_file(*rows), "leavers.csv")
        clock.travel(tokyo(end.replace(day=2), "10:00"))
        for _ in range(4):  # what Microsoft says after an installation comes while nothing is delivered
            await self.street.app.schedule.run_until_quiet()
            await self.street.quiet()

    def leaver(self) -> Leaver:
        return self.street.reads(lambda tx: tx.query(Leaver).one())

    def question(self) -> Delivery:
        return self.street.reads(lambda tx: tx.query(Delivery).filter_by(kind=ASKED).one())

    def account(self) -> Address | None:
        person = self.leaver().person_id or ""
        return self.street.reads(lambda tx: accounts.of_person(tx, person, COMPANY))

    def employee(self) -> str:
        return self.street.teams.add_person(TENANTS[COMPANY], name="髙橋 愛子", mail=AIKO)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    mailbox = Mailbox(time.time)
    await mailbox.start()
    alone = dict.fromkeys((f"teams_alumni_{name}" for name in ("app_id", "app_password", "tenant_id")), "")
    smtp = f"smtp://{HOST}:{mailbox.port}"
    try:
        async with street_in(tmp_path, smtp_url=smtp, slack_alumni_channel="", **alone) as street:
            yield Town(street, mailbox)
    finally:
        await mailbox.stop()


async def test_who_never_met_the_bot_is_asked_in_teams(town: Town) -> None:
    aiko = town.employee()
    await town.hears_of_leaving()
    assert town.street.teams.has(aiko)
    assert town.account() == Address(Platform.TEAMS, TENANTS[COMPANY], aiko)
    assert town.question().went_by == "chat"
    assert not town.mailbox.mails(AIKO)
    assert len(town.street.teams.chat(aiko)) == 1, "one question, and no greeting"
    assert town.leaver().stage is Stage.ASKED


async def test_where_an_administrator_says_no_a_mail_goes(town: Town) -> None:
    aiko = town.employee()
    town.street.teams.admin.forbids(APPS[COMPANY], aiko)
    await town.hears_of_leaving()
    assert not town.street.teams.has(aiko)
    assert town.question().went_by == "mail"
    (mail,) = town.mailbox.mails(AIKO)
    assert f"https://teams.microsoft.com/l/app/{APPS[COMPANY]}?tenantId={TENANTS[COMPANY]}" in mail.links
    assert "/alumni" not in mail.text.replace(f"{town.base_url}/alumni", "")


@pytest.mark.long
async def test_hr_hears_once_what_an_administrator_has_to_allow(town: Town) -> None:
    """However many leavers it meets; and by mail, because Teams may say no to HR as well."""
    others = [f"w{number}@minato.example.jp" for number in range(3)]
    for mail in (AIKO, *others):
        town.street.teams.add_person(TENANTS[COMPANY], name="髙橋 愛子", mail=mail)
    town.street.teams.admin.consents(APPS[COMPANY], USER_ROLE, CATALOGUE_ROLE)
    await town.hears_of_leaving(*others)
    told = town.told()
    assert len({one.rpartition(":")[0] for one in told}) == 1, "one card for each who runs the network"
    hr = [mail for mail in town.mailbox.mails() if INSTALL_ROLE in mail.text]
    assert len(hr) == len(told)


@pytest.mark.long
@pytest.mark.parametrize(
    ("missing", "reason"), [(USER_ROLE, "find_forbidden"), (CATALOGUE_ROLE, "not_in_catalogue")]
)
async def test_each_permission_that_is_missing_is_named(town: Town, missing: str, reason: str) -> None:
    town.employee()
    town.street.teams.admin.consents(APPS[COMPANY], *({INSTALL_ROLE, USER_ROLE, CATALOGUE_ROLE} - {missing}))
    await town.hears_of_leaving()
    assert town.question().went_by == "mail"
    assert any(reason in one for one in town.told())
    assert any(missing in mail.text for mail in town.mailbox.mails())


@pytest.mark.long
async def test_who_is_not_in_the_tenant_gets_a_mail_and_hr_sees_it(town: Town) -> None:
    await town.hears_of_leaving()
    assert town.question().went_by == "mail"
    assert town.leaver().stuck == "not_in_workspace"
