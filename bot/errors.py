"""Everything that may go wrong in an expected way, and who is told what.

OkaeriError
├── Refusal            told kindly to the person who asked, in their language; never paged
│   ├── NotAllowed         may not do this, or not here
│   ├── NotFound           is not there, or is not yours (the two are told alike)
│   ├── Conflict           somebody or something was faster
│   ├── BadUsage           the words could not be understood
│   ├── InvalidForm        one or more fields of a form are wrong; what was typed is kept
│   └── TooOften           slow down
├── Trouble            another system
│   ├── Retry              try again, not before `after` seconds
│   │   └── Away               so for everybody: the whole system is full, away, or does not know us
│   ├── Ambiguous          may or may not have happened: ask before doing it again
│   └── Undeliverable      will never work this way; `reason` is a short word for HR's list
├── FeedError          one row of a feed; collected, never stops the feed
├── FeedRejected       a whole file cannot be read
└── ConfigError        a setting is wrong: which, what was found, what would be right; exit 78

Anything else is a bug: roll back, show an incident code, log the cause under the same code.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.conversation import Arg, Text, t


class OkaeriError(Exception):
    """The root of the tree."""


class Refusal(OkaeriError):
    """Expected; `text` is what the person reads.

    A refusal rolls back what its handler wrote, unless it `keeps` it (a counted wrong try).
    """

    keeps = False

    def __init__(self, key: str, **args: Arg) -> None:
        super().__init__(key)
        self.text = t(key, **args)


class NotAllowed(Refusal):
    """The actor may not do this, or not here."""


class NotFound(Refusal):
    """The row is not there, or is not the actor's to see."""


class Conflict(Refusal):
    """The state has moved on in the meantime."""


class BadUsage(Refusal):
    """The words after the command could not be understood."""


class TooOften(Refusal):
    """Too many tries; the text says when it is possible again."""


class InvalidForm(Refusal):
    """Fields that must be corrected: field name -> what is wrong and what would be right."""

    def __init__(self, errors: Mapping[str, Text], *, keeps: bool = False) -> None:
        super().__init__("common.form_errors")
        self.errors = dict(errors)
        self.keeps = keeps


class Trouble(OkaeriError):
    """Another system did not do what we asked."""


class Retry(Trouble):
    """Try again later, not before `after` seconds; `reason` is the other system's word."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class Away(Retry):
    """Nobody gets through before `after` seconds: the whole system asked for that (`Retry-After`), is not
    there, or does not take our login. No message is to blame for it."""


class Ambiguous(Trouble):
    """The connection broke after the request left: it may have been carried out."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Undeliverable(Trouble):
    """This way will never work; another way may. `way` is where the receiver can open this one themselves."""

    def __init__(self, reason: str, way: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.way = way


class FeedError(OkaeriError):
    """One bad row: where, which rule, what would be right. Never the value itself.

    `row` counts like a spreadsheet does (the header is row 1); `rule` and `remedy` are catalogue keys
    below `feed.`; `column` is the header as the file has it, or "".
    """

    def __init__(self, row: int, column: str, rule: str, remedy: str = "") -> None:
        super().__init__(f"row {row} {column}: {rule}")
        self.row, self.column, self.rule, self.remedy = row, column, rule, remedy or f"{rule}_right"


class FeedRejected(OkaeriError):
    """A file that cannot be taken at all; `text` says why and what would be right."""

    def __init__(self, key: str, **args: Arg) -> None:
        super().__init__(key)
        self.text = t(key, **args)


class ConfigError(OkaeriError):
    """A setting is wrong. Each mistake is one line: the name, what was found, what would be right."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes
