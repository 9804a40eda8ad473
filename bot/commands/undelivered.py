"""undelivered: messages that could not be delivered, for HR: which, to whom, why; again, or not needed any
more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot import redelivery
from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Divider,
    Entry,
    Note,
    Paragraph,
    Reply,
    Role,
    Side,
    Text,
    Words,
    t,
)  # fmt: skip
from bot.places import LeaversPlace
from bot.redelivery import Became
from bot.registry import Context, Feature
from storage import accounts, given_up, people
from storage.engine import Tx
from storage.outbox import Delivery, Route

feature = Feature(__name__)
HR = (Role.HR,)
SHOWN = 5
MOST = 200
"""Messages that one press tries again."""
ROUTES = tuple(route for route in Route if route is not Route.CHANNEL)
"""Not those to channels: the opening itself says what hinders it, and posts itself again."""
NAMED: Mapping[str, str] = {
    "welcome.question": "question", "welcome.proof": "proof", "address.proof": "proof",
    "welcome.invitation": "invitation", "welcome.later_mail": "invitation",
    "join.welcome": "welcome", "returning.welcome": "welcome",
    "address.approval": "address", "address.changed": "address", "address.left": "address",
    "address.lost": "address", "address.rejected": "address",
    "checkin.nudge": "checkin", "openings.news": "opening", "refer.opening": "opening",
    "signin.link": "signin",
}  # fmt: skip
"""Kinds of messages whose receiver HR knows anyway. An opening that suits looks like one for which somebody
was named, because HR must not learn of that."""
UNNAMED: Mapping[str, str] = {
    "returning.confirm": "returning", "returning.hint": "returning", "returning.declined": "returning",
    "refer.ask": "referral", "refer.over": "referral", "openings.word": "referral",
    "candidate.agreed": "referral", "candidate.late": "referral", "introduced.step": "referral",
}  # fmt: skip
"""Kinds that HR reads without a name: who referred whom, and who asked and is not confirmed yet."""


# --- what HR is told by the clock -------------------------------------------------------------------------


def told(count: int) -> Card:
    """Once a day: so many messages could not be delivered; nothing of whom."""
    body = (
        Paragraph(t("undelivered.told", count=count)),
        Buttons((Button(t("undelivered.button"), overview(), "primary"),)),
        Note(t("undelivered.told_note")),
    )
    return Card(t("undelivered.told_title"), body, t("decisions.notice"))


def unheard() -> Card:
    """Something that a chat told us was given up; nothing of whom."""
    body = (Paragraph(t("undelivered.unheard")), Note(t("undelivered.unheard_note")))
    return Card(t("undelivered.unheard_title"), body, t("decisions.notice"))


# --- the list ---------------------------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR, reads=True)
def overview(ctx: Context) -> Answer:
    """Everything that could not be delivered, newest first."""
    return Reply(_list(ctx))


@feature.action(Side.COMPANY, roles=HR, reads=True)
def older(ctx: Context, before: int) -> Answer:
    """The next ones."""
    return Reply(_list(ctx, before=before), replaces=True)


@overview.offered_on(LeaversPlace)
def on_leavers(ctx: Context) -> Button | None:
    """While there is any, with how many."""
    count = given_up.dead_count(ctx.tx, ROUTES) if ctx.may(overview.handler) else 0
    return Button(t("undelivered.count_button", count=count), overview()) if count else None


def _list(ctx: Context, said: Text | None = None, before: int | None = None) -> Card:
    rows = given_up.dead_ones(ctx.tx, SHOWN + 1, before, ROUTES)
    body: list[Block] = [Paragraph(said)] if said else []
    body.append(Paragraph(t("undelivered.intro") if rows else t("undelivered.nothing")))
    for row in rows[:SHOWN]:
        body += [*_shown(ctx, row), Divider()]
    ways = []
    if len(rows) > SHOWN:
        ways.append(Button(t("common.next"), older(rows[SHOWN - 1].id)))
    if len(rows) > 1:
        ways.append(Button(t("undelivered.all_button"), all_again()))
    body += [Buttons(tuple(ways))] if ways else []
    return Card(t("undelivered.title"), tuple(body), t("common.notice"), sensitive=True)


def _shown(ctx: Context, row: Delivery) -> Iterator[Block]:
    """Kind, receiver, moment; why, and what would be right; what HR can do."""
    to = t("undelivered.line", to=_receiver(ctx.tx, row), at=row.done_at or ctx.now)
    yield Entry(t(f"undelivered.kind.{_kind(row)}"), to)
    yield Note(redelivery.means(row) if row.payload is not None else t("undelivered.no_words"))
    ways = [Button(t("undelivered.again_button"), again(row.id))] if row.payload is not None else []
    yield Buttons((*ways, Button(t("undelivered.drop_button"), drop(row.id))))


def _kind(row: Delivery) -> str:
    if row.route is Route.STAFF:
        return "staff"
    return NAMED.get(row.kind) or UNNAMED.get(row.kind) or "other"


def _receiver(tx: Tx, row: Delivery) -> Words:
    """By name where HR may know it; whoever is not known by it yet, or not to HR, is somebody."""
    if row.route is Route.STAFF:
        member = tx.get(accounts.Staff, row.staff_id)
        return accounts.key_of(member) if member is not None else t("undelivered.somebody")
    person = people.get(tx, row.person_id or "") if row.kind in NAMED else None
    if person is None or not person.name:
        return t("undelivered.somebody")
    return t("undelivered.person", name=person.name)


# --- what HR does -----------------------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR)
def again(ctx: Context, delivery: int) -> Answer:
    """Try one again."""
    return _done(ctx, redelivery.again(ctx.tx, delivery, str(ctx.actor.address)))


@feature.action(Side.COMPANY, roles=HR)
def drop(ctx: Context, delivery: int) -> Answer:
    """One is not needed any more."""
    return _done(ctx, redelivery.drop(ctx.tx, delivery, str(ctx.actor.address)))


@feature.action(Side.COMPANY, roles=HR)
def all_again(ctx: Context) -> Answer:
    """Try all of them again, the newest `MOST`."""
    rows = given_up.dead_ones(ctx.tx, MOST, None, ROUTES)
    actor = str(ctx.actor.address)
    came = [redelivery.again(ctx.tx, row.id, actor) for row in rows if row.payload is not None]
    return Reply(_list(ctx, t("undelivered.all_done", count=came.count(Became.AGAIN))), replaces=True)


def _done(ctx: Context, became: Became) -> Answer:
    return Reply(_list(ctx, t(f"undelivered.became.{became.value}")), replaces=True)
