"""The Teams door from end to end: people type and press in the local Teams, the house answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.conversation import Side
from tests.adapters.teams_street import (
    APPS,
    Street,
    a_team,
    last,
    lines,
    presses,
    says,
    street_in,
    title_of,
)

COMPANY, ALUMNI = Side.COMPANY, Side.ALUMNI


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with street_in(tmp_path) as made:
        yield made


# --- words ---------------------------------------------------------------------------------------------


async def test_somebody_is_found_in_the_own_chat(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    street.alumnus("山田 花子", employer="北浜テック")
    for words in ("find 山田", "探す 山田", "/alumni find 山田", "　ＦＩＮＤ　「山田」"):
        delivery = await says(street, asker, words)
        assert (delivery.ok, delivery.status) == (True, 200)
        assert {"山田 花子", "北浜テック"} <= set(lines(last(street, asker).cards[0])), words
    assert len(street.teams.chat(asker)) == 8


async def test_the_answer_is_in_the_language_that_teams_speaks(street: Street) -> None:
    assert (await says(street, street.stranger("New", "en"), "find x")).ok
    who = street.stranger("新人", "ja")
    await says(street, who, "find x")
    assert "まず参加の手続き" in street.seen(who)
    other = street.stranger("Other", "en")
    await says(street, other, "find x")
    assert "Please join first" in street.seen(other)


async def test_the_same_message_twice_is_answered_once(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    await says(street, asker, "find 佐藤")
    again = await asyncio.gather(*(street.teams.redelivers() for _ in range(3)))
    await street.quiet()
    assert all(one.ok for one in again)
    assert len([one for one in street.teams.chat(asker) if one.by_bot]) == 1


async def test_the_same_id_in_another_conversation_is_another_message(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    first = await says(street, asker, "find 佐藤")
    place = {**first.activity["conversation"], "id": "a:1another"}
    second = await street.teams.sends(APPS[ALUMNI], {**first.activity, "conversation": place})
    await street.quiet()
    assert second.ok
    assert len(street.teams.calls("send")) == 2


async def test_what_a_bot_says_is_nothing_to_answer(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    said = (await says(street, asker, "help")).activity
    sent = len(street.teams.calls("send"))
    for sender in ({"id": f"28:{APPS[ALUMNI]}"}, {**said["from"], "role": "bot"}):
        delivery = await street.teams.sends(APPS[ALUMNI], {**said, "id": "9", "from": sender})
        assert delivery.status == 200
    await street.quiet()
    assert len(street.teams.calls("send")) == sent


async def test_both_sides_have_a_bot_and_never_mix(street: Street) -> None:
    asker, clerk = street.alumnus("佐藤 健"), street.stranger("人事 花", side=COMPANY)
    await says(street, clerk, "find 佐藤", COMPANY)
    assert "佐藤 健" not in street.seen(clerk, COMPANY)
    await says(street, asker, "leavers")
    assert "ここでは使えません" in street.seen(asker)


# --- channels ------------------------------------------------------------------------------------------


async def test_a_private_answer_asked_in_a_channel_goes_to_the_own_chat(street: Street) -> None:
    asker, other = street.alumnus("佐藤 健"), street.alumnus("山田 花子", employer="北浜テック")
    channel = await a_team(street, asker, other)
    delivery = await street.teams.mentions_bot(asker, channel, "find 山田", ALUMNI.value)
    await street.quiet()
    assert delivery.ok
    in_channel = [one for one in street.teams.messages(channel) if one.by_bot]
    words = "\n".join(line for one in in_channel for card in one.cards for line in lines(card))
    assert "チャットにお送りしました" in words
    assert "北浜テック" not in words
    assert "北浜テック" in street.seen(asker)
    assert not street.seen(other)
    assert [one.thread for one in in_channel] == [delivery.activity["id"]], "the pointer stands in the thread"


async def test_without_the_app_the_channel_says_what_to_do(street: Street) -> None:
    asker = street.stranger("佐藤 健", "en")
    channel = await a_team(street, asker)
    street.teams.faults.fail("create", 403)
    await street.teams.mentions_bot(asker, channel, "help", ALUMNI.value)
    await street.quiet()
    words = "\n".join(lines([one.cards for one in street.teams.messages(channel) if one.by_bot]))
    assert "add Okaeri from the apps" in words
    assert not street.seen(asker)


async def test_a_channel_is_heard_only_when_the_bot_is_called(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    channel = await a_team(street, asker)
    delivery = await street.teams.mentions_bot(asker, channel, "find 佐藤", ALUMNI.value)
    await street.quiet()
    sent = len(street.teams.calls("send"))
    bare = {**delivery.activity, "id": "77", "entities": [], "text": "find 佐藤"}
    assert (await street.teams.sends(APPS[ALUMNI], bare)).status == 200
    await street.quiet()
    assert len(street.teams.calls("send")) == sent


# --- buttons -------------------------------------------------------------------------------------------


async def test_a_button_turns_the_page_in_its_place(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    for number in range(12):
        street.alumnus(f"{'一二三四五六七八九十百千'[number]}条 寿")
    await says(street, asker, "find 寿")
    message = last(street, asker)
    delivery = await presses(street, asker, "find.turn")
    assert delivery.ok
    assert delivery.body["type"] == "application/vnd.microsoft.card.adaptive"
    assert last(street, asker).id == message.id
    assert last(street, asker).edited, "on every device of the person"
    shown = "\n".join(lines(street.teams.card(asker, message.id)))
    assert sum(f"{sign}条 寿" in shown for sign in "一二三四五六七八九十百千") == 2


async def test_the_answer_to_a_button_stands_below_it(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    street.alumnus("山田 花子", employer="北浜テック")
    await says(street, asker, "find 山田")
    first = last(street, asker)
    delivery = await presses(street, asker, "find.show")
    assert delivery.body["value"] == "下にお答えしました"
    assert last(street, asker).id != first.id
    assert "北浜テック" in lines(last(street, asker).cards[0])


async def test_an_old_client_presses_by_a_message(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    street.teams.admin.changes(asker, old_client=True)
    await says(street, asker, "find 佐藤")
    sent = {"bound": '["find.turn",{"query":"佐藤","page":1}]'}
    message = (await says(street, asker, "help")).activity
    activity = {**message, "id": "88", "text": "", "value": sent, "replyToId": last(street, asker).id}
    assert (await street.teams.sends(APPS[ALUMNI], activity)).status == 200
    await street.quiet()
    assert last(street, asker).edited
    assert "佐藤 健" in lines(last(street, asker).cards[0])


async def test_a_forged_or_outdated_button_is_refused_kindly(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    message = (await says(street, asker, "help")).activity
    for data in ({"bound": '["find.nothing",{}]'}, {"bound": "["}, {"bound": 7}, {}, None, "x", []):
        value = {"action": {"type": "Action.Execute", "verb": "x", "data": data}, "trigger": "manual"}
        activity = {**message, "type": "invoke", "name": "adaptiveCard/action", "value": value}
        delivery = await street.teams.sends(APPS[ALUMNI], {**activity, "id": f"i{data}", "text": ""})
        await street.quiet()
        assert (delivery.status, delivery.body["statusCode"]) == (200, 200), data
        assert "古くなって" in "\n".join(lines(last(street, asker).cards[0])), data


async def test_an_invoke_that_nobody_knows_is_not_implemented(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    message = (await says(street, asker, "help")).activity
    for name in ("signin/verifyState", "fileConsent/invoke", "", None):
        activity = {**message, "type": "invoke", "name": name, "value": {}, "id": f"n{name}"}
        assert (await street.teams.sends(APPS[ALUMNI], activity)).status == 501
    broken = {**message, "type": "invoke", "name": "adaptiveCard/action", "value": 7, "id": "broken"}
    assert (await street.teams.sends(APPS[ALUMNI], broken)).status == 400


# --- dialogs -------------------------------------------------------------------------------------------


async def test_a_form_keeps_what_was_typed_and_shows_what_is_wrong(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    await says(street, asker, "profile")
    opened = await street.teams.opens_dialog(
        asker, last(street, asker).id, title_of(last(street, asker).cards[0], "profile.edit")
    )
    delivery = await street.teams.fills(opened, {"name": "", "employer": "北浜テック"})
    await street.quiet()
    dialog = street.teams.dialog(asker)
    assert delivery.ok
    assert dialog is not None
    assert dialog.values["employer"] == "北浜テック"
    assert "入力してください。" in lines(dialog.card)
    await street.teams.fills(dialog, {"name": "佐藤 健"})
    await street.quiet()
    shown = street.teams.dialog(asker)
    assert "北浜テック" in street.seen(asker) + "\n".join(lines(shown.card) if shown else [])


async def test_a_command_that_asks_something_brings_a_button_for_its_form(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    other = street.alumnus("山田 花子", employer="北浜テック")
    await says(street, asker, "find")
    opened = await street.teams.opens_dialog(
        asker, last(street, asker).id, title_of(last(street, asker).cards[0], "find.someone")
    )
    options = await street.teams.searches(asker, opened, "who", "山田")
    assert options[0]["title"].startswith("山田 花子")
    delivery = await street.teams.fills(opened, {"who": options[0]["value"]})
    await street.quiet()
    dialog = street.teams.dialog(asker)
    assert delivery.ok
    assert dialog is not None
    assert "北浜テック" in lines(dialog.card)
    assert other


async def test_what_is_for_ones_eyes_only_opens_in_a_dialog(street: Street) -> None:
    asker = street.alumnus("佐藤 健", employer="北浜テック")
    await says(street, asker, "privacy")
    card = last(street, asker).cards[0]
    assert "あなただけにお見せします" in lines(card)
    opened = await street.teams.opens_dialog(asker, last(street, asker).id, title_of(card, "teams.say"))
    assert len(lines(opened.card)) > 5
    assert not [one for one in street.teams.chat(asker) if "privacy." in str(one.cards)]


# --- the message extension -----------------------------------------------------------------------------


async def test_the_message_extension_finds_by_what_everybody_may_see(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    street.alumnus("山田 花子", employer="北浜テック")
    (found,) = await street.teams.asks_extension(asker, "山田")
    assert {"山田 花子", "北浜テック"} <= set(lines(found["content"]))
    assert found["preview"]["content"]["title"] == "山田 花子"
    assert await street.teams.asks_extension(asker, "") == []
    assert await street.teams.asks_extension(asker, "鈴木") == []


async def test_the_message_extension_tells_strangers_nothing(street: Street) -> None:
    street.alumnus("山田 花子")
    for who, side in ((street.stranger("誰か"), ALUMNI), (street.stranger("社員", side=COMPANY), COMPANY)):
        assert await street.teams.asks_extension(who, "山田", side=side.value) == []
        told = street.teams.deliveries("invoke:composeExtension/query")[-1].body["composeExtension"]
        assert told["type"] == "message"
        assert "山田" not in told["text"]
