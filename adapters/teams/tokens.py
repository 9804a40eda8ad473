"""Our own bearer tokens: OAuth2 client credentials over aiohttp, kept per scope, one refresh at a time.

Source: platform-facts T4: MSAL waits on the event loop and refuses every login server but Microsoft's;
RFC 6749, 4.4; single tenant, so the tenant stands in the address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
import structlog

from adapters.teams.seats import Seat
from adapters.teams.shared import Shared
from bot.errors import Away

log = structlog.get_logger()
CONNECTOR = "https://api.botframework.com/.default"
GRAPH = "https://graph.microsoft.com/.default"
SPARE = 300.0
"""Seconds before its end from which a token is renewed, while it still serves."""
_SOON = 30.0
_HR_MENDS = 300.0  # seconds: a wrong secret or tenant is somebody's to repair


class _Token(NamedTuple):
    value: str
    ends: float
    renew: float


class Tokens:
    """Tokens of one seat; `now` tells wire seconds. Without an app id there are none, and none are needed."""

    def __init__(
        self, session: aiohttp.ClientSession, login_url: str, seat: Seat, now: Callable[[], float]
    ) -> None:
        self._session, self._seat, self._now = session, seat, now
        self._url = f"{login_url.rstrip('/')}/{quote(seat.tenant, safe='')}/oauth2/v2.0/token"
        self._known: dict[str, _Token] = {}
        self._refresh: dict[str, Shared] = {}

    async def bearer(self, scope: str = CONNECTOR) -> Mapping[str, str]:
        """The header for a call, empty without an app id. Raises `Away` when the login server gives no
        token."""
        if not self._seat.app_id:
            return {}
        known, at = self._known.get(scope), self._now()
        if known is None or known.ends <= at:
            await self._refreshing(scope).done()
            known = self._known[scope]
        elif known.renew <= at:
            self._refreshing(scope).begin()
        return {"Authorization": f"Bearer {known.value}"}

    def refused(self, scope: str = CONNECTOR) -> None:
        """Somebody would not take the token (401): the next call asks for another one."""
        self._known.pop(scope, None)

    def _refreshing(self, scope: str) -> Shared:
        if scope not in self._refresh:
            self._refresh[scope] = Shared(lambda: self._ask(scope))
        return self._refresh[scope]

    async def _ask(self, scope: str) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._seat.app_id,
            "client_secret": self._seat.password,
            "scope": scope,
        }
        try:
            async with self._session.post(self._url, data=form, allow_redirects=False) as answer:
                said = await _json(answer)
                if answer.status != 200:
                    raise _trouble(answer, said, self._seat)
        except (aiohttp.ClientError, TimeoutError) as lost:
            log.warning("teams_login_lost", side=self._seat.side.value, error=type(lost).__name__)
            raise Away("login_unreachable", _SOON) from lost
        self._keep(scope, said)

    def _keep(self, scope: str, said: Mapping[str, Any]) -> None:
        value, lasts = said.get("access_token"), str(said.get("expires_in"))
        if not isinstance(value, str) or not value or not lasts.isdecimal():
            raise Away("login_unreadable", _SOON)
        at, seconds = self._now(), float(lasts)
        ends = at + seconds - min(60.0, seconds / 10)
        self._known[scope] = _Token(value, ends, at + max(seconds - SPARE, seconds / 2))


async def _json(answer: aiohttp.ClientResponse) -> Mapping[str, Any]:
    try:
        said = await answer.json(content_type=None)
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {}


def _trouble(answer: aiohttp.ClientResponse, said: Mapping[str, Any], seat: Seat) -> Away:
    """Why there is no token: OAuth's own word for the log, such as `invalid_client`; in the reason Entra's
    number, which tells a wrong secret from a wrong tenant. Source: Microsoft, "AADSTS error codes"."""
    word, codes = str(said.get("error", "")), said.get("error_codes")
    number = f"_{codes[0]}" if isinstance(codes, list) and codes and isinstance(codes[0], int) else ""
    log.warning("teams_login_refused", side=seat.side.value, status=answer.status, error=word[:40] + number)
    if answer.status == 429 or answer.status >= 500:
        wait = answer.headers.get("Retry-After", "")
        return Away("login_busy", float(wait) if wait.isdigit() else _SOON)
    return Away(f"login_refused{number}", _HR_MENDS)
