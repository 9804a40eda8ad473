"""Draws the page: the templates filled with what local Slack, mailbox and backstage say right now."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from adapters.playground import blocks, page_scene
from adapters.playground.backstage import Backstage, CastMember, Side, Tab
from adapters.playground.local_slack import LocalSlack
from adapters.playground.mailbox import Mail, Mailbox
from adapters.playground.page_guard import Guard
from adapters.playground.page_memory import Memory
from adapters.playground.page_scene import Letter, Looking, Room
from adapters.playground.slack_state import Channel, Message, View
from adapters.playground.slack_workspace import Workspace
from adapters.playground.words import LANGUAGES, Words, clock_face, read_words

JOIN_PATH = "/local-slack/join"
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
    """One start of the page: what it shows, the port it lives on and the token of this start."""

    slack: LocalSlack
    mailbox: Mailbox
    backstage: Backstage
    port: int
    token: str
    memory: Memory = field(default_factory=Memory)
    words: Mapping[str, Words] = field(default_factory=read_words)
    templates: Environment = field(default_factory=environment)

    @property
    def guard(self) -> Guard:
        """The checks of this start."""
        return Guard(self.port, self.token)

    def workspace(self, side: Side) -> Workspace | None:
        """The workspace of a side, if it is connected."""
        team = self.backstage.teams.get(side)
        return self.slack.workspace(team) if team else None

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
        counts = [self.slack.version, self.mailbox.count, minute, hash(tuple(cast)) & 0xFFFFFFFF]
        return "-".join(map(str, counts))


def rooms(page: Page, looking: Looking) -> list[Room]:
    """The screens of the open tab: the bot's two, and a channel if the person is in one beside #general."""
    if looking.tab == "mail" or looking.user is None:
        return ["messages"]
    return ["messages", "home", *(("channel",) if channel_of(page, looking) else ())]


def channel_of(page: Page, looking: Looking) -> Channel | None:
    """The channel that this page shows of a workspace: the first one beside #general where the person is."""
    workspace = page.workspace(looking.side)
    places = workspace.channels.values() if workspace else ()
    inside = (one for one in places if looking.user in one.members and one.kind == "public")
    return next((one for one in inside if workspace and one.id != workspace.general), None)


def draw(page: Page, template: str, looking: Looking, **more: Any) -> str:
    """One template with the words of the language and the names of the workspace."""
    names = _names(page, looking)
    return (
        page.templates.get_template(template)
        .render(
            w=looking.words,
            looking=looking,
            mention=partial(blocks.mention, name_of=names),
            words=partial(blocks.words_of, name_of=names),
            mrkdwn=partial(blocks.mrkdwn, name_of=names),
            **more,
        )
        .strip()
    )


def _names(page: Page, looking: Looking) -> blocks.NameOf:
    workspace = page.workspace(looking.side)
    known = {user: person.name for user, person in workspace.people.items()} if workspace else {}
    return lambda user: known.get(user.partition("|")[0], user)


async def parts(page: Page, looking: Looking) -> dict[str, str]:
    """Every part of the page that changes, as HTML by the name of its place."""
    sides = page.backstage.teams
    counter = page_scene.Counter(page.slack, page.mailbox, page.memory, sides)
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
        "dialog": _dialog(page, looking),
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


def _place(page: Page, looking: Looking) -> dict[str, Any]:
    """The workspace of the open tab: its name, its bot, and what its manifest lets one type or choose."""
    workspace = page.workspace(looking.side)
    if looking.tab == "mail" or workspace is None:
        return {"name": "", "bot": "", "commands": [], "shortcuts": [], "away": True, "channel": ""}
    features = workspace.app.manifest.get("features", {})
    person = workspace.people.get(looking.user or "")
    return {
        "name": workspace.name,
        "bot": workspace.app.name,
        "commands": list(features.get("slash_commands", [])),
        "shortcuts": [one for one in features.get("shortcuts", []) if one.get("type") == "global"],
        "away": person is None or person.deleted,
        "channel": channel.name if (channel := channel_of(page, looking)) else "",
    }


def _stage(page: Page, looking: Looking) -> str:
    if looking.member is None:
        return draw(page, "nobody.html", looking)
    if looking.tab == "mail":
        return draw(page, "mail.html", looking, letters=_letters(page, looking.member))
    if _place(page, looking)["away"]:
        return draw(page, "away.html", looking)
    if looking.room == "home":
        return draw(page, "home.html", looking, **_home(page, looking))
    rows = _conversation(page, looking)
    return draw(page, "messages.html", looking, rows=rows, place=_place(page, looking))


def _conversation(page: Page, looking: Looking) -> list[page_scene.Line]:
    team, user = page.backstage.teams[looking.side], looking.user or ""
    channel = channel_of(page, looking) if looking.room == "channel" else None
    messages = _in_channel(page, looking, channel) if channel else page.slack.messages(team, user)
    workspace = page.slack.workspace(team)
    others = {one.user: one.name for one in workspace.people.values()} if channel else {}
    name = looking.member.name if looking.member else user
    voices = page_scene.Voices(user, name, workspace.app.name, others)
    at = {message.ts: page.backstage.calendar_at(float(message.ts)) for message in messages}
    echoes = [] if channel else page.memory.echoes.get((team, user), [])
    return page_scene.Conversation(messages, echoes, voices, page.backstage.zone).lines(at)


def _in_channel(page: Page, looking: Looking, channel: Channel) -> list[Message]:
    """What everybody reads there, and what only this person does; oldest first."""
    team, user = page.backstage.teams[looking.side], looking.user or ""
    own = [one for one in page.slack.messages(team, user) if one.channel == channel.id]
    shown = [*page.slack.channel_messages(team, channel.id), *own]
    return sorted(shown, key=lambda message: message.ts)


def _home(page: Page, looking: Looking) -> dict[str, Any]:
    view = page.slack.home(page.backstage.teams[looking.side], looking.user or "")
    return {"view": view} | (_filled(looking, view) if view else {})


def _filled(looking: Looking, view: View) -> dict[str, Any]:
    """What stands in the inputs of a view and what is wrong with it."""
    return {
        "typed": page_scene.typed_values(view),
        "labels": page_scene.chosen_labels(view),
        "errors": page_scene.field_errors(view, looking.words),
    }


def _letters(page: Page, member: CastMember) -> list[Letter]:
    zone = page.backstage.zone
    return [
        Letter(
            mail,
            clock_face(page.backstage.calendar_at(mail.received_at), zone),
            inviting(mail, mail.text, page),
            page.guard.seal(f"mail{mail.id}"),
        )
        for mail in page_scene.mails_of(page.mailbox, member)
    ]


def _dialog(page: Page, looking: Looking) -> str:
    team = page.backstage.teams.get(looking.side)
    if not team or not looking.user or _place(page, looking)["away"]:
        return ""
    view = page.slack.modal(team, looking.user)
    if view is None:
        return ""
    return draw(page, "dialog.html", looking, view=view, **_filled(looking, view))


def inviting(mail: Mail, words: str, page: Page, ampersand: str = "&") -> str:
    """The mail's words with links to the joining page pointing back to this mail: so it knows who came."""
    pattern = re.compile(rf"(https?://(?:127\.0\.0\.1|localhost):{page.port}{re.escape(JOIN_PATH)})(\?)?")
    return pattern.sub(lambda link: f"{link[1]}?mail={mail.id}{ampersand if link[2] else ''}", words)
