"""Accepting an invitation as a guest of the alumni's tenant, as at Microsoft's; opened from a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from adapters.playground.local_teams import Invitation
from adapters.playground.page_guard import refused, safe_headers

if TYPE_CHECKING:
    from adapters.playground.page_parts import Page
    from adapters.playground.page_teams import TeamsChat


def _invitation(chat: TeamsChat, name: str) -> Invitation | None:
    return next((one for one in chat.teams.invitations(chat.sides["alumni"]) if one.id == name), None)


async def shows(chat: TeamsChat, page: Page, request: web.Request) -> web.Response:
    """GET: who invites whom. It posts itself without a script, see `page_join`."""
    words = page.words_in(request.query.get("lang"))
    found = _invitation(chat, request.query.get("invitation", ""))
    html = page.templates.get_template("redeem.html").render(
        w=words,
        tenant=chat.homes["alumni"].name,
        token=page.token,
        invitation=found,
        person=chat.teams.person(found.person) if found else None,
    )
    headers = safe_headers() | {"Referrer-Policy": "same-origin"}
    return web.Response(text=html, content_type="text/html", headers=headers, status=200 if found else 404)


async def redeems(chat: TeamsChat, page: Page, request: web.Request) -> web.Response:
    """POST: accept, and go to the alumni's Teams as that person; once more only leads there."""
    form = await request.post()
    if not page.guard.knows(str(form.get("token", ""))):
        return refused("token")
    found = _invitation(chat, str(form.get("invitation", "")))
    if found is None:
        return await shows(chat, page, request)
    if chat.teams.person(found.person).pending:
        chat.teams.redeems(found.person)
        await page.backstage.account_made(found.mail, found.person)
    key = next((one.key for one in page.backstage.cast() if one.alumni_user == found.person), "")
    words = page.words_in(request.query.get("lang"))
    raise web.HTTPSeeOther(f"/?as={key}&tab=alumni&joined=1&lang={words.language}")
