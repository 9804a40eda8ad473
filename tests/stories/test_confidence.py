"""Who can learn of a raised hand, by any command, card, count, file, message, log line: only who may.

Everything that is registered is asked twice, with the raised hand and in the same moment without it: for
whoever may not know of it, both answers are the same to the letter.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from adapters import http
from bot import logs
from bot.conversation import Address, Platform, Side
from bot.playground import HR_EMAIL
from storage import accounts, held, interests, openings, outbox, people
from storage.accounts import Staff
from storage.answers import Step
from storage.engine import Tx
from storage.interests import Interest
from storage.journal import Line
from storage.openings import Opening
from storage.outbox import Delivery
from tests.hands import later, raised, raises
from tests.journeys import a_leaver, a_member
from tests.offered import DEPUTY, OTHER, Company, company_in
from tests.probing import Asked, Forged, Prober
from tests.world import ALUMNI, COMPANY, Somebody, World, words_of

SUZUKI = "suzuki@minato.example.jp"
READER, PERSON = "the reader", "the person"


@dataclass
class Scene:
    """愛子 raised a hand for an opening of 鈴木, and took out the deputy; 佐藤 owns the network and nothing
    else."""

    company: Company
    reader: Somebody
    aiko: Somebody
    opening: Opening
    everybody: dict[str, tuple[Address, Side]] = field(default_factory=dict)

    @property
    def world(self) -> World:
        """The world."""
        return self.company.world

    @property
    def hand(self) -> Interest:
        """The raised hand."""
        (row,) = raised(self.world)
        return row

    def prober(self) -> Prober:
        """Who guesses everything."""
        row, person = self.hand, self.aiko.row.person_id
        numbers = (self.opening.id, row.id, self.aiko.row.id)
        typed = ("", str(self.opening.id), str(row.id), "mine", "髙橋 愛子")
        forged = Forged(numbers, ("", person, "interests"), typed, frozenset({person}))
        return Prober(self.world, forged, self.may_read)

    def may_read(self, letter: Delivery) -> bool:
        """Whether a message is to the person or to the reader."""
        reader = self.world.reads(lambda tx: accounts.staff_by_key(tx, SUZUKI))
        return letter.person_id == self.aiko.row.person_id or letter.staff_id == reader.id


def _web(scene: Scene, email: str) -> Address:
    def find(tx: Tx) -> Address:
        member = tx.scalars(select(Staff).where(Staff.email == email)).first()
        assert member is not None
        return accounts.web_staff(tx, member)

    found: Address = scene.world.reads(find)
    return found


def _slack(team: str, user: str) -> Address:
    return Address(Platform.SLACK, team, user)


@asynccontextmanager
async def scene_in(folder: Path) -> AsyncIterator[Scene]:
    async with company_in(folder, hr=f"{DEPUTY},{OTHER},{SUZUKI}") as company:
        world = company.world
        user = world.slack.add_person(COMPANY, name="鈴木 一郎", email=SUZUKI)
        suzuki = Somebody(world, "鈴木 一郎", SUZUKI, user)
        aiko, hanako = await a_member(world), await a_member(world, "山本 花子", "2026-04-30")
        leaver = await a_leaver(world, "中村 淳", "2026-08-31")
        row = company.opening(owner=SUZUKI, owner_name="鈴木 一郎")
        scene = Scene(company, suzuki, aiko, row)
        company_side = {
            "an owner of the network": (world.hr, HR_EMAIL), "the deputy taken out": (company.deputy, DEPUTY),
            "another of HR": (company.other, OTHER), READER: (suzuki, SUZUKI),
            "a manager": (company.manager, company.manager.company_email), "a leaver": (leaver, ""),
        }  # fmt: skip
        for name, (one, email) in company_side.items():
            scene.everybody[name] = _slack(COMPANY, one.company_user), Side.COMPANY
            if email:
                scene.everybody[f"{name}, on the pages"] = _web(scene, email), Side.COMPANY
        for name, one in ((PERSON, aiko), ("another alumnus", hanako)):
            scene.everybody[name] = _slack(ALUMNI, one.alumni_user), Side.ALUMNI
            there = accounts.web_person(one.row.person_id, Side.ALUMNI)
            scene.everybody[f"{name}, on the pages"] = there, Side.ALUMNI
        stranger = world.slack.add_person(ALUMNI, name="見知らぬ 人", email="x@example.jp")
        scene.everybody["a stranger"] = _slack(ALUMNI, stranger), Side.ALUMNI
        scene.everybody["a visitor"] = accounts.visitor("ja"), Side.ALUMNI
        await world.settle()
        yield scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene_in(tmp_path) as made:
        yield made


def differences(scene: Scene, name: str) -> dict[str, tuple[str, str]]:
    """What somebody is told otherwise because there is a raised hand."""
    prober, (who, side) = scene.prober(), scene.everybody[name]
    row = scene.hand
    with prober.apart() as tx:
        there: Asked = prober.asks(tx, who, side)
    with prober.apart() as tx:
        interests.drop(tx, tx.get_one(Interest, row.id))
        gone: Asked = prober.asks(tx, who, side)
    assert there.keys() == gone.keys()
    return {key: (there[key], gone[key]) for key in there if there[key] != gone[key]}


def allowed(name: str) -> bool:
    return name.startswith((READER, PERSON))


async def test_nobody_else_is_told_anything_otherwise(scene: Scene) -> None:
    """While it rests only the person; then the reader too, also once it was answered."""
    world = scene.world
    assert await raises(world, scene.aiko, scene.opening, "鈴木 一郎") == {}
    assert differences(scene, READER) == {}
    assert differences(scene, PERSON)
    await later(world, minutes=11)
    await scene.reader.presses("answer.read", Side.COMPANY)
    await scene.reader.presses("answer.step", Side.COMPANY, step="contacted", note="また来週")
    await world.settle()
    compare(scene, ["the deputy taken out", READER, PERSON, "another alumnus"])


@pytest.mark.long
async def test_nor_is_anybody_on_every_door_and_in_every_state(scene: Scene) -> None:
    """Everybody, while it rests, once it came, and once it was answered."""
    world = scene.world
    await raises(world, scene.aiko, scene.opening, "鈴木 一郎")
    for name in scene.everybody:
        assert bool(differences(scene, name)) is name.startswith(PERSON), name
    await later(world, minutes=11)
    compare(scene, list(scene.everybody))
    await scene.reader.presses("answer.read", Side.COMPANY)
    await scene.reader.presses("answer.step", Side.COMPANY, step="contacted", note="また来週")
    await world.settle()
    compare(scene, list(scene.everybody))


@pytest.mark.long
async def test_nor_on_the_pages_nor_when_it_is_late(scene: Scene) -> None:
    """Everybody, on every door."""
    await raises(scene.world, scene.aiko, scene.opening, "鈴木 一郎")
    await later(scene.world, days=14)
    assert scene.hand.late_at is not None
    compare(scene, list(scene.everybody))


def compare(scene: Scene, names: list[str]) -> None:
    """Who may know is told something otherwise, and so the questions bite; nobody else is."""
    for name in names:
        found = differences(scene, name)
        assert bool(found) is allowed(name), (name, next(iter(found.items()), None))


def words_seen(world: World) -> dict[str, str]:
    """Every word in every conversation of the local Slack and in every channel, by whose it is."""
    found: dict[str, str] = {}
    for team in (COMPANY, ALUMNI):
        place = world.slack.workspace(team)
        for user in place.people:
            found[f"{team}:{user}"] = "\n".join(words_of(m) for m in world.slack.messages(team, user))
        for channel in (name for name in place.channels if name.startswith("C")):
            found[f"{team}:{channel}"] = "\n".join(
                words_of(m) for m in world.slack.channel_messages(team, channel)
            )
    return found


async def test_messages_mails_journal_and_logs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with scene_in(tmp_path) as scene:
        await no_word_of_it(scene, capfd)


async def no_word_of_it(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    """Only the person and the reader get one, and what lies in a chat or a mailbox names nobody and
    nothing."""
    world, aiko = scene.world, scene.aiko
    logs.set_up("DEBUG")
    await raises(world, aiko, scene.opening, "鈴木 一郎")
    before, mails = words_seen(world), len(world.mails())
    lines = world.reads(lambda tx: len(tx.scalars(select(Line)).all()))
    capfd.readouterr()
    row = scene.hand
    await later(world, minutes=11)
    await scene.reader.presses("answer.read", Side.COMPANY)
    await scene.reader.presses("answer.step", Side.COMPANY, step="talk", note="また来週")
    await later(world, days=1)
    after = words_seen(world)
    changed = {whose for whose in after if after[whose] != before.get(whose)}
    assert changed == {f"{COMPANY}:{scene.reader.company_user}", f"{ALUMNI}:{aiko.alumni_user}"}
    needles = ("愛子", aiko.row.person_id, aiko.home_email, scene.opening.title, "また来週")
    for whose in changed:
        new = after[whose].removeprefix(before.get(whose, ""))
        assert not [needle for needle in needles if needle in new], new
    assert world.mails()[mails:] == []
    written = "".join(capfd.readouterr())
    assert not [needle for needle in (*needles, str(row.id)) if needle in written]
    assert world.reads(lambda tx: len(tx.scalars(select(Line)).all())) == lines
    about = [letter for letter in world.sent() if letter.kind.startswith("interest.")]
    assert {letter.kind for letter in about} == {"interest.came", "interest.news"}
    assert all(scene.may_read(letter) for letter in about)


@pytest.mark.long
async def test_exports_of_others_the_metrics_and_the_readers_file(scene: Scene) -> None:
    world, aiko = scene.world, scene.aiko
    await raises(world, aiko, scene.opening, "鈴木 一郎")
    await later(world, minutes=11)
    row = scene.hand

    def everyone_elses(tx: Tx) -> bytes:
        others = tx.scalars(select(people.Person.id).where(people.Person.id != aiko.row.person_id)).all()
        return b"".join(held.as_json(held.everything(tx, one)) for one in others)

    assert str(row.id).encode() not in world.reads(everyone_elses)
    own = json.loads(world.reads(lambda tx: held.as_json(held.everything(tx, aiko.row.person_id))))
    assert [one["id"] for one in own["interests"]["rows"]] == [row.id]
    app = world.ground.app
    async with TestClient(TestServer(http.metrics_page(app.metrics))) as client:
        page = await (await client.get("/metrics")).text()
    page = page.replace('{sweep="interests"}', "")  # it runs whether or not anybody raised a hand
    assert "interest" not in page
    assert str(row.id) not in page


@pytest.mark.long
async def test_a_message_that_could_not_be_delivered_is_not_counted_for_all(scene: Scene) -> None:
    """HR's list counts what was given up; that it was about a raised hand would tell that there is one."""
    world = scene.world
    await raises(world, scene.aiko, scene.opening, "鈴木 一郎")
    await later(world, minutes=11)

    def give_up(tx: Tx) -> None:
        for letter in tx.scalars(select(Delivery).where(Delivery.kind == "interest.came")):
            letter.status = outbox.Status.DEAD

    world.writes(give_up)
    compare(scene, ["an owner of the network"])


@pytest.mark.long
async def test_who_is_asked_are_the_names_on_the_row_alone(scene: Scene) -> None:
    """An owner of the opening who came later was not shown by name, so they learn of nothing."""
    world, row = scene.world, scene.opening
    await raises(world, scene.aiko, row, "鈴木 一郎")
    await later(world, minutes=11)
    world.writes(lambda tx: _handed_on(tx, row.id))
    compare(scene, ["another of HR", READER])
    assert scene.hand.step is Step.WAITING
    await later(world, days=20)
    assert [one.staff_id for one in world.delivered("interest.late")] == [
        world.reads(lambda tx: accounts.staff_by_key(tx, SUZUKI)).id
    ]


def _handed_on(tx: Tx, opening: int) -> None:
    row = tx.get_one(Opening, opening)
    openings.edit(tx, row, row.version, owner=OTHER, owner_name="森 由美")
