"""What a person does with the app's buttons, forms and menus, from the click to the applied answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.playground import slack_modals
from adapters.playground.slack_checks import check_options, elements_of
from adapters.playground.slack_delivery import command_parcel, interaction_parcel
from adapters.playground.slack_inputs import (
    STATELESS,
    action_of,
    client_errors,
    find,
    fragment,
    kept_values,
    slot,
    state_of,
    stored,
)
from adapters.playground.slack_limits import OPTIONS
from adapters.playground.slack_payloads import Interaction, command_form, split_command
from adapters.playground.slack_replies import answer_command
from adapters.playground.slack_state import JSON, Channel, Delivery, Message, Person, SlackError, View
from adapters.playground.slack_wire import Wire
from adapters.playground.slack_workspace import Workspace


@dataclass(frozen=True, slots=True)
class Found:
    """An element on the screen and the view or message that holds it."""

    block: JSON
    element: JSON
    view: View | None = None
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """A person in front of the screen of one workspace."""

    wire: Wire
    workspace: Workspace
    person: Person

    # --- commands and shortcuts ---------------------------------------------------------------------------

    async def command(self, channel: Channel, typed: str) -> Delivery:
        """Use a slash command; an undeclared one stays in Slack."""
        name, _text = split_command(typed)
        user = self.person.user
        if not self.workspace.installed or self.workspace.command(name) is None:
            self.workspace.note(user, channel.id, f"{name} is not a valid command.")
            return Delivery(f"command:{name}", error="invalid_command")
        form = command_form(self.workspace, self.person, channel, typed)
        key = self.workspace.new_response(channel.id, user)
        form["response_url"] = self.wire.response_url(self.workspace, "commands", key)
        delivery = await self.wire.courier.send(self.workspace.app, command_parcel(form))
        if delivery.ok:
            try:
                answer_command(self.workspace, self.workspace.responses[key], delivery.body)
            except SlackError as error:
                delivery = replace(delivery, error=error.error)
        if delivery.error:
            self.workspace.note(user, channel.id, f'{name} failed with the error "{delivery.error}"')
        return delivery

    async def shortcut(self, callback_id: str) -> Delivery:
        """Use a global shortcut; an undeclared one does not exist."""
        if not self.workspace.installed or self.workspace.shortcut(callback_id) is None:
            return Delivery("shortcut", error="unknown_shortcut")
        payload = self._payload("shortcut", callback_id=callback_id, action_ts=self.workspace.next_ts())
        return await self._send(payload)

    # --- buttons and menus --------------------------------------------------------------------------------

    def look(self, action: str, value: str | None, ts: str | None, view: str | None) -> Found:
        """The element with this action id: in the given message or view, else in what is in front.

        In front is the top modal, then the Home, then the newest message. `LookupError` when it is nowhere.
        """
        for view_now in self._views(view) if ts is None else []:
            if hit := find(view_now.blocks, action, value):
                return Found(*hit, view=view_now)
        for message in self._messages(ts) if view is None else []:
            if hit := find(message.blocks, action, value):
                return Found(*hit, message=message)
        raise LookupError(f"{self.person.user} sees no element {action!r}")

    async def press(self, found: Found, selected: Any = None) -> Delivery:
        """Press a button or choose in a menu: what was chosen stays, the app gets `block_actions`."""
        if found.block["type"] == "input" and not found.block.get("dispatch_action"):
            self._choose(found, selected)
            return Delivery("block_actions")
        found = self._choose(found, selected)
        action = action_of(found.block, found.element, selected, self._offered(found))
        action["action_ts"] = self.workspace.next_ts()
        delivery = await self._send(self._action_payload(found, action))
        if delivery.error:
            self._complain(found, delivery.error)
        return delivery

    async def seek(self, found: Found, query: str) -> list[JSON]:
        """Type into a search field: the app's options; none for a short query or an unusable answer."""
        if found.element["type"] not in ("external_select", "multi_external_select"):
            raise LookupError(f"{found.element['action_id']} is not a search field")
        url = self.workspace.setting("settings", "interactivity", "message_menu_options_url")
        if len(query) < found.element.get("min_query_length", 3) or not url:
            return []
        delivery = await self._send(self._suggestion_payload(found, query))
        options = usable_options(delivery.body) if delivery.ok else []
        place = found.view.id if found.view else found.message.ts if found.message else ""
        self.workspace.suggested[place, found.element["action_id"]] = options
        return options

    # --- modals -------------------------------------------------------------------------------------------

    def type_in(self, view: View, values: Mapping[str, Any]) -> View:
        """Fill in a form by block id without submitting; `LookupError` for unknown blocks or options."""
        slots = {slot(block, element): element for block, element in elements_of(view.blocks)}
        kept = dict(view.values)
        for name, value in values.items():
            if name not in slots:
                raise LookupError(f"the view has no input {name!r}; it has {sorted(slots)}")
            element = slots[name]
            offered = self.workspace.suggested.get((view.id, element["action_id"]), [])
            kept[name] = stored(element, fragment(element, value, offered))
        return self.workspace.keep(replace(view, values=kept))

    async def submit(self, view: View, values: Mapping[str, Any]) -> Delivery:
        """Submit a modal; what Slack's client refuses itself is shown as error words and never sent."""
        view = self.type_in(view, values)
        if view.submit is None:
            raise LookupError("the view has no submit button")
        wrong = client_errors(view.blocks, view.values)
        self.workspace.keep(view := replace(view, errors=wrong, trouble=None))
        if wrong:
            return Delivery("view_submission", body={"errors": wrong}, error="client_errors")
        payload = self._payload("view_submission", **self._of(view), response_urls=[])
        delivery = await self._send(payload)
        error = delivery.error or slack_modals.answer_submission(self.workspace, view, delivery.body)
        if error:
            self._trouble(view, error)
        return replace(delivery, error=error)

    async def close(self, view: View) -> Delivery:
        """Close a modal and what lies on it; the app hears of it only when it asked to."""
        slack_modals.close(self.workspace, view)
        if not view.notify_on_close:
            return Delivery("view_closed")
        payload = self._payload("view_closed", **self._of(view), is_cleared=False)
        return await self._send(payload)

    # --- parts --------------------------------------------------------------------------------------------

    async def _send(self, payload: JSON) -> Delivery:
        if not self.workspace.setting("settings", "interactivity", "is_enabled", default=False):
            return Delivery(str(payload["type"]), error="interactivity_disabled")
        if not self.workspace.installed:
            return Delivery(str(payload["type"]), error="app_missing")
        return await self.wire.courier.send(self.workspace.app, interaction_parcel(payload))

    def _payload(self, kind: str, **more: Any) -> JSON:
        return Interaction(self.workspace, self.person).payload(kind, **more)

    def _of(self, view: View) -> JSON:
        return {"view": Interaction(self.workspace, self.person).in_view(view)["view"]}

    def _place(self, found: Found) -> JSON:
        interaction = Interaction(self.workspace, self.person)
        if found.view:
            return interaction.in_view(found.view)
        return interaction.in_message(found.message) if found.message else {}

    def _action_payload(self, found: Found, action: JSON) -> JSON:
        payload = self._payload("block_actions", **self._place(found), actions=[action])
        message = found.message
        if message is not None:
            key = self.workspace.new_response(message.channel, self.person.user, message.ts)
            payload["response_url"] = self.wire.response_url(self.workspace, "actions", key)
            payload["state"] = {"values": self._message_state(found, message, action)}
        return payload

    def _message_state(self, found: Found, message: Message, action: JSON) -> JSON:
        """Messages keep no choices: the state is what stood there at first, and the choice just made."""
        values = kept_values(message.blocks)
        if found.element["type"] not in STATELESS:
            values[slot(found.block, found.element)] = stored(found.element, action)
        suggested = self.workspace.suggested
        return state_of(
            message.blocks, values, lambda element: suggested.get((message.ts, element["action_id"]), [])
        )

    def _suggestion_payload(self, found: Found, query: str) -> JSON:
        place = self._place(found)
        more = {"action_id": found.element["action_id"], "block_id": found.block["block_id"], "value": query}
        return self._payload("block_suggestion", **place, **more)

    def _offered(self, found: Found) -> Sequence[JSON]:
        place = found.view.id if found.view else found.message.ts if found.message else ""
        return self.workspace.suggested.get((place, found.element["action_id"]), [])

    def _choose(self, found: Found, selected: Any) -> Found:
        """Keep a choice made in a view, so that `view.state` carries it."""
        if found.view is None or found.element["type"] in STATELESS:
            return found
        return replace(found, view=self.type_in(found.view, {slot(found.block, found.element): selected}))

    def _views(self, view: str | None) -> list[View]:
        if view is not None:
            return [self.workspace.view(self.person.user, view)]
        stack = self.workspace.modals.get(self.person.user, [])
        home = self.workspace.homes.get(self.person.user)
        return [*stack[-1:], *([home] if home else [])]

    def _messages(self, ts: str | None) -> list[Message]:
        if ts is not None:
            return [self.workspace.visible(self.person.user, ts)]
        return list(reversed(self.workspace.seen_by(self.person.user)))

    def _complain(self, found: Found, error: str) -> None:
        if found.view:
            self._trouble(found.view, error)
        elif found.message:
            text = f'{found.element["action_id"]} failed with the error "{error}"'
            self.workspace.note(self.person.user, found.message.channel, text)

    def _trouble(self, view: View, error: str) -> None:
        try:
            now = self.workspace.view(view.user, view.id)
        except LookupError:
            return
        self.workspace.keep(replace(now, trouble=error))


def usable_options(body: Any) -> list[JSON]:
    """The options of a suggestion answer, groups flattened; none when Slack would refuse one of them."""
    if not isinstance(body, dict):
        return []
    groups = body.get("option_groups") or []
    options = list(body.get("options") or []) + [one for group in groups for one in group.get("options", [])]
    return options if len(options) <= OPTIONS and not check_options(options) else []
