"""Microsoft Graph for one tenant: who has an address, how an account looks, our app put into one's Teams.

Source: Graph v1.0 (users, appCatalogs/teamsApps, users/{id}/teamwork/installedApps); platform-facts T7. The
application permissions are User.Read.All, AppCatalog.Read.All, TeamsAppInstallation.ReadWriteSelfForUser.All.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

from adapters.teams.seats import Seat
from adapters.teams.tokens import GRAPH, Tokens
from bot.errors import Retry, Trouble, Undeliverable

Json = Mapping[str, Any]
FIELDS = "id,mail,userType,accountEnabled,preferredLanguage"
_SOON = 30.0
_HR_MENDS = 300.0  # seconds: a wrong secret is somebody's to repair
_THERE = 409


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
        """Put our app into somebody's Teams; whether it was not there before. `Forbidden` is said to HR."""
        app = await self._catalogue_id()
        bound = {"teamsApp@odata.bind": f"{self._url}/appCatalogs/teamsApps/{quote(app, safe='')}"}
        path = f"users/{quote(user, safe='')}/teamwork/installedApps"
        status, _ = await self._call("POST", path, body=bound)
        return status != _THERE

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
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Json | None = None
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
                if answer.status >= 300 and answer.status != _THERE:
                    raise _trouble(answer, said)
                return answer.status, said
        except (aiohttp.ClientError, TimeoutError) as lost:
            raise Retry("graph_unreachable", _SOON) from lost


async def _json(answer: aiohttp.ClientResponse) -> Json:
    try:
        said = await answer.json(content_type=None)
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {}


def _listed(said: Json) -> list[Json]:
    value = said.get("value")
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _trouble(answer: aiohttp.ClientResponse, said: Json) -> Trouble:
    """What a refusal means; Graph's own word, such as `Request_ResourceNotFound`."""
    error = said.get("error")
    word = str(error.get("code") or "") if isinstance(error, Mapping) else ""
    word = word[:64] or f"http_{answer.status}"
    if answer.status == 401:
        return Retry(word, _HR_MENDS)
    if answer.status in (412, 429) or answer.status >= 500:
        wait = answer.headers.get("Retry-After", "")
        return Retry(word, float(wait) if wait.isdigit() else _SOON)
    return Forbidden(word) if answer.status == 403 else Undeliverable(word)
