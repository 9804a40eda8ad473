"""Entra's login and the Bot Framework's OpenID metadata: `/login/...` of the local Teams."""

import secrets
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from aiohttp import web

from adapters.playground.teams_edge import NOBODY, Answer, Asked, Edge
from adapters.playground.teams_keys import ISSUER
from adapters.playground.teams_state import (
    BOT_SCOPE,
    GRAPH_SCOPE,
    JSON,
    Grant,
    Registration,
    TeamsError,
)
from adapters.playground.teams_wire import Wire

BOT: Final = BOT_SCOPE.removesuffix("/.default")
GRAPH: Final = GRAPH_SCOPE.removesuffix("/.default")
_NUMBERS: Final = {
    "grant_type": (400, 70003, "unsupported_grant_type"),
    "tenant": (400, 90002, "invalid_request"),
    "client": (400, 700016, "unauthorized_client"),
    "scope": (400, 70011, "invalid_scope"),
    "missing": (400, 900144, "invalid_request"),
    "no_secret": (401, 7000218, "invalid_client"),
    "secret": (401, 7000215, "invalid_client"),
    "disabled": (401, 7000112, "unauthorized_client"),
}


def add_routes(app: web.Application, wire: Wire) -> None:
    """`POST …/{tenant}/oauth2/v2.0/token`, `GET …/v1/.well-known/openidconfiguration` and `…/keys`."""
    edge = Edge(wire, "login", lambda _wire, _request: NOBODY, _written)
    metadata, keys = "/login/v1/.well-known/openidconfiguration", "/login/v1/.well-known/keys"
    app.router.add_post("/login/{tenant}/oauth2/v2.0/token", edge.serves("token", token))

    async def configuration(request: web.Request) -> web.Response:
        beside = str(request.url.with_path(str(request.path).replace("openidconfiguration", "keys")))
        return await edge.serves("metadata", lambda _asked: Answer(body=_configuration(beside)))(request)

    app.router.add_get(metadata, configuration)
    app.router.add_get(keys, edge.serves("keys", lambda _asked: Answer(body={"keys": wire.keys.published()})))


def token(asked: Asked) -> Answer:
    """A token for one of the two scopes, by client credentials; Entra's error JSON otherwise."""
    form = asked.body if isinstance(asked.body, dict) else {}
    app = _client(asked, form)
    audience = {BOT_SCOPE: BOT, GRAPH_SCOPE: GRAPH}.get(str(form.get("scope")))
    if audience is None:
        raise _refusal("scope", "The provided value for the input parameter 'scope' is not valid.")
    wire, name = asked.wire, f"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.{secrets.token_urlsafe(120)}"
    roles = app.roles if audience == GRAPH else frozenset[str]()
    wire.tokens[name] = Grant(app.app_id, app.tenant, audience, wire.now() + wire.token_life, roles)
    return Answer(
        body={
            "token_type": "Bearer",
            "expires_in": wire.token_life,
            "ext_expires_in": wire.token_life,
            "access_token": name,
        }
    )


def _client(asked: Asked, form: JSON) -> Registration:
    """The registration that logs in: it exists in that tenant and knows its secret."""
    directory, tenant = asked.wire.directory, asked.parts["tenant"]
    if form.get("grant_type") != "client_credentials":
        raise _refusal("grant_type", "The app requested an unsupported grant type.")
    for name in ("client_id", "scope"):
        if not form.get(name):
            raise _refusal("missing", f"The request body must contain the following parameter: '{name}'.")
    home = next((one for one in directory.tenants.values() if tenant in (one.id, one.domain)), None)
    if home is None:
        raise _refusal("tenant", f"Tenant '{tenant}' not found.")
    app = directory.apps.get(str(form["client_id"]))
    if app is None or app.tenant != home.id:
        raise _refusal("client", f"Application '{form['client_id']}' was not found in '{home.name}'.")
    if not form.get("client_secret"):
        raise _refusal("no_secret", "The request body must contain 'client_assertion' or 'client_secret'.")
    if not secrets.compare_digest(str(form["client_secret"]).encode(), app.password.encode()):
        raise _refusal("secret", "Invalid client secret provided.")
    if app.app_id in directory.switched_off:
        raise _refusal("disabled", f"Application '{app.app_id}' is disabled.")
    return app


def _refusal(why: str, sentence: str) -> TeamsError:
    status, number, word = _NUMBERS[why]
    return TeamsError(status, f"{word}:{number}", sentence)


def _written(wire: Wire, error: TeamsError) -> Any:
    """Entra's error JSON: a word, the AADSTS number in the sentence and beside it."""
    word, _, number = error.code.partition(":")
    at = datetime.fromtimestamp(wire.now(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid4()), str(uuid4())
    sentence = f"AADSTS{number or '90033'}: {error.message}"
    return {
        "error": word if number else "temporarily_unavailable",
        "error_description": f"{sentence} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}",
        "error_codes": [int(number or 90033)],
        "timestamp": at,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={number or '90033'}",
    }


def _configuration(keys: str) -> JSON:
    return {
        "issuer": ISSUER,
        "authorization_endpoint": "https://invalid.botframework.com",
        "jwks_uri": keys,
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    }
