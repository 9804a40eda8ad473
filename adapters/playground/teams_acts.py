"""What a person does in Teams with a bot, from the click to the applied answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.playground import teams_answers
from adapters.playground.teams_activities import Scene
from adapters.playground.teams_cards import (
    client_errors,
    dataset_of,
    find_action,
    gathered,
    reached,
    special,
    typed,
)
from adapters.playground.teams_state import (
    JSON,
    Conversation,
    Delivery,
    Dialog,
    Message,
    Person,
    Registration,
    TeamsError,
)
from adapters.playground.teams_wire import Wire

_TOP: Final = 15  # options that a search field asks for
_COUNT: Final = 25  # results that a message extension asks for


@dataclass(frozen=True, slots=True)
class Actor:
    """A person in front of Teams, and one bot."""

    wire: Wire
    app: Registration
    person: Person

    # --- talking ------------------------------------------------------------------------------------------

    @property
    def chat(self) -> Conversation:
        """The 1:1 chat with the bot."""
        return self.wire.chats.personal(self.app, self.person)

    def scene(self, conversation: Conversation, thread: str | None = None) -> Scene:
        """Here and now, in this conversation (and thread of a channel)."""
        wire = self.wire
        return Scene(
            self.app,
            self.person,
            wire.chats.account(self.app, self.person),
            conversation,
            wire.service_url(self.app),
            wire.now(),
            wire.directory.teams.get(conversation.team),
            thread,
        )

    async def say(self, text: str) -> Delivery:
        """Type into the 1:1 chat."""
        if error := self._refused(self.chat):
            return Delivery("message", error=error)
        name = self.wire.chats.next_id()
        return await self._say(self.chat, self.scene(self.chat).message(name, text))

    async def mention(self, place: Conversation, text: str, thread: str | None) -> Delivery:
        """Type `@bot text` into a channel or group chat; without the bot there nobody hears it."""
        if error := self._refused(place):
            return Delivery("message", error=error)
        name = self.wire.chats.next_id()
        root = (thread or name) if place.kind == "channel" else None
        return await self._say(place, self.scene(place, root).mention(name, text), root)

    # --- buttons ------------------------------------------------------------------------------------------

    async def press(
        self, message: Message, wanted: str | Mapping[str, Any] | None, values: Mapping[str, Any]
    ) -> Delivery:
        """Press a button of a card after typing into its inputs."""
        place, _ = self.wire.chats.resolve(message.conversation)
        if error := self._refused(place):
            return Delivery("press", error=error)
        card = self.wire.chats.card(self.person.id, message) or {}
        pressed = find_action(card, wanted)
        action, known = self._usable(pressed), reached(card, pressed)
        if action["type"] not in ("Action.Execute", "Action.Submit"):
            return Delivery(action["type"], body=action.get("url"))
        stand = self._typed(card, {}, values)
        if wrong := client_errors(known, stand):
            return Delivery("press", body={"errors": wrong}, error="client_errors")
        data = gathered(action, {name: stand[name] for name in known})
        if action["type"] == "Action.Execute":
            return await self._execute(message, action, data, "manual")
        return await self._submit(message, action, data)

    async def refresh(self, message: Message) -> Delivery:
        """Look at a card that refreshes itself for this person (`refresh`), as the client does by itself."""
        refresh = next(iter(message.cards), {}).get("refresh") or {}
        users = refresh.get("userIds")
        account = self.wire.chats.account(self.app, self.person)
        if not refresh.get("action") or (users and account not in users):
            return Delivery("refresh", error="client_errors")
        action = refresh["action"]
        return await self._execute(message, action, gathered(action, {}), "automatic")

    # --- dialogs, search, message extension ---------------------------------------------------------------

    async def fill(
        self, dialog: Dialog, values: Mapping[str, Any], wanted: str | Mapping[str, Any] | None
    ) -> Delivery:
        """Fill in an open dialog and send it; what the client refuses itself is never sent."""
        chats = self.wire.chats
        stand = self._typed(dialog.card, dialog.values, values)
        action = find_action(dialog.card, wanted)
        known = reached(dialog.card, action)
        wrong = client_errors(known, stand)
        dialog = chats.keep(teams_answers.filled(dialog, stand, wrong))
        if wrong or action["type"] != "Action.Submit":
            return Delivery("invoke:task/submit", body={"errors": wrong}, error="client_errors")
        place, root = self._place_of(dialog.conversation, dialog.source)
        data = gathered(action, {name: stand[name] for name in known})
        activity = self.scene(place, root).task("task/submit", data, dialog.source)
        delivery = await self.wire.send(self.app, activity)
        return self.wire.checked(delivery, teams_answers.after_submit(chats, dialog, delivery))

    async def search(self, shown: Dialog | Message, field: str, text: str) -> list[JSON]:
        """Type into a search field: the options that the bot offers; none for an unusable answer."""
        own = self.wire.chats.card(self.person.id, shown) if isinstance(shown, Message) else shown.card
        source = shown.id if isinstance(shown, Message) else shown.source
        value = {
            "queryText": text,
            "queryOptions": {"skip": 0, "top": _TOP},
            "dataset": dataset_of(own or {}, field),
        }
        place, root = self._place_of(shown.conversation, source)
        delivery = await self.wire.send(
            self.app, self.scene(place, root).invoke("application/search", value, source)
        )
        options, error = teams_answers.options(delivery)
        self.wire.checked(delivery, error)
        self.wire.chats.offer(self.person.id, field, options)
        return options

    async def query(self, place: Conversation, command: str, text: str) -> list[JSON]:
        """Type into the message extension; empty text is the first run. Gives its result attachments.

        `place` may be one where the bot is not; the person must have the app, or a team of theirs.
        """
        if self._refused(self.chat):
            return []
        parameter = {"name": "query", "value": text} if text else {"name": "initialRun", "value": "true"}
        value = {
            "commandId": command,
            "parameters": [parameter],
            "queryOptions": {"skip": 0, "count": _COUNT},
            "context": {"theme": "default"},
        }
        delivery = await self.wire.send(self.app, self.scene(place).invoke("composeExtension/query", value))
        results, error = teams_answers.results(delivery)
        self.wire.checked(delivery, error)
        return results

    def insert(self, place: Conversation, result: JSON) -> Message:
        """Put a result of the message extension into a conversation; the bot is not told."""
        attachment = {name: value for name, value in result.items() if name != "preview"}
        return self._keep(place, {"type": "message", "attachments": [attachment]}, None)

    # --- the app ------------------------------------------------------------------------------------------

    async def install(self) -> Delivery:
        """Add the app for oneself; refused when it is there or a policy forbids it."""
        try:
            self.wire.directory.install(self.app, self.person)
        except TeamsError as error:
            return Delivery("installationUpdate:add", error="blocked" if error.status == 403 else "installed")
        return await self.hear_install()

    async def hear_install(self) -> Delivery:
        """What a bot hears of an installation: both members, then the installation."""
        scene = self.scene(self.chat)
        members = scene.members("teamMemberAdded", (scene.as_member, scene.bot_as_member))
        await self.wire.send(self.app, members)
        return await self.wire.send(self.app, scene.installation("add"))

    async def uninstall(self) -> Delivery:
        """Take the app away; `not_installed` when it was not there."""
        pair = (self.app.app_id, self.person.id)
        if pair not in self.wire.directory.installed:
            return Delivery("installationUpdate:remove", error="not_installed")
        self.wire.directory.installed.discard(pair)
        self.wire.directory.touch()
        return await self.hear_uninstall()

    async def hear_uninstall(self) -> Delivery:
        """What a bot hears when its app is taken away."""
        return await self.wire.send(self.app, self.scene(self.chat).installation("remove"))

    async def hear_member(self, place: Conversation, event: str) -> Delivery:
        """What a bot in a team hears when this person comes or goes."""
        scene = self.scene(place)
        return await self.wire.send(self.app, scene.members(event, (scene.as_member,)))

    async def hear_bot(self, place: Conversation, event: str) -> Delivery:
        """What a bot hears when this person puts it into a team or group chat, or takes it out."""
        scene = self.scene(place)
        await self.wire.send(self.app, scene.members(event, (scene.bot_as_member,)))
        action = "add" if event.endswith("Added") else "remove"
        return await self.wire.send(self.app, scene.installation(action))

    # --- parts --------------------------------------------------------------------------------------------

    async def _say(self, place: Conversation, activity: JSON, root: str | None = None) -> Delivery:
        self._keep(place, activity, root)
        return await self.wire.send(self.app, activity)

    def _keep(self, place: Conversation, activity: JSON, root: str | None) -> Message:
        name = str(activity.get("id") or self.wire.chats.next_id())
        message = Message(name, place.id, self.person.id, activity, self.wire.now(), thread=root)
        return self.wire.chats.post(message)

    async def _execute(self, message: Message, action: JSON, data: JSON, trigger: str) -> Delivery:
        kept: JSON = {name: action[name] for name in ("type", "id", "title", "verb") if name in action}
        place, root = self._place_of(message.conversation, message.id)
        value = {"action": {"type": "Action.Execute", **kept, "data": data}, "trigger": trigger}
        activity = self.scene(place, root).invoke("adaptiveCard/action", value, message.id)
        delivery = await self.wire.send(self.app, activity)
        error = teams_answers.after_execute(self.wire.chats, self.person.id, message, delivery)
        return self.wire.checked(delivery, error)

    async def _submit(self, message: Message, action: JSON, data: JSON) -> Delivery:
        place, root = self._place_of(message.conversation, message.id)
        scene, how, chats = self.scene(place, root), special(action), self.wire.chats
        if how.get("type") == "task/fetch":
            delivery = await self.wire.send(self.app, scene.task("task/fetch", data, message.id))
            frame = Dialog(chats.next_id(), self.person.id, self.app.app_id, place.id, {}, source=message.id)
            return self.wire.checked(delivery, teams_answers.after_fetch(chats, frame, delivery))
        name = chats.next_id()
        if how.get("type") == "imBack":
            return await self._say(place, scene.message(name, str(how.get("value") or "")), root)
        if how.get("type") == "messageBack":
            sent = scene.message(name, str(how.get("text") or "")) | {
                "value": how.get("value", data),
                "replyToId": message.id,
            }
            return await self.wire.send(self.app, sent)
        return await self.wire.send(self.app, scene.submitted(name, data, message.id))

    def _usable(self, action: JSON) -> JSON:
        """The action as this client understands it: an old one uses the fallback of Action.Execute."""
        if action["type"] != "Action.Execute" or not self.person.old_client:
            return action
        fallback = action.get("fallback")
        if not isinstance(fallback, dict):
            raise LookupError(f"{action.get('title')} has no fallback for an old client")
        return fallback

    def _typed(self, card: JSON, values: Mapping[str, str], more: Mapping[str, Any]) -> dict[str, str]:
        return typed(card, values, more, self.wire.chats.offered.get(self.person.id, {}))

    def _place_of(self, conversation: str, message: str) -> tuple[Conversation, str | None]:
        chats = self.wire.chats
        found = chats.messages[conversation].get(message)
        return chats.conversations[conversation], found.thread if found else None

    def _refused(self, place: Conversation) -> str | None:
        """Why the bot would not hear of it, as an error word; None when it does."""
        app, person, directory = self.app, self.person, self.wire.directory
        if error := self.wire.refusal(app, person):
            return error
        if place.kind != "personal":
            inside = app.app_id in place.apps and person.id in place.members
            return None if inside else "not_installed"
        if (app.app_id, person.id) in directory.blocked:
            return "blocked"
        return None if directory.reaches(app, person) else "not_installed"
