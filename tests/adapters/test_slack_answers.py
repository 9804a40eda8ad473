"""How answers reach people in Slack: in time, late, and at every place where something can be done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot.conversation import Side
from bot.playground import TEAMS
from storage.engine import Tx
from storage.journal import Line
from tests.databases import busy
from tests.journeys import who_was_asked
from tests.knocks import Heard, Knocker, a_member, knocking
from tests.world import Somebody, World

ALUMNI, COMPANY = TEAMS[Side.ALUMNI], TEAMS[Side.COMPANY]


@pytest.fixture
async def knocker(world: World) -> AsyncIterator[Knocker]:
    async with knocking(world) as made:
        yield made


# --- slow storage -------------------------------------------------------------------------------------


async def test_slow_storage_is_acknowledged_in_time_and_answered_afterwards(world: World) -> None:
    editor = a_member(world, "佐藤 健")
    leaver = await who_was_asked(world)
    user = world.slack.add_person(ALUMNI, name="新人", email="new@home.example.jp")
    newcomer = Somebody(world, "新人", alumni_user=user)
    await editor.types("/alumni profile")
    await editor.presses("profile.edit")
    view = editor.modal()
    assert view is not None
    with busy(world.ground.app.core.database) as ends:
        asyncio.get_running_loop().call_later(3.2, ends)
        typed, pressed, sent = await asyncio.gather(
            world.slack.types(ALUMNI, user, "/alumni join WRONG"),
            world.slack.presses(COMPANY, leaver.company_user, action=_action(world, leaver, "welcome.no")),
            world.slack.submits(ALUMNI, editor.alumni_user, view.id, {"employer": "北浜テック"}),
        )
        for delivery in (typed, pressed, sent):
            assert delivery.ok
            assert 2.4 < delivery.seconds < 3.0
        waiting = editor.modal()
        assert waiting is not None
        assert "処理しています" in waiting.title
        await world.answered()
    assert "コード" in newcomer.sees()
    assert "北浜テック" in editor.sees()
    assert leaver.stage.value == "declined"
    assert "処理しています" not in editor.sees()


async def test_an_event_is_acknowledged_only_when_it_is_kept(world: World, knocker: Knocker) -> None:
    user = {"id": "U0NEW", "team_id": ALUMNI, "profile": {}}
    body = knocker.event({"type": "team_join", "user": user})
    with busy(world.ground.app.core.database) as ends:
        asyncio.get_running_loop().call_later(0.6, ends)
        heard = await knocker.knock(body)
    assert heard.status == 200
    assert heard.seconds > 0.5, "a crash in between would lose it"


def _action(world: World, who: Somebody, name: str) -> str:
    return str(world.button(*who._at(None), name)[1]["action_id"])


@contextmanager
def slowly(world: World, seconds: float) -> Iterator[Callable[[], object]]:
    """Every answer takes this long, in the block and until what it gives is called."""
    database = world.ground.app.core.database
    quick = database.run

    async def run(fn: Callable[[Tx], Any], *, reads: bool = False) -> Any:
        await asyncio.sleep(seconds)
        return await quick(fn, reads=reads)

    database.run = run  # type: ignore[method-assign]
    yield lambda: setattr(database, "run", quick)
    database.run = quick  # type: ignore[method-assign]


@pytest.mark.long
async def test_a_form_that_took_long_to_prepare_comes_as_a_button(world: World) -> None:
    editor = a_member(world, "佐藤 健")
    await editor.types("/alumni profile")
    with slowly(world, 1.7):
        await editor.types_once("/alumni find")
        await editor.presses_once("profile.edit")
    assert editor.sees().count("入力画面を開く") == 2
    assert editor.modal() is None
    assert world.slack.calls("views.open") == []
    await editor.presses("profile.edit")
    assert editor.modal() is not None
    await world.slack.closes(ALUMNI, editor.alumni_user, editor.modal().id)  # type: ignore[union-attr]
    await editor.opens_home()
    with slowly(world, 1.7):
        await editor.presses_once("find.someone")
    assert editor.modal() is None
    assert "入力画面を開く" in editor.sees(), "from the home it is said in the conversation"


@pytest.mark.long
async def test_people_press_the_button_of_a_late_form_and_fill_it_in(world: World) -> None:
    editor = a_member(world, "佐藤 健")
    await editor.types("/alumni profile")
    with slowly(world, 1.7) as in_time:
        asyncio.get_running_loop().call_later(1.6, in_time)
        await editor.presses("profile.edit")
    assert "入力画面を開く" in editor.sees()
    assert await editor.fills(Side.ALUMNI, employer="北浜テック") == {}
    assert "北浜テック" in editor.sees()


@pytest.mark.long
async def test_people_type_again_what_came_too_late_for_a_dialog(world: World) -> None:
    aiko = a_member(world, "髙橋 愛子")
    with slowly(world, 2.7) as in_time:
        asyncio.get_running_loop().call_later(2.6, in_time)
        await aiko.types("/alumni プライバシー")
    assert "もう一度操作" in aiko.sees()
    assert aiko.modal() is not None


@pytest.mark.long
async def test_what_came_too_late_for_a_dialog_is_never_put_into_a_message(world: World) -> None:
    leaver = await who_was_asked(world)
    await leaver.says_yes()
    await world.slack.closes(COMPANY, leaver.company_user, leaver.modal(Side.COMPANY).id)  # type: ignore[union-attr]
    with slowly(world, 2.7):
        await leaver.presses_once("welcome.mine")
    assert leaver.modal() is None
    assert "もう一度操作" in leaver.sees()
    assert leaver.home_email not in leaver.sees()


# --- places ---------------------------------------------------------------------------------------------


async def test_the_home_offers_and_is_shown_anew_after_a_press(world: World) -> None:
    member = a_member(world, "佐藤 健")
    assert "探す" in await member.opens_home()
    before = len(world.slack.calls("views.publish"))
    await member.presses("profile.edit")
    assert member.modal() is not None
    assert len(world.slack.calls("views.publish")) == before + 1


async def test_two_presses_on_an_old_home_end_with_the_newest(world: World, knocker: Knocker) -> None:
    member = a_member(world, "佐藤 健")
    await member.opens_home()
    home = world.slack.home(ALUMNI, member.alumni_user)
    stale = {"id": home.id, "type": "home", "hash": "1.old"}
    body = knocker.press(member.alumni_user, '["help.show",{}]', view=stale, container={"view_id": home.id})
    assert (await knocker.knock(body)).status == 200
    await world.answered()
    errors = [call.error for call in world.slack.calls("views.publish")]
    assert errors == [None, "hash_conflict", None]


@pytest.mark.long
async def test_a_press_in_a_dialog_changes_that_dialog(world: World) -> None:
    leaver = await who_was_asked(world)
    await leaver.says_yes()
    first = leaver.modal()
    await leaver.presses("welcome.mine")
    await leaver.presses("welcome.resend")
    assert first is not None
    assert world.slack.calls("views.update")[-1].args.get("hash")
    assert not [
        m for m in world.slack.messages(COMPANY, leaver.company_user) if leaver.home_email in str(m.blocks)
    ]


async def test_more_dialogs_than_slack_stacks(world: World) -> None:
    editor = a_member(world, "佐藤 健")
    await editor.types("/alumni profile")
    for number in range(5):
        await editor.presses("profile.edit", employer=f"青空ロジ{number}")
    assert "青空ロジ4" in editor.sees()


async def test_a_search_field_suggests_while_typing(world: World) -> None:
    asker = a_member(world, "佐藤 健")
    a_member(world, "髙橋 愛子", employer="青空ロジ")
    await asker.types("/alumni find")
    view = asker.modal()
    assert view is not None
    options = await world.slack.seeks(ALUMNI, asker.alumni_user, view.id, "who", "高")
    assert ["髙橋 愛子" in str(option) for option in options] == [True]
    await asker.fills(who=options[0])
    assert "青空ロジ" in asker.sees()


@pytest.mark.long
async def test_global_shortcuts_open_dialogs(world: World) -> None:
    asker = a_member(world, "佐藤 健")
    for name, words in (("find", ""), ("help", "/alumni"), ("profile", "佐藤 健")):
        delivery = await world.slack.uses_shortcut(ALUMNI, asker.alumni_user, name)
        assert delivery.ok
        await world.answered()
        view = asker.modal()
        assert view is not None
        assert words in asker.sees()
        await world.slack.closes(ALUMNI, asker.alumni_user, view.id)
    with slowly(world, 1.7):
        assert (await world.slack.uses_shortcut(ALUMNI, asker.alumni_user, "profile")).ok
        await world.answered()
    assert asker.modal() is None
    assert "佐藤 健" in asker.sees(), "too late for a dialog: said in the conversation"


async def test_words_in_the_conversation_are_commands_too(world: World, knocker: Knocker) -> None:
    asker = a_member(world, "佐藤 健")
    assert "佐藤 健" in await asker.types("find 佐藤")
    assert "佐藤 健" in await asker.types("探す　佐藤")
    user = world.slack.add_person(ALUMNI, name="新人", email="new@home.example.jp")
    newcomer = Somebody(world, "新人", alumni_user=user)
    assert "コード" in await newcomer.types("join WRONG"), "also those that change something"
    said = {"type": "message", "channel_type": "im", "user": user, "text": "join WRONG", "team": ALUMNI,
            "channel": world.slack.workspace(ALUMNI).direct(user).id, "ts": "1.1"}  # fmt: skip
    before = len(world.slack.calls("chat.postMessage"))
    body = knocker.event(said)
    for heard in await asyncio.gather(*(knocker.knock(body) for _ in range(3))):
        assert heard.status == 200
    await world.answered()
    assert len(world.slack.calls("chat.postMessage")) == before + 1


async def test_a_double_click_concurrently_is_one_row(world: World, knocker: Knocker) -> None:
    leaver = await who_was_asked(world)
    value = json.dumps(["welcome.no", {"leaver": leaver.row.id}])
    bodies = [knocker.press(leaver.company_user, value, Side.COMPANY) for _ in range(5)]
    heard: list[Heard] = await asyncio.gather(*(knocker.knock(body, Side.COMPANY) for body in bodies))
    assert {one.status for one in heard} == {200}
    await world.answered()
    said = world.reads(lambda tx: tx.query(Line).filter(Line.what == "consent.refused").count())
    assert said == 1


async def test_codes_and_answers_are_never_in_a_stored_message(world: World) -> None:
    leaver = await who_was_asked(world)
    await leaver.says_yes()
    await leaver.presses("welcome.mine")
    code = leaver.proof_code()
    await leaver.proves_the_address()
    await world.on("2026-03-31", at="18:00")
    await world.on("2026-04-01")
    await leaver.joins()
    joining = leaver.joining_code
    stored = "".join(str(call.args) for call in world.slack.calls() if call.method.startswith("chat."))
    for team in (ALUMNI, COMPANY):
        for person in world.slack.people(team):
            stored += "".join(str(m) for m in world.slack.messages(team, person.user))
    for secret in (code, joining, leaver.home_email):
        assert secret not in stored
    assert "おかえりなさい" in stored


@pytest.mark.long
async def test_an_address_slack_does_not_confirm_ties_nobody(world: World) -> None:
    leaver = await who_was_asked(world)
    await leaver.says_yes()
    await leaver.proves_the_address()
    await world.on("2026-03-31", at="18:00")
    await leaver.joins(email_confirmed=False)
    assert leaver.stage.value == "enrolled"
    assert "まず参加の手続き" in await leaver.types("/alumni find 佐藤", Side.ALUMNI)
