"""Somebody presses or sends a form, the process is killed between its commit and its answer, and they do it
again: no platform repeats that by itself, and it acts once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import leaving
from bot.conversation import Side
from bot.playground import CHANNEL, TEAMS
from storage import leavers, openings, people
from storage.engine import Tx, now
from tests.faults import figures
from tests.faults.site import ALUMNI, Replica, Site, a_site
from tests.faults.steps import RECEIVE

COMPANY = TEAMS[Side.COMPANY]
OWNER = f"slack:{COMPANY}:U0OWNER"


async def unanswered(site: Site, replica: Replica, act: Callable[[], Awaitable[Any]]) -> None:
    """It is committed; then the process is killed, and nobody hears what came of it."""
    began = asyncio.Event()
    site.front.answers = began.set
    acting = asyncio.ensure_future(act())
    await asyncio.wait_for(began.wait(), 25)
    site.front.answers = None
    await site.kill(replica)
    assert not (await acting).ok
    site.expire()


def a_draft(site: Site) -> tuple[int, int]:
    """An opening that HR has only to publish: its number and edition."""

    def write(tx: Tx) -> tuple[int, int]:
        row = openings.add(
            tx, OWNER, title="営業企画", owner=OWNER, owner_name="佐藤",
            closes_on=now(tx).date() + timedelta(days=30),
        )  # fmt: skip
        return row.id, row.edition

    found: tuple[int, int] = site.does(write)
    return found


def pressed(action: str, args: dict[str, int], trigger: str) -> dict[str, Any]:
    """What Slack sends of a button in a message of ours; each press has a trigger of its own."""
    return {
        "type": "block_actions", "team": {"id": COMPANY}, "user": {"id": "U0OWNER", "team_id": COMPANY},
        "api_app_id": "A0COMPANY", "trigger_id": trigger, "response_url": "",
        "container": {"type": "message", "message_ts": "1.1", "channel_id": "D0"}, "channel": {"id": "D0"},
        "actions": [
            {"type": "button", "action_id": "x#0", "block_id": "b", "value": json.dumps([action, args])}
        ],
    }  # fmt: skip


async def test_a_press_that_was_committed_and_never_answered(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        replica, (opening, edition) = await site.start(), a_draft(site)

        async def presses(trigger: str) -> Any:
            args = {"opening": opening, "edition": edition}
            return await site.slack.sends(COMPANY, pressed("post.publish", args, trigger))

        def effects() -> dict[str, int]:
            told = [one for one in site.slack.channel_messages(ALUMNI, CHANNEL) if one.by_bot]
            return {"published": site.count("journal WHERE what = 'opening.published'"), "told": len(told)}

        await unanswered(site, replica, lambda: presses("1.1"))
        await site.start()
        assert (await presses("1.2")).ok
        await site.finds(lambda: all(effects().values()) and not site.unsent(), 60)
        figures.note("kill -9 before an answer", site.kind, faults=1, **figures.count(effects()))


@pytest.mark.long
async def test_a_form_that_was_committed_and_never_answered(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        user = site.slack.add_person(ALUMNI, name="髙橋 愛子", email="elsewhere@home.example.jp")
        RECEIVE.before(site, "e1")

        def invited(tx: Tx) -> str:
            leaver = leavers.latest(tx, "", "e1")
            assert leaver is not None
            return leaving.join_code(tx, people.one(tx, leaver.person_id), site.settings.policy())

        code, replica = site.does(invited), await site.start()
        assert (await site.slack.types(ALUMNI, user, "/alumni join")).ok
        await site.finds(lambda: site.slack.modal(ALUMNI, user) is not None)
        view = site.slack.modal(ALUMNI, user)
        assert view is not None

        async def sends() -> Any:
            return await site.slack.submits(ALUMNI, user, view.id, {"code": code, "agree": ["yes"]})

        await unanswered(site, replica, sends)
        await site.start()
        again = await sends()
        assert again.ok
        assert "参加の手続きは済んでいます" in json.dumps(again.body, ensure_ascii=False), "no wrong code"
        found = RECEIVE.effects(site, "e1") | {"tried": 1 + site.count("accounts WHERE wrong_codes > 0")}
        figures.note("kill -9 before an answer", site.kind, faults=1, **figures.count(found))
