"""Somebody in a story: types, presses, fills in and reads in the local Slack, and has mailboxes."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from adapters.playground.slack_state import Message, View
from bot.conversation import Side
from bot.playground import TEAMS
from storage import leavers, people
from storage.leavers import Leaver, Stage
from storage.people import Person

if TYPE_CHECKING:
    from tests.world import World

TOKYO = ZoneInfo("Asia/Tokyo")
LATE = ("入力画面を開く", "Open the form")
AGAIN = "もう一度操作"
"""What is said of what took too long and stands in no message."""
TRIES = 4
"""How often somebody does as they are told before they give up."""
COMPANY, ALUMNI = TEAMS[Side.COMPANY], TEAMS[Side.ALUMNI]


@dataclass
class Somebody:
    """A human being with accounts, who types, presses and reads."""

    world: World
    name: str
    company_email: str = ""
    company_user: str = ""
    alumni_user: str = ""
    number: str = ""
    dates: dict[str, str] = field(default_factory=dict)
    stint: int = 0

    # --- what HR's file says about them --------------------------------------------------------------

    def leaves(self, **changes: str) -> dict[str, str]:
        """Their row in a leavers' file."""
        row = {
            "社員番号": self.number, "氏名": self.name, "会社メール": self.company_email, "部署": "営業部",
            "退職区分": "自己都合", "状態": "予定",
        }  # fmt: skip
        return row | self.dates | changes

    # --- what they do --------------------------------------------------------------------------------

    def _at(self, side: Side | None) -> tuple[str, str]:
        if side is Side.ALUMNI or (side is None and self.alumni_user):
            return ALUMNI, self.alumni_user
        return COMPANY, self.company_user

    async def types(self, text: str, side: Side | None = None) -> str:
        """Type into the conversation with the bot; what is seen afterwards, newest words only."""
        return await self._as_told(lambda: self.types_once(text, side), side)

    async def types_once(self, text: str, side: Side | None = None) -> None:
        """Type, and leave it at that however long it takes."""
        team, user = self._at(side)
        delivery = await self.world.slack.types(team, user, text)
        await self.world.answered()
        assert delivery.ok, delivery

    async def _as_told(self, do: Callable[[], Awaitable[None]], side: Side | None) -> str:
        """Do something; what is seen afterwards. Who reads that it took long, on a machine with much else to
        do, does as the message says: the same again, or the button under which the form is, a few times."""
        team, user = self._at(side)
        before = told = len(self.world.slack.messages(team, user))

        def seen(since: int) -> str:
            return "\n".join(words_of(m) for m in self.world.slack.messages(team, user)[since:])

        await do()
        for _ in range(TRIES):
            news, told = seen(told), len(self.world.slack.messages(team, user))
            if AGAIN in news:
                await do()
            elif not self.world.ground.teams and any(word in news for word in LATE):
                await self._late_form(team, user)
            else:
                break
        return seen(before)

    def sees(self, side: Side | None = None) -> str:
        """Every word in the conversation with the bot, and in the open dialog."""
        team, user = self._at(side)
        seen = [words_of(m) for m in self.world.slack.messages(team, user)]
        view = self.world.slack.modal(team, user)
        return "\n".join([*seen, *([words_of(view)] if view else [])])

    def modal(self, side: Side | None = None) -> View | None:
        """The open dialog."""
        return self.world.slack.modal(*self._at(side))

    async def presses(
        self, action: str, side: Side | None = None, nth: int = -1, of: Somebody | str = "", **form: Any
    ) -> None:
        """Press the newest button of an action (about somebody, or with a word in its value); with a form,
        fill it in and send it."""
        await self._as_told(lambda: self.presses_once(action, side, nth, of), side)
        if form:
            await self.fills(side, **form)

    async def presses_once(
        self, action: str, side: Side | None = None, nth: int = -1, of: Somebody | str = ""
    ) -> None:
        """Press, and leave it at that however long it takes."""
        team, user = self._at(side)
        about = f'"leaver":{of.row.id}}}' if isinstance(of, Somebody) else f'"{of}"' if of else ""
        where, element = self.world.button(team, user, action, nth, about)
        delivery = await self.world.slack.presses(
            team, user, action=element["action_id"], value=element.get("value"), **where
        )
        assert delivery.ok, delivery
        await self.world.answered()

    async def fills(self, side: Side | None = None, **form: Any) -> dict[str, str]:
        """Send the open form; the errors it came back with."""
        team, user = self._at(side)
        view = self.world.slack.modal(team, user)
        assert view is not None, f"no dialog is open, but: {self.sees(side)[-500:]}"
        delivery = await self.world.slack.submits(team, user, view.id, form)
        assert delivery.ok, delivery
        await self.world.answered()
        left = self.world.slack.modal(team, user)
        return dict(left.errors) if left else {}

    async def _late_form(self, team: str, user: str) -> None:
        shown = self.world.buttons(team, user)
        where, element = [at for at in shown if at[1].get("text", {}).get("text") in LATE][-1]
        told = {"action": element["action_id"], "value": element.get("value"), **where}
        await self.world.slack.presses(team, user, **told)
        await self.world.answered()

    @property
    def home_email(self) -> str:
        """Their private address."""
        return f"{self.number.lower()}@home.example.jp"

    async def says_yes(self, email: str = "", reach: str = "chat") -> None:
        """Press はい and give a private address."""
        await self.presses("welcome.yes", Side.COMPANY, personal_email=email or self.home_email, reach=reach)
        await self.world.settle()

    def proof_code(self, email: str = "") -> str:
        """The code in the newest proof in their private mailbox."""
        mails = [
            m for m in self.world.mails(email or self.home_email) if self.world.kind(m) == "welcome.proof"
        ]
        code = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", mails[-1].text)
        assert code, mails[-1].text
        return code[0]

    async def proves_the_address(self, email: str = "") -> None:
        """Read the code in the private mailbox and enter it in the company chat."""
        await self.presses("welcome.prove", Side.COMPANY, code=self.proof_code(email))

    async def joins(self, email: str = "", name: str = "", **details: Any) -> None:
        """Make an account in the alumni workspace with this address, confirmed if nothing else is said."""
        details = {"email_confirmed": True, **details}
        self.alumni_user = await self.world.slack.joins(
            ALUMNI, name=name or self.name, email=email or self.home_email, **details
        )
        await self.world.settle()

    async def forges(self, action: str, about: Somebody) -> None:
        """Send a button that was never shown to them: somebody else's."""
        where, element = self.world.button(*self._at(Side.COMPANY), "welcome.no")
        own, value = dict(element), json.dumps([action, {"leaver": about.row.id}])
        element |= {"action_id": f"{action}#1", "value": value}
        await self.world.slack.presses(*self._at(Side.COMPANY), action=f"{action}#1", value=value, **where)
        await self.world.answered()
        element |= own

    async def chooses(self, name: str, query: str, side: Side | None = None) -> list[str]:
        """Type into a search field of the open form and take the first suggestion; all that were offered."""
        team, user = self._at(side)
        view = self.world.slack.modal(team, user)
        fields = {b.get("block_id"): b["element"]["action_id"] for b in view.blocks if "element" in b}
        options: list[Any] = []
        for _ in range(TRIES):  # nothing may also be said of what took too long: then one goes on typing
            options = options or await self.world.slack.seeks(team, user, view.id, fields[name], query)
        if options:
            self.world.slack.fills(team, user, view.id, {name: options[0]["value"]})
        return [str(option["text"]["text"]) for option in options]

    async def decides(self, word: str, about: Somebody, **form: Any) -> None:
        """As HR: open somebody's details from the list and press go, hold, never …"""
        await self.types(f"/alumni leavers {about.person.name}", Side.COMPANY)
        await self.presses("leavers.show", Side.COMPANY, of=about)
        await self.presses(f"decisions.{word}", Side.COMPANY, of=about, **form)
        await self.world.settle()

    async def opens_home(self, side: Side | None = None) -> str:
        """Open the bot's home; its words."""
        team, user = self._at(side)
        await self.world.slack.opens_home(team, user)
        await self.world.answered()
        view = self.world.slack.home(team, user)
        return words_of(view) if view else ""

    # --- what the house holds about them -------------------------------------------------------------

    @property
    def row(self) -> Leaver:
        """Their newest stint, or what is left of it when it was erased."""
        found: Leaver | None = self.world.reads(lambda tx: leavers.latest(tx, "", self.number))
        self.stint = found.id if found else self.stint
        kept = found or self.world.reads(lambda tx: leavers.get(tx, self.stint))
        assert kept is not None
        return kept

    @property
    def letters(self) -> list[tuple[str, str]]:
        """Every message that reached them: its kind, and when by the company's wall clock."""
        person = self.row.person_id
        return [
            (d.kind, f"{d.done_at.astimezone(TOKYO):%m-%d %H:%M}")
            for d in self.world.sent()
            if d.person_id == person
        ]

    @property
    def stage(self) -> Stage:
        """Where they stand."""
        return self.row.stage

    @property
    def person(self) -> Person:
        """Their person row."""
        found = self.world.reads(lambda tx: people.get(tx, self.row.person_id))
        assert found is not None
        return found

    @property
    def joining_code(self) -> str:
        """The code in their last invitation (or, if they use another mailbox, in the last one anywhere)."""
        mails = self.world.mails(self.home_email) or self.world.mails()
        return self.world.code_in(*(mail.text for mail in mails))


def words_of(shown: Message | View) -> str:
    """All words of a message or a view, without the brand line's address."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("text"), str):
                found.append(node["text"])
            for key, value in node.items():
                if key != "text" or not isinstance(value, str):
                    walk(value)
        elif isinstance(node, list | tuple):
            for item in node:
                walk(item)

    title = getattr(shown, "title", "")
    walk(list(shown.blocks))
    return "\n".join([title, *found] if isinstance(title, str) else found)
