"""Referrals by the clock: what nobody answered in 14 days is erased, a promise that was not kept is said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bot import erasing, referring
from bot.commands import candidate, introduced
from bot.policy import Policy
from bot.post import Letter, to_staff
from jobs import apart
from storage import openings, referrals
from storage.aside import Those
from storage.consents import Purpose
from storage.engine import Database, Tx, now
from storage.erasures import Why
from storage.referrals import Referral, Stand


async def sweep(database: Database, policy: Policy) -> bool:
    """Every referral whose candidate let the time pass, and every one that the company let wait; whether
    there was anything to do."""

    def silent(tx: Tx, those: Those) -> Sequence[Referral]:
        return referrals.silent(tx, policy.day(now(tx)), those=those)

    end = apart.each(partial(_end, policy=policy))
    remind = apart.each(partial(_remind, policy=policy))
    over = apart.Step("referrals.end", lambda tx, those: referrals.unanswered(tx, those=those), end)
    return await apart.bring_all_on(database, [over, apart.Step("referrals.remind", silent, remind)])


def _end(tx: Tx, row: Referral, policy: Policy) -> None:
    """No answer: as a no. Who said no before is erased already; the referrer is thanked for both alike."""
    if row.stand is Stand.ASKED:
        erasing.candidate(tx, row, Why.SILENT)
    opening = openings.get(tx, row.opening_id)
    if opening is None:
        referrals.thanked(tx, row)
    else:
        referring.thank(tx, row, opening, policy)


def _remind(tx: Tx, row: Referral, policy: Policy) -> None:
    """The readers, the deputy among them, once; and the candidate, honestly."""
    referrals.late(tx, row)
    opening = openings.get(tx, row.opening_id)
    if opening is None:
        return
    card = introduced.reminder(row, opening, policy)
    if not referring.tell_readers(tx, opening, Letter("introduced.late", card, str(row.id), Purpose.STAFF)):
        to_staff(tx, "introduced.orphaned", introduced.orphaned(opening), str(row.id))
    told = candidate.late(tx, row, opening, policy)
    referring.tell_candidate(tx, row, Letter("candidate.late", told, "late", Purpose.OPENINGS))
