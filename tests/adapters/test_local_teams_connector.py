"""The connector and the login of the local Teams over HTTP: answers, refusals, sizes, rates, switches."""

import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientError

from adapters.playground.local_teams import LocalTeams
from tests.adapters.teams_bot import (
    API,
    BOT,
    GRAPH,
    OTHER,
    TENANT,
    Bot,
    attached,
    card,
    execute,
    registered,
    said,
    served,
    text,
)
from tests.adapters.wire_app import Wire

UNKNOWN = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
def clock() -> Wire:
    return Wire()


@pytest.fixture
async def bot(clock: Wire) -> AsyncIterator[Bot]:
    async with served(LocalTeams(clock)) as found:
        yield found


@pytest.fixture
def aiko(bot: Bot) -> str:
    person = bot.teams.add_person(TENANT, name="田中 愛子", mail="aiko@example.co.jp")
    bot.teams.has_app(person)
    return person


def chat_with(person: str, **more: Any) -> dict[str, Any]:
    return {
        "bot": {"id": f"28:{BOT}"},
        "members": [{"id": person}],
        "tenantId": TENANT,
        "isGroup": False,
    } | more


def code(body: Any) -> str:
    return str(body["error"]["code"])


# --- login ------------------------------------------------------------------------------------------------


async def test_a_token_is_for_one_audience_and_expires(bot: Bot, aiko: str, clock: Wire) -> None:
    status, body = await bot.login()
    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 3599)
    assert body["access_token"].startswith("eyJ")
    assert (await bot.calls("POST", "", chat_with(aiko)))[0] == 201
    wrong = await bot.token(GRAPH)
    for header in (f"Bearer {wrong}", f"Basic {await bot.token()}", "Bearer nobody's", ""):
        status, body = await bot.calls("POST", "", chat_with(aiko), Authorization=header)
        assert (status, body) == (401, {"message": "Authorization has been denied for this request."})
    clock.ahead += 3_600
    assert (await bot.calls("POST", "", chat_with(aiko)))[0] == 401
    await bot.token(fresh=True)
    assert (await bot.calls("POST", "", chat_with(aiko)))[0] == 201
    bot.teams.admin.revokes_tokens()
    assert (await bot.calls("POST", "", chat_with(aiko)))[0] == 401
    bot.teams.admin.shortens_tokens(60)
    assert (await bot.login())[1]["expires_in"] == 60


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": UNKNOWN}, 400, "unauthorized_client", 700016),
        ({"tenant": "22222222-2222-4222-8222-222222222222"}, 400, "unauthorized_client", 700016),
        ({"tenant": UNKNOWN}, 400, "invalid_request", 90002),
        ({"scope": "https://example.com/.default"}, 400, "invalid_scope", 70011),
        ({"scope": ""}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ],
)
async def test_entra_says_what_is_wrong_with_a_login(
    bot: Bot, form: dict[str, str], status: int, error: str, number: int
) -> None:
    found, body = await bot.login(**form)
    assert (found, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert {"trace_id", "correlation_id", "timestamp", "error_uri"} <= body.keys()
    assert (await bot.login(tenant="example.onmicrosoft.com"))[0] == 200


async def test_the_keys_are_where_the_metadata_say(bot: Bot) -> None:
    async with bot.http.get(bot.teams.urls(BOT)["openid"]) as answer:
        metadata = await answer.json()
    assert metadata["issuer"] == "https://api.botframework.com"
    assert metadata["id_token_signing_alg_values_supported"] == ["RS256"]
    async with bot.http.get(metadata["jwks_uri"]) as answer:
        keys = (await answer.json())["keys"]
    assert [key["endorsements"] for key in keys] == [["msteams"]]
    assert keys[0].keys() == {"kty", "n", "e", "use", "kid", "x5t", "endorsements"}
    assert [len(bot.teams.calls(name)) for name in ("metadata", "keys", "login")] == [1, 1, 2]


async def test_no_secret_is_kept_in_the_record(bot: Bot) -> None:
    await bot.login()
    [call] = bot.teams.calls("token")
    assert (call.app_id, call.status, "client_secret" in call.detail["body"]) == (BOT, 200, False)


# --- conversations and messages ---------------------------------------------------------------------------


async def test_a_chat_is_opened_by_object_id(bot: Bot, aiko: str) -> None:
    _, body = await bot.calls("POST", "", chat_with(aiko))
    assert body["id"].startswith("a:1")
    assert await bot.calls("POST", "", chat_with(bot.teams.account(aiko))) == (201, body)
    status, posted = await bot.posts(body["id"], text="こんにちは")
    assert (status, posted["id"].isdecimal()) == (201, True)
    [message] = bot.teams.chat(aiko)
    assert (message.text, message.by_bot, message.sender) == ("こんにちは", True, f"28:{BOT}")
    by_data = chat_with(aiko, tenantId=None, channelData={"tenant": {"id": TENANT}}, activity=said(text="2"))
    _, both = await bot.calls("POST", "", by_data)
    assert (both["id"], both["activityId"]) == (body["id"], bot.teams.chat(aiko)[-1].id)


async def test_why_a_chat_is_not_opened(bot: Bot, aiko: str) -> None:
    ken = bot.teams.add_person(TENANT, name="Ken", mail="ken@example.co.jp")
    for asked, status, word in (
        (chat_with(aiko, tenantId=None), 400, "BadArgument"),
        (chat_with(aiko, tenantId=UNKNOWN), 403, "Forbidden"),
        (chat_with(UNKNOWN), 404, "NotFound"),
        (chat_with(aiko, members=[]), 400, "BadSyntax"),
        (chat_with(aiko, isGroup=True), 400, "BadSyntax"),
        (chat_with(ken), 403, "BadArgument"),
    ):
        found, body = await bot.calls("POST", "", asked)
        assert (found, code(body)) == (status, word)
    assert body["error"]["message"] == "Bot is not installed in user's personal scope"
    bot.teams.blocks(aiko)
    assert code((await bot.calls("POST", "", chat_with(aiko)))[1]) == "MessageWritesBlocked"


async def test_a_chat_outlives_its_app(bot: Bot, aiko: str) -> None:
    _, body = await bot.calls("POST", "", chat_with(aiko))
    await bot.teams.uninstalls(aiko)
    status, refused = await bot.posts(body["id"], text="x")
    assert (status, code(refused)) == (403, "MessageWritesBlocked")
    await bot.teams.installs(aiko)
    assert (await bot.posts(body["id"], text="x"))[0] == 201
    bot.teams.admin.switches_off(BOT)
    assert code((await bot.posts(body["id"], text="x"))[1]) == "BotDisabledByAdmin"
    assert (await bot.login())[1]["error_codes"] == [7000112]
    bot.teams.admin.switches_on(BOT)
    bot.teams.admin.deletes(aiko)
    assert code((await bot.posts(body["id"], text="x"))[1]) == "ConversationNotFound"


async def test_own_messages_are_changed_answered_and_deleted(bot: Bot, aiko: str) -> None:
    _, chat = await bot.calls("POST", "", chat_with(aiko))
    place = f"/{quote(chat['id'], safe='')}/activities"
    _, sent = await bot.posts(chat["id"], text="one")
    assert await bot.calls("PUT", f"{place}/{sent['id']}", said(text="two")) == (200, {"id": sent["id"]})
    [message] = bot.teams.chat(aiko)
    assert (message.text, message.edited) == ("two", True)
    assert (await bot.calls("POST", f"{place}/any-id-at-all", said(text="answer")))[0] == 201
    await bot.teams.says(aiko, "mine")
    mine = bot.teams.chat(aiko)[-1].id
    for method, target, status in (("PUT", mine, 403), ("DELETE", mine, 403), ("DELETE", "1", 404)):
        assert (await bot.calls(method, f"{place}/{target}", said(text="x")))[0] == status
    assert await bot.calls("DELETE", f"{place}/{sent['id']}") == (200, None)
    assert [one.text for one in bot.teams.chat(aiko)] == ["answer", "mine"]


async def test_typing_leaves_no_message(bot: Bot, aiko: str) -> None:
    _, chat = await bot.calls("POST", "", chat_with(aiko))
    assert (await bot.posts(chat["id"], type="typing"))[0] == 201
    assert bot.teams.chat(aiko) == []


async def test_a_channel_has_threads(bot: Bot, aiko: str) -> None:
    team = bot.teams.add_team(TENANT, "All", [aiko])
    assert code((await bot.posts(team.id, text="x"))[1]) == "BotNotInConversationRoster"
    await bot.teams.adds_bot(aiko, team.id)
    _, root = await bot.posts(team.id, text="root")
    thread = f"{team.id};messageid={root['id']}"
    await bot.posts(thread, text="answer")
    reply = f"/{quote(team.id, safe='')}/activities/{root['id']}"
    await bot.calls("POST", reply, said(text="answer 2"))
    assert [one.text for one in bot.teams.messages(thread)] == ["root", "answer", "answer 2"]
    status, body = await bot.calls("POST", reply[:-3] + "xyz", said(text="lost"))
    assert (status, code(body)) == (404, "ActivityNotFoundInConversation")
    assert code((await bot.posts(f"{team.id};messageid=1", text="x"))[1]) == "ConversationNotFound"
    new = {"tenantId": TENANT, "isGroup": True, "channelData": {"channel": {"id": team.id}}}
    _, opened = await bot.calls("POST", "", new | {"activity": said(text="new")})
    assert opened["id"] == f"{team.id};messageid={opened['activityId']}"
    assert [one.text for one in bot.teams.messages(opened["id"])] == ["new"]


async def test_a_targeted_message_is_for_one_reader(bot: Bot, aiko: str) -> None:
    ken = bot.teams.add_person(TENANT, name="Ken", mail="ken@example.co.jp")
    team = bot.teams.add_team(TENANT, "All", [aiko, ken])
    await bot.teams.adds_bot(aiko, team.id)
    path = f"/{quote(team.id, safe='')}/activities?isTargetedActivity=true"
    to_aiko = said(text="private", recipient={"id": bot.teams.account(aiko)})
    assert (await bot.calls("POST", path, to_aiko))[0] == 201
    assert [one.text for one in bot.teams.messages(team.id, aiko)] == ["private"]
    assert bot.teams.messages(team.id, ken) == bot.teams.messages(team.id) == []
    assert (await bot.calls("POST", path, said(text="x")))[0] == 400


@pytest.mark.parametrize(
    ("activity", "status", "word"),
    [
        ([], 400, "BadSyntax"),
        ({"type": "message", "text": "x"}, 400, "BadArgument"),  # without `from`
        (said(), 400, "BadSyntax"),
        (said(type="nonsense", text="x"), 400, "BadSyntax"),
        (said(OTHER, text="x"), 403, "BadArgument"),
        (said(text="あ" * 52_000), 413, "MessageSizeTooBig"),
        (said(attachments=[attached(card(version="1.6"))]), 400, "BadArgument"),
        (said(attachments=[attached({"type": "AdaptiveCard"})]), 400, "BadArgument"),
        (said(attachments=[attached(card({"type": "TextBlok", "text": "x"}))]), 400, "BadArgument"),
        (said(attachments=[attached(card({"type": "TextBlock"}))]), 400, "BadArgument"),
        (said(attachments=[attached(card({"type": "Input.Text"}))]), 400, "BadArgument"),
        (said(attachments=[attached(card({"type": "Input.Toggle", "id": "a"}))]), 400, "BadArgument"),
        (
            said(attachments=[attached(card(actions=[{"type": "Action.Http", "title": "x"}]))]),
            400,
            "BadArgument",
        ),
        (said(attachments=[attached(card(actions=[execute("")]))]), 400, "BadArgument"),
        (said(attachments=[attached(card(refresh={"userIds": ["29:x"] * 61}))]), 400, "BadArgument"),
    ],
)
async def test_what_teams_does_not_take(bot: Bot, aiko: str, activity: Any, status: int, word: str) -> None:
    _, chat = await bot.calls("POST", "", chat_with(aiko))
    found, body = await bot.calls("POST", f"/{quote(chat['id'], safe='')}/activities", activity)
    assert (found, code(body)) == (status, word)
    assert bot.teams.chat(aiko) == []


async def test_pictures_do_not_count_and_a_big_card_still_goes(bot: Bot, aiko: str) -> None:
    picture = {"type": "Image", "url": "data:image/png;base64," + "A" * 200_000, "altText": "x"}
    _, chat = await bot.calls("POST", "", chat_with(aiko))
    status, _ = await bot.posts(chat["id"], attachments=[attached(card(picture, text("あ" * 50_000)))])
    assert status == 201


# --- members ----------------------------------------------------------------------------------------------


async def test_the_roster_tells_people_as_teams_does(bot: Bot, aiko: str) -> None:
    guest = bot.teams.add_person(TENANT, name="Ken Doe", mail="ken@example.org", guest=True, locale="en-US")
    team = bot.teams.add_team(TENANT, "All", [aiko, guest])
    await bot.teams.adds_bot(aiko, team.id)
    place = f"/{quote(team.id, safe='')}"
    _, found = await bot.calls("GET", f"{place}/members")
    ours = next(one for one in found if one["aadObjectId"] == aiko)
    assert ours == {
        "id": bot.teams.account(aiko), "name": "田中 愛子", "aadObjectId": aiko, "objectId": aiko,
        "givenName": "愛子", "surname": "田中", "email": "aiko@example.co.jp",
        "userPrincipalName": "aiko@example.co.jp", "tenantId": TENANT, "userRole": "user", "locale": "ja-JP",
    }  # fmt: skip
    theirs = await bot.calls("GET", f"{place}/members/{guest}")
    assert (theirs[1]["userRole"], theirs[1]["givenName"]) == ("guest", "Ken")
    assert (await bot.calls("GET", f"{place}/members/{UNKNOWN}"))[0] == 404


async def test_a_big_roster_comes_in_pages(bot: Bot, aiko: str) -> None:
    everybody = [bot.teams.add_person(TENANT, name=f"P{n}", mail=f"p{n}@example.jp") for n in range(120)]
    team = bot.teams.add_team(TENANT, "All", everybody)
    await bot.teams.adds_bot(everybody[0], team.id)
    path, found = f"/{quote(team.id, safe='')}/pagedmembers?pageSize=1", []
    _, page = await bot.calls("GET", path)
    assert len(page["members"]) == 50  # the least that Teams gives
    while True:
        found += [one["aadObjectId"] for one in page["members"]]
        if "continuationToken" not in page:
            break
        _, page = await bot.calls("GET", f"{path}&continuationToken={page['continuationToken']}")
    assert sorted(found) == sorted(everybody)
    assert (await bot.calls("GET", f"{path}&continuationToken=!"))[0] == 400


async def test_one_bot_is_not_in_the_chats_of_another(bot: Bot, aiko: str) -> None:
    url = bot.teams.urls(BOT)["login"].removesuffix("/local-teams/login")
    registered(bot.teams, "alumni", OTHER, url)
    chat = bot.teams.chats(aiko)[0].id
    assert code((await bot.posts(chat, OTHER, text="x"))[1]) == "BotNotInConversationRoster"


async def test_ids_of_an_earlier_run_still_work(bot: Bot, aiko: str) -> None:
    chat, account = bot.teams.chats(aiko)[0].id, bot.teams.account(aiko)
    async with served(LocalTeams(Wire())) as later:
        again = later.teams.add_person(TENANT, name="田中 愛子", mail="aiko@example.co.jp")
        assert again == aiko
        await later.teams.installs(again)
        later.teams._wire.chats.conversations.clear()
        assert (await later.posts(chat, text="x"))[0] == 201
        assert (await later.calls("POST", "", chat_with(account)))[1] == {"id": chat}


# --- rates and switches -----------------------------------------------------------------------------------


async def test_the_eighth_message_in_a_second_waits(bot: Bot, aiko: str, clock: Wire) -> None:
    chat = bot.teams.chats(aiko)[0].id
    clock.stopped = time.time()
    bot.teams.rates.on = True
    answers = [(await bot.posts(chat, text=str(n)))[0] for n in range(8)]
    assert answers == [201] * 7 + [429]
    assert (bot.headers["Retry-After"], len(bot.teams.chat(aiko))) == ("1", 7)
    clock.ahead = 1
    assert [(await bot.posts(chat, text="x"))[0] for _ in range(2)] == [201, 429]
    assert [(one.operation, one.wait) for one in bot.teams.rates.violations] == [("send", 1), ("send", 1)]
    clock.ahead = 3
    place = f"/{quote(chat, safe='')}"
    assert [(await bot.calls("GET", f"{place}/members"))[0] for _ in range(15)] == [200] * 14 + [429]
    bot.teams.rates.on = False
    assert (await bot.calls("GET", f"{place}/members"))[0] == 200
    bot.teams.rates.clear()
    assert bot.teams.rates.violations == []


@pytest.mark.parametrize("status", [429, 412, 502, 504, 500, 403, 404])
async def test_the_next_answers_can_be_errors(bot: Bot, aiko: str, status: int) -> None:
    chat = bot.teams.chats(aiko)[0].id
    bot.teams.faults.fail("send", status, times=2, retry_after=7)
    assert [(await bot.posts(chat, text="x"))[0] for _ in range(3)] == [status, status, 201]
    assert len(bot.teams.chat(aiko)) == 1
    [first, *_] = bot.teams.calls("send")
    assert first.status == status


async def test_a_connection_can_be_lost_after_the_message_was_taken(bot: Bot, aiko: str) -> None:
    chat = bot.teams.chats(aiko)[0].id
    bot.teams.faults.drop_after_accept("connector")
    with pytest.raises(ClientError):
        await bot.posts(chat, text="x")
    assert [one.text for one in bot.teams.chat(aiko)] == ["x"]


async def test_everything_can_be_slow(bot: Bot, aiko: str) -> None:
    chat = bot.teams.chats(aiko)[0].id
    bot.teams.faults.delay("login", 0.3)
    bot.teams.faults.delay("connector", 0.1)
    began = time.monotonic()
    await bot.token(fresh=True)
    assert time.monotonic() - began >= 0.3
    bot.teams.faults.hang("send", 0.2)
    began = time.monotonic()
    await bot.posts(chat, text="x")
    assert time.monotonic() - began >= 0.3
    bot.teams.faults.fail("*", 503)
    bot.teams.faults.clear()
    assert (await bot.posts(chat, text="x"))[0] == 201


async def test_a_failing_login_has_entras_words(bot: Bot) -> None:
    bot.teams.faults.fail("token", 503)
    status, body = await bot.login(scope=API)
    assert (status, body["error"]) == (503, "temporarily_unavailable")


async def test_a_region_that_is_gone_is_gone(bot: Bot, aiko: str) -> None:
    old = bot.teams.urls(BOT)["service"]
    bot.teams.admin.moves(TENANT, "emea")
    bot.teams.admin.moves("22222222-2222-4222-8222-222222222222", "emea")
    sent = {"Authorization": f"Bearer {await bot.token()}"}
    async with bot.http.post(f"{old}v3/conversations", json=chat_with(aiko), headers=sent) as answer:
        assert answer.status == 404
    assert (await bot.calls("POST", "", chat_with(aiko)))[0] == 201
