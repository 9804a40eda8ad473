"""The cards of openings, raised hands and referrals as agreed, in both languages."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from adapters.slack.render import Renderer
from bot import interested, offering
from bot.app import CATALOGUE
from bot.commands import interest, introduced
from bot.conversation import Button, Card, t
from bot.policy import Policy
from bot.texts import Texts
from storage.openings import Employment, Opening, Phase, Remote
from storage.referrals import Referral
from tests.adapters.samples import BRAND, TEAM

RENDERER = Renderer(Texts.load(CATALOGUE), BRAND)


def opening(phase: Phase) -> Opening:
    """One with everything said."""
    row = Opening(
        title="営業企画 <!channel>", closes_on=date(2026, 12, 31), owner="hr@example.jp",
        owner_name="佐藤 美咲",
        made_by="slack:T0:U0", made_at=datetime(2026, 4, 1, tzinfo=UTC), department="営業部", place="東京",
        remote=Remote.PARTLY, employment=Employment.SIDE_JOB,
        about="お客様への提案をお願いします。", grade="G4",
        service_years="通算します", retirement_pay="なし", paid_leave="初日から10日",
        probation="3か月", state=phase,
    )  # fmt: skip
    row.id = 12
    return row


def referral() -> Referral:
    """A candidate who agreed."""
    row = Referral(
        opening_id=12, person_id="p_1", referrer_id="p_2", mark=b"", relation="friend",
        made_at=datetime(2026, 4, 1, tzinfo=UTC), expires_at=datetime(2026, 4, 15, tzinfo=UTC),
    )  # fmt: skip
    row.id, row.answer_by = 7, date(2026, 4, 8)
    return row


CARDS: dict[str, Card] = {
    "open": offering.card(
        opening(Phase.OPEN), Button(t("interest.button"), interest.hand(12), "primary")
    ),
    "closed": offering.card(opening(Phase.CLOSED)),
    "a_hand_came": interested.came(interest.see(900)),
    "news": interested.news(interest.see(900)),
    "candidate_late": introduced.reminder(referral(), opening(Phase.OPEN), Policy(BRAND)),
    "nobody_answers": introduced.orphaned(opening(Phase.OPEN)),
}  # fmt: skip


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("name", sorted(CARDS))
def test_as_agreed(snapshot: SnapshotAssertion, name: str, locale: str) -> None:
    message = RENDERER.message(CARDS[name], locale, "Asia/Tokyo", TEAM)
    assert message == snapshot.use_extension(JSONSnapshotExtension)
