"""The local Slack: workspaces with one app each, driven as people do in Slack's client.

It stands for the other side of the wire: it knows an app by its manifest, its events URL and what it sends.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypedDict, Unpack
from uuid import uuid4

from aiohttp import web

from adapters.playground import slack_api
from adapters.playground.slack_acts import Actor
from adapters.playground.slack_delivery import (
    PATIENCE,
    RETRY_DELAYS,
    Courier,
    event_parcel,
    interaction_parcel,
)
from adapters.playground.slack_faults import Faults
from adapters.playground.slack_methods import deactivated
from adapters.playground.slack_payloads import escaped, message_event, view_object
from adapters.playground.slack_profiles import user_object
from adapters.playground.slack_rates import Rates
from adapters.playground.slack_state import (
    JSON,
    Call,
    Channel,
    Delivery,
    LocalApp,
    Message,
    Person,
    PersonDetails,
    View,
    fresh_id,
)
from adapters.playground.slack_wire import Wire
from adapters.playground.slack_workspace import Workspace, open_workspace

__all__ = ["Call", "Channel", "Delivery", "LocalApp", "LocalSlack", "Message", "Person", "View", "Workspace"]


class Press(TypedDict, total=False):
    """Where an element is (`ts` of a message, id of a `view`), which one (`value`), what is `selected`."""

    ts: str | None
    view: str | None
    value: str | None
    selected: Any


class LocalSlack:
    """One Slack with any number of workspaces; `now` is wire time in seconds since 1970.

    `base_url` is where the app reaches `web_api()`; None means `/local-slack` on the host of its events URL.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        retry_delays: tuple[float, ...] = RETRY_DELAYS,
        patience: float = PATIENCE,
        base_url: str | None = None,
    ) -> None:
        self._wire = Wire(now, Courier(now, retry_delays, patience), Rates(now), Faults(), base_url)

    # --- setting up ---------------------------------------------------------------------------------------

    def add_workspace(self, team: str, name: str, app: LocalApp) -> Workspace:
        """A workspace with its one app. `ValueError`: the team is taken, or the app is elsewhere already

        (an app that is not distributed lives in one workspace only).
        """
        known = self._wire.workspaces
        if team in known:
            raise ValueError(f"there is a workspace {team} already")
        for other in known.values():
            if app.app_id == other.app.app_id or app.bot_token == other.app.bot_token:
                raise ValueError(
                    f"the app {app.app_id} is installed in {other.team} already and is not distributed"
                )
        known[team] = open_workspace(team, name, app, self._wire.now)
        return known[team]

    def add_person(self, team: str, *, name: str, email: str, **details: Unpack[PersonDetails]) -> str:
        """A person who is there already; no event. Gives the user id: the same for an address every time."""
        return self._wire.workspaces[team].add(name, email, details).user

    def add_channel(self, team: str, name: str, members: Iterable[str] = (), *, private: bool = False) -> str:
        """A channel with these members (user ids; also the bot's if it shall be in it); gives its id."""
        return self._wire.workspaces[team].add_channel(name, members, private=private).id

    def add_default_channel(self, team: str, name: str) -> str:
        """A public channel in which every member is, but not the bot until it is invited; gives its id."""
        workspace = self._wire.workspaces[team]
        channel = workspace.add_channel(name)
        workspace.make_default(channel.id)
        return channel.id

    def invites(self, team: str, channel: str, user: str | None = None) -> None:
        """Somebody is put into a channel; without a name the app's bot (`/invite @bot`). No event."""
        workspace = self._wire.workspaces[team]
        workspace.join(channel, user or workspace.app.bot_user)

    def kicks(self, team: str, channel: str, user: str | None = None) -> None:
        """Somebody is taken out of a channel; without a name the app's bot. No event."""
        workspace = self._wire.workspaces[team]
        workspace.remove(channel, user or workspace.app.bot_user)

    def archives(self, team: str, channel: str) -> None:
        """A channel is archived: nobody writes there any more. No event."""
        self._wire.workspaces[team].archive(channel)

    def deletes(self, team: str, channel: str, ts: str) -> None:
        """An administrator deletes a message. No event."""
        self._wire.workspaces[team].posted[channel].pop(ts)
        self._wire.workspaces[team].touch()

    def web_api(self) -> web.Application:
        """Slack's Web API and response_url addresses, to be mounted at `/local-slack/` (methods: `api/…`)."""
        return slack_api.web_api(self._wire)

    @property
    def base_url(self) -> str | None:
        """Where the app reaches `web_api()`, for the response_url addresses."""
        return self._wire.base_url

    @base_url.setter
    def base_url(self, url: str | None) -> None:
        self._wire.base_url = url

    @property
    def faults(self) -> Faults:
        """Faults to put into the Web API: `fail`, `hang`, `drop_after_accept`, `clear`."""
        return self._wire.faults

    @property
    def rates(self) -> Rates:
        """The rate limits: `factor`, `violations` (also recorded while they are not enforced), `clear`."""
        return self._wire.rates

    @property
    def rates_on(self) -> bool:
        """Whether calls over the limits are refused with 429."""
        return self._wire.rates.on

    @rates_on.setter
    def rates_on(self, on: bool) -> None:
        self._wire.rates.on = on

    @property
    def patience(self) -> float:
        """Seconds in which whoever is told something has to answer; three at the real one."""
        return self._wire.courier.patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self._wire.courier.patience = seconds

    async def settle(self) -> None:
        """Wait until no delivery and no call to us is under way (retries due later do not count).

        What the app still does by itself after an acknowledgement cannot be seen from here.
        """
        await self._wire.courier.settle()

    async def close(self) -> None:
        """Give up waiting retries and close the connections to the apps."""
        await self._wire.courier.close()

    # --- driving, as a person in the client ---------------------------------------------------------------

    async def types(self, team: str, user: str, text: str, channel: str | None = None) -> Delivery:
        """Type into a channel (default: the DM with the bot): a slash command, or a message and its event.

        `@name` and `#channel` of somebody known become mentions as in the client. `LookupError`: no member.
        """
        actor = self._actor(team, user)
        workspace = actor.workspace
        place = workspace.channels[channel] if channel else workspace.direct(user)
        if user not in place.members:
            raise LookupError(f"{user} is not in {place.id}")
        if text.startswith("/"):
            return await actor.command(place, text)
        if place.kind == "im" and not _takes_messages(workspace):
            return Delivery("message", error="messages_tab_disabled")
        return await self._says(
            workspace, Message(workspace.next_ts(), place.id, user, escaped(workspace, text))
        )

    async def presses(self, team: str, user: str, *, action: str, **press: Unpack[Press]) -> Delivery:
        """Press a button or choose in a menu by action id; see `Press` for the rest.

        Without `ts` and `view` it is looked for in the top modal, the Home and then the newest messages.
        `LookupError`: nobody could see such an element, or no such option.
        """
        actor = self._actor(team, user)
        found = actor.look(action, press.get("value"), press.get("ts"), press.get("view"))
        return await actor.press(found, press.get("selected"))

    async def submits(
        self, team: str, user: str, view: str, values: Mapping[str, Any] | None = None
    ) -> Delivery:
        """Submit a modal with values by block id; the app's `response_action` is applied.

        Values: text, an option's value (or the option), a list of them, a user id, a date; what is not given
        stays. `LookupError`: no such view, block or option. `client_errors`: Slack's client refuses.
        """
        actor = self._actor(team, user)
        return await actor.submit(actor.workspace.view(user, view), values or {})

    async def closes(self, team: str, user: str, view: str) -> Delivery:
        """Close a modal and what lies on it."""
        actor = self._actor(team, user)
        return await actor.close(actor.workspace.view(user, view))

    async def seeks(self, team: str, user: str, view_or_ts: str, action: str, query: str) -> list[JSON]:
        """Type into a search field of a view or message: the option objects that the app offers."""
        actor = self._actor(team, user)
        in_message = view_or_ts[:1].isdigit()
        ts, view = (view_or_ts, None) if in_message else (None, view_or_ts)
        return await actor.seek(actor.look(action, None, ts, view), query)

    def fills(self, team: str, user: str, view: str, values: Mapping[str, Any]) -> View:
        """Type into a form without submitting it; nothing is sent."""
        actor = self._actor(team, user)
        return actor.type_in(actor.workspace.view(user, view), values)

    async def uses_shortcut(self, team: str, user: str, callback_id: str) -> Delivery:
        """Use a global shortcut of the app."""
        return await self._actor(team, user).shortcut(callback_id)

    async def opens_home(self, team: str, user: str, tab: str = "home") -> Delivery:
        """Open the app's Home (or its messages tab)."""
        workspace = self._actor(team, user).workspace
        if tab == "home" and not workspace.setting("features", "app_home", "home_tab_enabled", default=False):
            return Delivery("event:app_home_opened", error="not_enabled")
        event: JSON = {
            "type": "app_home_opened",
            "user": user,
            "channel": workspace.direct(user).id,
            "tab": tab,
            "event_ts": workspace.next_ts(),
        }
        if tab == "home" and (shown := workspace.homes.get(user)):
            event["view"] = view_object(workspace, shown)
        return await self._wire.event(workspace, event)

    async def joins(self, team: str, *, name: str, email: str, **details: Unpack[PersonDetails]) -> str:
        """Somebody makes an account: adds the person, sends `team_join`. Gives the user id."""
        workspace = self._wire.workspaces[team]
        person = workspace.add(name, email, details)
        await self._wire.event(workspace, self._user_event(workspace, person, "team_join"))
        return person.user

    async def leaves(self, team: str, user: str) -> Delivery:
        """An account is deactivated: `user_change` with `deleted: true`."""
        workspace = self._wire.workspaces[team]
        deactivated(workspace, workspace.person(user).user)
        return await self._changed(workspace, user)

    async def changes(self, team: str, user: str, **details: Any) -> Delivery:
        """Facts of an account change (fields of `Person`, such as `email_confirmed`): `user_change`."""
        workspace = self._wire.workspaces[team]
        workspace.enter(replace(workspace.people[user], **details, updated=self._wire.now()))
        return await self._changed(workspace, user)

    async def uninstalls(self, team: str) -> Delivery:
        """The app is removed: `tokens_revoked`, `app_uninstalled`; then its token is `account_inactive`."""
        workspace = self._wire.workspaces[team]
        tokens = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [workspace.app.bot_user]}}
        await self._wire.event(workspace, tokens)
        gone = await self._wire.event(workspace, {"type": "app_uninstalled"})
        workspace.installed = False
        return gone

    async def redelivers(self, team: str, event_id: str | None = None) -> Delivery:
        """Send an event (default: the last one) again with the same `event_id`, as Slack sometimes does."""
        workspace = self._wire.workspaces[team]
        sent = [one for one in workspace.events if event_id in (None, one["event_id"])]
        return await self._wire.courier.send(workspace.app, event_parcel(sent[-1]))

    async def sends(self, team: str, payload: JSON) -> Delivery:
        """A correctly signed interaction with any payload: what a forged button value would look like."""
        return await self._wire.courier.send(self._wire.workspaces[team].app, interaction_parcel(payload))

    # --- looking ------------------------------------------------------------------------------------------

    @property
    def workspaces(self) -> Mapping[str, Workspace]:
        """All workspaces by team id."""
        return self._wire.workspaces

    def workspace(self, team: str) -> Workspace:
        """One workspace: its app, people, channels; its `version` grows with every change people can see."""
        return self._wire.workspaces[team]

    @property
    def version(self) -> int:
        """Grows whenever anything that people can see has changed."""
        return sum(workspace.version for workspace in self._wire.workspaces.values())

    def people(self, team: str) -> list[Person]:
        """All accounts in the order in which they came, the bot and deactivated ones too."""
        return list(self._wire.workspaces[team].people.values())

    def channels(self, team: str, user: str) -> list[Channel]:
        """The channels that a person is in; the DM with the bot first."""
        workspace = self._wire.workspaces[team]
        direct = workspace.direct(user)
        return [
            direct,
            *(one for one in workspace.channels.values() if user in one.members and one != direct),
        ]

    def messages(self, team: str, user: str) -> list[Message]:
        """What a person sees in the DM with the bot, and ephemerally anywhere; oldest first."""
        return self._wire.workspaces[team].seen_by(user)

    def channel_messages(self, team: str, channel: str) -> list[Message]:
        """What everybody in a channel sees, oldest first (nothing ephemeral)."""
        return [one for one in self._wire.workspaces[team].posted[channel].values() if not one.ephemeral]

    def modal(self, team: str, user: str) -> View | None:
        """The modal in front, if one is open."""
        stack = self._wire.workspaces[team].modals.get(user)
        return stack[-1] if stack else None

    def home(self, team: str, user: str) -> View | None:
        """The Home that the app has published for this person."""
        return self._wire.workspaces[team].homes.get(user)

    def calls(self, method: str | None = None) -> list[Call]:
        """The Web API calls that were made (the last 20,000), all or of one method."""
        return [call for call in self._wire.calls if method in (None, call.method)]

    def deliveries(self) -> list[Delivery]:
        """The last 1,000 deliveries to the apps, oldest first."""
        return list(self._wire.courier.log)

    # --- parts --------------------------------------------------------------------------------------------

    def _actor(self, team: str, user: str) -> Actor:
        workspace = self._wire.workspaces[team]
        return Actor(self._wire, workspace, workspace.person(user))

    async def _says(self, workspace: Workspace, message: Message) -> Delivery:
        section = {"type": "rich_text_section", "elements": [{"type": "text", "text": message.text}]}
        block = {"type": "rich_text", "block_id": fresh_id("")[:5], "elements": [section]}
        said = workspace.post(replace(message, blocks=(block,), client_msg_id=str(uuid4())))
        event = message_event(workspace, said)
        if workspace.app.bot_user not in workspace.channels[message.channel].members:
            return Delivery("message", error="not_subscribed")
        if f"<@{workspace.app.bot_user}>" in message.text and event["channel_type"] != "im":
            await self._wire.event(workspace, event | {"type": "app_mention"})
        return await self._wire.event(workspace, event)

    def _user_event(self, workspace: Workspace, person: Person, kind: str) -> JSON:
        now = workspace.next_ts()
        return {
            "type": kind,
            "user": user_object(workspace, person),
            "cache_ts": int(person.updated),
            "event_ts": now,
        }

    async def _changed(self, workspace: Workspace, user: str) -> Delivery:
        return await self._wire.event(
            workspace, self._user_event(workspace, workspace.people[user], "user_change")
        )


def _takes_messages(workspace: Workspace) -> bool:
    """Whether people may write to the bot: the messages tab is on and not read-only (platform-facts S11)."""
    tab = workspace.setting("features", "app_home", "messages_tab_enabled", default=False)
    return bool(tab) and not workspace.setting(
        "features", "app_home", "messages_tab_read_only_enabled", default=True
    )
