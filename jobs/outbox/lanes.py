"""How fast each platform is spoken to: the lanes in which a message needs a place before it goes."""

from __future__ import annotations

import math
from collections import Counter

from bot.conversation import Address, Platform, Side
from storage.delivering import GROUP
from storage.outbox import Delivery, Queue, Route
from storage.pace import Place

PER_RECEIVER = 1.0
PER_WORKSPACE = {Platform.SLACK: 0.205, Platform.TEAMS: 0.05}
"""Seconds between two: Slack allows about one a second and channel, several hundred a minute in a workspace,
of which 292 are used; Teams 50 calls a second of an app in a tenant, of which 20 are used. Source:
platform-facts S4, T6."""
PER_SEARCH = 1.22
"""Seconds between two searches by e-mail, or two openings of a private chat, in Slack. Source:
`users.lookupByEmail` and `conversations.open` are tier 3, 50 a minute."""
_LATE = 1.0
_NARROW = 2
_SHARED = ("chat:", "open:", "find:")


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


def reading_back(account: Address, factor: float = 1.0) -> list[Place]:
    """The places that it needs to look whether a message stands there already: after a crash many are looked
    for at once. Source: `conversations.history` is tier 3 too; Teams shows a bot nothing."""
    slack = account.platform is Platform.SLACK
    return [Place(f"look:{account.workspace}", PER_SEARCH * factor)] if slack else []


def shared(key: str) -> bool:
    """Whether many messages wait when this lane is full, or only those to one receiver."""
    return key.startswith(_SHARED)


class Gates:
    """Which queues wait for a lane of theirs, and how many of them are worth looking at: as many as went the
    last time and one more, and twice as many as long as all of them go. What is in the way is not looked at
    over and over, and of many that wait for one lane each is touched about once."""

    def __init__(self) -> None:
        self._until: dict[Queue, float] = {}
        self._fresh: set[Queue] = set()
        self._width: dict[Queue, int] = {}

    def room(self, at: float) -> dict[Queue, int]:
        """How many of each queue are wanted at most; of one that is not named, any number."""
        self._until = {line: until for line, until in self._until.items() if until > at}
        return self._width | dict.fromkeys(self._until, 0)

    def shut(self, line: Queue, until: float) -> None:
        """Its lane is full until then."""
        self._until[line] = until
        self._fresh.add(line)

    def learn(self, went: Counter[Queue]) -> None:
        """So many of each queue found a place."""
        for line in self._fresh:
            self._width[line] = max(_NARROW, went[line] + 1)
        for line in (went.keys() & self._width.keys()) - self._fresh:
            self._width[line] *= 2
            if self._width[line] >= GROUP:
                del self._width[line]
        self._fresh.clear()

    def opens_in(self, at: float) -> float:
        """Seconds until the first lane is free; endless when none is full."""
        return min((until - at for until in self._until.values() if until > at), default=math.inf)
