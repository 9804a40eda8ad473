"""HR changes how the network is run, without a shell: names, link, rhythm, words; and finds the way back."""

from __future__ import annotations

from datetime import date

import pytest

from bot.conversation import Side
from storage import consents, policy
from storage.consents import Purpose
from storage.leavers import Stage
from tests.journeys import a_leaver, who_said_yes, who_was_asked
from tests.world import COMPANY, Somebody, World

OWN = "{name}さん、{company}とこれからもつながっていませんか。"


def flat(seen: str) -> str:
    """Words without the seams between what is ours and what is data."""
    return seen.replace("\n", "")


async def opens(hr: Somebody, section: str) -> None:
    """The form of a section, from the overview."""
    await hr.types("/alumni policy")
    await hr.presses("policy.edit", nth=0, of=section)


async def words_of_hr(hr: Somebody, key: str, query: str, **form: str) -> dict[str, str]:
    """Pick a sentence, type it anew; the errors, or a preview is open."""
    await hr.types("/alumni policy")
    await hr.presses("wording.pick")
    assert await hr.chooses("sentence", query)
    await hr.fills(sentence=key)
    return await hr.fills(**form)


async def test_hr_sees_that_nothing_was_changed_and_changes_the_names(world: World) -> None:
    seen = await world.hr.types("/alumni 運営設定")
    assert "まだ何も変更されていません" in seen
    await opens(world.hr, "brand")
    wrong = await world.hr.fills(network="みなと会", logo_url="http://minato.example.jp/logo.png")
    assert "https://" in wrong["logo_url"]
    assert not await world.hr.fills(logo_url="")
    assert "みなと会" in world.hr.sees()
    assert "第1版" in flat(await world.hr.types("/alumni policy"))
    assert "みなと会" in await world.hr.types("/alumni help")  # at once, on the next card
    row = world.reads(policy.newest)
    assert (row.version, row.by) == (1, f"slack:{COMPANY}:{world.hr.company_user}")
    aiko = await who_was_asked(world)
    assert "みなと会" in aiko.sees()
    assert "みなと会" in await world.hr.opens_home()


async def test_only_hr_decides(world: World) -> None:
    ken = world.employee("中島 健")
    assert "担当者だけ" in await ken.types("/alumni policy")
    assert "policy" not in await ken.types("/alumni help")


async def test_the_rhythm_counts_from_the_next_notice_on(world: World) -> None:
    await opens(world.hr, "cadence")
    wrong = await world.hr.fills(ask_before_last_day="many", enrol_at="25:00", checkin_closes="9:00")
    assert set(wrong) == {"ask_before_last_day", "enrol_at", "checkin_closes"}
    assert not await world.hr.fills(ask_before_last_day="20", enrol_at="17:30", checkin_closes="18:00")
    aiko = await a_leaver(world)
    assert f"{aiko.row.ask_at:%m-%d %H:%M}" == "03-11 00:00"  # 9:00 in Tokyo, 20 days before 31 March
    assert f"{aiko.row.enrol_at:%m-%d %H:%M}" == "03-31 08:30"


async def test_two_of_hr_at_once(world: World) -> None:
    await opens(world.hr, "invitation")
    await world.hr.fills(url="https://join.slack.example/t/first")
    await opens(world.hr, "invitation")
    world.writes(lambda tx: policy.save(tx, policy.made(tx, 1, "cli", "", {}), 1))
    await world.hr.fills(url="https://join.slack.example/t/second")
    assert "ほかの方が先に" in world.hr.sees()
    await world.settle()
    assert world.ground.app.core.policy.invitation_url.endswith("/local-slack/join")  # as that version says
    assert "コマンドライン" in await world.hr.types("/alumni policy")


@pytest.mark.long
async def test_an_expired_link_is_sent_to_nobody_and_hr_is_warned(world: World) -> None:
    await opens(world.hr, "invitation")
    await world.hr.fills(url="https://join.slack.example/t/x", expires="2026-03-30")
    aiko = await who_said_yes(world)
    await world.on("2026-03-22")
    assert world.told_hr("policy.link_expires") == []
    await world.on("2026-03-23")
    assert len(world.told_hr("policy.link_expires")) == 1
    await world.on("2026-03-31", at="18:00")
    assert len(world.told_hr("policy.link_expires")) == 1
    assert aiko.stage is Stage.ENROLLED
    (invitation,) = [
        mail for mail in world.mails(aiko.home_email) if world.kind(mail) == "welcome.invitation"
    ]
    assert "join.slack.example" not in invitation.text  # a dead link would be nobody's fault
    assert "招待リンクの期限が近づいています" in world.hr.sees()
    await opens(world.hr, "invitation")
    assert not await world.hr.fills(url="https://join.slack.example/t/new", expires="2026-04-30")
    ken = await who_said_yes(world, "中島 健", "2026-04-30")
    await world.on("2026-04-30", at="18:00")
    assert "https://join.slack.example/t/new" in world.mails(ken.home_email)[-1].text


@pytest.mark.long
async def test_words_are_changed_in_both_languages_after_a_preview(world: World) -> None:
    key = "welcome.opening"
    wrong = await words_of_hr(
        world.hr, key, "ゆるやか", japanese="つながりませんか", english="<b>{name}</b>, {company}?"
    )
    assert "{name}" in wrong["japanese"]
    assert "HTML" in wrong["english"]
    assert not await world.hr.fills(japanese=OWN, english="{name}, shall we stay in touch with {company}?")
    assert "まだ保存されていません" in world.hr.sees()
    assert "stay in touch with" in world.hr.sees()
    assert world.reads(policy.number) == 0
    await world.hr.presses("wording.keep")
    assert "保存しました" in world.hr.sees()
    aiko = await who_was_asked(world)
    assert "これからもつながっていませんか" in aiko.sees()
    assert not await words_of_hr(world.hr, key, "これからも", japanese="", english="")
    await world.hr.presses("wording.keep")
    ken = await who_was_asked(world, "中島 健", "2026-04-30")
    assert "ゆるやかにつながって" in ken.sees()


@pytest.mark.long
async def test_a_changed_consent_is_a_new_version_of_its_wording(world: World) -> None:
    wording = "{company}は{network}のために、お名前と連絡先を保管します。窓口：{contact}"
    await words_of_hr(world.hr, "welcome.wording", "いつでも取り消せ", japanese=wording)
    assert "stay-1" in world.hr.sees()
    await world.hr.presses("wording.keep")
    assert "stay-2" in world.hr.sees()
    aiko = await who_said_yes(world)
    row = world.reads(lambda tx: consents.latest(tx, aiko.row.person_id)[Purpose.STAY_IN_TOUCH])
    assert row.wording == "stay-2"
    old = world.reads(lambda tx: policy.words_of(tx, "stay-1"))
    assert "いつでも取り消せ" in old["ja"]


async def test_a_sentence_that_counts(world: World) -> None:
    form = {
        "japanese": "**要確認：{count}件**",
        "english_one": "**{count} thing**",
        "english": "**{count} things**",
    }
    assert not await words_of_hr(world.hr, "leavers.stuck_title", "stuck_title", **form)
    await world.hr.presses("wording.keep")
    texts = world.ground.app.core.texts
    assert texts.pattern("leavers.stuck_title", "en", 1) == "**{count} thing**"
    assert texts.pattern("leavers.stuck_title", "en", 2) == "**{count} things**"


async def test_a_forged_sentence_is_checked_again(world: World) -> None:
    for forged in (("ええ", "<b>"), ("say_yes", "verb"), ("say_yes", "gone")):
        await words_of_hr(world.hr, "welcome.say_yes", "welcome.say_yes", japanese="ええ", english="Sure")
        _, element = world.button(COMPANY, world.hr.company_user, "wording.keep")
        element["value"] = element["value"].replace(*forged)
        await world.hr.presses("wording.keep")
        assert "古くなっています" in world.hr.sees()
    assert world.reads(policy.number) == 0


async def test_the_columns_of_files_are_used_from_the_next_file_on(world: World) -> None:
    await world.hr.types("/alumni policy")
    await world.hr.presses("columns.pick")
    assert await world.hr.chooses("column", "退職日")
    await world.hr.fills(column="last_day")
    wrong = await world.hr.fills(headers="・・・")
    assert "columns.last_day" in wrong["headers"]
    aiko = world.employee("髙橋 愛子")
    assert not await world.hr.fills(headers="おしまいの日, 退職日")
    row = aiko.leaves()
    await world.ground.drop_file(
        "own.csv", f"社員番号,氏名,おしまいの日\n{row['社員番号']},髙橋 愛子,2026-03-31\n".encode()
    )
    assert aiko.row.last_day == date(2026, 3, 31)


async def test_the_way_back(world: World) -> None:
    for name in ("一の会", "二の会"):
        await opens(world.hr, "brand")
        await world.hr.fills(network=name)
    await world.hr.types("/alumni policy")
    await world.hr.presses("policy.history")
    await world.hr.presses("policy.look", nth=-1)  # the oldest stands last
    assert "一の会" in world.hr.sees()
    await world.hr.presses("policy.restore")
    assert "第3版" in flat(world.hr.sees())
    assert world.ground.app.core.policy.brand.network == "一の会"
    assert "一の会" in await world.hr.types("/alumni help", Side.COMPANY)
