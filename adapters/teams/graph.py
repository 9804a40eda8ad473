"""Microsoft Graph for one tenant: who has an address, how an account looks, our app put into one's Teams,
guests brought into a team.

Source: Graph v1.0 (users, appCatalogs/teamsApps, users/{id}/teamwork/installedApps, invitations,
groups/{id}/members); platform-facts T7, T8. `PERMISSIONS` says what an administrator consents to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp

from adapters.teams.seats import Seat
from adapters.teams.tokens import GRAPH, Tokens
from bot.errors import Away, Retry, Trouble, Undeliverable

Json = Mapping[str, Any]
FIELDS = "id,mail,userType,accountEnabled,preferredLanguage"
_SOON = 30.0
_HR_MENDS = 300.0  # seconds: a wrong secret is somebody's to repair
_THERE = 409
_REFUSED_BOUND = frozenset({400, 404, 409})
PERMISSIONS = {
    "read_users": "User.Read.All",
    "read_catalogue": "AppCatalog.Read.All",
    "install": "TeamsAppInstallation.ReadWriteSelfForUser.All",
    "invite": "User.Invite.All",
    "join": "GroupMember.ReadWrite.All",
}
"""What each call needs, as an administrator reads it among the application permissions."""


class Guest(NamedTuple):
    """An invited account: its object id, and where the invitation is accepted."""

    user: str
    url: str


class Forbidden(Undeliverable):
    """Graph will not (403): no administrator consented to the permission, or a policy forbids it."""


class Graph:
    """One seat's calls; all may be repeated without harm. They raise `Retry` or `Undeliverable`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, tokens: Tokens, seat: Seat) -> None:
        self._session, self._url, self._tokens, self._seat = session, url.rstrip("/"), tokens, seat
        self._catalogued = ""

    async def with_mail(self, email: str) -> list[Json]:
        """Every account of the tenant with this address, guests and disabled ones too."""
        quoted = email.replace("'", "''")
        said = await self._get("users", {"$filter": f"mail eq '{quoted}'", "$select": FIELDS, "$top": "5"})
        return [one for one in _listed(said) if str(one.get("mail") or "").lower() == email.lower()]

    async def user(self, user: str) -> Json:
        """One account by its object id: `FIELDS`."""
        return await self._get(f"users/{quote(user, safe='')}", {"$select": FIELDS})

    async def install(self, user: str) -> bool:
        """Put our app into somebody's Teams; whether it was not there before. `Forbidden` is said to HR, and
        so is `Undeliverable("not_in_catalogue")`, also for a catalogue that we may not read."""
        try:
            app = await self._catalogue_id()
        except Forbidden as refused:
            raise Undeliverable("not_in_catalogue") from refused
        bound = {"teamsApp@odata.bind": f"{self._url}/appCatalogs/teamsApps/{quote(app, safe='')}"}
        path = f"users/{quote(user, safe='')}/teamwork/installedApps"
        status, _ = await self._call("POST", path, body=bound)
        return status != _THERE

    async def installed(self, user: str) -> bool:
        """Whether somebody has our app; only what `install` may do can be asked so (`Forbidden`)."""
        own = {"$expand": "teamsApp", "$filter": f"teamsApp/externalId eq '{self._seat.app_id}'"}
        path = f"users/{quote(user, safe='')}/teamwork/installedApps"
        return bool(_listed(await self._get(path, own)))

    async def catalogued(self) -> bool:
        """Whether the tenant's catalogue has our app package."""
        try:
            return bool(await self._catalogue_id())
        except Forbidden:
            raise
        except Undeliverable:
            return False

    async def has_team(self, team: str) -> bool:
        """Whether a team's group is there, and its members may be read (`Forbidden`), as `join` needs it."""
        path = f"groups/{quote(team, safe='')}/members"
        status, _ = await self._call("GET", path, query={"$top": "1", "$select": "id"}, fine=frozenset({404}))
        return status < 300

    async def invite(self, email: str, name: str, back: str) -> Guest:
        """A guest account for an outside address, the same one every time. Microsoft sends no mail: where the
        invitation is accepted stands in ours. `back` is where they are then. Source: Graph, invitations."""
        wanted = {
            "invitedUserEmailAddress": email,
            "inviteRedirectUrl": back,
            "sendInvitationMessage": False,
            **({"invitedUserDisplayName": name} if name else {}),
        }
        _, said = await self._call("POST", "invitations", body=wanted)
        account, url = said.get("invitedUser"), said.get("inviteRedeemUrl")
        if not isinstance(account, Mapping) or not account.get("id") or not url:
            raise Retry("invitation_unreadable", _SOON)
        return Guest(str(account["id"]), str(url))

    async def join(self, team: str, user: str) -> None:
        """Make somebody a member of a team, by its group; who is one already stays one.

        Source: Graph, "Add member to team": not supported for guests with application permissions, hence
        "Add members" to the group, which answers 400 for who is in it. An account that was invited a moment
        ago may not be known everywhere yet: `Retry`.
        """
        body = {"@odata.id": f"{self._url}/directoryObjects/{quote(user, safe='')}"}
        path = f"groups/{quote(team, safe='')}/members/$ref"
        status, said = await self._call("POST", path, body=body, fine=_REFUSED_BOUND)
        if status < 300 or status == _THERE or "already exist" in _sentence(said):
            return
        if status == 404 and user.lower() in _sentence(said):
            raise Retry("guest_not_there_yet", _SOON)
        raise Undeliverable("no_team" if status == 404 else "not_joined")

    async def _catalogue_id(self) -> str:
        """The tenant's own id for our app package; asked for once. The package has our app id."""
        if not self._catalogued:
            own = f"externalId eq '{self._seat.app_id}' and distributionMethod eq 'organization'"
            found = _listed(await self._get("appCatalogs/teamsApps", {"$filter": own}))
            if not found or not found[0].get("id"):
                raise Undeliverable("not_in_catalogue")
            self._catalogued = str(found[0]["id"])
        return self._catalogued

    async def _get(self, path: str, query: Mapping[str, str]) -> Json:
        return (await self._call("GET", path, query=query))[1]

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        fine: frozenset[int] = frozenset({_THERE}),
    ) -> tuple[int, Json]:
        headers = await self._tokens.bearer(GRAPH)
        address = f"{self._url}/{path}"
        try:
            async with self._session.request(
                method, address, params=query, json=body, headers=headers, allow_redirects=False
            ) as answer:
                said = await _json(answer)
                if answer.status == 401:
                    self._tokens.refused(GRAPH)
                if answer.status >= 300 and answer.status not in fine:
                    raise _trouble(answer, said)
                return answer.status, said
        except (aiohttp.ClientError, TimeoutError) as lost:
            raise Away("graph_unreachable", _SOON) from lost


async def _json(answer: aiohttp.ClientResponse) -> Json:
    try:
        said = await answer.json(content_type=None)
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {}


def _listed(said: Json) -> list[Json]:
    value = said.get("value")
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _sentence(said: Json) -> str:
    """Graph's own sentence, in small letters."""
    error = said.get("error")
    return str(error.get("message") or "").lower() if isinstance(error, Mapping) else ""


def _trouble(answer: aiohttp.ClientResponse, said: Json) -> Trouble:
    """What a refusal means; Graph's own word, such as `Request_ResourceNotFound`."""
    error = said.get("error")
    word = str(error.get("code") or "") if isinstance(error, Mapping) else ""
    word = word[:64] or f"http_{answer.status}"
    if answer.status == 401:
        return Away(word, _HR_MENDS)
    if answer.status in (412, 429) or answer.status >= 500:
        wait = answer.headers.get("Retry-After", "")
        kind = Away if answer.status == 429 else Retry
        return kind(word, float(wait) if wait.isdigit() else _SOON)
    return Forbidden(word) if answer.status == 403 else Undeliverable(word)
