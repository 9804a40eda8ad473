"""privacy: what is held about me, why and how long; every consent; correct, take along, erase."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot import leaving
from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Divider,
    Entry,
    Facts,
    Link,
    Note,
    Paragraph,
    Reply,
    Role,
    Side,
    Text,
    Words,
    t,
)  # fmt: skip
from bot.errors import NotFound
from bot.fields import tick
from bot.places import HomePlace, PrivacyPlace
from bot.registry import Context, Feature
from storage import consents, held, leavers, people
from storage.consents import FREE, Decision, Purpose, Said
from storage.people import Person

feature = Feature(__name__)
OWNERS = (Role.ALUMNUS, Role.LEAVER)
ASKED = tuple(purpose for purpose in Purpose if purpose not in FREE)
OWN = (
    "name", "kana", "romaji", "former_name", "employer", "position", "skills", "department", "place", "about"
)  # fmt: skip
FIRST = ("people", "leavers", "consents", "checkins", "outbox", "accounts")
"""The kinds of records that people look for, before those that only the house needs."""
ROWS = 5


@feature.command(roles=OWNERS, reads=True)
def privacy(ctx: Context, argument: str) -> Answer:
    """Everything about me on one page, with every button that changes it."""
    return Reply(_page(ctx, _me(ctx)))


def _me(ctx: Context) -> Person:
    person = people.get(ctx.tx, ctx.actor.person_id) if ctx.actor.person_id else None
    if person is None or person.left_at is not None:
        raise NotFound("common.join_first")
    return person


def _said(ctx: Context) -> Said:
    return Said(ctx.actor.locale, ctx.actor.address.platform.value)


def _page(ctx: Context, person: Person, *news: Block) -> Card:
    brand = ctx.policy.brand
    body = (
        *news,
        Paragraph(t("privacy.intro", company=brand.company, contact=brand.contact_name)),
        Facts(tuple(_about(ctx, person))),
        Divider(),
        Paragraph(t("privacy.consents")),
        *_consents(ctx, person),
        Divider(),
        Paragraph(t("privacy.tables")),
        *_tables(ctx, person),
        Divider(),
        Buttons(tuple(_ways(ctx))),
        Note(t("privacy.right", contact=brand.contact_name)),
    )
    return Card(t("privacy.title"), body, t("common.notice"), sensitive=True)


def _about(ctx: Context, person: Person) -> Iterator[tuple[Words, Words]]:
    """What a person would look for first; all the rest is behind the buttons below."""
    for name in OWN:
        if value := getattr(person, name):
            yield t(f"privacy.own.{name}"), value
    if email := people.private_email(ctx.tx, person):
        proven = "proven" if person.private_email_proven_at else "unproven"
        yield t("privacy.own.private_email"), t(f"privacy.email.{proven}", email=email)
    if leaver := leavers.of_person(ctx.tx, person.id):
        yield t("privacy.own.last_day"), t("privacy.day", day=leaver.last_day)
    if person.paused_until and person.paused_until > ctx.policy.day(ctx.now):
        yield t("privacy.own.paused_until"), t("privacy.day", day=person.paused_until)


# --- consent by consent -------------------------------------------------------------------------------


def _consents(ctx: Context, person: Person) -> Iterator[Block]:
    """Before the last day only the one question that was asked; the others once somebody stays in touch."""
    said = consents.latest(ctx.tx, person.id)
    last = said.get(Purpose.STAY_IN_TOUCH)
    stays = last is not None and last.decision is Decision.GIVEN
    there = ctx.actor.side is Side.ALUMNI
    for purpose in (
        ASKED if stays and there else (Purpose.STAY_IN_TOUCH, *(p for p in ASKED[1:] if p in said))
    ):
        row = said.get(purpose)
        given = row is not None and row.decision is Decision.GIVEN
        state = t(f"privacy.state.{row.decision.value}", at=row.at) if row else t("privacy.state.never")
        about = t(f"privacy.wording.{purpose.value}", network=ctx.policy.brand.network)
        button = Button(t("privacy.withdraw_button"), withdraw(purpose=purpose.value)) if given else None
        if not given and there and (stays or purpose is Purpose.STAY_IN_TOUCH):
            press = give(purpose=purpose.value, under=consents.wording(ctx.tx, purpose))
            button = Button(t("privacy.give_button"), press)
        yield Entry(
            t(f"privacy.purpose.{purpose.value}"), t("privacy.consent", about=about, state=state), button
        )
    leaver = leavers.of_person(ctx.tx, person.id)
    if leaver is not None and leaver.erase_at is not None:
        yield Note(t("privacy.erased_on", at=leaver.erase_at))


def _purpose(word: str) -> Purpose:
    if word not in {purpose.value for purpose in ASKED}:
        raise NotFound("common.outdated")
    return Purpose(word)


@feature.action(roles=OWNERS)
def withdraw(ctx: Context, purpose: str) -> Answer:
    """Taken back, in one press, as it was given."""
    person, what = _me(ctx), _purpose(purpose)
    leaving.withdraw(ctx.tx, person.id, what, _said(ctx), ctx.policy)
    key = "privacy.withdrawn_all" if what is Purpose.STAY_IN_TOUCH else "privacy.withdrawn"
    return Reply(_page(ctx, person, Paragraph(t(key))), replaces=True)


@feature.action(Side.ALUMNI, roles=OWNERS)
def give(ctx: Context, purpose: str, under: str) -> Answer:
    """Given, under the words that stood beside the button; if HR changed them since, they are shown first."""
    person, what = _me(ctx), _purpose(purpose)
    if under != consents.wording(ctx.tx, what):
        return Reply(_page(ctx, person, Paragraph(t("privacy.reworded"))), replaces=True)
    leaving.give(ctx.tx, person.id, what, _said(ctx), ctx.policy)
    return Reply(_page(ctx, person, Paragraph(t("privacy.given"))), replaces=True)


# --- everything that is held ----------------------------------------------------------------------------


def _tables(ctx: Context, person: Person) -> Iterator[Block]:
    found = held.counts(ctx.tx, person.id)
    for name in sorted(found, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)):
        rows = found[name]
        why, until = t(f"privacy.why.{name}"), t(f"privacy.until.{name}")
        line = t("privacy.kept", count=rows, why=why, until=until)
        yield Entry(t(f"privacy.held.{name}"), line, Button(t("privacy.see_button"), see(table=name, page=1)))


@feature.action(roles=OWNERS, reads=True)
def see(ctx: Context, table: str, page: int) -> Answer:
    """Every row of one kind, field by field, under the names that the export uses too."""
    found = held.everything(ctx.tx, _me(ctx).id).get(table, [])
    first = (max(1, page) - 1) * ROWS
    rows = found[first : first + ROWS]
    if not rows:
        raise NotFound("privacy.nothing")
    body: list[Block] = []
    for row in rows:
        body += [Facts(tuple(held.lines(row))), Divider()]
    buttons = [Button(t("common.previous"), see(table=table, page=page - 1))] if first else []
    buttons += [Button(t("common.next"), see(table=table, page=page + 1))] if found[first + ROWS :] else []
    buttons.append(Button(t("privacy.back_button"), show()))
    body += [Buttons(tuple(buttons)), Note(t("privacy.fields"))]
    return Reply(Card(_held(table), tuple(body), t("common.notice"), sensitive=True), replaces=True)


def _held(table: str) -> Text:
    return t(f"privacy.held.{table}")


# --- correct, take along, erase ---------------------------------------------------------------------------


def _ways(ctx: Context) -> Iterator[Button]:
    yield from ctx.offers(PrivacyPlace)
    if ctx.policy.base_url:
        yield Button(t("privacy.export_button"), Link(f"{ctx.policy.base_url}/alumni/export"))
    yield Button(t("privacy.erase_button"), erase(), "danger")


@dataclass(frozen=True)
class Sure:
    """Erasing cannot be taken back, so it takes a tick."""

    sure: bool = tick(required=True)


@feature.form(Sure, roles=OWNERS)
def erase(ctx: Context, form: Sure) -> Answer:
    """Everything about me goes now; before the last day too."""
    leaver = leavers.of_person(ctx.tx, _me(ctx).id)
    if leaver is None:
        raise NotFound("common.join_first")
    leaving.leave(ctx.tx, leaver, _said(ctx))
    brand = ctx.policy.brand
    text = t("privacy.erased_text", network=brand.network, contact=brand.contact_name)
    return Reply(Card(t("privacy.erased"), (Paragraph(text),), t("common.notice")), replaces=True)


@erase.intro
def meaning(ctx: Context) -> Card:
    """What goes at once, and what little stays."""
    return Card(t("privacy.erase.title"), (Paragraph(t("privacy.goes")), Paragraph(t("privacy.stays"))))


@feature.action(roles=OWNERS, reads=True)
def show(ctx: Context) -> Answer:
    """The page, from a button."""
    return Reply(_page(ctx, _me(ctx)), replaces=True)


@show.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """On every home of somebody of whom something is held."""
    return Button(t("privacy.button"), show()) if ctx.actor.person_id is not None else None
