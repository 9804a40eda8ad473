"""refer: an alumnus names somebody for an opening. Who it is, the company learns when the candidate agrees.

Source: 個人情報保護法 17, 27条, GDPR art. 14 (the candidate first); 職業安定法 30, 40条 (`bot.rewards`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot import erasing, offering, referring, rewards
from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Divider,
    Entry,
    Facts,
    Note,
    Paragraph,
    Reply,
    Role,
    Side,
    Words,
    t,
)  # fmt: skip
from bot.errors import BadUsage, Conflict, InvalidForm, NotFound, TooOften
from bot.fields import choice, email, text, tick
from bot.places import AskedPlace, HomePlace, OpeningPlace, OwnReferralPlace
from bot.post import Letter, to_alumnus
from bot.registry import Context, Feature
from bot.visibility import Audience
from storage import journal, openings, people, referrals
from storage.consents import Purpose
from storage.erasures import Why
from storage.openings import Opening
from storage.people import Person
from storage.referrals import Named, Referral, Stand

feature = Feature(__name__)
MEMBERS = (Role.ALUMNUS,)
RELATIONS = ("colleague", "client", "friend", "other")
REFUSED = "referral.refused"
TRIES_A_DAY = 10
"""Addresses that are answered with a no: nobody is to find out by trying who is known here."""
SIZE = 8


# --- naming somebody --------------------------------------------------------------------------------------


@feature.command(Side.ALUMNI, roles=MEMBERS, reads=True, short="/refer")
def refer(ctx: Context, argument: str) -> Answer:
    """The form for an opening by its number; without one, what may be referred to and what I referred."""
    if not argument:
        return Reply(_overview(ctx, 1))
    found = re.fullmatch(r"\D{0,8}(\d{1,9})", argument)
    if found is None:
        raise BadUsage("refer.which", words=argument[:40])
    return introduce(opening=int(found[1]))


@dataclass(frozen=True)
class Candidate:
    """Who it is, and how the referrer knows them."""

    name: str = text(limit=80)
    email: str = email()
    relation: str = choice(*RELATIONS, default="colleague")
    why: str = text(long=True, required=False)
    language: str = choice("japanese", "english", default="japanese")
    told: bool = tick(required=True)


@feature.form(Candidate, Side.ALUMNI, roles=MEMBERS)
def introduce(ctx: Context, form: Candidate, opening: int) -> Answer:
    """Asks the candidate. Who is here already and shows it to nobody is not asked, and nobody can tell."""
    row, me = _opening(ctx, opening), _me(ctx)
    _within_limits(ctx, me)
    _refuse(ctx, me, form)
    named = Named(row.id, me.id, referrals.mark_of(ctx.tx, form.email), form.relation, form.why)
    known = _known(ctx, form.email)
    if known is None:
        _ask(ctx, row, referrals.add(ctx.tx, named, _candidate(ctx, form)))
    else:
        referrals.add(ctx.tx, named, None)
        _hint(ctx, known, row)
    body = (
        Paragraph(t("refer.asked_text", company=ctx.policy.brand.company)),
        Note(t("refer.asked_note", day=ctx.policy.day(ctx.now + referrals.ASKED_FOR))),
    )
    return Reply(Card(t("refer.asked_title"), body, t("common.notice")))


@introduce.prepare
def allowed(ctx: Context, opening: int) -> Candidate:
    """Whether it may be opened at all, before anything is typed."""
    _opening(ctx, opening)
    _within_limits(ctx, _me(ctx))
    return Candidate()


@introduce.intro
def explained(ctx: Context, opening: int) -> Card:
    """What happens, that the referrer's name is shown, and that nothing is paid for it."""
    brand, row = ctx.policy.brand, _opening(ctx, opening)
    body = (
        Paragraph(t("refer.for", opening=offering.title(row))),
        Paragraph(t("refer.how", company=brand.company, name=_me(ctx).name)),
        Note(rewards.of(ctx.policy.calendar.country).sentence),
    )
    return Card(t("refer.introduce.title"), body)


def _me(ctx: Context) -> Person:
    person = people.get(ctx.tx, ctx.actor.person_id) if ctx.actor.person_id else None
    if person is None:
        raise NotFound("common.join_first")
    return person


def _opening(ctx: Context, number: int) -> Opening:
    """An opening to which somebody may be referred."""
    row = openings.open_one(ctx.tx, number, ctx.policy.day(ctx.now))
    if row is None:
        raise NotFound("refer.no_opening", number=str(number))
    if not row.referable:
        raise Conflict("refer.not_referable", opening=offering.title(row))
    return row


def _within_limits(ctx: Context, me: Person) -> None:
    day, most = ctx.now - timedelta(days=1), ctx.policy.referrals_a_day
    if referrals.made_since(ctx.tx, me.id, day) >= most:
        raise TooOften("refer.enough", count=most)
    if journal.lately(ctx.tx, REFUSED, me.id, day) >= TRIES_A_DAY:
        raise TooOften("refer.tomorrow")


def _refuse(ctx: Context, me: Person, form: Candidate) -> None:
    """Raises `InvalidForm` beside the address: oneself, an employee, who is here for all to see, who was
    named already. That it happened is counted, without the address."""
    mark, own = referrals.mark_of(ctx.tx, form.email), people.private_email(ctx.tx, me)
    if own and referrals.mark_of(ctx.tx, own) == mark:
        raise _no(ctx, me, "refer.yourself")
    if referrals.employed(ctx.tx, form.email):
        raise _no(ctx, me, "refer.employee")
    known = _known(ctx, form.email)
    if known is not None and people.profile(ctx.tx, known.id, Audience.ALUMNI) is not None:
        raise _no(ctx, me, "refer.here_already")
    if referrals.known(ctx.tx, mark):
        raise _no(ctx, me, "refer.named_already")


def _no(ctx: Context, me: Person, key: str) -> InvalidForm:
    journal.write(ctx.tx, REFUSED, me.id, actor=me.id)
    return InvalidForm({"email": t(key)}, keeps=True)


def _known(ctx: Context, email: str) -> Person | None:
    """Who is here already with this mailbox, shown or not."""
    found = (people.by_proven_email(ctx.tx, one) for one in referrals.spellings(email))
    return next((person for person in found if person is not None), None)


def _candidate(ctx: Context, form: Candidate) -> Person:
    locale = "en" if form.language == "english" else "ja"
    person = people.add(ctx.tx, form.name, locale=locale, zone=ctx.policy.zone)
    people.set_private_email(ctx.tx, person, form.email)
    return person


def _ask(ctx: Context, row: Opening, referral: Referral) -> None:
    """The question to the candidate; of what the referrer typed only their own name stands in it."""
    brand, by = ctx.policy.brand, referring.referrer(ctx.tx, referral)
    body = (
        Paragraph(t("refer.mail.text", referrer=by, company=brand.company)),
        Paragraph(t("refer.mail.opening", opening=offering.title(row))),
        offering.facts(row),
        Paragraph(t("refer.mail.ask", company=brand.company)),
        Buttons(ctx.offers(AskedPlace, referral.id)),
        Paragraph(t("refer.mail.data", referrer=by, day=ctx.policy.day(referral.expires_at))),
        Note(t("refer.mail.from", network=brand.network, company=brand.company, contact=brand.contact_name)),
    )
    card = Card(t("refer.mail.title"), body, t("candidate.notice", company=brand.company))
    referring.tell_candidate(ctx.tx, referral, Letter("refer.ask", card, "ask", Purpose.ASKING))


def _hint(ctx: Context, member: Person, row: Opening) -> None:
    """To a member who shows themselves to nobody: the opening, as if nobody had named them."""
    rests = member.paused_until is not None and member.paused_until > ctx.policy.day(ctx.now)
    if people.is_member(member, ctx.now) and not rests:
        card = offering.card(row, *ctx.offers(OpeningPlace, row.id))
        to_alumnus(ctx.tx, member.id, Letter("refer.opening", card, str(row.id), Purpose.OPENINGS))


# --- what I referred --------------------------------------------------------------------------------------


def _overview(ctx: Context, page: int) -> Card:
    found = [one for one in openings.open_ones(ctx.tx, ctx.policy.day(ctx.now)) if one.referable]
    first = (page - 1) * SIZE
    entries = tuple(
        Entry(offering.title(one), offering.line(one), Button(t("refer.button"), introduce(opening=one.id)))
        for one in found[first : first + SIZE]
    )
    turns = [Button(t("common.previous"), turn(page - 1))] if page > 1 else []
    turns += [Button(t("common.next"), turn(page + 1))] if found[first + SIZE :] else []
    ways: tuple[Block, ...] = (Buttons(tuple(turns)),) if turns else ()
    top = Paragraph(t("refer.choose" if entries else "refer.nothing_open"))
    return Card(t("refer.title"), (top, *entries, *ways, *_mine(ctx)), t("common.notice"))


def _mine(ctx: Context) -> Iterator[Block]:
    """The newest of what I referred: where each stands, and nothing of who it is."""
    rows = referrals.by_referrer(ctx.tx, _me(ctx).id)[:SIZE]
    if rows:
        yield Divider()
        yield Paragraph(t("refer.mine"))
    for row in rows:
        state = t(f"refer.stand.{referrals.told(ctx.tx, row).value}")
        line = t("refer.line", day=ctx.policy.day(row.made_at), state=state)
        yield Entry(_name(ctx, row), line, Button(t("refer.see_button"), own(referral=row.id)))


def _name(ctx: Context, row: Referral) -> Words:
    opening = openings.get(ctx.tx, row.opening_id)
    return offering.title(opening) if opening is not None else str(row.opening_id)


@feature.action(Side.ALUMNI, roles=MEMBERS, reads=True)
def turn(ctx: Context, page: int) -> Answer:
    """Another page of what may be referred to."""
    return Reply(_overview(ctx, max(1, min(page, 100))), replaces=True)


@feature.action(Side.ALUMNI, roles=MEMBERS, reads=True)
def overview(ctx: Context) -> Answer:
    """The same, from a button."""
    return Reply(_overview(ctx, 1))


def _own(ctx: Context, referral: int) -> Referral:
    row = referrals.own(ctx.tx, referral, ctx.actor.person_id)
    if row is None:
        raise NotFound("refer.not_yours")
    return row


@feature.action(Side.ALUMNI, roles=MEMBERS, reads=True)
def own(ctx: Context, referral: int) -> Answer:
    """One of mine: what became of it, in words that say nothing about the candidate."""
    row = _own(ctx, referral)
    stand = referrals.told(ctx.tx, row)
    ways = ctx.offers(OwnReferralPlace, row.id)
    buttons: tuple[Block, ...] = (Buttons(ways),) if ways else ()
    body = (
        Facts(((t("refer.made"), t("refer.day", day=ctx.policy.day(row.made_at))),)),
        Paragraph(t(f"refer.state.{stand.value}", company=ctx.policy.brand.company)),
        *buttons,
    )
    return Reply(Card(_name(ctx, row), body, t("common.notice"), sensitive=True))


@feature.action(Side.ALUMNI, roles=MEMBERS)
def withdraw(ctx: Context, referral: int) -> Answer:
    """Taken back while the candidate has not agreed: everything about them goes at once."""
    row = _own(ctx, referral)
    if referrals.told(ctx.tx, row) is not Stand.ASKED:
        raise Conflict("refer.too_late")
    erasing.candidate(ctx.tx, row, Why.STRUCK)
    referrals.thanked(ctx.tx, row)
    body = (Paragraph(t("refer.withdrawn_text")),)
    return Reply(Card(t("refer.withdrawn"), body, t("common.notice"), sensitive=True), replaces=True)


@withdraw.offered_on(OwnReferralPlace)
def on_own(ctx: Context, referral: int) -> Button | None:
    """While the candidate has time to answer."""
    row = referrals.own(ctx.tx, referral, ctx.actor.person_id)
    asked = row is not None and referrals.told(ctx.tx, row) is Stand.ASKED
    return Button(t("refer.withdraw_button"), withdraw(referral=referral)) if asked else None


@introduce.offered_on(OpeningPlace)
def on_opening(ctx: Context, opening: int) -> Button | None:
    """Under every opening for which HR wants it."""
    row = openings.open_one(ctx.tx, opening, ctx.policy.day(ctx.now))
    wanted = row is not None and row.referable
    return Button(t("refer.button"), introduce(opening=opening)) if wanted else None


@overview.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """While there is something to refer to."""
    if ctx.actor.side is not Side.ALUMNI or not ctx.actor.has(Role.ALUMNUS):
        return None
    rows = openings.open_ones(ctx.tx, ctx.policy.day(ctx.now), limit=20)
    return Button(t("refer.home_button"), overview()) if any(row.referable for row in rows) else None
