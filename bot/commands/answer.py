"""answer: the company's side of raised hands: who may know of them reads, takes the next step, exports.

Only who is named on the row (`interests.read_by`): being HR, or owner of the network, is not enough, and for
everybody else it looks as if there were none. Nothing here is written into the journal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot import fetching, interested, offering
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
    Text,
    Words,
    t,
)  # fmt: skip
from bot.errors import Conflict, NotFound
from bot.fields import choice, text
from bot.places import AnswerPlace, HomePlace, OwnInterestPlace, PostedPlace
from bot.post import Letter, to_alumnus
from bot.registry import Context, Feature
from bot.visibility import CHOOSABLE, Audience
from storage import accounts, interests, openings, people
from storage.answers import Step
from storage.consents import Purpose
from storage.engine import Tx
from storage.interests import Interest
from storage.openings import Opening

feature = Feature(__name__)
HR = (Role.HR,)
SHOWN = 20
STEPS = tuple(step.value for step in Step if step is not Step.WAITING)


def _keys(ctx: Context) -> frozenset[str]:
    return accounts.keys_of(ctx.tx, ctx.actor.address)


def _of(ctx: Context, row: Interest) -> Opening:
    opening = openings.get(ctx.tx, row.opening_id)
    if opening is None:
        raise NotFound("answer.not_there")
    return opening


def _readable(ctx: Context, interest: int) -> Interest:
    row = interests.read_by(ctx.tx, interest, _keys(ctx))
    if row is None:
        raise NotFound("answer.not_there")
    return row


@feature.action(Side.COMPANY, roles=HR, reads=True)
def read(ctx: Context, interest: int) -> Answer:
    """Who it is, how to reach them, and what was done."""
    return Reply(_for_reader(ctx, _readable(ctx, interest)), replaces=True)


def look(row: Interest) -> Button:
    """The button of a message to who may know of it."""
    return Button(t("answer.look"), read(row.id), "primary")


def unanswerable(opening: Opening) -> Card:
    """To owners of the network: said of every such opening, whether anybody raised a hand or not."""
    text = t("answer.unanswerable", opening=offering.title(opening))
    return Card(t("answer.unanswerable_title"), (Paragraph(text),), t("answer.notice"))


def _for_reader(ctx: Context, row: Interest) -> Card:
    opening = _of(ctx, row)
    ways = (
        Button(t("answer.step_button"), step(row.id, row.edition), "primary"),
        Button(t("answer.list_button"), answers(opening.id)),
    )
    body = (Facts(tuple(_facts(ctx, row, opening))), Buttons(ways), Note(t("answer.keep")))
    return Card(offering.title(opening), body, t("answer.notice"), sensitive=True)


def _facts(ctx: Context, row: Interest, opening: Opening) -> Iterator[tuple[Words, Words]]:
    person = people.one(ctx.tx, row.person_id)
    yield t("answer.fact.name"), person.name
    shown = people.profile(ctx.tx, person.id, Audience.HR)
    for name in CHOOSABLE:
        if value := getattr(shown, name):
            yield t(f"profile.field.{name}"), value
    yield t("answer.fact.reach"), _email(ctx.tx, row) or t("answer.by_news")
    yield t("answer.fact.since"), t("answer.moment", at=row.made_at)
    yield t("answer.fact.step"), _stand(row, opening)
    if row.answer_by is not None and row.step is Step.WAITING:
        yield t("answer.fact.answer_by"), t("answer.day", day=row.answer_by)
    if note := interests.note_of(ctx.tx, row):
        yield t("answer.step.note"), note


def _email(tx: Tx, row: Interest) -> str:
    person = people.one(tx, row.person_id)
    good = person.private_email_proven_at is not None and not person.unreachable
    return (people.private_email(tx, person) or "") if good else ""


def _stand(row: Interest, opening: Opening) -> Text:
    word = t(f"answer.stand.{row.step.value}")
    if row.step is Step.WAITING or row.stepped_at is None:
        return word
    (by,) = interested.names(opening, [row.stepped_by])
    return t("answer.stepped", step=word, name=by, at=row.stepped_at)


@dataclass(frozen=True)
class Next:
    """What was done."""

    step: str = choice(*STEPS)
    note: str = text(long=True, required=False)


@feature.form(Next, Side.COMPANY, roles=HR)
def step(ctx: Context, form: Next, interest: int, after: str) -> Answer:
    """The next step; the person learns of each in kind words."""
    row = _unchanged(ctx, interest, after)
    taken, before = Step(form.step), row.step
    by = min(_keys(ctx) & set(row.readers))
    interests.step(ctx.tx, row, taken, by, form.note)
    if taken is not before:
        see = ctx.offers(OwnInterestPlace, row.id)
        dedup = f"{interests.mark(row)}{taken.value}{ctx.now:%Y%m%d%H%M%S%f}"
        letter = Letter(f"{interests.KIND}.news", interested.news(*see), dedup, Purpose.OPENINGS)
        to_alumnus(ctx.tx, row.person_id, letter)
    return Reply(_for_reader(ctx, row), replaces=True)


def _unchanged(ctx: Context, interest: int, after: str) -> Interest:
    row = _readable(ctx, interest)
    if row.edition != after:
        raise Conflict("answer.meanwhile")
    return row


@step.prepare
def stands(ctx: Context, interest: int, after: str) -> Next:
    """As it stands."""
    row = _unchanged(ctx, interest, after)
    known = row.step.value if row.step is not Step.WAITING else ""
    return Next(known, interests.note_of(ctx.tx, row))


@step.intro
def to_whom(ctx: Context, interest: int, after: str) -> Card:
    """What the person reads, before it is said."""
    person = people.one(ctx.tx, _readable(ctx, interest).person_id)
    return Card(t("answer.step.title"), (Paragraph(t("answer.told_kindly", name=person.name)),))


# --- all of them: lists and a file ------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR, reads=True)
def answers(ctx: Context, opening: int) -> Answer:
    """Those that I may know of, for one opening; for who may know of none it looks as if there were none."""
    rows = interests.seen_by(ctx.tx, opening, _keys(ctx))
    if not rows:
        raise NotFound("answer.not_there")
    ways = [Button(t("answer.export_button"), export(opening))] if ctx.policy.base_url else []
    ways += [one for one in ctx.offers(AnswerPlace, opening) if one.press != answers(opening)]
    more: tuple[Block, ...] = (Buttons(tuple(ways)),) if ways else ()
    body: tuple[Block, ...] = (*_entries(ctx, rows), *more, Note(t("answer.keep")))
    return Reply(Card(offering.title(_of(ctx, rows[0])), body, t("answer.notice"), sensitive=True))


def _entries(ctx: Context, rows: list[Interest]) -> Iterator[Block]:
    """Who waits first; as many as a dialog holds with its buttons."""
    for row in sorted(rows, key=lambda one: one.step is not Step.WAITING)[:SHOWN]:
        name = people.one(ctx.tx, row.person_id).name
        yield Entry(name, _stand(row, _of(ctx, row)), Button(t("answer.look"), read(row.id)))
    if len(rows) > SHOWN:
        yield Note(t("answer.more", count=len(rows) - SHOWN))


@feature.action(Side.COMPANY, roles=HR, reads=True)
def pending(ctx: Context) -> Answer:
    """Everybody who waits for my answer."""
    rows = interests.waiting(ctx.tx, _keys(ctx))
    if not rows:
        raise NotFound("answer.not_there")
    body = (*_entries(ctx, rows), Note(t("answer.keep")))
    return Reply(Card(t("answer.pending_title"), body, t("answer.notice"), sensitive=True))


@pending.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """Where somebody waits for me."""
    if ctx.actor.side is not Side.COMPANY or not ctx.actor.has(Role.HR):
        return None
    count = len(interests.waiting(ctx.tx, _keys(ctx)))
    return Button(t("answer.pending_button", count=count), pending()) if count else None


@answers.offered_on(PostedPlace)
def on_posted(ctx: Context, opening: int) -> Button | None:
    """Under an opening, for who may know of somebody."""
    return _list_button(ctx, opening)


@answers.offered_on(AnswerPlace)
def beside_others(ctx: Context, opening: int) -> Button | None:
    """Beside who else waits for an answer."""
    return _list_button(ctx, opening)


def _list_button(ctx: Context, opening: int) -> Button | None:
    if ctx.actor.side is not Side.COMPANY or not ctx.actor.has(Role.HR):
        return None
    count = len(interests.seen_by(ctx.tx, opening, _keys(ctx)))
    return Button(t("answer.list_count", count=count), answers(opening)) if count else None


@feature.action(Side.COMPANY, roles=HR)
def export(ctx: Context, opening: int) -> Answer:
    """A link to a file of those that I may know of."""
    if not interests.seen_by(ctx.tx, opening, _keys(ctx)):
        raise NotFound("answer.not_there")
    link = Button(t("answer.fetch_button"), fetching.link(ctx, table(opening)), "primary")
    body = (Paragraph(t("answer.fetch")), Buttons((link,)), Note(t("answer.keep")))
    return Reply(Card(t("answer.fetch_title"), body, t("answer.notice"), sensitive=True))


COLUMNS = (
    "name", *CHOOSABLE, "email", "since", "step", "step_by", "step_at", "answer_by", "note"
)  # fmt: skip


@feature.download(Side.COMPANY, roles=HR, noted=False)
def table(ctx: Context, opening: int) -> Sheet:
    """One line each, of those that whoever fetches it may know of at that moment."""
    rows = interests.seen_by(ctx.tx, opening, _keys(ctx))
    if not rows:
        raise NotFound("answer.not_there")
    heads = tuple(
        t(f"profile.field.{name}" if name in CHOOSABLE else f"answer.column.{name}") for name in COLUMNS
    )
    return Sheet(t("answer.file", number=str(opening)), heads, tuple(_cells(ctx, row) for row in rows))


def _cells(ctx: Context, row: Interest) -> tuple[object, ...]:
    shown = people.profile(ctx.tx, row.person_id, Audience.HR)
    profile = (getattr(shown, name) for name in CHOOSABLE)
    (by,) = interested.names(_of(ctx, row), [row.stepped_by])
    name, note = people.one(ctx.tx, row.person_id).name, interests.note_of(ctx.tx, row)
    since = (row.made_at, t(f"answer.stand.{row.step.value}"), by, row.stepped_at, row.answer_by, note)
    return name, *profile, _email(ctx.tx, row), *since
