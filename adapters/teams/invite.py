"""The way into the alumni's team: a guest account in their tenant, and a place in the team.

Source: platform-facts T8: channel-first, because guests find no apps; a personal bot reaches them only by the
tenant's global setup policy, the team's channels always.
"""

from __future__ import annotations

from urllib.parse import quote

from adapters.teams.graph import Forbidden, Graph
from adapters.teams.messenger import LINKS, able, app_link
from adapters.teams.seats import Seat
from bot.conversation import Link
from bot.errors import Undeliverable
from bot.ports import Guest


class GraphInviter:
    """`bot.ports.Inviter` through Microsoft Graph. Every step may be repeated without harm.

    `team` is the group id of the alumni's team; `landing` is where they are once they have accepted.
    """

    def __init__(self, graph: Graph, team: str, landing: str) -> None:
        self._graph, self._team, self._landing = graph, team, landing

    async def invite(self, guest: Guest) -> Link:
        """A guest in the team; the link accepts the invitation, and leads into Teams at every later use.

        `Undeliverable("guests_forbidden")` and `"team_forbidden"` are an administrator's no, `"no_team"` a
        wrong setting. Whose address is an own account of the tenant is put into the team as they are.
        """
        user, url = await self._account(guest)
        try:
            await self._graph.join(self._team, user)
        except Forbidden as refused:
            raise Undeliverable("team_forbidden") from refused
        return Link(url)

    async def _account(self, guest: Guest) -> tuple[str, str]:
        try:
            return await self._graph.invite(guest.email, guest.name, self._landing)
        except Forbidden as refused:
            raise Undeliverable("guests_forbidden") from refused
        except Undeliverable:
            own = await self._graph.with_mail(guest.email)
            if len(own) != 1 or not able(own[0]):
                raise
            return str(own[0]["id"]), self._landing


def landing(seat: Seat, team: str, channel: str) -> str:
    """Where a new guest is led: the alumni's team, else our app. Source: "Deep link to a team"; such a link
    names a channel of it."""
    if not channel:
        return app_link(seat)
    place = f"{quote(channel, safe='')}/conversations"
    return f"{LINKS}/team/{place}?groupId={team}&tenantId={seat.tenant}"
