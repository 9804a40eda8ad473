"""Versions of what HR decides: only added, the newest in force, and nobody saves over somebody else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.hris.mapping import Layers
from bot.charter import Charter, Ground, Table
from bot.conversation import Address, Platform
from bot.errors import Conflict
from bot.policy import Policy
from bot.rulebook import Mistaken, Rulebook, edited, of
from bot.texts import Texts
from storage import consents, journal, people, policy
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, after_commit
from tests.desk import POLICY, Desk

ROOT = Path(__file__).parents[2]
HR = str(Address(Platform.SLACK, "T0COMPANY", "U0HR"))
WORDS = '[wording.ja]\n"welcome.wording" = "{company}の{network}です。{contact}"'


def save(tx: Tx, base: int, document: str = "") -> policy.PolicyVersion:
    return policy.save(tx, policy.made(tx, base, HR, document, {}), base)


def rulebook(desk: Desk, learned: list[Table] | None = None) -> Rulebook:
    live = replace(POLICY, brand=replace(POLICY.brand))
    ground = Ground(POLICY, Texts.load(ROOT / "bot/catalogue"), Layers.of())
    learn = learned.append if learned is not None else lambda _: None
    book = Rulebook(ground, live, desk.database, learn)
    book.refresh()
    return book


def test_versions_are_added_and_the_newest_is_in_force(tx: Tx) -> None:
    assert (policy.newest(tx), policy.number(tx)) == (None, 0)
    save(tx, 0, "first")
    save(tx, 1, "second")
    newest = policy.newest(tx)
    assert newest is not None
    assert (newest.version, newest.document, newest.by) == (2, "second", HR)
    assert policy.number(tx) == 2
    first = policy.get(tx, 1)
    assert first is not None
    assert first.document == "first"
    assert policy.get(tx, 3) is None


def test_nobody_saves_over_a_version_they_have_not_seen(tx: Tx) -> None:
    save(tx, 0)
    for base in (0, 2, -1):
        with pytest.raises(Conflict):
            save(tx, base)
    assert policy.number(tx) == 1


def test_two_replicas_at_the_same_moment(desk: Desk) -> None:
    """What PostgreSQL would let through: the number was read, and somebody else has written since."""
    with desk.transaction() as tx:
        save(tx, 0)
        tx.expunge_all()
        row = policy.made(tx, 0, HR, "", {})
        with pytest.raises(Conflict):
            policy.save(tx, row, policy.number(tx))


def test_history_comes_in_pages(tx: Tx) -> None:
    for base in range(13):
        save(tx, base)
    first, more = policy.history(tx, 1)
    assert ([row.version for row in first], more) == (list(range(13, 3, -1)), True)
    second, more = policy.history(tx, 2)
    assert ([row.version for row in second], more) == ([3, 2, 1], False)


def test_what_is_saved_is_in_force_once_it_is_there(desk: Desk) -> None:
    learned: list[Table] = []
    book = rulebook(desk, learned)
    text = (
        '[brand]\nnetwork = "港"\n[mapping.columns]\nlast_day = ["終わり"]\n'
        '[wording.en]\n"welcome.say_yes" = "Oh yes"'
    )

    def work(tx: Tx) -> None:
        book.take(tx, text, 0, HR)
        assert book.policy.brand.network == POLICY.brand.network

    desk.does(work)
    assert (book.version, book.policy.brand.network) == (1, "港")
    assert book.ground.texts.pattern("welcome.say_yes", "en") == "Oh yes"
    assert learned == [{"columns": {"last_day": ["終わり"]}}]
    with desk.transaction() as tx:
        assert [line.what for line in tx.query(journal.Line)] == ["policy.saved"]


def test_what_is_rolled_back_is_never_in_force(desk: Desk) -> None:
    book = rulebook(desk)

    def work(tx: Tx) -> None:
        book.take(tx, '[brand]\nnetwork = "港"', 0, HR)
        raise LookupError

    with pytest.raises(LookupError):
        desk.does(work)
    assert (book.version, book.policy.brand.network) == (0, POLICY.brand.network)
    told: list[int] = []
    desk.does(lambda tx: after_commit(tx, lambda: told.append(1)))
    assert told == [1]


def test_a_taken_back_savepoint_is_not_in_force_either(desk: Desk) -> None:
    book = rulebook(desk)

    def work(tx: Tx) -> None:
        savepoint = tx.begin_nested()
        book.take(tx, '[brand]\nnetwork = "港"', 0, HR)
        savepoint.rollback()

    desk.does(work)
    assert (book.version, book.policy.brand.network) == (0, POLICY.brand.network)


def test_another_process_follows(desk: Desk) -> None:
    here, other = rulebook(desk), desk.again()
    there = rulebook(other)
    assert not there.refresh()
    desk.does(lambda tx: here.take(tx, "[cadence]\nask_before_last_day = 21", 0, HR))
    assert there.refresh()
    assert not there.refresh()
    assert there.policy.ask_before_last_day == 21
    with pytest.raises(Conflict):
        other.does(lambda tx: there.take(tx, "", 0, HR))
    other.database.close()


def test_a_document_with_a_mistake_is_not_saved(desk: Desk) -> None:
    book = rulebook(desk)
    with pytest.raises(Mistaken) as wrong:
        desk.does(lambda tx: book.take(tx, '[brand]\nnetwork = ""\nlogo_url = "x"', 0, HR))
    assert [one.key for one in wrong.value.mistakes] == ["brand.network", "brand.logo_url"]
    assert desk.sees(policy.number) == 0


def test_a_document_says_on_top_of_which_version_it_was_edited(desk: Desk) -> None:
    book = rulebook(desk)
    desk.does(lambda tx: book.take(tx, "version = 0", 0, HR))
    with pytest.raises(Conflict):
        desk.does(lambda tx: book.take(tx, "version = 0", 1, HR))
    desk.does(lambda tx: book.take(tx, "version = 1", 1, HR))
    assert book.version == 2


def test_what_a_later_programme_does_not_understand_is_left_out(desk: Desk) -> None:
    text = '[brand]\nnetwork = "港"\ncolour = "red"\n[wording.en]\n"gone.away" = "x"'
    desk.does(lambda tx: save(tx, 0, text))
    book = rulebook(desk)
    assert (book.version, book.policy.brand.network) == (1, "港")


def test_a_consent_records_the_words_in_force(desk: Desk) -> None:
    book = rulebook(desk)
    aiko = desk.does(lambda tx: people.add(tx, "田中 愛子").id)

    def says_yes() -> str:
        desk.does(lambda tx: consents.record(tx, aiko, Decision.GIVEN, Said("ja", "slack")))
        return desk.sees(lambda tx: consents.latest(tx, aiko)[Purpose.STAY_IN_TOUCH].wording)

    assert says_yes() == "stay-1"
    original = str(book.ground.texts.original("welcome.wording")["ja"])
    desk.does(lambda tx: book.take(tx, '[brand]\nnetwork = "港"', 0, HR))
    assert says_yes() == "stay-1"  # other changes are no new wording
    desk.does(lambda tx: book.take(tx, WORDS, 1, HR))
    assert says_yes() == "stay-2"
    desk.does(lambda tx: book.take(tx, WORDS + '\n"welcome.say_yes" = "ええ"', 2, HR))
    assert says_yes() == "stay-2"
    desk.does(lambda tx: book.take(tx, "", 3, HR))
    assert says_yes() == "stay-3"
    with desk.transaction() as tx:
        old, new, back = (policy.words_of(tx, f"stay-{n}") for n in (1, 2, 3))
        assert old is not None
        assert new is not None
        assert original in old["ja"]
        assert "{company}の{network}です。{contact}" in new["ja"]
        assert old == back
        assert policy.words_of(tx, "events-1") is None


def test_the_rulebook_lies_beside_every_transaction(desk: Desk) -> None:
    book = rulebook(desk)
    assert desk.sees(of) is book
    assert desk.sees(lambda tx: edited(tx, 0)) is book
    with pytest.raises(Conflict):
        desk.sees(lambda tx: edited(tx, 1))


def test_a_new_charter_is_whole(desk: Desk) -> None:
    book = rulebook(desk)
    changed: Policy = replace(POLICY, unanswered_days=30)
    desk.does(lambda tx: book.save(tx, Charter(changed), 0, HR))
    assert book.charter.policy.unanswered_days == 30
    assert "unanswered_days = 30" in desk.sees(lambda tx: policy.newest(tx).document)  # type: ignore[union-attr]
