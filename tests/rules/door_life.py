"""The same life, but whoever does something presses it, types it or appears in Slack, through dispatch."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any

from bot.app import CATALOGUE
from bot.commands.welcome import CODES_A_DAY
from bot.conversation import Happening, MemberJoined, Side, Text
from bot.dispatch import Dispatcher, Outcome
from bot.errors import Refusal
from bot.registry import Registry, discover
from bot.texts import Texts
from storage import accounts, outbox, people
from storage.engine import Tx, now
from storage.leavers import Leaver
from storage.outbox import Delivery
from tests.desk import POLICY, Desk
from tests.rules.deeds import Came, Deed, arrival
from tests.rules.leaving_life import Life

BROKE = "broke"
WELCOME = "join.welcome"
ANSWERS = frozenset({"welcome.proof", WELCOME})
"""What is only written because somebody just asked for it."""


@cache
def registry() -> Registry:
    """What can be pressed."""
    return discover("bot.commands")


@cache
def texts() -> Texts:
    """Every sentence."""
    return Texts.load(CATALOGUE)


class DoorLife(Life):
    """Everything arrives once, and nothing goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = count(1)
        self.opens(self.desk)

    def opens(self, desk: Desk) -> None:
        """A process on a database, which is closed with this life."""
        if desk is not self.desk:
            self.stack.callback(desk.database.close)
        self.desk = desk
        self.dispatcher = Dispatcher(desk.database, registry(), POLICY, texts())

    def acts(self, deed: Deed) -> Any:
        """It arrives under a new id."""
        came = self.to_arrive(deed)
        return self.arrives(came) if came is not None else None

    def to_arrive(self, deed: Deed) -> Came | None:
        """What arrives when somebody does this."""
        number = f"Ev{next(self.numbers)}"

        def make(tx: Tx) -> Came | None:
            row = self._row(tx)
            return arrival(tx, row, deed, self.seats, number) if row is not None else None

        return self.desk.does(make)

    def arrives(self, came: Came) -> Any:
        """What somebody is shown: a `Refusal`, the key of a title, `BROKE`; nothing of a repeat."""
        incoming = came.incoming
        if isinstance(incoming, MemberJoined):
            return self.happens(came, incoming)
        return _shown(self.loop.run(self.dispatcher.answer(incoming, came.side)))

    def happens(self, came: Came, event: Happening) -> Any:
        """Kept, acknowledged, driven: as every door does."""
        before = self.tied()
        if self.loop.run(self.dispatcher.keep(event, came.side)):
            self.loop.run(self.dispatcher.drive(event, came.side))
        return WELCOME if self.tied() and not before else None

    def tied(self) -> bool:
        """Whether their account in the alumni's workspace is somebody's."""
        row = self.desk.sees(lambda tx: tx.get(accounts.Account, str(self.seats.alumni)))
        return row is not None and row.person_id is not None

    def came(self, what: Any) -> bool:
        return bool(what == WELCOME)

    def is_open(self, row: Leaver, deed: Deed) -> bool:
        """Only who has a question of ours in their chat has anything to press; an answer after which a code
        would be mailed is refused when too many were today."""
        return super().is_open(row, deed) and self.desk.sees(lambda tx: self._may_press(tx, row, deed))

    def _may_press(self, tx: Tx, row: Leaver, deed: Deed) -> bool:
        known = tx.get(accounts.Account, str(self.seats.company))
        if known is None or known.person_id != row.person_id:
            return False
        proven = people.one(tx, row.person_id).private_email_proven_at is not None
        if proven or deed.what not in ("yes", "later") or not deed.email:
            return True
        return outbox.lately(tx, row.person_id, "welcome.proof", now(tx) - timedelta(days=1)) < CODES_A_DAY

    def _check(self, tx: Tx, row: Delivery) -> None:
        if row.kind not in ANSWERS:
            super()._check(tx, row)

    def _hand_over(self, tx: Tx, row: Delivery) -> None:
        """As a courier does, who finds them by their company e-mail."""
        super()._hand_over(tx, row)
        if row.kind == "welcome.question" and row.person_id is not None:
            accounts.tie(tx, self.seats.company, Side.COMPANY, people.one(tx, row.person_id), "company")


def _shown(outcome: Outcome) -> Any:
    if outcome.broke:
        return BROKE
    if outcome.errors:
        return Refusal("common.form_errors")
    title = outcome.reply.card.title if outcome.reply is not None else None
    if not isinstance(title, Text):
        return None
    return Refusal(title.key) if title.key == "common.refused" else title.key
