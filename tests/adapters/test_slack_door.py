"""The Slack door against what Slack, the network and other people can send: bad input, strangers, bugs."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from adapters.playground.slack_delivery import signature
from bot import logs
from bot.conversation import Side, Standing
from bot.playground import TEAMS
from storage.journal import Line
from tests.knocks import FORM, JSON, Knocker, a_member, described, knocking
from tests.world import Somebody, World, world_in

ALUMNI, COMPANY = TEAMS[Side.ALUMNI], TEAMS[Side.COMPANY]
SECRET = "秘密のことば"
"""Stands in every bad body; it must stand in no log."""


@pytest.fixture
async def knocker(world: World) -> AsyncIterator[Knocker]:
    async with knocking(world) as made:
        yield made


# --- bad input ----------------------------------------------------------------------------------------


@pytest.fixture
def logged(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Everything that was written to the log."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.set_up("INFO")
    return written.getvalue


def no_trace(text: str) -> None:
    assert "Traceback" not in text
    assert SECRET not in text
    assert SECRET.encode("unicode_escape").decode() not in text


async def test_a_signature_that_does_not_fit_is_refused_and_not_logged(
    knocker: Knocker, logged: Callable[[], str]
) -> None:
    body = knocker.command("U1", SECRET)
    now = int(time.time())
    wrong: list[dict[str, str]] = [
        {"signature": ""}, {"stamp": ""}, {"signature": "v0=" + "0" * 64}, {"signature": "v1=abc"},
        {"signature": "v0=Ä"}, {"stamp": str(now - 301)}, {"stamp": str(now + 320)}, {"stamp": "soon"},
        {"stamp": f"{now}.5"}, {"stamp": f"-{now}"}, {"stamp": "９" * 10}, {"stamp": "9" * 5000},
        {"stamp": "0"},
    ]  # fmt: skip
    for headers in wrong:
        heard = await knocker.knock(body, **headers)
        assert (heard.status, heard.text) == (401, ""), headers
    no_trace(logged())


async def test_each_secret_opens_only_its_own_app(knocker: Knocker) -> None:
    assert (await knocker.knock(knocker.command("U1", "help"), Side.COMPANY)).status == 403
    theirs = knocker.command("U1", "help", Side.COMPANY)
    assert (await knocker.knock(theirs, Side.ALUMNI)).status == 403
    other_app = knocker.command("U1", "help", api_app_id="A0OTHER")
    assert (await knocker.knock(other_app)).status == 403
    other_team = knocker.command("U1", "help", team_id="T0OTHER")
    assert (await knocker.knock(other_team)).status == 403
    nobodys = signature("another secret", str(int(time.time())), other_app)
    assert (await knocker.knock(other_app, signature=nobodys)).status == 401


BROKEN: tuple[tuple[bytes, str, int], ...] = (
    (b'{"type": "event_callback", "' + SECRET.encode(), JSON, 400),
    (b"[1, 2, 3]", JSON, 400),
    (b'"text"', JSON, 400),
    (b"[" * 100_000, JSON, 400),
    (b"payload=%7Bnot+json&x=" + SECRET.encode(), FORM, 400),
    (b"payload=%5B%5D", FORM, 400),
    (b"command=%FF%FE&text=" + b"\xff\xfe", FORM, 400),
    (b"\xff\xfe{}", JSON, 400),
    (b"", FORM, 403),
    (b"", JSON, 400),
    (b"{}", JSON, 403),
    (b"command=/alumni&text=" + SECRET.encode(), "text/plain", 415),
    (b"<xml/>", "application/xml", 415),
    (b"--x\r\n\r\n", "multipart/form-data; boundary=x", 415),
)


@pytest.mark.parametrize(("body", "kind", "status"), BROKEN)
async def test_a_body_that_cannot_be_read_is_a_4xx_without_a_trace(
    knocker: Knocker, logged: Callable[[], str], body: bytes, kind: str, status: int
) -> None:
    heard = await knocker.knock(body, kind=kind)
    assert (heard.status, heard.text) == (status, "")
    no_trace(logged())


def _payloads(knocker: Knocker) -> Iterator[bytes]:
    """Rightly signed and addressed, and yet not what Slack sends."""
    values = knocker.values(Side.ALUMNI)
    told = {"team": {"id": values["team_id"]}, "api_app_id": values["app_id"], "x": SECRET}
    for kind in (
        "block_actions",
        "view_submission",
        "block_suggestion",
        "shortcut",
        "dialog_cancellation",
        SECRET,
    ):
        for more in ({}, {"user": SECRET}, {"user": {}}, {"user": {"id": "U1"}, "actions": [], "view": []}):
            yield form_body(told | {"type": kind} | more)
    yield form_body(told | {"type": "block_actions", "user": {"id": "U1"}, "actions": "none"})
    yield form_body(told | {"type": "view_submission", "user": {"id": "U1"}, "view": {"id": "V", "state": 7}})
    for inner in (None, SECRET, {}, {"type": "team_join"}, {"type": "team_join", "user": SECRET}):
        event = {"type": "event_callback", "team_id": values["team_id"], "api_app_id": values["app_id"]}
        yield json.dumps(event | {"event": inner}).encode()
        yield json.dumps(event | {"event": inner, "event_id": "Ev1"}).encode()
    yield knocker.command("", SECRET)
    yield knocker.command("U1", SECRET, command="")
    yield json.dumps({"type": SECRET, "team_id": values["team_id"], "api_app_id": values["app_id"]}).encode()
    yield json.dumps({"type": "event_callback", "team": SECRET, "api_app_id": values["app_id"]}).encode()


def form_body(payload: dict[str, Any]) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


async def test_payloads_without_what_slack_always_sends_do_no_harm(
    knocker: Knocker, logged: Callable[[], str]
) -> None:
    for body in _payloads(knocker):
        heard = await knocker.knock(body)
        assert heard.status < 500, body
        assert heard.seconds < 3.0, body
    said = logged()
    no_trace(said)
    assert "incident" not in said


async def test_too_large_and_other_methods(knocker: Knocker, logged: Callable[[], str]) -> None:
    large = b"text=" + b"x" * (1024 * 1024)
    assert (await knocker.knock(large)).status == 413
    url = f"http://127.0.0.1:{knocker.ports[0]}"
    for path, status in (("/slack/events", 405), ("/nowhere", 404)):
        async with knocker.http.get(url + path) as answer:
            assert answer.status == status
    reader, writer = await asyncio.open_connection("127.0.0.1", knocker.ports[0])
    writer.write(b"POST /slack/events " + SECRET.encode() + b"\r\n\r\n")
    assert (await reader.readline()).split()[1] == b"400"
    writer.close()
    no_trace(logged())


async def test_url_verification_needs_the_signature(knocker: Knocker) -> None:
    asked = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"}).encode()
    heard = await knocker.knock(asked)
    assert (heard.status, heard.body) == (200, {"challenge": "abc"})
    assert (await knocker.knock(asked, signature="v0=x")).status == 401


async def test_events_nobody_listens_to_are_acknowledged(knocker: Knocker) -> None:
    for kind in ("channel_created", "app_uninstalled", "tokens_revoked", "never_heard_of"):
        assert (await knocker.knock(knocker.event({"type": kind}))).status == 200


async def test_names_of_other_libraries_in_the_environment_change_nothing(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("CLIENT_ID", "CLIENT_SECRET", "BOT_TOKEN", "SIGNING_SECRET", "SCOPES", "VERIFICATION_TOKEN"):
        monkeypatch.setenv(f"SLACK_{name}", "xoxb-other")
    async with world_in(tmp_path / "world") as world:
        asker = a_member(world, "佐藤 健")
        assert "佐藤 健" in await asker.types("/alumni find 佐藤")
        await asker.opens_home()
        assert not [call for call in world.slack.calls() if not call.ok]
    assert not (tmp_path / "home").exists()


# --- who may, and what it costs -----------------------------------------------------------------------


async def test_a_command_asks_slack_nothing(world: World) -> None:
    asker = a_member(world, "佐藤 健")
    await world.settle()
    before = len(world.slack.calls())
    assert "佐藤 健" in await asker.types("/alumni find 佐藤")
    assert world.slack.calls()[before:] == []
    assert world.slack.calls("auth.test") == []


async def test_strangers_and_guests_see_nobody(world: World, knocker: Knocker) -> None:
    member = a_member(world, "佐藤 健")
    value = json.dumps(["find.turn", {"query": "佐藤", "page": 1}])
    stranger = {"id": member.alumni_user, "team_id": "T0ELSEWHERE"}
    team, bodies = ALUMNI, [
        knocker.press(member.alumni_user, value, user=stranger),
        knocker.interaction("shortcut", "", user=stranger, callback_id="find", trigger_id="9.1"),
        knocker.interaction("block_suggestion", "", user=stranger, value="佐藤", block_id="who",
                            action_id="who",
                            view={"id": "V1", "private_metadata": json.dumps(['["find.someone",{}]', ""])}),
        knocker.interaction("view_submission", "", user=stranger, trigger_id="9.2",
                            view={"id": "V1", "type": "modal", "callback_id": "find.someone",
                                  "private_metadata": json.dumps(['["find.someone",{}]', ""])}),
    ]  # fmt: skip
    for body in bodies:
        heard = await knocker.knock(body)
        assert heard.status == 200
        assert "佐藤" not in heard.text
    await world.answered()
    described(world, Side.ALUMNI, member.alumni_user, "ja", Standing.GUEST)
    assert "正式なメンバー" in await member.types("/alumni find 佐藤")
    view = {"id": "V1", "private_metadata": json.dumps(['["find.someone",{}]', ""])}
    sought = knocker.interaction("block_suggestion", member.alumni_user, value="佐藤", block_id="who",
                                 action_id="who", view=view)  # fmt: skip
    assert (await knocker.knock(sought)).body == {"options": []}
    assert "佐藤 健" not in "".join(str(m.blocks) for m in world.slack.messages(team, member.alumni_user))


async def test_an_account_of_nobody_knows_finds_nobody(world: World) -> None:
    a_member(world, "佐藤 健")
    user = world.slack.add_person(ALUMNI, name="新人", email="new@home.example.jp", guest=True)
    newcomer = Somebody(world, "新人", alumni_user=user)
    assert "佐藤 健" not in await newcomer.types("/alumni find 佐藤")
    await world.settle()
    assert "正式なメンバー" in await newcomer.types("/alumni find 佐藤"), "Slack was asked: a guest"


# --- bugs ---------------------------------------------------------------------------------------------


@contextmanager
def broken(world: World, table: str) -> Iterator[None]:
    """A bug: a table is not what the code takes it for."""
    world.writes(lambda tx: tx.execute(text(f"ALTER TABLE {table} RENAME TO {table}_hidden")))
    yield
    world.writes(lambda tx: tx.execute(text(f"ALTER TABLE {table}_hidden RENAME TO {table}")))


async def test_a_bug_is_told_with_a_code_and_logged_without_personal_data(
    world: World, logged: Callable[[], str]
) -> None:
    asker = a_member(world, "佐藤 健")
    with broken(world, "search_docs"):
        said = await asker.types(f"/alumni find {SECRET}")
        await asker.presses("find.someone") if "find.someone" in said else None
    log = logged()
    line = next(json.loads(one) for one in log.splitlines() if '"incident"' in one)
    assert line["code"] in said
    no_trace(log)
    assert asker.alumni_user not in log
    kept = world.reads(lambda tx: tx.query(Line).filter(Line.what == "incident").all())
    assert [one.detail.split()[0] for one in kept] == [line["code"]]


async def test_a_bug_takes_back_what_its_handler_wrote(world: World) -> None:
    editor = a_member(world, "佐藤 健", employer="青空ロジ")
    await editor.types("/alumni profile")
    await editor.presses("profile.edit")
    with broken(world, "search_docs"):
        await editor.fills(employer="北浜テック")
        assert "北浜テック" not in editor.sees()
    assert "北浜テック" not in await editor.types("/alumni profile")
    await editor.presses("profile.edit", employer="北浜テック")
    assert "北浜テック" in editor.sees(), "and it can be sent again"


@pytest.mark.long
async def test_a_bug_after_the_ack_leaves_the_ack(
    world: World, knocker: Knocker, logged: Callable[[], str]
) -> None:
    asker = a_member(world, "佐藤 健")
    world.slack.faults.drop_after_accept("*", times=20)
    body = knocker.press(asker.alumni_user, '["help.show",{}]', response_url="http://127.0.0.1:9/gone")
    assert (await knocker.knock(body)).status == 200
    opened = knocker.event({"type": "app_home_opened", "user": asker.alumni_user, "tab": "home"})
    assert (await knocker.knock(opened)).status == 200
    assert "入力画面を開く" in await asker.types("/alumni find"), "no dialog came, so a button does"
    await world.answered()
    assert "Traceback" not in logged()
