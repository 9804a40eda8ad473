"""The story language: employees who leave, HR who decides, a clock that moves, over signed HTTP on a real database.

Nothing here calls a command directly: people type, press and fill in through the local Slack, mails arrive over SMTP.
"""

from __future__ import annotations

import csv
import io
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from adapters.playground.mailbox import Mail
from adapters.playground.slack_state import Message, View
from bot import logs
from bot.clock import Clock
from bot.conversation import Side
from bot.playground import HR_EMAIL, TEAMS, Playground, playing
from storage import leavers, people
from storage.engine import Tx
from storage.leavers import Leaver, Stage
from storage.outbox import Delivery
from storage.people import Person

TOKYO = ZoneInfo("Asia/Tokyo")
HEADERS = (
    "社員番号", "氏名", "フリガナ", "会社メール", "退職日", "最終出社日", "部署", "退職区分", "状態", "入社日", "登録可否",
)  # fmt: skip
COMPANY, ALUMNI = TEAMS[Side.COMPANY], TEAMS[Side.ALUMNI]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tokyo(day: str | date, at: str = "09:00") -> datetime:
    """A moment on the wall of the company."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(day, time.fromisoformat(at), TOKYO)


def csv_file(*rows: Mapping[str, str]) -> bytes:
    """Rows as HR's export would write them."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADERS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


@dataclass
class Somebody:
    """A human being with accounts, who types, presses and reads."""

    world: World
    name: str
    company_email: str = ""
    company_user: str = ""
    alumni_user: str = ""
    number: str = ""
    dates: dict[str, str] = field(default_factory=dict)

    # --- what HR's file says about them --------------------------------------------------------------

    def leaves(self, **changes: str) -> dict[str, str]:
        """Their row in a leavers' file."""
        row = {
            "社員番号": self.number, "氏名": self.name, "会社メール": self.company_email, "部署": "営業部",
            "退職区分": "自己都合", "状態": "予定",
        }  # fmt: skip
        return row | self.dates | changes

    # --- what they do --------------------------------------------------------------------------------

    def _at(self, side: Side | None) -> tuple[str, str]:
        if side is Side.ALUMNI or (side is None and self.alumni_user):
            return ALUMNI, self.alumni_user
        return COMPANY, self.company_user

    async def types(self, text: str, side: Side | None = None) -> str:
        """Type into the conversation with the bot; what is seen afterwards, newest words only."""
        team, user = self._at(side)
        before = len(self.world.slack.messages(team, user))
        delivery = await self.world.slack.types(team, user, text)
        await self.world.answered()
        assert delivery.ok, delivery
        return "\n".join(words_of(m) for m in self.world.slack.messages(team, user)[before:])

    def sees(self, side: Side | None = None) -> str:
        """Every word in the conversation with the bot, and in the open dialog."""
        team, user = self._at(side)
        seen = [words_of(m) for m in self.world.slack.messages(team, user)]
        view = self.world.slack.modal(team, user)
        return "\n".join([*seen, *([words_of(view)] if view else [])])

    def modal(self, side: Side | None = None) -> View | None:
        """The open dialog."""
        return self.world.slack.modal(*self._at(side))

    async def presses(self, action: str, side: Side | None = None, nth: int = -1, **form: Any) -> None:
        """Press the newest button of an action; with a form, fill it in and send it."""
        team, user = self._at(side)
        where, element = self.world.button(team, user, action, nth)
        delivery = await self.world.slack.presses(
            team, user, action=element["action_id"], value=element.get("value"), **where
        )
        assert delivery.ok, delivery
        await self.world.answered()
        if form:
            await self.fills(side, **form)

    async def fills(self, side: Side | None = None, **form: Any) -> dict[str, str]:
        """Send the open form; the errors it came back with."""
        team, user = self._at(side)
        view = self.world.slack.modal(team, user)
        assert view is not None, "no dialog is open"
        delivery = await self.world.slack.submits(team, user, view.id, form)
        assert delivery.ok, delivery
        await self.world.answered()
        left = self.world.slack.modal(team, user)
        return dict(left.errors) if left else {}

    async def says_yes(self, email: str, reach: str = "chat") -> None:
        """Press はい and give a private address."""
        await self.presses("welcome.yes", Side.COMPANY, personal_email=email, reach=reach)
        await self.world.settle()

    async def proves_the_address(self, email: str) -> None:
        """Read the code in the private mailbox and enter it in the company chat."""
        mails = [m for m in self.world.mails(email) if self.world.kind(m) == "welcome.proof"]
        code = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", mails[-1].text)
        assert code, mails[-1].text
        await self.presses("welcome.prove", Side.COMPANY, code=code[0])

    async def joins(self, email: str, name: str = "", *, confirmed: bool = True) -> None:
        """Make an account in the alumni workspace with this address."""
        self.alumni_user = await self.world.slack.joins(
            ALUMNI, name=name or self.name, email=email, email_confirmed=confirmed
        )
        await self.world.settle()

    async def opens_home(self, side: Side | None = None) -> str:
        """Open the bot's home; its words."""
        team, user = self._at(side)
        await self.world.slack.opens_home(team, user)
        await self.world.answered()
        view = self.world.slack.home(team, user)
        return words_of(view) if view else ""

    # --- what the house holds about them -------------------------------------------------------------

    @property
    def row(self) -> Leaver:
        """Their newest stint."""
        found = self.world.reads(lambda tx: leavers.latest(tx, "", self.number))
        assert found is not None
        return found

    @property
    def stage(self) -> Stage:
        """Where they stand."""
        return self.row.stage

    @property
    def person(self) -> Person:
        """Their person row."""
        found = self.world.reads(lambda tx: people.get(tx, self.row.person_id))
        assert found is not None
        return found

    @property
    def joining_code(self) -> str:
        """The code in the last invitation anywhere."""
        for mail in reversed(self.world.mails()):
            code = re.search(r"\b(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}\b", mail.text)
            if code:
                return code[0]
        raise AssertionError("no mail holds a joining code")


def words_of(shown: Message | View) -> str:
    """All words of a message or a view, without the brand line's address."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("text"), str):
                found.append(node["text"])
            for key, value in node.items():
                if key != "text" or not isinstance(value, str):
                    walk(value)
        elif isinstance(node, list | tuple):
            for item in node:
                walk(item)

    title = getattr(shown, "title", "")
    walk(list(shown.blocks))
    return "\n".join([title, *found] if isinstance(title, str) else found)


@dataclass
class World:
    """A company with two workspaces, mailboxes and a clock."""

    ground: Playground
    hr: Somebody = field(init=False)
    _numbers: int = 0

    @property
    def slack(self) -> Any:
        """The local Slack."""
        return self.ground.slack

    def employee(self, name: str, last_day: str = "", last_working_day: str = "", *, account: bool = True) -> Somebody:
        """Somebody of the company with an account in its Slack (or without), and the dates of their leaving."""
        self._numbers += 1
        number = f"E{self._numbers:04d}"
        email = f"{number.lower()}@minato.example.jp"
        user = self.slack.add_person(COMPANY, name=name, email=email) if account else ""
        dates = {k: v for k, v in (("退職日", last_day), ("最終出社日", last_working_day)) if v}
        return Somebody(self, name, email, user, number=number, dates=dates)

    async def feed_says(self, *rows: Mapping[str, str]) -> None:
        """HR's export drops a file."""
        await self.ground.drop_file("leavers.csv", csv_file(*rows))

    async def on(self, day: str, at: str = "09:00") -> None:
        """Travel to a moment; everything due on the way happens on its day."""
        await self.ground.travel(tokyo(day, at))

    async def settle(self) -> None:
        """Run until quiet."""
        await self.ground.settle()

    async def answered(self) -> None:
        """Wait for answers under way, without letting the clock's sweeps run."""
        for _ in range(3):
            await self.slack.settle()
            await self.ground.app.drain()

    def mails(self, address: str | None = None) -> list[Mail]:
        """Mails that arrived, oldest first."""
        return list(self.ground.mailbox.mails(address))

    def kind(self, mail: Mail) -> str:
        """Which of our messages a mail is."""
        delivery = mail.headers["Message-ID"].strip("<>").partition("@")[0]
        return self.reads(lambda tx: tx.scalar(select(Delivery.kind).where(Delivery.delivery == delivery))) or ""

    def mailbox(self, address: str) -> list[str]:
        """What kinds of mail arrived at an address."""
        return [self.kind(mail) for mail in self.mails(address)]

    def reads(self, fn: Any) -> Any:
        """Look into storage."""
        return self.ground.app.core.database.run_now(fn, True)

    def writes(self, fn: Any) -> Any:
        """Change storage behind everybody's back."""
        return self.ground.app.core.database.run_now(fn)

    def delivered(self, kind: str) -> list[Delivery]:
        """Messages of one kind, whatever became of them."""

        def look(tx: Tx) -> list[Delivery]:
            return list(tx.scalars(select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id)))

        found: list[Delivery] = self.reads(look)
        return found

    def button(self, team: str, user: str, action: str, nth: int = -1) -> tuple[dict[str, str], dict[str, Any]]:
        """Where the newest button of an action stands (open dialog first, then messages, then home)."""
        places: list[tuple[dict[str, str], Any]] = []
        home = self.slack.home(team, user)
        places += [({"view": home.id}, home.blocks)] if home else []
        places += [({"ts": m.ts}, m.blocks) for m in self.slack.messages(team, user)]
        view = self.slack.modal(team, user)
        places += [({"view": view.id}, view.blocks)] if view else []
        found = [(where, e) for where, blocks in places for e in _elements(blocks)
                 if str(e.get("action_id", "")).startswith(f"{action}#")]  # fmt: skip
        assert found, f"nobody shows a button for {action}"
        return found[nth]


def _elements(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        own = [node] if node.get("type") == "button" else []
        return own + [e for value in node.values() for e in _elements(value)]
    if isinstance(node, list | tuple):
        return [e for item in node for e in _elements(item)]
    return []


@asynccontextmanager
async def world_in(folder: Path, start: str = "2026-02-02", at: str = "09:00", **changes: Any) -> AsyncIterator[World]:
    """A world that begins on a morning; settings may be changed."""
    logs.set_up("WARNING")
    async with playing(folder, free_port(), Clock(tokyo(start, at)), **changes) as ground:
        await ground.listen()
        world = World(ground)
        user = ground.slack.add_person(COMPANY, name="佐藤 美咲", email=HR_EMAIL)
        world.hr = Somebody(world, "佐藤 美咲", HR_EMAIL, user)
        await world.settle()
        yield world
