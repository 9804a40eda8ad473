"""Forms and sessions of others, of yesterday, of another site; and rights that end meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot import leaving
from bot.conversation import Bound, Role
from bot.wire import dump_bound
from storage import accounts, leavers, people, sessions
from storage.consents import Said
from storage.engine import Tx
from storage.outbox import Delivery
from storage.sessions import SignIn, WebSession
from tests.adapters.web_site import Site, cookie_of, site_in, stamp_of
from tests.pages import Browser, hidden

CURRENT = "okaeri"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_in(tmp_path) as made:
        yield made


# --- forms and sessions -------------------------------------------------------------------------------


async def test_a_form_counts_only_with_the_stamp_of_its_own_session(site: Site) -> None:
    aiko, jiro = await site.signed_in(site.member()), await site.signed_in(site.member("田中 次郎"))
    cookie, strange = {CURRENT: cookie_of(aiko)}, stamp_of(jiro)
    bound = dump_bound_of("stop.pause")
    for stamp in ("", strange, stamp_of(aiko)[:-1], stamp_of(aiko) + "0", "é", "\ud800"):
        sent = {"stamp": stamp, "bound": bound, "sent": "1", "months": "3"}
        for path in ("/alumni/act", "/alumni/say", "/alumni/sign-out"):
            assert (await site.raw("POST", path, sent, cookies=cookie)).status == 403, (path, stamp)
    heard = await site.raw("POST", "/alumni/act", {"bound": bound, "sent": "1"}, cookies=cookie)
    assert heard.status == 403
    assert (await site.raw("GET", "/alumni/home", cookies=cookie)).status == 200
    assert not any(site.world.reads(lambda tx: tx.scalars(select(people.Person.paused_until)).all()))


def dump_bound_of(action: str) -> str:
    """An action without arguments, as a button carries it."""
    return dump_bound(Bound(action))


async def test_two_tabs_with_one_form(site: Site) -> None:
    """Each tab is a page of its own: the last word counts. The same page sent twice counts once."""
    person = site.member()
    browser = await site.signed_in(person)
    await site.acts(browser, "profile.edit")
    first, shown = hidden(browser.form), browser.typed()
    await site.acts(await browser.open("/alumni/home"), "profile.edit")
    second = hidden(browser.form)
    assert first["once"] != second["once"]
    cookie = {CURRENT: cookie_of(browser)}
    values = {name: one if isinstance(one, str) else one[0] for name, one in shown.items() if one}
    said = []
    for tab, employer in ((first, "青空ロジ"), (second, "みどり商事"), (first, "青空ロジ")):
        sent = tab | values | {"sent": "1", "employer": employer}
        said.append(await site.raw("POST", "/alumni/act", sent, cookies=cookie))
    assert [one.status for one in said] == [200, 200, 200]
    assert "すでに届いています" in said[2].text
    assert site.world.reads(lambda tx: people.one(tx, person)).employer == "みどり商事"


async def test_who_is_in_is_not_asked_to_come_in(site: Site) -> None:
    browser = await site.signed_in(site.member())
    await browser.open("/alumni")
    assert browser.url.endswith("/alumni/home")


@pytest.mark.parametrize("gone", [sessions.RESTS, sessions.LASTS])
async def test_a_session_that_rests_too_long_is_over(site: Site, gone: timedelta) -> None:
    browser = await site.signed_in(site.member())
    stamp = stamp_of(browser)
    for _ in range(gone.days if gone is sessions.LASTS else 1):  # in use every day, to its very end
        step = timedelta(days=1) if gone is sessions.LASTS else gone
        site.world.ground.clock.travel(site.world.ground.clock.now() + step)
        await browser.open("/alumni/home")
    assert browser.url.endswith("/alumni")
    await browser.send("/alumni/act", stamp=stamp, bound=dump_bound_of("profile.edit"))
    assert browser.status == 403
    assert "ログインし直してください" in browser.words


async def test_signing_out_ends_the_session_and_not_only_the_cookie(site: Site) -> None:
    browser = await site.signed_in(site.member())
    token = cookie_of(browser)
    await browser.press("ログアウト")
    assert site.count(WebSession) == 0
    assert (await site.raw("GET", "/alumni/home", cookies={CURRENT: token})).status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    ],
)
async def test_another_site_cannot_have_anything_sent(site: Site, headers: dict[str, str]) -> None:
    person = site.member()
    browser = await site.signed_in(person)
    checkin, way = site.question(person)
    cookie, stamp, entrance = {CURRENT: cookie_of(browser)}, stamp_of(browser), site.entrance(person)
    for path in ("/alumni/act", "/alumni/say", "/alumni/sign-out", "/alumni/desk", way, entrance):
        heard = await site.raw("POST", path, {"stamp": stamp}, cookies=cookie, headers=headers)
        assert heard.status == 403, path
        assert "この画面の外から" in heard.text
        assert "Set-Cookie" not in heard.headers
    assert site.count(WebSession) == 1
    assert site.answer(checkin) == ""
    assert (
        await site.raw("POST", way, headers={"Sec-Fetch-Site": "same-origin", "Origin": "null"})
    ).status == 200
    assert site.answer(checkin) == "same"


# --- rights that end ----------------------------------------------------------------------------------


async def test_erasing_ends_sessions_and_links_at_once(site: Site) -> None:
    person = site.member()
    first, second = await site.signed_in(person), await site.signed_in(person)
    checkin, way = site.question(person)
    entrance = site.entrance(person)
    await site.acts(first, "privacy.erase", fields={"sent": "1", "sure": "yes"})
    assert site.count(WebSession) == site.count(SignIn) == 0
    assert (await second.open("/alumni/home")).url.endswith("/alumni")
    assert (await site.raw("POST", entrance)).status == 410
    heard = await site.raw("POST", way)
    assert "髙橋" not in heard.text
    assert site.answer(checkin) == ""


async def test_a_session_left_over_after_erasing_would_show_nothing(site: Site) -> None:
    """Even if a row of the session survived: the person is asked for at every request."""
    person = site.member()
    browser = await site.signed_in(person)

    def erased_without_care(tx: Tx) -> None:
        leaver = leavers.of_person(tx, person)
        assert leaver is not None
        kept = tx.scalars(select(WebSession)).one()
        row = (kept.hash, kept.address, kept.made_at, kept.seen_at)
        leaving.leave(tx, leaver, Said("ja", "web"))
        tx.expunge_all()
        tx.add(WebSession(*row, None))

    site.world.writes(erased_without_care)
    await browser.open("/alumni/home")
    assert browser.status == 200
    assert "髙橋" not in browser.html
    for path in ("/alumni/export", "/alumni/export/json", "/alumni/desk"):
        assert (await browser.open(path)).status == 403


async def test_who_is_no_longer_staff_has_no_rights_left(site: Site) -> None:
    browser, way = await site.signed_in(site.hr()), site.entrance(site.hr())
    mailed = site.path(site.hr(), "leavers.turn", page=1)
    assert (await browser.open("/alumni/desk")).status == 200
    await browser.open("/alumni/home")
    stamp = stamp_of(browser)
    site.world.writes(lambda tx: accounts.set_staff(tx, [(Role.OWNER, "other@minato.example.jp")]))
    assert (await browser.open("/alumni/desk")).status == 403
    sent = {"stamp": stamp, "words": "leavers"}
    assert "退職予定者" not in (await browser.send("/alumni/say", **sent)).main.words
    assert "退職予定者" not in (await site.raw("POST", mailed)).text
    late = await site.browser()
    await late.send(way)
    assert (await late.open("/alumni/desk")).status == 403


async def test_members_are_not_hr(site: Site) -> None:
    browser = await site.signed_in(site.member())
    stamp = stamp_of(browser)
    before = site.count(Delivery)
    for method, path in (("GET", "/alumni/desk"), ("POST", "/alumni/desk"), ("POST", "/alumni/desk/apply")):
        heard = await site.raw(method, path, {"stamp": stamp}, cookies={CURRENT: cookie_of(browser)})
        assert heard.status == 403, path
        assert (await site.raw(method, path)).status == 403, path
    for action, args in (("leavers.show", {"leaver": 1}), ("decisions.never", {"leaver": 1})):
        await site.acts(await browser.open("/alumni/home"), action, args=args)
        assert "髙橋" not in browser.main.words
    assert site.count(Delivery) == before


@pytest.mark.long
async def test_one_takes_along_ones_own_data_only(site: Site) -> None:
    aiko, jiro = site.member(), site.member("田中 次郎", employer="みどり商事")
    for kind in ("json", "csv"):
        assert (await site.raw("GET", f"/alumni/export/{kind}")).status == 403
        browser: Browser = await site.signed_in(aiko)
        cookie = {CURRENT: cookie_of(browser)}
        heard = await site.raw("GET", f"/alumni/export/{kind}?person={jiro}&id={jiro}", cookies=cookie)
        assert heard.status == 200
        assert "髙橋 愛子" in heard.text
        assert site.email(aiko) in heard.text
        for word in ("田中", "みどり商事", jiro, site.email(jiro)):
            assert word not in heard.text
    hr = await site.signed_in(site.hr())
    assert (await hr.open("/alumni/export/json")).status == 403
