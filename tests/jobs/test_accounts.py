"""Platforms are asked about accounts no faster than they allow, however many processes begin with that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from bot.app import CATALOGUE
from bot.conversation import (
    Address,
    Conversation,
    Happening,
    MemberChanged,
    MemberLeft,
    Platform,
    Role,
    Side,
)  # fmt: skip
from bot.dispatch import Dispatcher
from bot.ports import Messenger
from bot.registry import discover
from bot.texts import Texts
from jobs import accounts as account_jobs
from jobs import lanes
from storage import accounts
from storage.accounts import Account
from storage.engine import Tx
from storage.pace import park
from tests.desk import POLICY
from tests.jobs.postroom import TEAM, Post, post

__all__ = ["post"]


def chats(room: Post) -> Mapping[Side, Messenger]:
    return dict.fromkeys(Side, room.messenger)


def strangers(room: Post, side: Side, count: int) -> list[Address]:
    """Accounts that the bot has met and never asked about."""
    team = TEAM[side]
    users = [
        room.slack.add_person(team, name=f"佐藤 {n}", email=f"{n}@home.example.jp") for n in range(count)
    ]
    met = [Address(Platform.SLACK, team, user) for user in users]

    def note(tx: Tx) -> None:
        for one in met:
            accounts.note(tx, one, side)

    room.desk.does(note)
    return met


def asked(room: Post, met: list[Address]) -> int:
    rows = room.desk.sees(lambda tx: [tx.get(Account, str(one)) for one in met])
    return sum(row is not None and row.looked_at is not None for row in rows)


async def test_processes_that_begin_one_after_the_other_share_the_pace(post: Post) -> None:
    """Each asks about the first fifteen at once; Slack's `users.info` allows a hundred a minute."""
    post.slack.rates_on = True
    met = strangers(post, Side.ALUMNI, 60)
    for _ in range(6):
        await account_jobs.look(post.desk.database, chats(post))
    assert post.slack.rates.violations == []
    at_once = asked(post, met)
    assert lanes.LOOKS <= at_once <= lanes.LOOKS + 1
    post.desk.clock.passes(30)
    await account_jobs.look(post.desk.database, chats(post))
    assert asked(post, met) > at_once
    assert post.slack.rates.violations == []


async def test_a_workspace_whose_lane_is_full_holds_up_only_its_own(post: Post) -> None:
    crowd, few = strangers(post, Side.ALUMNI, 4), strangers(post, Side.COMPANY, 3)
    post.desk.does(lambda tx: park(tx, lanes.describing(Side.ALUMNI).key, 60.0))
    assert await account_jobs.look(post.desk.database, chats(post))
    assert (asked(post, crowd), asked(post, few)) == (0, 3)


async def test_the_staff_is_searched_at_the_pace_of_all_searches(post: Post) -> None:
    """`users.lookupByEmail` allows fifty a minute; a lane that Slack closed is left alone, not waited for."""
    mails = [f"hr{n}@minato.example.jp" for n in range(3)]
    for mail in mails:
        post.slack.add_person(TEAM[Side.COMPANY], name=mail, email=mail)
    post.desk.does(lambda tx: accounts.set_staff(tx, [(Role.HR, mail) for mail in mails]))
    search = lanes.search(Side.COMPANY)
    post.desk.does(lambda tx: park(tx, search.key, 60.0))
    assert not await account_jobs.find_staff(post.desk.database, chats(post))
    assert len(post.desk.sees(accounts.unfound)) == 3
    post.desk.clock.passes(60)
    searching = asyncio.create_task(account_jobs.find_staff(post.desk.database, chats(post), 0.1))
    while not searching.done():
        await asyncio.sleep(0.01)
        post.desk.clock.passes(0.01)
    assert searching.result()
    assert post.desk.sees(accounts.unfound) == []


async def told(room: Post, event: type[MemberLeft | MemberChanged], who: Address, number: int) -> None:
    """An event arrives and has its effect."""
    dispatcher = Dispatcher(room.desk.database, discover("bot.commands"), POLICY, Texts.load(CATALOGUE))
    happened: Happening = event(who, Conversation(who.workspace, ""), f"Ev{number}")
    assert await dispatcher.keep(happened, Side.ALUMNI)
    await dispatcher.drive(happened, Side.ALUMNI)


@pytest.mark.parametrize("there", [True, False], ids=["there", "deactivated"])
@pytest.mark.parametrize(
    "order",
    [(MemberLeft,), (MemberChanged,), (MemberLeft, MemberChanged), (MemberChanged, MemberLeft)],
    ids=["left", "changed", "left, changed", "changed, left"],
)
async def test_whatever_order_events_come_in_the_platform_says_who_is_there(
    post: Post, order: tuple[type[MemberLeft | MemberChanged], ...], there: bool
) -> None:
    """Slack tells again what was not acknowledged, for a day, and what was is driven late after a crash."""
    (who,) = strangers(post, Side.ALUMNI, 1)
    if there:
        post.desk.does(lambda tx: accounts.gone(tx, who))  # and came back, of which nobody told us
    else:
        await account_jobs.look(post.desk.database, chats(post))
        await post.slack.leaves(who.workspace, who.user)
    for number, event in enumerate(order):
        await told(post, event, who, number)
    post.desk.clock.passes(30)
    await account_jobs.look(post.desk.database, chats(post))
    assert post.desk.sees(lambda tx: accounts.deactivated(tx, who)) is not there
    assert post.desk.sees(lambda tx: accounts.unlooked(tx, post.desk.clock.now())) == []
