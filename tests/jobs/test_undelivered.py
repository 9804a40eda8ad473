"""When HR is told of what was given up, in which words, and what is never told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.playground.teams_faults import CODES
from adapters.slack import messenger as slack
from bot import redelivery
from bot.commands import decisions, undelivered
from bot.conversation import Actor, Address, Paragraph, Platform, Role, Side, t
from bot.registry import Context, discover
from bot.texts import Texts
from bot.wire import load_card
from jobs import undelivered as telling
from storage import delivering, given_up, leavers, outbox
from storage.consents import Purpose
from storage.delivering import UNSURE
from storage.engine import Tx
from storage.outbox import Delivery, Draft, Route, Status
from tests.desk import Desk, notice

ROOT = Path(__file__).parents[2]
TEXTS = Texts.load(ROOT / "bot/catalogue")
HR = Actor(Address(Platform.SLACK, "T0", "U0HR"), Side.COMPANY, frozenset({Role.HR}))


def gives_up(
    desk: Desk, kind: str = "welcome.question", reason: str = "internal_error", **values: object
) -> int:
    """A message that no way brings there."""
    count = len(desk.letters())

    def act(tx: Tx) -> int:
        plan = {"route": Route.PROOF_MAIL, "purpose": Purpose.ASKING} | values
        row = outbox.put(tx, Draft(kind, "{}", dedup=f"{kind}:{count}", **plan))  # type: ignore[arg-type]
        assert row is not None
        (taken,) = delivering.claim(tx, ids=[row.id])
        assert delivering.dead(tx, taken, reason)
        return taken.id

    return desk.does(act)


def told(desk: Desk) -> list[Delivery]:
    desk.does(telling.tell_hr)
    return desk.letters(telling.KIND)


def words_on(desk: Desk) -> str:
    """HR's list, in Japanese."""

    def draw(tx: Tx) -> str:
        ctx = Context(tx, HR, desk.clock.now(), desk.policy, discover("bot.commands"), None)  # type: ignore[arg-type]
        answer = undelivered.overview.handler.run(ctx)
        return "\n".join(_words(answer.card))  # type: ignore[union-attr]

    return desk.sees(draw)


def _words(card: object) -> Iterator[str]:
    for block in card.body:  # type: ignore[attr-defined]
        for name in ("title", "detail", "text"):
            if said := getattr(block, name, ""):
                yield TEXTS.plain(said, "ja")


def test_what_fails_together_is_told_together_and_the_rest_a_day_later(desk: Desk) -> None:
    desk.staff("sato@minato.example.jp", "mori@minato.example.jp")
    for _ in range(3):
        gives_up(desk)
    assert told(desk) == []
    desk.clock.passes(601)
    cards = told(desk)
    assert [(row.route, row.person_id) for row in cards] == [(Route.STAFF, None)] * 2
    card = desk.sees(lambda tx: outbox.body(tx, tx.get_one(Delivery, cards[0].id))["card"])
    assert load_card(card).body[0] == Paragraph(t("undelivered.told", count=3))
    desk.clock.passes(1)
    gives_up(desk)
    for _ in range(3):
        desk.clock.passes(3600)
        assert len(told(desk)) == 2
    desk.clock.travel(desk.clock.now() + timedelta(days=1))
    assert len(told(desk)) == 4
    desk.clock.travel(desk.clock.now() + timedelta(days=2))
    assert len(told(desk)) == 4, "nothing new"


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "interest.news"},
        {"kind": "decisions.notice", "route": Route.STAFF, "purpose": Purpose.STAFF},
        {"kind": telling.KIND, "route": Route.STAFF, "purpose": Purpose.STAFF},
        {"kind": "openings.posted", "route": Route.CHANNEL, "purpose": Purpose.OPENINGS},
        {"leaver_id": 1, "reason": "no_private_address"},
    ],
    ids=["a raised hand", "for HR itself", "the card itself", "a channel", "the leaver's own card says so"],
)
def test_of_what_hr_is_never_told_this_way(desk: Desk, values: dict[str, object]) -> None:
    desk.staff()
    gives_up(desk, **values)  # type: ignore[arg-type]
    desk.clock.passes(86_400)
    assert [row for row in told(desk) if row.status is not Status.DEAD] == []


def test_the_list_names_whom_hr_may_know_and_nobody_else(desk: Desk) -> None:
    """Neither a candidate, nor who referred one, nor that there is a raised hand."""
    desk.hears(notice())
    person = desk.person()
    named = gives_up(desk, person_id=person.id)
    assert "田中 愛子さん宛" in words_on(desk)
    desk.does(lambda tx: redelivery.drop(tx, named, "operator"))
    for kind in (*undelivered.UNNAMED, "something.new", "interest.news"):
        gives_up(desk, kind, person_id=person.id)
        assert "愛子" not in words_on(desk), kind
    assert desk.sees(lambda tx: given_up.dead_count(tx, undelivered.ROUTES)) == len(undelivered.UNNAMED) + 1


def test_a_message_about_a_suiting_opening_does_not_say_that_somebody_was_named(desk: Desk) -> None:
    desk.hears(notice())
    seen = []
    for kind in ("openings.news", "refer.opening"):
        row = gives_up(desk, kind, person_id=desk.person().id)
        seen.append(words_on(desk))
        desk.does(lambda tx, row=row: redelivery.drop(tx, row, "operator"))
    assert seen[0] == seen[1]


def test_a_leaver_is_stuck_until_the_last_of_their_messages_is_settled(desk: Desk) -> None:
    desk.hears(notice())
    leaver, person = desk.leaver(), desk.person()
    rows = [gives_up(desk, person_id=person.id, leaver_id=leaver.id) for _ in range(2)]

    def stick(tx: Tx) -> None:
        own = leavers.get(tx, leaver.id)
        assert own is not None
        own.stuck = "undelivered"

    desk.does(stick)
    desk.does(lambda tx: redelivery.drop(tx, rows[0], "operator"))
    assert desk.leaver().stuck == "undelivered"
    desk.does(lambda tx: redelivery.drop(tx, rows[1], "operator"))
    assert desk.leaver().stuck == ""


def test_nobody_who_was_erased_or_moved_on_is_written_to_after_all(desk: Desk) -> None:
    desk.hears(notice())
    person, leaver = desk.person(), desk.leaver()
    acts = (
        lambda tx: outbox.cancel(tx, leaver_id=leaver.id),
        lambda tx: outbox.cancel_kind(tx, person.id, "welcome.question"),
        lambda tx: outbox.cancel_purposes(tx, person.id, [Purpose.ASKING]),
        lambda tx: outbox.forget(tx, person.id),
    )
    for act in acts:
        row = gives_up(desk, person_id=person.id, leaver_id=leaver.id)
        desk.does(act)
        assert (
            desk.does(lambda tx, row=row: redelivery.again(tx, row, "operator")) is redelivery.Became.NOT_DEAD
        )


def test_what_a_channel_did_not_take_is_posted_by_its_opening_and_not_from_here(desk: Desk) -> None:
    row = gives_up(desk, "openings.posted", "not_in_channel", route=Route.CHANNEL, purpose=Purpose.OPENINGS)
    assert desk.does(lambda tx: redelivery.again(tx, row, "operator")) is redelivery.Became.POSTED
    means = redelivery.means(desk.sees(lambda tx: tx.get_one(Delivery, row)))
    assert means.key == "post.stuck.not_in_channel"
    assert "ありません" in words_on(desk)


# --- every reason has words -------------------------------------------------------------------------------

_RAISED = re.compile(r"\b(?:Undeliverable|Retry|Ambiguous|Unreachable|Forbidden)\(\s*\"(\w+)\"")
_SENT = re.compile(r"Letter\(\s*\"([a-z_]+\.[a-z_]+)\"")
_PATTERNS = ("http_500", "http_403", "smtp_535", "smtp_451", "login_refused", "login_refused_7000215")
TO_STAFF = frozenset(
    {"answer.nobody", "introduced.new", "introduced.late", "introduced.left", "openings.ended",
     "openings.ending", "post.changed", "post.given_back", "post.proposed", "post.published"}
)  # fmt: skip
TO_CHANNELS = frozenset({"openings.posted"})


def sources(*rooms: str) -> str:
    files = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    return "\n".join(path.read_text("utf-8") for path in files if "playground" not in path.parts)


def reasons() -> set[str]:
    """Every word that our own code gives up for, those of Slack that it knows, those with
    which Teams answers here."""
    mended = decisions.HINDRANCES - {"login", "mail_server"}  # of which every platform has words of its own
    return {*_RAISED.findall(sources("adapters", "jobs")), *slack._AWAY, *slack._LATER, *slack._UNSURE,
            *slack._REASONS.values(), *mended, *CODES.values(), "bug", UNSURE, *_PATTERNS}  # fmt: skip


def row(reason: str) -> Delivery:
    route = Route.CHANNEL if reason in OF_CHANNELS else Route.ALUMNI_CHAT
    return Delivery("", "", Purpose.ASKING, route, "", reason=reason)


OF_CHANNELS = frozenset({"no_channel", "not_in_channel"})


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_every_reason_has_words(reason: str) -> None:
    """In both languages: what it means and what would be right."""
    means = redelivery.means(row(reason))
    assert means.key not in ("undelivered.reason.other", "post.stuck.other")
    assert {locale: bool(TEXTS.plain(means, locale)) for locale in ("ja", "en")} == {"ja": True, "en": True}


def test_a_word_that_nobody_knows_has_neutral_ones() -> None:
    assert TEXTS.plain(redelivery.means(row("something_new")), "en").startswith(
        "It could not be delivered (something_new)."
    )


def test_every_kind_of_message_is_named_or_meant_not_to_be() -> None:
    kinds = set(_SENT.findall(sources("bot", "jobs")))
    assert kinds > TO_CHANNELS
    known = {*undelivered.NAMED, *undelivered.UNNAMED}
    assert kinds - known - TO_STAFF - TO_CHANNELS == set()
