"""Cards in the alumni channel: posted once, edited in order, or given up with a reason that can be asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.conversation import Address, Card, Paragraph, Side, t
from bot.errors import Ambiguous
from bot.post import Letter, channel_dedup, to_channel
from jobs.outbox.courier import Courier, Doors
from storage import outbox
from storage.consents import Purpose
from storage.outbox import Stand, Status
from tests.desk import POLICY
from tests.jobs.postroom import PATIENCE, TEAM, Doorman, Post, hasty, post

__all__ = ["hasty", "post"]
ALUMNI = TEAM[Side.ALUMNI]


class Board:
    """The channel for openings, with the bot in it, and what is sent there."""

    def __init__(self, room: Post) -> None:
        self.room, self.slack, self.desk = room, room.slack, room.desk
        self.id = self.slack.add_default_channel(ALUMNI, "comeback")
        self.slack.invites(ALUMNI, self.id)
        self.address = Address.parse(f"slack:{ALUMNI}:{self.id}")
        room.policy = replace(POLICY, channels=(str(self.address),))

    def letter(self, dedup: str = "1", title: str = "営業企画") -> Letter:
        card = Card(title, (Paragraph(t("checkin.how_now")),), t("common.notice"))
        return Letter("openings.posted", card, dedup, Purpose.OPENINGS)

    def put(self, dedup: str = "1", title: str = "営業企画", edits: str = "") -> None:
        assert self.desk.does(lambda tx: to_channel(tx, self.address, self.letter(dedup, title), edits))

    def stands(self, dedup: str = "1") -> Stand:
        found = self.desk.sees(lambda tx: outbox.stands(tx, channel_dedup(self.address, self.letter(dedup))))
        assert found is not None
        return found

    @property
    def shown(self) -> list[Any]:
        return self.slack.channel_messages(ALUMNI, self.id)

    @property
    def titles(self) -> list[str]:
        return [str(message.blocks[0]) for message in self.shown]

    async def posted(self) -> str:
        """A first message is there; where it stands."""
        self.put()
        await self.room.runs(3)
        return self.stands().remote


@pytest.fixture
def board(post: Post) -> Board:
    return Board(post)


async def test_a_card_is_posted_once_and_everybody_sees_it(board: Board) -> None:
    board.put()
    assert not board.desk.does(lambda tx: to_channel(tx, board.address, board.letter()))
    await board.room.runs(4, couriers=2)
    (message,) = board.shown
    assert board.stands() == Stand(Status.SENT, f"{board.id}:{message.ts}", "")
    assert "営業企画" in str(message.blocks)
    assert message.text == "おかえりからのお知らせ"
    (row,) = board.room.rows
    assert (row.went_by, row.payload, row.person_id) == ("chat", None, None)
    assert board.slack.calls("conversations.open") == []
    assert board.room.mails.got == []


async def test_an_edit_replaces_what_stands_there(board: Board) -> None:
    stands = await board.posted()
    board.put("2", "営業企画(更新)", stands)
    await board.room.runs(3)
    (message,) = board.shown
    assert message.edited
    assert "営業企画(更新)" in board.titles[0]
    assert board.stands("2") == Stand(Status.SENT, stands, "")


async def test_two_edits_at_once_leave_the_later_one(board: Board) -> None:
    stands = await board.posted()
    board.put("2", "二つ目", stands)
    board.put("3", "三つ目", stands)
    await board.room.runs(6, couriers=2)
    assert "三つ目" in board.titles[0]
    assert board.stands("2") == Stand(Status.DROPPED, stands, "overtaken")
    assert board.stands("3").status is Status.SENT


async def test_an_edit_that_is_late_does_not_come_on_top_of_a_newer_one(board: Board) -> None:
    stands = await board.posted()
    board.slack.faults.fail("chat.update", "ratelimited", retry_after=5)
    board.put("2", "二つ目", stands)
    await board.room.runs(1)
    assert board.stands("2") == Stand(Status.PENDING, stands, "ratelimited")
    board.put("3", "三つ目", stands)
    await board.room.runs(30)
    assert "三つ目" in board.titles[0]
    assert len(board.slack.calls("chat.update")) == 2
    assert board.stands("2").reason == "overtaken"


REFUSED = ("not_in_channel", "channel_not_found", "is_archived", "restricted_action", "missing_scope")


@pytest.mark.parametrize("word", REFUSED)
async def test_a_channel_that_refuses_is_told_and_nobody_gets_a_mail(board: Board, word: str) -> None:
    board.slack.faults.fail("chat.postMessage", word)
    board.put()
    await board.room.runs(3)
    assert board.stands() == Stand(Status.DEAD, "", word)
    assert len(board.slack.calls("chat.postMessage")) == 1
    assert board.shown == []
    assert board.room.mails.got == []


async def test_the_local_slack_refuses_as_slack_does(board: Board) -> None:
    board.slack.kicks(ALUMNI, board.id)
    board.put()
    await board.room.runs(3)
    board.slack.invites(ALUMNI, board.id)
    board.put("2")
    await board.room.runs(3)
    board.slack.archives(ALUMNI, board.id)
    board.put("3")
    board.put("4", "新しい題", board.stands("2").remote)
    await board.room.runs(6)
    assert [board.stands(str(n)).reason for n in range(1, 5)] == [
        "not_in_channel", "", "is_archived", "is_inactive",
    ]  # fmt: skip
    assert len(board.shown) == 1


async def test_an_edit_of_what_is_gone_is_told(board: Board) -> None:
    stands = await board.posted()
    board.slack.deletes(ALUMNI, board.id, stands.partition(":")[2])
    board.put("2", "新しい題", stands)
    await board.room.runs(3)
    assert board.stands("2") == Stand(Status.DEAD, stands, "message_not_found")
    assert board.shown == []


@pytest.mark.parametrize("word", ["cant_update_message", "edit_window_closed", "no_permission"])
async def test_an_edit_that_is_refused_is_told(board: Board, word: str) -> None:
    stands = await board.posted()
    board.slack.faults.fail("chat.update", word)
    board.put("2", "新しい題", stands)
    await board.room.runs(3)
    assert board.stands("2") == Stand(Status.DEAD, stands, word)
    assert "営業企画" in board.titles[0]


# --- unsure -----------------------------------------------------------------------------------------------


async def test_what_was_accepted_before_the_line_broke_is_not_posted_again(board: Board) -> None:
    board.slack.faults.drop_after_accept("chat.postMessage")
    board.put()
    await board.room.runs(70)
    (message,) = board.shown
    assert board.stands() == Stand(Status.SENT, f"{board.id}:{message.ts}", "")
    assert len(board.slack.calls("chat.postMessage")) == 1


async def test_it_is_found_under_what_others_wrote_meanwhile(board: Board) -> None:
    user = board.slack.add_person(ALUMNI, name="髙橋 愛子", email="aiko@home.example.jp")
    board.slack.faults.drop_after_accept("chat.postMessage")
    board.put()
    await board.room.runs(1)
    for number in range(150):
        await board.slack.types(ALUMNI, user, f"おめでとう {number}", channel=board.id)
    await board.room.runs(70)
    assert sum(message.by_bot for message in board.shown) == 1
    assert board.stands().status is Status.SENT


async def test_what_may_not_be_looked_up_is_not_posted_twice(board: Board) -> None:
    board.slack.faults.drop_after_accept("chat.postMessage")
    board.slack.faults.fail("conversations.history", "missing_scope")
    board.put()
    await board.room.runs(70)
    assert board.stands() == Stand(Status.DEAD, "", "missing_scope")
    assert len(board.shown) == 1


async def test_who_was_kicked_meanwhile_is_told(board: Board) -> None:
    board.slack.faults.drop_after_accept("chat.postMessage")
    board.put()
    await board.room.runs(1)
    board.slack.kicks(ALUMNI, board.id)
    await board.room.runs(70)
    assert board.stands().reason == "not_in_channel"


async def test_a_lost_edit_is_made_again(hasty: Post) -> None:
    board = Board(hasty)
    stands = await board.posted()
    board.slack.faults.hang("chat.update", PATIENCE + 0.3)
    board.put("2", "新しい題", stands)
    await board.room.runs(1)
    await asyncio.sleep(0.5)
    await board.room.runs(70)
    assert board.stands("2").status is Status.SENT
    assert "新しい題" in board.titles[0]
    assert board.slack.calls("conversations.history") == []


# --- whereto ----------------------------------------------------------------------------------------------


async def test_only_a_channel_that_the_operator_named_gets_anything(board: Board) -> None:
    stands = await board.posted()
    other = board.slack.add_default_channel(ALUMNI, "other")
    board.slack.invites(ALUMNI, other)
    board.room.policy = replace(POLICY, channels=(f"slack:{ALUMNI}:{other}",))
    board.put("2")
    board.put("3", "募集終了", stands)
    await board.room.runs(6)
    assert board.stands("2").reason == "no_channel"
    assert board.stands("3").status is Status.SENT, "what stands in the former channel is kept up to date"
    board.room.policy = POLICY
    board.put("4", "新しい題", stands)
    await board.room.runs(3)
    assert board.stands("4").reason == "no_channel"


async def test_the_company_workspace_never_gets_one(board: Board) -> None:
    team = TEAM[Side.COMPANY]
    channel = board.slack.add_default_channel(team, "comeback")
    board.slack.invites(team, channel)
    board.address = Address.parse(f"slack:{team}:{channel}")
    board.put()
    board.put("2", "新しい題", f"{channel}:1.1")
    await board.room.runs(3)
    assert [board.stands(name).reason for name in ("1", "2")] == ["no_channel", "no_channel"]
    assert board.slack.channel_messages(team, channel) == []


async def test_without_an_alumni_app_there_is_no_way(board: Board) -> None:
    board.put()
    doors = Doors({Side.COMPANY: board.room.messenger}, board.room.mails, Doorman(), 0.0)
    await Courier(board.desk.database, board.room.policy, doors).deliver()
    assert board.stands() == Stand(Status.DEAD, "", "no_app")
    assert board.shown == []


async def test_a_sensitive_card_is_never_queued_for_a_channel(board: Board) -> None:
    secret = replace(board.letter(), card=Card("内緒", sensitive=True))
    with pytest.raises(ValueError, match="sensitive"):
        board.desk.does(lambda tx: to_channel(tx, board.address, secret))
    assert board.room.rows == []


async def test_ten_posts_keep_slacks_pace(board: Board) -> None:
    board.slack.rates_on, board.room.pace = True, 1.0
    for number in range(10):
        board.put(str(number), f"求人 {number}")
    await board.room.runs(40, couriers=2)
    assert {row.status for row in board.room.rows} == {Status.SENT}
    assert len(board.shown) == 10
    assert board.slack.rates.violations == []


async def test_a_bug_in_between_is_asked_for_before_it_is_sent_again(board: Board) -> None:
    courier, send = board.room.courier(), board.room.messenger.send

    class Stumbling:
        """Sends, then fails as if the process had died."""

        find, look, sent = board.room.messenger.find, board.room.messenger.look, board.room.messenger.sent

        async def send(self, to: Address, message: Any) -> Any:
            await send(to, message)
            raise Ambiguous("connection_lost")

    board.put()
    courier._doors = replace(courier._doors, chats={Side.ALUMNI: Stumbling()})  # type: ignore[dict-item]
    await courier.deliver()
    await board.room.runs(70)
    assert len(board.shown) == 1
    assert board.stands().status is Status.SENT
