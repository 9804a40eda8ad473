"""Where people are reached in Teams: through which connector, and in which chat of their own with the bot.

A connector's address may change at any time, so every activity that arrives says it anew; what is stored is
what Microsoft said last. Source: platform-facts T5, T7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, mapped_column

from bot.cadence import zone_or
from bot.conversation import Address, Side
from storage import accounts
from storage.columns import Row, kept
from storage.engine import Tx, now


class Reference(Row):
    """The way to one account; `conversation` is "" while the bot has no chat with it."""

    __tablename__ = "teams_references"
    __table_args__ = (
        {"info": kept("person", "stay_in_touch", "as long as the account", whose="address.person_id")},
    )

    address: Mapped[str] = mapped_column(
        String(120), ForeignKey("accounts.address", ondelete="CASCADE"), primary_key=True
    )
    service_url: Mapped[str] = mapped_column(String(300))
    conversation: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Way:
    """What an activity says about how its sender is reached, and which language and zone they use.

    `conversation` is their own chat with the bot, "" in an activity from elsewhere.
    """

    address: Address
    service_url: str
    conversation: str = ""
    locale: str = ""
    zone: str = ""


def keep(tx: Tx, way: Way, side: Side) -> None:
    """Remember a way, and the account when it is met for the first time; a known chat is not forgotten over
    an activity from elsewhere. Language and zone count while the platform has said nothing else; a zone
    that is none here is not taken over."""
    account = accounts.note(tx, way.address, side)
    account.locale = account.locale or way.locale[:2]
    account.zone = zone_or(account.zone, zone_or(way.zone, ""))
    row = tx.get(Reference, str(way.address))
    if row is None:
        tx.add(Reference(str(way.address), way.service_url, way.conversation, now(tx)))
    else:
        row.service_url, row.at = way.service_url, now(tx)
        row.conversation = way.conversation or row.conversation
    tx.flush()


def find(tx: Tx, address: Address) -> Way | None:
    """The way to an account; without a chat of its own, the connector at least; nothing for one whose tenant
    never spoke to us."""
    row = tx.get(Reference, str(address))
    if row is not None:
        return Way(address, row.service_url, row.conversation)
    url = service_url(tx, address.workspace)
    return Way(address, url) if url else None


def known(tx: Tx, address: Address) -> bool:
    """Whether an account ever met the bot, wherever it was: it said something, or was given the app."""
    return tx.get(Reference, str(address)) is not None


def service_url(tx: Tx, tenant: str) -> str:
    """The connector that a tenant used last, "" for one that never spoke to us."""
    near = Reference.address.startswith(f"teams:{tenant}:", autoescape=True)
    query = select(Reference.service_url).where(near).order_by(Reference.at.desc())
    return tx.scalar(query.limit(1)) or ""


def lost(tx: Tx, address: Address) -> None:
    """There is no chat with an account any more: the bot was removed from it."""
    tx.execute(update(Reference).where(Reference.address == str(address)).values(conversation=""))
