"""An attacker before our own pages: sign-in links and mailed links, altered, spent, forwarded, scanned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage import people
from storage.sessions import WebSession
from tests.adapters.web_site import Site, cookie_of, site_in
from tests.pages import hidden, links

CURRENT = "okaeri"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_in(tmp_path) as made:
        yield made


# --- sign-in links ------------------------------------------------------------------------------------


async def test_a_sign_in_link_is_spent_by_its_button_and_by_it_alone(site: Site) -> None:
    way = site.entrance(site.member())
    for method in ("GET", "HEAD", "GET", "HEAD"):
        assert (await site.raw(method, way)).status == 200
    assert site.count(WebSession) == 0
    browser = await site.browser()
    await browser.open(way)
    await browser.press("ログインする")
    assert browser.url.endswith("/alumni/home")
    again = await site.raw("POST", way)
    assert again.status == 410
    assert "このリンクは使えません" in again.text
    assert "Set-Cookie" not in again.headers


async def test_two_windows_with_one_sign_in_link_begin_one_session(site: Site) -> None:
    way = site.entrance(site.member())
    heard = await asyncio.gather(*(site.raw("POST", way) for _ in range(6)))
    assert sorted(one.status for one in heard) == [303, 410, 410, 410, 410, 410]
    assert site.count(WebSession) == 1


async def test_a_sign_in_link_is_over_after_its_time(site: Site) -> None:
    way = site.entrance(site.member(), timedelta(minutes=30))
    site.world.ground.clock.travel(site.world.ground.clock.now() + timedelta(minutes=30))
    assert (await site.raw("POST", way)).status == 410
    assert site.count(WebSession) == 0


async def test_a_sign_in_link_that_was_altered_is_nobodys(site: Site) -> None:
    way = site.entrance(site.member())
    token = way.rpartition("/")[2]
    wrong = [token[:n] + ("0" if token[n] != "0" else "1") + token[n + 1 :] for n in range(len(token))]
    wrong += [token[:-1], token + "0", token.upper(), "0" * 40, "%00", "a" * 7000, "..%2f..%2fhome", "%c3%a9"]
    for one in wrong:
        assert (await site.raw("POST", f"/alumni/enter/{one}")).status in (404, 410), one[:60]
    assert (await site.raw("POST", way)).status == 303


async def test_a_newer_link_makes_the_older_one_useless(site: Site) -> None:
    person = site.member()
    older, newer = site.entrance(person), site.entrance(person)
    assert (await site.raw("POST", older)).status == 410
    assert (await site.raw("POST", newer)).status == 303


async def test_nobody_brings_a_session_id_along(site: Site) -> None:
    """Session fixation: the id begins at the sign-in, and the one the browser had before ends."""
    person, other = site.member(), site.member("田中 次郎")
    planted = cookie_of(await site.signed_in(other))
    for before in ("0" * 40, planted):
        heard = await site.raw("POST", site.entrance(person), cookies={CURRENT: before})
        assert heard.status == 303
        assert before not in heard.headers["Set-Cookie"]
        assert (await site.raw("GET", "/alumni/home", cookies={CURRENT: before})).status == 303
    assert site.count(WebSession) == 2


# --- "send me a new link" -----------------------------------------------------------------------------


async def asks_for_a_link(site: Site, email: str) -> tuple[int, str]:
    """Status and words of the answer."""
    browser = await site.browser()
    await browser.open("/alumni")
    await browser.press("新しいリンクを受け取る")
    await browser.submit(email=email)
    return browser.status, browser.main.words


async def test_nobody_learns_who_is_a_member(site: Site) -> None:
    known = site.email(site.member())
    told = await asks_for_a_link(site, known)
    for email in ("nobody@home.example.jp", known.upper(), "hr@minato.example.jp"):
        assert await asks_for_a_link(site, email) == told
    await site.world.settle()
    assert len(site.world.mails(known)) == 2
    assert len(site.world.mails("hr@minato.example.jp")) == 1
    assert site.world.mails("nobody@home.example.jp") == []


async def test_a_mailbox_is_not_filled_with_links(site: Site) -> None:
    known = site.email(site.member())
    told = {await asks_for_a_link(site, known) for _ in range(6)}
    assert len(told) == 1
    await site.world.settle()
    assert len(site.world.mails(known)) == 3
    newest = links(site.world.mails(known)[-1].html, "/alumni/enter/")[0][1].partition("/alumni/")[2]
    assert (await site.raw("POST", f"/alumni/{newest}")).status == 303
    site.world.ground.clock.travel(site.world.ground.clock.now() + timedelta(hours=1, seconds=1))
    await asks_for_a_link(site, known)
    await site.world.settle()
    assert len(site.world.mails(known)) == 4


async def test_an_unproven_address_gets_no_link(site: Site) -> None:
    person = site.member()
    email = site.email(person)
    site.world.writes(
        lambda tx: people.set_private_email(tx, people.one(tx, person), "moved@home.example.jp")
    )
    for one in (email, "moved@home.example.jp"):
        await asks_for_a_link(site, one)
    await site.world.settle()
    assert site.world.mails() == []


# --- mailed links -------------------------------------------------------------------------------------


async def test_a_forwarded_link_acts_for_its_receiver_and_shows_nothing_else(site: Site) -> None:
    aiko, jiro = site.member(employer="青空ロジ"), site.member("田中 次郎")
    checkin, way = site.question(aiko)
    browser = await site.signed_in(jiro)
    await browser.open(way)
    await browser.press("はい")
    assert site.answer(checkin) == "same"
    for word in ("青空ロジ", "髙橋", site.email(aiko)):
        assert word not in browser.html
    assert [url for _, url in links(browser.html, "/alumni") if url not in ("/alumni", "#main")] == []
    await browser.open("/alumni/home")
    assert "次郎" in (await site.acts(browser, "privacy.show")).words
    nobody = await site.browser()
    await nobody.open(way)
    assert len(nobody.http.cookie_jar) == 0
    assert (await nobody.open("/alumni/home")).url.endswith("/alumni")


async def test_what_a_link_offers_next_stays_within_its_purpose(site: Site) -> None:
    """The way from a check-in to the profile leads through signing in."""
    aiko = site.member()
    checkin, _ = site.question(aiko)
    browser = await site.browser()
    await browser.open(site.path(aiko, "checkin.change", checkin=checkin))
    await browser.press("はい")
    assert site.answer(checkin) == "change"
    found = {node.attrs["href"] for words, node in browser.ways() if node.tag == "a"}
    assert "/alumni" in found
    assert not any("/alumni/do/" in url for url in found)


@pytest.mark.long
async def test_a_link_is_bound_to_its_row(site: Site) -> None:
    """A link for one person's question, signed for another, answers nothing."""
    checkin, _ = site.question(site.member())
    jiro = site.member("田中 次郎")
    heard = await site.raw("POST", site.path(jiro, "checkin.same", checkin=checkin))
    assert heard.status == 200
    assert site.answer(checkin) == ""


async def test_a_link_pressed_twice_answers_once_and_says_something_sensible(site: Site) -> None:
    checkin, way = site.question(site.member())
    browser = await site.browser()
    await browser.open(way)
    once = hidden(next(node for node in browser.page.all("form")))
    heard = [await site.raw("POST", way, once) for _ in range(2)]
    assert site.answer(checkin) == "same"
    assert [one.status for one in heard] == [200, 200]
    assert "すでに届いています" in heard[1].text
    later = await site.raw("POST", way)
    assert later.status == 200
    assert "incident" not in later.text


async def test_a_link_is_over_after_its_days(site: Site) -> None:
    checkin, way = site.question(site.member())
    site.world.ground.clock.travel(site.world.ground.clock.now() + timedelta(minutes=31))
    for method in ("GET", "POST"):
        heard = await site.raw(method, way)
        assert heard.status == 410
        assert "期限が過ぎています" in heard.text
    assert site.answer(checkin) == ""


async def test_altered_links_are_told_as_such(site: Site) -> None:
    checkin, way = site.question(site.member())
    token = way.rpartition("/")[2]
    places = range(0, len(token), 7)
    wrong = [token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in places]
    wrong += [token[: len(token) // 2], token + "A", token + "=", "x" * 7500, "%2e%2e", "%00", "%ff"]
    for one in wrong:
        for method in ("GET", "POST"):
            heard = await site.raw(method, f"/alumni/do/{one}")
            assert heard.status == 404, one[:60]
            assert "<h1>" in heard.text
    assert site.answer(checkin) == ""


async def test_a_scanner_that_opens_everything_twice_does_nothing(site: Site) -> None:
    aiko = site.member()
    checkin, way = site.question(aiko)
    ways = [way, site.entrance(aiko), site.path(aiko, "stop.mails", purpose="stay_in_touch")]
    ways += [
        site.path(aiko, "checkin.stop", checkin=checkin),
        site.path(site.hr(), "decisions.never", leaver=1),
    ]
    before = site.rows()
    for one in ways * 2:
        for method in ("GET", "HEAD", "OPTIONS"):
            heard = await site.raw(method, one)
            assert "Set-Cookie" not in heard.headers
    assert site.rows() == before
