"""A platform that is away, full, or does not know us: nobody asks before the time, no message is to blame,
what others can have goes on, and HR hears of what somebody has to mend.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.conversation import Address, Card, Paragraph, Platform, Side, t
from bot.errors import Away, Retry
from bot.post import Letter, to_channel
from jobs import accounts as looking
from storage import accounts, delivering, outbox
from storage.consents import Purpose
from storage.engine import Tx
from storage.outbox import Draft, Route, Status
from tests.desk import POLICY
from tests.jobs.postroom import CARD, TEAM, Post, post

__all__ = ["post"]
HOUR = 3600


def to_hr(post: Post) -> None:
    """A card to one of HR, whose account is known."""
    user = post.slack.add_person(TEAM[Side.COMPANY], name="佐藤 美咲", email="sato@minato.example.jp")
    post.desk.staff("sato@minato.example.jp")

    def put(tx: Tx) -> None:
        account = Address(Platform.SLACK, TEAM[Side.COMPANY], user)
        accounts.staff_found(tx, "sato@minato.example.jp", account)
        (member,) = accounts.staff(tx)
        draft = Draft("decisions.notice", CARD, Purpose.STAFF, Route.STAFF, "s1", staff_id=member.id)
        outbox.put(tx, draft)

    post.desk.does(put)


async def test_a_day_without_the_mail_server_costs_no_mail(post: Post) -> None:
    post.pace = 1.0
    for number in range(20):
        post.nudge(post.reader(f"r{number}@home.example.jp"), bulk=True)
    post.mails.trouble = [Away("smtp_unreachable", 60.0)] * 10_000
    await post.runs(7 * HOUR, step=60)
    asked = 10_000 - len(post.mails.trouble)
    assert asked < 7 * 60 * 12, "a dozen at most go out before the first says that nobody is there"
    assert {(row.status, row.attempts) for row in post.rows} == {(Status.PENDING, 0)}
    post.mails.trouble.clear()
    await post.runs(300, step=5)
    assert {row.status for row in post.rows} == {Status.SENT}
    assert len(post.mails.got) == 20


@pytest.mark.long
async def test_what_waits_for_three_days_is_given_up(post: Post) -> None:
    post.nudge(post.reader())
    post.mails.trouble = [Away("smtp_535", 300.0)] * 10_000
    await post.runs(71 * HOUR, step=600)
    assert [row.status for row in post.rows if row.kind == "checkin.nudge"] == [Status.PENDING]
    await post.runs(2 * HOUR, step=600)
    nudge = next(row for row in post.rows if row.kind == "checkin.nudge")
    assert (nudge.status, nudge.reason) == (Status.DEAD, "smtp_535")


async def test_a_letter_goes_by_mail_once_the_chat_was_away_for_long(post: Post) -> None:
    post.pace = 1.0
    post.slack.faults.fail("chat.postMessage", "token_revoked", times=10_000)
    post.nudge(post.alumnus(email="aiko@home.example.jp"))
    post.nudge(post.alumnus(email="many@home.example.jp"), bulk=True)
    await post.runs(800, step=20)
    assert post.mails.got == []
    await post.runs(HOUR, step=20)
    assert post.mails.got == ["aiko@home.example.jp"], "what many get waits for the chat"
    assert [row.status for row in post.rows][:2] == [Status.SENT, Status.PENDING]


async def test_hr_is_told_by_mail_that_its_chat_does_not_let_us_in(post: Post) -> None:
    post.pace = 1.0
    to_hr(post)
    post.slack.faults.fail("*", "token_revoked", times=10_000)
    await post.runs(800, step=20)
    assert post.mails.got == []
    await post.runs(HOUR, step=20)
    assert post.mails.got == ["sato@minato.example.jp"] * 2, "what waited, and that the chat is away"
    assert [row.kind for row in post.rows] == ["decisions.notice", "decisions.hindered"], "once a day"
    assert {row.status for row in post.rows} == {Status.SENT}


async def test_hr_is_told_that_no_mail_can_be_sent(post: Post) -> None:
    to_hr(post)
    post.nudge(post.reader())
    post.mails.trouble = [Away("smtp_535", 300.0)]
    await post.runs(2 * 300, step=10)
    (told,) = [row for row in post.rows if row.kind == "decisions.hindered"]
    assert (told.status, told.went_by) == (Status.SENT, "chat")


@pytest.mark.parametrize("word", ["smtp_451", "smtp_unreachable", "ratelimited"])
async def test_what_passes_by_itself_is_told_nobody(post: Post, word: str) -> None:
    to_hr(post)
    post.nudge(post.reader())
    post.mails.trouble = [Away(word, 30.0)]
    await post.runs(100, step=10)
    assert "decisions.hindered" not in {row.kind for row in post.rows}


# --- whose lane is closed -------------------------------------------------------------------------------


async def test_a_poisoned_message_closes_nobody_elses_way(post: Post) -> None:
    post.pace = 1.0
    stands = await opening(post)
    post.slack.faults.fail("chat.update", "update_failed", times=10_000)
    post.desk.does(lambda tx: to_channel(tx, board(post), letter("2"), stands))
    await post.runs(3)
    post.nudge(post.alumnus())
    await post.runs(3)
    assert [row.status for row in post.rows] == [Status.SENT, Status.PENDING, Status.SENT]


async def test_who_asks_too_often_whether_it_stands_there_stops_asking(post: Post) -> None:
    post.pace = 1.0
    for _ in range(8):
        post.nudge(post.alumnus())
    post.desk.does(delivering.claim)
    post.desk.clock.passes(delivering.LEASE + 1)
    post.slack.faults.fail("conversations.history", "ratelimited", retry_after=30)
    await post.runs(28)
    assert len(post.slack.calls("conversations.history")) == 1
    await post.runs(60)
    assert {row.status for row in post.rows} == {Status.SENT}


async def test_a_directory_that_asks_for_rest_gets_it(post: Post) -> None:
    emails = [f"hr{number}@minato.example.jp" for number in range(5)]
    post.desk.staff(*emails)
    chats = dict.fromkeys(Side, post.messenger)
    post.slack.faults.fail("users.lookupByEmail", "ratelimited", times=5, retry_after=60)
    for _ in range(3):
        await looking.find_staff(post.desk.database, chats, 0.0)
    assert len(post.slack.calls("users.lookupByEmail")) == 1
    post.desk.clock.passes(61)
    await looking.find_staff(post.desk.database, chats, 0.0)
    assert len(post.slack.calls("users.lookupByEmail")) == 2


async def test_an_account_without_an_answer_keeps_no_other(post: Post) -> None:
    for _ in range(3):
        post.alumnus()
    chats = dict.fromkeys(Side, post.messenger)
    post.slack.faults.fail("users.info", "internal_error")
    await looking.look(post.desk.database, chats, 0.0)
    assert len(post.slack.calls("users.info")) == 3
    await looking.look(post.desk.database, chats, 0.0)
    assert len(post.slack.calls("users.info")) == 3, "it rests for an hour"
    post.desk.clock.travel(post.desk.clock.now() + timedelta(hours=2))
    await looking.look(post.desk.database, chats, 0.0)
    assert len(post.slack.calls("users.info")) == 4


def guests(post: Post, count: int) -> None:
    """So many people are to be invited."""
    for number in range(count):
        person = post.reader(f"g{number}@home.example.jp")
        draft = Draft(
            "welcome.invitation", CARD, Purpose.STAY_IN_TOUCH, Route.PRIVATE_MAIL, f"i{number}", person.id,
            invites=True,
        )  # fmt: skip
        post.desk.does(lambda tx, d=draft: outbox.put(tx, d))  # type: ignore[misc]


async def test_who_invites_is_left_alone_as_long_as_it_asks(post: Post) -> None:
    """On a last day many are invited at once."""
    post.pace = 1.0
    post.inviter.trouble = [Away("TooManyRequests", 60.0)] * 1000
    guests(post, 40)
    await post.runs(50, couriers=2)
    assert post.inviter.asked <= 12, "those that were on their way"
    before = post.inviter.asked
    await post.runs(60, couriers=2)
    assert before < post.inviter.asked <= before + 24


async def test_one_guest_who_is_not_there_yet_keeps_no_other(post: Post) -> None:
    post.inviter.trouble = [Retry("guest_not_there_yet", 30.0)] * 2
    guests(post, 2)
    await post.runs(2)
    assert post.inviter.asked == 2
    assert {(row.reason, row.attempts) for row in post.rows} == {("guest_not_there_yet", 1)}


def board(post: Post) -> Address:
    return Address.parse(post.policy.channels[0])


def letter(dedup: str) -> Letter:
    card = Card("営業企画", (Paragraph(t("checkin.how_now")),), t("common.notice"))
    return Letter("openings.posted", card, dedup, Purpose.OPENINGS)


async def opening(post: Post) -> str:
    """An opening stands in the channel; where."""
    channel = post.slack.add_default_channel(TEAM[Side.ALUMNI], "comeback")
    post.slack.invites(TEAM[Side.ALUMNI], channel)
    post.policy = replace(POLICY, channels=(f"slack:{TEAM[Side.ALUMNI]}:{channel}",))
    post.desk.does(lambda tx: to_channel(tx, board(post), letter("1")))
    await post.runs(3)
    return post.rows[0].remote
