"""An alumnus who refers 田中 恵子 for an opening, up to where a story begins."""

from __future__ import annotations

from typing import Any

from bot.conversation import Address, Side
from storage import accounts
from storage.engine import Tx
from storage.openings import Opening
from storage.referrals import Referral
from tests.journeys import a_member
from tests.offered import Company
from tests.reader import Reader
from tests.world import Somebody, World

KEIKO, MAIL = "田中 恵子", "keiko@home.example.jp"
WHY = "数字に強く、誠実な方です"
YES, NO = "はい、紹介を進める", "いいえ、今回はけっこうです"
BACK = "紹介を取り消す"
FORM: dict[str, Any] = {
    "name": KEIKO, "email": MAIL, "relation": "colleague", "why": WHY, "language": "japanese",
    "told": ["yes"],
}  # fmt: skip


def all_of(world: World, kind: type) -> list[Any]:
    """Every row of a table, in order."""
    return list(world.reads(lambda tx: list(tx.query(kind).order_by(kind.id).all())))  # type: ignore[attr-defined]


def referral(world: World) -> Referral:
    """The newest referral."""
    found: Referral = all_of(world, Referral)[-1]
    return found


def web(somebody: Somebody) -> Address:
    """Who a member is on our pages."""
    return accounts.web_person(somebody.person.id, Side.ALUMNI)


def staff(world: World, email: str) -> Address:
    """Who somebody of the staff is on our pages."""

    def look(tx: Tx) -> Address:
        member = accounts.staff_by_email(tx, email)
        assert member is not None
        return accounts.web_staff(tx, member)

    found: Address = world.reads(look)
    return found


async def who_referred(company: Company, **form: object) -> tuple[Somebody, Opening]:
    """A member who has named her for an opening, in Slack."""
    aiko, row = await a_member(company.world), company.opening()
    await aiko.types(f"/refer {row.id}")
    assert await aiko.fills(**{**FORM, **form}) == {}
    await company.world.settle()
    return aiko, row


async def who_agreed(company: Company, reader: Reader) -> tuple[Somebody, Opening]:
    """She has read the mail and said yes."""
    aiko, row = await who_referred(company)
    await reader.browser.open(reader.way(MAIL, YES))
    await reader.sends(me=["yes"])
    return aiko, row
