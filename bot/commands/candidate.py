"""candidate: the two answers of somebody who was named for an opening, and the way to take a yes back.

They have no account and no session: each way is a sealed link with the referral's number and its secret.
Opening one shows a page and does nothing. Source: 個人情報保護法 17, 27条; GDPR art. 7, 14, 17.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot import erasing, offering, referring
from bot.conversation import (
    Answer,
    Block,
    Bound,
    Button,
    Buttons,
    Card,
    Facts,
    Note,
    Paragraph,
    Reply,
    Side,
    Text,
    Words,
    t,
)  # fmt: skip
from bot.errors import Conflict, NotFound
from bot.fields import tick
from bot.places import AskedPlace, CandidatePlace, IntroducedPlace
from bot.policy import Policy
from bot.post import Letter
from bot.registry import Context, Feature
from storage import consents, journal, openings, people, referrals
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx
from storage.erasures import Why
from storage.openings import Opening
from storage.referrals import Referral, Stand

feature = Feature(__name__)


def _theirs(ctx: Context, referral: int, secret: str) -> tuple[Referral, Opening]:
    """What a link speaks of. Raises `NotFound` for one that is used up, too late, or none of ours."""
    row = referrals.theirs(ctx.tx, referral, secret)
    opening = openings.get(ctx.tx, row.opening_id) if row is not None else None
    if row is None or opening is None:
        raise NotFound("candidate.over")
    return row, opening


def _asked(ctx: Context, referral: int, secret: str) -> tuple[Referral, Opening]:
    """A referral that waits for the candidate's word, for an opening that is still open."""
    row, opening = _theirs(ctx, referral, secret)
    if row.stand is Stand.AGREED:
        raise Conflict("candidate.already")
    if not openings.is_open(opening, ctx.policy.day(ctx.now)):
        raise Conflict("candidate.closed", day=ctx.policy.day(row.expires_at))
    return row, opening


# --- yes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Yes:
    """Consent takes a tick, by the one who was named: a mail may have been handed on."""

    me: bool = tick(required=True)


@feature.form(Yes, Side.ALUMNI, public=True)
def agree(ctx: Context, form: Yes, referral: int, secret: str, under: str) -> Answer:
    """From now on the readers of the opening may know; under the words that were shown, else they are shown
    anew."""
    row, opening = _asked(ctx, referral, secret)
    if under != consents.wording(ctx.tx, Purpose.OPENINGS):
        button = Button(t("candidate.read_again"), _agree(ctx.tx, row), "primary")
        body = (Paragraph(t("candidate.reworded")), Buttons((button,)))
        return Reply(Card(t("candidate.agree.title"), body, t("common.notice")))
    said = Said(ctx.actor.locale, ctx.actor.address.platform.value)
    consents.record(ctx.tx, row.person_id or "", Decision.GIVEN, said, Purpose.OPENINGS)
    referrals.agree(ctx.tx, row, offering.answer_by(ctx.policy, ctx.now))
    journal.write(ctx.tx, "referral.agreed", row.person_id or "", actor=row.person_id or "")
    _tell(ctx, row, opening)
    text = _next(row, opening, ctx.policy)
    card = referring.mail(t("candidate.agreed"), text, ctx.policy, way_out(ctx.tx, row))
    referring.tell_candidate(ctx.tx, row, Letter("candidate.agreed", card, "agreed", Purpose.OPENINGS))
    return Reply(card, replaces=True)


@agree.prepare
def open_to_them(ctx: Context, referral: int, secret: str, under: str) -> Yes:
    """Only while it waits for their word."""
    _asked(ctx, referral, secret)
    return Yes()


@agree.intro
def shown(ctx: Context, referral: int, secret: str, under: str) -> Card:
    """Everything that will be known, by whom, what for and how long; and the other answer."""
    row, opening = _asked(ctx, referral, secret)
    brand, by = ctx.policy.brand, referring.referrer(ctx.tx, row)
    body = (
        Paragraph(t("candidate.who", referrer=by, company=brand.company, opening=offering.title(opening))),
        offering.facts(opening),
        Paragraph(t("candidate.known", company=brand.company)),
        Facts(_known(ctx, row, opening)),
        Paragraph(t("candidate.wording.openings", company=brand.company, contact=brand.contact_name)),
        Buttons((Button(t("candidate.no_button"), decline(referral=row.id, secret=secret)),)),
        Note(t("candidate.for_one", day=ctx.policy.day(row.expires_at))),
    )
    return Card(t("candidate.agree.title"), body)


def _known(ctx: Context, row: Referral, opening: Opening) -> tuple[tuple[Words, Words], ...]:
    """What the company will read, word by word, and who reads it there."""
    person = people.one(ctx.tx, row.person_id or "")
    readers = [t("openings.word", word=one.name) for one in offering.readers(ctx.tx, opening)]
    names: Words = offering.joined(readers) if readers else ctx.policy.brand.contact_name
    return (
        (t("candidate.fact.name"), person.name),
        (t("candidate.fact.email"), people.private_email(ctx.tx, person) or ""),
        (t("candidate.fact.referrer"), referring.referrer(ctx.tx, row)),
        (t("candidate.fact.relation"), t(f"refer.introduce.relation.{row.relation}")),
        (t("candidate.fact.why"), referrals.why_of(ctx.tx, row) or t("candidate.fact.nothing")),
        (t("candidate.fact.readers"), names),
    )


def _next(row: Referral, opening: Opening, policy: Policy) -> Text:
    by = row.answer_by or opening.closes_on
    return t("candidate.agreed_text", company=policy.brand.company, opening=offering.title(opening), day=by)


def _tell(ctx: Context, row: Referral, opening: Opening) -> None:
    """The readers that there is somebody, the referrer that it went on; neither word says who."""
    brand, name = ctx.policy.brand, offering.title(opening)
    text = Paragraph(t("introduced.new_text", opening=name, day=row.answer_by or opening.closes_on))
    body = (text, Buttons(ctx.offers(IntroducedPlace, row.id)))
    card = Card(t("introduced.new"), body, t("introduced.notice"))
    referring.tell_readers(ctx.tx, opening, Letter("introduced.new", card, str(row.id), Purpose.STAFF))
    news = Paragraph(t("refer.agreed_text", opening=name, company=brand.company))
    told = Card(t("refer.agreed_title"), (news,), t("refer.notice", network=brand.network))
    referring.tell_referrer(ctx.tx, row, "refer.agreed", told)


@agree.offered_on(AskedPlace)
def yes(ctx: Context, referral: int) -> Button | None:
    """In the mail that asks."""
    row = referrals.get(ctx.tx, referral)
    return Button(t("candidate.yes_button"), _agree(ctx.tx, row), "primary") if row is not None else None


def _agree(tx: Tx, row: Referral) -> Bound:
    under = consents.wording(tx, Purpose.OPENINGS)
    return agree(referral=row.id, secret=referrals.secret_of(tx, row), under=under)


# --- no, and no after all ---------------------------------------------------------------------------------


@feature.action(Side.ALUMNI, public=True)
def decline(ctx: Context, referral: int, secret: str) -> Answer:
    """No: erased at once. Who is told of it, and when, says nothing about it."""
    row, opening = _theirs(ctx, referral, secret)
    if row.stand is Stand.AGREED:
        referring.leave(ctx.tx, row, opening, ctx.policy)
    else:
        erasing.candidate(ctx.tx, row, Why.REFUSED)
    return _gone("declined", ctx)


@decline.offered_on(AskedPlace)
def no(ctx: Context, referral: int) -> Button | None:
    """In the mail that asks."""
    row = referrals.get(ctx.tx, referral)
    if row is None:
        return None
    return Button(t("candidate.no_button"), decline(referral=row.id, secret=referrals.secret_of(ctx.tx, row)))


@feature.action(Side.ALUMNI, public=True)
def leave(ctx: Context, referral: int, secret: str) -> Answer:
    """Taken back after a yes, at any time: everything is erased."""
    row, opening = _theirs(ctx, referral, secret)
    if row.stand is not Stand.AGREED:
        raise NotFound("candidate.over")
    referring.leave(ctx.tx, row, opening, ctx.policy)
    return _gone("left", ctx)


def _gone(word: str, ctx: Context) -> Answer:
    text = t(
        f"candidate.{word}_text", company=ctx.policy.brand.company, contact=ctx.policy.brand.contact_name
    )
    body: tuple[Block, ...] = (Paragraph(text),)
    return Reply(Card(t(f"candidate.{word}"), body, t("common.notice")), replaces=True)


def way_out(tx: Tx, row: Referral) -> Button:
    """The button under every mail to a candidate who agreed."""
    press = leave(referral=row.id, secret=referrals.secret_of(tx, row))
    return Button(t("candidate.leave_button"), press)


@leave.offered_on(CandidatePlace)
def on_mail(ctx: Context, referral: int) -> Button:
    """Under what the company has them told."""
    row = referrals.get(ctx.tx, referral)
    if row is None:
        raise NotFound("candidate.over")
    return way_out(ctx.tx, row)


def late(tx: Tx, row: Referral, opening: Opening, policy: Policy) -> Card:
    """The answer that was promised did not come: said as it is."""
    name, company = offering.title(opening), policy.brand.company
    text = t("candidate.late_text", opening=name, company=company, contact=policy.brand.contact_name)
    return referring.mail(t("candidate.late"), text, policy, way_out(tx, row))
