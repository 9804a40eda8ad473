"""signin: the public page of the network, and a link by mail for who has no chat account at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from bot.conversation import (
    Address,
    Answer,
    Button,
    Buttons,
    Card,
    Link,
    Note,
    Paragraph,
    Reply,
    Side,
    t,
)
from bot.fields import email
from bot.places import FrontPlace
from bot.policy import Policy
from bot.post import Letter, to_nobody, to_unproven
from bot.registry import Context, Feature
from storage import accounts, leavers, people, sessions
from storage.consents import Purpose

feature = Feature(__name__)
LASTS = timedelta(minutes=30)
LINKS_AN_HOUR = 3


@feature.action(Side.ALUMNI, public=True, reads=True)
def front(ctx: Context) -> Answer:
    """What the network is, who runs it, and the ways in."""
    brand = ctx.policy.brand
    body = (
        Paragraph(t("signin.front.what", company=brand.company)),
        Paragraph(t("signin.front.who", company=brand.company, contact=brand.contact_name)),
        Paragraph(t("signin.front.member")),
        Buttons((Button(t("signin.ask_button"), ask(), "primary"), *ctx.offers(FrontPlace))),
    )
    return Reply(Card(t("signin.front.title", network=brand.network), body, t("common.notice")))


@dataclass(frozen=True)
class Asked:
    """Where the link is to go."""

    email: str = email()


@feature.form(Asked, Side.ALUMNI, public=True)
def ask(ctx: Context, form: Asked) -> Answer:
    """A link, if we know the address; the answer is the same if we do not (nobody learns who is a member)."""
    person = people.by_proven_email(ctx.tx, form.email)
    if person is not None and not leavers.over(ctx.tx, person.id):
        who = accounts.web_person(person.id, Side.ALUMNI)
        if token := _token(ctx, who, person.id):
            # not as a message of the network: who stops an unasked-for link must not lose their consent by it
            to_unproven(ctx.tx, person.id, _letter(token, ctx.policy))
    member = accounts.staff_by_email(ctx.tx, form.email)
    if member is not None and (token := _token(ctx, accounts.web_staff(ctx.tx, member), None)):
        to_nobody(ctx.tx, replace(_letter(token, ctx.policy), to=member.email), _speaks(ctx, member))
    contact = ctx.policy.brand.contact_name
    body = (Paragraph(t("signin.sent_text")), Note(t("signin.sent_note", contact=contact)))
    return Reply(Card(t("signin.sent"), body, t("common.notice")))


def _speaks(ctx: Context, member: accounts.Staff) -> str:
    known = Address.parse(member.address) if member.address else None
    return accounts.language(ctx.tx, known) or ctx.policy.locale


def _token(ctx: Context, who: Address, person_id: str | None) -> str:
    """A new token; "" when enough went out within the hour."""
    if sessions.links_since(ctx.tx, who, ctx.now - timedelta(hours=1)) >= LINKS_AN_HOUR:
        return ""
    return sessions.link(ctx.tx, who, person_id, LASTS)


def _letter(token: str, policy: Policy) -> Letter:
    network = policy.brand.network
    way = Link(f"{policy.base_url}/alumni/enter/{token}")
    body = (
        Paragraph(t("signin.mail.text", network=network)),
        Buttons((Button(t("signin.mail.button"), way, "primary"),)),
        Note(t("signin.mail.not_you")),
    )
    card = Card(t("signin.mail.title"), body, t("signin.mail.notice", network=network))
    return Letter("signin.link", card, token[:8], Purpose.ASKING)
