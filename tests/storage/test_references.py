"""Ways into Teams: kept from every activity, the newest wins, and gone with the account they belong to."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from bot.conversation import Address, Platform, Side
from storage import accounts, held, people, references
from storage.accounts import Account
from storage.engine import Tx, now
from storage.references import Reference, Way
from tests.desk import Desk

TENANT, OTHER = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
SATO = Address(Platform.TEAMS, TENANT, "cccccccc-0000-4000-8000-000000000001")
ITO = Address(Platform.TEAMS, TENANT, "cccccccc-0000-4000-8000-000000000002")
AMER, JAPAN = "https://smba.example/amer/", "https://smba.example/jp/"


def keep(desk: Desk, way: Way) -> None:
    desk.does(lambda tx: references.keep(tx, way, Side.ALUMNI))
    desk.clock.passes(1)


def found(desk: Desk, address: Address = SATO) -> Way | None:
    return desk.sees(lambda tx: references.find(tx, address))


def rows(tx: Tx) -> int:
    return tx.scalar(select(func.count()).select_from(Reference)) or 0


def test_the_newest_way_wins_and_the_chat_stays_known(desk: Desk) -> None:
    keep(desk, Way(SATO, AMER, "a:1"))
    keep(desk, Way(SATO, JAPAN))
    assert found(desk) == Way(SATO, JAPAN, "a:1")
    keep(desk, Way(SATO, JAPAN, "a:2"))
    assert found(desk) == Way(SATO, JAPAN, "a:2")
    desk.does(lambda tx: references.lost(tx, SATO))
    assert found(desk) == Way(SATO, JAPAN, "")


def test_who_never_spoke_is_reached_through_the_tenants_connector(desk: Desk) -> None:
    assert found(desk, ITO) is None
    keep(desk, Way(SATO, AMER, "a:1"))
    assert found(desk, ITO) == Way(ITO, AMER)
    keep(desk, Way(SATO, JAPAN, "a:1"))
    assert found(desk, ITO) == Way(ITO, JAPAN)
    assert found(desk, Address(Platform.TEAMS, OTHER, ITO.user)) is None
    assert found(desk, Address(Platform.TEAMS, "%", ITO.user)) is None


def test_language_and_zone_are_taken_until_the_platform_says_more(desk: Desk) -> None:
    keep(desk, Way(SATO, AMER, "a:1", "en", "Europe/Berlin"))
    keep(desk, Way(SATO, AMER, "a:1", "ja", "Asia/Tokyo"))
    account = desk.sees(lambda tx: tx.get(Account, str(SATO)))
    assert account is not None
    assert (account.side, account.locale, account.zone) == (Side.ALUMNI, "en", "Europe/Berlin")


def test_a_zone_that_is_none_here_waits_for_one_that_is(desk: Desk) -> None:
    keep(desk, Way(SATO, AMER, "a:1", "ja", "Etc/Unknown"))
    account = desk.sees(lambda tx: tx.get(Account, str(SATO)))
    assert account is not None
    assert account.zone == ""
    keep(desk, Way(SATO, AMER, "a:1", "ja", "Europe/Berlin"))
    assert desk.sees(lambda tx: tx.get_one(Account, str(SATO))).zone == "Europe/Berlin"


def test_it_goes_with_the_account(desk: Desk) -> None:
    keep(desk, Way(SATO, AMER, "a:1"))
    keep(desk, Way(ITO, AMER, "a:2"))
    desk.does(lambda tx: accounts.outdated(now(tx) + timedelta(days=1)).clear(tx))
    assert desk.sees(rows) == 0
    keep(desk, Way(SATO, AMER, "a:1"))

    def tied(tx: Tx) -> str:
        person = people.add(tx, "佐藤 健")
        accounts.tie(tx, SATO, Side.ALUMNI, person, "code")
        return person.id

    person_id = desk.does(tied)
    desk.does(lambda tx: accounts.outdated(now(tx) + timedelta(days=1)).clear(tx))
    assert desk.sees(rows) == 1
    desk.does(lambda tx: held.forget(tx, person_id))
    assert desk.sees(rows) == 0


def test_a_person_sees_their_own_way_and_no_other(desk: Desk) -> None:
    def enter(tx: Tx) -> str:
        person = people.add(tx, "佐藤 健")
        accounts.tie(tx, SATO, Side.ALUMNI, person, "code")
        return person.id

    person_id = desk.does(enter)
    keep(desk, Way(SATO, AMER, "a:1"))
    keep(desk, Way(ITO, AMER, "a:2"))
    shown = desk.sees(lambda tx: held.everything(tx, person_id))
    assert [row["conversation"] for row in shown["teams_references"]] == ["a:1"]
    assert desk.sees(lambda tx: held.counts(tx, person_id))["teams_references"] == 1
    desk.does(lambda tx: held.forget(tx, person_id))
    assert found(desk, ITO) == Way(ITO, AMER, "a:2")
    assert desk.sees(rows) == 1
