"""People: sealed with a key of their own, found by what they proved, unreadable once erased."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm.exc import StaleDataError

from bot.visibility import Audience
from storage import people
from storage.columns import InvalidTag
from storage.engine import Tx, now
from storage.people import Person, PersonKey
from tests.desk import Desk, tokyo

MAIL = "aiko@example.jp"


def proven(tx: Tx, name: str, email: str = MAIL) -> Person:
    person = people.add(tx, name)
    people.set_private_email(tx, person, email)
    person.private_email_proven_at = now(tx)
    tx.flush()
    return person


def test_a_sealed_value_opens_only_for_its_person_and_place(tx: Tx) -> None:
    aiko, ken = people.add(tx, "田中 愛子"), people.add(tx, "佐藤 健")
    blob = people.seal_for(tx, aiko.id, "people.private_email", MAIL)
    assert MAIL.encode() not in blob
    assert people.open_for(tx, aiko.id, "people.private_email", blob) == MAIL
    assert blob != people.seal_for(tx, aiko.id, "people.private_email", MAIL)
    for person_id, place in ((ken.id, "people.private_email"), (aiko.id, "outbox.payload:1")):
        with pytest.raises(InvalidTag):
            people.open_for(tx, person_id, place, blob)


def test_addresses_swapped_between_rows_do_not_open(tx: Tx) -> None:
    aiko, ken = proven(tx, "田中 愛子"), proven(tx, "佐藤 健", "ken@example.jp")
    aiko.private_email, ken.private_email = ken.private_email, aiko.private_email
    tx.flush()
    for person in (aiko, ken):
        with pytest.raises(InvalidTag):
            people.private_email(tx, person)


def test_keys_swapped_between_rows_do_not_open(tx: Tx) -> None:
    aiko, ken = proven(tx, "田中 愛子"), proven(tx, "佐藤 健")
    keys = [tx.get_one(PersonKey, person.id) for person in (aiko, ken)]
    keys[0].wrapped, keys[1].wrapped = keys[1].wrapped, keys[0].wrapped
    tx.flush()
    with pytest.raises(InvalidTag):
        people.private_email(tx, aiko)


def test_every_person_has_a_key_of_their_own(tx: Tx) -> None:
    for name in ("田中 愛子", "佐藤 健", "Ana"):
        people.add(tx, name)
    wrapped = tx.scalars(select(PersonKey.wrapped)).all()
    assert len(set(wrapped)) == 3


def test_erasing_destroys_the_key_and_every_field(tx: Tx) -> None:
    aiko = proven(tx, "田中 愛子")
    people.confirm(aiko, now(tx).date(), {"employer": "青空ロジ", "about": "海が好き"}, ["employer"], True)
    aiko.paused_until, aiko.mail_only, aiko.member_from = now(tx).date(), True, now(tx)
    tx.flush()
    blob = people.seal_for(tx, aiko.id, "x", "secret")
    people.erase(tx, aiko.id)
    tx.expire_all()
    assert tx.get(PersonKey, aiko.id) is None
    with pytest.raises(NoResultFound):
        people.open_for(tx, aiko.id, "x", blob)
    empty = {name: getattr(aiko, name) for name in (*people._FIELDS, "romaji", "unreachable", "shown")}
    assert not any(empty.values()), empty
    assert not any((aiko.listed, aiko.mail_only, aiko.paused_until, aiko.member_from, aiko.confirmed_on))
    assert aiko.private_email is aiko.private_email_blind is aiko.private_email_proven_at is None
    assert aiko.left_at == now(tx)
    assert not people.is_member(aiko, now(tx) + timedelta(days=1))
    assert people.by_proven_email(tx, MAIL) is None
    people.erase(tx, aiko.id)


@pytest.mark.parametrize(
    "spelling", ["AIKO@Example.JP", " aiko@example.jp ", "ａｉｋｏ＠ｅｘａｍｐｌｅ．ｊｐ"]
)
def test_the_same_address_spelt_otherwise_keeps_its_proof(tx: Tx, spelling: str) -> None:
    aiko = proven(tx, "田中 愛子")
    people.set_private_email(tx, aiko, spelling)
    assert aiko.private_email_proven_at is not None
    assert people.private_email(tx, aiko) == MAIL
    assert people.by_proven_email(tx, spelling) is aiko


def test_another_address_loses_the_proof_and_none_forgets_it(tx: Tx) -> None:
    aiko = proven(tx, "田中 愛子")
    aiko.unreachable = "mailbox_refused"
    people.set_private_email(tx, aiko, "other@example.jp")
    assert aiko.private_email_proven_at is None
    assert not aiko.unreachable
    assert people.private_email(tx, aiko) == "other@example.jp"
    people.set_private_email(tx, aiko, None)
    assert people.private_email(tx, aiko) is None
    assert aiko.private_email_blind is None


def test_an_address_finds_only_who_proved_it_and_alone(tx: Tx) -> None:
    assert people.by_proven_email(tx, MAIL) is None
    unproven = people.add(tx, "田中 花子")
    people.set_private_email(tx, unproven, MAIL)
    assert people.by_proven_email(tx, MAIL) is None
    aiko = proven(tx, "田中 愛子")
    assert people.by_proven_email(tx, MAIL) is aiko
    twin = proven(tx, "田中 一")
    assert people.by_proven_email(tx, MAIL) is None
    people.erase(tx, twin.id)
    assert people.by_proven_email(tx, MAIL) is aiko


def test_who_was_faster_wins_and_the_other_is_told(desk: Desk) -> None:
    person_id = desk.does(lambda tx: people.add(tx, "田中 愛子").id)
    stale = desk.sees(lambda tx: people.one(tx, person_id))
    desk.does(lambda tx: setattr(people.one(tx, person_id), "employer", "first"))

    def second(tx: Tx) -> None:
        tx.add(stale)
        stale.employer = "second"

    with pytest.raises(StaleDataError):
        desk.does(second)
    assert desk.sees(lambda tx: people.one(tx, person_id)).employer == "first"


def test_get_and_one(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子", locale="en", zone="Europe/Berlin")
    assert people.get(tx, aiko.id) is people.one(tx, aiko.id) is aiko
    assert (aiko.locale, aiko.zone) == ("en", "Europe/Berlin")
    assert people.get(tx, "p_nobody") is None
    with pytest.raises(NoResultFound):
        people.one(tx, "p_nobody")


def test_a_member_is_one_from_a_moment_on(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子", member_from=tokyo("2026-04-01", "00:00"))
    assert not people.is_member(aiko, tokyo("2026-03-31", "23:59"))
    assert people.is_member(aiko, tokyo("2026-04-01", "00:00"))
    aiko.left_at = tokyo("2026-05-01")
    assert not people.is_member(aiko, tokyo("2026-06-01"))
    assert not people.is_member(people.add(tx, "佐藤 健"), tokyo("2026-06-01"))


def test_a_profile_is_cut_to_its_viewer(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子", kana="たなか あいこ", department="営業部", member_from=now(tx))
    people.confirm(aiko, now(tx).date(), {"employer": "青空ロジ", "place": "福岡"}, ["employer"], True)
    tx.flush()
    seen = people.profile(tx, aiko.id, Audience.ALUMNI)
    assert seen is not None
    assert (seen.name, seen.employer, seen.place, seen.kana) == ("田中 愛子", "青空ロジ", "", "")
    assert seen.confirmed_on == now(tx).date()
    hr, own = people.profile(tx, aiko.id, Audience.HR), people.profile(tx, aiko.id, Audience.SELF)
    assert hr is not None
    assert own is not None
    assert hr.place == own.place == "福岡"


@pytest.mark.parametrize("hidden", ["unlisted", "paused", "not yet", "erased"])
def test_nobody_sees_who_may_not_be_seen(tx: Tx, hidden: str) -> None:
    aiko = people.add(tx, "田中 愛子", member_from=now(tx), listed=True)
    match hidden:
        case "unlisted":
            people.forget_private(tx, aiko)
        case "paused":
            aiko.paused_until = (now(tx) + timedelta(days=2)).date()
        case "not yet":
            aiko.member_from = now(tx) + timedelta(seconds=1)
        case _:
            people.erase(tx, aiko.id)
    tx.flush()
    assert people.profile(tx, aiko.id, Audience.ALUMNI) is None


def test_forgetting_the_private_hides_the_profile(tx: Tx) -> None:
    aiko = proven(tx, "田中 愛子")
    people.confirm(aiko, now(tx).date(), {}, ["employer", "about"], True)
    people.forget_private(tx, aiko)
    assert people.private_email(tx, aiko) is None
    assert (aiko.listed, aiko.shown) == (False, [])
    assert aiko.name == "田中 愛子"
