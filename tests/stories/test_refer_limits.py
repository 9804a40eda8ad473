"""Who may not be named, how often somebody may name, and what nobody learns by trying."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands import refer
from storage import openings, referrals
from storage.people import Person
from storage.referrals import Referral
from tests.journeys import a_member
from tests.offered import Company, company_in
from tests.reader import Reader, reading, send
from tests.referred import (
    FORM,
    KEIKO,
    MAIL,
    all_of,
    web,
    who_referred,
)
from tests.world import words_of


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path) as made:
        yield made


@pytest.fixture
async def reader(company: Company) -> AsyncIterator[Reader]:
    async with reading(company.world) as one:
        yield one


@pytest.mark.parametrize(
    "email",
    [
        pytest.param("KEIKO@Home.example.jp", marks=pytest.mark.long),
        "ｋｅｉｋｏ@home.example.jp",
        pytest.param("keiko+jobs@home.example.jp", marks=pytest.mark.long),
    ],
)
async def test_the_same_mailbox_is_asked_once(company: Company, email: str) -> None:
    world = company.world
    aiko, row = await who_referred(company)
    jiro = await a_member(world, "山﨑 次郎", "2026-04-30")
    other = company.opening("経理")
    for somebody, number in ((aiko, row.id), (jiro, other.id)):
        await somebody.types(f"/refer {number}")
        errors = await somebody.fills(**{**FORM, "email": email})
        assert "少し前にご紹介があり" in str(errors)
        assert "髙橋" not in str(errors)
    assert len(world.mails(MAIL)) == 1
    assert len([p for p in all_of(world, Person) if p.name == KEIKO]) <= 1


@pytest.mark.parametrize(
    "email",
    [
        pytest.param("k.e.i.k.o@gmail.com", marks=pytest.mark.long),
        pytest.param("keiko@googlemail.com", marks=pytest.mark.long),
        "Keiko+x@GMAIL.com",
    ],
)
@pytest.mark.long
async def test_dots_do_not_count_where_the_provider_says_so(company: Company, email: str) -> None:
    aiko, row = await who_referred(company, email="keiko@gmail.com")
    await aiko.types(f"/refer {row.id}")
    assert "少し前に" in str(await aiko.fills(**{**FORM, "email": email}))


@pytest.mark.long
async def test_oneself_an_employee_and_who_is_here(company: Company) -> None:
    world = company.world
    aiko = await a_member(world, listed=["yes"], name="髙橋 愛子")
    jiro = await a_member(world, "山﨑 次郎", "2026-04-30")
    row = company.opening()
    own, here = aiko.home_email.upper(), aiko.home_email.replace("@", "+a@")
    answers = {}
    for somebody, email in (
        (aiko, own), (aiko, here), (jiro, aiko.home_email), (jiro, "new.one@minato.example.jp"),
        (jiro, world.hr.company_email), (jiro, "x@tokyo.minato.example.jp"),
    ):  # fmt: skip
        await somebody.types(f"/refer {row.id}")
        answers[email] = str(await somebody.fills(**{**FORM, "email": email}))
    assert "ご自身のアドレス" in answers[own]
    assert "ご自身のアドレス" in answers[here]
    assert "すでにこのネットワーク" in answers[aiko.home_email]
    assert all("会社のメールアドレス" in words for email, words in answers.items() if "minato" in email)
    assert all_of(world, Referral) == []
    assert world.delivered("refer.ask") == []


@pytest.mark.long
async def test_a_member_who_shows_themselves_to_nobody(company: Company, reader: Reader) -> None:
    world = company.world
    aiko, jiro = await a_member(world), await a_member(world, "山﨑 次郎", "2026-04-30")
    row = company.opening()
    assert not aiko.person.listed
    await aiko.types("/alumni privacy")
    await aiko.presses("privacy.give", of="openings")
    await world.settle()
    page = {}
    for email in (aiko.home_email, MAIL):
        await jiro.types(f"/refer {row.id}")
        assert await jiro.fills(**{**FORM, "email": email}) == {}
        page[email] = words_of(jiro.modal())
    await world.settle()
    assert page[aiko.home_email] == page[MAIL]  # word for word the same
    assert "ご本人にメールでうかがいます" in page[MAIL]
    assert world.mailbox(aiko.home_email)[-1] != "refer.ask"
    assert [kind for kind, _ in aiko.letters][-1] == "refer.opening"
    assert "山﨑" not in aiko.sees()
    first, second = all_of(world, Referral)
    assert (first.person_id, first.relation, first.why) == (None, "", None)
    assert second.person_id is not None
    await jiro.types(f"/refer {row.id}")
    assert "少し前に" in str(await jiro.fills(**{**FORM, "email": aiko.home_email}))
    shown = await jiro.types("/refer")
    assert shown.count("ご本人にうかがっています") == 2
    assert not world.reads(lambda tx: referrals.agreed(tx, row.id))
    await world.on("2026-05-20")
    assert (await jiro.types("/refer")).count("終了しました。ありがとうございました") == 2
    assert len(world.delivered("refer.over")) == 2


@pytest.mark.long
async def test_a_hidden_member_without_consent_gets_nothing(company: Company) -> None:
    world = company.world
    aiko, jiro = await a_member(world), await a_member(world, "山﨑 次郎", "2026-04-30")
    row, before = company.opening(), len(aiko.letters)
    await jiro.types(f"/refer {row.id}")
    assert await jiro.fills(**{**FORM, "email": aiko.home_email}) == {}
    await world.settle()
    assert len(aiko.letters) == before


@pytest.mark.long
async def test_so_many_a_day_and_not_more_guesses(company: Company) -> None:
    world = company.world
    most = world.ground.app.core.policy.referrals_a_day
    aiko, row = await a_member(world), company.opening()
    for number in range(most):
        await aiko.types(f"/refer {row.id}")
        assert await aiko.fills(**{**FORM, "email": f"k{number}@home.example.jp"}) == {}
    assert "続きは明日" in await aiko.types(f"/refer {row.id}")
    await send(world, web(aiko), refer.introduce(opening=row.id), **{**FORM, "told": ("yes",)})
    assert len(all_of(world, Referral)) == most == 3
    await world.on("2026-04-02", at="10:00")
    for _ in range(refer.TRIES_A_DAY):
        await send(
            world, web(aiko), refer.introduce(opening=row.id),
            **{**FORM, "email": aiko.home_email, "told": ("yes",)},
        )  # fmt: skip
    assert "これ以上ご入力いただけません" in await aiko.types(f"/refer {row.id}")


ANSWERED = {
    "99": "見つからないか", "abc": "読み取れませんでした", "１": "へのご紹介です", "2": "受け付けていません",
    "3": "募集が終了しています",
}  # fmt: skip


@pytest.mark.long
async def test_only_what_is_open_and_for_referring(company: Company) -> None:
    world = company.world
    company.opening()
    company.opening("経理", referable=False)
    closed = company.opening("総務")
    world.writes(lambda tx: openings.close(tx, openings.get(tx, closed.id)))
    aiko = await a_member(world)
    for words, answer in ANSWERED.items():
        assert answer in await aiko.types(f"/refer {words}") + aiko.sees(), words
    assert all_of(world, Referral) == []
