"""Teams' activities as the house's own values. Every id in them is a claim of the client.

Read as plain JSON and not through botbuilder's classes, which lose tenants and triggers (platform-facts T3,
T5).
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from adapters.teams.claims import claim_of, is_form, sought_of, values_of
from adapters.teams.seats import tenant_of
from bot.conversation import (
    Address,
    Arrival,
    Bound,
    ButtonPressed,
    CommandUsed,
    Conversation,
    FormSubmitted,
    MemberChanged,
    MemberJoined,
    OptionsSought,
    Platform,
)  # fmt: skip
from storage.references import Way

Json = Mapping[str, Any]
T = TypeVar("T")
SAY = "teams.say"
"""An action of this door alone, of a button that says the same again in a dialog: its argument `words`."""
_KINDS: Mapping[str, Literal["private", "group", "channel"]] = {
    "personal": "private",
    "groupChat": "group",
    "channel": "channel",
}
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_AT = re.compile(r"<at(?:\s[^>]*)?>(.*?)</at>", re.DOTALL | re.IGNORECASE)
_COMMAND = re.compile(r"^/(?:alumni(?:\s+|$))?")


class Foreign(Exception):
    """Nobody of this tenant did it, or nobody at all: nothing here is for them."""


class Forged(Exception):
    """A value that no button or form of ours carries, or that an older version made."""


class Malformed(Exception):
    """An activity without the parts that Teams always sends."""


@dataclass(frozen=True, slots=True)
class PeopleSought(Arrival):
    """Somebody types in the message extension; `skip` and `count` are the page of the list."""

    query: str
    skip: int = 0
    count: int = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer may go: the conversation as Teams names it, and the message in which was pressed."""

    service_url: str
    conversation: str
    kind: Literal["private", "group", "channel"]
    message: str = ""

    @property
    def private(self) -> bool:
        """Whether nobody but the person reads there."""
        return self.kind == "private"


def whole(reader: Callable[[Json], T], activity: Json) -> T:
    """What a reader makes of an activity. Raises `Malformed` when a part is missing or of another kind."""
    try:
        return reader(activity)
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as wrong:
        raise Malformed(type(wrong).__name__) from None


def own(activity: Json) -> bool:
    """Whether a bot said it, ours or another one. Source: bots are written `28:…`."""
    sender = activity.get("from")
    said = sender if isinstance(sender, Mapping) else {}
    return str(said.get("id") or "").startswith("28:") or said.get("role") in ("bot", "skill")


def who(activity: Json) -> Arrival:
    """Who and where. Raises `Foreign` without an Entra object id: anonymous guests of meetings have none."""
    return _arrival(activity, activity["from"].get("aadObjectId"))


def _arrival(activity: Json, user: Any, part: str = "") -> Arrival:
    tenant, place = tenant_of(activity), place_of(activity)
    if not isinstance(user, str) or not _ID.fullmatch(user) or not _ID.fullmatch(tenant):
        raise Foreign
    address = Address(Platform.TEAMS, tenant, user.lower())
    return Arrival(address, Conversation(tenant, place.conversation, kind=place.kind), _event(activity, part))


def _event(activity: Json, part: str) -> str:
    """The once-only id: an activity's own is one within its conversation only, and long (120 are kept)."""
    found = activity.get("id")
    return _digest([activity["conversation"]["id"], str(found), part] if found else [dict(activity), part])


def _digest(body: list[Any]) -> str:
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).hexdigest()


def place_of(activity: Json) -> Place:
    """Where it was said. A conversation that does not say its kind is taken for the most public one."""
    place = activity["conversation"]
    kind = _KINDS.get(str(place.get("conversationType") or ""), "channel")
    return Place(str(activity["serviceUrl"]), str(place["id"]), kind, str(activity.get("replyToId") or ""))


def way(activity: Json) -> Way:
    """How its sender is reached from now on."""
    at, place = who(activity), place_of(activity)
    chat = place.conversation if place.private else ""
    zone = str(activity.get("localTimezone") or "")
    language = str(activity.get("locale") or "").replace("_", "-").partition("-")[0].lower()
    return Way(at.address, place.service_url, chat, language, zone)


def ways(activity: Json) -> tuple[Way, ...]:
    """How everybody is reached of whom an activity speaks: its sender, and who came into their own chat."""
    place, users = place_of(activity), [(activity.get("from") or {}).get("aadObjectId")]
    users += _people(activity, "membersAdded") if place.private else ()
    at = {_arrival(activity, user).address for user in users if user}
    chat = place.conversation if place.private else ""
    return tuple(Way(address, place.service_url, chat) for address in sorted(at, key=str))


# --- messages --------------------------------------------------------------------------------------


def message(activity: Json) -> CommandUsed | ButtonPressed | None:
    """Words to the bot, or a button of a client that knows no better one; `None` for what is not for us.

    Raises `Forged` for a value that is not ours.
    """
    at = who(activity)
    if activity.get("value") is not None:
        return _pressed(activity, at, activity["value"])
    words, called = _typed(activity)
    if at.conversation.kind != "private" and not called:
        return None
    return CommandUsed(at.address, at.conversation, at.event_id, "alumni", words)


def _typed(activity: Json) -> tuple[str, bool]:
    """What was typed, without the name of the bot, and whether the bot was called by it.

    Source: platform-facts T9: a mention stands in the text as `<at>Okaeri</at>`, and among the entities with
    the account it means; entities of the text (`&lt;`, `&nbsp;`) are read as their signs. Whoever else is
    mentioned is sought by name.
    """
    text, me = str(activity.get("text") or ""), str((activity.get("recipient") or {}).get("id") or "")
    called = False
    for entity in _mentions(activity):
        marked = str(entity.get("text") or "")
        if str(entity["mentioned"].get("id")) == me and marked:
            text, called = text.replace(marked, " "), True
    plain = html.unescape(_AT.sub(lambda found: found[1], text)).strip()
    return _COMMAND.sub("", plain).strip(), called


def _mentions(activity: Json) -> Iterable[Json]:
    entities: list[Json] = [one for one in activity.get("entities") or () if isinstance(one, Mapping)]
    return (e for e in entities if e.get("type") == "mention" and isinstance(e.get("mentioned"), Mapping))


# --- invokes ---------------------------------------------------------------------------------------

Invoked = CommandUsed | ButtonPressed | FormSubmitted | OptionsSought | PeopleSought


def invoke(activity: Json) -> Invoked | None:
    """What Teams waits for an answer to; `None` for a kind that we do not know.

    Raises `Forged` for a value that is not ours.
    """
    at, value = who(activity), activity.get("value")
    asked: Json = value if isinstance(value, Mapping) else {}
    match activity.get("name"):
        case "adaptiveCard/action":
            return _pressed(activity, at, asked["action"].get("data"))
        case "task/fetch":
            return _said_again(_pressed(activity, at, asked.get("data")))
        case "task/submit":
            return _sent(activity, at, asked.get("data"))
        case "application/search":
            bound, field = _ours(sought_of, asked.get("dataset"))
            query = str(asked.get("queryText") or "")
            return OptionsSought(at.address, at.conversation, at.event_id, bound, field, query)
        case "composeExtension/query":
            return _sought(at, asked)
    return None


def _pressed(activity: Json, at: Arrival, data: Any) -> ButtonPressed:
    bound = _ours(claim_of, data)
    where = [at.address.user, at.conversation.channel, activity.get("replyToId")]
    return ButtonPressed(at.address, at.conversation, at.event_id, bound, _twin(*where, bound))


def _said_again(pressed: ButtonPressed) -> ButtonPressed | CommandUsed:
    """A button that stands for words which are answered in a dialog only."""
    words = pressed.bound.arguments().get("words")
    if pressed.bound.action != SAY or not isinstance(words, str):
        return pressed
    return CommandUsed(pressed.address, pressed.conversation, pressed.event_id, "alumni", words)


def _sent(activity: Json, at: Arrival, data: Any) -> FormSubmitted | ButtonPressed:
    """A dialog hands back its form, and by the same way its buttons. A dialog has no id, so the same form
    with the same words is the double click."""
    if not is_form(data):
        return _pressed(activity, at, data)
    bound, values = _ours(claim_of, data), _ours(values_of, data)
    twin = _twin(at.address.user, at.conversation.channel, sorted(values.items()), bound)
    return FormSubmitted(at.address, at.conversation, at.event_id, bound, values, twin)


def _twin(*what: Any) -> str:
    *where, bound = what
    return _digest([*where, bound.action, bound.arguments()])


def _ours(read: Callable[[Any], T], data: Any) -> T:
    try:
        return read(data)
    except ValueError:
        raise Forged from None


def _sought(at: Arrival, asked: Json) -> PeopleSought:
    """Source: platform-facts T10: `initialRun` comes before anything was typed."""
    parameters = [one for one in asked.get("parameters") or () if isinstance(one, Mapping)]
    typed = [str(p.get("value") or "") for p in parameters if p.get("name") != "initialRun"]
    page = asked.get("queryOptions") or {}
    skip, count = (page.get(name) for name in ("skip", "count"))
    return PeopleSought(
        at.address, at.conversation, at.event_id, " ".join(typed)[:100],
        max(0, min(skip, 1000)) if isinstance(skip, int) else 0,
        max(1, min(count, 25)) if isinstance(count, int) else 10,
    )  # fmt: skip


# --- what happens to accounts ----------------------------------------------------------------------


def happenings(activity: Json) -> tuple[MemberJoined | MemberChanged, ...]:
    """Who came where the bot is, and of whom the platform has to be asked again because they went.

    Leaving a team is not leaving the company, nor the network: it is only a reason to look. The bot itself is
    among those who come (platform-facts T5). No address is confirmed by this.
    """
    came = [_arrival(activity, user, user) for user in _people(activity, "membersAdded")]
    went = [_arrival(activity, user, user) for user in _people(activity, "membersRemoved")]
    joined = (MemberJoined(at.address, at.conversation, at.event_id, None) for at in came)
    return (*joined, *(MemberChanged(at.address, at.conversation, at.event_id) for at in went))


def _people(activity: Json, name: str) -> Iterable[str]:
    for member in activity.get(name) or ():
        user = member.get("aadObjectId")
        if isinstance(user, str) and user and not str(member.get("id") or "").startswith("28:"):
            yield user


def removed(activity: Json) -> bool:
    """Whether the bot was taken out of a person's own chat."""
    gone = str(activity.get("action") or "").startswith("remove")
    return gone and place_of(activity).private


def again(words: str) -> Bound:
    """What a button carries that says words once more, to be answered in a dialog."""
    return Bound(SAY, (("words", words[:500]),), opens_form=True)
