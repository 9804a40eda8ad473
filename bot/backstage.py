"""`okaeri playground`: opens a playground with people in it, and is the product as the page sees it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import typer

from adapters.hris.csv_file import CsvFile
from adapters.hris.mapping import load_mapping
from adapters.playground.backstage import CastMember, Due, Example, Group, Said, Side, Stage
from adapters.playground.cast import Cast, read_cast
from adapters.playground.page import Page, add_page
from adapters.playground.page_chat import Chat
from adapters.playground.page_slack import SlackChat
from adapters.playground.page_teams import Home, Menu, TeamsChat
from adapters.playground.town import Newcomer
from adapters.teams.manifest import NAMES, App, manifest
from bot import conversation
from bot.clock import Clock
from bot.conversation import Text, t
from bot.errors import ConfigError, FeedRejected
from bot.playground import BOTS, HOST, Playground, free_port, playing
from bot.seeding import SEEDED, seed
from bot.texts import LOCALES
from jobs.drop import ENDINGS
from storage import accounts, checkins, leavers, people, referrals
from storage.engine import Tx
from storage.leavers import ENDED, Leaver

S = leavers.Stage
OUR_FILE, EXAMPLE = "leavers.csv", "leavers_example.csv"
TONES: Mapping[leavers.Stage, Literal["waiting", "moving", "good", "held"]] = {
    S.ASKED: "moving", S.CONSENTED: "moving", S.ENROLLED: "moving", S.JOINED: "good", S.HELD: "held",
}  # fmt: skip
GONE = ENDED - {S.DECLINED}
STAYS = frozenset({S.WITHDRAWN, S.RETURNED})
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """What storage knows of one leaver whom a feed named; an erased one has no name."""

    leaver: Leaver
    name: str
    reading: str
    words: str
    private_email: str
    account: str | None


class Stagehand:
    """Moves clock, files and people of a playground: `adapters.playground.backstage.Backstage`."""

    def __init__(self, ground: Playground, cast: Cast, seeded: Sequence[CastMember]) -> None:
        self.ground = ground
        self._script, self._seeded = cast, tuple(seeded)
        self._leavers: dict[str, CastMember] = {}
        self._newcomers: dict[str, CastMember] = {}
        self._candidates: dict[str, CastMember] = {}
        self._example: bytes | None = None
        self._files = 0
        self._turn = asyncio.Lock()

    # --- who, where, when ---------------------------------------------------------------------------

    @property
    def zone(self) -> str:
        """The company's zone."""
        return self.ground.app.core.settings.timezone

    @property
    def teams(self) -> Mapping[Side, str]:
        """Both workspaces, or tenants."""
        return self.ground.town.sides

    def cast(self) -> Sequence[CastMember]:
        """HR, then leavers, then alumni with the newest first, then everybody else; as of the last look."""
        tied = {one.alumni_user for one in self._leavers.values()}
        strangers = [one for one in self._newcomers.values() if one.alumni_user not in tied]
        everybody = [*self._leavers.values(), *self._seeded, *strangers, *self._candidates.values()]
        order: tuple[Group, ...] = ("hr", "leaver", "alumnus", "other")
        return sorted(everybody, key=lambda one: order.index(one.group))

    def now(self) -> datetime:
        """Calendar time."""
        return self.ground.clock.now()

    def calendar_at(self, wire: float) -> datetime:
        """Which calendar time it was at a wire second."""
        return self.ground.calendar_at(wire)

    def _today(self) -> date:
        return self.now().astimezone(ZoneInfo(self.zone)).date()

    # --- what can be done ---------------------------------------------------------------------------

    async def travel(self, to: datetime | None, *, by: timedelta | None = None) -> None:
        """Move the clock and run what is due on the way. Raises `ValueError` for the past."""
        async with self._turn:
            goal = to if to is not None else self.now() + (by or timedelta(0))
            if goal < self.now() - timedelta(minutes=1):  # a goal of this minute is no past
                raise ValueError("calendar time only moves forward")
            await self.ground.travel(goal)
        await self.look()

    async def settle(self) -> None:
        """Run until quiet."""
        async with self._turn:
            await self.ground.settle()
        await self.look()

    async def drop(self, filename: str, data: bytes) -> None:
        """Put a file into the watched folder; everybody in it gets an account in the company workspace.

        Raises `ValueError` for a name that the folder does not take.
        """
        ending = Path(filename).suffix.lower()
        if ending not in ENDINGS:
            raise ValueError(f"a leavers' file ends with one of {', '.join(ENDINGS)}")
        with suppress(FeedRejected):  # the house tells HR why
            await self.introduce(data, filename)
        if data == self.example().data:
            self._example = data
        async with self._turn:
            self._files += 1
            await self.ground.drop_file(f"dropped{self._files}{ending}", data)
        await self.look()

    async def introduce(self, data: bytes, filename: str) -> None:
        """Company accounts for the people of a file, as a company has them. Raises `FeedRejected`."""
        source = CsvFile(load_mapping(None))
        reading = await asyncio.to_thread(source.read, data, filename)
        for notice in reading.notices:
            self._employ(notice.name, notice.company_email, notice.locale)

    def _employ(self, name: str, email: str, locale: str) -> None:
        town = self.ground.town
        if email and not town.user("company", email) and email not in self._script.without_account():
            town.add("company", Newcomer(name, email, locale))

    def example(self) -> Example:
        """A few more leavers; a file that was dropped stays the same: dropped again, it moves nobody."""
        data = self._example or self._script.file(self._script.example, self._today())
        return Example(EXAMPLE, data)

    def beginning(self) -> bytes:
        """The file that the playground begins with."""
        return self._script.file(self._script.leavers, self._today())

    async def account_made(self, email: str, alumni_user: str) -> None:
        """Somebody came into the alumni workspace; who is not known is a stranger until a code is typed."""
        note = self._said(t("backstage.note.newcomer"))
        name = self.ground.town.name("alumni", alumni_user)
        member = CastMember(f"newcomer-{len(self._newcomers) + 1}", name, note, "other", emails=(email,))
        self._newcomers[alumni_user] = replace(member, alumni_user=alumni_user)
        await self.settle()

    # --- what the page shows ------------------------------------------------------------------------

    async def next_due(self) -> Sequence[Due]:
        """The next things that the clock brings."""
        return await self.ground.app.core.database.run(self._due, reads=True)

    def _due(self, tx: Tx) -> list[Due]:
        found = [
            Due(at, self._said(t(f"backstage.due.{which}")), self._name(tx, leaver.person_id))
            for at, which, leaver in leavers.next_moments(tx, SHOWN)
        ]
        nudge = self._said(t("backstage.due.checkin"))
        found += [Due(c.due_at, nudge, self._name(tx, c.person_id)) for c in checkins.next_moments(tx, SHOWN)]
        return sorted(found, key=lambda due: due.at)[:SHOWN]

    def _name(self, tx: Tx, person_id: str) -> str:
        person = people.get(tx, person_id)
        return person.name if person else ""

    async def leavers(self) -> Sequence[Stage]:
        """Where everybody stands whom a feed named, by last day; the erased are gone."""
        seen = await self.look()
        stages = [self._stage(key, one) for key, one in _keyed(seen) if one.name]
        return sorted(stages, key=lambda stage: stage.last_day)

    def _stage(self, key: str, one: Seen) -> Stage:
        leaver = one.leaver
        label, why = self._said(t(f"leavers.stage.{leaver.stage.value}")), _why(leaver)
        stuck = self._said(why) if why else None
        return Stage(
            one.name, leaver.last_day.isoformat(), label, stuck, TONES.get(leaver.stage, "waiting"), key
        )

    async def look(self) -> Sequence[Seen]:
        """Bring cast and company workspace in step with storage: who is there still, and who has gone."""
        seen, named = await self.ground.app.core.database.run(lambda tx: (_look(tx), _named(tx)), reads=True)
        note = self._said(t("backstage.note.candidate"))
        for number, (name, email) in named.items():  # who was erased since keeps a mailbox of their own
            key = f"candidate-{number}"
            self._candidates[key] = CastMember(key, name, note, "other", emails=(email,))
        for key, one in _keyed(seen):
            here = one.leaver.last_day >= self._today() or one.leaver.stage in STAYS
            if one.name:
                if here:
                    self._employ(one.name, one.leaver.company_email, "")
                self._leavers[key] = self._member(key, one)
            elif key in self._leavers:
                self._leavers[key] = replace(self._leavers[key], group="other")
            if not here and key in self._leavers:
                await self._dismiss(self._leavers[key].company_user)
        return seen

    async def _dismiss(self, user: str | None) -> None:
        """The company closes an account on the day after the last day."""
        if user is not None:
            await self.ground.town.dismiss(user)

    def _member(self, key: str, one: Seen) -> CastMember:
        company, private = one.leaver.company_email, one.private_email
        town = self.ground.town
        joined, known = one.leaver.stage is S.JOINED, self._leavers.get(key)
        employed = town.user("company", company)
        return CastMember(
            key=key,
            name=one.name,
            note=self._note(one),
            group="alumnus" if joined else "other" if one.leaver.stage in GONE else "leaver",
            company_user=employed or (known.company_user if known else None),
            alumni_user=one.account or (town.user("alumni", private) if private else None),
            emails=tuple(filter(None, (company, private))),
            reading=one.reading,
        )

    def _note(self, one: Seen) -> Said:
        return self._said(t("backstage.note.leaver", words=one.words, day=one.leaver.last_day))

    def _said(self, words: Text) -> Said:
        texts = self.ground.app.core.texts
        return Said(texts.plain(words, "ja", self.zone), texts.plain(words, "en", self.zone))


def _why(leaver: Leaver) -> Text | None:
    """What keeps a leaver from going on by themselves."""
    if leaver.stage is S.HELD:
        return t(f"leavers.type.{leaver.held_because}")
    if leaver.question:
        return t(f"leavers.question.{leaver.question}")
    return t(f"leavers.stuck.{leaver.stuck}") if leaver.stuck else None


def _look(tx: Tx) -> list[Seen]:
    found = []
    for leaver in leavers.not_from(tx, SEEDED):
        person = people.one(tx, leaver.person_id)
        account = accounts.of_person(tx, person.id, conversation.Side.ALUMNI)
        words = " ".join(filter(None, (leaver.department, leaver.title)))
        found.append(
            Seen(
                leaver,
                person.name,
                f"{person.kana} {person.romaji}".strip(),
                words,
                people.private_email(tx, person) or "",
                account.user if account else None,
            )
        )
    return found


def _named(tx: Tx) -> dict[int, tuple[str, str]]:
    """Candidates whom somebody referred: number of the referral -> name and mailbox."""
    rows = ((row.id, people.one(tx, row.person_id or "")) for row in referrals.with_candidate(tx))
    return {number: (person.name, people.private_email(tx, person) or "") for number, person in rows}


def _keyed(seen: Sequence[Seen]) -> Iterable[tuple[str, Seen]]:
    """Keys without personal data that stay the same: the number in the order of the notices."""
    return ((f"leaver-{number}", one) for number, one in enumerate(seen, 1))


# --- the command ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class House:
    """Where the people of a playground chat, and the address of its page where they chat elsewhere."""

    platform: conversation.Platform = conversation.Platform.SLACK
    beside: str = ""


SLACK_ALONE = House()


@asynccontextmanager
async def staged(
    folder: Path, port: int, file: Path | None = None, clock: Clock | None = None, house: House = SLACK_ALONE
) -> AsyncIterator[Stagehand]:
    """A playground with people and leavers, listening and quiet; sweeps run only when somebody settles.

    Raises `ConfigError` for a busy port or a folder of somebody else, `FeedRejected` for an unreadable file.
    """
    cast = read_cast()
    data = await asyncio.to_thread(_read, file) if file else b""
    hr = ",".join(one.email for one in cast.staff[1:])
    async with playing(folder, port, clock, platform=house.platform, hr=hr) as ground:
        stage = Stagehand(ground, cast, await seed(ground, cast))
        token = secrets.token_urlsafe(24)
        add_page(ground.app.web, Page(_chat(ground), ground.mailbox, stage, port, token, house.beside))
        await ground.listen()
        await ground.town.begin([one.company_user or "" for one in stage.cast() if one.group == "hr"])
        if file:
            await stage.introduce(data, file.name)
        await stage.drop(file.name if file else OUR_FILE, data or stage.beginning())
        yield stage


def _chat(ground: Playground) -> Chat:
    sides = ground.town.sides
    if ground.teams is None:
        return SlackChat(ground.slack, sides)
    return TeamsChat(ground.teams, sides, {side.value: _home(ground, side) for side in conversation.Side})


def _home(ground: Playground, side: conversation.Side) -> Home:
    """What the app package of a side offers, as Teams shows it in each language."""
    core = ground.app.core
    settings, brand = core.settings, core.policy.brand
    name = settings.company_name if side is conversation.Side.COMPANY else settings.network_name
    menus = {}
    for locale in LOCALES:
        made = App(side, BOTS[side], settings.base_url, "1.0.0", locale)
        menus[locale] = _menu(manifest(made, core.registry, core.texts, brand))
    return Home(name, NAMES[side], menus)


def _menu(paper: Mapping[str, Any]) -> Menu:
    alone, shared = (
        tuple((one["title"], one["description"]) for one in menu["commands"])
        for menu in paper["bots"][0]["commandLists"]
    )
    finders = [one["title"] for each in paper.get("composeExtensions", ()) for one in each["commands"]]
    return Menu(alone, shared, "".join(finders[:1]))


async def perform(folder: Path, port: int, leavers: Path | None, stop: asyncio.Event) -> None:
    """Open the playground twice, say where it is and what to do there, and close it when told to stop: the
    same people, once in a company that lives in Slack and once in one that lives in Teams."""
    near = await free_port(port)
    slack = House(conversation.Platform.SLACK, f"http://localhost:{near}")
    teams = House(conversation.Platform.TEAMS, f"http://{HOST}:{port}")
    async with (
        staged(folder, port, leavers, None, slack) as stage,
        staged(folder / "teams", near, leavers, None, teams) as other,
    ):
        stage.ground.app.start()
        other.ground.app.start()
        typer.echo("\n".join(_hello(stage.ground, slack.beside)))
        await stop.wait()


def _hello(ground: Playground, beside: str) -> Iterable[str]:
    texts, url = ground.app.core.texts, ground.app.core.settings.base_url
    steps = (t("backstage.hr"), t("backstage.leaver"), t("backstage.join"), t("backstage.find"))
    for locale in ("ja", "en"):
        yield texts.plain(t("backstage.open", url=f"{url}/"), locale)
        yield f"  {texts.plain(t('backstage.teams', url=f'{beside}/'), locale)}"
        yield from (f"  {number}. {texts.plain(step, locale)}" for number, step in enumerate(steps, 1))
        yield f"  {texts.plain(t('backstage.end'), locale)}\n"


def _read(file: Path) -> bytes:
    if not file.is_file() or file.suffix.lower() not in ENDINGS:
        raise ConfigError(
            [f"--leavers: {file}; right: an existing file that ends with one of {', '.join(ENDINGS)}"]
        )
    return file.read_bytes()
