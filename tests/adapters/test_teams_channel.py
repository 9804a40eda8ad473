"""Openings in a channel of the alumni's team: posted, kept true, posted anew; and why not, told to HR."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.playground.local_teams import LocalTeams
from adapters.playground.teams_state import Message, Team
from bot.conversation import Address, Side
from storage import openings
from storage.engine import Tx, now
from storage.openings import Opening, Posting
from storage.outbox import Delivery
from tests.adapters.teams_street import APPS, TENANTS, Street, lines, street_in

ALUMNI = TENANTS[Side.ALUMNI]


@dataclass
class Board:
    """The alumni's team, and what stands in its channel."""

    street: Street
    team: Team
    member: str

    @property
    def shown(self) -> list[Message]:
        return [one for one in self.street.teams.messages(self.team.id) if one.by_bot]

    def words(self, number: int = -1) -> str:
        return "\n".join(line for card in self.shown[number].cards for line in lines(card))

    def does(self, change: Any) -> None:
        self.street.app.core.database.run_now(change)

    def posting(self) -> Posting:
        (found,) = self.street.reads(lambda tx: openings.postings_of(tx, 1)).values()
        return found

    async def goes_on(self, minutes: int = 2) -> None:
        for _ in range(2):  # what is queued goes in the first run, what became of it is seen in the next
            clock = self.street.app.core.clock
            clock.travel(clock.now() + timedelta(minutes=minutes))
            await self.street.app.schedule.run_until_quiet()
            await self.street.quiet()

    def publishes(self) -> None:
        def make(tx: Tx) -> None:
            last = now(tx).date() + timedelta(days=60)
            row = openings.add(
                tx, "teams:t:u", title="営業企画", closes_on=last, owner="a@b.jp", owner_name="佐藤"
            )
            openings.publish(tx, row, "teams:t:u")

        self.does(make)

    def changes(self, **values: Any) -> None:
        def change(tx: Tx) -> None:
            row = _opening(tx)
            openings.edit(tx, row, row.version, **values)

        self.does(change)

    async def knows_the_bot(self) -> None:
        await self.street.teams.adds_bot(self.member, self.team.id, Side.ALUMNI.value)
        await self.street.quiet()


def _opening(tx: Tx) -> Opening:
    row = openings.get(tx, 1)
    assert row is not None
    return row


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Board]:
    likeness = LocalTeams(time.time)
    likeness.add_tenant(ALUMNI, "alumni", "alumni.example.jp")
    channel = likeness.add_team(ALUMNI, "アルムナイ").id
    changes = {"teams_alumni_channel": channel, "slack_alumni_channel": ""}
    async with street_in(tmp_path, **changes) as street:
        member = street.stranger("佐藤 健")
        team = street.teams.add_team(ALUMNI, "アルムナイ", [member])
        assert team.id == channel
        yield Board(street, team, member)


async def test_what_changes_is_edited_and_what_ends_says_so(board: Board) -> None:
    assert board.street.app.core.policy.channels == (f"teams:{ALUMNI}:{board.team.id}",)
    await board.knows_the_bot()
    board.publishes()
    await board.goes_on()
    (message,) = board.shown
    assert "営業企画" in board.words()
    assert board.posting().remote == f"{board.team.id}:{message.id}"
    board.changes(title="法人営業")
    await board.goes_on()
    assert [one.id for one in board.shown] == [message.id]
    assert "法人営業" in board.words()
    board.does(lambda tx: openings.close(tx, _opening(tx)))
    await board.goes_on()
    assert [one.id for one in board.shown] == [message.id]
    assert "終了" in board.words()


async def test_a_message_that_somebody_deleted_is_posted_anew(board: Board) -> None:
    await board.knows_the_bot()
    board.publishes()
    await board.goes_on()
    board.street.teams.faults.fail("update", 404, code="ActivityNotFoundInConversation")
    board.changes(title="法人営業")
    await board.goes_on()
    await board.goes_on()
    assert len(board.shown) == 2
    assert "法人営業" in board.words()


@pytest.mark.long
@pytest.mark.parametrize("how", ["never there", "taken out"])
async def test_without_the_bot_in_the_team_hr_reads_how_to_add_it(board: Board, how: str) -> None:
    if how == "taken out":
        await board.knows_the_bot()
        board.team.apps.discard(APPS[Side.ALUMNI])
        await board.street.teams.removes_bot(board.member, board.team.id, Side.ALUMNI.value)
    board.publishes()
    await board.goes_on()
    assert board.shown == []
    assert board.posting().reason == {"never there": "no_way", "taken out": "BotNotInConversationRoster"}[how]
    assert board.street.reads(lambda tx: tx.query(Delivery).filter_by(kind="openings.stuck").count()) > 0


async def test_where_everybody_reads_nobody_is_told_to_use_a_slash(board: Board) -> None:
    await board.knows_the_bot()
    board.publishes()
    await board.goes_on()
    assert "/alumni" not in board.words()
    assert Address.parse(f"teams:{ALUMNI}:{board.team.id}").user == board.team.id
