"""Messages sent without the Web API: the answer to a command itself and posts to a response_url."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.playground.slack_chat import checked_blocks, remove
from adapters.playground.slack_limits import MESSAGE_TEXT
from adapters.playground.slack_state import JSON, Message, SlackError
from adapters.playground.slack_workspace import ResponseUrl, Workspace


def answer_command(workspace: Workspace, place: ResponseUrl, body: Any) -> None:
    """The body of the acknowledgement of a slash command: text or a message; empty says nothing."""
    if isinstance(body, str):
        body = {"text": body} if body.strip() else {}
    if not isinstance(body, dict):
        raise SlackError("invalid_response")
    if body:
        _post(workspace, place, body)


def reply(workspace: Workspace, key: str, body: Any) -> None:
    """A post to a response_url; raises `expired_url`, `used_url`, `message_not_found`, `no_text` …"""
    place = workspace.use_response(key)
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    original = _original(workspace, place)
    if place.source and body.get("delete_original"):
        if original is None:
            raise SlackError("message_not_found")
        remove(workspace, original)
    elif place.source and body.get("replace_original"):
        if original is None:
            raise SlackError("message_not_found")
        text, blocks = _content(body)
        workspace.post(replace(original, text=text, blocks=blocks, edited=True))
    else:
        _post(workspace, place, body)


def _original(workspace: Workspace, place: ResponseUrl) -> Message | None:
    return workspace.posted[place.channel].get(place.source or "")


def _post(workspace: Workspace, place: ResponseUrl, body: Mapping[str, Any]) -> None:
    text, blocks = _content(body)
    shown_to_all = body.get("response_type") == "in_channel"
    workspace.post(
        Message(
            workspace.next_ts(),
            place.channel,
            workspace.app.bot_user,
            text,
            blocks,
            ephemeral=not shown_to_all,
            to=None if shown_to_all else place.user,
            by_bot=True,
        )
    )


def _content(body: Mapping[str, Any]) -> tuple[str, tuple[JSON, ...]]:
    text, blocks = str(body.get("text") or "")[:MESSAGE_TEXT], checked_blocks(body.get("blocks"))
    if not (text or blocks):
        raise SlackError("no_text")
    return text, blocks
