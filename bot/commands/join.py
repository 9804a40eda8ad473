"""join: tie this account of the alumni workspace to a person, by the code from the invitation."""

from __future__ import annotations

from dataclasses import dataclass

from bot import joining
from bot.conversation import (
    Address,
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    MemberChanged,
    MemberJoined,
    MemberLeft,
    Note,
    Option,
    Paragraph,
    Reply,
    Role,
    Side,
    t,
)  # fmt: skip
from bot.errors import InvalidForm, NotFound
from bot.fields import search, text, tick
from bot.places import HomePlace, WelcomePlace
from bot.post import Letter, to_alumnus, to_staff
from bot.registry import Context, Feature
from bot.visibility import Audience
from storage import accounts, journal, leavers
from storage import search as directory
from storage.codes import WrongCode
from storage.consents import Purpose
from storage.leavers import Stage
from storage.people import Person, is_member

feature = Feature(__name__)


@feature.command(Side.ALUMNI, until=(Role.ALUMNUS, Role.LEAVER))
def join(ctx: Context, argument: str) -> Answer:
    """With a code: tied at once. Without: the form that asks for it."""
    if ctx.actor.person_id is not None:
        return _already()
    if not argument:
        return enter()
    person = joining.redeem(ctx.tx, _comer(ctx, agreed=False), argument, ctx.policy)
    return Reply(welcome(ctx, person)) if person else enter()


def _already() -> Reply:
    return Reply(Card(t("join.already"), (Paragraph(t("join.already_right")),), t("common.notice")))


def _comer(ctx: Context, *, agreed: bool) -> joining.Comer:
    return joining.Comer(ctx.actor.address, ctx.actor.locale, agreed)


@dataclass(frozen=True)
class Ticket:
    """The code of the invitation, and a consent for those who had not given one."""

    code: str = text(limit=40)
    agree: bool = tick(required=True)


@feature.form(Ticket, Side.ALUMNI)
def enter(ctx: Context, form: Ticket) -> Answer:
    """The code typed into a dialog, where nobody looks over a shoulder; once more, when no answer came."""
    if ctx.actor.person_id is not None:
        return _already()
    try:
        person = joining.redeem(ctx.tx, _comer(ctx, agreed=form.agree), form.code, ctx.policy)
    except WrongCode as wrong:
        raise InvalidForm({"code": wrong.text}, keeps=True) from None
    return Reply(welcome(ctx, person)) if person else None


@enter.intro
def explained(ctx: Context) -> Card:
    """What joining means."""
    brand = ctx.policy.brand
    text = t("join.intro", network=brand.network, company=brand.company, contact=brand.contact_name)
    return Card(t("join.enter.title"), (Paragraph(text),))


@enter.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """Who is not tied yet joins from the home."""
    untied = ctx.actor.side is Side.ALUMNI and ctx.actor.person_id is None
    return Button(t("join.button"), enter(), "primary") if untied else None


def welcome(ctx: Context, person: Person) -> Card:
    """おかえり: what to do first. Says from when the directory is open, if it is not yet."""
    brand = ctx.policy.brand
    steps: list[Block] = [Paragraph(t("join.first_step"))]
    if not is_member(person, ctx.now) and person.member_from:
        steps.append(Paragraph(t("join.opens", day=ctx.policy.day(person.member_from))))
    buttons = ctx.offers(WelcomePlace)
    if buttons:
        steps.append(Buttons(buttons))
    title = t("join.welcome", name=person.name)
    body = (Paragraph(t("join.welcome_to", network=brand.network)), *steps, Note(t("join.way_out")))
    return Card(title, body, t("join.notice"))


@feature.on(MemberJoined)
def joined(ctx: Context, event: MemberJoined) -> None:
    """A new account: tied when its confirmed address is one we proved, else asked for the code."""
    if ctx.actor.side is not Side.ALUMNI or not event.email or ctx.actor.person_id is not None:
        return
    person = joining.match_joiner(ctx.tx, event.address, event.email, ctx.policy)
    if person is not None:
        _greet(ctx, person)


def _greet(ctx: Context, person: Person) -> None:
    """The welcome for somebody who did not just type a code."""
    leaver = leavers.of_person(ctx.tx, person.id)
    dedup = str(leaver.id) if leaver else ""
    to_alumnus(ctx.tx, person.id, Letter("join.welcome", welcome(ctx, person), dedup, Purpose.ASKING))


@feature.on(MemberLeft)
def went(ctx: Context, event: MemberLeft) -> None:
    """The platform is asked whether the account is still there: events may come late and in any order, so
    none of them says how it is now."""
    accounts.forget_looks(ctx.tx, event.address)


@feature.on(MemberChanged)
def changed(ctx: Context, event: MemberChanged) -> None:
    """The platform is asked again how this account looks (guest, language, zone), and whether it is there."""
    accounts.forget_looks(ctx.tx, event.address)


# --- without a code: HR vouches --------------------------------------------------------------------------


@dataclass(frozen=True)
class Plea:
    """Who says they are somebody."""

    name: str = text(limit=80)


@feature.form(Plea, Side.ALUMNI)
def plead(ctx: Context, form: Plea) -> Answer:
    """Without a code: HR is asked to vouch for this account."""
    account = str(ctx.actor.address)
    card = Card(
        t("join.plea_title"),
        (
            Paragraph(t("join.plea", name=form.name, account=account)),
            Buttons((Button(t("join.tie_button"), tie(account=account), "primary"),)),
            Note(t("join.plea_note")),
        ),
        t("decisions.notice"),
    )
    to_staff(ctx.tx, "join.plea", card, f"{account}:{ctx.now.date()}")
    contact = ctx.policy.brand.contact_name
    body = (Paragraph(t("join.plea_sent_text", contact=contact)),)
    return Reply(Card(t("join.plea_sent"), body, t("common.notice")))


@plead.offered_on(HomePlace)
def plead_on(ctx: Context) -> Button | None:
    """For who is not tied and has no code."""
    untied = ctx.actor.side is Side.ALUMNI and ctx.actor.person_id is None
    return Button(t("join.plead_button"), plead()) if untied else None


@dataclass(frozen=True)
class Vouch:
    """Which leaver the account belongs to."""

    who: str = search()
    sure: bool = tick(required=True)


@feature.form(Vouch, Side.COMPANY, roles=(Role.HR,))
def tie(ctx: Context, form: Vouch, account: str) -> Answer:
    """HR vouches: this account is that person, who is welcomed there."""
    row = leavers.of_person(ctx.tx, form.who)
    if row is None:
        raise NotFound("leavers.gone")
    person = joining.tie_by_hr(ctx.tx, Address.parse(account), row, ctx.policy)
    _greet(ctx, person)
    journal.write(ctx.tx, "decision.tie", person.id, actor=str(ctx.actor.address))
    card = Card(t("join.tied"), (Paragraph(t("join.tie_done", name=person.name)),), t("common.notice"))
    return Reply(card, replaces=True)


@tie.suggests("who")
def suggest(ctx: Context, query: str, account: str) -> tuple[Option, ...]:
    """Enrolled people who have not joined yet."""
    found = directory.find(ctx.tx, query, Audience.HR, size=50).hits
    return tuple(Option(hit.id, hit.name) for hit in found if _waits(ctx, hit.id))


def _waits(ctx: Context, person_id: str) -> bool:
    row = leavers.of_person(ctx.tx, person_id)
    return row is not None and row.stage is Stage.ENROLLED
