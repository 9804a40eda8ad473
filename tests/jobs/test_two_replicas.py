"""Two processes that both believe to lead: every sweep that writes to somebody writes once, on each database.

Enrolment and check-ins are looked at beside their own tests.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest

from bot.registry import discover
from jobs import interests as interest_jobs
from jobs import matches as match_jobs
from jobs import openings as opening_jobs
from jobs import policy as policy_jobs
from jobs import referrals as referral_jobs
from jobs import undelivered as undelivered_jobs
from storage import consents, delivering, outbox, people, referrals
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, now
from storage.erasures import Erasure
from storage.openings import Opening
from storage.outbox import Draft, Route
from storage.people import Person
from storage.referrals import Named
from tests.desk import POLICY, Desk, desk_on
from tests.jobs.test_interests import a_hand
from tests.jobs.test_interests import staffed as hr_is
from tests.jobs.test_matches import members, posted
from tests.jobs.test_openings import BOTH, DEPUTY, OWNER, posts

MONTH = timedelta(days=30).total_seconds()
SAID = Said("ja", "slack")
LINK = replace(POLICY, invitation_url="https://join.example", invitation_expires=date(2026, 2, 7))


@dataclass(frozen=True, slots=True)
class Scene:
    """What was before, the sweep, and how many letters of which kind come of it."""

    before: Callable[[Desk], object]
    sweep: Callable[[Desk], Awaitable[object]]
    letters: Mapping[str, int]


# --- what was before --------------------------------------------------------------------------------------


def an_opening(desk: Desk, **values: object) -> Opening:
    desk.staff(OWNER, DEPUTY)
    return posts(desk, **values)


def that_ends(desk: Desk, days: int) -> None:
    an_opening(desk, closes_on=desk.clock.now().date() + timedelta(days=20))
    desk.clock.passes(timedelta(days=20 - days).total_seconds())


def people_who_want_to_be_told(desk: Desk) -> None:
    members(desk, 30)
    for title in ("募集 一", "募集 二"):
        posted(desk, title=title)


async def a_raised_hand(desk: Desk, since: float) -> None:
    hr_is(desk, "hr@minato.example.jp", "kimura@minato.example.jp")
    a_hand(desk, "hr@minato.example.jp", "kimura@minato.example.jp")
    desk.clock.passes(600)
    if since:
        await interests(desk)
        desk.clock.passes(since)


def somebody(tx: Tx, name: str) -> Person:
    person = people.add(tx, name, member_from=now(tx))
    people.set_private_email(tx, person, f"{secrets.token_hex(4)}@home.example.jp")
    for purpose in (Purpose.STAY_IN_TOUCH, Purpose.OPENINGS):
        consents.record(tx, person.id, Decision.GIVEN, SAID, purpose)
    return person


def candidates(desk: Desk, agreed: bool) -> None:
    """Three of them, and as much time passed as makes them late."""
    row = an_opening(desk)

    def name(tx: Tx) -> None:
        for number in range(3):
            referrer, candidate = somebody(tx, "髙橋 愛子"), somebody(tx, "田中 恵子")
            referral = referrals.add(tx, Named(row.id, referrer.id, bytes([number] * 16)), candidate)
            if agreed:
                referrals.agree(tx, referral, now(tx).date() + timedelta(days=5))

    desk.does(name)
    desk.clock.passes(MONTH)


def messages_given_up(desk: Desk) -> None:
    desk.staff(OWNER, DEPUTY)

    def give_up(tx: Tx) -> None:
        for number in range(3):
            outbox.put(tx, Draft("welcome.question", "{}", Purpose.ASKING, Route.PROOF_MAIL, str(number)))
        for row in delivering.claim(tx):
            assert delivering.dead(tx, row, "internal_error")

    desk.does(give_up)
    desk.clock.passes(601)


# --- the scenes -------------------------------------------------------------------------------------------


async def openings(desk: Desk) -> bool:
    return await opening_jobs.sweep(desk.database, BOTH, REGISTRY)


async def matches(desk: Desk) -> bool:
    return await match_jobs.sweep(desk.database, POLICY)


async def interests(desk: Desk) -> bool:
    return await interest_jobs.sweep(desk.database, POLICY)


async def referred(desk: Desk) -> bool:
    return await referral_jobs.sweep(desk.database, POLICY)


async def undelivered(desk: Desk) -> bool:
    return await undelivered_jobs.tell(desk.database)


async def expiring(desk: Desk) -> bool:
    return await policy_jobs.warn(desk.database, LINK)


REGISTRY = discover("bot.commands")
SCENES = {
    "openings into channels": Scene(an_opening, openings, {"openings.posted": 2}),
    "openings that end soon": Scene(
        lambda desk: that_ends(desk, 5), openings, {"openings.posted": 2, "openings.ending": 1}
    ),
    "openings that are over": Scene(lambda desk: that_ends(desk, -1), openings, {"openings.ended": 1}),
    "openings that suit": Scene(people_who_want_to_be_told, matches, {"openings.news": 30}),
    "raised hands": Scene(lambda desk: a_raised_hand(desk, 0), interests, {"interest.came": 2}),
    "raised hands that wait": Scene(
        lambda desk: a_raised_hand(desk, MONTH), interests,
        {"interest.came": 2, "interest.late": 1, "interest.news": 1},
    ),
    "candidates who did not answer": Scene(
        lambda desk: candidates(desk, agreed=False), referred, {"refer.over": 3}
    ),
    "candidates whom the company let wait": Scene(
        lambda desk: candidates(desk, agreed=True), referred, {"introduced.late": 6, "candidate.late": 3}
    ),
    "messages given up": Scene(
        messages_given_up, undelivered, {"welcome.question": 3, "undelivered.told": 2}
    ),
    "an invitation link that ends": Scene(
        lambda desk: desk.staff(OWNER, DEPUTY), expiring, {"policy.link_expires": 2}
    ),
}  # fmt: skip


@pytest.fixture(params=[False, True], ids=["file", "server"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """In a file and on a server, whatever the run is about."""
    with desk_on(on_server=request.param) as made:
        yield made


@pytest.mark.parametrize("name", SCENES)
async def test_two_replicas_have_one_effect(desk: Desk, name: str) -> None:
    scene = SCENES[name]
    ready = scene.before(desk)
    if inspect.isawaitable(ready):
        await ready
    replicas = (desk, desk.again())
    await asyncio.gather(*(scene.sweep(one) for one in replicas for _ in range(2)))
    assert Counter(letter.kind for letter in desk.letters()) == scene.letters
    await scene.sweep(desk)
    assert Counter(letter.kind for letter in desk.letters()) == scene.letters, "and nothing was left"


async def test_who_did_not_answer_is_erased_once(desk: Desk) -> None:
    candidates(desk, agreed=False)
    await asyncio.gather(*(referred(one) for one in (desk, desk.again()) for _ in range(2)))
    assert desk.sees(lambda tx: tx.query(Erasure).count()) == 3
