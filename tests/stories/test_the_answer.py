"""The one question and its answers: yes, later, no, silence; and who may give them."""

from __future__ import annotations

import pytest

from bot.conversation import Side
from storage import accounts, codes, consents, leavers, people
from storage.codes import Use
from storage.consents import Decision
from storage.engine import Tx
from storage.leavers import Stage
from storage.people import PersonKey
from storage.search import SearchDoc
from tests.journeys import a_leaver, who_said_yes, who_was_asked
from tests.world import COMPANY, World


async def test_no_is_one_press_and_nothing_more_is_ever_sent(world: World) -> None:
    aiko = await who_was_asked(world, 個人メール="aiko@home.example.jp")
    person = aiko.person.id
    await aiko.presses("welcome.no", Side.COMPANY)
    assert aiko.stage is Stage.DECLINED
    assert aiko.modal(Side.COMPANY) is None
    assert aiko.person.private_email is None
    assert "お返事を受け取りました" in aiko.sees(Side.COMPANY)
    await world.feed_says(aiko.leaves(個人メール="aiko@home.example.jp", 部署="総務部"))
    assert aiko.person.private_email is None

    await world.on("2026-03-31", at="18:00")
    assert erased(world, person)
    await world.feed_says(aiko.leaves(退職日="2026-04-15", 個人メール="aiko@home.example.jp"))
    await world.on("2026-09-30")
    assert [kind for kind, _ in aiko.letters] == ["welcome.question"]
    assert erased(world, person)
    assert world.reads(leavers.counts).get(Stage.ANNOUNCED) is None
    assert world.mails("aiko@home.example.jp") == []


def erased(world: World, person_id: str) -> bool:
    """Whether nothing of a person can be read or found any more."""

    def look(tx: Tx) -> bool:
        person = people.one(tx, person_id)
        gone = person.name == person.kana == person.department == "" and person.private_email is None
        docs = tx.query(SearchDoc).filter_by(person_id=person_id).count()
        return gone and tx.get(PersonKey, person_id) is None and docs == 0

    return bool(world.reads(look))


async def test_the_answer_is_seen_in_a_dialog_only(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.presses("welcome.no", Side.COMPANY)
    stored = "\n".join(str(m.blocks) for m in world.slack.messages(COMPANY, aiko.company_user))
    assert "今後ご連絡しません" not in stored
    await aiko.presses("welcome.mine", Side.COMPANY)
    assert "今後ご連絡しません" in aiko.sees(Side.COMPANY)


@pytest.mark.long
async def test_an_answer_can_be_changed_until_the_last_day(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.presses("welcome.no", Side.COMPANY)
    await aiko.presses("welcome.mine", Side.COMPANY)
    await aiko.presses("welcome.yes", Side.COMPANY, personal_email=aiko.home_email, reach="mail")
    await world.settle()
    await aiko.proves_the_address()
    assert aiko.stage is Stage.CONSENTED
    assert aiko.person.mail_only
    await aiko.presses("welcome.mine", Side.COMPANY)
    await aiko.presses("welcome.no", Side.COMPANY)
    assert aiko.stage is Stage.DECLINED
    assert aiko.person.private_email is None
    said = world.reads(
        lambda tx: [c.decision for c in tx.query(consents.Consent).order_by(consents.Consent.id)]
    )
    assert said == [Decision.REFUSED, Decision.GIVEN, Decision.REFUSED]


@pytest.mark.long
async def test_after_the_last_day_the_question_is_closed(world: World) -> None:
    aiko = await who_was_asked(world)
    await world.on("2026-03-31", at="18:01")
    await aiko.presses("welcome.no", Side.COMPANY)
    assert "受付は終わりました" in aiko.sees(Side.COMPANY)
    assert aiko.stage is Stage.UNANSWERED


@pytest.mark.long
async def test_later_brings_one_mail_after_three_months_and_then_nothing(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.presses("welcome.later", Side.COMPANY, personal_email=aiko.home_email)
    await world.settle()
    await aiko.proves_the_address()
    await world.on("2026-03-31", at="18:00")
    assert aiko.stage is Stage.LATER
    await world.on("2026-06-30", at="09:59")
    assert world.mailbox(aiko.home_email) == ["welcome.proof"]
    await world.on("2026-06-30", at="10:00")
    assert world.mailbox(aiko.home_email) == ["welcome.proof", "welcome.later_mail"]
    person = aiko.person.id
    await world.on("2026-12-31")
    assert len(world.mails(aiko.home_email)) == 2
    assert erased(world, person)


@pytest.mark.long
async def test_later_and_the_mail_brings_them_in_after_all(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.presses("welcome.later", Side.COMPANY, personal_email=aiko.home_email)
    await world.settle()
    await aiko.proves_the_address()
    await world.on("2026-06-30", at="10:00")
    await aiko.joins()
    assert aiko.stage is Stage.LATER  # an address alone is no consent
    await aiko.types(f"/alumni join {aiko.joining_code}")
    await aiko.fills(code=aiko.joining_code, agree=["yes"])
    assert aiko.stage is Stage.JOINED
    assert "髙橋 愛子さん" in aiko.sees()


@pytest.mark.long
async def test_later_without_an_address_takes_back_an_earlier_one(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-03-31", works_until="2026-02-24")
    await world.on("2026-02-24", at="09:00")
    await aiko.presses("welcome.yes", Side.COMPANY, nth=0, personal_email=aiko.home_email, reach="chat")
    await world.settle()
    await aiko.proves_the_address()
    await aiko.presses("welcome.later", Side.COMPANY, personal_email="")
    await world.on("2026-07-15")
    assert world.mailbox(aiko.home_email) == ["welcome.proof"]


@pytest.mark.long
async def test_silence_is_a_silent_record_and_goes_after_ninety_days(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-03-31")
    await world.on("2026-03-31", at="18:00")
    assert aiko.stage is Stage.UNANSWERED
    person = aiko.person.id
    assert not aiko.person.listed
    assert aiko.person.member_from is None
    await world.on("2026-06-29", at="17:00")
    assert aiko.person.name == "髙橋 愛子"
    await world.on("2026-06-29", at="18:01")
    assert erased(world, person)
    assert [kind for kind, _ in aiko.letters] == ["welcome.question"] * 2


@pytest.mark.long
async def test_silence_and_hr_hands_over_a_code(world: World) -> None:
    aiko = await a_leaver(world, last_day="2026-03-31")
    await world.on("2026-04-02")
    await world.hr.decides("claim", aiko)
    code = world.code_in(world.hr.sees())
    aiko.alumni_user = world.slack.add_person("T0ALUMNI", name="aiko", email="other@home.example.jp")
    await aiko.types(f"/alumni join {code}")
    assert aiko.stage is Stage.UNANSWERED  # asked for the consent first
    await aiko.fills(code=code, agree=["yes"])
    assert aiko.stage is Stage.JOINED
    assert not aiko.person.listed
    await world.on("2026-12-01")
    assert aiko.person.name == "髙橋 愛子"


@pytest.mark.long
async def test_a_company_address_is_no_private_address(world: World) -> None:
    aiko = await who_was_asked(world)
    for answer in ("welcome.yes", "welcome.later"):
        await aiko.presses(answer, Side.COMPANY)
        wrong = await aiko.fills(Side.COMPANY, personal_email=aiko.company_email)
        assert "個人のアドレス" in wrong["personal_email"]
        await world.slack.closes(COMPANY, aiko.company_user, aiko.modal(Side.COMPANY).id)  # type: ignore[union-attr]
    assert aiko.stage is Stage.ASKED


@pytest.mark.long
async def test_five_wrong_proofs_lock(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.says_yes()
    right = aiko.proof_code()
    wrong = right[:5] + ("AAAA" if right[5:] != "AAAA" else "BBBB")
    await aiko.presses("welcome.prove", Side.COMPANY)
    for _ in range(5):
        assert "正しくない" in (await aiko.fills(Side.COMPANY, code=wrong))["code"]
    await aiko.fills(Side.COMPANY, code=right)
    assert aiko.person.private_email_proven_at is None
    assert "受け付けていません" in aiko.sees(Side.COMPANY)
    await world.on("2026-03-01", at="09:20")
    await aiko.proves_the_address()
    assert aiko.person.private_email_proven_at is not None


@pytest.mark.long
async def test_a_new_address_makes_the_old_proof_worthless(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.says_yes("old@home.example.jp")
    old = aiko.proof_code("old@home.example.jp")
    await aiko.presses("welcome.mine", Side.COMPANY)
    await aiko.presses("welcome.yes", Side.COMPANY, personal_email="new@home.example.jp", reach="chat")
    await world.settle()
    await aiko.presses("welcome.prove", Side.COMPANY, code=old)
    assert aiko.person.private_email_proven_at is None
    await aiko.fills(Side.COMPANY, code=aiko.proof_code("new@home.example.jp"))
    assert aiko.person.private_email_proven_at is not None


@pytest.mark.long
async def test_nobody_answers_for_somebody_else(world: World) -> None:
    aiko = await who_was_asked(world)
    jiro = await who_was_asked(world, "山﨑 次郎", last_day="2026-04-30")
    await aiko.says_yes()
    for number, button in enumerate(("yes", "later", "no", "mine", "prove", "resend"), start=1):
        await jiro.forges(f"welcome.{button}", aiko)
        assert jiro.sees(Side.COMPANY).count("受付は終わりました") == number or jiro.modal(Side.COMPANY), (
            button
        )
    assert aiko.stage is Stage.CONSENTED
    assert jiro.stage is Stage.ASKED


@pytest.mark.long
async def test_who_inherits_a_company_account_answers_for_nobody(world: World) -> None:
    aiko = await who_said_yes(world)
    await world.on("2026-04-01")
    assert world.reads(lambda tx: accounts.of_person(tx, aiko.person.id, Side.COMPANY)) is None
    await aiko.presses("welcome.mine", Side.COMPANY)
    assert "受付は終わりました" in aiko.sees(Side.COMPANY)
    assert aiko.stage is Stage.ENROLLED


@pytest.mark.long
async def test_an_unproven_address_gets_an_invitation_without_a_code(world: World) -> None:
    aiko = await who_was_asked(world)
    await aiko.says_yes()
    await world.on("2026-03-31", at="18:00")
    assert aiko.stage is Stage.ENROLLED
    mail = world.mails(aiko.home_email)[-1]
    assert world.kind(mail) == "welcome.invitation"
    assert "/alumni join" not in mail.text
    assert world.reads(lambda tx: codes.open_code(tx, aiko.person.id, Use.JOIN)) is None
    await aiko.joins()
    assert aiko.stage is Stage.ENROLLED
    assert "参加の手続き" in await aiko.types("/alumni find 高橋")

    await aiko.opens_home()
    await aiko.presses("join.plead", name="髙橋 愛子")
    await world.settle()
    await world.hr.presses("join.tie", Side.COMPANY)
    await world.hr.chooses("who", "高橋")
    await world.hr.fills(sure=["yes"])
    await world.settle()
    assert aiko.stage is Stage.JOINED
    assert "おかえりなさい、髙橋 愛子さん" in aiko.sees()


@pytest.mark.long
async def test_an_english_speaker_is_asked_in_english(world: World) -> None:
    anna = world.employee("Anna Müller", "2026-03-31", locale="en-US", zone="Europe/Berlin")
    raj = world.employee("Raj Patel", "2026-03-31")
    await world.feed_says(anna.leaves(), raj.leaves(言語="英語"))
    await world.on("2026-03-01", at="09:00")
    for one in (anna, raj):
        assert "Would you like to stay in touch" in one.sees(Side.COMPANY), one.name
    await anna.says_yes()
    assert (
        "Confirm your address" in world.mails(anna.home_email)[0].subject
        or "confirm" in world.mails(anna.home_email)[0].subject
    )
    await anna.proves_the_address()
    await world.on("2026-04-01")
    await anna.joins(locale="en-US", zone="Europe/Berlin")
    assert "Welcome back, Anna Müller" in anna.sees()
    await anna.presses("profile.edit")
    assert "Check your profile" in anna.sees()


@pytest.mark.long
async def test_who_is_not_in_the_company_chat_gets_company_mail(world: World) -> None:
    aiko = world.employee("髙橋 愛子", "2026-03-31", account=False)
    await world.feed_says(aiko.leaves())
    await world.on("2026-03-01", at="09:00")
    assert world.mailbox(aiko.company_email) == ["welcome.question"]
    assert "会社のチャットに見つかりません" in world.hr.sees()
    assert "会社のチャットに見つかりません" in await world.hr.types("/alumni leavers")
