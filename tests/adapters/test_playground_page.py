"""The playground's page over HTTP: who may use it, what it shows, and that acting on it reaches the app."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest

from adapters.playground.backstage import Due, Said
from tests.adapters.page_world import TOKEN, PageWorld, page_world
from tests.adapters.wire_app import ALUMNI, COMPANY, actions, asks, button, modal, plain


@pytest.fixture
async def world() -> AsyncIterator[PageWorld]:
    async with page_world() as found:
        yield found


def invitation(world: PageWorld) -> int:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Okaeri <o@example.co.jp>", "aiko@example.jp", "ご案内"
    mail.set_content(f"ようこそ <script>\n{world.url}/local-slack/join\n")
    html = f'<script>alert(1)</script><a href="{world.url}/local-slack/join?a=1">go</a>'
    mail.add_alternative(html, subtype="html")
    return world.mailbox.keep("o@example.co.jp", ("aiko@example.jp",), mail.as_bytes()).id


# --- who may use it -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"X-Okaeri-Token": ""},
        {"X-Okaeri-Token": "token-of-another-start"},
        {"X-Okaeri-Token": "é"},
    ],
)
async def test_who_is_not_this_page_is_refused(world: PageWorld, headers: dict[str, str]) -> None:
    async with await world.post("settle", **headers) as answer:
        assert answer.status == 403
    async with world.http.get(
        f"{world.url}/playground/scene", headers={"X-Okaeri-Token": TOKEN} | headers
    ) as answer:
        assert answer.status == 403
    assert world.backstage.settled == 0


async def test_a_post_without_an_origin_is_refused(world: PageWorld) -> None:
    sent = {"X-Okaeri-Token": TOKEN}
    async with world.http.post(f"{world.url}/playground/settle", headers=sent) as answer:
        assert answer.status == 403


async def test_the_shell_needs_no_token_but_this_host(world: PageWorld) -> None:
    async with world.http.get(f"{world.url}/") as answer:
        html = await answer.text()
        assert answer.status == 200
        assert f'content="{TOKEN}"' in html
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! type=\"module\" src=)", html)
    assert not re.search(r"(src|href)=\"(https?:)?//", html)
    for host, status in (("localhost:" + world.url.rsplit(":", 1)[1], 200), ("evil.example", 403)):
        async with world.http.get(f"{world.url}/", headers={"Host": host}) as answer:
            assert answer.status == status


async def test_static_files_are_only_the_four(world: PageWorld) -> None:
    for name, status in (("playground.js", 200), ("playground.css", 200), ("..%2fpage.py", 404), ("x", 404)):
        async with await world.get(f"/playground/static/{name}") as answer:
            assert answer.status == status, name
            assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff"])
async def test_nonsense_is_a_bad_request(world: PageWorld, body: bytes) -> None:
    async with await world.post("says", body) as answer:
        assert answer.status == 400


# --- what it shows --------------------------------------------------------------------------------


async def test_names_are_shown_as_typed_and_both_languages_work(world: PageWorld) -> None:
    parts = await world.parts()
    assert "&lt;b&gt;佐藤&lt;/b&gt;" in parts["people"]
    assert "止まっています: 区分が不明" in parts["leavers"]
    assert "Stuck: type unknown" in (await world.parts(lang="en"))["leavers"]
    assert "3月16日(月)" in parts["clock"]
    assert "09:00" in parts["clock"]


async def test_an_unknown_place_becomes_a_known_one(world: PageWorld) -> None:
    async with await world.get(
        "/playground/scene", **{"as": "nobody", "tab": "alumni", "room": "x"}
    ) as answer:
        where = (await answer.json())["where"]
    assert where == {"as": "aiko", "tab": "company", "room": "messages"}


async def test_new_messages_are_counted_until_they_are_seen(world: PageWorld) -> None:
    await world.parts(**{"as": "hr"})
    await world.client.chat_postMessage(channel=world.aiko, text="こんにちは")
    assert "新着1件" in (await world.parts(**{"as": "hr", "tab": "mail"}))["people"]
    assert "こんにちは" in (await world.parts())["stage"]
    assert "新着" not in (await world.parts(**{"as": "hr", "tab": "mail"}))["people"]


async def test_a_change_is_told_at_once(world: PageWorld) -> None:
    async with await world.get("/playground/scene") as answer:
        mark = (await answer.json())["mark"]
    waiting = asyncio.create_task(world.get("/playground/changes", mark=mark))
    await asyncio.sleep(0.1)
    await world.client.chat_postMessage(channel=world.aiko, text="新しい")
    async with await asyncio.wait_for(waiting, 2) as answer:
        assert (await answer.json())["mark"] != mark


# --- acting ---------------------------------------------------------------------------------------


async def test_a_command_goes_to_the_app_and_stays_readable(world: PageWorld) -> None:
    @world.bolt.command("/alumni")
    async def find(ack: Any, command: dict[str, Any]) -> None:
        await ack(text=f"答え {command['text']}")

    assert await world.does("says", {"text": "/alumni find <!channel>"}) == {"ok": True}
    stage = (await world.parts())["stage"]
    assert "/alumni find &lt;!channel&gt;" in stage
    assert "あなただけに表示されています" in stage
    assert stage.index('data-testid="echo"') < stage.index('data-testid="ephemeral"')


async def test_what_goes_wrong_is_told(world: PageWorld) -> None:
    @world.bolt.command("/plain")
    async def late(ack: Any) -> None:
        await asyncio.sleep(0.6)
        await ack()

    told = [(await world.does("says", {"text": text}))["told"] for text in ("/nothing x", "/plain")]
    assert told == ["「/nothing」は使えるコマンドではありません", "3秒以内に応答がありませんでした"]
    assert (await world.does("presses", {"action": "gone", "ts": "1.2"}))["ok"] is False
    world.where["tab"] = "mail"
    assert (await world.does("says", {"text": "hello"}))["ok"] is False


async def test_a_button_reaches_the_app_and_its_answer_replaces_the_message(world: PageWorld) -> None:
    @world.bolt.action("yes")
    async def yes(ack: Any, respond: Any, action: dict[str, Any]) -> None:
        await ack()
        await respond(text=f"押した {action['value']}", replace_original=True)

    rows = [*actions(button("yes", "7")), *actions(button("yes", "8"))]
    rows[1]["block_id"] = "second"
    sent = await world.client.chat_postMessage(channel=world.aiko, text="?", blocks=rows)
    stage = (await world.parts())["stage"]
    assert 'data-action="yes"' in stage
    assert 'data-value="8"' in stage
    assert await world.does("presses", {"ts": sent["ts"], "action": "yes", "value": "8"}) == {"ok": True}
    stage = (await world.parts())["stage"]
    assert "押した 8" in stage
    assert "data-press" not in stage


def form(world: PageWorld) -> list[dict[str, Any]]:
    """A command that opens a form; gives the list in which submitted values arrive."""
    sent: list[dict[str, Any]] = []
    search = {"type": "external_select", "action_id": "who", "min_query_length": 1}
    ticks = [{"text": plain(value), "value": value} for value in ("a", "b", "c")]
    view = modal(
        asks("name"),
        asks("why", multiline=True),
        asks("many", type="checkboxes", options=ticks) | {"optional": True},
        asks("who", **search) | {"optional": True},
    )

    @world.bolt.command("/alumni")
    async def opens(ack: Any, body: dict[str, Any]) -> None:
        await world.client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack()

    @world.bolt.view("form")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        sent.append(view["state"]["values"])
        wrong = view["state"]["values"]["name"]["it"]["value"] == "だめ"
        await ack(response_action="errors", errors={"name": "<b>別の名前</b>を"}) if wrong else await ack()

    @world.bolt.options("who")
    async def found(ack: Any, payload: dict[str, Any]) -> None:
        await ack(options=[{"text": plain(f"{payload['value']}中"), "value": "7"}])

    return sent


async def test_a_form_keeps_what_was_typed_beside_its_errors(world: PageWorld) -> None:
    sent = form(world)
    await world.does("says", {"text": "/alumni profile"})
    view = re.search(r'data-view="([^"]+)"', (await world.parts())["dialog"])
    assert view
    options = (await world.does("seeks", {"view": view[1], "action": "who", "query": "田"}))["options"]
    assert options == [["7", "田中"]]
    who = {"value": "7", "text": plain("田中")}
    typed = {"name": "だめ", "why": '"><script>x</script>', "many": ["a", "c"], "who": who}
    assert await world.does("submits", {"view": view[1], "values": typed}) == {"ok": True}
    dialog = (await world.parts())["dialog"]
    assert "&lt;b&gt;別の名前&lt;/b&gt;を" in dialog
    assert 'value="だめ"' in dialog
    assert "&#34;&gt;&lt;script&gt;x&lt;/script&gt;</textarea>" in dialog
    assert re.findall(r'value="(\w)" checked', dialog) == ["a", "c"]
    assert 'value="田中"' in dialog
    assert 'data-value value="7"' in dialog
    await world.does("submits", {"view": view[1], "values": typed | {"name": "よい"}})
    assert (await world.parts())["dialog"] == ""
    assert sent[1]["who"]["who"]["selected_option"]["value"] == "7"


async def test_an_empty_field_is_named_in_the_pages_language_and_nothing_is_sent(world: PageWorld) -> None:
    sent = form(world)
    await world.does("says", {"text": "/alumni profile"})
    view = world.slack.modal(COMPANY, world.aiko)
    assert view
    assert await world.does("submits", {"view": view.id, "values": {"name": None}}) == {"ok": True}
    assert "入力してください" in (await world.parts())["dialog"]
    assert "Please fill this in" in (await world.parts(lang="en"))["dialog"]
    await world.does("closes", {"view": view.id})
    assert (await world.parts())["dialog"] == ""
    assert sent == []


async def test_the_home_is_opened_and_shown(world: PageWorld) -> None:
    @world.bolt.event("app_home_opened")
    async def opened(event: dict[str, Any]) -> None:
        home = {"type": "home", "blocks": [{"type": "header", "text": plain("おかえりなさい")}]}
        await world.client.views_publish(user_id=event["user"], view=home)

    assert await world.does("home") == {"ok": True}
    for _ in range(50):
        if world.slack.home(COMPANY, world.aiko):
            break
        await asyncio.sleep(0.02)
    assert "おかえりなさい" in (await world.parts(room="home"))["stage"]


# --- clock and files ------------------------------------------------------------------------------


async def test_the_clock_moves_by_to_and_next_and_never_back(world: PageWorld) -> None:
    await world.does("travel", {"by": 3600})
    world.backstage.due = [Due(datetime(2026, 3, 17, 0, 0, tzinfo=UTC), Said("たずねる", "Ask"), "髙橋 愛子")]
    assert "たずねる" in (await world.parts())["due"]
    await world.does("travel", {"next": True})
    await world.does("travel", {"to": "2026-03-31T18:00"})
    assert [at.astimezone(UTC).isoformat() for at in world.backstage.travels] == [
        "2026-03-16T01:00:00+00:00",
        "2026-03-17T00:00:00+00:00",
        "2026-03-31T09:00:00+00:00",
    ]
    assert (await world.does("travel", {"to": "2026-03-30T18:00"}))["told"] == "時計は前にしか進みません"
    assert (await world.does("travel", {"to": "tomorrow"}))["ok"] is False
    async with await world.post("travel", {"by": -1}) as answer:
        assert answer.status == 400
    assert len(world.backstage.travels) == 3
    await world.does("settle")
    assert world.backstage.settled == 1


async def test_a_dropped_file_arrives_whole_and_without_a_path(world: PageWorld) -> None:
    data = "社員番号,氏名\n".encode("cp932") * 200_000
    told = await world.does("drop", data, **{"X-File-Name": "..%2F..%5C%E9%80%80%E8%81%B7.csv"})
    assert told["told"] == "「退職.csv」を投入フォルダに置きました"
    assert world.backstage.dropped == [("退職.csv", data)]
    assert (await world.does("example"))["ok"] is True
    assert world.backstage.dropped[1] == ("見本.csv", b"example")
    assert (await world.does("drop", b""))["ok"] is False
    assert (await world.does("drop", b"x" * 10_000_001))["told"].startswith("ファイルが大きすぎます")


# --- mail and joining -----------------------------------------------------------------------------


async def test_a_mail_is_shown_as_text_and_its_html_in_a_closed_frame(world: PageWorld) -> None:
    number = invitation(world)
    stage = (await world.parts(tab="mail"))["stage"]
    assert "ようこそ &lt;script&gt;" in stage
    assert f'href="{world.url}/local-slack/join?mail={number}"' in stage
    frame = re.search(r'data-src="([^"]+)"', stage)
    assert frame
    async with world.http.get(world.url + frame[1]) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert "allow-scripts" not in policy
        assert f"/local-slack/join?mail={number}&amp;a=1" in await answer.text()
    for wrong in (f"/playground/mail/{number}/0", f"/playground/mail/{number + 1}/{frame[1].split('/')[-1]}"):
        async with world.http.get(world.url + wrong) as answer:
            assert answer.status == 403


async def test_the_invitation_leads_to_an_account_in_the_alumni_workspace(world: PageWorld) -> None:
    number, join = invitation(world), f"{world.url}/local-slack/join"
    async with world.http.get(join, params={"mail": str(number)}) as answer:
        html = await answer.text()
        assert 'value="aiko@example.jp"' in html
        assert 'value="髙橋 愛子"' in html
        assert answer.headers["Referrer-Policy"] == "same-origin"
    filled = {"name": "髙橋 愛子", "email": "Aiko@example.jp", "confirmed": "yes", "mail": str(number)}
    origin = {"Origin": world.url}
    async with world.http.post(join, data=filled, headers=origin) as answer:
        assert answer.status == 403
    filled["token"] = TOKEN
    async with world.http.post(join, data=filled | {"email": "x"}, headers=origin) as answer:
        assert answer.status == 422
    async with world.http.post(join, data=filled, headers=origin, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/?as=aiko&tab=alumni&joined=1&lang=ja")
    user = world.backstage.people[0].alumni_user
    assert world.backstage.made == [("aiko@example.jp", user)]
    assert world.slack.workspace(ALUMNI).people[user or ""].email_confirmed
    assert 'data-testid="tab-alumni"' in (await world.parts())["head"]
    async with world.http.post(join, data=filled, headers=origin) as answer:
        assert (answer.status, "もうあります" in await answer.text()) == (422, True)


async def test_who_has_lost_the_account_sees_that(world: PageWorld) -> None:
    await world.slack.leaves(COMPANY, world.aiko)
    parts = await world.parts()
    assert "このアカウントは無効になっています" in parts["stage"]
    assert parts["composer"] == ""
    assert (await world.does("says", {"text": "/alumni"}))["ok"] is False


async def test_the_channel_is_a_room_of_those_who_are_in_it(world: PageWorld) -> None:
    assert "room-channel" not in (await world.parts())["head"]
    assert "data-says" in (await world.parts(room="channel"))["composer"], "who is in none sees the messages"
    channel = world.slack.add_default_channel(COMPANY, "comeback")
    world.slack.invites(COMPANY, channel)
    head = (await world.parts())["head"]
    assert "#comeback（求人）" in head
    assert "求人が公開されると" in (await world.parts(room="channel"))["stage"]
    other = world.slack.add_person(COMPANY, name="中村 誠", email="nakamura@example.co.jp")
    await world.client.chat_postMessage(channel=channel, text="ご案内")
    await world.slack.types(COMPANY, other, "いいですね", channel=channel)
    await world.client.chat_postEphemeral(channel=channel, user=world.aiko, text="あなたへ")
    await world.client.chat_postEphemeral(channel=channel, user=other, text="他の人へ")
    shown = await world.parts(room="channel")
    for words in ("ご案内", "いいですね", "中村 誠", "あなたへ"):
        assert words in shown["stage"]
    assert "他の人へ" not in shown["stage"]
    assert "data-says" not in shown["composer"]
    assert "ご案内" not in (await world.parts())["stage"]
