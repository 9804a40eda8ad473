"""draft: an opening is written in two steps, what it is and then conditions and for whom; both are kept at
once, so that nothing is lost in between."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot import offering
from bot.conversation import Answer, Button, Card, Option, Paragraph, Reply, Role, Side, Text, t
from bot.errors import Conflict, InvalidForm, NotFound
from bot.fields import choice, day, search, text, tick
from bot.places import PostedPlace, PostingsPlace
from bot.post import Letter, to_one_of_staff
from bot.registry import Context, Feature
from storage import accounts, journal, openings
from storage.consents import Purpose
from storage.openings import Employment, Opening, Phase, Remote

feature = Feature(__name__)
WRITERS = (Role.HR, Role.MANAGER)
MOST_YEARS = 50
LISTED = 200
"""Characters of a list, which has to fit into the form again."""
_COMMAS = re.compile("[,、，;；\n]")
CHANGED = "opening.edited"


@dataclass(frozen=True)
class Basics:
    """What it is, until when, and who answers."""

    what: str = text(limit=100)
    department: str = text(required=False, limit=100)
    place: str = text(required=False, limit=100)
    remote: str = choice(*Remote, default=Remote.NO)
    employment: str = choice(*Employment, default=Employment.REGULAR)
    about: str = text(long=True, required=False, limit=2000)
    closes_on: date | None = day()
    owner: str = search(required=False)
    owner_name: str = text(required=False, limit=80)
    deputy: str = search(required=False)
    deputy_name: str = text(required=False, limit=80)
    referable: bool = tick()


@dataclass(frozen=True)
class Details:
    """What decides a return (each said, or left open), and whom it is for."""

    grade: str = text(required=False, limit=300)
    service_years: str = text(required=False, limit=300)
    retirement_pay: str = text(required=False, limit=300)
    paid_leave: str = text(required=False, limit=300)
    probation: str = text(required=False, limit=300)
    for_departments: str = text(required=False, limit=LISTED)
    for_skills: str = text(required=False, limit=LISTED)
    for_places: str = text(required=False, limit=LISTED)
    for_years: str = text(required=False, limit=4)


# --- who may -----------------------------------------------------------------------------------------------


def _row(ctx: Context, opening: int) -> Opening:
    """An opening that the actor may change. Raises `NotFound` for what is not theirs, `Conflict` for what is
    over, or with HR by now."""
    row = openings.get(ctx.tx, opening)
    if row is None or not offering.mine(ctx, row):
        raise NotFound("post.gone")
    if not _changeable(ctx, row):
        raise Conflict("post.moved_on")
    return row


def _changeable(ctx: Context, row: Opening) -> bool:
    return row.state is Phase.DRAFT or (ctx.actor.has(Role.HR) and row.state is not Phase.CLOSED)


# --- what it is --------------------------------------------------------------------------------------------


@feature.form(Basics, Side.COMPANY, roles=WRITERS)
def basics(ctx: Context, form: Basics, opening: int, edition: int, like: int) -> Answer:
    """Other words, another place or day, another owner; a new draft where there is no opening (0) yet."""
    if opening:
        row = _row(ctx, opening)
        return _changed(ctx, row, edition, "what", _basics(ctx, form, row))
    values, old = _basics(ctx, form, None), _model(ctx, like)
    if old is not None:
        values |= {name: getattr(old, name) for name in (*openings.CONDITIONS, *FOR)}
    row = openings.add(ctx.tx, str(ctx.actor.address), **values)
    offering.note(ctx, row, "opening.drafted")
    return Reply(offering.posted(ctx, row), replaces=True)


@basics.prepare
def as_it_is(ctx: Context, opening: int, edition: int, like: int) -> Basics:
    """As it stands now. Whoever of HR begins one answers too, under the name they used last; of a model all
    goes along but its day."""
    if opening:
        row = _row(ctx, opening)
        return _as_it_is(row, closes_on=row.closes_on)
    old = _model(ctx, like)
    if old is not None:
        return _as_it_is(old, closes_on=None)
    key = _own_key(ctx)
    return Basics(owner=key, owner_name=_last_name(ctx, key), referable=True)


def _model(ctx: Context, like: int) -> Opening | None:
    """The opening (0: none) that is the model of a new one."""
    return openings.get(ctx.tx, like) if like and ctx.actor.has(Role.HR) else None


@basics.offered_on(PostingsPlace)
def begin(ctx: Context) -> Button | None:
    """From the list."""
    return Button(t("draft.new_button"), basics(opening=0, edition=0, like=0), "primary")


@basics.offered_on(PostedPlace)
def once_more(ctx: Context, opening: int) -> Button | None:
    """One that is over can be the model of a new one."""
    row = _model(ctx, opening)
    over = row is not None and row.state is Phase.CLOSED
    return Button(t("draft.again_button"), basics(opening=0, edition=0, like=opening)) if over else None


def _as_it_is(row: Opening, closes_on: date | None) -> Basics:
    names = ("department", "place", "remote", "employment", "about", *READERS, "referable")
    return Basics(what=row.title, closes_on=closes_on, **{name: getattr(row, name) for name in names})


@feature.action(Side.COMPANY, roles=WRITERS, reads=True)
def edit(ctx: Context, opening: int) -> Answer:
    """The form of the first step, on top of what is there at this moment."""
    row = _row(ctx, opening)
    return basics(opening=row.id, edition=row.edition, like=0)


@edit.offered_on(PostedPlace)
def edit_on(ctx: Context, opening: int) -> Button | None:
    """For who may change it."""
    row = openings.get(ctx.tx, opening)
    may = row is not None and offering.mine(ctx, row) and _changeable(ctx, row)
    return Button(t("draft.edit_button"), edit(opening)) if may else None


READERS = ("owner", "owner_name", "deputy", "deputy_name")
FOR = ("for_departments", "for_skills", "for_places", "for_years")


def _basics(ctx: Context, form: Basics, row: Opening | None) -> dict[str, Any]:
    """What the first step says, for storage. Raises `InvalidForm` with every mistake at once."""
    owner = form.owner or (row.owner if row else _own_key(ctx))
    errors = _day_errors(ctx, form.closes_on, row) | _reader_errors(ctx, form, owner)
    if errors:
        raise InvalidForm(errors)
    values = {name: getattr(form, name) for name in Basics.__dataclass_fields__ if name != "what"}
    return values | {
        "title": form.what,
        "owner": owner,
        "remote": Remote(form.remote),
        "employment": Employment(form.employment),
    }


def _day_errors(ctx: Context, closes_on: date | None, row: Opening | None) -> dict[str, Text]:
    if row is not None and closes_on == row.closes_on:
        return {}
    wrong = offering.wrong_day(ctx.policy, ctx.policy.day(ctx.now), closes_on)
    return {"closes_on": wrong} if wrong else {}


def _reader_errors(ctx: Context, form: Basics, owner: str) -> dict[str, Text]:
    """Whoever reads answers runs the network, and has a name that alumni are shown beforehand."""
    errors: dict[str, Text] = {}
    if form.owner_name and not owner:
        errors["owner"] = t("draft.who_is_it")
    if form.deputy_name and not form.deputy:
        errors["deputy"] = t("draft.who_is_it")
    for field, key in (("owner", owner), ("deputy", form.deputy)):
        if key and accounts.staff_by_key(ctx.tx, key) is None:
            errors[field] = t("draft.not_staff")
        elif key and not getattr(form, f"{field}_name"):
            errors[f"{field}_name"] = t("draft.name_missing")
    if owner and owner == form.deputy:
        errors["deputy"] = t("draft.same_person")
    return errors


def _own_key(ctx: Context) -> str:
    return min(accounts.keys_of(ctx.tx, ctx.actor.address), default="")


def _last_name(ctx: Context, key: str) -> str:
    """Under which name somebody answered last; nobody's name is known otherwise."""
    rows = openings.listed(ctx.tx, size=50).rows if key else ()
    named = ((row.owner, row.owner_name, row.deputy, row.deputy_name) for row in rows)
    return next((o if key == owner else d for owner, o, deputy, d in named if key in (owner, deputy)), "")


@basics.suggests("owner")
@basics.suggests("deputy")
def colleagues(ctx: Context, query: str, **_: Any) -> tuple[Option, ...]:
    """Whoever runs the network and begins like what was typed, also behind the first letters."""
    wanted = query.casefold()
    names = {accounts.key_of(member): member for member in accounts.staff(ctx.tx)}
    fits = [key for key in names if wanted in key.casefold() or wanted in _last_name(ctx, key).casefold()]
    return tuple(Option(key, _label(ctx, key)) for key in fits)


def _label(ctx: Context, key: str) -> Text:
    name = _last_name(ctx, key)
    return t("post.reader", name=name, account=key) if name else t("openings.word", word=key)


# --- conditions, and for whom ------------------------------------------------------------------------------


@feature.form(Details, Side.COMPANY, roles=WRITERS)
def details(ctx: Context, form: Details, opening: int, edition: int) -> Answer:
    """What decides a return, and the segment."""
    row = _row(ctx, opening)
    years = _years(form.for_years)
    lists = {name: _listed(getattr(form, name)) for name in FOR[:3]}
    values = {name: getattr(form, name) for name in openings.CONDITIONS} | lists | {"for_years": years}
    return _changed(ctx, row, edition, "grade", values)


@details.prepare
def details_now(ctx: Context, opening: int, edition: int) -> Details:
    """As it stands now."""
    row = _row(ctx, opening)
    values = {name: getattr(row, name) for name in (*openings.CONDITIONS, *FOR[:3])}
    return Details(**values, for_years=str(row.for_years or ""))


@details.intro
def why(ctx: Context, opening: int, edition: int) -> Card:
    """Who comes back asks this first; years of service are not added up by themselves."""
    return Card(t("draft.details.title"), (Paragraph(t("draft.why_details")),))


@feature.action(Side.COMPANY, roles=WRITERS, reads=True)
def more(ctx: Context, opening: int) -> Answer:
    """The form of the second step, on top of what is there at this moment."""
    row = _row(ctx, opening)
    return details(opening=row.id, edition=row.edition)


@more.offered_on(PostedPlace)
def more_on(ctx: Context, opening: int) -> Button | None:
    """The next step, as long as nothing is said about conditions."""
    row = openings.get(ctx.tx, opening)
    if row is None or not offering.mine(ctx, row) or not _changeable(ctx, row):
        return None
    said = any(getattr(row, name) for name in openings.CONDITIONS)
    return Button(t("draft.more_button" if said else "draft.next_button"), more(opening))


def _listed(words: str) -> str:
    """Words with commas between, whichever commas were typed."""
    found = [word for word in (word.strip() for word in _COMMAS.split(words)) if word]
    spaced = ", ".join(found)
    return spaced if len(spaced) <= LISTED else ",".join(found)


def _years(words: str) -> int | None:
    """Raises `InvalidForm` for what is no number of years."""
    typed = unicodedata.normalize("NFKC", words).strip()
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and 1 <= int(typed) <= MOST_YEARS):
        raise InvalidForm({"for_years": t("draft.years_wrong", most=MOST_YEARS)})
    return int(typed)


# --- keeping it --------------------------------------------------------------------------------------------


def _changed(ctx: Context, row: Opening, edition: int, field: str, values: dict[str, Any]) -> Answer:
    """Keep what was changed on top of an edition, unless somebody was faster: then what was typed stays in
    the form, and `field` says who it was. What waits for a second person is a draft again."""
    if row.edition != edition:
        raise InvalidForm({field: _faster(ctx, row)})
    if row.state is Phase.PROPOSED:
        openings.back(ctx.tx, row)
    openings.edit(ctx.tx, row, row.version, **values)
    offering.note(ctx, row, CHANGED)
    if row.state is Phase.OPEN and ctx.policy.opening_approval == "two":
        _tell_others(ctx, row)
    return Reply(offering.posted(ctx, row), replaces=True)


def _faster(ctx: Context, row: Opening) -> Text:
    lines = journal.about(ctx.tx, offering.subject(row))
    if not lines:
        return t("post.changed_meanwhile")
    line = lines[-1]
    return t("draft.faster", who=offering.who(ctx.tx, line.actor), at=line.at)


def _tell_others(ctx: Context, row: Opening) -> None:
    """Where two decide, what changes in an opening that stands is told to the others of HR."""
    by = offering.who(ctx.tx, str(ctx.actor.address))
    card = offering.told(ctx, row, t("draft.changed", by=by, opening=offering.title(row)))
    for member in offering.others(ctx):
        to_one_of_staff(
            ctx.tx, member, Letter("post.changed", card, f"{row.id}:{row.edition}", Purpose.STAFF)
        )


@dataclass(frozen=True)
class Gone:
    """It cannot be brought back, so it takes a tick."""

    sure: bool = tick(required=True)


@feature.form(Gone, Side.COMPANY, roles=WRITERS)
def discard(ctx: Context, form: Gone, opening: int) -> Answer:
    """A draft that nobody needs; its number is not used again."""
    row = _row(ctx, opening)
    name = row.title
    offering.note(ctx, row, "opening.discarded")
    openings.drop(ctx.tx, row)
    text = Paragraph(t("draft.discarded_text", title=name))
    return Reply(Card(t("draft.discarded"), (text,), t("common.notice")), replaces=True)


@discard.offered_on(PostedPlace)
def discard_on(ctx: Context, opening: int) -> Button | None:
    """Only what alumni have not seen."""
    row = openings.get(ctx.tx, opening)
    may = (
        row is not None and offering.mine(ctx, row) and _changeable(ctx, row) and row.state is not Phase.OPEN
    )
    return Button(t("draft.discard_button"), discard(opening), "danger") if may else None
