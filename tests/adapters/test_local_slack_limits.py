"""The limits of Block Kit and views that the local Slack enforces, at the edge and over it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.playground.slack_checks import check_blocks, check_options, check_view, too_large
from adapters.playground.slack_limits import BLOCKS
from tests.adapters.wire_app import actions, asks, button, modal, plain

WORDS = [
    "type",
    "text",
    "elements",
    "element",
    "accessory",
    "options",
    "fields",
    "block_id",
    "action_id",
    "style",
    "rows",
]
TEXT = "must be less than {} characters"


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def section(**more: Any) -> dict[str, Any]:
    return {"type": "section", **more}


def option(label: str = "x", value: str = "v", **more: Any) -> dict[str, Any]:
    return {"text": plain(label), "value": value, **more}


def select(**more: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "menu", "options": [option()]} | more


def rich(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(parts)}]}


def many(count: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    return [block] * count


EDGES: list[tuple[str, Any, Any]] = [
    ("50 blocks", many(50, {"type": "divider"}), many(51, {"type": "divider"})),
    ("section text", [section(text=mrkdwn("x" * 3000))], [section(text=mrkdwn("x" * 3001))]),
    ("section fields", [section(fields=[mrkdwn("x")] * 10)], [section(fields=[mrkdwn("x")] * 11)]),
    ("field text", [section(fields=[mrkdwn("x" * 2000)])], [section(fields=[mrkdwn("x" * 2001)])]),
    (
        "header",
        [{"type": "header", "text": plain("x" * 150)}],
        [{"type": "header", "text": plain("x" * 151)}],
    ),
    (
        "context",
        [{"type": "context", "elements": [mrkdwn("x")] * 10}],
        [{"type": "context", "elements": [mrkdwn("x")] * 11}],
    ),
    (
        "context text",
        [{"type": "context", "elements": [mrkdwn("x" * 3000)]}],
        [{"type": "context", "elements": [mrkdwn("x" * 3001)]}],
    ),
    (
        "25 buttons",
        actions(*(button(str(n)) for n in range(25))),
        actions(*(button(str(n)) for n in range(26))),
    ),
    (
        "button text",
        actions(button("a") | {"text": plain("x" * 75)}),
        actions(button("a") | {"text": plain("x" * 76)}),
    ),
    ("button value", actions(button("a", "x" * 2000)), actions(button("a", "x" * 2001))),
    (
        "button url",
        actions(button("a") | {"url": "https://x/" + "x" * 2990}),
        actions(button("a") | {"url": "https://x/" + "x" * 2991}),
    ),
    ("action id", actions(button("a" * 255)), actions(button("a" * 256))),
    ("action ids in a row", actions(button("a"), button("b")), actions(button("a"), button("a"))),
    (
        "block ids",
        [section(text=plain("x"), block_id="a"), section(text=plain("x"), block_id="b")],
        [section(text=plain("x"), block_id="a"), section(text=plain("x"), block_id="a")],
    ),
    (
        "block id",
        [section(text=plain("x"), block_id="a" * 255)],
        [section(text=plain("x"), block_id="a" * 256)],
    ),
    ("option text", actions(select(options=[option("x" * 75)])), actions(select(options=[option("x" * 76)]))),
    (
        "option value",
        actions(select(options=[option("x", "v" * 150)])),
        actions(select(options=[option("x", "v" * 151)])),
    ),
    (
        "option description",
        actions(select(options=[option(description=plain("x" * 75))])),
        actions(select(options=[option(description=plain("x" * 76))])),
    ),
    ("100 options", actions(select(options=[option()] * 100)), actions(select(options=[option()] * 101))),
    ("no options", actions(select()), actions(select(options=[]))),
    (
        "options or groups",
        actions(select()),
        actions(select(option_groups=[{"label": plain("x"), "options": [option()]}])),
    ),
    ("initial option", actions(select(initial_option=option())), actions(select(initial_option=option("y")))),
    (
        "ten ticks",
        actions({"type": "checkboxes", "action_id": "a", "options": [option()] * 10}),
        actions({"type": "checkboxes", "action_id": "a", "options": [option()] * 11}),
    ),
    (
        "overflow",
        actions({"type": "overflow", "action_id": "a", "options": [option()] * 5}),
        actions({"type": "overflow", "action_id": "a", "options": [option()] * 6}),
    ),
    (
        "placeholder",
        actions(select(placeholder=plain("x" * 150))),
        actions(select(placeholder=plain("x" * 151))),
    ),
    (
        "confirm",
        actions(
            button("a")
            | {
                "confirm": {
                    "title": plain("x" * 100),
                    "text": plain("x" * 300),
                    "confirm": plain("x" * 30),
                    "deny": plain("x" * 30),
                }
            }
        ),
        actions(
            button("a")
            | {
                "confirm": {
                    "title": plain("x" * 101),
                    "text": plain("x"),
                    "confirm": plain("x"),
                    "deny": plain("x"),
                }
            }
        ),
    ),
    (
        "image",
        [{"type": "image", "image_url": "https://x/" + "x" * 2990, "alt_text": "x" * 2000}],
        [{"type": "image", "image_url": "https://x/y.png", "alt_text": "x" * 2001}],
    ),
    (
        "markdown together",
        [{"type": "markdown", "text": "x" * 6000}] * 2,
        [{"type": "markdown", "text": "x" * 6001}] * 2,
    ),
    (
        "table rows",
        [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 100}],
        [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101}],
    ),
    (
        "table columns",
        [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20]}],
        [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]}],
    ),
    (
        "header takes no mrkdwn",
        [{"type": "header", "text": plain("x")}],
        [{"type": "header", "text": mrkdwn("x")}],
    ),
    ("empty text", [section(text=plain("x"))], [section(text=plain(""))]),
    ("unknown property", [section(text=plain("x"))], [section(text=plain("x"), colour="red")]),
    ("section without content", [section(fields=[plain("x")])], [section()]),
    ("input element", [asks("name")], [asks("name", type="button")]),
    ("long input", [asks("name", max_length=3000)], [asks("name", max_length=3001)]),
    ("label", [asks("name") | {"label": plain("x" * 2000)}], [asks("name") | {"label": plain("x" * 2001)}]),
    (
        "multi select in a row",
        [section(text=plain("x"), accessory=select(type="multi_static_select"))],
        actions(select(type="multi_static_select")),
    ),
    (
        "rich text",
        [
            rich(
                {"type": "text", "text": "<!channel>", "style": {"bold": True}},
                {"type": "user", "user_id": "U1"},
            )
        ],
        [rich({"type": "text", "text": ""})],
    ),
    (
        "rich text link",
        [rich({"type": "link", "url": "https://x", "text": "y"})],
        [rich({"type": "link", "text": "y"})],
    ),
]


@pytest.mark.parametrize(("good", "bad"), [edge[1:] for edge in EDGES], ids=[edge[0] for edge in EDGES])
def test_a_message_is_taken_at_the_limit_and_refused_over_it(good: Any, bad: Any) -> None:
    assert check_blocks(good) == []
    assert check_blocks(bad) != []


def test_a_problem_says_where_it_is() -> None:
    bad = [
        section(text=plain("x")),
        section(text=plain("x"), accessory=button("a") | {"text": plain("x" * 76)}),
    ]
    assert check_blocks(bad) == [TEXT.format(76) + " [json-pointer:/blocks/1/accessory/text/text]"]
    assert check_blocks([{"type": "carpet"}]) == ["unsupported type: carpet [json-pointer:/blocks/0/type]"]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (modal(title=plain("x" * 24)), modal(title=plain("x" * 25))),
        (modal(submit=plain("x" * 24)), modal(submit=plain("x" * 25))),
        (modal(close=plain("x" * 24)), modal(close=plain("x" * 25))),
        (modal(callback_id="x" * 255), modal(callback_id="x" * 256)),
        (modal(private_metadata="x" * 3000), modal(private_metadata="x" * 3001)),
        (modal(*many(100, {"type": "divider"})), modal(*many(101, {"type": "divider"}))),
        (modal(section(text=plain("x")), submit=None), modal(asks("name"), submit=None)),
        (modal(), modal(blocks=[])),
        (modal(), modal(title=None)),
        (modal(), modal({"type": "markdown", "text": "x"})),
        (
            modal(asks("a", focus_on_load=True)),
            modal(asks("a", focus_on_load=True), asks("b", focus_on_load=True)),
        ),
        (
            {"type": "home", "blocks": [asks("a")]},
            {"type": "home", "blocks": [asks("a")], "submit": plain("x")},
        ),
        (modal(), {"type": "workflow_step", "blocks": []}),
        (modal(), "modal"),
    ],
)
def test_a_view_is_taken_at_the_limit_and_refused_over_it(good: Any, bad: Any) -> None:
    assert check_view(good) == []
    assert check_view(bad) != []


def test_a_view_may_have_250_kilobytes() -> None:
    view = modal(private_metadata="")
    spare = 250_000 - len(str(view).encode())
    assert not too_large(modal(private_metadata="x" * (spare - 200)))
    assert too_large(modal(private_metadata="x" * (spare + 200)))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=25,
)


@pytest.mark.long
@given(
    st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(sorted(BLOCKS))}, optional=dict.fromkeys(WORDS[1:], JUNK)
        )
    )
)
def test_no_junk_breaks_the_check(blocks: list[Any]) -> None:
    assert isinstance(check_blocks(blocks), list)
    assert isinstance(check_view({"type": "modal", "blocks": blocks, "title": blocks}), list)


def test_suggested_options_have_the_limits_of_options() -> None:
    assert check_options([option()] * 100) == []
    assert check_options([option()] * 101) != []
    assert check_options([option("x" * 76)]) != []
