"""The composition root: settings in, a running house out. The only file that knows every room."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters import http
from adapters.hris.csv_file import CsvFile
from adapters.hris.mapping import load_mapping
from adapters.mail import LinkInviter, Postbox, SmtpMailer
from bot.clock import Clock
from bot.conversation import Side
from bot.dispatch import Dispatcher
from bot.policy import Policy
from bot.ports import Messenger
from bot.registry import Registry, discover
from bot.settings import Settings
from bot.texts import Texts
from jobs import accounts as account_jobs
from jobs import checkins, enrolment, housekeeping
from jobs import inbox as inbox_jobs
from jobs.feeds import DropFolder, Importer
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


def core(settings: Settings, clock: Clock | None = None) -> Core:
    """Put the inner rooms together and bring the database up to date."""
    clock = clock or Clock()
    schema.upgrade(settings.database_url)
    database = Database(settings.database_url, settings.vault(), clock)
    policy, registry = settings.policy(), discover("bot.commands")
    texts = Texts.load(CATALOGUE, *([Path(settings.catalogue)] if settings.catalogue else []))
    dispatcher = Dispatcher(database, registry, policy, texts)
    mapping = load_mapping(Path(settings.leaver_mapping) if settings.leaver_mapping else None)
    source = CsvFile(mapping, max_bytes=settings.leaver_max_bytes)
    importer = Importer(database, policy, source, settings.leaver_keep_days)
    database.run_now(lambda tx: accounts.set_staff(tx, settings.staff()))
    return Core(settings, clock, database, policy, texts, registry, dispatcher, importer)


@dataclass(slots=True)
class App:
    """A running house."""

    core: Core
    schedule: Schedule
    web: http.Application
    metrics: http.Metrics
    drain: Callable[[], Awaitable[None]]
    stopping: bool = False


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None, pace: float = 1.0) -> AsyncIterator[App]:
    """Everything but the listening socket; `pace` below 1 is for a local Slack that does not mind.

    On the way out: not ready, schedule drained, answers under way finished, database closed.
    """
    base = core(settings, clock)
    async with http.session() as session:
        routes: dict[str, http.Handler] = {}
        chats: dict[Side, Messenger] = {}
        drain = _nothing
        if settings.sides():
            slack = importlib.import_module("adapters.slack.wiring").connect(base, session)
            routes["/slack/events"], drain = slack.door.receive, slack.door.drain
            chats = dict.fromkeys(settings.sides(), slack.messenger)
        doors = Doors(chats, _mailer(base), LinkInviter(settings.alumni_invite_url), pace)
        schedule = Schedule(base.database, _jobs(base, doors))
        app = App(base, schedule, http.Application(), http.Metrics(), drain)
        keeper = http.Doorkeeper(settings.proxies(), base.clock.wire)
        app.web = http.application(routes, lambda: _hindrances(app), app.metrics, keeper)
        try:
            yield app
        finally:
            app.stopping = True
            await schedule.stop()
            await drain()
            base.database.close()


async def _nothing() -> None:
    """No door is open, so nothing is under way."""


def _mailer(base: Core) -> SmtpMailer:
    settings = base.settings
    box = Postbox(settings.smtp_url.get_secret_value(), settings.mail_from, base.clock.now, settings.timezone)
    return SmtpMailer(box, base.texts, base.policy.brand)


def _jobs(base: Core, doors: Doors) -> list[Job]:
    """The fixed sweeps, in the order in which one's work is the next one's."""
    database, policy, settings = base.database, base.policy, base.settings
    courier = Courier(database, policy, doors)
    jobs = [
        Job("inbox", 30, lambda: inbox_jobs.redrive(database, base.dispatcher)),
        Job("staff", 300, lambda: account_jobs.find_staff(database, doors.chats)),
        Job("accounts", 30, lambda: account_jobs.look(database, doors.chats)),
        Job("enrolment", 20, lambda: enrolment.sweep(database, policy)),
        Job("checkins", 30, lambda: checkins.sweep(database, policy)),
        Job("outbox", 1, courier.deliver),
        Job("housekeeping", 3600, lambda: housekeeping.tidy(database, settings.leaver_keep_days)),
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
