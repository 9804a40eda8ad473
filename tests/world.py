"""The story language: employees who leave, HR who decides, a clock that moves, over signed HTTP on a real database.

Nothing here calls a command directly: people type, press and fill in through the local Slack, mails arrive over SMTP.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
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
from storage.columns import Row
from storage.engine import Tx
from storage.leavers import Leaver, Stage
from storage.outbox import Delivery, Status
from storage.people import Person

TOKYO = ZoneInfo("Asia/Tokyo")
NOTED = timedelta(days=60)
"""How far the clock goes at once: the house forgets after 90 days what it sent."""
HEADERS = (
    "社員番号", "氏名", "フリガナ", "会社メール", "個人メール", "退職日", "最終出社日", "部署", "退職区分", "状態", "入社日",
    "登録可否", "言語",
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
    stint: int = 0

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

    async def presses(
        self, action: str, side: Side | None = None, nth: int = -1, of: Somebody | None = None, **form: Any
    ) -> None:
        """Press the newest button of an action (about somebody, if said); with a form, fill it in and send it."""
        team, user = self._at(side)
        about = f'"leaver":{of.row.id}}}' if of else ""
        where, element = self.world.button(team, user, action, nth, about)
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

    @property
    def home_email(self) -> str:
        """Their private address."""
        return f"{self.number.lower()}@home.example.jp"

    async def says_yes(self, email: str = "", reach: str = "chat") -> None:
        """Press はい and give a private address."""
        await self.presses("welcome.yes", Side.COMPANY, personal_email=email or self.home_email, reach=reach)
        await self.world.settle()

    def proof_code(self, email: str = "") -> str:
        """The code in the newest proof in their private mailbox."""
        mails = [m for m in self.world.mails(email or self.home_email) if self.world.kind(m) == "welcome.proof"]
        code = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", mails[-1].text)
        assert code, mails[-1].text
        return code[0]

    async def proves_the_address(self, email: str = "") -> None:
        """Read the code in the private mailbox and enter it in the company chat."""
        await self.presses("welcome.prove", Side.COMPANY, code=self.proof_code(email))

    async def joins(self, email: str = "", name: str = "", **details: Any) -> None:
        """Make an account in the alumni workspace with this address, confirmed if nothing else is said."""
        details = {"email_confirmed": True, **details}
        self.alumni_user = await self.world.slack.joins(
            ALUMNI, name=name or self.name, email=email or self.home_email, **details
        )
        await self.world.settle()

    async def forges(self, action: str, about: Somebody) -> None:
        """Send a button that was never shown to them: somebody else's."""
        where, element = self.world.button(*self._at(Side.COMPANY), "welcome.no")
        element |= {"action_id": f"{action}#1", "value": json.dumps([action, {"leaver": about.row.id}])}
        await self.world.slack.presses(*self._at(Side.COMPANY), action=f"{action}#1", value=element["value"], **where)
        await self.world.answered()

    async def chooses(self, name: str, query: str, side: Side | None = None) -> list[str]:
        """Type into the search field of the open form and take the first suggestion; all that were offered."""
        team, user = self._at(side)
        view = self.world.slack.modal(team, user)
        fields = {b.get("block_id"): b["element"]["action_id"] for b in view.blocks if "element" in b}
        options = await self.world.slack.seeks(team, user, view.id, fields[name], query)
        if options:
            self.world.slack.fills(team, user, view.id, {name: options[0]["value"]})
        return [str(option["text"]["text"]) for option in options]

    async def decides(self, word: str, about: Somebody, **form: Any) -> None:
        """As HR: open somebody's details from the list and press go, hold, never …"""
        await self.types(f"/alumni leavers {about.person.name}", Side.COMPANY)
        await self.presses("leavers.show", Side.COMPANY, of=about)
        await self.presses(f"decisions.{word}", Side.COMPANY, of=about, **form)
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
        """Their newest stint, or what is left of it when it was erased."""
        found: Leaver | None = self.world.reads(lambda tx: leavers.latest(tx, "", self.number))
        self.stint = found.id if found else self.stint
        kept = found or self.world.reads(lambda tx: leavers.get(tx, self.stint))
        assert kept is not None
        return kept

    @property
    def letters(self) -> list[tuple[str, str]]:
        """Every message that reached them: its kind, and when by the company's wall clock."""
        person = self.row.person_id
        return [(d.kind, f"{d.done_at.astimezone(TOKYO):%m-%d %H:%M}") for d in self.world.sent() if d.person_id == person]

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
        """The code in their last invitation (or, if they use another mailbox, in the last one anywhere)."""
        mails = self.world.mails(self.home_email) or self.world.mails()
        return self.world.code_in(*(mail.text for mail in mails))


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
    _sent: dict[int, Delivery] = field(default_factory=dict)

    @property
    def slack(self) -> Any:
        """The local Slack."""
        return self.ground.slack

    def employee(
        self, name: str, last_day: str = "", last_working_day: str = "", *, account: bool = True, **details: Any
    ) -> Somebody:
        """Somebody of the company with an account in its Slack (or without), and the dates of their leaving."""
        self._numbers += 1
        number = f"E{self._numbers:04d}"
        email = f"{number.lower()}@minato.example.jp"
        user = self.slack.add_person(COMPANY, name=name, email=email, **details) if account else ""
        dates = {k: v for k, v in (("退職日", last_day), ("最終出社日", last_working_day)) if v}
        return Somebody(self, name, email, user, number=number, dates=dates)

    async def feed_says(self, *rows: Mapping[str, str]) -> None:
        """HR's export drops a file."""
        await self.ground.drop_file("leavers.csv", csv_file(*rows))

    async def on(self, day: str, at: str = "09:00") -> None:
        """Travel to a moment; everything due on the way happens on its day."""
        to = tokyo(day, at)
        while (now := self.ground.clock.now()) < to:
            await self.ground.travel(min(to, now + NOTED))
            self.sent()

    async def settle(self) -> None:
        """Run until quiet."""
        await self.ground.settle()

    async def answered(self) -> None:
        """Wait for answers under way, without letting the clock's sweeps run."""
        for pause in (0.0, 0.01, 0.0):  # between an ack and the work after it lies a turn of the loop
            await asyncio.sleep(pause)
            await self.slack.settle()
            await self.ground.app.drain()

    def mails(self, address: str | None = None) -> list[Mail]:
        """Mails that arrived, oldest first."""
        return list(self.ground.mailbox.mails(address))

    def kind(self, mail: Mail) -> str:
        """Which of our messages a mail is."""
        delivery = mail.headers["Message-ID"].strip("<>").partition("@")[0]
        return next((row.kind for row in self.sent() if row.delivery == delivery), "")

    def mailbox(self, address: str) -> list[str]:
        """What kinds of mail arrived at an address."""
        return [self.kind(mail) for mail in self.mails(address)]

    def reads(self, fn: Any) -> Any:
        """Look into storage."""
        return self.ground.app.core.database.run_now(fn, True)

    def writes(self, fn: Any) -> Any:
        """Change storage behind everybody's back."""
        return self.ground.app.core.database.run_now(fn)

    def code_in(self, *texts: str) -> str:
        """The last joining code in some texts."""
        found = re.findall(r"\b(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}\b", "\n".join(texts))
        assert found, "no joining code anywhere"
        return str(found[-1])

    def delivered(self, kind: str) -> list[Delivery]:
        """Messages of one kind, whatever became of them."""

        def look(tx: Tx) -> list[Delivery]:
            return list(tx.scalars(select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id)))

        found: list[Delivery] = self.reads(look)
        return found

    def sent(self) -> list[Delivery]:
        """Every message that ever went out, in its order, also when the house has forgotten it."""
        query = select(Delivery).where(Delivery.status == Status.SENT)
        self._sent |= {row.id: row for row in self.reads(lambda tx: list(tx.scalars(query)))}
        return sorted(self._sent.values(), key=lambda row: (row.done_at or row.due_at, row.id))

    def told_hr(self, kind: str) -> list[str]:
        """When HR got messages of a kind, by the company's wall clock."""
        return [f"{d.done_at.astimezone(TOKYO):%m-%d %H:%M}" for d in self.sent() if d.kind == kind and d.staff_id]

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table but those that only say that the house is running."""
        running = {"leases", "pace", "feed_files", "inbox"}
        wanted = [table for table in Row.metadata.sorted_tables if table.name not in running]
        return {t.name: [tuple(row) for row in self.reads(lambda tx, t=t: tx.execute(select(t)).all())] for t in wanted}

    def button(
        self, team: str, user: str, action: str, nth: int = -1, about: str = ""
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Where the newest button of an action stands (open dialog first, then messages, then home)."""
        places: list[tuple[dict[str, str], Any]] = []
        home = self.slack.home(team, user)
        places += [({"view": home.id}, home.blocks)] if home else []
        places += [({"ts": m.ts}, m.blocks) for m in self.slack.messages(team, user)]
        view = self.slack.modal(team, user)
        places += [({"view": view.id}, view.blocks)] if view else []
        found = [(where, e) for where, blocks in places for e in _elements(blocks)
                 if str(e.get("action_id", "")).startswith(f"{action}#") and about in str(e.get("value"))]  # fmt: skip
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
