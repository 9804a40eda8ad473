"""The page on which a candidate consents, in a real browser: both languages, phone and desk, light and dark.

Pictures of it are left in `var/shots/web-*-candidate-*.png`.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.commands import refer
from bot.conversation import Side
from bot.playground import HR_EMAIL
from storage import accounts, openings, people
from storage.engine import Tx
from storage.openings import Employment, Opening, Remote
from storage.referrals import Stand
from tests.e2e import access
from tests.e2e.test_pages import Tour, enters, tabs_to, touring
from tests.reader import send
from tests.referred import FORM, MAIL, referral

MEMBER = "saori.takahashi@example.com"


def post(tx: Tx) -> Opening:
    """An opening with everything that it may say."""
    row = openings.add(
        tx, "slack:T0:U0", title="倉庫システムの企画", closes_on=date(2026, 9, 30), owner=HR_EMAIL,
        owner_name="佐藤 美咲", department="倉庫事業部", place="横浜", remote=Remote.PARTLY,
        employment=Employment.REGULAR, grade="以前の等級から", service_years="以前の勤続年数を通算します",
        retirement_pay="通算した年数で計算します", paid_leave="初日から20日", probation="なし",
    )  # fmt: skip
    openings.publish(tx, row, "slack:T0:U0")
    return row


async def who_was_named(tour: Tour, language: str) -> None:
    """A member has named somebody; the mail lies there."""
    world = tour.world
    member = world.reads(lambda tx: people.by_proven_email(tx, MEMBER))
    opening = world.writes(post)
    form = {**FORM, "language": language, "told": ("yes",)}
    who = accounts.web_person(member.id, Side.ALUMNI)
    await send(world, who, refer.introduce(opening=opening.id), **form)


@pytest.mark.long
@pytest.mark.parametrize(
    ("locale", "language"), [("ja", "japanese"), pytest.param("en", "english", marks=pytest.mark.long)]
)
async def test_the_page_of_consent_is_for_everybody(tmp_path: Path, locale: str, language: str) -> None:
    async with touring(tmp_path, locale) as tour:
        await who_was_named(tour, language)
        await tour.opens(await tour.mailed(MAIL, "candidate.no_button"))
        await tour.look("candidate-no")
        await tour.opens(await tour.mailed(MAIL, "candidate.yes_button"))
        await tour.look("candidate-consent")
        assert tour.words("refer.introduce.relation.colleague") in await tour.page.inner_text("main")
        await tour.submits()
        await tour.look("candidate-consent-wrong")
        assert referral(tour.world).stand is Stand.ASKED
        await tour.page.check("[name=me]")
        await tour.submits()
        await tour.look("candidate-agreed")
        assert referral(tour.world).stand is Stand.AGREED
        await tour.opens(await tour.mailed(MAIL, "candidate.leave_button"))
        await tour.look("candidate-leave")
        await tour.clicks(tour.page.locator("main .primary"))
        await tour.look("candidate-left")
        assert referral(tour.world).person_id is None
        await tour.opens(await tour.mailed(MAIL, "candidate.leave_button"))
        await tour.clicks(tour.page.locator("main .primary"))
        await tour.look("candidate-over")
    assert not tour.wrong, "\n".join(tour.wrong)


async def test_the_keyboard_alone_says_yes(tmp_path: Path) -> None:
    async with touring(tmp_path, "ja", scripts=True) as tour:
        await who_was_named(tour, "japanese")
        await tour.opens(await tour.mailed(MAIL, "candidate.yes_button"))
        assert not await access.walk(tour.page)
        await tour.page.reload()
        await tabs_to(tour, "f-me")
        await tour.page.keyboard.press("Space")
        await tabs_to(tour, tour.words("candidate.agree.button"))
        await enters(tour)
        assert referral(tour.world).stand is Stand.AGREED
