"""Our registrations with Microsoft: one bot per side, each in a tenant of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bot.conversation import Side


@dataclass(frozen=True, slots=True)
class Seat:
    """One bot (SingleTenant): whose side it serves, its app id and secret, and its Entra tenant.

    Without app id and tenant: a bot that nobody registered, which only a door in development knows.
    """

    side: Side
    app_id: str
    password: str = field(repr=False)
    tenant: str

    @property
    def bot(self) -> str:
        """The bot's own account in conversations. Source: Teams writes bots as `28:<app id>`."""
        return f"28:{self.app_id}"


def seat_of(seats: Iterable[Seat], app_id: object) -> Seat | None:
    """The seat with this app id; app ids are GUIDs, whatever their case."""
    asked = str(app_id or "").lower()
    return next((seat for seat in seats if asked and seat.app_id.lower() == asked), None)


@dataclass(frozen=True, slots=True)
class Services:
    """Where connectors may be: scheme, host and port of the allow-list; `*.` stands for every host below.

    Source: platform-facts T2: a service URL is believed from nobody, because our token is sent there.
    """

    allowed: tuple[str, ...]

    def allow(self, url: object) -> bool:
        """Whether a service URL may be stored and called."""
        try:
            asked = urlsplit(url) if isinstance(url, str) else None
            return asked is not None and any(_fits(asked.scheme, asked.netloc, one) for one in self.allowed)
        except ValueError:
            return False


def _fits(scheme: str, host: str, allowed: str) -> bool:
    """Whether scheme and host (with port, without any user) are those of an entry."""
    entry = urlsplit(allowed)
    if not host or "@" in host or scheme != entry.scheme:
        return False
    known, asked = entry.netloc.lower(), host.lower()
    return asked.endswith(known[1:]) if known.startswith("*.") else asked == known


def tenant_of(activity: Mapping[str, object]) -> str:
    """The tenant that an activity names, in lower case, "" for none.

    Source: platform-facts T5: `channelData.tenant.id`; botbuilder loses the one of the conversation.
    """
    data = activity.get("channelData")
    tenant = data.get("tenant") if isinstance(data, Mapping) else None
    found = tenant.get("id") if isinstance(tenant, Mapping) else None
    return found.lower() if isinstance(found, str) else ""
