"""The Bot Framework connector of the local Teams: what a bot may do, `/connector/{region}/v3/...`."""

import base64
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from adapters.playground.teams_chats import threaded
from adapters.playground.teams_checks import check_activity
from adapters.playground.teams_edge import Answer, Asked, Edge, bearer
from adapters.playground.teams_login import BOT
from adapters.playground.teams_state import (
    JSON,
    Conversation,
    Grant,
    Message,
    Person,
    Registration,
    TeamsError,
)
from adapters.playground.teams_wire import Wire

_ROOT: Final = "/connector/{region}/v3/conversations"
_PAGE: Final = (50, 200, 500)  # least, usual and most members of a page
_DENIED: Final = "Authorization has been denied for this request."


def add_routes(app: web.Application, wire: Wire) -> None:
    """Conversations, activities and members."""
    edge = Edge(wire, "connector", _admit, _written)
    one = f"{_ROOT}/{{conversation}}"
    activity = f"{one}/activities/{{activity}}"
    app.router.add_post(_ROOT, edge.serves("create", create))
    app.router.add_post(f"{one}/activities", edge.serves("send", send))
    app.router.add_post(activity, edge.serves("send", reply))
    app.router.add_put(activity, edge.serves("update", update))
    app.router.add_delete(activity, edge.serves("delete", delete))
    app.router.add_get(f"{one}/members", edge.serves("members", members))
    app.router.add_get(f"{one}/pagedmembers", edge.serves("members", paged_members))
    app.router.add_get(f"{one}/members/{{member}}", edge.serves("members", member))


def create(asked: Asked) -> Answer:
    """A 1:1 chat by Entra object id, or a new thread in a channel; the tenant must be told."""
    body = asked.body if isinstance(asked.body, dict) else {}
    data = body.get("channelData") or {}
    tenant = body.get("tenantId") or (data.get("tenant") or {}).get("id")
    app = _app(asked)
    if not tenant:
        raise TeamsError(400, "BadArgument", "Missing tenant id.")
    if tenant != app.tenant:
        raise TeamsError(403, "Forbidden", "The bot is not registered in this tenant.")
    if channel := (data.get("channel") or {}).get("id"):
        return _new_thread(asked, str(channel), body.get("activity"))
    conversation = _chat(asked, app, body)
    answer: JSON = {"id": conversation.id}
    if body.get("activity"):
        answer["activityId"] = _post(asked, conversation, None, check_activity(body["activity"])).id
    return Answer(201, answer)


def send(asked: Asked) -> Answer:
    """A message into a chat, or a new thread (or, with `;messageid=`, an answer) in a channel."""
    conversation, root = _place(asked)
    return Answer(201, {"id": _post(asked, conversation, root, check_activity(asked.body)).id})


def reply(asked: Asked) -> Answer:
    """An answer to a message; outside 1:1 chats that message must be there."""
    conversation, root = _place(asked)
    to = asked.parts["activity"]
    if conversation.kind != "personal":
        found = asked.wire.chats.find(conversation.id, to)
        root = root or found.thread or found.id
    return Answer(201, {"id": _post(asked, conversation, root, check_activity(asked.body)).id})


def update(asked: Asked) -> Answer:
    """A new state of an own message; its id, place and time stay."""
    old = _own(asked)
    new = replace(old, activity=check_activity(asked.body), edited=True)
    return Answer(200, {"id": asked.wire.chats.post(new).id})


def delete(asked: Asked) -> Answer:
    """An own message goes."""
    asked.wire.chats.remove(_own(asked))
    return Answer(200)


def members(asked: Asked) -> Answer:
    """Everybody in a conversation, but not the bots."""
    conversation, _ = _place(asked)
    return Answer(body=[_account(asked, one) for one in _people(asked, conversation)])


def paged_members(asked: Asked) -> Answer:
    """A page of members: `pageSize` 50 to 500, `continuationToken` of the page before."""
    conversation, _ = _place(asked)
    least, usual, most = _PAGE
    try:
        size = min(max(int(asked.query.get("pageSize") or usual), least), most)
        start = int(base64.b64decode(asked.query.get("continuationToken") or b"MA=="))
    except ValueError:
        raise TeamsError(400, "BadArgument", "The paging parameters are not valid.") from None
    people = _people(asked, conversation)
    answer: JSON = {"members": [_account(asked, one) for one in people[start : start + size]]}
    if start + size < len(people):
        answer["continuationToken"] = base64.b64encode(str(start + size).encode()).decode()
    return Answer(body=answer)


def member(asked: Asked) -> Answer:
    """One member, by `29:…` id or Entra object id."""
    conversation, _ = _place(asked)
    found = asked.wire.chats.person_of(conversation.tenant, asked.parts["member"])
    if found is None or found.id not in conversation.members:
        raise TeamsError(404, "MemberNotFoundInConversation", "Member not found in conversation.")
    return Answer(body=_account(asked, found))


# --- who may write where ----------------------------------------------------------------------------------


def _app(asked: Asked) -> Registration:
    app = asked.wire.directory.apps[asked.grant.app_id]
    if app.app_id in asked.wire.directory.switched_off:
        raise TeamsError(403, "BotDisabledByAdmin", "The tenant admin disabled this bot.")
    return app


def _place(asked: Asked) -> tuple[Conversation, str | None]:
    """The conversation of a call, in which the bot is, and the thread; counts against the rate limits."""
    app = _app(asked)
    conversation, root = asked.wire.chats.resolve(asked.parts["conversation"])
    _limit(asked, conversation)
    if app.app_id not in conversation.apps:
        raise TeamsError(403, "BotNotInConversationRoster", "The bot is not part of the conversation roster.")
    if conversation.kind == "personal":
        _check_reachable(asked, app, asked.wire.directory.people.get(conversation.person))
    return conversation, root


def _check_reachable(asked: Asked, app: Registration, person: Person | None) -> None:
    """A chat outlives its app: after that, and when the person blocked it, writing is refused (T6)."""
    if person is None:
        raise TeamsError(404, "ConversationNotFound", "Conversation not found.")
    directory = asked.wire.directory
    blocked = (app.app_id, person.id) in directory.blocked
    if blocked or person.disabled or not directory.reaches(app, person):
        raise TeamsError(403, "MessageWritesBlocked", "Thread is blocked from message writes.")


def _chat(asked: Asked, app: Registration, body: JSON) -> Conversation:
    named = body.get("members")
    if body.get("isGroup") or not isinstance(named, list) or len(named) != 1:
        raise TeamsError(400, "BadSyntax", "Exactly one member is needed for a 1:1 conversation.")
    person = asked.wire.chats.person_of(app.tenant, str(named[0].get("id") or ""))
    if person is None or person.disabled:
        raise TeamsError(404, "NotFound", "The user was not found in this tenant.")
    directory = asked.wire.directory
    if person.pending or not directory.reaches(app, person):
        raise TeamsError(403, "BadArgument", "Bot is not installed in user's personal scope")
    conversation = asked.wire.chats.personal(app, person)
    _limit(asked, conversation)
    if (app.app_id, person.id) in directory.blocked:
        raise TeamsError(403, "MessageWritesBlocked", "Thread is blocked from message writes.")
    return conversation


def _new_thread(asked: Asked, channel: str, activity: Any) -> Answer:
    asked = replace(asked, parts={**asked.parts, "conversation": channel})
    conversation, _ = _place(asked)
    posted = _post(asked, conversation, None, check_activity(activity))
    return Answer(201, {"id": threaded(conversation, posted.id), "activityId": posted.id})


def _limit(asked: Asked, conversation: Conversation) -> None:
    wait = asked.wire.rates.check(asked.grant.app_id, conversation.tenant, asked.operation, conversation.id)
    if wait is not None:
        raise TeamsError(429, "Throttled", "Too many requests.", {"Retry-After": str(wait)})


# --- messages and members ---------------------------------------------------------------------------------


def _post(asked: Asked, conversation: Conversation, root: str | None, activity: JSON) -> Message:
    """Keep what a bot sends; a typing mark or an event leaves no message."""
    chats, sender = asked.wire.chats, asked.wire.directory.apps[asked.grant.app_id].bot
    if activity["from"]["id"] not in (sender, asked.grant.app_id):
        raise TeamsError(403, "BadArgument", "The activity is from another bot.")
    name, now = chats.next_id(), asked.wire.now()
    thread = (root or name) if conversation.kind == "channel" else None
    to = _only_reader(asked, conversation, activity)
    message = Message(name, conversation.id, sender, activity, now, by_bot=True, thread=thread, to=to)
    return chats.post(message) if activity["type"] == "message" else message


def _only_reader(asked: Asked, conversation: Conversation, activity: JSON) -> str | None:
    """Who alone sees a targeted message (platform-facts T9); it has a recipient and is not for 1:1 chats."""
    if asked.query.get("isTargetedActivity", "").lower() != "true":
        return None
    named = str((activity.get("recipient") or {}).get("id") or "")
    found = asked.wire.chats.person_of(conversation.tenant, named)
    if conversation.kind == "personal" or found is None or found.id not in conversation.members:
        raise TeamsError(400, "BadArgument", "A targeted message needs a recipient in a group or channel.")
    return found.id


def _own(asked: Asked) -> Message:
    conversation, _ = _place(asked)
    found = asked.wire.chats.find(conversation.id, asked.parts["activity"])
    if found.sender != asked.wire.directory.apps[asked.grant.app_id].bot:
        raise TeamsError(403, "Forbidden", "Only own messages can be changed.")
    return found


def _people(asked: Asked, conversation: Conversation) -> list[Person]:
    people = asked.wire.directory.people
    return sorted((people[one] for one in conversation.members if one in people), key=lambda one: one.id)


def _account(asked: Asked, person: Person) -> JSON:
    """A person as the roster tells it."""
    surname, _, given = person.name.partition(" ")
    if not person.locale.startswith("ja"):
        given, _, surname = person.name.rpartition(" ")
    return {
        "id": asked.wire.chats.account(asked.wire.directory.apps[asked.grant.app_id], person),
        "name": person.name,
        "aadObjectId": person.id,
        "objectId": person.id,
        "givenName": given,
        "surname": surname,
        "email": person.mail,
        "userPrincipalName": person.login,
        "tenantId": person.tenant,
        "userRole": "guest" if person.guest else "user",
        "locale": person.locale,
    }


def _admit(wire: Wire, request: web.Request) -> Grant:
    regions = {tenant.region for tenant in wire.directory.tenants.values()}
    grant = bearer(wire, request, BOT)
    if grant is None:
        raise TeamsError(401, "Unauthorized", _DENIED)
    if request.match_info["region"] not in regions:
        raise TeamsError(404, "ConversationNotFound", "There is no such region.")
    return grant


def _written(_wire: Wire, error: TeamsError) -> Any:
    if error.code == "Unauthorized":
        return {"message": _DENIED}
    return {"error": {"code": error.code, "message": error.message}}
