"""introduced: candidates who agreed, for those at the company who answer for their opening, and nobody else.

What is told to a candidate is always kind, whatever was decided.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot import fetching, offering, referring
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
    Sheet,
    Side,
    Words,
    t,
)  # fmt: skip
from bot.errors import Conflict, NotFound
from bot.fields import choice, text
from bot.places import AnswerPlace, CandidatePlace, IntroducedPlace, PostedPlace
from bot.policy import Policy
from bot.post import Letter
from bot.registry import Context, Feature
from storage import accounts, journal, openings, people, referrals
from storage.answers import Step
from storage.consents import Purpose
from storage.openings import Opening
from storage.referrals import Referral, Stand

feature = Feature(__name__)
HR = (Role.HR,)
SHOWN = 20


def _opening(ctx: Context, opening: int) -> tuple[Opening, str]:
    """An opening, and the key by which the actor answers for it. Raises `NotFound` for everybody else."""
    row = openings.get(ctx.tx, opening)
    keys = accounts.keys_of(ctx.tx, ctx.actor.address) if row is not None else frozenset()
    own = next((r.key for r in offering.readers(ctx.tx, row) if r.key in keys), "") if row else ""
    if row is None or not own:
        raise NotFound("introduced.not_yours")
    return row, own


def _introduced(ctx: Context, referral: int) -> tuple[Referral, Opening, str]:
    """A candidate who agreed, for a reader of the opening."""
    row = referrals.get(ctx.tx, referral)
    if row is None or row.stand is not Stand.AGREED:
        raise NotFound("introduced.not_yours")
    return row, *_opening(ctx, row.opening_id)


# --- reading ----------------------------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR, reads=True)
def waiting(ctx: Context, opening: int) -> Answer:
    """Everybody who was introduced for an opening."""
    row, _ = _opening(ctx, opening)
    found = referrals.agreed(ctx.tx, opening)
    entries = tuple(
        Entry(people.one(ctx.tx, one.person_id or "").name, _line(one), _see(one)) for one in found[:SHOWN]
    )
    ways: tuple[Block, ...] = (Buttons((Button(t("introduced.export_button"), export(opening=row.id)),)),)
    rest = len(found) - SHOWN
    more: tuple[Block, ...] = (Note(t("introduced.more", count=rest)),) if rest > 0 else ()
    body = (*entries, *more, *ways) if entries else (Paragraph(t("introduced.nobody")),)
    return Reply(Card(offering.title(row), body, t("common.notice"), sensitive=True))


def _line(row: Referral) -> Words:
    state = t(f"introduced.step.{row.step.value}")
    day = row.answer_by if row.step is Step.WAITING else None
    return t("introduced.until", state=state, day=day) if day is not None else state


def _see(row: Referral) -> Button:
    return Button(t("introduced.look"), look(referral=row.id))


@feature.action(Side.COMPANY, roles=HR, reads=True)
def look(ctx: Context, referral: int) -> Answer:
    """One candidate, with everything they agreed to have told."""
    row, opening, _ = _introduced(ctx, referral)
    button = Button(t("introduced.answer_button"), answer(referral=row.id, was=row.edition), "primary")
    note = Note(t("introduced.look_note"))
    body = (_facts(ctx, row), Buttons((button,)), note)
    return Reply(Card(offering.title(opening), body, t("common.notice"), sensitive=True))


def _facts(ctx: Context, row: Referral) -> Facts:
    person, nothing = people.one(ctx.tx, row.person_id or ""), t("candidate.fact.nothing")
    own = referrals.note_of(ctx.tx, row)
    notes: tuple[tuple[Words, Words], ...] = ((t("introduced.answer.note"), own),) if own else ()
    return Facts((
        (t("candidate.fact.name"), person.name),
        (t("candidate.fact.email"), people.private_email(ctx.tx, person) or ""),
        (t("candidate.fact.referrer"), referring.referrer(ctx.tx, row)),
        (t("introduced.column.relation"), t(f"refer.introduce.relation.{row.relation}")),
        (t("candidate.fact.why"), referrals.why_of(ctx.tx, row) or nothing),
        (t("introduced.answer.step.label"), _line(row)),
        *notes,
    ))  # fmt: skip


@waiting.offered_on(PostedPlace)
def on_posted(ctx: Context, opening: int) -> Button | None:
    """Under the opening, for its readers."""
    return _way(ctx, opening)


@waiting.offered_on(AnswerPlace)
def on_answers(ctx: Context, opening: int) -> Button | None:
    """Beside those who raised a hand."""
    return _way(ctx, opening)


def _way(ctx: Context, opening: int) -> Button | None:
    try:
        row, _ = _opening(ctx, opening)
    except NotFound:
        return None
    found = len(referrals.agreed(ctx.tx, row.id))
    return Button(t("introduced.waiting_button", count=found), waiting(opening=row.id)) if found else None


@look.offered_on(IntroducedPlace)
def on_word(ctx: Context, referral: int) -> Button:
    """In the word that somebody agreed."""
    return Button(t("introduced.look"), look(referral=referral), "primary")


# --- answering --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Next:
    """What was done, and what the company wants to remember of it."""

    step: str = choice(*(step for step in Step if step is not Step.WAITING))
    note: str = text(long=True, required=False)


@feature.form(Next, Side.COMPANY, roles=HR)
def answer(ctx: Context, form: Next, referral: int, was: str) -> Answer:
    """The next step: the candidate is told in kind words, at the end the referrer is thanked.

    `was` is the state that stood there when the form was opened: two readers may answer at once.
    """
    row, opening, key = _unchanged(ctx, referral, was)
    step, before = Step(form.step), row.step
    referrals.step(ctx.tx, row, step, key, form.note)
    if step is not before:
        _tell(ctx, row, opening)
    if step is Step.CLOSED:
        referring.thank(ctx.tx, row, opening, ctx.policy)
    journal.write(ctx.tx, f"referral.{step.value}", row.person_id or "", actor=str(ctx.actor.address))
    body = (Paragraph(t(f"introduced.done.{step.value}")), Buttons((_see(row),)))
    return Reply(Card(t("introduced.noted"), body, t("common.notice"), sensitive=True), replaces=True)


def _unchanged(ctx: Context, referral: int, was: str) -> tuple[Referral, Opening, str]:
    found = _introduced(ctx, referral)
    if found[0].edition != was:
        raise Conflict("introduced.changed")
    return found


@answer.prepare
def filled(ctx: Context, referral: int, was: str) -> Next:
    """What was said last."""
    row, _, _ = _unchanged(ctx, referral, was)
    step = "" if row.step is Step.WAITING else row.step.value
    return Next(step, referrals.note_of(ctx.tx, row))


@answer.intro
def meaning(ctx: Context, referral: int, was: str) -> Card:
    """Who reads what of it."""
    return Card(t("introduced.answer.title"), (Paragraph(t("introduced.how")),))


def _tell(ctx: Context, row: Referral, opening: Opening) -> None:
    step, company = row.step.value, ctx.policy.brand.company
    text = t(f"introduced.mail.{step}", company=company, opening=offering.title(opening))
    ways = ctx.offers(CandidatePlace, row.id)
    card = referring.mail(t("introduced.mail.title", company=company), text, ctx.policy, *ways)
    referring.tell_candidate(ctx.tx, row, Letter("introduced.step", card, step, Purpose.OPENINGS))


def reminder(row: Referral, opening: Opening, policy: Policy) -> Card:
    """To those who answer: the day that was promised is over."""
    text = t("introduced.late_text", opening=offering.title(opening), day=row.answer_by or opening.closes_on)
    return Card(t("introduced.late"), (Paragraph(text), Buttons((_see(row),))), t("introduced.notice"))


def orphaned(opening: Opening) -> Card:
    """To who runs the network: somebody waits, and nobody who answers for the opening is here any more."""
    text = t("introduced.orphaned_text", opening=offering.title(opening))
    return Card(t("introduced.orphaned"), (Paragraph(text),), t("introduced.notice"))


# --- as a file --------------------------------------------------------------------------------------------

COLUMNS = (
    "opening", "name", "email", "relation", "referrer", "why", "agreed_at", "answer_by", "step", "stepped_at",
    "note",
)  # fmt: skip


@feature.action(Side.COMPANY, roles=HR)
def export(ctx: Context, opening: int) -> Answer:
    """A link to the same as a file, good once."""
    row, _ = _opening(ctx, opening)
    button = Button(t("introduced.fetch"), fetching.link(ctx, candidates(opening=row.id)), "primary")
    body = (Paragraph(t("introduced.export_text")), Buttons((button,)))
    return Reply(Card(offering.title(row), body, t("common.notice"), sensitive=True))


@feature.download(Side.COMPANY, roles=HR)
def candidates(ctx: Context, opening: int) -> Sheet:
    """Everybody who was introduced for an opening, for its readers."""
    row, _ = _opening(ctx, opening)
    rows = tuple(_cells(ctx, one) for one in referrals.agreed(ctx.tx, opening))
    heads = tuple(t(f"introduced.column.{name}") for name in COLUMNS)
    return Sheet(t("introduced.file", number=str(row.id)), heads, rows)


def _cells(ctx: Context, row: Referral) -> tuple[object, ...]:
    person, by = people.one(ctx.tx, row.person_id or ""), referring.referrer(ctx.tx, row)
    return (
        row.opening_id, person.name, people.private_email(ctx.tx, person),
        t(f"refer.introduce.relation.{row.relation}"),
        by, referrals.why_of(ctx.tx, row), row.agreed_at, row.answer_by,
        t(f"introduced.step.{row.step.value}"), row.stepped_at, referrals.note_of(ctx.tx, row),
    )  # fmt: skip
