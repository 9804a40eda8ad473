"""Cards, dialogs, search fields and the message extension of the local Teams, as a person uses them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from adapters.playground.local_teams import LocalTeams, Patience
from tests.adapters.teams_bot import (
    BOT,
    CARD,
    TENANT,
    Bot,
    attached,
    card,
    execute,
    fetch,
    form,
    refreshed,
    said,
    served,
    text,
)
from tests.adapters.wire_app import Wire

NAME = {"type": "Input.Text", "id": "name", "label": "名前", "isRequired": True, "errorMessage": "入力して"}
TICK = {"type": "Input.Toggle", "id": "ok", "title": "同意", "isRequired": True}
SIZE = {"type": "Input.ChoiceSet", "id": "size", "choices": [{"title": "大", "value": "l"}]}
WHO = {"type": "Input.ChoiceSet", "id": "who", "choices": [],
       "choices.data": {"type": "Data.Query", "dataset": "people"}}  # fmt: skip


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with served(LocalTeams(Wire())) as found:
        yield found


@pytest.fixture
def aiko(bot: Bot) -> str:
    person = bot.teams.add_person(TENANT, name="田中 愛子", mail="aiko@example.co.jp")
    bot.teams.has_app(person)
    return person


# --- presses ----------------------------------------------------------------------------------------------


async def test_a_press_is_an_invoke_and_its_card_is_for_who_pressed(bot: Bot, aiko: str) -> None:
    ken = bot.teams.add_person(TENANT, name="Ken", mail="ken@example.co.jp")
    team = bot.teams.add_team(TENANT, "All", [aiko, ken])
    await bot.teams.adds_bot(aiko, team.id)
    _, sent = await bot.posts(team.id, attachments=[attached(card(NAME, actions=[execute(id="b1")]))])
    bot.body = refreshed(card(text("done")))
    delivery = await bot.teams.presses(aiko, sent["id"], "Yes", {"name": "愛"})
    assert (delivery.kind, delivery.ok) == ("invoke:adaptiveCard/action", True)
    heard = bot.heard[-1]
    assert heard["value"] == {
        "action": {"type": "Action.Execute", "id": "b1", "title": "Yes", "verb": "press",
                   "data": {"n": 1, "name": "愛"}},
        "trigger": "manual",
    }  # fmt: skip
    assert (heard["replyToId"], heard["conversation"]["id"]) == (
        sent["id"],
        f"{team.id};messageid={sent['id']}",
    )
    assert heard["id"].startswith("f:")
    assert bot.teams.card(aiko, sent["id"]) == card(text("done"))
    assert bot.teams.card(ken, sent["id"]) != card(text("done"))
    new = said(attachments=[attached(card(text("for all")))])
    status, _ = await bot.calls("PUT", f"/{team.id}/activities/{sent['id']}", new)
    assert (status, bot.teams.card(aiko, sent["id"])) == (200, card(text("for all")))


async def test_words_and_errors_stand_under_the_card(bot: Bot, aiko: str) -> None:
    shown = await bot.shows(aiko, card(actions=[execute()]))
    bot.body = {"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": "済"}
    assert (await bot.teams.presses(aiko, shown)).ok
    assert bot.teams.note(aiko, shown) == "済"
    bot.body = {"statusCode": 400, "type": "application/vnd.microsoft.error",
                "value": {"code": "400", "message": "期限切れ"}}  # fmt: skip
    assert (await bot.teams.presses(aiko, shown)).error == "bot_error"
    assert bot.teams.note(aiko, shown) == "期限切れ"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (None, "invalid_response"),
        ({"type": CARD, "value": card()}, "invalid_response"),
        ({"statusCode": 200, "type": "text", "value": "x"}, "invalid_response"),
        (refreshed(card(version="1.6")), "invalid_card"),
        (refreshed({"type": "Card"}), "invalid_card"),
        (refreshed(card(text("あ" * 60_000))), "invalid_card"),
    ],
)
async def test_an_answer_that_teams_cannot_use_changes_nothing(
    bot: Bot, aiko: str, body: Any, error: str
) -> None:
    shown = await bot.shows(aiko, card(actions=[execute()]))
    bot.body = body
    delivery = await bot.teams.presses(aiko, shown)
    assert (delivery.error, bot.teams.deliveries()[-1].error) == (error, error)
    assert bot.teams.card(aiko, shown) == card(actions=[execute()])


async def test_an_old_client_sends_the_fallback_as_a_message(bot: Bot, aiko: str) -> None:
    bot.teams.admin.changes(aiko, old_client=True)
    shown = await bot.shows(aiko, card(NAME, actions=[execute()]))
    await bot.teams.presses(aiko, shown, {"n": 1}, {"name": "愛"})
    heard = bot.heard[-1]
    assert (heard["type"], heard["value"], heard["replyToId"]) == (
        "message",
        {"n": 1, "name": "愛"},
        shown,
    )
    assert "text" not in heard
    bare = await bot.shows(aiko, card(actions=[execute(fallback="drop")]))
    with pytest.raises(LookupError, match="no fallback"):
        await bot.teams.presses(aiko, bare)


async def test_other_kinds_of_buttons(bot: Bot, aiko: str) -> None:
    back = {"msteams": {"type": "messageBack", "text": "find 山田", "value": {"a": 1}}}
    shown = await bot.shows(
        aiko,
        card(
            {"type": "Container", "items": [text("x")], "selectAction": execute("Tap")},
            actions=[
                {"type": "Action.OpenUrl", "title": "Web", "url": "https://example.com/"},
                {"type": "Action.Submit", "title": "Back", "data": back},
                {"type": "Action.Submit", "title": "Say",
                 "data": {"msteams": {"type": "imBack", "value": "help"}}},
                {"type": "Action.ShowCard", "title": "More",
                 "card": card(NAME, actions=[execute("Inner")])},
            ],
        ),
    )  # fmt: skip
    assert (await bot.teams.presses(aiko, shown, "Web")).body == "https://example.com/"
    assert bot.heard == []
    free = await bot.shows(aiko, card(NAME, actions=[execute("Skip", associatedInputs="none")]))
    bot.body = refreshed(card())
    await bot.teams.presses(aiko, free, "Skip")
    assert bot.heard[-1]["value"]["action"]["data"] == {"n": 1}
    await bot.teams.presses(aiko, shown, "Back")
    assert (bot.heard[-1]["text"], bot.heard[-1]["value"]) == ("find 山田", {"a": 1})
    await bot.teams.presses(aiko, shown, "Say")
    assert (bot.heard[-1]["text"], bot.teams.chat(aiko)[-1].text) == ("help", "help")
    assert (await bot.teams.presses(aiko, shown, "Inner")).error == "client_errors"
    await bot.teams.presses(aiko, shown, "Inner", {"name": "愛"})
    assert bot.heard[-1]["value"]["action"]["data"] == {"n": 1, "name": "愛"}
    again = await bot.shows(
        aiko, card({"type": "Container", "items": [text("x")], "selectAction": execute("Tap")})
    )
    assert (await bot.teams.presses(aiko, again, "Tap")).ok


async def test_nobody_presses_what_they_do_not_see(bot: Bot, aiko: str) -> None:
    ken = bot.teams.add_person(TENANT, name="Ken", mail="ken@example.co.jp")
    shown = await bot.shows(aiko, card(actions=[execute(), execute("Off", isEnabled=False)]))
    for person, message, button in ((ken, shown, "Yes"), (aiko, "9", "Yes"), (aiko, shown, "Off")):
        with pytest.raises(LookupError):
            await bot.teams.presses(person, message, button)
    bot.teams.admin.switches_off(BOT)
    assert (await bot.teams.presses(aiko, shown)).error == "disabled"
    assert bot.heard == []


async def test_a_card_refreshes_itself_for_those_it_names(bot: Bot, aiko: str) -> None:
    again = {"action": {"type": "Action.Execute", "title": "r", "verb": "again", "data": {"n": 2}}}
    mine = await bot.shows(aiko, card(refresh=again | {"userIds": [bot.teams.account(aiko)]}))
    bot.body = refreshed(card(text("fresh")))
    assert (await bot.teams.refreshes(aiko, mine)).ok
    assert bot.heard[-1]["value"]["trigger"] == "automatic"
    assert bot.teams.card(aiko, mine) == card(text("fresh"))
    for other in (card(refresh=again | {"userIds": ["29:x"]}), card()):
        assert (await bot.teams.refreshes(aiko, await bot.shows(aiko, other))).error == "client_errors"


# --- dialogs ----------------------------------------------------------------------------------------------


async def test_a_dialog_is_fetched_filled_in_and_sent(bot: Bot, aiko: str) -> None:
    bot.body = form(NAME, TICK, SIZE)
    shown = await bot.shows(aiko, card(actions=[fetch()]))
    dialog = await bot.teams.opens_dialog(aiko, shown, "Open")
    heard = bot.heard[-1]
    assert (heard["name"], heard["replyToId"]) == ("task/fetch", shown)
    assert heard["value"]["data"] == {"form": "f", "msteams": {"type": "task/fetch"}}
    assert (dialog.title, dialog.height, dialog.width) == ("題", "medium", 400)
    assert dialog.values == {"name": "", "ok": "false", "size": ""}
    bot.body = {"task": {"type": "message", "value": "ありがとう"}}
    sent = await bot.teams.fills(dialog, {"name": "愛", "ok": True, "size": "大"})
    assert (sent.kind, sent.ok) == ("invoke:task/submit", True)
    assert bot.heard[-1]["value"]["data"] == {"form": "f", "name": "愛", "ok": "true", "size": "l"}
    assert bot.teams.dialog(aiko) is None
    assert bot.teams.note(aiko, shown) == "ありがとう"


async def test_the_client_refuses_what_is_missing_or_wrong(bot: Bot, aiko: str) -> None:
    mail = {"type": "Input.Text", "id": "mail", "regex": "^.+@.+$", "maxLength": 12, "errorMessage": "メール"}
    bot.body = form(NAME, TICK, mail)
    await bot.teams.opens_dialog(aiko, await bot.shows(aiko, card(actions=[fetch()])))
    sent = await bot.teams.fills(aiko, {"mail": "nobody"})
    assert (sent.error, sent.status) == ("client_errors", 0)
    found = bot.teams.dialog(aiko)
    assert found
    assert found.errors == {"name": "入力して", "ok": "required", "mail": "メール"}
    await bot.teams.fills(aiko, {"name": "愛", "ok": True, "mail": "aiko@example.co.jp"})
    found = bot.teams.dialog(aiko)
    assert found
    assert (set(found.errors), found.values["name"]) == ({"mail"}, "愛")
    assert [one["name"] for one in bot.heard] == ["task/fetch"]


async def test_a_form_may_come_back_with_what_was_typed(bot: Bot, aiko: str) -> None:
    bot.body = form(NAME)
    dialog = await bot.teams.opens_dialog(aiko, await bot.shows(aiko, card(actions=[fetch()])))
    bot.body = form(NAME | {"value": "愛"}, text("もう一度"))
    assert (await bot.teams.fills(dialog, {"name": "愛"})).ok
    again = bot.teams.dialog(aiko)
    assert again
    assert (again.values, again.card["body"][1]["text"]) == ({"name": "愛"}, "もう一度")
    bot.body = None
    assert (await bot.teams.fills(again)).ok
    assert bot.teams.dialog(aiko) is None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (None, "invalid_response"),
        ({"task": {"type": "continue", "value": {"title": "x"}}}, "invalid_response"),
        ({"task": {"type": "other"}}, "invalid_response"),
        (form(text("x"), {"type": "Input.Text"}), "invalid_card"),
        (web.Response(status=500), "http_error"),
    ],
)
async def test_a_dialog_that_cannot_be_shown_does_not_open(
    bot: Bot, aiko: str, body: Any, error: str
) -> None:
    bot.body = body
    shown = await bot.shows(aiko, card(actions=[fetch()]))
    with pytest.raises(LookupError, match=error):
        await bot.teams.opens_dialog(aiko, shown)


async def test_a_failed_submit_leaves_the_dialog_with_its_trouble(bot: Bot, aiko: str) -> None:
    bot.body = form(NAME)
    dialog = await bot.teams.opens_dialog(aiko, await bot.shows(aiko, card(actions=[fetch()])))
    for body, error in ((web.Response(status=502), "http_error"), ("x", "invalid_response")):
        bot.body = body
        assert (await bot.teams.fills(aiko, {"name": "愛"})).error == error
    open_now = bot.teams.dialog(aiko)
    assert open_now is None or (open_now.trouble, open_now.values["name"]) == ("invalid_response", "愛")
    with pytest.raises(LookupError):
        await bot.teams.fills(dialog, {"unknown": "x"})


async def test_a_choice_that_is_not_offered_cannot_be_made(bot: Bot, aiko: str) -> None:
    bot.body = form(SIZE, WHO)
    dialog = await bot.teams.opens_dialog(aiko, await bot.shows(aiko, card(actions=[fetch()])))
    for values in ({"size": "xl"}, {"who": "7"}):
        with pytest.raises(LookupError, match="no choice"):
            await bot.teams.fills(dialog, values)


# --- search fields and the message extension --------------------------------------------------------------


async def test_a_search_field_asks_while_one_types(bot: Bot, aiko: str) -> None:
    found = [{"title": "山田 花子", "value": "7"}]
    shown = await bot.shows(aiko, card(WHO, actions=[execute()]))
    bot.body = {"statusCode": 200, "type": "application/vnd.microsoft.search.searchResponse",
                "value": {"results": found}}  # fmt: skip
    assert await bot.teams.searches(aiko, shown, "who", "山") == found
    assert (bot.heard[-1]["name"], bot.heard[-1]["value"]) == (
        "application/search",
        {"queryText": "山", "queryOptions": {"skip": 0, "top": 15}, "dataset": "people"},
    )
    bot.body = refreshed(card())
    await bot.teams.presses(aiko, shown, None, {"who": "山田 花子"})
    assert bot.heard[-1]["value"]["action"]["data"]["who"] == "7"
    bot.body = form(WHO)
    dialog = await bot.teams.opens_dialog(aiko, await bot.shows(aiko, card(actions=[fetch()])))
    bot.body = {"results": found}
    assert await bot.teams.searches(aiko, dialog, "who", "山") == []
    assert bot.teams.deliveries()[-1].error == "invalid_response"
    with pytest.raises(LookupError, match="search field"):
        await bot.teams.searches(aiko, dialog, "size", "x")


async def test_the_extension_finds_and_inserts(bot: Bot, aiko: str) -> None:
    ken = bot.teams.add_person(TENANT, name="Ken", mail="ken@example.co.jp")
    group = bot.teams.add_group_chat(TENANT, "二人", [aiko, ken])
    result = attached(card(text("山田"))) | {"preview": attached(card(text("山")))}
    bot.body = {"composeExtension": {"type": "result", "attachmentLayout": "list", "attachments": [result]}}
    assert await bot.teams.asks_extension(aiko, "山", place=group) == [result]
    heard = bot.heard[-1]
    assert (heard["name"], heard["conversation"]["id"]) == ("composeExtension/query", group)
    assert heard["value"]["commandId"] == "find"
    assert heard["value"]["parameters"] == [{"name": "query", "value": "山"}]
    assert heard["value"]["queryOptions"] == {"skip": 0, "count": 25}
    await bot.teams.asks_extension(aiko, "")
    assert bot.heard[-1]["value"]["parameters"] == [{"name": "initialRun", "value": "true"}]
    said_there = bot.teams.inserts(aiko, result, group)
    assert bot.teams.card(ken, said_there.id) == card(text("山田"))
    assert len(bot.heard) == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (None, "invalid_response"),
        ({"composeExtension": {"type": "message", "text": "nobody"}}, None),
        ({"composeExtension": {"type": "auth"}}, "invalid_response"),
        ({"composeExtension": {"type": "result", "attachments": [attached(card(text("あ" * 15_000)))]}},
         "invalid_card"),
        ({"composeExtension": {"type": "result", "attachments": [attached(card(version="2.0"))]}},
         "invalid_card"),
    ],
)  # fmt: skip
async def test_results_that_cannot_be_shown_are_none(
    bot: Bot, aiko: str, body: Any, error: str | None
) -> None:
    bot.body = body
    assert await bot.teams.asks_extension(aiko, "x") == []
    assert bot.teams.deliveries()[-1].error == error


async def test_a_late_search_finds_nothing() -> None:
    async def slow(_activity: dict[str, Any]) -> Any:
        await asyncio.sleep(0.5)
        return {}

    async with served(LocalTeams(Wire(), patience=Patience(0.2, 0.2))) as bot:
        ken = bot.teams.add_person(TENANT, name="Ken", mail="ken@example.co.jp")
        assert await bot.teams.asks_extension(ken, "x") == []
        assert bot.teams.deliveries() == []  # without the app there is no extension
        bot.teams.has_app(ken)
        bot.answer = slow
        assert await bot.teams.asks_extension(ken, "x") == []
        assert bot.teams.deliveries()[-1].error == "timeout"
