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
"""Seconds between two searches by e-mail, openings of a private chat, looks into one, or edits, in Slack.
Source: `users.lookupByEmail`, `conversations.open`, `conversations.history` and `chat.update` are tier 3, 50
a minute."""
LOOKS = 15
"""Accounts asked about in one go, for language and standing."""
_PER_LOOK = 0.75
"""Seconds between two such looks in the long run: with `LOOKS` of them in one go that is 96 in the busiest
minute. Source: Slack, `users.info` is tier 4, 100 a minute."""
_PER_MAIL = 0.1
"""Seconds between two mails, and between two invitations: no server takes it for a flood."""
_LATE = 1.0
MAIL = "mail:"
_INVITE = "invite:"
_SHARED = ("chat:", "edit:", "open:", "find:", "info:", "look:", MAIL, _INVITE)


def of(account: Address) -> str:
    """The lane of everything that is sent into one workspace or tenant: one app of ours lives there."""
    return f"chat:{account.platform.value}:{account.workspace}"


def opens(row: Delivery, account: Address, chat: str) -> bool:
    """Whether a message needs a private chat opened first."""
    return row.route is not Route.CHANNEL and opening(account, chat)


def opening(account: Address, chat: str) -> bool:
    """Whether an account's private chat has to be opened: in Slack, where it is not known. It stays the same
    for ever. Source: platform-facts S4."""
    return account.platform is Platform.SLACK and not chat


def to(account: Address, *, opening: bool, factor: float = 1.0) -> list[Place]:
    """The places that a message to an account needs: its workspace's, its own, and one more when it opens a
    chat. `factor` 0 is for a platform that does not mind: only what it closed itself counts."""
    every = PER_WORKSPACE.get(account.platform, PER_RECEIVER)
    places = [Place(of(account), every * factor, _LATE * factor)]
    if factor:
        places.append(Place(str(account), PER_RECEIVER * factor))
    return [*places, _opening(account, factor)] if opening else places


def edit(account: Address, factor: float = 1.0) -> list[Place]:
    """The places that an edit needs; Teams counts it as a message."""
    if account.platform is not Platform.SLACK:
        return to(account, opening=False, factor=factor)
    return [Place(f"edit:{account.workspace}", PER_SEARCH * factor)]


def _opening(account: Address, factor: float) -> Place:
    return Place(f"open:{account.workspace}", PER_SEARCH * factor)


def search(side: Side, factor: float = 1.0) -> Place:
    """The place that a search by e-mail needs."""
    return Place(f"find:{side.value}", PER_SEARCH * factor)


def describing(side: Side, factor: float = 1.0) -> Place:
    """The place that it needs to ask a side's platform about an account. Processes that come up one after the
    other all begin with that."""
    every = _PER_LOOK * factor
    return Place(f"info:{side.value}", every, LOOKS * every)


def reading_back(account: Address, *, opening: bool, factor: float = 1.0) -> list[Place]:
    """The places that it needs to look whether a message stands there already: after a crash many are looked
    for at once. Teams shows a bot nothing, so nothing is asked there."""
    if account.platform is not Platform.SLACK:
        return []
    look = Place(f"look:{account.workspace}", PER_SEARCH * factor)
    return [look, _opening(account, factor)] if opening else [look]


def mail(factor: float = 1.0) -> Place:
    """The place that a mail needs."""
    return Place(MAIL, _PER_MAIL * factor, _LATE * factor)


def invitation(factor: float = 1.0) -> Place:
    """The place that it needs to ask for the way into the alumni's chat."""
    return Place(_INVITE, _PER_MAIL * factor, _LATE * factor)


def shared(key: str) -> bool:
    """Whether many messages wait when this lane is full, or only those to one receiver."""
    return key.startswith(_SHARED)
