"""decisions: what HR is asked about leavers, and its answers: go, hold, never; and the ties that only HR can make."""

from __future__ import annotations

from dataclasses import dataclass

from bot import joining, leaving, notices
from bot.conversation import (
    Address, Answer, Block, Button, Buttons, Card, Facts, Note, Option, Paragraph, Reply, Role, Side, t,
)  # fmt: skip
from bot.errors import NotFound
from bot.fields import search, text, tick
from bot.places import HomePlace, LeaverPlace
from bot.post import to_staff
from bot.registry import Context, Feature
from bot.visibility import Audience
from storage import journal, leavers, people
from storage import search as directory
from storage.leavers import Leaver, Stage
from storage.people import Person

feature = Feature(__name__)
HR = (Role.HR,)
STOPPABLE = frozenset({Stage.ANNOUNCED, Stage.ASKED, Stage.CONSENTED, Stage.LATER, Stage.UNANSWERED, Stage.ENROLLED})
CLAIMABLE = frozenset({Stage.UNANSWERED, Stage.LATER, Stage.ENROLLED})


# --- cards by which HR is told ------------------------------------------------------------------------


def notice_card(leaver: Leaver, person: Person) -> Card:
    """A notice arrived. Why it is held stands only in the dialog, because the reason may hurt."""
    held = leaver.stage is Stage.HELD or bool(leaver.question)
    intro = Paragraph(t("decisions.held" if held else "decisions.arrived", name=person.name))
    body: tuple[Block, ...] = (intro, _dates(leaver), Buttons(_choices(leaver)), Note(t("decisions.any_time")))
    return Card(t("decisions.held_title" if held else "decisions.arrived_title"), body, t("decisions.notice"))


def remind_card(leaver: Leaver, person: Person) -> Card:
    """Three business days before the bot speaks for the first time."""
    intro = Paragraph(t("decisions.remind", name=person.name, at=leaver.ask_at or leaver.last_day))
    body = (intro, _dates(leaver), Buttons(_choices(leaver)), Note(t("decisions.any_time")))
    return Card(t("decisions.remind_title"), body, t("decisions.notice"))


def many_card(count: int, held: int) -> Card:
    """Many notices at once: one card instead of a flood."""
    body = (Paragraph(t("decisions.many", count=count, held=held)), Note(t("decisions.any_time")))
    return Card(t("decisions.arrived_title"), body, t("decisions.notice"))


def stuck_card(leaver: Leaver, person: Person) -> Card:
    """Something does not go on by itself."""
    reason = t(f"leavers.stuck.{leaver.stuck}")
    body = (Paragraph(t("decisions.stuck", name=person.name, reason=reason)), Note(t("decisions.stuck_right")))
    return Card(t("decisions.stuck_title"), body, t("decisions.notice"))


def _dates(leaver: Leaver) -> Facts:
    working = t("leavers.day", day=leaver.last_working_day) if leaver.last_working_day else t("leavers.unknown")
    rows = (
        (t("leavers.fact.last_working_day"), working),
        (t("leavers.fact.last_day"), t("leavers.day", day=leaver.last_day)),
        (t("leavers.fact.department"), leaver.department or t("leavers.unknown")),
    )
    return Facts(rows)


def _choices(leaver: Leaver) -> tuple[Button, ...]:
    held = leaver.stage is Stage.HELD
    first = (
        Button(t("decisions.go_button"), go(leaver=leaver.id), "primary"),
        *(() if held else (Button(t("decisions.hold_button"), hold(leaver=leaver.id)),)),
    )
    return (*first, Button(t("decisions.never_button"), never(leaver=leaver.id), "danger"))


# --- HR's answers -------------------------------------------------------------------------------------


def _row(ctx: Context, leaver: int) -> tuple[Leaver, Person]:
    row = leavers.get(ctx.tx, leaver)
    person = people.get(ctx.tx, row.person_id) if row else None
    if row is None or person is None:
        raise NotFound("leavers.gone")
    return row, person


def _done(ctx: Context, row: Leaver, word: str, name: str) -> Answer:
    journal.write(ctx.tx, f"decision.{word}", row.person_id, actor=str(ctx.actor.address))
    card = Card(t("decisions.done"), (Paragraph(t(f"decisions.{word}_done", name=name)),), t("common.notice"))
    return Reply(card, replaces=True)


@feature.action(Side.COMPANY, roles=HR)
def go(ctx: Context, leaver: int) -> Answer:
    """Goes ahead: a held leaver is released, for all others this only says that HR has seen it."""
    row, person = _row(ctx, leaver)
    if row.stage is Stage.HELD:
        leaving.release(ctx.tx, row, ctx.policy)
    return _done(ctx, row, "go", person.name)


@feature.action(Side.COMPANY, roles=HR)
def hold(ctx: Context, leaver: int) -> Answer:
    """Nothing is sent until HR says go."""
    row, person = _row(ctx, leaver)
    if row.stage is not Stage.HELD:
        notices.hold(ctx.tx, row, "by_hr")
    return _done(ctx, row, "hold", person.name)


@dataclass(frozen=True)
class Never:
    """Striking erases, so it takes a tick."""

    sure: bool = tick(required=True)


@feature.form(Never, Side.COMPANY, roles=HR)
def never(ctx: Context, form: Never, leaver: int) -> Answer:
    """Struck for good: never written to, erased, and not created again by the next file."""
    row, person = _row(ctx, leaver)
    name = person.name
    leaving.strike(ctx.tx, row)
    return _done(ctx, row, "never", name)


@never.intro
def meaning(ctx: Context, leaver: int) -> Card:
    """Who it is about, and what it means."""
    row, person = _row(ctx, leaver)
    text = t("decisions.never_meaning", name=person.name, day=row.last_day)
    return Card(t("decisions.never.title"), (Paragraph(text),))


@go.offered_on(LeaverPlace)
def go_on(ctx: Context, leaver: int) -> Button | None:
    """For held leavers only."""
    row, _ = _row(ctx, leaver)
    return Button(t("decisions.go_button"), go(leaver=leaver), "primary") if row.stage is Stage.HELD else None


@hold.offered_on(LeaverPlace)
def hold_on(ctx: Context, leaver: int) -> Button | None:
    """At any time before the account is tied."""
    row, _ = _row(ctx, leaver)
    return Button(t("decisions.hold_button"), hold(leaver=leaver)) if row.stage in STOPPABLE else None


@never.offered_on(LeaverPlace)
def never_on(ctx: Context, leaver: int) -> Button | None:
    """At any time."""
    row, _ = _row(ctx, leaver)
    return Button(t("decisions.never_button"), never(leaver=leaver), "danger") if row.stage not in leavers.ENDED else None


# --- questions ----------------------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR)
def settle(ctx: Context, leaver: int) -> Answer:
    """The question of a contradicting notice is answered: what we hold stays."""
    row, person = _row(ctx, leaver)
    row.question = ""
    return _done(ctx, row, "settle", person.name)


@feature.action(Side.COMPANY, roles=HR)
def returned(ctx: Context, leaver: int) -> Answer:
    """They did not leave after all, or came back: an employee again."""
    row, person = _row(ctx, leaver)
    leavers.move(ctx.tx, row, Stage.RETURNED)
    row.question = ""
    notices.stop(ctx.tx, row)
    person.member_from, person.listed = None, False
    directory.index(ctx.tx, person)
    return _done(ctx, row, "returned", person.name)


@settle.offered_on(LeaverPlace)
def settle_on(ctx: Context, leaver: int) -> Button | None:
    """Where a question is open."""
    row, _ = _row(ctx, leaver)
    return Button(t("decisions.settle_button"), settle(leaver=leaver)) if row.question else None


@returned.offered_on(LeaverPlace)
def returned_on(ctx: Context, leaver: int) -> Button | None:
    """Where a question is open and the person could be back."""
    row, _ = _row(ctx, leaver)
    fits = row.question and Stage.RETURNED in leavers.TRANSITIONS[row.stage]
    return Button(t("decisions.returned_button"), returned(leaver=leaver)) if fits else None


# --- ways in that need a human ------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR)
def claim(ctx: Context, leaver: int) -> Answer:
    """A code for HR to hand over in person; shown once, in a dialog."""
    row, person = _row(ctx, leaver)
    if row.stage not in CLAIMABLE:
        raise NotFound("leavers.gone")
    code = leaving.join_code(ctx.tx, person, ctx.policy)
    journal.write(ctx.tx, "decision.claim", row.person_id, actor=str(ctx.actor.address))
    body = (Paragraph(t("decisions.claim_text", name=person.name)), Paragraph(t("decisions.claim_code", code=code)),
            Note(t("decisions.claim_note")))  # fmt: skip
    return Reply(Card(t("decisions.claim_title"), body, t("common.notice"), sensitive=True))


@claim.offered_on(LeaverPlace)
def claim_on(ctx: Context, leaver: int) -> Button | None:
    """For those whom no mail of ours may reach."""
    row, person = _row(ctx, leaver)
    fits = row.stage in CLAIMABLE and person.private_email_proven_at is None
    return Button(t("decisions.claim_button"), claim(leaver=leaver)) if fits else None


@dataclass(frozen=True)
class Plea:
    """Who says they are somebody."""

    name: str = text(limit=80)


@feature.form(Plea, Side.ALUMNI)
def plead(ctx: Context, form: Plea) -> Answer:
    """Without a code: HR is asked to vouch for this account."""
    account = str(ctx.actor.address)
    card = Card(
        t("decisions.plea_title"),
        (
            Paragraph(t("decisions.plea", name=form.name, account=account)),
            Buttons((Button(t("decisions.tie_button"), tie(account=account), "primary"),)),
            Note(t("decisions.plea_note")),
        ),
        t("decisions.notice"),
    )
    to_staff(ctx.tx, "decisions.plea", card, f"{account}:{ctx.now.date()}")
    contact = ctx.policy.brand.contact_name
    body = (Paragraph(t("decisions.plea_sent_text", contact=contact)),)
    return Reply(Card(t("decisions.plea_sent"), body, t("common.notice")))


@plead.offered_on(HomePlace)
def plead_on(ctx: Context) -> Button | None:
    """For who is not tied and has no code."""
    untied = ctx.actor.side is Side.ALUMNI and ctx.actor.person_id is None
    return Button(t("decisions.plead_button"), plead()) if untied else None


@dataclass(frozen=True)
class Vouch:
    """Which leaver the account belongs to."""

    who: str = search()
    sure: bool = tick(required=True)


@feature.form(Vouch, Side.COMPANY, roles=HR)
def tie(ctx: Context, form: Vouch, account: str) -> Answer:
    """HR vouches: this account is that person."""
    row = leavers.of_person(ctx.tx, form.who)
    if row is None:
        raise NotFound("leavers.gone")
    person = joining.tie_by_hr(ctx.tx, Address.parse(account), row, ctx.policy)
    return _done(ctx, row, "tie", person.name)


@tie.suggests("who")
def suggest(ctx: Context, query: str, account: str) -> tuple[Option, ...]:
    """Enrolled people who have not joined yet."""
    found = directory.find(ctx.tx, query, Audience.HR, size=50).hits
    return tuple(Option(hit.id, hit.name) for hit in found if _waits(ctx, hit.id))


def _waits(ctx: Context, person_id: str) -> bool:
    row = leavers.of_person(ctx.tx, person_id)
    return row is not None and row.stage is Stage.ENROLLED

