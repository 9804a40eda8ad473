"""Places where features meet: a feature hangs a button there, another one shows the place. Markers, never
made."""

from __future__ import annotations


class HomePlace:
    """The bot's home and the welcome: what this person can do. No arguments."""


class WelcomePlace:
    """The welcome of somebody just tied: what to do first. No arguments; the actor may not be a member
    yet."""


class LeaverPlace:
    """HR's view of one leaver. Argument: the leaver's id (int)."""


class PersonPlace:
    """An alumnus as another alumnus sees them. Argument: the person's id (str)."""


class CheckinPlace:
    """After "something changed": the way to say what. No arguments."""


class StopPlace:
    """After "no more check-ins": how to pause or leave altogether. No arguments."""
