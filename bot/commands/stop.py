"""stop: pause all messages, or leave the network. Both take effect at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bot import leaving
from bot.cadence import months_after
from bot.conversation import Answer, Block, Button, Buttons, Card, Note, Paragraph, Reply, Role, Side, t
from bot.errors import NotFound
from bot.fields import choice, tick
from bot.places import HomePlace, PrivacyPlace, StopPlace
from bot.registry import Context, Feature
from storage import journal, leavers, outbox, people, search
from storage.consents import Purpose, Said
from storage.people import Person

feature = Feature(__name__)
OWNERS = (Role.ALUMNUS, Role.LEAVER)


@feature.command(Side.ALUMNI, roles=OWNERS, reads=True)
def stop(ctx: Context, argument: str) -> Answer:
    """What can be stopped, and what each means."""
    person = _me(ctx)
    paused = person.paused_until if person.paused_until and person.paused_until > _today(ctx) else None
    state: tuple[Block, ...] = (Paragraph(t("stop.paused_now", day=paused)),) if paused else ()
    buttons = [Button(t("stop.pause_button"), pause()), Button(t("stop.leave_button"), leave(), "danger")]
    if paused:
        buttons[0] = Button(t("stop.resume_button"), resume(), "primary")
    body = (*state, Paragraph(t("stop.text")), Buttons(tuple(buttons)), Note(t("stop.note")))
    return Reply(Card(t("stop.title"), body, t("common.notice")))


def _today(ctx: Context) -> date:
    return ctx.policy.day(ctx.now)


def _me(ctx: Context) -> Person:
    person = people.get(ctx.tx, ctx.actor.person_id) if ctx.actor.person_id else None
    if person is None:
        raise NotFound("common.join_first")
    return person


@dataclass(frozen=True)
class Pause:
    """For how many months nothing is sent and nothing is shown."""

    months: str = choice("1", "3", "6", "12", default="3")


@feature.form(Pause, Side.ALUMNI, roles=OWNERS)
def pause(ctx: Context, form: Pause) -> Answer:
    """No messages and not in the directory until the day."""
    person = _me(ctx)
    person.paused_until = months_after(_today(ctx), int(form.months))
    outbox.cancel(ctx.tx, person_id=person.id)
    search.index(ctx.tx, person)
    journal.write(ctx.tx, "person.paused", person.id, actor=person.id)
    text = t("stop.paused_text", day=person.paused_until)
    return Reply(Card(t("stop.paused"), (Paragraph(text),), t("common.notice")))


@feature.action(Side.ALUMNI, roles=OWNERS)
def resume(ctx: Context) -> Answer:
    """Back at once."""
    person = _me(ctx)
    person.paused_until = None
    search.index(ctx.tx, person)
    journal.write(ctx.tx, "person.resumed", person.id, actor=person.id)
    return Reply(
        Card(t("stop.resumed"), (Paragraph(t("stop.resumed_text")),), t("common.notice")), replaces=True
    )


@dataclass(frozen=True)
class Leave:
    """Leaving is for good, so it takes one more tick."""

    sure: bool = tick(required=True)


@feature.form(Leave, Side.ALUMNI, roles=OWNERS)
def leave(ctx: Context, form: Leave) -> Answer:
    """Out of the network: everything about the person is erased now."""
    person = _me(ctx)
    leaver = leavers.of_person(ctx.tx, person.id)
    if leaver is None:
        raise NotFound("common.join_first")
    leaving.leave(ctx.tx, leaver, Said(ctx.actor.locale, ctx.actor.address.platform.value))
    brand = ctx.policy.brand
    text = t("stop.left_text", network=brand.network, contact=brand.contact_name)
    return Reply(Card(t("stop.left"), (Paragraph(text),), t("common.notice")))


@leave.intro
def meaning(ctx: Context) -> Card:
    """What goes and what stays."""
    return Card(t("stop.leave.title"), (Paragraph(t("stop.leave_meaning")),))


@feature.action(roles=OWNERS)
def mails(ctx: Context, purpose: str) -> Answer:
    """The way out under every mail: no more of this kind, at once. Source: RFC 8058; 特定電子メール法 3条."""
    person = _me(ctx)
    said = Said(ctx.actor.locale, ctx.actor.address.platform.value)
    what = Purpose(purpose) if purpose in set(Purpose) else Purpose.STAY_IN_TOUCH
    leaving.withdraw(ctx.tx, person.id, what, said, ctx.policy)
    contact = ctx.policy.brand.contact_name
    body = (Paragraph(t("stop.mails_text", contact=contact)),)
    return Reply(Card(t("stop.mails_stopped"), body, t("common.notice")))


@leave.offered_on(StopPlace)
def out(ctx: Context) -> Button | None:
    """From "no more check-ins" the way out is near."""
    return Button(t("stop.leave_button"), leave(), "danger") if ctx.actor.person_id else None


@pause.offered_on(StopPlace)
def rest(ctx: Context) -> Button | None:
    """And so is a pause."""
    return Button(t("stop.pause_button"), pause()) if ctx.actor.person_id else None


@pause.offered_on(PrivacyPlace)
def rest_there(ctx: Context) -> Button | None:
    """Where everything about somebody stands, a pause is offered too."""
    return Button(t("stop.pause_button"), pause()) if _mine_here(ctx) and not _paused(ctx) else None


@resume.offered_on(PrivacyPlace)
def back_there(ctx: Context) -> Button | None:
    """And the way out of it."""
    return Button(t("stop.resume_button"), resume()) if _mine_here(ctx) and _paused(ctx) else None


def _mine_here(ctx: Context) -> bool:
    return ctx.actor.side is Side.ALUMNI and ctx.actor.person_id is not None


def _paused(ctx: Context) -> bool:
    until = _me(ctx).paused_until
    return until is not None and until > _today(ctx)


@feature.action(Side.ALUMNI, roles=OWNERS, reads=True)
def show(ctx: Context) -> Answer:
    """The choices, from a button."""
    return stop(ctx, "")


@show.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """Every home carries the way out."""
    return Button(t("stop.button"), show()) if _mine_here(ctx) else None
