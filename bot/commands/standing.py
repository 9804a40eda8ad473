"""standing: how long an opening stands and where: renewing, closing, trying a channel again; and what HR is
told about that by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bot import offering
from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Paragraph,
    Reply,
    Role,
    Side,
    Text,
    t,
)  # fmt: skip
from bot.errors import Conflict, InvalidForm, NotFound
from bot.fields import day, tick
from bot.places import PostedPlace, ThankedPlace
from bot.registry import Context, Feature
from storage import openings
from storage.openings import Opening, Phase

feature = Feature(__name__)
HR = (Role.HR,)


def _open(ctx: Context, opening: int) -> Opening:
    """Raises `NotFound` for one that is not there, `Conflict` for one that is not open."""
    row = openings.get(ctx.tx, opening)
    if row is None:
        raise NotFound("post.gone")
    if row.state is not Phase.OPEN:
        raise Conflict("post.moved_on")
    return row


# --- another day, the end ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Until:
    """The new last day."""

    closes_on: date | None = day()


@feature.form(Until, Side.COMPANY, roles=HR)
def renew(ctx: Context, form: Until, opening: int) -> Answer:
    """Longer, or shorter; channels show the new day."""
    row = _open(ctx, opening)
    today = ctx.policy.day(ctx.now)
    wrong = offering.wrong_day(ctx.policy, today, form.closes_on)
    if wrong is not None or form.closes_on is None:
        raise InvalidForm({"closes_on": wrong or t("common.field_required")})
    openings.renew(ctx.tx, row, form.closes_on)
    offering.note(ctx, row, "opening.renewed")
    return Reply(offering.posted(ctx, row), replaces=True)


@renew.prepare
def month_more(ctx: Context, opening: int) -> Until:
    """Thirty days from now, if that is allowed."""
    _open(ctx, opening)
    days = min(30, ctx.policy.opening_lasts_days)
    return Until(closes_on=ctx.policy.day(ctx.now) + timedelta(days=days))


@renew.intro
def until_now(ctx: Context, opening: int) -> Card:
    """Which opening, and until when it is open now."""
    row = _open(ctx, opening)
    return Card(offering.title(row), (Paragraph(_until(row)),))


def _until(row: Opening) -> Text:
    return t("standing.until", opening=offering.title(row), day=row.closes_on)


@renew.offered_on(PostedPlace)
def renew_on(ctx: Context, opening: int) -> Button | None:
    """While it is open."""
    return Button(t("standing.renew_button"), renew(opening)) if _is_open(ctx, opening) else None


def _is_open(ctx: Context, opening: int) -> bool:
    row = openings.get(ctx.tx, opening)
    return row is not None and row.state is Phase.OPEN and ctx.actor.has(Role.HR)


@dataclass(frozen=True)
class End:
    """People are written to, so it takes a tick."""

    sure: bool = tick(required=True)


@feature.form(End, Side.COMPANY, roles=HR)
def close(ctx: Context, form: End, opening: int) -> Answer:
    """Nobody can answer any more; who came to it is thanked."""
    row = _open(ctx, opening)
    offering.close(ctx.tx, row, *ctx.offers(ThankedPlace))
    offering.note(ctx, row, "opening.closed")
    return Reply(offering.posted(ctx, row), replaces=True)


@close.intro
def meaning(ctx: Context, opening: int) -> Card:
    """Which opening, and what closing does."""
    row = _open(ctx, opening)
    return Card(offering.title(row), (Paragraph(_until(row)), Paragraph(t("standing.close_meaning"))))


@close.offered_on(PostedPlace)
def close_on(ctx: Context, opening: int) -> Button | None:
    """While it is open."""
    return Button(t("standing.close_button"), close(opening), "danger") if _is_open(ctx, opening) else None


# --- channels ----------------------------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR)
def again(ctx: Context) -> Answer:
    """Whatever a channel did not take is tried again within a minute."""
    count = openings.again(ctx.tx)
    words = t("standing.again_text", count=count) if count else t("standing.again_nothing")
    return Reply(Card(t("standing.again"), (Paragraph(words),), t("common.notice")), replaces=True)


@again.offered_on(PostedPlace)
def again_on(ctx: Context, opening: int) -> Button | None:
    """Where a channel did not take it."""
    row = openings.get(ctx.tx, opening)
    may = row is not None and ctx.actor.has(Role.HR) and offering.stuck(ctx.tx, row)
    return Button(t("standing.again_button"), again()) if may else None


# --- by the clock ------------------------------------------------------------------------------------------


def stuck(channel: str, reason: str, rows: Sequence[Opening]) -> Card:
    """To HR: a channel did not take openings; why, and how that is mended."""
    name = offering.channel_name(channel)
    body: tuple[Block, ...] = (
        Paragraph(t("standing.stuck_text", channel=name, count=len(rows))),
        *(Paragraph(offering.title(row)) for row in rows[:10]),
        Paragraph(offering.mending(reason)),
        Buttons((Button(t("standing.again_button"), again(), "primary"),)),
    )
    return Card(t("standing.stuck_title"), body, t("decisions.notice"))


def ending(row: Opening) -> Card:
    """To its owner: the last day is near."""
    ways = (
        Button(t("standing.renew_button"), renew(row.id), "primary"),
        Button(t("standing.close_button"), close(row.id)),
    )
    body = (Paragraph(_until(row)), Paragraph(t("standing.ending_text")), Buttons(ways))
    return Card(t("standing.ending_title"), body, t("decisions.notice"))


def ended(ctx: Context, row: Opening) -> Card:
    """To its owner: it closed by itself."""
    return offering.told(ctx, row, t("standing.ended_text", opening=offering.title(row)))
