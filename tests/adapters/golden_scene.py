"""A house with something of each kind in it, and everybody who may press what is registered.

What is asked is taken back, so every button is pressed in the same moment; random words are told as "…".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from sqlalchemy import Insert, Result, event, select
from sqlalchemy.orm import ORMExecuteState, Session

from bot.conversation import (
    Address,
    Bound,
    ButtonPressed,
    Card,
    CommandUsed,
    Field,
    Form,
    FormSubmitted,
    Platform,
    Scalar,
    Side,
    t,
)
from bot.dispatch import Outcome
from bot.playground import HR_EMAIL
from bot.registry import Handler
from bot.wire import load_card
from storage import (
    accounts,
    addresses,
    codes,
    consents,
    openings,
    outbox,
    people,
    referrals,
    returns,
)
from storage.codes import Use
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx
from storage.interests import Interest
from storage.outbox import Delivery
from storage.people import Person
from tests.hands import later, raises
from tests.journeys import a_leaver, a_member, who_was_asked
from tests.offered import Company, company_in
from tests.probing import Forged, Prober
from tests.referred import KEIKO, WHY
from tests.stories.test_policy import opens
from tests.world import ALUMNI, COMPANY, Somebody

Pools = dict[str, Sequence[Scalar]]
REFUSED = t("common.refused")
WRITTEN = {"column": "last_day", "sentence": "find.nobody", "last_day": "2026-01-31"}
"""What is written into fields of which not everything will do."""
Shown = Card | Form


@dataclass
class Scene:
    """Who is there, and how everything is asked."""

    company: Company
    everybody: dict[str, tuple[Address, Side]]
    pools: Pools
    member_mail: str
    letters: Mapping[str, Card]
    """Kind -> the first letter of it that was written, whatever became of it."""

    def __post_init__(self) -> None:
        self.prober = Prober(self.company.world, Forged((), (), ()), lambda _: False)
        self.prober._at = self.prober._at.replace(second=0, microsecond=0)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Every button and form that is registered."""
        return self.company.world.ground.app.core.dispatcher._registry.handlers

    def asks(self, tx: Tx, who: str, incoming: Any) -> Outcome:
        """One thing, by one of them, and taken back."""
        with tx.begin_nested() as savepoint:
            outcome = self.prober._dispatcher._answer(tx, incoming, self.everybody[who][1], writes=True)
            tx.flush()
            savepoint.rollback()
        return outcome

    def pressed(self, tx: Tx, action: str) -> Iterator[tuple[str, Outcome]]:
        """A button with everything that may be its arguments, by everybody on its sides."""
        handler = self.handlers[action]
        choices = (self.pools.get(n, (0, 1) if k is int else ("",)) for n, k in handler.arguments.items())
        for values in product(*choices):
            args = tuple(zip(handler.arguments, values, strict=True))
            for who, (address, side) in self.everybody.items():
                if side in handler.sides:
                    bound = Bound(action, args)
                    yield who, self.asks(tx, who, ButtonPressed(*self.prober._arrived(address), bound))

    def sent(self, tx: Tx, who: str, form: Form, **instead: str) -> Outcome:
        """A form with what stands in it, and something where nothing does."""
        written = {**WRITTEN, "who": str(self.pools["person"][0])}
        values = {
            one.name: one.value or (written.get(one.name) or _filled(one) if one.required else "")
            for one in form.fields
        }
        at = self.prober._arrived(self.everybody[who][0])
        return self.asks(tx, who, FormSubmitted(*at, form.submit, {**values, **instead}))

    def typed(self, tx: Tx, words: str) -> Iterator[tuple[str, Outcome]]:
        """A command, by everybody."""
        for who, (address, _) in self.everybody.items():
            used = CommandUsed(*self.prober._arrived(address), "alumni", words)
            yield who, self.asks(tx, who, used)


def _filled(one: Field) -> str | tuple[str, ...]:
    match one.kind:
        case "email":
            return "someone@home.example.jp"
        case "date":
            return "2026-06-30"
        case "choice":
            return one.options[0].value
        case "choices" | "tick":
            return tuple(option.value for option in one.options[:1]) or ("yes",)
    return "田中 一"


def refusal(outcome: Outcome) -> bool:
    """Whether it was only said why not."""
    return outcome.reply is not None and outcome.reply.card.title == REFUSED


@contextmanager
def letters_read() -> Iterator[Mapping[str, Card]]:
    """Every letter that is put into any outbox meanwhile, the first of each kind."""
    found: dict[str, Card] = {}

    def keep(tx: Tx, row: Any) -> None:
        body = outbox.body(tx, row)
        for name in ("card", "otherwise"):
            if body.get(name):
                kind = row.kind if name == "card" else f"{row.kind}, without a chat"
                found.setdefault(kind, load_card(body[name]))

    def one_by_one(tx: Tx, _: Any) -> None:
        for row in [one for one in tx.new if isinstance(one, Delivery)]:
            keep(tx, row)

    def many_at_once(state: ORMExecuteState) -> Result[Any] | None:
        if not isinstance(state.statement, Insert) or state.statement.table is not Delivery.__table__:
            return None
        result = state.invoke_statement()
        for row in state.session.scalars(select(Delivery).where(Delivery.payload.is_not(None))):
            keep(state.session, row)
        return result

    event.listen(Session, "after_flush", one_by_one)
    event.listen(Session, "do_orm_execute", many_at_once)
    try:
        yield found
    finally:
        event.remove(Session, "after_flush", one_by_one)
        event.remove(Session, "do_orm_execute", many_at_once)


# --- who is there, and what ------------------------------------------------------------------------------


@asynccontextmanager
async def scene_in(folder: Path) -> AsyncIterator[Scene]:
    """The house on 1 April: leavers in every state, a member, openings, a hand, referrals, requests."""
    with letters_read() as letters:
        async with company_in(folder) as company:
            world, cast = company.world, {}
            cast["willing"] = await who_was_asked(world, "渡辺 恵")
            await cast["willing"].says_yes()
            for name, day, kind in (
                ("山﨑 次郎", "2026-04-30", "自己都合"), ("佐々木 誠", "2026-06-30", "解雇"),
                ("中村 淳", "2026-08-31", "自己都合"), ("伊藤 静", "2026-03-31", "自己都合"),
            ):  # fmt: skip
                cast[name] = await a_leaver(world, name, day, 退職区分=kind)
            aiko = cast["aiko"] = await a_member(world)
            row = company.opening(closes_on=date(2026, 5, 15))
            await opens(world.hr, "openings")
            assert not await world.hr.fills(approval="two")
            await raises(world, aiko, row, "佐藤 美咲", "木村 健")
            await later(world, minutes=11)
            many = [world.employee(f"田中 {number}", "2026-06-10") for number in "一二三四五六"]
            await world.feed_says(*(one.leaves() for one in many))
            yield Scene(company, _everybody(company, cast), _pools(company, aiko), aiko.home_email, letters)


def _everybody(company: Company, cast: dict[str, Somebody]) -> dict[str, tuple[Address, Side]]:
    world = company.world
    staff = {"hr": world.hr, "deputy": company.deputy, "manager": company.manager}
    found = {
        name: (Address(Platform.SLACK, COMPANY, one.company_user), Side.COMPANY)
        for name, one in {**staff, **cast}.items()
    }
    found["aiko"] = Address(Platform.SLACK, ALUMNI, cast["aiko"].alumni_user), Side.ALUMNI
    stranger = world.slack.add_person(ALUMNI, name="見知らぬ 人", email="x@example.jp")
    found["stranger"] = Address(Platform.SLACK, ALUMNI, stranger), Side.ALUMNI
    found["visitor"] = accounts.visitor("ja"), Side.ALUMNI
    return found


def _pools(company: Company, aiko: Somebody) -> Pools:
    """What may be an argument, by its name; makes what no story brought so far."""
    person, stranger = aiko.row.person_id, str(Address(Platform.SLACK, ALUMNI, "U0STRANGER"))
    pools: Pools = {
        "leaver": range(1, 7), "opening": (3, 2, 1, 0), "edition": (0, 1, 2), "like": (0,), "page": (1,),
        "base": (1,), "version": (1,), "referral": (1, 2), "request": (1, 2), "change": (1, 2),
        "checkin": (1,), "section": ("brand",), "table": ("people",), "name": ("last_day",),
        "person": (person,), "account": (stranger,), "query": ("愛子",), "after": ("",), "words": ("",),
        "place": ("",), "kinds": ("",), "purpose": ("stay_in_touch", "openings"),
        "key": ("common.next",), "ja": ("つぎ",), "en": ("Next one",),
    }  # fmt: skip

    by = str(Address(Platform.SLACK, COMPANY, company.deputy.company_user))

    def furnish(tx: Tx) -> Pools:
        return {**pools, **_openings(tx, by), **_introduced(tx, person), **_requests(tx, person)}

    made: Pools = company.world.writes(furnish)
    return made


def _openings(tx: Tx, by: str) -> Pools:
    """A draft, one that waits for a second person, and a state of what HR decides."""
    for title in ("経理", "データ基盤"):
        row = openings.add(
            tx, by, title=title, closes_on=date(2026, 6, 15), owner=HR_EMAIL, owner_name="佐藤 美咲",
            about="決算をお願いします。", department="経理部", place="大阪市",
        )  # fmt: skip
    openings.propose(tx, row)
    under = [consents.wording(tx, purpose) for purpose in (Purpose.OPENINGS, Purpose.STAY_IN_TOUCH)]
    return {"interest": tuple(tx.scalars(select(Interest.id))), "under": tuple(under)}


def _introduced(tx: Tx, referrer: str) -> Pools:
    """Two candidates: one is asked, one agreed."""
    rows = []
    for name in (KEIKO, "森田 光"):
        candidate, mark = people.add(tx, name), referrals.mark_of(tx, f"{name}@home.example.jp")
        named = referrals.Named(1, referrer, mark, "colleague", WHY)
        people.set_private_email(tx, candidate, f"c{len(rows)}@home.example.jp")
        rows.append(referrals.add(tx, named, candidate))
        consents.record(tx, candidate.id, Decision.GIVEN, Said("ja", "web"), Purpose.OPENINGS)
    referrals.agree(tx, rows[1], date(2026, 4, 8))
    secrets = tuple(referrals.secret_of(tx, row) for row in rows)
    return {"secret": secrets, "was": tuple(row.edition for row in rows)}


def _requests(tx: Tx, person_id: str) -> Pools:
    """Two who came by the public page, one with a proven mailbox; two new addresses, one before HR."""
    long, found = timedelta(days=20), []
    for name in ("岡本 涼", "青木 葵"):
        visitor = people.add(tx, name)
        people.set_private_email(tx, visitor, f"v{len(found)}@home.example.jp")
        row = returns.add(tx, visitor, long)
        returns.tell(tx, row, "2012年から2015年まで、大阪の営業部におりました。")
        found.append(codes.make(tx, visitor.id, Use.RETURN, visitor.private_email_blind or b"", long))
    returns.confirm(tx, row, long)
    change = addresses.begin(tx, people.one(tx, person_id), "new@home.example.jp", long)
    found.append(codes.make(tx, person_id, Use.OLD_ADDRESS, change.blind, long))
    other = tx.scalars(select(Person).where(Person.name == "中村 淳")).one()
    people.set_private_email(tx, other, "old@home.example.jp")
    people.prove(tx, other)
    asked = addresses.begin(tx, other, "other@home.example.jp", long)
    addresses.ask_hr(tx, asked, long)
    addresses.confirm(tx, asked)
    return {"code": tuple(found)}
