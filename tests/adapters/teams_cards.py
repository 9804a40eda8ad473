"""A renderer of Adaptive Cards over the samples' words, and ways to look into what it made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.teams.render import Reader, Renderer
from bot.app import CATALOGUE
from bot.texts import Texts
from tests.adapters.samples import BRAND, sample_texts

JA, EN = Reader("ja", "Asia/Tokyo"), Reader("en", "Europe/Paris")


def renderer() -> Renderer:
    """The samples' words, with two more that frame a form."""
    texts, known = sample_texts(), Texts.load(CATALOGUE)
    framing = {key: known.original(key) for key in ("common.form_errors", "common.field_required")}
    own = {key: texts.original(key) for key in texts.keys()}  # noqa: SIM118 - not a mapping
    return Renderer(Texts({**own, **framing}), "Asia/Tokyo", BRAND)


RENDERER = renderer()


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from objects(item)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            yield from objects(item)


def inputs(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in objects(content) if node.get("type", "").startswith("Input.")]


def actions(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for row in objects(content) for node in row.get("actions", [])]
