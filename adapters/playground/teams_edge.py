"""The edge of one area of the local Teams: who calls, faults, the work, the answer, the record."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from adapters.playground.teams_faults import Fault
from adapters.playground.teams_state import JSON, Call, Grant, TeamsError
from adapters.playground.teams_wire import Wire


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: path parts, query, JSON body (or form), and the token's grant (none at the login server)."""

    wire: Wire
    operation: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    grant: Grant

    def note(self, **found: Any) -> JSON:
        """What the record says of the call."""
        return {**self.parts, **dict(self.query), **found}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: the status, a JSON body or none at all, further headers."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Work = Callable[[Asked], Answer]
Admit = Callable[[Wire, web.Request], Grant]
Written = Callable[[Wire, TeamsError], Any]

NOBODY = Grant("", "", "", 0.0)


@dataclass(frozen=True, slots=True)
class Edge:
    """How an area (login, connector, graph) admits a caller and writes an error."""

    wire: Wire
    area: str
    admit: Admit
    written: Written

    def serves(self, operation: str, work: Work) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The aiohttp handler for one operation."""

        async def handler(request: web.Request) -> web.Response:
            with self.wire.courier.working():
                return await self._handle(operation, work, request)

        return handler

    async def _handle(self, operation: str, work: Work, request: web.Request) -> web.Response:
        fault = self.wire.faults.next(self.area, operation)
        body = await _body(request)
        if fault.hang:
            await asyncio.sleep(fault.hang)
        asked = Asked(self.wire, operation, request.match_info, request.query, body, NOBODY)
        answer = self._answer(asked, work, request, fault)
        if fault.drop and request.transport:
            request.transport.abort()
        if answer.body is None:
            return web.Response(status=answer.status, headers=answer.headers)
        return web.json_response(answer.body, status=answer.status, headers=answer.headers)

    def _answer(self, asked: Asked, work: Work, request: web.Request, fault: Fault) -> Answer:
        grant, code = NOBODY, ""
        try:
            grant = self.admit(self.wire, request)
            _fail(fault)
            asked = Asked(self.wire, asked.operation, asked.parts, asked.query, asked.body, grant)
            answer = work(asked)
        except TeamsError as error:
            answer, code = Answer(error.status, self.written(self.wire, error), error.headers), error.code
        self._record(asked, grant, answer, code)
        return answer

    def _record(self, asked: Asked, grant: Grant, answer: Answer, code: str) -> None:
        body = asked.body if isinstance(asked.body, dict) else {}
        shown = {name: value for name, value in body.items() if name != "client_secret"}
        app_id = grant.app_id or str(body.get("client_id") or "")
        self.wire.calls.append(
            Call(
                self.area,
                asked.operation,
                app_id,
                answer.status,
                code,
                asked.note(body=shown),
                self.wire.now(),
            )
        )


def bearer(wire: Wire, request: web.Request, audience: str) -> Grant | None:
    """The grant of a good token for this audience; None when it is missing, unknown, old or another's."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    found = wire.tokens.get(token) if scheme.lower() == "bearer" else None
    if found is None or found.audience != audience or found.expires <= wire.now():
        return None
    return found if found.app_id in wire.directory.apps else None


def _fail(fault: Fault) -> None:
    if fault.status:
        wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        raise TeamsError(fault.status, fault.code, "The local Teams was told to fail.", wait)


async def _body(request: web.Request) -> Any:
    """The JSON body or the form; None for a body that is neither."""
    if request.content_type == "application/x-www-form-urlencoded":
        return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    text = await request.read()
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return None
