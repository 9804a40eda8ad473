"""A human before the bot speaks: what is held, what HR may do at any stage, and how HR is told."""

from __future__ import annotations

import pytest

from bot.conversation import Side
from storage.leavers import Stage
from tests.journeys import a_leaver, a_member, who_said_yes, who_was_asked, who_was_enrolled
from tests.stories.test_the_answer import erased
from tests.world import World, words_of

HELD = (
    ({"退職区分": "死亡"}, "ご逝去"),
    ({"退職区分": "懲戒解雇"}, "解雇"),
    ({"退職区分": "係争中"}, "係争中"),
    ({"退職区分": "その他"}, "不明"),
    ({"登録可否": "否"}, "登録可否が「否」"),
)


async def test_nothing_is_sent_to_who_is_held(world: World) -> None:
    people = [await a_leaver(world, f"佐々木 {why}", works_until="2026-02-24", **row) for row, why in HELD]
    assert world.hr.sees().count("保留にしています") == len(HELD)
    for somebody, (_, reason) in zip(people, HELD, strict=True):
        assert reason not in world.hr.sees().replace(somebody.name, "")
    for somebody, (_, reason) in zip(people, HELD, strict=True):
        await world.hr.types("/alumni leavers")
        await world.hr.presses("leavers.show", of=somebody)
        dialog = world.hr.modal()
        assert dialog is not None
        assert reason in words_of(dialog).replace(somebody.name, "")
    await world.on("2026-08-01")
    for somebody in people:
        assert somebody.stage is Stage.HELD
        assert somebody.letters == []


@pytest.mark.long
async def test_go_before_the_ask_day_asks_on_the_ask_day(world: World) -> None:
    aiko = await a_leaver(world, 退職区分="その他")
    await world.hr.presses("decisions.go", of=aiko)
    await world.settle()
    assert aiko.letters == []
    await world.on("2026-03-01", at="09:00")
    assert aiko.letters == [("welcome.question", "03-01 09:00")]


async def test_go_after_the_ask_day_asks_at_once(world: World) -> None:
    aiko = await a_leaver(world, 退職区分="その他")
    await world.on("2026-03-11", at="14:00")
    await world.hr.decides("go", aiko)
    assert aiko.letters == [("welcome.question", "03-11 14:00")]
    await world.feed_says(aiko.leaves(退職区分="その他", 部署="総務部"))
    assert aiko.stage is Stage.ASKED  # the same reason again does not overrule HR


@pytest.mark.long
async def test_never_erases_and_the_next_file_creates_nobody(world: World) -> None:
    aiko = await a_leaver(world, 退職区分="解雇")
    person = aiko.person.id
    await world.hr.decides("never", aiko, sure=["yes"])
    assert aiko.stage is Stage.STRUCK
    assert erased(world, person)
    told = len(world.told_hr("intake.report"))
    await world.feed_says(aiko.leaves(退職区分="解雇", 部署="総務部"))
    await world.feed_says(aiko.leaves(退職区分="自己都合", 退職日="2026-04-30"))
    await world.on("2026-08-01")
    assert aiko.letters == []
    assert erased(world, person)
    assert "髙橋" not in await world.hr.types("/alumni leavers 高橋")
    assert len(world.told_hr("intake.report")) == told


@pytest.mark.long
@pytest.mark.parametrize(
    "journey",
    [
        a_leaver,
        pytest.param(who_was_asked, marks=pytest.mark.long),
        who_said_yes,
        pytest.param(who_was_enrolled, marks=pytest.mark.long),
    ],
)
async def test_hr_holds_and_releases_at_any_stage(world: World, journey: object) -> None:
    aiko = await journey(world)  # type: ignore[operator]
    stage, before = aiko.stage, aiko.letters
    await world.hr.decides("hold", aiko)
    assert aiko.stage is Stage.HELD
    assert aiko.row.held_because == "by_hr"
    await world.on("2026-04-10")
    assert aiko.letters == before
    await world.hr.decides("go", aiko)
    ends = {Stage.ANNOUNCED: Stage.UNANSWERED, Stage.ASKED: Stage.UNANSWERED}.get(stage, Stage.ENROLLED)
    assert aiko.stage is ends
    invited = [kind for kind, _ in aiko.letters].count("welcome.invitation")
    assert invited == {Stage.CONSENTED: 1, Stage.ENROLLED: 2}.get(stage, 0)


@pytest.mark.long
async def test_who_is_held_cannot_answer_or_join(world: World) -> None:
    aiko = await who_was_enrolled(world)
    code = aiko.joining_code
    await world.hr.decides("hold", aiko)
    await aiko.joins()
    assert aiko.stage is Stage.HELD
    assert "正しくない" in await aiko.types(f"/alumni join {code}")


@pytest.mark.long
@pytest.mark.parametrize("journey", [who_was_enrolled, a_member])
async def test_who_died_after_the_enrolment_hears_nothing_more(world: World, journey: object) -> None:
    aiko = await journey(world)  # type: ignore[operator]
    before, person = aiko.letters, aiko.person.id
    await world.feed_says(aiko.leaves(退職区分="死亡"))
    assert "食い違う知らせ" in world.hr.sees()
    assert "ご逝去" not in world.hr.sees()
    await world.on("2026-07-01")
    assert aiko.letters == before
    await world.hr.decides("never", aiko, sure=["yes"])
    assert aiko.stage is Stage.DECEASED
    assert erased(world, person)
    await world.feed_says(aiko.leaves(退職区分="死亡"))
    await world.on("2027-01-01")
    assert aiko.letters == before
    assert aiko.stage is Stage.DECEASED


@pytest.mark.long
async def test_a_date_that_moves_after_the_enrolment_is_a_question_to_hr(world: World) -> None:
    aiko = await who_was_enrolled(world)
    before = len(world.told_hr("decisions.notice"))
    await world.feed_says(aiko.leaves(退職日="2026-04-30"))
    assert aiko.stage is Stage.ENROLLED
    assert str(aiko.row.last_day) == "2026-03-31"
    assert len(world.told_hr("decisions.notice")) == before + 1
    assert "登録後に退職日が変わりました" in await world.hr.types("/alumni leavers")
    await world.hr.presses("decisions.settle", of=aiko)
    assert aiko.row.question == ""


@pytest.mark.long
async def test_who_came_back_and_leaves_again_is_the_same_person_in_a_new_stint(world: World) -> None:
    aiko = await a_member(world, employer="青空ロジ株式会社", shown=["employer"])
    person = aiko.person.id
    await world.on("2026-04-20")
    await world.feed_says(aiko.leaves(退職日="2026-09-30", 入社日="2026-04-15"))
    assert aiko.person.id == person
    assert aiko.stage is Stage.ANNOUNCED
    assert aiko.row.stint == 2
    assert "参加の手続き" in await aiko.types("/alumni find 青空")
    await world.on("2026-08-31", at="09:00")
    assert aiko.stage is Stage.ASKED
    await aiko.says_yes()
    await world.on("2026-09-30", at="18:00")
    assert aiko.stage is Stage.ENROLLED
    await aiko.types(f"/alumni join {aiko.joining_code}")
    assert aiko.stage is Stage.JOINED
    await world.on("2026-10-01", at="00:00")
    assert "見つかりませんでした" in await aiko.types("/alumni find 青空")  # listed only when confirmed anew
    assert [kind for kind, _ in aiko.letters].count("checkin.nudge") == 0


@pytest.mark.long
async def test_hr_says_they_never_left_and_later_they_do(world: World) -> None:
    aiko = await who_was_enrolled(world)
    await world.feed_says(aiko.leaves(状態="撤回"))
    await world.hr.decides("returned", aiko)
    assert aiko.stage is Stage.RETURNED
    await world.feed_says(aiko.leaves(退職日="2027-03-31"))
    assert aiko.stage is Stage.ANNOUNCED
    assert aiko.row.stint == 2


# --- how HR is told ---------------------------------------------------------------------------------------


@pytest.mark.long
async def test_a_card_for_every_notice_and_one_for_a_flood(world: World) -> None:
    few = [world.employee(f"佐々木 {n}", "2026-03-31") for n in "一二三四五"]
    await world.feed_says(*(one.leaves() for one in few))
    assert len(world.told_hr("decisions.notice")) == 5
    many = [world.employee(f"田中 {n}", "2026-03-31") for n in "一二三四五六"]
    await world.feed_says(*(one.leaves() for one in many[:-1]), many[-1].leaves(退職区分="解雇"))
    assert len(world.told_hr("decisions.notice")) == 6  # the held one has a card of its own
    assert len(world.told_hr("decisions.notices")) == 1
    assert "6\n名の退職予定を受け取りました（うち保留 \n1" in world.hr.sees()


@pytest.mark.long
async def test_hr_is_reminded_three_business_days_before(world: World) -> None:
    aiko = await a_leaver(
        world, last_day="2026-03-31", works_until="2026-03-10"
    )  # asked on 24 February, a Tuesday
    await world.on("2026-02-18", at="08:59")
    assert world.told_hr("decisions.remind") == []
    await world.on("2026-02-24", at="09:00")
    assert world.told_hr("decisions.remind") == ["02-18 09:00"]  # over a weekend and the Emperor's birthday
    assert aiko.letters == [("welcome.question", "02-24 09:00")]


@pytest.mark.long
async def test_hold_on_the_reminder_and_nothing_is_sent(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-03-31", works_until="2026-03-10")
    await world.on("2026-02-18", at="09:00")
    await world.hr.presses("decisions.hold", of=aiko)
    await world.on("2026-04-30")
    assert aiko.letters == []


@pytest.mark.long
async def test_the_list_and_the_details(world: World) -> None:
    aiko = await who_said_yes(world)
    seen = await world.hr.types("/alumni leavers")
    assert "髙橋 愛子" in seen
    assert "2026年3月31日" in seen
    assert "同意" not in seen  # the answer stands in the dialog only
    await world.hr.presses("leavers.show", of=aiko)
    dialog = world.hr.modal()
    assert dialog is not None
    assert "同意あり" in world.hr.sees()
    assert "髙橋 愛子" in await world.hr.types("/alumni 退職予定")


async def test_hr_announces_somebody_by_hand(world: World) -> None:
    await world.hr.types("/alumni leavers add")
    wrong = await world.hr.fills(
        employee_number="X9",
        name="李 明",
        last_day="2026-03-31",
        last_working_day="2026-04-01",
        leaving_type="resignation",
    )
    assert "退職日以前" in wrong["last_working_day"]
    assert not await world.hr.fills(last_working_day="2026-02-24", company_email="li@minato.example.jp")
    await world.settle()
    assert "李 明" in await world.hr.types("/alumni leavers")
    li = world.employee("李 明")
    li.number = "X9"
    assert li.stage is Stage.ANNOUNCED


async def test_who_is_not_hr_sees_no_leavers(world: World) -> None:
    await a_leaver(world)
    ken = world.employee("中島 健")
    for words in ("/alumni leavers", "/alumni leavers add", "/alumni 退職予定 高橋"):
        answer = await ken.types(words)
        assert "担当者だけ" in answer
        assert "髙橋" not in answer
    assert "髙橋" not in await ken.types("/alumni find 高橋")
    assert "leavers" not in await ken.types("/alumni help")
    assert ken.modal(Side.COMPANY) is None
