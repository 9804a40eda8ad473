"""Accounts: tied, untied, handed on to others; and who of them runs the network."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.conversation import Address, Platform, Role, Side, Standing
from storage import accounts, leavers, people
from storage.accounts import Account
from storage.engine import Tx, now
from storage.leavers import Leaver, Stage
from storage.people import Person
from tests.desk import Desk, notice, tokyo

HERE = Address(Platform.SLACK, "T0ALUMNI", "U1")
THERE = Address(Platform.SLACK, "T0COMPANY", "U1")


def who(tx: Tx, address: Address = HERE, side: Side = Side.ALUMNI) -> accounts.Known:
    return accounts.who(tx, address, side, "ja", "Asia/Tokyo")


def leaver_of(tx: Tx, person: Person, stage: Stage, enrol_at: str = "2026-03-31") -> Leaver:
    moment = tokyo(enrol_at, "18:00")
    return leavers.add(
        tx,
        Leaver(
            person_id=person.id, entity="", employee_number=person.id, stint=1, source="csv", notice="n",
            last_day=moment.date(), leaving_type="resignation", stage=stage, enrol_at=moment,
        ),
    )  # fmt: skip


def test_a_stranger_is_somebody_without_a_row(tx: Tx) -> None:
    known = who(tx)
    assert not known.met
    assert known.actor.roles == frozenset()
    assert (known.actor.locale, known.actor.zone, known.actor.person_id) == ("ja", "Asia/Tokyo", None)
    assert who(tx, THERE, Side.COMPANY).actor.roles == {Role.EMPLOYEE}


def test_an_account_is_noted_once_and_keeps_how_it_looks(tx: Tx) -> None:
    first = accounts.note(tx, HERE, Side.ALUMNI)
    assert accounts.note(tx, HERE, Side.ALUMNI) is first
    accounts.looked(tx, HERE, Standing.GUEST, "en-GB", "Europe/London")
    actor = who(tx).actor
    assert (actor.standing, actor.locale, actor.zone) == (Standing.GUEST, "en", "Europe/London")
    accounts.looked(tx, HERE, Standing.MEMBER, "de", "")
    assert who(tx).actor.locale == "en"
    accounts.looked(tx, THERE, Standing.MEMBER, "ja", "")
    assert tx.get(Account, str(THERE)) is None


def test_a_zone_that_is_none_here_is_not_taken_over(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子")
    accounts.tie(tx, HERE, Side.ALUMNI, aiko, "code")
    accounts.looked(tx, HERE, Standing.MEMBER, "ja", "Europe/Berlin")
    accounts.looked(tx, HERE, Standing.MEMBER, "ja", "Etc/Unknown")
    assert (who(tx).actor.zone, aiko.zone) == ("Europe/Berlin", "Europe/Berlin")
    accounts.looked(tx, HERE, Standing.MEMBER, "ja", "America/New_York")
    assert (who(tx).actor.zone, aiko.zone) == ("America/New_York", "America/New_York")


def test_a_stored_zone_that_is_none_any_more_is_the_companys(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子", zone="Mars/Olympus", member_from=now(tx))
    account = accounts.note(tx, HERE, Side.ALUMNI)
    account.zone = "Mars/Olympus"
    tx.flush()
    accounts.tie(tx, HERE, Side.ALUMNI, aiko, "code")
    assert who(tx).actor.zone == "Asia/Tokyo"
    assert who(tx, accounts.web_person(aiko.id, Side.ALUMNI)).actor.zone == "Asia/Tokyo"
    accounts.looked(tx, HERE, Standing.MEMBER, "ja", "")
    accounts.looked(tx, HERE, Standing.MEMBER, "ja", "Europe/Berlin")
    assert (who(tx).actor.zone, aiko.zone) == ("Europe/Berlin", "Europe/Berlin")


def test_a_persons_language_serves_until_the_platform_says_one(tx: Tx) -> None:
    accounts.tie(tx, HERE, Side.ALUMNI, people.add(tx, "Ana", locale="en"), "code")
    assert who(tx).actor.locale == "en"
    accounts.looked(tx, HERE, Standing.MEMBER, "ja", "")
    assert who(tx).actor.locale == "ja"


def test_what_was_never_looked_at_is_asked_for_and_what_went_is_not(tx: Tx) -> None:
    accounts.note(tx, HERE, Side.ALUMNI)
    accounts.note(tx, THERE, Side.COMPANY)
    assert set(accounts.unlooked(tx, now(tx))) == {(Side.ALUMNI, HERE), (Side.COMPANY, THERE)}
    assert len(accounts.unlooked(tx, now(tx), limit=1)) == 1
    accounts.looked(tx, HERE, Standing.MEMBER, "ja", "Asia/Tokyo")
    accounts.gone(tx, THERE)
    assert accounts.unlooked(tx, now(tx)) == []
    assert accounts.unlooked(tx, now(tx) + timedelta(days=31)) == [(Side.ALUMNI, HERE)]
    accounts.forget_looks(tx, THERE)
    assert accounts.unlooked(tx, now(tx)) == [(Side.COMPANY, THERE)]
    assert accounts.deactivated(tx, THERE), "until the platform says otherwise"
    stranger = Address(Platform.SLACK, "T9", "U9")
    accounts.gone(tx, stranger)
    accounts.forget_looks(tx, stranger)
    assert tx.get(Account, str(stranger)) is None


def test_tying_moves_a_person_to_the_new_account_of_that_side(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子")
    other = Address(Platform.SLACK, "T0ALUMNI", "U2")
    accounts.tie(tx, THERE, Side.COMPANY, aiko, "company")
    account = accounts.tie(tx, HERE, Side.ALUMNI, aiko, "code")
    assert (account.tied_by, account.tied_at) == ("code", now(tx))
    accounts.tie(tx, other, Side.ALUMNI, aiko, "hr")
    assert accounts.of_person(tx, aiko.id, Side.ALUMNI) == other
    assert accounts.of_person(tx, aiko.id, Side.COMPANY) == THERE
    assert who(tx).actor.person_id is None
    accounts.gone(tx, other)
    assert accounts.of_person(tx, aiko.id, Side.ALUMNI) is None
    accounts.untie(tx, aiko.id)
    assert accounts.of_person(tx, aiko.id, Side.COMPANY) is None


def test_tying_ends_a_lock(tx: Tx) -> None:
    account = accounts.note(tx, HERE, Side.ALUMNI)
    account.wrong_codes, account.locked_until = 3, now(tx) + timedelta(minutes=5)
    accounts.tie(tx, HERE, Side.ALUMNI, people.add(tx, "田中 愛子"), "hr")
    assert (account.wrong_codes, account.locked_until) == (0, None)


def test_an_alumnus_is_a_leaver_until_the_day_after(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子", member_from=now(tx) + timedelta(days=1))
    accounts.tie(tx, HERE, Side.ALUMNI, aiko, "code")
    assert who(tx).actor.roles == {Role.LEAVER}
    aiko.member_from = now(tx)
    tx.flush()
    known = who(tx)
    assert known.actor.roles == {Role.ALUMNUS}
    assert known.actor.person_id == aiko.id
    assert known.met


@pytest.mark.parametrize("stage", list(Stage))
def test_a_company_account_answers_for_a_leaver_only_until_enrolment(tx: Tx, stage: Stage) -> None:
    aiko = people.add(tx, "田中 愛子")
    accounts.tie(tx, THERE, Side.COMPANY, aiko, "company")
    leaver_of(tx, aiko, stage)
    actor = who(tx, THERE, Side.COMPANY).actor
    before = stage in leavers.BEFORE_ENROLMENT
    assert actor.roles == ({Role.EMPLOYEE, Role.LEAVER} if before else {Role.EMPLOYEE})
    assert actor.person_id == (aiko.id if before else None)


def test_after_the_last_day_a_company_account_is_anybodys(desk: Desk) -> None:
    desk.hears(notice())
    person_id = desk.person().id
    desk.does(lambda tx: accounts.tie(tx, THERE, Side.COMPANY, people.one(tx, person_id), "company"))
    desk.clock.travel(tokyo("2026-03-31", "17:59"))
    assert desk.sees(lambda tx: who(tx, THERE, Side.COMPANY)).actor.person_id == person_id
    desk.clock.travel(tokyo("2026-03-31", "18:00"))
    assert desk.sees(lambda tx: who(tx, THERE, Side.COMPANY)).actor.person_id is None


def test_staff_follows_the_settings_and_keeps_what_was_found(tx: Tx) -> None:
    accounts.set_staff(tx, [(Role.HR, "Sato@Minato.example.jp"), (Role.OWNER, "slack:T0COMPANY:U7")])
    accounts.staff_found(tx, "ＳＡＴＯ@minato.example.jp", THERE)
    assert who(tx, THERE, Side.COMPANY).actor.roles == {Role.HR, Role.EMPLOYEE}
    kept = {s.email or s.address: s.id for s in accounts.staff(tx)}
    accounts.set_staff(tx, [(Role.HR, "sato@minato.example.jp"), (Role.OWNER, "new@minato.example.jp")])
    rows = accounts.staff(tx)
    assert [s.email for s in rows] == ["new@minato.example.jp", "sato@minato.example.jp"]
    assert rows[1].id == kept["sato@minato.example.jp"]
    assert rows[1].address == str(THERE)
    accounts.set_staff(tx, [])
    assert accounts.staff(tx) == []
    assert who(tx, THERE, Side.COMPANY).actor.roles == {Role.EMPLOYEE}


def test_somebody_with_two_roles_is_written_to_once(tx: Tx) -> None:
    accounts.set_staff(tx, [(Role.HR, "sato@minato.example.jp"), (Role.OWNER, "sato@minato.example.jp")])
    assert [(s.role, s.email) for s in accounts.staff(tx)] == [(Role.OWNER, "sato@minato.example.jp")]
    accounts.staff_found(tx, "sato@minato.example.jp", THERE)
    actor = who(tx, THERE, Side.COMPANY).actor
    assert {Role.OWNER, Role.HR} <= actor.roles
