"""Openings that suit somebody are told: at most one message a person and seven days, never an opening twice.

For eight days after it was opened, an opening is compared once a day with whoever may be told, so that who
rests or pauses for a while still hears of it. `Opening.matched_upto` is how far that is: the last person's id
while a pass goes on, the day when it is through, at last `openings.DONE`. Memory holds one batch of people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from bot.commands import openings as cards
from bot.commands import wishes as forms
from bot.matching import Match, Sought, match
from bot.policy import Policy
from bot.post import Copy, to_many
from bot.wire import dump_card
from jobs import apart
from storage import interests, matching, openings, people, wishes
from storage.aside import ALL, Aside, Those
from storage.consents import Purpose
from storage.engine import Database, Tx, now
from storage.openings import Opening
from storage.people import Person

LOOKED = 5000
TOLD = 500
BATCHES = 50
MOST = 5
NEW = timedelta(days=8)
"""One day longer than `matching.REST`: who was told of something else on the first day is asked once more."""
Fresh = Sequence[tuple[Opening, Sought]]


@dataclass(frozen=True, slots=True)
class Round:
    """One opening, who of the people looked at is to hear of it, and from where to where that brings it."""

    opening: int
    people: tuple[str, ...]
    since: str
    upto: str


async def sweep(database: Database, policy: Policy) -> bool:
    """At most `BATCHES` rounds; whether there was anything."""
    aside = Aside.of(database)
    for done in range(BATCHES):
        those = Those(but=aside.resting("matches", database.clock.wire()))
        rows = await database.run(partial(unheard, policy=policy, those=those), reads=True)
        if not rows:
            return done > 0
        await apart.alone(database, "matches", rows[0].id, partial(_round, database, policy, rows[0].id))
    return True


def unheard(tx: Tx, policy: Policy, those: Those = ALL) -> list[Opening]:
    """Openings that were not compared with everybody today."""
    day = policy.day(now(tx))
    return [row for row in openings.unmatched(tx, day, those) if row.matched_upto != day.isoformat()]


async def _round(database: Database, policy: Policy, opening_id: int) -> bool:
    """Looking holds nobody up: only telling writes."""
    found = await database.run(partial(look, policy=policy, opening_id=opening_id), reads=True)
    if found is None:
        return False
    for first in range(0, len(found.people), TOLD):
        some = found.people[first : first + TOLD]
        await apart.bring_on(database, _telling(policy, some))
    await database.run(partial(went, done=found), guarded=True)
    return True


def _telling(policy: Policy, some: Sequence[str]) -> apart.Step[str]:
    def those_of(tx: Tx, those: Those) -> list[str]:
        return [one for one in some if those.holds(one)]

    return apart.Step("matches.tell", those_of, partial(tell, policy=policy), key=str, again=False)


def look(tx: Tx, policy: Policy, opening_id: int) -> Round | None:
    """The next people for an opening, if it still is to be compared."""
    rows, day = unheard(tx, policy, Those(only=(opening_id,))), policy.day(now(tx))
    if not rows:
        return None
    (row,) = rows
    opening = matching.sought(row, day)
    batch = matching.seekers(tx, row, _after(row), LOOKED)
    real = tuple(one.person_id for one in batch.seekers if match(opening, one).real)
    return Round(row.id, real, row.matched_upto, batch.upto or _through(row, policy, day))


def tell(tx: Tx, some: Sequence[str], policy: Policy) -> None:
    """Each of them hears of everything new that suits."""
    day = policy.day(now(tx))
    fresh = [(one, matching.sought(one, day)) for one in openings.unmatched(tx, day)]
    listening = _Listening(tx, fresh, some)
    copies, told = [], {}
    for person_id in some:
        if found := listening.hears(person_id):
            copies.append(_copy(tx, policy, listening.people[person_id], found))
            told[person_id] = [row.id for row, _ in found]
    went_to = to_many(tx, forms.NEWS, copies, Purpose.OPENINGS)
    wishes.told(tx, [(listening.wishes[who], numbers) for who, numbers in told.items() if who in went_to])


def went(tx: Tx, done: Round) -> None:
    """Keep how far it is, unless the opening has moved on meanwhile: opened anew, or brought on by another
    process."""
    openings.matched(tx, done.opening, done.since, done.upto)


def _after(row: Opening) -> str:
    """Where the pass goes on: a day is no id, and stands for a pass that is over."""
    return "" if row.matched_upto[:1].isdigit() else row.matched_upto


def _through(row: Opening, policy: Policy, day: date) -> str:
    over = row.opened_at is None or policy.day(row.opened_at) + NEW <= day
    return openings.DONE if over else day.isoformat()


class _Listening:
    """What has to be known of people before they are told, asked at once for all of them."""

    def __init__(self, tx: Tx, fresh: Fresh, some: Sequence[str]) -> None:
        self._tx, self._fresh = tx, fresh
        self._seekers = matching.these(tx, some)
        self.wishes, self.people = wishes.some(tx, some), people.some(tx, some)
        self._raised = interests.raised(tx, [row.id for row, _ in fresh], some)

    def hears(self, person_id: str) -> Sequence[tuple[Opening, Match]]:
        """The best first; what they were told or answered is left out."""
        one, wish = self._seekers.get(person_id), self.wishes.get(person_id)
        person = self.people.get(person_id)
        if one is None or wish is None or person is None or not matching.may_hear(self._tx, person, wish):
            return ()
        new = ((row, opening) for row, opening in self._fresh if row.id not in wish.told)
        suits = (
            (row, match(opening, one)) for row, opening in new if (row.id, person_id) not in self._raised
        )
        return sorted((pair for pair in suits if pair[1].real), key=_rank)[:MOST]


def _copy(tx: Tx, policy: Policy, person: Person, found: Sequence[tuple[Opening, Match]]) -> Copy:
    at = now(tx)
    card = dump_card(cards.suiting(found, forms.button()))
    return Copy(person.id, card, f"{policy.day(at):%Y%m%d}", policy.opens(at, person.zone))


def _rank(pair: tuple[Opening, Match]) -> tuple[int, int]:
    return -pair[1].score, -pair[0].id
