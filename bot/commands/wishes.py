"""wishes: what an alumnus would like to do, said by themselves, and whether openings that suit are told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot import leaving, offering
from bot.conversation import (
    Answer,
    Button,
    Card,
    Field,
    Note,
    Option,
    Paragraph,
    Reply,
    Role,
    Side,
    t,
)  # fmt: skip
from bot.errors import Conflict, NotFound
from bot.fields import choices, text, tick
from bot.places import OpeningsPlace, ProfilePlace
from bot.registry import Context, Feature
from storage import consents, outbox
from storage import wishes as stored
from storage.consents import Purpose, Said
from storage.openings import Employment
from storage.wishes import Wanted

feature = Feature(__name__)
ALUMNI = (Role.ALUMNUS,)
NEWS = "openings.news"
"""Messages of what suits."""


@feature.command(Side.ALUMNI, roles=ALUMNI, reads=True)
def wishes(ctx: Context, argument: str) -> Answer:
    """The form."""
    return edit()


@dataclass(frozen=True)
class Wishes:
    """What somebody would like to do; `tell` holds the version of the words of consent shown above it."""

    keywords: str = text(required=False, limit=200)
    places: str = text(required=False, limit=200)
    employments: tuple[str, ...] = choices()
    remote: bool = tick()
    tell: tuple[str, ...] = choices()


@feature.form(Wishes, Side.ALUMNI, roles=ALUMNI)
def edit(ctx: Context, form: Wishes) -> Answer:
    """Kept as said. The tick is a consent; without it no opening is told, and the consent stays. A box that
    was ticked when the form opened is no consent to other words than those it was given to."""
    if form.tell and consents.wording(ctx.tx, Purpose.OPENINGS) not in form.tell:
        raise Conflict("privacy.reworded")
    if form.tell and not consents.allows(ctx.tx, _me(ctx), Purpose.OPENINGS):
        said = Said(ctx.actor.locale, ctx.actor.address.platform.value)
        leaving.give(ctx.tx, _me(ctx), Purpose.OPENINGS, said, ctx.policy)
    kinds = tuple(kind.value for kind in Employment if kind.value in form.employments)
    wanted = Wanted(form.keywords, form.places, kinds, form.remote, bool(form.tell))
    stored.save(ctx.tx, _me(ctx), wanted)
    if not form.tell:
        outbox.cancel_kind(ctx.tx, _me(ctx), NEWS)
    body = (Paragraph(t("wishes.kept_telling" if form.tell else "wishes.kept_silent")),)
    return Reply(Card(t("wishes.kept"), body, t("common.notice")), replaces=True)


@edit.prepare
def said_before(ctx: Context) -> Wishes:
    """As it was said last; ticked only while the consent stands."""
    row = stored.get(ctx.tx, _me(ctx))
    if row is None:
        return Wishes()
    tells = row.tell and consents.allows(ctx.tx, _me(ctx), Purpose.OPENINGS)
    under = (consents.wording(ctx.tx, Purpose.OPENINGS),) if tells else ()
    return Wishes(row.keywords, row.places, tuple(row.employments), row.remote, under)


@edit.shaped
def with_consent(ctx: Context, shown: tuple[Field, ...]) -> tuple[Field, ...]:
    """The kinds of employment; and the box that stands for the words of consent in force now."""
    box = Option(consents.wording(ctx.tx, Purpose.OPENINGS), t("wishes.tell_me"))
    options = {"employments": offering.kinds(), "tell": (box,)}
    return tuple(replace(one, options=options.get(one.name, one.options)) for one in shown)


@edit.intro
def what_for(ctx: Context) -> Card:
    """What wishes are for, and the words of the consent."""
    wording = t("privacy.wording.openings", network=ctx.policy.brand.network)
    body = (Paragraph(t("wishes.intro")), Paragraph(wording), Note(t("wishes.note")))
    return Card(t("wishes.edit.title"), body)


@edit.offered_on(ProfilePlace)
def on_profile(ctx: Context) -> Button | None:
    """Beside what somebody says about themselves."""
    return button() if ctx.actor.side is Side.ALUMNI and ctx.actor.has(Role.ALUMNUS) else None


@edit.offered_on(OpeningsPlace)
def on_openings(ctx: Context) -> Button:
    """Under the list of what is open."""
    return button()


def button() -> Button:
    """The way to the form, also in messages that tell of openings."""
    return Button(t("wishes.button"), edit())


def _me(ctx: Context) -> str:
    if ctx.actor.person_id is None:
        raise NotFound("common.join_first")
    return ctx.actor.person_id
