"""The Web API of the local Slack through the real SDK client: answers, errors, scopes, rates and faults."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError

from adapters.playground.local_slack import LocalSlack
from tests.adapters.wire_app import (
    COMPANY,
    SCOPES,
    Wire,
    Wired,
    actions,
    button,
    local_app,
    manifest,
    modal,
    wired,
)


@pytest.fixture
def clock() -> Wire:
    return Wire()


@pytest.fixture
async def world(clock: Wire) -> AsyncIterator[Wired]:
    scopes = [*SCOPES, "channels:read", "channels:join", "channels:history"]
    async with wired(LocalSlack(clock, retry_delays=()), manifest(scopes=scopes, events=[])) as found:
        yield found


@pytest.fixture
def user(world: Wired) -> str:
    return world.slack.add_person(COMPANY, name="山田 花子", email="Hanako@example.co.jp", locale="ja-JP")


async def error_of(call: Any) -> dict[str, Any]:
    """The body of the error that a call ends with."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return dict(caught.value.response.data)


async def word_of(call: Any) -> str:
    """The word of the error that a call ends with."""
    return str((await error_of(call))["error"])


async def test_a_message_to_a_person_opens_the_dm_and_keeps_its_ids(world: Wired, user: str) -> None:
    metadata = {"event_type": "delivery", "event_payload": {"id": "7"}}
    ours = "6f1b2c3d-0000-4000-8000-000000000001"
    sent = await world.client.chat_postMessage(
        channel=user, text="こんにちは", metadata=metadata, client_msg_id=ours
    )
    opened = await world.client.conversations_open(users=[user])
    assert sent["channel"] == opened["channel"]["id"]
    assert sent["channel"].startswith("D")
    (seen,) = world.slack.messages(COMPANY, user)
    assert (seen.text, seen.metadata, seen.client_msg_id) == ("こんにちは", metadata, ours)
    found = await world.client.conversations_history(
        channel=sent["channel"], include_all_metadata=True, limit=1
    )
    assert found["messages"][0]["metadata"] == metadata
    assert found["messages"][0]["client_msg_id"] == ours
    bare = await world.client.conversations_history(channel=sent["channel"])
    assert "metadata" not in bare["messages"][0]
    (call,) = world.slack.calls("chat.postMessage")
    assert (call.ok, call.args["text"], "token" in call.args) == (True, "こんにちは", False)


async def test_history_is_newest_first_in_a_range_and_paged(world: Wired, user: str) -> None:
    stamps = [(await world.client.chat_postMessage(channel=user, text=str(n)))["ts"] for n in range(4)]
    channel = (await world.client.conversations_open(users=user))["channel"]["id"]
    await world.client.chat_postEphemeral(channel=channel, user=user, text="verborgen")

    async def texts(**more: Any) -> list[str]:
        found = await world.client.conversations_history(channel=channel, **more)
        return [one["text"] for one in found["messages"]]

    assert await texts() == ["3", "2", "1", "0"]
    assert await texts(oldest=stamps[0], latest=stamps[3]) == ["2", "1"]
    assert await texts(oldest=stamps[0], latest=stamps[3], inclusive=True) == ["3", "2", "1", "0"]
    first = await world.client.conversations_history(channel=channel, limit=3)
    assert first["has_more"]
    assert await texts(cursor=first["response_metadata"]["next_cursor"]) == ["0"]
    assert (
        await word_of(world.client.conversations_history(channel=channel, oldest="x")) == "invalid_ts_oldest"
    )


async def test_messages_are_changed_and_deleted_only_by_who_sent_them(world: Wired, user: str) -> None:
    sent = await world.client.chat_postMessage(channel=user, text="前", blocks=actions(button("go")))
    channel, ts = sent["channel"], sent["ts"]
    await world.client.chat_update(channel=channel, ts=ts, text="後")
    (seen,) = world.slack.messages(COMPANY, user)
    assert (seen.text, seen.edited, len(seen.blocks)) == ("後", True, 1)
    link = await world.client.chat_getPermalink(channel=channel, message_ts=ts)
    assert link["permalink"].endswith(f"/{channel}/p{ts.replace('.', '')}")
    await world.client.chat_delete(channel=channel, ts=ts)
    assert world.slack.messages(COMPANY, user) == []
    assert await word_of(world.client.chat_update(channel=channel, ts=ts, text="x")) == "message_not_found"
    await world.slack.types(COMPANY, user, "自分の")
    (own,) = world.slack.messages(COMPANY, user)
    answer = await error_of(world.client.chat_delete(channel=channel, ts=own.ts))
    assert answer["error"] == "cant_delete_message"


async def test_where_a_bot_may_write(world: Wired, user: str) -> None:
    other = world.slack.add_person(COMPANY, name="他のボット", email="", bot=True)
    gone = world.slack.add_person(COMPANY, name="元社員", email="gone@example.co.jp")
    dm = (await world.client.conversations_open(users=gone))["channel"]["id"]
    await world.slack.leaves(COMPANY, gone)
    general = world.slack.workspace(COMPANY).general
    secret = world.slack.add_channel(COMPANY, "secret", [user], private=True)
    expected = {
        general: "not_in_channel",
        secret: "channel_not_found",
        "C0NOWHERE": "channel_not_found",
        other: "cannot_dm_bot",
        gone: "user_disabled",
        dm: "is_archived",
    }
    found = {
        channel: await word_of(world.client.chat_postMessage(channel=channel, text="x"))
        for channel in expected
    }
    assert found == expected
    await world.client.conversations_join(channel=general)
    assert (await world.client.chat_postMessage(channel="#general", text="皆さん"))["channel"] == general
    assert [one.text for one in world.slack.channel_messages(COMPANY, general)] == ["皆さん"]
    info = await world.client.conversations_info(channel=general)
    assert (info["channel"]["is_member"], info["channel"]["is_general"]) == (True, True)
    listed = await world.client.conversations_list(types="public_channel", limit=1)
    assert [one["name"] for one in listed["channels"]] == ["general"]
    answer = await error_of(world.client.chat_postEphemeral(channel=general, user=other, text="x"))
    assert answer["error"] == "user_not_in_channel"


async def test_what_a_message_must_be(world: Wired, user: str) -> None:
    async def refused(**message: Any) -> str:
        return str(await word_of(world.client.chat_postMessage(channel=user, **message)))

    assert await refused(text="x", attachments=[{}] * 101) == "too_many_attachments"
    assert await word_of(world.client.api_call("chat.postMessage", json={"channel": user})) == "no_text"
    assert await refused(text="x", blocks="{") == "invalid_blocks_format"
    assert await refused(text="x", blocks=[{"type": "divider"}] * 51) == "invalid_blocks"
    assert await refused(text="x", markdown_text="*x*") == "markdown_text_conflict"
    assert await refused(text="x", metadata={"event_type": 1}) == "invalid_metadata_format"
    payload = {"event_type": "x", "event_payload": {"x": "y" * 20_000}}
    assert await refused(text="x", metadata=payload) == "metadata_too_large"
    long = await world.client.chat_postMessage(channel=user, text="あ" * 40_001)
    assert len(long["message"]["text"]) == 40_000
    late = world.client.chat_update(channel=long["channel"], ts=long["ts"], text="あ" * 4_001)
    assert await word_of(late) == "msg_too_long"
    answer = await error_of(
        world.client.chat_postMessage(channel=user, text="x", blocks=actions(button("a", "v" * 2001)))
    )
    problem = "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]"
    assert answer["errors"] == [problem]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {problem}"]


async def test_people_are_shown_as_far_as_the_scopes_go(world: Wired, user: str) -> None:
    stranger = world.slack.add_person(COMPANY, name="よその人", email="x@elsewhere.example", stranger=True)
    guest = world.slack.add_person(COMPANY, name="ゲスト", email="g@example.jp", single_channel=True)
    shown = (await world.client.users_info(user=user, include_locale=True))["user"]
    assert (shown["profile"]["email"], shown["locale"], shown["tz"]) == (
        "hanako@example.co.jp",
        "ja-JP",
        "Asia/Tokyo",
    )
    assert (shown["tz_offset"], shown["is_email_confirmed"], shown["team_id"]) == (32_400, True, COMPANY)
    assert "locale" not in (await world.client.users_info(user=user))["user"]
    seen = (await world.client.users_info(user=stranger))["user"]
    assert seen["is_stranger"]
    assert seen["team_id"] != COMPANY
    assert "email" not in seen["profile"]
    seen = (await world.client.users_info(user=guest))["user"]
    assert (seen["is_restricted"], seen["is_ultra_restricted"]) == (True, True)
    found = await world.client.users_lookupByEmail(email="HANAKO@example.co.jp")
    assert found["user"]["id"] == user
    await world.slack.leaves(COMPANY, user)
    answer = await error_of(world.client.users_lookupByEmail(email="hanako@example.co.jp"))
    assert answer["error"] == "users_not_found"
    assert await word_of(world.client.users_info(user="U0NOBODY")) == "user_not_found"
    assert [len(page["members"]) async for page in await world.client.users_list(limit=2)] == [2, 1]
    assert await word_of(world.client.users_list(cursor="???")) == "invalid_cursor"
    me, team = await world.client.auth_test(), await world.client.team_info()
    assert (me["user_id"], me["bot_id"], team["team"]["id"]) == ("U0BOTCOMPANY", "B0BOTCOMPANY", COMPANY)


async def test_tokens_methods_and_scopes_are_checked(clock: Wire) -> None:
    async with wired(LocalSlack(clock), manifest(scopes=["chat:write"], events=[])) as world:
        user = world.slack.add_person(COMPANY, name="花子", email="h@example.jp")
        answer = await error_of(world.client.users_info(user=user))
        assert (answer["error"], answer["needed"], answer["provided"]) == (
            "missing_scope",
            "users:read",
            "chat:write",
        )
        channel = (await world.client.chat_postMessage(channel=user, text="x"))["channel"]
        answer = await error_of(world.client.conversations_history(channel=channel))
        assert answer["needed"] == "im:history"
        assert await word_of(world.client.api_call("chat.shout")) == "unknown_method"
        world.client.token = "xoxb-forged"
        assert await word_of(world.client.auth_test()) == "invalid_auth"
        async with world.http.post(f"{world.url}/local-slack/api/auth.test") as bare:
            assert (await bare.json())["error"] == "not_authed"
        world.client.token = "xoxb-COMPANY"
        await world.slack.uninstalls(COMPANY)
        assert await word_of(world.client.auth_test()) == "account_inactive"


async def test_faults_fail_hang_and_lose_the_answer(world: Wired, user: str) -> None:
    world.slack.faults.fail("chat.postMessage", "ratelimited", times=1, retry_after=7)
    with pytest.raises(SlackApiError) as caught:
        await world.client.chat_postMessage(channel=user, text="一")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")
    world.slack.faults.drop_after_accept("chat.postMessage")
    with pytest.raises(ClientError):
        await world.client.chat_postMessage(channel=user, text="二")
    world.slack.faults.hang("chat.postMessage", 0.2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world.client.chat_postMessage(channel=user, text="三"), 0.05)
    await world.slack.settle()
    assert [one.text for one in world.slack.messages(COMPANY, user)] == ["二", "三"]
    world.slack.faults.fail("*", times=2)
    assert await word_of(world.client.auth_test()) == "internal_error"
    world.slack.faults.clear()
    assert (await world.client.auth_test())["ok"]


async def test_rate_limits_are_recorded_always_and_refused_when_on(
    world: Wired, user: str, clock: Wire
) -> None:
    clock.stopped = clock()
    for _ in range(4):
        await world.client.chat_postMessage(channel=user, text="x")
    assert [one.method for one in world.slack.rates.violations] == ["chat.postMessage"]
    world.slack.rates_on = True
    with pytest.raises(SlackApiError) as caught:
        await world.client.chat_postMessage(channel=user, text="x")
    assert (caught.value.response["error"], caught.value.response.headers["Retry-After"]) == (
        "ratelimited",
        "1",
    )
    clock.ahead += 1.1
    await world.client.chat_postMessage(channel=user, text="x")
    results = [await world.client.users_list() for _ in range(4)]
    assert len(results) == 4
    assert await word_of(world.client.users_list()) == "ratelimited"
    world.slack.rates.clear()
    world.slack.rates.factor = 100
    for _ in range(30):
        await world.client.users_list()
    assert world.slack.rates.violations == []


async def test_views_are_refused_in_slacks_words(world: Wired, user: str) -> None:
    async def refused(view: Any) -> dict[str, Any]:
        trigger = world.slack.workspace(COMPANY).new_trigger(user)
        return await error_of(world.client.views_open(trigger_id=trigger, view=view))

    answer = await refused(modal(submit=None))
    assert answer["error"] == "invalid_arguments"
    words = "[ERROR] must define `submit` to use `input` block [json-pointer:/view/blocks/0/input]"
    assert answer["response_metadata"]["messages"] == [words]
    big = modal(*({"type": "section", "text": {"type": "mrkdwn", "text": "あ" * 3000}} for _ in range(30)))
    assert (await refused(big))["error"] == "view_too_large"
    trigger = world.slack.workspace(COMPANY).new_trigger(user)
    assert await word_of(world.client.views_push(trigger_id=trigger, view=modal())) == "not_found"
    assert await word_of(world.client.views_open(view=modal(), trigger_id="")) == "invalid_arguments"


async def test_two_workspaces_do_not_see_each_other(world: Wired, user: str) -> None:
    assert await word_of(world.other.users_info(user=user)) == "user_not_found"
    sent = await world.client.chat_postMessage(channel=user, text="x")
    answer = await error_of(world.other.chat_postMessage(channel=sent["channel"], text="x"))
    assert answer["error"] == "channel_not_found"
    with pytest.raises(ValueError, match="already"):
        world.slack.add_workspace(COMPANY, "x", local_app("NEW", world.url, "/", manifest()))


@pytest.mark.parametrize("body", [b"\xff{", b"[1]", b"{", b'{"channel": [], "text": {}, "blocks": {}}'])
async def test_a_malformed_call_is_an_error_and_no_crash(world: Wired, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer xoxb-COMPANY"}
    for method in ("chat.postMessage", "views.open", "users.info", "conversations.open"):
        async with world.http.post(
            f"{world.url}/local-slack/api/{method}", data=body, headers=headers
        ) as answer:
            assert answer.status == 200
            assert (await answer.json())["ok"] is False


async def test_a_default_channel_has_every_member_but_no_guest_and_no_bot(world: Wired, user: str) -> None:
    channel = world.slack.add_default_channel(COMPANY, "comeback")
    later = world.slack.add_person(COMPANY, name="後藤 誠", email="goto@example.co.jp")
    guest = world.slack.add_person(COMPANY, name="客", email="guest@example.jp", single_channel=True)
    members = world.slack.workspace(COMPANY).channels[channel].members
    assert {user, later} <= members
    assert guest not in members
    info = (await world.client.conversations_info(channel=channel))["channel"]
    assert (info["name"], info["is_member"], info["is_archived"]) == ("comeback", False, False)
    assert await word_of(world.client.chat_postMessage(channel=channel, text="x")) == "not_in_channel"
    assert await word_of(world.client.conversations_history(channel=channel)) == "not_in_channel"
    world.slack.invites(COMPANY, channel)
    sent = await world.client.chat_postMessage(channel=channel, text="x")
    assert (await world.client.conversations_history(channel=channel))["messages"][0]["ts"] == sent["ts"]
    world.slack.archives(COMPANY, channel)
    assert (await world.client.conversations_info(channel=channel))["channel"]["is_archived"]
    assert await word_of(world.client.chat_postMessage(channel=channel, text="x")) == "is_archived"
    assert await word_of(world.client.chat_update(channel=channel, ts=sent["ts"], text="y")) == "is_inactive"
    world.slack.kicks(COMPANY, channel)
    assert not (await world.client.conversations_info(channel=channel))["channel"]["is_member"]
