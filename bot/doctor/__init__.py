"""`okaeri doctor`: looks at everything the house leans on and says what is wrong and what would be right.

Nothing is changed and no mail is sent. With `live`, Slack and Microsoft are asked, and the first owner gets a
message wherever they have a chat with the bot.
"""

from __future__ import annotations

from bot.clock import Clock
from bot.doctor import here, live_slack, live_teams, mail_dns
from bot.doctor.finding import Finding, report
from bot.settings import Settings

__all__ = ["Finding", "examine", "report"]


async def examine(
    settings: Settings,
    *,
    live: bool,
    names: mail_dns.Servers = mail_dns.Servers(),  # noqa: B008 - immutable
) -> list[Finding]:
    """Everything that can be seen from here, also in DNS; with `live` also what the chats say of us."""
    clock = Clock()
    found = [*await here.look(settings, clock), *await mail_dns.look(settings, names)]
    if live:
        found += [*await live_slack.look(settings, clock), *await live_teams.look(settings, clock)]
    return found
