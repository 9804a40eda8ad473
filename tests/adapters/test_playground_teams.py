"""The playground's page where people chat in Teams: what it draws, and that acting on it reaches the bot."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.playground import cards
from adapters.playground.backstage import CastMember, Said
from adapters.playground.page_parts import environment
from adapters.playground.words import read_words
from adapters.teams import limits
from tests.adapters.samples import EVERY_FIELD, EVERYTHING, NASTY
from tests.adapters.teams_bot import (
    GRAPH,
    GUESTS,
    OTHER,
    attached,
    card,
    execute,
    form,
    refreshed,
    text,
)
from tests.adapters.teams_cards import EN, JA, RENDERER, objects
from tests.adapters.teams_page import TOKEN, Teams, playing

GOLDEN = sorted(Path(__file__).with_name("__snapshots__").glob("test_teams_*/*.json"))
NO_STATE: Mapping[str, Any] = {"typed": {}, "errors": {}, "labels": {}, "form": ""}


@pytest.fixture
async def teams() -> AsyncIterator[Teams]:
    async with playing() as found:
        yield found


def drawn(content: Mapping[str, Any], state: Mapping[str, Any] = NO_STATE) -> str:
    source = '{% from "_cards.html" import card with context %}{{ card(content, "c", state) }}'
    made = environment().from_string(source)
    return made.render(content=content, state=state, w=read_words()["ja"], looking=None)


# --- what is drawn --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", [JA, EN])
def test_everything_that_our_cards_hold_is_drawn(reader: Any) -> None:
    for content in (
        RENDERER.card(EVERYTHING, reader),
        RENDERER.form(EVERY_FIELD, reader),
        RENDERER.person(EVERYTHING, reader)["content"],
    ):
        html = drawn(content)
        assert "unknown-element" not in html
        assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:", html)


def test_every_golden_card_is_drawn_whole() -> None:
    """What a reader of the page misses would be in a box; every word of a card is there."""
    found = [card for file in GOLDEN for card in shown(json.loads(file.read_text("utf-8")))]
    assert found
    for content in found:
        html = drawn(content)
        assert "unknown-element" not in html, content["fallbackText"]
        words = unescape(re.sub(r"<[^>]+>", "", html.replace("<br>", "\n")))
        for said in (one["text"] for one in objects(content) if one.get("type") == "TextRun"):
            assert said.strip() in words, said


def shown(value: Any) -> Iterator[dict[str, Any]]:
    """The cards in whatever was written down."""
    return (one for one in objects(value) if one.get("type") == "AdaptiveCard")


def test_every_kind_of_element_that_we_may_send_is_known() -> None:
    source = (environment().loader.get_source(environment(), "_cards.html"))[0]  # type: ignore[union-attr]
    inside = {"AdaptiveCard", "Choice", "Column", "Data.Query"}  # drawn with what holds them
    for kind in limits.ELEMENTS.keys() - inside:
        assert kind in cards.INPUTS or f'"{kind}"' in source, kind


def test_an_unknown_element_is_a_box_with_its_json() -> None:
    html = drawn(
        card({"type": "Chart.Donut", "data": "<b>"}, actions=[{"type": "Action.Dance", "title": "x"}])
    )
    assert html.count("unknown-element") == 2
    assert "&lt;b&gt;" in html
    assert "この画面がまだ知らない部品です: Chart.Donut" in html


@pytest.mark.parametrize("words", NASTY)
def test_words_are_data(words: str) -> None:
    body = [
        {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": words}]},
        {"type": "Input.Text", "id": "a", "label": words, "value": words, "placeholder": words},
        {"type": "Image", "url": words, "altText": words},
    ]
    html = drawn(card(*body, actions=[{"type": "Action.OpenUrl", "title": words, "url": words}]))
    assert not re.search(r"<(script|img src=x|b>|!)", html)
    assert "javascript:" not in re.sub(r'(placeholder|value|alt)="[^"]*"|>[^<]*<', "", html)


def test_an_error_and_small_print_belong_to_their_field() -> None:
    wrong = {"type": "TextRun", "text": "だめです", "color": "attention"}
    small = {"type": "TextRun", "text": "ヒント", "isSubtle": True}
    html = drawn(
        card(
            {"type": "Input.Text", "id": "a", "label": "A"},
            {"type": "RichTextBlock", "inlines": [wrong], "spacing": "small"},
            {"type": "RichTextBlock", "inlines": [small], "spacing": "small"},
            {"type": "Input.Toggle", "id": "b", "title": "B"},
        )
    )
    first, second = html.split("data-block=")[1:]
    assert 'aria-invalid="true"' in first
    described = re.search(r'aria-describedby="(\S+) (\S+)"', first)
    assert described
    assert re.search(rf'id="{described[1]}"[^>]*>.*だめです', first)
    assert re.search(rf'id="{described[2]}"[^>]*>.*ヒント', first)
    assert "aria-" not in second


# --- acting ---------------------------------------------------------------------------------------------


async def test_words_go_to_the_bot_and_its_card_stands_below(teams: Teams) -> None:
    assert await teams.does("says", text="find <b>") == {"ok": True}
    assert teams.bot.heard[-1]["text"] == "find <b>"
    await teams.bot.shows(teams.aiko, card(text("答え")))
    stage = (await teams.parts())["stage"]
    assert stage.index("find &lt;b&gt;") < stage.index("答え")
    assert "新着1件" in (await teams.parts(**{"as": "ryo", "tab": "alumni"}))["people"] or "答え" in stage


async def test_a_press_refreshes_the_card(teams: Teams) -> None:
    await teams.bot.shows(teams.aiko, card(text("?"), actions=[execute("はい")]))
    teams.bot.body = refreshed(card(text("押しました")))
    assert await teams.does("presses", ts=await teams.newest(), action=await teams.button()) == {"ok": True}
    assert teams.bot.heard[-1]["value"]["action"]["verb"] == "press"
    stage = (await teams.parts())["stage"]
    assert "押しました" in stage
    assert "data-press" not in stage
    for action in ("", "[", "7", '"gone"'):
        assert not (await teams.does("presses", ts=await teams.newest(), action=action))["ok"]


async def test_words_under_a_card_are_shown(teams: Teams) -> None:
    await teams.bot.shows(teams.aiko, card(actions=[execute()]))
    teams.bot.body = {"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": "済"}
    await teams.does("presses", ts=await teams.newest(), action=await teams.button())
    assert re.search(r'data-testid="note">済<', (await teams.parts())["stage"])


async def test_a_dialog_takes_every_kind_of_value(teams: Teams) -> None:
    choices = [{"title": one.upper(), "value": one} for one in ("a", "b", "c")]
    view = await teams.opens(
        {"type": "Input.Text", "id": "name", "label": "名前"},
        {"type": "Input.ChoiceSet", "id": "one", "label": "1", "choices": choices},
        {"type": "Input.ChoiceSet", "id": "some", "label": "2", "choices": choices, "isMultiSelect": True},
        {"type": "Input.Toggle", "id": "agree", "title": "はい", "valueOn": "yes", "valueOff": "no"},
    )
    teams.bot.body = form({"type": "Input.Text", "id": "name", "label": "名前"}, text("もう一度"))
    values = {"name": "髙橋", "one": "b", "some": ["a", "c"], "agree": ["on"], "forged": "x"}
    assert await teams.does("submits", view=view, values=values) == {"ok": True}
    sent = teams.bot.heard[-1]["value"]["data"]
    assert {name: sent[name] for name in ("name", "one", "some", "agree")} == {
        "name": "髙橋", "one": "b", "some": "a,c", "agree": "yes"
    }  # fmt: skip
    assert "forged" not in sent
    assert "もう一度" in (await teams.parts())["dialog"]
    assert not (await teams.does("submits", view="123", values={}))["ok"]
    assert await teams.does("closes", view=view) == {"ok": True}
    assert (await teams.parts())["dialog"] == ""


async def test_a_search_field_asks_and_remembers_the_words(teams: Teams) -> None:
    field = {
        "type": "Input.ChoiceSet", "id": "who", "label": "だれ", "style": "filtered", "choices": [],
        "choices.data": {"type": "Data.Query", "dataset": "people"},
    }  # fmt: skip
    view = await teams.opens(field)
    found = [{"title": "村田 淳", "value": "jun"}]
    teams.bot.body = {"statusCode": 200, "type": "application/vnd.microsoft.search.searchResponse",
                      "value": {"results": found}}  # fmt: skip
    answer = await teams.does("seeks", view=view, action="who", query="むら")
    assert answer == {"ok": True, "options": [["jun", "村田 淳"]]}
    assert teams.bot.heard[-1]["value"]["queryText"] == "むら"
    teams.bot.body = form(field | {"value": "jun"})
    chosen = {"value": "jun", "text": {"type": "plain_text", "text": "村田 淳"}}
    assert await teams.does("submits", view=view, values={"who": chosen}) == {"ok": True}
    assert 'value="村田 淳"' in (await teams.parts())["dialog"]


async def test_what_goes_wrong_is_told(teams: Teams) -> None:
    teams.bot.body = web.Response(status=500)
    assert "http_error" in (await teams.does("says", text="x"))["told"]
    teams.local.blocks(teams.aiko)
    assert "届きません" in (await teams.does("says", text="x"))["told"]
    teams.where["tab"] = "mail"
    assert (await teams.does("says", text="x"))["ok"] is False


# --- places ---------------------------------------------------------------------------------------------


async def test_a_channel_hears_what_is_said_to_the_bot(teams: Teams) -> None:
    teams.where |= {"as": "ryo", "tab": "alumni", "room": "channel"}
    assert "#求人（チーム）" in (await teams.parts())["head"]
    for words in ("find 山田", "@Okaeri find 山田"):
        assert await teams.does("says", text=words) == {"ok": True}
        assert teams.bot.heard[-1]["text"] == "<at>Okaeri</at> find 山田"
    stage = (await teams.parts())["stage"]
    assert '<span class="mention">@Okaeri</span> find 山田' in stage
    assert "佐藤 &lt;亮&gt;" in stage
    assert "find 山田" not in (await teams.parts(room="messages"))["stage"]


async def test_the_message_extension_lists_and_inserts(teams: Teams) -> None:
    teams.where |= {"as": "ryo", "tab": "alumni"}
    result = attached(card(text("山田 花子"))) | {
        "preview": {"contentType": "x", "content": {"title": "山田 花子", "text": "神戸"}}
    }
    teams.bot.body = {
        "composeExtension": {"type": "result", "attachmentLayout": "list", "attachments": [result]}
    }
    answer = await teams.does("extension", query="山田")
    assert answer["options"] == [["0", "山田 花子 · 神戸"]]
    assert not (await teams.does("insert", result="1"))["ok"]
    assert await teams.does("insert", result="0") == {"ok": True}
    assert "山田 花子" in (await teams.parts())["stage"]
    teams.bot.body = {"composeExtension": {"type": "message", "text": "お名前をどうぞ"}}
    assert (await teams.does("extension", query=""))["none"] == "お名前をどうぞ"


async def test_who_has_no_app_can_add_it(teams: Teams) -> None:
    await teams.local.uninstalls(teams.aiko)
    assert "no-app" in (await teams.parts())["stage"]
    assert not (await teams.does("says", text="x"))["ok"]
    assert await teams.does("install") == {"ok": True}
    assert "no-app" not in (await teams.parts())["stage"]


async def test_the_tab_and_a_closed_account(teams: Teams) -> None:
    assert "/alumni/tab" in (await teams.parts(room="portal"))["stage"]
    teams.local.admin.changes(teams.aiko, disabled=True)
    parts = await teams.parts()
    assert "このアカウントは無効になっています" in parts["stage"]
    assert parts["composer"] == ""


async def test_a_guest_accepts_the_invitation(teams: Teams) -> None:
    asked = {"invitedUserEmailAddress": "keiko@example.jp", "inviteRedirectUrl": "https://example.com"}
    _, login = await teams.bot.login(GUESTS, client_id=OTHER, scope=GRAPH)
    teams.bot.tokens[OTHER, GRAPH] = login["access_token"]
    status, made = await teams.bot.graph("POST", "/invitations", asked, OTHER)
    assert status == 201
    keiko = made["invitedUser"]["id"]
    teams.backstage.people[1] = CastMember(
        "keiko", "伊藤 恵子", Said("", ""), "alumnus", None, keiko, ("keiko@example.jp",)
    )
    teams.where |= {"as": "keiko", "tab": "alumni"}
    stage = (await teams.parts())["stage"]
    way = re.search(r'href="(/local-teams/join\?invitation=[^&"]+)', stage)
    assert way
    async with teams.http.get(teams.url + way[1]) as answer:
        page = await answer.text()
        assert (answer.status, "keiko@example.jp" in page) == (200, True)
    filled, origin = {"token": "x", "invitation": way[1].partition("=")[2]}, {"Origin": teams.url}
    url = f"{teams.url}/local-teams/join"
    async with teams.http.post(url, data=filled, headers=origin) as answer:
        assert answer.status == 403
    filled["token"] = TOKEN
    for _ in range(2):
        async with teams.http.post(url, data=filled, headers=origin, allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/?as=keiko&tab=alumni&joined=1&lang=ja"
    assert teams.backstage.made == [("keiko@example.jp", keiko)]
    async with teams.http.post(url, data=filled | {"invitation": "none"}, headers=origin) as answer:
        assert answer.status == 404
    assert "pending" not in (await teams.parts())["stage"]


async def test_the_other_chat_is_one_link_away(teams: Teams) -> None:
    async with teams.http.get(teams.url) as answer:
        html = await answer.text()
    assert re.search(r'href="http://127.0.0.1:9/\?lang=ja" data-beside data-testid="chat-slack"', html)
    assert re.search(r'aria-current="page"[^>]*data-testid="chat-teams"', html)
