"""The headers of real mails, and the way out under them (RFC 8058), as a mail program uses it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from adapters.playground.mailbox import Mail
from bot.playground import HR_EMAIL
from storage import checkins, consents
from storage.consents import Consent, Decision, Purpose
from storage.engine import now
from tests.adapters.web_site import Site, site_in
from tests.pages import links

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
OTHER_HR = "suzuki@minato.example.jp"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Beside HR with a chat account there is one who lives by mail."""
    async with site_in(tmp_path, owners=f"{HR_EMAIL},{OTHER_HR}") as made:
        yield made


def decision(site: Site, person: str) -> Decision | None:
    found: Decision | None = site.world.reads(lambda tx: consents.decision(tx, person))
    return found


async def nudged(site: Site, person: str) -> Mail:
    """The mail of a check-in that has come."""
    site.world.writes(lambda tx: checkins.plan(tx, person, now(tx)))
    await site.world.on("2026-02-05", at="12:00")
    return site.world.mails(site.email(person))[-1]


def way_out(site: Site, mail: Mail) -> str:
    """The page in the header, within this house."""
    found = re.match(r"<([^>]+)>, ?<mailto:", mail.headers["List-Unsubscribe"])
    assert found, mail.headers["List-Unsubscribe"]
    assert found[1].startswith(f"{site.base}/alumni/do/")
    return found[1].removeprefix(site.base)


@pytest.mark.parametrize("kind", ["form", "multipart", "empty"])
async def test_one_click_stops_the_mails_at_once_and_opening_does_not(site: Site, kind: str) -> None:
    person, other = site.member(), site.member("田中 次郎")
    mail = await nudged(site, person)
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    way = way_out(site, mail)
    assert way not in mail.headers["List-Unsubscribe-Post"]
    before = site.rows()
    for method in ("GET", "HEAD", "GET", "HEAD", "PUT"):
        await site.raw(method, way)
    assert site.rows() == before
    heard = await presses(site, way, kind)
    assert heard == 200
    assert decision(site, person) is Decision.WITHDRAWN
    assert decision(site, other) is Decision.GIVEN
    count = len(site.world.mails())
    await site.world.on("2026-04-20")
    assert [m for m in site.world.mails()[count:] if site.email(person) in m.headers["To"]] == []


async def presses(site: Site, way: str, kind: str) -> int:
    """As mail programs do: without cookies, without Origin, the body that RFC 8058 names."""
    part = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    if kind == "multipart":
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        return (await site.raw("POST", way, part, headers=headers)).status
    return (await site.raw("POST", way, ONE_CLICK if kind == "form" else None)).status


async def test_pressed_again_it_stays_stopped_and_is_said_kindly(site: Site) -> None:
    person = site.member()
    way = way_out(site, await nudged(site, person))
    rows = select(func.count()).select_from(Consent).where(Consent.person_id == person)
    counts = []
    for _ in range(3):
        assert await presses(site, way, "form") == 200
        counts.append(site.world.reads(lambda tx: tx.scalar(rows)))
    assert counts[0] == counts[1] == counts[2]


async def test_the_way_out_asks_once_when_opened_in_a_browser(site: Site) -> None:
    person = site.member()
    mail = await nudged(site, person)
    browser = await site.browser()
    await browser.open(way_out(site, mail))
    assert decision(site, person) is Decision.GIVEN
    await browser.press("進む")
    assert decision(site, person) is Decision.WITHDRAWN
    assert site.email(person) not in browser.html


async def test_every_mail_is_answered_by_a_human(site: Site) -> None:
    person = site.member()
    await nudged(site, person)
    for mail in site.world.mails():
        assert HR_EMAIL in mail.headers["Reply-To"]
        assert mail.headers["Auto-Submitted"] == "auto-generated"


async def test_mails_to_staff_and_sign_in_links_have_no_one_click(site: Site) -> None:
    """Nobody stops being HR by a press in a mail program, or leaves the network by refusing a link."""
    person = site.member()
    for email in (site.email(person), OTHER_HR, HR_EMAIL):
        browser = await site.browser()
        await browser.open("/alumni")
        await browser.press("新しいリンクを受け取る")
        await browser.submit(email=email)
    await site.world.feed_says(site.world.employee("山本 花", "2026-03-31").leaves(退職区分="解雇"))
    found = {site.world.kind(mail): mail for mail in site.world.mails()}
    assert {"signin.link"} < set(found)
    for mail in site.world.mails():
        assert "List-Unsubscribe-Post" not in mail.headers
        assert "/alumni/" not in mail.headers.get("List-Unsubscribe", "")


async def test_an_unknown_purpose_stops_what_can_be_stopped(site: Site) -> None:
    person = site.member()
    for purpose in ("staff", "nonsense", "\x00", ""):
        heard = await site.raw("POST", site.path(person, "stop.mails", purpose=purpose), ONE_CLICK)
        assert heard.status == 200
    assert decision(site, person) is Decision.WITHDRAWN
    assert Purpose.STAFF not in site.world.reads(lambda tx: consents.latest(tx, person))


async def test_every_button_of_every_mail_is_a_page_of_its_receiver_only(site: Site) -> None:
    person = site.member()
    mail = await nudged(site, person)
    found = links(mail.html, "/alumni/do/")
    assert len(found) >= 5
    assert len({url for _, url in found}) == len(found)
    for _, url in found:
        claim = site.links.read(url.rpartition("/")[2])
        assert claim.who.user == person
        assert person not in url
