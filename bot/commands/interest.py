"""interest: an alumnus raises a hand for an opening, in confidence; `answer` is the company's side of it.

Only who is named on the row learns of it. Nothing here is written into the journal, and every card that tells
of a raised hand is sensitive: a chat shows it in dialogs only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from bot import interested, leaving, offering
from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Facts,
    Field,
    Note,
    Option,
    Paragraph,
    Reply,
    Role,
    Side,
    Text,
    Words,
    t,
)  # fmt: skip
from bot.errors import Conflict, InvalidForm, NotFound
from bot.fields import choices
from bot.offering import Reader
from bot.places import OpeningPlace, OwnInterestPlace
from bot.registry import Context, Feature
from storage import consents, interests, openings
from storage.answers import Step
from storage.consents import Purpose, Said
from storage.engine import Tx
from storage.interests import Interest
from storage.openings import Opening, Phase

feature = Feature(__name__)
ALUMNI = (Role.ALUMNUS,)


# --- raising a hand ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Raised:
    """Who may learn of it (`_mark` of each), and, the first time, the consent (the wording's version)."""

    readers: tuple[str, ...] = choices()
    agree: tuple[str, ...] = choices()


@feature.action(Side.ALUMNI, roles=ALUMNI, reads=True)
def hand(ctx: Context, opening: int) -> Answer:
    """The one button on an opening, the same for everybody: the form, or what was said before."""
    row = _raised(ctx, opening)
    if row is not None:
        return Reply(_mine(ctx, row, Paragraph(t("interest.already"))))
    return tell(opening=opening)


@hand.offered_on(OpeningPlace)
def on_opening(ctx: Context, opening: int) -> Button | None:
    """Under an opening, wherever alumni read it: it does not tell whether a hand was raised."""
    return None if ctx.actor.side is Side.COMPANY else Button(t("interest.button"), hand(opening), "primary")


def _me(ctx: Context) -> str:
    if ctx.actor.person_id is None:
        raise NotFound("common.join_first")
    return ctx.actor.person_id


def _raised(ctx: Context, opening: int) -> Interest | None:
    """The hand that is up; one of which nobody is left to learn counts no longer."""
    row = interests.of(ctx.tx, opening, _me(ctx))
    return row if row is not None and (row.told_at is None or interested.still(ctx.tx, row)) else None


def _open(ctx: Context, opening: int) -> tuple[Opening, tuple[Reader, ...]]:
    """An opening that takes interests, and who would learn of one. A draft is told like what never was."""
    row = openings.get(ctx.tx, opening)
    if row is None or row.state in (Phase.DRAFT, Phase.PROPOSED):
        raise NotFound("interest.no_opening")
    if not openings.is_open(row, ctx.policy.day(ctx.now)):
        raise Conflict("interest.over")
    readers = offering.readers(ctx.tx, row)
    if not readers:
        raise Conflict("interest.nobody", contact=ctx.policy.brand.contact_name)
    return row, readers


def _mark(reader: Reader) -> str:
    """What stands for a reader in the form: another key or another name is another choice."""
    return hashlib.sha256(f"{reader.key}\0{reader.name}".encode()).hexdigest()[:16]


@feature.form(Raised, Side.ALUMNI, roles=ALUMNI)
def tell(ctx: Context, form: Raised, opening: int) -> Answer:
    """A raised hand: for ten minutes only theirs to know, then those whom they left in."""
    row, readers = _open(ctx, opening)
    if (up := _raised(ctx, opening)) is not None:
        return Reply(_mine(ctx, up, Paragraph(t("interest.already"))))
    chosen = _chosen(readers, form)
    _agree(ctx, form)
    if (lone := interests.of(ctx.tx, row.id, _me(ctx))) is not None:
        interests.drop(ctx.tx, lone)
    made = interests.add(ctx.tx, row.id, _me(ctx), [one.key for one in chosen], ctx.now + interested.ALONE)
    return Reply(_mine(ctx, made, Paragraph(t("interest.taken_down"))))


def _chosen(readers: tuple[Reader, ...], form: Raised) -> list[Reader]:
    """Those left in. Nobody who was not shown, even when HR has named somebody else since."""
    known = {_mark(reader): reader for reader in readers}
    if set(form.readers) - known.keys():
        raise Conflict("interest.others_now")
    if not form.readers:
        raise InvalidForm({"readers": t("interest.one_at_least")})
    return [known[mark] for mark in dict.fromkeys(form.readers)]


def _agree(ctx: Context, form: Raised) -> None:
    if consents.allows(ctx.tx, _me(ctx), Purpose.OPENINGS):
        return
    if not form.agree:
        raise InvalidForm({"agree": t("common.field_tick")})
    if consents.wording(ctx.tx, Purpose.OPENINGS) not in form.agree:
        raise Conflict("privacy.reworded")
    said = Said(ctx.actor.locale, ctx.actor.address.platform.value)
    leaving.give(ctx.tx, _me(ctx), Purpose.OPENINGS, said, ctx.policy)


@tell.prepare
def blank(ctx: Context, opening: int) -> Raised:
    """Everybody is left in until the person takes them out."""
    _, readers = _open(ctx, opening)
    if not consents.allows(ctx.tx, _me(ctx), Purpose.STAY_IN_TOUCH):
        raise Conflict("privacy.stay_first")
    return Raised(tuple(_mark(reader) for reader in readers))


@tell.shaped
def asked(ctx: Context, shown: tuple[Field, ...], opening: int) -> tuple[Field, ...]:
    """The names of this opening's readers; the consent only of who has not given it."""
    who, agree = shown
    names = tuple(Option(_mark(one), one.name) for one in _open(ctx, opening)[1])
    who = replace(who, options=names)
    if consents.allows(ctx.tx, _me(ctx), Purpose.OPENINGS):
        return (who,)
    box = Option(consents.wording(ctx.tx, Purpose.OPENINGS), t("interest.agree"))
    return who, replace(agree, options=(box,), required=True)


@tell.intro
def before(ctx: Context, opening: int) -> Card:
    """Everything that somebody should know before anything is disclosed."""
    row, readers = _open(ctx, opening)
    day = offering.answer_by(ctx.policy, ctx.now + interested.ALONE)
    body: list[Block] = [
        Paragraph(t("interest.about", opening=offering.title(row))),
        Paragraph(t("interest.who", names=_listed([one.name for one in readers]))),
        Paragraph(t("interest.what")),
        Paragraph(t("interest.never")),
        Paragraph(t("interest.undo_first")),
        Paragraph(t("interest.next", day=day)),
    ]
    if not consents.allows(ctx.tx, _me(ctx), Purpose.OPENINGS):
        body.append(Paragraph(t("interest.consent")))
        body.append(Paragraph(t("privacy.wording.openings", network=ctx.policy.brand.network)))
    return Card(t("interest.tell.title"), tuple(body))


def _listed(names: list[str]) -> Text:
    """Names as people say them: `佐藤さん、木村さん`."""
    said = t("interest.person", name=names[0])
    for name in names[1:]:
        said = t("interest.persons", first=said, second=t("interest.person", name=name))
    return said


# --- my own raised hand -----------------------------------------------------------------------------------


def _mine(ctx: Context, row: Interest, *news: Block) -> Card:
    opening = _of(ctx, row)
    names = interested.names(opening, row.readers)
    day = row.answer_by or offering.answer_by(ctx.policy, row.tells_at)
    facts: list[tuple[Words, Words]] = [(t("interest.fact.readers"), _listed(names))] if names else []
    if row.step is Step.WAITING and names:
        facts.append((t("interest.fact.answer_by"), t("interest.day", day=day)))
    state = _state(ctx.tx, row)
    contact = ctx.policy.brand.contact_name
    said = Paragraph(t(f"interest.state.{state}", at=row.tells_at, day=day, contact=contact))
    ways = [Button(t("interest.undo" if row.told_at is None else "interest.take_back"), take_back(row.id))]
    if state == "alone":
        ways.insert(0, Button(t("interest.again"), hand(opening.id), "primary"))
    body = (*news, said, Facts(tuple(facts)), Buttons(tuple(ways)), Note(t("interest.mine_note")))
    body = tuple(block for block in body if block != Facts(()))
    return Card(offering.title(opening), body, t("interest.notice"), sensitive=True)


def _state(tx: Tx, row: Interest) -> str:
    if row.told_at is None:
        return "resting"
    if not interested.still(tx, row):
        return "alone"
    return "late" if row.step is Step.WAITING and row.late_at is not None else row.step.value


def _of(ctx: Context, row: Interest) -> Opening:
    opening = openings.get(ctx.tx, row.opening_id)
    if opening is None:
        raise NotFound("interest.gone")
    return opening


@feature.action(Side.ALUMNI, roles=ALUMNI, reads=True)
def own(ctx: Context, interest: int) -> Answer:
    """Where my raised hand stands."""
    return Reply(_mine(ctx, _own(ctx, interest)), replaces=True)


def _own(ctx: Context, interest: int) -> Interest:
    row = interests.own(ctx.tx, interest, ctx.actor.person_id)
    if row is None:
        raise NotFound("interest.gone")
    return row


@feature.action(Side.ALUMNI, roles=ALUMNI)
def take_back(ctx: Context, interest: int) -> Answer:
    """As if it had never been, at any time."""
    row = _own(ctx, interest)
    opening, known = _of(ctx, row), row.told_at is not None and bool(row.readers)
    interests.drop(ctx.tx, row)
    body: list[Block] = [Paragraph(t("interest.gone_now" if known else "interest.undone"))]
    if openings.is_open(opening, ctx.policy.day(ctx.now)):
        body.append(Buttons((Button(t("interest.again"), hand(opening.id)),)))
    return Reply(Card(offering.title(opening), tuple(body), t("interest.notice"), True), replaces=True)


@own.offered_on(OwnInterestPlace)
def on_mine(ctx: Context, interest: int) -> Button | None:
    """In the list of what I raised a hand for, and in a message that something is new: `own` asks whose."""
    return see(interest)


def see(interest: int) -> Button:
    """The button to it."""
    return Button(t("interest.see"), own(interest))
