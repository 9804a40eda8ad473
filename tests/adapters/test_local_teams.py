"""The local Teams as people drive it, against a bot on a real HTTP server."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from adapters.playground.local_teams import Forgery, LocalTeams, Patience
from adapters.playground.teams_rates import Rates
from tests.adapters.teams_bot import (
    BOT,
    CARD,
    GUESTS,
    OTHER,
    TENANT,
    Bot,
    attached,
    card,
    execute,
    fetch,
    form,
    refreshed,
    registered,
    served,
    text,
)
from tests.adapters.wire_app import Wire


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with served(LocalTeams(Wire())) as found:
        yield found


@pytest.fixture
def aiko(bot: Bot) -> str:
    person = bot.teams.add_person(TENANT, name="田中 愛子", mail="Aiko@example.co.jp")
    bot.teams.has_app(person)
    return person


def kinds(bot: Bot) -> list[str]:
    return [one.get("name") or one.get("action") or one["type"] for one in bot.heard]


# --- talking ----------------------------------------------------------------------------------------------


async def test_a_message_is_what_teams_sends(bot: Bot, aiko: str) -> None:
    delivery = await bot.teams.says(aiko, "find 山田 <b>")
    assert (delivery.kind, delivery.status, delivery.ok) == ("message", 200, True)
    [heard] = bot.heard
    assert heard["text"] == "find 山田 <b>"
    assert (heard["channelId"], heard["textFormat"]) == ("msteams", "plain")
    assert (heard["locale"], heard["localTimezone"]) == ("ja-JP", "Asia/Tokyo")
    assert heard["localTimestamp"].endswith("+09:00")
    assert heard["timestamp"].endswith("Z")
    assert heard["serviceUrl"] == bot.teams.urls(BOT)["service"]
    assert heard["from"] == {"id": bot.teams.account(aiko), "name": "田中 愛子", "aadObjectId": aiko}
    assert heard["from"]["id"].startswith("29:1")
    assert heard["recipient"] == {"id": f"28:{BOT}", "name": "Okaeri"}
    place = heard["conversation"]
    assert (place["conversationType"], place["tenantId"], "isGroup" in place) == ("personal", TENANT, False)
    assert place["id"].startswith("a:1")
    assert heard["channelData"] == {"tenant": {"id": TENANT}}
    assert {"type": "clientInfo", "locale": "ja-JP", "country": "JP", "platform": "Web",
            "timezone": "Asia/Tokyo"} in heard["entities"]  # fmt: skip
    assert heard["id"].isdecimal()
    [message] = bot.teams.chat(aiko)
    assert (message.text, message.by_bot, message.id) == ("find 山田 <b>", False, heard["id"])
    assert json.dumps(dataclasses.asdict(message))


async def test_a_mention_in_a_channel_names_team_channel_and_thread(bot: Bot, aiko: str) -> None:
    team = bot.teams.add_team(TENANT, "アルムナイ", [aiko])
    jobs = bot.teams.add_channel(team.id, "求人")
    assert (await bot.teams.mentions_bot(aiko, jobs, "find")).error == "not_installed"
    await bot.teams.adds_bot(aiko, team.id)
    await bot.teams.mentions_bot(aiko, jobs, "find 山田 & co")
    added, installed, heard = bot.heard
    assert (added["type"], added["membersAdded"]) == ("conversationUpdate", [{"id": f"28:{BOT}"}])
    assert added["channelData"]["eventType"] == "teamMemberAdded"
    assert (installed["type"], installed["action"]) == ("installationUpdate", "add")
    assert heard["text"] == "<at>Okaeri</at> find 山田 & co"
    mention = next(one for one in heard["entities"] if one["type"] == "mention")
    assert mention == {"type": "mention", "mentioned": {"id": f"28:{BOT}", "name": "Okaeri"},
                       "text": "<at>Okaeri</at>"}  # fmt: skip
    assert "find 山田 &amp; co" in heard["attachments"][0]["content"]
    assert heard["conversation"] == {"conversationType": "channel", "tenantId": TENANT, "isGroup": True,
                                     "id": f"{jobs};messageid={heard['id']}"}  # fmt: skip
    data = heard["channelData"]
    assert (data["team"]["id"], data["channel"]["id"], data["tenant"]["id"]) == (team.id, jobs, TENANT)
    assert (data["team"]["aadGroupId"], data["team"]["name"]) == (team.group, "アルムナイ")
    await bot.teams.mentions_bot(aiko, jobs, "again", thread=heard["id"])
    assert bot.heard[-1]["conversation"]["id"] == heard["conversation"]["id"]
    assert len(bot.teams.messages(heard["conversation"]["id"])) == 2
    await bot.teams.removes_bot(aiko, team.id)
    assert bot.heard[-2]["membersRemoved"] == [{"id": f"28:{BOT}"}]
    assert bot.heard[-1]["action"] == "remove"
    assert (await bot.teams.mentions_bot(aiko, jobs, "gone")).error == "not_installed"


async def test_a_group_chat_hears_mentions_too(bot: Bot, aiko: str) -> None:
    group = bot.teams.add_group_chat(TENANT, "三人", [aiko])
    await bot.teams.adds_bot(aiko, group)
    await bot.teams.mentions_bot(aiko, group, "help")
    place = bot.heard[-1]["conversation"]
    assert (place["conversationType"], place["id"]) == ("groupChat", group)
    assert "team" not in bot.heard[-1]["channelData"]
    assert group in [one.id for one in bot.teams.chats(aiko)]


async def test_only_whom_the_bot_can_reach_can_write_to_it(bot: Bot) -> None:
    ken = bot.teams.add_person(TENANT, name="Ken", mail="ken@example.co.jp", locale="en-US")
    assert (await bot.teams.says(ken, "hi")).error == "not_installed"
    team = bot.teams.add_team(TENANT, "All", [ken])
    await bot.teams.adds_bot(ken, team.id)
    assert (await bot.teams.says(ken, "hi")).ok
    bot.teams.blocks(ken)
    assert (await bot.teams.says(ken, "hi")).error == "blocked"
    bot.teams.blocks(ken, again=True)
    bot.teams.admin.changes(ken, disabled=True)
    assert (await bot.teams.says(ken, "hi")).error == "disabled"
    guest = bot.teams.add_person(TENANT, name="Guest", mail="g@example.org", guest=True, pending=True)
    assert bot.teams.person(guest).login == "g_example.org#ext#@example.onmicrosoft.com"
    assert (await bot.teams.mentions_bot(guest, team.id, "hi")).error == "pending"
    bot.teams.redeems(guest)
    await bot.teams.joins(guest, team.id)
    assert (await bot.teams.mentions_bot(guest, team.id, "hi")).ok
    bot.teams.admin.switches_off(BOT)
    assert (await bot.teams.mentions_bot(guest, team.id, "hi")).error == "disabled"


async def test_two_sides_in_one_tenant_are_two_bots(bot: Bot, aiko: str) -> None:
    url = bot.teams.urls(BOT)["login"].removesuffix("/local-teams/login")
    registered(bot.teams, "alumni", OTHER, url)
    with pytest.raises(LookupError):
        await bot.teams.says(aiko, "which?")
    bot.teams.has_app(aiko, "alumni")
    await bot.teams.says(aiko, "hi", "alumni")
    assert bot.heard[-1]["recipient"]["id"] == f"28:{OTHER}"
    assert bot.teams.account(aiko, "alumni") != bot.teams.account(aiko, "company")
    assert bot.teams.chat(aiko, "company") == []
    for side, app_id, tenant in (("alumni", "new", TENANT), ("x", BOT, TENANT), ("x", "new", "nowhere")):
        with pytest.raises(ValueError, match=r"registered|no tenant"):
            registered(bot.teams, side, app_id, url, tenant)


async def test_nobody_is_there_twice(bot: Bot, aiko: str) -> None:
    with pytest.raises(ValueError, match="already"):
        bot.teams.add_person(TENANT, name="Other", mail="AIKO@example.co.jp")
    there = bot.teams.add_person(GUESTS, name="田中 愛子", mail="aiko@example.co.jp")
    assert there != aiko
    assert [one.id for one in bot.teams.people(GUESTS)] == [there]
    bot.teams.add_team(TENANT, "All")
    with pytest.raises(ValueError, match="already"):
        bot.teams.add_team(TENANT, "All")
    with pytest.raises(ValueError, match="already"):
        bot.teams.add_tenant(TENANT, "x", "x")


# --- coming and going -------------------------------------------------------------------------------------


async def test_an_installation_is_told_with_both_members_and_only_once(bot: Bot) -> None:
    ken = bot.teams.add_person(TENANT, name="Ken", mail="ken@example.co.jp")
    assert (await bot.teams.installs(ken)).kind == "installationUpdate:add"
    members, installed = bot.heard
    assert members["membersAdded"] == [
        {"id": bot.teams.account(ken), "aadObjectId": ken},
        {"id": f"28:{BOT}"},
    ]
    assert "eventType" not in members["channelData"]
    assert installed["from"]["aadObjectId"] == ken
    assert installed["conversation"]["id"] == members["conversation"]["id"]
    assert (await bot.teams.installs(ken)).error == "installed"
    assert bot.teams.has(ken)
    assert (await bot.teams.uninstalls(ken)).kind == "installationUpdate:remove"
    assert (await bot.teams.uninstalls(ken)).error == "not_installed"
    assert not bot.teams.has(ken)
    bot.teams.admin.forbids(BOT, ken)
    assert (await bot.teams.installs(ken)).error == "blocked"
    bot.teams.admin.allows(BOT, ken)
    assert (await bot.teams.installs(ken)).ok


async def test_bots_of_a_team_hear_who_comes_and_goes(bot: Bot, aiko: str) -> None:
    team = bot.teams.add_team(TENANT, "All")
    assert await bot.teams.joins(aiko, team.id) == []
    await bot.teams.adds_bot(aiko, team.id)
    [gone] = await bot.teams.leaves(aiko, team.id)
    [came] = await bot.teams.joins(aiko, team.id)
    assert gone.ok
    assert came.activity["membersAdded"] == [{"id": bot.teams.account(aiko), "aadObjectId": aiko}]
    events = [one["channelData"]["eventType"] for one in bot.heard if "eventType" in one["channelData"]]
    assert events == ["teamMemberAdded", "teamMemberRemoved", "teamMemberAdded"]
    bot.teams.admin.deletes(aiko)
    assert team.members == set()


# --- limits and forgeries ---------------------------------------------------------------------------------


async def test_a_late_answer_is_given_up_and_nothing_is_sent_again() -> None:
    async def slow(_activity: dict[str, Any]) -> Any:
        await asyncio.sleep(0.6)
        return refreshed(card())

    async with served(LocalTeams(Wire(), patience=Patience(5.0, 0.3))) as bot:
        ken = bot.teams.add_person(TENANT, name="Ken", mail="ken@example.co.jp")
        bot.teams.has_app(ken)
        shown = await bot.shows(ken, card(actions=[execute()]))
        bot.answer = slow
        late = await bot.teams.presses(ken, shown)
        assert (late.error, late.status) == ("timeout", 0)
        assert 0.3 <= late.seconds < 0.6
        assert (await bot.teams.says(ken, "hi")).ok  # a message has longer
        assert kinds(bot) == ["adaptiveCard/action", "message"]


@pytest.mark.parametrize(("status", "error"), [(500, "http_error"), (401, "http_error"), (204, None)])
async def test_what_the_bot_answers_is_recorded(bot: Bot, aiko: str, status: int, error: str | None) -> None:
    bot.body = web.Response(status=status)
    delivery = await bot.teams.says(aiko, "hi")
    assert (delivery.status, delivery.error) == (status, error)
    assert bot.teams.deliveries("message") == [delivery]


async def test_a_bot_that_is_away_is_a_failed_connection() -> None:
    teams = LocalTeams(Wire())
    teams.add_tenant(TENANT, "x", "x.onmicrosoft.com")
    registered(teams, "company", BOT, "http://127.0.0.1:1")
    person = teams.add_person(TENANT, name="A", mail="a@example.jp")
    teams.has_app(person)
    assert (await teams.says(person, "hi")).error == "connection_failed"
    assert teams.urls(BOT)["service"] == "http://127.0.0.1:1/local-teams/connector/amer/"
    teams.base_url = "http://127.0.0.1:2/t"
    assert teams.urls(BOT)["graph"] == "http://127.0.0.1:2/t/graph"
    assert teams.base_url == "http://127.0.0.1:2/t"
    await teams.close()


@pytest.mark.parametrize("how", list(Forgery))
async def test_a_careful_bot_refuses_every_forgery(bot: Bot, aiko: str, how: Forgery) -> None:
    assert (await bot.teams.forges(aiko, how)).status == 401
    assert bot.heard == []
    assert (await bot.teams.says(aiko, "true")).ok


async def test_a_forgery_is_wrong_in_what_it_says(bot: Bot, aiko: str) -> None:
    for how in Forgery:
        await bot.teams.forges(aiko, how)
    reasons = dict(zip(Forgery, bot.refused, strict=True))
    assert reasons[Forgery.EXPIRED].startswith("ExpiredSignatureError")
    assert reasons[Forgery.NOT_YET].startswith("ImmatureSignatureError")
    assert reasons[Forgery.AUDIENCE].startswith("InvalidAudienceError")
    assert reasons[Forgery.ISSUER].startswith("InvalidIssuerError")
    assert reasons[Forgery.KEY].startswith("InvalidSignatureError")
    assert reasons[Forgery.SYMMETRIC].startswith("InvalidAlgorithmError")
    assert reasons[Forgery.UNSIGNED].startswith("InvalidAlgorithmError")
    assert reasons[Forgery.NO_AUDIENCE].startswith("MissingRequiredClaimError")
    assert reasons[Forgery.UNKNOWN_KEY].startswith("KeyError")
    assert reasons[Forgery.ENDORSEMENT] == "ValueError not endorsed"
    assert reasons[Forgery.SERVICE_URL] == "ValueError another service url"
    assert reasons[Forgery.FOREIGN_HOST] == "ValueError a foreign service url"
    assert reasons[Forgery.TENANT] == "ValueError a foreign tenant"


async def test_anything_can_be_sent_signed_raw_or_twice(bot: Bot, aiko: str) -> None:
    first = (await bot.teams.says(aiko, "hi")).activity
    await bot.teams.redelivers()
    assert bot.heard[0] == bot.heard[1]
    await bot.teams.says(aiko, "second")
    assert (await bot.teams.redelivers(first["id"])).activity == first
    await bot.teams.sends(BOT, first | {"text": "changed"})
    assert bot.heard[-1]["text"] == "changed"
    assert (await bot.teams.sends_raw(BOT, first, "Bearer x.y.z")).status == 401


async def test_after_a_rotation_the_new_key_signs(bot: Bot, aiko: str) -> None:
    await bot.teams.says(aiko, "one")
    old = bot.teams.keys.current.kid
    bot.teams.keys.rotate()
    assert old in [key["kid"] for key in bot.teams.keys.published()]
    assert (await bot.teams.says(aiko, "two")).ok
    assert old in bot.keys
    bot.teams.keys.rotate(keep_old=False)
    assert (await bot.teams.says(aiko, "three")).ok
    assert old not in bot.keys
    assert len(bot.teams.calls("keys")) == 3


async def test_a_move_changes_the_service_url(bot: Bot, aiko: str) -> None:
    bot.teams.admin.moves(TENANT, "emea")
    await bot.teams.says(aiko, "hi")
    assert bot.heard[-1]["serviceUrl"].endswith("/connector/emea/")


async def test_the_record_and_the_version_grow(bot: Bot, aiko: str) -> None:
    before = bot.teams.version
    await bot.teams.says(aiko, "hi")
    await bot.teams.settle()
    assert bot.teams.version > before
    await bot.shows(aiko, card(text("one")))
    assert [one["body"][0]["text"] for one in bot.teams.cards(aiko)] == ["one"]
    assert attached(bot.teams.cards(aiko)[0])["contentType"] == CARD


# --- the small things of a client -------------------------------------------------------------------------


async def test_a_dialog_left_alone_is_gone(bot: Bot, aiko: str) -> None:
    bot.body = form(text("x"))
    dialog = await bot.teams.opens_dialog(aiko, await bot.shows(aiko, card(actions=[fetch()])))
    bot.teams.closes(aiko)
    with pytest.raises(LookupError, match="not open"):
        await bot.teams.fills(dialog)


# --- rates ------------------------------------------------------------------------------------------------


def test_windows_slide_per_bot_per_thread_and_per_tenant() -> None:
    clock = Wire()
    clock.stopped = 1_000_000.0
    rates = Rates(clock)
    rates.on = True

    def sent(app: str, thread: str, times: int) -> list[int | None]:
        return [rates.check(app, TENANT, "send", thread) for _ in range(times)]

    assert sent("a", "t1", 8) == [None] * 7 + [1]
    assert sent("b", "t1", 8) == [None] * 7 + [1]
    assert sent("c", "t1", 1) == [1]  # 14 of all bots in a thread
    clock.ahead = 1.0
    assert sent("a", "t1", 2) == [None, 1]  # 8 in two seconds
    clock.ahead = 10.0
    assert (
        sum(wait is None for n in range(60) for wait in sent("a", f"x{n}", 1)) == 50
    )  # of a tenant in a second
    rates.clear()
    for second in range(9):
        clock.ahead = 100.0 + 2 * second
        assert sent("a", "t2", 7) == ([None] * 7 if second < 8 else [None] * 4 + [14] * 3)  # 60 in 30 seconds
    assert rates.check("a", TENANT, "update", "t2") is None
