"""Who may use the page: only a browser on this machine that was given the page itself.

A foreign Host is refused (DNS rebinding), so is a foreign Origin, and what acts or tells needs the per-start
token, which stands in the page and which no other site can read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

HEADER = "X-Okaeri-Token"

PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "style-src 'self'",
        "script-src 'self'",
        "frame-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
# A mail may bring its own style, as in any mail reader, but nothing that runs or calls home.
MAIL_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    )
)


def safe_headers(policy: str = PAGE_POLICY) -> dict[str, str]:
    """What every answer of the page carries."""
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


@dataclass(frozen=True, slots=True)
class Guard:
    """The checks for one start of the playground on one port."""

    port: int
    token: str

    @property
    def hosts(self) -> tuple[str, str]:
        """The two names under which the page may be asked for."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    def at_home(self, request: web.Request) -> bool:
        """Whether the request names this machine and, where it tells its origin, comes from this very page.

        A request that acts must tell its origin; every browser does.
        """
        host = request.headers.get("Host", "")
        origin = request.headers.get("Origin")
        if host not in self.hosts:
            return False
        if origin is None:
            return request.method in ("GET", "HEAD")
        return origin == f"http://{host}"

    def knows(self, token: str | None) -> bool:
        """Whether this is the token of this start."""
        return token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    def seal(self, name: str) -> str:
        """A key for one address only, where a frame cannot send the token as a header."""
        return hmac.new(self.token.encode(), name.encode(), hashlib.sha256).hexdigest()[:32]

    def fits(self, name: str, seal: str) -> bool:
        """Whether the seal was made for this name."""
        return hmac.compare_digest(self.seal(name).encode(), seal.encode())


def refused(reason: str) -> web.Response:
    """403 with one plain line."""
    return web.Response(status=403, text=reason + "\n", headers=safe_headers())


def with_headers(response: web.StreamResponse, extra: Mapping[str, str]) -> web.StreamResponse:
    """The response with the headers added that it does not have yet."""
    for name, value in extra.items():
        response.headers.setdefault(name, value)
    return response
