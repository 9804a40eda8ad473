"""People and channels as the Web API and events show them, cut down to what the app's scopes allow."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from adapters.playground.slack_state import JSON, Channel, Person
from adapters.playground.slack_workspace import Workspace

_ELSEWHERE = "T0ELSEWHERE"  # the workspace that people of Slack Connect channels come from


def user_object(workspace: Workspace, person: Person, *, with_locale: bool = False) -> JSON:
    """A user; `profile.email` needs `users:read.email`, is never a stranger's; `locale` must be asked for."""
    team = _ELSEWHERE if person.stranger else workspace.team
    profile: JSON = {
        "real_name": person.name,
        "real_name_normalized": person.name,
        "display_name": "",
        "display_name_normalized": "",
        "team": team,
    }
    if person.email and not person.stranger and "users:read.email" in workspace.scopes:
        profile["email"] = person.email
    found: JSON = {
        "id": person.user,
        "team_id": team,
        "name": person.handle,
        "deleted": person.deleted,
        "profile": profile,
        "is_bot": person.bot,
        "is_app_user": False,
        "updated": int(person.updated),
    }
    if person.user == workspace.app.bot_user:
        profile |= {"api_app_id": workspace.app.app_id, "bot_id": workspace.app.bot_id}
    if not person.deleted:
        found |= _living(person, workspace.now())
    if person.stranger:
        found["is_stranger"] = True
    if with_locale and not person.deleted:
        found["locale"] = person.locale
    return found


def _living(person: Person, now: float) -> JSON:
    """What Slack shows only of active accounts."""
    offset = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(person.zone)).utcoffset()
    return {
        "real_name": person.name,
        "tz": person.zone,
        "tz_label": person.zone,
        "tz_offset": int(offset.total_seconds()) if offset else 0,
        "is_admin": person.admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": person.guest or person.single_channel,
        "is_ultra_restricted": person.single_channel,
        "is_email_confirmed": person.email_confirmed,
    }


def channel_object(workspace: Workspace, channel: Channel) -> JSON:
    """A conversation as `conversations.info` shows it."""
    inside = workspace.app.bot_user in channel.members
    if channel.kind == "im":
        return {
            "id": channel.id,
            "is_im": True,
            "user": channel.person,
            "is_archived": False,
            "is_user_deleted": workspace.people[channel.person].deleted if channel.person else False,
        }
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.kind == "public",
        "is_im": False,
        "is_group": channel.kind == "private",
        "is_private": channel.kind == "private",
        "is_archived": channel.archived,
        "is_general": channel.id == workspace.general,
        "is_member": inside,
        "num_members": len(channel.members),
        "context_team_id": workspace.team,
    }
