"""welcome: the one question at leaving, its three answers, and the proof of the mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot import leaving
from bot.conversation import (
    Answer,
    Button,
    Buttons,
    Card,
    Facts,
    Note,
    Paragraph,
    Platform,
    Reply,
    Side,
    Text,
    t,
)  # fmt: skip
from bot.errors import InvalidForm, NotFound, TooOften
from bot.fields import choice, email, text
from bot.places import PrivacyPlace
from bot.policy import Policy
from bot.post import Letter, to_mailbox
from bot.registry import Context, Feature
from bot.visibility import veiled
from storage import accounts, outbox, people
from storage import leavers as leavers_table
from storage.codes import WrongCode
from storage.columns import normal_email
from storage.consents import Purpose, Said
from storage.leavers import Leaver, Stage
from storage.people import Person

feature = Feature(__name__)
CODES_A_DAY = 5


def question(leaver: Leaver, person: Person, policy: Policy, *, again: bool = False) -> Card:
    """Shall we keep in touch? What it is, what it does not affect, who sees the answer, how it ends."""
    brand = policy.brand
    opening = t("welcome.again" if again else "welcome.opening", name=person.name, network=brand.network,
                company=brand.company)  # fmt: skip
    buttons = (
        Button(t("welcome.say_yes"), yes(leaver=leaver.id), "primary"),
        Button(t("welcome.say_later"), later(leaver=leaver.id)),
        Button(t("welcome.say_no"), no(leaver=leaver.id)),
    )
    body = (
        Paragraph(opening),
        Paragraph(t("welcome.what", network=brand.network)),
        Facts(
            (
                (t("welcome.unaffected.label"), t("welcome.unaffected.text")),
                (t("welcome.seen_by.label"), t("welcome.seen_by.text", contact=brand.contact_name)),
                (t("welcome.ends.label"), t("welcome.ends.text")),
            )
        ),
        Buttons(buttons),
        Note(t("welcome.once_more" if leaver.ask_again_at and not again else "welcome.last_time")),
    )
    return Card(t("welcome.title", network=brand.network), body, t("welcome.notice", network=brand.network))


def _mine(ctx: Context, leaver_id: int) -> Leaver:
    """The stint, if it is the actor's own and the question is open."""
    leaver = leavers_table.get(ctx.tx, leaver_id)
    if leaver is None or ctx.actor.person_id != leaver.person_id:
        raise NotFound("welcome.closed")
    leaving.may_answer(ctx.tx, leaver)
    return leaver


def _person(ctx: Context, leaver: Leaver) -> Person:
    person = people.get(ctx.tx, leaver.person_id)
    if person is None:
        raise NotFound("welcome.closed")
    return person


def _said(ctx: Context) -> Said:
    return Said(ctx.actor.locale, ctx.actor.address.platform.value)


def _received(leaver: Leaver) -> Card:
    """In place of the question: that an answer came, never which."""
    button = Button(t("welcome.see_answer"), mine(leaver=leaver.id))
    return Card(
        t("welcome.received"), (Paragraph(t("welcome.received_text")), Buttons((button,))), t("common.notice")
    )


@dataclass(frozen=True)
class Yes:
    """Where we may write once the company account is gone, and how."""

    personal_email: str = email()
    reach: str = choice("chat", "mail", default="chat")


@feature.form(Yes, Side.COMPANY)
def yes(ctx: Context, form: Yes, leaver: int) -> Answer:
    """Consent given; the mailbox is proven next."""
    own = _mine(ctx, leaver)
    _check_private(form.personal_email, own)
    leaving.say_yes(ctx.tx, own, form.personal_email, mail_only=form.reach == "mail", said=_said(ctx))
    return _after_yes(ctx, own)


def _check_private(email: str, own: Leaver) -> None:
    """Raises `InvalidForm` for the company address: others inherit it."""
    if email and normal_email(email) == normal_email(own.company_email):
        raise InvalidForm({"personal_email": t("welcome.not_company_email")})


def _after_yes(ctx: Context, own: Leaver) -> Answer:
    if _send_code(ctx, own):
        return Reply(_enter_code(own), replaces=True)
    return Reply(_thanks(ctx, own), replaces=True)


def _send_code(ctx: Context, own: Leaver) -> bool:
    """Mail a new code to an unproven address; raises `TooOften` when too many went out within a day."""
    person = _person(ctx, own)
    if outbox.lately(ctx.tx, person.id, "welcome.proof", ctx.now - timedelta(days=1)) >= CODES_A_DAY:
        raise TooOften("welcome.too_many_codes")
    code = leaving.proof_code(ctx.tx, person, ctx.policy)
    if code is None:
        return False
    card = Card(
        t("welcome.proof.title"),
        (
            Paragraph(t("welcome.proof.text", network=ctx.policy.brand.network)),
            Paragraph(t("welcome.proof.code", code=code)),
            Note(t("welcome.proof.not_you")),
        ),
        t("welcome.proof.notice", network=ctx.policy.brand.network),
    )
    return to_mailbox(ctx.tx, own, Letter("welcome.proof", card, code[:4], Purpose.ASKING), proving=True)


def _enter_code(own: Leaver) -> Card:
    buttons = (
        Button(t("welcome.to_prove"), prove(leaver=own.id), "primary"),
        Button(t("welcome.see_answer"), mine(leaver=own.id)),
    )
    return Card(
        t("welcome.code_sent"), (Paragraph(t("welcome.code_sent_text")), Buttons(buttons)), t("common.notice")
    )


def _thanks(ctx: Context, own: Leaver) -> Card:
    text = t("welcome.thanks_text", day=own.last_day, network=ctx.policy.brand.network)
    buttons = Buttons((Button(t("welcome.see_answer"), mine(leaver=own.id)),))
    return Card(t("welcome.thanks"), (Paragraph(text), buttons), t("common.notice"))


@yes.prepare
def known(ctx: Context, leaver: int) -> Yes:
    """Pre-filled only with what the leaver entered themselves before."""
    own = _mine(ctx, leaver)
    person = _person(ctx, own)
    typed = people.private_email(ctx.tx, person) if own.answered_at else None
    return Yes(typed or "", "mail" if person.mail_only else "chat")


@yes.intro
def meaning(ctx: Context, leaver: int) -> Card:
    """The wording under which consent is given."""
    brand = ctx.policy.brand
    text = t("welcome.wording", network=brand.network, company=brand.company, contact=brand.contact_name)
    return Card(t("welcome.yes.title"), (Paragraph(text),))


@dataclass(frozen=True)
class Later:
    """An address for the one mail after three months, if wished."""

    personal_email: str = email(required=False)


@feature.form(Later, Side.COMPANY)
def later(ctx: Context, form: Later, leaver: int) -> Answer:
    """Not now."""
    own = _mine(ctx, leaver)
    _check_private(form.personal_email, own)
    leaving.say_later(ctx.tx, own, form.personal_email, ctx.policy, _said(ctx))
    if form.personal_email and _send_code(ctx, own):
        return Reply(_enter_code(own), replaces=True)
    return Reply(_received(own), replaces=True)


@later.prepare
def later_known(ctx: Context, leaver: int) -> Later:
    """Only the leaver's own question is opened."""
    _mine(ctx, leaver)
    return Later()


@feature.action(Side.COMPANY)
def no(ctx: Context, leaver: int) -> Answer:
    """One press, no questions back."""
    own = _mine(ctx, leaver)
    leaving.say_no(ctx.tx, own, _said(ctx))
    return Reply(_received(own), replaces=True)


@dataclass(frozen=True)
class Proof:
    """The code that came by mail."""

    code: str = text(limit=20)


@feature.form(Proof, Side.COMPANY)
def prove(ctx: Context, form: Proof, leaver: int) -> Answer:
    """Mailbox and leaver belong together."""
    own = _mine(ctx, leaver)
    account = accounts.note(ctx.tx, ctx.actor.address, Side.COMPANY)
    try:
        leaving.prove(ctx.tx, own, account, form.code)
    except WrongCode as wrong:
        raise InvalidForm({"code": wrong.text}, keeps=True) from None
    return Reply(_thanks(ctx, own), replaces=True)


@prove.prepare
def to_prove(ctx: Context, leaver: int) -> Proof:
    """Only the leaver's own proof is opened."""
    _mine(ctx, leaver)
    return Proof()


@feature.action(Side.COMPANY)
def resend(ctx: Context, leaver: int) -> Answer:
    """A new code to the same mailbox; the old one stops working."""
    own = _mine(ctx, leaver)
    return Reply(_enter_code(own) if _send_code(ctx, own) else _thanks(ctx, own))


@feature.action(Side.COMPANY, reads=True)
def mine(ctx: Context, leaver: int) -> Answer:
    """My answer, in a dialog, with every way to change it."""
    own = _mine(ctx, leaver)
    person = _person(ctx, own)
    rows: list[tuple[Text, Text | str]] = [
        (t("welcome.answer.label"), t(f"welcome.answer.{own.stage.value}"))
    ]
    address = people.private_email(ctx.tx, person) if own.answered_at else None
    if address:
        proven = "proven" if person.private_email_proven_at else "unproven"
        by_mail = ctx.actor.address.platform is Platform.WEB  # from a mail that others may have opened
        told = veiled(address) if by_mail else address
        rows.append((t("welcome.address.label"), t(f"welcome.address.{proven}", email=told)))
    buttons = [
        Button(t("welcome.change_yes"), yes(leaver=leaver)),
        Button(t("welcome.change_no"), no(leaver=leaver)),
    ]
    if address and person.private_email_proven_at is None:
        buttons[:0] = [Button(t("welcome.to_prove"), prove(leaver=leaver), "primary"),
                       Button(t("welcome.resend"), resend(leaver=leaver))]  # fmt: skip
    if own.stage is Stage.DECLINED:
        buttons.pop()
    body = (Facts(tuple(rows)), Buttons(tuple(buttons)), Note(t("welcome.until", day=own.last_day)))
    return Reply(Card(t("welcome.my_answer"), body, t("common.notice"), sensitive=True))


@mine.offered_on(PrivacyPlace)
def my_answer(ctx: Context) -> Button | None:
    """Who was asked finds their answer, and every way to change it, with what is held about them."""
    own = leavers_table.of_person(ctx.tx, ctx.actor.person_id) if ctx.actor.person_id else None
    asked = own is not None and ctx.actor.side is Side.COMPANY and leaving.is_open(ctx.tx, own)
    return Button(t("welcome.see_answer"), mine(leaver=own.id)) if own is not None and asked else None
