"""Activities exactly as Teams sends them: messages, mentions, invokes, members, installations."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from adapters.playground.teams_chats import threaded
from adapters.playground.teams_state import JSON, Conversation, Person, Registration, Team

_CONTEXT: Final = {"theme": "default"}


@dataclass(frozen=True, slots=True)
class Scene:
    """Who does something with which bot, where and when; `account` is the person's `29:…` id there."""

    app: Registration
    person: Person
    account: str
    conversation: Conversation
    service_url: str
    now: float
    team: Team | None = None
    thread: str | None = None

    def activity(self, kind: str, **more: Any) -> JSON:
        """What every activity carries; times with milliseconds, the local one with its offset."""
        zone = ZoneInfo(self.person.zone)
        local = datetime.fromtimestamp(self.now, zone).isoformat(timespec="milliseconds")
        return {
            "type": kind,
            "id": f"f:{uuid4()}",
            "timestamp": datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "localTimestamp": local,
            "localTimezone": self.person.zone,
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": self.account, "name": self.person.name, "aadObjectId": self.person.id},
            "conversation": self._place(),
            "recipient": {"id": self.app.bot, "name": self.app.name},
            "entities": [self._client()],
            "channelData": self._data(),
            "locale": self.person.locale,
            **more,
        }

    def message(self, name: str, text: str) -> JSON:
        """What somebody typed in a 1:1 chat."""
        return self.activity("message", id=name, text=text, textFormat="plain")

    def mention(self, name: str, text: str) -> JSON:
        """What somebody typed in a channel or a group chat after the bot's name."""
        marked = f"<at>{self.app.name}</at>"
        found = self.activity("message", id=name, text=f"{marked} {text}", textFormat="plain")
        mentioned = {"id": self.app.bot, "name": self.app.name}
        found["entities"].append({"type": "mention", "mentioned": mentioned, "text": marked})
        kind = "http://schema.skype.com/Mention"
        shown = f'<span itemscope itemtype="{kind}" itemid="0">{self.app.name}</span>'
        html = f"<div><div>{shown}&nbsp;{escape(text)}</div></div>"
        return found | {"attachments": [{"contentType": "text/html", "content": html}]}

    def submitted(self, name: str, data: JSON, reply_to: str) -> JSON:
        """An Action.Submit: a message with a value and without words."""
        return self.activity("message", id=name, value=data, replyToId=reply_to)

    def invoke(self, name: str, value: JSON, reply_to: str = "") -> JSON:
        """An invoke; `reply_to` is the message that holds the card."""
        more: JSON = {"replyToId": reply_to} if reply_to else {}
        found = self.activity("invoke", name=name, value=value, **more)
        found["channelData"] |= {"source": {"name": "message" if reply_to else "compose"}}
        return found

    def task(self, name: str, data: JSON, reply_to: str) -> JSON:
        """`task/fetch` or `task/submit` with the data of the action and the values of the inputs."""
        return self.invoke(name, {"data": data, "context": _CONTEXT}, reply_to)

    def installation(self, action: str) -> JSON:
        """`installationUpdate`: `add` or `remove`."""
        found = self.activity("installationUpdate", action=action)
        if self.conversation.kind == "personal":
            found["channelData"] |= {"settings": {"selectedChannel": {"id": self.conversation.id}}}
        return found

    def members(self, event: str, who: Iterable[JSON]) -> JSON:
        """`conversationUpdate` with `membersAdded` or `membersRemoved` (`teamMemberAdded`/`Removed`)."""
        name = "membersAdded" if event.endswith("Added") else "membersRemoved"
        found = self.activity("conversationUpdate", **{name: list(who)})
        if self.conversation.kind != "personal":
            found["channelData"]["eventType"] = event
        return found

    @property
    def as_member(self) -> JSON:
        """The person in a list of members."""
        return {"id": self.account, "aadObjectId": self.person.id}

    @property
    def bot_as_member(self) -> JSON:
        """The bot in a list of members."""
        return {"id": self.app.bot}

    def _place(self) -> JSON:
        kind = self.conversation.kind
        found: JSON = {
            "conversationType": kind,
            "tenantId": self.conversation.tenant,
            "id": threaded(self.conversation, self.thread),
        }
        return found if kind == "personal" else found | {"isGroup": True}

    def _client(self) -> JSON:
        country = self.person.locale.partition("-")[2] or "US"
        return {
            "type": "clientInfo",
            "locale": self.person.locale,
            "country": country,
            "platform": "Web",
            "timezone": self.person.zone,
        }

    def _data(self) -> JSON:
        found: JSON = {"tenant": {"id": self.conversation.tenant}}
        if self.team is not None:
            found |= {
                "teamsChannelId": self.conversation.id,
                "teamsTeamId": self.team.id,
                "channel": {"id": self.conversation.id},
                "team": {"id": self.team.id, "name": self.team.name, "aadGroupId": self.team.group},
            }
        return found
