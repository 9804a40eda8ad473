"""What may be given for a referral, by country: data in `rewards.toml`, a sentence each in the catalogue.

In Japan nobody but its own employees, as wages, may be rewarded by a company for finding it workers, and who
does so for a fee needs a licence: an alumnus gets thanks. Source: 職業安定法 40条, 30条. No legal advice.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from bot.conversation import Text, t

Gift = Literal["thanks", "wages"]
OTHER = "other"
_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class Reward:
    """What a country's employees may get and what everybody else, and by which rule."""

    country: str
    to_employees: Gift
    to_others: Gift
    source: str

    @property
    def sentence(self) -> Text:
        """What a referrer is told."""
        return t(f"refer.reward.{self.country.lower()}")


@cache
def known() -> Mapping[str, Reward]:
    """Every country of the file, and `other`. Raises `TypeError` for an entry that says too little or too
    much."""
    table = tomllib.loads(_FILE.read_text("utf-8"))
    return {country: Reward(country, **entry) for country, entry in table.items()}


def of(country: str) -> Reward:
    """The rule of a country (ISO 3166, "" for none); the general one where no other is known."""
    return known().get(country, known()[OTHER])
