"""Delivery against a platform that fails in every way it can: sent once, paced, parked, or told to HR."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.conversation import Side
from bot.errors import Ambiguous, Retry, Undeliverable
from bot.ports import Outgoing
from bot.wire import load_card
from jobs.outbox.transport import Rescue
from storage import accounts, consents, delivering, leavers, outbox, people
from storage.consents import Decision, Purpose
from storage.outbox import Draft, Route, Status
from tests.desk import POLICY, arrived, notice
from tests.jobs.postroom import CARD, PATIENCE, SAID, TEAM, Post, hasty, post

__all__ = ["hasty", "post"]

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
    await post.runs(150)
    assert [row.status for row in post.rows] == [Status.SENT]
    assert len(post.posted) == 1


async def test_what_was_accepted_before_the_line_broke_is_not_sent_again(post: Post) -> None:
    post.pace = 1.0
    post.slack.faults.drop_after_accept("chat.postMessage")
    post.nudge(post.alumnus())
    await post.runs(1)
    assert post.rows[0].ambiguous
    await post.runs(delivering.LEASE - 2)
    assert post.slack.calls("conversations.history") == [], "it may be slow to take it"
    await post.runs(10)
    (row,) = post.rows
    assert (row.status, row.went_by) == (Status.SENT, "chat")
    assert post.posted == [row.delivery]
    assert len(post.slack.calls("chat.postMessage")) == 1


async def test_a_hanging_slack_that_accepts_after_all_is_not_asked_twice(hasty: Post) -> None:
    hasty.slack.faults.hang("chat.postMessage", PATIENCE + 0.3)
    hasty.nudge(hasty.alumnus())
    await hasty.runs(1)
    assert hasty.posted == []
    await asyncio.sleep(0.5)
    assert len(hasty.posted) == 1, "it was accepted after all"
    await hasty.runs(70)
    assert [row.status for row in hasty.rows] == [Status.SENT]
    assert len(hasty.posted) == 1


async def test_trouble_while_reconciling_leaves_it_unsure(post: Post) -> None:
    post.slack.faults.drop_after_accept("chat.postMessage")
    post.slack.faults.fail("conversations.history", "ratelimited", retry_after=5)
    post.slack.faults.fail("conversations.history", "internal_error")
    post.nudge(post.alumnus())
    await post.runs(120)
    assert [row.status for row in post.rows] == [Status.SENT]
    assert len(post.slack.calls("chat.postMessage")) == 1
    assert len(post.posted) == 1


async def test_a_hanging_slack_holds_up_a_batch_only_once(hasty: Post) -> None:
    for _ in range(6):
        hasty.nudge(hasty.alumnus())
    hasty.slack.faults.hang("chat.postMessage", PATIENCE + 0.3, times=6)
    began = asyncio.get_running_loop().time()
    await hasty.runs(1)
    assert asyncio.get_running_loop().time() - began < 4 * PATIENCE
    assert {(row.status, row.ambiguous) for row in hasty.rows} == {(Status.PENDING, True)}
    await asyncio.sleep(0.5)
    await hasty.runs(70)
    assert sorted(hasty.posted) == sorted(row.delivery for row in hasty.rows)


async def test_a_message_that_cannot_be_made_keeps_no_other(post: Post) -> None:
    bad, good = post.alumnus(), post.alumnus()
    post.nudge(bad)
    post.nudge(good)
    row = post.rows[0]
    post.desk.does(lambda tx: tx.merge(row).__setattr__("payload", b"not sealed by us"))
    await post.runs(1)
    assert [row.status for row in post.rows] == [Status.PENDING, Status.SENT]
    await post.runs(12 * 900, step=300)
    assert (post.rows[0].status, post.rows[0].reason) == (Status.DEAD, "bug")


async def test_tries_are_spread_so_that_nobody_comes_in_step(post: Post) -> None:
    """Full jitter on top of what the platform asks for, twice as long each time, a quarter of an hour at
    most."""
    post.pace = 1.0
    for _ in range(20):
        person = post.alumnus()
        post.knows_chat(person)
        post.nudge(person)
    post.slack.faults.fail("chat.postMessage", "request_timeout", times=1000)
    await post.runs(8)
    at = post.desk.clock.wire()
    later = [row.next_try - at for row in post.rows]
    assert all(30 - 8 <= seconds <= 30 + 4 for seconds in later)
    assert len({round(seconds, 3) for seconds in later}) > 15
    longest = 0.0
    while waits := [row.next_try for row in post.rows if row.status is Status.PENDING]:
        longest = max(longest, max(waits) - post.desk.clock.wire())
        await post.runs(100, step=10)
    assert 60 < longest <= 30 + 900


async def test_a_clock_that_is_set_back_keeps_no_message(post: Post) -> None:
    """The machine began nine hours ahead, as one whose clock stands on Japan's time: what was parked and
    whose lane was closed then does not wait for that time to come again."""
    post.pace = 1.0
    for _ in range(3):
        post.nudge(post.alumnus())
    post.slack.faults.fail("chat.postMessage", "ratelimited", retry_after=30)
    await post.runs(1)
    post.desk.does(lambda tx: delivering.claim(tx, ids=[post.rows[-1].id]))
    post.desk.clock.set_back(9 * 3600.0)
    await Rescue(post.desk.database).tell()
    await post.runs(90)
    assert {row.status for row in post.rows} == {Status.SENT}
    assert len(post.posted) == 3


# --- nobody there ---------------------------------------------------------------------------------------


def asked(post: Post, *, account: bool) -> None:
    """A leaver of the company with or without an account, and the question on its way."""
    post.desk.hears(notice())
    leaver = post.desk.leaver()
    if account:
        post.slack.add_person(TEAM[Side.COMPANY], name="田中 愛子", email=leaver.company_email)
    draft = Draft(
        "welcome.question", CARD, Purpose.ASKING, Route.COMPANY_CHAT, "q", leaver.person_id, leaver.id
    )
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
    assert (question.status, question.attempts) == (Status.DEAD, delivering.TRIES)
    assert question.payload is not None, "it can be tried again"
    assert post.desk.leaver().stuck == "undelivered"
    assert post.desk.leaver().id in [one.id for one in post.desk.sees(leavers.needing_hr)]


async def test_a_mailbox_that_refuses_is_on_hrs_list(post: Post) -> None:
    asked(post, account=False)
    post.mails.trouble += [Undeliverable("mailbox_refused")]
    await post.runs(2)
    assert post.desk.leaver().stuck == "mailbox_refused"


async def test_a_mail_that_may_have_gone_is_sent_with_the_same_id(post: Post) -> None:
    asked(post, account=False)
    post.mails.trouble += [Ambiguous("connection_lost")]
    await post.runs(70)
    assert post.mails.got == ["e1@minato.example.jp"]


# --- up to the last moment ------------------------------------------------------------------------------


async def test_no_message_after_a_consent_was_withdrawn(post: Post) -> None:
    person = post.alumnus()
    post.nudge(person)
    post.desk.does(lambda tx: consents.record(tx, person.id, Decision.WITHDRAWN, SAID))
    await post.runs(2)
    assert [(row.status, row.reason, row.payload) for row in post.rows] == [
        (Status.DROPPED, "no_consent", None)
    ]
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
    post.desk.does(delivering.claim)
    await post.meanwhile(
        lambda: post.desk.does(lambda tx: consents.record(tx, person.id, Decision.WITHDRAWN, SAID))
    )
    assert [(row.status, row.reason) for row in post.rows] == [(Status.DROPPED, "no_consent")]
    assert post.posted == []


async def test_a_cancelled_message_is_not_sent_by_who_holds_it(post: Post) -> None:
    person = post.alumnus()
    post.nudge(person)
    post.desk.does(delivering.claim)
    await post.meanwhile(lambda: post.desk.does(lambda tx: outbox.cancel(tx, person_id=person.id)))
    assert post.posted == []
    assert [(row.status, row.reason) for row in post.rows] == [(Status.DROPPED, "cancelled")]


# --- several couriers -----------------------------------------------------------------------------------


async def test_who_lost_the_lease_sends_nothing(post: Post) -> None:
    post.nudge(post.alumnus())
    post.desk.does(delivering.claim)

    def another_takes_over() -> None:
        post.desk.clock.passes(delivering.LEASE + 1)
        (row,) = post.desk.does(delivering.claim)
        post.desk.does(lambda tx: arrived(tx, row))

    await post.meanwhile(another_takes_over)
    assert [row.status for row in post.rows] == [Status.SENT]
    assert post.posted == [], "only the other one said that it was there"


async def test_who_died_after_slack_accepted_is_reconciled(post: Post) -> None:
    post.nudge(post.alumnus())
    (held,) = post.desk.does(delivering.claim)
    account = post.desk.sees(lambda tx: accounts.of_person(tx, held.person_id or "", Side.ALUMNI))
    assert account is not None
    await post.messenger.send(account, Outgoing(held.delivery, load_card(CARD), "ja"))
    post.desk.clock.passes(delivering.LEASE + 1)
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


@pytest.mark.long
async def test_thirty_people_are_written_to_within_slacks_limits(post: Post) -> None:
    post.slack.rates_on, post.pace = True, 1.0
    for _ in range(30):
        post.nudge(post.alumnus())
    await post.runs(80, couriers=2)
    assert {row.status for row in post.rows} == {Status.SENT}
    assert post.slack.rates.violations == []


async def test_what_a_process_left_behind_is_looked_for_within_slacks_limits(post: Post) -> None:
    post.slack.rates_on, post.pace = True, 1.0
    for _ in range(30):
        post.nudge(post.alumnus())
    post.desk.does(delivering.claim)  # by a process that dies
    post.desk.clock.passes(delivering.LEASE + 1)
    await post.runs(120, couriers=2)
    assert {row.status for row in post.rows} == {Status.SENT}
    assert len(post.slack.calls("conversations.history")) >= 30
    assert post.slack.rates.violations == []


@pytest.mark.long
async def test_thirty_leavers_are_looked_up_within_slacks_limits(post: Post) -> None:
    post.slack.rates_on, post.pace = True, 1.0
    for number in range(30):
        email = f"e{number}@minato.example.jp"
        post.slack.add_person(TEAM[Side.COMPANY], name="田中", email=email)
        post.desk.hears(notice(f"E{number}"))
        leaver = post.desk.leaver(f"E{number}")
        draft = Draft(
            "welcome.question", CARD, Purpose.ASKING, Route.COMPANY_CHAT, email, leaver.person_id, leaver.id
        )
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
