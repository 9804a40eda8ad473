"""The tab in Teams: the one page that may be framed, by Teams alone; it holds nothing and acts on nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.web_site import PAGES, Raw, Site, cookie_of, site_in
from tests.pages import parsed

HOSTS = {"https://teams.microsoft.com", "https://*.teams.microsoft.com", "https://*.cloud.microsoft"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_in(tmp_path) as made:
        yield made


def policy(heard: Raw) -> dict[str, set[str]]:
    """What an answer's Content-Security-Policy allows, by directive."""
    rules = [rule.split() for rule in heard.headers["Content-Security-Policy"].split(";")]
    return {name: set(values) for name, *values in rules}


async def test_teams_alone_may_frame_it(site: Site) -> None:
    tab, front = await site.raw("GET", "/alumni/tab"), await site.raw("GET", "/alumni")
    assert tab.status == 200
    assert policy(tab)["frame-ancestors"] == HOSTS
    assert policy(tab) == policy(front) | {"frame-ancestors": HOSTS}
    assert "X-Frame-Options" not in tab.headers
    for name in ("Referrer-Policy", "X-Content-Type-Options", "Cache-Control", "X-Robots-Tag"):
        assert tab.headers[name] == front.headers[name]


async def test_no_other_page_may_be_framed(site: Site) -> None:
    for path in (*PAGES, "/alumni/tab/x", "/alumni/tabs", "/alumni/nothing"):
        assert policy(await site.raw("GET", path))["frame-ancestors"] == {"'none'"}, path
    refused = await site.raw("POST", "/alumni/tab")
    assert refused.status == 404
    assert policy(refused)["frame-ancestors"] == {"'none'"}


@pytest.mark.parametrize(
    ("language", "label"), [("ja", "ブラウザでポータルを開く"), ("en", "Open the portal in the browser")]
)
async def test_it_opens_the_portal_in_the_browser(site: Site, language: str, label: str) -> None:
    heard = await site.raw("GET", "/alumni/tab", headers={"Accept-Language": language})
    page = parsed(heard.text)
    (button,) = [link for link in page.all("a") if link.words == label]
    assert button.attrs["href"] == f"{site.links.base}/alumni"
    assert (button.attrs["target"], button.attrs["rel"]) == ("_blank", "noopener")
    assert [base.attrs for base in page.all("base")] == [{"target": "_blank"}]
    assert not list(page.all("form", "input", "script", "nav"))
    assert next(iter(page.all("html"))).attrs["lang"] == language


async def test_it_shows_nothing_of_who_is_signed_in(site: Site) -> None:
    who = await site.signed_in(site.member("髙橋 愛子"))
    mine = {"okaeri": cookie_of(who)}
    assert (await site.raw("GET", "/alumni/tab", cookies=mine)).text == (
        await site.raw("GET", "/alumni/tab")
    ).text
    await who.open("/alumni/tab")
    assert "髙橋" not in who.words
    front = await site.raw("GET", "/alumni", cookies=mine)
    assert (front.status, front.headers["Location"]) == (303, "/alumni/home")


async def test_other_pages_open_where_they_are(site: Site) -> None:
    heard = await site.raw("GET", "/alumni")
    assert "_blank" not in heard.text
    assert not list(parsed(heard.text).all("base"))
