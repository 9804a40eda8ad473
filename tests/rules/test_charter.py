"""HR's document: every mistake at once, nothing of it half taken; what is written is read again as it was."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hris.mapping import Layers
from bot import charter, document, phrasing
from bot.cadence import Calendar
from bot.charter import RULES, Charter, Ground
from bot.policy import Policy
from bot.texts import Texts
from tests.desk import POLICY

ROOT = Path(__file__).parents[2]
TEXTS = Texts.load(ROOT / "bot/catalogue")
GROUND = Ground(POLICY, TEXTS, Layers.of())


def read(text: str) -> Charter:
    found, mistakes = charter.read(text, GROUND)
    assert not mistakes, mistakes
    return found


def mistakes(text: str) -> dict[str, tuple[str | None, str]]:
    """key -> (what was found, what would be right in English)."""
    _, wrong = charter.read(text, GROUND)
    return {one.key: (one.found, TEXTS.plain(one.right, "en")) for one in wrong}


def test_an_empty_document_changes_nothing() -> None:
    assert read("") == Charter(POLICY)
    assert document.kept(Charter(POLICY), GROUND) == ""


def test_every_section_is_taken() -> None:
    found = read(
        """
        version = 3
        [brand]
        network = "港アルムナイ"
        terms_url = "https://minato.example.jp/terms"
        [invitation]
        url = "https://join.slack.example/t/x"
        expires = 2026-12-31
        [cadence]
        ask_before_working_day = 10
        invitation_lasts_days = 45
        checkin_opens = "9:30"
        enrol_at = 17:45:00
        enrol_on = "day_after"
        [calendar]
        country = "de"
        closures = [2026-08-13, "2026-08-14"]
        [mapping.columns]
        last_day = ["終わりの日"]
        [mapping.values.state]
        planned = ["検討中"]
        [wording.ja]
        welcome.title = "{network}より"
        [wording.en]
        "leavers.stuck_title" = { one = "One: {count}", other = "Many: {count}" }
        "undelivered.count_button" = "{count} failed"
        """
    )
    policy = found.policy
    assert found.on == 3
    assert (policy.brand.network, policy.brand.company) == ("港アルムナイ", POLICY.brand.company)
    assert (policy.invitation_url, policy.invitation_expires) == (
        "https://join.slack.example/t/x", date(2026, 12, 31),
    )  # fmt: skip
    assert (policy.ask_before_working_day, policy.invitation_lasts) == (10, timedelta(days=45))
    assert (policy.checkin_opens, policy.enrol_at, policy.enrol_on) == (
        time(9, 30),
        time(17, 45),
        "day_after",
    )
    assert policy.calendar == Calendar("DE", frozenset({date(2026, 8, 13), date(2026, 8, 14)}))
    assert found.mapping["values"] == {"state": {"planned": ["検討中"]}}
    assert found.wording["welcome.title"] == {"ja": "{network}より"}
    assert found.wording["leavers.stuck_title"]["en"] == {"one": "One: {count}", "other": "Many: {count}"}
    assert POLICY.brand.network == "Minato Alumni"  # what lies under it stays as it is


BAD = """
version = "x"
[brands]
x = 1
[brand]
network = ""
contact_email = "佐藤@example.jp"
logo_url = "http://x.example/logo.png"
terms_url = "javascript:alert(1)"
colour = "red"
[invitation]
url = "join"
expires = "tomorrow"
[cadence]
ask_before_working_day = -1
later_months = true
unanswered_days = "ninety"
enrol_on = "never"
ask_at = "25:00"
checkin_opens = "18:00"
[calendar]
country = "ZZ"
closures = ["8/14"]
[mapping.columns]
birthday = ["誕生日"]
[wording.ja]
"welcome.title" = "{network}からの{name}へのおたずね"
"welcome.say_yes" = 1
"welcome.what" = "**{network}"
[wording.en]
"welcom.title" = "x"
"find.verb" = "look"
"welcome.say_no" = " No "
"welcome.say_later" = "<b>Later</b>"
"welcome.title" = { one = "{network}", other = "{network}" }
"checkin.title" = "For our a\\u006cums"
[wording.fr]
x = "y"
"""


def test_every_mistake_is_told_at_once_with_what_would_be_right() -> None:
    found = mistakes(BAD)
    assert set(found) == {
        "brands", "brand.network", "brand.contact_email", "brand.logo_url", "brand.terms_url", "brand.colour",
        "invitation.url", "invitation.expires", "cadence.ask_before_working_day", "cadence.later_months",
        "cadence.unanswered_days", "cadence.enrol_on", "cadence.ask_at", "cadence.checkin_closes",
        "calendar.country", "calendar.closures", "mapping.columns.birthday", "wording.ja.welcome.title",
        "wording.ja.welcome.say_yes", "wording.ja.welcome.what", "wording.en.welcom.title",
        "wording.en.find.verb", "wording.en.welcome.say_no", "wording.en.welcome.say_later",
        "wording.en.welcome.title", "wording.en.checkin.title", "wording.fr",
    }  # fmt: skip
    assert found["cadence.ask_before_working_day"] == ("-1", "Please enter a number from 0 to 180.")
    assert found["wording.ja.welcome.title"][0] == "{name} {network}"
    assert "{network}" in found["wording.ja.welcome.title"][1]
    assert "welcome.title" in found["wording.en.welcom.title"][1]
    assert all(right for _, right in found.values())
    assert all(TEXTS.plain(one.right, "ja") for one in charter.read(BAD, GROUND)[1])


def test_what_is_wrong_stays_as_it_was_and_what_is_right_is_still_understood() -> None:
    found, _ = charter.read(BAD.replace('ask_at = "25:00"', 'ask_at = "8:15"'), GROUND)
    assert found.policy == replace(POLICY, ask_at=time(8, 15))
    assert not found.wording
    assert not found.mapping


@pytest.mark.parametrize(
    "text",
    [
        "[brand", "brand = 1", "wording = 1", "mapping = 1", "wording.ja = 1", "[[brand]]\nx = 1",
        "x" * 300_001,
        "[mapping]\ncolumns = 1", "[wording.ja.welcome]\ntitle = [1]", "cadence = []",
    ],
)  # fmt: skip
def test_a_broken_document_is_told_not_thrown(text: str) -> None:
    found, wrong = charter.read(text, GROUND)
    assert wrong
    assert found == Charter(POLICY)


def test_words_that_are_never_said_are_refused() -> None:
    boomerang = "".join(map(chr, (0x51FA, 0x623B, 0x308A)))
    found = mistakes(f'[brand]\nnetwork = "{boomerang}の会"\n[wording.ja]\n"welcome.say_yes" = "{boomerang}"')
    assert set(found) == {"brand.network", "wording.ja.welcome.say_yes"}
    assert all("never use" in right for _, right in found.values())


def test_the_whole_document_has_every_value_and_changes_nothing() -> None:
    text = document.whole(Charter(POLICY), GROUND, 7)
    table = tomllib.loads(text)
    assert table["version"] == 7
    assert {f"{s}.{k}" for s in table if s in charter.SECTIONS[:5] for k in table[s]} == {
        r.key for r in RULES
    }
    assert '# "welcome.title" = "A question from {network}"' in text.splitlines()
    assert any(line.startswith("# last_day = [") for line in text.splitlines())
    found = read(text)
    assert replace(found, on=None) == Charter(POLICY)
    assert document.kept(found, GROUND) == ""


def test_every_rule_has_its_name_in_both_languages() -> None:
    assert all(TEXTS.has(document.label(rule, TEXTS)) for rule in RULES)


def test_only_what_differs_is_kept() -> None:
    changed = replace(
        POLICY, ask_before_last_day=20, brand=replace(POLICY.brand, logo_url="https://x.jp/l.png")
    )
    own = Charter(changed, {"welcome.say_yes": {"ja": "はい！"}}, {"columns": {"last_day": ["終わり"]}})
    text = document.kept(own, GROUND)
    assert tomllib.loads(text) == {
        "brand": {"logo_url": "https://x.jp/l.png"},
        "cadence": {"ask_before_last_day": 20},
        "mapping": {"columns": {"last_day": ["終わり"]}},
        "wording": {"ja": {"welcome.say_yes": "はい！"}},
    }
    assert read(text) == own
    assert read(document.whole(own, GROUND, 1)) == replace(own, on=1)


def test_the_original_said_again_is_no_change() -> None:
    assert not read('[wording.en]\n"welcome.say_yes" = "Yes"').wording


PLAIN = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)
POLICIES = st.builds(
    lambda **values: replace(
        POLICY,
        brand=replace(POLICY.brand, network=values.pop("network")),
        calendar=Calendar("JP", values.pop("closures")),
        **values,
    ),
    network=PLAIN.filter(lambda s: not phrasing.never(s) and s == phrasing.clean(s)),
    closures=st.frozensets(st.dates(date(2020, 1, 1), date(2090, 1, 1)), max_size=5),
    ask_before_working_day=st.integers(0, 180),
    enrol_at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    enrol_on=st.sampled_from(("last_day", "last_working_day", "day_after")),
    invitation_expires=st.none() | st.dates(date(2020, 1, 1), date(2090, 1, 1)),
)


@given(POLICIES, PLAIN.filter(lambda s: not list(phrasing.wrong("welcome.say_yes", "ja", s, TEXTS))))
def test_what_is_written_is_read_again_as_it_was(policy: Policy, yes: str) -> None:
    own = Charter(policy, {} if yes == "はい" else {"welcome.say_yes": {"ja": yes}})
    assert read(document.kept(own, GROUND)) == own
    assert replace(read(document.whole(own, GROUND, 2)), on=None) == own


@given(
    st.dictionaries(
        st.sampled_from([r.key for r in RULES]), st.text() | st.integers() | st.none() | st.dates()
    )
)
def test_whatever_is_typed_is_taken_or_told(typed: dict[str, Any]) -> None:
    for rule in RULES:
        if rule.key in typed:
            policy, wrong = charter.amend(POLICY, rule.section, {rule.name: typed[rule.key]})
            assert wrong or rule.read(rule.get(policy)) == rule.read(typed[rule.key])


def test_texts_say_what_hr_says_and_the_original_again() -> None:
    texts = Texts({"a.b": {"ja": "あ", "en": "A"}, "a.c": {"ja": "い", "en": "B"}})
    texts.lay_over({"a.b": {"ja": "う"}, "gone.x": {"ja": "え"}})
    assert (texts.pattern("a.b", "ja"), texts.pattern("a.b", "en"), texts.edition) == ("う", "A", 1)
    assert texts.original("a.b")["ja"] == "あ"
    assert not texts.has("gone.x")
    texts.lay_over({})
    assert (texts.pattern("a.b", "ja"), texts.edition) == ("あ", 2)


def test_a_policy_is_adopted_by_everybody_who_holds_it() -> None:
    live = replace(POLICY, brand=replace(POLICY.brand))
    brand = live.brand
    other = replace(POLICY, ask_before_last_day=5, brand=replace(POLICY.brand, network="港"))
    live.adopt(other)
    assert live == other
    assert live.brand is brand
    assert brand.network == "港"


def test_which_sentences_carry_consents() -> None:
    assert phrasing.consent_of("welcome.wording") == "stay_in_touch"
    assert phrasing.consent_of("welcome.title") is None
    named = {key for key in TEXTS.keys() if phrasing.consent_of(key)}  # noqa: SIM118
    assert named >= {"welcome.wording", "join.intro", "join.enter.agree.yes"}
