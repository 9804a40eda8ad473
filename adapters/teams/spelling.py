"""How Teams' readers are told to type: a chat with the bot knows no slash (platform-facts T9)."""

from __future__ import annotations

from bot.spelling import bare
from bot.texts import Texts

INSTEAD = {"help.private": "teams.help_private"}
"""Sentences that say where something is typed: the house's -> Teams' own."""


INVITED = {
    "invitation.go": "teams.invitation_go",
    "invitation.steps": "teams.invitation_steps",
    "invitation.later.steps": "teams.invitation_later_steps",
    "invitation.by_hr": "teams.invitation_by_hr",
}
"""What the mail with the way into the alumni's Teams says of it."""


def in_teams(texts: Texts) -> Texts:
    """The same sentences for Teams: `find 山田` in the chat, after a mention of the bot elsewhere."""
    return texts.spelled(bare, INSTEAD)


def in_mails(texts: Texts) -> Texts:
    """The same sentences for mails of a house whose alumni are in Teams."""
    return texts.by_page(bare, INVITED)
