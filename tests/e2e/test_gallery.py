"""Every card of the journey as a picture, in both languages: `var/shots/cards-ja-*.png` and `cards-en-*.png`.

The cards are collected from a real journey (nothing is drawn that nobody would see), and drawn with the
playground's own macros in a real browser.
"""

from __future__ import annotations

import json
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright

from adapters.playground import blocks
from adapters.playground.page_parts import environment
from bot.conversation import Side
from bot.playground import CHANNEL, HR_EMAIL
from storage import openings
from storage.engine import Tx
from tests.e2e.browser import find_browser, launch_flags
from tests.hands import choices, later, opens_the_form
from tests.posting import CONDITIONS, FORM, begins
from tests.reader import reading
from tests.referred import FORM as REFERRAL
from tests.referred import MAIL, YES
from tests.world import Somebody, World, world_in

SHOTS = Path("var/shots")
SHEET = 12
STYLE = Path("adapters/playground/static/playground.css")
SHELL = """{% import "_blocks.html" as b with context %}<!doctype html>
<html lang="{{ lang }}"><meta charset="utf-8">
<style>{{ style }} body{overflow:auto;height:auto;display:block;padding:24px;background:#f4efe8}
.g{columns:3;column-gap:24px}.c h6{margin:0 0 8px;color:#999;font:12px monospace}
.c{break-inside:avoid;background:#fff;border-radius:12px;padding:16px;margin:0 0 24px}
</style><body><div class="g">{% for card in cards %}<div class="c">
<h6>{{ card.where }}{% if card.title %} · {{ card.title }}{% endif %}</h6>
{{ b.kit(card.blocks, "r%d" % loop.index) }}
{% if card.submit %}<p><b>[{{ card.submit }}]</b></p>{% endif %}</div>{% endfor %}</div></body></html>"""


class Gallery:
    """Collects what people see, each content once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.cards: dict[str, dict[str, Any]] = {}

    def look(self, *people: Somebody) -> None:
        """Take in every message, dialog and home that these people see now."""
        for one in people:
            for side in Side:
                team, user = one._at(side)
                if not user or (side is Side.COMPANY and not one.company_user):
                    continue
                for message in self._world.slack.messages(team, user):
                    self._keep("message", message, "")
                for where in ("modal", "home"):
                    view = getattr(self._world.slack, where)(team, user)
                    if view:
                        self._keep(where, view, view.submit or "")

    def _keep(self, where: str, shown: Any, submit: str) -> None:
        key = json.dumps([where, shown.blocks], ensure_ascii=False, default=str)
        card = {
            "where": where,
            "title": getattr(shown, "title", ""),
            "blocks": shown.blocks,
            "submit": submit,
        }
        if shown.blocks:
            self.cards.setdefault(key, card)


async def _journey(world: World, locale: str) -> Gallery:
    gallery, name = Gallery(world), {"ja": "髙橋 愛子", "en": "Anna Müller"}[locale]
    aiko = world.employee(name, last_day="2026-03-31", last_working_day="2026-02-27")
    tongue = {"ja": "ja-JP", "en": "en-US"}[locale]
    for somebody in (aiko, world.hr):
        await world.slack.changes("T0MINATO", somebody.company_user, locale=tongue)
    held = world.employee("山﨑 次郎", last_day="2026-04-30")
    lost = world.employee("Raj Patel", last_day="2026-03-31", account=False)
    many = [world.employee(f"田中 {n}", last_day="2026-05-31") for n in ("一", "二", "三", "四", "五", "六")]
    await world.feed_says(aiko.leaves(), held.leaves(退職区分="解雇"))
    gallery.look(world.hr)
    await world.feed_says(
        lost.leaves(), *(one.leaves() for one in many), {"社員番号": "X1", "氏名": "名無し"}
    )
    await world.hr.types("/alumni leavers")
    await world.hr.presses("leavers.show", Side.COMPANY)
    gallery.look(world.hr)
    await world.hr.presses("decisions.never", Side.COMPANY)
    gallery.look(world.hr)
    await world.hr.types("/alumni leavers add")
    await world.hr.types("/alumni help")
    await world.hr.types("/alumni foo")
    await world.hr.opens_home()
    gallery.look(world.hr)
    await world.on("2026-02-13", at="10:00")
    gallery.look(aiko, world.hr)
    await aiko.presses("welcome.later", Side.COMPANY)
    gallery.look(aiko)
    await aiko.presses("welcome.yes", Side.COMPANY)
    gallery.look(aiko)
    await aiko.fills(Side.COMPANY, personal_email=aiko.company_email, reach="chat")
    gallery.look(aiko)
    await aiko.fills(Side.COMPANY, personal_email="a@example.jp", reach="chat")
    await world.settle()
    gallery.look(aiko)
    await aiko.presses("welcome.mine", Side.COMPANY)
    gallery.look(aiko)
    await aiko.proves_the_address("a@example.jp")
    gallery.look(aiko)
    await world.on("2026-04-01", at="10:00")
    aiko.alumni_user = world.slack.add_person("T0ALUMNI", name=name, email="else@example.jp", locale=tongue)
    await aiko.opens_home(Side.ALUMNI)
    await aiko.types("/alumni find x", Side.ALUMNI)
    await aiko.types("/alumni join", Side.ALUMNI)
    gallery.look(aiko)
    await aiko.types("/alumni join ABCD-ABCD-ABCD-ABCD", Side.ALUMNI)
    await aiko.types(f"/alumni join {aiko.joining_code}", Side.ALUMNI)
    gallery.look(aiko)
    await aiko.presses("profile.edit")
    gallery.look(aiko)
    await aiko.fills(
        None, employer="青空ロジ株式会社", position="PM", shown=["kana", "employer"], listed=["yes"]
    )
    for words in ("find 青空", "find", "profile", "stop", "help"):
        await aiko.types(f"/alumni {words}")
        gallery.look(aiko)
    await aiko.types("/alumni find 青空")
    await aiko.presses("find.show")
    await aiko.opens_home()
    gallery.look(aiko)
    await world.on("2026-05-20", at="11:00")
    gallery.look(aiko)
    await aiko.presses("checkin.same")
    await _hand(gallery, aiko, world.hr)
    await _jobs(gallery, aiko, world.hr)
    await _referral(gallery, aiko, world.hr)
    await aiko.types("/alumni stop")
    await aiko.presses("stop.leave")
    gallery.look(aiko, world.hr)
    await aiko.fills(None, sure=["yes"])
    await world.hr.types("/alumni leavers")
    gallery.look(aiko, world.hr)
    await _openings(gallery, world.hr)
    return gallery


async def _jobs(gallery: Gallery, aiko: Somebody, hr: Somebody) -> None:
    """Looking through openings, wishes, a message of what suits, what is mine, and who waits."""
    world = gallery._world
    await aiko.types("/jobs")
    for action in ("openings.show", "openings.narrow"):
        await aiko.presses(action)
        gallery.look(aiko)
    await aiko.fills(None, keywords="no such thing", employments=["side_job"], remote=["yes"])
    await aiko.types("/alumni wishes")
    gallery.look(aiko)
    agreed = list(choices(aiko)["tell"].values())
    await aiko.fills(None, keywords="Python", places="", employments=["regular"], tell=agreed)
    world.writes(lambda tx: an_opening(tx, "Python"))
    await world.settle()
    await aiko.types("/alumni openings mine")
    await hr.types("/alumni openings mine", Side.COMPANY)
    gallery.look(aiko, hr)


async def _referral(gallery: Gallery, aiko: Somebody, hr: Somebody) -> None:
    """Somebody is referred, agrees by mail, and is answered, as both sides see it."""
    world = gallery._world
    await aiko.types("/refer 2")
    gallery.look(aiko)
    await aiko.fills(None, **REFERRAL | {"email": "a@example.jp"})
    gallery.look(aiko)
    await aiko.types("/refer 2")
    await aiko.fills(None, **REFERRAL)
    await world.settle()
    gallery.look(aiko)
    async with reading(world) as reader:
        await reader.browser.open(reader.way(MAIL, YES))
        await reader.sends(me=["yes"])
    await hr.presses("introduced.look", Side.COMPANY)
    gallery.look(hr)
    await hr.presses("introduced.answer", Side.COMPANY)
    gallery.look(hr)
    await hr.fills(Side.COMPANY, step="closed", note="")
    await world.settle()
    await aiko.types("/refer")
    gallery.look(aiko, hr)


async def _hand(gallery: Gallery, aiko: Somebody, hr: Somebody) -> None:
    """A raised hand, from the names to the answer, as both sides see it."""
    world = gallery._world
    world.writes(an_opening)
    await opens_the_form(world, aiko, world.reads(lambda tx: openings.get(tx, 1)))
    gallery.look(aiko)
    boxes = choices(aiko)
    await aiko.fills(None, readers=[], agree=list(boxes["agree"].values()))
    gallery.look(aiko)
    await aiko.fills(None, readers=list(boxes["readers"].values()), agree=list(boxes["agree"].values()))
    gallery.look(aiko)
    await later(world, minutes=11)
    gallery.look(hr)
    await hr.presses("answer.read", Side.COMPANY)
    gallery.look(hr)
    await hr.presses("answer.step", Side.COMPANY)
    gallery.look(hr)
    for step in ("contacted", "talk", "closed"):
        await hr.fills(Side.COMPANY, step=step, note="")
        await world.settle()
        await aiko.presses("interest.own")
        gallery.look(aiko, hr)
        await hr.presses("answer.read", Side.COMPANY)
        await hr.presses("answer.step", Side.COMPANY)
    await aiko.presses("interest.take_back")
    gallery.look(aiko)


def an_opening(tx: Tx, title: str = "営業企画") -> None:
    """An opening that HR answers for."""
    row = openings.add(tx, "slack:T0MINATO:U0HR", title=title, closes_on=date(2026, 12, 31),
                       owner=HR_EMAIL, owner_name="佐藤 美咲", department="営業部")  # fmt: skip
    openings.publish(tx, row, "slack:T0MINATO:U0HR")


async def _openings(gallery: Gallery, hr: Somebody) -> None:
    """What HR sees of an opening, from the form to the end."""
    await begins(hr)
    gallery.look(hr)
    await hr.fills(**{**FORM, "closes_on": "2026-01-01"})
    gallery.look(hr)
    await hr.fills(closes_on="2026-07-31")
    await hr.presses("draft.more")
    gallery.look(hr)
    await hr.fills(**CONDITIONS)
    gallery.look(hr)
    gallery._world.slack.kicks("T0ALUMNI", CHANNEL)
    await hr.presses("post.publish")
    await gallery._world.settle()
    await hr.types("/alumni post 2")
    await hr.presses("standing.close")
    gallery.look(hr)
    await gallery._world.on("2026-08-01", at="10:00")
    await hr.types("/alumni post")
    await hr.types("/alumni post 2")
    gallery.look(hr)


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.long
async def test_every_card_of_the_journey_can_be_looked_at(tmp_path: Path, locale: str) -> None:
    async with world_in(tmp_path, locale=locale) as world:
        gallery = await _journey(world, locale)
    cards = list(gallery.cards.values())
    assert len(cards) >= 35
    SHOTS.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nobody waits for this test
    sheets = [_drawn(cards[start : start + SHEET], locale) for start in range(0, len(cards), SHEET)]
    assert not [sheet for sheet in sheets if 'data-testid="unknown-block"' in sheet]
    await _shoot(sheets, locale)


def _drawn(cards: list[dict[str, Any]], locale: str) -> str:
    names = partial(str)
    return environment().from_string(SHELL).render(
        cards=cards, lang=locale, style=STYLE.read_text("utf-8"), w=lambda key, **_: key,
        mention=partial(blocks.mention, name_of=names), words=partial(blocks.words_of, name_of=names),
        mrkdwn=partial(blocks.mrkdwn, name_of=names),
    )  # fmt: skip


async def _shoot(sheets: list[str], locale: str) -> None:
    async with async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=str(find_browser()), args=launch_flags())
        page = await browser.new_page(viewport={"width": 1500, "height": 1000})
        for number, sheet in enumerate(sheets, 1):
            await page.set_content(sheet)
            await page.screenshot(path=SHOTS / f"cards-{locale}-{number}.png", full_page=True)
        await browser.close()
