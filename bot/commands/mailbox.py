"""mailbox: HR vouches for a private mailbox that nobody proved, or that mail did not reach for a while."""

from __future__ import annotations

from dataclasses import dataclass

from bot.conversation import Answer, Button, Card, Paragraph, Reply, Role, Side, t
from bot.errors import Conflict
from bot.fields import tick
from bot.places import LeaverPlace
from bot.registry import Context, Feature
from storage import journal, leavers, people
from storage.leavers import Leaver, Stage
from storage.people import Person

feature = Feature(__name__)


@dataclass(frozen=True)
class Sure:
    """HR confirmed in another way whose it is."""

    sure: bool = tick(required=True)


@feature.form(Sure, Side.COMPANY, roles=(Role.HR,))
def vouch(ctx: Context, form: Sure, leaver: int) -> Answer:
    """HR asked them: the mailbox that we hold is theirs and works. Who waits for an invitation gets it."""
    row, person = _unsure(ctx, leaver)
    other = people.by_proven_email(ctx.tx, people.private_email(ctx.tx, person) or "")
    if other is not None and other.id != person.id:
        raise Conflict("returning.taken")
    people.prove(ctx.tx, person)
    row.stuck = ""
    if row.stage is Stage.ENROLLED:
        row.invited_at = ctx.now - ctx.policy.invitation_lasts  # renewed at once, now with a way in
    journal.write(ctx.tx, "decision.mailbox", person.id, actor=str(ctx.actor.address))
    body = (Paragraph(t("mailbox.vouched", name=person.name)),)
    return Reply(Card(t("decisions.done"), body, t("common.notice")), replaces=True)


@vouch.intro
def vouched_for(ctx: Context, leaver: int) -> Card:
    """Whose mailbox; HR reads the address to them, so it stands here."""
    _, person = _unsure(ctx, leaver)
    mailbox = people.private_email(ctx.tx, person) or ""
    return Card(t("mailbox.vouch.title"), (Paragraph(t("mailbox.text", name=person.name, email=mailbox)),))


def _unsure(ctx: Context, leaver: int) -> tuple[Leaver, Person]:
    row = leavers.get(ctx.tx, leaver)
    person = people.get(ctx.tx, row.person_id) if row else None
    if row is None or person is None or not _doubtful(row, person):
        raise Conflict("leavers.moved_on")
    return row, person


def _doubtful(row: Leaver, person: Person) -> bool:
    """An address is there, but nobody proved it, or mail did not reach it."""
    unsure = person.private_email_proven_at is None or bool(person.unreachable)
    here = row.stage in (Stage.ENROLLED, Stage.JOINED)
    return here and person.private_email_blind is not None and unsure


@vouch.offered_on(LeaverPlace)
def vouch_on(ctx: Context, leaver: int) -> Button | None:
    """In HR's view of somebody whom mail does not reach."""
    row = leavers.get(ctx.tx, leaver)
    person = people.get(ctx.tx, row.person_id) if row else None
    fits = row is not None and person is not None and _doubtful(row, person)
    return Button(t("mailbox.button"), vouch(leaver=leaver)) if fits else None
