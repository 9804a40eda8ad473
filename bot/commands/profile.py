"""profile: what I say about myself and what of it other alumni see. Nothing is shown before I confirm it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Facts,
    Note,
    Paragraph,
    Reply,
    Role,
    Side,
    Text,
    t,
)  # fmt: skip
from bot.errors import InvalidForm, NotFound
from bot.fields import choice, choices, text, tick
from bot.places import CheckinPlace, HomePlace, PrivacyPlace, ProfilePlace, WelcomePlace
from bot.registry import Context, Feature
from bot.visibility import CHOOSABLE, Audience
from storage import consents, journal, people, search
from storage.consents import Purpose
from storage.people import Person

feature = Feature(__name__)
OWNERS = (Role.ALUMNUS, Role.LEAVER)
EDITED = ("name", "kana", "romaji", "former_name", "employer", "position", "department", "place", "about")


@dataclass(frozen=True)
class Profile:
    """Everything a person says about themselves."""

    name: str = text(limit=80)
    kana: str = text(required=False, limit=80)
    romaji: str = text(required=False, limit=80)
    former_name: str = text(required=False, limit=80)
    employer: str = text(required=False)
    position: str = text(required=False)
    skills: str = text(required=False)
    department: str = text(required=False)
    place: str = text(required=False)
    about: str = text(long=True, required=False, limit=500)
    shown: tuple[str, ...] = choices(*CHOOSABLE)
    listed: bool = tick()
    language: str = choice("japanese", "english", default="japanese")


@feature.command(Side.ALUMNI, roles=OWNERS, reads=True, shortcut=True)
def profile(ctx: Context, argument: str) -> Answer:
    """What others see of me, with the way to change it."""
    return Reply(mine(ctx, _me(ctx)))


def _me(ctx: Context) -> Person:
    person = people.get(ctx.tx, ctx.actor.person_id) if ctx.actor.person_id else None
    if person is None:
        raise NotFound("common.join_first")
    return person


def mine(ctx: Context, person: Person) -> Card:
    """My own profile: every field, and for each whether others see it."""
    own = people.profile(ctx.tx, person.id, Audience.SELF)
    rows: list[tuple[Text, Text]] = []
    for name in CHOOSABLE:
        value = getattr(own, name)
        shown = person.listed and name in person.shown
        if value:
            rows.append(
                (t(f"profile.field.{name}"), t("profile.seen" if shown else "profile.hidden", value=value))
            )
    facts: tuple[Block, ...] = (Facts(tuple(rows)),) if rows else ()
    state = "profile.listed_now" if person.listed else "profile.unlisted_now"
    on = person.confirmed_on
    note = t("profile.confirmed", day=on) if on else t("profile.unconfirmed")
    buttons = Buttons((Button(t("profile.edit_button"), edit(), "primary"), *ctx.offers(ProfilePlace)))
    body = (Paragraph(t(state, name=person.name)), *facts, buttons, Note(note))
    return Card(t("profile.title"), body, t("common.notice"))


@feature.form(Profile, Side.ALUMNI, roles=OWNERS)
def edit(ctx: Context, form: Profile) -> Answer:
    """Keep what was entered; it is what others see from this moment on."""
    person = _me(ctx)
    if form.listed and not form.name:
        raise InvalidForm({"name": t("common.field_required")})
    if form.listed and not consents.allows(ctx.tx, person.id, Purpose.STAY_IN_TOUCH):
        raise InvalidForm({"listed": t("profile.not_in_touch")})
    people.confirm(
        person,
        ctx.policy.day(ctx.now),
        {name: getattr(form, name) for name in EDITED},
        form.shown,
        form.listed,
    )
    people.set_skills(ctx.tx, person, form.skills)
    person.locale = "en" if form.language == "english" else "ja"
    search.index(ctx.tx, person)
    journal.write(ctx.tx, "profile.confirmed", person.id, actor=person.id)
    return Reply(mine(ctx, person))


@edit.prepare
def filled(ctx: Context) -> Profile:
    """Pre-filled with what is known; only the owner decides what of it is right."""
    person = _me(ctx)
    values = {name: getattr(person, name) for name in (*EDITED, "skills")}
    fresh = person.confirmed_on is None
    shown = tuple(person.shown) if not fresh else ("kana", "employer", "position", "department")
    listed = person.listed or fresh
    return Profile(
        **values, shown=shown, listed=listed, language="english" if person.locale == "en" else "japanese"
    )


@edit.intro
def explained(ctx: Context) -> Card:
    """Who sees what, beside the fields."""
    return Card(t("profile.title"), (Paragraph(t("profile.who_sees")),))


@edit.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """Members change their profile from the home and the welcome."""
    mine_here = ctx.actor.side is Side.ALUMNI and ctx.actor.person_id is not None
    return Button(t("profile.button"), edit()) if mine_here else None


@edit.offered_on(WelcomePlace)
def first(ctx: Context) -> Button | None:
    """The first thing a new alumnus does."""
    return Button(t("profile.first_button"), edit(), "primary")


@edit.offered_on(CheckinPlace)
def news(ctx: Context) -> Button | None:
    """Something changed: straight to what."""
    return Button(t("profile.edit_button"), edit(), "primary")


@edit.offered_on(PrivacyPlace)
def correct(ctx: Context) -> Button | None:
    """What is held is corrected by its owner."""
    mine_here = ctx.actor.side is Side.ALUMNI and ctx.actor.person_id is not None
    return Button(t("profile.edit_button"), edit(), "primary") if mine_here else None
