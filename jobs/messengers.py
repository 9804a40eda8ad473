"""One side's chats as one messenger: whose account it is says which platform is spoken to."""

from __future__ import annotations

from collections.abc import Mapping

from bot.conversation import Address, Platform, Side
from bot.errors import Undeliverable
from bot.ports import Looks, Messenger, Outgoing, Posted


class Messengers:
    """`bot.ports.Messenger` over platforms, the one that is asked first for an e-mail address at first.

    An account on a platform without a messenger is `Undeliverable("no_app")`.
    """

    def __init__(self, platforms: Mapping[Platform, Messenger]) -> None:
        self._platforms = dict(platforms)

    async def find(self, side: Side, email: str) -> Address:
        """The account with this e-mail address on the first platform that has one.

        A platform that cannot answer now ends the search (`Retry`), so that nobody is found elsewhere by
        chance; else one where an administrator forbids the search says so (`find_forbidden`), because nobody
        is absent whom we may not look for; else the last platform's word, `not_in_workspace` before others.
        """
        reasons = []
        for messenger in self._platforms.values():
            try:
                return await messenger.find(side, email)
            except Undeliverable as unknown:
                reasons.append(unknown.reason)
        known = (word for word in ("find_forbidden", "not_in_workspace") if word in reasons)
        raise Undeliverable(next(known, reasons[-1] if reasons else "no_app"))

    async def look(self, account: Address) -> Looks:
        """How its platform describes an account."""
        return await self._for(account).look(account)

    async def send(self, to: Address, message: Outgoing) -> Posted:
        """Post or edit on the account's platform."""
        return await self._for(to).send(to, message)

    async def sent(self, to: Address, delivery: str, chat: str = "") -> Posted:
        """Whether a delivery stands on the account's platform; `Ambiguous` when that cannot be asked."""
        return await self._for(to).sent(to, delivery, chat)

    def _for(self, account: Address) -> Messenger:
        messenger = self._platforms.get(account.platform)
        if messenger is None:
            raise Undeliverable("no_app")
        return messenger
