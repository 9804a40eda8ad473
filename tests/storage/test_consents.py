"""Consents are only ever added, and a message goes only where the last word allows it."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from storage import consents, people
from storage.consents import FREE, WORDINGS, Consent, Decision, Purpose, Said
from storage.engine import Tx, now
from tests.desk import Desk

SAID = Said("ja", "slack")


@pytest.mark.parametrize("change", ["UPDATE consents SET decision = 'given'", "DELETE FROM consents"])
def test_the_database_itself_refuses_to_change_what_was_said(desk: Desk, change: str) -> None:
    person_id = desk.does(lambda tx: people.add(tx, "田中 愛子").id)
    desk.does(lambda tx: consents.record(tx, person_id, Decision.REFUSED, SAID))
    with pytest.raises(IntegrityError, match="only ever added"):
        desk.does(lambda tx: tx.execute(text(change)))
    assert desk.sees(lambda tx: consents.decision(tx, person_id)) is Decision.REFUSED


def test_the_database_knows_its_words(desk: Desk) -> None:
    person_id = desk.does(lambda tx: people.add(tx, "田中 愛子").id)
    sql = text(
        "INSERT INTO consents (person_id, purpose, decision, wording, locale, channel, at) "
        "VALUES (:p, 'everything', 'given', '', '', '', '2026-01-01')"
    )
    with pytest.raises(IntegrityError, match=r"(?i)check"):
        desk.does(lambda tx: tx.execute(sql, {"p": person_id}))


@pytest.mark.parametrize("decision", list(Decision))
@pytest.mark.parametrize("purpose", list(Purpose))
def test_only_a_given_consent_for_this_purpose_allows(tx: Tx, purpose: Purpose, decision: Decision) -> None:
    aiko, ken = people.add(tx, "田中 愛子"), people.add(tx, "佐藤 健")
    consents.record(tx, aiko.id, decision, SAID, purpose)
    for other in Purpose:
        wanted = other in FREE or (other is purpose and decision is Decision.GIVEN)
        assert consents.allows(tx, aiko.id, other) is wanted
        assert consents.allows(tx, ken.id, other) is (other in FREE)
        assert consents.allows(tx, None, other) is (other in FREE)


def test_the_last_word_counts_and_all_words_stay(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子")
    assert consents.decision(tx, aiko.id) is None
    said = [Decision.LATER, Decision.GIVEN, Decision.WITHDRAWN, Decision.GIVEN, Decision.REFUSED]
    for word in said:
        consents.record(tx, aiko.id, word, SAID)
        assert consents.decision(tx, aiko.id) is word
    rows = tx.query(Consent).order_by(Consent.id).all()
    assert [row.decision for row in rows] == said
    asked = (WORDINGS[Purpose.STAY_IN_TOUCH], "ja", "slack", now(tx))
    assert {(r.wording, r.locale, r.channel, r.at) for r in rows} == {asked}


def test_consents_outlive_the_person(tx: Tx) -> None:
    aiko = people.add(tx, "田中 愛子")
    consents.record(tx, aiko.id, Decision.GIVEN, SAID)
    people.erase(tx, aiko.id)
    assert consents.decision(tx, aiko.id) is Decision.GIVEN
