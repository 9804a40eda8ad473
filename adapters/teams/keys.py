"""The keys by which Microsoft signs what it sends us, fetched without blocking and again after a rotation.

Source: platform-facts T4: botbuilder's own source blocks the loop for two calls a day and never sees a
rotated key (measured), so `auth` gives its validation this one instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from jwt import InvalidKeyError
from jwt.algorithms import RSAAlgorithm

from adapters.teams.shared import Shared

log = structlog.get_logger()
FRESH = 12 * 3600.0
"""Seconds after which the keys are fetched again, while the known ones still serve."""
WORN = 5 * 24 * 3600.0
"""Seconds after which keys that nobody could renew are trusted no more. Source: Microsoft, Bot Connector
authentication: the list may change at any time and is to be kept for a day, five at most."""
MISS_EVERY = 60.0
"""Seconds between two fetches because of a key that we do not know: anybody can send us one."""
FAIL_EVERY = 5.0
"""Seconds between two tries while there are no keys at all."""
CHANNEL = "msteams"
_LOST = (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError, AttributeError)


class KeysUnavailable(Exception):
    """Nobody can be let in: there are no keys to look at signatures with."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key, and the channels for which Microsoft signs with it; no endorsements: for every one."""

    public_key: Any
    endorsements: tuple[str, ...] = ()


class Keys:
    """The keys behind one OpenID metadata address; `now` tells wire seconds."""

    def __init__(self, session: aiohttp.ClientSession, url: str, now: Callable[[], float]) -> None:
        self._session, self.url, self._now = session, url, now
        self._keys: Mapping[str, SigningKey] = {}
        self._fetched = float("-inf")
        self._tried: dict[str, float] = {}
        self._fetch = Shared(self._refetch)

    def warm(self) -> None:
        """Begin to fetch the keys before anybody knocks."""
        self._fetch.begin()

    async def count(self) -> int:
        """How many keys are published now; 0 when they cannot be had."""
        await self._fetch.done()
        return len(self._keys)

    async def get(self, kid: Any) -> SigningKey:
        """The key with this id, asked for by botbuilder's validation.

        Raises `PermissionError` for an unknown key or one that does not sign for Teams, `KeysUnavailable`
        when there are none.
        """
        age = self._now() - self._fetched
        if not self._keys or age > WORN:
            await self._try("none", FAIL_EVERY)
            if not self._keys or self._now() - self._fetched > WORN:
                raise KeysUnavailable
        elif age > FRESH and self._may_try("old", MISS_EVERY):
            self._fetch.begin()
        if kid not in self._keys:
            await self._try("unknown", MISS_EVERY)
        found = self._keys.get(kid)
        if found is None or (found.endorsements and CHANNEL not in found.endorsements):
            raise PermissionError("not a key for Teams")
        return found

    async def _try(self, why: str, every: float) -> None:
        """Fetch, or wait for who does, unless it was done for the same reason a moment ago."""
        if self._fetch.running or self._may_try(why, every):
            await self._fetch.done()

    def _may_try(self, why: str, every: float) -> bool:
        at = self._now()
        if at - self._tried.get(why, float("-inf")) < every:
            return False
        self._tried[why] = at
        return True

    async def _refetch(self) -> None:
        try:
            found = _keys_of(await self._json(str((await self._json(self.url))["jwks_uri"])))
        except _LOST as wrong:
            log.warning("teams_keys_unavailable", error=type(wrong).__name__, known=len(self._keys))
            return
        self._keys, self._fetched = found, self._now()
        log.info("teams_keys", known=len(found))

    async def _json(self, url: str) -> Mapping[str, Any]:
        async with self._session.get(url, raise_for_status=True) as answer:
            found: Mapping[str, Any] = await answer.json(content_type=None)
            return found


def _keys_of(document: Mapping[str, Any]) -> dict[str, SigningKey]:
    """The RSA keys of a JWKS by id (RFC 7517). Raises `ValueError` for a document without any."""
    found = {}
    for row in document["keys"]:
        if row.get("kty") == "RSA" and row.get("kid"):
            try:
                key = RSAAlgorithm.from_jwk(json.dumps(row))
            except InvalidKeyError:  # one that we cannot read must not take the others along
                continue
            found[str(row["kid"])] = SigningKey(key, tuple(map(str, row.get("endorsements") or ())))
    if not found:
        raise ValueError("no keys")
    return found
