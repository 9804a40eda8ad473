"""HR posts openings: written in two steps, seen as alumni see them, published alone or by two; managers
draft; two at once, forged, too late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.commands import draft, post, standing
from bot.conversation import Side
from bot.playground import HR_EMAIL
from storage import accounts, openings
from storage.openings import Phase
from tests.offered import DEPUTY, Company, company_in
from tests.posting import CONDITIONS, FORM, again, begins, board, flat, newest, published, writes
from tests.reader import press, said, send
from tests.world import World


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with company_in(tmp_path) as made:
        yield made


def two(world: World) -> None:
    """The company wants a second person's approval."""
    world.ground.app.core.policy.opening_approval = "two"


# --- writing, seeing, publishing ---------------------------------------------------------------------------


async def test_written_in_two_steps_seen_and_published(company: Company) -> None:
    world, hr = company.world, company.world.hr
    await begins(hr)
    assert await hr.chooses("deputy", "kimura") == [DEPUTY]
    assert not await hr.fills(**FORM, deputy_name="木村 健")
    row = newest(world)
    assert (row.state, row.owner, row.owner_name) == (Phase.DRAFT, HR_EMAIL, "佐藤 美咲")
    assert row.deputy == DEPUTY
    assert "5人未満" in flat(hr)
    assert "下書きです" in hr.sees()
    await hr.presses("draft.more")
    assert not await hr.fills(**CONDITIONS)
    row = again(world, row)
    assert (row.for_skills, row.for_years, row.service_years) == (
        "Python, SQL",
        5,
        CONDITIONS["service_years"],
    )
    assert "退職から5年以内" in flat(hr)
    assert board(world) == []
    await hr.presses("post.publish")
    await world.settle()
    assert again(world, row).state is Phase.OPEN
    (message,) = board(world)
    assert "営業企画" in str(message.blocks)
    assert "以前の勤続年数を通算します" in str(message.blocks)
    assert DEPUTY not in str(message.blocks)
    assert "interest.hand#" in str(message.blocks)
    assert "refer." in str(message.blocks)
    assert "Python" not in str(message.blocks)  # whom it is for is HR's own
    assert "掲載しています" in await hr.types(f"/alumni post {row.id}")


async def test_the_name_used_last_is_proposed(company: Company) -> None:
    await writes(company.world.hr)
    await begins(company.world.hr)
    view = company.world.hr.modal()
    assert view is not None
    assert "佐藤 美咲" in str(view.blocks)


REFUSED = (
    ("closes_on", "2026-02-02", "2026年2月3日(火)から2026年5月3日(日)まで"),
    ("closes_on", "2026-01-31", "2026年2月3日(火)から"),
    ("closes_on", "2026-05-04", "2026年5月3日(日)まで"),
    ("owner_name", "", "お名前を入力"),
)


async def test_what_cannot_be_is_refused_beside_its_field(company: Company) -> None:
    await begins(company.world.hr)
    for field, value, right in REFUSED:
        errors = await company.world.hr.fills(**{**FORM, field: value})
        assert right in errors[field], value
    assert company.world.reads(lambda tx: openings.listed(tx).rows) == ()


async def test_five_thousand_characters_and_forged_owners(company: Company) -> None:
    world = company.world
    hr = world.reads(lambda tx: accounts.web_staff(tx, accounts.staff(tx)[0]))
    form = {**FORM, "referable": ("yes",)}
    bound = draft.basics(opening=0, edition=0, like=0)
    long = await send(world, hr, bound, **{**form, "about": "あ" * 5000})
    assert "2000" in str(long.errors["about"])
    stranger = await send(world, hr, bound, **{**form, "owner": "nobody@minato.example.jp"})
    assert stranger.errors["owner"].key == "draft.not_staff"
    nothing = await send(world, hr, bound, **{**form, "closes_on": "", "what": ""})
    assert nothing.errors.keys() == {"closes_on", "what"}
    nobody = await send(world, hr, bound, **{**form, "deputy_name": "木村 健"})
    assert nobody.errors["deputy"].key == "draft.who_is_it"
    alike = await send(
        world, hr, bound, **{**form, "owner": HR_EMAIL, "deputy": HR_EMAIL, "deputy_name": "佐藤"}
    )
    assert alike.errors["deputy"].key == "draft.same_person"
    assert world.reads(lambda tx: openings.listed(tx).rows) == ()


async def test_a_full_list_fits_into_the_form_again(company: Company) -> None:
    world = company.world
    row = await writes(world.hr)
    await world.hr.presses("draft.more")
    listed = ",".join(["東京"] * 67)
    assert len(listed) == 200
    assert await world.hr.fills(for_places=listed) == {}
    assert world.reads(lambda tx: openings.get(tx, row.id)).for_places == listed
    await world.hr.presses("draft.more")
    assert listed in str(world.hr.modal())


@pytest.mark.long
@pytest.mark.parametrize("years", ["0", "-3", "51", "many"])
async def test_years_that_are_none(company: Company, years: str) -> None:
    await writes(company.world.hr)
    await company.world.hr.presses("draft.more")
    assert "1から50まで" in (await company.world.hr.fills(for_years=years))["for_years"]


async def test_a_title_calls_nobody(company: Company) -> None:
    world = company.world
    await published(world, what="<!channel> *急募* <https://x.example|見て>")
    (message,) = board(world)
    words = [node for node in _words(message.blocks) if "急募" in node.get("text", "")]
    assert words
    assert all(node["type"] in ("plain_text", "text") for node in words)
    assert "<!channel> *急募*" in words[0]["text"]


def _words(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        own = [node] if isinstance(node.get("text"), str) else []
        return own + [one for value in node.values() for one in _words(value)]
    return [one for item in node for one in _words(item)] if isinstance(node, list | tuple) else []


@pytest.mark.long
async def test_a_draft_is_discarded_and_a_closed_one_is_a_model(company: Company) -> None:
    world, hr = company.world, company.world.hr
    first = await writes(hr)
    await hr.presses("draft.discard", sure=["yes"])
    assert again(world, first) is None
    row = await published(world)
    await hr.types(f"/alumni post {row.id}")
    await hr.presses("standing.close", sure=["yes"])
    await hr.types(f"/alumni post {row.id}")
    await hr.presses("draft.basics", nth=-1)
    assert "営業企画" in str(hr.modal().blocks)
    assert not await hr.fills(**FORM)
    copy = newest(world)
    assert copy.id > row.id > first.id
    assert (copy.state, copy.department) == (Phase.DRAFT, "営業部")


# --- by two ------------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_two_decide_and_nobody_approves_their_own(company: Company) -> None:
    world, hr = company.world, company.world.hr
    two(world)
    row = await writes(hr)
    with pytest.raises(AssertionError):
        await hr.presses("post.publish")
    await hr.presses("post.propose")
    await world.settle()
    row = again(world, row)
    assert row.state is Phase.PROPOSED
    assert len(world.delivered("post.proposed")) == 2  # the two others
    me = world.reads(lambda tx: accounts.web_staff(tx, accounts.staff(tx)[0]))
    own = await press(world, me, post.publish(opening=row.id, edition=row.edition))
    assert "本人は公開できません" in said(own, world)
    await company.deputy.presses("post.look", Side.COMPANY)
    await company.deputy.presses("post.publish", Side.COMPANY)
    await world.settle()
    assert again(world, row).state is Phase.OPEN
    assert "が公開されました" in hr.sees()


@pytest.mark.long
async def test_who_changes_a_proposal_has_to_ask_again(company: Company) -> None:
    world, hr = company.world, company.world.hr
    two(world)
    row = await writes(hr)
    await hr.presses("post.propose")
    await world.settle()
    await company.deputy.presses("post.look", Side.COMPANY)
    await company.other.presses("post.look", Side.COMPANY)
    await company.other.presses("draft.edit", Side.COMPANY)
    assert not await company.other.fills(Side.COMPANY, what="営業企画（大阪）")
    assert again(world, row).state is Phase.DRAFT
    await company.deputy.presses("post.publish", Side.COMPANY)
    assert "内容が変わりました" in company.deputy.sees(Side.COMPANY)
    await company.other.presses("post.propose", Side.COMPANY)
    await world.settle()
    await hr.types(f"/alumni post {row.id}")
    await hr.presses("post.publish")
    await world.settle()
    assert again(world, row).state is Phase.OPEN
    await company.deputy.types(f"/alumni post {row.id}", Side.COMPANY)
    await company.deputy.presses("draft.edit", Side.COMPANY)
    assert not await company.deputy.fills(Side.COMPANY, what="別の求人")
    await world.settle()
    assert (
        len(world.delivered("post.changed")) == 2
    )  # what stands and was changed by one is told to the others


async def test_where_nobody_else_is_there_it_says_so(tmp_path: Path) -> None:
    async with company_in(tmp_path, hr="") as company:
        two(company.world)
        await writes(company.world.hr)
        await company.world.hr.presses("post.propose")
        assert "OKAERI_HR" in company.world.hr.sees()


# --- managers ----------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_a_manager_drafts_and_hr_publishes(company: Company) -> None:
    world, manager = company.world, company.manager
    await begins(manager)
    assert not await manager.fills(Side.COMPANY, **{**FORM, "owner_name": ""})
    row = newest(world)
    assert (row.owner, row.owner_name) == ("", "")
    await manager.presses("post.propose", Side.COMPANY)
    await world.settle()
    assert again(world, row).state is Phase.PROPOSED
    assert len(world.delivered("post.proposed")) == 3
    await manager.types("/alumni post", Side.COMPANY)
    assert "営業企画" in manager.sees(Side.COMPANY)
    await world.hr.presses("post.look")
    await world.hr.presses("post.publish")
    assert "お返事する担当者" in world.hr.sees()
    await world.hr.presses("post.look")
    await world.hr.presses("post.give_back", remark="勤務地も書いてください")
    await world.settle()
    assert again(world, row).state is Phase.DRAFT
    assert "勤務地も書いてください" in manager.sees(Side.COMPANY)
    await world.hr.types(f"/alumni post {row.id}")
    await world.hr.presses("draft.edit")
    assert await world.hr.chooses("owner", "hr@") == [HR_EMAIL]
    assert not await world.hr.fills(owner_name="佐藤 美咲")
    await world.hr.presses("post.publish")
    await world.settle()
    assert again(world, row).state is Phase.OPEN


async def test_a_manager_sees_and_does_nothing_else(company: Company) -> None:
    world, manager = company.world, company.manager
    row = await published(world)
    assert "まだありません" in await manager.types("/alumni post", Side.COMPANY)
    assert "見つかりませんでした" in await manager.types(f"/alumni post {row.id}", Side.COMPANY)
    who = world.reads(
        lambda tx: next(
            accounts.web_staff(tx, one)
            for one in tx.query(accounts.Staff)
            if one.email == manager.company_email
        )
    )
    for bound in (post.publish(row.id, row.edition), post.look(row.id), draft.edit(row.id), standing.again()):
        answer = await press(world, who, bound)
        assert "営業" not in str(answer.reply)
        assert answer.form is None
    before = again(world, row)
    for bound, form in (
        (standing.close(row.id), {"sure": ("yes",)}),
        (standing.renew(row.id), {"closes_on": "2026-04-01"}),
        (draft.basics(row.id, row.edition, 0), {**FORM, "referable": ("yes",), "what": "x"}),
        (draft.discard(row.id), {"sure": ("yes",)}),
    ):
        await send(world, who, bound, **form)
    assert again(world, row).version == before.version


async def test_alumni_and_employees_may_not(company: Company) -> None:
    world = company.world
    row = await published(world)
    aiko = world.employee("髙橋 愛子")
    assert "担当者だけ" in await aiko.types("/alumni post", Side.COMPANY)
    person = accounts.web_person("p1", Side.ALUMNI)
    answer = await press(world, person, post.look(row.id))
    assert "営業" not in str(answer.reply)


# --- two at once, forged, too late -------------------------------------------------------------------------


async def test_two_edit_at_once_and_nothing_is_lost(company: Company) -> None:
    world, hr, other = company.world, company.world.hr, company.other
    row = await published(world)
    for who in (hr, other):
        await who.types(f"/alumni post {row.id}", Side.COMPANY)
        await who.presses("draft.edit", Side.COMPANY)
    assert not await other.fills(Side.COMPANY, place="大阪")
    errors = await hr.fills(place="名古屋")
    assert "変更しました" in errors["what"]
    assert "残っています" in errors["what"]
    assert again(world, row).place == "大阪"
    assert hr.modal() is not None  # what was typed still stands there


@pytest.mark.long
async def test_what_is_not_there_and_what_has_moved_on(company: Company) -> None:
    world = company.world
    hr = world.reads(lambda tx: accounts.web_staff(tx, accounts.staff(tx)[0]))
    row = await published(world)
    for bound in (post.look(99), draft.edit(99), post.publish(99, 1), draft.more(0), standing.renew(99)):
        assert "見つかりませんでした" in said(await press(world, hr, bound), world)
    for bound in (post.publish(row.id, row.edition), post.propose(row.id, row.edition)):
        assert "状態が変わった" in said(await press(world, hr, bound), world)
    moved = await send(world, hr, post.give_back(row.id), remark="x")
    assert "状態が変わった" in said(moved, world)
    dropped = await send(world, hr, draft.discard(row.id), sure=("yes",))
    assert "状態が変わった" in said(dropped, world)
    await send(world, hr, standing.close(row.id), sure=("yes",))
    for bound in (standing.renew(row.id), standing.close(row.id), draft.edit(row.id)):
        assert "状態が変わった" in said(await press(world, hr, bound), world)
    assert again(world, row).state is Phase.CLOSED
