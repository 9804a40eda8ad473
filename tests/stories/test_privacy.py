"""What a person sees of what is held about them, every consent, and the ways out; and what HR sees of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot import leaving
from bot.conversation import Side
from storage import consents, erasures, held, leavers, outbox, people
from storage.checkins import Checkin, State
from storage.consents import Consent, Decision, Purpose
from storage.erasures import Erasure, Why
from storage.leavers import Stage
from storage.outbox import Draft, Route
from tests.journeys import a_leaver, a_member, who_said_yes, who_was_asked, who_was_enrolled
from tests.stories.test_the_answer import erased
from tests.world import World, words_of

STAY = Purpose.STAY_IN_TOUCH


def said(world: World, person_id: str) -> dict[Purpose, Decision]:
    """The last word about each purpose."""
    latest: dict[Purpose, Consent] = world.reads(lambda tx: consents.latest(tx, person_id))
    return {purpose: row.decision for purpose, row in latest.items()}


async def test_a_member_sees_everything_and_why(world: World) -> None:
    aiko = await a_member(world, employer="青空ロジ株式会社")
    await aiko.types("/alumni privacy")
    page = aiko.sees()
    assert aiko.modal() is not None
    for words in ("髙橋 愛子", "青空ロジ株式会社", aiko.home_email, "つながり続ける", "に同意", "目的："):
        assert words in page, words
    await aiko.presses("privacy.see", nth=0)
    assert "青空ロジ株式会社" in aiko.sees()
    assert aiko.home_email in aiko.sees()
    await aiko.presses("privacy.show")
    await aiko.presses("profile.edit", employer="港商事", listed=["yes"])
    assert aiko.person.employer == "港商事"


@pytest.mark.long
async def test_consents_are_given_and_taken_back_one_by_one(world: World) -> None:
    aiko = await a_member(world)
    person = aiko.person.id
    await aiko.types("/alumni プライバシー")
    await aiko.presses("privacy.give", of=Purpose.EVENTS)
    await aiko.presses("privacy.give", of=Purpose.RESEARCH)
    assert said(world, person) == {
        STAY: Decision.GIVEN, Purpose.EVENTS: Decision.GIVEN, Purpose.RESEARCH: Decision.GIVEN,
    }  # fmt: skip
    await aiko.presses("privacy.withdraw", of=Purpose.EVENTS)
    assert said(world, person)[Purpose.EVENTS] is Decision.WITHDRAWN
    assert said(world, person)[STAY] is Decision.GIVEN
    rows: list[Consent] = world.reads(lambda tx: tx.query(Consent).filter_by(person_id=person).all())
    assert {(row.purpose, row.wording) for row in rows} == {
        (STAY, "stay-1"), (Purpose.EVENTS, "events-1"), (Purpose.RESEARCH, "research-1"),
    }  # fmt: skip
    assert {row.channel for row in rows} == {"slack"}


@pytest.mark.long
async def test_a_consent_is_given_only_under_the_words_that_were_read(world: World) -> None:
    aiko = await a_member(world)
    await aiko.types("/alumni プライバシー")
    world.ground.app.core.database.carries["wordings"] = {Purpose.EVENTS: "events-2"}
    await aiko.presses("privacy.give", of=Purpose.EVENTS)
    assert "新しい文をお読みのうえ" in aiko.sees()
    assert Purpose.EVENTS not in said(world, aiko.person.id)
    await aiko.presses("privacy.give", of=Purpose.EVENTS)
    latest: dict[Purpose, Consent] = world.reads(lambda tx: consents.latest(tx, aiko.person.id))
    assert latest[Purpose.EVENTS].wording == "events-2"


@pytest.mark.long
async def test_without_staying_in_touch_everything_ends_and_is_erased_in_time(world: World) -> None:
    aiko, jiro = await a_member(world, employer="青空ロジ"), await a_member(world, "山﨑 次郎", "2026-04-30")
    await aiko.types("/alumni privacy")
    await aiko.presses("privacy.give", of=Purpose.OPENINGS)
    before, person = len(aiko.letters), aiko.person.id
    assert "髙橋" in await jiro.types("/alumni find 高橋")
    await aiko.presses("privacy.withdraw", of=STAY)
    assert said(world, person) == {STAY: Decision.WITHDRAWN, Purpose.OPENINGS: Decision.WITHDRAWN}
    assert "髙橋" not in await jiro.types("/alumni find 高橋")
    assert "消去します" in aiko.sees()
    await world.on("2026-07-31")
    assert aiko.stage is Stage.LEFT
    assert erased(world, person)
    assert len(aiko.letters) == before
    (row,) = world.reads(lambda tx: erasures.page(tx)[0])
    assert (row.person_id, row.why) == (person, Why.WITHDRAWN)
    assert (row.done_at - row.asked_at).days >= 89


@pytest.mark.long
async def test_who_changes_their_mind_stays_and_is_asked_again(world: World) -> None:
    aiko = await a_member(world, employer="青空ロジ")
    await aiko.types("/alumni privacy")
    await aiko.presses("privacy.withdraw", of=STAY)
    await world.on("2026-05-20")
    await aiko.types("/alumni profile")
    await aiko.presses("profile.edit")
    assert await aiko.fills(listed=["yes"])  # nobody is listed without it
    assert not aiko.person.listed
    await aiko.types("/alumni privacy")
    await aiko.presses("privacy.give", of=STAY)
    assert aiko.row.erase_at is None
    assert not aiko.person.listed
    await world.on("2026-09-30")
    assert aiko.stage is Stage.JOINED
    assert "checkin.nudge" in [kind for kind, _ in aiko.letters]


@pytest.mark.long
async def test_before_the_last_day_taking_back_is_a_no(world: World) -> None:
    aiko = await who_said_yes(world)
    person = aiko.person.id
    await aiko.types("/alumni privacy", Side.COMPANY)
    assert aiko.home_email in aiko.sees(Side.COMPANY)
    await aiko.presses("privacy.withdraw", Side.COMPANY)
    assert aiko.stage is Stage.DECLINED
    assert aiko.person.private_email is None
    assert said(world, person) == {STAY: Decision.WITHDRAWN}
    assert "辞退" not in aiko.sees(Side.COMPANY)
    await aiko.presses("welcome.mine", Side.COMPANY)
    assert "今後ご連絡しません" in aiko.sees(Side.COMPANY)
    await world.on("2026-03-31", at="18:00")
    assert erased(world, person)


@pytest.mark.long
async def test_a_leaver_is_erased_at_once_and_no_file_brings_them_back(world: World) -> None:
    aiko = await who_was_asked(world)
    person = aiko.person.id
    await aiko.types("/alumni privacy", Side.COMPANY)
    await aiko.presses("privacy.erase", Side.COMPANY, sure=["yes"])
    assert erased(world, person)
    await world.feed_says(aiko.leaves(部署="総務部"))
    await world.on("2026-12-31")
    assert world.reads(leavers.counts).get(Stage.ANNOUNCED) is None
    assert [kind for kind, _ in aiko.letters] == ["welcome.question"]


@pytest.mark.long
async def test_the_same_page_is_for_nobody_else(world: World) -> None:
    aiko = await a_member(world)
    other = world.employee("中島 健")
    assert "髙橋" not in await other.types("/alumni privacy")
    assert "髙橋" not in await world.hr.types("/alumni privacy")
    assert "参加の手続き" not in await aiko.types("/alumni privacy")


@pytest.mark.long
@pytest.mark.parametrize("known", [True, False])
async def test_the_export_is_offered_where_there_are_pages(world: World, known: bool) -> None:
    world.ground.app.core.policy.base_url = "https://okaeri.example.jp" if known else ""
    aiko = await a_member(world)
    await aiko.types("/alumni privacy")
    view = aiko.modal()
    assert view is not None
    assert ("https://okaeri.example.jp/alumni/export" in str(view.blocks)) is known


@pytest.mark.long
async def test_an_invitation_stops_with_the_consent_and_comes_back_with_it(world: World) -> None:
    aiko = await who_was_enrolled(world)
    person, policy = aiko.person.id, world.ground.app.core.policy
    before = aiko.joining_code
    said_so = consents.Said("ja", "mail")
    world.writes(lambda tx: leaving.withdraw(tx, person, STAY, said_so, policy))
    await world.on("2026-04-01")
    await aiko.joins()
    assert aiko.stage is Stage.ENROLLED
    assert "おかえり" not in await aiko.types(f"/alumni join {before}")
    await world.on("2026-05-15")
    assert world.mailbox(aiko.home_email).count("welcome.invitation") == 1
    assert world.reads(lambda tx: leavers.get(tx, aiko.row.id)).stuck == ""


# --- HR ---------------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_hr_sees_request_clock_and_proof(world: World) -> None:
    aiko, jiro = await who_was_asked(world), await a_leaver(world, "山﨑 次郎")
    await world.on("2026-03-05")
    await aiko.presses("welcome.no", Side.COMPANY)
    await jiro.types("/alumni privacy", Side.COMPANY)
    await jiro.presses("privacy.erase", Side.COMPANY, sure=["yes"])
    await world.hr.types("/alumni leavers erased")
    seen = words_of(world.hr.modal(Side.COMPANY))
    (row,) = world.reads(lambda tx: erasures.page(tx)[0])
    for words in ("髙橋 愛子", "2026年4月5日", row.person_id, row.proof.hex()[:16], "証跡はすべてつながって"):
        assert words in seen, words
    assert "山﨑" not in seen
    world.writes(lambda tx: tx.query(Erasure).update({"done_at": world.ground.clock.now()}))
    await world.hr.types("/alumni 退職予定 消去")
    assert "証跡が途切れて" in words_of(world.hr.modal(Side.COMPANY))


@pytest.mark.long
async def test_a_member_who_died_is_left_in_peace(world: World) -> None:
    aiko, jiro = await a_member(world, employer="青空ロジ"), await a_member(world, "山﨑 次郎", "2026-04-30")
    person = aiko.person.id
    draft = Draft("checkin.nudge", "{}", STAY, Route.ALUMNI_CHAT, "x", person_id=person)
    world.writes(lambda tx: outbox.put(tx, draft))
    before = len(aiko.letters)
    await world.hr.types("/alumni leavers 高橋")
    await world.hr.presses("leavers.show", Side.COMPANY)
    await world.hr.presses("decisions.deceased", Side.COMPANY, sure=["yes"])
    assert aiko.stage is Stage.DECEASED
    assert erased(world, person)
    assert "髙橋" not in await jiro.types("/alumni find 高橋")
    assert world.reads(lambda tx: tx.query(Checkin).filter_by(person_id=person).one()).state is State.STOPPED
    told = len(world.told_hr("decisions.stuck"))
    await world.feed_says(aiko.leaves(退職日="2027-12-31", 退職区分="死亡"))
    await world.on("2028-01-31")
    assert len(aiko.letters) == before
    assert len(world.told_hr("decisions.stuck")) == told
    assert world.reads(leavers.counts).get(Stage.HELD) is None


# --- what is on the disk ------------------------------------------------------------------------------------


@pytest.mark.long
async def test_after_an_erase_nothing_is_on_the_disk_any_more(world_in_file: World) -> None:
    world = world_in_file
    aiko = await a_member(
        world,
        "鵜飼 蛍",
        employer="ざくろ堂",
        kana="ウカイ ホタル",
        shown=["employer"],
        skills="蒔絵, 鼈甲細工",
    )
    person = aiko.person.id
    draft = Draft("checkin.nudge", '{"鵜飼": 1}', STAY, Route.ALUMNI_CHAT, "x", person_id=person)
    world.writes(lambda tx: outbox.put(tx, draft))
    words = [
        word.encode()
        for word in ("鵜飼", "ざくろ", "ウカイ", "ukai", "蒔絵", "鼈甲", aiko.company_email, aiko.number)
    ]
    disk = Path(world.ground.app.core.settings.database_url.removeprefix("sqlite:///"))
    assert words[0] in world.disk()
    await aiko.types("/alumni privacy")
    await aiko.presses("privacy.erase", sure=["yes"])
    await world.ground.app.schedule.run("erasures")
    assert [word.decode() for word in words if word in world.disk()] == []
    assert aiko.alumni_user.encode() not in world.disk()
    (line,) = disk.with_name(f"{disk.name}.erasures").read_text("utf-8").splitlines()
    assert json.loads(line)["person"] == person
    assert world.reads(lambda tx: set(held.everything(tx, person))) <= {
        "people", "leavers", "consents", "checkins", "outbox", "journal", "erasures",
    }  # fmt: skip
    assert world.reads(lambda tx: people.one(tx, person)).name == ""
