"""Draws the page: the templates filled with what chat, mailbox and backstage say right now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from adapters.playground import blocks, cards, page_scene
from adapters.playground.backstage import Backstage, CastMember, Tab
from adapters.playground.mailbox import Mailbox
from adapters.playground.page_chat import Chat
from adapters.playground.page_guard import Guard
from adapters.playground.page_memory import Memory
from adapters.playground.page_scene import Letter, Looking, Room
from adapters.playground.words import LANGUAGES, Words, clock_face, read_words

CONTROLS = frozenset(
    {
        "plain_text_input",
        "email_text_input",
        "datepicker",
        "static_select",
        "radio_buttons",
        "checkboxes",
        "multi_static_select",
        "external_select",
    }
)


def environment() -> Environment:
    """Jinja with autoescape for everything that is drawn."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        plain=blocks.plain,
        lines=blocks.lines,
        link=blocks.link,
        emoji=blocks.emoji,
        safe_url=blocks.safe_url,
        first_values=blocks.first_values,
        first_label=blocks.first_label,
        controls=CONTROLS,
        as_json=partial(json.dumps, ensure_ascii=False, indent=2),
        tint=tint,
        initial=initial,
        linked=blocks.linked,
        **{one.__name__: one for one in cards.DRAWING},
        input_kinds=cards.INPUTS,
    )
    return made


def tint(key: str) -> int:
    """One of eight colours for a person's picture, always the same."""
    return sum(key.encode()) % 8


def initial(name: str) -> str:
    """The sign in a person's picture."""
    return next((sign for sign in name if sign.isalnum()), "?").upper()


@dataclass(frozen=True, slots=True)
class Page:
    """One start of the page: what it shows, the port it lives on and the token of this start.

    `beside` is the address of the same page where people chat elsewhere; empty when there is none.
    """

    chat: Chat
    mailbox: Mailbox
    backstage: Backstage
    port: int
    token: str
    beside: str = ""
    memory: Memory = field(default_factory=Memory)
    words: Mapping[str, Words] = field(default_factory=read_words)
    templates: Environment = field(default_factory=environment)

    @property
    def guard(self) -> Guard:
        """The checks of this start."""
        return Guard(self.port, self.token)

    def member(self, key: str | None) -> CastMember | None:
        """Somebody of the cast."""
        return next((one for one in self.backstage.cast() if one.key == key), None)

    def looking(self, query: Mapping[str, str]) -> Looking:
        """Where the browser looks, from the page's address; the unknown becomes the nearest known place."""
        cast = self.backstage.cast()
        member = self.member(query.get("as")) or (cast[0] if cast else None)
        places = page_scene.tabs_of(member, self.backstage.teams)
        wanted = query.get("tab")
        tab: Tab = next((place for place in places if place == wanted), places[0] if places else "mail")
        here = Looking(member, tab, "messages", self.words_in(query.get("lang")))
        room: Room = next((one for one in rooms(self, here) if one == query.get("room")), "messages")
        return replace(here, room=room)

    def words_in(self, language: str | None) -> Words:
        """The page's words; Japanese unless another language of the page is asked for."""
        return self.words[language if language in LANGUAGES else "ja"]

    def mark(self) -> str:
        """Changes whenever something that the page shows may have changed."""
        cast = self.backstage.cast()
        minute = self.backstage.now().strftime("%Y%m%d%H%M")
        counts = [self.chat.version, self.mailbox.count, minute, hash(tuple(cast)) & 0xFFFFFFFF]
        return "-".join(map(str, counts))


def rooms(page: Page, looking: Looking) -> list[Room]:
    """The screens of the open tab."""
    return ["messages"] if looking.tab == "mail" or looking.user is None else page.chat.rooms(looking)


def draw(page: Page, template: str, looking: Looking, **more: Any) -> str:
    """One template with the words of the language and the names of the workspace."""
    known = page.chat.names(looking)

    def names(user: str) -> str:
        return known.get(user.partition("|")[0], user)

    return (
        page.templates.get_template(template)
        .render(
            w=looking.words,
            looking=looking,
            chat=page.chat.kind,
            mention=partial(blocks.mention, name_of=names),
            words=partial(blocks.words_of, name_of=names),
            mrkdwn=partial(blocks.mrkdwn, name_of=names),
            **more,
        )
        .strip()
    )


async def parts(page: Page, looking: Looking) -> dict[str, str]:
    """Every part of the page that changes, as HTML by the name of its place."""
    sides = page.backstage.teams
    counter = page_scene.Counter(page.chat, page.mailbox, page.memory, sides)
    _see(page, looking, counter)
    face = clock_face(page.backstage.now(), page.backstage.zone)
    due = [(clock_face(one.at, page.backstage.zone), one) for one in await page.backstage.next_due()]
    leavers = await page.backstage.leavers()
    me = looking.member
    tabs = [(tab, counter.new_at(me, tab)) for tab in page_scene.tabs_of(me, sides)] if me else []
    groups = page_scene.people(page.backstage.cast(), looking, counter)
    return {
        "people": draw(page, "people.html", looking, groups=groups),
        "head": draw(
            page, "head.html", looking, tabs=tabs, place=_place(page, looking), rooms=rooms(page, looking)
        ),
        "stage": _stage(page, looking),
        "composer": draw(page, "composer.html", looking, place=_place(page, looking)),
        "dialog": page.chat.dialog(page, looking) if looking.tab != "mail" else "",
        "clock": draw(page, "clock.html", looking, face=face, zone=page.backstage.zone, due=due),
        "due": draw(page, "due.html", looking, due=due[:6]),
        "leavers": draw(page, "leavers.html", looking, leavers=leavers, day=partial(_iso_day, looking.words)),
    }


def _iso_day(words: Words, iso: str) -> str:
    try:
        return words.day(datetime.fromisoformat(iso), year=True)
    except ValueError:
        return iso


def _see(page: Page, looking: Looking, counter: page_scene.Counter) -> None:
    """What is drawn now counts as seen."""
    if looking.member and looking.room == "messages":
        last = counter.last_at(looking.member, looking.tab)
        page.memory.mark_seen(looking.member.key, looking.tab, last)


def _place(page: Page, looking: Looking) -> Mapping[str, Any]:
    """What is around the conversation of the open tab."""
    return {"away": True} if looking.tab == "mail" else page.chat.place(looking)


def _stage(page: Page, looking: Looking) -> str:
    if looking.member is None:
        return draw(page, "nobody.html", looking)
    if looking.tab == "mail":
        return draw(page, "mail.html", looking, letters=_letters(page, looking.member))
    return page.chat.stage(page, looking)


def _letters(page: Page, member: CastMember) -> list[Letter]:
    zone = page.backstage.zone
    return [
        Letter(
            mail,
            clock_face(page.backstage.calendar_at(mail.received_at), zone),
            page.chat.led(mail.text, page, mail.id),
            page.guard.seal(f"mail{mail.id}"),
        )
        for mail in page_scene.mails_of(page.mailbox, member)
    ]
