"""What a room with a door needs of the house that it is built into."""

from __future__ import annotations

from typing import Protocol

from bot.clock import Clock
from bot.dispatch import Dispatcher
from bot.policy import Policy
from bot.settings import Settings
from bot.texts import Texts
from storage.engine import Database


class House(Protocol):
    """The inner rooms, as `bot.app` puts them together."""

    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102
    @property
    def database(self) -> Database: ...  # noqa: D102
    @property
    def policy(self) -> Policy: ...  # noqa: D102
    @property
    def texts(self) -> Texts: ...  # noqa: D102
    @property
    def dispatcher(self) -> Dispatcher: ...  # noqa: D102
