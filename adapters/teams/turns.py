"""botbuilder's turn around ours: an adapter that never calls Microsoft, and a handler that hands over.

Source: platform-facts T3, T11: `process()` answers every invoke with 500, `process_activity()` makes two
clients a turn and asks for a token on the event loop. So only the dispatch by kind of activity is
botbuilder's; what it would read, send and answer is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from aiohttp import web
from botbuilder.core import BotAdapter, TurnContext
from botbuilder.core.teams import TeamsActivityHandler
from botbuilder.schema import Activity, ConversationReference, ResourceResponse

from adapters.teams.seats import Seat

Json = Mapping[str, Any]
KINDS = frozenset({"message", "invoke", "conversationUpdate", "installationUpdate"})
_TURN = "okaeri.turn"


class Turn(NamedTuple):
    """One activity that was let in, as it came, and for which of our bots."""

    activity: Json
    seat: Seat


class Hall(Protocol):
    """What stands behind the door; each gives the answer to the request."""

    async def message(self, turn: Turn) -> web.Response: ...  # noqa: D102
    async def invoke(self, turn: Turn) -> web.Response: ...  # noqa: D102
    async def members(self, turn: Turn) -> web.Response: ...  # noqa: D102
    async def installation(self, turn: Turn) -> web.Response: ...  # noqa: D102


class Turns(BotAdapter):  # type: ignore[misc]  # botbuilder carries no types
    """Runs one activity through botbuilder's pipeline. Sending is the connector's business."""

    def __init__(self, hall: Hall) -> None:
        super().__init__()
        self._handler = _Handler(hall)

    async def run(self, turn: Turn) -> web.Response:
        """The answer to an activity; an empty 200 for a kind that we do not need. Raises what the hall
        raises."""
        if turn.activity["type"] not in KINDS:
            return web.Response()
        context = TurnContext(self, Activity(type=turn.activity["type"], name=turn.activity.get("name")))
        context.turn_state[_TURN] = turn
        await self.run_pipeline(context, self._handler.on_turn)
        found: web.Response = context.turn_state.get(web.Response) or web.Response()
        return found

    async def send_activities(
        self, context: TurnContext, activities: list[Activity]
    ) -> list[ResourceResponse]:
        """Nothing of botbuilder's own leaves this house: whatever goes, goes by `Connector`. Always raises
        `TypeError`, as the other two do."""
        raise _not_here()

    async def update_activity(self, context: TurnContext, activity: Activity) -> ResourceResponse:
        """As for `send_activities`."""
        raise _not_here()

    async def delete_activity(self, context: TurnContext, reference: ConversationReference) -> None:
        """As for `send_activities`."""
        raise _not_here()


def _not_here() -> TypeError:
    return TypeError("activities leave by the connector, not by botbuilder's adapter")


class _Handler(TeamsActivityHandler):  # type: ignore[misc]
    """Overrides whole kinds: below them botbuilder would read values that it cannot, and ask for rosters."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        _answered(turn_context, await self._hall.message(turn_context.turn_state[_TURN]))

    async def on_invoke_activity(self, turn_context: TurnContext) -> None:
        _answered(turn_context, await self._hall.invoke(turn_context.turn_state[_TURN]))

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:
        _answered(turn_context, await self._hall.members(turn_context.turn_state[_TURN]))

    async def on_installation_update(self, turn_context: TurnContext) -> None:
        _answered(turn_context, await self._hall.installation(turn_context.turn_state[_TURN]))


def _answered(context: TurnContext, response: web.Response) -> None:
    context.turn_state[web.Response] = response
