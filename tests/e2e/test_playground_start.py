"""`okaeri playground` as somebody starts it who has nothing but this repository."""

from __future__ import annotations

import asyncio
import io
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from aiohttp import ClientSession

from adapters.playground.backstage import CastMember
from bot import logs
from bot.backstage import Stagehand, staged
from bot.clock import Clock
from bot.conversation import Side
from bot.errors import FeedRejected
from storage.sqlite import sqlite_engine
from tests.house.source import ROOT
from tests.world import ALUMNI, COMPANY, Somebody, World, free_port, tokyo, words_of

MONDAY = tokyo("2026-03-16", "09:00")
HEADERS = "社員番号,氏名,会社メール,退職日,退職区分\n"
ROW = "9{n:04},田中 {n},n{n}@example.co.jp,2026-06-30,自己都合\n"


@asynccontextmanager
async def open_stage(folder: Path, file: Path | None = None) -> AsyncIterator[Stagehand]:
    logs.set_up("ERROR")
    async with staged(folder, free_port(), file, Clock(MONDAY)) as stage:
        yield stage


def member(stage: Stagehand, name: str) -> CastMember:
    return next(one for one in stage.cast() if one.name == name)


def conversation(stage: Stagehand, team: str, user: str | None) -> str:
    return "\n".join(words_of(message) for message in stage.ground.slack.messages(team, user or ""))


def playing_as(stage: Stagehand, name: str) -> Somebody:
    found = member(stage, name)
    return Somebody(
        World(stage.ground), name, found.emails[0], found.company_user or "", found.alumni_user or ""
    )


# --- what is there after the start ------------------------------------------------------------------


async def test_sixty_people_are_there_and_hr_comes_first(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        cast = stage.cast()
        assert 58 <= len(cast) <= 65
        assert cast[0].name == "佐藤 美咲"
        assert len({one.key for one in cast}) == len(cast)
        assert next(one.name for one in cast if one.group == "leaver") == "髙橋 愛子"
        assert sum(one.group == "alumnus" for one in cast) == 48
        assert not any(character in one.key for one in cast for character in "@ ")


async def test_hr_sees_cards_and_a_leaver_is_asked_within_a_day(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        hr = [one for one in stage.cast() if one.group == "hr"]
        for one in hr:
            assert "大野 剛" in conversation(stage, COMPANY, one.company_user)
        told = await playing_as(stage, hr[0].name).types("/alumni leavers")
        assert all(name in told for name in ("髙橋 愛子", "渡邊 健", "山﨑 茂", "Sofia Rossi"))
        assert "はい" in conversation(stage, COMPANY, member(stage, "渡邊 健").company_user)

        await stage.travel(None, by=timedelta(days=1, hours=1))
        assert "はい" in conversation(stage, COMPANY, member(stage, "髙橋 愛子").company_user)
        stages = {one.name: one for one in await stage.leavers()}
        assert (stages["大野 剛"].tone, stages["髙橋 愛子"].tone) == ("held", "moving")
        assert stages["大野 剛"].stuck is not None


@pytest.mark.long
async def test_who_has_no_account_gets_company_mail_and_foreigners_english(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        assert member(stage, "山﨑 茂").company_user is None
        await stage.travel(None, by=timedelta(days=5))
        assert stage.ground.mailbox.mails("shigeru.yamazaki@minato.example.jp")
        await stage.travel(tokyo("2026-04-13", "10:00"))
        assert "Yes" in conversation(stage, COMPANY, member(stage, "Sofia Rossi").company_user)


async def test_alumni_are_found_as_they_are_written_and_as_they_sound(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        lan = playing_as(stage, "Nguyễn Thị Lan")
        assert "渡邉 あかり" in await lan.types("/alumni find 渡辺", Side.ALUMNI)
        assert "宮﨑 楓" in await lan.types("/alumni find miyazaki", Side.ALUMNI)
        assert "王 麗" in await lan.types("/alumni find おう", Side.ALUMNI)
        assert "長谷部 悠" not in await lan.types("/alumni find 長谷部", Side.ALUMNI)
        assert "Results" in await lan.types("/alumni find nguyen", Side.ALUMNI)


async def test_the_clock_is_told_what_comes_next_and_when_it_was(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        due = await stage.next_due()
        assert due[0].at > stage.now()
        assert [one.at for one in due] == sorted(one.at for one in due)
        before = time.time()
        await stage.travel(due[0].at)
        assert abs(stage.now() - due[0].at) < timedelta(seconds=30)
        assert stage.calendar_at(before) - MONDAY < timedelta(minutes=5)
        assert stage.now() - stage.calendar_at(time.time()) < timedelta(seconds=5)
        with pytest.raises(ValueError, match="forward"):
            await stage.travel(MONDAY)


# --- the story on the stage -------------------------------------------------------------------------


@pytest.mark.long
async def test_a_leaver_becomes_an_alumnus_and_the_company_closes_the_account(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        ken = playing_as(stage, "渡邊 健")
        await ken.says_yes("ken.w@example.net")
        await ken.proves_the_address("ken.w@example.net")
        await stage.settle()
        assert member(stage, "渡邊 健").emails == (ken.company_email, "ken.w@example.net")
        await stage.travel(tokyo("2026-05-01", "08:00"))
        assert stage.ground.slack.workspace(COMPANY).people[ken.company_user].deleted
        assert "ken.w@example.net" in {to for mail in stage.ground.mailbox.mails() for to in mail.to}

        user = await stage.ground.slack.joins(ALUMNI, name="Ken", email="ken.w@example.net")
        await stage.account_made("ken.w@example.net", user)
        found = member(stage, "渡邊 健")
        assert (found.group, found.alumni_user) == ("alumnus", user)
        assert not [one for one in stage.cast() if one.key.startswith("newcomer")]


async def test_somebody_unknown_is_a_newcomer(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        user = await stage.ground.slack.joins(ALUMNI, name="だれか", email="somebody@example.net")
        await stage.account_made("somebody@example.net", user)
        assert (member(stage, "だれか").group, member(stage, "だれか").alumni_user) == ("other", user)


# --- files ------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_the_example_can_be_dropped_twice(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        example = stage.example()
        await stage.drop(example.filename, example.data)
        assert {"小野寺 海斗", "髙木 由紀", "Park Jiyoung"} <= {one.name for one in await stage.leavers()}
        assert member(stage, "小野寺 海斗").company_user
        days = [(one.name, one.last_day) for one in await stage.leavers()]
        await stage.travel(None, by=timedelta(days=3))
        await stage.drop(example.filename, stage.example().data)
        assert [(one.name, one.last_day) for one in await stage.leavers()] == days


@pytest.mark.long
async def test_a_big_file_comes_through_the_page(tmp_path: Path) -> None:
    data = (HEADERS + ROW.format(n=1) + ROW.format(n=1) * 40_000).encode()
    async with open_stage(tmp_path) as stage, ClientSession() as browser:
        url = f"http://127.0.0.1:{stage.ground.port}"
        async with browser.get(url) as page:
            token = re.search(r'name="okaeri-token" content="([^"]+)"', await page.text())
        assert token
        assert len(data) > 2_000_000
        headers = {"X-Okaeri-Token": token[1], "Origin": url, "X-File-Name": "big.csv"}
        async with browser.post(f"{url}/playground/drop", data=io.BytesIO(data), headers=headers) as answer:
            assert (await answer.json())["ok"]
        assert member(stage, "田中 1").company_user


async def test_a_file_of_ones_own_replaces_ours(tmp_path: Path) -> None:
    file = tmp_path / "ours.csv"
    file.write_text(HEADERS + "".join(ROW.format(n=n) for n in range(3)), "utf-8")
    async with open_stage(tmp_path / "play", file) as stage:
        assert [one.name for one in await stage.leavers()] == ["田中 0", "田中 1", "田中 2"]
        assert all(member(stage, f"田中 {n}").company_user for n in range(3))


@pytest.mark.long
async def test_a_file_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "nothing.csv"
    file.write_text("これは,なに\n", "utf-8")
    with pytest.raises(FeedRejected):
        async with open_stage(tmp_path / "play", file):
            raise AssertionError("it was taken")


# --- the command ------------------------------------------------------------------------------------


def command(folder: Path, port: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "bot", "playground", "--folder", str(folder), *more]


@contextmanager
def started(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    begun = time.monotonic()
    process = subprocess.Popen(
        command(folder, port), cwd=ROOT, env={"OKAERI_PORT": str(port)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
        print(f"the page answered {time.monotonic() - begun:.1f} s after the command")
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        assert process.poll() is None, process.stderr
        try:
            with urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return
        except URLError:
            time.sleep(0.1)
    raise AssertionError(f"{url} never answered")


def in_the_other_chat(port: int, process: subprocess.Popen[str]) -> str:
    """The company's name for the place of its employees, on the page to which the switch leads."""
    with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        way = re.search(r'href="([^"]+)" data-beside', answer.read().decode())
    assert way, "no switch"
    wait_for(way[1], process)
    with urlopen(way[1], timeout=5) as answer:
        shown = answer.read().decode()
    assert f'href="http://127.0.0.1:{port}/?lang=ja" data-beside' in shown
    tab = re.search(r'data-testid="tab-company">([^<]+)', shown)
    return tab[1] if tab else ""


def refused(folder: Path, port: int, *more: str) -> str:
    done = subprocess.run(
        command(folder, port, *more), cwd=ROOT, env={"OKAERI_PORT": str(port)}, text=True,
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 78, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.long
def test_the_command_opens_the_page_says_so_ends_and_starts_again(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(2):
        with started(tmp_path / "play", port) as process:
            wait_for(f"http://127.0.0.1:{port}/readyz", process)
            assert "is in use" in refused(tmp_path / "play", port)
            assert "Teams" in in_the_other_chat(port, process)
            process.send_signal(signal.SIGTERM)
            told, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
            assert f"http://127.0.0.1:{port}/" in told
            assert "Teams" in told
            assert "/alumni find 田中" in told
            assert not errors


@pytest.mark.long
def test_a_database_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "playground.db"
    engine = sqlite_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE dear (to_me TEXT)")
        connection.commit()
    engine.dispose()
    before = file.read_bytes()
    assert "was not made by the playground" in refused(tmp_path, free_port())
    assert file.read_bytes() == before


@pytest.mark.long
def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "--leavers" in refused(tmp_path, free_port(), "--leavers", str(tmp_path / "none.csv"))


async def test_it_closes_when_told_to(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        port = stage.ground.port
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
    server.close()
    await server.wait_closed()
