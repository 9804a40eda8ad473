"""Which places in lanes a message needs before it goes, and taking them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bot.clock import Clock
from bot.conversation import Address, Side
from bot.ports import Messenger
from jobs import lanes
from jobs.outbox.gates import Gates
from jobs.outbox.receivers import SOON, Receiver, Wait, line_of, side_of
from storage import pace
from storage.outbox import Delivery
from storage.pace import Lanes, Place

MAILS = 16
"""Mails under way side by side: no mail server is met by more connections of one process."""


class Tolls:
    """What each way costs, at the pace of `factor`; a message that finds no place waits, and with it those
    of its queue that would need the same one."""

    def __init__(self, chats: Mapping[Side, Messenger], clock: Clock, factor: float) -> None:
        self._chats, self._clock, self.factor = chats, clock, factor
        self.gates = Gates()
        self._mails = 0

    def first(self, row: Delivery, receiver: Receiver, body: Mapping[str, Any]) -> tuple[list[Place], bool]:
        """The places that a claimed message needs now, and whether it may go with them; else something has to
        be asked first, and it is looked at once more."""
        if body.get("invites"):
            return [lanes.invitation(self.factor)], False
        account = receiver.account
        if self.mails(row, receiver):
            return ([], False) if row.ambiguous else ([lanes.mail(self.factor)], True)
        if account is None:
            return [], False
        if row.ambiguous and not row.remote:
            return self.asking(row, receiver, account), False
        return self.sending(row, receiver, account), True

    def mails(self, row: Delivery, receiver: Receiver) -> bool:
        """Whether there is no chat for it."""
        chat = self._chats.get(side_of(row))
        return chat is None or (receiver.account is None and not receiver.company_email)

    def sending(self, row: Delivery, receiver: Receiver, account: Address) -> list[Place]:
        """The places for a message in a chat, or for an edit."""
        if row.remote:
            return lanes.edit(account, self.factor)
        opening = lanes.opens(row, account, receiver.chat)
        return lanes.to(account, opening=opening, factor=self.factor)

    def asking(self, row: Delivery, receiver: Receiver, account: Address) -> list[Place]:
        """The places for a look whether it stands there."""
        opening = lanes.opens(row, account, receiver.chat)
        return lanes.reading_back(account, opening=opening, factor=self.factor)

    def take(self, row: Delivery, free: Lanes, places: Sequence[Place]) -> None:
        """Raises `Wait` when a lane is full; the rest of its queue waits too unless it is one receiver's."""
        if self._mails >= MAILS and any(place.key == lanes.MAIL for place in places):
            self._shut(row, pace.Full(lanes.MAIL, SOON, SOON))
        full = free.take(places)
        if full is not None:
            self._shut(row, full)

    def _shut(self, row: Delivery, full: pace.Full) -> None:
        if lanes.shared(full.key):
            self.gates.shut(line_of(row), full.key, self._clock.wire() + full.seconds)
        raise Wait(full.turn)

    @contextmanager
    def mailing(self) -> Iterator[None]:
        """A block in which a mail is under way."""
        self._mails += 1
        try:
            yield
        finally:
            self._mails -= 1
