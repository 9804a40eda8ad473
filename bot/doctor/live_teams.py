"""What Microsoft says of our bots: token, permissions, catalogue, connector, roster; and the way to us."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.teams import live
from adapters.teams.connector import Spot
from adapters.teams.live import Patient, Rights
from adapters.teams.messenger import TeamsMessenger, TeamsSeat
from adapters.teams.render import Renderer
from adapters.teams.seats import Seat, Services
from adapters.teams.ways import Ways
from bot.clock import Clock
from bot.conversation import Address, Card, Paragraph, Platform, Role, Side, Text, t
from bot.doctor.finding import Finding
from bot.errors import Ambiguous, Retry, Undeliverable
from bot.ports import Outgoing
from bot.settings import Settings
from bot.texts import Texts
from storage import references
from storage.condition import condition
from storage.engine import Database
from storage.references import Way

CATALOGUE = Path(__file__).parents[1] / "catalogue"
REFUSALS = {
    "login_refused_7000215": "secret_wrong",
    "login_refused_7000222": "secret_expired",
    "login_refused_90002": "tenant_unknown",
    "login_refused_700016": "app_elsewhere",
    "login_refused_7000112": "app_disabled",
    "login_unreachable": "login_unreachable",
}
"""Why the login server gives no token -> what would be right. Source: Microsoft, "AADSTS error codes"."""
_IN_TEAM = {"BotNotInConversationRoster": "channel_outside", "ConversationNotFound": "channel_gone"}


async def look(settings: Settings, clock: Clock) -> list[Finding]:
    """Every configured side, one after the other, then the keys by which Teams signs, then the callback."""
    if not settings.teams_sides():
        return []
    found: list[Finding] = []
    wires = live.Wires(settings.teams_login_url, settings.teams_graph_url, clock.wire)
    async with live.session() as outside, _storage(settings, clock) as database:
        for side in settings.teams_sides():
            values = settings.teams(side)
            seat = Seat(side, values["app_id"], values["app_password"], values["tenant_id"])
            found += await _bot(live.patient(outside, seat, wires), settings, database)
        count = await live.keys(outside, settings.teams_openid_metadata_url, clock.wire)
        key = t("doctor.teams.keys", count=count) if count else t("doctor.teams.no_keys")
        found.append(Finding("teams keys", bool(count), key))
        url, reason = await live.hindrance(outside, settings.base_url) if settings.base_url else ("", "")
    return [*found, _callback(settings.base_url, url, reason)]


@asynccontextmanager
async def _storage(settings: Settings, clock: Clock) -> AsyncIterator[Database | None]:
    """What the house remembers of where people are reached; `None` where it cannot be asked."""
    try:
        vault = settings.vault()
    except ValueError:
        vault = None
    state = await asyncio.to_thread(lambda: condition(settings.database_url).state)
    if vault is None or state != "ready":
        yield None
        return
    database = Database(settings.database_url, vault, clock)
    try:
        yield database
    finally:
        database.close()


def _callback(base_url: str, url: str, reason: str) -> Finding:
    name = "teams callback"
    if not base_url:
        return Finding(name, None, t("doctor.callback_unset"))
    if reason:
        return Finding(name, False, t("doctor.callback_closed", url=url, reason=reason))
    return Finding(name, True, t("doctor.callback_open", url=base_url))


async def _bot(one: Patient, settings: Settings, database: Database | None) -> list[Finding]:
    try:
        await one.tokens.bearer()
    except Retry as refused:
        return [Finding(_name(one, "token"), False, _why(refused.reason, one, settings))]
    found = [Finding(_name(one, "token"), True, t("doctor.teams.token_good", tenant=one.seat.tenant))]
    alumni = one.seat.side is Side.ALUMNI
    try:
        team = settings.teams_alumni_team_id if alumni else ""
        rights = await live.rights(one, _owner(settings), team)
    except (Retry, Undeliverable) as refused:
        silent = t("doctor.teams.graph_refused", reason=refused.reason)
        return [*found, Finding(_name(one, "graph"), False, silent)]
    found += _rights(one, rights)
    if alumni:
        found += _team(one, rights, named=bool(settings.teams_alumni_team_id))
    return found + await _reached(one, rights, settings, database)


def _name(one: Patient, thing: str) -> str:
    return f"teams {one.seat.side.value} {thing}"


def _why(reason: str, one: Patient, settings: Settings) -> Text:
    side, name = one.seat.side.value.upper(), REFUSALS.get(reason, "token_refused")
    known = {
        "secret_wrong": {"side": side}, "secret_expired": {"side": side},
        "tenant_unknown": {"side": side, "tenant": one.seat.tenant},
        "app_elsewhere": {"side": side, "app": one.seat.app_id, "tenant": one.seat.tenant},
        "app_disabled": {"app": one.seat.app_id},
        "login_unreachable": {"url": settings.teams_login_url},
    }  # fmt: skip
    return t(f"doctor.teams.{name}", **known.get(name, {"reason": reason}))


def _owner(settings: Settings) -> str:
    """The first owner's address; the network's own when they are named otherwise."""
    who = next((who for role, who in settings.staff() if role is Role.OWNER), "")
    return who if "@" in who else settings.contact_email


def _rights(one: Patient, rights: Rights) -> Iterator[Finding]:
    name = _name(one, "permissions")
    if rights.missing:
        yield Finding(name, False, t("doctor.teams.missing", permissions=", ".join(rights.missing)))
    else:
        yield Finding(name, True, t("doctor.teams.permitted"))
    if rights.catalogued is not None:
        word = "catalogued" if rights.catalogued else "not_catalogued"
        yield Finding(_name(one, "app"), rights.catalogued, t(f"doctor.teams.{word}", app=one.seat.app_id))


def _team(one: Patient, rights: Rights, *, named: bool) -> Iterator[Finding]:
    name = _name(one, "team")
    if not named:
        yield Finding(name, None, t("doctor.teams.team_unset"))
    elif rights.team is not None:
        yield Finding(name, rights.team, t(f"doctor.teams.{'team_there' if rights.team else 'team_gone'}"))


# --- where people are reached -----------------------------------------------------------------------


async def _reached(
    one: Patient, rights: Rights, settings: Settings, database: Database | None
) -> list[Finding]:
    """The connector that Teams named last, the first owner's chat, the channel for openings."""
    name, url = _name(one, "service"), await _service_url(one, database)
    if not url:
        return [Finding(name, None, t("doctor.teams.service_unknown"))]
    if not Services(settings.teams_services()).allow(url):
        return [Finding(name, False, t("doctor.teams.service_elsewhere", url=url))]
    found = [Finding(name, True, t("doctor.teams.service_known", url=url))]
    if database is not None:
        found.append(await _chat(one, rights.owner, settings, database))
    if one.seat.side is Side.ALUMNI:
        found.append(await _channel(one, Spot(url, settings.teams_alumni_channel)))
    return found


async def _service_url(one: Patient, database: Database | None) -> str:
    if database is None:
        return ""
    tenant = one.seat.tenant.lower()
    return await database.run(lambda tx: references.service_url(tx, tenant), reads=True)


async def _chat(one: Patient, owner: str, settings: Settings, database: Database) -> Finding:
    """The roster and a message, if the first owner has a chat with the bot: nobody is given the app here."""
    name, to = _name(one, "owner"), Address(Platform.TEAMS, one.seat.tenant.lower(), owner.lower())
    if not owner:
        return Finding(
            name, False if one.seat.side is Side.COMPANY else None, t("doctor.teams.owner_elsewhere")
        )
    way = await database.run(lambda tx: references.find(tx, to), reads=True)
    if way is None or not way.conversation:
        return Finding(name, None, t("doctor.teams.owner_not_met"))
    reason = await live.on_roster(one, Spot(way.service_url, way.conversation), owner)
    reason = reason or await _written(one, way, settings, database)
    if reason:
        return Finding(name, False, t("doctor.owner_failed", reason=reason))
    return Finding(name, True, t("doctor.owner_reached"))


async def _written(one: Patient, way: Way, settings: Settings, database: Database) -> str:
    """Why no message goes to somebody, "" when one went."""
    texts = Texts.load(CATALOGUE, *([Path(settings.catalogue)] if settings.catalogue else []))
    renderer = Renderer(texts, settings.timezone, settings.brand())
    seat = TeamsSeat(one.seat, one.connector, one.graph)
    letter = Card(t("doctor.letter_title"), (Paragraph(t("doctor.letter_body")),), t("common.notice"))
    message = Outgoing(f"doctor:{secrets.token_hex(8)}", letter, settings.locale)
    try:
        await TeamsMessenger([seat], renderer, Ways(database)).send(way.address, message)
    except (Retry, Ambiguous, Undeliverable) as refused:
        return refused.reason
    return ""


async def _channel(one: Patient, spot: Spot) -> Finding:
    """Whether openings can be posted in the alumni's channel."""
    name = _name(one, "channel")
    if not spot.conversation:
        return Finding(name, None, t("doctor.teams.channel_unset"))
    try:
        reason = await live.in_channel(one, spot)
    except Retry as silent:
        reason = silent.reason
    if not reason:
        return Finding(name, True, t("doctor.teams.channel_joined"))
    word = _IN_TEAM.get(reason)
    known = t(f"doctor.teams.{word}") if word else t("doctor.teams.channel_refused", reason=reason)
    return Finding(name, False, known)
