"""returning: "I used to work here" on the public page: a visitor asks, the mailbox confirms, HR decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from bot import erasing, joining
from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Entry,
    Facts,
    Note,
    Paragraph,
    Reply,
    Role,
    Side,
    t,
)  # fmt: skip
from bot.errors import Conflict, InvalidForm
from bot.fields import day, email, text, tick
from bot.places import FrontPlace, HintPlace, HomePlace, WelcomePlace
from bot.post import Letter, to_alumnus, to_mailbox, to_nobody, to_staff, to_unproven
from bot.registry import Context, Feature
from storage import codes, consents, journal, leavers, people, returns
from storage.codes import Use, WrongCode
from storage.consents import Decision, Purpose, Said
from storage.erasures import Why
from storage.leavers import Leaver
from storage.people import Person
from storage.returns import ReturnRequest

feature = Feature(__name__)
HR = (Role.HR,)
MAILS = ("returning.confirm", "returning.hint")
MAILS_A_DAY = 3
MAILS_AN_HOUR = 60
"""To one address, and to all together: the page must not be of use to who wants to fill mailboxes."""


@dataclass(frozen=True)
class Visit:
    """What a visitor says about themselves, and their consent."""

    name: str = text(limit=80)
    kana: str = text(required=False, limit=80)
    personal_email: str = email()
    story: str = text(required=False)
    agree: bool = tick(required=True)


@feature.form(Visit, Side.ALUMNI, public=True)
def ask(ctx: Context, form: Visit) -> Answer:
    """Whoever it is and whatever we know: the same answer. What there is to say goes to the mailbox."""
    hour, today = ctx.now - timedelta(hours=1), ctx.now - timedelta(days=1)
    few = returns.mails_since(ctx.tx, MAILS, hour) < MAILS_AN_HOUR
    if few and returns.mails_since(ctx.tx, MAILS, today, form.personal_email) < MAILS_A_DAY:
        _write(ctx, form)
    brand = ctx.policy.brand
    body = (Paragraph(t("returning.sent_text")), Note(t("returning.sent_note", contact=brand.contact_name)))
    return Reply(Card(t("returning.sent"), body, t("common.notice")))


@ask.intro
def wording(ctx: Context) -> Card:
    """What is done with it: the words under which consent is given."""
    brand = ctx.policy.brand
    words = t("welcome.wording", network=brand.network, company=brand.company, contact=brand.contact_name)
    note = Note(t("returning.how", contact=brand.contact_name))
    return Card(t("returning.ask.title"), (Paragraph(words), note))


@ask.offered_on(FrontPlace)
def on_front(ctx: Context) -> Button | None:
    """From the public page."""
    return Button(t("returning.button"), ask())


def _write(ctx: Context, form: Visit) -> None:
    known = people.by_proven_email(ctx.tx, form.personal_email)
    leaver = leavers.of_person(ctx.tx, known.id) if known else None
    if known is None:
        _ask_mailbox(ctx, _request(ctx, form))
    elif leaver is not None and leaver.stage in joining.WELCOMES:
        _hint(ctx, known, leaver)
    elif leaver is not None and joining.may_claim(ctx.tx, leaver):
        row = returns.of_person(ctx.tx, known.id) or returns.add(ctx.tx, known, ctx.policy.proof_lasts)
        _ask_mailbox(ctx, row)


def _request(ctx: Context, form: Visit) -> ReturnRequest | None:
    """The visitor's request, with what they said last; `None` while HR has it before them."""
    row = returns.by_email(ctx.tx, form.personal_email)
    if row is not None and row.confirmed_at is not None:
        return None
    if row is None:
        person = people.add(ctx.tx, form.name, locale=ctx.actor.locale, zone=ctx.policy.zone)
        people.set_private_email(ctx.tx, person, form.personal_email)
        row = returns.add(ctx.tx, person, ctx.policy.proof_lasts)
    person = people.one(ctx.tx, row.person_id)
    people.introduce(ctx.tx, person, form.name, form.kana, ctx.actor.locale)
    returns.tell(ctx.tx, row, form.story)
    return row


def _ask_mailbox(ctx: Context, row: ReturnRequest | None) -> None:
    """The mail with the link. Nothing that a visitor typed stands in it: it may go to somebody else."""
    if row is None:
        return
    brand, person = ctx.policy.brand, people.one(ctx.tx, row.person_id)
    code = codes.make(
        ctx.tx, person.id, Use.RETURN, person.private_email_blind or b"", ctx.policy.proof_lasts
    )
    body = (
        Paragraph(t("returning.mail.text", network=brand.network, company=brand.company)),
        Buttons((Button(t("returning.mail.button"), confirm(request=row.id, code=code), "primary"),)),
        Note(t("returning.mail.not_you")),
    )
    card = Card(t("returning.mail.title"), body, t("returning.mail.notice", network=brand.network))
    to = people.private_email(ctx.tx, person) or ""
    letter = Letter("returning.confirm", card, f"{row.id}:{code[:4]}", Purpose.ASKING, to=to)
    to_unproven(ctx.tx, person.id, letter)


def _hint(ctx: Context, person: Person, leaver: Leaver) -> None:
    """Somebody who is in the network already: how to get to its pages."""
    brand, ways = ctx.policy.brand, ctx.offers(HintPlace, leaver.id)
    more: tuple[Block, ...] = (Buttons(ways),) if ways else (Paragraph(t("returning.hint.sign_in")),)
    body = (
        Paragraph(t("returning.hint.text", network=brand.network)),
        *more,
        Note(t("returning.hint.not_you")),
    )
    card = Card(t("returning.hint.title"), body, t("returning.hint.notice", network=brand.network))
    to_mailbox(ctx.tx, leaver, Letter("returning.hint", card, f"{ctx.now:%Y%m%d%H%M%S%f}", Purpose.ASKING))


def _email(ctx: Context, person: Person) -> str:
    return people.private_email(ctx.tx, person) or ""


@feature.action(Side.ALUMNI, public=True)
def confirm(ctx: Context, request: int, code: str) -> Answer:
    """The mailbox is theirs. Somebody whose mailbox was proven before comes in at once, all others wait for
    HR."""
    row = returns.get(ctx.tx, request)
    if row is None:
        raise WrongCode("returning.over")
    person = people.one(ctx.tx, row.person_id)
    try:
        found = codes.check(ctx.tx, code, Use.RETURN, None, person.id)
    except WrongCode:
        raise WrongCode("returning.over") from None
    if found.about != person.private_email_blind:
        raise WrongCode("returning.over")
    codes.spend(ctx.tx, found, None)
    leaver = leavers.of_person(ctx.tx, person.id)
    if leaver is not None:
        return _claimed(ctx, row, person, leaver)
    consents.record(ctx.tx, person.id, Decision.GIVEN, _said(ctx))
    returns.confirm(ctx.tx, row, timedelta(days=ctx.policy.unanswered_days))
    journal.write(ctx.tx, "return.confirmed", person.id, actor=person.id)
    to_staff(ctx.tx, "returning.request", _for_hr(row, person), str(row.id))
    text = t("returning.confirmed_text", contact=ctx.policy.brand.contact_name)
    return Reply(Card(t("returning.confirmed"), (Paragraph(text),), t("common.notice")), replaces=True)


def _said(ctx: Context) -> Said:
    return Said(ctx.actor.locale, ctx.actor.address.platform.value)


def _claimed(ctx: Context, row: ReturnRequest, person: Person, leaver: Leaver) -> Answer:
    """They said "later", or nothing, while they worked here; now they came by themselves and agreed."""
    comer = joining.Comer(ctx.actor.address, ctx.actor.locale, agreed=True)
    joining.join_by_web(ctx.tx, leaver, comer, ctx.policy)
    returns.drop(ctx.tx, row)
    journal.write(ctx.tx, "return.claimed", person.id, actor=person.id)
    _welcome(ctx, person)
    body = (Paragraph(t("returning.inside_text", network=ctx.policy.brand.network)),)
    return Reply(Card(t("join.welcome", name=person.name), body, t("join.notice")), replaces=True)


def _welcome(ctx: Context, person: Person) -> None:
    """おかえり, by mail: what to do first. It reaches whoever reads the mailbox, and nobody else."""
    brand = ctx.policy.brand
    body = (
        Paragraph(t("returning.welcome.text", network=brand.network)),
        Paragraph(t("join.first_step")),
        Buttons(ctx.offers(WelcomePlace)),
        Note(t("returning.welcome.note")),
    )
    card = Card(t("join.welcome", name=person.name), body, t("returning.mail.notice", network=brand.network))
    to_alumnus(
        ctx.tx, person.id, Letter("returning.welcome", card, f"{ctx.now:%Y%m%d}", Purpose.STAY_IN_TOUCH)
    )


# --- HR decides -----------------------------------------------------------------------------------------


def _for_hr(row: ReturnRequest, person: Person) -> Card:
    """Who asks; what they said stands only in the dialog."""
    body = (
        Paragraph(t("returning.wants", name=person.name)),
        Buttons((Button(t("returning.look"), look(request=row.id), "primary"),)),
        Note(t("returning.wants_note")),
    )
    return Card(t("returning.wants_title"), body, t("decisions.notice"))


def _facts(ctx: Context, row: ReturnRequest, person: Person) -> Facts:
    none = t("leavers.unknown")
    return Facts((
        (t("returning.ask.name"), person.name),
        (t("returning.ask.kana"), person.kana or none),
        (t("returning.ask.story"), returns.story(ctx.tx, row) or none),
        (t("returning.ask.personal_email"), _email(ctx, person)),
    ))  # fmt: skip


def _open(ctx: Context, request: int) -> tuple[ReturnRequest, Person]:
    """A request that waits for HR."""
    row = returns.get(ctx.tx, request)
    if row is None or row.confirmed_at is None:
        raise Conflict("returning.decided")
    return row, people.one(ctx.tx, row.person_id)


@dataclass(frozen=True)
class Known:
    """Who they are in HR's books."""

    employee_number: str = text(limit=64)
    last_day: date | None = day()
    entity: str = text(required=False, limit=64)
    sure: bool = tick(required=True)


@feature.form(Known, Side.COMPANY, roles=HR)
def approve(ctx: Context, form: Known, request: int) -> Answer:
    """In, as a member who lives by mail and our pages."""
    row, visitor = _open(ctx, request)
    if form.last_day is None or form.last_day >= ctx.policy.day(ctx.now):
        raise InvalidForm({"last_day": t("returning.not_past")})
    vouched = joining.Vouched(form.employee_number, form.last_day, form.entity)
    person = joining.admit(ctx.tx, visitor, vouched, ctx.policy)
    erasing.visitor(ctx.tx, row, Why.OWN)  # of whom nothing is left if we knew them already
    journal.write(ctx.tx, "decision.return", person.id, actor=str(ctx.actor.address))
    _welcome(ctx, person)
    return _done("approved", person.name)


@approve.intro
def whom(ctx: Context, request: int) -> Card:
    """What they said, and the address that is proven, for HR to compare with its books."""
    return Card(t("returning.approve.title"), (_facts(ctx, *_open(ctx, request)),))


@feature.action(Side.COMPANY, roles=HR)
def decline(ctx: Context, request: int) -> Answer:
    """Not in: a polite mail, and everything they said is erased."""
    row, person = _open(ctx, request)
    name, brand = person.name, ctx.policy.brand
    body = (Paragraph(t("returning.declined_text", network=brand.network, contact=brand.contact_name)),)
    card = Card(t("returning.declined"), body, t("returning.mail.notice", network=brand.network))
    letter = Letter("returning.declined", card, str(request), Purpose.ASKING, to=_email(ctx, person))
    to_nobody(ctx.tx, letter, person.locale)
    journal.write(ctx.tx, "decision.no_return", person.id, actor=str(ctx.actor.address))
    erasing.visitor(ctx.tx, row, Why.STRUCK)
    return _done("turned_down", name)


def _done(word: str, name: str) -> Answer:
    body = (Paragraph(t(f"returning.{word}", name=name)),)
    return Reply(Card(t("decisions.done"), body, t("common.notice")), replaces=True)


@feature.action(Side.COMPANY, roles=HR, reads=True)
def waiting(ctx: Context) -> Answer:
    """Everybody who waits for HR's word."""
    rows = [_open(ctx, row.id) for row in returns.undecided(ctx.tx)]
    entries = tuple(
        Entry(person.name, "", Button(t("returning.look"), look(request=row.id))) for row, person in rows
    )
    body = entries or (Paragraph(t("returning.nobody")),)
    return Reply(Card(t("returning.waiting_title"), body, t("common.notice")))


@feature.action(Side.COMPANY, roles=HR, reads=True)
def look(ctx: Context, request: int) -> Answer:
    """One of them, with everything they said; and HR's two answers."""
    row, person = _open(ctx, request)
    buttons = (
        Button(t("returning.approve_button"), approve(request=row.id), "primary"),
        Button(t("returning.decline_button"), decline(request=row.id)),
    )
    body = (_facts(ctx, row, person), Buttons(buttons), Note(t("returning.look_note")))
    return Reply(Card(t("returning.wants_title"), body, t("common.notice"), sensitive=True))


@waiting.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """Where somebody waits."""
    if ctx.actor.side is not Side.COMPANY or not ctx.actor.has(Role.HR):
        return None
    rows = returns.undecided(ctx.tx)
    return Button(t("returning.waiting_button", count=len(rows)), waiting()) if rows else None
