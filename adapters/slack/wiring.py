"""Puts the Slack room together; imported only when a Slack app is configured."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from adapters.slack.app import SlackDoor
from adapters.slack.listeners import SlackApp
from adapters.slack.messenger import SlackMessenger, SlackSeat, web_client
from adapters.slack.render import Renderer
from bot.house import House


@dataclass(frozen=True, slots=True)
class Connected:
    """The door in and the way out."""

    door: SlackDoor
    messenger: SlackMessenger


def connect(house: House, session: aiohttp.ClientSession) -> Connected:
    """One door and one messenger over every configured side."""
    settings, policy = house.settings, house.policy
    renderer = Renderer(house.texts, policy.brand)
    base_url = settings.slack_api_url.rstrip("/") + "/"
    apps = []
    for side in settings.sides():
        values = settings.slack(side)
        client = web_client(values["bot_token"], session, base_url)
        apps.append(SlackApp(side, values["app_id"], values["team_id"], values["signing_secret"], client))
    seats = [SlackSeat(app.side, app.team, app.client) for app in apps]
    messenger = SlackMessenger(seats, renderer, policy.zone)
    return Connected(SlackDoor(tuple(apps), house.dispatcher, renderer, house.clock), messenger)
