"""Every action of the house, claimed by somebody to whom nobody offered it, about somebody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot import fields
from bot.registry import Handler, discover
from storage import accounts
from storage.checkins import Checkin
from storage.consents import Consent
from storage.journal import Line
from storage.leavers import Leaver
from storage.people import Person
from tests.adapters.web_site import Site, site_in, stamp_of

REGISTRY = discover("bot.commands")
THEIRS = (Person, Leaver, Checkin, Consent)
ARGS: dict[type, Any] = {int: 1, str: "stay_in_touch", bool: True}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_in(tmp_path) as made:
        yield made


def theirs(site: Site, person: str) -> list[tuple[Any, ...]]:
    """Everything of the victim that counts."""
    found: list[tuple[Any, ...]] = []
    for table in THEIRS:
        whose = table.id if table is Person else table.person_id
        query = select(table.__table__).where(whose == person)
        found += site.world.reads(lambda tx, query=query: [tuple(row) for row in tx.execute(query)])
    return found


def filled(handler: Handler) -> dict[str, str]:
    """Something in every field that is likely to be taken."""
    found = {}
    for name, spec in (fields.specs(handler.schema) if handler.schema else {}).items():
        kinds = {"tick": "yes", "date": "2025-03-31", "email": "x@home.example.jp"}
        found[name] = kinds.get(spec.kind) or (spec.values[0] if spec.values else "E1")
    return found


async def test_no_member_reaches_somebody_else_by_claiming(site: Site) -> None:
    victim = site.member()
    site.question(victim)
    before = theirs(site, victim)
    attacker = site.member("田中 次郎")
    cookie_side = await site.signed_in(attacker)
    stamp = stamp_of(cookie_side)
    last = ("privacy.erase", "stop.leave")  # of oneself, so last
    for name in sorted(REGISTRY.handlers, key=lambda name: (name in last, name)):
        handler = REGISTRY.handlers[name]
        args = {one: ARGS[kind] for one, kind in handler.arguments.items()}
        for sent in ({}, {"sent": "1", **filled(handler)}):
            bound = site.bound(name, args)
            await cookie_side.send("/alumni/act", stamp=stamp, bound=bound, **sent)
            assert cookie_side.status in (200, 403, 422), name
            assert "髙橋" not in cookie_side.main.words or name in ("find.show", "find.look"), name
            assert theirs(site, victim) == before, name
    assert incidents(site) == []


def incidents(site: Site) -> list[str]:
    query = select(Line.detail).where(Line.what == "incident")
    return list(site.world.reads(lambda tx: tx.scalars(query).all()))


async def test_no_visitor_and_no_stranger_to_hr_reaches_anything(site: Site) -> None:
    """The same by links, sealed as only a bug of ours could seal them."""
    victim = site.member()
    site.question(victim)
    before = theirs(site, victim)
    for name, handler in sorted(REGISTRY.handlers.items()):
        args = {one: ARGS[kind] for one, kind in handler.arguments.items()}
        heard = await site.raw(
            "POST", site.path(accounts.visitor("ja"), name, **args), {"sent": "1", **filled(handler)}
        )
        assert heard.status in (200, 422), name
        assert "髙橋" not in heard.text, name
        assert theirs(site, victim) == before, name
    assert incidents(site) == []


@pytest.mark.long
async def test_hr_meets_no_bug_whatever_it_claims(site: Site) -> None:
    site.question(site.member())
    browser = await site.signed_in(site.hr())
    stamp = stamp_of(browser)
    for number in (0, 1, 2, -1, 2**53 - 1, 2**63 - 1):
        for name, handler in sorted(REGISTRY.handlers.items()):
            args = {one: number if kind is int else ARGS[kind] for one, kind in handler.arguments.items()}
            for sent in ({}, {"sent": "1", **filled(handler)}):
                await browser.send("/alumni/act", stamp=stamp, bound=site.bound(name, args), **sent)
                assert browser.status in (200, 403, 422), (name, number)
                assert incidents(site) == [], (name, number)
