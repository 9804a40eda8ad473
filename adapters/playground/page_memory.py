"""What the page itself remembers until it is stopped: commands that were typed, and what was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Echo:
    """A slash command as it was typed; it stands after the message `after` (a ts; empty: before them all)."""

    at: datetime
    text: str
    after: str


@dataclass(slots=True)
class Memory:
    """Chat clients do not keep slash commands, but a reader of this page wants to see what was asked."""

    echoes: dict[tuple[str, str], list[Echo]] = field(default_factory=dict)
    seen: dict[tuple[str, str], str] = field(default_factory=dict)

    def typed(self, team: str, user: str, echo: Echo) -> None:
        """Keep a command; the oldest go after a hundred."""
        kept = self.echoes.setdefault((team, user), [])
        kept.append(echo)
        del kept[:-100]

    def mark_seen(self, key: str, place: str, last: str) -> None:
        """Everything up to `last` (ts of a message, padded id of a mail) was on the screen."""
        self.seen[key, place] = max(last, self.seen.get((key, place), ""))
