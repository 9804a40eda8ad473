"""The checker of Teams' cards names what would be refused: by path and number, never by the words."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.teams.limits import ELEMENTS, EXTENSION, MESSAGE, check, weigh


def card(*body: Any, **more: Any) -> dict[str, Any]:
    """A card around these elements."""
    frame = {"type": "AdaptiveCard", "version": "1.5", "lang": "ja", "fallbackText": "x"}
    return {**frame, "body": list(body) or [run("x")], **more}


def run(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **more}]}


def submit(**more: Any) -> dict[str, Any]:
    return {"type": "Action.Submit", "title": "x", "data": {}, **more}


def choice_set(**more: Any) -> dict[str, Any]:
    return {"type": "Input.ChoiceSet", "id": "a", "choices": [{"title": "x", "value": "y"}], **more}


QUERY = {"type": "Data.Query", "dataset": "x"}
LATER = {"type": "Badge", "text": "x"}  # of 1.6


def test_what_we_send_is_fine() -> None:
    body = (run("x"), choice_set(**{"choices.data": QUERY}), {"type": "ActionSet", "actions": [submit()] * 6})
    assert check(card(*body, actions=[submit()])) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "card: no AdaptiveCard"),
        ({"type": "HeroCard"}, "card: no AdaptiveCard"),
        (card(version="1.6"), "card.version: none of ('1.5',)"),
        (card(lang="japanese"), "card.lang: of another shape"),
        (card(msteams={"entities": []}), "card.msteams: not of AdaptiveCard"),
        (card(fallbackText="**x**"), "card.fallbackText: would be read as Markdown"),
        (card(actions=[submit()] * 7), "card.actions: 7, from 1 to 6"),
        (card(body="x"), "card.body: no list"),
        (card(LATER), "card.body[0]: Badge cannot stand here"),
        (card("x"), "card.body[0]: no element cannot stand here"),
        (card({"type": "FactSet", "facts": []}), "card.body[0]: FactSet cannot stand here"),
        (card({"type": "TextBlock"}), "card.body[0].text: missing"),
        (
            card({"type": "TextBlock", "text": "[x](http://y)"}),
            "card.body[0].text: would be read as Markdown",
        ),
        (card(run("")), "card.body[0].inlines[0].text: empty"),
        (card(run("x" * 3001)), "card.body[0].inlines[0].text: 3001, at most 3000"),
        (card(run("👍" * 1501)), "card.body[0].inlines[0].text: 3002, at most 3000"),
        (card(run("x", color="pink")), "card.body[0].inlines[0].color: none of ('attention',)"),
        (
            card(run("x", selectAction={"type": "Action.OpenUrl", "url": "javascript:x", "title": "x"})),
            "card.body[0].inlines[0].selectAction.url: of another shape",
        ),
        (
            card(run("x", selectAction=submit())),
            "card.body[0].inlines[0].selectAction: Action.Submit cannot stand here",
        ),
        (card(choice_set(), choice_set()), "card.body[1].id: used twice"),
        (card(choice_set(id="a b")), "card.body[0].id: of another shape"),
        (card(choice_set(isRequired=True)), "card.body[0].isRequired: not of Input.ChoiceSet"),
        (card(choice_set(isMultiSelect=1)), "card.body[0].isMultiSelect: none of (True, False)"),
        (card(choice_set(choices=[{"title": "x"}])), "card.body[0].choices[0].value: missing"),
        (card(choice_set(**{"choices.data": "x"})), "card.body[0].choices.data: no element"),
        (
            card({"type": "Input.Text", "id": "a", "maxLength": 0}),
            "card.body[0].maxLength: no number from 1 to 4000",
        ),
        (
            card({"type": "Input.Date", "id": "a", "value": "31 March"}),
            "card.body[0].value: of another shape",
        ),
        (card(actions=[submit(data=[])]), "card.actions[0].data: no data"),
        (card(actions=[{"type": "Action.Http"}]), "card.actions[0]: Action.Http cannot stand here"),
        (
            card(actions=[{"type": "Action.Execute", "title": "x", "verb": "x", "data": {}}]),
            "card.actions[0].fallback: missing",
        ),
        (card(actions=[submit(title=1)]), "card.actions[0].title: no text"),
        (
            card({"type": "Image", "url": "http://x.example/a.png", "altText": "x"}),
            "card.body[0].url: of another shape",
        ),
        (
            card({"type": "ColumnSet", "columns": [{"type": "Column", "width": "1", "items": [run("x")]}]}),
            "card.body[0].columns[0].width: none of ('auto', 'stretch', 1, 2)",
        ),
    ],
)
def test_what_would_be_refused_is_named(content: dict[str, Any], problem: str) -> None:
    assert problem in check(content)


def test_sizes_are_bytes_of_utf_16() -> None:
    assert weigh({"a": "田"}) == weigh({"a": "x"}) == 18
    assert weigh({"a": "👍"}) == 20
    heavy = card(*[run("田" * 3000)] * 14)
    assert check(heavy) == [f"card: {weigh(heavy)} bytes, at most {MESSAGE}"]
    assert check(card(*[run("田" * 3000)] * 5), EXTENSION)[0].endswith("at most 28000")


def test_every_element_that_may_stand_somewhere_is_known() -> None:
    named = {kind for rules in ELEMENTS.values() for rule in rules.values() for kind in rule.inside}
    assert named | {"AdaptiveCard"} == set(ELEMENTS)
