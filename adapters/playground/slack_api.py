"""The Web API as an aiohttp application: token, faults, rates, scopes, the method; also response_url."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from adapters.playground import slack_chat, slack_methods
from adapters.playground.slack_faults import STATUS, Fault
from adapters.playground.slack_methods import Method, Request
from adapters.playground.slack_replies import reply
from adapters.playground.slack_state import JSON, Call, SlackError
from adapters.playground.slack_wire import Wire
from adapters.playground.slack_workspace import Workspace

METHODS: Final[Mapping[str, Method]] = {
    **slack_chat.METHODS,
    "auth.test": slack_methods.auth_test,
    "team.info": slack_methods.team_info,
    "views.open": slack_methods.views_open,
    "views.push": slack_methods.views_push,
    "views.update": slack_methods.views_update,
    "views.publish": slack_methods.views_publish,
    "users.info": slack_methods.users_info,
    "users.list": slack_methods.users_list,
    "users.lookupByEmail": slack_methods.users_lookup_by_email,
    "conversations.open": slack_methods.conversations_open,
    "conversations.info": slack_methods.conversations_info,
    "conversations.list": slack_methods.conversations_list,
    "conversations.join": slack_methods.conversations_join,
    "conversations.members": slack_methods.conversations_members,
}
SCOPES: Final = {
    "team.info": "team:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "users.lookupByEmail": "users:read.email",
    "conversations.open": "im:write",
    "conversations.join": "channels:join",
} | dict.fromkeys(("chat.postMessage", "chat.postEphemeral", "chat.update", "chat.delete"), "chat:write")
_BY_KIND: Final = {  # scopes that depend on the kind of the channel
    "conversations.history": "history",
    "conversations.info": "read",
    "conversations.members": "read",
}
_FAMILY: Final = {"im": "im", "public": "channels", "private": "groups"}
_TYPES: Final = {"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}
_AS_JSON: Final = ("blocks", "view", "metadata", "attachments")
_REFUSED: Final = {"expired_url": 404, "used_url": 404, "message_not_found": 404}
_BODY_LIMIT: Final = 4 * 1024 * 1024


def web_api(wire: Wire) -> web.Application:
    """The application to be mounted at `/local-slack/`."""
    door = _Door(wire)
    app = web.Application(client_max_size=_BODY_LIMIT)
    app.router.add_route("*", "/api/{method}", door.method)
    app.router.add_post("/{kind:commands|actions}/{team}/{key}", door.response)
    return app


class _Door:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def method(self, request: web.Request) -> web.Response:
        """One call of a Web API method."""
        with self._wire.courier.working():
            name = request.match_info["method"]
            token, args = await _arguments(request)
            workspace = self._wire.by_token(token) if token else None
            fault = self._wire.faults.next(name) if workspace else None
            if fault and fault.hang:
                await asyncio.sleep(fault.hang)
            if fault and fault.kept:
                await fault.kept.wait()
            answer, wait = self._answer(name, token, args, fault)
            self._record(workspace, name, args, answer)
            if fault and fault.drop and request.transport:
                request.transport.abort()
            return _response(answer, wait, workspace)

    def _answer(self, name: str, token: str, args: JSON, fault: Fault | None) -> tuple[JSON, int | None]:
        """The body of the answer, and the Retry-After when it is a 429."""
        try:
            workspace = self._admitted(name, token, args, fault)
            _check_scope(workspace, name, args)
            return {"ok": True, **METHODS[name](Request(workspace, args, self._wire.announce))}, None
        except SlackError as error:
            wait = error.extra.pop("_wait", None)
            return {"ok": False, "error": error.error, **error.extra}, wait

    def _admitted(self, name: str, token: str, args: JSON, fault: Fault | None) -> Workspace:
        """The caller's workspace; raises for unknown methods, bad tokens, faults and broken rate limits."""
        if name not in METHODS:
            raise SlackError("unknown_method", req_method=name)
        workspace = self._workspace(token)
        if fault and fault.error:
            raise SlackError(fault.error, _wait=fault.retry_after)
        wait = self._wire.rates.check(workspace.team, name, args)
        if wait is not None:
            raise SlackError("ratelimited", _wait=wait)
        return workspace

    def _workspace(self, token: str) -> Workspace:
        if not token:
            raise SlackError("not_authed")
        found = self._wire.by_token(token)
        if found is None:
            raise SlackError("invalid_auth")
        if not found.installed:
            raise SlackError("account_inactive")
        return found

    def _record(self, workspace: Workspace | None, name: str, args: JSON, answer: JSON) -> None:
        team = workspace.team if workspace else ""
        self._wire.calls.append(Call(team, name, args, answer["ok"], answer.get("error"), self._wire.now()))

    async def response(self, request: web.Request) -> web.Response:
        """A post to a response_url; Slack answers errors with 404 or 400 and their word."""
        with self._wire.courier.working():
            body = _loaded(await request.read())
            try:
                self._reply(request.match_info["team"], request.match_info["key"], body)
            except SlackError as error:
                answer = {"ok": False, "error": error.error, **error.extra}
                return web.json_response(answer, status=_REFUSED.get(error.error, 400))
            return web.json_response({"ok": True})

    def _reply(self, team: str, key: str, body: Any) -> None:
        workspace = self._wire.workspaces.get(team)
        if workspace is None:
            raise SlackError("expired_url")
        reply(workspace, key, body)


async def _arguments(request: web.Request) -> tuple[str, JSON]:
    """The token (empty: none) and the arguments from query, form or JSON body."""
    args: JSON = dict(request.query)
    if request.content_type == "application/json":
        loaded = _loaded(await request.read())
        args |= loaded if isinstance(loaded, dict) else {}
    else:
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    inner = args.pop("token", None)
    for name in _AS_JSON:
        if isinstance(args.get(name), str):
            args[name] = _loaded(args[name])
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return (token if scheme.lower() == "bearer" else "") or str(inner or ""), args


def _loaded(text: str | bytes) -> Any:
    """JSON, or the text itself when it is none: the methods then refuse it in their own words."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _check_scope(workspace: Workspace, name: str, args: JSON) -> None:
    needed = [SCOPES[name]] if name in SCOPES else []
    if name in _BY_KIND and (channel := workspace.channels.get(str(args.get("channel")))):
        needed.append(f"{_FAMILY[channel.kind]}:{_BY_KIND[name]}")
    if name == "conversations.list":
        types = str(args.get("types") or "public_channel").split(",")
        needed += [f"{_TYPES.get(one.strip(), 'channels')}:read" for one in types]
    missing = [scope for scope in needed if scope not in workspace.scopes]
    if missing:
        raise SlackError(
            "missing_scope", needed=",".join(missing), provided=",".join(sorted(workspace.scopes))
        )


def _response(answer: JSON, wait: int | None, workspace: Workspace | None) -> web.Response:
    status = STATUS.get(str(answer.get("error")), 200)
    headers = {"X-OAuth-Scopes": ",".join(sorted(workspace.scopes))} if workspace else {}
    if status == STATUS["ratelimited"]:
        headers["Retry-After"] = str(wait or 1)
    return web.json_response(answer, status=status, headers=headers)
