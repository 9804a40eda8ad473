"""The local Slack as a person drives it, against a real Bolt app over HTTP."""

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from adapters.playground.local_slack import LocalSlack
from tests.adapters.wire_app import (
    ALUMNI,
    COMPANY,
    LONG,
    SHORT,
    Heard,
    Wire,
    Wired,
    actions,
    button,
    local_app,
    manifest,
    wired,
)


@pytest.fixture
def clock() -> Wire:
    return Wire()


@pytest.fixture
async def world(clock: Wire) -> AsyncIterator[Wired]:
    slack = LocalSlack(clock, retry_delays=(0.0, 0.0, 0.0), patience=LONG)
    async with wired(slack, manifest()) as found:
        yield found


@pytest.fixture
def hanako(world: Wired) -> str:
    return world.slack.add_person(COMPANY, name="山田 花子", email="hanako@example.co.jp")


async def test_a_command_arrives_signed_and_its_answer_is_only_for_who_asked(
    world: Wired, hanako: str
) -> None:
    taro = world.slack.add_person(COMPANY, name="鈴木 太郎", email="taro@example.co.jp")
    seen: dict[str, Any] = {}

    @world.bolt.command("/alumni")
    async def find(ack: Any, command: dict[str, Any]) -> None:
        seen.update(command)
        await ack(text="一人います")

    general = world.slack.workspace(COMPANY).general
    delivery = await world.slack.types(COMPANY, hanako, "/alumni find @鈴木 太郎 <b> & co", general)
    assert (delivery.status, delivery.ok, delivery.retries) == (200, True, 0)
    assert seen["text"] == f"find <@{taro}|鈴木 太郎> &lt;b&gt; &amp; co"
    assert seen["team_id"] == COMPANY
    assert (seen["channel_id"], seen["channel_name"], seen["user_id"]) == (general, "general", hanako)
    assert (seen["api_app_id"], seen["is_enterprise_install"]) == ("A0COMPANY", "false")
    answer = world.slack.messages(COMPANY, hanako)[-1]
    assert (answer.text, answer.ephemeral, answer.by_bot, answer.channel) == (
        "一人います",
        True,
        True,
        general,
    )
    assert world.slack.messages(COMPANY, taro) == []
    assert json.dumps(dataclasses.asdict(answer))


async def test_every_kind_of_delivery_carries_a_valid_signature(world: Wired) -> None:
    user = await world.slack.joins(ALUMNI, name="田中", email="tanaka@example.jp")
    await world.slack.types(ALUMNI, user, "/plain  @tanaka")
    await world.slack.uses_shortcut(ALUMNI, user, "find")
    verifier = SignatureVerifier("secret-ALUMNI")
    assert [verifier.is_valid_request(one.body, one.headers) for one in world.heard] == [True, True, True]
    event, command, shortcut = world.heard
    envelope = json.loads(event.body)
    assert envelope["event"]["type"] == "team_join"
    assert envelope["event"]["user"]["profile"]["email"] == "tanaka@example.jp"
    assert (envelope["team_id"], envelope["api_app_id"]) == (ALUMNI, "A0ALUMNI")
    assert envelope["authorizations"][0]["user_id"] == "U0BOTALUMNI"
    assert command.form["text"] == "@tanaka"
    assert json.loads(shortcut.form["payload"])["callback_id"] == "find"


async def test_what_the_manifest_does_not_declare_never_leaves_slack(world: Wired) -> None:
    user = world.slack.add_person(ALUMNI, name="田中", email="tanaka@example.jp")
    delivery = await world.slack.types(ALUMNI, user, "/unknown x")
    assert (delivery.status, delivery.error) == (0, "invalid_command")
    assert "/unknown is not a valid command" in world.slack.messages(ALUMNI, user)[-1].text
    assert (await world.slack.uses_shortcut(ALUMNI, user, "nope")).error == "unknown_shortcut"
    general = world.slack.workspace(ALUMNI).general
    assert (await world.slack.types(ALUMNI, user, "hello", general)).error == "not_subscribed"
    assert world.heard == []


async def test_an_event_that_fails_is_tried_three_more_times(world: Wired) -> None:
    async def refuse(_heard: Heard) -> web.Response:
        return web.Response(status=500)

    world.answer = refuse
    user = world.slack.add_person(ALUMNI, name="田中", email="tanaka@example.jp")
    delivery = await world.slack.opens_home(ALUMNI, user)
    assert (delivery.status, delivery.retries, delivery.error) == (500, 3, "dispatch_failed")
    assert len({json.loads(one.body)["event_id"] for one in world.heard}) == 1
    assert [one.headers.get("x-slack-retry-num") for one in world.heard] == [None, "1", "2", "3"]
    assert {one.headers.get("x-slack-retry-reason") for one in world.heard[1:]} == {"http_error"}


async def test_an_app_can_ask_for_no_retry_but_not_by_silence(world: Wired) -> None:
    user = world.slack.add_person(ALUMNI, name="田中", email="tanaka@example.jp")

    async def refuse(_heard: Heard) -> web.Response:
        return web.Response(status=404, headers={"X-Slack-No-Retry": "1"})

    world.answer = refuse
    assert (await world.slack.opens_home(ALUMNI, user)).retries == 0

    async def sleep(heard: Heard) -> web.Response:
        await asyncio.sleep(2 * SHORT if "x-slack-retry-num" not in heard.headers else 0)
        return web.Response()

    world.answer, world.slack.patience = sleep, SHORT
    delivery = await world.slack.opens_home(ALUMNI, user)
    assert (delivery.retries, delivery.ok) == (1, True)
    assert world.heard[-1].headers["x-slack-retry-reason"] == "http_timeout"


async def test_later_retries_run_in_the_background_and_do_not_hold_settle(clock: Wire) -> None:
    slack = LocalSlack(clock, retry_delays=(0.0, 60.0, 300.0), patience=LONG)
    slack.add_workspace(COMPANY, "Example", local_app("COMPANY", "http://127.0.0.1:1", "/nobody", manifest()))
    user = slack.add_person(COMPANY, name="花子", email="h@example.jp")
    delivery = await slack.opens_home(COMPANY, user)
    assert (delivery.retries, delivery.error, delivery.body) == (1, "dispatch_failed", "connection_failed")
    await asyncio.wait_for(slack.settle(), 1)
    await slack.close()


async def test_a_command_without_an_answer_in_time_fails_visibly_and_is_not_repeated(world: Wired) -> None:
    async def sleep(_heard: Heard) -> web.Response:
        await asyncio.sleep(2 * SHORT)
        return web.Response()

    world.answer, world.slack.patience = sleep, SHORT
    user = world.slack.add_person(ALUMNI, name="田中", email="tanaka@example.jp")
    delivery = await world.slack.types(ALUMNI, user, "/alumni find")
    assert (delivery.status, delivery.retries, delivery.error) == (0, 0, "operation_timeout")
    note = world.slack.messages(ALUMNI, user)[-1]
    assert note.ephemeral
    assert not note.by_bot
    assert "operation_timeout" in note.text
    assert len(world.heard) == 1


async def test_a_response_url_replaces_deletes_and_lasts_five_uses(world: Wired, hanako: str) -> None:
    sent = await world.client.chat_postMessage(channel=hanako, text="?", blocks=actions(button("go", "a")))
    urls: list[str] = []

    @world.bolt.action("go")
    async def go(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        urls.append(body["response_url"])
        assert body["actions"][0]["value"] == "a"
        assert body["container"]["message_ts"] == sent["ts"]
        await respond(text="済み", replace_original=True)

    await world.slack.presses(COMPANY, hanako, action="go")
    await world.slack.settle()
    assert [(one.text, one.blocks, one.edited) for one in world.slack.messages(COMPANY, hanako)] == [
        ("済み", (), True)
    ]

    async def post(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        async with world.http.post(urls[0], json=body) as answer:
            return answer.status, await answer.json()

    assert await post({"text": "そっと"}) == (200, {"ok": True})
    assert await post({"text": "みんなへ", "response_type": "in_channel"}) == (200, {"ok": True})
    assert await post({"blocks": [{"type": "nope"}], "text": "x"}) == (400, {"ok": False, **_invalid("nope")})
    assert await post({"delete_original": True}) == (200, {"ok": True})
    assert await post({"text": "六回目"}) == (404, {"ok": False, "error": "used_url"})
    seen = [(one.text, one.ephemeral) for one in world.slack.messages(COMPANY, hanako)]
    assert seen == [("そっと", True), ("みんなへ", False)]


def _invalid(kind: str) -> dict[str, Any]:
    problem = f"unsupported type: {kind} [json-pointer:/blocks/0/type]"
    return {
        "error": "invalid_blocks",
        "errors": [problem],
        "response_metadata": {"messages": [f"[ERROR] {problem}"]},
    }


async def test_a_response_url_ends_after_half_an_hour(world: Wired, hanako: str, clock: Wire) -> None:
    user = world.slack.add_person(ALUMNI, name="田中", email="tanaka@example.jp")
    await world.slack.types(ALUMNI, user, "/alumni")
    url = world.heard[0].form["response_url"]
    clock.ahead = 1_801
    async with world.http.post(url, json={"text": "遅い"}) as answer:
        assert (answer.status, (await answer.json())["error"]) == (404, "expired_url")


async def test_an_ephemeral_message_is_pressed_without_its_text_in_the_payload(
    world: Wired, hanako: str
) -> None:
    seen: dict[str, Any] = {}

    @world.bolt.command("/alumni")
    async def ask(ack: Any) -> None:
        await ack(text="?", blocks=actions(button("go")))

    @world.bolt.action("go")
    async def go(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        seen.update(body)
        await respond(delete_original=True)

    await world.slack.types(COMPANY, hanako, "/alumni")
    await world.slack.presses(COMPANY, hanako, action="go", value="1")
    await world.slack.settle()
    assert seen["container"]["is_ephemeral"] is True
    assert "message" not in seen
    assert world.slack.messages(COMPANY, hanako) == []
    with pytest.raises(LookupError):
        await world.slack.presses(COMPANY, hanako, action="go")


async def test_a_message_in_the_dm_is_an_event_and_the_bots_own_messages_too(world: Wired) -> None:
    user = world.slack.add_person(ALUMNI, name="田中", email="tanaka@example.jp")
    await world.slack.types(ALUMNI, user, "助けて <!channel>")
    event = json.loads(world.heard[0].body)["event"]
    assert (event["type"], event["channel_type"], event["user"]) == ("message", "im", user)
    assert event["text"] == "助けて &lt;!channel&gt;"
    await world.other.chat_postMessage(channel=user, text="はい")
    await world.slack.settle()
    assert json.loads(world.heard[1].body)["event"]["bot_id"] == "B0BOTALUMNI"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("@田中さんと@tanaka", "<@{}|田中>さんと<@{}|tanaka>"),
        ("@tanaka2 と a@tanaka", "@tanaka2 と a@tanaka"),
        ("@知らない人 #general", "@知らない人 <#{general}|general>"),
        ("<@U123> https://x.jp/?a=1&b=2", "&lt;@U123&gt; <https://x.jp/?a=1&amp;b=2>"),
    ],
)
async def test_names_become_mentions_where_the_manifest_asks_for_it(
    world: Wired, typed: str, sent: str
) -> None:
    user = world.slack.add_person(ALUMNI, name="田中", email="tanaka@example.jp")
    await world.slack.types(ALUMNI, user, f"/alumni {typed}")
    general = world.slack.workspace(ALUMNI).general
    assert world.heard[0].form["text"] == sent.format(user, user, general=general)


async def test_a_retry_that_is_due_later_comes_by_itself(clock: Wire) -> None:
    async with wired(LocalSlack(clock, retry_delays=(1.0,)), manifest()) as world:

        async def refuse_once(heard: Heard) -> web.Response:
            return web.Response(status=200 if "x-slack-retry-num" in heard.headers else 503)

        world.answer = refuse_once
        user = world.slack.add_person(ALUMNI, name="田中", email="tanaka@example.jp")
        assert (await world.slack.opens_home(ALUMNI, user)).retries == 0
        await asyncio.sleep(1.2)
        await world.slack.settle()
        assert [(one.ok, one.retries) for one in world.slack.deliveries()] == [(False, 0), (True, 1)]


async def test_the_same_event_can_be_delivered_again(world: Wired) -> None:
    user = await world.slack.joins(ALUMNI, name="田中", email="tanaka@example.jp")
    await world.slack.redelivers(ALUMNI)
    first, second = (json.loads(one.body) for one in world.heard)
    assert first["event_id"] == second["event_id"]
    delivery = await world.slack.leaves(ALUMNI, user)
    assert delivery.ok
    assert json.loads(world.heard[-1].body)["event"]["user"]["deleted"] is True
    with pytest.raises(ValueError, match="deactivated"):
        await world.slack.types(ALUMNI, user, "/alumni")


def test_an_app_lives_in_one_workspace_and_an_address_in_one_account(clock: Wire) -> None:
    slack = LocalSlack(clock)
    app = local_app("ONE", "http://127.0.0.1:1", "/", manifest())
    slack.add_workspace("T0ONE", "One", app)
    with pytest.raises(ValueError, match="not distributed"):
        slack.add_workspace("T0TWO", "Two", dataclasses.replace(app, bot_token="xoxb-other"))
    user = slack.add_person("T0ONE", name="花子", email="H@example.jp")
    with pytest.raises(ValueError, match="address"):
        slack.add_person("T0ONE", name="別人", email="h@example.jp")
    again = LocalSlack(clock)
    again.add_workspace("T0ONE", "One", app)
    assert again.add_person("T0ONE", name="花子", email="h@example.jp") == user
    assert [one.kind for one in again.channels("T0ONE", user)] == ["im", "public"]


async def test_a_delivery_costs_less_than_a_millisecond_of_ours(world: Wired) -> None:
    user = world.slack.add_person(ALUMNI, name="田中", email="tanaka@example.jp")
    await world.slack.types(ALUMNI, user, "/plain")
    ours: list[float] = []
    for _ in range(50):
        began = time.perf_counter()
        delivery = await world.slack.types(ALUMNI, user, "/plain find 田中")
        ours.append(time.perf_counter() - began - delivery.seconds)
    assert sorted(ours)[25] < 0.001
