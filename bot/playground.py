"""The playground's wiring: the real house, and the other side of the wire around it, on one loopback port.

The house is the same that `serve` runs; only its addresses point at a local chat and a local mailbox, and
calendar time can be moved. Where people chat, in a local Slack or a local Teams, is a choice at the start.
The tests use this wiring too.
"""

from __future__ import annotations

import asyncio
import shutil
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.http import Server
from adapters.playground.cast import read_cast
from adapters.playground.local_slack import LocalApp, LocalSlack
from adapters.playground.local_teams import LocalTeams, Team
from adapters.playground.mailbox import Mailbox
from adapters.playground.slack_state import stable_id
from adapters.playground.teams_state import stable_thread, stable_uuid
from adapters.playground.town import OPENINGS, TEAM_NAME, SlackTown, TeamsTown, Town
from adapters.slack.manifest import manifest
from adapters.teams.manifest import NAMES
from bot.app import CATALOGUE, App, running
from bot.clock import Clock
from bot.conversation import Platform, Side
from bot.errors import ConfigError
from bot.registry import discover
from bot.settings import Settings, load
from bot.texts import Texts
from storage import checkins, engine, leavers, outbox, schema
from storage.columns import Vault
from storage.engine import Tx

MARK = 0x4F4B4149
"""`PRAGMA application_id` of a database that a playground made: no other one is ever touched."""
PATIENCE = 60.0
"""Seconds that the house gives its neighbours for an answer. They live in its own process: what keeps it
waiting on a machine with much else to do is itself, and what it gave up would come half a minute late."""
ROUNDS = 50
"""Of sweeps without a pause: more work than there can be at once."""
TEAMS = {Side.COMPANY: "T0MINATO", Side.ALUMNI: "T0ALUMNI"}
HOST = "127.0.0.1"
HR_EMAIL = "hr@minato.example.jp"
CHANNEL_NAME = "comeback"
CHANNEL = stable_id("C", TEAMS[Side.ALUMNI], CHANNEL_NAME)
"""The public channel of the alumni workspace in which openings are posted."""


TENANTS = {side: stable_uuid("tenant", side.value) for side in Side}
BOTS = {side: stable_uuid("bot", side.value) for side in Side}
TEAMS_CHANNEL = stable_thread("tacv2", stable_thread("tacv2", TENANTS[Side.ALUMNI], TEAM_NAME), OPENINGS)
"""The channel of the alumni's team in which openings are posted."""


@dataclass(slots=True)
class Playground:
    """A house with its neighbours; `teams` is there when its people chat in Teams, and `slack` then empty."""

    app: App
    slack: LocalSlack
    mailbox: Mailbox
    drop: Path
    port: int
    teams: LocalTeams | None = None
    town: Town = field(kw_only=True)
    people: dict[str, Any] = field(default_factory=dict)
    server: Server = field(default_factory=Server)
    _quiet: int | None = None
    """The version of the database when there was last nothing to do, if that is known."""
    shifts: list[tuple[float, timedelta]] = field(default_factory=list)
    """Since which wire second calendar time has been how far ahead; grows with every move of the clock."""

    @property
    def platform(self) -> Platform:
        """Where people chat."""
        return Platform.TEAMS if self.teams else Platform.SLACK

    @property
    def clock(self) -> Clock:
        """The clock that can be moved."""
        return self.app.core.clock

    async def listen(self) -> None:
        """Serve on the port; no routes can be added afterwards. Raises `ConfigError` when it is taken."""
        try:
            await self.server.listen(self.app.web, HOST, self.port)
        except OSError:
            raise _taken(self.port) from None

    async def settle(self) -> None:
        """Run until quiet: deliveries, answers and every sweep, until none of them did anything."""
        for _ in range(20):
            await self._hear()
            told = self._told()
            rounds = await self.app.schedule.run_until_quiet(ROUNDS)
            self._quiet = self.app.core.database.version()
            await self._hear()
            if rounds < ROUNDS and told == self._told():
                return
        self._quiet = None

    async def _hear(self) -> None:
        """Let everything under way arrive."""
        for chat in self._chats:
            await chat.settle()
        await self.app.drain()

    def _told(self) -> list[object]:
        """The last thing that each platform told the house."""
        return [chat.deliveries()[-1:] for chat in self._chats]

    @property
    def _chats(self) -> list[LocalSlack | LocalTeams]:
        return [chat for chat in (self.slack, self.teams) if chat is not None]

    async def travel(self, to: datetime) -> None:
        """Move calendar time forward, stopping wherever something is due. `ValueError` for the past."""
        version = self.app.core.database.version()
        if version is None or version != self._quiet:
            await self.settle()
        lasts = self.app.core.policy.invitation_lasts
        while self.clock.now() < to:
            due = await self.app.core.database.run(lambda tx: _next_moment(tx, lasts), reads=True)
            self._move(max(min(to, due or to), self.clock.now()))
            await self.settle()

    def _move(self, to: datetime) -> None:
        self.shifts = self.shifts or [(0.0, self._ahead())]
        self.clock.travel(to)
        self.shifts.append((self.clock.wire(), self._ahead()))

    def _ahead(self) -> timedelta:
        return self.clock.now() - datetime.fromtimestamp(self.clock.wire(), UTC)

    def calendar_at(self, wire: float) -> datetime:
        """Which calendar time it was at a wire second; aware, UTC."""
        known = bisect_right([since for since, _ in self.shifts], wire) - 1
        ahead = self.shifts[max(known, 0)][1] if self.shifts else self._ahead()
        return datetime.fromtimestamp(wire, UTC) + ahead

    async def drop_file(self, name: str, data: bytes) -> None:
        """Put a file of leavers into the watched folder and let it be taken."""
        path = self.drop / Path(name).name
        path.write_bytes(data)
        await self.settle()


def _taken(port: int) -> ConfigError:
    right = f"right: a free port, such as OKAERI_PORT={port + 1}"
    return ConfigError([f"OKAERI_PORT: {HOST}:{port} is in use; {right}"])


async def _try_port(port: int) -> None:
    """Raises `ConfigError` when somebody listens there: before the database of that somebody is touched."""
    try:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), HOST, port)
    except OSError:
        raise _taken(port) from None
    server.close()
    await server.wait_closed()


async def free_port(after: int) -> int:
    """A port beside one. Raises `ConfigError` when the next twenty are all taken."""
    for port in range(after + 1, after + 21):
        with suppress(ConfigError):
            await _try_port(port)
            return port
    raise _taken(after + 20)


def _next_moment(tx: Tx, lasts: timedelta) -> datetime | None:
    """When the clock next has something to do; invitations last so long."""
    moments = [moment for moment, _, _ in leavers.next_moments(tx, 1)]
    moments += [lapse for lapse in (leavers.next_lapse(tx, lasts),) if lapse]
    moments += [checkin.due_at for checkin in checkins.next_moments(tx, 1)]
    moments += [due for due in (outbox.next_due(tx),) if due]
    return min(moments, default=None)


def settings_for(folder: Path, port: int, smtp_port: int, **changes: Any) -> Settings:
    """The settings of a playground in a folder: invented names, local addresses, a key of its own."""
    drop = folder / "leavers"
    drop.mkdir(parents=True, exist_ok=True)
    local = f"http://{HOST}:{port}"
    values: dict[str, Any] = {
        **read_cast().company, "contact_email": HR_EMAIL, "owners": HR_EMAIL, "hr": "", "locale": "ja",
        "mail_from": "okaeri@minato.example.jp", "smtp_url": f"smtp://{HOST}:{smtp_port}",
        "database_url": f"sqlite:///{folder}/playground.db", "secret_key": Vault.make(),
        "host": HOST, "port": port, "base_url": local, "metrics_bind": "", "trusted_proxies": "",
        "slack_api_url": f"{local}/local-slack/api/", "alumni_invite_url": f"{local}/local-slack/join",
        "leaver_drop": str(drop), "leaver_keep_days": 0, "leaver_mapping": "", "catalogue": "",
        "timezone": "Asia/Tokyo", "calendar_country": "JP", "closures": "", "logo_url": "", "terms_url": "",
        "enrol_on": "last_day", "enrol_at": "18:00", "unanswered_days": 90,
    }  # fmt: skip
    for side in Side:
        secret = Vault.make(side.value).rpartition(":")[2]
        values |= {
            f"slack_{side.value}_signing_secret": secret,
            f"slack_{side.value}_app_id": f"A0{side.value.upper()}",
            f"slack_{side.value}_team_id": TEAMS[side],
            f"slack_{side.value}_bot_token": f"xoxb-{side.value}-{secret[:12]}",
        }
    values["slack_alumni_channel"] = CHANNEL
    return load(_env_file=None, **values | changes)


def in_teams(base: str, port: int) -> dict[str, Any]:
    """The changes with which a playground's people chat in the local Teams at `base`; alumni have mail and
    our pages besides.

    The pages are on `localhost`: cookies know no ports, and a playground in Slack may run beside this one.
    """
    values: dict[str, Any] = {
        "base_url": f"http://localhost:{port}", "alumni_invite_url": "", "slack_alumni_channel": "",
        "teams_openid_metadata_url": f"{base}/login/v1/.well-known/openidconfiguration",
        "teams_login_url": f"{base}/login", "teams_graph_url": f"{base}/graph/v1.0",
        "teams_service_urls": base, "teams_alumni_channel": TEAMS_CHANNEL,
        "teams_alumni_team_id": stable_uuid("group", TENANTS[Side.ALUMNI], TEAM_NAME),
    }  # fmt: skip
    for side in Side:
        values |= dict.fromkeys(
            (f"slack_{side.value}_{name}" for name in ("signing_secret", "app_id", "team_id", "bot_token")),
            "",
        )
        values |= {
            f"teams_{side.value}_app_id": BOTS[side],
            f"teams_{side.value}_app_password": Vault.make(side.value).rpartition(":")[2],
            f"teams_{side.value}_tenant_id": TENANTS[side],
        }
    return values


def fresh_database(settings: Settings, empty: Path | None = None) -> None:
    """Begin anew, with a copy of an `empty` one if there is such. Raises `ConfigError` for a file that no
    playground made; such a file is only read. A server's database is left to whoever names it."""
    if engine.on_server(settings.database_url):
        return
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    if path.exists() and path.stat().st_size and schema.mark_of(settings.database_url) != MARK:
        raise ConfigError(
            [f"OKAERI_DATABASE_URL: {path} was not made by the playground; right: another file"]
        )
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    if empty is not None:
        shutil.copyfile(empty, path)
    schema.set_mark(settings.database_url, MARK)


def neighbours(settings: Settings, slack: LocalSlack) -> Town:
    """Two workspaces, each with its app as the manifests declare it, and the channel with the app in it."""
    registry, texts = discover("bot.commands"), Texts.load(CATALOGUE)
    for side, name in ((Side.COMPANY, settings.company_name), (Side.ALUMNI, settings.network_name)):
        values = settings.slack(side)
        paper = manifest(side, registry, texts, settings.brand(), settings.base_url)
        app = LocalApp(
            app_id=values["app_id"],
            signing_secret=values["signing_secret"],
            bot_token=values["bot_token"],
            bot_user=f"U0BOT{side.value.upper()}",
            manifest=paper,
            events_url=f"{settings.base_url}/slack/events",
        )
        slack.add_workspace(values["team_id"], name, app)
    slack.invites(TEAMS[Side.ALUMNI], slack.add_default_channel(TEAMS[Side.ALUMNI], CHANNEL_NAME))
    return SlackTown(slack, {side.value: TEAMS[side] for side in Side})


def tenants(settings: Settings, teams: LocalTeams) -> Town:
    """Two tenants, each with its bot, and the alumni's team with the bot and the channel in it."""
    for side, name in ((Side.COMPANY, settings.company_name), (Side.ALUMNI, settings.network_name)):
        values, endpoint = settings.teams(side), f"http://{HOST}:{settings.port}/api/messages"
        teams.add_tenant(values["tenant_id"], name, f"{side.value}.minato.example.jp")
        where = (values["tenant_id"], endpoint)
        teams.register_app(side.value, values["app_id"], values["app_password"], where, name=NAMES[side])
    team: Team = teams.add_team(TENANTS[Side.ALUMNI], TEAM_NAME)
    team.apps.add(BOTS[Side.ALUMNI])
    teams.add_channel(team.id, OPENINGS)
    return TeamsTown(teams, {side.value: TENANTS[side] for side in Side}, team)


@asynccontextmanager
async def playing(
    folder: Path,
    port: int,
    clock: Clock | None = None,
    empty: Path | None = None,
    platform: Platform = Platform.SLACK,
    **changes: Any,
) -> AsyncIterator[Playground]:
    """A playground without people for `127.0.0.1:port`, who will chat on `platform`; `changes` are settings.

    It answers after `listen`; every sweep is left to `settle` unless `app.schedule.start` is called.
    """
    clock = clock or Clock()
    await _try_port(port)
    mailbox = Mailbox(clock.wire)
    await mailbox.start()
    try:
        async with _cloud(platform, clock) as teams:
            there = in_teams(teams.base_url or "", port) if teams else {}
            settings = settings_for(folder, port, mailbox.port, **there | changes)
            fresh_database(settings, empty)
            slack = LocalSlack(clock.wire, retry_delays=(0.0, 1.0, 5.0))
            town = tenants(settings, teams) if teams else neighbours(settings, slack)
            async with running(settings, clock, pace=0.0, patience=PATIENCE) as app:
                app.web.add_subapp("/local-slack/", slack.web_api())
                ground = Playground(app, slack, mailbox, Path(settings.leaver_drop), port, teams, town=town)
                try:
                    yield ground
                finally:
                    app.stopping = True
                    await app.schedule.stop()
                    await slack.close()
                    await ground.server.close()
    finally:
        await mailbox.stop()


@asynccontextmanager
async def _cloud(platform: Platform, clock: Clock) -> AsyncIterator[LocalTeams | None]:
    """A local Teams on a port of its own: a house asks Microsoft for its keys before it listens itself."""
    if platform is not Platform.TEAMS:
        yield None
        return
    teams, server = LocalTeams(clock.wire), Server()
    teams.base_url = f"http://{HOST}:{await server.listen(teams.application(), HOST, 0)}"
    try:
        yield teams
    finally:
        await teams.close()
        await server.close()
