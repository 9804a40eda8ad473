"""A raised hand that is taken back was never raised: in no table, not on the disk, not in the journal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import leaving
from bot.conversation import Side
from jobs import interests as interest_jobs
from storage import engine, interests, journal
from storage.consents import Purpose, Said
from tests.hands import choices, later, opens_the_form, raised, raises
from tests.journeys import a_member
from tests.offered import Company, company_in
from tests.world import Somebody, World


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path) as made:
        yield made


@pytest.fixture
async def company_in_file(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path, in_file=True) as made:
        yield made


def on_disk(world: World) -> bytes:
    """Everything that lies on the disk, the log too."""
    file = engine.file_of(world.ground.app.core.database.url)
    assert file is not None
    return b"".join(path.read_bytes() for path in sorted(file.parent.glob(f"{file.name}*")))


async def who_agreed(world: World) -> Somebody:
    """A member whose consent for openings was given before."""
    aiko = await a_member(world)
    policy, person = world.ground.app.core.policy, aiko.row.person_id
    world.writes(lambda tx: leaving.give(tx, person, Purpose.OPENINGS, Said("ja", "slack"), policy))
    await world.settle()
    return aiko


def traces(world: World, words: bytes) -> int:
    return on_disk(world).count(words)


@pytest.mark.parametrize("minutes", [1, 11])
async def test_nothing_is_left_anywhere(company_in_file: Company, minutes: int) -> None:
    world = company_in_file.world
    aiko, row = await who_agreed(world), company_in_file.opening()
    await opens_the_form(world, aiko, row)
    await later(world, seconds=30)
    before, person = world.tables(), aiko.row.person_id.encode()
    await world.ground.app.core.database.write_back()
    count = traces(world, person)
    boxes = choices(aiko)["readers"]
    await aiko.fills(None, readers=list(boxes.values()))
    (made,) = raised(world)
    mark, readers = interests.mark(made).encode(), json.dumps(made.readers).encode()
    await later(world, minutes=minutes)
    if minutes > 10:
        await world.hr.presses("answer.read", Side.COMPANY)
        await world.hr.presses("answer.step", Side.COMPANY, step="contacted", note="鵜飼のメモ")
        await world.settle()
        assert mark in on_disk(world)
    assert readers in on_disk(world)
    await aiko.presses("interest.take_back")
    await later(world, seconds=20)
    assert world.tables() == before
    assert traces(world, mark) == traces(world, readers) == 0
    await world.ground.app.core.database.write_back()
    assert traces(world, person) == count
    if minutes > 10:
        await world.hr.presses("answer.step", Side.COMPANY)
        assert "ご覧いただける関心表明はありません" in world.hr.sees(Side.COMPANY)


@pytest.mark.long
async def test_the_journal_never_hears_of_it(company: Company) -> None:
    world = company.world
    aiko, row = await who_agreed(world), company.opening()
    lines = world.reads(lambda tx: tx.query(journal.Line).count())
    await raises(world, aiko, row, "佐藤 美咲")
    await later(world, minutes=11)
    await world.hr.presses("answer.read", Side.COMPANY)
    await world.hr.presses("answer.step", Side.COMPANY, step="closed", note="")
    await later(world, days=20)
    await aiko.presses("interest.own")
    await aiko.presses("interest.take_back")
    await later(world, minutes=1)
    assert world.reads(lambda tx: tx.query(journal.Line).count()) == lines


@pytest.mark.long
async def test_the_first_hand_leaves_only_the_consent(company: Company) -> None:
    world = company.world
    aiko, row = await a_member(world), company.opening()
    await opens_the_form(world, aiko, row)
    before, boxes = world.tables(), choices(aiko)
    await aiko.fills(None, readers=list(boxes["readers"].values()), agree=list(boxes["agree"].values()))
    await aiko.presses("interest.take_back")
    after = world.tables()
    assert {name for name in after if after[name] != before[name]} == {"consents", "journal"}


@pytest.mark.long
async def test_a_message_under_way_does_not_go(company: Company) -> None:
    """Taken back in the second in which readers are being told."""
    world = company.world
    aiko, row = await who_agreed(world), company.opening()
    await raises(world, aiko, row, "佐藤 美咲")
    core = world.ground.app.core
    world.ground.clock.travel(world.ground.clock.now() + timedelta(minutes=11))
    assert await interest_jobs.sweep(core.database, core.policy)
    assert len(world.delivered("interest.came")) == 1
    await aiko.presses("interest.take_back")
    await world.settle()
    assert "関心表明" not in world.hr.sees(Side.COMPANY)
    assert world.delivered("interest.came") == []


@pytest.mark.long
async def test_who_is_hired_again_has_no_hand_up(company: Company) -> None:
    world = company.world
    aiko, row = await who_agreed(world), company.opening()
    await raises(world, aiko, row, "佐藤 美咲")
    assert len(raised(world)) == 1
    await world.feed_says(aiko.leaves(退職日="2027-09-30", 入社日="2026-04-15"))
    assert raised(world) == []
    await later(world, minutes=11)
    assert world.delivered("interest.came") == []
