"""Spellings of one mailbox, whose it is, and what a referrer may learn and when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation import Role
from jobs import housekeeping
from storage import accounts, openings, people, referrals
from storage.answers import Step
from storage.engine import Tx
from storage.openings import Opening
from storage.people import Person
from storage.referrals import Named, Referral, Stand
from tests.desk import Desk, notice


def opening(tx: Tx) -> Opening:
    row = openings.add(
        tx, "slack:T0:U0", title="x", closes_on=date(2026, 3, 1), owner="a@x.jp", owner_name="A"
    )
    openings.publish(tx, row, "slack:T0:U0")
    return row


def named(tx: Tx, why: str = "x") -> tuple[Referral, Person]:
    referrer, candidate = people.add(tx, "紹介者"), people.add(tx, "候補者")
    people.set_private_email(tx, candidate, "k@home.example.jp")
    mark = referrals.mark_of(tx, "k@home.example.jp")
    row = referrals.add(tx, Named(opening(tx).id, referrer.id, mark, "friend", why), candidate)
    return row, referrer


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("keiko@home.jp", "KEIKO@HOME.JP", True),
        ("keiko@home.jp", "ｋｅｉｋｏ＠home.jp", True),
        ("keiko@home.jp", "keiko+work@home.jp", True),
        ("keiko@gmail.com", "k.e.i.k.o@gmail.com", True),
        ("keiko@gmail.com", "kei.ko+x@googlemail.com", True),
        ("keiko@home.jp", "kei.ko@home.jp", False),
        ("keiko@home.jp", "keiko@home.example", False),
        ("+x@home.jp", "+y@home.jp", False),
    ],
)
def test_spellings_of_a_mailbox(tx: Tx, one: str, other: str, same: bool) -> None:
    assert (referrals.mark_of(tx, one) == referrals.mark_of(tx, other)) is same


@given(st.emails())
def test_the_plainest_spelling_is_its_own(email: str) -> None:
    plain = referrals.spellings(email)[-1]
    assert referrals.spellings(plain) == (plain,)


@pytest.mark.parametrize(
    ("email", "employed"),
    [
        ("new@minato.example.jp", True), ("NEW@Minato.example.jp", True), ("x@tokyo.minato.example.jp", True),
        ("boss@gmail.com", True), ("keiko@gmail.com", False), ("x@notminato.example.jp", False),
        ("e2@partner.example.jp", True), ("x@example.jp", False), ("x@%", False),
    ],
)  # fmt: skip
def test_whose_mailbox_is_the_companys(desk: Desk, email: str, employed: bool) -> None:
    desk.does(lambda tx: accounts.set_staff(
        tx, [(Role.OWNER, "sato@minato.example.jp"), (Role.HR, "boss@gmail.com"), (Role.HR, "slack:T0:U1")]
    ))  # fmt: skip
    desk.hears(notice("E1", company_email="e1@partner.example.jp"))
    assert desk.sees(lambda tx: referrals.employed(tx, email)) is employed


def test_only_the_secret_of_the_row_opens_it(tx: Tx) -> None:
    row, _ = named(tx)
    secret = referrals.secret_of(tx, row)
    assert referrals.theirs(tx, row.id, secret) is row
    for wrong in ("", secret[:-1], secret.upper(), "é" * 32):
        assert referrals.theirs(tx, row.id, wrong) is None
    assert referrals.theirs(tx, row.id + 1, secret) is None
    referrals.end(tx, row)
    assert referrals.theirs(tx, row.id, secret) is None


def test_a_refusal_looks_like_silence(desk: Desk) -> None:
    row, silent = desk.does(lambda tx: (named(tx)[0].id, named(tx)[0].id))
    desk.does(lambda tx: referrals.end(tx, tx.get_one(Referral, row)))

    def told() -> list[Stand]:
        return desk.sees(lambda tx: [referrals.told(tx, tx.get_one(Referral, one)) for one in (row, silent)])

    assert told() == [Stand.ASKED, Stand.ASKED]
    desk.clock.passes(referrals.ASKED_FOR.total_seconds() - 1)
    assert told() == [Stand.ASKED, Stand.ASKED]
    assert desk.sees(lambda tx: list(referrals.unanswered(tx))) == []
    desk.clock.passes(1)
    assert told() == [Stand.OVER, Stand.OVER]
    assert [one.id for one in desk.sees(referrals.unanswered)] == [row, silent]


def test_an_end_leaves_nothing_but_the_mark(tx: Tx) -> None:
    row, _ = named(tx, "数字に強い")
    referrals.agree(tx, row, date(2026, 2, 9))
    referrals.step(tx, row, Step.TALK, "a@x.jp", "来週")
    assert (referrals.why_of(tx, row), referrals.note_of(tx, row)) == ("数字に強い", "来週")
    referrals.end(tx, row)
    left = (row.person_id, row.why, row.note, row.relation, row.stepped_by, row.answer_by)
    assert left == (None, None, None, "", "", None)
    assert referrals.known(tx, referrals.mark_of(tx, "k@home.example.jp"))
    assert referrals.told(tx, row) is Stand.OVER
    assert (referrals.why_of(tx, row), referrals.note_of(tx, row)) == ("", "")


async def test_marks_and_introductions_end_after_half_a_year(desk: Desk) -> None:
    mark = desk.sees(lambda tx: referrals.mark_of(tx, "k@home.example.jp"))
    over, agreed = desk.does(lambda tx: (named(tx)[0].id, named(tx)[0].id))

    def begin(tx: Tx) -> str:
        referrals.end(tx, tx.get_one(Referral, over))
        row = tx.get_one(Referral, agreed)
        referrals.agree(tx, row, date(2026, 2, 9))
        return row.person_id or ""

    candidate = desk.does(begin)
    desk.clock.passes((referrals.KEPT_FOR + timedelta(days=15)).total_seconds())
    assert not desk.sees(lambda tx: referrals.known(tx, mark))
    await housekeeping.tidy(desk.database, 0)
    assert [row.id for row in desk.sees(lambda tx: tx.query(Referral).all())] == [agreed]
    desk.does(lambda tx: openings.close(tx, openings.get(tx, tx.get_one(Referral, agreed).opening_id)))  # type: ignore[arg-type]
    desk.clock.passes((referrals.KEPT_FOR + timedelta(days=1)).total_seconds())
    await housekeeping.tidy(desk.database, 0)
    assert desk.sees(lambda tx: tx.query(Referral).all()) == []
    assert desk.sees(lambda tx: people.one(tx, candidate)).name == ""


def test_the_referrer_is_forgotten(tx: Tx) -> None:
    row, referrer = named(tx)
    assert referrals.own(tx, row.id, referrer.id) is row
    assert referrals.own(tx, row.id, None) is None
    referrals.forget_referrer(tx, referrer.id)
    tx.refresh(row)
    assert row.referrer_id is None
    assert list(referrals.by_referrer(tx, referrer.id)) == []
