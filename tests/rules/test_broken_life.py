"""Stops, starts, interruptions and second leaders change nothing of what becomes of a leaver."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.postgres import wanted
from tests.rules.broken_life import BrokenLife


def live(lives: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        BrokenLife, settings=settings(max_examples=lives, stateful_step_count=steps)
    )


def test_some_broken_lives_of_a_leaver() -> None:
    live(lives=4, steps=20)


@pytest.mark.long
def test_many_broken_lives_of_a_leaver() -> None:
    live(lives=20 if wanted() else 150, steps=40)
