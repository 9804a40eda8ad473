"""Modals, the Home, search fields and choices of the local Slack, against a real Bolt app over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from adapters.playground.local_slack import LocalSlack
from tests.adapters.wire_app import (
    COMPANY,
    LONG,
    SHORT,
    Wire,
    Wired,
    actions,
    asks,
    button,
    manifest,
    modal,
    plain,
    wired,
)


@pytest.fixture
def clock() -> Wire:
    """It stands: a trigger lives three seconds, which a busy machine may need between two lines of a test."""
    wire = Wire()
    wire.stopped = wire()
    return wire


@pytest.fixture
async def world(clock: Wire) -> AsyncIterator[Wired]:
    slack = LocalSlack(clock, retry_delays=(0.0, 0.0, 0.0), patience=LONG)
    async with wired(slack, manifest()) as found:
        yield found


@pytest.fixture
def user(world: Wired) -> str:
    return world.slack.add_person(COMPANY, name="山田 花子", email="hanako@example.co.jp")


def option(value: str, label: str = "") -> dict[str, Any]:
    return {"text": plain(label or value), "value": value}


async def open_modal(world: Wired, user: str, view: dict[str, Any]) -> str:
    """Open a modal through a command, as an app does; its id."""

    @world.bolt.command("/alumni")
    async def opens(ack: Any, client: Any, body: dict[str, Any]) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack()

    assert (await world.slack.types(COMPANY, user, "/alumni")).ok
    found = world.slack.modal(COMPANY, user)
    assert found is not None
    return found.id


async def test_a_form_is_filled_in_refused_and_sent(world: Wired, user: str) -> None:
    kind = asks(
        "kind", type="static_select", options=[option("a", "あ"), option("b")], initial_option=option("b")
    )
    many = asks("many", type="checkboxes", options=[option("x"), option("y")]) | {"optional": True}
    day = asks("day", type="datepicker", initial_date="2026-03-31")
    view = await open_modal(world, user, modal(asks("name"), kind, many, day, private_metadata="geheim"))
    sent: list[dict[str, Any]] = []

    @world.bolt.view("form")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        sent.append(view)
        if len(sent) == 1:
            await ack(response_action="errors", errors={"name": "短すぎます"})
        else:
            await ack()

    delivery = await world.slack.submits(COMPANY, user, view, {"name": "花"})
    assert delivery.ok
    refused = world.slack.modal(COMPANY, user)
    assert refused is not None
    assert (refused.errors, refused.values["name"], refused.title) == ({"name": "短すぎます"}, "花", "題")
    await world.slack.submits(COMPANY, user, view, {"name": "花子", "kind": "a", "many": ["y"]})
    assert world.slack.modal(COMPANY, user) is None
    values = sent[1]["state"]["values"]
    assert values["name"]["it"] == {"type": "plain_text_input", "value": "花子"}
    assert values["kind"]["it"]["selected_option"] == option("a", "あ")
    assert values["many"]["it"]["selected_options"] == [option("y")]
    assert values["day"]["it"] == {"type": "datepicker", "selected_date": "2026-03-31"}
    assert (sent[1]["private_metadata"], sent[1]["callback_id"]) == ("geheim", "form")


async def test_slacks_client_refuses_what_is_missing_or_malformed_by_itself(world: Wired, user: str) -> None:
    mail = asks("mail", type="email_text_input")
    short = asks("short", min_length=3, max_length=5)
    view = await open_modal(world, user, modal(mail, short, asks("name"), asks("more") | {"optional": True}))
    before = len(world.slack.deliveries())
    delivery = await world.slack.submits(COMPANY, user, view, {"mail": "x@y", "short": "ab"})
    assert (delivery.status, delivery.error) == (0, "client_errors")
    shown = world.slack.modal(COMPANY, user)
    assert shown is not None
    assert shown.errors == {"mail": "not_an_email", "short": "too_short", "name": "required"}
    assert len(world.slack.deliveries()) == before
    with pytest.raises(LookupError):
        await world.slack.submits(COMPANY, user, view, {"nobody": "x"})


async def test_an_answer_can_update_push_and_clear_the_stack_of_three(world: Wired, user: str) -> None:
    view = await open_modal(world, user, modal(asks("name")))
    steps = iter(["update", "push", "push", "push"])

    @world.bolt.view("form")
    async def submitted(ack: Any) -> None:
        await ack(response_action=next(steps), view=modal(asks("name"), title=plain("次")))

    await world.slack.submits(COMPANY, user, view, {"name": "花子"})
    second = world.slack.modal(COMPANY, user)
    assert second is not None
    assert (second.id, second.title, second.values["name"]) == (view, "次", "花子")
    tops = [view]
    for _ in range(2):
        await world.slack.submits(COMPANY, user, tops[-1], {"name": "花子"})
        top = world.slack.modal(COMPANY, user)
        assert top is not None
        assert top.previous_id == tops[-1]
        tops.append(top.id)
    delivery = await world.slack.submits(COMPANY, user, tops[-1], {"name": "花子"})
    assert delivery.error == "push_limit_reached"
    top = world.slack.modal(COMPANY, user)
    assert top is not None
    assert top.trouble == "push_limit_reached"
    await world.slack.closes(COMPANY, user, tops[1])
    left = world.slack.modal(COMPANY, user)
    assert left is not None
    assert left.id == view


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"response_action": "errors", "errors": {"nobody": "x"}}, "invalid_response"),
        ({"response_action": "update", "view": {"type": "modal"}}, "invalid_arguments"),
        ({"response_action": "dance"}, "invalid_response"),
    ],
)
async def test_an_answer_that_slack_cannot_use_leaves_the_form_open(
    world: Wired, user: str, answer: dict[str, Any], error: str
) -> None:
    view = await open_modal(world, user, modal(asks("name")))

    @world.bolt.view("form")
    async def submitted(ack: Any) -> None:
        await ack(**answer)

    assert (await world.slack.submits(COMPANY, user, view, {"name": "花子"})).error == error
    shown = world.slack.modal(COMPANY, user)
    assert shown is not None
    assert (shown.trouble, shown.values["name"]) == (error, "花子")


async def test_a_slow_submission_keeps_the_form_and_what_was_typed(world: Wired, user: str) -> None:
    view = await open_modal(world, user, modal(asks("name")))

    @world.bolt.view("form")
    async def submitted(ack: Any) -> None:
        await asyncio.sleep(2 * SHORT)
        await ack()

    world.slack.patience = SHORT
    assert (await world.slack.submits(COMPANY, user, view, {"name": "花子"})).error == "operation_timeout"
    shown = world.slack.modal(COMPANY, user)
    assert shown is not None
    assert (shown.trouble, shown.values["name"]) == ("operation_timeout", "花子")


async def test_a_trigger_is_good_once_for_three_seconds(world: Wired, user: str, clock: Wire) -> None:
    triggers: list[str] = []

    @world.bolt.shortcut("find")
    async def find(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        triggers.append(body["trigger_id"])

    async def opening(trigger_id: str) -> str:
        try:
            await world.client.views_open(trigger_id=trigger_id, view=modal())
        except SlackApiError as error:
            return str(error.response["error"])
        return "ok"

    for _ in range(2):
        await world.slack.uses_shortcut(COMPANY, user, "find")
    assert await opening(triggers[0]) == "ok"
    assert await opening(triggers[0]) == "exchanged_trigger_id"
    clock.ahead = 3.5
    assert await opening(triggers[1]) == "expired_trigger_id"
    assert await opening("1.2.3") == "invalid_trigger_id"


async def test_views_update_knows_hashes_and_closed_views(world: Wired, user: str) -> None:
    view = await open_modal(world, user, modal(asks("name"), asks("old")))
    world.slack.fills(COMPANY, user, view, {"name": "花子", "old": "x"})
    shown = world.slack.modal(COMPANY, user)
    assert shown is not None
    updated = await world.client.views_update(
        view_id=view, hash=shown.hash, view=modal(asks("name"), asks("new"))
    )
    assert updated["view"]["state"]["values"]["name"]["it"]["value"] == "花子"
    assert updated["view"]["state"]["values"]["new"]["it"]["value"] is None
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await world.client.views_update(view_id=view, hash=shown.hash, view=modal())
    await world.slack.closes(COMPANY, user, view)
    with pytest.raises(SlackApiError, match="not_found"):
        await world.client.views_update(view_id=view, view=modal())


@pytest.mark.parametrize("asked_for", [True, False])
async def test_closing_is_told_only_when_asked_for(world: Wired, user: str, *, asked_for: bool) -> None:
    closed: list[str] = []

    @world.bolt.view_closed("form")
    async def gone(ack: Any, view: dict[str, Any]) -> None:
        await ack()
        closed.append(view["id"])

    view = await open_modal(world, user, modal(notify_on_close=asked_for))
    assert (await world.slack.closes(COMPANY, user, view)).ok
    assert closed == ([view] if asked_for else [])


async def test_a_search_field_asks_the_app_and_keeps_the_choice(world: Wired, user: str) -> None:
    search = asks("who", type="external_select", min_query_length=2)
    view = await open_modal(world, user, modal(search))
    chosen: list[Any] = []

    @world.bolt.options("it")
    async def options(ack: Any, payload: dict[str, Any]) -> None:
        many = 101 if payload["value"] == "多い" else 1
        await ack(options=[option(f"{payload['value']}{number}") for number in range(many)])

    @world.bolt.view("form")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        await ack()
        chosen.append(view["state"]["values"]["who"]["it"]["selected_option"])

    assert await world.slack.seeks(COMPANY, user, view, "it", "山") == []
    assert await world.slack.seeks(COMPANY, user, view, "it", "多い") == []
    with pytest.raises(LookupError):
        await world.slack.submits(COMPANY, user, view, {"who": "山田0"})
    assert await world.slack.seeks(COMPANY, user, view, "it", "山田") == [option("山田0")]
    await world.slack.submits(COMPANY, user, view, {"who": "山田0"})
    assert chosen == [option("山田0")]


async def test_the_home_is_published_and_its_choices_are_in_the_state(world: Wired, user: str) -> None:
    menu = {"type": "static_select", "action_id": "menu", "options": [option("a"), option("b")]}
    seen: list[dict[str, Any]] = []

    @world.bolt.event("app_home_opened")
    async def opened(event: dict[str, Any], client: Any) -> None:
        view = {"type": "home", "blocks": actions(menu, button("go"))}
        await client.views_publish(user_id=event["user"], view=view)

    @world.bolt.action("menu")
    async def chose(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        seen.append(body)

    assert (await world.slack.opens_home(COMPANY, user)).ok
    await asyncio.sleep(0.05)
    await world.slack.settle()
    home = world.slack.home(COMPANY, user)
    assert home is not None
    await world.slack.presses(COMPANY, user, action="menu", selected="b", view=home.id)
    assert seen[0]["actions"][0]["selected_option"] == option("b")
    assert seen[0]["view"]["state"]["values"]["row"]["menu"]["selected_option"] == option("b")
    assert seen[0]["container"] == {"type": "view", "view_id": home.id}
    assert "response_url" not in seen[0]
    with pytest.raises(LookupError):
        await world.slack.presses(COMPANY, user, action="menu", selected="zzz", view=home.id)
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await world.client.views_publish(
            user_id=user, hash="1.x", view={"type": "home", "blocks": actions(menu)}
        )


async def test_a_button_in_a_form_can_push_one_more_view(world: Wired, user: str) -> None:
    await open_modal(world, user, modal(*actions(button("more")), asks("name")))

    @world.bolt.action("more")
    async def more(ack: Any, body: dict[str, Any], client: Any) -> None:
        await client.views_push(trigger_id=body["trigger_id"], view=modal(title=plain("奥")))
        await ack()

    await world.slack.presses(COMPANY, user, action="more")
    top = world.slack.modal(COMPANY, user)
    assert top is not None
    assert top.title == "奥"
    with pytest.raises(LookupError):
        await world.slack.presses(COMPANY, user, action="more")
