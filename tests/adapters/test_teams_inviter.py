"""Alumni become guests of their team: invited, added, led in; every step as often as one likes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.playground.local_teams import LocalTeams
from adapters.playground.mailbox import HOST, Mailbox
from adapters.playground.teams_state import EVERY_ROLE, GROUP_ROLE, INVITE_ROLE, Team
from adapters.teams.invite import landing
from adapters.teams.seats import Seat
from bot.commands.invitation import invite
from bot.conversation import Link, Side, Standing
from bot.errors import Retry, Undeliverable
from bot.ports import Guest
from storage import consents, leavers, people
from storage.accounts import Account
from storage.consents import Decision, Said
from storage.engine import Tx, now
from storage.leavers import Leaver, Stage
from storage.outbox import Delivery
from tests.adapters.teams_street import APPS, TENANTS, Street, alumni, says, street_in

ALUMNI = TENANTS[Side.ALUMNI]
APP = APPS[Side.ALUMNI]
MAIL = "aiko@home.example.jp"
AIKO = Guest("p1", MAIL, "髙橋 愛子")
STAFF = "decisions.hindered"


@dataclass
class Club:
    """A house whose alumni have a team."""

    street: Street
    team: Team
    mailbox: Mailbox

    async def invites(self, guest: Guest = AIKO) -> Link:
        return await self.street.app.doors.inviter.invite(guest)

    @property
    def guest(self) -> str:
        """The object id of the one guest."""
        (found,) = [one.id for one in self.street.teams.people(ALUMNI) if one.guest]
        return found


def _team(teams: LocalTeams) -> Team:
    return teams.add_team(ALUMNI, "アルムナイ")


@pytest.fixture
async def club(tmp_path: Path) -> AsyncIterator[Club]:
    likeness = LocalTeams(time.time)
    likeness.add_tenant(ALUMNI, "alumni", "alumni.example.jp")
    group, mailbox = _team(likeness).group, Mailbox(time.time)
    await mailbox.start()
    smtp = f"smtp://{HOST}:{mailbox.port}"
    try:
        async with street_in(tmp_path, smtp_url=smtp, teams_alumni_team_id=group) as street:
            team = _team(street.teams)
            team.apps.add(APP)
            yield Club(street, team, mailbox)
    finally:
        await mailbox.stop()


async def test_a_guest_is_invited_without_microsofts_mail_and_put_into_the_team(club: Club) -> None:
    link = await club.invites()
    (invitation,) = club.street.teams.invitations(ALUMNI)
    assert (link.url, invitation.mailed, invitation.mail) == (invitation.url, False, MAIL)
    assert club.guest in club.team.members
    assert club.street.teams.person(club.guest).name == "髙橋 愛子"
    assert club.mailbox.mails() == []


async def test_the_same_again_is_the_same_guest(club: Club) -> None:
    await club.invites()
    guest = club.guest
    await club.invites()
    assert club.guest == guest
    assert club.team.members == {guest}


async def test_an_account_of_the_tenant_is_put_into_the_team_as_it_is(club: Club) -> None:
    member = club.street.teams.add_person(ALUMNI, name="髙橋 愛子", mail=MAIL)
    link = await club.invites()
    assert member in club.team.members
    assert APP in link.url
    club.street.teams.admin.changes(member, disabled=True)
    with pytest.raises(Undeliverable):
        await club.invites()


@pytest.mark.parametrize(
    ("role", "reason"), [(INVITE_ROLE, "guests_forbidden"), (GROUP_ROLE, "team_forbidden")]
)
async def test_an_administrators_no_has_a_name(club: Club, role: str, reason: str) -> None:
    club.street.teams.admin.consents(APP, *(EVERY_ROLE - {role}))
    with pytest.raises(Undeliverable, match=reason):
        await club.invites()


@pytest.mark.long
@pytest.mark.parametrize("operation", ["invite", "add_member"])
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_passes_is_tried_again_when_graph_says_so(club: Club, operation: str, status: int) -> None:
    club.street.teams.faults.fail(operation, status, retry_after=7)
    with pytest.raises(Retry) as told:
        await club.invites()
    assert told.value.after == 7
    await club.invites()
    assert club.guest in club.team.members


async def test_a_guest_who_is_not_known_everywhere_yet_is_waited_for(club: Club) -> None:
    await club.invites()
    guest = club.guest
    club.street.teams.admin.deletes(guest)
    inviter = club.street.app.doors.inviter
    with pytest.raises(Retry, match="not_there_yet"):
        await inviter._graph.join(club.team.group, guest)  # type: ignore[attr-defined]
    with pytest.raises(Undeliverable, match="no_team"):
        await inviter._graph.join(ALUMNI, guest)  # type: ignore[attr-defined]


def test_where_a_new_guest_is_led() -> None:
    seat = Seat(Side.ALUMNI, APP, "", ALUMNI)
    there = "https://teams.microsoft.com/l/team/19%3Ax%40thread.tacv2/conversations?groupId=g&tenantId="
    assert landing(seat, "g", "19:x@thread.tacv2") == there + ALUMNI
    assert landing(seat, "g", "") == f"https://teams.microsoft.com/l/app/{APP}?tenantId={ALUMNI}"


async def test_without_a_team_the_link_that_hr_keeps_is_the_way_in(tmp_path: Path) -> None:
    async with street_in(tmp_path, alumni_invite_url="https://join.example.jp/") as street:
        assert await street.app.doors.inviter.invite(AIKO) == Link("https://join.example.jp/")
        assert street.teams.calls("invite") == []


# --- from the last day into the team -------------------------------------------------------------------


def _enrolled(tx: Tx) -> int:
    """Somebody whose last day is over, with consent and a proven mailbox."""
    person = people.add(tx, "髙橋 愛子")
    people.set_private_email(tx, person, MAIL)
    people.prove(tx, person)
    consents.record(tx, person.id, Decision.GIVEN, Said("ja", "teams"))
    leaver = Leaver(
        person_id=person.id, entity="", employee_number="E1", stint=1, source="csv", notice="1",
        last_day=now(tx).date(), leaving_type="resignation", stage=Stage.ENROLLED,
    )  # fmt: skip
    return leavers.add(tx, leaver).id


def _invite(club: Club, dedup: str) -> None:
    app = club.street.app

    def write(tx: Tx) -> None:
        leaver = leavers.get(tx, 1)
        assert leaver is not None
        invite(tx, leaver, people.one(tx, leaver.person_id), app.core.policy, dedup)

    app.core.database.run_now(write)


async def _delivered(club: Club) -> None:
    await club.street.app.schedule.run_until_quiet()
    await club.street.quiet()


@pytest.mark.long
async def test_the_mail_leads_in_and_the_code_is_typed_in_teams(club: Club) -> None:
    club.street.app.core.database.run_now(_enrolled)
    _invite(club, "1")
    await _delivered(club)
    (mail,) = club.mailbox.mails(MAIL)
    (invitation,) = club.street.teams.invitations(ALUMNI)
    assert invitation.url in mail.links
    assert "@Okaeri Alumni join" in mail.text
    assert "/alumni join" not in mail.text
    assert "Slack" not in mail.text
    code = mail.text.split("join ", 1)[1].split()[0]
    club.street.teams.redeems(club.guest)
    club.street.teams.has_app(club.guest, Side.ALUMNI.value)
    await says(club.street, club.guest, f"join {code}")
    assert club.street.reads(lambda tx: leavers.get(tx, 1)).stage is Stage.JOINED
    await club.street.app.schedule.run_until_quiet()
    account = club.street.reads(lambda tx: tx.get(Account, str(alumni(club.guest))))
    assert account.standing is Standing.MEMBER, "a guest of the alumni's tenant is no lesser alumnus"


async def test_without_consent_mail_and_pages_do_and_hr_hears_once_a_day(club: Club) -> None:
    club.street.teams.admin.consents(APP, *(EVERY_ROLE - {INVITE_ROLE}))
    club.street.app.core.database.run_now(_enrolled)
    for dedup in ("1", "2"):
        _invite(club, dedup)
        await _delivered(club)
    told = club.street.reads(lambda tx: tx.query(Delivery).filter_by(kind=STAFF).count())
    assert told == 1
    assert len(club.mailbox.mails(MAIL)) == 2
    assert "join" not in club.mailbox.mails(MAIL)[0].text
    club.street.app.core.clock.travel(club.street.app.core.clock.now() + timedelta(days=1))
    _invite(club, "3")
    await _delivered(club)
    assert club.street.reads(lambda tx: tx.query(Delivery).filter_by(kind=STAFF).count()) == 2
