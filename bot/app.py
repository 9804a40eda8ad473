"""The composition root: settings in, a running house out. The only file that knows every room."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters import http
from adapters.hris.csv_file import CsvFile
from adapters.hris.mapping import Layers
from adapters.mail import LinkInviter, MailDoors, Postbox, SmtpMailer
from adapters.web import wiring as web
from bot.charter import Ground, Table
from bot.clock import Clock
from bot.conversation import Platform, Side
from bot.dispatch import Dispatcher
from bot.policy import Policy
from bot.ports import Messenger
from bot.registry import Registry, discover
from bot.rulebook import Rulebook
from bot.settings import Settings
from bot.texts import Texts
from jobs import accounts as account_jobs
from jobs import checkins, enrolment, housekeeping, matches
from jobs import inbox as inbox_jobs
from jobs import interests as interest_jobs
from jobs import openings as opening_jobs
from jobs import policy as policy_jobs
from jobs import referrals as referral_jobs
from jobs.erasures import Erasures
from jobs.feeds import DropFolder, Importer
from jobs.messengers import Messengers
from jobs.outbox import Courier, Doors
from jobs.schedule import Job, Schedule
from storage import accounts, engine, schema
from storage.engine import Database

CATALOGUE = Path(__file__).parent / "catalogue"


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
    """Put the inner rooms together and bring the database up to date."""
    clock = clock or Clock()
    schema.upgrade(settings.database_url)
    database = Database(settings.database_url, settings.vault(), clock)
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


@dataclass(slots=True)
class App:
    """A running house."""

    core: Core
    schedule: Schedule
    web: http.Application
    metrics: http.Metrics
    drain: Callable[[], Awaitable[None]]
    doors: Doors
    stopping: bool = False


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None, pace: float = 1.0) -> AsyncIterator[App]:
    """Everything but the listening socket; `pace` below 1 is for a local Slack that does not mind.

    On the way out: not ready, schedule drained, answers under way finished, database closed.
    """
    base = core(settings, clock)
    async with http.session() as session:
        routes: dict[str, http.Handler] = {}
        ways_out: dict[Side, dict[Platform, Messenger]] = {side: {} for side in Side}
        drains: list[Callable[[], Awaitable[None]]] = []
        if settings.sides():
            slack = importlib.import_module("adapters.slack.wiring").connect(base, session)
            routes["/slack/events"] = slack.door.receive
            drains.append(slack.door.drain)
            for side in settings.sides():
                ways_out[side][Platform.SLACK] = slack.messenger
        if settings.teams_sides() or settings.teams_open():
            teams = importlib.import_module("adapters.teams.wiring").connect(base, session)
            routes["/api/messages"] = teams.door.receive
            drains.append(teams.door.drain)
            for side in settings.teams_sides():
                ways_out[side][Platform.TEAMS] = teams.messenger
        pages = web.connect(base)
        chats = {side: Messengers(found) for side, found in ways_out.items() if found}
        doors = Doors(chats, _mailer(base, pages), LinkInviter(base.policy, base.clock.now), pace)
        schedule = Schedule(base.database, _jobs(base, doors))
        app = App(base, schedule, http.Application(), http.Metrics(), lambda: _all(drains), doors)
        keeper = http.Doorkeeper(settings.proxies(), base.clock.wire)
        app.web = http.application(routes, lambda: _hindrances(app), app.metrics, keeper)
        pages.add_to(app.web)
        try:
            yield app
        finally:
            app.stopping = True
            await schedule.stop()
            await app.drain()
            await base.erasures.keep()
            base.database.close()


async def _all(drains: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Wait until no door has an answer under way."""
    for drain in drains:
        await drain()


def _mailer(base: Core, pages: web.Connected) -> SmtpMailer:
    settings = base.settings
    box = Postbox(settings.smtp_url.get_secret_value(), settings.mail_from, base.clock.now, settings.timezone)
    doors = MailDoors(pages.link_for, pages.unsubscribe)
    return SmtpMailer(box, base.texts, base.policy.brand, doors)


def _jobs(base: Core, doors: Doors) -> list[Job]:
    """The fixed sweeps, in the order in which one's work is the next one's."""
    database, policy, settings = base.database, base.policy, base.settings
    courier = Courier(database, policy, doors)
    jobs = [
        Job("policy", 15, lambda: policy_jobs.follow(base.rulebook), everywhere=True),
        Job("invitation", 60, lambda: policy_jobs.warn(database, policy)),
        Job("inbox", 30, lambda: inbox_jobs.redrive(database, base.dispatcher)),
        Job("staff", 300, lambda: account_jobs.find_staff(database, doors.chats)),
        Job("accounts", 30, lambda: account_jobs.look(database, doors.chats)),
        Job("enrolment", 20, lambda: enrolment.sweep(database, policy)),
        Job("checkins", 30, lambda: checkins.sweep(database, policy)),
        Job("interests", 20, lambda: interest_jobs.sweep(database, policy)),
        Job("openings", 60, lambda: opening_jobs.sweep(database, policy, base.registry)),
        Job("matches", 60, lambda: matches.sweep(database, policy)),
        Job("referrals", 60, lambda: referral_jobs.sweep(database, policy)),
        Job("outbox", 1, courier.deliver),
        Job("erasures", 10, base.erasures.keep),
        Job("housekeeping", 3600, housekeeping.Housekeeping(database, settings.leaver_keep_days).tidy),
    ]
    if settings.leaver_drop:
        folder = DropFolder(Path(settings.leaver_drop), base.importer, settings.leaver_max_bytes)
        jobs.insert(1, Job("drop", 10, folder.poll))
    return jobs


async def _hindrances(app: App) -> list[str]:
    hindrances = ["stopping"] if app.stopping else []
    if not await app.core.database.run(engine.healthy, reads=True):
        hindrances.append("database")
    return hindrances + [f"late: {name}" for name in app.schedule.late()]
