"""The door contract over Teams: signed HTTP from the local Teams, two houses on one database."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from adapters.playground.local_teams import Delivery, Forgery, LocalTeams
from adapters.playground.teams_acts import Actor
from adapters.playground.teams_delivery import Parcel
from adapters.playground.teams_state import JSON, Message
from bot import leaving
from bot.conversation import Address, Bound, Platform, Role, Side, Standing
from storage import accounts, consents, leavers, people, search
from storage.consents import Decision, Said
from storage.engine import Tx, now
from storage.inbox import Received
from storage.journal import Line
from storage.leavers import Leaver, Stage
from tests.adapters.teams_cards import objects
from tests.adapters.teams_house import TENANTS, a_member, teams_beside
from tests.adapters.teams_street import lines
from tests.contract.door import ACK, CLAUSES, EVENTS, Clause, Seen, few_of
from tests.contract.outside import Outside
from tests.journeys import who_was_asked
from tests.knocks import Knocker, knocking
from tests.world import Somebody, World, world_in

KINDS = {"joined": "person.joined", "answered": "checkin.answered"}
FORGERIES = {
    "unsigned": Forgery.NONE,
    "forged": Forgery.KEY,
    "stale": Forgery.EXPIRED,
    "early": Forgery.NOT_YET,
    "foreign": Forgery.TENANT,
}


@dataclass
class InTeams:
    """Somebody before Teams; `told` is who they are in the company's files."""

    id: str
    side: Side = Side.ALUMNI
    told: Somebody | None = None

    @property
    def _told(self) -> Somebody:
        assert self.told is not None
        return self.told

    @property
    def row(self) -> Leaver:
        """Their row as a leaver."""
        return self._told.row

    @property
    def stage(self) -> Stage:
        """Where they stand."""
        return self._told.stage

    @property
    def company_email(self) -> str:
        """Their address at the company."""
        return self._told.company_email

    @property
    def home_email(self) -> str:
        """Their private address."""
        return self._told.home_email


@dataclass
class TeamsUnderTest:
    """`tests.contract.door.Door` over Teams."""

    world: World
    teams: LocalTeams
    knocker: Knocker
    shown: list[str] = field(default_factory=list)
    outside: Outside = field(init=False)

    def __post_init__(self) -> None:
        self.outside = Outside(self.world)

    # --- people ------------------------------------------------------------------------------------

    async def member(self, name: str, locale: str = "ja") -> InTeams:
        return InTeams(a_member(self.world, self.teams, name, locale))

    async def newcomer(self, locale: str) -> InTeams:
        return self._account(locale)

    def unknown(self, locale: str) -> str:
        return {"ja": "まず参加の手続き", "en": "Please join first"}[locale]

    async def outsider(self, locale: str) -> InTeams:
        guest = self._account(locale)
        address = Address(Platform.TEAMS, TENANTS[guest.side], guest.id)

        def note(tx: Tx) -> None:
            accounts.note(tx, address, guest.side)
            accounts.looked(tx, address, Standing.GUEST, locale, "Asia/Tokyo")

        self.world.writes(note)
        return guest

    def _account(self, locale: str, side: Side = Side.ALUMNI) -> InTeams:
        mail, spoken = f"{secrets.token_hex(4)}@home.example.jp", {"ja": "ja-JP", "en": "en-US"}[locale]
        user = self.teams.add_person(TENANTS[side], name="新人", mail=mail, locale=spoken)
        self.teams.has_app(user, side.value)
        return InTeams(user, side)

    async def leaver(self) -> InTeams:
        somebody = await who_was_asked(self.world)
        await somebody.says_yes()
        found = self._account("ja", Side.COMPANY)
        address = Address(Platform.TEAMS, TENANTS[Side.COMPANY], found.id)
        person = somebody.row.person_id

        def tie(tx: Tx) -> None:
            known = people.get(tx, person)
            assert known is not None
            accounts.tie(tx, address, Side.COMPANY, known, "code")

        self.world.writes(tie)
        found.told = somebody
        return found

    # --- what they do ------------------------------------------------------------------------------

    async def types(self, who: InTeams, words: str) -> Seen:
        return await self._seen(who, self.teams.says(who.id, words, who.side.value))

    async def presses(self, who: InTeams, action: str) -> Seen:
        self.teams.closes(who.id)
        for message in reversed(self._said(who)):
            for node in objects(self.teams.card(who.id, message.id) or {}):
                bound = node.get("data", {}).get("bound") if isinstance(node.get("data"), dict) else None
                if bound and json.loads(bound)[0] == action:
                    return await self._seen(who, self.teams.presses(who.id, message.id, {"bound": bound}))
        raise AssertionError(f"nobody shows a button for {action}")

    async def submits(self, who: InTeams, **values: Any) -> Seen:
        return await self._seen(who, self.teams.fills(who.id, values))

    def fields(self, who: InTeams) -> Mapping[str, Any]:
        dialog = self.teams.dialog(who.id)
        assert dialog is not None
        return dict(dialog.values)

    def errors(self, who: InTeams) -> Mapping[str, str]:
        dialog, found, name = self.teams.dialog(who.id), {}, ""
        for node in dialog.card["body"] if dialog else ():
            name = str(node.get("id") or name)
            runs = node.get("inlines") or ()
            if name and runs and all(run.get("color") == "attention" for run in runs):
                found[name] = "".join(run["text"] for run in runs)
        return found

    async def claims(self, who: InTeams, action: str, args: object) -> Seen:
        """A form is opened by `task/fetch`, everything else pressed by Action.Execute."""
        message = self._planted(who, action, args)
        return await self._seen(who, self.teams.presses(who.id, message.id))

    def _planted(self, who: InTeams, action: str, args: object) -> Message:
        """A card of the bot, with a button that the house never showed."""
        actor, data = self._actor(who), {"bound": json.dumps([action, args])}
        opens = self.world.ground.app.core.dispatcher.schema(Bound(action)) is not None
        button: JSON = {"type": "Action.Execute", "title": "x", "verb": "x", "data": data}
        if opens:
            fetch = data | {"msteams": {"type": "task/fetch"}}
            button = {"type": "Action.Submit", "title": "x", "data": fetch}
        card = {"type": "AdaptiveCard", "version": "1.5", "body": [], "actions": [button]}
        said = {"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]}
        chats = self.teams._wire.chats
        made = Message(chats.next_id(), actor.chat.id, actor.app.bot, said, 0.0, by_bot=True)
        return chats.post(made)

    def _actor(self, who: InTeams) -> Actor:
        return self.teams._actor(who.id, who.side.value)

    async def clicks(self, who: InTeams, action: str, args: object, *, same: bool) -> None:
        message, actor = self._planted(who, action, args), self._actor(who)
        pressed = {"type": "Action.Execute", "verb": "x", "data": {"bound": json.dumps([action, args])}}
        value, scene = {"action": pressed, "trigger": "manual"}, actor.scene(actor.chat)
        sent = [scene.invoke("adaptiveCard/action", value, message.id) for _ in range(4)]
        sent = sent[:1] * 4 if same else sent
        heard = await asyncio.gather(*(self._knock(who.side, one, n % 2) for n, one in enumerate(sent)))
        assert {one.status for one in heard} == {200}

    async def _knock(self, side: Side, activity: JSON, replica: int) -> Delivery:
        """A true activity at the door of one replica."""
        wire = self.teams._wire
        app = wire.directory.app_for(TENANTS[side], side.value)
        url = f"http://127.0.0.1:{self.knocker.ports[replica]}/api/messages"
        signed = wire.keys.header(app, str(activity["serviceUrl"]))
        return await wire.courier.send(Parcel(url, activity, signed))

    async def _seen(self, who: InTeams, act: Awaitable[Delivery]) -> Seen:
        before = self._looks(who)
        delivery = await act
        if not self.outside.carrying:
            await self._answered()
        shown = [one for name, one in self._looks(who).items() if before.get(name) != one]
        for one in shown:
            self.shown += _markup(one)
        return Seen(delivery.ok, delivery.seconds, "\n".join(line for one in shown for line in lines(one)))

    def _said(self, who: InTeams) -> list[Message]:
        return [one for one in self.teams.chat(who.id, who.side.value) if one.by_bot]

    def _looks(self, who: InTeams) -> dict[str, JSON]:
        """What somebody has before them: each card as they see it, the words under it, the dialog."""
        found: dict[str, JSON] = {}
        for one in self._said(who):
            found[one.id] = self.teams.card(who.id, one.id) or {"text": one.text}
            found[f"{one.id} note"] = {"text": self.teams.note(who.id, one.id)}
        dialog = self.teams.dialog(who.id)
        return found | ({"dialog": dialog.card} if dialog else {})

    async def _answered(self) -> None:
        for _ in range(2):
            await self.world.answered()
            await self.teams.settle()

    # --- what the platform sends -------------------------------------------------------------------

    async def knocks(self, how: str) -> int:
        return (await self.teams.forges(self._account("ja").id, FORGERIES[how])).status

    async def joins(self, times: int, *, at_once: bool) -> None:
        """Teams proves no address: who comes types the code of the mail, and Teams says it several times."""
        code, comer = self.world.writes(self._enrolled), self._account("ja")
        actor = self._actor(comer)
        said = actor.scene(actor.chat).message(self.teams._wire.chats.next_id(), f"join {code}")
        knocks = [self._knock(Side.ALUMNI, said, number % 2) for number in range(times)]
        heard = await asyncio.gather(*knocks) if at_once else [await knock for knock in knocks]
        assert {one.status for one in heard} == {200}
        assert max(one.seconds for one in heard) < ACK

    def _enrolled(self, tx: Tx) -> str:
        person = people.add(tx, "髙橋 愛子")
        people.set_private_email(tx, person, f"{secrets.token_hex(4)}@home.example.jp")
        person.private_email_proven_at = now(tx)
        leaver = Leaver(
            person_id=person.id, entity="", employee_number=secrets.token_hex(4), stint=1, source="csv",
            notice="", last_day=now(tx).date(), leaving_type="resignation", stage=Stage.ENROLLED,
            enrol_at=now(tx) - timedelta(hours=1),
        )  # fmt: skip
        leavers.add(tx, leaver)
        consents.record(tx, person.id, Decision.GIVEN, Said("ja", "teams"))
        return leaving.join_code(tx, person, self.world.ground.app.core.policy)

    async def event(self) -> Callable[[], Awaitable[int]]:
        """Somebody came into their own chat with the bot."""
        comer = self._account("ja")
        actor = self._actor(comer)
        said = actor.scene(actor.chat).message(self.teams._wire.chats.next_id(), "")
        came = {"type": "conversationUpdate", "membersAdded": [{"id": "29:x", "aadObjectId": comer.id}]}

        async def tells() -> int:
            return (await self._knock(Side.ALUMNI, {**said, **came}, 0)).status

        return tells

    def full(self) -> AbstractContextManager[None]:
        return self.outside.full()

    async def the_bot_speaks(self) -> None:
        actor = self._actor(self._account("ja"))
        said = actor.scene(actor.chat).message("1", "help")
        for sender in ({"id": actor.app.bot}, said["from"] | {"role": "bot"}, {"id": "28:another"}):
            assert (await self.teams.sends(actor.app.app_id, {**said, "from": sender})).status == 200

    async def slow(self, seconds: float) -> None:
        self.teams.faults.delay("*", seconds)
        await self.outside.slow(seconds)

    async def quiet(self) -> None:
        self.teams.faults.clear()
        await self.outside.quiet()
        await self._answered()
        await asyncio.sleep(0.3)  # the second house answers for itself
        await self.teams.settle()

    # --- what is to be seen ------------------------------------------------------------------------

    def markup(self) -> Sequence[str]:
        return self.shown

    def effects(self, what: str) -> int:
        if what == "proof":
            return len(self.world.delivered("welcome.proof"))
        query = select(func.count()).select_from(Line).where(Line.what == KINDS.get(what))
        if what == "heard":
            ours = Received.platform == Platform.TEAMS.value
            query = select(func.count()).select_from(Received).where(ours)
        return int(self.world.reads(lambda tx: tx.scalar(query)))


def _markup(card: JSON) -> list[str]:
    """Every string that Teams reads as Markdown."""
    found = [str(card.get("fallbackText") or "")]
    for node in objects(card):
        if node.get("type") in ("TextBlock", "Input.Toggle"):
            found.append(str(node.get("text") or node.get("title")))
        found += [str(choice["title"]) for choice in node.get("choices", [])]
        found += [str(node["label"])] if "label" in node else []
    return [text for text in found if text]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[TeamsUnderTest]:
    async with teams_beside() as (teams, settings), world_in(tmp_path, **settings) as world:
        teams.moves_to(world.ground.port)
        async with knocking(world, replicas=2) as knocker:
            under_test = TeamsUnderTest(world, teams.local, knocker)
            yield under_test
            await under_test.quiet()


@pytest.mark.parametrize("clause", few_of(CLAUSES + EVENTS), ids=lambda clause: clause.__name__)
async def test_the_teams_door_keeps_the_contract(clause: Clause, door: TeamsUnderTest) -> None:
    await clause(door)


async def test_who_was_found_stands_in_the_form_again_by_name(door: TeamsUnderTest) -> None:
    clerk, who = door._account("ja", Side.COMPANY), door._account("ja")
    address = Address(Platform.TEAMS, TENANTS[Side.COMPANY], clerk.id)

    def enter(tx: Tx) -> None:
        accounts.set_staff(tx, [(Role.HR, str(address))])
        door._enrolled(tx)
        search.index(tx, tx.query(people.Person).filter_by(name="髙橋 愛子").one())

    door.world.writes(enter)
    account = str(Address(Platform.TEAMS, TENANTS[who.side], who.id))
    assert (await door.claims(clerk, "join.tie", {"account": account})).ok
    dialog = door.teams.dialog(clerk.id)
    assert dialog is not None
    (found,) = await door.teams.searches(clerk.id, dialog, "who", "髙橋")
    sent = door.teams.fills(clerk.id, {"who": found["value"], "sure": False})
    assert (await door._seen(clerk, sent)).ok
    assert set(door.errors(clerk)) == {"sure"}
    assert door.fields(clerk)["who"] == found["value"]
    shown = door.teams.dialog(clerk.id)
    assert shown is not None
    assert "髙橋 愛子" in str(shown.card)
    assert (await door.submits(clerk, sure=True)).ok
    assert door.effects("joined") == 1
