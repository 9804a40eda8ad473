"""decisions: what HR is asked about leavers, and its answers: go, hold, never, and what only HR settles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bot import joining, leaving, notices
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
    t,
)  # fmt: skip
from bot.errors import Conflict, NotFound
from bot.fields import tick
from bot.places import LeaverPlace
from bot.post import to_staff
from bot.registry import Context, Feature
from storage import checkins, journal, leavers, people
from storage.engine import Tx
from storage.leavers import Leaver, Stage
from storage.people import Person

feature = Feature(__name__)
HR = (Role.HR,)
STOPPABLE = frozenset(
    {Stage.ANNOUNCED, Stage.ASKED, Stage.CONSENTED, Stage.LATER, Stage.UNANSWERED, Stage.ENROLLED}
)
CLAIMABLE = frozenset({Stage.UNANSWERED, Stage.LATER, Stage.ENROLLED})


_AWAY = frozenset({"login", "mail_server"})
HINDRANCES = _AWAY | {
    "app_forbidden", "find_forbidden", "not_in_catalogue", "guests_forbidden", "team_forbidden", "no_team"
}  # fmt: skip
"""Why a chat, or all mail, cannot be used until an administrator has changed something."""


# --- cards by which HR is told ------------------------------------------------------------------------


def hindered(reason: str) -> Card:
    """Messages wait or go by mail for one of `HINDRANCES`: what is in the way, and who takes it away."""
    away = reason in _AWAY
    title = t(f"decisions.away_title.{reason}" if away else "decisions.hindered_title")
    mends = t(f"decisions.away_right.{reason}" if away else "decisions.hindered_right")
    why = t(f"decisions.hindered.{reason}")
    return Card(title, (Paragraph(why), Note(mends)), t("decisions.notice"))


def tell(tx: Tx, reason: str, today: date) -> None:
    """Say so to everybody who runs the network, once a day for each reason."""
    to_staff(tx, "decisions.hindered", hindered(reason), f"{reason}:{today:%Y%m%d}")


def notice_card(leaver: Leaver, person: Person) -> Card:
    """A notice arrived. Why it is held stands only in the dialog, because the reason may hurt."""
    held = leaver.stage is Stage.HELD
    word = "asks" if leaver.question else "held" if held else "arrived"
    buttons = Buttons(_answers(leaver) if leaver.question else _choices(leaver))
    note = Note(t("decisions.until_then" if leaver.question else "decisions.any_time"))
    body: tuple[Block, ...] = (
        Paragraph(t(f"decisions.{word}", name=person.name)),
        _dates(leaver),
        buttons,
        note,
    )
    title = t("decisions.held_title" if leaver.question or held else "decisions.arrived_title")
    return Card(title, body, t("decisions.notice"))


def remind_card(leaver: Leaver, person: Person) -> Card:
    """Three business days before the bot speaks for the first time."""
    intro = Paragraph(t("decisions.remind", name=person.name, at=leaver.ask_at or leaver.last_day))
    body = (intro, _dates(leaver), Buttons(_choices(leaver)), Note(t("decisions.any_time")))
    return Card(t("decisions.remind_title"), body, t("decisions.notice"))


def many_card(count: int, held: int) -> Card:
    """Many notices at once: one card instead of a flood."""
    body = (Paragraph(t("decisions.many", count=count, held=held)), Note(t("decisions.any_time")))
    return Card(t("decisions.arrived_title"), body, t("decisions.notice"))


def many_reminders(count: int, at: datetime) -> Card:
    """First contact with many is near."""
    body = (Paragraph(t("decisions.remind_many", count=count, at=at)), Note(t("decisions.any_time")))
    return Card(t("decisions.remind_title"), body, t("decisions.notice"))


def stuck_card(leaver: Leaver, person: Person) -> Card:
    """Something does not go on by itself."""
    reason = t(f"leavers.stuck.{leaver.stuck}")
    body = (
        Paragraph(t("decisions.stuck", name=person.name, reason=reason)),
        Note(t("decisions.stuck_right")),
    )
    return Card(t("decisions.stuck_title"), body, t("decisions.notice"))


def incidents(count: int) -> Card:
    """Something goes wrong inside with many leavers at once."""
    return Card(t("decisions.stuck_title"), (Paragraph(t("decisions.incidents", count=count)),),
                t("decisions.notice"))  # fmt: skip


def _dates(leaver: Leaver) -> Facts:
    working = (
        t("leavers.day", day=leaver.last_working_day) if leaver.last_working_day else t("leavers.unknown")
    )
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


def _answers(leaver: Leaver) -> tuple[Button, ...]:
    """What can be said to a question about somebody who was enrolled."""
    back = (
        (Button(t("decisions.returned_button"), returned(leaver=leaver.id)),) if _may_be_back(leaver) else ()
    )
    return (
        Button(t("decisions.settle_button"), settle(leaver=leaver.id)),
        *back,
        Button(t("decisions.never_button"), never(leaver=leaver.id), "danger"),
    )


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
    elif row.stage not in STOPPABLE:
        raise Conflict("leavers.moved_on")
    return _done(ctx, row, "go", person.name)


@feature.action(Side.COMPANY, roles=HR)
def hold(ctx: Context, leaver: int) -> Answer:
    """Nothing is sent until HR says go."""
    row, person = _row(ctx, leaver)
    if row.stage in STOPPABLE:
        notices.hold(ctx.tx, row, "by_hr")
    elif row.stage is not Stage.HELD:
        raise Conflict("leavers.moved_on")
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
    return (
        Button(t("decisions.never_button"), never(leaver=leaver), "danger")
        if row.stage not in leavers.ENDED
        else None
    )


@dataclass(frozen=True)
class Gone:
    """It stops everything for good, so it takes a tick."""

    sure: bool = tick(required=True)


@feature.form(Gone, Side.COMPANY, roles=HR)
def deceased(ctx: Context, form: Gone, leaver: int) -> Answer:
    """Somebody died: nothing is ever sent, nobody is reminded, and no file brings them back."""
    row, person = _row(ctx, leaver)
    name = person.name
    leaving.strike(ctx.tx, row, deceased=True)
    return _done(ctx, row, "deceased", name)


@deceased.intro
def quietly(ctx: Context, leaver: int) -> Card:
    """Who it is about, and what it means."""
    row, person = _row(ctx, leaver)
    text = t("decisions.deceased_meaning", name=person.name, day=row.last_day)
    return Card(t("decisions.deceased.title"), (Paragraph(text),))


@deceased.offered_on(LeaverPlace)
def deceased_on(ctx: Context, leaver: int) -> Button | None:
    """At any stage of somebody of whom anything is held."""
    row, person = _row(ctx, leaver)
    may = Stage.DECEASED in leavers.TRANSITIONS[row.stage] and person.left_at is None
    return Button(t("decisions.deceased_button"), deceased(leaver=leaver), "danger") if may else None


# --- questions ----------------------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR)
def settle(ctx: Context, leaver: int) -> Answer:
    """The question of a contradicting notice is answered: what we hold stays, and goes on."""
    row, person = _row(ctx, leaver)
    if row.question == "deceased" and row.stage is Stage.JOINED:
        checkins.plan(ctx.tx, person.id, joining.first_checkin(person, row, ctx.policy, ctx.now))
    row.question = ""
    return _done(ctx, row, "settle", person.name)


@feature.action(Side.COMPANY, roles=HR)
def returned(ctx: Context, leaver: int) -> Answer:
    """They did not leave after all, or came back: an employee again."""
    row, person = _row(ctx, leaver)
    notices.come_back(ctx.tx, row)
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
    return Button(t("decisions.returned_button"), returned(leaver=leaver)) if _may_be_back(row) else None


def _may_be_back(row: Leaver) -> bool:
    alive = row.question not in ("", "deceased")
    return alive and Stage.RETURNED in leavers.TRANSITIONS[row.stage]


# --- ways in that need a human ------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR)
def claim(ctx: Context, leaver: int) -> Answer:
    """A code for HR to hand over in person; shown once, in a dialog."""
    row, person = _row(ctx, leaver)
    if not _claimable(ctx, row, person):
        raise Conflict("leavers.moved_on")
    code = leaving.join_code(ctx.tx, person, ctx.policy)
    journal.write(ctx.tx, "decision.claim", row.person_id, actor=str(ctx.actor.address))
    body = (
        Paragraph(t("decisions.claim_text", name=person.name)),
        Paragraph(t("decisions.claim_code", code=code)),
        Note(t("decisions.claim_note")),
    )
    return Reply(Card(t("decisions.claim_title"), body, t("common.notice"), sensitive=True))


@claim.offered_on(LeaverPlace)
def claim_on(ctx: Context, leaver: int) -> Button | None:
    """For those whom no mail of ours may reach, or did."""
    fits = _claimable(ctx, *_row(ctx, leaver))
    return Button(t("decisions.claim_button"), claim(leaver=leaver)) if fits else None


def _claimable(ctx: Context, row: Leaver, person: Person) -> bool:
    """Not before the day of enrolment, and not while a question is open."""
    reached = person.private_email_proven_at is not None and not row.stuck
    over = row.enrol_at is not None and row.enrol_at <= ctx.now
    return row.stage in CLAIMABLE and over and not reached and not row.question
