"""address: another private address, proven by its own mailbox and approved by the old one, or by HR."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.conversation import (
    Answer,
    Button,
    Buttons,
    Card,
    Facts,
    Note,
    Paragraph,
    Reply,
    Role,
    Side,
    t,
)  # fmt: skip
from bot.errors import Conflict, InvalidForm, NotFound, TooOften
from bot.fields import email, text, tick
from bot.places import HomePlace, PrivacyPlace, ProfilePlace
from bot.policy import Policy
from bot.post import Letter, to_alumnus, to_person, to_staff, to_unproven
from bot.registry import Context, Feature
from bot.visibility import veiled
from storage import accounts, addresses, codes, journal, leavers, outbox, people, sessions
from storage.addresses import AddressChange
from storage.codes import Use, WrongCode
from storage.columns import normal_email
from storage.consents import Purpose
from storage.people import Person

feature = Feature(__name__)
OWNERS = (Role.ALUMNUS, Role.LEAVER)
HR = (Role.HR,)
CODES_A_DAY = 5
STUCK = ("mailbox_refused", "no_private_address", "unproven_address")


@feature.command(Side.ALUMNI, roles=OWNERS, reads=True)
def address(ctx: Context, argument: str) -> Answer:
    """Whether mail reaches me, and what is missing while another address is on its way. Never the address."""
    person = _me(ctx)
    row = addresses.current(ctx.tx, person.id)
    return Reply(_card(person, row))


def _me(ctx: Context) -> Person:
    person = people.get(ctx.tx, ctx.actor.person_id) if ctx.actor.person_id else None
    if person is None:
        raise NotFound("common.join_first")
    return person


def _mine(ctx: Context, change: int) -> AddressChange:
    """The actor's own wish, while it is open."""
    row = addresses.get(ctx.tx, change)
    if row is None or row.person_id != ctx.actor.person_id:
        raise NotFound("address.gone")
    return row


def _card(person: Person, row: AddressChange | None) -> Card:
    if row is not None:
        return _pending(row)
    proven = "proven" if person.private_email_proven_at else "unproven"
    state = "lost" if person.unreachable else proven if person.private_email_blind else "none"
    body = (
        Paragraph(t(f"address.now.{state}")),
        Buttons((Button(t("address.button"), change(), "primary"),)),
    )
    return Card(t("address.title"), body, t("common.notice"))


def _pending(row: AddressChange) -> Card:
    """What each of the two sides still has to say."""
    old = "done" if row.approved_at else "hr" if row.asked_hr_at else "waits"
    facts = Facts((
        (t("address.side.new"), t("address.new.done" if row.proven_at else "address.new.waits")),
        (t("address.side.old"), t(f"address.old.{old}")),
    ))  # fmt: skip
    buttons = [Button(t("address.cancel_button"), cancel(change=row.id))]
    if old == "waits":
        buttons.insert(0, Button(t("address.plead_button"), plead(change=row.id)))
    if not row.proven_at:
        buttons[:0] = [Button(t("address.prove_button"), prove(change=row.id), "primary"),
                       Button(t("address.resend_button"), resend(change=row.id))]  # fmt: skip
    until = Note(t("address.until", at=row.expires_at))
    return Card(t("address.on_its_way"), (facts, Buttons(tuple(buttons)), until), t("common.notice"))


# --- a new address ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NewAddress:
    """Where mail is to go from now on."""

    email: str = email()


@feature.form(NewAddress, Side.ALUMNI, roles=OWNERS)
def change(ctx: Context, form: NewAddress) -> Answer:
    """The wish is kept, and both mailboxes are asked. Nothing tells whether somebody else has the address."""
    person = _me(ctx)
    _check(ctx, person, form.email)
    _count(ctx, person)
    _forget_mails(ctx, person.id)
    row = addresses.begin(ctx.tx, person, form.email, ctx.policy.proof_lasts)
    _ask_new(ctx, row)
    if row.approved_at is None and not person.unreachable:
        _ask_old(ctx, person, row, form.email)
    return Reply(_pending(row), replaces=True)


def _check(ctx: Context, person: Person, wanted: str) -> None:
    """Raises `InvalidForm` for a company address (others inherit it) and for the one that works already."""
    leaver = leavers.of_person(ctx.tx, person.id)
    if leaver is not None and normal_email(wanted) == normal_email(leaver.company_email):
        raise InvalidForm({"email": t("welcome.not_company_email")})
    own = people.private_email(ctx.tx, person)
    works = person.private_email_proven_at is not None and not person.unreachable
    if own and works and normal_email(own) == normal_email(wanted):
        raise InvalidForm({"email": t("address.same")})


def _count(ctx: Context, person: Person) -> None:
    """Raises `TooOften`. Every wish counts, also one that set off no mail."""
    since = ctx.now - timedelta(days=1)
    if journal.lately(ctx.tx, "address.asked", person.id, since) >= CODES_A_DAY:
        raise TooOften("welcome.too_many_codes")
    journal.write(ctx.tx, "address.asked", person.id, actor=person.id)


def _ask_new(ctx: Context, row: AddressChange) -> None:
    """The code for the new mailbox; nothing goes to one that somebody else has proven."""
    network = ctx.policy.brand.network
    code = codes.make(ctx.tx, row.person_id, Use.NEW_ADDRESS, row.blind, ctx.policy.proof_lasts)
    if addresses.taken(ctx.tx, row):
        return
    body = (
        Paragraph(t("address.proof.text", network=network)),
        Paragraph(t("welcome.proof.code", code=code)),
        Note(t("welcome.proof.not_you")),
    )
    card = Card(t("welcome.proof.title"), body, t("welcome.proof.notice", network=network))
    to = addresses.new_email(ctx.tx, row)
    letter = Letter("address.proof", card, f"{row.id}:{code[:4]}", Purpose.ASKING, to=to)
    to_unproven(ctx.tx, row.person_id, letter)


def _ask_old(ctx: Context, person: Person, row: AddressChange, wanted: str) -> None:
    """The mail to the old address: a session alone must not be able to move it."""
    brand = ctx.policy.brand
    code = codes.make(ctx.tx, person.id, Use.OLD_ADDRESS, row.blind, ctx.policy.proof_lasts)
    buttons = (
        Button(t("address.approve_button"), approve(change=row.id, code=code), "primary"),
        Button(t("address.refuse_button"), refuse(change=row.id, code=code), "danger"),
    )
    body = (
        Paragraph(t("address.approval.text", network=brand.network, email=veiled(wanted))),
        Buttons(buttons),
        Note(t("address.approval.note", contact=brand.contact_name)),
    )
    card = Card(t("address.approval.title"), body, t("address.approval.notice", network=brand.network))
    to_person(ctx.tx, person.id, Letter("address.approval", card, str(row.id), Purpose.ASKING))


def _forget_mails(ctx: Context, person_id: str) -> None:
    codes.drop(ctx.tx, person_id, Use.NEW_ADDRESS, Use.OLD_ADDRESS)
    for kind in ("address.proof", "address.approval"):
        outbox.cancel_kind(ctx.tx, person_id, kind)


@change.offered_on(ProfilePlace)
@change.offered_on(PrivacyPlace)
def on_profile(ctx: Context) -> Button | None:
    """Beside what a person says about themselves, and where they correct what is held."""
    here = ctx.actor.side is Side.ALUMNI and ctx.actor.person_id is not None
    return Button(t("address.button"), change()) if here else None


@change.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """At home only where mail does not reach them any more."""
    person = people.get(ctx.tx, ctx.actor.person_id) if ctx.actor.person_id else None
    lost_here = person is not None and person.unreachable and ctx.actor.side is Side.ALUMNI
    return Button(t("address.button"), change(), "primary") if lost_here else None


@feature.action(Side.ALUMNI, roles=OWNERS)
def resend(ctx: Context, change: int) -> Answer:
    """Another code to the new mailbox; the one before stops working."""
    row = _mine(ctx, change)
    if row.proven_at is None:
        _count(ctx, _me(ctx))
        _ask_new(ctx, row)
    return Reply(_pending(row), replaces=True)


@feature.action(Side.ALUMNI, roles=OWNERS)
def cancel(ctx: Context, change: int) -> Answer:
    """All stays as it was."""
    row = _mine(ctx, change)
    _forget_mails(ctx, row.person_id)
    addresses.drop(ctx.tx, row)
    return _said("cancelled")


def _said(word: str, **names: str) -> Answer:
    body = (Paragraph(t(f"address.{word}_text", **names)),)
    return Reply(Card(t(f"address.{word}"), body, t("common.notice")), replaces=True)


# --- its two sides --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Code:
    """The code from the new mailbox."""

    code: str = text(limit=20)


@feature.form(Code, Side.ALUMNI, roles=OWNERS)
def prove(ctx: Context, form: Code, change: int) -> Answer:
    """The new side: the code was read there."""
    row = _mine(ctx, change)
    if row.proven_at is None:
        try:
            _spend(ctx, row, form.code, Use.NEW_ADDRESS)
        except WrongCode as wrong:
            raise InvalidForm({"code": wrong.text}, keeps=True) from None
        addresses.confirm(ctx.tx, row)
    return _so_far(ctx, row)


@prove.prepare
def to_prove(ctx: Context, change: int) -> Code:
    """Only the owner's own."""
    _mine(ctx, change)
    return Code()


def _spend(ctx: Context, row: AddressChange, code: str, use: Use) -> None:
    """Raises `WrongCode` (counted) or `TooOften`."""
    account = accounts.note(ctx.tx, ctx.actor.address, Side.ALUMNI)
    found = codes.check(ctx.tx, code, use, account, row.person_id)
    if found.about != row.blind:
        raise WrongCode("join.wrong_code")
    codes.spend(ctx.tx, found, account)


@feature.action(Side.ALUMNI, roles=OWNERS)
def approve(ctx: Context, change: int, code: str) -> Answer:
    """The old side: pressed in its mailbox, which alone knows the code."""
    row = _mine(ctx, change)
    if row.approved_at is None:
        _by_old(ctx, row, code)
        addresses.approve(ctx.tx, row, "owner")
    return _so_far(ctx, row)


@feature.action(Side.ALUMNI, roles=OWNERS)
def refuse(ctx: Context, change: int, code: str) -> Answer:
    """Pressed in the old mailbox by who never asked: nothing changes, and every browser is signed out."""
    row = _mine(ctx, change)
    _by_old(ctx, row, code)
    _forget_mails(ctx, row.person_id)
    addresses.drop(ctx.tx, row)
    sessions.drop(ctx.tx, row.person_id)
    journal.write(ctx.tx, "address.refused", row.person_id, actor=row.person_id)
    return _said("refused", contact=ctx.policy.brand.contact_name)


def _by_old(ctx: Context, row: AddressChange, code: str) -> None:
    try:
        _spend(ctx, row, code, Use.OLD_ADDRESS)
    except WrongCode:
        raise WrongCode("address.gone") from None


def _so_far(ctx: Context, row: AddressChange) -> Answer:
    return _said("changed") if _settle(ctx, row) else Reply(_pending(row), replaces=True)


def _settle(ctx: Context, row: AddressChange) -> bool:
    """Both sides are there: the address is theirs. The old mailbox is told, in case it was not them."""
    person = people.one(ctx.tx, row.person_id)
    old = people.private_email(ctx.tx, person) if row.approved_by != "nobody" else None
    reached, number, by = not person.unreachable, row.id, row.approved_by
    if not addresses.settle(ctx.tx, row):
        return False
    _forget_mails(ctx, person.id)
    leaver = leavers.of_person(ctx.tx, person.id)
    if leaver is not None and leaver.stuck in STUCK:
        leaver.stuck = ""
    journal.write(ctx.tx, "address.changed", person.id, detail=by)
    brand = ctx.policy.brand
    text = t("address.news_text", network=brand.network, contact=brand.contact_name)
    card = Card(t("address.news"), (Paragraph(text),), t("address.approval.notice", network=brand.network))
    to_alumnus(ctx.tx, person.id, Letter("address.changed", card, str(number), Purpose.ASKING))
    if old and reached:
        to_unproven(ctx.tx, person.id, Letter("address.left", card, str(number), Purpose.ASKING, to=old))
    return True


# --- where the old mailbox cannot speak: HR -------------------------------------------------------------


@feature.action(Side.ALUMNI, roles=OWNERS)
def plead(ctx: Context, change: int) -> Answer:
    """The old mailbox cannot be read any more: HR finds out whether it is them."""
    row, person = _mine(ctx, change), _me(ctx)
    if row.approved_at is None and row.asked_hr_at is None:
        addresses.ask_hr(ctx.tx, row, ctx.policy.invitation_lasts)
        buttons = (
            Button(t("address.grant_button"), grant(change=row.id), "primary"),
            Button(t("address.reject_button"), reject(change=row.id)),
        )
        body = (Paragraph(t("address.plea", name=person.name)), Buttons(buttons), Note(t("join.plea_note")))
        to_staff(
            ctx.tx, "address.plea", Card(t("address.plea_title"), body, t("decisions.notice")), str(row.id)
        )
    return Reply(_pending(row), replaces=True)


def _asked(ctx: Context, change: int) -> tuple[AddressChange, Person]:
    """A wish that waits for HR."""
    row = addresses.get(ctx.tx, change)
    if row is None or row.asked_hr_at is None or row.approved_at is not None:
        raise Conflict("address.moved_on")
    return row, people.one(ctx.tx, row.person_id)


@dataclass(frozen=True)
class Sure:
    """HR confirmed in another way who it is."""

    sure: bool = tick(required=True)


@feature.form(Sure, Side.COMPANY, roles=HR)
def grant(ctx: Context, form: Sure, change: int) -> Answer:
    """HR speaks for the old side; the new mailbox must still be proven by its owner."""
    row, person = _asked(ctx, change)
    addresses.approve(ctx.tx, row, "hr")
    journal.write(ctx.tx, "decision.address", person.id, actor=str(ctx.actor.address))
    done = _settle(ctx, row)
    return _said("granted" if done else "granted_half", name=person.name)


@grant.intro
def whose(ctx: Context, change: int) -> Card:
    """Who it is about; never an address."""
    _, person = _asked(ctx, change)
    return Card(t("address.grant.title"), (Paragraph(t("address.plea", name=person.name)),))


@feature.action(Side.COMPANY, roles=HR)
def reject(ctx: Context, change: int) -> Answer:
    """HR does not know them: all stays as it was, and they are told."""
    row, person = _asked(ctx, change)
    _forget_mails(ctx, person.id)
    addresses.drop(ctx.tx, row)
    journal.write(ctx.tx, "decision.no_address", person.id, actor=str(ctx.actor.address))
    body = (Paragraph(t("address.rejected_text", contact=ctx.policy.brand.contact_name)),)
    card = Card(t("address.rejected"), body, t("common.notice"))
    to_alumnus(ctx.tx, person.id, Letter("address.rejected", card, str(change), Purpose.ASKING))
    return _said("turned_down", name=person.name)


# --- a mailbox that takes no mail any more --------------------------------------------------------------


def lost(policy: Policy) -> Card:
    """Asked once, where they still can be reached."""
    body = (
        Paragraph(t("address.lost_text", network=policy.brand.network)),
        Buttons((Button(t("address.button"), change(), "primary"),)),
    )
    return Card(t("address.lost"), body, t("common.notice"))
