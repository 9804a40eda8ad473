"""Stops, starts, interruptions, repetitions and second leaders change nothing of what becomes of a leaver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from bot.ports import LeavingType
from storage.leavers import Stage
from tests.postgres import wanted
from tests.rules.broken_life import AGAIN, LATE, PLACES, TWICE, WRONG, BrokenLife
from tests.rules.deeds import Came


def live(lives: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        BrokenLife, settings=settings(max_examples=lives, stateful_step_count=steps)
    )


def test_some_broken_lives_of_a_leaver() -> None:
    live(lives=4, steps=20)


@pytest.mark.long
def test_many_broken_lives_of_a_leaver() -> None:
    live(lives=20 if wanted() else 150, steps=40)


@contextmanager
def one(kind: type[BrokenLife], *ways: str) -> Iterator[BrokenLife]:
    """One life, as far as these ways of going wrong bring it."""
    life = kind()
    try:
        life.a_life_begins(days=40, far=0, how="")
        life.comes_as_far_as(ways)
        yield life
    finally:
        life.teardown()


def looked_at(life: BrokenLife) -> None:
    life.it_came_to_the_same()
    life.nothing_is_said_twice()
    life.promises_hold()


def all_arrives_again(ways: Sequence[str]) -> None:
    """From the first question to the account among alumni; then everything that arrived does so again."""
    with one(BrokenLife, *ways) as life:
        assert life.stands(Stage.JOINED)
        looked_at(life)
        assert len(life.arrived) == 3
        for which in range(3):
            life.something_old_arrives_again(which)
            looked_at(life)


def test_every_step_goes_wrong_in_another_way() -> None:
    all_arrives_again([PLACES[0], TWICE, PLACES[4], PLACES[2], LATE])


def test_a_double_click_is_one_press_and_an_old_one_changes_no_mind() -> None:
    with one(BrokenLife, "", AGAIN) as life:
        life.a_minute_passes()
        life.they_say_no()
        looked_at(life)
        life.a_minute_passes()
        life.something_old_arrives_again(0)
        looked_at(life)
        assert life.stands(Stage.DECLINED)


def test_a_join_of_long_ago_is_none_of_today() -> None:
    """They joined, came back to the company, and are on their way out a second time."""
    given = {"paid": None, "kind": LeavingType.RESIGNATION, "may_enrol": 1}
    with one(BrokenLife, "", "", "", "", "") as life:
        life.a_notice_comes(days=5, withdrawn=0, hired=1, **given)
        life.hr_decides("return", sure=0)
        assert life.stands(Stage.RETURNED)
        life.a_notice_comes(days=100, withdrawn=1, hired=0, **given)
        life.comes_as_far_as(["", "", "", ""])
        life.two_drive_the_same_event(0)
        looked_at(life)
        assert life.stands(Stage.ENROLLED)


@pytest.mark.long
@pytest.mark.parametrize("how", WRONG)
def test_every_step_goes_wrong_in_the_same_way(how: str) -> None:
    all_arrives_again([how] * 5)


# --- and would be seen --------------------------------------------------------------------------------------


class Forgetful(BrokenLife):
    """A house that knows nothing again: whatever is pressed is new to it."""

    def arrives(self, came: Came) -> Any:
        number = f"Ev{next(self.numbers)}"
        return super().arrives(Came(replace(came.incoming, event_id=number, twin=number), came.side))  # type: ignore[call-arg]


def test_a_house_that_takes_an_old_press_for_a_new_one_is_found() -> None:
    with one(Forgetful, "", "") as life:
        life.they_say_no()
        looked_at(life)
        life.something_old_arrives_again(0)
        with pytest.raises(AssertionError):
            looked_at(life)


def test_a_house_that_takes_a_repeat_for_a_second_press_is_found() -> None:
    with one(Forgetful, "") as life:
        life.the_next_thing_goes_wrong(TWICE)
        life.they_say_no()
        with pytest.raises(AssertionError):
            looked_at(life)
