"""The post room: a desk, a local Slack on the same clock, and couriers that carry its outbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.playground.local_slack import LocalApp, LocalSlack
from adapters.playground.slack_workspace import Workspace
from adapters.slack.messenger import SlackMessenger, SlackSeat, web_client
from adapters.slack.render import Renderer
from bot.app import CATALOGUE
from bot.conversation import Address, Card, Paragraph, Platform, Side, t
from bot.errors import Ambiguous
from bot.policy import Policy
from bot.ports import Guest, MailTo, Outgoing
from bot.texts import Texts
from bot.wire import dump_card
from jobs.outbox.courier import Courier, Doors
from storage import accounts, consents, delivering, outbox, people
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, now
from storage.outbox import Delivery, Draft, Route
from storage.people import Person
from tests.desk import POLICY, Desk, tokyo
from tests.standing import standing

TEAM = {Side.COMPANY: "T0COMPANY", Side.ALUMNI: "T0ALUMNI"}
SCOPES = ["chat:write", "im:write", "im:history", "channels:history", "users:read", "users:read.email"]
CARD = dump_card(Card(t("checkin.title"), (Paragraph(t("checkin.how_now")),), t("common.notice")))
PATIENCE = 2.0  # seconds that a hasty client waits for Slack
LONG = 60.0  # and any other: more than a machine with much other work ever needs
SAID = Said("ja", "slack")


@dataclass
class Letterbox:
    """A mailer that keeps what it is given, or fails as it is told; one that `loses` answers takes the mail,
    and nobody hears of it. `most` is how many were under way at once."""

    got: list[str] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    slow: float = 0.0
    loses: bool = False
    under_way: int = 0
    most: int = 0

    async def send(self, to: MailTo, message: Outgoing) -> None:
        """Keep it."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.slow)
        finally:
            self.under_way -= 1
        if self.trouble:
            raise self.trouble.pop(0)
        self.got.append(to.email)
        if self.loses:
            raise Ambiguous("connection_lost")


@dataclass
class Doorman:
    """An inviter that fails as it is told; without trouble nobody is invited here."""

    trouble: list[Exception] = field(default_factory=list)
    asked: int = 0

    async def invite(self, guest: Guest) -> Any:
        """Count and fail."""
        self.asked += 1
        raise self.trouble.pop(0) if self.trouble else AssertionError(guest)


@dataclass
class Post:
    """A desk, a local Slack on the same clock, and couriers between them."""

    desk: Desk
    slack: LocalSlack
    mails: Letterbox
    messenger: SlackMessenger
    rooms: dict[Side, Workspace]
    pace: float = 0.0
    inviter: Doorman = field(default_factory=Doorman)
    policy: Policy = field(default_factory=lambda: POLICY)

    def courier(self, desk: Desk | None = None) -> Courier:
        """One process that delivers."""
        chats = dict.fromkeys(Side, self.messenger)
        doors = Doors(chats, self.mails, self.inviter, self.pace)
        return Courier((desk or self.desk).database, self.policy, doors)

    def alumnus(self, name: str = "髙橋 愛子", email: str = "") -> Person:
        """Somebody who consented, with an account and perhaps a proven mailbox."""
        address = email or f"{len(self.slack.people(TEAM[Side.ALUMNI]))}@home.example.jp"
        user = self.slack.add_person(TEAM[Side.ALUMNI], name=name, email=address)

        def enter(tx: Tx) -> Person:
            person = people.add(tx, name)
            consents.record(tx, person.id, Decision.GIVEN, SAID)
            accounts.tie(tx, Address(Platform.SLACK, TEAM[Side.ALUMNI], user), Side.ALUMNI, person, "code")
            if email:
                people.set_private_email(tx, person, email)
                person.private_email_proven_at = now(tx)
            return person

        return self.desk.does(enter)

    def reader(self, email: str = "mail@home.example.jp") -> Person:
        """Somebody who consented, with a proven mailbox and no account."""

        def enter(tx: Tx) -> Person:
            person = people.add(tx, "森 葵")
            consents.record(tx, person.id, Decision.GIVEN, SAID)
            people.set_private_email(tx, person, email)
            person.private_email_proven_at = now(tx)
            return person

        return self.desk.does(enter)

    def knows_chat(self, person: Person) -> None:
        """Their private chat is known, so that it need not be opened."""

        def keep(tx: Tx) -> None:
            address = accounts.of_person(tx, person.id, Side.ALUMNI)
            assert address is not None
            accounts.keep_chat(tx, address, self.rooms[Side.ALUMNI].direct(address.user).id)

        self.desk.does(keep)

    def nudge(self, person: Person, dedup: str = "1", *, bulk: bool = False) -> None:
        """Queue a message: a letter, or one of many that nobody waits for."""
        assert self.desk.does(lambda tx: self.nudges(tx, person, dedup, bulk=bulk)) is not None

    def nudges(self, tx: Tx, person: Person, dedup: str = "1", *, bulk: bool = False) -> Delivery | None:
        """The same in a transaction."""
        route, mark = Route.ALUMNI_CHAT, f"{person.id}:{dedup}"
        draft = Draft("checkin.nudge", CARD, Purpose.STAY_IN_TOUCH, route, mark, person.id, bulk=bulk)
        return outbox.put(tx, draft)

    async def runs(self, seconds: float, step: float = 1.0, couriers: int = 1) -> None:
        """Let the clock's sweep run every second for a while."""
        working = [self.courier(self.desk.again() if n else None) for n in range(couriers)]
        for _ in range(int(seconds / step)):
            await asyncio.gather(*(one.deliver() for one in working))
            self.desk.clock.passes(step)

    async def meanwhile(self, does: Callable[[], object], method: str = "conversations.history") -> None:
        """A courier takes over what another one held, and asks Slack about it; before the answer is there,
        something happens."""
        self.desk.clock.passes(delivering.LEASE + 1)
        kept = self.slack.faults.keep(method)
        carrying = asyncio.create_task(self.courier().deliver())
        await kept.arrived.wait()
        does()
        kept.go.set()
        await carrying

    @property
    def rows(self) -> list[Delivery]:
        """The outbox."""
        return self.desk.letters()

    @property
    def posted(self) -> list[Any]:
        """Every message of the bot that anybody can see, with its delivery id."""
        users = [one.user for one in self.slack.people(TEAM[Side.ALUMNI])]
        seen = [m for user in users for m in self.slack.messages(TEAM[Side.ALUMNI], user) if m.by_bot]
        return [m.metadata["event_payload"]["id"] for m in seen]


def local_app(side: Side) -> LocalApp:
    declared = {"oauth_config": {"scopes": {"bot": SCOPES}}}
    name = side.value.upper()
    return LocalApp(f"A{name}", "secret", f"xoxb-{name}", f"U0BOT{name}", declared, "http://127.0.0.1:9/x")


@pytest.fixture
async def post(desk: Desk) -> AsyncIterator[Post]:
    async with a_post(desk) as made:
        yield made


@pytest.fixture
async def hasty(desk: Desk) -> AsyncIterator[Post]:
    """A post room that soon gives up waiting for Slack."""
    async with a_post(desk, PATIENCE) as made:
        yield made


@asynccontextmanager
async def a_post(desk: Desk, patience: float = LONG) -> AsyncIterator[Post]:
    """A post room at a desk, in working hours."""
    desk.clock.travel(max(desk.clock.now(), tokyo("2026-02-02", "10:00")))
    slack = LocalSlack(desk.clock.wire)
    rooms = {side: slack.add_workspace(team, side.value, local_app(side)) for side, team in TEAM.items()}
    timeout = aiohttp.ClientTimeout(total=patience)
    async with standing(slack.web_api()) as base, aiohttp.ClientSession(timeout=timeout) as http:
        seats = [SlackSeat(side, team, web_client(f"xoxb-{side.value.upper()}", http, f"{base}/api/"))
                 for side, team in TEAM.items()]  # fmt: skip
        renderer = Renderer(Texts.load(Path(CATALOGUE)), POLICY.brand)
        yield Post(desk, slack, Letterbox(), SlackMessenger(seats, renderer), rooms)
    await slack.close()
