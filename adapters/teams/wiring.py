"""Puts the Teams room together; imported only when a Teams bot is configured."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
import structlog

from adapters.teams.answers import Answers
from adapters.teams.app import Admits, Desk, TeamsDoor
from adapters.teams.auth import Gate, OpenGate
from adapters.teams.connector import Connector
from adapters.teams.finding import Finder
from adapters.teams.graph import Graph
from adapters.teams.invite import GraphInviter, landing
from adapters.teams.keys import Keys
from adapters.teams.messenger import TeamsMessenger, TeamsSeat
from adapters.teams.render import Renderer
from adapters.teams.seats import Seat, Services
from adapters.teams.tokens import Tokens
from adapters.teams.ways import Ways
from bot.conversation import Side
from bot.house import House
from bot.settings import Settings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Connected:
    """The door in and the ways out, an inviter where a team of the alumni is named; and what these are made
    of: side -> seat, tokens, connector."""

    door: TeamsDoor
    messenger: TeamsMessenger
    inviter: GraphInviter | None
    seats: dict[Side, Seat]
    tokens: dict[Side, Tokens]
    connectors: dict[Side, Connector]
    ways: Ways
    renderer: Renderer


def connect(house: House, session: aiohttp.ClientSession) -> Connected:
    """One door over every configured side. Needs a running loop: it begins to fetch Microsoft's keys."""
    settings, now = house.settings, house.clock.wire
    seats = _seats(settings)
    tokens = {seat.side: Tokens(session, settings.teams_login_url, seat, now) for seat in seats}
    connectors = {seat.side: Connector(session, tokens[seat.side], seat) for seat in seats}
    renderer, ways = Renderer(house.texts, house.policy.zone, house.policy.brand), Ways(house.database)
    answers = Answers(renderer, house.texts, ways)
    finder = Finder(house.dispatcher, house.database, renderer, house.texts)
    desk = Desk(house.dispatcher, answers, finder, ways)
    door = TeamsDoor(_gate(house, session, seats), connectors, desk)
    url = settings.teams_graph_url
    ways_out = [
        TeamsSeat(seat, connectors[seat.side], Graph(session, url, tokens[seat.side], seat)) for seat in seats
    ]
    messenger = TeamsMessenger(ways_out, renderer, ways)
    inviter, sides = _inviter(settings, ways_out), {seat.side: seat for seat in seats}
    return Connected(door, messenger, inviter, sides, tokens, connectors, ways, renderer)


def _inviter(settings: Settings, ways_out: list[TeamsSeat]) -> GraphInviter | None:
    """Who brings alumni as guests into their team; nobody where none is named."""
    team, channel = settings.teams_alumni_team_id, settings.teams_alumni_channel
    alumni = next((one for one in ways_out if one.seat.side is Side.ALUMNI), None)
    if alumni is None or not team:
        return None
    return GraphInviter(alumni.graph, team, landing(alumni.seat, team, channel))


def _seats(settings: Settings) -> tuple[Seat, ...]:
    """The bots of the settings; in development, without any, a bot of the alumni that nobody registered."""
    found = []
    for side in settings.teams_sides():
        values = settings.teams(side)
        found.append(Seat(side, values["app_id"], values["app_password"], values["tenant_id"]))
    return tuple(found) or (Seat(Side.ALUMNI, "", "", ""),)


def _gate(house: House, session: aiohttp.ClientSession, seats: tuple[Seat, ...]) -> Admits:
    settings = house.settings
    services = Services(settings.teams_services())
    if settings.teams_open():
        log.error("TEAMS_AUTHENTICATION_IS_OFF", because="OKAERI_TEAMS_INSECURE_DEV", bind=settings.host)
        return OpenGate(seats, services)
    keys = Keys(session, settings.teams_openid_metadata_url, house.clock.wire)
    keys.warm()
    return Gate(seats, keys, services)
