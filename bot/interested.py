"""Who may know of a raised hand, by name, and the neutral words in which it is told: shared by both sides."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from bot.conversation import Button, Buttons, Card, Note, Paragraph, t
from storage import accounts
from storage.answers import Step
from storage.engine import Tx
from storage.interests import Interest
from storage.openings import Opening

ALONE = timedelta(minutes=10)
"""How long only the person knows of it."""


def heard(tx: Tx, row: Interest) -> list[accounts.Staff]:
    """Those who may know of it and still run the network."""
    found = (accounts.staff_by_key(tx, key) for key in row.readers)
    return [member for member in found if member is not None]


def still(tx: Tx, row: Interest) -> bool:
    """Whether anybody is left who can answer it, or somebody has."""
    return row.step is not Step.WAITING or bool(heard(tx, row))


def names(opening: Opening, keys: Collection[str]) -> list[str]:
    """Readers by name, the owner first; who is not named on the opening any more, by the key."""
    named = {opening.deputy: opening.deputy_name, opening.owner: opening.owner_name}
    return [named.get(key) or key for key in sorted(keys, key=lambda key: key != opening.owner)]


def news(*see: Button) -> Card:
    """To the person: something is to be read, and where."""
    body = (Paragraph(t("interest.news")), Buttons(see))
    return Card(t("interest.news_title"), body, t("interest.notice"))


def came(look: Button, *, late: bool = False) -> Card:
    """To somebody who may know of it: neither of whom nor for which opening."""
    about = "late" if late else "came"
    body = (Paragraph(t(f"answer.{about}")), Buttons((look,)), Note(t("answer.keep")))
    return Card(t(f"answer.{about}_title"), body, t("answer.notice"))
