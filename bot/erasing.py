"""Erasing, by whichever way it came to it: a person's own word, HR's, the calendar's, or a restored backup.

Source: GDPR art. 17; 個人情報保護法 35条. What stays are rows without a name, a mark, and a line in the list
of erasures (`storage.erasures`).
"""

from __future__ import annotations

from datetime import datetime

from bot.conversation import Side
from bot.notices import stop
from bot.ports import LeavingType
from storage import (
    accounts,
    checkins,
    codes,
    consents,
    downloads,
    erasures,
    feeds,
    held,
    interests,
    journal,
    leavers,
    outbox,
    pace,
    people,
    referrals,
    returns,
    search,
)
from storage.consents import Decision, Said
from storage.engine import Tx, now
from storage.erasures import Told, Why
from storage.leavers import Leaver, Stage
from storage.referrals import Referral
from storage.returns import ReturnRequest


def end(tx: Tx, leaver: Leaver, why: Why, asked_at: datetime | None = None) -> None:
    """Everything about the leaver's person goes now, and is listed as erased; asked for at `asked_at`."""
    _stop_for_good(tx, leaver, why)
    _erase(tx, leaver.person_id)
    erasures.note(tx, leaver.person_id, why, asked_at)


def again(tx: Tx, told: Told) -> bool:
    """A restored backup knows somebody who was erased since: gone again; whether there was anything to do."""
    person = people.get(tx, told.person_id)
    erasures.keep(tx, told)
    if person is None or person.left_at is not None:
        return False
    leaver = leavers.of_person(tx, person.id)
    if leaver is not None:
        target = {Why.DECEASED: Stage.DECEASED, Why.STRUCK: Stage.STRUCK}.get(told.why, Stage.LEFT)
        if target in leavers.TRANSITIONS[leaver.stage]:
            leavers.move(tx, leaver, target)
        _stop_for_good(tx, leaver, told.why)
    _erase(tx, person.id)
    journal.write(tx, "person.erased_again", person.id)
    return True


def visitor(tx: Tx, request: ReturnRequest, why: Why) -> None:
    """A request of the public page is over; who was nothing but a visitor is gone, without a mark: they may
    ask again."""
    returns.drop(tx, request)
    codes.drop(tx, request.person_id, codes.Use.RETURN)
    if leavers.of_person(tx, request.person_id) is None:
        _erase(tx, request.person_id)
        erasures.note(tx, request.person_id, why)


def candidate(tx: Tx, referral: Referral, why: Why) -> None:
    """A referral is over: nothing of the candidate stays but the mark of the mailbox, so that nobody asks
    them again for a while. Source: GDPR art. 5(1)(c), 17."""
    person_id = referral.person_id
    referrals.end(tx, referral)
    if person_id is not None and leavers.of_person(tx, person_id) is None:
        _erase(tx, person_id)
        erasures.note(tx, person_id, why)


def _stop_for_good(tx: Tx, leaver: Leaver, why: Why) -> None:
    """Nothing is sent to or about them, and no file creates them again (but who stayed may leave one day)."""
    for stint in leavers.stints(tx, leaver.person_id):
        stop(tx, stint)
        stint.erase_at = stint.later_at = None
        stint.held_because, stint.leaving_type = "", LeavingType.UNKNOWN.value
    if why is not Why.STAYED:
        leavers.suppress(tx, leaver, for_good=why is Why.DECEASED)


def _erase(tx: Tx, person_id: str) -> None:
    """Nothing of a person can be read or found: each room blanks its own, what no room keeps is deleted."""
    for purpose in consents.given(tx, person_id):  # they stay as a proof, and allow nothing any more
        consents.record(tx, person_id, Decision.WITHDRAWN, Said("", "erased"), purpose)
    logins = accounts.addresses(tx, person_id)
    journal.rename(tx, logins, person_id)
    pace.forget(tx, logins)
    downloads.forget(tx, [*logins, *(str(accounts.web_person(person_id, side)) for side in Side)])
    outbox.forget(tx, person_id)
    checkins.forget(tx, person_id)
    search.forget(tx, person_id)
    feeds.forget(tx, now(tx))  # a kept file tells of many; which of them names this one cannot be known
    people.erase(tx, person_id)
    leavers.blank(tx, person_id)
    referrals.forget_referrer(tx, person_id)
    interests.drop_all(tx, person_id)
    held.forget(tx, person_id)
