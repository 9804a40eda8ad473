"""Links in mails: one sealed claim each, of who may do what until when. Nobody can read or alter them.

A link never acts by being opened (mail scanners open every link); it shows a page whose button posts.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.conversation import Address, Bound
from bot.wire import dump_bound, load_bound
from storage.columns import InvalidTag, Vault

ABOUT = "web.link"
LASTS = timedelta(days=45)
"""Longer than the rest after a second nudge, shorter than anybody keeps a mail in mind."""
_LONGEST = 4000


class Unreadable(ValueError):
    """The link was altered, cut, or made with a key that is gone."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a link says: `who` may press `bound` until a moment; `label` is what the mail's button said."""

    who: Address
    until: datetime
    bound: Bound
    label: str = ""


class Links:
    """Makes and reads links of one house; `base` is its public address, `now` calendar time."""

    def __init__(self, vault: Vault, base: str, now: Callable[[], datetime]) -> None:
        self._vault, self.base, self._now = vault, base.rstrip("/"), now

    def claim(self, who: Address, bound: Bound, label: str, lasts: timedelta = LASTS) -> Claim:
        """A claim to press one button."""
        return Claim(who, self._now() + lasts, bound, label[:120])

    def url(self, claim: Claim) -> str:
        """The address of a claim's page; without personal data in it, because addresses end up in logs."""
        return f"{self.base}{self.path(claim)}"

    def path(self, claim: Claim) -> str:
        """The same within this house."""
        return f"/alumni/do/{self._token(claim)}"

    def onward(self, claim: Claim, bound: Bound, label: str) -> Claim:
        """What the answer to a claim offers next: for the same person, no longer than the claim itself."""
        return replace(claim, bound=bound, label=label[:120])

    def read(self, token: str) -> Claim:
        """The claim of a link, also of one that is over (`over`). Raises `Unreadable`."""
        try:
            if len(token) > _LONGEST:
                raise Unreadable("long")
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
            if _written(sealed) != token:  # the last letter has bits to spare, and "+" would pass for "-"
                raise Unreadable("spelling")
            who, until, bound, label = json.loads(self._vault.unwrap(sealed, ABOUT))
            return Claim(Address.parse(who), datetime.fromtimestamp(until, UTC), load_bound(bound), label)
        except (InvalidTag, KeyError, IndexError, TypeError, ValueError, binascii.Error) as wrong:
            raise Unreadable(type(wrong).__name__) from None

    def over(self, claim: Claim) -> bool:
        """Whether the claim's time has passed."""
        return claim.until <= self._now()

    def _token(self, claim: Claim) -> str:
        said = [str(claim.who), int(claim.until.timestamp()), dump_bound(claim.bound), claim.label]
        sealed = self._vault.wrap(json.dumps(said, ensure_ascii=False).encode(), ABOUT)
        return _written(sealed)


def _written(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")
