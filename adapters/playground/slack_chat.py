"""Web API methods over messages: posting, changing, deleting and reading them."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from adapters.playground.slack_checks import check_blocks
from adapters.playground.slack_inputs import filled
from adapters.playground.slack_limits import (
    ATTACHMENTS,
    MARKDOWN_TEXT,
    MESSAGE_TEXT,
    METADATA_BYTES,
    UPDATE_TEXT,
)
from adapters.playground.slack_methods import Request, channel_of, direct_with
from adapters.playground.slack_payloads import message_event, message_object
from adapters.playground.slack_state import JSON, Channel, Message, SlackError
from adapters.playground.slack_workspace import Workspace

_HISTORY_PAGE = 100
_HISTORY_MOST = 999


def checked_blocks(blocks: Any) -> tuple[JSON, ...]:
    """Accepted blocks of a message with ids filled in; raises `invalid_blocks_format` or `invalid_blocks`."""
    if blocks is None:
        return ()
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    problems = check_blocks(blocks)
    if problems:
        messages = [f"[ERROR] {one}" for one in problems]
        raise SlackError("invalid_blocks", errors=problems, response_metadata={"messages": messages})
    return filled(blocks)


def post_message(request: Request) -> JSON:
    """`chat.postMessage`; a user id as `channel` opens the DM. Text over 40,000 characters is cut."""
    workspace = request.workspace
    channel = _target(request)
    text, blocks = _content(request)
    message = Message(
        workspace.next_ts(),
        channel.id,
        workspace.app.bot_user,
        text,
        blocks,
        by_bot=True,
        metadata=_metadata(request),
        client_msg_id=_client_msg_id(request),
        thread_ts=request.args.get("thread_ts"),
    )
    workspace.post(message)
    request.announce(workspace, message_event(workspace, message))
    return {
        "channel": channel.id,
        "ts": message.ts,
        "message": _shown(workspace, message, with_metadata=True),
    }


def post_ephemeral(request: Request) -> JSON:
    """`chat.postEphemeral`: both the bot and the reader must be in the channel."""
    workspace, user = request.workspace, str(request.args.get("user"))
    channel = _inside(request, channel_of(request))
    if user not in channel.members or workspace.people[user].deleted:
        raise SlackError("user_not_in_channel")
    text, blocks = _content(request)
    message = Message(
        workspace.next_ts(),
        channel.id,
        workspace.app.bot_user,
        text,
        blocks,
        ephemeral=True,
        to=user,
        by_bot=True,
    )
    workspace.post(message)
    return {"message_ts": message.ts}


def update(request: Request) -> JSON:
    """`chat.update` of an own, lasting message; blocks and metadata that are not given stay."""
    workspace, args = request.workspace, request.args
    old = _own(request, "cant_update_message", "ts")
    if workspace.channels[old.channel].archived:
        raise SlackError("is_inactive")
    text, blocks = _content(request, most=UPDATE_TEXT)
    kept = old.blocks if args.get("blocks") is None else blocks
    metadata = old.metadata if args.get("metadata") is None else _metadata(request)
    new = replace(old, text=text, blocks=kept, metadata=metadata, edited=True)
    workspace.post(new)
    request.announce(workspace, _change(workspace, new, "message_changed", previous_message=old))
    return {"channel": new.channel, "ts": new.ts, "text": new.text, "message": _shown(workspace, new)}


def delete(request: Request) -> JSON:
    """`chat.delete` of an own, lasting message."""
    workspace = request.workspace
    old = _own(request, "cant_delete_message", "ts")
    remove(workspace, old)
    request.announce(workspace, _change(workspace, old, "message_deleted", previous_message=old))
    return {"channel": old.channel, "ts": old.ts}


def permalink(request: Request) -> JSON:
    """`chat.getPermalink`"""
    workspace, channel = request.workspace, channel_of(request)
    ts = str(request.args.get("message_ts"))
    if ts not in workspace.posted[channel.id]:
        raise SlackError("message_not_found")
    link = f"https://{workspace.domain}.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def history(request: Request) -> JSON:
    """`conversations.history`: newest first, without ephemeral messages; metadata when asked for."""
    workspace = request.workspace
    channel = _inside(request, channel_of(request))
    found = [one for one in reversed(workspace.posted[channel.id].values()) if _in_range(request, one)]
    limit = min(request.whole("limit", _HISTORY_PAGE), _HISTORY_MOST)
    page, more = found[:limit], len(found) > limit
    with_metadata = request.flag("include_all_metadata")
    answer: JSON = {
        "messages": [_shown(workspace, one, with_metadata=with_metadata) for one in page],
        "has_more": more,
        "pin_count": 0,
    }
    return answer | ({"response_metadata": {"next_cursor": f"before:{page[-1].ts}"}} if more else {})


def remove(workspace: Workspace, message: Message) -> None:
    """Take a message out of its channel."""
    workspace.posted[message.channel].pop(message.ts, None)
    workspace.touch()


def _in_range(request: Request, message: Message) -> bool:
    if message.ephemeral:
        return False
    args, inclusive = request.args, request.flag("inclusive")
    cursor = str(args.get("cursor") or "")
    if cursor and not cursor.startswith("before:"):
        raise SlackError("invalid_cursor")
    at = float(message.ts)
    oldest = _timestamp(args.get("oldest"), "invalid_ts_oldest", 0.0)
    latest = _timestamp(args.get("latest"), "invalid_ts_latest", float("inf"))
    if cursor and at >= float(cursor.removeprefix("before:")):
        return False
    return oldest <= at <= latest if inclusive else oldest < at < latest


def _timestamp(value: Any, error: str, default: float) -> float:
    try:
        return float(value) if value not in (None, "", "0") else default
    except (TypeError, ValueError):
        raise SlackError(error) from None


def _target(request: Request) -> Channel:
    """Where a message goes; a user id stands for the DM. Raises `is_archived`, `not_in_channel`."""
    workspace, name = request.workspace, str(request.args.get("channel") or "")
    if name in workspace.people:
        return direct_with(workspace, name)
    if name.startswith("#"):
        ids = [one.id for one in workspace.channels.values() if one.kind != "im" and one.name == name[1:]]
        request = replace(request, args=request.args | {"channel": ids[0] if ids else None})
    channel = channel_of(request)
    if channel.archived:
        raise SlackError("is_archived")
    return _inside(request, channel, may_be_outside="chat:write.public")


def _inside(request: Request, channel: Channel, may_be_outside: str = "") -> Channel:
    workspace = request.workspace
    if channel.person and workspace.people[channel.person].deleted:
        raise SlackError("is_archived")
    if workspace.app.bot_user not in channel.members and may_be_outside not in workspace.scopes:
        raise SlackError("not_in_channel")
    return channel


def _own(request: Request, error: str, name: str) -> Message:
    workspace, channel = request.workspace, channel_of(request)
    found = workspace.posted[channel.id].get(str(request.args.get(name)))
    if found is None or found.ephemeral:
        raise SlackError("message_not_found")
    if not found.by_bot:
        raise SlackError(error)
    return found


def _content(request: Request, most: int | None = None) -> tuple[str, tuple[JSON, ...]]:
    """Text and blocks; raises `no_text`, `msg_too_long`, `markdown_text_conflict` and the like."""
    args = request.args
    text, markdown = str(args.get("text") or ""), str(args.get("markdown_text") or "")
    blocks, attachments = checked_blocks(args.get("blocks")), args.get("attachments") or []
    if markdown and (text or blocks):
        raise SlackError("markdown_text_conflict")
    if not isinstance(attachments, list):
        raise SlackError("invalid_attachments")
    if len(attachments) > ATTACHMENTS:
        raise SlackError("too_many_attachments")
    if not (text or blocks or attachments or markdown):
        raise SlackError("no_text")
    if len(markdown) > MARKDOWN_TEXT or (most is not None and len(text) > most):
        raise SlackError("msg_too_long")
    return (text or markdown)[:MESSAGE_TEXT], blocks


def _metadata(request: Request) -> JSON | None:
    metadata = request.args.get("metadata")
    if not metadata:
        return None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata).encode()) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return metadata


def _client_msg_id(request: Request) -> str | None:
    value = request.args.get("client_msg_id")
    if value is None:
        return None
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise SlackError("invalid_arguments") from None


def _shown(workspace: Workspace, message: Message, *, with_metadata: bool = False) -> JSON:
    found = message_object(workspace, message)
    return found | ({"metadata": message.metadata} if with_metadata and message.metadata else {})


def _change(workspace: Workspace, message: Message, subtype: str, previous_message: Message) -> JSON:
    """The `message` event of an edit or a deletion."""
    event = message_event(workspace, message)
    now = workspace.next_ts()
    changed: JSON = {
        "type": "message",
        "subtype": subtype,
        "hidden": True,
        "channel": message.channel,
        "channel_type": event["channel_type"],
        "previous_message": message_object(workspace, previous_message),
        "ts": now,
        "event_ts": now,
    }
    if subtype == "message_changed":
        return changed | {"message": message_object(workspace, message)}
    return changed | {"deleted_ts": message.ts}


METHODS: dict[str, Callable[[Request], JSON]] = {
    "chat.postMessage": post_message,
    "chat.postEphemeral": post_ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": permalink,
    "conversations.history": history,
}
