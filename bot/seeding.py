"""Fills a playground with people: colleagues in the company workspace, and alumni who joined long ago.

Alumni are entered through the verbs of storage, each at the calendar time of their joining, all in one
transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from adapters.playground.backstage import CastMember, Group, Said
from adapters.playground.cast import Alumnus, Cast, Colleague
from adapters.playground.town import Newcomer
from bot import joining
from bot.cadence import local_moment
from bot.clock import Clock
from bot.conversation import Address, Side, Standing
from bot.playground import Playground
from bot.policy import Policy
from bot.ports import LeavingType
from storage import accounts, checkins, consents, journal, leavers, people, search
from storage.consents import Decision
from storage.engine import Tx
from storage.leavers import Leaver, Stage
from storage.people import Person

SEEDED = "playground"
"""The source of leavers who were alumni before the playground began."""
_TOLD = (
    "kana", "romaji", "former_name", "employer", "position", "skills", "department", "place", "about", "zone"
)  # fmt: skip


async def seed(ground: Playground, cast: Cast) -> list[CastMember]:
    """Everybody but the leavers: HR first, then alumni, then colleagues."""
    town, policy = ground.town, ground.app.core.policy
    users = [town.add("alumni", Newcomer(one.name, one.email, one.language, one.zone)) for one in cast.alumni]
    where = [Address(ground.platform, town.sides["alumni"], user) for user in users]
    await ground.app.core.database.run(lambda tx: _enter_all(tx, policy, cast.alumni, where))
    pairs = zip(cast.alumni, users, strict=True)
    return [
        *(_colleague(ground, one, "hr", f"hr-{number}") for number, one in enumerate(cast.staff, 1)),
        *(_alumnus(one, user, f"alumnus-{number}") for number, (one, user) in enumerate(pairs, 1)),
        *(
            _colleague(ground, one, "other", f"other-{number}")
            for number, one in enumerate(cast.employees, 1)
        ),
    ]


def _colleague(ground: Playground, one: Colleague, group: Group, key: str) -> CastMember:
    user = ground.town.add("company", Newcomer(one.name, one.email, one.language))
    return CastMember(
        key, one.name, one.note, group, company_user=user, emails=(one.email,), reading=one.kana
    )


def _alumnus(one: Alumnus, user: str, key: str) -> CastMember:
    words = " · ".join(filter(None, (one.employer, one.position))) or one.department
    reading = f"{one.kana} {one.romaji}"
    return CastMember(
        key, one.name, Said(words, words), "alumnus", alumni_user=user, emails=(one.email,), reading=reading
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """One alumnus on the way into storage: who, with which account, since when."""

    who: Alumnus
    number: int
    account: Address
    last_day: date
    member_from: datetime
    confirmed_on: date


def _entry(one: Alumnus, number: int, account: Address, policy: Policy, today: date) -> _Entry:
    """Profiles are of different ages: three weeks to two years, but not older than the membership."""
    last_day = one.last_day(today)
    age = 21 + sum(one.email.encode()) * 7 % 700
    return _Entry(
        who=one,
        number=number,
        account=account,
        last_day=last_day,
        member_from=local_moment(last_day + timedelta(days=1), time(0), policy.zone),
        confirmed_on=max(today - timedelta(days=age), last_day + timedelta(days=1)),
    )


def _enter_all(tx: Tx, policy: Policy, alumni: Sequence[Alumnus], where: Sequence[Address]) -> None:
    present: Clock = tx.info["clock"]
    today = policy.day(present.now())
    for number, (one, account) in enumerate(zip(alumni, where, strict=True), 1):
        entry = _entry(one, number, account, policy, today)
        tx.info["clock"] = Clock(entry.member_from + timedelta(hours=10))  # storage writes down when it was
        _enter(tx, entry, policy)
        tx.info["clock"] = present
        accounts.looked(tx, entry.account, Standing.MEMBER, one.language, one.zone)


def _enter(tx: Tx, entry: _Entry, policy: Policy) -> None:
    person = _person(tx, entry)
    leaver = leavers.add(tx, _leaver(entry, person))
    accounts.tie(tx, entry.account, Side.ALUMNI, person, "address")
    journal.write(tx, "person.joined", person.id, detail="address")
    people.confirm(person, entry.confirmed_on, {}, entry.who.shown, entry.who.listed)
    search.index(tx, person)
    if entry.who.left_days_ago:
        checkins.plan(tx, person.id, joining.first_checkin(person, leaver, policy, entry.member_from))


def _person(tx: Tx, entry: _Entry) -> Person:
    values = {name: getattr(entry.who, name) for name in _TOLD}
    person = people.add(
        tx, entry.who.name, locale=entry.who.language, member_from=entry.member_from, **values
    )
    people.set_private_email(tx, person, entry.who.email)
    person.private_email_proven_at = entry.member_from
    said = consents.Said(entry.who.language, entry.account.platform.value)
    consents.record(tx, person.id, Decision.GIVEN, said)
    return person


def _leaver(entry: _Entry, person: Person) -> Leaver:
    at = entry.member_from
    return Leaver(
        person_id=person.id, entity="", employee_number=f"{5000 + entry.number}", stint=1, source=SEEDED,
        notice="", last_day=entry.last_day, leaving_type=LeavingType.RESIGNATION.value, stage=Stage.JOINED,
        department=entry.who.department, told_at=at, asked_at=at, answered_at=at, enrolled_at=at,
        member_from=at, invited=1, invited_at=at,
    )  # fmt: skip
