"""The Teams door at its edges: where people are reached, what is slow or broken, what is no activity."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import func, select, text
from structlog.testing import capture_logs

from adapters.teams import app as teams_app
from adapters.teams.turns import Turns
from bot import logs
from bot.conversation import Address, Platform, Side
from storage import references
from storage.accounts import Account
from storage.inbox import Received
from tests.adapters.teams_street import (
    APPS,
    TENANTS,
    Street,
    a_team,
    alumni,
    last,
    lines,
    presses,
    says,
    street_in,
    title_of,
)  # fmt: skip

COMPANY, ALUMNI = Side.COMPANY, Side.ALUMNI


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with street_in(tmp_path) as made:
        yield made


@pytest.fixture
def logged(street: Street) -> Iterator[Callable[[], str]]:
    """What the house has logged since it was last asked, whatever level other tests have left."""
    logs.set_up("WARNING")
    with capture_logs() as lines:

        def read() -> str:
            told = "\n".join(map(str, lines))
            lines.clear()
            return told

        yield read


# --- where people are ----------------------------------------------------------------------------------


async def test_where_somebody_is_reached_is_kept_and_renewed(street: Street) -> None:
    asker = street.alumnus("佐藤 健", "en")
    said = (await says(street, asker, "help")).activity
    way = street.reads(lambda tx: references.find(tx, alumni(asker)))
    assert way is not None
    assert (way.service_url, way.conversation) == (said["serviceUrl"], said["conversation"]["id"])
    moved = street.teams.urls(APPS[ALUMNI])["service"].replace("/amer/", "/emea/")
    header = street.teams.keys.header(street.teams._wire.directory.apps[APPS[ALUMNI]], moved)
    activity = {**said, "id": "99", "serviceUrl": moved}
    assert (await street.teams.sends_raw(APPS[ALUMNI], activity, header)).status == 200
    await street.quiet()
    way = street.reads(lambda tx: references.find(tx, alumni(asker)))
    assert way is not None
    assert (way.service_url, way.conversation) == (moved, said["conversation"]["id"])
    account = street.reads(lambda tx: tx.get(Account, str(alumni(asker))))
    assert account is not None
    assert (account.locale, account.zone) == ("en", "Asia/Tokyo")


async def test_the_app_comes_and_goes_without_a_word(street: Street) -> None:
    who = street.teams.add_person(TENANTS[ALUMNI], name="佐藤 健", mail="sato@home.example.jp")
    assert (await street.teams.installs(who, ALUMNI.value)).ok
    await street.quiet()
    way = street.reads(lambda tx: references.find(tx, alumni(who)))
    assert way is not None
    assert way.conversation
    assert not street.teams.chat(who)
    assert (await street.teams.uninstalls(who, ALUMNI.value)).ok
    way = street.reads(lambda tx: references.find(tx, alumni(who)))
    assert way is not None
    assert way.conversation == ""


async def test_who_joins_a_team_of_the_alumni_is_met_once(street: Street) -> None:
    first = street.alumnus("佐藤 健")
    team = await a_team(street, first)
    who = street.teams.add_person(TENANTS[ALUMNI], name="新人", mail="new@home.example.jp")
    (delivery,) = await street.teams.joins(who, team)
    await street.teams.redelivers()
    await street.quiet()
    assert delivery.ok
    events = street.reads(lambda tx: tx.scalar(select(func.count()).select_from(Received)))
    (again,) = await street.teams.joins(who, team)
    await street.quiet()
    assert again.ok
    more = street.reads(lambda tx: tx.scalar(select(func.count()).select_from(Received)))
    assert (events, more) == (1, 2)


# --- time, and troubles --------------------------------------------------------------------------------


async def test_a_slow_microsoft_delays_no_answer(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    await says(street, asker, "find 佐藤")
    street.teams.faults.delay("*", 1.5)
    began = time.monotonic()
    deliveries = await asyncio.gather(
        street.teams.says(asker, "find 佐藤"),
        street.teams.says(asker, "help"),
        street.teams.asks_extension(asker, "佐藤"),
    )
    assert time.monotonic() - began < 1.0
    assert deliveries[0].ok
    await street.quiet()
    assert len([one for one in street.teams.chat(asker) if one.by_bot]) == 3


async def test_what_takes_too_long_is_said_later(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    asker = street.alumnus("佐藤 健")
    street.alumnus("山田 花子", employer="北浜テック")
    await says(street, asker, "find 山田")
    found = last(street, asker)
    monkeypatch.setattr(teams_app, "IN_TIME", 0.0)
    pressed = await presses(street, asker, "find.show", found)
    assert pressed.body["value"] == "処理しています…"
    assert "北浜テック" in lines(last(street, asker).cards[0])
    assert (await says(street, asker, "profile")).ok
    edit = title_of(last(street, asker).cards[0], "profile.edit")
    opened = await street.settled(await street.teams.presses(asker, last(street, asker).id, edit))
    assert opened.body["task"] == {"type": "message", "value": "処理しています…"}
    assert "入力画面を開く" in lines(last(street, asker).cards[0])
    assert len(street.teams.calls("send")) == 5, "and once it was said that an answer is on its way"


async def test_a_bug_is_told_with_its_code_wherever_it_is(street: Street, logged: Callable[[], str]) -> None:
    asker = street.alumnus("佐藤 健")
    await says(street, asker, "find 佐藤")
    found, other = last(street, asker), street.alumnus("山田 花子")
    street.app.core.database.run_now(lambda tx: tx.execute(text("DROP TABLE teams_references")))
    assert (await says(street, other, "find 佐藤")).status == 200
    assert "うまく動きませんでした" in "\n".join(lines(last(street, other).cards[0]))
    street.app.core.database.run_now(lambda tx: tx.execute(text("DROP TABLE search_docs")))
    pressed = await presses(street, asker, "find.show", found)
    assert pressed.ok
    assert (await says(street, asker, "find 佐藤")).ok
    assert "うまく動きませんでした" in "\n".join(lines(last(street, asker).cards[0]))
    assert logged().count("incident") >= 2


async def test_one_login_serves_many_answers(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    await asyncio.gather(*(street.teams.says(asker, f"find 佐藤 {number}") for number in range(5)))
    await street.quiet()
    assert len(street.teams.calls("token")) == 1


@pytest.mark.long
@pytest.mark.parametrize("status", [401, 403, 404, 412, 429, 500, 502, 503])
async def test_an_answer_that_teams_refuses_is_lost_quietly(
    street: Street, logged: Callable[[], str], status: int
) -> None:
    asker = street.alumnus("佐藤 健")
    for _ in range(2 if status == HTTPStatus.UNAUTHORIZED else 1):  # once, a token may have run out
        street.teams.faults.fail("send", status)
    assert (await says(street, asker, "find 佐藤")).ok
    told = logged()
    assert "teams_answer_lost" in told
    assert "Traceback" not in told
    assert (await says(street, asker, "find 佐藤")).ok
    assert "佐藤 健" in street.seen(asker)


async def test_what_is_no_activity_is_refused_without_a_trace(
    street: Street, logged: Callable[[], str]
) -> None:
    asker = street.alumnus("佐藤 健")
    header = (await says(street, asker, "help")).activity
    token = street.teams.keys.header(street.teams._wire.directory.apps[APPS[ALUMNI]], header["serviceUrl"])
    url = f"http://127.0.0.1:{street.port}/api/messages"
    wrong = (
        (b"{", "application/json", 400), (b"[]", "application/json", 400), (b"7", "application/json", 400),
        (b"\xff", "application/json", 400), (b"[" * 100_000, "application/json", 400),
        (b"{}", "text/plain", 415),
        (b'{"type": 7}', "application/json", 400), (b"", "application/json", 400),
        (b"a" * 2_000_000, "application/json", 413),
    )  # fmt: skip
    async with aiohttp.ClientSession() as http:
        for body, kind, status in wrong:
            headers = {"Content-Type": kind, "Authorization": token}
            async with http.post(url, data=io.BytesIO(body), headers=headers) as answer:
                assert answer.status == status, body[:20]
                assert not await answer.text() or status == 413
        async with http.get(url) as answer:
            assert answer.status == 405
    for changed in ({"conversation": None}, {"from": None}, {"from": {}}, {"conversation": {}}, {"text": 7}):
        delivery = await street.teams.sends(APPS[ALUMNI], {**header, "id": str(changed), **changed})
        assert delivery.status in (200, 400, 403), changed
    assert "Traceback" not in logged()


async def test_nobody_without_an_entra_id_is_heard(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    said = (await says(street, asker, "help")).activity
    for sender in (
        {"id": "29:guest"},
        {"id": "29:x", "aadObjectId": "a:b"},
        {"id": "29:x", "aadObjectId": ""},
    ):
        delivery = await street.teams.sends(APPS[ALUMNI], {**said, "id": "5", "from": sender})
        assert delivery.status == 403


async def test_accounts_have_the_side_of_their_tenant(street: Street) -> None:
    clerk = street.stranger("社員", side=COMPANY)
    await says(street, clerk, "help", COMPANY)
    address = Address(Platform.TEAMS, TENANTS[COMPANY], clerk)
    account = street.reads(lambda tx: tx.get(Account, str(address)))
    assert account is not None
    assert account.side is COMPANY


async def test_nothing_of_botbuilders_own_leaves_the_house(street: Street) -> None:
    turns = Turns(street)  # type: ignore[arg-type]
    for way in (turns.send_activities, turns.update_activity, turns.delete_activity):
        with pytest.raises(TypeError, match="by the connector"):
            await way(None, None)
