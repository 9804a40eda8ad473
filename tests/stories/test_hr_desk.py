"""HR without a shell: signs in by mail, lays files on the desk, sees the difference, applies and holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import func, select

from adapters.hris.mapping import Layers
from bot.playground import HR_EMAIL
from storage import people
from storage.feeds import FeedFile
from storage.leavers import Leaver, Stage
from storage.people import Person
from storage.uploads import Upload
from tests.pages import hidden
from tests.reader import Reader, reading
from tests.world import World, csv_file

EXAMPLES = Path(__file__).parents[2] / "examples"
END = "2026-03-31"


@pytest.fixture
async def hr(world: World) -> AsyncIterator[Reader]:
    """HR, signed in by mail; what they apply is taken at once, as in a house that runs (`App.start`)."""
    app = world.ground.app
    app.core.importer.wake = lambda: app.schedule.wake("desk")
    async with reading(world) as reader:
        await reader.enters(HR_EMAIL)
        assert reader.browser.url.endswith("/alumni/home")
        yield reader


async def lays(reader: Reader, name: str, data: bytes) -> None:
    """Choose a file on the desk and send it."""
    await reader.browser.open("/alumni/desk")
    form = aiohttp.FormData(hidden(reader.browser.form))
    form.add_field("file", data, filename=name, content_type="text/csv")
    await reader.browser._ask("POST", reader.browser.form.attrs["action"], form)


def example(name: str) -> bytes:
    return (EXAMPLES / name).read_bytes()


def names(world: World) -> list[str]:
    query = select(Person.name).join(Leaver, Leaver.person_id == Person.id).order_by(Leaver.id)
    return list(world.reads(lambda tx: tx.scalars(query).all()))


def count(world: World, table: type) -> int:
    return int(world.reads(lambda tx: tx.scalar(select(func.count()).select_from(table))))


def stage(world: World, name: str) -> Stage:
    query = select(Leaver.stage).join(Person, Leaver.person_id == Person.id).where(Person.name == name)
    found: Stage = world.reads(lambda tx: tx.scalars(query).one())
    return found


@pytest.mark.parametrize(
    ("file", "somebody"),
    [
        ("leavers_smarthr_style.csv", "髙橋 愛子"),
        ("leavers_freee_style.csv", "高橋 健太"),
        ("leavers_english.csv", "Emily Johnson"),
    ],
)
async def test_a_file_is_looked_at_then_applied_once(
    world: World, hr: Reader, file: str, somebody: str
) -> None:
    """UTF-8 with a mark, CP932, English."""
    before = count(world, Leaver)
    await lays(hr, file, example(file))
    assert hr.browser.status == 200, hr.words
    assert "このファイルで変わること" in hr.words
    assert count(world, Leaver) == before
    sent = next(f for f in map(hidden, hr.browser.page.all("form")) if "upload" in f)
    await hr.presses("反映する")
    assert hr.browser.status == 200
    assert "取り込みました" in hr.words
    assert somebody in names(world)
    taken, told = count(world, Leaver), hr.words
    await hr.browser.send("/alumni/desk/apply", **sent)
    assert (hr.browser.status, hr.words) == (200, told)
    assert count(world, Leaver) == taken
    assert count(world, Upload) == 0
    await world.settle()
    assert len(world.told_hr("intake.report")) == 1


@pytest.mark.long
async def test_what_is_applied_is_taken_although_the_house_stops_there(world: World, hr: Reader) -> None:
    """The page says so, looks again by itself, and has the result when somebody has taken the file."""
    app, before = world.ground.app, count(world, Leaver)
    app.core.importer.wake = lambda: None
    await lays(hr, "leavers.csv", example("leavers_with_mistakes.csv"))
    sent = next(f for f in map(hidden, hr.browser.page.all("form")) if "upload" in f)
    for _ in range(2):
        await hr.browser.send("/alumni/desk/apply", **sent)
        assert hr.browser.status == 200
        assert "反映しています" in hr.words
        assert hr.browser.url.endswith("/alumni/desk/applied/1")
        assert [n.attrs["content"] for n in hr.browser.page.all("meta") if "http-equiv" in n.attrs] == ["2"]
    assert (count(world, Leaver), count(world, Upload)) == (before, 0)
    assert b"shota.inoue" not in world.disk()
    await world.settle()
    await hr.presses("結果を見る")
    assert "取り込みました" in hr.words
    assert "直していただきたい行" in hr.words
    assert not [node for node in hr.browser.page.all("meta") if "http-equiv" in node.attrs]
    assert count(world, Leaver) > before
    assert world.reads(lambda tx: [row.sealed for row in tx.query(FeedFile)]) == [None]
    assert len(world.told_hr("intake.report")) == 1


@pytest.mark.long
async def test_what_became_of_a_file_is_seen_by_who_applied_it(world: World, hr: Reader) -> None:
    await lays(hr, "leavers.csv", example("leavers_english.csv"))
    await hr.presses("反映する")
    world.writes(lambda tx: tx.query(FeedFile).update({"outcome": {"by": "web:company:99", "card": "{}"}}))
    for path in ("1", "2", "9" * 18):
        await hr.browser.open(f"/alumni/desk/applied/{path}")
        assert hr.browser.status == 410
    async with reading(world) as nobody:
        await nobody.browser.open("/alumni/desk/applied/1")
        assert nobody.browser.status == 403


@pytest.mark.long
async def test_a_file_that_cannot_be_applied_any_more_is_told_with_its_reason(
    world: World, hr: Reader
) -> None:
    """Meanwhile HR has said that a column is called otherwise."""
    await lays(hr, "leavers.csv", example("leavers_english.csv"))
    layers = Layers.of().mapping({"columns": {"last_day": ["Gone"]}})
    world.ground.app.core.importer._source.mapping = layers  # type: ignore[attr-defined]
    await hr.presses("反映する")
    assert "取り込めませんでした" in hr.words
    assert names(world) == []
    await world.settle()
    assert len(world.told_hr("intake.rejected")) == 1


@pytest.mark.long
async def test_the_difference_of_the_same_file_again_is_nothing_new(world: World, hr: Reader) -> None:
    for _ in range(2):
        await lays(hr, "leavers.csv", example("leavers_english.csv"))
        shown = hr.words
        await hr.presses("反映する")
    assert "新しい退職予定" not in shown
    assert "変更なし" in shown


@pytest.mark.long
async def test_rows_with_mistakes_are_named_and_the_good_ones_taken(world: World, hr: Reader) -> None:
    await lays(hr, "leavers.csv", example("leavers_with_mistakes.csv"))
    assert "直していただきたい行" in hr.words
    assert "shota.inoue" not in hr.browser.html
    await hr.presses("反映する")
    assert names(world) != []


async def test_files_that_cannot_be_taken(world: World, hr: Reader) -> None:
    before = world.tables()
    for name, data, status in (
        ("leavers.xlsx", b"PK\x03\x04" + bytes(500), 422),
        ("leavers.csv", b"PK\x03\x04" + bytes(500), 422),
        ("leavers.csv", b"", 422),
        ("leavers.csv", b"\xff\xfe\x00\x01" * 99, 422),
        ("leavers.csv", "名前だけ\n田中\n".encode(), 422),
        ("leavers.csv.exe", example("leavers_english.csv"), 422),
        ("", b"x", 422),
        ("../../etc/passwd", b"x", 422),
    ):
        await lays(hr, name, data)
        assert hr.browser.status == status, (name, hr.browser.status, hr.words)
        assert hr.words
    assert world.tables() == before


@pytest.mark.long
async def test_a_file_name_of_any_kind(world: World, hr: Reader) -> None:
    counts = []
    for name in ("C:\\HR\\退職 予定.CSV", "<script>.csv", "あ" * 300 + ".csv", "../leavers.csv"):
        await lays(hr, name, example("leavers_english.csv"))
        assert hr.browser.status == 200, (name, hr.words)
        assert "<script>" not in hr.browser.html
        await hr.presses("反映する")
        assert hr.browser.status == 200, (name, hr.words)
        counts.append(len(names(world)))
    assert counts == [6, 6, 6, 6]


@pytest.mark.long
async def test_a_file_waits_for_an_hour(world: World, hr: Reader) -> None:
    await lays(hr, "leavers.csv", example("leavers_english.csv"))
    world.ground.clock.travel(world.ground.clock.now() + timedelta(hours=1))
    await hr.browser.press("反映する")
    assert hr.browser.status == 410
    assert names(world) == []
    await hr.browser.press("ファイルを選ぶ画面へ")
    assert hr.browser.url.endswith("/alumni/desk")
    world.ground.clock.travel(world.ground.clock.now() + timedelta(hours=2))
    await world.settle()
    await world.ground.app.schedule.run("housekeeping")
    assert count(world, Upload) == 0


async def test_nothing_of_a_laid_file_can_be_read_in_the_database(world: World, hr: Reader) -> None:
    await lays(hr, "leavers.csv", example("leavers_english.csv"))
    assert count(world, Upload) == 1
    held = world.disk()
    for word in (b"emily.johnson", b"Emily", b"E-2001"):
        assert word not in held


@pytest.mark.long
async def test_another_hr_session_does_not_take_ones_file(world: World, hr: Reader) -> None:
    """What is laid belongs to who laid it; a member's session has no desk at all."""
    await lays(hr, "leavers.csv", example("leavers_english.csv"))
    sent = next(f for f in map(hidden, hr.browser.page.all("form")) if "upload" in f)
    async with reading(world) as other:
        await other.enters(HR_EMAIL)
        await other.browser.send("/alumni/desk/apply", **sent)
        assert other.browser.status == 403
    assert names(world) == []
    await hr.browser.send("/alumni/desk/apply", **{**sent, "upload": "u_other"})
    assert hr.browser.status == 410
    await lays(hr, "leavers.csv", example("leavers_smarthr_style.csv"))
    await hr.browser.send("/alumni/desk/apply", **sent)
    assert hr.browser.status == 410


@pytest.mark.long
async def test_the_list_holds_one_and_releases_it(world: World, hr: Reader) -> None:
    rows = [world.employee(name, END, account=False) for name in ("髙橋 愛子", "田中 次郎")]
    await lays(hr, "leavers.csv", csv_file(*(one.leaves() for one in rows)))
    await hr.presses("反映する")
    await world.settle()
    await hr.browser.open("/alumni/home")
    stamp = next(f["stamp"] for f in map(hidden, hr.browser.page.all("form")) if "stamp" in f)
    await hr.browser.send("/alumni/say", stamp=stamp, words="leavers")
    assert "髙橋 愛子" in hr.words
    assert "田中 次郎" in hr.words
    await hr.presses("詳しく")
    await hr.presses("保留")
    held = [one for one in ("髙橋 愛子", "田中 次郎") if stage(world, one) is Stage.HELD]
    assert len(held) == 1
    await world.on("2026-03-01")
    assert stage(world, held[0]) is Stage.HELD
    await hr.enters(HR_EMAIL)
    await hr.browser.send("/alumni/say", stamp=stamp_now(hr), words=f"leavers {held[0]}")
    await hr.presses("詳しく")
    await hr.presses("進める")
    await world.on("2026-03-02", at="12:00")
    assert stage(world, held[0]) is Stage.ASKED
    assert world.reads(lambda tx: tx.scalars(select(people.Person.name)).all())


def stamp_now(reader: Reader) -> str:
    """What every form of the session carries."""
    return next(f["stamp"] for f in map(hidden, reader.browser.page.all("form")) if "stamp" in f)
