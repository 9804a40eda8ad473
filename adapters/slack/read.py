"""Slack's payloads as the house's own values. Every id in them is a claim of the client."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from adapters.slack.forms import read_values
from bot.conversation import (
    Address, Arrival, ButtonPressed, CommandUsed, Conversation, FormSubmitted, HomeOpened, MemberChanged, MemberJoined,
    MemberLeft, OptionsSought, Platform,
)  # fmt: skip
from bot.wire import load_bound

Json = Mapping[str, Any]
_MARKUP = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


class Foreign(Exception):
    """Somebody of another workspace (Slack Connect): nothing here is for them."""


class Origin(NamedTuple):
    """Where an interaction came from: the message's `response_url`, or the view it was in."""

    response_url: str = ""
    view: str = ""
    view_type: str = ""


def names(body: Json) -> tuple[str, str]:
    """The app id and the team id that a payload names, "" where it names none."""
    team = body.get("team_id") or (body.get("team") or {}).get("id") or ""
    return str(body.get("api_app_id") or ""), str(team)


def _arrival(body: Json, user: Json | str, channel: str, event_id: str) -> Arrival:
    """Who and where. Raises `Foreign` for an account of another workspace."""
    _, team = names(body)
    user_id = user if isinstance(user, str) else str(user.get("id") or "")
    home = team if isinstance(user, str) else str(user.get("team_id") or team)
    if home != team:
        raise Foreign
    kind = "private" if channel.startswith("D") or not channel else "channel"
    place = Conversation(team, channel, kind=kind)  # type: ignore[arg-type]
    return Arrival(Address(Platform.SLACK, team, user_id), place, event_id or _digest(body))


def _digest(body: Json) -> str:
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).hexdigest()


def command(body: Json) -> CommandUsed:
    """A slash command. Source: commands carry no id and are not retried, so the trigger is the id."""
    at = _arrival(body, str(body.get("user_id") or ""), str(body.get("channel_id") or ""), str(body.get("trigger_id") or ""))
    name = str(body.get("command") or "").lstrip("/")
    return CommandUsed(at.address, at.conversation, at.event_id, name, typed(str(body.get("text") or "")))


def shortcut(body: Json) -> CommandUsed:
    """A global shortcut: its callback id is the verb."""
    at = _arrival(body, body["user"], "", str(body.get("trigger_id") or ""))
    return CommandUsed(at.address, at.conversation, at.event_id, "alumni", str(body["callback_id"]))


def press(body: Json) -> ButtonPressed | None:
    """A button; `None` for one that only opens a link. Raises `ValueError` for a value that is not ours."""
    action = body["actions"][0]
    if "value" not in action:
        return None
    channel = str((body.get("channel") or {}).get("id") or "")
    at = _arrival(body, body["user"], channel, str(body.get("trigger_id") or ""))
    return ButtonPressed(at.address, at.conversation, at.event_id, load_bound(str(action["value"])))


def origin(body: Json) -> Origin:
    """Where a pressed button stands."""
    view = body.get("view") or {}
    return Origin(str(body.get("response_url") or ""), str(view.get("id") or ""), str(view.get("type") or ""))


def pack(metadata: str, response_url: str) -> str:
    """A dialog's metadata with the message it was opened from, as far as there is room (3,000 characters)."""
    packed = json.dumps([metadata, response_url], ensure_ascii=False)
    return packed if len(packed) <= 3000 else json.dumps([metadata, ""], ensure_ascii=False)


def unpack(view: Json) -> tuple[str, str]:
    """What `pack` wrote. Raises `ValueError` for anything else."""
    match json.loads(str(view.get("private_metadata") or "null")):
        case [str(metadata), str(response_url)]:
            return metadata, response_url
    raise ValueError("not the metadata of a form")


def submission(body: Json) -> FormSubmitted:
    """A form that was sent. Raises `ValueError` for metadata or fields that are not ours."""
    view = body["view"]
    at = _arrival(body, body["user"], "", str(body.get("trigger_id") or ""))
    bound = load_bound(unpack(view)[0])
    return FormSubmitted(at.address, at.conversation, at.event_id, bound, read_values(view.get("state") or {}))


def search(body: Json) -> OptionsSought:
    """Somebody typing in a search field of a form."""
    at = _arrival(body, body["user"], "", "")
    bound = load_bound(unpack(body["view"])[0])
    return OptionsSought(at.address, at.conversation, at.event_id, bound, str(body["block_id"]), str(body.get("value") or ""))


Event = HomeOpened | CommandUsed | MemberJoined | MemberLeft | MemberChanged


def event(body: Json) -> Event | None:
    """An event of the Events API; `None` for what is not for us (other bots, our own messages, other tabs)."""
    inner = body["event"]
    match inner.get("type"):
        case "app_home_opened" if inner.get("tab", "home") == "home":
            at = _arrival(body, str(inner["user"]), "", str(body["event_id"]))
            return HomeOpened(at.address, at.conversation, at.event_id)
        case "message":
            return _message(body, inner)
        case "team_join" | "user_change":
            return _member(body, inner)
    return None


def _message(body: Json, inner: Json) -> CommandUsed | None:
    if inner.get("channel_type") != "im" or inner.get("bot_id") or inner.get("subtype") or not inner.get("user"):
        return None
    user = {"id": inner["user"], "team_id": inner.get("user_team") or inner.get("team")}
    at = _arrival(body, user, str(inner.get("channel") or ""), str(body["event_id"]))
    words = str(inner.get("text") or "").strip()
    words = words.removeprefix("/").removeprefix("alumni").strip() if words.startswith("/alumni") else words
    return CommandUsed(at.address, at.conversation, at.event_id, "alumni", typed(words))


def typed(text: str) -> str:
    """What was typed, of what Slack made of it: mentions and links by their words, entities as their signs.

    Source: `should_escape` of the manifest, and the text of a message: `<@U1|aiko>`, `<https://…|…>`, `&lt;`.
    """
    words = _MARKUP.sub(_shown, text)
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _shown(markup: re.Match[str]) -> str:
    """The words of a mention or link; without words its id, as a mention is written."""
    sign, target, words = markup.groups()
    if words:
        return words
    return {"": target, "#": f"#{target}"}.get(sign, f"@{target}")


def _member(body: Json, inner: Json) -> MemberJoined | MemberLeft | MemberChanged | None:
    user = inner["user"]
    if user.get("is_bot") or user.get("id") == "USLACKBOT":
        return None
    at = _arrival(body, user, "", str(body["event_id"]))
    if user.get("deleted"):
        return MemberLeft(at.address, at.conversation, at.event_id)
    if inner["type"] == "user_change":
        return MemberChanged(at.address, at.conversation, at.event_id)
    profile = user.get("profile") or {}
    proven = profile.get("email") if user.get("is_email_confirmed") and not _guest(user) else None
    return MemberJoined(at.address, at.conversation, at.event_id, proven)


def _guest(user: Json) -> bool:
    return bool(user.get("is_restricted") or user.get("is_ultra_restricted") or user.get("is_stranger"))
