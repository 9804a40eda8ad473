"""A message that could not be delivered: HR is told, presses once, and it arrives; without a shell, in Slack,
in Teams, on the pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import deliveries
from bot.conversation import Platform, Side
from bot.playground import HR_EMAIL
from storage import journal
from storage.delivering import TRIES
from storage.engine import Tx
from storage.journal import Line
from storage.outbox import Delivery, Status
from tests.journeys import a_leaver
from tests.reader import reading
from tests.world import COMPANY, Somebody, World, words_of, world_in

MORI = "mori@minato.example.jp"
ASKED, TOLD = "welcome.question", "undelivered.told"
SEE, AGAIN, DROP = "一覧を見る", "もう一度送る", "もう必要ない"


def breaks(world: World) -> None:
    """The company's chat fails at every try of one message. In Teams nobody knows what became of it, so it is
    said twice at most."""
    if world.ground.teams:
        world.ground.teams.faults.fail("send", 500, times=2)
    else:
        world.slack.faults.fail("chat.postMessage", "internal_error", times=TRIES)


async def who_was_not_reached(world: World) -> Somebody:
    """The question to a leaver is given up on the morning of its day."""
    aiko = await a_leaver(world)
    if world.ground.teams:
        await world.slack.adds_app(COMPANY, aiko.company_user)
    await world.on("2026-02-28")
    breaks(world)
    await world.on("2026-03-01", "09:05")
    assert question(world).status is Status.DEAD
    assert aiko.row.stuck == "undelivered"
    return aiko


def question(world: World) -> Delivery:
    (row,) = world.delivered(ASKED)
    return row


def lines(world: World) -> list[tuple[str, str, str]]:
    """What the journal says of messages."""
    row = f"delivery:{question(world).id}"
    found: list[Line] = world.reads(lambda tx: journal.about(tx, row))
    return [(line.what, line.subject, line.actor) for line in found]


@pytest.fixture(params=[Platform.SLACK, Platform.TEAMS], ids=lambda platform: platform.value)
async def either(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with world_in(tmp_path, platform=request.param) as made:
        yield made


async def test_hr_is_told_once_and_has_it_sent_again(either: World) -> None:
    world, hr = either, either.hr
    aiko = await who_was_not_reached(world)
    assert world.delivered(TOLD) == []
    await world.on("2026-03-01", "09:30")
    assert (len(world.told_hr(TOLD)), world.told_hr("decisions.stuck")) == (1, [])
    card = words_of(world.slack.messages(COMPANY, hr.company_user)[-1])
    assert "1件の連絡" in "".join(card.split())
    assert "愛子" not in card
    await hr.presses("undelivered.overview", Side.COMPANY)
    seen = "".join(hr.sees(Side.COMPANY).split())
    why = "側では確かめられませんでした" if world.ground.teams else "長い時間応答しませんでした"
    for words in ("髙橋愛子さん宛", "アルムナイへの最初のおたずね", why):
        assert words in seen
    await hr.presses("undelivered.again", Side.COMPANY)
    await world.settle()
    assert (question(world).status, question(world).went_by) == (Status.SENT, "chat")
    assert aiko.row.stuck == ""
    ((what, _, actor),) = lines(world)
    assert (what, actor.rpartition(":")[2]) == ("delivery.again", hr.company_user)
    assert "もう一度お送りします" in "".join(hr.sees(Side.COMPANY).split())
    await world.on("2026-03-04")
    assert len(world.told_hr(TOLD)) == 1
    assert "お届けできなかった連絡（" not in await hr.types("leavers", Side.COMPANY)


@pytest.mark.long
async def test_what_is_not_needed_is_let_go_from_a_mail(tmp_path: Path) -> None:
    """森 has no account in the chat: told by mail, and everything else on a page."""
    async with world_in(tmp_path, hr=MORI) as world:
        aiko = await who_was_not_reached(world)
        await world.on("2026-03-01", "09:30")
        assert TOLD in world.mailbox(MORI)
        async with reading(world) as mori:
            await mori.follows(MORI, SEE)
            assert "髙橋 愛子さん宛" in mori.words
            await mori.presses(DROP)
            assert "もうお送りしません" in mori.words
            assert "お届けできなかった連絡はありません" in mori.words
        assert (question(world).status, question(world).payload) == (Status.DROPPED, None)
        assert aiko.row.stuck == ""
        assert [what for what, _, _ in lines(world)] == ["delivery.dropped"]


@pytest.mark.long
async def test_the_list_of_leavers_leads_there(world: World) -> None:
    """In the chat and on the pages, as long as there is anything; all at once if HR likes."""
    await who_was_not_reached(world)
    assert "お届けできなかった連絡（1件）" in await world.hr.types("/alumni leavers", Side.COMPANY)
    await world.hr.presses("undelivered.overview", Side.COMPANY)
    async with reading(world) as hr:
        await hr.enters(HR_EMAIL)
        await hr.browser.open("/alumni/home")
        await hr.presses("退職予定者")
        await hr.presses("お届けできなかった連絡（1件）")
        await hr.presses(AGAIN)
        assert "もう一度お送りします" in hr.words
    await world.settle()
    assert question(world).status is Status.SENT


@pytest.mark.long
async def test_an_operator_tries_again_beside_the_running_house(world: World) -> None:
    """On the same database, from a process of its own as far as the house can see."""
    aiko = await who_was_not_reached(world)
    settings, row = world.ground.app.core.settings, question(world)
    said = await asyncio.to_thread(deliveries.all_retried, settings, "internal_error")
    assert said == (["1件をもう一度送ります。"], True)
    await world.settle()
    assert (question(world).status, aiko.row.stuck) == (Status.SENT, "")
    assert lines(world) == [("delivery.again", f"delivery:{row.id}", "operator")]


@pytest.mark.long
async def test_somebody_who_is_put_on_hold_is_not_written_to_after_all(world: World) -> None:
    """What was given up is cancelled like what still waits."""
    aiko = await who_was_not_reached(world)
    await world.feed_says(aiko.leaves(状態="取消"))
    await world.settle()
    assert (question(world).status, question(world).payload) == (Status.DROPPED, None)


def count(world: World, what: str) -> int:
    def look(tx: Tx) -> int:
        return tx.query(Line).filter_by(what=what).count()

    return int(world.reads(look))


@pytest.mark.long
async def test_nobody_but_hr_reads_the_list(world: World) -> None:
    """A button that was never shown to them does nothing."""
    aiko = await who_was_not_reached(world)
    hanako = await a_leaver(world, "山本 花子")
    await world.on("2026-03-01", "10:00")
    await hanako.forges("undelivered.all_again", aiko)
    await world.settle()
    assert question_of(world, aiko).status is Status.DEAD
    assert count(world, "delivery.again") == 0


def question_of(world: World, somebody: Somebody) -> Delivery:
    return next(row for row in world.delivered(ASKED) if row.person_id == somebody.row.person_id)
