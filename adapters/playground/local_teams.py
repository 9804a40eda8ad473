"""The local Teams: tenants with people, teams and our bots, driven as people do in the Teams client.

It stands for the other side of the wire: Entra's login, the Bot Framework's connector, Microsoft Graph, and
the people, who send signed activities to a bot's endpoint over real HTTP.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from aiohttp import web

from adapters.playground import teams_connector, teams_graph, teams_login
from adapters.playground.teams_acts import Actor
from adapters.playground.teams_admin import Admin
from adapters.playground.teams_delivery import Parcel, Patience
from adapters.playground.teams_faults import Faults
from adapters.playground.teams_keys import Forgery, Key, Keys
from adapters.playground.teams_rates import Rates
from adapters.playground.teams_state import (
    JSON,
    Call,
    Conversation,
    Delivery,
    Dialog,
    Invitation,
    Message,
    Person,
    PersonDetails,
    Registration,
    RegistrationDetails,
    Team,
    Tenant,
)
from adapters.playground.teams_wire import new_wire

__all__ = [
    "Call", "Conversation", "Delivery", "Dialog", "Forgery", "Invitation", "LocalTeams", "Message",
    "Patience", "Person", "Registration", "Team", "Tenant",
]  # fmt: skip

_BODY_LIMIT = 4 * 1024 * 1024
Wanted = str | Mapping[str, Any] | None


class LocalTeams:
    """One Microsoft cloud with any number of tenants; `now` is wire time in seconds since 1970.

    `base_url` is where bots reach `application()`; None means `/local-teams` on the host of their endpoint.
    `key` signs the activities (None: a new one, which takes a tenth of a second to make).
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        patience: Patience | None = None,
        base_url: str | None = None,
        key: Key | None = None,
    ) -> None:
        self._wire = new_wire(now, patience or Patience(), key)
        self._wire.base_url = base_url

    # --- setting up ---------------------------------------------------------------------------------------

    def add_tenant(self, tenant: str, name: str, domain: str, region: str = "amer") -> Tenant:
        """A tenant by its Entra id. `ValueError`: there is one already."""
        return self._wire.directory.add_tenant(Tenant(tenant, name, domain, region))

    def register_app(
        self,
        side: str,
        app_id: str,
        password: str,
        where: tuple[str, str],
        **more: Unpack[RegistrationDetails],
    ) -> Registration:
        """A bot: `where` is (tenant, messaging endpoint). `ValueError`: the id or the side is taken there."""
        tenant, endpoint = where
        return self._wire.directory.register(Registration(side, app_id, password, tenant, endpoint, **more))

    def add_person(self, tenant: str, *, name: str, mail: str, **details: Unpack[PersonDetails]) -> str:
        """An account that is there already, no event; its object id: the same for an address each time."""
        return self._wire.directory.add(tenant, name, mail, details).id

    def add_team(self, tenant: str, name: str, members: Iterable[str] = ()) -> Team:
        """A team with its General channel (which has the team's id); no bot is in it yet. No event."""
        team = self._wire.directory.add_team(tenant, name)
        team.members.update(members)
        self._wire.chats.add_channel(team, "General")
        return team

    def add_channel(self, team: str, name: str) -> str:
        """A further channel of a team; gives its id. No event."""
        return self._wire.chats.add_channel(self._wire.directory.teams[team], name).id

    def add_group_chat(self, tenant: str, name: str, members: Iterable[str]) -> str:
        """A chat of several people; gives its id. No event."""
        return self._wire.chats.add_group(tenant, name, members).id

    def has_app(self, person: str, side: str | None = None) -> None:
        """Somebody has had the app for long: no event."""
        actor = self._actor(person, side)
        self._wire.directory.install(actor.app, actor.person)
        self._wire.chats.personal(actor.app, actor.person)

    def application(self) -> web.Application:
        """Login, connector and Graph, to be mounted at `/local-teams/`; see `urls` for the addresses."""
        app = web.Application(client_max_size=_BODY_LIMIT)
        teams_login.add_routes(app, self._wire)
        teams_connector.add_routes(app, self._wire)
        teams_graph.add_routes(app, self._wire, self._told)
        return app

    def urls(self, app_id: str) -> dict[str, str]:
        """What a bot is configured with: `login`, `openid`, `graph` and `service` (its connector)."""
        app = self._wire.directory.apps[app_id]
        base = self._wire.base(app)
        return {
            "login": f"{base}/login",
            "openid": f"{base}/login/v1/.well-known/openidconfiguration",
            "graph": f"{base}/graph",
            "service": self._wire.service_url(app),
        }

    async def settle(self) -> None:
        """Wait until no delivery and no call to us is under way."""
        await self._wire.courier.settle()

    async def close(self) -> None:
        """Give up what is under way and close the connections to the bots."""
        await self._wire.courier.close()

    # --- switches -----------------------------------------------------------------------------------------

    @property
    def faults(self) -> Faults:
        """Faults of login, connector and Graph: `fail`, `hang`, `drop_after_accept`, `delay`, `clear`."""
        return self._wire.faults

    @property
    def rates(self) -> Rates:
        """The rate limits: `on` (refuse with 429), `violations` (recorded always), `clear`."""
        return self._wire.rates

    @property
    def keys(self) -> Keys:
        """The signing keys: `rotate(keep_old=…)`, `current`, `published`, `header`, `forge`."""
        return self._wire.keys

    @property
    def base_url(self) -> str | None:
        """Where bots reach `application()`."""
        return self._wire.base_url

    @base_url.setter
    def base_url(self, url: str | None) -> None:
        self._wire.base_url = url

    @property
    def admin(self) -> Admin:
        """What an administrator does: consent, policies, accounts, tokens, the tenant's region."""
        return Admin(self._wire)

    # --- people and their chats ---------------------------------------------------------------------------

    async def says(self, person: str, text: str, side: str | None = None) -> Delivery:
        """Type into the 1:1 chat with the bot of a side (None: the tenant's only bot)."""
        return await self._actor(person, side).say(text)

    async def mentions_bot(
        self, person: str, place: str, text: str, side: str | None = None, *, thread: str | None = None
    ) -> Delivery:
        """Type `@bot text` into a channel or group chat; `thread` is the id of a channel's root message."""
        conversation, _ = self._wire.chats.resolve(place)
        return await self._actor(person, side).mention(conversation, text, thread)

    async def presses(
        self, person: str, activity_id: str, action: Wanted = None, values: Mapping[str, Any] | None = None
    ) -> Delivery:
        """Press a button by title (or id, verb, or entries of its data) after typing into the card's inputs.

        `LookupError`: they see no such message, button, input or choice. `client_errors`: nothing was sent.
        """
        message = self._wire.chats.visible(person, activity_id)
        return await self._author(person, message).press(message, action, values or {})

    async def opens_dialog(
        self, person: str, activity_id: str, action: Wanted = None, values: Mapping[str, Any] | None = None
    ) -> Dialog:
        """Press a button that opens a dialog; `LookupError` with the error when none opened."""
        self._wire.chats.close(person)
        delivery = await self.presses(person, activity_id, action, values)
        dialog = self.dialog(person)
        if dialog is None:
            raise LookupError(f"no dialog opened: {delivery.error} {delivery.status}")
        return dialog

    async def fills(
        self, dialog: Dialog | str, values: Mapping[str, Any] | None = None, action: Wanted = None
    ) -> Delivery:
        """Fill in and send an open dialog (or that of a person id); `dialog(person)` is what comes of it.

        `LookupError`: it is not open, or has no such input, choice or button.
        """
        opened = self.dialog(dialog if isinstance(dialog, str) else dialog.person)
        if opened is None or (isinstance(dialog, Dialog) and opened.id != dialog.id):
            raise LookupError("the dialog is not open")
        return await self._with(opened.person, opened.app).fill(opened, values or {}, action)

    def closes(self, person: str) -> None:
        """Close the dialog; the bot is not told."""
        self._wire.chats.close(person)

    async def refreshes(self, person: str, activity_id: str) -> Delivery:
        """Look at a card with `refresh`: the client asks for this person's own one by itself."""
        message = self._wire.chats.visible(person, activity_id)
        return await self._author(person, message).refresh(message)

    async def searches(self, person: str, where: Dialog | str, field: str, text: str) -> list[JSON]:
        """Type into a search field of an open dialog or of a card (message id): the options offered."""
        shown = self._wire.chats.visible(person, where) if isinstance(where, str) else where
        actor = self._author(person, shown) if isinstance(shown, Message) else self._with(person, shown.app)
        return await actor.search(shown, field, text)

    async def asks_extension(
        self, person: str, text: str, command: str = "find", side: str | None = None, *, place: str = ""
    ) -> list[JSON]:
        """Type into the message extension (empty: its first run) while writing in `place`; its results."""
        actor = self._actor(person, side)
        conversation = self._wire.chats.resolve(place)[0] if place else actor.chat
        return await actor.query(conversation, command, text)

    def inserts(self, person: str, result: JSON, place: str, side: str | None = None) -> Message:
        """Put a result of the message extension into a conversation, for all its members to see."""
        conversation, _ = self._wire.chats.resolve(place)
        return self._actor(person, side).insert(conversation, result)

    # --- coming and going ---------------------------------------------------------------------------------

    async def installs(self, person: str, side: str | None = None) -> Delivery:
        """Add the app for oneself: `conversationUpdate` with both members, then `installationUpdate`."""
        return await self._actor(person, side).install()

    async def uninstalls(self, person: str, side: str | None = None) -> Delivery:
        """Take the app away: `installationUpdate` remove. Writing to them is refused from now on."""
        return await self._actor(person, side).uninstall()

    def blocks(self, person: str, side: str | None = None, *, again: bool = False) -> None:
        """Block (or, with `again`, unblock) the bot in the 1:1 chat; it is not told."""
        pair = (self._actor(person, side).app.app_id, person)
        blocked = self._wire.directory.blocked
        (blocked.discard if again else blocked.add)(pair)

    async def adds_bot(self, person: str, place: str, side: str | None = None) -> Delivery:
        """Put the bot into a team (by its id) or a group chat."""
        actor, (conversation, _) = self._actor(person, side), self._wire.chats.resolve(place)
        conversation.apps.add(actor.app.app_id)
        return await actor.hear_bot(conversation, "teamMemberAdded")

    async def removes_bot(self, person: str, place: str, side: str | None = None) -> Delivery:
        """Take the bot out of a team or a group chat."""
        actor, (conversation, _) = self._actor(person, side), self._wire.chats.resolve(place)
        conversation.apps.discard(actor.app.app_id)
        return await actor.hear_bot(conversation, "teamMemberRemoved")

    async def joins(self, person: str, team: str) -> list[Delivery]:
        """Become a member of a team: every bot in it hears it."""
        self._wire.directory.teams[team].members.add(person)
        return await self._all_hear(person, team, "teamMemberAdded")

    async def leaves(self, person: str, team: str) -> list[Delivery]:
        """Leave a team: every bot in it hears it."""
        self._wire.directory.teams[team].members.discard(person)
        return await self._all_hear(person, team, "teamMemberRemoved")

    def redeems(self, person: str) -> Person:
        """An invited guest accepts."""
        return self.admin.changes(person, pending=False)

    # --- what no person does ------------------------------------------------------------------------------

    async def forges(
        self, person: str, how: Forgery, text: str = "hello", side: str | None = None
    ) -> Delivery:
        """A message with exactly one thing wrong about its token (see `Forgery`)."""
        actor = self._actor(person, side)
        activity = actor.scene(actor.chat).message(self._wire.chats.next_id(), text)
        return await self._wire.forge(actor.app, activity, how)

    async def sends(self, app_id: str, activity: JSON) -> Delivery:
        """Any activity, correctly signed: what a forged button value would look like."""
        return await self._wire.send(self._wire.directory.apps[app_id], activity)

    async def sends_raw(self, app_id: str, activity: Any, authorization: str | None) -> Delivery:
        """Anything at all as a body (`dict`), with any Authorization header."""
        app = self._wire.directory.apps[app_id]
        return await self._wire.courier.send(Parcel(app.endpoint, activity, authorization))

    async def redelivers(self, activity_id: str | None = None) -> Delivery:
        """Send an activity (default: the last one) again with the same id."""
        app_id, activity = [one for one in self._wire.sent if activity_id in (None, one[1]["id"])][-1]
        return await self.sends(app_id, activity)

    # --- looking ------------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """Grows whenever anything that people can see has changed."""
        return self._wire.directory.version

    def person(self, person: str) -> Person:
        """One account; `KeyError` when it is not there."""
        return self._wire.directory.people[person]

    def people(self, tenant: str) -> list[Person]:
        """All accounts of a tenant in the order in which they came."""
        return [one for one in self._wire.directory.people.values() if one.tenant == tenant]

    def account(self, person: str, side: str | None = None) -> str:
        """The `29:…` id under which a bot knows this person."""
        actor = self._actor(person, side)
        return self._wire.chats.account(actor.app, actor.person)

    def has(self, person: str, side: str | None = None) -> bool:
        """Whether somebody has the app for themselves."""
        return (self._actor(person, side).app.app_id, person) in self._wire.directory.installed

    def chats(self, person: str) -> list[Conversation]:
        """The conversations that a person is in, in the order in which they began."""
        return [one for one in self._wire.chats.conversations.values() if person in one.members]

    def chat(self, person: str, side: str | None = None) -> list[Message]:
        """What stands in the 1:1 chat with the bot, oldest first."""
        return list(self._wire.chats.messages[self._actor(person, side).chat.id].values())

    def messages(self, place: str, person: str | None = None) -> list[Message]:
        """What stands in a conversation or thread, oldest first: for everybody, or as one person sees it."""
        conversation, root = self._wire.chats.resolve(place)
        every = self._wire.chats.messages[conversation.id].values()
        return [one for one in every if one.to in (None, person) and root in (None, one.thread)]

    def card(self, person: str, activity_id: str) -> JSON | None:
        """The card of a message as this person sees it, after what presses made of it."""
        return self._wire.chats.card(person, self._wire.chats.visible(person, activity_id))

    def cards(self, person: str, side: str | None = None) -> list[JSON]:
        """The cards in the 1:1 chat as this person sees them, oldest first."""
        shown = (self._wire.chats.card(person, one) for one in self.chat(person, side))
        return [card for card in shown if card is not None]

    def note(self, person: str, activity_id: str) -> str:
        """What Teams wrote under a card for this person after a press; empty for nothing."""
        return self._wire.chats.notes.get((activity_id, person), "")

    def dialog(self, person: str) -> Dialog | None:
        """The dialog in front, if one is open."""
        return self._wire.chats.dialogs.get(person)

    def invitations(self, tenant: str) -> list[Invitation]:
        """The invitations of guests, oldest first."""
        return [one for one in self._wire.directory.invitations if one.tenant == tenant]

    def calls(self, operation: str | None = None) -> list[Call]:
        """The calls that bots made (the last 20,000), all or of one operation or area (see `Faults`)."""
        return [one for one in self._wire.calls if operation in (None, one.operation, one.area)]

    def deliveries(self, kind: str | None = None) -> list[Delivery]:
        """The last 1,000 deliveries to bots, oldest first, all or of one kind (`invoke:task/fetch`)."""
        return [one for one in self._wire.courier.log if kind in (None, one.kind)]

    # --- parts --------------------------------------------------------------------------------------------

    def _actor(self, person: str, side: str | None) -> Actor:
        found = self._wire.directory.people[person]
        return Actor(self._wire, self._wire.directory.app_for(found.tenant, side), found)

    def _with(self, person: str, app_id: str) -> Actor:
        return Actor(self._wire, self._wire.directory.apps[app_id], self._wire.directory.people[person])

    def _author(self, person: str, message: Message) -> Actor:
        """The person and the bot whose card it is; an inserted result is the bot's in that conversation."""
        place = self._wire.chats.conversations[message.conversation]
        app_id = message.sender.removeprefix("28:") if message.by_bot else next(iter(place.apps))
        return self._with(person, app_id)

    async def _all_hear(self, person: str, team: str, event: str) -> list[Delivery]:
        self._wire.directory.touch()
        place, apps = self._wire.chats.conversations[team], self._wire.directory.teams[team].apps
        return [await self._with(person, app_id).hear_member(place, event) for app_id in sorted(apps)]

    def _told(self, what: str, app: Registration, person: Person, team: Team | None) -> None:
        """Graph did something: the bot hears of it in the background."""
        actor = Actor(self._wire, app, person)
        if team is not None:
            work = actor.hear_member(self._wire.chats.conversations[team.id], "teamMemberAdded")
        else:
            work = actor.hear_install() if what == "install" else actor.hear_uninstall()
        self._wire.courier.soon(work)
