"""invitation: the mails over the gap between two workspaces, and the way in by mail and our pages alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot import joining, leaving
from bot.conversation import Answer, Block, Button, Buttons, Card, Link, Note, Paragraph, Reply, Side, t
from bot.errors import NotFound
from bot.fields import tick
from bot.places import HintPlace, HomePlace, WelcomePlace
from bot.policy import Policy
from bot.ports import INVITATION
from bot.post import Letter, to_mailbox
from bot.registry import Context, Feature
from storage import leavers, people
from storage.consents import Purpose
from storage.engine import Tx
from storage.leavers import Leaver, Stage
from storage.people import Person

feature = Feature(__name__)


@dataclass(frozen=True, slots=True)
class Ways:
    """What an invitation offers: the alumni chat, its code, and our own pages for who lives by mail."""

    chat: bool
    code: str = ""
    pages: bool = False


def invitation(leaver: Leaver, person: Person, ways: Ways, policy: Policy) -> Card:
    """The way into the network; with a code, or to our pages, only for a mailbox that was proven."""
    brand = policy.brand
    body: list[Block] = [Paragraph(t("invitation.text", name=person.name, network=brand.network,
                                     company=brand.company))]  # fmt: skip
    if ways.chat:
        steps = t("invitation.steps", code=ways.code) if ways.code else t(
            "invitation.by_hr", contact=brand.contact_name)  # fmt: skip
        body += [Buttons((_to_chat(),)), Paragraph(steps)]
    if ways.pages:
        style: Literal["plain", "primary"] = "plain" if ways.chat else "primary"
        button = Button(t("invitation.pages"), come_in(leaver=leaver.id), style)
        words = t("invitation.or_by_mail" if ways.chat else "invitation.by_mail")
        body += [Paragraph(words), Buttons((button,))]
    if not ways.chat and not ways.pages:
        body.append(Paragraph(t("invitation.by_reply", contact=brand.contact_name)))
    body.append(Note(t("invitation.way_out", contact=brand.contact_name)))
    title = t("invitation.title", network=brand.network)
    return Card(title, tuple(body), t("invitation.notice", network=brand.network))


def _to_chat() -> Button:
    return Button(t("invitation.go"), Link(INVITATION), "primary")


def later_mail(leaver: Leaver, person: Person, code: str, policy: Policy) -> Card:
    """The one mail after three months to somebody who said "later"; without a code only to our pages."""
    brand = policy.brand
    chat: tuple[Block, ...] = (
        (Buttons((_to_chat(),)), Paragraph(t("invitation.later.steps", code=code))) if code else ()
    )
    style: Literal["plain", "primary"] = "plain" if code else "primary"
    body = (
        Paragraph(t("invitation.later.text", name=person.name, network=brand.network)),
        *chat,
        Paragraph(t("invitation.or_by_mail" if code else "invitation.by_mail")),
        Paragraph(t("invitation.later.asked")),
        Buttons((Button(t("invitation.pages"), agree(leaver=leaver.id), style),)),
        Note(t("invitation.later.last")),
    )
    return Card(t("invitation.later.title"), body, t("invitation.later.notice", network=brand.network))


def invite(tx: Tx, leaver: Leaver, person: Person, policy: Policy, dedup: str) -> bool:
    """Queue the invitation: with a code to a proven mailbox, else without any identity in it.

    Who chose mail only is invited to our pages alone, and so is everybody where there is no alumni chat.
    Source: company accounts are inherited by others, so a code never goes to a company address.
    """
    if person.private_email_blind is None:
        return False
    proven, chat = person.private_email_proven_at is not None, not person.mail_only
    code = leaving.join_code(tx, person, policy) if proven and chat else ""
    alone = invitation(leaver, person, Ways(chat=False, pages=proven), policy)
    both = invitation(leaver, person, Ways(chat, code, pages=proven), policy)
    letter = Letter("welcome.invitation", both, dedup, Purpose.STAY_IN_TOUCH, invites=chat, otherwise=alone)
    return to_mailbox(tx, leaver, letter, proving=not proven)


def write_later(tx: Tx, leaver: Leaver, person: Person, policy: Policy) -> bool:
    """Queue the one mail after three months; only to a proven mailbox."""
    if person.private_email_proven_at is None:
        return False
    chat = not person.mail_only
    code = leaving.join_code(tx, person, policy) if chat else ""
    both, alone = (later_mail(leaver, person, one, policy) for one in (code, ""))
    letter = Letter("welcome.later_mail", both, str(leaver.id), Purpose.ASKING, invites=chat, otherwise=alone)
    return to_mailbox(tx, leaver, letter)


# --- in without a chat account --------------------------------------------------------------------------


def _invited(ctx: Context, leaver_id: int) -> Leaver:
    """The stint, if the mail that was pressed went to its owner."""
    leaver = leavers.get(ctx.tx, leaver_id)
    if leaver is None or ctx.actor.person_id != leaver.person_id:
        raise NotFound("welcome.closed")
    return leaver


def _comer(ctx: Context, *, agreed: bool) -> joining.Comer:
    return joining.Comer(ctx.actor.address, ctx.actor.locale, agreed)


@feature.action(Side.ALUMNI)
def come_in(ctx: Context, leaver: int) -> Answer:
    """Joins by mail and our pages alone; who has yet to consent is asked first."""
    own = _invited(ctx, leaver)
    if joining.must_agree(ctx.tx, own):
        return agree(leaver=leaver)
    person = joining.join_by_web(ctx.tx, own, _comer(ctx, agreed=False), ctx.policy)
    return Reply(_inside(ctx, person), replaces=True)


@dataclass(frozen=True)
class Agreement:
    """The consent of somebody who had not given it."""

    consent: bool = tick(required=True)


@feature.form(Agreement, Side.ALUMNI)
def agree(ctx: Context, form: Agreement, leaver: int) -> Answer:
    """Consents and joins, by mail and our pages alone."""
    own = _invited(ctx, leaver)
    person = joining.join_by_web(ctx.tx, own, _comer(ctx, agreed=form.consent), ctx.policy)
    return Reply(_inside(ctx, person), replaces=True)


@agree.prepare
def to_agree(ctx: Context, leaver: int) -> Agreement:
    """Only for the receiver of the mail."""
    _invited(ctx, leaver)
    return Agreement()


@agree.intro
def agreed_to(ctx: Context, leaver: int) -> Card:
    """The wording under which consent is given."""
    brand = ctx.policy.brand
    text = t("welcome.wording", network=brand.network, company=brand.company, contact=brand.contact_name)
    return Card(t("invitation.agree.title"), (Paragraph(text),))


def _inside(ctx: Context, person: Person) -> Card:
    """おかえり, for who lives by mail: what there is on our pages, and how to come back to them."""
    brand = ctx.policy.brand
    first = ctx.offers(WelcomePlace)
    known = {button.press for button in first}
    more = tuple(button for button in ctx.offers(HomePlace) if button.press not in known)
    body: list[Block] = [Paragraph(t("invitation.inside.text", network=brand.network))]
    if not people.is_member(person, ctx.now) and person.member_from:
        body.append(Paragraph(t("join.opens", day=ctx.policy.day(person.member_from))))
    body += [Paragraph(t("join.first_step")), *(Buttons(row) for row in (first, more) if row)]
    body.append(Note(t("invitation.inside.note")))
    return Card(t("join.welcome", name=person.name), tuple(body), t("join.notice"))


@come_in.offered_on(HintPlace)
def on_hint(ctx: Context, leaver: int) -> Button | None:
    """Who was invited and asks on the public page gets the way in once more."""
    own = leavers.get(ctx.tx, leaver)
    if own is None or own.stage is not Stage.ENROLLED:
        return None
    return Button(t("invitation.pages"), come_in(leaver=leaver), "primary")
