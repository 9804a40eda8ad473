"""What Slack says of our apps: token, scopes, clock, a message to the first owner; and the way to us."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

from adapters.slack import live
from adapters.slack.manifest import NAMES, scopes
from adapters.slack.messenger import SlackMessenger, SlackSeat, web_client
from adapters.slack.render import Renderer
from bot.clock import Clock
from bot.conversation import Address, Card, Paragraph, Role, Side, t
from bot.doctor.finding import Finding
from bot.errors import Ambiguous, Retry, Undeliverable
from bot.ports import Outgoing
from bot.settings import Settings
from bot.texts import Texts

CATALOGUE = Path(__file__).parents[1] / "catalogue"
_CLOCK_MAY_BE_OFF = 60  # seconds; Slack's signatures die after 300
_ELSEWHERE = "not_in_workspace"


async def look(settings: Settings, clock: Clock) -> list[Finding]:
    """Every configured side, one after the other, then the callback."""
    found: list[Finding] = []
    async with live.session() as outside:
        for side in settings.sides():
            values = settings.slack(side)
            url = settings.slack_api_url.rstrip("/") + "/"
            seat = SlackSeat(side, values["team_id"], web_client(values["bot_token"], outside, url))
            found += await _app(seat, settings, clock)
        if not settings.sides() and settings.teams_sides():
            return []  # nobody of Slack ever knocks
        if not settings.base_url:
            return [*found, Finding("callback", None, t("doctor.callback_unset"))]
        url, reason = await live.hindrance(outside, settings.base_url)
    if reason:
        return [*found, Finding("callback", False, t("doctor.callback_closed", url=url, reason=reason))]
    return [*found, Finding("callback", True, t("doctor.callback_open", url=settings.base_url))]


async def _app(seat: SlackSeat, settings: Settings, clock: Clock) -> list[Finding]:
    try:
        token = await live.ask(seat.client, clock.wire)
    except (Retry, Undeliverable) as refused:
        return [Finding(_name(seat, "token"), False, t("doctor.token_refused", reason=refused.reason))]
    return [
        _token(seat, token, settings.slack(seat.side)["app_id"]),
        *_scopes(seat, token.scopes),
        *_clock(seat, token.ahead),
        await _owner(seat, settings),
        *([await _channel(seat, settings.slack_alumni_channel)] if seat.side is Side.ALUMNI else []),
    ]


def _name(seat: SlackSeat, thing: str) -> str:
    return f"slack {seat.side.value} {thing}"


def _token(seat: SlackSeat, token: live.Token, app_id: str) -> Finding:
    name = _name(seat, "token")
    if not token.is_bot:
        return Finding(name, False, t("doctor.token_not_a_bot"))
    found, wanted = f"{token.team} {token.app or app_id}", f"{seat.team} {app_id}"
    if found != wanted:
        return Finding(name, False, t("doctor.token_elsewhere", found=found, wanted=wanted))
    return Finding(name, True, t("doctor.token_good", team=seat.team))


def _scopes(seat: SlackSeat, granted: frozenset[str]) -> Iterator[Finding]:
    needed, name = frozenset(scopes(seat.side)), _name(seat, "scopes")
    if missing := sorted(needed - granted):
        yield Finding(name, False, t("doctor.scopes_missing", scopes=", ".join(missing)))
    if extra := sorted(granted - needed):
        yield Finding(name, None, t("doctor.scopes_extra", scopes=", ".join(extra)))
    if needed == granted:
        yield Finding(name, True, t("doctor.scopes_equal", count=len(needed)))


def _clock(seat: SlackSeat, ahead: float | None) -> Iterator[Finding]:
    if ahead is None:
        return
    if abs(ahead) <= _CLOCK_MAY_BE_OFF:
        yield Finding(_name(seat, "clock"), True, t("doctor.wire_clock_right"))
    else:
        yield Finding(_name(seat, "clock"), False, t("doctor.wire_clock_off", seconds=int(abs(ahead))))


async def _owner(seat: SlackSeat, settings: Settings) -> Finding:
    """A message to the first owner. HR's cards go to the company's side, so there the owner must be found."""
    name = _name(seat, "owner")
    try:
        await _write(seat, settings)
    except Undeliverable as refused:
        if refused.reason != _ELSEWHERE:
            return Finding(name, False, t("doctor.owner_failed", reason=refused.reason))
        hinders = seat.side is Side.COMPANY
        return Finding(name, False if hinders else None, t("doctor.owner_elsewhere"))
    except (Retry, Ambiguous) as unsure:
        return Finding(name, False, t("doctor.owner_failed", reason=unsure.reason))
    return Finding(name, True, t("doctor.owner_reached"))


async def _channel(seat: SlackSeat, channel: str) -> Finding:
    """Whether openings can be posted in the alumni's channel."""
    name = _name(seat, "channel")
    if not channel:
        return Finding(name, None, t("doctor.channel_unset"))
    try:
        found = await live.place(seat.client, channel)
    except (Retry, Undeliverable) as refused:
        return Finding(name, False, t("doctor.channel_refused", channel=channel, reason=refused.reason))
    if found.archived:
        return Finding(name, False, t("doctor.channel_archived", name=found.name))
    if not found.member:
        return Finding(name, False, t("doctor.channel_outside", name=found.name, bot=NAMES[seat.side]))
    return Finding(name, True, t("doctor.channel_joined", name=found.name))


async def _write(seat: SlackSeat, settings: Settings) -> None:
    """Raises what `SlackMessenger` raises; "not_in_workspace" also when no owner is named."""
    texts = Texts.load(CATALOGUE, *([Path(settings.catalogue)] if settings.catalogue else []))
    messenger = SlackMessenger([seat], Renderer(texts, settings.brand()), settings.timezone)
    who = next((who for role, who in settings.staff() if role is Role.OWNER), "")
    try:
        to = await messenger.find(seat.side, who) if "@" in who else Address.parse(who)
    except ValueError:
        raise Undeliverable(_ELSEWHERE) from None
    if to.workspace != seat.team:
        raise Undeliverable(_ELSEWHERE)
    letter = Card(t("doctor.letter_title"), (Paragraph(t("doctor.letter_body")),), t("common.notice"))
    await messenger.send(to, Outgoing(f"doctor:{secrets.token_hex(8)}", letter, settings.locale))
