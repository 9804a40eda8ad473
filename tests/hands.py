"""Raising hands in stories: an opening is shown, its button pressed, the names read and chosen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot import offering
from bot.commands import interest
from bot.conversation import Button
from bot.post import Letter, to_alumnus
from storage.consents import Purpose
from storage.interests import Interest
from storage.openings import Opening
from tests.world import Somebody, World


async def shown(world: World, somebody: Somebody, row: Opening) -> None:
    """An alumnus reads an opening with its button."""
    button = Button("関心を伝える", interest.hand(row.id), "primary")
    letter = Letter("openings.shown", offering.card(row, button), f"{row.id}:{world.ground.clock.now()}",
                    Purpose.STAY_IN_TOUCH)  # fmt: skip
    world.writes(lambda tx: to_alumnus(tx, somebody.row.person_id, letter))
    await world.settle()


def raised(world: World) -> list[Interest]:
    """Every hand that is up."""
    found: list[Interest] = world.reads(lambda tx: list(tx.query(Interest).all()))
    return found


async def opens_the_form(world: World, somebody: Somebody, row: Opening) -> str:
    """The button under an opening is pressed; what is read then."""
    await shown(world, somebody, row)
    await somebody.presses("interest.hand")
    return somebody.sees()


def choices(somebody: Somebody) -> dict[str, dict[str, str]]:
    """field -> label -> value of the boxes in the open form."""
    view = somebody.modal()
    assert view is not None
    inputs = (block for block in view.blocks if block.get("type") == "input")
    return {
        one["block_id"]: {o["text"]["text"]: o["value"] for o in one["element"].get("options", ())}
        for one in inputs
    }


async def raises(world: World, somebody: Somebody, row: Opening, *names: str) -> dict[str, str]:
    """Raise a hand; only these may know. The errors of the form."""
    await opens_the_form(world, somebody, row)
    boxes = choices(somebody)
    form: dict[str, Any] = {"readers": [boxes["readers"][name] for name in names]}
    if "agree" in boxes:
        form["agree"] = list(boxes["agree"].values())
    return await somebody.fills(None, **form)


async def later(world: World, **length: float) -> None:
    """Time passes."""
    await world.ground.travel(world.ground.clock.now() + timedelta(**length))
