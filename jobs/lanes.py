"""How fast each platform is spoken to: the lanes in which a message needs a place before it goes."""

from __future__ import annotations

from bot.conversation import Address, Platform, Side
from storage.outbox import Delivery, Route
from storage.pace import Place

PER_RECEIVER = 1.0
PER_WORKSPACE = {Platform.SLACK: 0.205, Platform.TEAMS: 0.05}
"""Seconds between two: Slack allows about one a second and channel, several hundred a minute in a workspace,
of which 292 are used; Teams 50 calls a second of an app in a tenant, of which 20 are used. Source:
platform-facts S4, T6."""
PER_SEARCH = 1.22
"""Seconds between two searches by e-mail, or two openings of a private chat, in Slack. Source:
`users.lookupByEmail` and `conversations.open` are tier 3, 50 a minute."""
LOOKS = 15
"""Accounts asked about in one go, for language and standing."""
_PER_LOOK = 0.75
"""Seconds between two such looks in the long run: with `LOOKS` of them in one go that is 96 in the busiest
minute. Source: Slack, `users.info` is tier 4, 100 a minute."""
_LATE = 1.0
_SHARED = ("chat:", "open:", "find:", "info:")


def of(account: Address) -> str:
    """The lane of everything that is sent into one workspace or tenant: one app of ours lives there."""
    return f"chat:{account.platform.value}:{account.workspace}"


def opens(row: Delivery, account: Address, chat: str) -> bool:
    """Whether a message needs a private chat opened first: in Slack, where it is not known. It stays the same
    for ever. Source: platform-facts S4."""
    return account.platform is Platform.SLACK and row.route is not Route.CHANNEL and not chat


def to(account: Address, *, opening: bool, factor: float = 1.0) -> list[Place]:
    """The places that a message to an account needs: its workspace's, its own, and one more when it opens a
    chat. `factor` 0 is for a platform that does not mind: only what it closed itself counts."""
    every = PER_WORKSPACE.get(account.platform, PER_RECEIVER)
    places = [Place(of(account), every * factor, _LATE * factor)]
    if factor:
        places.append(Place(str(account), PER_RECEIVER * factor))
    if opening:
        places.append(Place(f"open:{account.workspace}", PER_SEARCH * factor))
    return places


def search(side: Side, factor: float = 1.0) -> Place:
    """The place that a search by e-mail needs."""
    return Place(f"find:{side.value}", PER_SEARCH * factor)


def describing(side: Side, factor: float = 1.0) -> Place:
    """The place that it needs to ask a side's platform about an account. Processes that come up one after the
    other all begin with that."""
    every = _PER_LOOK * factor
    return Place(f"info:{side.value}", every, LOOKS * every)


def reading_back(account: Address, factor: float = 1.0) -> list[Place]:
    """The places that it needs to look whether a message stands there already: after a crash many are looked
    for at once. Source: `conversations.history` is tier 3 too; Teams shows a bot nothing."""
    slack = account.platform is Platform.SLACK
    return [Place(f"look:{account.workspace}", PER_SEARCH * factor)] if slack else []


def shared(key: str) -> bool:
    """Whether many messages wait when this lane is full, or only those to one receiver."""
    return key.startswith(_SHARED)
