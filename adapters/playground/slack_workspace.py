"""One workspace of the local Slack: people, channels, messages, modals, Home tabs, who may be where."""

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.playground.slack_state import (
    JSON,
    SLACKBOT,
    Channel,
    LocalApp,
    Message,
    Person,
    PersonDetails,
    SlackError,
    View,
    fresh_id,
    stable_id,
)

TRIGGER_LIFE = 3.0  # seconds; platform-facts S1
RESPONSE_LIFE = 30 * 60.0  # seconds; platform-facts S1
RESPONSE_USES = 5
_KEPT_TRIGGERS = 2_000
_KEPT_RESPONSES = 5_000
_HANDLE = re.compile(r"[^a-z0-9._-]+")


@dataclass(slots=True)
class Trigger:
    """One `trigger_id`: whose it is, when it was made (wire seconds), and whether it was exchanged."""

    user: str
    made: float
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """One `response_url`: where its answers go; `source` is the message that the button stood in."""

    channel: str
    user: str
    made: float
    source: str | None = None
    uses: int = 0


@dataclass(slots=True)
class Workspace:
    """The changing state of one workspace and the app installed in it."""

    team: str
    name: str
    domain: str
    app: LocalApp
    now: Callable[[], float]
    installed: bool = True
    people: dict[str, Person] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    posted: dict[str, dict[str, Message]] = field(default_factory=dict)
    modals: dict[str, list[View]] = field(default_factory=dict)
    homes: dict[str, View] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    responses: dict[str, ResponseUrl] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    whispers: dict[str, dict[str, str]] = field(default_factory=dict)
    suggested: dict[tuple[str, str], list[JSON]] = field(default_factory=dict)
    events: deque[JSON] = field(default_factory=lambda: deque(maxlen=500))
    scopes: frozenset[str] = frozenset()
    subscribed: frozenset[str] = frozenset()
    default_channels: set[str] = field(default_factory=set)
    version: int = 0
    _last: int = 0

    # --- the app's manifest -------------------------------------------------------------------------------

    def command(self, name: str) -> JSON | None:
        """What the manifest declares for a slash command, if anything."""
        commands = self.app.manifest.get("features", {}).get("slash_commands", [])
        return next((dict(one) for one in commands if one.get("command") == name), None)

    def shortcut(self, callback_id: str) -> JSON | None:
        """What the manifest declares for a global shortcut, if anything."""
        shortcuts = self.app.manifest.get("features", {}).get("shortcuts", [])
        found = (
            one for one in shortcuts if one.get("callback_id") == callback_id and one.get("type") == "global"
        )
        return next((dict(one) for one in found), None)

    def setting(self, *path: str, default: Any = None) -> Any:
        """A value deep in the manifest, such as `setting("features", "app_home", "home_tab_enabled")`."""
        found: Any = self.app.manifest
        for step in path:
            found = found.get(step, {}) if isinstance(found, dict) else {}
        return default if found == {} else found

    # --- time and ids -------------------------------------------------------------------------------------

    def next_ts(self) -> str:
        """A message id: the wire time in microseconds, always later than the one before."""
        self._last = max(self._last + 1, int(self.now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def touch(self) -> None:
        """Count a change, so that a page can see that something is new."""
        self.version += 1

    def new_trigger(self, user: str) -> str:
        """A `trigger_id` for this person: good once, for three seconds."""
        name = f"{fresh_id('')}.{self.team}.{fresh_id('').lower()}"
        self.triggers[name] = Trigger(user, self.now())
        if len(self.triggers) > _KEPT_TRIGGERS:
            del self.triggers[next(iter(self.triggers))]
        return name

    def exchange(self, trigger_id: Any) -> str:
        """Use a `trigger_id` up; gives its person. Raises Slack's three errors (platform-facts S1)."""
        trigger = self.triggers.get(str(trigger_id))
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.now() - trigger.made > TRIGGER_LIFE:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def new_response(self, channel: str, user: str, source: str | None = None) -> str:
        """The secret part of a `response_url`."""
        name = fresh_id("") + fresh_id("")
        self.responses[name] = ResponseUrl(channel, user, self.now(), source)
        if len(self.responses) > _KEPT_RESPONSES:
            del self.responses[next(iter(self.responses))]
        return name

    def use_response(self, name: str) -> ResponseUrl:
        """Count one use; raises `expired_url`, `used_url` after 30 minutes, 5 uses (platform-facts S1)."""
        found = self.responses.get(name)
        if found is None or self.now() - found.made > RESPONSE_LIFE:
            raise SlackError("expired_url")
        if found.uses >= RESPONSE_USES:
            raise SlackError("used_url")
        found.uses += 1
        return found

    # --- people and channels ------------------------------------------------------------------------------

    def add(self, name: str, email: str, details: PersonDetails) -> Person:
        """A new account; `ValueError` when the address or the id is taken. Members join #general."""
        if email.lower() in self.addresses:
            raise ValueError("an active account already has this address")
        more = dict(details)
        user = str(more.pop("user", None) or self._free_user(email))
        if user in self.people:
            raise ValueError(f"the user id {user} is taken")
        handle = _HANDLE.sub("", (email or user).split("@")[0].lower()) or user.lower()
        person = Person(user, name, email.lower(), handle, updated=self.now(), **more)  # type: ignore[arg-type]
        self.enter(person)
        if not (person.stranger or person.single_channel or person.bot):
            for channel in (self.general, *self.default_channels):
                self.join(channel, user)
        return person

    def enter(self, person: Person) -> None:
        """Keep an account in its present state; only active ones hold their address."""
        old = self.people.get(person.user)
        if old is not None:
            self.addresses.pop(old.email, None)
            self.names.pop(old.name, None)
        self.people[person.user] = person
        self.names |= {person.name: person.user, person.handle: person.user}
        if person.email and not person.deleted:
            self.addresses[person.email] = person.user
        self.touch()

    def _free_user(self, email: str) -> str:
        if not email:
            return fresh_id("U")
        tries = (stable_id("U", self.team, email.lower(), str(turn)) for turn in range(1_000))
        return next(user for user in tries if user not in self.people)

    def person(self, user: str) -> Person:
        """Somebody who may act here; `LookupError` for unknown, `ValueError` for deactivated accounts."""
        found = self.people[user]
        if found.deleted:
            raise ValueError(f"{user} is deactivated")
        return found

    @property
    def general(self) -> str:
        """The id of #general, where every member is."""
        return stable_id("C", self.team, "general")

    def add_channel(self, name: str, members: Iterable[str] = (), *, private: bool = False) -> Channel:
        """A new channel; the bot is in it only when it is among the members."""
        kind = "private" if private else "public"
        channel = Channel(stable_id("C", self.team, name), name, kind, set(members))
        self.channels[channel.id] = channel
        self.posted.setdefault(channel.id, {})
        self.touch()
        return channel

    def join(self, channel: str, user: str) -> Channel:
        """Put somebody into a channel."""
        found = self.channels[channel]
        found.members.add(user)
        self.touch()
        return found

    def remove(self, channel: str, user: str) -> None:
        """Take somebody out of a channel."""
        self.channels[channel].members.discard(user)
        self.touch()

    def archive(self, channel: str) -> None:
        """Close a channel: it stays readable, and nobody writes there any more."""
        self.channels[channel] = replace(self.channels[channel], archived=True)
        self.touch()

    def make_default(self, channel: str) -> None:
        """Everybody who is in #general is in this channel too, and everybody who comes."""
        self.default_channels.add(channel)
        self.channels[channel].members.update(self.channels[self.general].members)

    def direct(self, user: str) -> Channel:
        """The DM of the bot with this person, made when it is first needed."""
        name = stable_id("D", self.team, self.app.bot_user, user)
        if name not in self.channels:
            self.channels[name] = Channel(name, "directmessage", "im", {user, self.app.bot_user}, user)
            self.posted[name] = {}
        return self.channels[name]

    # --- messages -----------------------------------------------------------------------------------------

    def post(self, message: Message) -> Message:
        """Keep a message in its channel."""
        self.posted[message.channel][message.ts] = message
        if message.to:
            self.whispers.setdefault(message.to, {})[message.ts] = message.channel
        self.touch()
        return message

    def note(self, user: str, channel: str, text: str) -> Message:
        """What Slack itself tells one person, only visible to them (a failed command, for instance)."""
        return self.post(Message(self.next_ts(), channel, SLACKBOT, text, ephemeral=True, to=user))

    def seen_by(self, user: str) -> list[Message]:
        """The DM with the bot and what is ephemeral for this person anywhere, oldest first."""
        shown = [message for message in self.posted[self.direct(user).id].values() if not message.ephemeral]
        return sorted([*shown, *self._whispered(user)], key=lambda message: message.ts)

    def _whispered(self, user: str) -> list[Message]:
        """What is ephemeral for this person and not deleted."""
        found = (self.posted[channel].get(ts) for ts, channel in self.whispers.get(user, {}).items())
        return [message for message in found if message]

    def visible(self, user: str, ts: str) -> Message:
        """The message with this id if this person can see it; `LookupError` otherwise."""
        inside = (self.posted[one.id].get(ts) for one in self.channels.values() if user in one.members)
        for message in [*self._whispered(user), *filter(None, inside)]:
            if message.ts == ts and message.to in (None, user):
                return message
        raise LookupError(f"{user} sees no message {ts}")

    # --- views --------------------------------------------------------------------------------------------

    def view(self, user: str, view: str) -> View:
        """An open modal or the Home of this person by id; `LookupError` otherwise."""
        home = self.homes.get(user)
        for found in [*self.modals.get(user, []), *([home] if home else [])]:
            if found.id == view:
                return found
        raise LookupError(f"{user} has no open view {view}")

    def keep(self, view: View) -> View:
        """Replace an open view (same id) by its new state; does nothing when it was closed meanwhile."""
        if view.type == "home":
            self.homes[view.user] = view
        else:
            stack = self.modals.get(view.user, [])
            stack[:] = [view if one.id == view.id else one for one in stack]
        self.touch()
        return view


def open_workspace(team: str, name: str, app: LocalApp, now: Callable[[], float]) -> Workspace:
    """A workspace with the app, its bot user and #general."""
    bot_scopes = app.manifest.get("oauth_config", {}).get("scopes", {}).get("bot", [])
    events = app.manifest.get("settings", {}).get("event_subscriptions", {}).get("bot_events", [])
    domain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or team.lower()
    workspace = Workspace(
        team, name, domain, app, now, scopes=frozenset(bot_scopes), subscribed=frozenset(events)
    )
    workspace.channels[workspace.general] = Channel(workspace.general, "general", "public", set())
    workspace.posted[workspace.general] = {}
    handle = _HANDLE.sub("", app.name.lower()) or "bot"
    workspace.enter(Person(app.bot_user, app.name, "", handle, bot=True, updated=now()))
    return workspace
