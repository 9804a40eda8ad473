"""What one can do on the page in the local Teams: type, press, fill in, look somebody up, add the app."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from adapters.playground.local_teams import Delivery, Dialog
from adapters.playground.page_acts import Oops, account, details
from adapters.playground.page_scene import Looking
from adapters.playground.teams_cards import inputs

if TYPE_CHECKING:
    from adapters.playground.page_parts import Page
    from adapters.playground.page_teams import TeamsChat

Told = Mapping[str, Any] | None
_ABSENT: Final = frozenset({"not_installed", "blocked", "pending", "disabled"})


async def says(chat: TeamsChat, page: Page, looking: Looking, request: web.Request) -> None:
    """Words to the bot, in a channel after its name: {text}."""
    user, text = account(page, looking), str((await details(request)).get("text", "")).strip()
    if not text:
        return
    channel = chat.channel(looking) if looking.room == "channel" else None
    if channel is None:
        _judged(await chat.teams.says(user, text, looking.side))
        return
    name = f"@{chat.place(looking)['bot']}"
    words = text.removeprefix(name).strip() or "help"
    _judged(await chat.teams.mentions_bot(user, channel.id, words, looking.side))


async def presses(chat: TeamsChat, page: Page, looking: Looking, request: web.Request) -> None:
    """A button of a message or of a dialog: {ts | view, action, values?}."""
    user, what = account(page, looking), await details(request)
    action = _meant(what.get("action"))
    if what.get("view"):
        dialog = _open(chat, user, what["view"])
        _judged(await chat.teams.fills(dialog, _filled(dialog, what.get("values")), action))
    else:
        _judged(await chat.teams.presses(user, str(what.get("ts") or ""), action))


async def submits(chat: TeamsChat, page: Page, looking: Looking, request: web.Request) -> None:
    """A dialog's form: {view, values: {input: text | [texts] | null}}; errors come with the next scene."""
    user, what = account(page, looking), await details(request)
    dialog = _open(chat, user, what.get("view"))
    _judged(await chat.teams.fills(dialog, _filled(dialog, what.get("values"))))


async def closes(chat: TeamsChat, page: Page, looking: Looking, _request: web.Request) -> None:
    """The dialog was closed; the bot is not told."""
    chat.teams.closes(account(page, looking))


async def seeks(chat: TeamsChat, page: Page, looking: Looking, request: web.Request) -> Told:
    """Typing in a search field: {view | ts, action, query} -> {options: [[value, label]…]}."""
    user, what = account(page, looking), await details(request)
    where = _open(chat, user, what["view"]) if what.get("view") else str(what.get("ts") or "")
    name = str(what.get("action", ""))
    found = await chat.teams.searches(user, where, name, str(what.get("query", "")))
    options = [(str(one["value"]), str(one["title"])) for one in found]
    chat.labels.setdefault((user, name), {}).update(options)
    return {"options": options}


async def looks_up(chat: TeamsChat, page: Page, looking: Looking, request: web.Request) -> Told:
    """Typing into the message extension: {query} -> {options: [[number, words]…], none: why none}."""
    user, query = account(page, looking), str((await details(request)).get("query", ""))
    channel = chat.channel(looking) if looking.room == "channel" else None
    place = channel.id if channel else ""
    found = await chat.teams.asks_extension(user, query, side=looking.side, place=place)
    chat.found[user] = found
    options = [(str(number), _line(one)) for number, one in enumerate(found)]
    return {"options": options, "none": "" if options else _why(chat, looking)}


async def inserts(chat: TeamsChat, page: Page, looking: Looking, request: web.Request) -> None:
    """Put what was chosen into the open conversation, for all its members: {result}."""
    user, wanted = account(page, looking), str((await details(request)).get("result", ""))
    found, channel = chat.found.get(user, []), chat.channel(looking) if looking.room == "channel" else None
    if not wanted.isdecimal() or int(wanted) >= len(found):
        raise Oops("oops_gone")
    own = next(one for one in chat.teams.chats(user) if one.kind == "personal")
    chat.teams.inserts(user, found[int(wanted)], channel.id if channel else own.id, looking.side)


async def adds_app(chat: TeamsChat, page: Page, looking: Looking, _request: web.Request) -> None:
    """Add the app for oneself, as from the store of the company."""
    _judged(await chat.teams.installs(account(page, looking), looking.side))


ACTS: Final[Mapping[str, Callable[[TeamsChat, Page, Looking, web.Request], Awaitable[Told]]]] = {
    "says": says, "presses": presses, "submits": submits, "closes": closes, "seeks": seeks,
    "extension": looks_up, "insert": inserts, "install": adds_app,
}  # fmt: skip


def _open(chat: TeamsChat, user: str, view: object) -> Dialog:
    """The dialog in front; `LookupError` when it is another one by now."""
    found = chat.teams.dialog(user)
    if found is None or found.id != view:
        raise LookupError("the dialog is not open")
    return found


def _meant(action: object) -> str | Mapping[str, Any]:
    """Which button was pressed, as the page was given it (`cards.wanted`). `ValueError` for anything else."""
    found = json.loads(str(action or ""))
    if not isinstance(found, str | dict):
        raise ValueError("no button")
    return found


def _filled(dialog: Dialog, values: object) -> dict[str, Any]:
    """What the page's fields hold, as a person in Teams would fill them in."""
    fields, given = inputs(dialog.card), values if isinstance(values, dict) else {}
    return {name: _value(fields[name], given[name]) for name in fields.keys() & given.keys()}


def _value(field: Mapping[str, Any], value: Any) -> Any:
    if field["type"] == "Input.Toggle":
        return bool(value)
    if isinstance(value, dict):
        value = value.get("value")
    return [str(one) for one in value] if isinstance(value, list) else str(value or "")


def _line(result: Mapping[str, Any]) -> str:
    """How a result stands in the list."""
    shown = (result.get("preview") or {}).get("content") or {}
    return " · ".join(str(shown[name]) for name in ("title", "text") if shown.get(name))


def _why(chat: TeamsChat, looking: Looking) -> str:
    """The bot's own sentence instead of results."""
    answers = chat.teams.deliveries("invoke:composeExtension/query")
    body = answers[-1].body if answers else None
    told = body.get("composeExtension", {}).get("text") if isinstance(body, dict) else None
    return str(told or looking.words("nothing_found"))


def _judged(delivery: Delivery) -> None:
    """Tell what went wrong between Teams and the bot; wrong fields are shown beside the fields."""
    if delivery.ok or delivery.error == "client_errors":
        return
    if delivery.error == "timeout":
        raise Oops("oops_late")
    if delivery.error in _ABSENT:
        raise Oops("oops_no_app")
    raise Oops("oops_failed", error=delivery.error)
