"""Whatever anybody typed stands on a page as they typed it, and never as markup."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from adapters.web.links import Links
from adapters.web.render import Renderer, Typed
from adapters.web.seats import LinkSeat, SessionSeat, VisitorSeat
from bot import fields
from bot.app import CATALOGUE
from bot.clock import Clock
from bot.conversation import (
    Address,
    Bound,
    Button,
    Buttons,
    Card,
    Entry,
    Facts,
    Form,
    Link,
    Note,
    Paragraph,
    Picture,
    Platform,
    t,
)  # fmt: skip
from bot.registry import discover
from bot.texts import Texts
from storage.columns import Vault
from storage.journal import Line
from tests.adapters.samples import BRAND, EVERYTHING, sample_texts
from tests.adapters.web_site import Site, site_in, stamp_of
from tests.pages import Node, parsed

REGISTRY, TEXTS = discover("bot.commands"), Texts.load(CATALOGUE)
FORMS = {name: found for name, found in REGISTRY.handlers.items() if found.schema is not None}
PAGES, SAMPLES = Renderer(TEXTS, BRAND), Renderer(sample_texts(), BRAND)
AIKO = Address(Platform.WEB, "alumni", "p_aiko")
LINKS = Links(Vault.parse(Vault.make()), "https://alumni.minato.example", Clock().now)
NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "'><svg/onload=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</title><h1>x",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt; &amp;amp;",
    "<!-- <?php ]]>",
    "\u202eevil\u202c مرحبا",
    "𠮷野家の鸞雪華" * 6,
    "*bold* _it_ <https://evil.example|click> [x](javascript:y)",
)
OURS = """html head meta title link body a header p img nav form input button main h1 h2 footer div ul li
    fieldset legend label span textarea dl dt dd section hr strong br"""
TAGS = frozenset(OURS.split())


class Markup(HTMLParser):
    """What a browser takes for markup: every tag, every attribute that acts or leads somewhere."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.leads: list[str] = []
        self.strange: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.strange += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.leads += [
            value or "" for name, value in attrs if name in ("href", "src", "action", "formaction")
        ]

    def handle_comment(self, data: str) -> None:
        self.strange.append(f"comment {data}")

    def handle_pi(self, data: str) -> None:
        self.strange.append(f"instruction {data}")


def harmless(html: str) -> None:
    """Only our own elements, nothing that runs, no address but of the web and of this house."""
    found = Markup(html)
    assert set(found.tags) <= TAGS, set(found.tags) - TAGS
    assert found.strange == []
    for url in found.leads:
        own = url.startswith("/") and not url.startswith(("//", "/\\"))
        assert own or url.startswith(("https://", "http://", "mailto:", "#")), url
    parsed(html)


def seats(action: str) -> list[Any]:
    claim = LINKS.claim(AIKO, Bound(action), "label")
    return [SessionSeat(AIKO, "t" * 40), LinkSeat(LINKS, claim, "en")]


def drawn(card: Card, seat: Any) -> str:
    return SAMPLES.card(card, seat)


def typed_again(page: Node) -> dict[str, str]:
    """What stands in the fields of a page, by name."""
    found = {}
    for node in page.all("input", "textarea"):
        name = node.attrs.get("name", "")
        if node.tag == "textarea":
            found[name] = "".join(one for one in node.inside if isinstance(one, str)).removeprefix("\n")
        elif node.attrs.get("type") in ("text", "email", "date", "search"):
            found[name] = node.attrs["value"]
    return found


def form_of(name: str) -> Form:
    handler = FORMS[name]
    assert handler.schema is not None
    asked = fields.questions(handler.schema, handler.name, handler.schema(), TEXTS.has)
    return Form(t(f"{handler.name}.title"), asked, Bound(handler.name, (), opens_form=True))


@pytest.mark.parametrize("name", sorted(FORMS))
def test_every_field_of_every_form_shows_what_was_typed(name: str) -> None:
    """Also where it is wrong, and in both languages."""
    form = form_of(name)
    for nasty in NASTY:
        values = {one.name: (nasty,) if one.kind in ("choices", "tick") else nasty for one in form.fields}
        sought = {one.name: nasty for one in form.fields if one.kind == "search"}
        wrong = {one.name: t("common.field_too_long", limit=1, length=nasty) for one in form.fields}
        for seat in seats(name):
            html = PAGES.form(form, seat, Typed(values, wrong, sought=sought))
            harmless(html)
            shown = typed_again(parsed(html))
            for one in form.fields:
                if one.kind in ("text", "email", "long_text", "date"):
                    assert shown[one.name] == nasty, one.name
                if one.kind == "search":
                    assert shown[f"seek.{one.name}"] == nasty


def test_a_form_of_another_purpose_than_the_link_leads_to_signing_in() -> None:
    html = PAGES.form(form_of("privacy.erase"), seats("checkin.same")[1])
    harmless(html)
    assert "Please sign in" in html
    assert typed_again(parsed(html)) == {}


def nasty_card(words: str) -> Card:
    buttons = (
        Button(words, Bound("profile.edit")),
        Button(words, Link(words)),
        Button("x", Link("//evil.example")),
    )
    hello = t("sample.hello", who=words, day=words, link=Link(words, words), count=1)
    body = (
        *(Paragraph(words), Note(words), Facts(((words, words),)), Entry(words, words, buttons[0])),
        *(Buttons(buttons), Picture(words, words), Paragraph(hello)),
    )
    return Card(words, body)


@pytest.mark.parametrize("nasty", NASTY)
def test_every_block_of_a_card_shows_what_was_said(nasty: str) -> None:
    for seat in (*seats("profile.edit"), VisitorSeat(LINKS, "en")):
        html = drawn(nasty_card(nasty), seat)
        harmless(html)
        assert "evil.example" not in Markup(html).leads
        main = next(parsed(html).all("main"))
        assert main.words.count(" ".join(nasty.split())) >= 8


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60))
def test_nothing_that_anybody_says_is_markup(words: str) -> None:
    harmless(drawn(nasty_card(words), SessionSeat(AIKO, "t" * 40)))


def test_one_of_everything_in_both_languages() -> None:
    for locale in ("ja", "en"):
        html = drawn(EVERYTHING, VisitorSeat(LINKS, locale))
        harmless(html)
        assert f'<html lang="{locale}">' in html


# --- through the whole house --------------------------------------------------------------------------


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_in(tmp_path) as made:
        yield made


def arguments(name: str) -> dict[str, Any]:
    made: dict[type, Any] = {int: 1, str: NASTY[1], bool: True}
    return {one: made[kind] for one, kind in FORMS[name].arguments.items()}


@pytest.mark.long
async def test_every_form_of_the_house_takes_scripts_for_words(site: Site) -> None:
    """Sent by a member and by HR, every field of every form: told what is wrong, or kept as words."""
    member, hr = await site.signed_in(site.member()), await site.signed_in(site.hr())
    for browser in (member, hr):
        await browser.open("/alumni/home")
        stamp = stamp_of(browser)
        for name in sorted(set(FORMS) - {"privacy.erase", "stop.leave", "stop.pause"}):
            for nasty in NASTY[:4]:
                sent = dict.fromkeys(fields.specs(FORMS[name].schema or object), nasty)
                bound = site.bound(name, arguments(name))
                await browser.send("/alumni/act", stamp=stamp, sent="1", bound=bound, **sent)
                assert browser.status in (200, 422), (name, browser.status)
                harmless(browser.html)
    bugs = select(func.count()).select_from(Line).where(Line.what == "incident")
    assert site.world.reads(lambda tx: tx.scalar(bugs)) == 0


async def test_a_profile_of_scripts_is_read_by_others_as_words(site: Site) -> None:
    words = dict(zip(("employer", "position", "place", "about", "department"), NASTY, strict=False))
    site.member(NASTY[0], **words)
    site.member("田中 " + "あ" * 40, employer=NASTY[9])
    reader = await site.signed_in(site.member("佐藤 健"))
    for said in ("find script", "find 田中", "find onerror"):
        await reader.open("/alumni/home")
        await reader.send("/alumni/say", stamp=stamp_of(reader), words=said)
        harmless(reader.html)
    owner = await site.signed_in(site.member(NASTY[1], **words))
    for action in ("privacy.show", "profile.edit"):
        await site.acts(await owner.open("/alumni/home"), action)
        harmless(owner.html)
        assert NASTY[0] in owner.words + "".join(map(str, typed_again(owner.page).values()))


async def test_a_visitors_forms_take_scripts_for_words(site: Site) -> None:
    browser = await site.browser()
    for label in ("新しいリンクを受け取る", None):
        for nasty in NASTY:
            await browser.open("/alumni")
            ways = [words for words, node in browser.ways() if "/alumni/do/" in node.attrs.get("href", "")]
            await browser.press(label or next(words for words in ways if words != "新しいリンクを受け取る"))
            empty = {name: nasty for name, value in browser.typed().items() if isinstance(value, str)}
            await browser.submit(**empty)
            assert browser.status == 422
            harmless(browser.html)
            assert nasty in typed_again(browser.page).values()
