"""What every `bot.ports.Inviter` owes: a link of the web, again and again, and a no with its reason."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.playground.local_teams import LocalTeams
from bot.conversation import Side
from bot.errors import Undeliverable
from bot.ports import Guest, Inviter
from tests.adapters.teams_street import APPS, TENANTS, street_in

ALUMNI = TENANTS[Side.ALUMNI]
AIKO = Guest("p1", "aiko@home.example.jp", "髙橋 愛子")
KEN = Guest("p2", "ken@home.example.jp", "佐藤 健")


@dataclass(frozen=True)
class Case:
    """An inviter, and how its way in is closed."""

    inviter: Inviter
    closes: Callable[[], None]
    reason: str


@pytest.fixture(params=["link", "graph"])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    likeness = LocalTeams(time.time)
    likeness.add_tenant(ALUMNI, "alumni", "alumni.example.jp")
    team = likeness.add_team(ALUMNI, "アルムナイ").group if request.param == "graph" else ""
    changes = {"teams_alumni_team_id": team, "alumni_invite_url": "https://join.example.jp/"}
    async with street_in(tmp_path, **changes) as street:
        street.teams.add_team(ALUMNI, "アルムナイ")
        policy, inviter = street.app.core.policy, street.app.doors.inviter
        if team:
            yield Case(inviter, lambda: street.teams.admin.consents(APPS[Side.ALUMNI]), "guests_forbidden")
        else:
            yield Case(inviter, lambda: setattr(policy, "invitation_url", ""), "no_invitation_link")


async def test_the_way_begins_with_a_link_of_the_web(case: Case) -> None:
    assert (await case.inviter.invite(AIKO)).url.startswith("https://")


async def test_it_may_be_asked_again_and_for_others(case: Case) -> None:
    for guest in (AIKO, AIKO, KEN, AIKO):
        assert (await case.inviter.invite(guest)).url


async def test_a_link_says_nothing_of_whom_it_is_for(case: Case) -> None:
    url = (await case.inviter.invite(AIKO)).url
    assert not [word for word in (AIKO.email, "aiko", AIKO.person_id + "&", "愛子") if word in url]


async def test_a_no_has_a_reason(case: Case) -> None:
    case.closes()
    with pytest.raises(Undeliverable) as told:
        await case.inviter.invite(AIKO)
    assert told.value.reason == case.reason
