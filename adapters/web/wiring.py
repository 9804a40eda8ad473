"""Puts the web room together: the door, and the links that mails carry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from adapters.web.desk import Desk, Intake
from adapters.web.door import WebDoor
from adapters.web.hatch import Hatch
from adapters.web.links import Links
from adapters.web.render import Renderer
from adapters.web.tab import Tab
from bot.conversation import Bound
from bot.house import House
from bot.ports import MailTo

A_YEAR = timedelta(days=366)
OUT = "stop.mails"


@dataclass(frozen=True, slots=True)
class Connected:
    """The pages, and what mails put behind their buttons."""

    door: WebDoor
    desk: Desk
    hatch: Hatch
    links: Links

    def add_to(self, app: web.Application) -> None:
        """Put all pages into an application."""
        self.door.add_to(app)
        self.desk.add_to(app)
        self.hatch.add_to(app)
        Tab(self.door).add_to(app)

    def link_for(self, bound: Bound, label: str, to: MailTo) -> str:
        """The page behind one button of a mail; "" for a reader of whom nothing is known."""
        return self.links.url(self.links.claim(to.who, bound, label)) if to.who else ""

    def unsubscribe(self, to: MailTo, purpose: str) -> str:
        """The page (and the target of RFC 8058) that stops the mails of a purpose; lasts a year."""
        if to.who is None or not purpose:
            return ""
        bound = Bound(OUT, (("purpose", purpose),))
        return self.links.url(self.links.claim(to.who, bound, "", A_YEAR))


def connect(house: House, importer: Intake) -> Connected:
    """The web room of a house; HR's files go to `importer`."""
    links = Links(house.database.vault, house.settings.base_url, house.clock.now)
    pages = Renderer(house.texts, house.policy.brand)
    door = WebDoor(house.database, house.dispatcher, pages, links)
    desk = Desk(door, importer, house.settings.leaver_max_bytes)
    return Connected(door, desk, Hatch(door, house.dispatcher), links)
