"""Modals and Home tabs: accepting a view, the stack of three, the answers to a submission."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.playground.slack_checks import check_view, too_large
from adapters.playground.slack_inputs import filled, kept_values
from adapters.playground.slack_limits import VIEW_STACK
from adapters.playground.slack_state import JSON, SlackError, View, fresh_id
from adapters.playground.slack_workspace import Workspace


def accepted(payload: Any, kind: str) -> JSON:
    """The view if Slack would take it; raises `view_too_large` or `invalid_arguments` with messages."""
    if not isinstance(payload, dict):
        raise refused(["must be an object [json-pointer:/view]"])
    if too_large(payload):
        raise SlackError("view_too_large")
    problems = check_view(payload)
    if not problems and payload["type"] != kind:
        problems = [f"must be of type {kind} [json-pointer:/view/type]"]
    if problems:
        raise refused(problems)
    return payload


def refused(problems: list[str]) -> SlackError:
    """`invalid_arguments` with Slack's messages."""
    return SlackError(
        "invalid_arguments", response_metadata={"messages": [f"[ERROR] {one}" for one in problems]}
    )


def opened(workspace: Workspace, user: str, payload: JSON) -> View:
    """`views.open` of an accepted view: a new root; a modal that was open is gone."""
    view = _made(workspace, user, payload)
    workspace.modals[user] = [view]
    workspace.touch()
    return view


def pushed(workspace: Workspace, user: str, payload: JSON) -> View:
    """An accepted view on top of the others; `push_limit_reached` over three (platform-facts S5)."""
    stack = workspace.modals.get(user, [])
    if not stack:
        raise SlackError("not_found")
    if len(stack) >= VIEW_STACK:
        raise SlackError("push_limit_reached")
    view = replace(_made(workspace, user, payload), root_id=stack[0].id, previous_id=stack[-1].id)
    stack.append(view)
    workspace.touch()
    return view


def updated(workspace: Workspace, old: View, payload: Any) -> View:
    """`views.update` or `response_action: update`: same id, new hash, typed values stay."""
    new = _made(workspace, old.user, accepted(payload, old.type), old)
    same = replace(new, id=old.id, root_id=old.root_id, previous_id=old.previous_id)
    return workspace.keep(same)


def published(workspace: Workspace, user: str, payload: Any, expected: Any = None) -> View:
    """`views.publish`; raises `hash_conflict` when `expected` is not the hash of the Home shown now."""
    if not workspace.setting("features", "app_home", "home_tab_enabled", default=False):
        raise SlackError("not_enabled")
    old = workspace.homes.get(user)
    if expected and (old is None or old.hash != expected):
        raise SlackError("hash_conflict")
    new = _made(workspace, user, accepted(payload, "home"), old)
    return workspace.keep(replace(new, id=old.id, root_id=old.id) if old else new)


def open_view(workspace: Workspace, *, view_id: Any = None, external_id: Any = None) -> View:
    """An open view of anybody; raises `not_found`."""
    views = [view for stack in workspace.modals.values() for view in stack] + list(workspace.homes.values())
    for view in views:
        if (view_id and view.id == view_id) or (external_id and view.external_id == external_id):
            return view
    raise SlackError("not_found")


def close(workspace: Workspace, view: View) -> None:
    """Take a modal and everything above it off the stack."""
    stack = workspace.modals.get(view.user, [])
    names = [one.id for one in stack]
    if view.id in names:
        del stack[names.index(view.id) :]
        workspace.touch()


def answer_submission(workspace: Workspace, view: View, body: Any) -> str | None:
    """Apply what the app answered to a submission; gives Slack's error word when the answer cannot be used.

    Nothing closes the view; `response_action` may be errors, update, push or clear.
    """
    try:
        view = workspace.view(view.user, view.id)
    except LookupError:
        return None
    if body in ("", {}, None):
        close(workspace, view)
        return None
    if not isinstance(body, dict):
        return "invalid_response"
    try:
        return _act(workspace, view, body)
    except SlackError as error:
        return error.error


def _act(workspace: Workspace, view: View, body: Mapping[str, Any]) -> str | None:
    match body.get("response_action"):
        case "errors":
            return _show_errors(workspace, view, body.get("errors"))
        case "update":
            updated(workspace, replace(view, errors={}, trouble=None), body.get("view"))
        case "push":
            workspace.keep(replace(view, errors={}, trouble=None))
            pushed(workspace, view.user, accepted(body.get("view"), "modal"))
        case "clear":
            workspace.modals.pop(view.user, None)
            workspace.touch()
        case _:
            return "invalid_response"
    return None


def _show_errors(workspace: Workspace, view: View, errors: Any) -> str | None:
    """Errors must name input blocks of this view, each with a text."""
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or errors.keys() - inputs:
        return "invalid_response"
    if not all(isinstance(text, str) and text for text in errors.values()):
        return "invalid_response"
    workspace.keep(replace(view, errors=errors, trouble=None))
    return None


def _made(workspace: Workspace, user: str, payload: JSON, old: View | None = None) -> View:
    external = payload.get("external_id") or ""
    taken = [view for stack in workspace.modals.values() for view in stack if view.external_id == external]
    if external and any(old is None or view.id != old.id for view in taken):
        raise SlackError("duplicate_external_id")
    blocks, name = filled(payload["blocks"]), fresh_id("V")
    title, submit, close_label = (payload.get(part) or {} for part in ("title", "submit", "close"))
    return View(
        id=name,
        hash=f"{int(workspace.now())}.{secrets.token_hex(4)}",
        type=payload["type"],
        user=user,
        blocks=blocks,
        title=title.get("text", ""),
        submit=submit.get("text"),
        close=close_label.get("text"),
        private_metadata=payload.get("private_metadata") or "",
        callback_id=payload.get("callback_id") or "",
        external_id=external,
        root_id=name,
        notify_on_close=bool(payload.get("notify_on_close")),
        clear_on_close=bool(payload.get("clear_on_close")),
        values=kept_values(blocks, old),
    )
