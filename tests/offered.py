"""A company that looks for people: two of HR who answer, one of HR who has nothing to do with it, a manager;
and openings as HR has posted them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bot.playground import HR_EMAIL
from storage import openings
from storage.openings import Opening
from tests.world import COMPANY, Somebody, World, world_in

DEPUTY, OTHER, MANAGER = "kimura@minato.example.jp", "mori@minato.example.jp", "tamura@minato.example.jp"


@dataclass
class Company:
    """A world with everybody at the company who matters for an opening; `world.hr` owns openings."""

    world: World
    deputy: Somebody
    other: Somebody
    manager: Somebody

    def opening(self, title: str = "営業企画", **values: Any) -> Opening:
        """An opening that alumni may answer, owned by 佐藤 美咲, 木村 健 her deputy."""
        given = {
            "closes_on": date(2026, 12, 31), "owner": HR_EMAIL, "owner_name": "佐藤 美咲",
            "deputy": DEPUTY, "deputy_name": "木村 健", "department": "営業部", "place": "東京",
            "about": "お客様への提案をお願いします。", "service_years": "以前の勤続年数を通算します",
        } | values  # fmt: skip

        def post(tx: Any) -> Opening:
            row = openings.add(tx, "slack:T0COMPANY:U0HR", title=title, **given)
            openings.publish(tx, row, "slack:T0COMPANY:U0HR")
            return row

        posted: Opening = self.world.writes(post)
        return posted


@asynccontextmanager
async def company_in(folder: Path, start: str = "2026-02-02", **changes: Any) -> AsyncIterator[Company]:
    """A world that looks for people; settings may be changed."""
    given = {"hr": f"{DEPUTY},{OTHER}", "managers": MANAGER} | changes
    async with world_in(folder, start, **given) as world:
        found = []
        for name, email in (("木村 健", DEPUTY), ("森 由美", OTHER), ("田村 誠", MANAGER)):
            user = world.slack.add_person(COMPANY, name=name, email=email)
            found.append(Somebody(world, name, email, user))
        await world.settle()
        yield Company(world, *found)
