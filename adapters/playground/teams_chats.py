"""The conversations of the local Teams: who is in them, what stands there, what each person sees of it."""

import json
from collections.abc import Callable, Iterable

from adapters.playground.teams_directory import Directory
from adapters.playground.teams_state import (
    JSON,
    Conversation,
    Dialog,
    Message,
    Person,
    Registration,
    Team,
    TeamsError,
    stable_letters,
    stable_thread,
)

_MARK = ";messageid="


class Chats:
    """All conversations and messages; a press may change a card for one person only (`views`)."""

    def __init__(self, now: Callable[[], float], directory: Directory) -> None:
        self.now = now
        self.directory = directory
        self.conversations: dict[str, Conversation] = {}
        self.messages: dict[str, dict[str, Message]] = {}
        self.views: dict[str, dict[str, JSON]] = {}
        self.notes: dict[tuple[str, str], str] = {}
        self.dialogs: dict[str, Dialog] = {}
        self.offered: dict[str, dict[str, list[JSON]]] = {}
        self._accounts: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._last = 0

    # --- places -------------------------------------------------------------------------------------------

    def personal(self, app: Registration, person: Person) -> Conversation:
        """The chat of a bot with one person; the same id every time."""
        found = f"a:1{stable_letters('chat', app.app_id, person.id)}"
        if found not in self.conversations:
            self._open(
                Conversation(
                    found,
                    person.tenant,
                    "personal",
                    {person.id},
                    {app.app_id},
                    app=app.app_id,
                    person=person.id,
                )
            )
            self._aliases[graph_chat(app, person)] = found
        return self.conversations[found]

    def add_channel(self, team: Team, name: str) -> Conversation:
        """A channel of a team: its members are the team's. The General channel has the team's id."""
        known = {title: found for found, title in team.channels.items()}
        found = known.get(name) or stable_thread("tacv2", team.id, name)
        team.channels[found] = name
        return self._open(
            Conversation(found, team.tenant, "channel", team.members, team.apps, name, team=team.id)
        )

    def add_group(self, tenant: str, name: str, members: Iterable[str]) -> Conversation:
        """A group chat; a bot is in it when its app id is among `apps`."""
        found = stable_thread("v2", tenant, name)
        return self._open(Conversation(found, tenant, "groupChat", set(members), set(), name))

    def account(self, app: Registration, person: Person) -> str:
        """The `29:…` id of a person: another one for every bot (platform-facts T5)."""
        found = f"29:1{stable_letters('account', app.app_id, person.id)}"
        self._accounts[found] = person.id
        return found

    def person_of(self, tenant: str, account: str) -> Person | None:
        """Who a bot means with an Entra object id or a `29:…` id."""
        if account.startswith("29:") and account not in self._accounts:
            self._remember(tenant)
        found = self.directory.people.get(self._accounts.get(account, account.lower()))
        return found if found and found.tenant == tenant else None

    def resolve(self, given: str) -> tuple[Conversation, str | None]:
        """A conversation and the root message when the id names a thread; 404 when there is none."""
        name, mark, root = given.partition(_MARK)
        if name.startswith("a:") and name not in self.conversations:
            self._remember()
        found = self.conversations.get(self._aliases.get(name, name))
        if found is None or (mark and root not in self.messages[found.id]):
            raise TeamsError(404, "ConversationNotFound", "Conversation not found.")
        return found, root or None

    # --- messages -----------------------------------------------------------------------------------------

    def next_id(self) -> str:
        """A message id: the wire time in milliseconds, always later than the one before."""
        self._last = max(self._last + 1, int(self.now() * 1_000))
        return str(self._last)

    def post(self, message: Message) -> Message:
        """Keep a message; a new state of it takes back what presses had made of it for single people."""
        self.messages[message.conversation][message.id] = message
        self.views.pop(message.id, None)
        self.directory.touch()
        return message

    def remove(self, message: Message) -> None:
        """Take a message out of its conversation."""
        del self.messages[message.conversation][message.id]
        self.directory.touch()

    def find(self, conversation: str, activity: str) -> Message:
        """A message by id; 404 as the connector says it."""
        found = self.messages[conversation].get(activity)
        if found is None:
            raise TeamsError(404, "ActivityNotFoundInConversation", "Activity not found in conversation.")
        return found

    def visible(self, person: str, activity: str) -> Message:
        """The message with this id if this person can see it; `LookupError` otherwise."""
        for one in self.conversations.values():
            found = self.messages[one.id].get(activity) if person in one.members else None
            if found and found.to in (None, person):
                return found
        raise LookupError(f"{person} sees no message {activity}")

    def card(self, person: str, message: Message) -> JSON | None:
        """The card of a message as this person sees it."""
        own = self.views.get(message.id, {}).get(person)
        return own or next(iter(message.cards), None)

    def shows(self, person: str, message: Message, card: JSON) -> None:
        """A press changed the card for this person, until the bot changes the message for everybody."""
        self.views.setdefault(message.id, {})[person] = json.loads(json.dumps(card))
        self.directory.touch()

    def says(self, person: str, message: Message, words: str) -> None:
        """What Teams writes under a card for one person after a press."""
        self.notes[message.id, person] = words
        self.directory.touch()

    def offer(self, person: str, field: str, options: list[JSON]) -> None:
        """Remember what a search field offers a person, besides what it offered before."""
        before = self.offered.setdefault(person, {}).get(field, [])
        self.offered[person][field] = [*options, *(one for one in before if one not in options)]

    # --- dialogs ------------------------------------------------------------------------------------------

    def keep(self, dialog: Dialog) -> Dialog:
        """Open a dialog, or its next state; each person has at most one open."""
        self.dialogs[dialog.person] = dialog
        self.directory.touch()
        return dialog

    def close(self, person: str) -> None:
        """Close the dialog of a person, if one is open."""
        self.dialogs.pop(person, None)
        self.directory.touch()

    def _remember(self, tenant: str = "") -> None:
        """Make the ids again that a bot kept from an earlier run: those of whom it could write to then."""
        for app in list(self.directory.apps.values()):
            for person in list(self.directory.people.values()):
                if person.tenant != app.tenant or tenant not in ("", app.tenant):
                    continue
                if tenant:
                    self.account(app, person)
                elif self.directory.reaches(app, person):
                    self.personal(app, person)

    def _open(self, conversation: Conversation) -> Conversation:
        self.conversations[conversation.id] = conversation
        self.messages.setdefault(conversation.id, {})
        self.directory.touch()
        return conversation


def graph_chat(app: Registration, person: Person) -> str:
    """The id under which Graph knows the chat with a bot; the connector takes it too (platform-facts T7)."""
    return f"19:{person.id}_{app.app_id}@unq.gbl.spaces"


def threaded(conversation: Conversation, root: str | None) -> str:
    """The conversation id that stands in activities: in a channel it names the thread."""
    return f"{conversation.id}{_MARK}{root}" if root and conversation.kind == "channel" else conversation.id
