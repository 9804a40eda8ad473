"""Offering and fetching a file: whoever the link was given to, with the rights of the moment of fetching."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from bot import fetching, sheet
from bot.app import CATALOGUE
from bot.conversation import (
    Actor,
    Address,
    Answer,
    Bound,
    Button,
    ButtonPressed,
    Buttons,
    Card,
    Conversation,
    File,
    Link,
    Paragraph,
    Platform,
    Reply,
    Role,
    Side,
    Standing,
    t,
)
from bot.dispatch import Dispatcher, Outcome
from bot.errors import BadUsage, NotFound
from bot.policy import Policy
from bot.registry import Context, Feature, Registry
from bot.texts import Texts
from storage import accounts, downloads, journal
from storage.downloads import Download
from storage.engine import Tx
from storage.journal import Line
from tests.desk import POLICY, Desk

SATO = Address(Platform.SLACK, "T0COMPANY", "U1")
BASE = "https://okaeri.minato.example.jp"
demo = Feature("bot.commands.demo")
demo.homepage(lambda ctx: Card("home"))


@demo.download(Side.COMPANY, roles=(Role.HR,))
def export(ctx: Context, opening: int, words: str) -> File:
    """One row, or what goes wrong."""
    match words:
        case "refuse":
            journal.write(ctx.tx, "demo.half_done")
            raise NotFound("common.outdated")
        case "break":
            raise RuntimeError("a secret value")
    rows = [[opening, words, ctx.now]]
    return File("関心表明.csv", sheet.as_csv(["求人", "言葉", "日時"], rows, ctx.policy.zone))


@demo.download()
def everybody(ctx: Context) -> File:
    """For who is a member of whatever side."""
    return File("a.csv", b"")


@demo.action(Side.COMPANY, roles=(Role.HR,))
def offer(ctx: Context, words: str) -> Answer:
    """Offers the file."""
    way = Button("x", fetching.link(ctx, export(7, words=words)))
    return Reply(Card("x", (Buttons((way,)),), sensitive=True))


@demo.action(Side.COMPANY, roles=(Role.HR,), reads=True)
def offer_and_forget(ctx: Context) -> Answer:
    """Offers a file although it only reads: a bug of whoever wrote it."""
    return Reply(Card("x", (Buttons((Button("x", fetching.link(ctx, everybody())),)),)))


@demo.action(Side.COMPANY)
def offer_wrong(ctx: Context) -> Answer:
    """Offers what is no file."""
    fetching.link(ctx, offer("x"))
    return None


@dataclass
class House:
    """A dispatcher, and HR at work."""

    desk: Desk
    dispatcher: Dispatcher
    count: int = 0

    async def presses(self, bound: Bound, who: Address = SATO) -> Outcome:
        self.count += 1
        arrived = ButtonPressed(who, Conversation(who.workspace, "D1"), f"Ev{self.count}", bound)
        return await self.dispatcher.answer(arrived, Side.COMPANY)

    async def offered(self, words: str = "髙橋") -> str:
        """The token that HR was given."""
        outcome = await self.presses(offer(words=words))
        assert outcome.reply is not None
        (row,) = outcome.reply.card.body
        assert isinstance(row, Buttons)
        press = row.buttons[0].press
        assert isinstance(press, Link)
        assert press.url.startswith(f"{BASE}/alumni/download/")
        return press.url.rpartition("/")[2]

    def lines(self, what: str) -> list[Line]:
        found = select(Line).where(Line.what == what)
        return self.desk.sees(lambda tx: list(tx.scalars(found)))

    def unused(self) -> int:
        rows = select(Download).where(Download.used_at.is_(None))
        return self.desk.sees(lambda tx: len(list(tx.scalars(rows))))


def house_with(desk: Desk, policy: Policy) -> House:
    desk.does(lambda tx: accounts.set_staff(tx, [(Role.HR, str(SATO))]))
    texts = Texts.load(CATALOGUE)
    return House(desk, Dispatcher(desk.database, Registry.of([demo]), policy, texts))


@pytest.fixture
def house(desk: Desk) -> House:
    """With pages."""
    return house_with(desk, replace(POLICY, base_url=BASE))


def told(outcome: Outcome) -> Any:
    """What a refusal says."""
    assert outcome.reply is not None
    assert outcome.file is None
    block = outcome.reply.card.body[0]
    assert isinstance(block, Paragraph)
    return block.text


# --- registering ----------------------------------------------------------------------------------------


def test_calling_a_download_binds_its_arguments() -> None:
    bound = export(7, words="x")
    assert bound == export(words="x", opening=7) == Bound("demo.export", (("opening", 7), ("words", "x")))
    with pytest.raises(ValueError, match="shorter"):
        export(7)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "args", [{}, {"opening": 7}, {"opening": "7", "words": "x"}, {"opening": True, "words": "x"}]
)
def test_forged_arguments_are_out_of_date(args: dict[str, Any]) -> None:
    with pytest.raises(BadUsage):
        export.download.check(Bound("demo.export", tuple(args.items())))


def test_one_name_for_one_file() -> None:
    again = Feature("bot.commands.demo")
    again.download()(export.download.run)
    with pytest.raises(ValueError, match="twice"):
        Registry.of([demo, again])
    registry = Registry.of([demo])
    assert set(registry.downloads) == {"demo.export", "demo.everybody"}
    assert "demo.export" not in registry.handlers, "no button runs a download"
    with pytest.raises(BadUsage):
        registry.download("demo.offer")


# --- offering -------------------------------------------------------------------------------------------


async def test_without_pages_there_is_no_link_and_it_is_said(desk: Desk) -> None:
    house = house_with(desk, POLICY)
    assert told(await house.presses(offer("x"))) == t("common.no_pages")
    assert house.unused() == 0


async def test_who_only_reads_is_told_of_the_bug_at_once(house: House) -> None:
    with structlog.testing.capture_logs():
        outcome = await house.presses(offer_and_forget())
    assert outcome.broke
    assert house.unused() == 0


async def test_only_a_download_can_be_offered(house: House) -> None:
    assert told(await house.presses(offer_wrong())) == t("common.outdated")


# --- fetching -------------------------------------------------------------------------------------------


async def test_a_file_is_fetched_once(house: House) -> None:
    token = await house.offered()
    outcome = await house.dispatcher.fetch(token)
    assert outcome.file is not None
    assert outcome.file.name == "関心表明.csv"
    assert outcome.file.data == "\ufeff求人,言葉,日時\r\n7,髙橋,2026-02-02 09:00\r\n".encode()
    assert "髙橋" not in repr(outcome)
    assert await house.dispatcher.fetch(token) == Outcome()
    (line,) = house.lines("file.fetched")
    assert (line.actor, line.detail, line.subject) == (str(SATO), "demo.export", "")


async def test_an_old_link_and_one_of_nobody_hand_out_nothing(house: House) -> None:
    token = await house.offered()
    assert await house.dispatcher.fetch("0" * 40) == Outcome()
    house.desk.clock.passes(timedelta(minutes=15).total_seconds())
    assert await house.dispatcher.fetch(token) == Outcome()
    assert house.lines("file.fetched") == []


def no_staff(tx: Tx) -> None:
    accounts.set_staff(tx, [])


def a_guest(tx: Tx) -> None:
    accounts.note(tx, SATO, Side.COMPANY)
    accounts.looked(tx, SATO, Standing.GUEST, "ja", "Asia/Tokyo")


def deactivated(tx: Tx) -> None:
    accounts.note(tx, SATO, Side.COMPANY)
    accounts.gone(tx, SATO)


@pytest.mark.parametrize(
    ("ends", "key"),
    [(no_staff, "not_allowed"), (a_guest, "members_only"), (deactivated, "members_only")],
)
async def test_rights_are_those_of_the_moment_of_fetching(house: House, ends: Any, key: str) -> None:
    token = await house.offered()
    house.desk.does(ends)
    assert told(await house.dispatcher.fetch(token)) == t(f"common.{key}")
    assert house.lines("file.fetched") == []
    house.desk.does(lambda tx: accounts.set_staff(tx, [(Role.HR, str(SATO))]))
    assert await house.dispatcher.fetch(token) == Outcome(), "a refused link is used up"


async def test_rights_that_came_meanwhile_count(house: House) -> None:
    jiro = Actor(replace(SATO, user="U2"), Side.COMPANY)
    args = {"opening": 1, "words": "x"}
    token = house.desk.does(lambda tx: downloads.offer(tx, jiro, "demo.export", args))
    house.desk.does(lambda tx: accounts.set_staff(tx, [(Role.HR, str(jiro.address))]))
    assert (await house.dispatcher.fetch(token)).file is not None


async def test_another_side_gets_nothing(house: House) -> None:
    outsider = Actor(Address(Platform.SLACK, "T0ALUMNI", "U1"), Side.ALUMNI)
    args = {"opening": 1, "words": "x"}
    token = house.desk.does(lambda tx: downloads.offer(tx, outsider, "demo.export", args))
    assert told(await house.dispatcher.fetch(token)) == t("common.other_side")
    token = house.desk.does(lambda tx: downloads.offer(tx, outsider, "demo.everybody", {}))
    assert (await house.dispatcher.fetch(token)).file == File("a.csv", b"")


async def test_nobody_of_our_own_pages_gets_nothing(house: House) -> None:
    for user in ("staff0000", "visitor-ja", "p_nobody"):
        nobody = Actor(Address(Platform.WEB, "company", user), Side.COMPANY)
        token = house.desk.does(lambda tx, who=nobody: downloads.offer(tx, who, "demo.everybody", {}))
        assert told(await house.dispatcher.fetch(token)) == t("common.members_only")


@pytest.mark.parametrize(
    ("name", "args"), [("demo.gone", {}), ("demo.export", {"opening": 1}), ("demo.offer", {"words": "x"})]
)
async def test_a_download_of_a_former_version_is_out_of_date(
    house: House, name: str, args: dict[str, Any]
) -> None:
    actor = Actor(SATO, Side.COMPANY)
    token = house.desk.does(lambda tx: downloads.offer(tx, actor, name, args))
    assert told(await house.dispatcher.fetch(token)) == t("common.outdated")


async def test_a_refusal_takes_back_what_was_written_and_uses_the_link_up(house: House) -> None:
    token = await house.offered("refuse")
    assert told(await house.dispatcher.fetch(token)) == t("common.outdated")
    assert house.lines("demo.half_done") == []
    assert house.unused() == 0


async def test_a_bug_is_an_incident_and_leaves_the_link_as_it_was(house: House) -> None:
    token = await house.offered("break")
    with structlog.testing.capture_logs() as logged:
        outcome = await house.dispatcher.fetch(token)
    (entry,) = logged
    assert outcome.broke
    assert told(outcome) == t("common.incident_code", code=entry["code"])
    assert "a secret value" not in repr(outcome)
    assert [line.detail for line in house.lines("incident")] == [f"{entry['code']} RuntimeError"]
    assert house.unused() == 1
