"""What browsers send, taken with care: from our own pages only, and readable or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from aiohttp.http import HttpProcessingError

_PORTS = {"http": 80, "https": 443}
_BROKEN = (
    *(ValueError, LookupError, TypeError, RuntimeError, AssertionError),
    HttpProcessingError,
    web.RequestPayloadError,
)
"""Everything that aiohttp raises about parts that are no form (its reader of parts, `aiohttp.multipart`)."""
_HERE = ("same-origin", "none")


class BrokenForm(ValueError):
    """What was sent cannot be read: cut, in no known charset, or in pieces that are no form."""


async def filled(request: web.Request) -> Mapping[str, Any]:
    """The fields of a form. Raises `BrokenForm`, or aiohttp's own 413 for too much."""
    try:
        return await request.post()
    except _BROKEN as wrong:
        raise BrokenForm(type(wrong).__name__) from wrong


def posted_elsewhere(request: web.Request, base: str) -> bool:
    """Whether a page of another site had this sent; `base` is our own public address.

    A browser says so itself (Fetch Metadata), an older one by `Origin`. Under `Referrer-Policy: no-referrer`
    our own pages say `null` there (Fetch standard), so that only the stamp or the sealed link can tell. Who
    says nothing is no browser: a mail program's own "unsubscribe" (RFC 8058).
    """
    if request.method in ("GET", "HEAD"):
        return False
    if site := request.headers.get("Sec-Fetch-Site", ""):
        return site not in _HERE
    origin = request.headers.get("Origin", "null")
    return origin != "null" and _origin(origin) != _origin(base)


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; nothing for what is no address."""
    try:
        parts: SplitResult = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
