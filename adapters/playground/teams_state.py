"""What the local Teams remembers: tenants, people, apps, messages, dialogs, calls, deliveries; in memory.

Everything is a frozen dataclass of plain values, so `dataclasses.asdict` makes it JSON for a page. Only
`Directory` and `Chats` change.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict
from uuid import UUID

JSON = dict[str, Any]

ADAPTIVE: Final = "application/vnd.microsoft.card.adaptive"
BOT_SCOPE: Final = "https://api.botframework.com/.default"
GRAPH_SCOPE: Final = "https://graph.microsoft.com/.default"

INSTALL_ROLE: Final = "TeamsAppInstallation.ReadWriteSelfForUser.All"
INVITE_ROLE: Final = "User.Invite.All"
USER_ROLE: Final = "User.Read.All"
TEAM_ROLE: Final = "TeamMember.ReadWrite.All"
GROUP_ROLE: Final = "GroupMember.ReadWrite.All"
CATALOGUE_ROLE: Final = "AppCatalog.Read.All"
EVERY_ROLE: Final = frozenset((INSTALL_ROLE, INVITE_ROLE, USER_ROLE, TEAM_ROLE, GROUP_ROLE, CATALOGUE_ROLE))


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()


def stable_uuid(*parts: str) -> str:
    """A GUID that is the same for the same parts in every run: people keep their Entra ids over restarts."""
    return str(UUID(bytes=_digest(*parts)[:16], version=4))


def stable_thread(kind: str, *parts: str) -> str:
    """The id of a channel (`tacv2`) or a group chat (`v2`): `19:<32 hex digits>@thread.<kind>`."""
    return f"19:{_digest(kind, *parts).hex()[:32]}@thread.{kind}"


def stable_letters(*parts: str) -> str:
    """64 letters as in Teams' `29:1…` and `a:1…` ids."""
    both = _digest("a", *parts) + _digest("b", *parts)[:16]
    return base64.urlsafe_b64encode(both).decode()


@dataclass(frozen=True, slots=True)
class Tenant:
    """An Entra tenant; `region` is the last part of its service URL, `domain` that of its login names."""

    id: str
    name: str
    domain: str
    region: str = "amer"


class PersonDetails(TypedDict, total=False):
    """The optional facts of a person; see `Person` for their meaning."""

    id: str
    login: str
    locale: str
    zone: str
    guest: bool
    pending: bool
    old_client: bool


@dataclass(frozen=True, slots=True)
class Person:
    """An account: `id` is the Entra object id, `login` the user principal name, `mail` may be empty.

    `guest`: invited from outside; `pending`: has not accepted yet, so sees nothing; `old_client`: knows no
    Action.Execute and uses its fallback; `disabled`: may not sign in any more.
    """

    id: str
    tenant: str
    name: str
    mail: str
    login: str
    locale: str = "ja-JP"
    zone: str = "Asia/Tokyo"
    guest: bool = False
    pending: bool = False
    old_client: bool = False
    disabled: bool = False


class RegistrationDetails(TypedDict, total=False):
    """The optional facts of a registration; see `Registration` for their meaning."""

    name: str
    manifest_id: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Registration:
    """One bot: a SingleTenant app registration, its messaging endpoint, and what an administrator allowed.

    `manifest_id` is the id in the app package (empty: the app id); `roles` are the Graph application
    permissions that have admin consent.
    """

    side: str
    app_id: str
    password: str
    tenant: str
    endpoint: str
    name: str = "Okaeri"
    manifest_id: str = ""
    roles: frozenset[str] = EVERY_ROLE

    @property
    def bot(self) -> str:
        """The bot's account in conversations."""
        return f"28:{self.app_id}"

    @property
    def external_id(self) -> str:
        """The id in the app package."""
        return self.manifest_id or self.app_id

    @property
    def catalogue_id(self) -> str:
        """The id that the tenant's app catalogue made up; never that of the package."""
        return stable_uuid("catalogue", self.tenant, self.external_id)


@dataclass(frozen=True, slots=True)
class Team:
    """A team: `id` is also that of its General channel, `group` its Entra group; the sets are living ones."""

    id: str
    group: str
    tenant: str
    name: str
    channels: dict[str, str]
    members: set[str]
    apps: set[str]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A place for messages: `personal` (with `app` and `person`), `channel` (with `team`) or `groupChat`."""

    id: str
    tenant: str
    kind: str
    members: set[str]
    apps: set[str]
    name: str = ""
    app: str = ""
    person: str = ""
    team: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `activity` as it was posted, `thread` the root's id in a channel, `to` its only reader."""

    id: str
    conversation: str
    sender: str
    activity: JSON
    at: float
    by_bot: bool = False
    thread: str | None = None
    to: str | None = None
    edited: bool = False

    @property
    def text(self) -> str:
        """The text, empty for a card alone."""
        return str(self.activity.get("text") or "")

    @property
    def cards(self) -> list[JSON]:
        """The Adaptive Cards as the bot posted them."""
        attached = self.activity.get("attachments") or []
        return [one["content"] for one in attached if one.get("contentType") == ADAPTIVE]


@dataclass(frozen=True, slots=True)
class Dialog:
    """An open dialog: `values` stand in its inputs, `errors` are the client's own, `trouble`: it failed."""

    id: str
    person: str
    app: str
    conversation: str
    card: JSON
    title: str = ""
    height: Any = None
    width: Any = None
    source: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """One invitation of a guest: `url` is to be opened by them, `mailed` whether Entra wrote the mail."""

    id: str
    tenant: str
    mail: str
    person: str
    url: str
    mailed: bool
    language: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A bearer token that the login server gave out; `expires` in wire seconds, `roles` only for Graph."""

    app_id: str
    tenant: str
    audience: str
    expires: float
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """One call to us: `area` is login, connector or graph; `detail` what was asked, without any secret."""

    area: str
    operation: str
    app_id: str
    status: int
    code: str
    detail: JSON
    at: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one activity sent to a bot; `status` is 0 when there was no answer or nothing was sent.

    `body` is parsed JSON or text. `error`: None, or `timeout` (15 s, an invoke 5 s: platform-facts T6),
    `connection_failed`, `http_error` (not 2xx), `bot_error` (an error in the body of an invoke),
    `invalid_response`, `invalid_card`, `client_errors` (not sent), `not_installed`, `blocked`, `pending`,
    `disabled`.
    """

    kind: str
    status: int = 0
    body: Any = None
    seconds: float = 0.0
    error: str | None = None
    activity: JSON = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the bot answered in time and Teams could use the answer."""
        return self.error is None


class TeamsError(Exception):
    """A refusal that we answer to a call: the HTTP status, Microsoft's error code, a sentence, headers."""

    def __init__(
        self, status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
