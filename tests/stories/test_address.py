"""Another private address: nothing changes until its own mailbox and the old one, or HR, have agreed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.commands import address
from bot.conversation import Bound, Side
from storage import accounts, addresses, people
from storage.addresses import AddressChange
from storage.leavers import Stage
from tests.journeys import a_member, who_was_asked, who_was_enrolled
from tests.reader import VISITOR, Reader, press, reading, said, send
from tests.world import Somebody, World

NEW = "new@home.example.jp"
APPROVE, REFUSE = "変更を承認する", "自分ではない"


@pytest.fixture
async def reader(world: World) -> AsyncIterator[Reader]:
    async with reading(world) as one:
        yield one


def mailbox(world: World, somebody: Somebody) -> str | None:
    """The address that is the person's."""
    found: str | None = world.reads(lambda tx: people.private_email(tx, people.one(tx, somebody.person.id)))
    return found


def open_change(world: World) -> AddressChange:
    (row,) = world.reads(lambda tx: list(tx.query(AddressChange).all()))
    return row


def code_at(world: World, email: str) -> str:
    """The code in the newest proof at an address."""
    mails = [m for m in world.mails(email) if world.kind(m) == "address.proof"]
    found = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", mails[-1].text)
    assert found, mails[-1].text
    return found[0]


async def wishes(aiko: Somebody, email: str = NEW) -> None:
    """Ask for another address in the chat."""
    await aiko.types("/alumni profile")
    await aiko.presses("address.change", email=email)
    await aiko.world.settle()


async def test_both_sides_agree(world: World, reader: Reader) -> None:
    aiko = await a_member(world)
    await wishes(aiko)
    assert mailbox(world, aiko) == aiko.home_email
    assert "n…@home.example.jp" in world.mails(aiko.home_email)[-1].text
    assert NEW not in world.mails(aiko.home_email)[-1].text
    await aiko.presses("address.prove", code=code_at(world, NEW))
    assert mailbox(world, aiko) == aiko.home_email
    await reader.follows(aiko.home_email, APPROVE)
    assert "変更しました" in reader.words
    assert mailbox(world, aiko) == NEW
    assert aiko.person.private_email_proven_at is not None
    assert "address.left" in world.mailbox(aiko.home_email)
    assert "変わりました" in aiko.sees()
    assert world.reads(lambda tx: list(tx.query(AddressChange).all())) == []


@pytest.mark.long
async def test_in_the_other_order_by_pages_alone(world: World, reader: Reader) -> None:
    aiko = await a_member(world)
    who = accounts.web_person(aiko.person.id, Side.ALUMNI)
    await reader.enters(aiko.home_email)
    await send(world, who, address.change(), email=NEW)
    await reader.follows(aiko.home_email, APPROVE)
    assert mailbox(world, aiko) == aiko.home_email
    await reader.presses("コードを入力する")
    await reader.sends(code=code_at(world, NEW))
    assert mailbox(world, aiko) == NEW


@pytest.mark.long
async def test_a_session_alone_moves_nothing(world: World) -> None:
    aiko = await a_member(world)
    who = accounts.web_person(aiko.person.id, Side.ALUMNI)
    await wishes(aiko)
    await aiko.presses("address.prove", code=code_at(world, NEW))
    change = open_change(world).id
    for code in ("", "7777-7777-7777-7777", code_at(world, NEW)):
        answer = await press(world, who, address.approve(change=change, code=code))
        assert "終わっているか" in said(answer, world)
    assert mailbox(world, aiko) == aiko.home_email


@pytest.mark.long
async def test_wrong_codes_lock(world: World, reader: Reader) -> None:
    aiko = await a_member(world)
    await wishes(aiko)
    who, change = accounts.web_person(aiko.person.id, Side.ALUMNI), open_change(world).id
    for _ in range(5):
        outcome = await send(world, who, address.prove(change=change), code="7777-7777")
        assert "code" in outcome.errors
    outcome = await send(world, who, address.prove(change=change), code=code_at(world, NEW))
    assert "受け付けていません" in said(outcome, world)
    await world.on("2026-04-01", at="09:20")
    await send(world, who, address.prove(change=change), code=code_at(world, NEW))
    await reader.follows(aiko.home_email, APPROVE)
    assert mailbox(world, aiko) == NEW


@pytest.mark.long
@pytest.mark.parametrize(
    "action",
    [
        "prove",
        "approve",
        *(pytest.param(a, marks=pytest.mark.long) for a in ("refuse", "cancel", "plead", "resend")),
    ],
)
async def test_nobody_touches_somebody_elses(world: World, action: str) -> None:
    aiko = await a_member(world)
    await wishes(aiko)
    jiro = await a_member(world, "山﨑 次郎", last_day="2026-04-01")
    change = open_change(world).id
    args: dict[str, Any] = {"change": change}
    bound: Bound = getattr(address, action)(
        **args, **({"code": "x"} if action in ("approve", "refuse") else {})
    )
    for who in (accounts.web_person(jiro.person.id, Side.ALUMNI), VISITOR):
        if action == "prove":
            await send(world, who, bound, code=code_at(world, NEW))
        else:
            await press(world, who, bound)
    row = open_change(world)
    assert (row.proven_at, row.approved_at, row.asked_hr_at) == (None, None, None)


@pytest.mark.long
async def test_the_old_mailbox_stops_it_and_signs_everybody_out(world: World, reader: Reader) -> None:
    aiko = await a_member(world)
    await reader.enters(aiko.home_email)
    await wishes(aiko)
    async with reading(world) as owner:
        await owner.follows(aiko.home_email, REFUSE)
        assert "変更を止めました" in owner.words
    await reader.browser.open("/alumni/home")
    assert not reader.browser.url.endswith("/home")
    assert world.reads(lambda tx: list(tx.query(AddressChange).all())) == []
    assert mailbox(world, aiko) == aiko.home_email


@pytest.mark.long
async def test_cancelled_and_expired(world: World, reader: Reader) -> None:
    aiko = await a_member(world)
    await wishes(aiko)
    await aiko.presses("address.cancel")
    await reader.follows(aiko.home_email, APPROVE)
    assert "終わっているか" in reader.words
    await wishes(aiko)
    await aiko.presses("address.prove", code=code_at(world, NEW))
    await world.on("2026-04-04", at="12:00")
    await reader.follows(aiko.home_email, APPROVE)
    assert mailbox(world, aiko) == aiko.home_email
    assert world.reads(lambda tx: list(tx.query(AddressChange).all())) == []


@pytest.mark.long
async def test_a_second_wish_replaces_the_first(world: World, reader: Reader) -> None:
    aiko = await a_member(world)
    await wishes(aiko, "first@home.example.jp")
    old = reader.way(aiko.home_email, APPROVE)
    await wishes(aiko)
    await aiko.presses("address.prove", code=code_at(world, NEW))
    await reader.browser.open(old)
    await reader.presses(APPROVE)
    assert mailbox(world, aiko) == aiko.home_email
    await reader.follows(aiko.home_email, APPROVE)
    assert mailbox(world, aiko) == NEW


@pytest.mark.long
async def test_somebody_elses_address_looks_the_same_and_gets_no_mail(world: World, reader: Reader) -> None:
    aiko = await a_member(world)
    jiro = await a_member(world, "山﨑 次郎", last_day="2026-04-01")
    who = accounts.web_person(aiko.person.id, Side.ALUMNI)
    before = world.mailbox(jiro.home_email)
    taken = await send(world, who, address.change(), email=jiro.home_email.upper())
    shown = said(taken, world)
    await reader.follows(aiko.home_email, APPROVE)
    assert "手続き中" in reader.words
    assert world.mailbox(jiro.home_email) == before
    for _ in range(4):
        assert said(await send(world, who, address.change(), email=jiro.home_email), world) == shown
    assert "お送りできません" in said(await send(world, who, address.change(), email=jiro.home_email), world)
    assert mailbox(world, aiko) == aiko.home_email


@pytest.mark.long
async def test_a_company_address_and_the_same_one_are_refused(world: World) -> None:
    aiko = await a_member(world)
    await aiko.types("/alumni address")
    await aiko.presses("address.change")
    assert "会社のアドレス" in (await aiko.fills(email=aiko.company_email))["email"]
    assert "同じ" in (await aiko.fills(email=aiko.home_email.upper()))["email"]


@pytest.mark.long
async def test_at_most_five_a_day(world: World) -> None:
    aiko = await a_member(world)
    who = accounts.web_person(aiko.person.id, Side.ALUMNI)
    for number in range(7):
        await send(world, who, address.change(), email=f"bomb{number}@home.example.jp")
    assert [bool(world.mails(f"bomb{n}@home.example.jp")) for n in range(7)] == [True] * 5 + [False] * 2


# --- the old one cannot be read ---------------------------------------------------------------------------


async def pleads(aiko: Somebody) -> None:
    await wishes(aiko)
    await aiko.presses("address.plead")
    await aiko.world.settle()


@pytest.mark.long
async def test_hr_speaks_for_the_old_mailbox(world: World) -> None:
    aiko = await a_member(world)
    await pleads(aiko)
    seen = world.hr.sees(Side.COMPANY)
    assert "髙橋 愛子" in seen
    assert NEW not in seen
    assert aiko.home_email not in seen
    await world.hr.presses("address.grant", Side.COMPANY, sure=["yes"])
    assert mailbox(world, aiko) == aiko.home_email
    await aiko.types("/alumni address")
    await aiko.presses("address.prove", code=code_at(world, NEW))
    await world.settle()
    assert mailbox(world, aiko) == NEW
    assert "address.left" in world.mailbox(aiko.home_email)


@pytest.mark.long
async def test_hr_does_not_know_them(world: World) -> None:
    aiko = await a_member(world)
    await pleads(aiko)
    await aiko.presses("address.prove", code=code_at(world, NEW))
    await world.hr.presses("address.reject", Side.COMPANY)
    await world.settle()
    assert mailbox(world, aiko) == aiko.home_email
    assert "変更されませんでした" in aiko.sees()


@pytest.mark.long
async def test_hr_grants_nothing_unasked(world: World) -> None:
    aiko = await a_member(world)
    await wishes(aiko)
    hr = world.reads(lambda tx: accounts.web_staff(tx, accounts.staff(tx)[0]))
    change = open_change(world).id
    await send(world, hr, address.grant(change=change), sure=("yes",))
    assert open_change(world).approved_at is None
    await press(world, accounts.web_person(aiko.person.id, Side.ALUMNI), address.reject(change=change))
    assert open_change(world).id == change


# --- mail that comes back ---------------------------------------------------------------------------------


@pytest.mark.long
async def test_a_dead_mailbox_is_asked_about_once_in_the_chat(world: World) -> None:
    aiko = await a_member(world)
    world.writes(lambda tx: setattr(people.one(tx, aiko.person.id), "mail_only", True))
    world.ground.mailbox.bounce.add(aiko.home_email)
    await world.on("2026-05-07", at="10:00")
    assert aiko.person.unreachable == "mailbox_refused"
    assert aiko.sees(Side.ALUMNI).count("届かなくなりました") == 1
    await world.on("2026-05-14", at="10:01")
    assert aiko.sees(Side.ALUMNI).count("届かなくなりました") == 1
    assert "もう送らない" in aiko.sees(Side.ALUMNI)
    assert aiko.row.stuck == ""
    await aiko.presses("address.change", Side.ALUMNI, email=NEW)
    await world.settle()
    assert "address.approval" not in world.mailbox(aiko.home_email)
    await aiko.presses("address.prove", Side.ALUMNI, code=code_at(world, NEW))
    assert mailbox(world, aiko) == aiko.home_email  # the old side is HR's now
    await aiko.types("/alumni address")
    await aiko.presses("address.plead", Side.ALUMNI)
    await world.settle()
    await world.hr.presses("address.grant", Side.COMPANY, sure=["yes"])
    assert mailbox(world, aiko) == NEW
    assert aiko.person.unreachable == ""


@pytest.mark.long
async def test_without_a_chat_hr_sees_it_once_and_nothing_more_is_mailed(
    world: World, reader: Reader
) -> None:
    aiko = await who_was_enrolled(world)
    await reader.follows(aiko.home_email, "メールとページだけで参加する")
    world.ground.mailbox.bounce.add(aiko.home_email)
    await world.on("2026-05-08", at="12:00")
    assert aiko.row.stuck == "mailbox_refused"
    assert "個人メールに届きません" in world.hr.sees(Side.COMPANY)
    world.ground.mailbox.bounce.clear()
    before = len(world.mails(aiko.home_email))
    await world.on("2026-06-01")
    assert len(world.mails(aiko.home_email)) == before
    assert world.hr.sees(Side.COMPANY).count("個人メールに届きません") == 1
    await world.hr.types(f"/alumni leavers {aiko.person.name}", Side.COMPANY)
    await world.hr.presses("leavers.show", Side.COMPANY, of=aiko)
    await world.hr.presses("mailbox.vouch", Side.COMPANY, of=aiko, sure=["yes"])
    assert (aiko.row.stuck, aiko.person.unreachable) == ("", "")


@pytest.mark.long
async def test_the_same_address_proven_again_is_reachable(world: World) -> None:
    aiko = await a_member(world)
    world.writes(lambda tx: people.lose(tx, people.one(tx, aiko.person.id), "mailbox_refused"))
    await wishes(aiko, aiko.home_email)
    await aiko.presses("address.prove", code=code_at(world, aiko.home_email))
    assert aiko.person.unreachable == ""
    assert aiko.stage is Stage.JOINED


@pytest.mark.long
async def test_a_first_address_needs_only_its_own_proof(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.says_yes()
    await world.on("2026-04-01", at="09:00")
    user = world.slack.add_person("T0ALUMNI", name="a", email="else@home.example.jp")
    aiko.alumni_user = user
    await world.hr.decides("claim", aiko)
    await aiko.types(f"/alumni join {world.code_in(world.hr.sees())}")
    assert aiko.stage is Stage.JOINED
    await wishes(aiko)
    await aiko.presses("address.prove", code=code_at(world, NEW))
    assert mailbox(world, aiko) == NEW
    assert world.reads(lambda tx: addresses.current(tx, aiko.person.id)) is None
