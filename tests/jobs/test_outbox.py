"""Delivery against a platform that fails in every way it can: sent once, paced, parked, or told to HR."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from adapters.playground.local_slack import LocalApp, LocalSlack
from adapters.slack.messenger import SlackMessenger, SlackSeat, web_client
from adapters.slack.render import Renderer
from bot.app import CATALOGUE
from bot.conversation import Address, Card, Paragraph, Platform, Side, t
from bot.errors import Ambiguous, Retry, Undeliverable
from bot.ports import Guest, MailTo, Outgoing
from bot.texts import Texts
from bot.wire import dump_card
from jobs.outbox import Courier, Doors
from storage import accounts, consents, leavers, outbox, people
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, now
from storage.outbox import Delivery, Draft, Route, Status
from storage.people import Person
from tests.desk import POLICY, Desk, notice

TEAM = {Side.COMPANY: "T0COMPANY", Side.ALUMNI: "T0ALUMNI"}
SCOPES = ["chat:write", "im:write", "im:history", "users:read", "users:read.email"]
CARD = dump_card(Card(t("checkin.title"), (Paragraph(t("checkin.how_now")),), t("common.notice")))
SAID = Said("ja", "slack")


@dataclass
class Letterbox:
    """A mailer that keeps what it is given, or fails as it is told."""

    got: list[str] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    slow: float = 0.0

    async def send(self, to: MailTo, message: Outgoing) -> None:
        """Keep it."""
        await asyncio.sleep(self.slow)
        if self.trouble:
            raise self.trouble.pop(0)
        self.got.append(to.email)


class NoInviter:
    """Nobody is invited here."""

    async def invite(self, guest: Guest) -> Any:
        """Never asked."""
        raise AssertionError(guest)


@dataclass
class Post:
    """A desk, a local Slack on the same clock, and couriers between them."""

    desk: Desk
    slack: LocalSlack
    mails: Letterbox
    messenger: SlackMessenger
    pace: float = 0.0

    def courier(self, desk: Desk | None = None) -> Courier:
        """One process that delivers."""
        chats = dict.fromkeys(Side, self.messenger)
        return Courier((desk or self.desk).database, POLICY, Doors(chats, self.mails, NoInviter(), self.pace))

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

    def nudge(self, person: Person, dedup: str = "1", purpose: Purpose = Purpose.STAY_IN_TOUCH) -> None:
        """Queue a message."""
        draft = Draft("checkin.nudge", CARD, purpose, Route.ALUMNI_CHAT, f"{person.id}:{dedup}", person.id)
        assert self.desk.does(lambda tx: outbox.put(tx, draft)) is not None

    async def runs(self, seconds: float, step: float = 1.0, couriers: int = 1) -> None:
        """Let the clock's sweep run every second for a while."""
        working = [self.courier(self.desk.again() if n else None) for n in range(couriers)]
        for _ in range(int(seconds / step)):
            await asyncio.gather(*(one.deliver() for one in working))
            self.desk.clock.passes(step)

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
    slack = LocalSlack(desk.clock.wire)
    for side, team in TEAM.items():
        slack.add_workspace(team, side.value, local_app(side))
    server = TestServer(slack.web_api())
    await server.start_server()
    base = str(server.make_url("/api/"))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.4)) as http:
        seats = [SlackSeat(side, team, web_client(f"xoxb-{side.value.upper()}", http, base))
                 for side, team in TEAM.items()]  # fmt: skip
        renderer = Renderer(Texts.load(Path(CATALOGUE)), POLICY.brand)
        yield Post(desk, slack, Letterbox(), SlackMessenger(seats, renderer))
    await slack.close()
    await server.close()


# --- failures of the platform -------------------------------------------------------------------------


async def test_a_message_goes_once_and_its_words_are_forgotten(post: Post) -> None:
    post.nudge(post.alumnus())
    await post.runs(3)
    (row,) = post.rows
    assert (row.status, row.went_by, row.payload, row.attempts) == (Status.SENT, "chat", None, 1)
    assert post.posted == [row.delivery]


async def test_retry_after_closes_the_workspace_for_every_replica(post: Post) -> None:
    first, second = post.alumnus(), post.alumnus()
    post.slack.faults.fail("chat.postMessage", "ratelimited", retry_after=30)
    post.nudge(first)
    await post.runs(1)
    post.nudge(second)
    await post.runs(28, couriers=2)
    assert len(post.slack.calls("chat.postMessage")) == 1, "nobody asks before the time"
    await post.runs(8, couriers=2)
    assert {row.status for row in post.rows} == {Status.SENT}
    assert len(post.posted) == 2


async def test_a_full_mail_server_closes_no_chat(post: Post) -> None:
    reader = post.alumnus(email="aiko@home.example.jp")
    other = post.alumnus("佐藤 健")
    post.slack.faults.fail("chat.postMessage", "user_not_found")
    post.mails.trouble.append(Retry("greylisted", 300.0))
    post.nudge(reader)
    await post.runs(1)
    post.nudge(other)
    await post.runs(2)
    assert [row.status for row in post.rows] == [Status.PENDING, Status.SENT]


@pytest.mark.parametrize("word", ["internal_error", "service_unavailable", "fatal_error"])
async def test_a_broken_slack_is_tried_again(post: Post, word: str) -> None:
    post.slack.faults.fail("chat.postMessage", word, times=2)
    post.nudge(post.alumnus())
    await post.runs(120)
    assert [row.status for row in post.rows] == [Status.SENT]
    assert len(post.posted) == 1


async def test_what_was_accepted_before_the_line_broke_is_not_sent_again(post: Post) -> None:
    post.slack.faults.drop_after_accept("chat.postMessage")
    post.nudge(post.alumnus())
    await post.runs(1)
    assert post.rows[0].ambiguous
    await post.runs(60)
    (row,) = post.rows
    assert (row.status, row.went_by) == (Status.SENT, "chat")
    assert post.posted == [row.delivery]
    assert len(post.slack.calls("chat.postMessage")) == 1


async def test_a_hanging_slack_that_accepts_after_all_is_not_asked_twice(post: Post) -> None:
    post.slack.faults.hang("chat.postMessage", 0.6)
    post.nudge(post.alumnus())
    await post.runs(1)
    await asyncio.sleep(0.4)
    await post.runs(60)
    assert [row.status for row in post.rows] == [Status.SENT]
    assert len(post.posted) == 1


async def test_trouble_while_reconciling_leaves_it_unsure(post: Post) -> None:
    post.slack.faults.drop_after_accept("chat.postMessage")
    post.slack.faults.fail("conversations.history", "ratelimited", retry_after=5)
    post.slack.faults.fail("conversations.history", "internal_error")
    post.nudge(post.alumnus())
    await post.runs(90)
    assert [row.status for row in post.rows] == [Status.SENT]
    assert len(post.slack.calls("chat.postMessage")) == 1
    assert len(post.posted) == 1


async def test_a_hanging_receiver_delays_nobody_else(post: Post) -> None:
    for _ in range(5):
        post.nudge(post.alumnus())
    post.slack.faults.hang("chat.postMessage", 0.6)
    began = asyncio.get_running_loop().time()
    await post.runs(1)
    assert asyncio.get_running_loop().time() - began < 1.0
    assert sorted(row.status.value for row in post.rows) == ["pending", "sent", "sent", "sent", "sent"]
    await asyncio.sleep(0.3)


async def test_a_message_that_cannot_be_made_keeps_no_other(post: Post) -> None:
    bad, good = post.alumnus(), post.alumnus()
    post.nudge(bad)
    post.nudge(good)
    row = post.rows[0]
    post.desk.does(lambda tx: tx.merge(row).__setattr__("payload", b"not sealed by us"))
    await post.runs(1)
    assert [row.status for row in post.rows] == [Status.PENDING, Status.SENT]
    await post.runs(12 * 900, step=300)
    assert [(row.status, row.reason) for row in post.rows][0] == (Status.DEAD, "bug")


# --- nobody there ---------------------------------------------------------------------------------------


def asked(post: Post, *, account: bool) -> None:
    """A leaver of the company with or without an account, and the question on its way."""
    post.desk.hears(notice())
    leaver = post.desk.leaver()
    if account:
        post.slack.add_person(TEAM[Side.COMPANY], name="田中 愛子", email=leaver.company_email)
    draft = Draft("welcome.question", CARD, Purpose.ASKING, Route.COMPANY_CHAT, "q", leaver.person_id, leaver.id)
    post.desk.does(lambda tx: outbox.put(tx, draft))


async def test_who_is_not_in_the_workspace_gets_a_mail_and_hr_sees_it(post: Post) -> None:
    asked(post, account=False)
    await post.runs(2)
    question = next(row for row in post.rows if row.kind == "welcome.question")
    assert (question.status, question.went_by) == (Status.SENT, "mail")
    assert post.mails.got == ["e1@minato.example.jp"]
    assert post.desk.leaver().stuck == "not_in_workspace"


async def test_who_is_found_is_asked_in_chat(post: Post) -> None:
    asked(post, account=True)
    await post.runs(4)
    question = next(row for row in post.rows if row.kind == "welcome.question")
    assert (question.status, question.went_by) == (Status.SENT, "chat")
    assert post.mails.got == []
    assert len(post.slack.calls("users.lookupByEmail")) == 1


async def test_a_limit_on_looking_people_up_is_obeyed_too(post: Post) -> None:
    asked(post, account=True)
    post.slack.faults.fail("users.lookupByEmail", "ratelimited", retry_after=30)
    await post.runs(20)
    assert len(post.slack.calls()) == 1
    await post.runs(40)
    assert "sent" in {row.status.value for row in post.rows if row.kind == "welcome.question"}


async def test_what_never_arrives_is_on_hrs_list(post: Post) -> None:
    asked(post, account=True)
    post.slack.faults.fail("chat.postMessage", "internal_error", times=100)
    await post.runs(12 * 900, step=300)
    question = next(row for row in post.rows if row.kind == "welcome.question")
    assert (question.status, question.payload, question.attempts) == (Status.DEAD, None, outbox.TRIES)
    assert post.desk.leaver().stuck == "undelivered"
    assert post.desk.leaver() in post.desk.sees(lambda tx: list(leavers.needing_hr(tx))) or post.desk.leaver().stuck


async def test_a_mailbox_that_refuses_is_on_hrs_list(post: Post) -> None:
    asked(post, account=False)
    post.mails.trouble += [Undeliverable("mailbox_refused")]
    await post.runs(2)
    assert post.desk.leaver().stuck == "mailbox_refused"


async def test_a_mail_that_may_have_gone_is_sent_with_the_same_id(post: Post) -> None:
    asked(post, account=False)
    post.mails.trouble += [Ambiguous("connection_lost")]
    await post.runs(60)
    assert post.mails.got == ["e1@minato.example.jp"]


# --- up to the last moment ------------------------------------------------------------------------------


async def test_no_message_after_a_consent_was_withdrawn(post: Post) -> None:
    person = post.alumnus()
    post.nudge(person)
    post.desk.does(lambda tx: consents.record(tx, person.id, Decision.WITHDRAWN, SAID))
    await post.runs(2)
    assert [(row.status, row.reason, row.payload) for row in post.rows] == [(Status.DROPPED, "no_consent", None)]
    assert post.posted == []


async def test_no_message_to_who_pauses(post: Post) -> None:
    person = post.alumnus()
    post.nudge(person)
    until = POLICY.day(post.desk.clock.now()) + timedelta(days=30)
    post.desk.does(lambda tx: setattr(people.one(tx, person.id), "paused_until", until))
    await post.runs(2)
    assert [(row.status, row.reason) for row in post.rows] == [(Status.DROPPED, "paused")]


async def test_a_withdrawal_in_the_middle_of_a_delivery_still_counts(post: Post) -> None:
    person = post.alumnus()
    post.nudge(person)
    courier = post.courier()
    pace = courier._keep_pace

    async def withdrawn(row: Delivery, lanes: tuple[tuple[str, float], ...]) -> None:
        post.desk.does(lambda tx: consents.record(tx, person.id, Decision.WITHDRAWN, SAID))
        await pace(row, lanes)

    courier._keep_pace = withdrawn  # type: ignore[method-assign]
    await courier.deliver()
    assert [row.status for row in post.rows] == [Status.DROPPED]
    assert post.posted == []


async def test_a_cancelled_message_is_not_sent_by_who_holds_it(post: Post) -> None:
    person = post.alumnus()
    post.nudge(person)
    (held,) = post.desk.does(outbox.claim)
    post.desk.does(lambda tx: outbox.cancel(tx, person_id=person.id))
    await post.courier()._carry(held)
    assert post.posted == []
    assert [(row.status, row.reason) for row in post.rows] == [(Status.DROPPED, "cancelled")]


# --- several couriers -----------------------------------------------------------------------------------


async def test_who_lost_the_lease_sends_nothing(post: Post) -> None:
    post.nudge(post.alumnus())
    (held,) = post.desk.does(outbox.claim)
    post.desk.clock.passes(outbox.LEASE + 1)
    await post.courier(post.desk.again()).deliver()
    await post.courier()._carry(held)
    assert [row.status for row in post.rows] == [Status.SENT]
    assert len(post.posted) == 1


async def test_who_died_after_slack_accepted_is_reconciled(post: Post) -> None:
    post.nudge(post.alumnus())
    (held,) = post.desk.does(outbox.claim)
    receiver, body = post.desk.does(lambda tx: post.courier()._look(tx, held))
    message = await post.courier()._message(held, receiver, body)
    assert receiver.account is not None
    await post.messenger.send(receiver.account, message)
    post.desk.clock.passes(outbox.LEASE + 1)
    await post.runs(3)
    assert [row.status for row in post.rows] == [Status.SENT]
    assert len(post.posted) == 1


async def test_two_couriers_never_send_twice(post: Post) -> None:
    people_ = [post.alumnus() for _ in range(12)]
    for number in range(2):
        for person in people_:
            post.nudge(person, str(number))
    await post.runs(6, couriers=3)
    assert {row.status for row in post.rows} == {Status.SENT}
    assert sorted(post.posted) == sorted(row.delivery for row in post.rows)


# --- pace -----------------------------------------------------------------------------------------------


async def test_thirty_people_are_written_to_within_slacks_limits(post: Post) -> None:
    post.slack.rates_on, post.pace = True, 1.0
    for _ in range(30):
        post.nudge(post.alumnus())
    await post.runs(80, couriers=2)
    assert {row.status for row in post.rows} == {Status.SENT}
    assert post.slack.rates.violations == []


async def test_thirty_leavers_are_looked_up_within_slacks_limits(post: Post) -> None:
    post.slack.rates_on, post.pace = True, 1.0
    for number in range(30):
        email = f"e{number}@minato.example.jp"
        post.slack.add_person(TEAM[Side.COMPANY], name="田中", email=email)
        post.desk.hears(notice(f"E{number}"))
        leaver = post.desk.leaver(f"E{number}")
        draft = Draft("welcome.question", CARD, Purpose.ASKING, Route.COMPANY_CHAT, email, leaver.person_id, leaver.id)
        post.desk.does(lambda tx, d=draft: outbox.put(tx, d))  # type: ignore[misc]
    await post.runs(120)
    questions = [row for row in post.rows if row.kind == "welcome.question"]
    assert {(row.status, row.went_by) for row in questions} == {(Status.SENT, "chat")}
    assert post.slack.rates.violations == []


async def test_five_messages_to_one_person_keep_their_order_and_the_pace(post: Post) -> None:
    post.slack.rates_on, post.pace = True, 1.0
    person = post.alumnus()
    for number in range(5):
        post.nudge(person, str(number))
    await post.runs(20)
    assert post.posted == [row.delivery for row in post.rows]
    assert post.slack.rates.violations == []
