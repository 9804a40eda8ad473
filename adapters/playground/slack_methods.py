"""Web API methods over views, people and channels; slack_chat.py has the messages, slack_api.py the door."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from adapters.playground import slack_modals
from adapters.playground.slack_payloads import view_object
from adapters.playground.slack_profiles import channel_object, user_object
from adapters.playground.slack_state import JSON, Channel, SlackError
from adapters.playground.slack_workspace import Workspace


@dataclass(frozen=True, slots=True)
class Request:
    """One Web API call after the door: `announce` sends an event to the app in the background."""

    workspace: Workspace
    args: JSON
    announce: Callable[[Workspace, JSON], None]

    def flag(self, name: str) -> bool:
        """A boolean argument; forms carry it as text."""
        return self.args.get(name) in (True, "true", "True", "1", 1)

    def whole(self, name: str, default: int) -> int:
        """A number argument; raises `invalid_arguments` for anything else."""
        try:
            return int(self.args.get(name) or default)
        except (TypeError, ValueError):
            raise SlackError("invalid_arguments") from None


Method = Callable[[Request], JSON]


def auth_test(request: Request) -> JSON:
    """`auth.test`"""
    workspace, app = request.workspace, request.workspace.app
    return {
        "url": f"https://{workspace.domain}.slack.com/",
        "team": workspace.name,
        "user": workspace.people[app.bot_user].handle,
        "team_id": workspace.team,
        "user_id": app.bot_user,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


def team_info(request: Request) -> JSON:
    """`team.info`"""
    workspace = request.workspace
    return {
        "team": {
            "id": workspace.team,
            "name": workspace.name,
            "domain": workspace.domain,
            "email_domain": "",
            "icon": {"image_default": True},
        }
    }


def views_open(request: Request) -> JSON:
    """`views.open`"""
    payload, user = _exchanged(request)
    return {"view": view_object(request.workspace, slack_modals.opened(request.workspace, user, payload))}


def views_push(request: Request) -> JSON:
    """`views.push`"""
    payload, user = _exchanged(request)
    return {"view": view_object(request.workspace, slack_modals.pushed(request.workspace, user, payload))}


def _exchanged(request: Request) -> tuple[JSON, str]:
    """The accepted view and whose `trigger_id` it was; a view that is refused does not use the trigger up."""
    trigger_id = request.args.get("trigger_id")
    if not trigger_id:
        raise slack_modals.refused(["missing required field: trigger_id [json-pointer:/trigger_id]"])
    payload = slack_modals.accepted(request.args.get("view"), "modal")
    return payload, request.workspace.exchange(trigger_id)


def views_update(request: Request) -> JSON:
    """`views.update`"""
    args = request.args
    old = slack_modals.open_view(
        request.workspace, view_id=args.get("view_id"), external_id=args.get("external_id")
    )
    if args.get("hash") and args["hash"] != old.hash:
        raise SlackError("hash_conflict")
    view = slack_modals.updated(request.workspace, old, args.get("view"))
    return {"view": view_object(request.workspace, view)}


def views_publish(request: Request) -> JSON:
    """`views.publish`"""
    workspace, args = request.workspace, request.args
    person = workspace.people.get(str(args.get("user_id")))
    if person is None or person.bot:
        raise SlackError("user_not_found")
    view = slack_modals.published(workspace, person.user, args.get("view"), args.get("hash"))
    return {"view": view_object(workspace, view)}


def users_info(request: Request) -> JSON:
    """`users.info`"""
    person = request.workspace.people.get(str(request.args.get("user")))
    if person is None:
        raise SlackError("user_not_found")
    return {"user": user_object(request.workspace, person, with_locale=request.flag("include_locale"))}


def users_lookup_by_email(request: Request) -> JSON:
    """`users.lookupByEmail`: active members only."""
    wanted = str(request.args.get("email") or "").strip().lower()
    person = request.workspace.people.get(request.workspace.addresses.get(wanted, ""))
    if person is None or person.stranger:
        raise SlackError("users_not_found")
    return {"user": user_object(request.workspace, person)}


def users_list(request: Request) -> JSON:
    """`users.list` with `cursor` and `limit`; deactivated accounts are in it."""
    people = [one for one in request.workspace.people.values() if not one.stranger]
    page, cursor = _page(request, people, request.whole("limit", len(people)))
    locale = request.flag("include_locale")
    members = [user_object(request.workspace, person, with_locale=locale) for person in page]
    return {
        "members": members,
        "cache_ts": int(request.workspace.now()),
        "response_metadata": {"next_cursor": cursor},
    }


def _page(request: Request, items: list[Any], limit: int) -> tuple[list[Any], str]:
    """One page and the cursor of the next (empty at the end)."""
    cursor = str(request.args.get("cursor") or "")
    start = 0
    if cursor:
        if not (cursor.startswith("at:") and cursor[3:].isdigit()):
            raise SlackError("invalid_cursor")
        start = int(cursor[3:])
    end = start + max(1, limit)
    return items[start:end], f"at:{end}" if end < len(items) else ""


def channel_of(request: Request, name: str = "channel") -> Channel:
    """The channel an argument names, if the bot may know of it; raises `channel_not_found`."""
    workspace = request.workspace
    channel = workspace.channels.get(str(request.args.get(name)))
    if channel is None or (channel.kind != "public" and workspace.app.bot_user not in channel.members):
        raise SlackError("channel_not_found")
    return channel


def conversations_open(request: Request) -> JSON:
    """`conversations.open` for one person (`users`) or an existing DM (`channel`)."""
    workspace, users = request.workspace, request.args.get("users")
    if users is None and request.args.get("channel"):
        channel, known = channel_of(request), True
        if channel.kind != "im":
            raise SlackError("method_not_supported_for_channel_type")
    else:
        names = users if isinstance(users, list) else [one for one in str(users or "").split(",") if one]
        if len(names) != 1:
            raise SlackError(
                "users_list_not_supplied" if not names else "method_not_supported_for_channel_type"
            )
        before = len(workspace.channels)
        channel = direct_with(workspace, str(names[0]).strip())
        known = len(workspace.channels) == before
    shown = channel_object(workspace, channel) if request.flag("return_im") else {"id": channel.id}
    return {"channel": shown} | ({"no_op": True, "already_open": True} if known else {})


def direct_with(workspace: Workspace, user: str) -> Channel:
    """The DM with somebody; raises `user_not_found`, `user_disabled` or `cannot_dm_bot`."""
    person = workspace.people.get(user)
    if person is None:
        raise SlackError("user_not_found")
    if person.bot:
        raise SlackError("cannot_dm_bot")
    if person.deleted:
        raise SlackError("user_disabled")
    return workspace.direct(user)


def conversations_info(request: Request) -> JSON:
    """`conversations.info`"""
    return {"channel": channel_object(request.workspace, channel_of(request))}


def conversations_list(request: Request) -> JSON:
    """`conversations.list` by `types`, paged; private ones and DMs only where the bot is."""
    workspace = request.workspace
    types = {one.strip() for one in str(request.args.get("types") or "public_channel").split(",")}
    kinds = {{"public_channel": "public", "private_channel": "private", "im": "im"}.get(one) for one in types}
    shown = [
        channel_object(workspace, channel)
        for channel in workspace.channels.values()
        if channel.kind in kinds and (channel.kind == "public" or workspace.app.bot_user in channel.members)
    ]
    page, cursor = _page(request, shown, request.whole("limit", 100))
    return {"channels": page, "response_metadata": {"next_cursor": cursor}}


def conversations_join(request: Request) -> JSON:
    """`conversations.join`: the bot enters a public channel."""
    workspace, channel = request.workspace, channel_of(request)
    if channel.kind != "public":
        raise SlackError("method_not_supported_for_channel_type")
    bot = workspace.app.bot_user
    if bot in channel.members:
        return {"channel": channel_object(workspace, channel), "warning": "already_in_channel"}
    channel = workspace.join(channel.id, bot)
    request.announce(
        workspace,
        {
            "type": "member_joined_channel",
            "user": bot,
            "channel": channel.id,
            "channel_type": "C",
            "team": workspace.team,
            "event_ts": workspace.next_ts(),
        },
    )
    return {"channel": channel_object(workspace, channel)}


def conversations_members(request: Request) -> JSON:
    """`conversations.members`, paged."""
    channel = channel_of(request)
    page, cursor = _page(request, sorted(channel.members), request.whole("limit", 100))
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def deactivated(workspace: Workspace, user: str) -> None:
    """Mark an account as deleted; its modals close."""
    workspace.modals.pop(user, None)
    workspace.enter(replace(workspace.people[user], deleted=True, updated=workspace.now()))
