"""What the tab of our Teams app shows: a page that opens the portal in the browser, and nothing of anybody.

Source: RFC 6265bis: a cookie that is `SameSite=Lax` does not travel in another site's frame, so nobody is
signed in there; and pages that act must not be framed at all (clickjacking).
"""

from __future__ import annotations

from aiohttp import web

from adapters.web.door import POLICY, WebDoor, html
from adapters.web.seats import FRONT, VisitorSeat

TAB = f"{FRONT}/tab"
FRAMES = ("https://teams.microsoft.com", "https://*.teams.microsoft.com", "https://*.cloud.microsoft")
FRAMED = POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {' '.join(FRAMES)}")


class Tab:
    """The one page of ours that another site may frame."""

    def __init__(self, door: WebDoor) -> None:
        self._door = door

    def add_to(self, app: web.Application) -> None:
        """Put the page into an application."""
        app.router.add_get(TAB, self._door.page(self.show))

    async def show(self, request: web.Request) -> web.Response:
        """The same for everybody: whoever is signed in in the browser is led on to their own pages there."""
        seat = VisitorSeat(self._door.links, self._door.language(request))
        response = html(self._door.pages.tab(seat, self._door.links.base + FRONT))
        response.headers["Content-Security-Policy"] = FRAMED
        return response
