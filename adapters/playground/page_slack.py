"""The local Slack on the page: its messages, App Home, channel and modals, and what one can do there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from aiohttp import web

from adapters.playground import page_join, page_scene
from adapters.playground.backstage import Side
from adapters.playground.blocks import plain
from adapters.playground.local_slack import LocalSlack
from adapters.playground.page_acts import Oops, account, details
from adapters.playground.page_chat import Act, Show
from adapters.playground.page_join import JOIN_PATH
from adapters.playground.page_memory import Echo
from adapters.playground.page_parts import Page, draw
from adapters.playground.page_scene import Looking, Room
from adapters.playground.slack_state import Channel, Delivery, Message, View
from adapters.playground.slack_workspace import Workspace

# Wrong fields are shown beside the fields; an app that wants no Home event is simply not told.
_NO_NEWS = frozenset({"client_errors", "not_enabled"})
_DEAF = frozenset({"not_subscribed", "messages_tab_disabled"})


@dataclass(frozen=True, slots=True)
class SlackChat:
    """Two workspaces on the page: `adapters.playground.page_chat.Chat`."""

    slack: LocalSlack
    sides: Mapping[Side, str]
    kind: Literal["slack"] = "slack"

    @property
    def version(self) -> int:
        """The local Slack's own count."""
        return self.slack.version

    @property
    def acts(self) -> Mapping[str, Act]:
        """Everything goes through the local Slack, so that real signed requests are made."""
        return {
            "says": self._says, "presses": self._presses, "submits": self._submits, "closes": self._closes,
            "seeks": self._seeks, "home": self._opens_home, "shortcut": self._uses_shortcut,
        }  # fmt: skip

    @property
    def doors(self) -> Mapping[tuple[str, str], Show]:
        """Slack's own sign-up."""
        return {
            ("GET", JOIN_PATH): partial(page_join.shows, self),
            ("POST", JOIN_PATH): partial(page_join.joins, self),
        }

    def led(self, words: str, page: Page, mail: int, ampersand: str = "&") -> str:
        """The mail's words with links to the sign-up pointing back to this mail: so it knows who came."""
        path = rf"(https?://(?:127\.0\.0\.1|localhost):{page.port}{re.escape(JOIN_PATH)})(\?)?"
        return re.sub(path, lambda link: f"{link[1]}?mail={mail}{ampersand if link[2] else ''}", words)

    def marks(self, side: Side, user: str) -> list[str]:
        """The `ts` of every message of the bot."""
        return [one.ts for one in self._messages(side, user) if one.by_bot]

    def last(self, side: Side, user: str) -> str:
        """The newest `ts`."""
        return max((one.ts for one in self._messages(side, user)), default="")

    def _messages(self, side: Side, user: str) -> list[Message]:
        return self.slack.messages(self.sides[side], user) if side in self.sides else []

    def workspace(self, side: Side) -> Workspace | None:
        """The workspace of a side, if it is connected."""
        team = self.sides.get(side)
        return self.slack.workspace(team) if team else None

    def names(self, looking: Looking) -> Mapping[str, str]:
        """Everybody in the workspace."""
        workspace = self.workspace(looking.side)
        return {user: one.name for user, one in workspace.people.items()} if workspace else {}

    # --- what is shown ------------------------------------------------------------------------------------

    def rooms(self, looking: Looking) -> list[Room]:
        """The bot's two screens, and a channel if the person is in one beside #general."""
        return ["messages", "home", *(("channel",) if self._channel(looking) else ())]

    def _channel(self, looking: Looking) -> Channel | None:
        """The channel that this page shows: the first public one beside #general where the person is."""
        workspace = self.workspace(looking.side)
        places = workspace.channels.values() if workspace else ()
        inside = (one for one in places if looking.user in one.members and one.kind == "public")
        return next((one for one in inside if workspace and one.id != workspace.general), None)

    def place(self, looking: Looking) -> dict[str, Any]:
        """The workspace's name, its bot, and what its manifest lets one type or choose."""
        workspace = self.workspace(looking.side)
        if workspace is None:
            return {"name": "", "bot": "", "commands": [], "shortcuts": [], "away": True, "channel": ""}
        features = workspace.app.manifest.get("features", {})
        person = workspace.people.get(looking.user or "")
        return {
            "name": workspace.name,
            "bot": workspace.app.name,
            "commands": list(features.get("slash_commands", [])),
            "shortcuts": [one for one in features.get("shortcuts", []) if one.get("type") == "global"],
            "away": person is None or person.deleted,
            "channel": channel.name if (channel := self._channel(looking)) else "",
        }

    def stage(self, page: Page, looking: Looking) -> str:
        """The conversation, the channel, or the App Home."""
        if self.place(looking)["away"]:
            return draw(page, "away.html", looking)
        if looking.room == "home":
            return draw(page, "home.html", looking, **self._home(looking))
        rows = self._conversation(page, looking)
        return draw(page, "messages.html", looking, rows=rows, place=self.place(looking))

    def dialog(self, page: Page, looking: Looking) -> str:
        """The modal in front."""
        team = self.sides.get(looking.side)
        if not team or not looking.user or self.place(looking)["away"]:
            return ""
        view = self.slack.modal(team, looking.user)
        return draw(page, "dialog.html", looking, view=view, **_filled(looking, view)) if view else ""

    def _conversation(self, page: Page, looking: Looking) -> list[page_scene.Line]:
        team, user = self.sides[looking.side], looking.user or ""
        channel = self._channel(looking) if looking.room == "channel" else None
        messages = self._in_channel(looking, channel) if channel else self.slack.messages(team, user)
        others = self.names(looking) if channel else {}
        name = looking.member.name if looking.member else user
        voices = page_scene.Voices(user, name, self.slack.workspace(team).app.name, others)
        at = {message.ts: page.backstage.calendar_at(float(message.ts)) for message in messages}
        echoes = [] if channel else page.memory.echoes.get((team, user), [])
        return page_scene.Conversation(messages, echoes, voices, page.backstage.zone).lines(at)

    def _in_channel(self, looking: Looking, channel: Channel) -> list[Message]:
        """What everybody reads there, and what only this person does; oldest first."""
        team, user = self.sides[looking.side], looking.user or ""
        own = [one for one in self.slack.messages(team, user) if one.channel == channel.id]
        shown = [*self.slack.channel_messages(team, channel.id), *own]
        return sorted(shown, key=lambda message: message.ts)

    def _home(self, looking: Looking) -> dict[str, Any]:
        view = self.slack.home(self.sides[looking.side], looking.user or "")
        return {"view": view} | (_filled(looking, view) if view else {})

    # --- what one can do ----------------------------------------------------------------------------------

    def _account(self, page: Page, looking: Looking) -> tuple[str, str]:
        return self.sides.get(looking.side, ""), account(page, looking)

    async def _says(self, page: Page, looking: Looking, request: web.Request) -> None:
        """A slash command or a message to the bot: {text}."""
        team, user = self._account(page, looking)
        text = str((await details(request)).get("text", "")).strip()
        if not text:
            return
        if text.startswith("/"):
            last = self.last(looking.side, user)
            page.memory.typed(team, user, Echo(page.backstage.now(), text, last))
        _judged(await self.slack.types(team, user, text), text.split()[0])

    async def _presses(self, page: Page, looking: Looking, request: web.Request) -> None:
        """A button, or a choice outside a form: {ts | view, action, value?, selected?, values?}.

        `values` is what stands in the modal around it: an app is told of it with every press.
        """
        team, user = self._account(page, looking)
        what = await details(request)
        if what.get("view") and what.get("values"):
            self.slack.fills(team, user, str(what["view"]), dict(what["values"]))
        _judged(
            await self.slack.presses(
                team,
                user,
                ts=what.get("ts") or None,
                view=what.get("view") or None,
                action=str(what.get("action", "")),
                value=what.get("value") or None,
                selected=what.get("selected"),
            )
        )

    async def _submits(self, page: Page, looking: Looking, request: web.Request) -> None:
        """A modal's form: {view, values: {block: text | [texts] | null}}; errors come with the next scene."""
        team, user = self._account(page, looking)
        what = await details(request)
        values = dict(what.get("values") or {})
        _judged(await self.slack.submits(team, user, str(what.get("view", "")), values))

    async def _closes(self, page: Page, looking: Looking, request: web.Request) -> None:
        """The modal was closed: {view}."""
        team, user = self._account(page, looking)
        _judged(await self.slack.closes(team, user, str((await details(request)).get("view", ""))))

    async def _seeks(self, page: Page, looking: Looking, request: web.Request) -> Mapping[str, Any]:
        """Typing in a search field: {view | ts, action, query} -> {options: [[value, label]…]}."""
        team, user = self._account(page, looking)
        what = await details(request)
        place, action = str(what.get("view") or what.get("ts") or ""), str(what.get("action", ""))
        found = await self.slack.seeks(team, user, place, action, str(what.get("query", "")))
        return {"options": [(str(one["value"]), plain(one["text"])) for one in found]}

    async def _opens_home(self, page: Page, looking: Looking, _request: web.Request) -> None:
        """The App Home came into view."""
        delivery = await self.slack.opens_home(*self._account(page, looking))
        if delivery.error not in _DEAF:
            _judged(delivery)

    async def _uses_shortcut(self, page: Page, looking: Looking, request: web.Request) -> None:
        """A global shortcut: {callback}."""
        team, user = self._account(page, looking)
        callback = str((await details(request)).get("callback", ""))
        _judged(await self.slack.uses_shortcut(team, user, callback))


def _filled(looking: Looking, view: View) -> dict[str, Any]:
    """What stands in the inputs of a view and what is wrong with it."""
    return {
        "typed": page_scene.typed_values(view),
        "labels": page_scene.chosen_labels(view),
        "errors": page_scene.field_errors(view, looking.words),
    }


def _judged(delivery: Delivery, command: str = "") -> None:
    """Tell what went wrong between Slack and the app, if something did."""
    if delivery.ok or delivery.error in _NO_NEWS:
        return
    if delivery.error == "operation_timeout":
        raise Oops("oops_timeout")
    if delivery.error in _DEAF:
        raise Oops("oops_deaf")
    if delivery.error == "invalid_command":
        raise Oops("oops_command", command=command)
    raise Oops("oops_failed", error=delivery.error)
