"""Carries cards to Teams accounts and channels: finds people, opens a chat with them, posts, edits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from adapters.teams.connector import Connector, Spot, Unreachable
from adapters.teams.graph import Forbidden, Graph
from adapters.teams.limits import check
from adapters.teams.render import Reader, Renderer
from adapters.teams.seats import Seat
from adapters.teams.ways import Ways
from bot.conversation import Address, Platform, Side, Standing
from bot.errors import Ambiguous, Retry, Undeliverable
from bot.ports import Looks, Outgoing, Posted
from storage.references import Way

log = structlog.get_logger()
Json = Mapping[str, Any]
LINKS = "https://teams.microsoft.com/l"
_THREAD = "19:"  # so begin the ids of channels and group chats


@dataclass(frozen=True, slots=True)
class TeamsSeat:
    """One of our bots with its two ways to Microsoft."""

    seat: Seat
    connector: Connector
    graph: Graph


class TeamsMessenger:
    """`bot.ports.Messenger` for Teams. Waits for nothing but Teams; pacing and repeating are the outbox's."""

    def __init__(self, seats: Iterable[TeamsSeat], renderer: Renderer, ways: Ways) -> None:
        self._seats, self._renderer, self._ways = tuple(seats), renderer, ways
        self._installing: set[Address] = set()

    async def find(self, side: Side, email: str) -> Address:
        """The account with this e-mail address (Graph: User.Read.All).

        `Undeliverable("not_in_workspace")` also for disabled accounts, an address of two, and guests of the
        company: none of them is surely the employee whose address this was. `"find_forbidden"`: no consent.
        """
        own = next((one for one in self._seats if one.seat.side is side), None)
        if own is None:
            raise Undeliverable("no_app")
        try:
            known = await own.graph.with_mail(email)
        except Forbidden as refused:
            raise Undeliverable("find_forbidden") from refused
        found = [user for user in known if _belongs(user, side)]
        if len(found) != 1:
            raise Undeliverable("not_in_workspace")
        return Address(Platform.TEAMS, own.seat.tenant.lower(), str(found[0]["id"]).lower())

    async def look(self, account: Address) -> Looks:
        """Standing and language, "" where Microsoft does not say; the zone is known from activities alone.

        Without consent to User.Read.All the roster of their own chat is asked; without that chat too it is
        `Retry` at no time: nobody is taken for gone, or for a member, because we may not ask.
        `Undeliverable("account_inactive")` for disabled accounts, Graph's or Teams' word for unknown ones.
        """
        own = self._seat(account)
        try:
            user = await own.graph.user(account.user)
        except Forbidden as refused:
            return await self._on_roster(own, account, refused)
        if user.get("accountEnabled") is False:
            raise Undeliverable("account_inactive")
        standing = _standing(user.get("userType"), own.seat.side)
        return Looks(standing, _language(user.get("preferredLanguage")), "")

    async def send(self, to: Address, message: Outgoing) -> Posted:
        """Post into somebody's own chat or a channel (`to.user` is its id), or edit `message.edits`.

        Whom the bot never met gets the app first. `Undeliverable("app_forbidden")`, with the way on which
        they add it themselves, when that may not be; "not_installed" when they removed it; Teams' own words
        (`MessageWritesBlocked`) when they blocked the bot; "sensitive" and "invalid_card" are cards that must
        not or cannot be a message.
        """
        own, content = self._seat(to), self._content(message)
        if message.edits:
            way = await self._ways.to(to)
            if way is None:
                raise Undeliverable("no_way")
            spot = Spot(way.service_url, message.edits.channel)
            await own.connector.edit(spot, message.edits.ref, content)
            return message.edits
        spot = await self._spot(own, to)
        try:
            return Posted(spot.conversation, await own.connector.post(spot, content))
        except Unreachable:
            if not _is_thread(to):
                await self._ways.lost(to)
            raise

    async def sent(self, to: Address, delivery: str, chat: str = "") -> Posted:
        """Never known: Teams lets a bot read no messages, not even its own, and keeps no id of ours.

        Source: Bot Connector REST API has no way to read activities in Teams.
        """
        self._seat(to)
        raise Ambiguous("not_told")

    def _seat(self, to: Address) -> TeamsSeat:
        for one in self._seats:
            if to.platform is Platform.TEAMS and one.seat.tenant.lower() == to.workspace.lower():
                return one
        raise Undeliverable("no_app")

    def _content(self, message: Outgoing) -> Json:
        if message.card.sensitive:
            raise Undeliverable("sensitive")
        content = self._renderer.message(message.card, Reader(message.locale, message.zone))
        if check(content["attachments"][0]["content"]):
            raise Undeliverable("invalid_card")
        return content

    async def _on_roster(self, own: TeamsSeat, account: Address, refused: Forbidden) -> Looks:
        way = await self._ways.to(account)
        if way is None or not way.conversation:
            log.warning("teams_look_forbidden", side=own.seat.side.value, reason=refused.reason)
            raise Retry(refused.reason) from refused
        member = await own.connector.member(Spot(way.service_url, way.conversation), account.user)
        standing = _standing(member.get("userRole"), own.seat.side)
        return Looks(standing, _language(member.get("locale")), "")

    # --- where they are reached ----------------------------------------------------------------------

    async def _spot(self, own: TeamsSeat, to: Address) -> Spot:
        way = await self._ways.to(to)
        if way is not None and _is_thread(to):
            return Spot(way.service_url, to.user)
        if way is not None and way.conversation:
            return Spot(way.service_url, way.conversation)
        if _is_thread(to):
            raise Undeliverable("no_way")
        way, chat = await self._first_contact(own, to, way)
        await self._ways.met(Way(to, way.service_url, chat), own.seat.side)
        return Spot(way.service_url, chat)

    async def _first_contact(self, own: TeamsSeat, to: Address, way: Way | None) -> tuple[Way, str]:
        """A chat with somebody who has none. The app goes only to who never met it, one person at a time: who
        removed it is not given it again."""
        if way is not None:
            try:
                return way, await own.connector.open(way.service_url, to.user)
            except Unreachable as absent:
                if await self._ways.known(to):
                    raise Undeliverable("not_installed") from absent
        if await self._installed(own, to):
            self._installing.add(to)
        way = await self._ways.to(to)
        if way is None:  # what Microsoft sends after an installation says where the tenant's connector is
            raise Retry("installing") if to in self._installing else Undeliverable("no_service_url")
        self._installing.discard(to)
        return way, way.conversation or await own.connector.open(way.service_url, to.user)

    async def _installed(self, own: TeamsSeat, to: Address) -> bool:
        """Source: platform-facts T7: per person, repeatable; 403 is an administrator's no."""
        try:
            return await own.graph.install(to.user)
        except Forbidden as refused:
            log.warning("teams_app_forbidden", side=own.seat.side.value, reason=refused.reason)
            raise Undeliverable("app_forbidden", app_link(own.seat)) from refused


def _is_thread(to: Address) -> bool:
    """Whether an address is a channel's or a group's; object ids of people are GUIDs."""
    return to.user.startswith(_THREAD)


def _belongs(user: Json, side: Side) -> bool:
    """Whether the account can sign in, and on the company's side is no guest."""
    guest = _standing(user.get("userType"), side) is Standing.GUEST
    return able(user) and not (guest and side is Side.COMPANY)


def able(user: Json) -> bool:
    """Whether an account can sign in."""
    return bool(user.get("id")) and user.get("accountEnabled") is not False


def app_link(seat: Seat) -> str:
    """Where our app is added by hand, and its chat opened. Source: "Deep link to an application"; the package
    has our app id."""
    return f"{LINKS}/app/{seat.app_id}?tenantId={seat.tenant}"


def _standing(kind: object, side: Side) -> Standing:
    """Alumni are guests of their tenant, and there as good as its members (platform-facts T8); the company's
    guests are not.

    Source: Graph `userType` (Member, Guest, or nothing), Teams' roster `userRole` (user, guest, anonymous).
    """
    said = str(kind or "").lower()
    if said == "anonymous":
        return Standing.STRANGER
    return Standing.GUEST if said == "guest" and side is Side.COMPANY else Standing.MEMBER


def _language(tag: object) -> str:
    """The two letters of a language tag, "" for none."""
    return str(tag or "").replace("_", "-").partition("-")[0].lower()[:2]
