"""post: HR's openings: the list, the preview, publishing alone or by two; a manager's draft goes to HR."""

from __future__ import annotations

from dataclasses import dataclass

from bot import offering
from bot.conversation import (
    Address,
    Answer,
    Button,
    Buttons,
    Card,
    Entry,
    Note,
    Paragraph,
    Reply,
    Role,
    Side,
    t,
)  # fmt: skip
from bot.errors import Conflict, NotAllowed, NotFound
from bot.fields import text
from bot.places import HomePlace, PostedPlace, PostingsPlace, ToldPlace
from bot.post import Letter, to_one_of_staff
from bot.registry import Context, Feature
from storage import accounts, journal, openings
from storage.consents import Purpose
from storage.openings import Opening, Phase

feature = Feature(__name__)
HR = (Role.HR,)
WRITERS = (Role.HR, Role.MANAGER)
PROPOSED = "opening.proposed"


# --- the list ----------------------------------------------------------------------------------------------


@feature.command(Side.COMPANY, roles=WRITERS, reads=True)
def post(ctx: Context, argument: str) -> Answer:
    """All openings, what waits first; with a number, that one. A manager sees their own."""
    number = argument.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) < 10:
        return Reply(offering.posted(ctx, _row(ctx, int(number))))
    return Reply(_list(ctx, 1))


def _list(ctx: Context, page: int) -> Card:
    mine = None if ctx.actor.has(Role.HR) else accounts.selves(ctx.tx, ctx.actor.address)
    found = openings.listed(ctx.tx, page, made_by=mine)
    entries = tuple(_entry(row) for row in found.rows) or (Paragraph(t("post.none")),)
    turns = [Button(t("common.previous"), turn(page - 1))] if page > 1 else []
    turns += [Button(t("common.next"), turn(page + 1))] if found.more else []
    ways = (*ctx.offers(PostingsPlace), *turns)
    return Card(t("post.title"), (*entries, Buttons(ways), Note(t("post.how"))), t("common.notice"))


def _entry(row: Opening) -> Entry:
    line = t(
        "post.line", state=t(f"post.brief.{row.state.value}"), day=row.closes_on, line=offering.line(row)
    )
    return Entry(offering.title(row), line, Button(t("post.look_button"), look(row.id)))


@feature.action(Side.COMPANY, roles=WRITERS, reads=True)
def turn(ctx: Context, page: int) -> Answer:
    """Another page."""
    return Reply(_list(ctx, max(1, min(page, 1000))), replaces=True)


@feature.action(Side.COMPANY, roles=WRITERS, reads=True)
def listing(ctx: Context) -> Answer:
    """The same, from a button."""
    return Reply(_list(ctx, 1))


@listing.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """HR and managers find it on the home."""
    here = ctx.actor.side is Side.COMPANY and any(map(ctx.actor.has, WRITERS))
    return Button(t("post.button"), listing()) if here else None


@feature.action(Side.COMPANY, roles=WRITERS, reads=True)
def look(ctx: Context, opening: int) -> Answer:
    """One opening as alumni see it, with what HR can do now."""
    return Reply(offering.posted(ctx, _row(ctx, opening)))


@look.offered_on(ToldPlace)
def on_told(ctx: Context, opening: int) -> Button | None:
    """From every message about it."""
    return Button(t("post.look_button"), look(opening), "primary")


def _row(ctx: Context, opening: int) -> Opening:
    """An opening that the actor may see. Raises `NotFound` for what is not there or not theirs, told
    alike."""
    row = openings.get(ctx.tx, opening)
    if row is None or not offering.mine(ctx, row):
        raise NotFound("post.gone")
    return row


# --- publishing, alone or by two ---------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR)
def publish(ctx: Context, opening: int, edition: int) -> Answer:
    """Open it to alumni, as it was when the button was made; where two decide, by another than who proposed
    it."""
    row = _current(ctx, opening, edition)
    if ctx.policy.opening_approval == "two":
        _check_second(ctx, row)
    _check(ctx, row)
    by, waited = _proposer(ctx, row), row.state is Phase.PROPOSED
    openings.publish(ctx.tx, row, str(ctx.actor.address))
    offering.note(ctx, row, "opening.published")
    if waited:
        card = offering.told(ctx, row, t("post.published_text", opening=offering.title(row)))
        _tell(ctx, by, Letter("post.published", card, f"{row.id}:{row.edition}", Purpose.STAFF))
    return Reply(offering.posted(ctx, row), replaces=True)


def _current(ctx: Context, opening: int, edition: int) -> Opening:
    """Raises `Conflict` when it is not any more what stood on the card."""
    row = _row(ctx, opening)
    if row.state not in (Phase.DRAFT, Phase.PROPOSED):
        raise Conflict("post.moved_on")
    if row.edition != edition:
        raise Conflict("post.changed_since")
    return row


def _check_second(ctx: Context, row: Opening) -> None:
    """Two human beings: nobody publishes what nobody proposed, nor what they proposed or changed last."""
    if row.state is Phase.DRAFT:
        raise Conflict("post.needs_second")
    if _proposer(ctx, row) in accounts.selves(ctx.tx, ctx.actor.address):
        raise NotAllowed("post.not_yourself")


def _proposer(ctx: Context, row: Opening) -> str:
    """The address of whoever proposed it last."""
    lines = [line for line in journal.about(ctx.tx, offering.subject(row)) if line.what == PROPOSED]
    return lines[-1].actor if lines else row.made_by


def _check(ctx: Context, row: Opening) -> None:
    """Raises `Conflict` for what cannot be opened as it stands, with what would be right."""
    wrong = offering.wrong_day(ctx.policy, ctx.policy.day(ctx.now), row.closes_on)
    if wrong is not None:
        raise Conflict("post.day_wrong", right=wrong)
    keys = {reader.key for reader in offering.readers(ctx.tx, row)}
    if row.owner not in keys or not row.owner_name:
        raise Conflict("post.owner_missing")
    if row.deputy and row.deputy not in keys:
        raise Conflict("post.deputy_missing", account=row.deputy)


@publish.offered_on(PostedPlace)
def publish_on(ctx: Context, opening: int) -> Button | None:
    """For HR, where the actor may."""
    row = openings.get(ctx.tx, opening)
    if row is None or row.state not in (Phase.DRAFT, Phase.PROPOSED) or not ctx.actor.has(Role.HR):
        return None
    two = ctx.policy.opening_approval == "two"
    own = _proposer(ctx, row) in accounts.selves(ctx.tx, ctx.actor.address)
    if two and (row.state is Phase.DRAFT or own):
        return None
    word = "post.approve_button" if row.state is Phase.PROPOSED else "post.publish_button"
    return Button(t(word), publish(opening=row.id, edition=row.edition), "primary")


@feature.action(Side.COMPANY, roles=WRITERS)
def propose(ctx: Context, opening: int, edition: int) -> Answer:
    """To somebody else of HR: as a manager's draft, or because two decide."""
    row = _current(ctx, opening, edition)
    if row.state is not Phase.DRAFT:
        raise Conflict("post.moved_on")
    if ctx.actor.has(Role.HR):
        _check(ctx, row)
    whom = offering.others(ctx)
    if not whom:
        raise Conflict("post.nobody_else")
    openings.propose(ctx.tx, row)
    offering.note(ctx, row, PROPOSED)
    by = offering.who(ctx.tx, str(ctx.actor.address))
    card = offering.told(ctx, row, t("post.please_look", by=by, opening=offering.title(row)))
    for member in whom:
        to_one_of_staff(
            ctx.tx, member, Letter("post.proposed", card, f"{row.id}:{row.edition}", Purpose.STAFF)
        )
    return Reply(offering.posted(ctx, row, Paragraph(t("post.sent_on", count=len(whom)))), replaces=True)


@propose.offered_on(PostedPlace)
def propose_on(ctx: Context, opening: int) -> Button | None:
    """For managers, and for HR where two decide."""
    row = openings.get(ctx.tx, opening)
    if row is None or row.state is not Phase.DRAFT:
        return None
    hr = ctx.actor.has(Role.HR)
    if hr and ctx.policy.opening_approval == "one":
        return None
    word = "post.propose_button" if hr else "post.to_hr_button"
    return Button(t(word), propose(opening=row.id, edition=row.edition), "primary")


@dataclass(frozen=True)
class Remark:
    """What should be different."""

    remark: str = text(long=True, limit=500)


@feature.form(Remark, Side.COMPANY, roles=HR)
def give_back(ctx: Context, form: Remark, opening: int) -> Answer:
    """To whoever proposed it, with what should be different; it is a draft again."""
    row = _row(ctx, opening)
    by, name = _proposer(ctx, row), offering.title(row)
    openings.back(ctx.tx, row)
    offering.note(ctx, row, "opening.given_back")
    words = t("post.given_back_text", by=offering.who(ctx.tx, str(ctx.actor.address)), opening=name)
    card = offering.told(ctx, row, words, Paragraph(form.remark))
    _tell(ctx, by, Letter("post.given_back", card, f"{row.id}:{row.edition}", Purpose.STAFF))
    return Reply(offering.posted(ctx, row, Paragraph(t("post.given_back"))), replaces=True)


@give_back.offered_on(PostedPlace)
def give_back_on(ctx: Context, opening: int) -> Button | None:
    """While it waits."""
    row = openings.get(ctx.tx, opening)
    waits = row is not None and row.state is Phase.PROPOSED and ctx.actor.has(Role.HR)
    return Button(t("post.give_back_button"), give_back(opening)) if waits else None


def _tell(ctx: Context, address: str, letter: Letter) -> None:
    """To whoever acts from this address, if they still do and it is not the actor."""
    if ":" not in address or address in accounts.selves(ctx.tx, ctx.actor.address):
        return
    for member in accounts.acting_from(ctx.tx, Address.parse(address))[:1]:
        to_one_of_staff(ctx.tx, member, letter)
