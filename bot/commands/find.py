"""find: look somebody up by any part of a name, employer, role, skill, department or place.

Private to who asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Entry,
    Facts,
    Note,
    Option,
    Paragraph,
    Reply,
    Role,
    t,
)
from bot.errors import NotFound
from bot.fields import search as search_field
from bot.places import HomePlace, PersonPlace
from bot.registry import Context, Feature
from bot.visibility import CHOOSABLE, Audience
from storage import people, search
from storage.people import Profile

feature = Feature(__name__)
MEMBERS = (Role.ALUMNUS, Role.HR)


@feature.command(roles=MEMBERS, reads=True, shortcut=True)
def find(ctx: Context, argument: str) -> Answer:
    """A page of people, or the form when nothing was typed."""
    if not argument:
        return someone()
    return Reply(_hits(ctx, argument, 1))


def _audience(ctx: Context) -> Audience:
    return Audience.HR if ctx.actor.has(Role.HR) else Audience.ALUMNI


def _hits(ctx: Context, query: str, page: int) -> Card:
    query = query[:100]
    found = search.find(ctx.tx, query, _audience(ctx), page)
    if not found.hits:
        return Card(t("find.nobody", query=query), (Paragraph(t("find.nobody_right")),), t("common.notice"))
    entries = tuple(
        Entry(hit.name, _line(hit), Button(t("find.details"), show(hit.id))) for hit in found.hits
    )
    turns = []
    if page > 1:
        turns.append(Button(t("common.previous"), turn(query, page - 1)))
    if found.more:
        turns.append(Button(t("common.next"), turn(query, page + 1)))
    pages: tuple[Block, ...] = (Buttons(tuple(turns)),) if turns else ()
    body = (*entries, *pages, Note(t("find.private")))
    one = page == 1 and not found.more
    title = t("find.title", query=query) if one else t("find.title_page", query=query, page=page)
    return Card(title, body, t("common.notice"))


def _line(hit: Profile) -> str:
    return " · ".join(filter(None, (hit.employer, hit.position, hit.department, hit.place)))


@feature.action(roles=MEMBERS, reads=True)
def turn(ctx: Context, query: str, page: int) -> Answer:
    """Another page of the same look-up."""
    return Reply(_hits(ctx, query, max(1, min(page, 200))), replaces=True)


@feature.action(roles=MEMBERS, reads=True)
def show(ctx: Context, person: str) -> Answer:
    """One person with every field they show to the one who asks."""
    return Reply(_person(ctx, person))


def _person(ctx: Context, person: str) -> Card:
    profile = people.profile(ctx.tx, person, _audience(ctx))
    if profile is None or not profile.name:
        raise NotFound("find.gone")
    rows = tuple(
        (t(f"profile.field.{name}"), getattr(profile, name)) for name in CHOOSABLE if getattr(profile, name)
    )
    facts: tuple[Block, ...] = (Facts(rows),) if rows else (Paragraph(t("find.shows_nothing")),)
    offers = ctx.offers(PersonPlace, profile.id)
    row: tuple[Block, ...] = (Buttons(offers),) if offers else ()
    on = profile.confirmed_on
    note: tuple[Block, ...] = (Note(t("find.confirmed", day=on)),) if on else ()
    return Card(profile.name, (*facts, *row, *note), t("common.notice"))


@dataclass(frozen=True)
class Someone:
    """Whom to look up, suggested while typing."""

    who: str = search_field()


@feature.form(Someone, roles=MEMBERS, reads=True)
def someone(ctx: Context, form: Someone) -> Answer:
    """The person chosen from the suggestions."""
    return Reply(_person(ctx, form.who))


@someone.suggests("who")
def suggest(ctx: Context, query: str) -> tuple[Option, ...]:
    """People whose name or shown fields begin to fit, most 20."""
    found = search.find(ctx.tx, query, _audience(ctx), size=20)
    return tuple(
        Option(hit.id, " · ".join(filter(None, (hit.name, hit.employer or hit.department))))
        for hit in found.hits
    )


@someone.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """Members look people up from the home."""
    return Button(t("find.button"), someone(), "primary") if any(map(ctx.actor.has, MEMBERS)) else None
