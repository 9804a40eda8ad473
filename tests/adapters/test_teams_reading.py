"""Activities of Teams as the house's values: what is read, what is nobody's business, what is no activity."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.teams import reading
from adapters.teams.claims import NOTHING, dataset
from adapters.teams.reading import Foreign, Forged, Malformed, PeopleSought
from bot.conversation import (
    Address,
    Bound,
    ButtonPressed,
    CommandUsed,
    FormSubmitted,
    MemberChanged,
    MemberJoined,
    OptionsSought,
    Platform,
)  # fmt: skip

TENANT, USER = "aaaaaaaa-0000-4000-8000-000000000002", "cccccccc-0000-4000-8000-00000000000c"
ME = {"id": "28:bbbbbbbb-0000-4000-8000-000000000002", "name": "Okaeri"}
ADDRESS = Address(Platform.TEAMS, TENANT, USER)
BOUND = Bound("find.turn", (("query", "佐藤"), ("page", 2)))
CLAIM = '["find.turn",{"query":"佐藤","page":2}]'


def activity(kind: str = "message", **more: Any) -> dict[str, Any]:
    return {
        "type": kind, "id": "1700000000000", "channelId": "msteams", "serviceUrl": "https://smba.example/amer/",
        "from": {"id": "29:1abc", "name": "佐藤 健", "aadObjectId": USER}, "recipient": ME,
        "conversation": {"id": "a:1xyz", "conversationType": "personal", "tenantId": TENANT},
        "channelData": {"tenant": {"id": TENANT}}, "locale": "ja-JP", "localTimezone": "Asia/Tokyo",
    } | more  # fmt: skip


def channel(**more: Any) -> dict[str, Any]:
    place = {"id": "19:x@thread.tacv2;messageid=17", "conversationType": "channel", "tenantId": TENANT}
    return activity(conversation=place, **more)


def mention(text: str, who: dict[str, str] = ME) -> dict[str, Any]:
    return {"type": "mention", "mentioned": who, "text": text}


def invoke(name: str, value: Any, **more: Any) -> Any:
    return reading.whole(reading.invoke, activity("invoke", name=name, value=value, **more))


# --- words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("find 山田", "find 山田"),
        ("/alumni find 山田", "find 山田"),
        ("/find 山田", "find 山田"),
        ("/alumni", ""),
        ("/alumnifind", "alumnifind"),
        ("find R&amp;D", "find R&D"),
        ("find\u00a0O'Brien ", "find\u00a0O'Brien"),
        ("find <at>山田 花子</at>", "find 山田 花子"),
        ("", ""),
        (None, ""),
    ],
)
def test_words_are_read_as_they_were_meant(text: str | None, words: str) -> None:
    used = reading.message(activity(text=text))
    assert isinstance(used, CommandUsed)
    assert (used.command, used.words, used.address) == ("alumni", words, ADDRESS)
    assert used.conversation.kind == "private"


def test_in_a_channel_the_bot_is_called_by_its_name() -> None:
    said = channel(
        text="<at>Okaeri</at> find 山田", entities=[{"type": "clientInfo"}, mention("<at>Okaeri</at>")]
    )
    used = reading.message(said)
    assert isinstance(used, CommandUsed)
    assert (used.words, used.conversation.kind) == ("find 山田", "channel")
    other = mention("<at>Okaeri</at>", {"id": "29:somebody"})
    assert reading.message(channel(text="<at>Okaeri</at> find", entities=[other])) is None
    assert reading.message(channel(text="find 山田")) is None
    assert reading.message(channel(text="find 山田", entities=[{"type": "mention"}, None, 7])) is None
    unknown = activity(text="find 山田", conversation={"id": "x", "tenantId": TENANT})
    assert reading.message(unknown) is None, "a place of no known kind is no private one"


def test_a_bot_is_told_by_its_account() -> None:
    assert reading.own(activity(**{"from": ME}))
    assert reading.own(activity(**{"from": {"id": "29:x", "role": "bot"}}))
    assert not reading.own(activity())
    assert not reading.own(activity(**{"from": None}))


# --- ids -----------------------------------------------------------------------------------------------


def test_an_id_is_one_within_its_conversation_and_short() -> None:
    long = {"id": "a:" + "x" * 300, "conversationType": "personal"}
    found = [
        reading.who(said).event_id
        for said in (activity(), activity(text="other"), activity(id="2"), activity(conversation=long))
    ]
    assert found[0] == found[1]
    assert len(set(found)) == 3
    assert all(len(one) <= 120 for one in found)
    assert reading.who(activity(id=None)).event_id != reading.who(activity(id=None, text="x")).event_id


def test_an_account_is_its_tenant_and_object_id_in_lower_case() -> None:
    shouted = {"tenant": {"id": TENANT.upper()}}
    found = reading.who(
        activity(channelData=shouted, **{"from": {"id": "29:1", "aadObjectId": USER.upper()}})
    )
    assert found.address == ADDRESS
    assert Address.parse(str(found.address)) == ADDRESS


@pytest.mark.parametrize("user", [None, "", "a:b", "x y", "x" * 65, 7, [], {"a": 1}, "鑫"])
def test_without_an_object_id_it_is_nobody(user: object) -> None:
    with pytest.raises(Foreign):
        reading.who(activity(**{"from": {"id": "29:1", "aadObjectId": user}}))


def test_how_somebody_is_reached() -> None:
    way = reading.way(activity())
    assert (way.address, way.service_url, way.conversation) == (
        ADDRESS,
        "https://smba.example/amer/",
        "a:1xyz",
    )
    assert (way.locale, way.zone) == ("ja", "Asia/Tokyo")
    assert reading.way(channel()).conversation == ""


# --- buttons and forms ---------------------------------------------------------------------------------


def test_a_button_is_read_whichever_way_it_comes() -> None:
    data = {"bound": CLAIM}
    pressed = [
        invoke("adaptiveCard/action", {"action": {"type": "Action.Execute", "verb": "x", "data": data}}),
        invoke("task/fetch", {"data": {"msteams": {"type": "task/fetch"}, **data}}),
        invoke("task/submit", {"data": data}),
        reading.message(activity(value=data)),
    ]
    assert all(isinstance(one, ButtonPressed) and one.bound == BOUND for one in pressed)
    assert len({one.twin for one in pressed}) == 1
    again = invoke("task/submit", {"data": data}, replyToId="17")
    assert again.twin != pressed[0].twin, "the same button of another card is another one"


def test_a_form_comes_back_with_its_values() -> None:
    kinds = {"reach": "choice", "purposes": "choices", "yes": "tick", "who": "search"}
    data = {
        "bound": CLAIM, "kinds": kinds, "name": "佐藤, 健", "reach": "a%2Cb", "purposes": "one,two",
        "yes": NOTHING,
    }  # fmt: skip
    sent = invoke("task/submit", {"data": data})
    assert isinstance(sent, FormSubmitted)
    assert sent.bound == BOUND
    assert sent.values == {
        "name": "佐藤, 健", "reach": "a,b", "purposes": ("one", "two"), "yes": (), "who": "",
    }  # fmt: skip
    assert sent.twin == invoke("task/submit", {"data": data}, id="2").twin
    assert sent.twin != invoke("task/submit", {"data": data | {"name": "x"}}).twin


def test_a_search_field_names_its_form() -> None:
    value = {"queryText": "山", "queryOptions": {"skip": 0, "top": 15}, "dataset": dataset(BOUND, "who")}
    sought = invoke("application/search", value)
    assert isinstance(sought, OptionsSought)
    assert (sought.bound, sought.field, sought.query) == (BOUND, "who", "山")


def test_words_that_are_answered_in_a_dialog() -> None:
    bound = reading.again("privacy")
    assert bound.opens_form
    data = {"msteams": {"type": "task/fetch"}, "bound": json.dumps([bound.action, bound.arguments()])}
    used = invoke("task/fetch", {"data": data})
    assert isinstance(used, CommandUsed)
    assert used.words == "privacy"
    odd = json.dumps([bound.action, {"words": 7}])
    assert isinstance(invoke("task/fetch", {"data": {"bound": odd}}), ButtonPressed)


def asked(name: str, value: str) -> dict[str, Any]:
    return {"parameters": [{"name": name, "value": value}]}


@pytest.mark.parametrize(
    ("value", "query", "page"),
    [
        (asked("query", "山田") | {"queryOptions": {"skip": 25, "count": 25}}, "山田", (25, 25)),
        (asked("initialRun", "true"), "", (0, 10)),
        (asked("q", "x" * 500) | {"queryOptions": {"skip": -5, "count": 9999}}, "x" * 100, (0, 25)),
        ({"queryOptions": {"skip": "a", "count": None}}, "", (0, 10)),
        ({}, "", (0, 10)),
        (None, "", (0, 10)),
    ],
)  # fmt: skip
def test_the_message_extension_asks(value: object, query: str, page: tuple[int, int]) -> None:
    sought = invoke("composeExtension/query", value)
    assert isinstance(sought, PeopleSought)
    assert (sought.query, (sought.skip, sought.count)) == (query, page)


@pytest.mark.parametrize("data", [None, 7, "x", [], {}, {"bound": 7}, {"bound": "["}, {"bound": "[[],{}]"}])
def test_what_no_button_of_ours_carries_is_forged(data: object) -> None:
    for name in ("task/fetch", "task/submit"):
        with pytest.raises(Forged):
            invoke(name, {"data": data})
    with pytest.raises(Forged):
        invoke("application/search", {"dataset": data})
    with pytest.raises(Forged):
        invoke("task/submit", {"data": {"bound": CLAIM, "kinds": {"x": "choices"}, "x": 7}})


def test_an_unknown_invoke_is_left_to_its_answer() -> None:
    assert invoke("signin/verifyState", {}) is None
    assert invoke("", None) is None


# --- who comes and goes --------------------------------------------------------------------------------


def test_who_comes_and_goes() -> None:
    other = "dddddddd-0000-4000-8000-00000000000d"
    came = [{"id": "29:1", "aadObjectId": USER}, ME, {"id": "29:2", "aadObjectId": other}, {"id": "29:3"}]
    joined = reading.happenings(activity("conversationUpdate", membersAdded=came))
    assert [type(one) for one in joined] == [MemberJoined, MemberJoined]
    assert [one.address.user for one in joined] == [USER, other]
    assert len({one.event_id for one in joined}) == 2
    went = reading.happenings(activity("conversationUpdate", membersRemoved=came[:1]))
    assert [type(one) for one in went] == [MemberChanged]
    assert reading.happenings(activity("conversationUpdate")) == ()


def test_everybody_in_their_own_chat_is_reached_there() -> None:
    came = [{"id": "29:2", "aadObjectId": "dddddddd-0000-4000-8000-00000000000d"}, ME]
    assert len(reading.ways(activity("conversationUpdate", membersAdded=came))) == 2
    assert [way.address for way in reading.ways(channel(membersAdded=came))] == [ADDRESS]
    assert reading.ways(activity(**{"from": {"id": "29:1"}})) == ()


def test_the_bot_is_removed_from_a_chat() -> None:
    assert reading.removed(activity("installationUpdate", action="remove"))
    assert reading.removed(activity("installationUpdate", action="remove-upgrade"))
    assert not reading.removed(activity("installationUpdate", action="add"))
    assert not reading.removed(channel(action="remove"))


# --- anything at all -----------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = (
    "from",
    "conversation",
    "recipient",
    "entities",
    "text",
    "value",
    "channelData",
    "id",
    "membersAdded",
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON), st.sampled_from(("task/submit", "adaptiveCard/action")))
def test_whatever_comes_is_read_or_refused(changes: dict[str, Any], name: str) -> None:
    said = activity("invoke", name=name, value={"data": {"bound": CLAIM}}) | changes
    for reader in (
        reading.message,
        reading.invoke,
        reading.happenings,
        reading.ways,
        reading.removed,
        reading.way,
    ):
        try:
            reading.whole(reader, said)
        except (Malformed, Forged, Foreign):
            continue
