"""Openings of three kinds, and somebody who says what they would like to do."""

from __future__ import annotations

from typing import Any

from storage import consents, wishes
from storage.consents import Purpose
from storage.openings import Employment, Opening, Remote
from tests.offered import Company
from tests.world import Somebody


def three(company: Company) -> tuple[Opening, Opening, Opening]:
    """Sales in Tokyo, Python anywhere, accounting in Osaka."""
    return (
        company.opening(),
        company.opening(
            "データ基盤", for_skills="Python", department="開発部", place="", remote=Remote.FULLY
        ),
        company.opening(
            "経理", department="経理部", place="大阪市", about="決算", employment=Employment.SIDE_JOB
        ),
    )


async def wishes_for(somebody: Somebody, *, tell: bool = True, **form: Any) -> dict[str, str]:
    """What somebody would like, and whether they want to be told; what was wrong with it."""
    await somebody.types("/alumni wishes")
    version = somebody.world.reads(lambda tx: consents.wording(tx, Purpose.OPENINGS))
    return await somebody.fills(None, tell=[version] if tell else [], **form)


def wish(somebody: Somebody) -> wishes.Wish | None:
    """What is kept of it."""
    found: wishes.Wish | None = somebody.world.reads(lambda tx: wishes.get(tx, somebody.row.person_id))
    return found
