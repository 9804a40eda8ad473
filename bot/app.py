"""The composition root: settings in, a running house out. The only file that knows every room."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from adapters import http
from adapters.hris.csv_file import CsvFile
from adapters.hris.mapping import Layers
from adapters.mail import LinkInviter, MailDoors, Postbox, SmtpMailer
from adapters.teams.spelling import in_mails
from adapters.web import wiring as web
from bot.charter import Ground, Table
from bot.clock import Clock
from bot.conversation import Platform, Side
from bot.dispatch import Dispatcher
from bot.policy import Policy
from bot.ports import Inviter, Messenger
from bot.registry import Registry, discover
from bot.rulebook import Rulebook
from bot.settings import Settings, key_ring
from bot.spelling import as_typed
from bot.texts import Texts
from jobs import accounts as account_jobs
from jobs import checkins, enrolment, housekeeping, matches
from jobs import inbox as inbox_jobs
from jobs import interests as interest_jobs
from jobs import openings as opening_jobs
from jobs import policy as policy_jobs
from jobs import referrals as referral_jobs
from jobs import undelivered as undelivered_jobs
from jobs.drop import DropFolder
from jobs.erasures import Erasures
from jobs.feeds import Importer
from jobs.messengers import Messengers
from jobs.outbox.courier import Courier, Doors
from jobs.outbox.transport import Alone, Bell, Rescue, Shared, Transport
from jobs.schedule import Job, Schedule
from storage import accounts, backlog, engine, queue, schema
from storage.engine import Database

log = structlog.get_logger()
CATALOGUE = Path(__file__).parent / "catalogue"
PATIENCE = 40.0
"""Seconds that a step of closing takes at most, so that no process hangs for ever on its way out."""


@dataclass(frozen=True, slots=True)
class Core:
    """What every entrance needs: the database, the rules, the words, the commands."""

    settings: Settings
    clock: Clock
    database: Database
    policy: Policy
    texts: Texts
    registry: Registry
    dispatcher: Dispatcher
    importer: Importer
    erasures: Erasures
    rulebook: Rulebook


def core(settings: Settings, clock: Clock | None = None) -> Core:
    """Put the inner rooms together and bring the database up to date. Raises `ConfigError` without a key, or
    when the database cannot be opened."""
    clock, vault = clock or Clock(), key_ring(settings)
    schema.open_up(settings.database_url, settings.queue_url)
    database = Database(settings.database_url, vault, clock)
    policy, registry = settings.policy(), discover("bot.commands")
    texts = Texts.load(CATALOGUE, *([Path(settings.catalogue)] if settings.catalogue else []))
    database.carries["zone"] = settings.timezone
    erasures = Erasures(database, _erasure_log(settings))
    erasures.replay()  # before anything else: a restored backup knows people who were erased since
    dispatcher = Dispatcher(database, registry, policy, texts)
    layers = columns(settings)
    source = CsvFile(layers.mapping({}), max_bytes=settings.leaver_max_bytes)
    importer = Importer(database, policy, source, settings.leaver_keep_days)

    def learn(table: Table) -> None:
        source.mapping = layers.mapping(table)

    rulebook = Rulebook(Ground(settings.policy(), texts, layers), policy, database, learn)
    rulebook.refresh()
    database.run_now(lambda tx: accounts.set_staff(tx, settings.staff()))
    return Core(settings, clock, database, policy, texts, registry, dispatcher, importer, erasures, rulebook)


def columns(settings: Settings) -> Layers:
    """How leavers' files are read, before HR says otherwise."""
    return Layers.of(Path(settings.leaver_mapping) if settings.leaver_mapping else None)


def _erasure_log(settings: Settings) -> Path | None:
    if settings.erasure_log:
        return Path(settings.erasure_log)
    file = engine.file_of(settings.database_url)
    return file.with_name(f"{file.name}.erasures") if file else None


@dataclass(frozen=True, slots=True)
class Wires:
    """How messages leave: the ways out, how a courier hears of them, what wakes it."""

    doors: Doors
    transport: Transport
    bell: Bell
    courier: Courier


class Unclosed(Exception):
    """Something did not come to its end when the house was closed; why, is in the log."""


@dataclass(slots=True)
class App:
    """A running house."""

    core: Core
    schedule: Schedule
    web: http.Application
    metrics: http.Metrics
    drain: Callable[[], Awaitable[None]]
    wires: Wires
    stopping: bool = False
    failed: list[str] = field(default_factory=list)
    """Steps of closing that failed."""
    _resting: asyncio.Task[None] | None = None

    @property
    def doors(self) -> Doors:
        """The ways out of the house."""
        return self.wires.doors

    def start(self) -> None:
        """Watch the clock, and carry what is to leave."""

        def rings() -> None:
            self.wires.courier.ring()
            self.schedule.wake("outbox")

        self.wires.bell.rings = rings
        self.core.importer.wake = lambda: self.schedule.wake("desk")
        self.wires.transport.start()
        self.schedule.start()

    async def rest(self) -> None:
        """Not ready: the clock begins nothing more, nothing more is carried, and what is under way comes to
        its end. Whoever asks is still answered."""
        self.stopping = True
        if self._resting is None:
            self._resting = asyncio.get_running_loop().create_task(self._rest())
        await self._resting

    async def _rest(self) -> None:
        self.wires.courier.stop()
        await self._tried("schedule", self.schedule.stop)
        await self._tried("courier", self.wires.courier.ended)
        await self._tried("transport", self.wires.transport.stop)

    async def close(self) -> None:
        """Answers under way come to their end, then the database is closed. A step that fails keeps no other
        back; raises `Unclosed` in the end."""
        await self.rest()
        await self._tried("answers", self.drain)
        await self._tried("erasures", self.core.erasures.keep)
        await self._tried("database", self._let_go)
        log.info("stopped")
        if self.failed:
            raise Unclosed(self.failed)

    async def _let_go(self) -> None:
        self.core.database.close()

    async def _tried(self, step: str, take: Callable[[], Awaitable[object]]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await take()
        except Exception as bug:  # the others are still to be taken
            log.error("stop_failed", step=step, error=type(bug).__name__, exc_info=bug)
            self.failed.append(step)


@asynccontextmanager
async def running(
    settings: Settings, clock: Clock | None = None, pace: float = 1.0, patience: float = http.PATIENCE
) -> AsyncIterator[App]:
    """Everything but the listening socket; `pace` below 1 is for a local Slack that does not mind, `patience`
    how many seconds other systems get for an answer."""
    base = core(settings, clock)
    async with http.session(patience) as session, base.database.in_loop():
        routes: dict[str, http.Handler] = {}
        ways_out: list[tuple[Platform, Messenger, Iterable[Side]]] = []
        inviter: Inviter = LinkInviter(base.policy, base.clock.now)
        drains: list[Callable[[], Awaitable[None]]] = []
        if settings.sides():
            slack = importlib.import_module("adapters.slack.wiring").connect(base, session)
            routes["/slack/events"] = slack.door.receive
            drains.append(slack.door.drain)
            ways_out.append((Platform.SLACK, slack.messenger, settings.sides()))
        if settings.teams_sides() or settings.teams_open():
            teams = importlib.import_module("adapters.teams.wiring").connect(base, session)
            routes["/api/messages"] = teams.door.receive
            drains.append(teams.door.drain)
            ways_out.append((Platform.TEAMS, teams.messenger, settings.teams_sides()))
            inviter = teams.inviter or inviter
        pages = web.connect(base, base.importer)
        doors = Doors(_chats(ways_out), _mailer(base, pages), inviter, pace)
        bell = Bell()
        transport = _transport(base, bell)
        courier = Courier(base.database, base.policy, doors, transport)
        wires = Wires(doors, transport, bell, courier)
        schedule = Schedule(base.database, _jobs(base, doors, courier))
        app = App(base, schedule, http.Application(), http.Metrics(), lambda: _all(drains), wires)
        app.metrics.watch(lambda: schedule.last_success)
        app.metrics.ask(lambda: base.database.run(backlog.seen, reads=True), base.clock.steady)
        keeper = http.Doorkeeper(settings.proxies(), base.clock.steady)
        app.web = http.application(routes, lambda: _hindrances(app), app.metrics, keeper)
        pages.add_to(app.web)
        try:
            yield app
        finally:
            await app.close()


def _transport(base: Core, bell: Bell) -> Transport:
    """Alone, this process rings its own bell; on a server PgQueuer tells one of all."""
    base.database.carries[queue.BELL] = bell.ring
    url = base.settings.database_url
    if not engine.on_server(url):
        return Alone(base.database)
    return Shared(base.database, base.settings.queue_url or url, bell.ring)


def _chats(ways_out: Iterable[tuple[Platform, Messenger, Iterable[Side]]]) -> dict[Side, Messengers]:
    """Each side's chats as one, the first platform asked first; a side without a chat is left out."""
    found: dict[Side, dict[Platform, Messenger]] = {}
    for platform, messenger, sides in ways_out:
        for side in sides:
            found.setdefault(side, {})[platform] = messenger
    return {side: Messengers(platforms) for side, platforms in found.items()}


async def _all(drains: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Wait until no door has an answer under way."""
    for drain in drains:
        await drain()


def _mailer(base: Core, pages: web.Connected) -> SmtpMailer:
    settings = base.settings
    box = Postbox(settings.smtp_url.get_secret_value(), settings.mail_from, base.clock.now, settings.timezone)
    doors = MailDoors(pages.link_for, pages.unsubscribe)
    return SmtpMailer(box, _in_mails(base), base.policy.brand, doors)


def _in_mails(base: Core) -> Texts:
    """The words of mails, which name pages; and the alumni's chat, where the invitation leads to one."""
    settings, alumni = base.settings, Side.ALUMNI
    if alumni in settings.teams_sides() and (settings.teams_alumni_team_id or alumni not in settings.sides()):
        return in_mails(base.texts)
    return base.texts.by_page(as_typed if alumni in settings.sides() else None)


def _jobs(base: Core, doors: Doors, courier: Courier) -> list[Job]:
    """The fixed sweeps, in the order in which one's work is the next one's."""
    database, policy, settings = base.database, base.policy, base.settings
    jobs = [
        Job("policy", 15, lambda: policy_jobs.follow(base.rulebook), everywhere=True),
        Job("desk", 10, base.importer.take_laid, on=True),
        Job("invitation", 60, lambda: policy_jobs.warn(database, policy)),
        Job("inbox", 30, lambda: inbox_jobs.redrive(database, base.dispatcher)),
        Job("staff", 300, lambda: account_jobs.find_staff(database, doors.chats, doors.pace)),
        Job("accounts", 30, lambda: account_jobs.look(database, doors.chats, doors.pace)),
        Job("enrolment", 20, lambda: enrolment.sweep(database, policy)),
        Job("checkins", 30, lambda: checkins.sweep(database, policy)),
        Job("interests", 20, lambda: interest_jobs.sweep(database, policy)),
        Job("openings", 60, lambda: opening_jobs.sweep(database, policy, base.registry)),
        Job("matches", 60, lambda: matches.sweep(database, policy)),
        Job("referrals", 60, lambda: referral_jobs.sweep(database, policy)),
        Job("undelivered", 60, lambda: undelivered_jobs.tell(database)),
        Job("outbox", 1, courier.work, everywhere=True, on=True),
        Job("overdue", 60, Rescue(database).tell),
        Job("erasures", 10, base.erasures.keep),
        Job("housekeeping", 3600, housekeeping.Housekeeping(database, settings.leaver_keep_days).tidy),
    ]
    if settings.leaver_drop:
        folder = DropFolder(Path(settings.leaver_drop), base.importer, settings.leaver_max_bytes)
        jobs.insert(1, Job("drop", 10, folder.poll))
    return jobs


async def _hindrances(app: App) -> list[str]:
    hindrances = ["stopping"] if app.stopping else []
    if not await app.core.database.answers():
        hindrances.append("database")
    return hindrances + [f"late: {name}" for name in app.schedule.late()]
