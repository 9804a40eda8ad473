"""The door contract over Slack: signed HTTP from the local Slack, two houses on one database."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from adapters.playground.slack_state import Delivery as Delivered
from bot.conversation import Side, Standing
from bot.playground import TEAMS
from bot.ports import LeavingType
from storage import consents, leavers, people
from storage.consents import Decision, Said
from storage.engine import Tx, now
from storage.inbox import Received
from storage.journal import Line
from storage.leavers import Leaver, Stage
from tests.contract.door import ACK, CLAUSES, EVENTS, Clause, Seen
from tests.contract.outside import Outside
from tests.journeys import who_was_asked
from tests.knocks import Knocker, a_member, described, knocking
from tests.world import Somebody, World, words_of

ALUMNI, COMPANY = TEAMS[Side.ALUMNI], TEAMS[Side.COMPANY]
KINDS = {"joined": "person.joined", "answered": "checkin.answered"}


@dataclass
class SlackUnderTest:
    """`tests.contract.door.Door` over Slack."""

    world: World
    knocker: Knocker
    shown: list[str] = field(default_factory=list)
    outside: Outside = field(init=False)

    def __post_init__(self) -> None:
        self.outside = Outside(self.world)

    # --- people ------------------------------------------------------------------------------------

    async def member(self, name: str, locale: str = "ja") -> Somebody:
        return a_member(self.world, name, locale)

    async def newcomer(self, locale: str) -> Somebody:
        return self._account(locale, Standing.MEMBER)

    def unknown(self, locale: str) -> str:
        return {"ja": "まず参加の手続き", "en": "Please join first"}[locale]

    async def outsider(self, locale: str) -> Somebody:
        return self._account(locale, Standing.GUEST)

    def _account(self, locale: str, standing: Standing) -> Somebody:
        email = f"{secrets.token_hex(4)}@home.example.jp"
        user = self.world.slack.add_person(ALUMNI, name="新人", email=email)
        described(self.world, Side.ALUMNI, user, locale, standing)
        return Somebody(self.world, "新人", email, alumni_user=user)

    async def leaver(self) -> Somebody:
        somebody = await who_was_asked(self.world)
        await somebody.says_yes()
        return somebody

    # --- what they do ------------------------------------------------------------------------------

    async def types(self, who: Somebody, words: str) -> Seen:
        team, user = who._at(None)
        return await self._seen(who, self.world.slack.types(team, user, f"/alumni {words}"))

    async def presses(self, who: Somebody, action: str) -> Seen:
        team, user = who._at(None)
        while view := self.world.slack.modal(team, user):
            await self.world.slack.closes(team, user, view.id)
        where, element = self.world.button(team, user, action)
        press = self.world.slack.presses(
            team, user, action=element["action_id"], value=element["value"], **where
        )
        return await self._seen(who, press)

    async def submits(self, who: Somebody, **values: Any) -> Seen:
        team, user = who._at(None)
        view = self.world.slack.modal(team, user)
        return await self._seen(who, self.world.slack.submits(team, user, view.id, values))

    def fields(self, who: Somebody) -> Mapping[str, Any]:
        view = who.modal()
        assert view is not None
        return dict(view.values)

    def errors(self, who: Somebody) -> Mapping[str, str]:
        view = who.modal()
        return dict(view.errors) if view else {}

    async def claims(self, who: Somebody, action: str, args: object) -> Seen:
        payload = self._payload(who, json.dumps([action, args]))
        return await self._seen(who, self.world.slack.sends(who._at(None)[0], payload))

    def _payload(self, who: Somebody, value: str) -> dict[str, Any]:
        """What Slack sends when a button with this value is pressed in a message of the bot."""
        team, user = who._at(None)
        workspace = self.world.slack.workspace(team)
        channel = workspace.direct(user).id
        address = self.world.slack._wire.response_url(
            workspace, "actions", workspace.new_response(channel, user, "1.1")
        )
        return {
            "type": "block_actions", "team": {"id": team}, "user": {"id": user, "team_id": team},
            "api_app_id": workspace.app.app_id, "trigger_id": workspace.new_trigger(user),
            "container": {"type": "message", "message_ts": "1.1", "channel_id": channel},
            "channel": {"id": channel}, "response_url": address,
            "actions": [{"type": "button", "action_id": "x#0", "block_id": "b", "value": value}],
        }  # fmt: skip

    async def clicks(self, who: Somebody, action: str, args: object, *, same: bool) -> None:
        _, user = who._at(None)
        side = Side.ALUMNI if who.alumni_user else Side.COMPANY
        value = json.dumps([action, args])
        bodies = [self.knocker.press(user, value, side) for _ in range(4)]
        bodies = bodies[:1] * 4 if same else bodies
        knocks = [self.knocker.knock(body, side, n % 2) for n, body in enumerate(bodies)]
        assert {heard.status for heard in await asyncio.gather(*knocks)} == {200}

    async def _seen(self, who: Somebody, act: Any) -> Seen:
        team, user = who._at(None)
        before = {one.ts: one for one in self.world.slack.messages(team, user)}
        delivery: Delivered = await act
        if not self.outside.carrying:
            await self.world.answered()
        messages, view = self.world.slack.messages(team, user), self.world.slack.modal(team, user)
        shown = [one for one in messages if before.get(one.ts) != one] + ([view] if view else [])
        for one in shown:
            _mrkdwn(list(one.blocks), self.shown)
            self.shown.append(getattr(one, "text", ""))
        return Seen(delivery.ok, delivery.seconds, "\n".join(map(words_of, shown)))

    # --- what the platform sends -------------------------------------------------------------------

    async def knocks(self, how: str) -> int:
        body = self.knocker.event(_said("U0SOMEBODY", "help"))
        at = self.world.ground.clock.wire()
        match how:
            case "unsigned":
                heard = await self.knocker.knock(body, signature="", stamp="")
            case "forged":
                heard = await self.knocker.knock(body, signature="v0=" + "0" * 64)
            case "stale":
                heard = await self.knocker.knock(body, stamp=str(int(at - 301)))
            case "early":
                heard = await self.knocker.knock(body, stamp=str(int(at + 320)))
            case _:
                heard = await self.knocker.knock(body, Side.COMPANY)
        return heard.status

    async def joins(self, times: int, *, at_once: bool) -> None:
        body = self._joined()
        knocks = [self.knocker.knock(body, replica=n % 2) for n in range(times)]
        heard = await asyncio.gather(*knocks) if at_once else [await knock for knock in knocks]
        assert {one.status for one in heard} == {200}
        assert max(one.seconds for one in heard) < ACK

    def _joined(self) -> bytes:
        email = f"{secrets.token_hex(4)}@home.example.jp"
        self.world.writes(lambda tx: _enrolled(tx, email))
        user = self.world.slack.add_person(ALUMNI, name="髙橋 愛子", email=email)
        profile = {"id": user, "team_id": ALUMNI, "is_email_confirmed": True, "profile": {"email": email}}
        return self.knocker.event({"type": "team_join", "user": profile})

    async def event(self) -> Callable[[], Awaitable[int]]:
        body = self._joined()

        async def tells() -> int:
            return (await self.knocker.knock(body)).status

        return tells

    def full(self) -> AbstractContextManager[None]:
        return self.outside.full()

    async def the_bot_speaks(self) -> None:
        said = _said("U0BOTALUMNI", "help") | {"bot_id": "B0BOTALUMNI", "app_id": "A0ALUMNI"}
        assert (await self.knocker.knock(self.knocker.event(said))).status == 200
        edited = _said("", "") | {"subtype": "message_changed", "message": said}
        assert (await self.knocker.knock(self.knocker.event(edited))).status == 200

    async def slow(self, seconds: float) -> None:
        await self.outside.slow(seconds)

    async def quiet(self) -> None:
        await self.outside.quiet()
        await asyncio.sleep(0.3)  # the second house answers for itself

    # --- what is to be seen ------------------------------------------------------------------------

    def markup(self) -> Sequence[str]:
        return self.shown

    def effects(self, what: str) -> int:
        if what == "proof":
            return len(self.world.delivered("welcome.proof"))
        if what == "heard":
            ours = Received.workspace == ALUMNI
            return int(
                self.world.reads(lambda tx: tx.scalar(select(func.count()).select_from(Received).where(ours)))
            )
        query = select(func.count()).select_from(Line).where(Line.what == KINDS[what])
        return int(self.world.reads(lambda tx: tx.scalar(query)))


def _mrkdwn(node: Any, found: list[str]) -> None:
    if isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            found.append(str(node["text"]))
        for value in node.values():
            _mrkdwn(value, found)
    elif isinstance(node, list | tuple):
        for item in node:
            _mrkdwn(item, found)


def _said(user: str, text: str) -> dict[str, Any]:
    return {"type": "message", "channel_type": "im", "channel": "D0", "user": user, "text": text, "ts": "1.1"}


def _enrolled(tx: Tx, email: str) -> None:
    person = people.add(tx, "髙橋 愛子")
    people.set_private_email(tx, person, email)
    person.private_email_proven_at = now(tx)
    leaver = Leaver(
        person_id=person.id, entity="", employee_number=secrets.token_hex(4), stint=1, source="csv",
        notice="", last_day=date(2026, 1, 31),
        leaving_type=LeavingType.RESIGNATION.value, stage=Stage.ENROLLED,
    )  # fmt: skip
    leavers.add(tx, leaver)
    consents.record(tx, person.id, Decision.GIVEN, Said("ja", "slack"))


@pytest.fixture
async def door(world: World) -> AsyncIterator[SlackUnderTest]:
    async with knocking(world, replicas=2) as knocker:
        under_test = SlackUnderTest(world, knocker)
        yield under_test
        await under_test.quiet()


@pytest.mark.parametrize("clause", CLAUSES + EVENTS, ids=lambda clause: clause.__name__)
async def test_the_slack_door_keeps_the_contract(clause: Clause, door: SlackUnderTest) -> None:
    await clause(door)
