"""Where a company and its alumni have their accounts: the local Slack or the local Teams, seen alike.

Whoever brings people onto the stage needs no more of a chat than this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from adapters.playground.backstage import Side
from adapters.playground.local_slack import LocalSlack
from adapters.playground.local_teams import LocalTeams, Team

TEAM_NAME, OPENINGS = "アルムナイ", "求人"
"""The alumni's team in Teams, and its channel for openings."""
_LOCALES = {"ja": "ja-JP", "en": "en-US"}


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who is to get an account; `language` is ja or en, everything else is read as Japanese."""

    name: str
    email: str
    language: str = "ja"
    zone: str = "Asia/Tokyo"

    @property
    def locale(self) -> str:
        """As both platforms write a language."""
        return _LOCALES.get(self.language, "ja-JP")


class Town(Protocol):
    """Accounts on both sides. A user is what the platform calls somebody there."""

    @property
    def sides(self) -> Mapping[Side, str]:
        """The workspace or tenant of each side."""

    def add(self, side: Side, who: Newcomer) -> str:
        """An account that is there already; gives its user. No event."""

    def user(self, side: Side, email: str) -> str | None:
        """Who has this address there."""

    def name(self, side: Side, user: str) -> str:
        """How an account is called."""

    async def dismiss(self, user: str) -> None:
        """The company closes an account; once more changes nothing."""

    async def begin(self, staff: Sequence[str]) -> None:
        """What the house is told on the first day, once it listens; `staff` run the network."""


@dataclass(frozen=True, slots=True)
class SlackTown:
    """Two workspaces of the local Slack."""

    slack: LocalSlack
    sides: Mapping[Side, str]

    def add(self, side: Side, who: Newcomer) -> str:
        """An account in the side's workspace."""
        return self.slack.add_person(
            self.sides[side], name=who.name, email=who.email, locale=who.locale, zone=who.zone
        )

    def user(self, side: Side, email: str) -> str | None:
        """Who has this address in the side's workspace."""
        return self.slack.workspace(self.sides[side]).addresses.get(email.lower())

    def name(self, side: Side, user: str) -> str:
        """The name in the workspace."""
        return self.slack.workspace(self.sides[side]).people[user].name

    async def dismiss(self, user: str) -> None:
        """Deactivate a company account; the app is told."""
        if not self.slack.workspace(self.sides["company"]).people[user].deleted:
            await self.slack.leaves(self.sides["company"], user)

    async def begin(self, staff: Sequence[str]) -> None:
        """Nothing: an app in a workspace reaches everybody in it."""


@dataclass(frozen=True, slots=True)
class TeamsTown:
    """Two tenants of the local Teams; `team` is the alumni's, in which the bot has been for long."""

    teams: LocalTeams
    sides: Mapping[Side, str]
    team: Team

    def add(self, side: Side, who: Newcomer) -> str:
        """An account in the side's tenant; alumni are guests there, in their team."""
        user = self.teams.add_person(
            self.sides[side],
            name=who.name,
            mail=who.email,
            locale=who.locale,
            zone=who.zone,
            guest=side == "alumni",
        )
        if side == "alumni":
            self.team.members.add(user)
        return user

    def user(self, side: Side, email: str) -> str | None:
        """Who has this address in the side's tenant."""
        wanted = email.lower()
        return next((one.id for one in self.teams.people(self.sides[side]) if one.mail == wanted), None)

    def name(self, side: Side, user: str) -> str:
        """The name in the tenant."""
        return self.teams.person(user).name

    async def dismiss(self, user: str) -> None:
        """Disable a company account. Source: Teams tells a bot nothing of it; Graph does when asked."""
        if not self.teams.person(user).disabled:
            self.teams.admin.changes(user, disabled=True)

    async def begin(self, staff: Sequence[str]) -> None:
        """Staff add the app for themselves, and an alumnus puts it into the team: only so is the house told
        where Microsoft's connectors are."""
        for user in staff:
            await self.teams.installs(user, "company")
        for user in sorted(self.team.members)[:1]:
            await self.teams.adds_bot(user, self.team.id, "alumni")
