"""Making an account in the alumni workspace, as Slack's own sign-up would; opened from an invitation mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.playground.page_guard import refused, safe_headers
from adapters.playground.page_parts import Page
from adapters.playground.words import Words

if TYPE_CHECKING:
    from adapters.playground.page_slack import SlackChat

JOIN_PATH = "/local-slack/join"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What stands in the form. `mail` is the number of the mail whose link was followed, or empty."""

    name: str = ""
    email: str = ""
    confirmed: bool = True
    mail: str = ""


def words_for(page: Page, request: web.Request) -> Words:
    """The language of the form."""
    return page.words_in(request.query.get("lang"))


def invited(page: Page, number: str) -> Newcomer:
    """The form filled from the mail whose link was followed; an unknown mail gives an empty form."""
    for member in page.backstage.cast():
        for address in member.emails:
            if any(str(mail.id) == number for mail in page.mailbox.mails(address)):
                return Newcomer(member.name, address, True, number)
    return Newcomer(mail=number)


def drawn(chat: SlackChat, page: Page, who: Newcomer, words: Words, trouble: str = "") -> web.Response:
    """The form. It posts itself without a script, which needs a referrer policy that lets browsers name the

    origin: under `no-referrer` a form's POST says `Origin: null`.
    """
    workspace = chat.workspace("alumni")
    html = page.templates.get_template("join.html").render(
        w=words,
        workspace=workspace.name if workspace else "",
        token=page.token,
        path=JOIN_PATH,
        name=who.name,
        email=who.email,
        confirmed=who.confirmed,
        mail=who.mail,
        trouble=trouble if workspace else words("join_closed"),
    )
    headers = safe_headers() | {"Referrer-Policy": "same-origin"}
    return web.Response(text=html, content_type="text/html", headers=headers, status=422 if trouble else 200)


async def shows(chat: SlackChat, page: Page, request: web.Request) -> web.Response:
    """GET: the form."""
    return drawn(chat, page, invited(page, request.query.get("mail", "")), words_for(page, request))


async def joins(chat: SlackChat, page: Page, request: web.Request) -> web.Response:
    """POST: make the account, tell the backstage, and go to the alumni workspace as that person."""
    form = await request.post()
    if not page.guard.knows(str(form.get("token", ""))):
        return refused("token")
    words = words_for(page, request)
    fields = {key: str(form.get(key, "")).strip() for key in ("name", "email", "mail")}
    who = Newcomer(fields["name"], fields["email"].lower(), form.get("confirmed") == "yes", fields["mail"])
    team = chat.sides.get("alumni")
    if team is None or not who.name or not _EMAIL.fullmatch(who.email):
        return drawn(chat, page, who, words, words("join_wrong"))
    try:
        user = await chat.slack.joins(team, name=who.name, email=who.email, email_confirmed=who.confirmed)
    except ValueError:
        return drawn(chat, page, who, words, words("join_taken"))
    await page.backstage.account_made(who.email, user)
    key = next((member.key for member in page.backstage.cast() if member.alumni_user == user), "")
    raise web.HTTPSeeOther(f"/?as={key}&tab=alumni&joined=1&lang={words.language}")
