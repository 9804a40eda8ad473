"""What may be given for a referral: every country has its rule, its source, a sentence in both languages."""

from __future__ import annotations

import tomllib

import pytest

from bot import phrasing, rewards
from bot.texts import LOCALES, Texts
from tests.house.source import ROOT

TEXTS = Texts.load(ROOT / "bot/catalogue")
REWARDS = sorted(rewards.known().values(), key=lambda one: one.country)


@pytest.mark.parametrize("reward", REWARDS, ids=lambda one: one.country)
def test_every_country_has_its_source_and_both_languages(reward: rewards.Reward) -> None:
    assert reward.source
    assert {reward.to_employees, reward.to_others} <= {"thanks", "wages"}
    for locale in LOCALES:
        assert TEXTS.plain(reward.sentence, locale)
    assert phrasing.changeable(reward.sentence.key)


def test_every_sentence_belongs_to_a_country() -> None:
    spoken = {key.rpartition(".")[2] for key in TEXTS.keys() if key.startswith("refer.reward.")}  # noqa: SIM118
    assert spoken == {one.country.lower() for one in REWARDS}


def test_in_japan_nobody_but_employees_gets_more_than_thanks() -> None:
    japan = rewards.of("JP")
    assert (japan.to_employees, japan.to_others) == ("wages", "thanks")
    assert "職業安定法 40条" in japan.source
    assert "30条" in japan.source


@pytest.mark.parametrize("country", ["", "FR", "jp"])
def test_a_country_of_which_nothing_is_known_follows_the_general_rule(country: str) -> None:
    assert rewards.of(country) is rewards.known()[rewards.OTHER]


def test_the_file_holds_nothing_else() -> None:
    table = tomllib.loads((ROOT / "bot/rewards.toml").read_text("utf-8"))
    assert all(entry.keys() == {"to_employees", "to_others", "source"} for entry in table.values())
