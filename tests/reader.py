"""Somebody who lives by mail: opens links of mails in a browser, presses what pages show, forges a little."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from adapters.web.links import Links
from bot.conversation import Address, Bound, ButtonPressed, Conversation, FormSubmitted, Side
from bot.dispatch import Outcome
from storage import accounts
from tests.pages import Browser, links
from tests.world import World

VISITOR = accounts.visitor("ja")


@dataclass
class Reader:
    """A browser, and the mailboxes of the world."""

    world: World
    browser: Browser

    @property
    def words(self) -> str:
        """What the page says."""
        return self.browser.words

    def way(self, address: str, label: str, nth: int = -1) -> str:
        """Where the newest mail to an address leads whose button says so."""
        mails = [dict(links(mail.html, "/alumni/")) for mail in self.world.mails(address)]
        fits = [mail[label] for mail in mails if label in mail]
        assert fits, f"no mail to {address} has a button {label!r}"
        return fits[nth]

    async def follows(self, address: str, label: str, nth: int = -1) -> Browser:
        """Open the link of a mail's button, and press it on the page if that is what stands there."""
        await self.browser.open(self.way(address, label, nth))
        if label in [words for words, _ in self.browser.ways()]:
            await self.browser.press(label)
        await self.world.settle()
        return self.browser

    async def presses(self, label: str) -> Browser:
        """Press a button of the page."""
        await self.browser.press(label)
        await self.world.settle()
        return self.browser

    async def sends(self, **values: Any) -> Browser:
        """Fill in the form of the page and send it."""
        await self.browser.submit(**values)
        await self.world.settle()
        return self.browser

    async def enters(self, email: str) -> Browser:
        """Ask for a link on the public page and sign in with it."""
        await self.browser.open("/alumni")
        await self.presses("新しいリンクを受け取る")
        await self.sends(email=email)
        await self.browser.open(self.way(email, "ログインのページを開く"))
        return await self.presses("ログインする")

    def claim(self, address: str, label: str) -> Bound:
        """What stands behind a button of a mail."""
        token = self.way(address, label).rpartition("/")[2]
        core = self.world.ground.app.core
        return Links(core.database.vault, "", core.clock.now).read(token).bound


@asynccontextmanager
async def reading(world: World) -> AsyncIterator[Reader]:
    """A reader with an empty browser."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Reader(world, Browser(http, world.ground.app.core.settings.base_url))


async def press(world: World, who: Address, bound: Bound) -> Outcome:
    """Press a button as somebody of our pages, whatever any page shows."""
    talk = Conversation(who.workspace, str(who))
    pressed = ButtonPressed(who, talk, secrets.token_hex(8), bound)
    outcome = await world.ground.app.core.dispatcher.answer(pressed, Side(who.workspace))
    await world.settle()
    return outcome


async def send(world: World, who: Address, bound: Bound, **values: str | tuple[str, ...]) -> Outcome:
    """Send a form as somebody of our pages, whatever any page shows."""
    talk = Conversation(who.workspace, str(who))
    sent = FormSubmitted(who, talk, secrets.token_hex(8), bound, values)
    outcome = await world.ground.app.core.dispatcher.answer(sent, Side(who.workspace))
    await world.settle()
    return outcome


def said(outcome: Outcome, world: World) -> str:
    """The title and the paragraphs of an answer, in the language of who acted."""
    assert outcome.reply is not None, outcome
    texts, locale = world.ground.app.core.texts, outcome.actor.locale if outcome.actor else "ja"
    card = outcome.reply.card
    words = [card.title, *(getattr(block, "text", "") for block in card.body)]
    return "\n".join(texts.plain(one, locale) for one in words if one)
