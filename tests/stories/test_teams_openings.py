"""Openings, raised hands and referrals told in Teams: the stories of Slack with everybody in Teams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.conversation import Platform
from tests.offered import Company, company_in
from tests.reader import Reader, reading
from tests.stories import test_interest, test_posted, test_refer
from tests.world import ALUMNI, COMPANY


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path, platform=Platform.TEAMS) as made:
        for somebody in (made.world.hr, made.deputy, made.other, made.manager):
            await made.world.slack.adds_app(COMPANY, somebody.company_user)
        yield made


@pytest.fixture
async def reader(company: Company) -> AsyncIterator[Reader]:
    async with reading(company.world) as one:
        yield one


async def test_a_hand_from_the_opening_to_the_answer(company: Company) -> None:
    await test_interest.test_from_the_opening_to_the_answer(company)


@pytest.mark.long
async def test_a_referral_from_the_form_to_the_thanks(
    company: Company, reader: Reader, capfd: pytest.CaptureFixture[str]
) -> None:
    await test_refer.test_refer_consent_answer_thanks(company, reader, capfd)


@pytest.mark.long
async def test_a_referral_taken_back(company: Company, reader: Reader) -> None:
    await test_refer.test_taken_back_by_the_referrer_while_asked(company, reader)


@pytest.mark.long
async def test_hr_writes_it_in_dialogs_and_the_channel_shows_it(company: Company) -> None:
    await company.world.slack.joins(
        ALUMNI, name="見知らぬ 人", email="x@home.example.jp"
    )  # Teams tells where it is
    await test_posted.test_a_change_edits_the_message_that_stands(company)
