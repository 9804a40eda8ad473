"""Slack's rate limits: token buckets per method and workspace by tier, a message a second per channel.

What the real Slack would have refused is always recorded; it is refused only while `on` is set.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_TIERS: Final = {2: 20, 3: 50, 4: 100}  # calls a minute; platform-facts S4
_METHODS: Final = {
    2: ("users.list", "conversations.list"),
    3: (
        "chat.update",
        "chat.delete",
        "conversations.open",
        "conversations.info",
        "conversations.join",
        "conversations.history",
        "users.lookupByEmail",
        "team.info",
    ),
    4: (
        "chat.postEphemeral",
        "users.info",
        "conversations.members",
        "views.open",
        "views.push",
        "views.update",
        "views.publish",
    ),
}
_BURST: Final = 0.2  # of a minute's calls may come at once
_CHANNEL_BURST: Final = 3  # messages
_WORKSPACE_POSTS: Final = 300  # messages a minute in the whole workspace; not documented
_SPECIAL: Final = 600  # auth.test, chat.getPermalink: high, not documented


@dataclass(frozen=True, slots=True)
class Violation:
    """A call that the real Slack would have refused: `wait` is the Retry-After in seconds."""

    team: str
    method: str
    key: str
    at: float
    wait: int


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates:
    """The limits of all workspaces. `factor` multiplies every rate and burst while `on`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.on = False
        self.factor = 1.0
        self.violations: list[Violation] = []
        self._now = now
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def check(self, team: str, method: str, args: Mapping[str, Any]) -> int | None:
        """The Retry-After in whole seconds when this call is refused, else None; counts the call."""
        waits = [self._take(key, *rate) for key, rate in _keys(team, method, args)]
        wait = math.ceil(max(waits))
        if wait <= 0:
            return None
        self.violations.append(Violation(team, method, str(args.get("channel", "")), self._now(), wait))
        return wait if self.on else None

    def clear(self) -> None:
        """Forget all counting and all violations."""
        self._buckets.clear()
        self.violations.clear()

    def _take(self, key: tuple[str, ...], a_minute: float, burst: float) -> float:
        """Take one token; gives 0, or the seconds until there will be one (then nothing is taken)."""
        factor = self.factor if self.on else 1.0
        speed, most = a_minute * factor / 60, max(1.0, burst * factor)
        now = self._now()
        bucket = self._buckets.setdefault(key, _Bucket(most, now))
        bucket.tokens = min(most, bucket.tokens + max(0.0, now - bucket.at) * speed)
        bucket.at = now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / speed
        bucket.tokens -= 1
        return 0.0


def _keys(
    team: str, method: str, args: Mapping[str, Any]
) -> list[tuple[tuple[str, ...], tuple[float, float]]]:
    if method == "chat.postMessage":
        return [
            ((team, method, str(args.get("channel"))), (60, _CHANNEL_BURST)),
            ((team, method), (_WORKSPACE_POSTS, _WORKSPACE_POSTS * _BURST)),
        ]
    tier = next((tier for tier, methods in _METHODS.items() if method in methods), None)
    a_minute = _TIERS[tier] if tier else _SPECIAL
    return [((team, method), (a_minute, a_minute * _BURST))]
