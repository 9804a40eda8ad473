"""What both directions of the local Slack share: workspaces, courier, rates, faults, calls."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from adapters.playground.slack_delivery import Courier, event_parcel
from adapters.playground.slack_faults import Faults
from adapters.playground.slack_payloads import EVENT_SCOPES, envelope, subscription
from adapters.playground.slack_rates import Rates
from adapters.playground.slack_state import JSON, Call, Delivery
from adapters.playground.slack_workspace import Workspace


@dataclass(slots=True)
class Wire:
    """The shared parts; `base_url`: where the app reaches us (None: `/local-slack` beside the app)."""

    now: Callable[[], float]
    courier: Courier
    rates: Rates
    faults: Faults
    base_url: str | None = None
    workspaces: dict[str, Workspace] = field(default_factory=dict)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=20_000))

    def by_token(self, token: str) -> Workspace | None:
        """The workspace whose app has this bot token."""
        return next((one for one in self.workspaces.values() if one.app.bot_token == token), None)

    def response_url(self, workspace: Workspace, kind: str, key: str) -> str:
        """The address of a response: `kind` is `commands` or `actions`."""
        app = urlsplit(workspace.app.events_url)
        base = self.base_url or f"{app.scheme}://{app.netloc}/local-slack"
        return f"{base}/{kind}/{workspace.team}/{key}"

    async def event(self, workspace: Workspace, event: JSON) -> Delivery:
        """Deliver an event if the app is installed, subscribed to it and has the scope for it."""
        name = subscription(event)
        scope = EVENT_SCOPES.get(name)
        if (
            not workspace.installed
            or name not in workspace.subscribed
            or (scope and scope not in workspace.scopes)
        ):
            return Delivery(f"event:{name}", error="not_subscribed")
        return await self.callback(workspace, event)

    async def callback(self, workspace: Workspace, event: JSON) -> Delivery:
        """Deliver an event callback and remember it, so that it can be delivered again."""
        sent = envelope(workspace, event)
        workspace.events.append(sent)
        return await self.courier.send(workspace.app, event_parcel(sent))

    def announce(self, workspace: Workspace, event: JSON) -> None:
        """Deliver an event in the background, when the app wants it at all."""
        if subscription(event) in workspace.subscribed:
            self.courier.soon(self.event(workspace, event))
