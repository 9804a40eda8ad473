"""The bodies that Slack sends to an app: events, slash commands, interactions, as in Slack's reference."""

import html
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from adapters.playground.slack_inputs import state_of
from adapters.playground.slack_profiles import user_object
from adapters.playground.slack_state import JSON, Channel, Message, Person, View, fresh_id
from adapters.playground.slack_workspace import Workspace

_LEGACY_TOKEN = "local-slack-legacy-token"  # noqa: S105 - the outdated verification token; apps must ignore it
_NO_TRIGGER = frozenset({"block_suggestion", "view_closed"})
_LONGEST_NAME = 80
_WORD = re.compile("[A-Za-z0-9_]")  # what would go on with a name; Japanese honorifics do not
EVENT_SCOPES = {
    "team_join": "users:read",
    "user_change": "users:read",
    "message.im": "im:history",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "app_mention": "app_mentions:read",
    "member_joined_channel": "channels:read",
}


def envelope(workspace: Workspace, event: JSON) -> JSON:
    """An Events API callback with a globally unique `event_id`."""
    app, team = workspace.app, workspace.team
    return {
        "token": _LEGACY_TOKEN,
        "team_id": team,
        "context_team_id": team,
        "context_enterprise_id": None,
        "api_app_id": app.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": fresh_id("Ev"),
        "event_time": int(workspace.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team,
                "user_id": app.bot_user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": fresh_id("4-"),
    }


def message_event(workspace: Workspace, message: Message) -> JSON:
    """A `message` event for a new message; its channel's kind decides which subscription it falls under."""
    kind = workspace.channels[message.channel].kind
    return message_object(workspace, message) | {
        "channel": message.channel,
        "event_ts": message.ts,
        "channel_type": {"im": "im", "public": "channel", "private": "group"}[kind],
    }


def subscription(event: JSON) -> str:
    """The name under which the manifest subscribes to this event (`message.im` for a message in a DM)."""
    if event["type"] != "message":
        return str(event["type"])
    return "message." + {"im": "im", "channel": "channels", "group": "groups"}[event["channel_type"]]


def message_object(workspace: Workspace, message: Message) -> JSON:
    """A message as it stands in events, interactions and Web API answers (without metadata)."""
    app = workspace.app
    found: JSON = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": workspace.team,
    }
    if message.blocks:
        found["blocks"] = list(message.blocks)
    if message.by_bot:
        profile = {
            "id": app.bot_id,
            "app_id": app.app_id,
            "name": app.name,
            "team_id": workspace.team,
            "deleted": False,
        }
        found |= {"bot_id": app.bot_id, "app_id": app.app_id, "bot_profile": profile}
    if message.edited:
        found["edited"] = {"user": message.user, "ts": message.ts}
    for name in ("client_msg_id", "thread_ts"):
        if value := getattr(message, name):
            found[name] = value
    return found


def command_form(workspace: Workspace, person: Person, channel: Channel, typed: str) -> dict[str, str]:
    """The documented fields of a slash command without `response_url` (platform-facts S6)."""
    command, text = split_command(typed)
    declared = workspace.command(command) or {}
    return {
        "token": _LEGACY_TOKEN,
        "team_id": workspace.team,
        "team_domain": workspace.domain,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": person.user,
        "user_name": person.handle,
        "command": command,
        "text": escaped(workspace, text, with_names=True) if declared.get("should_escape") else text,
        "api_app_id": workspace.app.app_id,
        "is_enterprise_install": "false",
        "trigger_id": workspace.new_trigger(person.user),
    }


def split_command(typed: str) -> tuple[str, str]:
    """`/alumni find 田中` as command and text; only ASCII spaces end the command."""
    command, *rest = re.split(r"[ \t\n]", typed.strip(" \t\n"), maxsplit=1)
    return command, rest[0].strip(" \t\n") if rest else ""


def escaped(workspace: Workspace, text: str, *, with_names: bool = False) -> str:
    """Typed text as Slack passes it on: `& < >` as entities, `@name` and `#channel` as ids, links in `<>`."""
    safe = html.escape(text, quote=False)
    safe = re.sub(r"https?://[^\s<>|]+", lambda link: f"<{link[0]}>", safe)
    channels = (
        {one.name: one.id for one in workspace.channels.values() if one.kind != "im"} if "#" in safe else {}
    )
    for sign, known in (("@", workspace.names), ("#", channels)):
        if sign in safe:
            safe = _resolved(safe, sign, known, with_names=with_names)
    return safe


def _resolved(text: str, sign: str, known: Mapping[str, str], *, with_names: bool) -> str:
    """Every `@name` of somebody known as `<@U…|name>` or `<@U…>`; the longest name that fits counts."""

    def mention(match: re.Match[str]) -> str:
        typed = match[1]
        for length in range(len(typed), 0, -1):
            name, rest = typed[:length], typed[length:]
            found = known.get(html.unescape(name))
            if found and not _WORD.match(rest):
                return f"<{sign}{found}{'|' + name if with_names else ''}>{rest}"
        return match[0]

    return re.sub(rf"(?<![A-Za-z0-9_.+-]){sign}([^\n{sign}]{{1,{_LONGEST_NAME}}})", mention, text)


class Interaction(NamedTuple):
    """The common keys of every interaction payload."""

    workspace: Workspace
    person: Person

    def payload(self, kind: str, **more: Any) -> JSON:
        """A payload of this type with who and where, and a fresh trigger where Slack sends one."""
        workspace, person = self
        return (
            {
                "type": kind,
                "team": {"id": workspace.team, "domain": workspace.domain},
                "user": {
                    "id": person.user,
                    "username": person.handle,
                    "name": person.handle,
                    "team_id": user_object(workspace, person)["team_id"],
                },
                "api_app_id": workspace.app.app_id,
                "token": _LEGACY_TOKEN,
                "enterprise": None,
                "is_enterprise_install": False,
            }
            | ({} if kind in _NO_TRIGGER else {"trigger_id": workspace.new_trigger(person.user)})
            | more
        )

    def in_view(self, view: View) -> JSON:
        """`container` and `view` of an interaction in a modal or Home."""
        return {"container": {"type": "view", "view_id": view.id}, "view": view_object(self.workspace, view)}

    def in_message(self, message: Message) -> JSON:
        """`container`, `channel` and, unless it is ephemeral, `message` of an interaction in a message."""
        channel = self.workspace.channels[message.channel]
        container = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": message.ephemeral,
        }
        found: JSON = {"container": container, "channel": {"id": channel.id, "name": channel.name}}
        if not message.ephemeral:
            found["message"] = message_object(self.workspace, message)
        return found


def view_object(workspace: Workspace, view: View) -> JSON:
    """A view as it stands in interactions and in the answers of the views methods."""

    def plain(text: str | None) -> JSON | None:
        return {"type": "plain_text", "text": text, "emoji": True} if text else None

    def offered(element: JSON) -> list[JSON]:
        return workspace.suggested.get((view.id, element["action_id"]), [])

    app = workspace.app
    return {
        "id": view.id,
        "team_id": workspace.team,
        "type": view.type,
        "blocks": list(view.blocks),
        "private_metadata": view.private_metadata,
        "callback_id": view.callback_id,
        "state": {"values": state_of(view.blocks, view.values, offered)},
        "hash": view.hash,
        "title": plain(view.title) or {"type": "plain_text", "text": "View Title", "emoji": True},
        "close": plain(view.close),
        "submit": plain(view.submit),
        "clear_on_close": view.clear_on_close,
        "notify_on_close": view.notify_on_close,
        "previous_view_id": view.previous_id,
        "root_view_id": view.root_id,
        "app_id": app.app_id,
        "external_id": view.external_id,
        "app_installed_team_id": workspace.team,
        "bot_id": app.bot_id,
    }
