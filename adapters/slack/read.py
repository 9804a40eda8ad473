"""Slack's payloads as the house's own values. Every id in them is a claim of the client."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from adapters.slack.forms import read_values
from bot.conversation import (
    Address,
    Arrival,
    Bound,
    ButtonPressed,
    CommandUsed,
    Conversation,
    FormSubmitted,
    HomeOpened,
    MemberChanged,
    MemberJoined,
    MemberLeft,
    OptionsSought,
    Platform,
)  # fmt: skip
from bot.wire import load_bound

Json = Mapping[str, Any]
T = TypeVar("T")
_MARKUP = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


class Foreign(Exception):
    """Somebody of another workspace (Slack Connect): nothing here is for them."""


class Forged(Exception):
    """A value that no button or form of ours carries, or that an older version made."""


class Malformed(Exception):
    """A payload without the parts that Slack always sends."""


class Origin(NamedTuple):
    """Where an interaction came from: the message's `response_url`, or the view it was in, with its hash.

    `shared`: others read that message too, so that what one person's press brings must not replace it.
    """

    response_url: str = ""
    view: str = ""
    view_type: str = ""
    hash: str = ""
    shared: bool = False


def whole(reader: Callable[[Json], T], body: Json) -> T:
    """What a reader makes of a payload. Raises `Malformed` when a part is missing or of another kind."""
    try:
        return reader(body)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as wrong:
        raise Malformed(type(wrong).__name__) from None


def names(body: Json) -> tuple[str, str]:
    """The app id and the team id that a payload names, "" where it names none."""
    team = body.get("team")
    team_id = body.get("team_id") or (team.get("id") if isinstance(team, Mapping) else "")
    return str(body.get("api_app_id") or ""), str(team_id or "")


def who(body: Json) -> Arrival:
    """Who did something that cannot be read any further."""
    user = body.get("user")
    user_id = user.get("id") if isinstance(user, Mapping) else body.get("user_id")
    _, team = names(body)
    return Arrival(Address(Platform.SLACK, team, str(user_id or "?")), Conversation(team, ""), _digest(body))


def _arrival(body: Json, user: Json | str, channel: str, event_id: str) -> Arrival:
    """Who and where. Raises `Foreign` for an account of another workspace."""
    _, team = names(body)
    user_id = user if isinstance(user, str) else str(user["id"])
    if not user_id:
        raise KeyError("user")
    home = team if isinstance(user, str) else str(user.get("team_id") or team)
    if home != team:
        raise Foreign
    kind = "private" if channel.startswith("D") or not channel else "channel"
    place = Conversation(team, channel, kind=kind)  # type: ignore[arg-type]
    return Arrival(Address(Platform.SLACK, team, user_id), place, event_id or _digest(body))


def _digest(body: Json | list[Any]) -> str:
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).hexdigest()


def command(body: Json) -> CommandUsed:
    """A slash command. Source: commands carry no id and are not retried, so the trigger is the id."""
    channel, trigger = str(body.get("channel_id") or ""), str(body.get("trigger_id") or "")
    at = _arrival(body, str(body["user_id"]), channel, trigger)
    name = str(body["command"]).lstrip("/")
    return CommandUsed(at.address, at.conversation, at.event_id, name, typed(str(body.get("text") or "")))


def shortcut(body: Json) -> CommandUsed:
    """A global shortcut: its callback id is the verb."""
    at = _arrival(body, body["user"], "", str(body.get("trigger_id") or ""))
    return CommandUsed(at.address, at.conversation, at.event_id, "alumni", str(body["callback_id"]))


def press(body: Json) -> ButtonPressed | None:
    """A button; `None` for one that only opens a link. Raises `Forged` for a value that is not ours."""
    action = body["actions"][0]
    if "value" not in action:
        return None
    channel = str((body.get("channel") or {}).get("id") or "")
    at = _arrival(body, body["user"], channel, str(body.get("trigger_id") or ""))
    place = body.get("container") or {}
    where = place.get("message_ts") or place.get("view_id")
    twin = [at.address.user, where, action.get("action_id"), action["value"]]
    return ButtonPressed(at.address, at.conversation, at.event_id, _claimed(action["value"]), _digest(twin))


def _claimed(value: Any) -> Bound:
    try:
        return load_bound(str(value))
    except ValueError:
        raise Forged from None


def origin(body: Json) -> Origin:
    """Where a pressed button stands."""
    view = body.get("view") or {}
    url = str(body.get("response_url") or "")
    view_id, kind, known = (str(view.get(name) or "") for name in ("id", "type", "hash"))
    channel, place = str((body.get("channel") or {}).get("id") or ""), body.get("container") or {}
    shared = bool(channel) and not channel.startswith("D") and not place.get("is_ephemeral")
    return Origin(url, view_id, kind, known, shared)


def pack(metadata: str, response_url: str) -> str:
    """A dialog's metadata with the message it was opened from, as far as there is room (3,000 characters)."""
    packed = json.dumps([metadata, response_url], ensure_ascii=False)
    return packed if len(packed) <= 3000 else json.dumps([metadata, ""], ensure_ascii=False)


def unpack(view: Json) -> tuple[str, str]:
    """What `pack` wrote. Raises `Forged` for anything else."""
    try:
        packed = json.loads(str(view.get("private_metadata") or "null"))
    except (ValueError, RecursionError):
        packed = None
    match packed:
        case [str(metadata), str(response_url)]:
            return metadata, response_url
    raise Forged


def submission(body: Json) -> FormSubmitted:
    """A form that was sent. Raises `Forged` for metadata that is not ours."""
    view = body["view"]
    at = _arrival(body, body["user"], "", str(body.get("trigger_id") or ""))
    values, twin = read_values(view.get("state") or {}), _digest([at.address.user, view["id"]])
    return FormSubmitted(at.address, at.conversation, at.event_id, _claimed(unpack(view)[0]), values, twin)


def search(body: Json) -> OptionsSought:
    """Somebody typing in a search field of a form."""
    at = _arrival(body, body["user"], "", "")
    bound = _claimed(unpack(body["view"])[0])
    return OptionsSought(
        at.address, at.conversation, at.event_id, bound, str(body["block_id"]), str(body.get("value") or "")
    )


Event = HomeOpened | CommandUsed | MemberJoined | MemberLeft | MemberChanged


def event(body: Json) -> Event | None:
    """An event of the Events API; `None` for what is not for us (bots, our own messages, other tabs)."""
    inner, _ = body["event"], body["event_id"]
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
    if (
        inner.get("channel_type") != "im"
        or inner.get("bot_id")
        or inner.get("subtype")
        or not inner.get("user")
    ):
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
