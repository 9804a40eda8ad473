"""HR at work on openings: a draft begun, written, published, and what stands in the channel then."""

from __future__ import annotations

from typing import Any

from bot.conversation import Side
from bot.playground import CHANNEL
from storage import openings
from storage.openings import Opening
from tests.world import ALUMNI, Somebody, World

FORM = {
    "what": "営業企画", "department": "営業部", "place": "東京", "remote": "partly", "employment": "regular",
    "about": "お客様への提案をお願いします。", "closes_on": "2026-04-30", "owner_name": "佐藤 美咲",
    "referable": ["yes"],
}  # fmt: skip
CONDITIONS = {"service_years": "以前の勤続年数を通算します", "for_skills": "Python、SQL", "for_years": "５"}


def flat(who: Somebody) -> str:
    """What they see, in one line: places in a sentence are runs of their own."""
    return who.sees(Side.COMPANY).replace("\n", "")


async def begins(who: Somebody) -> None:
    """Open the form from the list."""
    await who.types("/alumni post", Side.COMPANY)
    await who.presses("draft.basics", Side.COMPANY)


async def writes(who: Somebody, **changes: Any) -> Opening:
    """A draft, as the form leaves it."""
    await begins(who)
    assert not await who.fills(Side.COMPANY, **{**FORM, **changes})
    return newest(who.world)


def newest(world: World) -> Opening:
    rows = world.reads(lambda tx: openings.listed(tx, size=50).rows)
    found: Opening = max(rows, key=lambda row: row.id)
    return found


def again(world: World, row: Opening) -> Opening:
    found: Opening = world.reads(lambda tx: openings.get(tx, row.id))
    return found


def board(world: World) -> list[Any]:
    """What stands in the alumni's channel."""
    return list(world.slack.channel_messages(ALUMNI, CHANNEL))


async def published(world: World, **changes: Any) -> Opening:
    row = await writes(world.hr, **changes)
    await world.hr.presses("post.publish")
    await world.settle()
    return again(world, row)
