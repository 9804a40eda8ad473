"""checkin: after thirty days, one question: still the same? One press is enough; silence is respected."""

from __future__ import annotations

from bot.conversation import Answer, Button, Buttons, Card, Note, Paragraph, Reply, Side, t
from bot.errors import NotFound
from bot.places import CheckinPlace, StopPlace
from bot.policy import Policy
from bot.registry import Context, Feature
from storage import checkins, journal, people
from storage.checkins import Checkin
from storage.people import Person

feature = Feature(__name__)


def nudge(checkin: int, name: str, employer: str, policy: Policy, *, again: bool) -> Card:
    """The question to somebody of this name, with what we hold as the answer to correct."""
    brand = policy.brand
    asked = t("checkin.still_at", employer=employer) if employer else t("checkin.how_now")
    buttons = (
        Button(t("checkin.same"), same(checkin=checkin), "primary"),
        Button(t("checkin.change"), change(checkin=checkin)),
        Button(t("checkin.not_now"), not_now(checkin=checkin)),
        Button(t("checkin.stop"), stop(checkin=checkin)),
    )
    opening = t("checkin.again" if again else "checkin.opening", name=name, network=brand.network)
    body = (Paragraph(opening), Paragraph(asked), Buttons(buttons), Note(t("checkin.why")))
    return Card(t("checkin.title"), body, t("checkin.notice", network=brand.network))


def _mine(ctx: Context, checkin: int) -> tuple[Checkin, Person]:
    row = checkins.of(ctx.tx, checkin, ctx.actor.person_id)
    person = people.get(ctx.tx, row.person_id) if row else None
    if row is None or person is None:
        raise NotFound("checkin.gone")
    return row, person


def _answered(ctx: Context, row: Checkin, word: str) -> None:
    checkins.answer(ctx.tx, row, word)
    journal.write(ctx.tx, "checkin.answered", row.person_id, actor=row.person_id)


@feature.action(Side.ALUMNI)
def same(ctx: Context, checkin: int) -> Answer:
    """Nothing changed: the profile is confirmed as of today."""
    row, person = _mine(ctx, checkin)
    today = ctx.policy.day(ctx.now)
    person.confirmed_on = today
    _answered(ctx, row, "same")
    card = Card(t("checkin.thanks"), (Paragraph(t("checkin.confirmed", day=today)),), t("common.notice"))
    return Reply(card, replaces=True)


@feature.action(Side.ALUMNI)
def change(ctx: Context, checkin: int) -> Answer:
    """Something changed: answered, and on to the profile."""
    row, _ = _mine(ctx, checkin)
    _answered(ctx, row, "change")
    buttons = ctx.offers(CheckinPlace)
    body = (Paragraph(t("checkin.to_profile")), *((Buttons(buttons),) if buttons else ()))
    return Reply(Card(t("checkin.thanks"), body, t("common.notice")), replaces=True)


@feature.action(Side.ALUMNI)
def not_now(ctx: Context, checkin: int) -> Answer:
    """Later: asked once more after the usual pause, then never again for this check-in."""
    row, _ = _mine(ctx, checkin)
    if row.state in checkins.OPEN:
        checkins.postpone(ctx.tx, row)
    text = t("checkin.later_text" if row.state is checkins.State.ASKED else "checkin.later_rest")
    card = Card(t("checkin.later"), (Paragraph(text),), t("common.notice"))
    return Reply(card, replaces=True)


@feature.action(Side.ALUMNI)
def stop(ctx: Context, checkin: int) -> Answer:
    """No more check-ins; what else can be stopped is offered."""
    row, _ = _mine(ctx, checkin)
    _answered(ctx, row, "stop")
    buttons = ctx.offers(StopPlace)
    body = (Paragraph(t("checkin.stopped_text")), *((Buttons(buttons),) if buttons else ()))
    return Reply(Card(t("checkin.stopped"), body, t("common.notice")), replaces=True)
