"""What the local Slack remembers: apps, people, channels, messages, views, calls, deliveries; in memory.

Everything is a frozen dataclass of plain values, so `dataclasses.asdict` makes it JSON for the page.
Only `Workspace` (see slack_workspace.py) changes.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

JSON = dict[str, Any]

SLACKBOT = "USLACKBOT"
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def fresh_id(prefix: str) -> str:
    """A new id such as `V0K3…`: unique over restarts too, since an app may remember ids in its database."""
    return prefix + "0" + "".join(secrets.choice(_ALPHABET) for _ in range(11))


def stable_id(prefix: str, *parts: str) -> str:
    """An id that is the same for the same parts in every run: Slack's user and DM ids survive a restart."""
    number = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8])
    letters = []
    for _ in range(10):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return prefix + "0" + "".join(letters)


@dataclass(frozen=True, slots=True)
class LocalApp:
    """One Slack app as installed in one workspace; its manifest decides what is delivered and allowed."""

    app_id: str
    signing_secret: str
    bot_token: str
    bot_user: str
    manifest: Mapping[str, Any]
    events_url: str

    @property
    def bot_id(self) -> str:
        """The `B…` id that marks the bot's messages."""
        return "B" + self.bot_user[1:]

    @property
    def name(self) -> str:
        """The display name of the bot user."""
        bot = self.manifest.get("features", {}).get("bot_user", {})
        about = self.manifest.get("display_information", {})
        return str(bot.get("display_name") or about.get("name") or self.app_id)


class PersonDetails(TypedDict, total=False):
    """The optional facts of a person; see `Person` for their meaning."""

    user: str
    locale: str
    zone: str
    email_confirmed: bool
    guest: bool
    single_channel: bool
    stranger: bool
    bot: bool
    admin: bool


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `guest`: multi-channel guest; `stranger`: of another company, over Slack Connect."""

    user: str
    name: str
    email: str
    handle: str
    locale: str = "ja-JP"
    zone: str = "Asia/Tokyo"
    email_confirmed: bool = True
    guest: bool = False
    single_channel: bool = False
    stranger: bool = False
    bot: bool = False
    admin: bool = False
    deleted: bool = False
    updated: float = 0.0


@dataclass(frozen=True, slots=True)
class Channel:
    """A place for messages. `kind` is `im`, `public` or `private`; `person` is the human of an `im`.

    `members` is the living set: #general has thousands, and a copy for each who joins would be slow.
    """

    id: str
    name: str
    kind: str
    members: set[str]
    person: str | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message as people see it. `to`: the only reader of an ephemeral one; `ts`: Slack's message id."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: tuple[JSON, ...] = ()
    ephemeral: bool = False
    to: str | None = None
    edited: bool = False
    by_bot: bool = False
    metadata: JSON | None = None
    client_msg_id: str | None = None
    thread_ts: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """An open modal or a Home tab.

    `values` maps block ids to what stands in the inputs now (text, option value, list of them, date …);
    `errors` maps block ids to what is wrong beside them; `trouble` is Slack's error word when the app failed.
    """

    id: str
    hash: str
    type: str
    user: str
    blocks: tuple[JSON, ...]
    title: str = ""
    submit: str | None = None
    close: str | None = None
    private_metadata: str = ""
    callback_id: str = ""
    external_id: str = ""
    root_id: str = ""
    previous_id: str | None = None
    notify_on_close: bool = False
    clear_on_close: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One Web API call that the app made: its arguments without the token, and what came of it."""

    team: str
    method: str
    args: JSON
    ok: bool
    error: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one delivery to the app.

    `status` is the HTTP status of the last attempt, 0 when there was no answer or nothing had to be sent;
    `body` is parsed JSON or text; `seconds` the duration of the last attempt; `error` Slack's word or None:
    `operation_timeout` (no answer in 3 s), `dispatch_failed` (not 2xx, no connection), `invalid_command`,
    `not_subscribed`, `client_errors` (the form was not sent), `invalid_response`, `invalid_blocks` …
    """

    kind: str
    status: int = 0
    body: Any = ""
    seconds: float = 0.0
    retries: int = 0
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong: the app answered 2xx in time and Slack could use the answer."""
        return self.error is None


class SlackError(Exception):
    """An error that Slack answers to a Web API call: its word and further keys of the response."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra
