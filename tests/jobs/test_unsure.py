"""Messages of which nobody knows whether they arrived: asked for where that is possible, late enough; where
it is not, a letter goes once more, and what many get does not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select, text

from adapters.mail import Postbox, SmtpMailer
from bot.app import CATALOGUE
from bot.errors import Away, Retry
from bot.ports import MailTo, Outgoing
from bot.texts import Texts
from jobs.outbox.courier import Courier
from storage import accounts, delivering, given_up, outbox
from storage.consents import Purpose
from storage.delivering import LEASE, TRIES, UNSURE
from storage.engine import Tx
from storage.outbox import Delivery, Draft, Route, Status
from tests.adapters.teams_street import Street, alumni, says, street_in
from tests.desk import POLICY, Desk
from tests.jobs.postroom import CARD, PATIENCE, Letterbox, Post, a_post, hasty, post
from tests.postgres import postgres

__all__ = ["hasty", "post"]


@pytest.mark.long
async def test_who_is_slow_to_accept_is_not_written_to_again(hasty: Post) -> None:
    """Slack takes what it was asked for long after we hung up: nobody asks before it can have done so."""
    hasty.pace = 1.0
    people = [hasty.alumnus() for _ in range(6)]
    for person in people:
        hasty.knows_chat(person)
    hasty.slack.faults.hang("chat.postMessage", PATIENCE + 2.0, times=6)
    for person in people:
        hasty.nudge(person)
    courier = hasty.courier()
    async with asyncio.timeout(60):
        while len(hasty.posted) < 6 or not all(row.ambiguous for row in hasty.rows):
            began = time.monotonic()
            await courier.deliver()
            await asyncio.sleep(0.2)
            hasty.desk.clock.passes(time.monotonic() - began)
    assert sorted(hasty.posted) == sorted(row.delivery for row in hasty.rows), "Slack took each of them"
    await hasty.runs(200)
    assert {row.status for row in hasty.rows} == {Status.SENT}
    assert len(hasty.slack.calls("chat.postMessage")) == 6
    assert sorted(hasty.posted) == sorted(row.delivery for row in hasty.rows)


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that happens in another task."""
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - of what others do
            await asyncio.sleep(0.02)


# --- what cannot be asked -------------------------------------------------------------------------------


@pytest.mark.parametrize(("bulk", "mails", "ends"), [
    (False, 2, (Status.DEAD, UNSURE)),
    (True, 1, (Status.SENT, UNSURE)),
])  # fmt: skip
async def test_a_mail_whose_answer_is_lost(post: Post, bulk: bool, mails: int, ends: Any) -> None:
    post.mails.loses = True
    post.nudge(post.reader(), bulk=bulk)
    await post.runs(600, step=10)
    assert len(post.mails.got) == mails
    assert [(row.status, row.reason) for row in post.rows] == [ends]


async def test_a_mail_that_did_not_leave_the_second_time_goes_a_third_time(post: Post) -> None:
    """What surely was not said once more may be said once more."""
    post.mails.loses = True
    post.nudge(post.reader())
    await post.runs(1)
    (row,) = post.rows
    assert row.ambiguous
    post.mails.loses = False
    post.mails.trouble += [Retry("smtp_451", 1.0), Away("smtp_unreachable", 1.0)]
    await post.runs(300, step=5)
    assert [(row.status, row.went_by) for row in post.rows] == [(Status.SENT, "mail")]
    assert len(post.mails.got) == 2


async def test_hr_can_have_it_said_again(post: Post) -> None:
    post.mails.loses = True
    post.nudge(post.reader())
    await post.runs(300, step=10)
    post.mails.loses = False
    (row,) = post.rows
    assert row.status is Status.DEAD
    assert post.desk.does(lambda tx: given_up.revive(tx, tx.get_one(Delivery, row.id)))
    await post.runs(5)
    assert [row.status for row in post.rows] == [Status.SENT]
    assert len(post.mails.got) == 3


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with street_in(tmp_path) as made:
        yield made


@pytest.mark.parametrize(("bulk", "copies", "ends"), [
    (False, 2, (Status.DEAD, UNSURE)),
    (True, 1, (Status.SENT, UNSURE)),
])  # fmt: skip
async def test_a_message_in_teams_whose_answer_is_lost(
    street: Street, bulk: bool, copies: int, ends: Any
) -> None:
    who = street.alumnus("佐藤 健")
    await says(street, who, "help")
    before = said(street, who)
    street.teams.faults.drop_after_accept("send", times=100)

    def put(tx: Tx) -> None:
        of = accounts.Account.address == str(alumni(who))
        person = tx.scalar(select(accounts.Account.person_id).where(of))
        draft = Draft(
            "checkin.nudge", CARD, Purpose.STAY_IN_TOUCH, Route.ALUMNI_CHAT, "n1", person, bulk=bulk
        )
        assert outbox.put(tx, draft)

    database = street.app.core.database
    database.run_now(put)
    courier = Courier(database, street.app.core.policy, street.app.doors)
    for _ in range(5):
        await courier.deliver()
        database.run_now(
            lambda tx: tx.execute(text("UPDATE outbox SET next_try = 0 WHERE status = 'pending'"))
        )
    assert said(street, who) - before == copies
    row = street.reads(lambda tx: tx.scalar(select(Delivery).where(Delivery.dedup == "n1")))
    assert row is not None
    assert (row.status, row.reason) == ends


def said(street: Street, who: str) -> int:
    return sum(1 for message in street.teams.chat(who, "alumni") if message.by_bot)


# --- who holds it ---------------------------------------------------------------------------------------


async def test_a_claim_that_was_lost_stays_lost_whatever_hr_does(post: Post) -> None:
    """A process stands still with a message; others try in vain, HR has it tried again: it is not the first
    one's any more."""
    post.nudge(post.alumnus())
    (old,) = post.desk.does(delivering.claim)
    row = old
    for _ in range(TRIES - 1):
        post.desk.clock.passes(LEASE + 1)
        (row,) = post.desk.does(delivering.claim)
    assert post.desk.does(lambda tx: delivering.again(tx, row, 0.0, "x"))
    assert [one.status for one in post.rows] == [Status.DEAD]
    post.desk.does(lambda tx: given_up.revive(tx, tx.get_one(Delivery, row.id)))
    (new,) = post.desk.does(delivering.claim)
    assert new.attempts == old.attempts
    assert not post.desk.does(lambda tx: delivering.hold(tx, old))
    assert post.desk.does(lambda tx: delivering.hold(tx, new))


async def test_a_message_that_kills_whoever_carries_it_is_given_up(post: Post) -> None:
    post.nudge(post.alumnus())
    for _ in range(TRIES):
        assert post.desk.does(delivering.claim)
        post.desk.clock.passes(LEASE + 1)
    await post.runs(2)
    assert [(row.status, row.reason) for row in post.rows] == [(Status.DEAD, "bug")]
    assert post.posted == []


class SlowServer:
    """A mail server that takes its time for every word, and is right to."""

    def __init__(self) -> None:
        self.mails, self.go = 0, asyncio.Event()
        self.here = asyncio.Event()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        inside = False
        while line := await reader.readline():
            word = line.strip() if inside else line.split()[0].upper()
            if inside and word != b".":
                continue
            if inside:
                inside, self.mails = False, self.mails + 1
            if word == b"MAIL":
                self.here.set()
                await self.go.wait()
            inside = word == b"DATA"
            writer.write(b"354 go\r\n" if inside else b"250 ok\r\n")
            if word == b"QUIT":
                break
        writer.close()


async def test_a_slow_mail_server_gets_a_mail_once(post: Post) -> None:
    """Three minutes for one mail, three times the lease: it stays with who sends it, and no other process
    takes it over."""
    slow = SlowServer()
    server = await asyncio.start_server(slow.talk, "127.0.0.1", 0)
    place = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    box = Postbox(place, "okaeri@example.jp", post.desk.clock.now)
    post.mails = SmtpMailer(box, Texts.load(CATALOGUE), POLICY.brand)  # type: ignore[assignment]
    post.nudge(post.reader())
    first, second = post.courier(), post.courier(post.desk.again())
    working = asyncio.create_task(first.work())
    await slow.here.wait()
    for _ in range(18):
        post.desk.clock.passes(10)
        first.ring()
        await until(lambda: post.rows[0].next_try - post.desk.clock.wire() > LEASE - 25)
        await second.deliver()
    assert [row.attempts for row in post.rows] == [1]
    slow.go.set()
    await until(lambda: post.rows[0].status is Status.SENT)
    first.stop()
    await working
    assert slow.mails == 1
    server.close()


# --- the database is away -------------------------------------------------------------------------------


async def test_what_arrived_while_the_database_was_away_is_marked_once_it_is_back(
    desk_on_server: Desk,
) -> None:
    """The server hangs up on everybody while a mail is under way: who sent it knows that it is there."""
    async with a_post(desk_on_server) as post:
        name = make_url(post.desk.database.url).database

        class Leaves(Letterbox):
            async def send(self, to: MailTo, message: Outgoing) -> None:
                await super().send(to, message)
                postgres().sql(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
                ours = f"FROM pg_stat_activity WHERE datname = '{name}'"
                postgres().sql(f"SELECT pg_terminate_backend(pid) {ours}")

        post.mails = Leaves()
        post.nudge(post.reader())
        carrying = asyncio.create_task(post.courier().deliver())
        await until(lambda: bool(post.mails.got))
        await asyncio.wait([carrying], timeout=1.0)
        assert not carrying.done(), "it goes on trying to write it down"
        postgres().sql(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
        await carrying
        assert [(row.status, row.ambiguous) for row in post.rows] == [(Status.SENT, False)]
        post.desk.clock.passes(LEASE + 1)
        await post.runs(3)
        assert len(post.mails.got) == 1
