"""Who may speak to us: signed by Microsoft, for one of our bots, from its tenant, by a connector we know.

Over botbuilder's own validation of tokens, but with our keys, and every way in which a token may be bad told
as 401 or 403: botbuilder itself answers most of them with 500 and a traceback (platform-facts T2, measured).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from botframework.connector.auth import (
    AuthenticationConstants,
    ChannelValidation,
    ClaimsIdentity,
    CredentialProvider,
    JwtTokenExtractor,
    VerifyOptions,
)
from jwt import PyJWTError, get_unverified_header

from adapters.teams.keys import CHANNEL, Keys, KeysUnavailable
from adapters.teams.seats import Seat, Services, seat_of, tenant_of

LEEWAY = 5 * 60
"""Seconds by which clocks may differ. Source: Microsoft, Bot Connector authentication."""
ALGORITHM = "RS256"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
FORWARDED = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})
_BAD = (PermissionError, PyJWTError, LookupError, TypeError, ValueError, AttributeError, RecursionError)


class Refused(Exception):
    """Nobody for us. `status` is 401 for who they say they are, 403 for where they are from, 503 when we
    cannot tell; `why` is one word for the log."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class _OurApps(CredentialProvider):  # type: ignore[misc]  # botbuilder carries no types
    """What botbuilder's validation asks: whether an audience is one of our bots."""

    def __init__(self, seats: tuple[Seat, ...]) -> None:
        self._seats = seats

    async def is_valid_appid(self, app_id: str) -> bool:
        return seat_of(self._seats, app_id) is not None

    async def get_app_password(self, app_id: str) -> str:
        raise PermissionError("passwords are not for validation")

    async def is_authentication_disabled(self) -> bool:
        return False


class Gate:
    """Lets activities in: rightly signed, for one of our seats, from its tenant and an allowed connector."""

    def __init__(self, seats: tuple[Seat, ...], keys: Keys, services: Services) -> None:
        self._seats, self._services = seats, services
        self._apps = _OurApps(seats)
        issuer = [AuthenticationConstants.TO_BOT_FROM_CHANNEL_TOKEN_ISSUER]
        options = VerifyOptions(issuer, None, LEEWAY, ignore_expiration=False)
        self._extractor = JwtTokenExtractor(options, keys.url, [ALGORITHM])
        self._extractor.open_id_metadata = keys

    async def admit(self, headers: Mapping[str, str], activity: Mapping[str, Any]) -> Seat:
        """The seat that an activity is for. Raises `Refused`."""
        identity = await self._identity(headers.get("Authorization", ""))
        if identity.get_claim_value("serviceurl") != activity.get("serviceUrl"):
            raise Refused(HTTPStatus.UNAUTHORIZED, "service_url_claim")
        seat = seat_of(self._seats, identity.get_claim_value("aud"))
        if seat is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "audience")
        _at_home(seat, activity, self._services)
        return seat

    async def _identity(self, header: str) -> ClaimsIdentity:
        """Source: platform-facts T2: scheme, issuer, key and its endorsements, RS256, times, audience. That a
        token ends at all is asked here too: botbuilder takes one without an end."""
        try:
            if get_unverified_header(header.removeprefix("Bearer ")).get("alg") != ALGORITHM:
                raise PermissionError("algorithm")
            identity = await self._extractor.get_identity_from_auth_header(header, CHANNEL)
            identity = await ChannelValidation.validate_identity(identity, self._apps)
            if not isinstance(identity.get_claim_value("exp"), int | float):
                raise PermissionError("no end")
        except KeysUnavailable:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "no_keys") from None
        except _BAD as bad:
            raise Refused(HTTPStatus.UNAUTHORIZED, type(bad).__name__) from None
        return identity


class OpenGate:
    """The gate of development: nobody is asked for a token, so only this machine comes in, and by no proxy
    and no name that a page in a browser could have made its own (DNS rebinding)."""

    def __init__(self, seats: tuple[Seat, ...], services: Services) -> None:
        self._seats, self._services = seats, services

    async def admit(self, headers: Mapping[str, str], activity: Mapping[str, Any]) -> Seat:
        """The seat of the activity's tenant, else the one without a tenant. Raises `Refused`."""
        host = headers.get("Host", "").rpartition(":")[0] or headers.get("Host", "")
        if host.strip("[]") not in LOOPBACK or FORWARDED & {name.lower() for name in headers}:
            raise Refused(HTTPStatus.FORBIDDEN, "not_this_machine")
        tenant = tenant_of(activity)
        seats = [seat for seat in self._seats if seat.tenant.lower() in (tenant, "")]
        if not seats:
            raise Refused(HTTPStatus.FORBIDDEN, "tenant")
        _at_home(seats[0], activity, self._services)
        return seats[0]


def _at_home(seat: Seat, activity: Mapping[str, Any], services: Services) -> None:
    if activity.get("channelId") != CHANNEL:
        raise Refused(HTTPStatus.FORBIDDEN, "channel")
    place = activity.get("conversation")
    named = place.get("tenantId") if isinstance(place, Mapping) else None
    tenants = {tenant_of(activity), str(named or tenant_of(activity)).lower()}
    if seat.tenant and tenants != {seat.tenant.lower()}:
        raise Refused(HTTPStatus.FORBIDDEN, "tenant")
    if not services.allow(activity.get("serviceUrl")):
        raise Refused(HTTPStatus.FORBIDDEN, "service_url")
