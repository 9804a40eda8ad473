"""A file behind a link: fetched by its button, once, by whoever may; otherwise a clear page."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from adapters.web.hatch import disposition
from bot import fetching, leaving, sheet
from bot.conversation import Actor, Address, Answer, Button, Buttons, Card, File, Platform, Reply, Role, Side
from bot.playground import HR_EMAIL
from bot.registry import Context, Feature
from storage import accounts, downloads, leavers
from storage.consents import Said
from storage.downloads import Download
from storage.engine import Tx
from tests.adapters.web_site import Raw, Site, site_in
from tests.somebody import COMPANY

ROWS = [["髙橋 愛子", "一行目\n二行目", "=cmd|' /C calc'!A0"], ["𠮷田", "＝1+1", None]]
demo = Feature("bot.commands.demo")


@demo.download(Side.COMPANY, roles=(Role.HR,))
def export(ctx: Context, opening: int) -> File:
    """Who showed interest."""
    if opening == 0:
        raise RuntimeError("髙橋")
    data = sheet.as_csv(["氏名", "理由", "式"], ROWS, ctx.policy.zone)
    return File(f"関心表明_{ctx.now:%Y-%m-%d}.csv", data)


@demo.download(Side.ALUMNI, roles=(Role.ALUMNUS,))
def own(ctx: Context) -> File:
    """Something of one's own."""
    return File("own.csv", sheet.as_csv(["id"], [[ctx.actor.person_id]], ctx.policy.zone))


@demo.action(Side.COMPANY, roles=(Role.HR,))
def offer(ctx: Context, opening: int) -> Answer:
    """The button that gives a link."""
    way = Button("ファイルへ", fetching.link(ctx, export(opening)))
    return Reply(Card("x", (Buttons((way,)),), sensitive=True))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A house with one more feature."""
    async with site_in(tmp_path) as made:
        dispatcher = made.world.ground.app.core.dispatcher
        known = dispatcher._registry
        dispatcher._registry = replace(
            known,
            handlers={**known.handlers, offer.handler.name: offer.handler},
            downloads={one.download.name: one.download for one in (export, own)},
        )
        yield made


def way_for(site: Site, who: Address, side: Side, name: str, **args: int) -> str:
    """The page of a link as somebody is given it."""
    token = site.world.writes(lambda tx: downloads.offer(tx, Actor(who, side), name, args))
    return f"/alumni/download/{token}"


def hr_way(site: Site, opening: int = 7) -> str:
    return way_for(site, site.hr(), Side.COMPANY, "demo.export", opening=opening)


def member_way(site: Site, person: str) -> str:
    return way_for(site, accounts.web_person(person, Side.ALUMNI), Side.ALUMNI, "demo.own")


def leave(tx: Tx, person: str) -> None:
    """Somebody leaves the network and is erased."""
    stint = leavers.of_person(tx, person)
    assert stint is not None
    leaving.leave(tx, stint, Said("ja", "web"))


def unused(site: Site) -> int:
    def look(tx: Tx) -> int:
        return tx.query(Download).where(Download.used_at.is_(None)).count()

    return int(site.world.reads(look))


def plain(heard: Raw) -> None:
    """It is a page, and nothing of the file is in it."""
    assert heard.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Content-Disposition" not in heard.headers
    assert "髙橋" not in heard.text
    assert "<h1>" in heard.text


async def test_from_the_button_in_hand_to_the_file(site: Site) -> None:
    browser = await site.signed_in(site.hr())
    await site.acts(browser, "demo.offer", args={"opening": 7})
    await browser.press("ファイルへ")
    assert browser.status == 200
    assert "一度だけ受け取れます（2026年2月2日(月) 9:15まで）" in browser.words
    assert unused(site) == 1
    page = browser.url
    await browser.press("ファイルを受け取る")
    assert (browser.status, browser.html) == (200, "")
    assert browser.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert unused(site) == 0
    await browser.open(page)
    assert browser.status == 410
    assert "すでに受け取られています" in browser.words


async def test_the_file_opens_as_it_was_meant(site: Site) -> None:
    heard = await site.raw("POST", hr_way(site))
    assert heard.status == 200
    assert heard.text.startswith("\ufeff氏名,理由,式\r\n")
    rows = list(csv.reader(io.StringIO(heard.text.removeprefix("\ufeff"), newline=""), strict=True))
    assert rows[1:] == [["髙橋 愛子", "一行目\n二行目", "'=cmd|' /C calc'!A0"], ["𠮷田", "'＝1+1", ""]]
    headers = heard.headers
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in headers
    said, _, name = headers["Content-Disposition"].partition("; filename*=UTF-8''")
    assert said == 'attachment; filename="_____2026-02-02.csv"'
    assert unquote(name) == "関心表明_2026-02-02.csv"


async def test_opening_a_link_hands_out_nothing(site: Site) -> None:
    way = hr_way(site)
    for method in ("GET", "HEAD", "GET", "HEAD"):
        heard = await site.raw(method, way, headers={"User-Agent": "Slackbot-LinkExpanding 1.0"})
        assert heard.status == 200
        assert "Content-Disposition" not in heard.headers
    for method in ("OPTIONS", "PUT", "DELETE", "PATCH"):
        plain(await site.raw(method, way))
    assert unused(site) == 1
    assert (await site.raw("POST", way)).status == 200


async def test_two_windows_with_one_link_get_one_file(site: Site) -> None:
    way = hr_way(site)
    heard = await asyncio.gather(*(site.raw("POST", way) for _ in range(6)))
    assert sorted(one.status for one in heard) == [200, 410, 410, 410, 410, 410]
    for one in heard:
        if one.status == 410:
            plain(one)
            assert "すでに受け取られています" in one.text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_after_its_time_a_link_says_so(site: Site, method: str) -> None:
    way = hr_way(site)
    site.world.ground.clock.travel(site.world.ground.clock.now() + timedelta(minutes=15))
    heard = await site.raw(method, way)
    assert heard.status == 410
    plain(heard)
    assert "時間が過ぎています" in heard.text
    assert unused(site) == 1


async def test_an_altered_or_forged_link_is_none_of_ours(site: Site) -> None:
    way = hr_way(site)
    token = way.rpartition("/")[2]
    wrong = [token[:n] + ("0" if token[n] != "0" else "1") + token[n + 1 :] for n in range(0, 40, 7)]
    wrong += [token[:-1], token + "0", token.upper(), "0" * 40, "%00", "a" * 7000, "..%2f..%2fhome", "%c3%a9"]
    for one in wrong:
        for method in ("GET", "POST"):
            heard = await site.raw(method, f"/alumni/download/{one}")
            assert heard.status == 404, one[:60]
            plain(heard)
    for path in ("/alumni/download", "/alumni/download/", f"{way}/x"):
        assert (await site.raw("POST", path)).status == 404
    assert unused(site) == 1
    assert (await site.raw("POST", way, {"token": "0" * 40, "once": "x"})).status == 200


async def test_another_site_cannot_have_it_fetched(site: Site) -> None:
    way = hr_way(site)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site", "Origin": "null"}):
        heard = await site.raw("POST", way, headers=headers)
        assert heard.status == 403
        plain(heard)
    assert unused(site) == 1


async def test_rights_that_ended_meanwhile_end_the_link(site: Site) -> None:
    way = hr_way(site)
    site.world.writes(lambda tx: accounts.set_staff(tx, []))
    heard = await site.raw("POST", way)
    assert heard.status == 403
    plain(heard)
    assert (await site.raw("POST", way)).status == 410


async def test_a_link_given_in_the_chat_is_for_the_account_of_the_chat(site: Site) -> None:
    hr = Address(Platform.SLACK, COMPANY, site.world.hr.company_user)
    employee = Address(Platform.SLACK, COMPANY, site.world.employee("鈴木 一郎").company_user)
    await site.world.settle()
    site.world.writes(lambda tx: accounts.staff_found(tx, HR_EMAIL, hr))
    ways = [way_for(site, who, Side.COMPANY, "demo.export", opening=7) for who in (hr, employee, hr)]
    assert [(await site.raw("POST", way)).status for way in ways[:2]] == [200, 403]
    site.world.writes(lambda tx: accounts.gone(tx, hr))
    assert (await site.raw("POST", ways[2])).status == 403


async def test_an_alumnus_gets_only_what_is_an_alumnus_own(site: Site) -> None:
    person = site.member()
    heard = await site.raw("POST", member_way(site, person))
    assert heard.text == f"\ufeffid\r\n{person}\r\n"
    there = accounts.web_person(person, Side.ALUMNI)
    heard = await site.raw("POST", way_for(site, there, Side.ALUMNI, "demo.export", opening=7))
    assert heard.status == 403
    plain(heard)
    way = member_way(site, person)
    site.world.writes(lambda tx: leave(tx, person))
    assert (await site.raw("POST", way)).status == 404
    way = member_way(site, person)  # even if a row survived: who it is for is asked anew
    heard = await site.raw("POST", way)
    assert heard.status == 403
    assert person not in heard.text


async def test_every_page_is_in_the_words_of_its_reader(site: Site) -> None:
    """Theirs while the link says whose it is; a link of nobody goes by the browser."""
    way = member_way(site, site.member("Jane Roe", locale="en"))
    assert "Download the file" in (await site.raw("GET", way)).text
    await site.raw("POST", way)
    assert "This file was downloaded already" in (await site.raw("POST", way)).text
    nobodys = await site.raw("GET", "/alumni/download/x", headers={"Accept-Language": "en-GB"})
    assert "incomplete or was changed" in nobodys.text
    nobodys = await site.raw("GET", "/alumni/download/x", headers={"Accept-Language": "ja"})
    assert "途中で切れている" in nobodys.text


async def test_a_bug_is_told_and_the_link_still_works(site: Site) -> None:
    way = hr_way(site, opening=0)
    heard = await site.raw("POST", way)
    assert heard.status == 500
    plain(heard)
    assert unused(site) == 1


@pytest.mark.parametrize(
    ("name", "plain_one", "shown"),
    [
        ("a.csv", "a.csv", "a.csv"),
        ("求人 (1).csv", "__ (1).csv", "求人 (1).csv"),
        ('a"; x="\r\nSet-Cookie: a=b.csv', "a; x=Set-Cookie a=b.csv", "a; x=Set-Cookie a=b.csv"),
        ("../../etc/passwd", "etcpasswd", "etcpasswd"),
        ("\u202egpj.csv", "gpj.csv", "gpj.csv"),
        ("100%.csv", "100.csv", "100.csv"),
        ("\x00 .", "okaeri.csv", "okaeri.csv"),
        ("長" * 300 + ".csv", "_" * 116 + ".csv", "長" * 116 + ".csv"),
    ],
)
def test_a_name_is_only_a_name(name: str, plain_one: str, shown: str) -> None:
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()
    said, _, encoded = header.partition("; filename*=UTF-8''")
    assert said == f'attachment; filename="{plain_one}"'
    assert unquote(encoded) == shown
