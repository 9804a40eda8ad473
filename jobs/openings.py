"""Openings by the clock: into channels and kept up to date there, their owners warned of the last day, closed
when it is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from bot import offering
from bot.commands import standing as cards
from bot.conversation import Actor, Address, Card, Conversation, Side
from bot.places import OpeningPlace, ThankedPlace
from bot.policy import Policy
from bot.post import Letter, channel_dedup, to_channel, to_one_of_staff, to_staff
from bot.registry import Context, Registry
from jobs import apart
from storage import accounts, journal, openings, outbox
from storage.aside import Those
from storage.consents import Purpose
from storage.engine import Database, Tx, now
from storage.openings import Opening, Posting
from storage.outbox import Status

WARNED = timedelta(days=7)
"""So long before the last day its owner is told."""
GONE = frozenset(
    {"message_not_found", "cant_update_message", "edit_window_closed", "ActivityNotFoundInConversation"}
)
"""Why a message can no longer be edited: it is posted anew. Source: Slack's words for `chat.update`; the Bot
Connector's for an activity that is not there."""
LOST = "lost"
"""Nobody knows what became of a message; it is not posted a second time by itself."""


async def sweep(database: Database, policy: Policy, registry: Registry) -> bool:
    """What became of messages first, then what ends, then what channels are to show; whether there was
    anything."""

    def today(tx: Tx) -> date:
        return policy.day(now(tx))

    steps: list[apart.Step[Any]] = [
        apart.Step("openings.settle", openings.under_way, settle),
        apart.Step("openings.close", lambda tx, those: openings.over(tx, today(tx), those),
                   apart.each(lambda tx, row: close(_nobody(tx, policy, registry), row))),
        apart.Step("openings.warn", lambda tx, those: openings.ending(tx, today(tx) + WARNED, those),
                   apart.each(partial(warn, policy=policy))),
        apart.Step("openings.publish", lambda tx, those: unshown(tx, policy, those),
                   lambda tx, rows: publish(_nobody(tx, policy, registry), rows)),
    ]  # fmt: skip
    return await apart.bring_all_on(database, steps)


def _nobody(tx: Tx, policy: Policy, registry: Registry) -> Context:
    """What is shown to everybody alike is made for nobody in particular."""
    address = accounts.visitor(policy.locale)
    actor = Actor(address, Side.ALUMNI, locale=policy.locale, zone=policy.zone)
    return Context(tx, actor, now(tx), policy, registry, Conversation(address.workspace, str(address)))


# --- channels ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unshown:
    """An opening that a channel does not show as it is; `id` is the opening's."""

    id: int
    row: Opening
    channel: str


def unshown(tx: Tx, policy: Policy, those: Those) -> list[Unshown]:
    """What channels do not show as it is now. In a channel that nobody names any more, what stands is still
    kept true."""
    named = policy.channels
    return [
        Unshown(row.id, row, channel)
        for channel in sorted({*named, *openings.channels(tx)})
        for row in openings.unposted(tx, channel, standing=channel not in named, those=those)
    ]


def publish(ctx: Context, rows: Sequence[Unshown]) -> bool:
    """Queue it: one message at a time for each opening and channel; whether any is new."""
    new = [_put(ctx, one.row, one.channel) for one in rows]
    return any(new)


def _put(ctx: Context, row: Opening, channel: str) -> bool:
    posting, address = openings.posting(ctx.tx, row.id, channel), Address.parse(channel)
    letter = _letter(row, offering.card(row, *ctx.offers(OpeningPlace, row.id)), f"{ctx.now:%Y%m%d%H%M%S%f}")
    if not to_channel(ctx.tx, address, letter, posting.remote):
        return False
    openings.queued(ctx.tx, posting, row.edition, channel_dedup(address, letter))
    return True


def _letter(row: Opening, card: Card, moment: str) -> Letter:
    """One for every edition; the moment tells a second try from the first."""
    return Letter("openings.posted", card, f"{row.id}:{row.edition}:{moment}", Purpose.OPENINGS)


def settle(tx: Tx, rows: Sequence[Posting]) -> bool:
    """What became of the messages that are under way; HR is told once what a channel did not take."""
    stuck: dict[tuple[str, str], list[Opening]] = defaultdict(list)
    for posting in rows:
        reason = _settled(tx, posting)
        row = openings.get(tx, posting.opening_id) if reason else None
        if row is not None:
            stuck[posting.channel, reason].append(row)
    for (channel, reason), lost in stuck.items():
        mark = f"{Address.parse(channel).user}:{reason}:{lost[0].id}:{now(tx):%Y%m%d%H%M%S}"
        to_staff(tx, "openings.stuck", cards.stuck(channel, reason, lost), mark)
    return any(posting.dedup == "" for posting in rows)


def _settled(tx: Tx, posting: Posting) -> str:
    """Keep what became of one; the reason when HR has to know."""
    stand = outbox.stands(tx, posting.dedup)
    if stand is not None and stand.status in (Status.PENDING, Status.SENDING):
        return ""
    if stand is not None and stand.status is Status.SENT:
        openings.arrived(tx, posting, stand.remote)
        return ""
    reason = stand.reason if stand is not None and stand.reason else LOST
    if reason in GONE:
        openings.vanished(tx, posting)
        return ""
    openings.refused(tx, posting, reason)
    return reason


# --- the last day ------------------------------------------------------------------------------------------


def warn(tx: Tx, row: Opening, policy: Policy) -> None:
    """Tell its owner a week before the last day, once for each last day; who chose a day that near knows
    it."""
    if row.opened_at is None or row.closes_on - policy.day(row.opened_at) > WARNED:
        _tell_owner(tx, row, Letter("openings.ending", cards.ending(row), _mark(row), Purpose.STAFF))
    openings.warned(tx, row)


def close(ctx: Context, row: Opening) -> None:
    """End what is over, with thanks to who came to it."""
    offering.close(ctx.tx, row, *ctx.offers(ThankedPlace))
    journal.write(ctx.tx, "opening.closed", offering.subject(row))
    _tell_owner(ctx.tx, row, Letter("openings.ended", cards.ended(ctx, row), _mark(row), Purpose.STAFF))


def _mark(row: Opening) -> str:
    return f"{row.id}:{row.closes_on:%Y%m%d}"


def _tell_owner(tx: Tx, row: Opening, letter: Letter) -> None:
    """The owner, else the deputy, else everybody who runs the network."""
    keys = [reader.key for reader in offering.readers(tx, row)][:1]
    members = [member for member in accounts.staff(tx) if not keys or accounts.key_of(member) in keys]
    for member in members:
        to_one_of_staff(tx, member, letter)
