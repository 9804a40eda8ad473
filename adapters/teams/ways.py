"""How people are reached: kept from every activity that arrives, written only when something is new."""

from __future__ import annotations

from bot.conversation import Address, Side
from storage import references
from storage.engine import Database
from storage.references import Way

_MOST = 10_000  # accounts remembered in this process


class Ways:
    """The ways to accounts, as storage has them; the last ones seen are remembered here too."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[Address, Way] = {}

    async def met(self, way: Way, side: Side) -> None:
        """An activity says how its sender is reached now."""
        known = self._seen.get(way.address)
        news = _both(known, way) if known else way
        if news == known:
            return
        await self._database.run(lambda tx: references.keep(tx, way, side))
        if len(self._seen) >= _MOST:
            del self._seen[next(iter(self._seen))]
        self._seen[way.address] = news

    async def to(self, address: Address) -> Way | None:
        """The way to an account; its conversation is "" when there is no chat with it yet."""
        known = self._seen.get(address)
        if known is not None and known.conversation:
            return known
        return await self._database.run(lambda tx: references.find(tx, address), reads=True)

    async def known(self, address: Address) -> bool:
        """Whether an account ever met the bot, wherever it was."""
        return await self._database.run(lambda tx: references.known(tx, address), reads=True)

    async def lost(self, address: Address) -> None:
        """The bot was removed from somebody's chat."""
        self._seen.pop(address, None)
        await self._database.run(lambda tx: references.lost(tx, address))


def _both(known: Way, way: Way) -> Way:
    """The newer way, and what only the older one says."""
    return Way(
        way.address,
        way.service_url,
        way.conversation or known.conversation,
        way.locale or known.locale,
        way.zone or known.zone,
    )
