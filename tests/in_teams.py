"""A world whose people are in Teams: what they do in the local Teams, under the names that stories know.

`world_in(folder, platform=Platform.TEAMS)` tells a story of Slack in Teams: the same people, words and
presses, but signed activities over HTTP instead of Slack's requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from adapters.playground.local_teams import Delivery, LocalTeams
from bot.conversation import Side
from bot.playground import CHANNEL, TEAMS, TEAMS_CHANNEL, TENANTS

SIDES = {team: side for side, team in TEAMS.items()}
_CODE = re.compile(r"\b(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}\b")
_OPENS = ("入力画面を開く", "開いて見る", "Open the form", "Open it")
"""What stands on the button that is shown where Slack would open a dialog by itself."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A card of a message or a dialog, its parts as stories look for them."""

    id: str
    title: str
    blocks: list[dict[str, Any]]
    errors: Mapping[str, str]

    @property
    def ts(self) -> str:
        """What a message is pressed by."""
        return self.id


@dataclass
class TeamsChat:
    """The local Teams with the verbs of the local Slack, as far as `Somebody` uses them."""

    teams: LocalTeams
    ground: Any
    """The playground, with the team of the alumni in its town."""

    # --- people ---------------------------------------------------------------------------------------

    def add_person(self, team: str, *, name: str, email: str, **details: Any) -> str:
        """An account without our app, an alumnus in the team of the alumni; its object id."""
        side = SIDES[team]
        user = self.teams.add_person(TENANTS[side], name=name, mail=email, **details)
        if side is Side.ALUMNI:
            self.ground.town.team.members.add(user)
        return user

    async def joins(self, team: str, *, name: str, email: str, **details: Any) -> str:
        """Add the app, and type the code that the invitation brought: Teams confirms no address."""
        details.pop("email_confirmed", None)
        user = self.add_person(team, name=name, email=email, **details)
        await self.teams.installs(user, SIDES[team].value)
        codes = _CODE.findall("\n".join(mail.text for mail in self.ground.mailbox.mails(email)))
        if codes:
            await self.types(team, user, f"join {codes[-1]}")
        return user

    async def adds_app(self, team: str, user: str) -> None:
        """Open the bot in Teams, which adds its app if it is not there."""
        side = SIDES[team].value
        if not self.teams.has(user, side):
            await self.teams.installs(user, side)
            await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way on either side of the wire: answers are messages of their own."""
        for _ in range(3):
            await self.teams.settle()
            await self.ground.app.drain()

    # --- what they do ---------------------------------------------------------------------------------

    async def types(self, team: str, user: str, text: str) -> Delivery:
        """Type into the chat with the bot, with the app added if it is not there; open what waits there."""
        side = SIDES[team].value
        await self.adds_app(team, user)
        seen = len(self.teams.chat(user, side))
        delivery = await self.teams.says(user, text, side)
        await self._opened(user, side, seen)
        return delivery

    async def _opened(self, user: str, side: str, seen: int) -> None:
        """Whoever reads that a button opens it presses that button."""
        await self.settle()
        new = [one for one in self.teams.chat(user, side)[seen:] if one.by_bot]
        titles = (
            [str(one["title"]) for one in parts(self.teams.card(user, new[-1].id), "Action.")] if new else []
        )
        if len(titles) == 1 and titles[0] in _OPENS:
            await self.teams.opens_dialog(user, new[-1].id, titles[0])

    async def presses(self, team: str, user: str, *, action: str, value: Any, **where: str) -> Delivery:
        """Press what holds this claim, in a message (`ts`) or in the dialog (`view`)."""
        wanted, dialog = {"bound": value}, self.teams.dialog(user)
        if "view" in where and dialog is not None:
            return await self.teams.fills(dialog, {}, wanted)
        seen = len(self.teams.chat(user, SIDES[team].value))
        delivery = await self.teams.presses(user, where["ts"], wanted)
        await self._opened(user, SIDES[team].value, seen)
        return delivery

    async def submits(self, team: str, user: str, view: str, form: Mapping[str, Any]) -> Delivery:
        """Fill in and send the dialog."""
        dialog = self.teams.dialog(user)
        assert dialog is not None
        assert dialog.id == view
        kinds = {one["id"]: one["type"] for one in parts(dialog.card, "Input.")}
        ticks = {name: bool(value) for name, value in form.items() if kinds.get(name) == "Input.Toggle"}
        return await self.teams.fills(dialog, {**form, **ticks})

    async def seeks(self, team: str, user: str, view: str, action: str, query: str) -> list[dict[str, Any]]:
        """Type into a search field."""
        dialog = self.teams.dialog(user)
        assert dialog is not None
        found = await self.teams.searches(user, dialog, action, query)
        return [{"text": {"text": one["title"]}, "value": one["value"]} for one in found]

    # --- what they see --------------------------------------------------------------------------------

    def messages(self, team: str, user: str) -> list[Shown]:
        """What the bot said in their chat, as it stands there now."""
        said = [one for one in self.teams.chat(user, SIDES[team].value) if one.by_bot]
        return [_shown(one.id, "", self.teams.card(user, one.id) or {}) for one in said]

    def modal(self, team: str, user: str) -> Shown | None:
        """The open dialog."""
        dialog = self.teams.dialog(user)
        return _shown(dialog.id, dialog.title, dialog.card) if dialog else None

    def home(self, team: str, user: str) -> None:
        """Teams has a tab, with our pages in it."""

    def workspace(self, team: str) -> Any:
        """Who is in the alumni's team reads its channel for openings."""
        return SimpleNamespace(channels={CHANNEL: SimpleNamespace(members=self.ground.town.team.members)})

    def channel_messages(self, team: str, channel: str) -> list[Shown]:
        """What the bot said there."""
        said = [one for one in self.teams.messages(TEAMS_CHANNEL) if one.by_bot]
        return [_shown(one.id, "", one.cards[0]) for one in said]


def parts(node: Any, kind: str) -> list[dict[str, Any]]:
    """Every element of a card whose type begins so, in the order of the card."""
    if isinstance(node, list):
        return [found for one in node for found in parts(one, kind)]
    if not isinstance(node, dict):
        return []
    own = [node] if str(node.get("type", "")).startswith(kind) else []
    return own + [found for key, value in node.items() if key != "fallback" for found in parts(value, kind)]


def _shown(name: str, title: str, card: dict[str, Any]) -> Shown:
    blocks, errors, last = [], {}, ""
    for element in parts(card, ""):
        kind = element.get("type", "")
        if kind.startswith("Input."):
            last = str(element["id"])
            blocks.append(_input(element))
        elif kind in ("TextBlock", "RichTextBlock"):
            words = "".join(str(run["text"]) for run in element.get("inlines", (element,)))
            wrong = any(run.get("color") == "attention" for run in element.get("inlines", ()))
            if wrong and last:
                errors[last] = words
            blocks.append({"type": "section", "text": words})
        elif kind.startswith("Action."):
            blocks.append(_button(element))
    return Shown(name, title, blocks, errors)


def _input(element: dict[str, Any]) -> dict[str, Any]:
    ticks = [{"title": element["title"], "value": element["valueOn"]}] if "valueOn" in element else []
    choices = [*element.get("choices", ()), *ticks]
    options = [{"text": {"text": one["title"]}, "value": one["value"]} for one in choices]
    inside = {"action_id": element["id"], "options": options, "text": element.get("value", "")}
    return {"type": "input", "block_id": element["id"], "text": element["label"], "element": inside}


def _button(element: dict[str, Any]) -> dict[str, Any]:
    claim = str((element.get("data") or {}).get("bound") or "")
    action = claim.partition('"')[2].partition('"')[0]
    return {"type": "button", "action_id": f"{action}#", "value": claim, "text": element["title"]}
