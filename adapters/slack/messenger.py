"""Carries cards to Slack accounts and channels: finds people, posts, edits, asks whether it stands there."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.limits import Json, validate_message
from adapters.slack.render import ZONE, Renderer
from bot.conversation import Address, Platform, Side, Standing
from bot.errors import Ambiguous, Away, Retry, Trouble, Undeliverable
from bot.ports import Looks, Outgoing, Posted

EVENT_TYPE = "okaeri_delivery"  # of the metadata by which a message of ours is found again
_SLACKBOT = "USLACKBOT"  # the one bot that Slack does not mark as one
_KNOWN_CHANNELS = 10_000
_CHANNEL = re.compile("[CG][A-Z0-9]+$")
_LOOK_BACK = 999  # messages: the most that one call gives
_HR_MENDS = 300.0  # seconds: somebody has to repair a setting first
_SOON = 30.0

# Slack's error words, from the methods' pages on docs.slack.dev. Every other word is final for the message.
_LATER: Mapping[str, float] = {
    "request_timeout": _SOON,
    "update_failed": _SOON,
    "external_channel_migrating": _HR_MENDS,
}
_AWAY: Mapping[str, float] = {
    "ratelimited": _SOON,
    "rate_limited": _SOON,
    "message_limit_exceeded": _SOON,
    "service_unavailable": _SOON,
    "team_added_to_org": _SOON,
    "invalid_auth": _HR_MENDS,
    "not_authed": _HR_MENDS,
    "token_expired": _HR_MENDS,
    "token_revoked": _HR_MENDS,
    "account_inactive": _HR_MENDS,  # the token's own account: somebody removed our app
    "org_login_required": _HR_MENDS,
    "two_factor_setup_required": _HR_MENDS,
}
_UNSURE = frozenset(
    {"internal_error", "fatal_error"}
)  # "it's possible some aspect of the operation succeeded"
_REASONS: Mapping[str, str] = {"users_not_found": "not_in_workspace"}


@dataclass(frozen=True, slots=True)
class SlackSeat:
    """One of our apps as installed: the side it serves, its workspace (team id), its client."""

    side: Side
    team: str
    client: AsyncWebClient


def web_client(
    token: str, session: aiohttp.ClientSession, base_url: str = AsyncWebClient.BASE_URL
) -> AsyncWebClient:
    """A client that never repeats a call by itself: after a lost connection slack_sdk would post twice.

    Time limits are the session's (slack_sdk ignores its own when it is given a session).
    """
    return AsyncWebClient(token=token, session=session, base_url=base_url, retry_handlers=[])


class SlackMessenger:
    """`bot.ports.Messenger` for Slack. Waits for nothing but Slack; pacing and repeating are the outbox's."""

    def __init__(self, seats: Iterable[SlackSeat], renderer: Renderer, zone: str = ZONE) -> None:
        self._seats = tuple(seats)
        self._renderer, self._zone = renderer, zone
        self._channels: dict[tuple[str, str], str] = {}

    async def find(self, side: Side, email: str) -> Address:
        """The account with this e-mail address (scope `users:read.email`).

        `Undeliverable("not_in_workspace")` also for deleted accounts, bots, people of other workspaces, and
        guests of the company: none of them is the employee whose address this was.
        """
        seat = next((seat for seat in self._seats if seat.side is side), None)
        if seat is None:
            raise Undeliverable("no_app")
        found = await reading(seat.client.api_call("users.lookupByEmail", data={"email": email}))
        user = found["user"]
        if not _belongs(user, seat):
            raise Undeliverable("not_in_workspace")
        return Address(Platform.SLACK, seat.team, str(user["id"]))

    async def look(self, account: Address) -> Looks:
        """Standing, language and time zone, "" where Slack does not say (scope `users:read`).

        `Undeliverable("account_inactive")` for deleted accounts and bots, "user_not_found" for unknown ones.
        """
        seat = self._seat(account)
        query = {"user": account.user, "include_locale": "true"}
        user = (await reading(seat.client.api_call("users.info", data=query)))["user"]
        if user.get("deleted") or user.get("is_bot") or user.get("id") == _SLACKBOT:
            raise Undeliverable("account_inactive")
        language = str(user.get("locale") or "").replace("_", "-").partition("-")[0].lower()
        return Looks(_standing(user, seat), language, str(user.get("tz") or ""))

    async def send(self, to: Address, message: Outgoing) -> Posted:
        """Post as a direct message or into a channel, or edit `message.edits`; the delivery id travels along
        in the metadata, which everybody in the workspace may read, and says nothing.

        `to.user` may be a channel's id. Nobody is called there: accounts are written as plain words.
        `Undeliverable("not_in_channel")` and such are Slack's words; what an edit finds no more is
        "message_not_found", "cant_update_message", "edit_window_closed" or "is_inactive" (archived).
        `Undeliverable("sensitive")` and `("invalid_blocks")` are cards that must not or cannot be a message.
        """
        seat = self._seat(to)
        content = self._content(to, message) | {
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"id": message.delivery}},
            "link_names": False,
            "parse": "none",
        }
        if message.edits:
            content |= {"channel": message.edits.channel, "ts": message.edits.ref}
            answer = await _asked(seat.client.api_call("chat.update", json=content))
        else:
            content |= {
                "channel": message.chat or await self._channel(seat, to.user),
                "client_msg_id": str(uuid.uuid5(uuid.NAMESPACE_URL, message.delivery)),
                "mrkdwn": False,
                "unfurl_links": False,
                "unfurl_media": False,
            }
            answer = await _asked(seat.client.api_call("chat.postMessage", json=content))
        return Posted(str(answer["channel"]), str(answer["ts"]))

    async def sent(self, to: Address, delivery: str, chat: str = "") -> Posted:
        """Whether the delivery stands among the newest messages there.

        Scopes `im:history` and, in channels, `channels:history`; without it `Undeliverable("missing_scope")`.
        """
        seat = self._seat(to)
        channel = chat or await self._channel(seat, to.user)
        query = {"channel": channel, "include_all_metadata": "true", "limit": str(_LOOK_BACK)}
        history = await reading(seat.client.api_call("conversations.history", data=query))
        for message in history.get("messages") or []:
            metadata = message.get("metadata") or {}
            if (metadata.get("event_payload") or {}).get("id") == delivery:
                return Posted(channel, str(message["ts"]))
        return Posted(channel, "")

    def _seat(self, to: Address) -> SlackSeat:
        for seat in self._seats:
            if to.platform is Platform.SLACK and seat.team == to.workspace:
                return seat
        raise Undeliverable("no_app")

    def _content(self, to: Address, message: Outgoing) -> Json:
        if message.card.sensitive:
            raise Undeliverable("sensitive")
        mentions_in = "" if is_channel(to) else to.workspace
        content = self._renderer.message(
            message.card, message.locale, message.zone or self._zone, mentions_in
        )
        if validate_message(content["blocks"], content["text"]):
            raise Undeliverable("invalid_blocks")
        return content

    async def _channel(self, seat: SlackSeat, user: str) -> str:
        """The direct channel with somebody, which never changes and is asked for once; or a channel."""
        if _CHANNEL.match(user):
            return user
        known = self._channels.get((seat.team, user))
        if known:
            return known
        opened = await reading(seat.client.api_call("conversations.open", data={"users": user}))
        if len(self._channels) >= _KNOWN_CHANNELS:
            del self._channels[next(iter(self._channels))]
        self._channels[seat.team, user] = channel = str(opened["channel"]["id"])
        return channel


def is_channel(to: Address) -> bool:
    """Whether an address is a channel's. Source: Slack's ids; accounts are U… or W…, channels C… or G…"""
    return _CHANNEL.match(to.user) is not None


def _belongs(user: Mapping[str, Any], seat: SlackSeat) -> bool:
    """Whether the account is a living human one of this workspace, and on the company's side no guest."""
    standing = _standing(user, seat)
    guest = standing is Standing.GUEST and seat.side is Side.COMPANY
    return not (user.get("deleted") or user.get("is_bot") or guest) and standing is not Standing.STRANGER


def _standing(user: Mapping[str, Any], seat: SlackSeat) -> Standing:
    """Source: users.info; people of Slack Connect are strangers, those of our organisation are not."""
    teams = {user.get("team_id", seat.team), *(user.get("enterprise_user") or {}).get("teams", ())}
    if user.get("is_stranger") or seat.team not in teams:
        return Standing.STRANGER
    guest = user.get("is_restricted") or user.get("is_ultra_restricted")
    return Standing.GUEST if guest else Standing.MEMBER


async def reading(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """Await a call that may be repeated without harm."""
    try:
        return await _asked(call)
    except Ambiguous as unsure:
        raise Retry(unsure.reason, _SOON) from unsure


async def _asked(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """Await a call that must not happen twice; what Slack or the network did wrong becomes a `Trouble`."""
    try:
        return await call
    except SlackApiError as refused:
        raise _trouble(refused.response) from refused
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as never_left:
        raise Away("unreachable", _SOON) from never_left
    except (aiohttp.ClientError, TimeoutError) as lost:
        raise Ambiguous("connection_lost") from lost


def _trouble(response: AsyncSlackResponse | aiohttp.ClientResponse) -> Trouble:
    """What an answer other than "ok" means for the delivery."""
    if isinstance(response, aiohttp.ClientResponse):
        return Ambiguous(f"http_{response.status}")
    status, data = response.status_code, response.data
    word = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == 429:
        return Away("ratelimited", _seconds(response.headers))
    if status >= 500 or word in _UNSURE or not word:
        return Ambiguous(word or f"http_{status}")
    if word in _AWAY:
        return Away(word, _AWAY[word])
    if word in _LATER:
        return Retry(word, _LATER[word])
    return Undeliverable(_REASONS.get(word, word))


def _seconds(headers: Mapping[str, str]) -> float:
    """Slack's `Retry-After`, in seconds."""
    value = str(headers.get("Retry-After", ""))
    return float(value) if value.isdigit() else _SOON
