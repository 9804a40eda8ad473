"""Never faster than a platform allows, and nobody waits for a way that is not theirs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace

import pytest

from bot.conversation import Address, Card, Paragraph, Side, t
from bot.ports import Outgoing
from bot.post import Letter, to_channel
from bot.wire import load_card
from jobs.outbox.tolls import MAILS
from storage import accounts, consents, delivering, people
from storage.consents import Decision, Purpose
from storage.engine import Tx
from storage.outbox import Status
from tests.desk import POLICY
from tests.jobs.postroom import CARD, SAID, TEAM, Post, post

__all__ = ["post"]
ALUMNI = TEAM[Side.ALUMNI]


def violations(post: Post) -> Counter[str]:
    return Counter(one.method for one in post.slack.rates.violations)


async def test_a_workspace_is_never_written_to_faster_than_it_allows(post: Post) -> None:
    """By three processes, far beyond what Slack lets through in one go."""
    post.slack.rates_on, post.pace = True, 1.0
    for _ in range(150):
        person = post.alumnus()
        post.knows_chat(person)
        post.nudge(person)
    await post.runs(45, step=0.5, couriers=3)
    assert Counter(row.status for row in post.rows) == {Status.SENT: 150}
    assert violations(post) == {}
    first, *_, last = post.slack.calls("chat.postMessage")
    assert last.at - first.at < 40, "and hardly slower than that"


async def test_edits_keep_their_own_pace(post: Post) -> None:
    post.slack.rates_on, post.pace = True, 1.0
    boards = []
    for name in ("one", "two"):
        channel = post.slack.add_default_channel(ALUMNI, name)
        post.slack.invites(ALUMNI, channel)
        boards.append(Address.parse(f"slack:{ALUMNI}:{channel}"))
    post.policy = replace(POLICY, channels=tuple(map(str, boards)))
    for board in boards:
        for number in range(20):
            post.desk.does(lambda tx, b=board, n=number: to_channel(tx, b, letter(str(n))))  # type: ignore[misc]
    await post.runs(60)
    posted = [row for row in post.rows if row.status is Status.SENT]
    assert len(posted) == 40
    for row in posted:
        board = next(one for one in boards if row.remote.startswith(one.user))
        post.desk.does(lambda tx, b=board, r=row: to_channel(tx, b, letter(f"e{r.id}"), r.remote))  # type: ignore[misc]
    await post.runs(70, step=0.5)
    assert Counter(row.status for row in post.rows) == {Status.SENT: 80}
    assert violations(post) == {}


def letter(title: str) -> Letter:
    card = Card(title, (Paragraph(t("checkin.how_now")),), t("common.notice"))
    return Letter("openings.posted", card, title, Purpose.OPENINGS)


async def left_behind(post: Post, count: int) -> None:
    """Messages that stand in Slack already, of a process that died before it could say so."""
    for _ in range(count):
        post.nudge(post.alumnus())
    for row in post.desk.does(delivering.claim):
        account = post.desk.sees(lambda tx, r=row: accounts.of_person(tx, r.person_id or "", Side.ALUMNI))  # type: ignore[misc]
        assert account is not None
        await post.messenger.send(account, Outgoing(row.delivery, load_card(CARD), "ja"))
    post.messenger._channels.clear()  # a process that has only just begun knows no chat
    post.desk.clock.passes(delivering.LEASE + 1)
    post.slack.rates.clear()
    post.slack.rates_on, post.pace = True, 1.0


async def test_chats_are_opened_at_one_pace_whatever_for(post: Post) -> None:
    await left_behind(post, 25)
    for _ in range(25):
        post.nudge(post.alumnus())
    await post.runs(90, step=0.5)
    assert Counter(row.status for row in post.rows) == {Status.SENT: 50}
    assert len(post.posted) == 50
    assert violations(post) == {}


async def test_what_was_left_behind_is_not_taken_up_again_and_again(post: Post) -> None:
    """Each waits for its own place in the lane."""
    await left_behind(post, 60)
    await post.runs(110, step=0.5)
    assert Counter(row.status for row in post.rows) == {Status.SENT: 60}
    assert sum(row.claims for row in post.rows) < 60 * 6


async def test_mails_go_one_after_the_other(post: Post) -> None:
    post.pace = 1.0
    for number in range(60):
        post.nudge(post.reader(f"r{number}@home.example.jp"))
    sent = []
    for _ in range(8):
        await post.runs(1)
        sent.append(len(post.mails.got))
    assert sent[0] <= 11, "a second's worth at once"
    assert sent[-1] == 60


@pytest.mark.long
async def test_a_slow_mail_server_meets_few_connections(post: Post) -> None:
    post.pace, post.mails.slow = 1.0, 0.6
    for number in range(80):
        post.nudge(post.reader(f"r{number}@home.example.jp"))
    courier = post.courier()
    working = asyncio.create_task(courier.work())
    async with asyncio.timeout(30):
        while len(post.mails.got) < 80:
            post.desk.clock.passes(0.5)
            courier.ring()
            await asyncio.sleep(0.02)
            if working.done():
                working = asyncio.create_task(courier.work())
    courier.stop()
    await working
    assert post.mails.most <= MAILS + 11


# --- nobody waits for somebody else's way ---------------------------------------------------------------


@pytest.mark.long
async def test_who_hangs_keeps_nobody_from_being_looked_for(post: Post) -> None:
    """A mail takes its time; what is queued meanwhile goes at once."""
    post.mails.slow = 4.0
    post.nudge(post.reader())
    courier = post.courier()
    working = asyncio.create_task(courier.work())
    async with asyncio.timeout(3):
        while not post.mails.under_way:  # noqa: ASYNC110 - in another task
            await asyncio.sleep(0.01)
    began = time.monotonic()
    post.nudge(post.alumnus())
    courier.ring()
    async with asyncio.timeout(3):
        while not post.posted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert post.mails.under_way == 1, "the mail is still on its way"
    assert time.monotonic() - began < 3
    courier.stop()
    await working
    assert {row.status for row in post.rows} == {Status.SENT}


async def test_who_gets_mail_does_not_wait_for_a_chat_that_is_away(post: Post) -> None:
    post.pace = 1.0
    post.slack.faults.fail("chat.postMessage", "invalid_auth", times=10_000)
    for _ in range(12):
        post.nudge(post.alumnus())
    courier = post.courier()
    for _ in range(10):
        await courier.deliver()
        post.desk.clock.passes(1)
    post.nudge(post.reader())
    for _ in range(20):
        await courier.deliver()
        post.desk.clock.passes(1)
    assert post.mails.got == ["mail@home.example.jp"]


@pytest.mark.long
async def test_who_gets_mail_does_not_wait_for_thousands_in_the_chat(post: Post) -> None:
    """A broadcast of which most goes into Slack at its pace: who has no account there is found behind it."""
    post.pace = 1.0
    first, last = post.alumnus(), post.reader()
    account = post.desk.sees(lambda tx: accounts.of_person(tx, first.id, Side.ALUMNI))
    assert account is not None
    chat = post.rooms[Side.ALUMNI].direct(account.user).id

    def broadcast(tx: Tx) -> None:
        for number in range(1200):
            person = people.add(tx, "髙橋 愛子")
            consents.record(tx, person.id, Decision.GIVEN, SAID)
            address = replace(account, user=f"U0MANY{number}")
            accounts.tie(tx, address, Side.ALUMNI, person, "code")
            accounts.keep_chat(tx, address, chat)
            assert post.nudges(tx, person, bulk=True)
        assert post.nudges(tx, last, bulk=True)

    post.desk.does(broadcast)
    courier = post.courier()
    for _ in range(40):
        await courier.deliver()
        post.desk.clock.passes(1)
    assert post.mails.got == ["mail@home.example.jp"]
    assert len(post.slack.calls("chat.postMessage")) < 300
    assert sum(row.claims for row in post.rows) < 900, "and they were not all touched for it"
