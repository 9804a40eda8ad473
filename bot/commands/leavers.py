"""leavers: who leaves when, where each stands, and what is stuck and why. For HR, in the company chat."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from bot import leaving
from bot.cadence import months_after
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
from bot.errors import InvalidForm, NotFound
from bot.fields import choice, day, email, text
from bot.notices import Heard, take_notice
from bot.places import HomePlace, LeaverPlace, LeaversPlace
from bot.ports import LeaverNotice, LeavingType
from bot.registry import Context, Feature
from bot.visibility import Audience
from storage import erasures, people
from storage import leavers as table
from storage import search as directory
from storage.erasures import Erasure
from storage.leavers import Leaver, Stage

feature = Feature(__name__)
HR = (Role.HR,)
SHOWN = 10
ANSWERED = frozenset({Stage.CONSENTED, Stage.LATER, Stage.DECLINED})


@feature.command(Side.COMPANY, roles=HR, reads=True)
def leavers(ctx: Context, argument: str) -> Answer:
    """What is stuck first, then who leaves when; with a name, everybody of that name at whatever stage."""
    return Reply(_named(ctx, argument) if argument else _list(ctx, 1))


def _named(ctx: Context, query: str) -> Card:
    hits = directory.find(ctx.tx, query, Audience.HR, size=SHOWN).hits
    rows = [row for hit in hits if (row := table.of_person(ctx.tx, hit.id))]
    body = tuple(_entry(ctx, row) for row in rows) or (Paragraph(t("leavers.nobody_named", query=query)),)
    return Card(t("leavers.title"), body, t("common.notice"))


def _list(ctx: Context, page: int) -> Card:
    rows, more = table.upcoming(ctx.tx, page)
    stuck = table.needing_hr(ctx.tx) if page == 1 else ()
    body: list[Block] = []
    if stuck:
        body += [
            Paragraph(t("leavers.stuck_title", count=len(stuck))),
            *(_entry(ctx, row) for row in stuck),
            Divider(),
        ]
    elsewhere = ctx.offers(LeaversPlace) if page == 1 else ()
    body += [Buttons(elsewhere), Divider()] if elsewhere else []
    body.append(Paragraph(t("leavers.upcoming") if rows else t("leavers.nobody")))
    shown = {row.id for row in stuck}
    body += [_entry(ctx, row) for row in rows if row.id not in shown]
    turns = [Button(t("common.previous"), turn(page - 1))] if page > 1 else []
    turns += [Button(t("common.next"), turn(page + 1))] if more else []
    body += [Buttons(tuple(turns))] if turns else []
    body += [Buttons(tuple(_elsewhere(ctx)))] if page == 1 else []
    body.append(Note(_figures(ctx)))
    return Card(t("leavers.title"), tuple(body), t("common.notice"))


def _elsewhere(ctx: Context) -> Iterator[Button]:
    """What does not stand in the list: who was erased, and the page that takes a file."""
    yield Button(t("leavers.erased_button"), erased_page(1))
    if ctx.policy.base_url:
        yield Button(t("leavers.file_button"), Link(f"{ctx.policy.base_url}/alumni/desk"))


def _figures(ctx: Context) -> Text:
    counts, leaving = table.counts(ctx.tx), table.leaving(ctx.tx)
    joined = counts.get(Stage.JOINED, 0)
    return t("leavers.figures", leaving=leaving, enrolled=counts.get(Stage.ENROLLED, 0), joined=joined)


def _entry(ctx: Context, leaver: Leaver) -> Entry:
    line = t("leavers.line", day=leaver.last_day, stage=_outline(leaver))
    return Entry(_name(ctx, leaver), line, Button(t("leavers.details"), show(leaver.id)))


def _name(ctx: Context, leaver: Leaver) -> str:
    person = people.get(ctx.tx, leaver.person_id)
    return person.name if person else ""


def _outline(leaver: Leaver) -> Text:
    """For the list, which may stand in a chat: not what they answered."""
    return state(leaver, Stage.ASKED if leaver.stage in ANSWERED else leaver.stage)


def state(leaver: Leaver, shown: Stage | None = None) -> Text:
    """Where a leaver stands (or seems to), with what hinders them."""
    stage = t(f"leavers.stage.{(shown or leaver.stage).value}")
    if leaver.question:
        return t("leavers.state_because", stage=stage, reason=t(f"leavers.question.{leaver.question}"))
    if leaver.stuck:
        return t("leavers.state_because", stage=stage, reason=t(f"leavers.stuck.{leaver.stuck}"))
    return stage


@feature.action(Side.COMPANY, roles=HR, reads=True)
def turn(ctx: Context, page: int) -> Answer:
    """Another page."""
    return Reply(_list(ctx, max(1, page)), replaces=True)


@feature.action(Side.COMPANY, roles=HR, reads=True)
def show(ctx: Context, leaver: int) -> Answer:
    """One leaver with every date and reason, in a dialog, and what HR can do now."""
    row = table.get(ctx.tx, leaver)
    person = people.get(ctx.tx, row.person_id) if row else None
    if row is None or person is None or not person.name:
        raise NotFound("leavers.gone")
    facts = Facts(tuple((t(f"leavers.fact.{name}"), value) for name, value in _facts(row) if value))
    buttons = ctx.offers(LeaverPlace, row.id)
    decisions: tuple[Block, ...] = (Buttons(buttons),) if buttons else ()
    note = Note(t("leavers.answers_hidden"))
    return Reply(Card(person.name, (facts, *decisions, note), t("common.notice"), sensitive=True))


def _facts(row: Leaver) -> tuple[tuple[str, Words | None], ...]:
    held = t(f"leavers.type.{row.held_because}") if row.stage is Stage.HELD else None
    when = t("leavers.day", day=row.last_working_day) if row.last_working_day else t("leavers.unknown")
    return (
        ("stage", state(row)),
        ("held", held),
        ("last_day", t("leavers.day", day=row.last_day)),
        ("last_working_day", when),
        ("type", t(f"leavers.type.{row.leaving_type}")),
        ("department", row.department),
        ("title", row.title),
        (
            "ask_at",
            t("leavers.moment", at=row.ask_at) if row.ask_at and row.stage is Stage.ANNOUNCED else None,
        ),
        ("enrol_at", t("leavers.moment", at=row.enrol_at) if row.enrol_at and not row.enrolled_at else None),
    )


@feature.command(Side.COMPANY, roles=HR, reads=True)
def erased(ctx: Context, argument: str) -> Answer:
    """Who asked to be erased and when the month for it ends; and every erasure with its proof."""
    return Reply(_erased(ctx, 1))


def _erased(ctx: Context, page: int) -> Card:
    rows, more = erasures.page(ctx.tx, page)
    body: list[Block] = []
    if page == 1:
        body += [Paragraph(t("leavers.erased.open")), *_asked(ctx), Divider()]
    sound = t("leavers.erased.sound" if erasures.intact(ctx.tx) else "leavers.erased.broken")
    body.append(Paragraph(t("leavers.erased.done", count=erasures.count(ctx.tx), sound=sound)))
    body += [Entry(row.person_id, _erasure(row)) for row in rows]
    turns = [Button(t("common.previous"), erased_page(page - 1))] if page > 1 else []
    turns += [Button(t("common.next"), erased_page(page + 1))] if more else []
    body += [Buttons(tuple(turns))] if turns else []
    body.append(Note(t("leavers.erased.note")))
    return Card(t("leavers.erased.title"), tuple(body), t("common.notice"), sensitive=True)


def _asked(ctx: Context) -> Iterator[Block]:
    """Whose last word is no, and who are still to be erased: since when, and by when at the latest."""
    rows = [(row, leaving.refused_at(ctx.tx, row)) for row in table.ending(ctx.tx)]
    asked = [(row, at) for row, at in rows if at is not None and row.erase_at is not None]
    for row, at in asked:
        month = months_after(ctx.policy.day(at), 1)
        due = row.erase_at or at
        yield Entry(_name(ctx, row), t("leavers.erased.waits", at=at, due=due, month=month))
    if not asked:
        yield Paragraph(t("leavers.erased.nobody"))


def _erasure(row: Erasure) -> Text:
    days = (row.done_at - row.asked_at).days
    why, proof = t(f"leavers.why.{row.why.value}"), row.proof.hex()[:16]
    return t("leavers.erased.line", why=why, at=row.asked_at, done=row.done_at, count=days, proof=proof)


@feature.action(Side.COMPANY, roles=HR, reads=True)
def erased_page(ctx: Context, page: int) -> Answer:
    """Another page of the list of erasures."""
    return Reply(_erased(ctx, max(1, page)), replaces=True)


@feature.action(Side.COMPANY, roles=HR, reads=True)
def overview(ctx: Context) -> Answer:
    """The list, from a button."""
    return leavers(ctx, "")


@overview.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """HR starts here."""
    return (
        Button(t("leavers.button"), overview(), "primary")
        if ctx.actor.has(Role.HR) and _company(ctx)
        else None
    )


def _company(ctx: Context) -> bool:
    return ctx.actor.side is Side.COMPANY


@dataclass(frozen=True)
class NewLeaver:
    """A notice typed by HR."""

    employee_number: str = text(limit=64)
    name: str = text(limit=80)
    kana: str = text(required=False, limit=80)
    company_email: str = email(required=False)
    last_day: date | None = day()
    last_working_day: date | None = day(required=False)
    department: str = text(required=False)
    leaving_type: str = choice(*(kind.value for kind in LeavingType), default=LeavingType.RESIGNATION.value)


@feature.command(Side.COMPANY, roles=HR)
def add(ctx: Context, argument: str) -> Answer:
    """Announce one leaver by hand."""
    return notice()


@feature.form(NewLeaver, Side.COMPANY, roles=HR)
def notice(ctx: Context, form: NewLeaver) -> Answer:
    """The same as a row of a file."""
    if form.last_day is None:
        raise InvalidForm({"last_day": t("common.field_required")})
    if form.last_working_day and form.last_working_day > form.last_day:
        raise InvalidForm({"last_working_day": t("leavers.work_after_end")})
    content = "\0".join(str(getattr(form, name)) for name in form.__dataclass_fields__)
    event_id = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
    heard = take_notice(
        ctx.tx,
        LeaverNotice(
            source="manual", event_id=event_id, entity="", employee_number=form.employee_number,
            name=form.name, last_day=form.last_day, kana=form.kana, company_email=form.company_email,
            last_working_day=form.last_working_day, department=form.department,
            leaving_type=LeavingType(form.leaving_type),
        ),
        ctx.policy,
    )  # fmt: skip
    known = t(f"leavers.heard.{heard.value}", name=form.name)
    next_step = () if heard in (Heard.SAME, Heard.SUPPRESSED) else (Note(t("leavers.heard_next")),)
    return Reply(Card(t("leavers.noted"), (Paragraph(known), *next_step), t("common.notice")))


@notice.offered_on(HomePlace)
def add_on_home(ctx: Context) -> Button | None:
    """HR announces a leaver from the home."""
    return Button(t("leavers.add_button"), notice()) if ctx.actor.has(Role.HR) and _company(ctx) else None
