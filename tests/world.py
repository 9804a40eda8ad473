"""The story language: employees who leave, HR who decides, a clock that moves; signed HTTP, a real database.

Nothing here calls a command directly: people type and press in the local Slack, mails arrive over SMTP.
"""

from __future__ import annotations

import asyncio
import csv
import io
import random
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from adapters.playground.mailbox import Mail
from bot import logs
from bot.clock import Clock
from bot.conversation import Platform
from bot.playground import CHANNEL, HR_EMAIL, Playground, playing
from storage.columns import Row
from storage.engine import Tx
from storage.outbox import Delivery, Status
from tests.databases import ask, empty_file, on_postgresql, stored
from tests.in_teams import TeamsChat
from tests.postgres import wanted
from tests.somebody import ALUMNI, COMPANY, TOKYO, Somebody, words_of

__all__ = [
    "ALUMNI",
    "COMPANY",
    "TOKYO",
    "Somebody",
    "World",
    "csv_file",
    "free_port",
    "tokyo",
    "words_of",
    "world_in",
]
PATIENCE = 15.0
"""Seconds that Slack waits in a story: that an answer is there within three is asserted by the contract of
the doors and measured by the bench, not by every story on a machine that has other things to do."""
NOTED = timedelta(days=60)
"""How far the clock goes at once: the house forgets after 90 days what it sent."""
HEADERS = (
    "社員番号", "氏名", "フリガナ", "会社メール", "個人メール", "退職日", "最終出社日", "部署",
    "退職区分", "状態", "入社日", "登録可否", "言語",
)  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on, out of the range from which the kernel gives to everybody who asks for
    any: other tests run beside this one."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(10_000, 32_000)))
            except OSError:
                continue
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
class World:
    """A company with two workspaces, mailboxes and a clock."""

    ground: Playground
    hr: Somebody = field(init=False)
    _numbers: int = 0
    _sent: dict[int, Delivery] = field(default_factory=dict)

    @property
    def slack(self) -> Any:
        """The local Slack; in Teams what stands for it."""
        return TeamsChat(self.ground.teams, self.ground) if self.ground.teams else self.ground.slack

    def employee(
        self,
        name: str,
        last_day: str = "",
        last_working_day: str = "",
        *,
        account: bool = True,
        **details: Any,
    ) -> Somebody:
        """Somebody of the company, with an account in its Slack or without, and the dates of leaving."""
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
        return ask(self.ground.app.core.database, fn, True)

    def writes(self, fn: Any) -> Any:
        """Change storage behind everybody's back."""
        return ask(self.ground.app.core.database, fn, False)

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
        return [
            f"{d.done_at.astimezone(TOKYO):%m-%d %H:%M}" for d in self.sent() if d.kind == kind and d.staff_id
        ]

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table but those that only say that the house is running."""
        running = {"leases", "pace", "feed_files", "inbox"}
        wanted = [table for table in Row.metadata.sorted_tables if table.name not in running]
        return {
            t.name: [tuple(row) for row in self.reads(lambda tx, t=t: tx.execute(select(t)).all())]
            for t in wanted
        }

    def disk(self) -> bytes:
        """Everything that lies on the disk, the log too; of a server, everything in the tables."""
        return stored(self.ground.app.core.database)

    def in_channel(self) -> str:
        """Every word that stands in the alumni's channel for openings, oldest first."""
        return "\n".join(words_of(message) for message in self.slack.channel_messages(ALUMNI, CHANNEL))

    def button(
        self, team: str, user: str, action: str, nth: int = -1, about: str = ""
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Where the newest button of an action stands: open dialog, else messages, the channel, the home."""
        shown = self.buttons(team, user)
        named = [(w, e) for w, e in shown if str(e.get("action_id", "")).startswith(f"{action}#")]
        found = [(w, e) for w, e in named if about in str(e.get("value"))]
        assert found, f"nobody shows a button for {action}"
        return found[nth]

    def buttons(self, team: str, user: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
        """Every button that somebody sees, and where it stands; the newest last."""
        places: list[tuple[dict[str, str], Any]] = []
        home = self.slack.home(team, user)
        places += [({"view": home.id}, home.blocks)] if home else []
        inside = team == ALUMNI and user in self.slack.workspace(team).channels[CHANNEL].members
        board = self.slack.channel_messages(ALUMNI, CHANNEL) if inside else []
        places += [({"ts": m.ts}, m.blocks) for m in [*board, *self.slack.messages(team, user)]]
        view = self.slack.modal(team, user)
        places += [({"view": view.id}, view.blocks)] if view else []
        return [(where, e) for where, blocks in places for e in _elements(blocks)]


def _elements(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        own = [node] if node.get("type") == "button" else []
        return own + [e for value in node.values() for e in _elements(value)]
    if isinstance(node, list | tuple):
        return [e for item in node for e in _elements(item)]
    return []


@asynccontextmanager
async def world_in(
    folder: Path,
    start: str = "2026-02-02",
    at: str = "09:00",
    platform: Platform = Platform.SLACK,
    *,
    in_file: bool = False,
    **changes: Any,
) -> AsyncIterator[World]:
    """A world that begins on a morning; settings may be changed, and people be in Teams.

    `in_file`: on SQLite, whatever this run is about.
    """
    logs.set_up("WARNING")
    async with AsyncExitStack() as stack:
        if wanted() and not in_file:
            changes["database_url"] = stack.enter_context(on_postgresql())
        clock = Clock(tokyo(start, at))
        playground = playing(folder, free_port(), clock, empty_file(), platform, **changes)
        ground = await stack.enter_async_context(playground)
        await ground.listen()
        ground.slack.patience = PATIENCE
        world = World(ground)
        user = world.slack.add_person(COMPANY, name="佐藤 美咲", email=HR_EMAIL)
        world.hr = Somebody(world, "佐藤 美咲", HR_EMAIL, user)
        await world.settle()
        yield world
